//! Reading the chain from its beginning, one line at a time, and checking it meanwhile.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::error::AuditError;
use crate::line::{AuditRecord, FORMAT, LONGEST, Line};
use crate::segment;

/// More than one write leaves behind: such a rest did not come from an unfinished one.
const LARGEST_REST: u64 = 2 << 20;

/// How far a chain goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// The number of the last entry; 0 before the first.
    pub number: u64,
    /// Its hash; empty before the first.
    pub hash: String,
    /// Its format.
    pub format: u32,
}

/// A check of lines that come one after another, from wherever.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    head: Head,
}

impl Lines {
    /// How far it went.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Takes the next line, if it fits.
    pub fn check<'a>(&mut self, line: &'a str) -> Result<Line<'a>, AuditError> {
        let number = self.head.number + 1;
        let broken = |detail: &str| AuditError::broken(number, detail);
        let line = Line::parse(line).ok_or_else(|| broken("it is not an entry"))?;
        if line.number != number {
            return Err(broken(&format!(
                "entry {} stands in its place",
                line.number
            )));
        }
        if line.format > FORMAT {
            return Err(AuditError::Newer {
                number,
                format: line.format,
            });
        }
        // Formats only ever rise: a line that goes back was not written by this program.
        if line.format < self.head.format {
            return Err(broken("it has an older format than the entry before"));
        }
        if line.expected(&self.head.hash) != line.hash {
            return Err(broken(
                "its hash is not that of its content and of the entry before",
            ));
        }
        self.head.number = number;
        self.head.format = line.format;
        line.hash.clone_into(&mut self.head.hash);
        Ok(line)
    }
}

/// Reads a chain. Needs the memory of one line.
pub struct Walk {
    waiting: VecDeque<PathBuf>,
    file: Option<(PathBuf, BufReader<File>)>,
    /// Where the next line of the present file begins.
    offset: u64,
    buffer: Vec<u8>,
    lines: Lines,
}

impl Walk {
    /// Begins at the first entry. A folder that does not exist is an empty chain.
    pub fn open(folder: &Path) -> Result<Self, AuditError> {
        let waiting = segment::list(folder)?;
        if let Some((first, _)) = waiting.first().filter(|(first, _)| *first != 1) {
            return Err(AuditError::broken(
                1,
                format!("the chain begins with entry {first}"),
            ));
        }
        let waiting = waiting.into_iter().map(|(_, path)| path).collect();
        let lines = Lines::default();
        Ok(Self {
            waiting,
            file: None,
            offset: 0,
            buffer: Vec::new(),
            lines,
        })
    }

    /// How far it went.
    pub fn head(&self) -> &Head {
        self.lines.head()
    }

    /// The file that holds the last entry read, and where the entry ends there.
    pub(crate) fn end(&self) -> Option<(&Path, u64)> {
        self.file
            .as_ref()
            .map(|(path, _)| (path.as_path(), self.offset))
    }

