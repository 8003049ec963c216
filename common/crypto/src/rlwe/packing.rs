//! Residues as bytes: 50 bits each, four in 25 bytes, little endian. Reading checks that each is reduced.

use super::RlweError;
use super::ring::{DEGREE, LIMBS, RING};

/// Bytes of four residues.
const GROUP_BYTES: usize = 25;

/// Bits of a residue.
const WIDTH: u32 = 50;

/// Bytes of one packed ring element.
pub(super) const ELEMENT_BYTES: usize = packed_len(LIMBS * DEGREE);

/// Bytes that `residues` (a multiple of four) take.
pub(super) const fn packed_len(residues: usize) -> usize {
    residues / 4 * GROUP_BYTES
}

/// Appends residues, whose number is a multiple of four.
pub(super) fn pack(residues: &[u64], bytes: &mut Vec<u8>) {
    for group in residues.as_chunks::<4>().0 {
        let [a, b, c, d] = group.map(u128::from);
        let low = a | b << WIDTH | c << (2 * WIDTH);
        let high = c >> (128 - 2 * WIDTH) | d << (3 * WIDTH - 128);
        bytes.extend_from_slice(&low.to_le_bytes());
        bytes.extend_from_slice(&high.to_le_bytes()[..GROUP_BYTES - 16]);
    }
}

/// Reads an element that `pack` wrote limb after limb; `bytes` has exactly [`ELEMENT_BYTES`].
pub(super) fn unpack_element(bytes: &[u8]) -> Result<Vec<u64>, RlweError> {
    unpack(bytes, |index| index / DEGREE)
}

/// Reads coefficients that `pack` wrote one after the other, each with its residue in every limb.
pub(super) fn unpack_coefficients(bytes: &[u8]) -> Result<Vec<u64>, RlweError> {
    unpack(bytes, |index| index % LIMBS)
}

/// Refuses a byte string of another length.
pub(super) fn expect_len(bytes: &[u8], expected: usize) -> Result<(), RlweError> {
    if bytes.len() == expected {
        Ok(())
    } else {
        Err(RlweError::WrongByteLength {
            expected,
            actual: bytes.len(),
        })
    }
}

fn unpack(bytes: &[u8], limb_of: impl Fn(usize) -> usize) -> Result<Vec<u64>, RlweError> {
    let mask = (1u128 << WIDTH) - 1;
    let mut residues = Vec::with_capacity(bytes.len() / GROUP_BYTES * 4);
    for group in bytes.as_chunks::<GROUP_BYTES>().0 {
        let (mut low, mut high) = ([0; 16], [0; 16]);
        low.copy_from_slice(&group[..16]);
        high[..GROUP_BYTES - 16].copy_from_slice(&group[16..]);
        let (low, high) = (u128::from_le_bytes(low), u128::from_le_bytes(high));
        let third = low >> (2 * WIDTH) | high << (128 - 2 * WIDTH);
        for residue in [low, low >> WIDTH, third, high >> (3 * WIDTH - 128)] {
            residues.push((residue & mask) as u64);
        }
    }
    let reduced =
        |(index, residue): (usize, &u64)| *residue < RING.limbs[limb_of(index) % LIMBS].prime.q;
    match residues
        .iter()
        .enumerate()
        .position(|entry| !reduced(entry))
    {
        Some(index) => Err(RlweError::ResidueOutOfRange { index }),
        None => Ok(residues),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::rlwe::sampling::uniform;

    #[test]
    fn elements_come_back() {
        let element = uniform(&mut Random::seeded(1));
        let mut bytes = Vec::new();
        pack(&element.0, &mut bytes);
        assert_eq!(bytes.len(), ELEMENT_BYTES);
        assert_eq!(unpack_element(&bytes).unwrap(), element.0);
    }

    #[test]
    fn coefficients_come_back_at_the_largest_residues() {
        let largest: Vec<u64> = RING
            .limbs
            .iter()
            .map(|limb| limb.prime.q - 1)
            .cycle()
            .take(12)
            .collect();
        let mut bytes = Vec::new();
        pack(&largest, &mut bytes);
        assert_eq!(unpack_coefficients(&bytes).unwrap(), largest);
    }

    #[test]
    fn refuses_residues_that_are_not_reduced() {
        for index in 0..LIMBS {
            let mut residues = [0; LIMBS];
            residues[index] = RING.limbs[index].prime.q;
            let mut bytes = Vec::new();
            pack(&residues, &mut bytes);
            assert_eq!(
                unpack_coefficients(&bytes),
                Err(RlweError::ResidueOutOfRange { index })
            );
        }
        assert_eq!(
            unpack_element(&[0xff; ELEMENT_BYTES]),
            Err(RlweError::ResidueOutOfRange { index: 0 })
        );
    }
}
