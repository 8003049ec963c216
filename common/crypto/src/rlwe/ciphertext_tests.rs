//! Tests of encrypted vectors: exactness, noise, refusal of bad bytes.

use super::*;
use crate::rlwe::SecretKey;
use proptest::prelude::*;

fn keys(seed: u64) -> (SecretKey, PublicKey, Random) {
    let mut random = Random::seeded(seed);
    let secret = SecretKey::generate(&mut random);
    let public = secret.public_key(&mut random);
    (secret, public, random)
}

fn numbers(count: usize, random: &mut Random) -> Vec<i64> {
    let edges = [0, 1, -1, i64::MIN, i64::MAX];
    edges
        .into_iter()
        .chain((0..count).map(|_| random.u64() as i64))
        .take(count)
        .collect()
}

/// The noise of each coefficient as a fraction of a plaintext step, in units of 2^-64 of it.
fn noise_fractions(secret: &SecretKey, chunk: &Ciphertext) -> Vec<i64> {
    let phase = secret.phase(chunk);
    let fraction =
        |at| RING.fraction(std::array::from_fn(|limb| phase[limb * DEGREE + at])) as u64 as i64;
    (0..DEGREE).map(fraction).collect()
}

#[test]
fn decryption_is_exact_over_the_whole_range() {
    let (secret, public, mut random) = keys(1);
    for length in [0, 1, 5, DEGREE, DEGREE + 1, 2 * DEGREE + 77] {
        let values = numbers(length, &mut random);
        let encrypted = public.encrypt_vector(&values, &mut random);
        assert_eq!(encrypted.len(), length);
        assert_eq!(encrypted.chunks.len(), length.div_ceil(DEGREE));
        assert_eq!(secret.decrypt_vector(&encrypted), values);
    }
}

#[test]
fn two_encryptions_of_one_vector_differ() {
    let (_, public, mut random) = keys(2);
    assert_ne!(
        public.encrypt_vector(&[1], &mut random),
        public.encrypt_vector(&[1], &mut random)
    );
}

#[test]
fn operations_equal_wrapping_arithmetic() {
    let (secret, public, mut random) = keys(3);
    let length = DEGREE + 10;
    let (left, right) = (numbers(length, &mut random), numbers(length, &mut random));
    let (one, other) = (
        public.encrypt_vector(&left, &mut random),
        public.encrypt_vector(&right, &mut random),
    );
    let expected = |operation: fn(i64, i64) -> i64| -> Vec<i64> {
        left.iter()
            .zip(&right)
            .map(|(&x, &y)| operation(x, y))
            .collect()
    };
    let opened =
        |result: Result<EncryptedVector, RlweError>| secret.decrypt_vector(&result.unwrap());
    assert_eq!(opened(one.add(&other)), expected(i64::wrapping_add));
    assert_eq!(opened(one.sub(&other)), expected(i64::wrapping_sub));
    assert_eq!(opened(one.add_plain(&right)), expected(i64::wrapping_add));
    assert_eq!(opened(one.sub_plain(&right)), expected(i64::wrapping_sub));
    assert_eq!(
        opened(one.scale(-12345)),
        expected(|x, _| x.wrapping_mul(-12345))
    );
    let refreshed = one.refresh(&public, &mut random).unwrap();
    assert!(refreshed.chunks[0] != one.chunks[0]);
    assert_eq!(secret.decrypt_vector(&refreshed), left);
    let sum = EncryptedVector::sum(&[one.clone(), other.clone(), one]).unwrap();
    assert_eq!(sum.noise().bits(), NoiseBound::FRESH.bits() + 2);
    assert_eq!(
        opened(Ok(sum)),
        expected(|x, y| x.wrapping_add(y).wrapping_add(x))
    );
}

#[test]
fn refuses_other_lengths_and_too_much_noise() {
    let (_, public, mut random) = keys(4);
    let vector = public.encrypt_vector(&[1, 2, 3], &mut random);
    let mismatch = RlweError::LengthMismatch {
        expected: 3,
        actual: 2,
    };
    assert_eq!(vector.add_plain(&[1, 2]), Err(mismatch));
    assert_eq!(
        vector.add(&public.encrypt_vector(&[1, 2], &mut random)),
        Err(mismatch)
    );
    assert!(EncryptedVector::sum(&[]).is_err());
    let mut grown = vector.clone();
    for _ in 0..2 {
        grown = grown.scale(1 << 30).unwrap();
    }
    assert!(matches!(
        grown.scale(1 << 30),
        Err(RlweError::NoiseBudget { .. })
    ));
}

