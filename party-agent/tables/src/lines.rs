//! Records of a file as fields, within bounds. A record is one line, or as many as a quoted field of it spans (RFC 4180). What
//! breaks the rules for quotes and line ends spoils the file: nobody can tell any more where its rows begin.

use std::io::{self, BufRead, Read};

use csv_core::{ReadRecordResult, Terminator};

use crate::error::{Result, TableError};

/// A record as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// It is in the buffer, without its end.
    Whole,
    /// It was longer than allowed and is gone.
    TooLong,
    /// There is no further record.
    End,
}

/// Where in a record the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// A field begins here.
    Start,
    /// Nothing but space in this field so far.
    Blank,
    /// In a field without quotes.
    Plain,
    /// After a quote that follows space: another one has to come in this field.
    Loose,
    /// In a quoted field.
    Quoted,
    /// After a quote in a quoted field: its end, or half of a doubled one.
    Closing,
    /// After a carriage return: only the end of the line may follow.
    Ending,
}

/// Whether one of two bytes is among these. A block is looked at without a branch, many bytes in one step: each line passes here.
pub(crate) fn holds(bytes: &[u8], [one, other]: [u8; 2]) -> bool {
    let found = |block: &[u8]| {
        let each = block.iter();
        each.fold(false, |found, byte| {
            found | (*byte == one) | (*byte == other)
        })
    };
    // Within a block no early exit, which the compiler turns into vector code; between blocks one.
    bytes.chunks(256).any(found)
}

/// Follows quotes through a record.
struct Scan {
    delimiter: u8,
    at: At,
}

impl Scan {
    fn step(&mut self, byte: u8) -> std::result::Result<(), &'static str> {
        self.at = match (self.at, byte) {
            (At::Quoted, b'"') => At::Closing,
            (At::Closing, b'"') | (At::Quoted, _) => At::Quoted,
            (At::Ending, _) => return Err(LONE_RETURN),
            (At::Loose, b'"') => At::Plain,
            (At::Loose, b'\r') => return Err(LOOSE),
            (At::Loose, byte) if byte == self.delimiter => return Err(LOOSE),
            (_, b'\r') => At::Ending,
            (_, byte) if byte == self.delimiter => At::Start,
            (At::Closing, _) => return Err("text follows a closing quote"),
            (At::Start, b'"') => At::Quoted,
            (At::Blank, b'"') => At::Loose,
            (At::Loose, _) => At::Loose,
            (At::Start | At::Blank, b' ' | b'\t') => At::Blank,
            (At::Start | At::Blank | At::Plain, _) => At::Plain,
        };
        Ok(())
    }

    /// Follows a piece of a line; the line feed at its end is no part of it.
    fn feed(&mut self, piece: &[u8]) -> std::result::Result<(), &'static str> {
        if self.at == At::Start && !holds(piece, [b'"', b'\r']) {
            // Most lines of most files. A field begins somewhere in it, and none is open at its end.
            return Ok(());
        }
        if self.at == At::Start && !piece.contains(&b'"') {
            let inner = piece.split_last().map_or(piece, |(_, inner)| inner);
            return if inner.contains(&b'\r') {
                Err(LONE_RETURN)
            } else {
                Ok(())
            };
        }
        piece.iter().try_for_each(|byte| self.step(*byte))
    }

    fn is_open(&self) -> bool {
        self.at == At::Quoted
    }
}

const LONE_RETURN: &str =
    "it holds a carriage return that ends no line (old Mac line ends?); lines end with LF or CRLF";
const LOOSE: &str = "a quote after a space is not closed in its field";

/// Reads records of bounded length.
pub(crate) struct Lines<R> {
    input: io::BufReader<R>,
    longest: usize,
    scan: Scan,
    /// Lines of the file so far.
    read: u64,
    /// Number of the line in which the record last read begins, from 1.
    pub(crate) number: u64,
    pub(crate) line: Vec<u8>,
    again: Option<Line>,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(input: R, delimiter: u8, longest: usize) -> Self {
        let input = io::BufReader::with_capacity(1 << 16, input);
        let scan = Scan {
            delimiter,
            at: At::Start,
        };
        Self {
            input,
            longest,
            scan,
            read: 0,
            number: 0,
            line: Vec::new(),
            again: None,
        }
    }

    /// The record last read is read once more.
    pub(crate) fn repeat(&mut self, read: Line) {
        self.again = Some(read);
    }

    /// Reads the next record into `line`. Fails where a quote is not closed, or a line ends otherwise than lines do.
    pub(crate) fn advance(&mut self) -> Result<Line> {
        if let Some(read) = self.again.take() {
            return Ok(read);
        }
        self.line.clear();
        // Each record begins anew: what was open before has been told as an error.
        self.scan.at = At::Start;
        self.number = self.read + 1;
        loop {
            let start = self.line.len();
            // One more than a longest line with its end, to see that there is more.
            let limit = u64::try_from(self.longest.saturating_sub(start))
                .unwrap_or(u64::MAX)
                .saturating_add(3);
            let failed = TableError::reading("the file");
            let read = self
                .input
                .by_ref()
                .take(limit)
                .read_until(b'\n', &mut self.line)
                .map_err(failed)?;
            if read == 0 {
                return if start == 0 {
                    Ok(Line::End)
                } else {
                    Err(self.never_closed())
                };
            }
            self.read += 1;
            let ended = self.line.ends_with(b"\n");
            let text = self.line.len() - usize::from(ended);
            let returned = usize::from(
                self.line
                    .get(..text)
                    .is_some_and(|line| line.ends_with(b"\r")),
            );
            // Without the line's end, which is one byte or two and no content.
            if text - returned > self.longest {
                return self.too_long(start, ended);
            }
            let piece = self.line.get(start..text).unwrap_or_default();
            self.scan
                .feed(piece)
                .map_err(|reason| TableError::TextBroken {
                    line: self.read,
                    reason,
                })?;
            if self.scan.at == At::Loose {
                return Err(TableError::TextBroken {
                    line: self.read,
                    reason: LOOSE,
                });
            }
            if !self.scan.is_open() {
                self.line.truncate(text - returned);
                return Ok(Line::Whole);
            }
            // The line's end belongs to the field; a file that ends here never closed it.
            if !ended {
                return Err(self.never_closed());
            }
        }
    }

