//! The right to work in a folder: one process at a time. Two daemons on one database would undo each other's work.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why a folder cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// Another process holds it.
    #[error("{} is in use already: process {process}", folder.display())]
    Held {
        /// The folder.
        folder: PathBuf,
        /// The process, as it wrote itself down.
        process: String,
    },
    /// The file that tells of it cannot be used.
    #[error("{} cannot be used: {error}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
}

/// The right; given back when dropped, also by a process that is killed.
#[derive(Debug)]
pub struct Hold {
    /// None where the file system knows no locks, as some of the network do not.
    _file: Option<File>,
}

impl Hold {
    /// Takes the right to work in a folder, by a file of this name in it. Fails with the process that has it.
    pub fn take(folder: &Path, name: &str) -> Result<Self, HoldError> {
        let path = folder.join(name);
        let unusable = |error| HoldError::Unusable {
            path: path.clone(),
            error,
        };
        let mut open = OpenOptions::new();
        let mut file = open
            .read(true)
            .write(true)
            .create(true)
            // Not before the lock is ours: the holder's number stands in it.
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {
                // After the lock, so that who is refused always reads the number of the holder.
                file.set_len(0)
                    .and_then(|()| write!(file, "{}", std::process::id()))
                    .map_err(unusable)?;
                Ok(Self { _file: Some(file) })
            }
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                let _ = file.read_to_string(&mut process);
                Err(HoldError::Held {
                    folder: folder.to_owned(),
                    process,
                })
            }
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {
                Ok(Self { _file: None })
            }
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_the_second_is_told_who() {
        let folder = std::env::temp_dir().join(format!("fedflow-hold-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let first = Hold::take(&folder, "x.lock").unwrap();
        let refused = Hold::take(&folder, "x.lock").unwrap_err().to_string();
        assert!(
            refused.contains(&std::process::id().to_string()),
            "{refused}"
        );
        Hold::take(&folder, "y.lock").unwrap();
        drop(first);
        Hold::take(&folder, "x.lock").unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(matches!(
            Hold::take(&folder, "x.lock"),
            Err(HoldError::Unusable { .. })
        ));
    }
}
