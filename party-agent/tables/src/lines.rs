//! Lines of a file as fields, within bounds. A row is one line: a quote that is not closed spoils its own line only.

use std::io::{self, BufRead, Read};

use csv_core::{ReadRecordResult, Terminator};

/// A line as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// It is in the buffer, without its end.
    Whole,
    /// It was longer than allowed and is gone.
    TooLong,
    /// There is no further line.
    End,
}

/// Reads lines of bounded length.
pub(crate) struct Lines<R> {
    input: io::BufReader<R>,
    longest: usize,
    /// Number of the line last read, from 1.
    pub(crate) number: u64,
    pub(crate) line: Vec<u8>,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(input: R, longest: usize) -> Self {
        Self { input: io::BufReader::with_capacity(1 << 16, input), longest, number: 0, line: Vec::new() }
    }

    /// Reads the next line into `line`.
    pub(crate) fn advance(&mut self) -> io::Result<Line> {
        self.line.clear();
        // One more than a longest line with its end, to see that there is more.
        let limit = u64::try_from(self.longest).unwrap_or(u64::MAX).saturating_add(3);
        let read = self.input.by_ref().take(limit).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(Line::End);
        }
        self.number += 1;
        let ended = self.line.ends_with(b"\n");
        if ended {
            self.line.pop();
        }
        if self.line.ends_with(b"\r") {
            self.line.pop();
        }
        if self.number == 1 && self.line.starts_with("\u{feff}".as_bytes()) {
            self.line.drain(..3);
        }
        if self.line.len() <= self.longest {
            return Ok(Line::Whole);
        }
        self.line.clear();
        if !ended {
            self.input.skip_until(b'\n')?;
        }
        Ok(Line::TooLong)
    }
}

/// Splits lines at a delimiter; fields in double quotes may hold it, a doubled quote stands for one.
pub(crate) struct Splitter {
    delimiter: u8,
    parser: csv_core::Reader,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// A line whose quotes do not match.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unclosed;

impl Splitter {
    pub(crate) fn new(delimiter: u8) -> Self {
        let parser = csv_core::ReaderBuilder::new().delimiter(delimiter).terminator(Terminator::Any(b'\n')).build();
        Self { delimiter, parser, bytes: Vec::new(), ends: Vec::new() }
    }

    /// The fields of a line, appended to `fields`.
    pub(crate) fn split<'a>(&'a mut self, line: &'a str, fields: &mut Vec<&'a str>) -> Result<(), Unclosed> {
        if !line.contains('"') {
            fields.extend(line.split(char::from(self.delimiter)));
            return Ok(());
        }
        self.parser.reset();
        // Unquoting only shortens; one more byte for the line end that the parser needs to see.
        self.bytes.resize(line.len() + 1, 0);
        self.ends.resize(line.len() + 2, 0);
        let (found, read, written, ends) = self.parser.read_record(line.as_bytes(), &mut self.bytes, &mut self.ends);
        if found != ReadRecordResult::InputEmpty || read != line.len() {
            return Err(Unclosed);
        }
        let (rest, more) = (self.bytes.get_mut(written..), self.ends.get_mut(ends..));
        let (Some(rest), Some(more)) = (rest, more) else { return Err(Unclosed) };
        // Inside quotes the line end would be taken for a part of the field.
        let (found, _, _, last) = self.parser.read_record(b"\n", rest, more);
        if found != ReadRecordResult::Record {
            return Err(Unclosed);
        }
        let mut start = 0;
        for place in 0..ends + last {
            // The parser counts from the start of the record, also in the second call.
            let end = self.ends.get(place).copied().unwrap_or(start);
            let field = self.bytes.get(start..end).and_then(|bytes| std::str::from_utf8(bytes).ok());
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
    if !field.contains([delimiter, '"', '\n', '\r']) {
        line.push_str(field);
        return;
    }
    line.push('"');
    line.push_str(&field.replace('"', "\"\""));
    line.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(line: &str) -> Result<Vec<String>, Unclosed> {
        let mut splitter = Splitter::new(b',');
        let mut fields = Vec::new();
        splitter.split(line, &mut fields)?;
        Ok(fields.into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn splits_plain_and_quoted_fields() {
        assert_eq!(fields("a,,b").expect("fields"), ["a", "", "b"]);
        assert_eq!(fields("\"a,b\",c").expect("fields"), ["a,b", "c"]);
        assert_eq!(fields("x,\"say \"\"hi\"\"\",\"\"").expect("fields"), ["x", "say \"hi\"", ""]);
        assert_eq!(fields("5\" pipe,1").expect("fields"), ["5\" pipe", "1"]);
        assert_eq!(fields("1,\"open,2"), Err(Unclosed));
        assert_eq!(fields("\""), Err(Unclosed));
    }

    #[test]
    fn skips_a_line_that_is_too_long_and_goes_on() {
        let mut lines = Lines::new("ok\nfar too long\r\nfits!\r\nlast".as_bytes(), 5);
        assert_eq!(lines.advance().expect("read"), Line::Whole);
        assert_eq!(lines.advance().expect("read"), Line::TooLong);
        assert_eq!(lines.advance().expect("read"), Line::Whole);
        assert_eq!((lines.line.as_slice(), lines.number), (b"fits!".as_slice(), 3));
        assert_eq!(lines.advance().expect("read"), Line::Whole);
        assert_eq!(lines.line, b"last");
        assert_eq!(lines.advance().expect("read"), Line::End);
    }

    #[test]
    fn drops_a_byte_order_mark() {
        let mut lines = Lines::new("\u{feff}id,x".as_bytes(), 100);
        lines.advance().expect("read");
        assert_eq!(lines.line, b"id,x");
    }

    proptest! {
        #[test]
        fn joins_fields_so_that_they_split_again(values in prop::collection::vec("[a,\" é\r]{0,6}", 1..6)) {
            let borrowed: Vec<&str> = values.iter().map(String::as_str).collect();
            let line = join_fields(&borrowed, ',');
            prop_assert_eq!(fields(&line).expect("fields"), values);
        }
    }
}
