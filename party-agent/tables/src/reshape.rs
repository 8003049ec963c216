//! Operations that make new tables out of tables.

use std::collections::HashSet;
use std::sync::Arc;

use crate::error::{Result, TableError};
use crate::frame::Frame;
use crate::gathered::Gathered;
use crate::ids::ids_of;
use crate::schema::{Column, Schema};
use crate::spill::rows_of_a_piece;
use crate::table::{Parts, Table};
use crate::values::Values;

/// The most partitions a table may have.
pub(crate) const MOST_PARTITIONS: u32 = 1023;

pub(crate) fn check_partitions(partitions: u32) -> Result<()> {
    match partitions {
        1..=MOST_PARTITIONS => Ok(()),
        _ => Err(TableError::PartitionsOutOfRange { partitions }),
    }
}

impl Table {
    /// The table with these columns only, in this order; files are not read.
    pub fn select(&self, columns: &[&str]) -> Result<Table> {
        let positions: Result<Vec<usize>> =
            columns.iter().map(|column| self.position(column)).collect();
        let positions = positions?;
        let kept = positions
            .iter()
            .filter_map(|at| self.schema().columns.get(*at).cloned())
            .collect();
        let schema = Schema {
            columns: kept,
            ..self.schema().clone()
        };
        let all = columns.len() == self.schema().columns.len()
            && positions.iter().copied().eq(0..columns.len());
        let wanted: Vec<usize> = std::iter::once(0)
            .chain(positions.iter().map(|at| at + 1))
            .collect();
        let parts = match self.parts() {
            Parts::Memory(frames) => Parts::Memory(
                frames
                    .iter()
                    .map(|frame| frame.pick(&wanted))
                    .collect::<Result<_>>()?,
            ),
            Parts::Files {
                files,
                stored,
                rows_hash,
                hold,
            } => {
                let stored = wanted
                    .iter()
                    .filter_map(|at| stored.get(*at).copied())
                    .collect();
                Parts::Files {
                    files: Arc::clone(files),
                    stored,
                    // The hash is over all columns in their order: of a part of them it would be
                    // wrong.
                    rows_hash: rows_hash.clone().filter(|_| all),
                    hold: Arc::clone(hold),
                }
            }
        };
        Ok(Table::of_parts(schema, parts)?.like(self))
    }

    /// The same rows under another schema with the same kinds of columns: other names, parts or meta.
    pub fn with_schema(&self, schema: Schema) -> Result<Table> {
        if schema.kinds() != self.schema().kinds() {
            return Err(TableError::SchemaMismatch {
                reason: "the new schema keeps its columns otherwise".to_owned(),
            });
        }
        Ok(Table::of_parts(schema, self.parts().clone())?.like(self))
    }

    /// The table with these columns: one of a known name is replaced where it stands, others are appended.
    pub fn with_columns(&self, columns: Vec<(Column, Values)>) -> Result<Table> {
        let mut schema = self.schema().clone();
        let mut added = Vec::with_capacity(columns.len());
        for (column, values) in columns {
            if values.len() != self.rows() {
                return Err(TableError::LengthMismatch {
                    column: column.name,
                    expected: self.rows(),
                    found: values.len(),
                });
            }
            // Few columns are new; the others are found without a search through all of them.
            let own = self.position(&column.name).ok().or_else(|| {
                let mut new = schema.columns.iter().skip(self.schema().columns.len());
                let at = new.position(|own| own.name == column.name)?;
                Some(self.schema().columns.len() + at)
            });
            let at = own.unwrap_or(schema.columns.len());
            added.push((at + 1, Frame::from_values(self.rows(), vec![values])?));
            match schema.columns.get_mut(at) {
                Some(own) => *own = column,
                None => schema.columns.push(column),
            }
        }
        let mut gathered = Gathered::beside(self);
        let mut start = 0;
        for piece in 0..self.pieces() {
            let mut frame = self.load(piece, &self.everything())?;
            for (at, values) in &added {
                frame.put(*at, values.slice(start, frame.rows()))?;
            }
            start += frame.rows();
            gathered.push(&frame)?;
        }
        gathered.finish(schema, Some(self.partitions()))
    }

    /// All rows of tables with the same columns, in order; of rows with the same id the first stands. The schema is the
    /// first table's.
    pub fn union(tables: &[Table]) -> Result<Table> {
        let Some(first) = tables.first() else {
            return Err(TableError::SchemaMismatch {
                reason: "a union needs at least one table".to_owned(),
            });
        };
        let mut seen = HashSet::new();
        let mut gathered = Gathered::beside(first);
        for table in tables {
            if table.schema().columns != first.schema().columns {
                return Err(TableError::SchemaMismatch {
                    reason: "the tables of a union differ in their columns".to_owned(),
                });
            }
            for part in 0..table.pieces() {
                let frame = table.load(part, &table.everything())?;
                let keep: Vec<bool> = ids_of(&frame)?
                    .map(|id| seen.insert(id.to_owned()))
                    .collect();
                // Most frames repeat no id: they are passed on without a copy.
                if keep.iter().all(|kept| *kept) {
                    gathered.push(&frame)?;
                } else {
                    gathered.push(&frame.filter(&keep)?)?;
                }
            }
        }
        gathered.finish(first.schema().clone(), None)
    }

    /// The same rows in so many partitions (1 to 1023) of consecutive rows.
    pub fn in_partitions(&self, partitions: u32) -> Result<Table> {
        check_partitions(partitions)?;
        let set = |table: &Table| {
            table.set(
                self.place().cloned(),
                self.stop(),
                Some(partitions as usize),
            )
        };
        if let Parts::Files { .. } = self.parts() {
            return Ok(set(self));
        }
        let mut frames = Vec::new();
        self.for_each_partition(partitions, &mut |frame| {
            frames.push(frame);
            Ok(())
        })?;
        Ok(set(&Table::of_frames(self.schema().clone(), frames)?))
    }

    /// Hands out the rows cut into so many frames, and those into pieces, loading no more at once than a frame needs.
    pub(crate) fn for_each_partition(
        &self,
        partitions: u32,
        each: &mut dyn FnMut(Frame) -> Result<()>,
    ) -> Result<()> {
        check_partitions(partitions)?;
        let everything = self.everything();
        let empty = self.no_rows();
        let (mut loaded, mut used, mut next_part, mut given) = (empty.clone(), 0, 0, 0);
        let most = rows_of_a_piece(everything.len());
        let ends = (1..=partitions as usize).map(|part| self.rows() * part / partitions as usize);
        let mut before = 0;
        let ends = ends.flat_map(|end| {
            let start = std::mem::replace(&mut before, end);
            let inner = (start..end).step_by(most).skip(1);
            inner.chain(std::iter::once(end)).collect::<Vec<usize>>()
        });
        for end in ends {
            let mut frame: Option<Frame> = None;
            while given < end {
                if used == loaded.rows() {
                    (loaded, used) = (self.load(next_part, &everything)?, 0);
                    next_part += 1;
                    continue;
                }
                let piece = loaded.slice(used, end - given);
                (used, given) = (used + piece.rows(), given + piece.rows());
                match &mut frame {
                    Some(frame) => frame.append(&piece)?,
                    None => frame = Some(piece),
                }
            }
            each(frame.unwrap_or_else(|| empty.clone()))?;
        }
        Ok(())
    }
}
