//! What kind of file it is that should be delimited text: UTF-8 is read, UTF-16 is turned into it, and everything else is refused
//! by its name. A file in an encoding that cannot be recognised for certain is not guessed at: a wrong guess stores wrong texts.

use std::io::{self, Cursor, ErrorKind, Read};

use crate::error::{Result, TableError};

/// Bytes looked at before a file is read.
const LOOKED_AT: u64 = 1 << 16;
/// Bytes decoded at once.
const PIECE: usize = 1 << 16;

/// How files begin that are no text, and what people call them.
const KINDS: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "an Excel workbook or another ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Excel workbook (.xls)",
    ),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x1f\x9d", "a compressed file (.Z)"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\x04\x22\x4d\x18", "an LZ4 archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"%PDF-", "a PDF document"),
    (b"PAR1", "a Parquet file"),
    (b"Obj\x01", "an Avro file"),
    (b"ORC\x11", "an ORC file"),
    (b"ARROW1", "an Arrow file"),
    (b"FEA1", "a Feather file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy file"),
    (b"\x89PNG\r\n\x1a\n", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x7fELF", "a program"),
    (b"\xff\xfe\0\0", "text in UTF-32"),
    (b"\0\0\xfe\xff", "text in UTF-32"),
];

/// UTF-8's own mark of its beginning.
const MARK: &[u8] = b"\xef\xbb\xbf";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Utf8,
    Utf16 { little: bool },
}

/// A file as UTF-8, without a byte order mark. Whether UTF-8 is well formed is for the reader of its lines to see, who knows the
/// line.
pub(crate) struct Decoded<R> {
    raw: io::Chain<Cursor<Vec<u8>>, R>,
    form: Form,
    /// Decoded text, and how far it has been handed out.
    text: Vec<u8>,
    given: usize,
    /// Halves of what the next bytes complete: a unit's first byte, a pair's first unit.
    byte: Option<u8>,
    unit: Option<u16>,
}

impl<R: Read> Decoded<R> {
    /// Looks at the beginning; refuses what is no text by its name. The note says what was recognised, where that is worth saying.
    pub(crate) fn of(mut reader: R) -> Result<(Self, Option<String>)> {
        let mut start = Vec::new();
        reader
            .by_ref()
            .take(LOOKED_AT)
            .read_to_end(&mut start)
            .map_err(TableError::reading("the file"))?;
        let known = KINDS
            .iter()
            .find(|(begins, _)| start.starts_with(begins))
            .map(|(_, name)| *name);
        let tar = start.get(257..262) == Some(b"ustar".as_slice());
        // By its kind and not as "line 1 is not UTF-8", which helps nobody who sent a workbook.
        if let Some(what) = known.or(tar.then_some("a tar archive")) {
            return Err(TableError::NotText { what });
        }
        let (form, marked) = form_of(&start);
        let note = match form {
            Form::Utf8 => None,
            Form::Utf16 { little } => Some(format!(
                "the file was decoded from UTF-16 ({}-endian)",
                if little { "little" } else { "big" }
            )),
        };
        // What was looked at is read again from memory: an upload cannot be rewound.
        let raw = Cursor::new(start.split_off(marked)).chain(reader);
        Ok((
            Self {
                raw,
                form,
                text: Vec::new(),
                given: 0,
                byte: None,
                unit: None,
            },
            note,
        ))
    }

