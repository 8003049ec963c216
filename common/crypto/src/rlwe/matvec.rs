//! Plain matrix times encrypted vector, by inner products in coefficients (Cheetah: Huang, Lu, Hong and Ding,
//! USENIX Security 2022, section 3). The vector is v = sum v_i X^i, a column x becomes sum x_i X^-i, and the
//! constant coefficient of the product is <x, v>. With m padded rows, N/m columns share a polynomial: column k
//! is shifted by X^(km), and its sum appears at coefficient km, where no other column's terms reach.

use std::fmt;

use rayon::prelude::*;
use zeroize::Zeroizing;

use super::RlweError;
use super::ciphertext::EncryptedVector;
use super::ring::{DEGREE, Evaluations, Limb, Multiplier, RING};
use super::sums::{EncryptedSums, Layout};

/// Largest magnitude of a matrix entry.
pub const MAX_ENTRY: u64 = 1 << 32;

/// Columns whose number fits the header of the serialised sums.
const MAX_COLUMNS: usize = u32::MAX as usize;

/// Row chunks whose products still add up in 128 bits before one Montgomery reduction.
const MAX_CHUNKS: usize = 1 << 14;

/// Coefficients accumulated at a time, few enough to stay in the first-level cache.
const BLOCK: usize = 256;

/// A plain matrix, transformed once and used many times; takes 32 bytes an entry (rows padded to a power of
/// two, or to a multiple of [`DEGREE`]).
#[derive(Clone)]
pub struct PreparedMatrix {
    rows: usize,
    layout: Layout,
    /// One polynomial per group of columns and chunk of rows, chunks of a group together.
    elements: Vec<Multiplier>,
    /// Largest sum of magnitudes that meets one output.
    norm: u128,
}

impl fmt::Debug for PreparedMatrix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "PreparedMatrix({} rows, {} columns)",
            self.rows, self.layout.columns
        )
    }
}

impl PreparedMatrix {
    /// Prepares the matrix with `entry(row, column)`; entries are at most [`MAX_ENTRY`] in magnitude.
    pub fn new(
        rows: usize,
        columns: usize,
        entry: impl Fn(usize, usize) -> i64 + Sync,
    ) -> Result<Self, RlweError> {
        let chunks = rows.div_ceil(DEGREE);
        let bad_shape = RlweError::BadShape { rows, columns };
        // Checked before any of the work, so that nothing below can overflow or be cut short.
        if rows == 0 || columns == 0 || columns > MAX_COLUMNS || chunks > MAX_CHUNKS {
            return Err(bad_shape);
        }
        let layout = Layout::of(rows, columns);
        let count = layout.elements().checked_mul(chunks).ok_or(bad_shape)?;
        let shape = Shape { rows, layout };
        let prepared = (0..count)
            .into_par_iter()
            .map(|index| shape.prepare(index / chunks, index % chunks, &entry))
            .collect::<Result<Vec<(Multiplier, u128)>, RlweError>>()?;
        let (elements, norms): (Vec<_>, Vec<_>) = prepared.into_iter().unzip();
        let norm = norms
            .chunks(chunks)
            // A sum collects one group over all chunks of rows: the largest group bounds every
            // output.
            .map(|group| group.iter().sum())
            .max()
            .unwrap_or(0);
        Ok(Self {
            rows,
            layout,
            elements,
            norm,
        })
    }

    /// Prepares a matrix given row by row.
    pub fn from_row_major(rows: usize, columns: usize, entries: &[i64]) -> Result<Self, RlweError> {
        let expected = rows
            .checked_mul(columns)
            .ok_or(RlweError::BadShape { rows, columns })?;
        if entries.len() != expected {
            return Err(RlweError::LengthMismatch {
                expected,
                actual: entries.len(),
            });
        }
        Self::new(rows, columns, |row, column| entries[row * columns + column])
    }

    /// Rows: the length of the vectors it multiplies.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns: the number of sums.
    pub fn columns(&self) -> usize {
        self.layout.columns
    }