#[test]
fn masks_come_off_and_the_key_holder_sees_uniform_values() {
    let (secret, public, mut random) = keys(5);
    let values: Vec<i64> = (0..DEGREE as i64 + 100).collect();
    let vector = public
        .encrypt_vector(&values, &mut random)
        .scale(3)
        .unwrap();
    let (masked, masks) = vector.rerandomise_masked(&public, &mut random).unwrap();
    assert_eq!(masks.len(), values.len());
    let seen = secret.decrypt_vector(&masked);
    let unmasked: Vec<i64> = seen
        .iter()
        .zip(&masks)
        .map(|(value, mask)| value.wrapping_sub(*mask as i64))
        .collect();
    assert_eq!(
        unmasked,
        values.iter().map(|value| 3 * value).collect::<Vec<_>>()
    );
    let ones: u32 = seen.iter().map(|value| value.count_ones()).sum();
    // 8,292 values of 64 bits; standard deviation 364.
    assert!(ones.abs_diff(32 * seen.len() as u32) < 1900, "{ones}");
    // The coefficients that hold no value are masked as well.
    let whole = EncryptedVector {
        length: 2 * DEGREE,
        ..masked
    };
    assert!(
        secret.decrypt_vector(&whole)[values.len()..]
            .iter()
            .all(|&value| value != 0)
    );
}

#[test]
fn fresh_noise_is_small_and_flooded_noise_is_flat() {
    let (secret, public, mut random) = keys(6);
    let vector = public.encrypt_vector(&numbers(DEGREE, &mut random), &mut random);
    // Exactness of `fraction`: 2^-12 of a step, low.
    let fresh = noise_fractions(&secret, &vector.chunks[0]);
    assert!(fresh.iter().all(|noise| noise.unsigned_abs() < 1 << 52));
    let (masked, _) = vector.rerandomise_masked(&public, &mut random).unwrap();
    let flooded = noise_fractions(&secret, &masked.chunks[0]);
    // Uniform on a quarter of a step either side: eight even bins, standard deviation 30 each.
    let mut bins = [0u32; 8];
    for noise in flooded {
        assert!(noise.unsigned_abs() <= (1 << 62) + (1 << 53));
        bins[((noise >> 60) + 4).clamp(0, 7) as usize] += 1;
    }
    assert!(
        bins.iter().all(|count| count.abs_diff(1024) < 160),
        "{bins:?}"
    );
}

#[test]
fn flooded_vectors_take_no_further_computation() {
    let (_, public, mut random) = keys(7);
    let vector = public.encrypt_vector(&[1, 2], &mut random);
    let (masked, _) = vector.rerandomise_masked(&public, &mut random).unwrap();
    assert!(matches!(
        masked.add_plain(&[1, 1]),
        Err(RlweError::NoiseBudget { .. })
    ));
    assert!(masked.rerandomise_masked(&public, &mut random).is_err());
}

#[test]
fn a_vector_survives_its_bytes() {
    let (secret, public, mut random) = keys(8);
    for length in [0, 3, DEGREE + 1] {
        let values = numbers(length, &mut random);
        let vector = public.encrypt_vector(&values, &mut random);
        let bytes = vector.to_bytes();
        assert_eq!(Some(bytes.len()), EncryptedVector::byte_len(length));
        let read = EncryptedVector::from_bytes(&bytes, length, NoiseBound::FRESH).unwrap();
        assert_eq!(read, vector);
        assert_eq!(secret.decrypt_vector(&read), values);
    }
}

#[test]
fn refuses_bytes_that_are_cut_or_not_reduced_or_of_another_length() {
    let (secret, public, mut random) = keys(9);
    let mut bytes = public.encrypt_vector(&[1], &mut random).to_bytes();
    let read = |bytes: &[u8], length| EncryptedVector::from_bytes(bytes, length, NoiseBound::FRESH);
    assert!(matches!(
        read(&bytes[1..], 1),
        Err(RlweError::WrongByteLength { .. })
    ));
    assert!(matches!(
        read(&bytes, 0),
        Err(RlweError::WrongByteLength { .. })
    ));
    assert!(matches!(
        read(&bytes, DEGREE + 1),
        Err(RlweError::WrongByteLength { .. })
    ));
    assert!(matches!(
        read(&bytes, usize::MAX),
        Err(RlweError::WrongByteLength { .. })
    ));
    // A changed bit is no error, but no value survives it either.
    bytes[ELEMENT_BYTES] ^= 1;
    assert_ne!(secret.decrypt_vector(&read(&bytes, 1).unwrap()), [1]);
    bytes[..7].fill(0xff);
    assert_eq!(
        read(&bytes, 1),
        Err(RlweError::ResidueOutOfRange { index: 0 })
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), length: usize, seed: u64) {
        if length > 0 {
            prop_assert!(EncryptedVector::from_bytes(&bytes, length, NoiseBound::FRESH).is_err());
        }
        let mut full = vec![0; CIPHERTEXT_BYTES];
        Random::seeded(seed).fill(&mut full);
        let _ = EncryptedVector::from_bytes(&full, 1, NoiseBound::FRESH);
    }
}
