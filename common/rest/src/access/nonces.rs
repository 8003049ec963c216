//! Nonces that were used: a signed request counts once, also where the daemon is started anew in between.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use vocabulary::{ErrorCode, Fault, Timestamp, hex, unhex};

use super::signature::{Claim, WINDOW_MILLIS};

/// Most nonces that are remembered for one span; a REST endpoint that meets more refuses until the span is over.
const MOST: usize = 1 << 20;
/// From the earliest moment at which a time stamp counts to the last one, in milliseconds.
const SPAN: i64 = 2 * WINDOW_MILLIS;
/// Bytes of a line: a moment and a nonce's key, both in hexadecimal digits, with a space between and a line's end.
const LINE: usize = 16 + 1 + 64 + 1;

type Key = [u8; 32];

/// What was used in the present span of time and in the one before. A span is as long as a signature can count, so what was
/// used stays known for at least that long.
pub(super) struct Nonces {
    began: Timestamp,
    present: HashSet<Key>,
    before: HashSet<Key>,
    /// Where they stand for the next start.
    file: Option<NonceFiles>,
}

/// The nonces of the present span in a file, and those of the one before in another.
struct NonceFiles {
    present: PathBuf,
    before: PathBuf,
    open: File,
}

impl Nonces {
    /// Nothing is known of earlier days.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            began: now,
            present: HashSet::new(),
            before: HashSet::new(),
            file: None,
        }
    }

    /// With what was used before the daemon was started, and the folder in which it is kept. Fails where it cannot be kept:
    /// signed requests could be sent again.
    pub(super) fn kept_in(folder: &Path, now: Timestamp) -> Result<Self, Fault> {
        let failed = |error: std::io::Error| {
            let message = format!("{}: used nonces cannot be kept: {error}", folder.display());
            Fault::new(ErrorCode::StorageFull, message)
                .next("make space, or let the daemon's user write there")
        };
        let (present, before) = (folder.join("nonces"), folder.join("nonces.before"));
        let mut nonces = Self::new(now);
        // Both: which span a line belongs to is not known after a restart, so each counts for a
        // whole one.
        for path in [&before, &present] {
            nonces.before.extend(read(path, now).map_err(failed)?);
        }
        // Both counted at their time, and count for a whole span from now on.
        let mut lines = String::with_capacity(nonces.before.len() * LINE);
        nonces
            .before
            .iter()
            .for_each(|key| lines.push_str(&line(key, now)));
        // Beside and renamed, before `present` is emptied: a crash in between leaves each line in
        // one of the two.
        std::fs::write(folder.join("nonces.new"), &lines).map_err(failed)?;
        std::fs::rename(folder.join("nonces.new"), &before).map_err(failed)?;
        let open = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&present);
        nonces.file = Some(NonceFiles {
            present,
            before,
            open: open.map_err(failed)?,
        });
        Ok(nonces)
    }

    /// Notes that a nonce is used; false when it was used before, or cannot be noted.
    pub(super) fn take(&mut self, claim: &Claim, now: Timestamp) -> bool {
        let passed = now.millis_since(self.began);
        // A clock that was set back begins a new span too; what is known stays known as `before`.
        if !(0..SPAN).contains(&passed) {
            self.before = std::mem::take(&mut self.present);
            if passed >= 2 * SPAN {
                self.before.clear();
            }
            self.began = now;
            if let Err(error) = self.file.as_mut().map_or(Ok(()), NonceFiles::turn) {
                // The file that is open stays in use: what it holds counts for longer than it must.
                tracing::error!(%error, "a new file for used nonces cannot be begun; the old one is written on");
            }
        }
        // bounded whatever its length, and of one client only
        let key: Key = Sha256::new()
            .chain_update(claim.app_key.len().to_le_bytes())
            .chain_update(&claim.app_key)
            .chain_update(&claim.nonce)
            .finalize()
            .into();
        let is_fresh =
            // Full means refused: to forget the oldest would let somebody push out the nonce he
            // wants to use again.
            !self.before.contains(&key) && self.present.len() < MOST && self.present.insert(key);
        if !is_fresh {
            return false;
        }
        // What cannot be remembered does not count: it could be sent again after a restart.
        let noted = self.file.as_mut().map_or(Ok(()), |kept| {
            kept.open.write_all(line(&key, now).as_bytes())
        });
        if let Err(error) = &noted {
            tracing::error!(%error, "a used nonce cannot be kept; the request is refused");
        }
        noted.is_ok()
    }
}

impl NonceFiles {
    fn turn(&mut self) -> std::io::Result<()> {
        std::fs::rename(&self.present, &self.before)?;
        self.open = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.present)?;
        Ok(())
    }
}

fn line(key: &Key, at: Timestamp) -> String {
    format!("{:016x} {}\n", at.millis().max(0), hex(key))
}

/// The keys of a file that may count still. A line that a crash tore is none; without the file there are none.
fn read(path: &Path, now: Timestamp) -> std::io::Result<HashSet<Key>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(HashSet::new()),
        Err(error) => return Err(error),
    };
    let key_of = |line: &str| -> Option<Key> {
        let (at, digits) = line.split_once(' ')?;
        let at = i64::from_str_radix(at, 16).ok()?;
        // A clock that was set back makes nothing count again.
        if now.millis().saturating_sub(at) > SPAN {
            return None;
        }
        unhex(digits)?.try_into().ok()
    };
    Ok(text.lines().filter_map(key_of).collect())
}
