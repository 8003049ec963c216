//! A table: a schema, a row id, columns, in partitions that stand in memory or wait in files. Cheap to clone; nothing
//! changes a table, operations (see `reshape.rs`) make new ones.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use vocabulary::Stop;

use crate::error::{Result, TableError};
use crate::frame::Frame;
use crate::hash::{ContentHasher, content_hash};
use crate::parquet::{FileIndex, PartFile, read_frame};
use crate::schema::{ColumnKind, Schema};
use crate::spill::{SpillFolder, rows_of_a_piece};
use crate::values::Values;
use crate::versions::Hold;

/// Rows turned into text at once.
pub(crate) const PIECE: usize = 4096;

/// A piece that waits in a file.
pub(crate) struct Waiting {
    pub(crate) path: PathBuf,
    pub(crate) rows: usize,
    pub(crate) bytes: u64,
    pub(crate) known: FileIndex,
}

/// Where the rows are, in pieces. In files, `stored` says under which position the id (first) and each column stand there, `hold`
/// keeps the files alive, and `rows_hash` is known as long as the files are all of the table and nothing else.
#[derive(Clone)]
pub(crate) enum Parts {
    Memory(Vec<Frame>),
    Files {
        files: Arc<Vec<Waiting>>,
        stored: Vec<usize>,
        rows_hash: Option<Arc<str>>,
        hold: Arc<Hold>,
    },
}

struct Inner {
    schema: Schema,
    rows: usize,
    parts: Parts,
    /// In how many partitions it stands for whoever asks; as many as pieces where nobody said.
    partitions: Option<usize>,
    /// Where rows that are made of these may be put aside.
    place: Option<SpillFolder>,
    /// Position of each column, made when the first is asked for: whoever asks for every column by its name would search through
    /// all of them each time.
    places: OnceLock<HashMap<String, usize>>,
    /// Asked before rows are loaded, and by whoever works on them.
    stop: Stop,
}

/// Rows with unique ids under a schema, in a fixed order.
#[derive(Clone)]
pub struct Table(Arc<Inner>);

/// Shows sizes, never a value.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "table of {} rows, {} columns, {} partitions",
            self.rows(),
            self.schema().columns.len(),
            self.partitions()
        )
    }
}

/// Refuses columns that are kept otherwise than the schema says.
pub(crate) fn check_kinds(schema: &Schema, found: &[ColumnKind]) -> Result<()> {
    let wanted: Vec<ColumnKind> = std::iter::once(ColumnKind::Text)
        .chain(schema.kinds())
        .collect();
    if found == wanted {
        return Ok(());
    }
    let reason =
        format!("columns are kept as {found:?}, the schema says {wanted:?} (the id first)");
    Err(TableError::SchemaMismatch { reason })
}

impl Table {
    /// A table of one partition in memory. `values` stand in the order of the schema's columns; ids must be unique,
    /// lengths equal, kinds as the schema says.
    pub fn from_columns(schema: Schema, ids: Vec<String>, values: Vec<Values>) -> Result<Table> {
        let rows = ids.len();
        if values.len() != schema.columns.len() {
            let reason = format!(
                "{} columns of values under {} names",
                values.len(),
                schema.columns.len()
            );
            return Err(TableError::SchemaMismatch { reason });
        }
        for (column, values) in schema.columns.iter().zip(&values) {
            if values.len() != rows {
                return Err(TableError::LengthMismatch {
                    column: column.name.clone(),
                    expected: rows,
                    found: values.len(),
                });
            }
        }
        let all = std::iter::once(Values::of_texts(ids))
            .chain(values)
            .collect();
        let frame = Frame::from_values(rows, all)?;
        crate::ids::check_unique_ids(std::slice::from_ref(&frame))?;
        Table::of_frames(schema, vec![frame])
    }

    /// A table of frames whose ids are known to be unique; column 0 of each is the id.
    pub(crate) fn of_frames(schema: Schema, frames: Vec<Frame>) -> Result<Table> {
        schema.check()?;
        for frame in &frames {
            check_kinds(&schema, &frame.kinds()?)?;
        }
        let partitions = frames.len();
        let pieces: Vec<Frame> = frames.iter().flat_map(pieces_of).collect();
        // How frames are cut for memory is nobody's business outside: partitions stay as many as
        // given.
        let cut = (pieces.len() > partitions).then_some(partitions);
        let table = Table::of_parts(schema, Parts::Memory(pieces))?;
        Ok(table.set(None, &Stop::NEVER, cut))
    }

    /// A table whose rows are there already.
    pub(crate) fn of_parts(schema: Schema, parts: Parts) -> Result<Table> {
        schema.check()?;
        let rows = match &parts {
            Parts::Memory(frames) => frames.iter().map(Frame::rows).sum(),
            Parts::Files { files, .. } => files.iter().map(|file| file.rows).sum(),
        };
        Ok(Table(Arc::new(Inner {
            schema,
            rows,
            parts,
            partitions: None,
            place: None,
            places: OnceLock::new(),
            stop: Stop::NEVER,
        })))
    }

