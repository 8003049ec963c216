//! Which rows give way to later ones with the same id, found without keeping what grows with the rows in memory.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::error::{Result, TableError};
use crate::spill::SpillFolder;

/// The whole hash of an id: two texts of one hash cannot be found, so that no comparison of texts has to follow.
pub(crate) type Digest = [u8; 32];

/// Bytes of a digest and the number of its row.
const RECORD: usize = 40;
/// Parts of the digests, by their first byte. One is looked at at a time.
const SHARES: usize = 256;
/// Bytes of a share that are put aside at once.
const BLOCK: usize = 102 * RECORD;

/// Hashes ids under a key of one run: nobody can choose different ids that all fall into one share.
pub(crate) struct IdHash([u8; 32]);

impl IdHash {
    pub(crate) fn new() -> Result<Self> {
        let mut key = [0; 32];
        let unreadable = |error: getrandom::Error| TableError::Unreadable {
            what: "the source of randomness",
            source: error.into(),
        };
        getrandom::fill(&mut key).map_err(unreadable)?;
        Ok(Self(key))
    }

    pub(crate) fn digest(&self, id: &str) -> Digest {
        *blake3::keyed_hash(&self.0, id.as_bytes()).as_bytes()
    }
}

/// Takes the ids' digests in the order of the rows. Where there is a place for files, full blocks of a share go to a file without
/// a name, which ends with this value or the process.
pub(crate) struct RepeatedIds {
    place: Option<SpillFolder>,
    rows: usize,
    shares: Vec<Vec<u8>>,
    file: Option<File>,
    /// Of which share each block in the file is.
    blocks: Vec<u8>,
}

/// The rows that give way.
pub(crate) struct Replaced {
    /// A bit for each row, up to the last that gives way.
    bits: Vec<u64>,
    /// How many.
    pub(crate) rows: u64,
}

impl Replaced {
    fn add(&mut self, row: u64) {
        let word = usize::try_from(row / 64).unwrap_or(usize::MAX);
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        if let Some(bits) = self.bits.get_mut(word) {
            *bits |= 1 << (row % 64);
            self.rows += 1;
        }
    }

    pub(crate) fn contains(&self, row: usize) -> bool {
        let bits = self.bits.get(row / 64).copied().unwrap_or_default();
        bits >> (row % 64) & 1 == 1
    }
}

impl RepeatedIds {
    pub(crate) fn new(place: Option<SpillFolder>) -> Self {
        Self {
            place,
            rows: 0,
            shares: vec![Vec::new(); SHARES],
            file: None,
            blocks: Vec::new(),
        }
    }

    /// Rows so far.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The id of the next row.
    pub(crate) fn push(&mut self, digest: &Digest) -> Result<()> {
        let row = self.rows as u64;
        self.rows += 1;
        let [share, ..] = *digest;
        let Some(records) = self.shares.get_mut(usize::from(share)) else {
            return Ok(());
        };
        if records.capacity() == 0 {
            records.reserve_exact(BLOCK);
        }
        records.extend_from_slice(digest);
        records.extend_from_slice(&row.to_le_bytes());
        if records.len() < BLOCK {
            return Ok(());
        }
        let Some(place) = &self.place else {
            return Ok(());
        };
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(place.unnamed_file()?),
        };
        // Every block has the same size: where the next begins follows from their number.
        file.write_all_at(records, (self.blocks.len() * BLOCK) as u64)
            .map_err(TableError::writing("the hashes of a file's ids"))?;
        self.blocks.push(share);
        records.clear();
        Ok(())
    }

    /// All rows but the last of each id.
    pub(crate) fn finish(self) -> Result<Replaced> {
        let mut replaced = Replaced {
            bits: Vec::new(),
            rows: 0,
        };
        // Of one share at a time, and of its distinct ids only: a file may have few of them in all its rows.
        let mut latest: HashMap<Digest, u64> = HashMap::new();
        let mut block = vec![0; BLOCK];
        for (share, last) in (0..=u8::MAX).zip(&self.shares) {
            latest.clear();
            // Rows of a share come in their order, so what is there is the earlier one and gives way.
            let mut take = |(digest, row): (Digest, u64)| {
                if let Some(earlier) = latest.insert(digest, row) {
                    replaced.add(earlier);
                }
            };
            let own = self
                .blocks
                .iter()
                .enumerate()
                .filter(|(_, of)| **of == share);
            for (at, _) in own {
                let Some(file) = &self.file else { continue };
                file.read_exact_at(&mut block, (at * BLOCK) as u64)
                    .map_err(TableError::reading("the hashes of a file's ids"))?;
                block
                    .chunks_exact(RECORD)
                    .filter_map(record)
                    .for_each(&mut take);
            }
            last.chunks_exact(RECORD)
                .filter_map(record)
                .for_each(&mut take);
        }
        Ok(replaced)
    }

    /// Bytes of memory that are taken.
    #[cfg(test)]
    fn held(&self) -> usize {
        self.blocks.capacity() + self.shares.iter().map(Vec::capacity).sum::<usize>()
    }
}

