//! From a delimited text file to a raw table. Every row that does not reach the table is counted with its reason and
//! the line of the first such row.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;

use rayon::prelude::*;
use serde_json::{Map, Value};
use vocabulary::table::{Receipt, Rejection};

use crate::blocks::{Block, Blocks};
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
///
/// One thread cuts the file into blocks of lines while the others split the blocks before them.
pub fn import(
    reader: impl Read + Send,
    options: &ImportOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<(Table, Receipt)> {
    check_partitions(options.partitions)?;
    let delimiter = delimiter_byte(options.delimiter)?;
    let mut lines = Lines::new(reader, options.max_line_bytes);
    let header = if options.head { Some(first_line(&mut lines, delimiter, options)?) } else { None };
    let header = named(header, options)?;
    let schema = schema_of(header.as_deref(), options);
    schema.check()?;
    let ids = Ids::new(options)?;
    let sieve =
        Sieve { options, delimiter, expected: header.map(|header| header.len()), width: schema.columns.len() + 1, ids };
    let mut intake = Intake::default();
    let mut blocks = Blocks::new(lines);
    let mut round = blocks.round()?;
    while !round.is_empty() {
        let (next, pieces) = rayon::join(
            || blocks.round(),
            || round.par_iter().map(|block| sieve.piece(block)).collect::<Result<Vec<Piece>>>(),
        );
        pieces?.into_iter().for_each(|piece| intake.take(piece));
        progress(intake.receipt.rows_in);
        round = next?;
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

fn first_line<R: Read>(lines: &mut Lines<R>, delimiter: u8, options: &ImportOptions) -> Result<Vec<String>> {
    let invalid = |reason: &str| TableError::HeaderInvalid { reason: reason.to_owned() };
    match lines.advance().map_err(TableError::reading("the file"))? {
        Line::End => return Err(TableError::FileEmpty),
        Line::TooLong => return Err(invalid(Reason::LineTooLong.text())),
        Line::Whole if lines.line.is_empty() => return Err(invalid("it is a blank line")),
        Line::Whole => {}
    }
    let text = std::str::from_utf8(&lines.line).map_err(|_| invalid(Reason::NotUtf8.text()))?;
    let (mut splitter, mut fields) = (Splitter::new(delimiter), Vec::new());
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
    first_line(&mut lines, delimiter_byte(options.delimiter)?, options)
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

/// What lines must be like to become rows.
struct Sieve<'a> {
    options: &'a ImportOptions,
    delimiter: u8,
    /// Fields of a row, where a header says so.
    expected: Option<usize>,
    /// Columns, the id among them.
    width: usize,
    ids: Ids,
}

/// The rows of a block, and those that are none.
struct Piece {
    frame: Frame,
    /// Of each row, in order. Ids are kept as 128 bits of their hash: half the memory of the texts, and no two texts of
    /// one hash can be found.
    digests: Vec<[u8; 16]>,
    rows_in: u64,
    refused: Refused,
}

impl Sieve<'_> {
    fn piece(&self, block: &Block) -> Result<Piece> {
        let mut rows = TextBuilder::new(self.width, block.lines());
        let mut digests = Vec::with_capacity(block.lines());
        let mut splitter = Splitter::new(self.delimiter);
        let (mut rows_in, mut refused) = (0, Refused::default());
        for (number, line) in block.each() {
            let taken = match line {
                Some(line) => self.take(line, block.first_row + rows_in, &mut splitter, &mut rows),
                None => Err(Reason::LineTooLong),
            };
            match taken {
                Ok(digest) => digests.push(digest),
                Err(reason) => refused.note(reason, 1, number),
            }
            rows_in += 1;
        }
        Ok(Piece { frame: rows.finish()?, digests, rows_in, refused })
    }

    /// Puts a line into the rows; gives the digest of its id.
    fn take(
        &self,
        line: &[u8],
        row: u64,
        splitter: &mut Splitter,
        rows: &mut TextBuilder,
    ) -> std::result::Result<[u8; 16], Reason> {
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
            Ids::Column(at) if *at < fields.len() => Cow::Borrowed(fields.remove(*at)),
            Ids::Column(_) => return Err(Reason::IdEmpty),
            Ids::MadeUp { prefix } => Cow::Owned(format!("{prefix}{row}")),
        };
        if id.trim().is_empty() {
            return Err(Reason::IdEmpty);
        }
        if self.expected.is_some() {
            rows.push(std::iter::once(id.as_ref()).chain(fields));
        } else {
            let value = join_fields(&fields, self.options.delimiter);
            rows.push([id.as_ref(), value.as_str()]);
        }
        Ok(digest(&id))
    }
}

/// Refused rows by reason, in the order of the first of each.
#[derive(Default)]
struct Refused(Vec<(Reason, Rejection)>);

impl Refused {
    fn note(&mut self, reason: Reason, rows: u64, first_line: u64) {
        match self.0.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, rejection)) => rejection.rows += rows,
            None => self.0.push((reason, Rejection { reason: reason.text().to_owned(), rows, first_line })),
        }
    }
}

/// Pieces on their way into a table, in the order of the file.
#[derive(Default)]
struct Intake {
    frames: Vec<Frame>,
    receipt: Receipt,
    refused: Refused,
    accepted: usize,
    /// The latest row of each id.
    latest: HashMap<[u8; 16], usize>,
    replaced: Vec<usize>,
}

impl Intake {
    fn take(&mut self, piece: Piece) {
        self.receipt.rows_in += piece.rows_in;
        self.receipt.rejected += piece.rows_in - piece.digests.len() as u64;
        for (reason, rejection) in piece.refused.0 {
            self.refused.note(reason, rejection.rows, rejection.first_line);
        }
        for digest in piece.digests {
            self.replaced.extend(self.latest.insert(digest, self.accepted));
            self.accepted += 1;
        }
        self.frames.push(piece.frame);
    }

    fn finish(mut self) -> Result<(Vec<Frame>, Receipt)> {
        self.receipt.replaced = self.replaced.len() as u64;
        self.receipt.stored = (self.accepted - self.replaced.len()) as u64;
        self.receipt.reasons = self.refused.0.into_iter().map(|(_, rejection)| rejection).collect();
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
