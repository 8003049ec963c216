//! Who appends. Whoever comes while the disk is free writes and syncs at once, on its own thread: a round trip waits for every
//! entry, and being woken twice takes longer than a sync. What comes while the disk is busy goes to a thread that waits for it,
//! and is synced together.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use vocabulary::{Clock, Fault, Timestamp};

use crate::chain::{Chain, Lock, text_of};
use crate::entry::AuditEntry;
use crate::error::AuditError;
use crate::status::{Board, State, Status};

/// Bytes of entries that are synced together at most.
const AT_ONCE: usize = 256 << 10;
/// How often is looked whether a disk that refused takes entries again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long a chain that another process holds is waited for: one that was just killed lets go a moment later.
const PATIENCE: u32 = 50;
const MOMENT: Duration = Duration::from_millis(100);

/// The way to have entries written. Cheap to clone; the writer ends with the last clone.
#[derive(Clone)]
pub struct Audit {
    folder: Arc<PathBuf>,
    queue: Sender<Posting>,
    board: Board,
    writer: Arc<Mutex<Writer>>,
}

enum Posting {
    Entries(Vec<(Timestamp, String)>, oneshot::Sender<Result<(), Fault>>),
    Close(oneshot::Sender<()>),
}

impl Audit {
    /// Opens the chain in a folder, which is made if need be. It is checked from its beginning meanwhile; who wants an entry
    /// waits for that.
    pub fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, AuditError> {
        let (queue, postings) = channel();
        let board = Board::new();
        let writer = Writer {
            folder: folder.to_owned(),
            board: board.clone(),
            clock,
            lock: None,
            chain: None,
            broken: None,
        };
        let writer = Arc::new(Mutex::new(writer));
        let (thread, own) = (
            std::thread::Builder::new().name("audit".to_owned()),
            writer.clone(),
        );
        thread
            .spawn(move || run(&own, &postings))
            .map_err(AuditError::disk(folder))?;
        Ok(Self {
            folder: Arc::new(folder.to_owned()),
            queue,
            board,
            writer,
        })
    }

    /// Writes an entry; it is on the disk when this returns. After an error what it tells of must not happen.
    pub async fn record(&self, entry: &AuditEntry, at: Timestamp) -> Result<(), Fault> {
        self.record_all(std::slice::from_ref(entry), at).await
    }

    /// Writes entries with one sync: all, or none on error.
    pub async fn record_all(&self, entries: &[AuditEntry], at: Timestamp) -> Result<(), Fault> {
        if entries.is_empty() {
            return Ok(());
        }
        let texts: Result<Vec<_>, AuditError> = entries
            .iter()
            .map(|entry| Ok((at, text_of(&entry.clone().clipped())?)))
            .collect();
        let texts = texts?;
        if let Some(written) = self.write_now(&texts) {
            return written;
        }
        let (done, written) = oneshot::channel();
        let closed = || Fault::from(AuditError::Closed);
        self.queue
            .send(Posting::Entries(texts, done))
            .map_err(|_| closed())?;
        written.await.map_err(|_| closed())?
    }

    /// Writes entries if nobody else does, and the chain is open.
    fn write_now(&self, texts: &[(Timestamp, String)]) -> Option<Result<(), Fault>> {
        // Not waited for: while somebody writes, the entry joins the queue and shares the next
        // sync.
        let mut writer = self.writer.try_lock().ok()?;
        writer.chain.is_some().then(|| writer.write(texts))
    }

    /// How the chain is.
    pub fn status(&self) -> Status {
        self.board.get()
    }

    /// Where the chain is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends the writer after what is under way, and lets others at the chain.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Posting::Close(done)).is_ok() {
            let _ = closed.await;
        }
    }
}

struct Writer {
    folder: PathBuf,
    board: Board,
    clock: Arc<dyn Clock>,
    /// Held as long as the agent runs, also over a broken chain.
    lock: Option<Lock>,
    chain: Option<Chain>,
    /// Why the chain cannot be used until the next start.
    broken: Option<Fault>,
}