fn record(bytes: &[u8]) -> Option<(Digest, u64)> {
    let (digest, row) = bytes.split_first_chunk()?;
    Some((*digest, u64::from_le_bytes(row.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids of which some come twice, far apart and next to each other, and one in every hundredth row.
    fn id(row: usize) -> String {
        match row {
            row if row % 100 == 0 => "often".to_owned(),
            row if row % 7 == 0 => format!("id{}", row / 2),
            row if row % 11 == 0 => format!("id{}", row - 1),
            _ => format!("id{row}"),
        }
    }

    fn found(place: Option<SpillFolder>, rows: usize) -> (Replaced, usize, usize) {
        let (hash, mut ids) = (IdHash::new().expect("a key"), RepeatedIds::new(place));
        let mut most = 0;
        for row in 0..rows {
            ids.push(&hash.digest(&id(row))).expect("taken");
            most = most.max(ids.held());
        }
        assert_eq!(ids.rows(), rows);
        let blocks = ids.blocks.len();
        (ids.finish().expect("finished"), most, blocks)
    }

    #[test]
    fn the_last_row_of_each_id_stands_whether_hashes_are_in_memory_or_in_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = SpillFolder::of(folder.path());
        for rows in [0, 1, 3_000, 60_000] {
            let mut latest = HashMap::new();
            let mut expected = vec![false; rows];
            for row in 0..rows {
                if let Some(before) = latest.insert(id(row), row) {
                    expected[before] = true;
                }
            }
            for place in [None, Some(place.clone())] {
                let is_stored = place.is_some();
                let (replaced, _, blocks) = found(place, rows);
                assert_eq!(blocks > 0, is_stored && rows == 60_000);
                let given: Vec<bool> = (0..rows).map(|row| replaced.contains(row)).collect();
                assert_eq!(given, expected);
                let count = expected.iter().filter(|replaced| **replaced).count();
                assert_eq!(replaced.rows, count as u64);
            }
        }
        let left = std::fs::read_dir(folder.path().join(".spill")).expect("the folder");
        assert_eq!(left.count(), 0, "the file has no name");
    }

    #[test]
    fn of_rows_of_one_id_the_last_stands() {
        let folder = tempfile::tempdir().expect("a folder");
        let hash = IdHash::new().expect("a key");
        let mut ids = RepeatedIds::new(Some(SpillFolder::of(folder.path())));
        for _ in 0..5_000 {
            ids.push(&hash.digest("always")).expect("taken");
        }
        let replaced = ids.finish().expect("finished");
        assert_eq!(replaced.rows, 4_999);
        assert!(replaced.contains(4_998) && !replaced.contains(4_999));
    }

    #[test]
    fn ten_times_the_rows_take_no_more_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = SpillFolder::of(folder.path());
        let [(_, few, _), (_, many, _)] =
            [50_000, 500_000].map(|rows| found(Some(place.clone()), rows));
        assert!(few <= SHARES * BLOCK + 4_096, "{few} bytes");
        assert!(many <= few + 16_384, "{many} bytes after {few}");
    }
}
