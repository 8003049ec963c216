//! From a delimited text file to a raw table. Every row that does not reach the table is counted with its reason and
//! the line of the first such row.

use std::collections::HashMap;
use std::io::Read;

use serde_json::{Map, Value};
use vocabulary::table::{Receipt, Rejection};

use crate::error::{Result, TableError};
use crate::frame::{Frame, TextBuilder};
use crate::lines::{Line, Lines, Splitter, Unclosed, join_fields};
use crate::reshape::check_partitions;
use crate::schema::{Column, ColumnKind, Part, Schema, TableKind};
use crate::table::Table;

/// How a file is to be read.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// What separates fields: one ASCII character.
    pub delimiter: char,
    /// Whether the first line names the columns. Without a header a row is its id and the rest of its line as it is (a
    /// single text column `value`): rows of tag and sparse formats differ in length.
    pub head: bool,
    /// Position of the id among the columns, from 0.
    pub id_column: usize,
    /// Another name of the id column than the header's, or its name where there is no header.
    pub id_name: Option<String>,
    /// Other names of the columns besides the id than the header's, in the order of the file. Without a header they say
    /// that rows have so many columns.
    pub column_names: Option<Vec<String>>,
    /// Whether ids are made up; every column is then kept as a value.
    pub extend_sid: bool,
    /// Whether made-up ids are the plain row number, instead of a random text and the row number.
    pub auto_increasing_sid: bool,
    /// Partitions of the table, 1 to 1023.
    pub partitions: u32,
    /// What else the schema is to say.
    pub meta: Map<String, Value>,
    /// The most bytes of a line.
    pub max_line_bytes: usize,
    /// The most bytes of a field.
    pub max_field_bytes: usize,
}

impl Default for ImportOptions {
    /// Commas, a header, the id in the first column, 4 partitions, lines up to 16 MiB, fields up to 1 MiB.
    fn default() -> Self {
        Self {
            delimiter: ',',
            head: true,
            id_column: 0,
            id_name: None,
            column_names: None,
            extend_sid: false,
            auto_increasing_sid: false,
            partitions: 4,
            meta: Map::new(),
            max_line_bytes: 16 << 20,
            max_field_bytes: 1 << 20,
        }
    }
}

/// Rows per piece while building; also how often progress is told.
const PIECE: usize = 8192;

/// Why a row is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Reason {
    LineTooLong,
    FieldTooLong,
    NotUtf8,
    QuoteOpen,
    TooFewFields,
    TooManyFields,
    IdEmpty,
}

impl Reason {
    fn text(self) -> &'static str {
        match self {
            Reason::LineTooLong => "the line is too long",
            Reason::FieldTooLong => "a field is too long",
            Reason::NotUtf8 => "the line is not valid UTF-8",
            Reason::QuoteOpen => "a quote is not closed on its line",
            Reason::TooFewFields => "the row has fewer fields than the header",
            Reason::TooManyFields => "the row has more fields than the header",
            Reason::IdEmpty => "the id is empty",
        }
    }
}

/// Reads a table. `progress` is told the rows read so far, now and then. Blank lines are no rows. Of rows with the same
/// id the last one stands, at its own place.
pub fn import(reader: impl Read, options: &ImportOptions, progress: &mut dyn FnMut(u64)) -> Result<(Table, Receipt)> {
    check_partitions(options.partitions)?;
    let delimiter = delimiter_byte(options.delimiter)?;
    let mut lines = Lines::new(reader, options.max_line_bytes);
    let mut splitter = Splitter::new(delimiter);
    let header = if options.head { Some(first_line(&mut lines, &mut splitter, options)?) } else { None };
    let header = named(header, options)?;
    let schema = schema_of(header.as_deref(), options);
    schema.check()?;
    let ids = Ids::new(options)?;
    let mut intake = Intake::new(options, header.map(|header| header.len()), schema.columns.len(), ids);
    loop {
        let line = lines.advance().map_err(TableError::reading("the file"))?;
        match line {
            Line::End => break,
            Line::Whole if lines.line.is_empty() => continue,
            Line::Whole => intake.take(&lines.line, lines.number, &mut splitter)?,
            Line::TooLong => intake.reject(Reason::LineTooLong, lines.number),
        }
        if intake.receipt.rows_in.is_multiple_of(PIECE as u64) {
            progress(intake.receipt.rows_in);
        }
    }
    if intake.receipt.rows_in == 0 && !options.head {
        return Err(TableError::FileEmpty);
    }
    progress(intake.receipt.rows_in);
    let (frames, receipt) = intake.finish()?;
    Ok((Table::of_frames(schema, frames)?.in_partitions(options.partitions)?, receipt))
}