    /// The same rows with what else is known of them.
    pub(crate) fn set(
        &self,
        place: Option<SpillFolder>,
        stop: &Stop,
        partitions: Option<usize>,
    ) -> Table {
        let Inner {
            schema,
            rows,
            parts,
            ..
        } = &*self.0;
        Table(Arc::new(Inner {
            schema: schema.clone(),
            rows: *rows,
            parts: parts.clone(),
            partitions,
            place,
            places: OnceLock::new(),
            stop: stop.clone(),
        }))
    }

    /// The same partitions, place and stop as another table's.
    pub(crate) fn like(&self, other: &Table) -> Table {
        self.set(other.0.place.clone(), other.stop(), other.0.partitions)
    }

    /// Where rows that are made of these may be put aside.
    pub(crate) fn place(&self) -> Option<&SpillFolder> {
        self.0.place.as_ref()
    }

    /// The same rows, no more of which are loaded once the work on them is stopped.
    #[must_use]
    pub fn watched(&self, stop: Stop) -> Table {
        self.set(self.0.place.clone(), &stop, self.0.partitions)
    }

    /// Whether the work on these rows is stopped.
    pub fn stop(&self) -> &Stop {
        &self.0.stop
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.0.rows
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    /// What the columns mean.
    pub fn schema(&self) -> &Schema {
        &self.0.schema
    }

    /// Position of a column in stored order.
    pub(crate) fn position(&self, column: &str) -> Result<usize> {
        let columns = &self.schema().columns;
        let all = || {
            columns
                .iter()
                .enumerate()
                .map(|(at, column)| (column.name.clone(), at))
                .collect()
        };
        let place = self.0.places.get_or_init(all).get(column).copied();
        place.ok_or_else(|| TableError::ColumnMissing {
            column: column.to_owned(),
        })
    }

    /// How often the directory of a partition's file was read, which costs as much as the table has columns. Work on every column
    /// needs few of these, however many columns there are.
    pub fn directories_read(&self) -> u64 {
        match self.parts() {
            Parts::Memory(_) => 0,
            Parts::Files { files, .. } => files.iter().map(|file| file.known.parsed()).sum(),
        }
    }

    /// Number of partitions: shares of consecutive rows, one of which can be loaded by itself.
    pub fn partitions(&self) -> usize {
        self.0.partitions.unwrap_or_else(|| self.pieces())
    }

    /// Number of pieces, in which rows stand in memory or in files.
    pub(crate) fn pieces(&self) -> usize {
        match self.parts() {
            Parts::Memory(frames) => frames.len(),
            Parts::Files { files, .. } => files.len(),
        }
    }

    /// Bytes that it takes: of the values in memory, or of its files.
    pub fn bytes(&self) -> u64 {
        match self.parts() {
            Parts::Memory(frames) => frames.iter().map(Frame::bytes).sum(),
            Parts::Files { files, .. } => files.iter().map(|file| file.bytes).sum(),
        }
    }

    /// One partition as a table in memory; partitions hold consecutive rows in table order.
    pub fn partition(&self, part: usize) -> Result<Table> {
        let partitions = self.partitions();
        if part >= partitions {
            return Err(self.no_piece(part));
        }
        if partitions == self.pieces() {
            return self.piece(part);
        }
        let (start, end) = (
            self.rows() * part / partitions,
            self.rows() * (part + 1) / partitions,
        );
        let (mut rows, mut before) = (self.no_rows(), 0);
        for piece in 0..self.pieces() {
            let here = self.rows_of(piece);
            let (from, to) = (start.max(before), end.min(before + here));
            if from < to {
                let frame = self.load(piece, &self.everything())?;
                rows.append(&frame.slice(from - before, to - from))?;
            }
            before += here;
        }
        Ok(Table::of_frames(self.schema().clone(), vec![rows])?.watched(self.stop().clone()))
    }

    /// One piece as a table in memory.
    pub(crate) fn piece(&self, piece: usize) -> Result<Table> {
        let rows = vec![self.load(piece, &self.everything())?];
        Ok(Table::of_frames(self.schema().clone(), rows)?.watched(self.stop().clone()))
    }

    /// Rows of a piece; none where there is no such piece.
    pub(crate) fn rows_of(&self, piece: usize) -> usize {
        match self.parts() {
            Parts::Memory(frames) => frames.get(piece).map_or(0, Frame::rows),
            Parts::Files { files, .. } => files.get(piece).map_or(0, |file| file.rows),
        }
    }

    fn no_piece(&self, piece: usize) -> TableError {
        TableError::Engine {
            reason: format!("piece {piece} of {} was asked for", self.pieces()),
        }
    }

    /// The ids, in row order.
    pub fn ids(&self) -> Result<Vec<String>> {
        let mut ids = Vec::with_capacity(self.rows());
        for part in 0..self.pieces() {
            let frame = self.load(part, &[0])?;
            ids.extend(
                frame
                    .cells(0)?
                    .texts()
                    .map(|id| id.unwrap_or_default().into_owned()),
            );
        }
        Ok(ids)
    }

    /// The first rows as text, in FATE's order: id, match id, label, weight, features. Missing is empty text. The header
    /// for them is the schema's `display_header()`.
    pub fn preview(&self, limit: usize) -> Result<Vec<Vec<String>>> {
        let mut rows = Vec::new();
        for part in 0..self.pieces() {
            // Rows of a piece beyond the limit are never made text.
            let left = limit - rows.len();
            if left == 0 {
                break;
            }
            let frame = self.load(part, &self.shown())?.slice(0, left);
            for start in (0..frame.rows()).step_by(PIECE) {
                self.stop().go_on()?;
                rows.extend(text_rows(&frame.slice(start, PIECE))?);
            }
        }
        Ok(rows)
    }

    /// BLAKE3 (hex) over the schema and all values in row order; the number of partitions makes no difference.
    pub fn content_hash(&self) -> Result<String> {
        let everything = self.everything();
        let mut hasher = ContentHasher::new(everything.len(), self.stop());
        for part in 0..self.pieces() {
            hasher.push(&self.load(part, &everything)?)?;
        }
        content_hash(self.schema(), &hasher.finish())
    }

    /// Positions of the id and all columns.
    pub(crate) fn everything(&self) -> Vec<usize> {
        (0..=self.schema().columns.len()).collect()
    }

    /// Positions of the id and all columns in the order in which rows are shown.
    pub(crate) fn shown(&self) -> Vec<usize> {
        std::iter::once(0)
            .chain(self.schema().display_order().into_iter().map(|at| at + 1))
            .collect()
    }

    /// Loads columns of a piece; 0 is the id, 1 the first column.
    pub(crate) fn load(&self, part: usize, wanted: &[usize]) -> Result<Frame> {
        self.load_from(part, wanted, true)
    }

    /// The same on the way through all pieces, after which none is looked at for a while: nothing is kept of it.
    pub(crate) fn load_once(&self, part: usize, wanted: &[usize]) -> Result<Frame> {
        self.load_from(part, wanted, false)
    }

    fn load_from(&self, part: usize, wanted: &[usize], keeps: bool) -> Result<Frame> {
        self.stop().go_on()?;
        let no_part = || self.no_piece(part);
        match self.parts() {
            Parts::Memory(frames) => frames.get(part).ok_or_else(no_part)?.pick(wanted),
            Parts::Files { files, stored, .. } => {
                let file = files.get(part).ok_or_else(no_part)?;
                let positions: Option<Vec<usize>> =
                    wanted.iter().map(|at| stored.get(*at).copied()).collect();
                read_frame(
                    &PartFile {
                        path: &file.path,
                        rows: file.rows,
                        bytes: file.bytes,
                        known: &file.known,
                        keeps,
                    },
                    &positions.ok_or_else(no_part)?,
                )
            }
        }
    }

    /// Loads columns of all rows as one frame.
    pub(crate) fn load_whole(&self, wanted: &[usize]) -> Result<Frame> {
        let mut whole: Option<Frame> = None;
        for part in 0..self.pieces() {
            let frame = self.load(part, wanted)?;
            match &mut whole {
                Some(whole) => whole.append(&frame)?,
                None => whole = Some(frame),
            }
        }
        whole.map_or_else(|| self.no_rows().pick(wanted), Ok)
    }

    /// The id and all columns, without a row.
    pub(crate) fn no_rows(&self) -> Frame {
        let kinds: Vec<ColumnKind> = std::iter::once(ColumnKind::Text)
            .chain(self.schema().kinds())
            .collect();
        Frame::empty(&kinds)
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0.parts
    }
}

/// A frame cut into pieces; they share its data.
fn pieces_of(frame: &Frame) -> Vec<Frame> {
    let most = rows_of_a_piece(frame.width());
    // Pieces bound the memory of all later work, whoever made the frame.
    if frame.rows() <= most {
        return vec![frame.clone()];
    }
    let starts = (0..frame.rows()).step_by(most);
    starts.map(|start| frame.slice(start, most)).collect()
}

/// Rows of a frame as text, missing as empty text.
pub(crate) fn text_rows(frame: &Frame) -> Result<Vec<Vec<String>>> {
    let mut rows: Vec<Vec<String>> = (0..frame.rows())
        .map(|_| Vec::with_capacity(frame.width()))
        .collect();
    for column in 0..frame.width() {
        let cells = frame.cells(column)?;
        rows.iter_mut()
            .zip(cells.texts())
            .for_each(|(row, text)| row.push(text.unwrap_or_default().into_owned()));
    }
    Ok(rows)
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
