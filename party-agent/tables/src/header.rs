//! The first line of a file: names of columns, or a sign that the file is to be read otherwise.

use std::collections::{HashMap, HashSet};
use std::io::Read;

use crate::doubts;
use crate::encoding::{Decoded, resembles};
use crate::error::{Result, TableError};
use crate::import_options::ImportOptions;
use crate::lines::{Line, Lines, Splitter, Unclosed, holds};
use crate::schema::{Column, ColumnKind, Part, Schema, TableKind};

/// What may stand between fields, besides the delimiter that was given.
const OTHERS: [(u8, &str); 4] = [(b';', ";"), (b',', ","), (b'\t', "\\t"), (b'|', "|")];
/// Places that a note names.
const NAMED: usize = 5;

/// The names in a first line.
pub(crate) struct Header {
    /// One for each field; each stands once.
    pub(crate) names: Vec<String>,
    /// How many at the end have no name.
    pub(crate) unnamed: usize,
    /// Which of them have none in the file, from 0; not the id.
    pub(crate) nameless: Vec<usize>,
    /// The line as it stands in the file, and its number.
    pub(crate) line: (u64, String),
    /// What was done to them, without a name.
    pub(crate) notes: Vec<String>,
}

fn invalid(reason: impl Into<String>) -> TableError {
    TableError::HeaderInvalid {
        reason: reason.into(),
    }
}

pub(crate) fn delimiter_byte(delimiter: char) -> Result<u8> {
    let byte = u8::try_from(delimiter).ok().filter(u8::is_ascii);
    // These have a meaning of their own in a line: fields could not be told from quotes and ends.
    let usable = byte.filter(|byte| !matches!(byte, b'"' | b'\n' | b'\r' | 0));
    usable.ok_or(TableError::DelimiterInvalid { delimiter })
}

/// A record as text, or why it is none.
pub(crate) fn text_of(line: &[u8], number: u64) -> Result<&str> {
    if holds(line, [0; 2]) {
        return Err(TableError::TextBroken {
            line: number,
            reason: "it holds a NUL character, which no text has",
        });
    }
    let not_text = |_| TableError::NotUtf8 {
        line: number,
        resembles: resembles(line),
    };
    std::str::from_utf8(line).map_err(not_text)
}

/// Looks at the first row of a file without a header, and leaves it to be read.
pub(crate) fn look_at<R: Read>(
    lines: &mut Lines<R>,
    delimiter: u8,
    options: &ImportOptions,
) -> Result<()> {
    loop {
        let read = lines.advance()?;
        if read == Line::Whole && lines.line.is_empty() {
            continue;
        }
        if read == Line::Whole {
            let text = text_of(&lines.line, lines.number)?;
            // Of rows with made-up ids the whole line is the value, whatever stands between its fields.
            judge(text, delimiter, lines.number, !options.extend_sid)?;
        }
        lines.repeat(read);
        return Ok(());
    }
}

/// Refuses a first line that is a word to a spreadsheet program, and one that other delimiters take apart than the one given.
fn judge(text: &str, delimiter: u8, line: u64, one_field_is_odd: bool) -> Result<()> {
    let word = text
        .trim_matches(|character| matches!(character, '"' | ' '))
        .trim_end_matches(char::from(delimiter));
    if word
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("sep="))
        && text.trim_matches('"').len() <= 8
    {
        return Err(TableError::TextBroken {
            line,
            reason: "it says `sep=…` to a spreadsheet program and is not a row; take it out",
        });
    }
    let other = OTHERS
        .iter()
        .find(|(other, _)| *other != delimiter && text.as_bytes().contains(other));
    match other {
        // Only where the given one does not occur at all. Quotes may hold anything, so nothing is
        // guessed.
        Some((_, other)) if one_field_is_odd && !text.contains([char::from(delimiter), '"']) => {
            Err(TableError::DelimiterAbsent {
                line,
                delimiter: char::from(delimiter),
                other,
            })
        }
        _ => Ok(()),
    }
}

