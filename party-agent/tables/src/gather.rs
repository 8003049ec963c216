//! Rows by their positions: picked out of the pieces in which they stand, without a table in memory.

use std::collections::{HashMap, HashSet};

use crate::error::{Result, TableError};
use crate::frame::Frame;
use crate::gathered::Gathered;
use crate::ids::{check_unique_ids, ids_of};
use crate::spill::rows_of_a_piece;
use crate::table::Table;
use crate::values::Values;

/// Pieces that are picked at once. Rows in the order of the table touch each piece once; for others each is loaded once for so many
/// pieces of the result.
const AT_ONCE: usize = 4;

impl Table {
    /// The rows of these numbers (counted from 0), in this order; a number may come once only (see `rows_as`).
    pub fn rows_at(&self, rows: &[usize]) -> Result<Table> {
        // A row twice would be an id twice, which no table has.
        let mut seen = HashSet::with_capacity(rows.len());
        if let Some(row) = rows.iter().find(|row| !seen.insert(**row)) {
            return Err(TableError::IdRepeated { row: *row });
        }
        self.picked(rows, |frame, _| Ok(frame))
    }

    /// The rows whose numbers are kept, in the same order: piece by piece, with nothing for each row in memory.
    pub(crate) fn rows_where(&self, keeps: impl Fn(usize) -> bool) -> Result<Table> {
        let mut gathered = Gathered::beside(self);
        let mut before = 0;
        for piece in 0..self.pieces() {
            let frame = self.load_once(piece, &self.everything())?;
            let end = before + frame.rows();
            let kept: Vec<bool> = (before..end).map(&keeps).collect();
            before = end;
            // Most pieces lose no row: they are passed on without a copy.
            if kept.iter().all(|kept| *kept) {
                gathered.push(&frame)?;
            } else {
                gathered.push(&frame.filter(&kept)?)?;
            }
        }
        gathered.finish(self.schema().clone(), None)
    }

    /// The rows of these numbers under new ids, which must be unique and as many; a row may come several times
    /// (sampling with replacement).
    pub fn rows_as(&self, rows: &[usize], ids: Vec<String>) -> Result<Table> {
        if ids.len() != rows.len() {
            return Err(TableError::LengthMismatch {
                column: self.schema().id_name.clone(),
                expected: rows.len(),
                found: ids.len(),
            });
        }
        let ids = Frame::from_values(ids.len(), vec![Values::of_texts(ids)])?;
        check_unique_ids(std::slice::from_ref(&ids))?;
        self.picked(rows, |mut frame, before| {
            frame.put(0, ids.slice(before, frame.rows()))?;
            Ok(frame)
        })
    }

    /// The rows with these ids, in the list's order; an id that is not in the table, or twice in the list, is an error.
    pub fn join_ids(&self, ids: &[String]) -> Result<Table> {
        let own = self.load_whole(&[0])?;
        let places: HashMap<&str, usize> = ids_of(&own)?
            .enumerate()
            .map(|(row, id)| (id, row))
            .collect();
        let mut rows = Vec::with_capacity(ids.len());
        let mut absent = None;
        let mut seen = HashSet::with_capacity(ids.len());
        for (position, id) in ids.iter().enumerate() {
            match places.get(id.as_str()) {
                Some(row) if !seen.insert(*row) => {
                    return Err(TableError::IdRepeated { row: position });
                }
                Some(row) => rows.push(*row),
                // All are counted before it fails: how many are missing says whether one id or the
                // table is wrong.
                None => _ = absent.get_or_insert(position),
            }
        }
        if let Some(position) = absent {
            return Err(TableError::IdMissing {
                position,
                missing: ids.len() - rows.len(),
                asked: ids.len(),
            });
        }
        self.picked(&rows, |frame, _| Ok(frame))
    }

    /// The rows of these numbers; `each` gets some of them and how many come before.
    fn picked(
        &self,
        rows: &[usize],
        each: impl Fn(Frame, usize) -> Result<Frame>,
    ) -> Result<Table> {
        if let Some(row) = rows.iter().find(|row| **row >= self.rows()) {
            return Err(TableError::RowMissing {
                row: *row,
                rows: self.rows(),
            });
        }
        let starts = self.starts();
        let at_once = rows_of_a_piece(self.everything().len()) * AT_ONCE;
        let mut gathered = Gathered::beside(self);
        for (turn, rows) in rows.chunks(at_once).enumerate() {
            gathered.push(&each(self.pick_some(rows, &starts)?, turn * at_once)?)?;
        }
        gathered.finish(self.schema().clone(), None)
    }

    /// Number of the first row of each piece.
    fn starts(&self) -> Vec<usize> {
        let mut next = 0;
        (0..self.pieces())
            .map(|piece| {
                let start = next;
                next += self.rows_of(piece);
                start
            })
            .collect()
    }

    /// Rows as one frame. Only pieces in which some of them stand are loaded, each once.
    fn pick_some(&self, rows: &[usize], starts: &[usize]) -> Result<Frame> {
        let everything = self.everything();
        let mut by_piece: Vec<(usize, usize)> = rows.iter().copied().zip(0..).collect();
        // Sorted by row, so that each piece is loaded once however the rows are asked for.
        by_piece.sort_unstable();
        let (mut found, mut order) = (None::<Frame>, vec![0; rows.len()]);
        let mut taken = 0;
        while let Some((first, _)) = by_piece.get(taken) {
            let missing = || TableError::RowMissing {
                row: *first,
                rows: self.rows(),
            };
            let begun = starts.iter().take_while(|start| *start <= first);
            let (piece, start) = begun.enumerate().last().ok_or_else(missing)?;
            let end = start + self.rows_of(piece);
            let own = by_piece
                .iter()
                .skip(taken)
                .take_while(|(row, _)| *row < end);
            let own: Vec<usize> = own.map(|(row, _)| row - start).collect();
            if own.is_empty() {
                return Err(missing());
            }
            taken += own.len();
            let frame = self.load(piece, &everything)?.take(&own)?;
            match &mut found {
                Some(found) => found.append(&frame)?,
                None => found = Some(frame),
            }
        }
        for (at, (_, wanted)) in by_piece.iter().enumerate() {
            order
                .get_mut(*wanted)
                .into_iter()
                .for_each(|place| *place = at);
        }
        match found {
            // Rows in the table's order stand as they should already.
            Some(found) if rows.is_sorted() => Ok(found),
            Some(found) => found.take(&order),
            None => Ok(self.no_rows()),
        }
    }
}
