//! The lines of a chain as they stand in its files, unchecked: for readers elsewhere, who check themselves.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::error::AuditError;
use crate::line::LONGEST;
use crate::segment;

/// Reads lines.
pub struct Raw {
    waiting: std::vec::IntoIter<(u64, PathBuf)>,
    file: Option<(PathBuf, BufReader<File>)>,
    /// Lines that may still be read.
    left: u64,
}

impl Raw {
    /// Begins at the first line; reads at most so many.
    pub fn open(folder: &Path, most: u64) -> Result<Self, AuditError> {
        Ok(Self {
            waiting: segment::list(folder)?.into_iter(),
            file: None,
            left: most,
        })
    }

    /// Appends whole lines until there are that many bytes, or no more lines.
    pub fn fill(&mut self, piece: &mut Vec<u8>, bytes: usize) -> Result<(), AuditError> {
        while piece.len() < bytes && self.left > 0 {
            if self.file.is_none() {
                let Some((_, path)) = self.waiting.next() else {
                    return Ok(());
                };
                let file = File::open(&path).map_err(AuditError::disk(&path))?;
                self.file = Some((path, BufReader::with_capacity(1 << 16, file)));
            }
            let Some((path, file)) = &mut self.file else {
                return Ok(());
            };
            let began = piece.len();
            // Space that was made ahead is zeros, and no line begins with one.
            let is_over = file
                .fill_buf()
                .map_err(AuditError::disk(path))?
                .first()
                .is_none_or(|byte| *byte == 0);
            if !is_over {
                file.by_ref()
                    .take(LONGEST)
                    .read_until(b'\n', piece)
                    .map_err(AuditError::disk(path))?;
            }
            if is_over || piece.last() != Some(&b'\n') {
                piece.truncate(began);
                self.file = None;
                continue;
            }
            self.left -= 1;
        }
        Ok(())
    }
}
