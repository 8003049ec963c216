//! Tests of encrypted sums: masks, bytes, what the key holder sees.

use super::*;
use crate::rlwe::{PreparedMatrix, SecretKey};
use proptest::prelude::*;

struct Setting {
    secret: SecretKey,
    public: PublicKey,
    random: Random,
    sums: EncryptedSums,
    expected: Vec<u64>,
}

/// 40 rows and 300 columns: strides of 64, two and a half ring elements.
fn setting(seed: u64) -> Setting {
    let mut random = Random::seeded(seed);
    let secret = SecretKey::generate(&mut random);
    let public = secret.public_key(&mut random);
    let entry = |row: usize, column: usize| (row * 1000 + column) as i64 - 20_000;
    let matrix = PreparedMatrix::new(40, 300, entry).unwrap();
    let vector: Vec<i64> = (0..40).map(|_| random.u64() as i64).collect();
    let sum = |column| {
        vector.iter().enumerate().fold(0i64, |sum, (row, v)| {
            sum.wrapping_add(v.wrapping_mul(entry(row, column)))
        })
    };
    let expected = (0..300).map(|column| sum(column) as u64).collect();
    let sums = matrix
        .transpose_times(&public.encrypt_vector(&vector, &mut random))
        .unwrap();
    Setting {
        secret,
        public,
        random,
        sums,
        expected,
    }
}

#[test]
fn masks_come_off() {
    let Setting {
        secret,
        public,
        mut random,
        sums,
        expected,
    } = setting(1);
    let (masked, masks) = sums.mask(&public, &mut random).unwrap();
    let seen = secret.open(&masked);
    assert!(
        seen.iter()
            .zip(&expected)
            .all(|(seen, expected)| seen != expected)
    );
    let unmasked: Vec<u64> = seen
        .iter()
        .zip(&masks)
        .map(|(value, mask)| value.wrapping_sub(*mask))
        .collect();
    assert_eq!(unmasked, expected);
}

#[test]
fn sums_and_plain_numbers_add_up() {
    let Setting {
        secret,
        public,
        mut random,
        sums,
        expected,
    } = setting(2);
    let plain: Vec<i64> = (0..300).map(|_| random.u64() as i64).collect();
    let total = sums.add(&sums).unwrap().add_plain(&plain).unwrap();
    let wanted: Vec<u64> = expected
        .iter()
        .zip(&plain)
        .map(|(sum, plain)| sum.wrapping_mul(2).wrapping_add(*plain as u64))
        .collect();
    assert_eq!(
        secret.open(&total.reveal(&public, &mut random).unwrap()),
        wanted
    );
    assert_eq!(
        sums.add_plain(&[1]).unwrap_err(),
        RlweError::LengthMismatch {
            expected: 300,
            actual: 1
        }
    );
}

#[test]
fn refuses_to_add_sums_of_other_shapes() {
    let Setting {
        public,
        mut random,
        sums,
        ..
    } = setting(3);
    let matrix = PreparedMatrix::new(3, 300, |_, _| 1).unwrap();
    let other = matrix
        .transpose_times(&public.encrypt_vector(&[1, 2, 3], &mut random))
        .unwrap();
    let mismatch = RlweError::LayoutMismatch {
        columns: 300,
        stride: 64,
        other_columns: 300,
        other_stride: 4,
    };
    assert_eq!(sums.add(&other).unwrap_err(), mismatch);
}

#[test]
fn two_revealings_share_no_residue() {
    let Setting {
        public,
        mut random,
        sums,
        ..
    } = setting(4);
    let one = sums.reveal(&public, &mut random).unwrap();
    let other = sums.reveal(&public, &mut random).unwrap();
    let same = |left: &[u64], right: &[u64]| left.iter().zip(right).filter(|(x, y)| x == y).count();
    assert_eq!(same(&one.c0, &other.c0), 0);
    assert!(
        one.c1
            .iter()
            .zip(&other.c1)
            .all(|(left, right)| same(&left.0, &right.0) == 0)
    );
    assert_eq!(same(&one.c0, &sums.c0), 0);
}

