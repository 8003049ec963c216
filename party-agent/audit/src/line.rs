//! An entry as it stands in a file: one line of JSON, in exactly one spelling.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

use crate::entry::AuditEntry;

/// The format that is written. Format 0 is read and continued.
pub const FORMAT: u32 = 1;

/// Bytes of the longest line that is read.
pub(crate) const LONGEST: u64 = 1 << 20;

/// What stands for the hash before the first entry.
const NOTHING: [u8; 64] = [b'0'; 64];
/// The hash's own domain: no entry of another format or purpose has the same hash.
const DOMAIN: &str = "fedflow audit chain, format 1";

/// A line of the chain, as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number, from 1 without gaps.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// The format of its entry and hash.
    pub format: u32,
    /// BLAKE3, hex, over the hash before, the number, the time and the entry (format 0: without the number).
    pub hash: &'a str,
    /// The entry as JSON, to the byte as it was hashed.
    pub text: &'a str,
}

/// An entry in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its number, from 1 without gaps.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// The format of its entry and hash.
    pub format: u32,
    /// BLAKE3 over the hash before, the number, the time and the entry, hex.
    pub hash: String,
    /// What.
    pub entry: AuditEntry,
}

impl<'a> Line<'a> {
    /// Reads a line without its end; nothing if it is none.
    pub fn parse(line: &'a str) -> Option<Self> {
        // Cut by hand, not parsed as JSON: the hash is over the entry's bytes, which a parser
        // would not give back as they were.
        let rest = line.strip_prefix("{\"number\":")?;
        let (number, rest) = rest.split_once(",\"at\":")?;
        let (at, rest) = rest.split_once(",\"format\":")?;
        let (format, rest) = rest.split_once(",\"hash\":\"")?;
        let (hash, rest) = rest.split_once("\",\"entry\":")?;
        let text = rest.strip_suffix('}')?;
        let at = Timestamp(at.parse().ok()?);
        Some(Self {
            number: number.parse().ok()?,
            at,
            format: format.parse().ok()?,
            hash,
            text,
        })
    }

    /// Writes the line with its end.
    pub fn write(&self, out: &mut String) {
        let Self {
            number,
            at,
            format,
            hash,
            text,
        } = self;
        // A String takes everything.
        let _ = writeln!(
            out,
            "{{\"number\":{number},\"at\":{},\"format\":{format},\"hash\":\"{hash}\",\"entry\":{text}}}",
            at.0
        );
    }

    /// The hash that it should have after another entry's.
    pub fn expected(&self, before: &str) -> String {
        match self.format {
            0 => link_of_format_0(before, self.at, self.text),
            _ => link(before, self.number, self.at, self.text),
        }
    }

    /// Its entry; an error if this version does not know it.
    pub fn entry(&self) -> Result<AuditEntry, serde_json::Error> {
        serde_json::from_str(self.text)
    }

    /// The line with everything it needs.
    pub fn record(&self) -> Result<AuditRecord, serde_json::Error> {
        let Self {
            number,
            at,
            format,
            hash,
            ..
        } = *self;
        Ok(AuditRecord {
            number,
            at,
            format,
            hash: hash.to_owned(),
            entry: self.entry()?,
        })
    }
}

/// The hash of an entry that is appended now.
pub(crate) fn link(before: &str, number: u64, at: Timestamp, entry: &str) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(DOMAIN);
    // Always 64 bytes, so that where the hash ends and the number begins is never in doubt.
    hasher.update(if before.is_empty() {
        &NOTHING
    } else {
        before.as_bytes()
    });
    hasher
        .update(&number.to_le_bytes())
        .update(&at.0.to_le_bytes())
        .update(entry.as_bytes());
    hasher.finalize().to_hex().to_string()
}

/// The hash as version 0 of the format had it.
fn link_of_format_0(before: &str, at: Timestamp, entry: &str) -> String {
    // Neither domain nor number: old chains must verify as they were written.
    let mut hasher = blake3::Hasher::new();
    hasher
        .update(before.as_bytes())
        .update(&at.0.to_le_bytes())
        .update(entry.as_bytes());
    hasher.finalize().to_hex().to_string()
}
