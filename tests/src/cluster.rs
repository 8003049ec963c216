//! Real daemons as processes: a local federation by `fedflow up`, or single daemons by their settings.

use std::io::{BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::rest::RestClient;

/// The program under test.
#[derive(Clone)]
pub struct Program {
    path: PathBuf,
    /// The credentials that its commands show.
    access: Option<PathBuf>,
}

impl Program {
    /// The binary that was built with the suite.
    pub fn new(path: &str) -> Self {
        Self {
            path: PathBuf::from(path),
            access: None,
        }
    }

    /// The same, whose commands show the credentials in a file.
    #[must_use]
    pub fn with_access(mut self, file: &Path) -> Self {
        self.access = Some(file.to_owned());
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command
            // What the person who runs the suite has set must not decide a test.
            .env_remove("FEDFLOW_TOKEN")
            .env_remove("FEDFLOW_ACCESS");
        command.envs(self.access.iter().map(|file| ("FEDFLOW_ACCESS", file)));
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> std::process::Output {
        self.command()
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("the program runs")
    }

    /// Runs a command that must succeed; gives what it prints.
    pub fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    }

    /// Starts a daemon and waits for its ready line.
    pub fn start(&self, arguments: &[&str]) -> Daemon {
        Daemon::start(self.command().args(arguments))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A process that said it is ready; killed when dropped.
pub struct Daemon {
    child: Child,
    /// Its ready line.
    pub ready: Value,
    /// Kept open: daemons may end when it closes.
    _stdin: Option<ChildStdin>,
}

impl Daemon {
    /// Starts a command and waits for its ready line.
    pub fn start(command: &mut Command) -> Self {
        // A file and not a pipe: nobody would read the pipe, and a daemon that logs much would stand still.
        let mut said = tempfile::tempfile().expect("a file");
        let errors = said.try_clone().expect("the file");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .expect("started");
        let output = child.stdout.take().expect("its output");
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        match (read, serde_json::from_str::<Value>(&line)) {
            (Ok(_), Ok(ready)) if ready["ready"] == true => Self {
                _stdin: child.stdin.take(),
                child,
                ready,
            },
            _ => {
                child.wait().expect("its end");
                let mut text = String::new();
                said.rewind()
                    .and_then(|()| said.read_to_string(&mut text))
                    .expect("its last words");
                panic!("it did not get ready: {line:?} {text}");
            }
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as Ctrl-C or a service manager would, and waits; fails the test when it takes too long.
    pub fn end(mut self) {
        signal(self.id(), "TERM");
        let began = Instant::now();
        while self.child.try_wait().expect("its state").is_none() {
            assert!(began.elapsed() < Duration::from_secs(30), "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it at once (SIGKILL).
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            // First gently: killed at once, `fedflow up` would leave its daemons to notice by
            // themselves.
            signal(self.child.id(), "TERM");
            let began = Instant::now();
            while self.child.try_wait().ok().flatten().is_none()
                && began.elapsed() < Duration::from_secs(5)
            {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Federations that run at once: each is three processes or more, and the gate has two cores.
const AT_ONCE: usize = 2;
static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// The right to run a federation now; given back when dropped.
pub struct Place(());

impl Place {
    /// Waits for it.
    pub fn take() -> Self {
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running = ENDED
            .wait_while(running, |running| *running >= AT_ONCE)
            .unwrap_or_else(PoisonError::into_inner);
        *running += 1;
        Self(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        ENDED.notify_one();
    }
}

/// Sends a signal to a process.
pub fn signal(process: u32, name: &str) {
    let _ = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(process.to_string())
        .status();
}

/// An endpoint of a local federation, for the holder of its credentials; for anybody where there are none.
fn rest_at(ready: &Value, address: &Value) -> RestClient {
    let rest = RestClient::new(address.as_str().expect("an address"));
    let Some(file) = ready["access"].as_str() else {
        return rest;
    };
    let access = std::fs::read_to_string(file).expect("its credentials");
    let access: Value = serde_json::from_str(&access).expect("JSON");
    rest.with_token(access["token"].as_str().expect("a token"))
}

/// A local federation of `fedflow up`.
pub struct Cluster {
    /// The folder with everything.
    pub dir: TempDir,
    /// The parties.
    pub parties: String,
    /// The coordinator's REST endpoint.
    pub rest: RestClient,
    program: Program,
    /// Arguments beyond those of every federation.
    more: &'static [&'static str],
    up: Option<Daemon>,
    // Last, so that it is given back when everything else is gone.
    _place: Place,
}

impl Cluster {
    /// Starts one.
    pub fn up(program: &Program, parties: &str) -> Self {
        Self::up_with(program, parties, &[])
    }

    /// Starts one with more arguments.
    pub fn up_with(program: &Program, parties: &str, more: &'static [&'static str]) -> Self {
        Self::up_in(TempDir::new().expect("a folder"), program, parties, more)
    }

    /// Starts one on a folder that holds something already.
    pub fn up_in(
        dir: TempDir,
        program: &Program,
        parties: &str,
        more: &'static [&'static str],
    ) -> Self {
        let place = Place::take();
        let up = Self::start_in(program, dir.path(), parties, more);
        let rest = rest_at(&up.ready, &up.ready["rest"]);
        Self {
            dir,
            parties: parties.to_owned(),
            rest,
            program: program.clone(),
            more,
            up: Some(up),
            _place: place,
        }
    }

    fn start_in(program: &Program, dir: &Path, parties: &str, more: &[&str]) -> Daemon {
        let dir = dir.to_str().expect("a path");
        let own = ["up", "--dir", dir, "--rest-port", "0", "--parties", parties];
        program.start(&[&own, more].concat())
    }

    /// The process id of `fedflow up`.
    pub fn id(&self) -> u32 {
        self.up.as_ref().expect("it is up").id()
    }

    /// The REST endpoint of a party.
    pub fn party(&self, party: &str) -> RestClient {
        let up = self.up.as_ref().expect("it is up");
        rest_at(&up.ready, &up.ready["parties"][party])
    }

    /// The ready line of `fedflow up`.
    pub fn ready(&self) -> &Value {
        &self.up.as_ref().expect("it is up").ready
    }

    /// The file of its credentials.
    pub fn access(&self) -> PathBuf {
        PathBuf::from(self.ready()["access"].as_str().expect("a file"))
    }

    /// The program, whose commands show these credentials.
    pub fn program(&self) -> Program {
        self.program.clone().with_access(&self.access())
    }

    /// The process ids of the daemons whose settings lie in a folder of the federation (`coordinator`, `party-9999`).
    pub fn processes(&self, folder: &str) -> Vec<u32> {
        let wanted = self
            .dir
            .path()
            .canonicalize()
            .expect("its path")
            .join(folder);
        // Of all when it is empty.
        let wanted = wanted.to_string_lossy().trim_end_matches('/').to_owned();
        let entries = std::fs::read_dir("/proc").expect("proc");
        let ids = entries.filter_map(|entry| {
            entry
                .ok()?
                .file_name()
                .to_string_lossy()
                .parse::<u32>()
                .ok()
        });
        ids.filter(|id| {
            let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            line.contains("--config") && line.contains(&format!("{wanted}/"))
        })
        .collect()
    }

    /// Kills a daemon (SIGKILL); `up` starts it again.
    pub fn kill(&self, folder: &str) {
        let ids = self.processes(folder);
        assert!(!ids.is_empty(), "no daemon runs for {folder}");
        ids.into_iter().for_each(|id| signal(id, "KILL"));
    }

    /// Ends the federation and starts it again on the same folder.
    pub fn restart(&mut self) {
        self.up.take().expect("it is up").end();
        let up = Self::start_in(&self.program, self.dir.path(), &self.parties, self.more);
        self.rest = rest_at(&up.ready, &up.ready["rest"]);
        self.up = Some(up);
    }

    /// Ends it and keeps its folder.
    pub fn end_in_place(&mut self) {
        self.up.take().expect("it is up").end();
    }

    /// Ends it; fails the test when a daemon is left.
    pub fn end(mut self) {
        self.up.take().expect("it is up").end();
        assert!(self.processes("").is_empty(), "daemons are left");
    }
}
