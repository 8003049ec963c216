//! What a matrix product leaves: one encrypted sum per column, each at a known coefficient. Of the first half
//! only these coefficients are kept; they are all the key holder needs, and all it may see.

use std::fmt;

use rayon::prelude::*;
use zeroize::Zeroizing;

use super::flooding::{self, NoiseBound};
use super::keys::{Ephemeral, PublicKey, SecretKey};
use super::packing::{
    ELEMENT_BYTES, expect_len, pack, packed_len, unpack_coefficients, unpack_element,
};
use super::ring::{DEGREE, Evaluations, LIMBS, RING};
use super::{RlweError, sampling};
use crate::random::Random;

/// Bytes before the residues: the number of sums and the logarithm of the stride.
const HEADER_BYTES: usize = 5;

/// Where the sums sit: `DEGREE / stride` in each ring element, at multiples of `stride`, a power of two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) columns: usize,
    pub(super) stride: usize,
}

/// Encrypted sums, one per column of the matrix; to be added up, then masked or revealed.
#[derive(Clone)]
pub struct EncryptedSums {
    pub(super) layout: Layout,
    /// Residues of the wanted coefficients, one sum after the other.
    pub(super) c0: Vec<u64>,
    pub(super) c1: Vec<Evaluations>,
    pub(super) noise: NoiseBound,
}

/// Sums re-randomised and flooded for the key holder, with or without masks.
#[derive(Clone, PartialEq, Eq)]
pub struct MaskedSums {
    pub(super) layout: Layout,
    pub(super) c0: Vec<u64>,
    pub(super) c1: Vec<Evaluations>,
}

impl fmt::Debug for EncryptedSums {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "EncryptedSums({} sums)", self.layout.columns)
    }
}

impl fmt::Debug for MaskedSums {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MaskedSums({} sums)", self.layout.columns)
    }
}

impl Layout {
    /// Of the sums over `rows` rows of so many columns: the one place that says where sums sit.
    pub(super) fn of(rows: usize, columns: usize) -> Self {
        Self {
            columns,
            // A power of two divides N: no sum lies across two elements.
            stride: rows.clamp(1, DEGREE).next_power_of_two(),
        }
    }

    /// Sums in one ring element.
    pub(super) fn per_element(&self) -> usize {
        DEGREE / self.stride
    }

    /// Ring elements that all sums take.
    pub(super) fn elements(&self) -> usize {
        self.columns.div_ceil(self.per_element())
    }

    /// The columns of one element with their coefficients.
    pub(super) fn positions(&self, element: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (first, stride) = (element * self.per_element(), self.stride);
        (first..self.columns.min(first + self.per_element()))
            .map(move |column| (column, (column - first) * stride))
    }

    /// The wanted coefficients of one element whose N coefficients in a limb `compute` gives; all others are erased.
    pub(super) fn pick(
        &self,
        element: usize,
        compute: impl Fn(usize) -> Zeroizing<Vec<u64>> + Sync,
    ) -> Zeroizing<Vec<[u64; LIMBS]>> {
        let limbs = (0..LIMBS)
            .into_par_iter()
            .map(|index| self.wanted(element, &compute(index)));
        interleave(&limbs.collect::<Vec<_>>())
    }

    /// As `pick`, where `compute` also writes the same limb of `other`.
    pub(super) fn pick_with(
        &self,
        element: usize,
        other: &mut Evaluations,
        compute: impl Fn(usize, &mut [u64]) -> Zeroizing<Vec<u64>> + Sync,
    ) -> Zeroizing<Vec<[u64; LIMBS]>> {
        let limbs = other.0.par_chunks_exact_mut(DEGREE).enumerate();
        let wanted = limbs.map(|(index, values)| self.wanted(element, &compute(index, values)));
        interleave(&wanted.collect::<Vec<_>>())
    }

    fn wanted(&self, element: usize, coefficients: &[u64]) -> Zeroizing<Vec<u64>> {
        // The iterator knows its length, so that no copy is left behind by a list that grows.
        Zeroizing::new(
            self.positions(element)
                .map(|(_, position)| coefficients[position])
                .collect(),
        )
    }
}

