//! Operations that make new tables out of tables.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::error::{Result, TableError};
use crate::frame::{Cells, Frame};
use crate::schema::{Column, Schema};
use crate::table::{Parts, Table, Values};

/// The most partitions a table may have.
pub(crate) const MOST_PARTITIONS: u32 = 1023;

pub(crate) fn check_partitions(partitions: u32) -> Result<()> {
    match partitions {
        1..=MOST_PARTITIONS => Ok(()),
        _ => Err(TableError::PartitionsOutOfRange { partitions }),
    }
}

/// The ids of a frame; column 0 is the id.
pub(crate) fn ids_of(frame: &Frame) -> Result<impl Iterator<Item = &str>> {
    match frame.cells(0)? {
        Cells::Text(ids) => Ok(ids.iter().map(Option::unwrap_or_default)),
        _ => Err(TableError::SchemaMismatch {
            reason: "the id is not text".to_owned(),
        }),
    }
}

/// Refuses frames in which an id stands twice.
pub(crate) fn check_unique_ids(frames: &[Frame]) -> Result<()> {
    let mut seen = HashSet::with_capacity(frames.iter().map(Frame::rows).sum());
    for frame in frames {
        for id in ids_of(frame)? {
            let row = seen.len();
            if !seen.insert(id) {
                return Err(TableError::IdRepeated { row });
            }
        }
    }
    Ok(())
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
                hold,
            } => {
                let stored = wanted
                    .iter()
                    .filter_map(|at| stored.get(*at).copied())
                    .collect();
                Parts::Files {
                    files: Arc::clone(files),
                    stored,
                    hold: Arc::clone(hold),
                }
            }
        };
        Table::of_parts(schema, parts)
    }

    /// The same rows under another schema with the same kinds of columns: other names, parts or meta.
    pub fn with_schema(&self, schema: Schema) -> Result<Table> {
        if schema.kinds() != self.schema().kinds() {
            return Err(TableError::SchemaMismatch {
                reason: "the new schema keeps its columns otherwise".to_owned(),
            });
        }
        let parts = match self.parts() {
            Parts::Memory(frames) => Parts::Memory(frames.clone()),
            Parts::Files {
                files,
                stored,
                hold,
            } => Parts::Files {
                files: Arc::clone(files),
                stored: stored.clone(),
                hold: Arc::clone(hold),
            },
        };
        Table::of_parts(schema, parts)
    }

    /// The rows of these numbers (counted from 0), in this order; a number may come once only (see `rows_as`).
    pub fn rows_at(&self, rows: &[usize]) -> Result<Table> {
        let mut seen = HashSet::with_capacity(rows.len());
        if let Some(row) = rows.iter().find(|row| !seen.insert(**row)) {
            return Err(TableError::IdRepeated { row: *row });
        }
        let frame = self.load_whole(&self.everything())?.take(rows)?;
        Table::of_frames(self.schema().clone(), vec![frame])
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
        let mut frame = self.load_whole(&self.everything())?.take(rows)?;
        frame.put(
            0,
            Frame::from_values(ids.len(), vec![Values::of_texts(ids)])?,
        )?;
        check_unique_ids(std::slice::from_ref(&frame))?;
        Table::of_frames(self.schema().clone(), vec![frame])
    }

    /// The rows with these ids, in the list's order; an id that is not in the table, or twice in the list, is an error.
    pub fn join_ids(&self, ids: &[String]) -> Result<Table> {
        let whole = self.load_whole(&self.everything())?;
        let places: HashMap<&str, usize> = ids_of(&whole)?
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
        Table::of_frames(self.schema().clone(), vec![whole.take(&rows)?])
    }

    /// The table with these columns: one of a known name is replaced where it stands, others are appended.
    pub fn with_columns(&self, columns: Vec<(Column, Values)>) -> Result<Table> {
        let mut schema = self.schema().clone();
        let mut frames: Vec<Frame> = (0..self.partitions())
            .map(|part| self.load(part, &self.everything()))
            .collect::<Result<_>>()?;
        for (column, values) in columns {
            if values.len() != self.rows() {
                return Err(TableError::LengthMismatch {
                    column: column.name,
                    expected: self.rows(),
                    found: values.len(),
                });
            }
            let at = schema
                .columns
                .iter()
                .position(|own| own.name == column.name)
                .unwrap_or(schema.columns.len());
            let added = Frame::from_values(self.rows(), vec![values])?;
            let mut start = 0;
            for frame in &mut frames {
                frame.put(at + 1, added.slice(start, frame.rows()))?;
                start += frame.rows();
            }
            match schema.columns.get_mut(at) {
                Some(own) => *own = column,
                None => schema.columns.push(column),
            }
        }
        Table::of_frames(schema, frames)
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
        let mut frames = Vec::new();
        for table in tables {
            if table.schema().columns != first.schema().columns {
                return Err(TableError::SchemaMismatch {
                    reason: "the tables of a union differ in their columns".to_owned(),
                });
            }
            for part in 0..table.partitions() {
                let frame = table.load(part, &table.everything())?;
                let keep: Vec<bool> = ids_of(&frame)?
                    .map(|id| seen.insert(id.to_owned()))
                    .collect();
                frames.push(if keep.iter().all(|kept| *kept) {
                    frame
                } else {
                    frame.filter(&keep)?
                });
            }
        }
        Table::of_frames(first.schema().clone(), frames)
    }

    /// The same rows in memory, in so many partitions (1 to 1023) of consecutive rows.
    pub fn in_partitions(&self, partitions: u32) -> Result<Table> {
        let mut frames = Vec::new();
        self.for_each_partition(partitions, &mut |frame| {
            frames.push(frame);
            Ok(())
        })?;
        Table::of_frames(self.schema().clone(), frames)
    }

    /// Hands out the rows cut into so many frames, loading no more partitions at once than a frame needs.
    pub(crate) fn for_each_partition(
        &self,
        partitions: u32,
        each: &mut dyn FnMut(Frame) -> Result<()>,
    ) -> Result<()> {
        check_partitions(partitions)?;
        let everything = self.everything();
        let empty = self.no_rows();
        let (mut loaded, mut used, mut next_part, mut given) = (empty.clone(), 0, 0, 0);
        for part in 1..=partitions as usize {
            let end = self.rows() * part / partitions as usize;
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
