//! Rows that become a table: few stay in memory, many go to files.

use std::sync::Arc;

use vocabulary::Stop;

use crate::error::Result;
use crate::frame::Frame;
use crate::manifest::Part;
use crate::parquet::FileIndex;
use crate::schema::{ColumnKind, Schema};
use crate::spill::{PartWriter, SpillFolder, part_name, rows_of_a_piece};
use crate::table::{Parts, Table, Waiting, check_kinds};
use crate::versions::Hold;

/// Rows that become a table, in order.
pub(crate) struct Gathered {
    place: Option<SpillFolder>,
    stop: Stop,
    /// What is not written yet: whole pieces where there is no place to write to.
    pieces: Vec<Frame>,
    writer: Option<(Arc<Hold>, PartWriter)>,
    /// As what the columns of written pieces are kept: once, where all are alike.
    written_kinds: Vec<Vec<ColumnKind>>,
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
            written_kinds: Vec::new(),
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
                // Small frames are put together: a file of many tiny pieces is slow to read later.
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
            let kinds = frame.kinds()?;
            if !self.written_kinds.contains(&kinds) {
                self.written_kinds.push(kinds);
            }
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
        // Once some rows are in files all must be: a table is either in memory or in files.
        if self.writer.is_some() {
            self.put_aside()?;
        }
        let Some((hold, writer)) = self.writer else {
            let table = Table::of_frames(schema, self.pieces)?;
            return Ok(table.set(self.place, &self.stop, partitions));
        };
        // The files are not read again for it: a table in files is held to its schema as one in memory is.
        for kinds in &self.written_kinds {
            check_kinds(&schema, kinds)?;
        }
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
        known: FileIndex::default(),
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