/// Gathers one coefficient list per limb into residues per coefficient.
fn interleave(limbs: &[Zeroizing<Vec<u64>>]) -> Zeroizing<Vec<[u64; LIMBS]>> {
    let count = limbs.first().map_or(0, |limb| limb.len());
    Zeroizing::new(
        (0..count)
            .map(|slot| std::array::from_fn(|limb| limbs[limb][slot]))
            .collect(),
    )
}

impl EncryptedSums {
    /// Number of sums.
    pub fn columns(&self) -> usize {
        self.layout.columns
    }

    /// The bound on these sums' noise.
    pub fn noise(&self) -> NoiseBound {
        self.noise
    }

    /// Column-wise sum of two products of equally shaped matrices under one key.
    pub fn add(&self, other: &Self) -> Result<Self, RlweError> {
        if self.layout != other.layout {
            return Err(RlweError::LayoutMismatch {
                columns: self.layout.columns,
                stride: self.layout.stride,
                other_columns: other.layout.columns,
                other_stride: other.layout.stride,
            });
        }
        let mut result = self.clone();
        result.noise = self.noise.add(other.noise)?;
        for (index, (mine, theirs)) in result.c0.iter_mut().zip(&other.c0).enumerate() {
            *mine = RING.limbs[index % LIMBS].prime.add(*mine, *theirs);
        }
        result
            .c1
            .par_iter_mut()
            .zip(&other.c1)
            .for_each(|(mine, theirs)| mine.add(theirs));
        Ok(result)
    }

    /// Adds one plain number to each sum.
    pub fn add_plain(&self, values: &[i64]) -> Result<Self, RlweError> {
        if values.len() != self.layout.columns {
            return Err(RlweError::LengthMismatch {
                expected: self.layout.columns,
                actual: values.len(),
            });
        }
        let mut result = self.clone();
        result.noise = self.noise.add(NoiseBound::FRESH)?;
        for (residues, value) in result.c0.chunks_exact_mut(LIMBS).zip(values) {
            add_message(residues, *value as u64);
        }
        Ok(result)
    }

    /// Adds a uniform mask mod 2^64 to each sum, re-randomises and floods: the key holder learns nothing but
    /// uniform numbers. Gives what to send and the masks to subtract from what comes back.
    pub fn mask(
        &self,
        key: &PublicKey,
        random: &mut Random,
    ) -> Result<(MaskedSums, Vec<u64>), RlweError> {
        let masks = sampling::draw_masks(self.layout.columns, random);
        Ok((self.hide(key, &masks, random)?, masks))
    }

    /// Re-randomises and floods without a mask, for sums that the parties agreed to show the key holder
    /// (the loss): it learns the sums and nothing else.
    pub fn reveal(&self, key: &PublicKey, random: &mut Random) -> Result<MaskedSums, RlweError> {
        self.hide(key, &vec![0; self.layout.columns], random)
    }

    fn hide(
        &self,
        key: &PublicKey,
        masks: &[u64],
        random: &mut Random,
    ) -> Result<MaskedSums, RlweError> {
        // Too much noise would show under the flood: refused rather than sent.
        self.noise.add(NoiseBound::FRESH)?;
        let per_element = self.layout.per_element();
        let mut hidden = MaskedSums {
            layout: self.layout,
            c0: self.c0.clone(),
            c1: self.c1.clone(),
        };
        // Forked before the threads start, so that their order does not show in the result.
        let randoms: Vec<Random> = self.c1.iter().map(|_| random.fork()).collect();
        let elements = hidden
            .c1
            .par_iter_mut()
            .zip(hidden.c0.par_chunks_mut(per_element * LIMBS));
        let jobs = elements
            .zip(masks.par_chunks(per_element))
            .zip(randoms)
            .enumerate();
        jobs.for_each(|(element, (((c1, c0), masks), mut random))| {
            let ephemeral = Ephemeral::draw(&mut random);
            let firsts = self.layout.pick_with(element, c1, |index, second| {
                let mut first = Zeroizing::new(vec![0; DEGREE]);
                key.blind(index, &ephemeral, &mut first, second);
                RING.limbs[index].transform_back(&mut first);
                first
            });
            for ((residues, first), mask) in c0
                .as_chunks_mut::<LIMBS>()
                .0
                .iter_mut()
                .zip(firsts.iter())
                .zip(masks)
            {
                *residues = RING.add(residues, first);
                add_message(residues, *mask);
            }
            drown(c0, &mut random);
        });
        Ok(hidden)
    }
}

