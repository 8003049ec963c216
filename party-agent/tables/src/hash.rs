//! One fingerprint for a table's content: the same however many files it stands in.

use std::sync::Mutex;

use blake3::Hasher;
use rayon::prelude::*;
use vocabulary::Stop;

use crate::error::Result;
use crate::frame::{Cells, Frame};
use crate::schema::Schema;

/// Takes frames in row order and gives the hash of their columns.
pub(crate) struct ContentHasher {
    columns: Vec<Hasher>,
    rows: u64,
    stop: Stop,
    /// What threads put values together in. New ones for each column would be spread over the memory of all threads.
    buffers: Mutex<Vec<Vec<u8>>>,
}

/// Bytes that are hashed at once.
const AT_ONCE: usize = 1 << 20;

/// Gives the hasher what was put together once it is enough.
fn pass_on(bytes: &mut Vec<u8>, hasher: &mut Hasher, enough: usize) {
    if bytes.len() >= enough {
        hasher.update(bytes);
        bytes.clear();
    }
}

fn encode(cells: &Cells<'_>, bytes: &mut Vec<u8>, hasher: &mut Hasher) {
    match cells {
        // The content is the text, however it is kept: a table has the same hash as one that keeps it as text.
        Cells::Text(_) | Cells::Fixed(..) | Cells::Short(..) => cells.each_text(|cell| {
            // Length 0 of a present text must differ from a missing one: lengths are stored plus one.
            let length = cell.map_or(0, |text| text.len() as u64 + 1);
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(cell.unwrap_or_default().as_bytes());
            pass_on(bytes, hasher, AT_ONCE);
        }),
        Cells::Float(cells) => {
            for cell in cells.iter() {
                // All NaNs mean the same: missing.
                let value = cell.filter(|value| !value.is_nan()).unwrap_or(f64::NAN);
                bytes.extend_from_slice(&value.to_bits().to_le_bytes());
                pass_on(bytes, hasher, AT_ONCE);
            }
        }
        Cells::Integer(cells) => {
            for cell in cells.iter() {
                bytes.extend_from_slice(&cell.unwrap_or_default().to_le_bytes());
                pass_on(bytes, hasher, AT_ONCE);
            }
        }
    }
    pass_on(bytes, hasher, 1);
}

impl ContentHasher {
    /// A hasher for frames of so many columns, the id included.
    pub(crate) fn new(width: usize, stop: &Stop) -> Self {
        Self {
            columns: vec![Hasher::new(); width],
            rows: 0,
            stop: stop.clone(),
            buffers: Mutex::default(),
        }
    }

    /// Takes the next rows.
    pub(crate) fn push(&mut self, frame: &Frame) -> Result<()> {
        let (stop, buffers) = (&self.stop, &self.buffers);
        self.columns
            .par_iter_mut()
            .enumerate()
            .try_for_each(|(at, hasher)| -> Result<()> {
                stop.go_on()?;
                let cells = frame.cells(at)?;
                // A poisoned lock costs a new buffer and nothing else.
                let spare = buffers.lock().ok().and_then(|mut spare| spare.pop());
                let mut bytes = spare.unwrap_or_default();
                encode(&cells, &mut bytes, hasher);
                if let Ok(mut spare) = buffers.lock() {
                    spare.push(bytes);
                }
                Ok(())
            })?;
        self.rows += frame.rows() as u64;
        Ok(())
    }

    /// The hash of the rows alone, hex.
    pub(crate) fn finish(&self) -> String {
        // Columns are hashed one by one and then together, so that threads can share the work.
        let mut whole = Hasher::new_derive_key("fedflow table rows 1");
        // The number of rows too: a table without columns besides the id has it nowhere else.
        whole.update(&self.rows.to_le_bytes());
        for column in &self.columns {
            whole.update(column.finalize().as_bytes());
        }
        whole.finalize().to_hex().to_string()
    }
}

/// The hash of a table (hex): its schema and its rows.
pub(crate) fn content_hash(schema: &Schema, rows_hash: &str) -> Result<String> {
    let mut whole = Hasher::new_derive_key("fedflow table 1");
    whole.update(rows_hash.as_bytes());
    whole.update(&schema.canonical_bytes()?);
    Ok(whole.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Values;

    fn hash(values: Vec<Values>, rows: usize) -> String {
        let frame = Frame::from_values(rows, values).expect("frame");
        let mut hasher = ContentHasher::new(frame.width(), &Stop::NEVER);
        hasher.push(&frame).expect("push");
        hasher.finish()
    }

    #[test]
    fn tells_missing_from_empty_and_where_a_text_ends() {
        let missing = hash(vec![Values::Text(vec![None, Some("ab".into())])], 2);
        let empty = hash(
            vec![Values::Text(vec![Some(String::new()), Some("ab".into())])],
            2,
        );
        let moved = hash(
            vec![Values::Text(vec![Some("a".into()), Some("b".into())])],
            2,
        );
        assert!(missing != empty && empty != moved);
    }

    #[test]
    fn takes_every_nan_for_the_same_missing_value() {
        let other_nan = f64::from_bits(f64::NAN.to_bits() ^ 1);
        assert_eq!(
            hash(vec![Values::Float(vec![f64::NAN])], 1),
            hash(vec![Values::Float(vec![other_nan])], 1)
        );
    }
}