    /// Transpose of the matrix times the vector: for each column the sum over rows of entry times value,
    /// mod 2^64. Refuses a vector of another length, or one whose noise would grow past the budget.
    pub fn transpose_times(&self, vector: &EncryptedVector) -> Result<EncryptedSums, RlweError> {
        if vector.len() != self.rows {
            return Err(RlweError::LengthMismatch {
                expected: self.rows,
                actual: vector.len(),
            });
        }
        // First of all: a product that could not be flooded later is not worth its time.
        let noise = vector.noise().checked()?.times(self.norm)?;
        let firsts: Vec<&Evaluations> = vector.chunks.iter().map(|chunk| &chunk.c0).collect();
        let seconds: Vec<&Evaluations> = vector.chunks.iter().map(|chunk| &chunk.c1).collect();
        let products = self
            .elements
            .par_chunks(firsts.len())
            .enumerate()
            .map(|(group, column)| {
                let mut second = Evaluations::zero();
                let first = self.layout.pick_with(group, &mut second, |index, values| {
                    inner_product(index, column, &seconds, values);
                    let mut coefficients = Zeroizing::new(vec![0; DEGREE]);
                    inner_product(index, column, &firsts, &mut coefficients);
                    RING.limbs[index].transform_back(&mut coefficients);
                    coefficients
                });
                (first.as_flattened().to_vec(), second)
            });
        let (c0, c1): (Vec<_>, Vec<_>) = products.unzip();
        Ok(EncryptedSums {
            layout: self.layout,
            c0: c0.concat(),
            c1,
            noise,
        })
    }
}

/// What the placing of entries needs to know.
struct Shape {
    rows: usize,
    layout: Layout,
}

impl Shape {
    /// The polynomial of one group of columns over one chunk of rows, and the sum of its magnitudes.
    fn prepare(
        &self,
        group: usize,
        chunk: usize,
        entry: &(impl Fn(usize, usize) -> i64 + Sync),
    ) -> Result<(Multiplier, u128), RlweError> {
        let mut coefficients = vec![0i64; DEGREE];
        let mut norm = 0u128;
        let first_row = chunk * DEGREE;
        for (column, position) in self.layout.positions(group) {
            for row in first_row..self.rows.min(first_row + DEGREE) {
                let value = entry(row, column);
                if value.unsigned_abs() > MAX_ENTRY {
                    return Err(RlweError::EntryTooLarge {
                        row,
                        column,
                        limit: MAX_ENTRY,
                    });
                }
                norm += u128::from(value.unsigned_abs());
                // X^(position - offset), where X^N = -1.
                match position.checked_sub(row - first_row) {
                    Some(exponent) => coefficients[exponent] = value,
                    None => coefficients[DEGREE + position - (row - first_row)] = -value,
                }
            }
        }
        Ok((
            Evaluations::from_small(&coefficients).into_multiplier(),
            norm,
        ))
    }
}

/// Sum over row chunks of plain polynomial times ciphertext half, in limb `index`.
fn inner_product(index: usize, plain: &[Multiplier], halves: &[&Evaluations], output: &mut [u64]) {
    for (block, values) in output.chunks_exact_mut(BLOCK).enumerate() {
        accumulate(
            &RING.limbs[index],
            plain,
            halves,
            index * DEGREE + block * BLOCK,
            values,
        );
    }
}

/// One block of one limb: products of all chunks are added wide and reduced once.
fn accumulate(
    limb: &Limb,
    plain: &[Multiplier],
    halves: &[&Evaluations],
    start: usize,
    output: &mut [u64],
) {
    let mut wide = [0u128; BLOCK];
    for (factor, half) in plain.iter().zip(halves) {
        let (factors, values) = (
            &factor.0[start..start + BLOCK],
            &half.0[start..start + BLOCK],
        );
        for ((total, x), y) in wide.iter_mut().zip(factors).zip(values) {
            // Below 2^100 each, and at most 2^14 of them: no overflow.
            *total += u128::from(*x) * u128::from(*y);
        }
    }
    for (value, total) in output.iter_mut().zip(wide) {
        *value = limb.prime.montgomery_reduce(total);
    }
}

#[cfg(test)]
#[path = "matvec_tests.rs"]
mod tests;
