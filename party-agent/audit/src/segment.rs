//! One file of the chain: appended to with one sync, mended after a write that failed.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::AuditError;

/// Space is made ahead in such pieces: a sync that changes no length costs less, and a disk that fills up leaves space for the
/// entries that say so.
const AHEAD: u64 = 1 << 20;
const ENDING: &str = ".ndjson";
const ZEROS: [u8; 1 << 14] = [0; 1 << 14];

/// The name of the file that begins with an entry.
pub(crate) fn name(first: u64) -> String {
    // Twenty digits hold every u64, so that names sort as numbers do.
    format!("{first:020}{ENDING}")
}

/// The files of a chain with their first entries, in order.
pub(crate) fn list(folder: &Path) -> Result<Vec<(u64, PathBuf)>, AuditError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(AuditError::disk(folder)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(AuditError::disk(folder))?.path();
        let first = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_suffix(ENDING)?.parse().ok());
        found.extend(first.map(|first: u64| (first, path)));
    }
    found.sort_unstable();
    Ok(found)
}

/// A file of the chain, open for appending.
pub(crate) struct Segment {
    file: File,
    /// Where the acknowledged lines end.
    end: u64,
    /// Up to where the file was made long enough.
    reserved: u64,
    /// Whether nothing unacknowledged stands behind the end.
    sound: bool,
}

impl Segment {
    /// Makes the file that begins with an entry.
    pub(crate) fn create(folder: &Path, first: u64) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let path = folder.join(name(first));
        // One that was made and never written to may be there.
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        file.sync_all()?;
        // Without this a crash could lose the name, and with it entries that were acknowledged.
        sync_folder(folder)?;
        Ok(Self {
            file,
            end: 0,
            reserved: 0,
            sound: false,
        })
    }

    /// Goes on with a file after its last whole line; what stands behind is taken away with the next write.
    pub(crate) fn resume(path: &Path, end: u64) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Self {
            file,
            end,
            reserved: end,
            sound: false,
        })
    }

    /// Where the acknowledged lines end.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Appends, and returns when it is on the disk. After an error nothing of it counts.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.mend()?;
        self.make_space(bytes.len() as u64)?;
        // Until the sync has succeeded nobody knows what stands behind the end.
        self.sound = false;
        self.file
            // At a fixed place: what a failed write left behind is overwritten and not appended
            // to.
            .write_all_at(bytes, self.end)
            .and_then(|()| self.file.sync_data())
            .inspect_err(|_| {
                let _ = self.mend();
            })?;
        self.sound = true;
        self.end += bytes.len() as u64;
        self.reserved = self.reserved.max(self.end);
        Ok(())
    }

    /// Makes sure that the next entry can be written, as far as that can be known.
    pub(crate) fn make_space(&mut self, bytes: u64) -> io::Result<()> {
        self.mend()?;
        let needed = self.end + bytes;
        if needed <= self.reserved {
            return Ok(());
        }
        // Zeros are written, not a length set: a sparse file would have the length and no space.
        let (goal, mut done) = (needed + AHEAD, Ok(()));
        while self.reserved < goal && done.is_ok() {
            let piece = &ZEROS[..ZEROS
                .len()
                .min(usize::try_from(goal - self.reserved).unwrap_or(usize::MAX))];
            match self.file.write_at(piece, self.reserved) {
                Ok(0) => done = Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.reserved += written as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => done = Err(error),
            }
        }
        // A little space is as good as much, while it lasts.
        if needed <= self.reserved {
            Ok(())
        } else {
            done
        }
    }

    /// Takes away what a failed write may have left. Needs no space on the disk.
    fn mend(&mut self) -> io::Result<()> {
        if !self.sound {
            self.file.set_len(self.end)?;
            self.file.sync_all()?;
            self.reserved = self.end;
            self.sound = true;
        }
        Ok(())
    }

    /// Gives back the space that was made ahead.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.sound = false;
        self.mend()
    }
}

/// Makes names in a folder last.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