    /// The next entry, if it fits; nothing at the end. What follows the last whole line is no part of the chain.
    pub fn step(&mut self) -> Result<Option<Line<'_>>, AuditError> {
        if !self.advance()? {
            return Ok(None);
        }
        let broken = |lines: &Lines| AuditError::broken(lines.head.number + 1, "it is not text");
        let text = std::str::from_utf8(&self.buffer).map_err(|_| broken(&self.lines))?;
        self.lines.check(text).map(Some)
    }

    /// Reads the next whole line into the buffer, without its end; whether there was one.
    fn advance(&mut self) -> Result<bool, AuditError> {
        loop {
            if self.file.is_none() && !self.open_next()? {
                return Ok(false);
            }
            if self.fill()? {
                return Ok(true);
            }
            if self.waiting.is_empty() {
                return Ok(false);
            }
            if self.has_rest()? {
                return Err(AuditError::broken(
                    self.head().number + 1,
                    "its file ends before its line does",
                ));
            }
            self.file = None;
        }
    }

    fn open_next(&mut self) -> Result<bool, AuditError> {
        let Some(path) = self.waiting.pop_front() else {
            return Ok(false);
        };
        let (expected, path_of) = (
            self.head().number + 1,
            segment::name(self.head().number + 1),
        );
        // By its name, so that a missing file is told as such and not as a broken entry.
        if path
            .file_name()
            .is_none_or(|name| name.to_string_lossy() != path_of)
        {
            let shown = path.display();
            return Err(AuditError::broken(
                expected,
                format!("its file is missing; the next one is {shown}"),
            ));
        }
        let file = File::open(&path).map_err(AuditError::disk(&path))?;
        self.file = Some((path, BufReader::with_capacity(1 << 16, file)));
        self.offset = 0;
        Ok(true)
    }

    /// Whether there is one more whole line in the present file.
    fn fill(&mut self) -> Result<bool, AuditError> {
        self.buffer.clear();
        let Some((path, file)) = &mut self.file else {
            return Ok(false);
        };
        // Space that was made ahead is zeros; no line begins with one.
        let next = file.fill_buf().map_err(AuditError::disk(path))?;
        if next.first().is_none_or(|byte| *byte == 0) {
            return Ok(false);
        }
        let read = file
            .by_ref()
            .take(LONGEST)
            .read_until(b'\n', &mut self.buffer)
            .map_err(AuditError::disk(path))?;
        if self.buffer.pop() != Some(b'\n') {
            if read as u64 == LONGEST && !self.buffer.contains(&0) {
                return Err(AuditError::broken(
                    self.head().number + 1,
                    "its line has no end",
                ));
            }
            return Ok(false);
        }
        // A line in part written over zeros: an unfinished write, and the end of the chain.
        if self.buffer.contains(&0) {
            return Ok(false);
        }
        self.offset += read as u64;
        Ok(true)
    }

    /// At the end: the bytes and the hash of an unfinished write behind the last entry. More than that is an error.
    pub fn finish(&mut self) -> Result<(u64, String), AuditError> {
        let (rest, hash) = self.rest()?;
        if rest > LARGEST_REST {
            let detail = format!("{rest} bytes follow the last entry that are not entries");
            return Err(AuditError::broken(self.head().number + 1, detail));
        }
        Ok((rest, hash))
    }

    /// Whether anything but space made ahead follows the last whole line of the present file.
    fn has_rest(&mut self) -> Result<bool, AuditError> {
        Ok(self.rest()?.0 > 0)
    }

    /// What follows the last whole line of the present file: bytes up to the last one that is not zero, and their hash.
    fn rest(&mut self) -> Result<(u64, String), AuditError> {
        let Some((path, file)) = &mut self.file else {
            return Ok((0, String::new()));
        };
        let mut file = file.get_ref();
        let path = path.as_path();
        // The reader has read ahead: the place in the file is not where the last line ends.
        file.seek(SeekFrom::Start(self.offset))
            .map_err(AuditError::disk(path))?;
        let (mut at, mut last, mut piece) = (0, 0, vec![0; 1 << 16]);
        loop {
            let read = file.read(&mut piece).map_err(AuditError::disk(path))?;
            let Some(piece) = piece.get(..read).filter(|piece| !piece.is_empty()) else {
                break;
            };
            if let Some(place) = piece.iter().rposition(|byte| *byte != 0) {
                last = at + place as u64 + 1;
            }
            at += read as u64;
        }
        file.seek(SeekFrom::Start(self.offset))
            .map_err(AuditError::disk(path))?;
        let mut hasher = blake3::Hasher::new();
        hasher
            .update_reader(file.take(last))
            .map_err(AuditError::disk(path))?;
        Ok((last, hasher.finalize().to_hex().to_string()))
    }
}

/// Whether a folder holds a chain.
pub fn is_chain(folder: &Path) -> Result<bool, AuditError> {
    Ok(!segment::list(folder)?.is_empty())
}

/// Reads and checks a whole chain that fits into memory.
pub fn read_all(folder: &Path) -> Result<Vec<AuditRecord>, AuditError> {
    let mut walk = Walk::open(folder)?;
    let mut records = Vec::new();
    while let Some(line) = walk.step()? {
        let number = line.number;
        records.push(
            line.record()
                .map_err(|error| AuditError::broken(number, error.to_string()))?,
        );
    }
    Ok(records)
}
