//! A file as lines, for rooms that read text by themselves.

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
        ComponentError::from(Fault::new(ErrorCode::FileUnreadable, format!("the file cannot be read: {what}")))
    };
    let size = file.metadata().map_err(|error| unreadable(error.to_string()))?.len();
    if size > LARGEST {
        return Err(unreadable(format!("it has {size} bytes, and at most {LARGEST} are read as lines")));
    }
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let (mut lines, mut line) = (Vec::new(), Vec::new());
    loop {
        if cancel.is_cancelled() {
            return Err(ComponentError::Canceled);
        }
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(|error| unreadable(error.to_string()))? == 0 {
            return Ok(lines);
        }
        let end = line.strip_suffix(b"\n").map_or(line.as_slice(), |line| line.strip_suffix(b"\r").unwrap_or(line));
        let text = std::str::from_utf8(end);
        let text = text.map_err(|_| unreadable(format!("line {} is no UTF-8 text", lines.len() + 1)))?;
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
        assert_eq!(read(b"a,\"b\"\r\n\n c \nlast").unwrap(), ["a,\"b\"", "", " c ", "last"]);
        assert_eq!(read(b"a\n").unwrap(), ["a"]);
        assert!(read(b"").unwrap().is_empty());
        assert!(read(b"ok\n\xff\n").unwrap_err().contains("line 2 is no UTF-8 text"));
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
