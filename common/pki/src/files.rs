//! Files of certificates and keys: names, whole-file replacement, and the permission bits of keys.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::{PkiError, Result};

pub(crate) const ROOT: &str = "root.pem";
pub(crate) const ROOT_KEY: &str = "root.key";
pub(crate) const REVOKED: &str = "revoked.crl";
pub(crate) const ISSUED: &str = "issued.toml";
pub(crate) const PROFILE: &str = "profile.toml";
pub(crate) const LOCK: &str = ".lock";
pub(crate) const IDENTITY: &str = "identity.pem";
pub(crate) const IDENTITY_KEY: &str = "identity.key";
pub(crate) const REQUEST: &str = "request.csr";

const MOST_PUBLIC_BYTES: u64 = 16 << 20;
const MOST_KEY_BYTES: usize = 16 << 10;

/// What to do where a key stands already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// Refuse; nothing is lost.
    #[default]
    Refuse,
    /// Replace it; the old key is gone.
    Replace,
}

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Anybody the system lets in.
    Everyone,
    /// The owner only: mode 0600.
    Owner,
}

/// Reads a public file whole.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let unreadable = |source| PkiError::FileUnreadable {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    File::open(path)
        // Bounded: the path comes from settings and may name anything, a device among it.
        .and_then(|file| file.take(MOST_PUBLIC_BYTES).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    Ok(bytes)
}

/// Reads a public file of text whole.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read(path)?).map_err(|error| PkiError::invalid(path, error))
}

/// Reads a key file, if nobody but its owner can.
pub(crate) fn read_key(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let unreadable = |source| PkiError::FileUnreadable {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(unreadable)?;
    // Of the open file, not of the path: what is judged is what is read.
    check_mode(path, &file.metadata().map_err(unreadable)?)?;
    // One buffer of full size: a growing vector would leave copies of the key behind.
    let mut buffer = Zeroizing::new(vec![0_u8; MOST_KEY_BYTES]);
    let mut length = 0;
    loop {
        let space = buffer.get_mut(length..).unwrap_or_default();
        if space.is_empty() {
            return Err(PkiError::invalid(path, "too large for a key"));
        }
        match file.read(space).map_err(unreadable)? {
            0 => break,
            more => length += more,
        }
    }
    buffer.truncate(length);
    Ok(buffer)
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &fs::Metadata) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(PkiError::KeyExposed {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &fs::Metadata) -> Result<()> {
    Ok(())
}

/// Replaces a file as a whole: readers see the old or the new content, never a part.
pub(crate) fn write(path: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    let unwritable = |source| PkiError::FileUnwritable {
        path: path.to_owned(),
        source,
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    // A leftover of a crashed run may have wider permissions than asked for now.
    if fresh.exists() {
        fs::remove_file(&fresh).map_err(unwritable)?;
    }
    let mut file = open_new(&fresh, readers).map_err(unwritable)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(unwritable)?;
    fs::rename(&fresh, path).map_err(unwritable)
}

fn open_new(path: &Path, readers: Readers) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    // Never an existing file: it could have been put there, or linked, by somebody else.
    options.write(true).create_new(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = readers;
    options.open(path)
}

/// Makes a folder and those above it.
pub(crate) fn make_dir(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(|source| PkiError::FileUnwritable {
        path: dir.to_owned(),
        source,
    })
}

/// Refuses to go on where a file stands.
pub(crate) fn must_not_exist(path: PathBuf) -> Result<()> {
    if path.exists() {
        Err(PkiError::AlreadyThere { path })
    } else {
        Ok(())
    }
}