fn locked(writer: &Mutex<Writer>) -> MutexGuard<'_, Writer> {
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens the chain, and writes what finds the disk busy.
fn run(writer: &Mutex<Writer>, postings: &Receiver<Posting>) {
    locked(writer).open();
    loop {
        let (mut entries, mut waiting, mut close) = (Vec::new(), Vec::new(), None);
        let mut bytes = 0;
        let mut next = match postings.recv_timeout(LOOK_AGAIN) {
            Ok(next) => Some(next),
            Err(RecvTimeoutError::Timeout) => {
                locked(writer).look_again();
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return locked(writer).end(),
        };
        // Held from here on: what came while somebody else wrote is taken, too.
        let mut writer = locked(writer);
        while let Some(posting) = next.take() {
            match posting {
                Posting::Entries(texts, done) => {
                    bytes += texts.iter().map(|(_, text)| text.len()).sum::<usize>();
                    entries.extend(texts);
                    waiting.push(done);
                }
                Posting::Close(done) => close = Some(done),
            }
            if bytes < AT_ONCE && close.is_none() {
                next = postings.try_recv().ok();
            }
        }
        // One sync for all who wait, and one answer: no entry of them is there without the others.
        let written = writer.write(&entries);
        for done in waiting {
            // Whoever no longer waits has given up; the entry stays.
            let _ = done.send(written.clone());
        }
        if let Some(done) = close {
            writer.end();
            let _ = done.send(());
            return;
        }
    }
}

impl Writer {
    fn write(&mut self, entries: &[(Timestamp, String)]) -> Result<(), Fault> {
        if entries.is_empty() {
            return Ok(());
        }
        let chain = self.chain()?;
        let written = chain.append(entries);
        let head = chain.head().clone();
        match written {
            Ok(()) => {
                self.board.sound(head.number, &head.hash);
                Ok(())
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// The chain; one that could not be opened is tried again.
    fn chain(&mut self) -> Result<&mut Chain, Fault> {
        if let Some(fault) = &self.broken {
            return Err(fault.clone());
        }
        let chain = match self.chain.take() {
            Some(chain) => chain,
            None => self.try_open().map_err(|error| self.failed(error))?,
        };
        Ok(self.chain.insert(chain))
    }

    fn try_open(&mut self) -> Result<Chain, AuditError> {
        let lock = match self.lock.take() {
            Some(lock) => lock,
            None => Lock::take(&self.folder)?,
        };
        Chain::open(&self.folder, self.lock.insert(lock), self.clock.now())
    }

    fn open(&mut self) {
        let mut attempts = PATIENCE;
        loop {
            match self.try_open() {
                Ok(chain) => {
                    self.board.sound(chain.head().number, &chain.head().hash);
                    self.chain = Some(chain);
                    return;
                }
                Err(AuditError::InUse(_)) if attempts > 0 => {
                    attempts -= 1;
                    std::thread::sleep(MOMENT);
                }
                Err(error) => {
                    self.failed(error);
                    return;
                }
            }
        }
    }

    /// Looks whether a disk that refused takes entries again.
    fn look_again(&mut self) {
        if self.board.get().state != State::Full {
            return;
        }
        let probed = self
            .chain()
            .map(|chain| (chain.probe(), chain.head().clone()));
        match probed {
            Ok((Ok(()), head)) => self.board.sound(head.number, &head.hash),
            Ok((Err(error), _)) => {
                self.failed(error);
            }
            Err(_) => {}
        }
    }

    fn failed(&mut self, error: AuditError) -> Fault {
        let passing = error.may_pass();
        let fault = Fault::from(error);
        // Kept until the next start: a chain that was broken once is not trusted again without a
        // check.
        if !passing {
            self.broken = Some(fault.clone());
        }
        self.board
            .failed(if passing { State::Full } else { State::Broken }, &fault);
        fault
    }

    fn end(&mut self) {
        if let Some(chain) = self.chain.take()
            && let Err(error) = chain.finish()
        {
            tracing::warn!(%error, "space that was made for audit entries stays behind");
        }
        // Released last, when nothing more can be written by this process.
        self.lock = None;
        self.broken = Some(AuditError::Closed.into());
    }
}