fn delimiter_byte(delimiter: char) -> Result<u8> {
    let byte = u8::try_from(delimiter).ok().filter(u8::is_ascii);
    let usable = byte.filter(|byte| !matches!(byte, b'"' | b'\n' | b'\r' | 0));
    usable.ok_or(TableError::DelimiterInvalid { delimiter })
}

fn first_line<R: Read>(lines: &mut Lines<R>, splitter: &mut Splitter, options: &ImportOptions) -> Result<Vec<String>> {
    let invalid = |reason: &str| TableError::HeaderInvalid { reason: reason.to_owned() };
    match lines.advance().map_err(TableError::reading("the file"))? {
        Line::End => return Err(TableError::FileEmpty),
        Line::TooLong => return Err(invalid(Reason::LineTooLong.text())),
        Line::Whole if lines.line.is_empty() => return Err(invalid("it is a blank line")),
        Line::Whole => {}
    }
    let text = std::str::from_utf8(&lines.line).map_err(|_| invalid(Reason::NotUtf8.text()))?;
    let mut fields = Vec::new();
    splitter.split(text, &mut fields).map_err(|Unclosed| invalid(Reason::QuoteOpen.text()))?;
    let mut seen = std::collections::HashSet::new();
    if let Some(column) = fields.iter().find(|field| !seen.insert(**field)) {
        return Err(TableError::HeaderInvalid { reason: format!("column {column:?} stands twice") });
    }
    if !options.extend_sid && options.id_column >= fields.len() {
        let reason = format!("the id is to be in column {}, there are {}", options.id_column, fields.len());
        return Err(TableError::HeaderInvalid { reason });
    }
    Ok(fields.into_iter().map(str::to_owned).collect())
}

/// The fields of a file's first line, to see whether it is a header and where its columns are.
pub fn read_header(reader: impl Read, options: &ImportOptions) -> Result<Vec<String>> {
    let mut lines = Lines::new(reader, options.max_line_bytes);
    let mut splitter = Splitter::new(delimiter_byte(options.delimiter)?);
    first_line(&mut lines, &mut splitter, options)
}

/// The header under the names that were asked for; made of them where the file has none.
fn named(header: Option<Vec<String>>, options: &ImportOptions) -> Result<Option<Vec<String>>> {
    let id_at = (!options.extend_sid).then_some(options.id_column);
    let mut names = match (&options.column_names, header) {
        (None, header) => header,
        (Some(names), header) => {
            let mut full = names.clone();
            if let Some(at) = id_at {
                let own = header.as_ref().and_then(|header| header.get(at).cloned()).unwrap_or_default();
                full.insert(at.min(full.len()), own);
            }
            if let Some(header) = header.filter(|header| header.len() != full.len()) {
                let reason = format!("{} columns are named, the file has {}", full.len(), header.len());
                return Err(TableError::HeaderInvalid { reason });
            }
            Some(full)
        }
    };
    if let (Some(names), Some(at), Some(id)) = (&mut names, id_at, &options.id_name) {
        names.get_mut(at).into_iter().for_each(|name| name.clone_from(id));
    }
    Ok(names)
}

/// The schema of the raw table; without a header, one text column `value`.
fn schema_of(header: Option<&[String]>, options: &ImportOptions) -> Schema {
    let id_at = (!options.extend_sid).then_some(options.id_column);
    let text = |name: &str| Column::new(name, ColumnKind::Text, Part::Feature);
    let (id_name, columns) = match header {
        Some(names) => {
            let id_name = id_at.map_or("extend_sid", |at| names.get(at).map_or("", String::as_str));
            let kept = names.iter().enumerate().filter(|(at, _)| Some(*at) != id_at);
            (id_name, kept.map(|(_, name)| text(name)).collect())
        }
        None => (if options.extend_sid { "extend_sid" } else { "" }, vec![text("value")]),
    };
    Schema {
        header: header.is_some(),
        delimiter: options.delimiter,
        meta: options.meta.clone(),
        ..Schema::new(TableKind::Raw, id_name, columns)
    }
}

/// Where a row's id comes from.
enum Ids {
    Column(usize),
    MadeUp { prefix: String },
}

