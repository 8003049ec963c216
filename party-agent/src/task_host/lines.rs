//! A file as lines, for components that read text by themselves.

use std::fs::File;
use std::io::{BufRead, BufReader};

use component_kit::{ComponentError, Result};
use tokio_util::sync::CancellationToken;
use vocabulary::{ErrorCode, Fault};

/// Largest file that is held in memory as lines, in bytes.
const LARGEST: u64 = 1 << 30;

/// The lines without their ends; `\r\n` ends a line, too.
pub(super) fn of(file: File, cancel: &CancellationToken) -> Result<Vec<String>> {
    let unreadable = |what: String| {
        ComponentError::from(Fault::new(
            ErrorCode::FileUnreadable,
            format!("the file cannot be read: {what}"),
        ))
    };
    let size = file
        .metadata()
        .map_err(|error| unreadable(error.to_string()))?
        .len();
    if size > LARGEST {
        return Err(unreadable(format!(
            "it has {size} bytes, and at most {LARGEST} are read as lines"
        )));
    }
    let (text, _) = tables::decoded(file).map_err(Fault::from)?;
    let mut reader = BufReader::with_capacity(1 << 18, text);
    let (mut lines, mut line) = (Vec::new(), Vec::new());
    loop {
        if cancel.is_cancelled() {
            return Err(ComponentError::Canceled);
        }
        line.clear();
        if reader
            .read_until(b'\n', &mut line)
            .map_err(|error| unreadable(error.to_string()))?
            == 0
        {
            return Ok(lines);
        }
        let end = line.strip_suffix(b"\n").map_or(line.as_slice(), |line| {
            line.strip_suffix(b"\r").unwrap_or(line)
        });
        let number = lines.len() + 1;
        // What ends lines elsewhere, and what stands in no text: nobody could tell what its lines are.
        if end.iter().any(|byte| matches!(byte, b'\r' | 0)) {
            return Err(unreadable(format!(
                "line {number} holds a carriage return or a NUL character"
            )));
        }
        let text = std::str::from_utf8(end);
        let text = text.map_err(|_| unreadable(format!("line {number} is not UTF-8 text")))?;
        lines.push(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, Write};

    fn read(content: &[u8]) -> std::result::Result<Vec<String>, String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file.rewind().unwrap();
        of(file, &CancellationToken::new()).map_err(|error| error.to_string())
    }

    #[test]
    fn ends_of_lines_are_left_out_and_nothing_else() {
        assert_eq!(
            read(b"a,\"b\"\r\n\n c \nlast").unwrap(),
            ["a,\"b\"", "", " c ", "last"]
        );
        assert_eq!(read(b"a\n").unwrap(), ["a"]);
        assert!(read(b"").unwrap().is_empty());
        assert!(
            read(b"ok\n\xff\n")
                .unwrap_err()
                .contains("line 2 is not UTF-8 text")
        );
    }

    #[test]
    fn other_encodings_are_decoded_or_refused_by_name() {
        assert_eq!(read("\u{feff}ü,1\n".as_bytes()).unwrap(), ["ü,1"]);
        let wide: Vec<u8> = "\u{feff}ü,1\r\n2\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(read(&wide).unwrap(), ["ü,1", "2"]);
        assert!(read(b"\x1f\x8b\x08\0").unwrap_err().contains("gzip"));
        assert!(read(b"PK\x03\x04").unwrap_err().contains("Excel"));
        assert!(read(b"1,2\r3,4\r").unwrap_err().contains("line 1"));
        assert!(read(b"1,2\n3,\0\n").unwrap_err().contains("line 2"));
    }

    #[test]
    fn stops_when_it_is_stopped() {
        let cancel = CancellationToken::new();
        cancel.cancel();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"a\n").unwrap();
        assert!(matches!(of(file, &cancel), Err(ComponentError::Canceled)));
    }
}
