//! Setting a broken chain aside: it is kept, and a new one begins that names it.

use std::path::{Path, PathBuf};

use vocabulary::Timestamp;

use crate::chain::{Chain, Lock, text_of};
use crate::entry::AuditEntry;
use crate::error::AuditError;
use crate::segment;
use crate::walk::{Head, Walk};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where the broken chain lies now.
    pub kept: PathBuf,
    /// How far it fits.
    pub head: Head,
    /// What is wrong behind it.
    pub why: String,
}

/// Sets a broken chain aside while no agent runs on it. One that is whole stays where it is.
pub fn set_aside(folder: &Path, now: Timestamp) -> Result<SetAside, AuditError> {
    if segment::list(folder)?.is_empty() {
        return Err(AuditError::Missing(folder.to_owned()));
    }
    // Before the chain is read: an agent that appends meanwhile would make a whole chain look
    // broken.
    let lock = Lock::take(folder)?;
    let (head, error) = first_fault(folder);
    let why = match error {
        None => return Err(AuditError::Whole(head.number)),
        // A disk that cannot be read proves nothing about the chain, which must not be given up
        // for it.
        Some(error @ AuditError::Disk { .. }) => return Err(error),
        Some(error) => error.to_string(),
    };
    let name = format!("audit-set-aside-{}", now.0);
    let (kept, next) = (
        folder.with_file_name(&name),
        folder.with_file_name("audit-next"),
    );
    // Left by a call that did not come to its end.
    let _ = std::fs::remove_dir_all(&next);
    let began = AuditEntry::Began {
        aside: name,
        entries: head.number,
        hash: head.hash.clone(),
        why: why.clone(),
    };
    // The new chain is whole and synced before anything is renamed. A crash in between leaves
    // either chain in its place or none, never a half one.
    let next_lock = Lock::take(&next)?;
    let mut chain = Chain::open(&next, &next_lock, now)?;
    chain.append(&[(now, text_of(&began)?)])?;
    chain.finish()?;
    std::fs::rename(folder, &kept).map_err(AuditError::disk(folder))?;
    std::fs::rename(&next, folder).map_err(AuditError::disk(folder))?;
    drop((lock, next_lock));
    Ok(SetAside { kept, head, why })
}

/// How far a chain fits, and what is wrong behind that.
fn first_fault(folder: &Path) -> (Head, Option<AuditError>) {
    let mut walk = match Walk::open(folder) {
        Ok(walk) => walk,
        Err(error) => return (Head::default(), Some(error)),
    };
    loop {
        match walk.step() {
            Ok(Some(_)) => {}
            Ok(None) => {
                let error = walk.finish().err();
                return (walk.head().clone(), error);
            }
            Err(error) => return (walk.head().clone(), Some(error)),
        }
    }
}
