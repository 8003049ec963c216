//! Versions of a table: which folder is the current one, who still reads an older one, and when a folder may go.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use crate::error::{Result, TableError};
use crate::manifest::{UNFINISHED, replace_file, sync_folder};

const POINTER: &str = "current";
const PREFIX: &str = "v";

/// Keeps a version's files alive while somebody may read them.
pub(crate) struct Hold {
    folder: PathBuf,
    retired: AtomicBool,
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Removed only here, by the last who reads it: a table stays readable after it is
        // replaced.
        if self.retired.load(Ordering::Acquire) {
            // What cannot be removed now is removed when the table store is opened again.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

impl Hold {
    /// Rows of unfinished work: they go when nobody reads them any more.
    pub(crate) fn of_spill(folder: PathBuf) -> Self {
        Self {
            folder,
            retired: AtomicBool::new(true),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Versions that somebody reads in this process. The table store keeps it behind a lock that also orders pointer changes.
#[derive(Default)]
pub(crate) struct Versions {
    held: HashMap<PathBuf, Weak<Hold>>,
}

impl Versions {
    /// Takes part in keeping a version.
    pub(crate) fn hold(&mut self, version: &Path) -> Arc<Hold> {
        if let Some(hold) = self.held.get(version).and_then(Weak::upgrade) {
            return hold;
        }
        // Now and then, when one is added: nobody tells this map that a hold is gone.
        self.held.retain(|_, hold| hold.strong_count() > 0);
        let hold = Arc::new(Hold {
            folder: version.to_owned(),
            retired: AtomicBool::new(false),
        });
        self.held.insert(version.to_owned(), Arc::downgrade(&hold));
        hold
    }

    /// Removes a version that nothing points to any more, now or when its last reader ends.
    pub(crate) fn retire(&mut self, version: &Path) {
        // Through a hold of its own: a version that nobody reads is removed as this one is
        // dropped.
        self.hold(version).retired.store(true, Ordering::Release);
    }
}

/// The folder of the current version; none when the table does not exist.
pub(crate) fn current(table: &Path) -> Result<Option<PathBuf>> {
    let text = match std::fs::read_to_string(table.join(POINTER)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(TableError::Damaged {
                reason: "its pointer is not text".to_owned(),
            });
        }
        Err(error) => {
            return Err(TableError::Unreadable {
                what: "the table's pointer",
                source: error,
            });
        }
    };
    // The pointer becomes a path: with a separator or `..` in it, it would lead out of the folder.
    let plain = text.starts_with(PREFIX)
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !plain {
        return Err(TableError::Damaged {
            reason: "its pointer names no version".to_owned(),
        });
    }
    Ok(Some(table.join(text)))
}

/// Makes a finished, unnamed folder a version; nothing points to it yet.
pub(crate) fn name_version(
    table: &Path,
    building: tempfile::TempDir,
    micros: i64,
) -> Result<PathBuf> {
    let unfinished = building
        .path()
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let unique = unfinished.strip_prefix(UNFINISHED).unwrap_or_default();
    let version = table.join(format!("{PREFIX}{micros}-{unique}"));
    // Everything in it is synced by now. It counts only once the pointer names it.
    std::fs::rename(building.path(), &version).map_err(TableError::writing("a version"))?;
    // Its old path is gone; without this the guard would try to remove it.
    let _ = building.keep();
    // The name before the pointer to it: a crash must not leave a pointer to nothing.
    sync_folder(table)?;
    Ok(version)
}

/// Makes a version the current one: the moment at which a write becomes visible.
pub(crate) fn point_to(table: &Path, version: &Path) -> Result<()> {
    let name = version
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    // One small file changes hands at once, where a folder of many files could not.
    replace_file(table, POINTER, name.as_bytes())
}

/// Takes the pointer away: the table does not exist any more.
pub(crate) fn point_to_nothing(table: &Path) -> Result<()> {
    std::fs::remove_file(table.join(POINTER))
        .map_err(TableError::writing("the table's pointer"))?;
    sync_folder(table)
}

/// Removes what a crash left in a table's folder: unfinished folders and versions that nothing points to.
pub(crate) fn clean_up(table: &Path) -> Result<()> {
    let kept = match current(table) {
        Ok(kept) => kept,
        // A damaged pointer is for a person to look at; nothing is thrown away.
        Err(TableError::Damaged { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in std::fs::read_dir(table).map_err(TableError::reading("a table's folder"))? {
        let path = entry
            .map_err(TableError::reading("a table's folder"))?
            .path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let ours = name.starts_with(UNFINISHED) || name.starts_with(PREFIX);
        // Only what bears our names: people put files of their own into folders.
        if !ours || kept.as_ref() == Some(&path) {
            continue;
        }
        let removed = if path.is_dir() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        removed.map_err(TableError::writing("a folder left by a crash"))?;
    }
    Ok(())
}
