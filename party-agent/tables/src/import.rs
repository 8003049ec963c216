//! From a delimited text file to a raw table. Every row that does not reach the table is counted with its reason and
//! the line of the first such row.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Read;

use rayon::prelude::*;
use vocabulary::Stop;
use vocabulary::table::{Receipt, Rejection};

use crate::blocks::{Block, Blocks};
use crate::doubts;
use crate::encoding::Decoded;
use crate::error::{Result, TableError};
use crate::frame::{Frame, TextBuilder};
use crate::gathered::Gathered;
use crate::header::{self, Header, delimiter_byte, first_line, listed, look_at, named, schema_of};
use crate::import_options::ImportOptions;
use crate::lines::{Lines, Splitter, Unclosed, join_fields};
use crate::repeated::{Digest, IdHash, RepeatedIds};
use crate::reshape::check_partitions;
use crate::schema::Schema;
use crate::spill::SpillFolder;
use crate::table::Table;

/// Why a row is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Reason {
    LineTooLong,
    FieldTooLong,
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
            Reason::QuoteOpen => "a quote is not closed",
            Reason::TooFewFields => "the row has fewer fields than the header",
            Reason::TooManyFields => "the row has more fields than the header",
            Reason::IdEmpty => "the id is empty",
        }
    }
}

