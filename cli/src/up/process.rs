//! One daemon as a child process: started, watched, started again when it dies, ended.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::ready::Ready;
use crate::say;

/// Pause before a daemon that died is started again; doubles each time that it dies soon.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A daemon that lived for so long did not die of its start.
const SETTLED: Duration = Duration::from_secs(10);
/// How long a daemon may take to end before it is killed.
const END_PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone)]
enum Condition {
    Starting,
    Ready(Ready),
    /// It never became ready; its last words.
    Failed(String),
}

/// A daemon and the task that watches it.
pub(crate) struct Process {
    name: String,
    condition: watch::Receiver<Condition>,
    watcher: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Process {
    /// Starts `fedflow DAEMON --config CONFIG` and watches it until `stop` is cancelled.
    pub(crate) fn start(
        daemon: &'static str,
        config: &Path,
        folder: &Path,
        stop: &CancellationToken,
    ) -> Result<Arc<Self>> {
        let (tell, condition) = watch::channel(Condition::Starting);
        let executable =
            std::env::current_exe().context("this program's own file cannot be found")?;
        let name = format!(
            "{daemon} ({})",
            folder.file_name().unwrap_or_default().to_string_lossy()
        );
        let watched = WatchedProcess {
            executable,
            daemon,
            config: config.to_owned(),
            errors: folder.join("stderr.log"),
            name: name.clone(),
        };
        let watcher = tokio::spawn(watched.run(tell, stop.clone()));
        Ok(Arc::new(Self {
            name,
            condition,
            watcher: tokio::sync::Mutex::new(Some(watcher)),
        }))
    }

    /// Waits until the daemon can be used.
    pub(crate) async fn ready(&self, patience: Duration) -> Result<Ready> {
        let mut condition = self.condition.clone();
        let settled = condition.wait_for(|condition| !matches!(condition, Condition::Starting));
        let settled = tokio::time::timeout(patience, settled).await;
        let Ok(Ok(condition)) = settled else {
            bail!(
                "{} was not ready within {} s",
                self.name,
                patience.as_secs()
            )
        };
        match &*condition {
            Condition::Ready(ready) => Ok(ready.clone()),
            Condition::Failed(why) => bail!("{} did not start: {why}", self.name),
            Condition::Starting => bail!("{} is still starting", self.name),
        }
    }

    /// Waits until the daemon has ended; `stop` must be cancelled before.
    pub(crate) async fn end(&self) {
        if let Some(watcher) = self.watcher.lock().await.take() {
            // The watcher ends the child; a panic in it was printed already.
            let _ = watcher.await;
        }
    }
}

struct WatchedProcess {
    executable: PathBuf,
    daemon: &'static str,
    config: PathBuf,
    errors: PathBuf,
    name: String,
}

impl WatchedProcess {
    async fn run(self, tell: watch::Sender<Condition>, stop: CancellationToken) {
        let mut was_ready = false;
        let mut pause = PAUSE;
        while !stop.is_cancelled() {
            let (mut child, lines) = match self.spawn() {
                Ok(started) => started,
                Err(error) => {
                    tell.send_replace(Condition::Failed(format!("{error:#}")));
                    return;
                }
            };
            let began = tokio::time::Instant::now();
            was_ready |= self.watch(&mut child, lines, &tell, &stop).await;
            pause = if began.elapsed() > SETTLED {
                PAUSE
            } else {
                pause
            };
            if stop.is_cancelled() {
                return;
            }
            // A daemon that never got ready has wrong settings or ports: starting it again would
            // hide why.
            if !was_ready {
                tell.send_replace(Condition::Failed(self.last_words()));
                return;
            }
            say::remark(format!(
                "{} ended unexpectedly and is started again",
                self.name
            ));
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn spawn(
        &self,
    ) -> Result<(
        Child,
        tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
    )> {
        let errors = std::fs::File::create(&self.errors)
            .with_context(|| format!("{} cannot be written", self.errors.display()))?;
        let mut child = Command::new(&self.executable)
            .arg(self.daemon)
            .arg("--config")
            .arg(&self.config)
            .arg("--with-parent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            // Ctrl-C in a terminal reaches the whole group: the parent alone shall decide.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be run", self.executable.display()))?;
        let output = child.stdout.take().context("the daemon has no output")?;
        Ok((child, BufReader::new(output).lines()))
    }

    /// Reads the daemon's line, then waits until it ends or is to end. Gives whether it ever was ready.
    async fn watch(
        &self,
        child: &mut Child,
        mut lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
        tell: &watch::Sender<Condition>,
        stop: &CancellationToken,
    ) -> bool {
        let mut was_ready = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                line = lines.next_line() => match line {
                    Ok(Some(line)) => if let Ok(ready) = serde_json::from_str::<Ready>(&line) {
                        was_ready = true;
                        tell.send_replace(Condition::Ready(ready));
                    },
                    Ok(None) | Err(_) => break,
                },
            }
        }
        // Closing its standard input asks the daemon to end.
        drop(child.stdin.take());
        if tokio::time::timeout(END_PATIENCE, child.wait())
            .await
            .is_err()
        {
            say::remark(format!("{} does not end and is killed", self.name));
            let _ = child.kill().await;
        }
        was_ready
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.errors).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(6)..].join(" | ")
    }
}
