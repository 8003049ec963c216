//! The chain, open for appending: checked from its beginning, locked against other processes.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use vocabulary::Timestamp;

use crate::entry::AuditEntry;
use crate::error::AuditError;
use crate::line::{FORMAT, Line, link};
use crate::segment::Segment;
use crate::walk::{Head, Walk};

/// A file of the chain is ended when it is this long.
const LARGEST: u64 = 32 << 20;

/// Holds others off while it lives.
pub(crate) struct Lock(#[allow(dead_code, reason = "held, not read")] File);

impl Lock {
    /// Takes the lock of a chain's folder, which is made if need be.
    pub(crate) fn take(folder: &Path) -> Result<Self, AuditError> {
        DirBuilder::new()
            .recursive(true)
            // The chain names tables, peers and jobs: for nobody but the agent's user.
            .mode(0o700)
            .create(folder)
            .map_err(AuditError::disk(folder))?;
        let path = folder.join("lock");
        let mut options = OpenOptions::new();
        let file = options
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path);
        let file = file.map_err(AuditError::disk(&path))?;
        // A lock of the system and no mark in the file: it goes with the process, however that
        // ends.
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(AuditError::InUse(folder.to_owned())),
            Err(TryLockError::Error(error)) => Err(AuditError::disk(&path)(error)),
        }
    }
}

/// A chain to append to.
pub(crate) struct Chain {
    folder: PathBuf,
    head: Head,
    segment: Option<Segment>,
}

impl Chain {
    /// Checks the whole chain, and takes away an unfinished write at its end. Whoever opens it holds its lock.
    pub(crate) fn open(folder: &Path, _: &Lock, now: Timestamp) -> Result<Self, AuditError> {
        let mut walk = Walk::open(folder)?;
        // The whole chain and not just its end: a break further up must stop the agent as well.
        while walk.step()?.is_some() {}
        let (rest, hash) = walk.finish()?;
        let head = walk.head().clone();
        let segment = match walk.end() {
            Some((path, end)) => Some(Segment::resume(path, end).map_err(AuditError::disk(path))?),
            None => None,
        };
        let mut chain = Self {
            folder: folder.to_owned(),
            head,
            segment,
        };
        if rest > 0 {
            tracing::warn!(
                bytes = rest,
                "an unfinished write at the end of the audit chain is taken away"
            );
            // What is taken away is told by its hash, so that nobody can remove entries and call
            // it a crash without leaving a trace.
            chain.append(&[(now, text_of(&AuditEntry::Recovered { bytes: rest, hash })?)])?;
        }
        Ok(chain)
    }

    /// How far it goes.
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// Appends entries with one sync: all, or none on error.
    pub(crate) fn append(&mut self, entries: &[(Timestamp, String)]) -> Result<(), AuditError> {
        let (mut head, mut lines) = (self.head.clone(), String::new());
        for (at, text) in entries {
            let number = head.number + 1;
            let hash = link(&head.hash, number, *at, text);
            Line {
                number,
                at: *at,
                format: FORMAT,
                hash: &hash,
                text,
            }
            .write(&mut lines);
            head = Head {
                number,
                hash,
                format: FORMAT,
            };
        }
        let folder = self.folder.clone();
        self.segment()?
            .append(lines.as_bytes())
            .map_err(AuditError::disk(&folder))?;
        // Only after the sync: a failed write leaves the head where the file ends.
        self.head = head;
        Ok(())
    }

    /// Whether an entry could be written now.
    pub(crate) fn probe(&mut self) -> Result<(), AuditError> {
        let folder = self.folder.clone();
        self.segment()?
            // Enough for an entry of usual length; a larger one makes its own space.
            .make_space(1 << 12)
            .map_err(AuditError::disk(&folder))
    }

    /// Ends the work in order.
    pub(crate) fn finish(mut self) -> Result<(), AuditError> {
        let folder = self.folder.clone();
        self.segment
            .as_mut()
            .map_or(Ok(()), Segment::finish)
            .map_err(AuditError::disk(&folder))
    }

    /// The file that takes the next entry.
    fn segment(&mut self) -> Result<&mut Segment, AuditError> {
        let disk = AuditError::disk(&self.folder);
        let full = self
            .segment
            .as_ref()
            .is_some_and(|segment| segment.end() >= LARGEST);
        if full && let Some(segment) = &mut self.segment {
            // The old file ends at its last line before a new one begins, as a walk expects of
            // every file but the last.
            segment.finish().map_err(&disk)?;
        }
        if full || self.segment.is_none() {
            self.segment =
                Some(Segment::create(&self.folder, self.head.number + 1).map_err(&disk)?);
        }
        self.segment.as_mut().ok_or(AuditError::Closed)
    }
}

/// An entry as the text that is hashed.
pub(crate) fn text_of(entry: &AuditEntry) -> Result<String, AuditError> {
    // Entries are plain data, so that writing them cannot fail.
    serde_json::to_string(entry).map_err(|error| AuditError::broken(0, error.to_string()))
}