impl MaskedSums {
    /// Number of sums.
    pub fn columns(&self) -> usize {
        self.layout.columns
    }

    /// Header, wanted coefficients, second halves.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(
            HEADER_BYTES + packed_len(self.c0.len()) + self.c1.len() * ELEMENT_BYTES,
        );
        bytes.extend_from_slice(&(self.layout.columns as u32).to_le_bytes());
        bytes.push(self.layout.stride.ilog2() as u8);
        pack(&self.c0, &mut bytes);
        for element in &self.c1 {
            pack(&element.0, &mut bytes);
        }
        bytes
    }

    /// Reads the sums over `rows` rows of exactly `columns` columns. Both come from the reader, as agreed beforehand: bytes that
    /// say another number or another place of the sums are refused. The length must then be exact (checked before anything is
    /// allocated) and every residue reduced. A lying sender gets wrong values.
    pub fn from_bytes(bytes: &[u8], rows: usize, columns: usize) -> Result<Self, RlweError> {
        let Some((&[a, b, c, d, log_stride], body)) = bytes.split_first_chunk::<HEADER_BYTES>()
        else {
            return Err(RlweError::WrongByteLength {
                expected: HEADER_BYTES,
                actual: bytes.len(),
            });
        };
        let told = u32::from_le_bytes([a, b, c, d]) as usize;
        // Sizes come from the agreement. A sender that chose them would choose what the key holder
        // opens, see `extraction`.
        if told != columns {
            return Err(RlweError::LengthMismatch {
                expected: columns,
                actual: told,
            });
        }
        let layout = Layout::of(rows, columns);
        if u32::from(log_stride) != layout.stride.ilog2() {
            return Err(RlweError::BadStride {
                log_stride,
                expected: layout.stride.ilog2(),
            });
        }
        // At most 2^32 columns of 204,800 bytes: no overflow in 64 bits.
        let first_bytes = packed_len(columns * LIMBS);
        expect_len(body, first_bytes + layout.elements() * ELEMENT_BYTES)?;
        let (first, second) = body.split_at(first_bytes);
        let read = |element| unpack_element(element).map(Evaluations);
        let c1 = second
            .par_chunks_exact(ELEMENT_BYTES)
            .map(read)
            .collect::<Result<_, RlweError>>()?;
        Ok(Self {
            layout,
            c0: unpack_coefficients(first)?,
            c1,
        })
    }
}

impl SecretKey {
    /// The sums with their masks still on, mod 2^64.
    pub fn open(&self, sums: &MaskedSums) -> Vec<u64> {
        let layout = sums.layout;
        let elements = sums
            .c1
            .par_iter()
            .zip(sums.c0.par_chunks(layout.per_element() * LIMBS))
            .enumerate();
        elements
            .flat_map_iter(|(element, (c1, c0))| {
                let products = layout.pick(element, |index| self.product(index, c1));
                let residues = c0.as_chunks::<LIMBS>().0.iter().zip(products.iter());
                residues
                    .map(|(c0, product)| RING.scale_down(RING.add(c0, product)))
                    .collect::<Vec<u64>>()
            })
            .collect()
    }
}

/// Adds to each coefficient the error of a fresh encryption and the flooding noise.
fn drown(coefficients: &mut [u64], random: &mut Random) {
    let count = coefficients.len() / LIMBS;
    let noise = sampling::errors(count, random);
    let floods = flooding::draw(count, random);
    for (residues, (error, flood)) in coefficients
        .chunks_exact_mut(LIMBS)
        .zip(noise.iter().zip(floods.iter()))
    {
        for (residue, limb) in residues.iter_mut().zip(&RING.limbs) {
            let added = limb
                .prime
                .add(limb.prime.reduce_signed(*error), limb.reduce_wide(*flood));
            *residue = limb.prime.add(*residue, added);
        }
    }
}

/// Adds a plaintext to one coefficient, given by its residues.
fn add_message(residues: &mut [u64], message: u64) {
    for (residue, limb) in residues.iter_mut().zip(&RING.limbs) {
        *residue = limb.prime.add(*residue, RING.scale_up(limb, message));
    }
}

#[cfg(test)]
#[path = "sums_tests.rs"]
mod tests;
