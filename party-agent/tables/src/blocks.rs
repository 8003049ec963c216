//! A file in blocks of whole lines: cut by one thread, so that others can work on the lines.

use std::io::Read;

use crate::error::Result;
use crate::lines::{Line, Lines};

/// Most lines of a block.
const MOST_LINES: usize = 8192;
/// Bytes from which a block is full.
const FULL: usize = 4 << 20;
/// Blocks cut for each thread at a time.
const FOR_EACH_THREAD: usize = 2;

/// Lines that follow each other; blank ones are left out.
pub(crate) struct Block {
    bytes: Vec<u8>,
    /// Number in the file, and where the line ends in `bytes`; no end for a line that was too long to be kept.
    lines: Vec<(u64, Option<usize>)>,
    /// Rows of the file before this block.
    pub(crate) first_row: u64,
}

impl Block {
    pub(crate) fn lines(&self) -> usize {
        self.lines.len()
    }

    /// The lines with their numbers.
    pub(crate) fn each(&self) -> impl Iterator<Item = (u64, Option<&[u8]>)> {
        let mut start = 0;
        self.lines.iter().map(move |(number, end)| {
            let line = end.and_then(|end| self.bytes.get(start..end));
            start = end.unwrap_or(start);
            (*number, line)
        })
    }
}

/// Cuts a file.
pub(crate) struct Blocks<R> {
    lines: Lines<R>,
    rows: u64,
    over: bool,
    /// Blocks that were worked on: whoever asks for memory of this size again and again from several threads does not get the same.
    spare: Vec<Block>,
}

impl<R: Read> Blocks<R> {
    /// What is left of the lines.
    pub(crate) fn new(lines: Lines<R>) -> Self {
        Self {
            lines,
            rows: 0,
            over: false,
            spare: Vec::new(),
        }
    }

    /// Blocks that nobody needs any more.
    pub(crate) fn take_back(&mut self, round: Vec<Block>) {
        self.spare.extend(round);
    }

    /// Blocks enough to keep all threads at work; none at the end of the file.
    pub(crate) fn round(&mut self) -> Result<Vec<Block>> {
        let most = rayon::current_num_threads() * FOR_EACH_THREAD;
        let mut round = Vec::with_capacity(most);
        while round.len() < most && !self.over {
            let block = self.block()?;
            // The last block may be empty: the end is seen only when a line is asked for.
            if block.lines() > 0 {
                round.push(block);
            }
        }
        Ok(round)
    }

    fn block(&mut self) -> Result<Block> {
        let mut block = self.spare.pop().unwrap_or_else(|| Block {
            bytes: Vec::with_capacity(FULL + FULL / 16),
            lines: Vec::with_capacity(MOST_LINES),
            first_row: 0,
        });
        block.bytes.clear();
        block.lines.clear();
        // Before the lines are read: made-up ids count rows of the file, whichever thread makes
        // them.
        block.first_row = self.rows;
        while block.lines.len() < MOST_LINES && block.bytes.len() < FULL {
            match self.lines.advance()? {
                Line::End => {
                    self.over = true;
                    break;
                }
                Line::Whole if self.lines.line.is_empty() => continue,
                Line::Whole => {
                    block.bytes.extend_from_slice(&self.lines.line);
                    block
                        .lines
                        .push((self.lines.number, Some(block.bytes.len())));
                }
                Line::TooLong => block.lines.push((self.lines.number, None)),
            }
        }
        self.rows += block.lines.len() as u64;
        Ok(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_every_line_with_its_number_across_blocks() {
        let text: String = (0..20_000)
            .map(|line| {
                if line % 3 == 1 {
                    "\n".to_owned()
                } else {
                    format!("{line}\n")
                }
            })
            .collect();
        let mut blocks = Blocks::new(Lines::new(text.as_bytes(), b',', 4));
        let (mut numbers, mut rows) = (Vec::new(), 0);
        loop {
            let round = blocks.round().expect("reads");
            if round.is_empty() {
                break;
            }
            for block in &round {
                assert_eq!(block.first_row, rows);
                for (number, line) in block.each() {
                    let expected = (number - 1).to_string();
                    // lines of more than four characters are too long
                    assert_eq!(line, (expected.len() <= 4).then_some(expected.as_bytes()));
                    numbers.push(number);
                    rows += 1;
                }
            }
        }
        let expected: Vec<u64> = (0..20_000)
            .filter(|line| line % 3 != 1)
            .map(|line| line + 1)
            .collect();
        assert_eq!(numbers, expected);
    }
}