impl Ids {
    fn new(options: &ImportOptions) -> Result<Self> {
        if !options.extend_sid {
            return Ok(Ids::Column(options.id_column));
        }
        if options.auto_increasing_sid {
            return Ok(Ids::MadeUp { prefix: String::new() });
        }
        // Random, so that the made-up ids of two parties never match by accident.
        let mut bytes = [0; 16];
        let unreadable =
            |error: getrandom::Error| TableError::Unreadable { what: "the source of randomness", source: error.into() };
        getrandom::fill(&mut bytes).map_err(unreadable)?;
        Ok(Ids::MadeUp { prefix: bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")) })
    }
}

/// The first 128 bits of the id's hash.
fn digest(id: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.iter_mut().zip(blake3::hash(id.as_bytes()).as_bytes()).for_each(|(to, from)| *to = *from);
    short
}

/// Rows on their way into a table.
struct Intake<'a> {
    options: &'a ImportOptions,
    /// Fields of a row, where a header says so.
    expected: Option<usize>,
    width: usize,
    ids: Ids,
    piece: TextBuilder,
    frames: Vec<Frame>,
    receipt: Receipt,
    refused: Vec<(Reason, Rejection)>,
    accepted: usize,
    /// The latest row of each id. Ids are kept as 128 bits of their hash: half the memory of the texts, and no two
    /// texts of one hash can be found.
    latest: HashMap<[u8; 16], usize>,
    replaced: Vec<usize>,
}

impl<'a> Intake<'a> {
    fn new(options: &'a ImportOptions, expected: Option<usize>, columns: usize, ids: Ids) -> Self {
        Self {
            options,
            expected,
            width: columns + 1,
            ids,
            piece: TextBuilder::new(columns + 1, PIECE),
            frames: Vec::new(),
            receipt: Receipt::default(),
            refused: Vec::new(),
            accepted: 0,
            latest: HashMap::new(),
            replaced: Vec::new(),
        }
    }

    fn reject(&mut self, reason: Reason, line: u64) {
        self.receipt.rows_in += 1;
        self.receipt.rejected += 1;
        match self.refused.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, rejection)) => rejection.rows += 1,
            None => {
                let rejection = Rejection { reason: reason.text().to_owned(), rows: 1, first_line: line };
                self.refused.push((reason, rejection));
            }
        }
    }

    fn take(&mut self, line: &[u8], number: u64, splitter: &mut Splitter) -> Result<()> {
        match self.try_take(line, splitter) {
            Ok(()) => self.receipt.rows_in += 1,
            Err(reason) => self.reject(reason, number),
        }
        if self.piece.rows() >= PIECE {
            self.close_piece()?;
        }
        Ok(())
    }

    fn try_take(&mut self, line: &[u8], splitter: &mut Splitter) -> std::result::Result<(), Reason> {
        let text = std::str::from_utf8(line).map_err(|_| Reason::NotUtf8)?;
        let mut fields = Vec::with_capacity(self.expected.unwrap_or_default());
        splitter.split(text, &mut fields).map_err(|Unclosed| Reason::QuoteOpen)?;
        if fields.iter().any(|field| field.len() > self.options.max_field_bytes) {
            return Err(Reason::FieldTooLong);
        }
        match self.expected {
            Some(expected) if fields.len() < expected => return Err(Reason::TooFewFields),
            Some(expected) if fields.len() > expected => return Err(Reason::TooManyFields),
            _ => {}
        }
        let id = match &self.ids {
            Ids::Column(at) if *at < fields.len() => fields.remove(*at).to_owned(),
            Ids::Column(_) => return Err(Reason::IdEmpty),
            Ids::MadeUp { prefix } => format!("{prefix}{}", self.receipt.rows_in),
        };
        if id.trim().is_empty() {
            return Err(Reason::IdEmpty);
        }
        let row = self.accepted;
        self.replaced.extend(self.latest.insert(digest(&id), row));
        self.accepted += 1;
        if self.expected.is_some() {
            self.piece.push(std::iter::once(id.as_str()).chain(fields));
        } else {
            let value = join_fields(&fields, self.options.delimiter);
            self.piece.push([id.as_str(), value.as_str()]);
        }
        Ok(())
    }

    fn close_piece(&mut self) -> Result<()> {
        let piece = std::mem::replace(&mut self.piece, TextBuilder::new(self.width, PIECE));
        self.frames.push(piece.finish()?);
        Ok(())
    }

    fn finish(mut self) -> Result<(Vec<Frame>, Receipt)> {
        self.close_piece()?;
        self.receipt.replaced = self.replaced.len() as u64;
        self.receipt.stored = (self.accepted - self.replaced.len()) as u64;
        self.receipt.reasons = self.refused.into_iter().map(|(_, rejection)| rejection).collect();
        let mut keep = vec![true; if self.replaced.is_empty() { 0 } else { self.accepted }];
        for row in self.replaced {
            keep.get_mut(row).into_iter().for_each(|kept| *kept = false);
        }
        let mut start = 0;
        for frame in &mut self.frames {
            let end = start + frame.rows();
            if let Some(keep) = keep.get(start..end).filter(|keep| keep.contains(&false)) {
                *frame = frame.filter(keep)?;
            }
            start = end;
        }
        Ok((self.frames, self.receipt))
    }
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
