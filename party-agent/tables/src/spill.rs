//! Files of rows: pieces of a size, and a folder beside the table store's tables for those of unfinished work, which are gone when
//! nobody reads them any more.

use std::fs::File;
use std::io::{BufWriter, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vocabulary::Stop;

use crate::error::{Result, TableError};
use crate::frame::Frame;
use crate::hash::ContentHasher;
use crate::manifest::{Part, UNFINISHED};
use crate::parquet::write_frame;
use crate::versions::Hold;

/// Cells of a piece: of what is loaded, worked on and written at once. 16 MiB of numbers.
#[cfg(not(test))]
const PIECE_CELLS: usize = 1 << 21;
/// Small tables have several pieces in tests, so that whatever is tested is tested across pieces, too.
#[cfg(test)]
const PIECE_CELLS: usize = 1 << 13;

/// The folder in which rows of unfinished work may be put aside. It is on the table store's file system, so that what becomes a table
/// need not be written again.
#[derive(Clone)]
pub(crate) struct SpillFolder(Arc<PathBuf>);

impl SpillFolder {
    const NAME: &str = ".spill";

    /// The one of a table store.
    pub(crate) fn of(root: &Path) -> Self {
        Self(Arc::new(root.join(Self::NAME)))
    }

    /// Removes what a crash left in it; nobody else may have the table store open. What cannot be removed stays and is logged:
    /// new folders have names of their own, so that it is in nobody's way.
    pub(crate) fn clean_up(&self) {
        let remove = |path: &Path| {
            let removed = match std::fs::symlink_metadata(path) {
                Ok(found) if found.is_dir() => std::fs::remove_dir_all(path),
                Ok(_) => std::fs::remove_file(path),
                Err(error) => Err(error),
            };
            let error = removed
                .err()
                .filter(|error| error.kind() != ErrorKind::NotFound)?;
            tracing::warn!(path = %path.display(), %error, "rows of unfinished work cannot be removed: remove them by hand");
            Some(())
        };
        // One by one: an entry that stays must not keep those behind it.
        let entries = std::fs::read_dir(&*self.0).into_iter().flatten().flatten();
        let left = entries.filter_map(|entry| remove(&entry.path())).count();
        if left == 0 {
            remove(&self.0);
        }
    }

    /// A new folder in it, which is removed with the last one who reads it.
    pub(crate) fn begin(&self) -> Result<Arc<Hold>> {
        let failed = || TableError::writing("a folder for rows of unfinished work");
        std::fs::create_dir_all(&*self.0).map_err(failed())?;
        let folder = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(&*self.0)
            .map_err(failed())?;
        Ok(Arc::new(Hold::of_spill(folder.keep())))
    }

    /// A new file in it that has no name: it goes when it is closed, or the process ends.
    pub(crate) fn unnamed_file(&self) -> Result<File> {
        let failed = || TableError::writing("a file for rows of unfinished work");
        std::fs::create_dir_all(&*self.0).map_err(failed())?;
        tempfile::tempfile_in(&*self.0).map_err(failed())
    }
}

pub(crate) fn part_name(part: usize) -> String {
    format!("part-{part:05}.parquet")
}

/// Rows of a piece in a table of so many columns, the id among them.
pub(crate) fn rows_of_a_piece(width: usize) -> usize {
    (PIECE_CELLS / width.max(1)).max(1)
}

/// Writes frames as files of a folder, and hashes them.
pub(crate) struct PartWriter {
    folder: PathBuf,
    pub(crate) parts: Vec<Part>,
    hasher: ContentHasher,
    stop: Stop,
}

impl PartWriter {
    pub(crate) fn new(folder: &Path, width: usize, stop: &Stop) -> Self {
        Self {
            folder: folder.to_owned(),
            parts: Vec::new(),
            hasher: ContentHasher::new(width, stop),
            stop: stop.clone(),
        }
    }

    /// The next rows. A file that is to survive a power cut is synced.
    pub(crate) fn push(&mut self, frame: &Frame, synced: bool) -> Result<()> {
        let path = self.folder.join(part_name(self.parts.len()));
        let (hasher, stop) = (&mut self.hasher, &self.stop);
        let (hashed, written) = rayon::join(
            || hasher.push(frame),
            || -> Result<u64> {
                let failed = || TableError::writing("a partition");
                let file = File::create(&path).map_err(failed())?;
                let mut out = BufWriter::with_capacity(1 << 18, file);
                let bytes = write_frame(frame, &mut out, stop)?;
                // Unfinished work need not survive: a sync for each piece would cost more than the
                // write.
                if synced {
                    out.get_ref().sync_all().map_err(failed())?;
                }
                Ok(bytes)
            },
        );
        // First the hash: it fails only when stopped, and then the write's error says nothing.
        hashed?;
        self.parts.push(Part {
            rows: frame.rows() as u64,
            bytes: written?,
        });
        Ok(())
    }

    /// What the files are like, and the hash of the rows.
    pub(crate) fn finish(self) -> (Vec<Part>, String) {
        let hash = self.hasher.finish();
        (self.parts, hash)
    }
}