    fn never_closed(&self) -> TableError {
        TableError::TextBroken {
            line: self.number,
            reason: "a quote opens in its row and is not closed",
        }
    }

    /// Passes over the rest of a line; the quotes in it have to close in it, since nobody would see the next row begin.
    fn too_long(&mut self, start: usize, mut ended: bool) -> Result<Line> {
        let number = self.read;
        let broken = |reason| TableError::TextBroken {
            line: number,
            reason,
        };
        let own = self.line.get(start..).unwrap_or_default();
        let own = own.strip_suffix(b"\n").unwrap_or(own);
        // Piece by piece: what a piece ends with is not what the line ends with.
        own.iter()
            .try_for_each(|byte| self.scan.step(*byte))
            .map_err(broken)?;
        while !ended {
            let piece = self
                .input
                .fill_buf()
                .map_err(TableError::reading("the file"))?;
            if piece.is_empty() {
                break;
            }
            let end = piece.iter().position(|byte| *byte == b'\n');
            let text = piece.get(..end.unwrap_or(piece.len())).unwrap_or_default();
            text.iter()
                .try_for_each(|byte| self.scan.step(*byte))
                .map_err(broken)?;
            let used = end.map_or(piece.len(), |end| end + 1);
            ended = end.is_some();
            self.input.consume(used);
        }
        // What was too long is not kept: a row that is refused should not hold its memory.
        self.line.clear();
        match self.scan.at {
            At::Quoted => Err(broken(
                "a row with a quote that is still open is longer than a row may be",
            )),
            At::Loose => Err(broken(LOOSE)),
            _ => Ok(Line::TooLong),
        }
    }
}

/// Splits records at a delimiter; fields in double quotes may hold it, a doubled quote stands for one.
pub(crate) struct Splitter {
    delimiter: u8,
    parser: csv_core::Reader,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// A record whose quotes do not match.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unclosed;

impl Splitter {
    pub(crate) fn new(delimiter: u8) -> Self {
        let parser = csv_core::ReaderBuilder::new()
            .delimiter(delimiter)
            .terminator(Terminator::Any(b'\n'))
            .build();
        Self {
            delimiter,
            parser,
            bytes: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// The fields of a record, appended to `fields`.
    pub(crate) fn split<'a>(
        &'a mut self,
        line: &'a str,
        fields: &mut Vec<&'a str>,
    ) -> std::result::Result<(), Unclosed> {
        if !holds(line.as_bytes(), [b'"'; 2]) {
            fields.extend(line.split(char::from(self.delimiter)));
            return Ok(());
        }
        self.parser.reset();
        // Unquoting only shortens; one more byte for the line end that the parser needs to see.
        self.bytes.resize(line.len() + 1, 0);
        self.ends.resize(line.len() + 2, 0);
        let (found, read, written, ends) =
            self.parser
                .read_record(line.as_bytes(), &mut self.bytes, &mut self.ends);
        if found != ReadRecordResult::InputEmpty || read != line.len() {
            return Err(Unclosed);
        }
        let (rest, more) = (self.bytes.get_mut(written..), self.ends.get_mut(ends..));
        let (Some(rest), Some(more)) = (rest, more) else {
            return Err(Unclosed);
        };
        // Inside quotes the line end would be taken for a part of the field.
        let (found, _, _, last) = self.parser.read_record(b"\n", rest, more);
        if found != ReadRecordResult::Record {
            return Err(Unclosed);
        }
        let mut start = 0;
        for place in 0..ends + last {
            // The parser counts from the start of the record, also in the second call.
            let end = self.ends.get(place).copied().unwrap_or(start);
            let field = self
                .bytes
                .get(start..end)
                .and_then(|bytes| std::str::from_utf8(bytes).ok());
            fields.push(field.ok_or(Unclosed)?);
            start = end;
        }
        Ok(())
    }
}

/// Fields as one text that splits into the same fields again.
pub(crate) fn join_fields(fields: &[&str], delimiter: char) -> String {
    let mut joined = String::new();
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            joined.push(delimiter);
        }
        push_field(&mut joined, field, delimiter);
    }
    joined
}

/// Appends a field, in quotes only where it would be read as something else without them.
pub(crate) fn push_field(line: &mut String, field: &str, delimiter: char) {
    // Quoted only where needed, so that a line without a header comes out as it came in.
    if !field.contains([delimiter, '"', '\n', '\r']) {
        line.push_str(field);
        return;
    }
    line.push('"');
    line.push_str(&field.replace('"', "\"\""));
    line.push('"');
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