/// Reads the header.
pub(crate) fn first_line<R: Read>(
    lines: &mut Lines<R>,
    delimiter: u8,
    options: &ImportOptions,
) -> Result<Header> {
    match lines.advance()? {
        Line::End => return Err(TableError::FileEmpty),
        Line::TooLong => return Err(invalid("the line is too long")),
        Line::Whole if lines.line.is_empty() => return Err(invalid("it is a blank line")),
        Line::Whole => {}
    }
    let text = text_of(&lines.line, lines.number)?;
    judge(text, delimiter, lines.number, true)?;
    let (mut splitter, mut fields) = (Splitter::new(delimiter), Vec::new());
    splitter
        .split(text, &mut fields)
        .map_err(|Unclosed| invalid("a quote is not closed in it"))?;
    if !options.extend_sid && options.id_column >= fields.len() {
        return Err(invalid(format!(
            "the id is to be in column {}, there are {}",
            options.id_column,
            fields.len()
        )));
    }
    let header = told_apart(&fields, (!options.extend_sid).then_some(options.id_column));
    Ok(Header {
        line: (lines.number, text.to_owned()),
        ..header
    })
}

/// The fields as names that each stand once: FATE takes any first line for a header. A later one of equal names has a number
/// behind it, and a column without a name is called by its number.
fn told_apart(fields: &[&str], id_at: Option<usize>) -> Header {
    let blank = |at: usize, field: &str| Some(at) != id_at && field.trim().is_empty();
    let nameless: Vec<usize> = fields
        .iter()
        .enumerate()
        .filter(|(at, field)| blank(*at, field))
        .map(|(at, _)| at)
        .collect();
    let mut own: HashSet<String> = fields.iter().map(|field| (*field).to_owned()).collect();
    let numbered: HashMap<usize, String> = nameless
        .iter()
        .map(|at| (*at, by_number(at + 1, &own)))
        .collect();
    own.extend(numbered.values().cloned());
    let mut uses: HashMap<&str, usize> = HashMap::new();
    let mut names = Vec::with_capacity(fields.len());
    let mut places = Vec::new();
    for (at, field) in fields.iter().enumerate() {
        if let Some(name) = numbered.get(&at) {
            names.push(name.clone());
            continue;
        }
        let used = uses.entry(field).or_default();
        *used += 1;
        if *used == 1 {
            names.push((*field).to_owned());
            continue;
        }
        // A name that another column has by itself is passed over; each is passed over once.
        while own.contains(format!("{field}_{used}").as_str()) {
            *used += 1;
        }
        names.push(format!("{field}_{used}"));
        places.push(at + 1);
    }
    let unnamed = fields
        .iter()
        .rev()
        .take_while(|field| field.trim().is_empty())
        .count()
        .min(fields.len() - 1);
    let mut notes: Vec<String> = doubts::in_names(fields, id_at).into_iter().collect();
    if !places.is_empty() {
        let count = places.len();
        notes.insert(
            0,
            format!(
                "the first line names {count} columns as it names others before them; they have a number behind the name: {}",
                listed(&places)
            ),
        );
    }
    Header {
        names,
        unnamed,
        nameless,
        line: (0, String::new()),
        notes,
    }
}

/// A name for a column without one, which is no other's.
fn by_number(number: usize, own: &HashSet<String>) -> String {
    let mut name = format!("column_{number}");
    // A file may name a column `column_3` that is not the third.
    while own.contains(name.as_str()) {
        name.push('_');
    }
    name
}

/// Columns by their numbers, the first few of them.
pub(crate) fn listed(places: &[usize]) -> String {
    let first: Vec<String> = places.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if places.len() > NAMED { ", …" } else { "" };
    format!("column {}{more}", first.join(", "))
}

/// The fields of a file's first line, to see whether it is a header and where its columns are.
pub fn read_header(reader: impl Read, options: &ImportOptions) -> Result<Vec<String>> {
    let delimiter = delimiter_byte(options.delimiter)?;
    let mut lines = Lines::new(Decoded::of(reader)?.0, delimiter, options.max_line_bytes);
    Ok(first_line(&mut lines, delimiter, options)?.names)
}

/// The header under the names that were asked for; made of them where the file has none.
pub(crate) fn named(
    header: Option<&Header>,
    options: &ImportOptions,
) -> Result<Option<Vec<String>>> {
    let id_at = (!options.extend_sid).then_some(options.id_column);
    let mut names = match (&options.column_names, header) {
        (None, header) => header.map(|header| header.names.clone()),
        (Some(names), header) => {
            let mut full = names.clone();
            if let Some(at) = id_at {
                let own = header
                    .and_then(|header| header.names.get(at).cloned())
                    .unwrap_or_default();
                full.insert(at.min(full.len()), own);
            }
            if let Some(header) = header {
                let named = header.names.len() - header.unnamed;
                // Whoever names the columns counts those that have a name: spreadsheets add some
                // without.
                if full.len() == named {
                    full.extend(header.names.iter().skip(named).cloned());
                }
                if full.len() != header.names.len() {
                    return Err(invalid(format!(
                        "{} columns are named, the file has {named}",
                        full.len()
                    )));
                }
            }
            Some(full)
        }
    };
    if let (Some(names), Some(at), Some(id)) = (&mut names, id_at, &options.id_name) {
        names
            .get_mut(at)
            .into_iter()
            .for_each(|name| name.clone_from(id));
    }
    Ok(names)
}