/// Reads a table. `progress` is told the rows read so far, now and then. Blank lines are no rows. Of rows with the same
/// id the last one stands, at its own place. A file of which no row can be kept is an error, and so is one that is no text, or
/// whose rows cannot be told apart.
///
/// One thread cuts the file into blocks of lines while the others split the blocks before them.
pub fn import(
    reader: impl Read + Send,
    options: &ImportOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<(Table, Receipt)> {
    import_to(reader, options, progress, None)
}

/// The same; rows of a large file go where there is a place for them, as they are read.
pub(crate) fn import_to(
    reader: impl Read + Send,
    options: &ImportOptions,
    progress: &mut dyn FnMut(u64),
    place: Option<SpillFolder>,
) -> Result<(Table, Receipt)> {
    check_partitions(options.partitions)?;
    let delimiter = delimiter_byte(options.delimiter)?;
    let (decoded, decoding) = Decoded::of(reader)?;
    let mut lines = Lines::new(decoded, delimiter, options.max_line_bytes);
    let header = if options.head {
        Some(first_line(&mut lines, delimiter, options)?)
    } else {
        None
    };
    if header.is_none() {
        look_at(&mut lines, delimiter, options)?;
    }
    let names = named(header.as_ref(), options)?;
    let schema = schema_of(names.as_deref(), options);
    schema.check()?;
    let ids = Ids::new(options)?;
    let expected = names.as_ref().map(Vec::len);
    let sieve = Sieve {
        options,
        delimiter,
        expected,
        width: schema.columns.len(),
        ids,
        hash: IdHash::new()?,
    };
    let mut intake = Intake::new(place);
    let mut blocks = Blocks::new(lines);
    // The first round before the loop: ids are doubted by its lines before any row is kept.
    let mut round = blocks.round()?;
    let doubt = doubt_of_ids(header.as_ref(), round.first(), options)?;
    while !round.is_empty() {
        // The next round is cut while this one is split: reading a file is one thread's work.
        let (next, pieces) = rayon::join(
            || blocks.round(),
            || {
                round
                    .par_iter()
                    .map(|block| sieve.piece(block))
                    .collect::<Result<Vec<Piece>>>()
            },
        );
        pieces?
            .into_iter()
            .try_for_each(|piece| intake.take(piece))?;
        progress(intake.receipt.rows_in);
        blocks.take_back(std::mem::replace(&mut round, next?));
    }
    progress(intake.receipt.rows_in);
    let (padded, spaced) = (intake.padded, intake.spaced);
    let (table, mut receipt) = intake.finish(schema)?;
    // An empty table would fail somewhere later, where nobody knows the file.
    if receipt.stored == 0 {
        return Err(no_rows(&receipt, options.head));
    }
    receipt.notes.extend(decoding);
    receipt.notes.extend(
        header
            .iter()
            .flat_map(|header| header.notes.iter().cloned()),
    );
    receipt.notes.extend(doubt);
    if padded > 0 {
        receipt.notes.push(format!(
            "{padded} rows end with empty fields after their last column, which are left out"
        ));
    }
    if spaced > 0 {
        let what = "ids have spaces before or behind them: they are other ids than those without";
        receipt.notes.push(format!("{spaced} {what}"));
    }
    let unnamed = header.as_ref().map_or(0, |header| header.unnamed);
    let table = without_unnamed(
        table,
        (unnamed, usize::from(!options.extend_sid)),
        &mut receipt,
    )?;
    if let Some(header) = &header {
        receipt.notes.extend(called_by_number(&table, header)?);
    }
    Ok((table.in_partitions(options.partitions)?, receipt))
}

/// Whether the ids look as if the fields were delimited otherwise; see [`doubts::in_ids`].
fn doubt_of_ids(
    header: Option<&Header>,
    block: Option<&Block>,
    options: &ImportOptions,
) -> Result<Option<String>> {
    let rows = block
        .into_iter()
        .flat_map(Block::each)
        .take(doubts::LOOKED_AT);
    // What is no text is refused where the rows are read.
    let rows = rows.filter_map(|(number, line)| Some((number, std::str::from_utf8(line?).ok()?)));
    let lines: Vec<(u64, &str)> = header
        .map(|header| (header.line.0, header.line.1.as_str()))
        .into_iter()
        .chain(rows)
        .collect();
    let texts: Vec<&str> = lines.iter().map(|(_, text)| *text).collect();
    doubts::in_ids(
        lines.first().map_or(1, |(number, _)| *number),
        &texts,
        options,
    )
}

/// Notes on columns that the file does not name and that go by their numbers.
fn called_by_number(table: &Table, header: &Header) -> Result<Vec<String>> {
    let kept: HashSet<&str> = table
        .schema()
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let mut places = Vec::new();
    for at in &header.nameless {
        let name = header
            .names
            .get(*at)
            .filter(|name| kept.contains(name.as_str()));
        let Some(name) = name else { continue };
        if table
            .texts(name)?
            .iter()
            .flatten()
            .any(|text| !text.trim().is_empty())
        {
            places.push((*at + 1, name));
        }
    }
    let numbers: Vec<usize> = places.iter().map(|(number, _)| *number).collect();
    let first = places.first().map(|(_, name)| *name);
    Ok(first
        .map(|name| match numbers.len() {
            1 => format!(
                "{} has values and no name: it is called {name}",
                listed(&numbers)
            ),
            _ => format!(
                "{} have values and no name: they are called by their numbers, as {name}",
                listed(&numbers)
            ),
        })
        .into_iter()
        .collect())
}

/// Why there is no table: what became of the rows, and where.
fn no_rows(receipt: &Receipt, head: bool) -> TableError {
    if receipt.rows_in == 0 {
        let reason = "after the line with the column names there is no row".to_owned();
        return if head {
            TableError::NoRows { reason }
        } else {
            TableError::FileEmpty
        };
    }
    let reasons = receipt.reasons.iter();
    let reasons: Vec<String> = reasons
        .map(|found| {
            format!(
                "line {}: {} ({} rows)",
                found.first_line, found.reason, found.rows
            )
        })
        .collect();
    TableError::NoRows {
        reason: format!(
            "{} rows are refused, from {}",
            receipt.rejected,
            reasons.join("; ")
        ),
    }
}

/// The table without those of its last columns that have neither a name nor a value: spreadsheets write them. `before` is 1 where
/// the id stands before them.
fn without_unnamed(
    table: Table,
    (unnamed, before): (usize, usize),
    receipt: &mut Receipt,
) -> Result<Table> {
    let columns = &table.schema().columns;
    let first = columns.len().saturating_sub(unnamed);
    let (mut kept, mut dropped): (Vec<&str>, _) = (Vec::with_capacity(columns.len()), Vec::new());
    for (at, column) in columns.iter().enumerate() {
        let blank = |text: Option<&str>| text.unwrap_or_default().trim().is_empty();
        if at >= first
            && table
                .texts(&column.name)?
                .iter()
                .all(|text| blank(text.as_deref()))
        {
            dropped.push(at + 1 + before);
        } else {
            kept.push(&column.name);
        }
    }
    if dropped.is_empty() {
        return Ok(table);
    }
    receipt.notes.push(format!(
        "columns without a name and without any value are left out: {}",
        listed(&dropped)
    ));
    table.select(&kept)
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
            return Ok(Ids::MadeUp {
                prefix: String::new(),
            });
        }
        // Random, so that the made-up ids of two parties never match by accident.
        let prefix = vocabulary::random_name().map_err(|error| TableError::Unreadable {
            what: "the source of randomness",
            source: std::io::Error::other(error),
        })?;
        Ok(Ids::MadeUp { prefix })
    }
}

/// What lines must be like to become rows.
struct Sieve<'a> {
    options: &'a ImportOptions,
    delimiter: u8,
    /// Fields of a row, where a header says so.
    expected: Option<usize>,
    /// Columns besides the id.
    width: usize,
    ids: Ids,
    hash: IdHash,
}

/// The rows of a block, and those that are none.
struct Piece {
    frame: Frame,
    /// Of the id of each row, in order.
    digests: Vec<Digest>,
    rows_in: u64,
    /// Rows with empty fields after the last column.
    padded: u64,
    /// Ids with spaces around them.
    spaced: u64,
    refused: Refused,
}

/// A row that is kept.
struct KeptRow {
    digest: Digest,
    padded: bool,
    spaced: bool,
}