    /// Decodes the next piece; nothing at the end of the file.
    fn decode(&mut self, little: bool) -> io::Result<()> {
        let mut piece = Vec::with_capacity(PIECE);
        let read = self
            .raw
            .by_ref()
            .take(PIECE as u64)
            .read_to_end(&mut piece)?;
        (self.given, self.text) = (0, Vec::with_capacity(read * 2));
        // A file that was cut off: its last character would be lost in silence.
        if read == 0 && (self.byte.is_some() || self.unit.is_some()) {
            return Err(io::Error::new(
                ErrorKind::InvalidData,
                "it ends in the middle of a UTF-16 character",
            ));
        }
        for byte in piece {
            let Some(first) = self.byte.take() else {
                self.byte = Some(byte);
                continue;
            };
            let unit = if little {
                u16::from_le_bytes([first, byte])
            } else {
                u16::from_be_bytes([first, byte])
            };
            let character = match self.unit.take() {
                Some(high) => char::decode_utf16([high, unit]).next(),
                None if (0xd800..0xdc00).contains(&unit) => {
                    self.unit = Some(unit);
                    continue;
                }
                None => char::decode_utf16([unit]).next(),
            };
            let broken =
                || io::Error::new(ErrorKind::InvalidData, "it is not well-formed UTF-16 text");
            let character = character
                .and_then(std::result::Result::ok)
                .ok_or_else(broken)?;
            self.text
                .extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let Form::Utf16 { little } = self.form else {
            return self.raw.read(to);
        };
        while self.given == self.text.len() {
            self.decode(little)?;
            if self.text.is_empty() && self.byte.is_none() && self.unit.is_none() {
                return Ok(0);
            }
        }
        let rest = self.text.get(self.given..).unwrap_or_default();
        let length = rest.len().min(to.len());
        to.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.given += length;
        Ok(length)
    }
}

/// A file as UTF-8 without its mark, and a note where it was decoded; refuses what is no text by its name.
pub fn decoded<R: Read>(reader: R) -> Result<(impl Read, Option<String>)> {
    Decoded::of(reader)
}

/// The form of a text, and the bytes of its mark. Without a mark UTF-16 is known by its empty bytes: nearly all at odd places, or at
/// even ones, and many of them.
fn form_of(start: &[u8]) -> (Form, usize) {
    match start {
        [0xff, 0xfe, ..] => return (Form::Utf16 { little: true }, 2),
        [0xfe, 0xff, ..] => return (Form::Utf16 { little: false }, 2),
        _ => {}
    }
    let empty = |first: usize| {
        start
            .iter()
            .skip(first)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    // A few NULs are a broken text; UTF-16 of any language has them in its digits and delimiters.
    let many = (start.len() / 20).max(2);
    match (empty(0), empty(1)) {
        (even, odd) if odd >= many && odd > 4 * even => (Form::Utf16 { little: true }, 0),
        (even, odd) if even >= many && even > 4 * odd => (Form::Utf16 { little: false }, 0),
        _ => {
            let marks = start
                .chunks(MARK.len())
                .take_while(|piece| *piece == MARK)
                .count();
            (Form::Utf8, marks * MARK.len())
        }
    }
}

/// What the bytes of a line that is not UTF-8 look like.
pub(crate) fn resembles(line: &[u8]) -> &'static str {
    let characters: Vec<&[u8]> = line
        .split(|byte| byte.is_ascii())
        .filter(|run| !run.is_empty())
        .collect();
    let alone = characters.iter().filter(|run| run.len() == 1).count();
    if alone * 2 > characters.len() {
        "Latin-1 or Windows-1252"
    } else {
        "GBK, Shift JIS or Big5"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8]) -> Result<(String, Option<String>)> {
        let (mut text, note) = Decoded::of(bytes)?;
        let mut read = String::new();
        text.read_to_string(&mut read)
            .map_err(TableError::reading("the file"))?;
        Ok((read, note))
    }

    fn utf16(text: &str, little: bool) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| {
                if little {
                    unit.to_le_bytes()
                } else {
                    unit.to_be_bytes()
                }
            })
            .collect()
    }

    #[test]
    fn turns_utf_16_of_both_kinds_into_utf_8() {
        let text = format!("id,名\n{}", "a0,😀ü\n".repeat(30_000));
        for little in [true, false] {
            for mark in ["", "\u{feff}"] {
                let (read, note) =
                    whole(&utf16(&format!("{mark}{text}"), little)).expect("decodes");
                assert!(read == text, "{little} {mark:?}");
                assert!(note.expect("a note").contains("UTF-16"));
            }
        }
        let torn = utf16("\u{feff}id,x\n", true);
        let torn = whole(&torn[..torn.len() - 1]);
        assert!(
            torn.expect_err("half a letter")
                .to_string()
                .contains("UTF-16")
        );
        assert!(whole(b"\xff\xfea\0\0\xd8b\0").is_err(), "half a pair");
    }

    #[test]
    fn leaves_utf_8_as_it_is_but_for_its_mark() {
        assert_eq!(
            whole("\u{feff}\u{feff}id,ü\n".as_bytes()).expect("text"),
            ("id,ü\n".to_owned(), None)
        );
        assert_eq!(whole(b"").expect("nothing").0, "");
        assert_eq!(
            whole(b"a\0b,c\n").expect("for the lines to judge").0,
            "a\0b,c\n"
        );
    }

    #[test]
    fn names_what_is_no_text() {
        let mut tar = vec![b'a'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        let archives: [(&[u8], &str); 5] = [
            (b"PK\x03\x04rest", "Excel"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"PAR1\x15\x04", "Parquet"),
            (b"\xff\xfe\0\0i\0\0\0", "UTF-32"),
            (&tar, "tar"),
        ];
        for (bytes, name) in archives {
            let refused = whole(bytes).expect_err("no text");
            assert!(refused.to_string().contains(name), "{refused}");
        }
    }

    #[test]
    fn says_what_other_encodings_look_like() {
        assert_eq!(resembles(b"a0,M\xfcller"), "Latin-1 or Windows-1252");
        assert_eq!(resembles(b"a0,\xd6\xd0\xce\xc4"), "GBK, Shift JIS or Big5");
    }
}