/// The schema of the raw table; without a header, one text column `value`.
pub(crate) fn schema_of(header: Option<&[String]>, options: &ImportOptions) -> Schema {
    let id_at = (!options.extend_sid).then_some(options.id_column);
    let text = |name: &str| Column::new(name, ColumnKind::Text, Part::Feature);
    let (id_name, columns) = match header {
        Some(names) => {
            let id_name = id_at.map_or("extend_sid", |at| names.get(at).map_or("", String::as_str));
            let kept = names
                .iter()
                .enumerate()
                .filter(|(at, _)| Some(*at) != id_at);
            (id_name, kept.map(|(_, name)| text(name)).collect())
        }
        None => (
            if options.extend_sid { "extend_sid" } else { "" },
            vec![text("value")],
        ),
    };
    Schema {
        header: header.is_some(),
        delimiter: options.delimiter,
        meta: options.meta.clone(),
        ..Schema::new(TableKind::Raw, id_name, columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Header> {
        first_line(
            &mut Lines::new(text.as_bytes(), b',', 100),
            b',',
            &ImportOptions::default(),
        )
    }

    #[test]
    fn equal_names_are_told_apart_and_counted() {
        let header = read("id,x,y,x,x_2,x\n").expect("a header");
        assert_eq!(header.names, ["id", "x", "y", "x_3", "x_2", "x_4"]);
        assert_eq!(header.notes.len(), 1);
        assert!(
            header.notes[0].ends_with("column 4, 6"),
            "{:?}",
            header.notes
        );
        let row = read("0,0,1,0.5,0\n").expect("any first line");
        assert_eq!(row.names, ["0", "0_2", "1", "0.5", "0_3"]);
        assert!(!row.notes[0].contains("0.5"), "a note gives no field away");
        assert_eq!(
            read("id,_2,,x,column_3, \n").expect("a header").names,
            ["id", "_2", "column_3_", "x", "column_3", "column_6"]
        );
        assert_eq!(
            read("id,column,,column,column\n").expect("a header").names[2..],
            ["column_3", "column_2", "column_4"]
        );
    }

    #[test]
    fn columns_without_names_at_the_end_are_counted() {
        let header = read("id,x,,\n").expect("a header");
        assert_eq!(
            (header.unnamed, header.names.len(), header.notes.len()),
            (2, 4, 0)
        );
        assert_eq!(read("id\n").expect("ids only").unnamed, 0);
        assert_eq!(read(",x\n").expect("pandas' index").unnamed, 0);
    }

    #[test]
    fn a_word_to_a_spreadsheet_is_refused() {
        for text in [
            "sep=,\nid,x\n",
            "SEP=;\n",
            "\"sep=,\"\n",
            "sep=\t\n",
            "sep=;,,\n",
        ] {
            let refused = read(text)
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            assert!(
                refused.contains("line 1") && refused.contains("sep="),
                "{text:?}: {refused}"
            );
        }
        assert!(read("separator,x\n").is_ok());
    }

    #[test]
    fn a_first_line_with_other_delimiters_is_refused() {
        for (text, other) in [("id;x;y\n", ";"), ("id\tx\n", "\\t"), ("id|x\n", "|")] {
            match read(text).err() {
                Some(TableError::DelimiterAbsent { other: found, .. }) => assert_eq!(found, other),
                refused => panic!("{text:?} gave {refused:?}"),
            }
        }
        for text in ["id\n", "\"a;b\"\n", "a;b,c\n"] {
            assert!(read(text).is_ok(), "{text:?}");
        }
        let rows = |text: &str, extend_sid| {
            let options = ImportOptions {
                head: false,
                extend_sid,
                ..ImportOptions::default()
            };
            look_at(&mut Lines::new(text.as_bytes(), b',', 100), b',', &options)
        };
        assert!(rows("\n1;2\n", false).is_err());
        assert!(
            rows("1;2\n", true).is_ok()
                && rows("", false).is_ok()
                && rows("\"1;2\"\n", false).is_ok()
        );
    }
}