/// The noise that the key holder sees is flat over a quarter of a plaintext step either side.
#[test]
fn the_noise_seen_is_the_flood() {
    let mut random = Random::seeded(5);
    let secret = SecretKey::generate(&mut random);
    let public = secret.public_key(&mut random);
    // One row: a stride of one, 8,192 sums of one term.
    let matrix = PreparedMatrix::new(1, DEGREE, |_, column| column as i64).unwrap();
    let sums = matrix
        .transpose_times(&public.encrypt_vector(&[3], &mut random))
        .unwrap();
    let noise = |sums: &MaskedSums| -> Vec<i64> {
        let mut first = Evaluations::zero();
        for (at, residues) in sums.c0.chunks_exact(LIMBS).enumerate() {
            residues
                .iter()
                .enumerate()
                .for_each(|(limb, residue)| first.0[limb * DEGREE + at] = *residue);
        }
        RING.limbs
            .iter()
            .zip(first.0.chunks_exact_mut(DEGREE))
            .for_each(|(limb, values)| limb.transform(values));
        let phase = secret.phase(&crate::rlwe::ciphertext::Ciphertext {
            c0: first,
            c1: sums.c1[0].clone(),
        });
        let fraction =
            |at| RING.fraction(std::array::from_fn(|limb| phase[limb * DEGREE + at])) as u64 as i64;
        (0..DEGREE).map(fraction).collect()
    };
    let before = MaskedSums {
        layout: sums.layout,
        c0: sums.c0.clone(),
        c1: sums.c1.clone(),
    };
    assert!(
        noise(&before)
            .iter()
            .all(|noise| noise.unsigned_abs() < 1 << 52)
    );
    let mut bins = [0u32; 8];
    for noise in noise(&sums.reveal(&public, &mut random).unwrap()) {
        bins[((noise >> 60) + 4).clamp(0, 7) as usize] += 1;
    }
    // Standard deviation 30 each.
    assert!(
        bins.iter().all(|count| count.abs_diff(1024) < 160),
        "{bins:?}"
    );
}

#[test]
fn masked_sums_survive_their_bytes() {
    let Setting {
        secret,
        public,
        mut random,
        sums,
        expected,
    } = setting(6);
    let revealed = sums.reveal(&public, &mut random).unwrap();
    let bytes = revealed.to_bytes();
    let read = MaskedSums::from_bytes(&bytes, 40, 300).unwrap();
    assert_eq!(read, revealed);
    assert_eq!(read.columns(), 300);
    assert_eq!(secret.open(&read), expected);
}

#[test]
fn refuses_bytes_that_are_cut_not_reduced_or_shaped_otherwise() {
    let Setting {
        secret,
        public,
        mut random,
        sums,
        expected,
    } = setting(7);
    let bytes = sums.reveal(&public, &mut random).unwrap().to_bytes();
    for length in [0, 4, 5, 100, bytes.len() - 1] {
        assert!(matches!(
            MaskedSums::from_bytes(&bytes[..length], 40, 300),
            Err(RlweError::WrongByteLength { .. })
        ));
    }
    let other_columns = MaskedSums::from_bytes(&bytes, 40, 299);
    assert_eq!(
        other_columns,
        Err(RlweError::LengthMismatch {
            expected: 299,
            actual: 300
        })
    );
    let changed = |at: usize, value: u8| {
        let mut changed = bytes.clone();
        changed[at..at + 7.min(bytes.len() - at)].fill(value);
        changed[at] = value;
        MaskedSums::from_bytes(&changed, 40, 300)
    };
    let mut stride = bytes.clone();
    // Where sums sit follows from the rows that were agreed on, whatever the bytes say.
    for log_stride in [0, 5, 7, 13, 14, 255] {
        stride[4] = log_stride;
        let refused = Err(RlweError::BadStride {
            log_stride,
            expected: 6,
        });
        assert_eq!(MaskedSums::from_bytes(&stride, 40, 300), refused);
    }
    assert_eq!(
        MaskedSums::from_bytes(&bytes, 70, 300),
        Err(RlweError::BadStride {
            log_stride: 6,
            expected: 7
        })
    );
    assert_eq!(
        changed(HEADER_BYTES, 0xff),
        Err(RlweError::ResidueOutOfRange { index: 0 })
    );
    let last = changed(bytes.len() - 7, 0xff);
    assert_eq!(
        last,
        Err(RlweError::ResidueOutOfRange {
            index: LIMBS * DEGREE - 1
        })
    );
    // A tampered value that is still reduced is no error: it opens to something else.
    assert_ne!(
        secret.open(&changed(HEADER_BYTES, 0x5a).unwrap())[0],
        expected[0]
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..600), rows in 0usize..70_000, columns in 1usize..70_000
    ) {
        prop_assert!(MaskedSums::from_bytes(&bytes, rows, columns).is_err());
        let mut headed = (columns as u32).to_le_bytes().to_vec();
        headed.extend_from_slice(&bytes);
        prop_assert!(MaskedSums::from_bytes(&headed, rows, columns).is_err());
    }
}