impl Sieve<'_> {
    fn piece(&self, block: &Block) -> Result<Piece> {
        let mut rows = TextBuilder::new(self.width, block.lines());
        let mut digests = Vec::with_capacity(block.lines());
        let mut splitter = Splitter::new(self.delimiter);
        let (mut rows_in, mut padded, mut spaced, mut refused) = (0, 0, 0, Refused::default());
        for (number, line) in block.each() {
            let taken = match line {
                Some(line) => {
                    let text = header::text_of(line, number)?;
                    self.take(text, block.first_row + rows_in, &mut splitter, &mut rows)
                }
                None => Err(Reason::LineTooLong),
            };
            match taken {
                Ok(taken) => {
                    digests.push(taken.digest);
                    padded += u64::from(taken.padded);
                    spaced += u64::from(taken.spaced);
                }
                Err(reason) => refused.note(reason, 1, number),
            }
            rows_in += 1;
        }
        Ok(Piece {
            frame: rows.finish()?,
            digests,
            rows_in,
            padded,
            spaced,
            refused,
        })
    }

    /// Puts a record into the rows.
    fn take(
        &self,
        text: &str,
        row: u64,
        splitter: &mut Splitter,
        rows: &mut TextBuilder,
    ) -> std::result::Result<KeptRow, Reason> {
        let mut fields = Vec::with_capacity(self.expected.unwrap_or_default());
        splitter
            .split(text, &mut fields)
            .map_err(|Unclosed| Reason::QuoteOpen)?;
        if fields
            .iter()
            .any(|field| field.len() > self.options.max_field_bytes)
        {
            return Err(Reason::FieldTooLong);
        }
        let expected = self.expected.unwrap_or(fields.len());
        let padded = fields.len() > expected;
        // Empty ones are what spreadsheets write behind the last column; anything else is data.
        if fields.iter().skip(expected).any(|field| !field.is_empty()) {
            return Err(Reason::TooManyFields);
        }
        fields.truncate(expected);
        if fields.len() < expected {
            return Err(Reason::TooFewFields);
        }
        let id = match &self.ids {
            Ids::Column(at) if *at < fields.len() => Cow::Borrowed(fields.remove(*at)),
            Ids::Column(_) => return Err(Reason::IdEmpty),
            Ids::MadeUp { prefix } => Cow::Owned(format!("{prefix}{row}")),
        };
        // Trimmed for the question only: ids are kept as they are, since other parties compare
        // bytes.
        if id.trim().is_empty() {
            return Err(Reason::IdEmpty);
        }
        if self.expected.is_some() {
            rows.push(&id, fields);
        } else {
            let value = join_fields(&fields, self.options.delimiter);
            rows.push(&id, [value.as_str()]);
        }
        Ok(KeptRow {
            digest: self.hash.digest(&id),
            padded,
            spaced: id.trim().len() < id.len(),
        })
    }
}

/// Refused rows by reason, in the order of the first of each.
#[derive(Default)]
struct Refused(Vec<(Reason, Rejection)>);

impl Refused {
    fn note(&mut self, reason: Reason, rows: u64, first_line: u64) {
        match self.0.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, rejection)) => rejection.rows += rows,
            None => self.0.push((
                reason,
                Rejection {
                    reason: reason.text().to_owned(),
                    rows,
                    first_line,
                },
            )),
        }
    }
}

/// Pieces on their way into a table, in the order of the file.
struct Intake {
    gathered: Gathered,
    receipt: Receipt,
    refused: Refused,
    padded: u64,
    spaced: u64,
    ids: RepeatedIds,
}

impl Intake {
    fn new(place: Option<SpillFolder>) -> Self {
        Self {
            ids: RepeatedIds::new(place.clone()),
            gathered: Gathered::new(place, &Stop::NEVER),
            receipt: Receipt::default(),
            refused: Refused::default(),
            padded: 0,
            spaced: 0,
        }
    }

    fn take(&mut self, piece: Piece) -> Result<()> {
        self.receipt.rows_in += piece.rows_in;
        self.padded += piece.padded;
        self.spaced += piece.spaced;
        self.receipt.rejected += piece.rows_in - piece.digests.len() as u64;
        for (reason, rejection) in piece.refused.0 {
            self.refused
                .note(reason, rejection.rows, rejection.first_line);
        }
        piece
            .digests
            .iter()
            .try_for_each(|digest| self.ids.push(digest))?;
        self.gathered.push(&piece.frame)
    }

    fn finish(mut self, schema: Schema) -> Result<(Table, Receipt)> {
        let accepted = self.ids.rows() as u64;
        let replaced = self.ids.finish()?;
        self.receipt.replaced = replaced.rows;
        self.receipt.stored = accepted - replaced.rows;
        self.receipt.reasons = self
            .refused
            .0
            .into_iter()
            .map(|(_, rejection)| rejection)
            .collect();
        let table = self.gathered.finish(schema, None)?;
        if replaced.rows == 0 {
            return Ok((table, self.receipt));
        }
        // In a second walk: which row is the last of its id is known only at the end of the file.
        let table = table.rows_where(|row| !replaced.contains(row))?;
        Ok((table, self.receipt))
    }
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
