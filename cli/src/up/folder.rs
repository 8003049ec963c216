//! The folder of a local federation is its owner's alone: keys, rows, models and credentials lie there, on a machine that others
//! may use, too.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result};
use daemon::{Hold, HoldError};
use vocabulary::{ErrorCode, Fault};

/// What nobody but the owner may do. On many machines all users are of one group.
const TOO_OPEN: u32 = 0o077;
/// What others may not do to a folder in which more lies than a federation.
const OTHERS_WRITE: u32 = 0o022;
/// The file that tells that a federation runs in a folder.
const LOCK: &str = "up.lock";

/// Makes the folder of a federation, or closes it to all but its owner. Where other things lie, it is left as it is, and refused
/// if others could write into it; and so is one of another owner.
pub(crate) fn need_own(path: &Path) -> Result<()> {
    if !path.is_dir() || is_a_federations(path) {
        need_private(path)?;
    } else if mode(path)? & OTHERS_WRITE != 0 {
        return Err(refused(path, "others may write into it").into());
    }
    if is_mine(path)? {
        Ok(())
    } else {
        Err(refused(path, "it belongs to another user").into())
    }
}

/// Whether a folder has the owner that a new file in it has.
fn is_mine(path: &Path) -> Result<bool> {
    // Asked of the file system, which may map owners, and not of the process.
    let probe = path.join("up.owner");
    write_private(&probe, "")?;
    let owner = probe.metadata()?.uid();
    std::fs::remove_file(&probe)?;
    Ok(path.metadata()?.uid() == owner)
}

/// Makes a folder that its owner alone can enter, or makes one so.
pub(crate) fn need_private(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| {
            let text = format!("the folder {} cannot be made: {error}", path.display());
            Fault::new(ErrorCode::StorageFull, text).next("choose another --dir")
        })?;
    let mode = mode(path)?;
    if mode & TOO_OPEN != 0 {
        // The mode above counts only for what it made; a folder that was there keeps its own.
        let closed = std::fs::set_permissions(path, Permissions::from_mode(mode & !TOO_OPEN));
        closed.map_err(|error| {
            refused(
                path,
                &format!("others may enter it, and that cannot be changed: {error}"),
            )
        })?;
    }
    Ok(())
}

/// Whether a folder is empty or has the root of a local federation.
fn is_a_federations(path: &Path) -> bool {
    let is_empty = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    is_empty || path.join("authority/root.pem").exists()
}

fn mode(path: &Path) -> Result<u32> {
    let facts = path
        .metadata()
        .with_context(|| format!("{} cannot be looked at", path.display()))?;
    Ok(facts.permissions().mode() & 0o7777)
}

fn refused(path: &Path, why: &str) -> Fault {
    let text = format!(
        "the folder {} is not a place for a federation: {why}",
        path.display()
    );
    Fault::new(ErrorCode::PermissionDenied, text)
        .next("choose another --dir, which belongs to you alone")
}

/// Writes a file as a whole, for its owner alone: nobody sees a part of it, nor the content under another mode.
pub(crate) fn write_private(path: &Path, content: &str) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    let write = || {
        // A leftover of a run that was cut off.
        if fresh.symlink_metadata().is_ok() {
            std::fs::remove_file(&fresh)?;
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(content.as_bytes())?;
        // Before the rename: after a crash the name stands for the old content or the new, never
        // for an empty file.
        file.sync_all()?;
        std::fs::rename(&fresh, path)
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

/// Whether a file of secrets is that of its folder's owner, who alone can read and change it.
pub(crate) fn is_private(path: &Path) -> Result<bool> {
    let folder = path
        .parent()
        .with_context(|| format!("{} is not a file", path.display()))?;
    Ok(mode(path)? & TOO_OPEN == 0 && path.symlink_metadata()?.uid() == folder.metadata()?.uid())
}

/// Takes the right to run a federation in a folder; given back when dropped. Fails with the process that has it.
pub(crate) fn hold(folder: &Path) -> Result<Hold> {
    Hold::take(folder, LOCK).map_err(|error| match error {
        HoldError::Held { process, .. } => {
            let text = format!(
                "a federation runs in {} already: process {process}",
                folder.display()
            );
            Fault::new(ErrorCode::Conflict, text)
                .next("end it first, or choose another --dir")
                .into()
        }
        error => error.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_mode(folder: &Path, mode: u32) {
        std::fs::set_permissions(folder, Permissions::from_mode(mode)).expect("changed");
    }

    #[test]
    fn a_federations_folder_is_its_owners_alone() {
        let home = tempfile::tempdir().expect("a folder");
        let new = home.path().join("a/b");
        need_own(&new).expect("made");
        assert_eq!(mode(&new).expect("there"), 0o700);
        with_mode(&new, 0o777);
        need_own(&new).expect("an empty one is made so");
        assert_eq!(mode(&new).expect("there"), 0o700);
        std::fs::create_dir(new.join("authority")).expect("made");
        std::fs::write(new.join("authority/root.pem"), "x").expect("written");
        with_mode(&new, 0o755);
        need_own(&new).expect("an earlier one's is made so");
        assert_eq!(mode(&new).expect("there"), 0o700);
    }

    #[test]
    fn a_folder_with_other_things_is_left_alone_or_refused() {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::write(home.path().join("note.txt"), "x").expect("written");
        with_mode(home.path(), 0o755);
        need_own(home.path()).expect("usable");
        assert_eq!(mode(home.path()).expect("there"), 0o755);
        for open in [0o1777, 0o775, 0o757] {
            with_mode(home.path(), open);
            let fault = need_own(home.path()).expect_err("others may write");
            assert!(
                format!("{fault:#}").contains("others may write"),
                "{fault:#}"
            );
        }
    }

    #[test]
    fn files_are_written_for_the_owner_alone() {
        let home = tempfile::tempdir().expect("a folder");
        let (path, other) = (home.path().join("secret"), home.path().join("other"));
        std::fs::write(&other, "untouched").expect("written");
        std::os::unix::fs::symlink(&other, home.path().join("secret.new")).expect("linked");
        for content in ["one", "two"] {
            write_private(&path, content).expect("written");
            assert_eq!(
                (
                    std::fs::read_to_string(&path).expect("read").as_str(),
                    mode(&path).expect("there")
                ),
                (content, 0o600)
            );
            assert!(is_private(&path).expect("there"));
        }
        assert_eq!(std::fs::read_to_string(&other).expect("read"), "untouched");
        with_mode(&path, 0o644);
        assert!(!is_private(&path).expect("there"));
    }

    #[test]
    fn one_federation_at_a_time() {
        let home = tempfile::tempdir().expect("a folder");
        let first = hold(home.path()).expect("free");
        let refused = hold(home.path())
            .err()
            .map(|error| format!("{error:#}"))
            .expect("taken");
        assert!(
            refused.contains(&std::process::id().to_string()),
            "{refused}"
        );
        drop(first);
        hold(home.path()).expect("free again");
    }
}
