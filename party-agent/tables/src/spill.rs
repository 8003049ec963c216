//! Where rows are gathered that become a table: few stay in memory, many go to files beside the table store's, which are gone when
//! nobody reads them any more.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vocabulary::Stop;

use crate::error::{Result, TableError};
use crate::frame::Frame;
use crate::hash::ContentHasher;
use crate::manifest::{Part, UNFINISHED};
use crate::parquet::{Known, write_frame};
use crate::schema::Schema;
use crate::table::{Parts, Table, Waiting};
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

    /// Removes what a crash left in it; nobody else may have the table store open.
    pub(crate) fn clean_up(&self) -> Result<()> {
        match std::fs::remove_dir_all(&*self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(TableError::writing(
                "the folder for rows of unfinished work",
            )(error)),
            _ => Ok(()),
        }
    }

    /// A new folder in it, which is removed with the last one who reads it.
    fn begin(&self) -> Result<Arc<Hold>> {
        let failed = || TableError::writing("a folder for rows of unfinished work");
        std::fs::create_dir_all(&*self.0).map_err(failed())?;
        let folder = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(&*self.0)
            .map_err(failed())?;
        Ok(Arc::new(Hold::of_spill(folder.keep())))
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
                if synced {
                    out.get_ref().sync_all().map_err(failed())?;
                }
                Ok(bytes)
            },
        );
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

/// Rows that become a table, in order.
pub(crate) struct Gathered {
    place: Option<SpillFolder>,
    stop: Stop,
    /// What is not written yet: whole pieces where there is no place to write to.
    pieces: Vec<Frame>,
    writer: Option<(Arc<Hold>, PartWriter)>,
}

impl Gathered {
    /// Rows made of a table's: they may go where its rows came from.
    pub(crate) fn beside(table: &Table) -> Self {
        Self::new(table.place().cloned(), table.stop())
    }

    pub(crate) fn new(place: Option<SpillFolder>, stop: &Stop) -> Self {
        Self {
            place,
            stop: stop.clone(),
            pieces: Vec::new(),
            writer: None,
        }
    }

    /// The next rows; small frames are put together, large ones are cut.
    pub(crate) fn push(&mut self, frame: &Frame) -> Result<()> {
        let most = rows_of_a_piece(frame.width());
        let mut start = 0;
        while start < frame.rows() {
            let left = match self.pieces.last() {
                Some(last) if last.rows() < most => most - last.rows(),
                _ => most,
            };
            let piece = frame.slice(start, left);
            start += piece.rows();
            match self.pieces.last_mut() {
                Some(last) if last.rows() < most => last.append(&piece)?,
                _ => {
                    self.put_aside()?;
                    self.pieces.push(piece);
                }
            }
        }
        Ok(())
    }

    /// Writes whole pieces, if there is a place: a table of one piece stays in memory.
    fn put_aside(&mut self) -> Result<()> {
        let Some(place) = &self.place else {
            return Ok(());
        };
        for frame in self.pieces.drain(..) {
            let writer = match &mut self.writer {
                Some((_, writer)) => writer,
                None => {
                    let hold = place.begin()?;
                    let writer = PartWriter::new(hold.folder(), frame.width(), &self.stop);
                    &mut self.writer.insert((hold, writer)).1
                }
            };
            writer.push(&frame, false)?;
        }
        Ok(())
    }

    /// The table of all rows, which stands in so many partitions for whoever asks.
    pub(crate) fn finish(mut self, schema: Schema, partitions: Option<usize>) -> Result<Table> {
        if self.writer.is_some() {
            self.put_aside()?;
        }
        let Some((hold, writer)) = self.writer else {
            let table = Table::of_frames(schema, self.pieces)?;
            return Ok(table.set(self.place, &self.stop, partitions));
        };
        let (parts, rows_hash) = writer.finish();
        let parts = files(hold, &parts, schema.columns.len(), rows_hash);
        let table = Table::of_parts(schema, parts)?;
        Ok(table.set(self.place, &self.stop, partitions))
    }
}

/// The files of a folder as rows that wait in them.
pub(crate) fn files(hold: Arc<Hold>, parts: &[Part], columns: usize, rows_hash: String) -> Parts {
    let waiting = |(at, part): (usize, &Part)| Waiting {
        path: hold.folder().join(part_name(at)),
        rows: usize::try_from(part.rows).unwrap_or(usize::MAX),
        bytes: part.bytes,
        known: Known::default(),
    };
    Parts::Files {
        files: Arc::new(parts.iter().enumerate().map(waiting).collect()),
        stored: (0..=columns).collect(),
        rows_hash: Some(rows_hash.into()),
        hold,
    }
}

#[cfg(test)]
#[path = "spill_tests.rs"]
mod tests;
