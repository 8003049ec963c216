//! Tests of matrix products against plain wrapping arithmetic.

use super::*;
use crate::random::Random;
use crate::rlwe::{NoiseBound, PublicKey, SecretKey};

fn keys(seed: u64) -> (SecretKey, PublicKey, Random) {
    let mut random = Random::seeded(seed);
    let secret = SecretKey::generate(&mut random);
    let public = secret.public_key(&mut random);
    (secret, public, random)
}

/// Entries of up to 24 bits with a sign, row by row.
fn entries(count: usize, random: &mut Random) -> Vec<i64> {
    (0..count)
        .map(|_| random.below(1 << 25) as i64 - (1 << 24))
        .collect()
}

fn plain_product(entries: &[i64], columns: usize, vector: &[i64]) -> Vec<u64> {
    let mut sums = vec![0i64; columns];
    for (row, value) in entries.chunks_exact(columns).zip(vector) {
        for (sum, entry) in sums.iter_mut().zip(row) {
            *sum = sum.wrapping_add(entry.wrapping_mul(*value));
        }
    }
    sums.iter().map(|&sum| sum as u64).collect()
}

#[test]
fn products_equal_wrapping_arithmetic_in_every_shape() {
    let (secret, public, mut random) = keys(1);
    let shapes = [
        (1, 1),
        (1, 9000),
        (2, 3),
        (3, 4),
        (569, 20),
        (1000, 9),
        (4096, 3),
        (4097, 3),
        (8192, 2),
    ];
    for (rows, columns) in shapes.into_iter().chain([(8193, 2), (20_000, 3)]) {
        let entries = entries(rows * columns, &mut random);
        // Full-range values: the products wrap around 2^64 many times.
        let vector: Vec<i64> = (0..rows).map(|_| random.u64() as i64).collect();
        let matrix = PreparedMatrix::from_row_major(rows, columns, &entries).unwrap();
        assert_eq!((matrix.rows(), matrix.columns()), (rows, columns));
        let encrypted = public.encrypt_vector(&vector, &mut random);
        let sums = matrix
            .transpose_times(&encrypted)
            .unwrap()
            .reveal(&public, &mut random)
            .unwrap();
        assert_eq!(
            secret.open(&sums),
            plain_product(&entries, columns, &vector),
            "{rows} x {columns}"
        );
    }
}

#[test]
fn extreme_entries_and_values_stay_exact() {
    let (secret, public, mut random) = keys(2);
    let rows = 2 * DEGREE;
    let matrix = PreparedMatrix::new(
        rows,
        1,
        |row, _| if row % 2 == 0 { -(1 << 32) } else { 1 << 32 },
    )
    .unwrap();
    let vector: Vec<i64> = (0..rows as i64)
        .map(|row| {
            if row % 3 == 0 {
                i64::MIN
            } else {
                i64::MAX - row
            }
        })
        .collect();
    let expected = vector.iter().enumerate().fold(0i64, |sum, (row, value)| {
        sum.wrapping_add(value.wrapping_mul(if row % 2 == 0 { -(1 << 32) } else { 1 << 32 }))
    });
    let encrypted = public.encrypt_vector(&vector, &mut random);
    let sums = matrix.transpose_times(&encrypted).unwrap();
    assert_eq!(
        secret.open(&sums.reveal(&public, &mut random).unwrap()),
        [expected as u64]
    );
}

#[test]
fn a_prepared_matrix_serves_many_vectors() {
    let (secret, public, mut random) = keys(3);
    let entries = entries(100 * 7, &mut random);
    let matrix = PreparedMatrix::from_row_major(100, 7, &entries).unwrap();
    for _ in 0..3 {
        let vector: Vec<i64> = (0..100).map(|_| random.u64() as i64).collect();
        let sums = matrix
            .transpose_times(&public.encrypt_vector(&vector, &mut random))
            .unwrap();
        let opened = secret.open(&sums.reveal(&public, &mut random).unwrap());
        assert_eq!(opened, plain_product(&entries, 7, &vector));
    }
}

#[test]
fn the_noise_bound_follows_the_entries() {
    let (_, public, mut random) = keys(4);
    let vector = public.encrypt_vector(&[1; 16], &mut random);
    let bound = |entry: i64| {
        let matrix = PreparedMatrix::new(16, 1, |_, _| entry).unwrap();
        matrix.transpose_times(&vector).unwrap().noise().bits()
    };
    // 16 entries of 1 sum to 16, below 2^5.
    assert_eq!(bound(1), NoiseBound::FRESH.bits() + 5);
    assert_eq!(bound(-(1 << 20)), NoiseBound::FRESH.bits() + 25);
}

#[test]
fn refuses_shapes_entries_vectors_and_noise_out_of_bounds() {
    let (_, public, mut random) = keys(5);
    let shape = |rows, columns| PreparedMatrix::new(rows, columns, |_, _| 0).unwrap_err();
    assert_eq!(
        shape(0, 1),
        RlweError::BadShape {
            rows: 0,
            columns: 1
        }
    );
    assert_eq!(
        shape(1, 0),
        RlweError::BadShape {
            rows: 1,
            columns: 0
        }
    );
    assert!(matches!(
        shape(usize::MAX, usize::MAX),
        RlweError::BadShape { .. }
    ));
    let large = PreparedMatrix::new(
        2,
        2,
        |row, column| if (row, column) == (1, 0) { i64::MIN } else { 0 },
    );
    assert_eq!(
        large.unwrap_err(),
        RlweError::EntryTooLarge {
            row: 1,
            column: 0,
            limit: MAX_ENTRY
        }
    );
    let uneven = PreparedMatrix::from_row_major(2, 2, &[1, 2, 3]);
    assert_eq!(
        uneven.unwrap_err(),
        RlweError::LengthMismatch {
            expected: 4,
            actual: 3
        }
    );
    let matrix = PreparedMatrix::new(2, 2, |_, _| 1 << 32).unwrap();
    let long = public.encrypt_vector(&[1, 2, 3], &mut random);
    assert_eq!(
        matrix.transpose_times(&long).unwrap_err(),
        RlweError::LengthMismatch {
            expected: 2,
            actual: 3
        }
    );
    let noisy = public
        .encrypt_vector(&[1, 2], &mut random)
        .scale(1 << 62)
        .unwrap();
    assert!(matches!(
        matrix.transpose_times(&noisy),
        Err(RlweError::NoiseBudget { .. })
    ));
    let (flooded, _) = public
        .encrypt_vector(&[1, 2], &mut random)
        .rerandomise_masked(&public, &mut random)
        .unwrap();
    assert!(matches!(
        matrix.transpose_times(&flooded),
        Err(RlweError::NoiseBudget { .. })
    ));
}
