//! The two ends of an archive as state machines that are fed: a writer of tar.gz, a splitter of tar.

use std::io::{self, Write};
use std::path::{Component, Path};

use flate2::Compression;
use flate2::write::{GzDecoder, GzEncoder};

const BLOCK: usize = 512;
/// Compressed bytes that are unpacked at once: bounds memory at about a thousand times this.
const SLICE: usize = 8 << 10;
const ZEROS: [u8; BLOCK] = [0; BLOCK];

/// Writes a tar.gz into memory that is taken away after each piece.
pub(super) struct TarWriter {
    zip: GzEncoder<Vec<u8>>,
}

impl TarWriter {
    pub(super) fn new() -> Self {
        Self {
            zip: GzEncoder::new(Vec::new(), Compression::fast()),
        }
    }

    /// Begins a file; its content follows in exactly `size` bytes, then [`Self::pad`].
    pub(super) fn start(&mut self, path: &str, size: u64) -> io::Result<()> {
        if !is_plain(path) {
            return Err(io::Error::other(format!(
                "{path:?} is not a path for an archive"
            )));
        }
        let mut header = tar::Header::new_ustar();
        header.set_path(path)?;
        header.set_size(size);
        // Fixed: rights and owners of the files here are nobody's business elsewhere.
        header.set_mode(0o644);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        self.write(header.as_bytes())
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.zip.write_all(bytes)
    }

    /// Fills the last block of a file of `size` bytes.
    pub(super) fn pad(&mut self, size: u64) -> io::Result<()> {
        let padding = padding(size);
        self.write(ZEROS.get(..padding).unwrap_or_default())
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.write(&ZEROS)?;
        self.write(&ZEROS)?;
        self.zip.try_finish()
    }

    /// What came out of the compressor since the last time.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.zip.get_mut())
    }
}

/// Unpacks gzip piece by piece.
pub(super) struct Gunzip {
    unzip: GzDecoder<Vec<u8>>,
}

impl Default for Gunzip {
    fn default() -> Self {
        Self {
            unzip: GzDecoder::new(Vec::new()),
        }
    }
}

impl Gunzip {
    /// Unpacks a piece and hands on what came out of it.
    pub(super) fn feed(
        &mut self,
        piece: &[u8],
        mut plain: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        // Small bites: a kilobyte of gzip may unpack to a megabyte.
        for slice in piece.chunks(SLICE) {
            self.unzip.write_all(slice)?;
            plain(&std::mem::take(self.unzip.get_mut()))?;
        }
        Ok(())
    }

    /// Hands on the rest; fails when the archive stops short of its end.
    pub(super) fn finish(
        &mut self,
        mut plain: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        self.unzip.try_finish()?;
        plain(&std::mem::take(self.unzip.get_mut()))
    }
}

enum Place {
    Header,
    Content { size: u64, left: u64, kept: bool },
    Padding { left: usize },
    End,
}

/// Takes a tar apart and gives the kept files to a writer.
pub(super) struct Splitter {
    keep: Box<dyn Fn(&str) -> bool + Send>,
    header: Vec<u8>,
    place: Place,
}

impl Splitter {
    pub(super) fn new(keep: Box<dyn Fn(&str) -> bool + Send>) -> Self {
        Self {
            keep,
            header: Vec::with_capacity(BLOCK),
            place: Place::Header,
        }
    }

    pub(super) fn feed(&mut self, mut plain: &[u8], writer: &mut TarWriter) -> io::Result<()> {
        while !plain.is_empty() {
            let used = match self.place {
                Place::Header => self.read_header(plain, writer)?,
                Place::Content { size, left, kept } => {
                    let used = usize::try_from(left).unwrap_or(usize::MAX).min(plain.len());
                    if kept {
                        writer.write(plain.get(..used).unwrap_or_default())?;
                    }
                    self.place = Place::Content {
                        size,
                        left: left - used as u64,
                        kept,
                    };
                    used
                }
                Place::Padding { left } => {
                    let used = left.min(plain.len());
                    self.place = Place::Padding { left: left - used };
                    used
                }
                Place::End => return Ok(()),
            };
            plain = plain.get(used..).unwrap_or_default();
            self.settle(writer)?;
        }
        Ok(())
    }

    /// Fails when the tar stopped inside a file.
    pub(super) fn finish(self) -> io::Result<()> {
        match self.place {
            Place::Header if self.header.is_empty() => Ok(()),
            Place::End => Ok(()),
            _ => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "an archive ended inside a member",
            )),
        }
    }

    /// Moves on from places in which nothing is left to read.
    fn settle(&mut self, writer: &mut TarWriter) -> io::Result<()> {
        if let Place::Content {
            size,
            left: 0,
            kept,
        } = self.place
        {
            if kept {
                writer.pad(size)?;
            }
            self.place = Place::Padding {
                left: padding(size),
            };
        }
        if let Place::Padding { left: 0 } = self.place {
            self.place = Place::Header;
        }
        Ok(())
    }

    fn read_header(&mut self, plain: &[u8], writer: &mut TarWriter) -> io::Result<usize> {
        let used = (BLOCK - self.header.len()).min(plain.len());
        self.header
            .extend_from_slice(plain.get(..used).unwrap_or_default());
        if self.header.len() < BLOCK {
            return Ok(used);
        }
        let block = std::mem::take(&mut self.header);
        // One empty block is the end, as readers of tar take it; the second is only skipped.
        if block.iter().all(|byte| *byte == 0) {
            self.place = Place::End;
            return Ok(used);
        }
        let header = tar::Header::from_byte_slice(&block);
        let size = header.entry_size()?;
        let path = header
            .path()
            .ok()
            .map(|path| path.display().to_string())
            .filter(|path| is_plain(path));
        // Links and devices are dropped: unpacked elsewhere they could point at anything.
        let wanted = path.filter(|path| header.entry_type().is_file() && (self.keep)(path));
        if let Some(path) = &wanted {
            writer.start(path, size)?;
        }
        self.place = Place::Content {
            size,
            left: size,
            kept: wanted.is_some(),
        };
        Ok(used)
    }
}

fn padding(size: u64) -> usize {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    (BLOCK - over) % BLOCK
}

/// A relative path that stays below where it is unpacked.
fn is_plain(path: &str) -> bool {
    !path.is_empty()
        && !path.contains('\\')
        && Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}
