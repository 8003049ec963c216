//! Paths that a job names, held inside the folders that the party opened: links and `..` are followed first, then judged.

use std::path::{Component, Path, PathBuf};

use vocabulary::{ErrorCode, Fault};

/// The file that a name means: relative to the first root that has it, or absolute and inside one.
pub(crate) fn readable(roots: &[PathBuf], name: &str) -> Result<PathBuf, Fault> {
    for root in roots {
        // An absolute name replaces the root here, and is judged like any other.
        let (Ok(root), Ok(path)) = (root.canonicalize(), root.join(name).canonicalize()) else {
            continue;
        };
        if path.starts_with(&root) && path.is_file() {
            return Ok(path);
        }
    }
    let fault = Fault::new(
        ErrorCode::FileUnreadable,
        format!("the file {name:?} is not in a folder that this party imports from"),
    );
    Err(fault.next("upload the file itself, or put it into one of the agent's import_roots"))
}

/// Where a file may be written: below the root, folders made as needed, never through a link that leaves it.
pub(super) fn writable(root: &Path, name: &str) -> Result<PathBuf, Fault> {
    let unwritable = |error: std::io::Error| {
        Fault::new(
            ErrorCode::StorageFull,
            format!("cannot write below the export folder: {error}"),
        )
        .next("check the folder's space and permissions")
    };
    let task_host = || {
        Fault::new(
            ErrorCode::RequestInvalid,
            format!("the path {name:?} is not below this party's export folder"),
        )
        .next("give a path relative to the agent's export_root")
    };
    std::fs::create_dir_all(root).map_err(unwritable)?;
    let root = root.canonicalize().map_err(unwritable)?;
    let below = Path::new(name);
    let below = if below.is_absolute() {
        below.strip_prefix(&root).map_err(|_| task_host())?
    } else {
        below
    };
    let mut parts = Vec::new();
    for part in below.components() {
        match part {
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(task_host());
            }
        }
    }
    let file = parts.pop().ok_or_else(task_host)?;
    let mut folder = root.clone();
    for part in parts {
        folder.push(part);
        if !folder.exists() {
            // One at a time, each judged below: all at once would make folders through a link
            // before it is found.
            std::fs::create_dir(&folder).map_err(unwritable)?;
        }
        folder = folder.canonicalize().map_err(unwritable)?;
        if !folder.starts_with(&root) {
            return Err(task_host());
        }
    }
    let path = folder.join(file);
    // A link or folder in the file's place could lead elsewhere.
    match path.symlink_metadata() {
        Ok(found) if !found.is_file() => Err(task_host()),
        _ => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_files_inside_a_root_only() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("inner")).unwrap();
        std::fs::write(root.join("inner/a.csv"), "x").unwrap();
        std::fs::write(folder.path().join("secret"), "x").unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret"), root.join("link")).unwrap();
        let roots = [folder.path().join("missing"), root.clone()];
        assert!(readable(&roots, "inner/a.csv").is_ok());
        assert!(readable(&roots, "inner/../inner/a.csv").is_ok());
        assert!(readable(&roots, root.join("inner/a.csv").to_str().unwrap()).is_ok());
        for name in [
            "../secret",
            "link",
            "inner",
            "",
            "nothing",
            "/etc/passwd",
            "inner/../../secret",
        ] {
            assert_eq!(
                readable(&roots, name).unwrap_err().code,
                ErrorCode::FileUnreadable,
                "{name}"
            );
        }
        assert!(readable(&[], "inner/a.csv").is_err());
    }

    #[test]
    fn writes_below_the_root_only() {
        let folder = tempfile::tempdir().unwrap();
        let (root, other) = (folder.path().join("out"), folder.path().join("other"));
        std::fs::create_dir_all(&other).unwrap();
        let path = writable(&root, "a/b/c.csv").unwrap();
        assert!(path.ends_with("out/a/b/c.csv") && path.parent().unwrap().is_dir());
        let absolute = root.canonicalize().unwrap().join("d.csv");
        assert_eq!(
            writable(&root, absolute.to_str().unwrap()).unwrap(),
            absolute
        );
        std::os::unix::fs::symlink(&other, root.join("leave")).unwrap();
        std::os::unix::fs::symlink(other.join("new"), root.join("file")).unwrap();
        for name in [
            "../other/x",
            "a/../../x",
            "/tmp/x",
            "leave/x",
            "leave/deep/x",
            "file",
            "",
            ".",
            "a",
        ] {
            assert!(writable(&root, name).is_err(), "{name}");
        }
        assert_eq!(std::fs::read_dir(&other).unwrap().count(), 0);
    }
}
