//! What parties send of encrypted vectors, keys, blinded ids and sealed messages. Ciphertexts are long and of exact length:
//! the bytes are repeated up to the length, and up to a part of it, so that few of them reach every check.

use crypto::Random;
use crypto::curve::BlindingKey;
use crypto::rlwe::{EncryptedVector, MaskedSums, NoiseBound, PublicKey};
use crypto::seal::{SecretScalar, open};
use std::sync::LazyLock;

use crate::choose;

static BLINDING: LazyLock<BlindingKey> =
    LazyLock::new(|| BlindingKey::generate(&mut Random::seeded(1)));

fn filled(bytes: &[u8], length: usize) -> Vec<u8> {
    if bytes.is_empty() {
        return vec![0; length];
    }
    bytes.iter().copied().cycle().take(length).collect()
}

fn key(bytes: &[u8]) {
    assert!(bytes.len() == PublicKey::BYTES || PublicKey::from_bytes(bytes).is_err());
    let bytes = filled(bytes, PublicKey::BYTES);
    if let Ok(key) = PublicKey::from_bytes(&bytes) {
        assert_eq!(key.to_bytes(), bytes, "a key has one form");
    }
}

fn vector(length: u8, bytes: &[u8]) {
    let length = usize::from(length) + 1;
    let size = EncryptedVector::byte_len(length).expect("a length in memory");
    assert!(
        EncryptedVector::from_bytes(bytes, length, NoiseBound::FRESH).is_err()
            || bytes.len() == size
    );
    let bytes = filled(bytes, size);
    if let Ok(vector) = EncryptedVector::from_bytes(&bytes, length, NoiseBound::FRESH) {
        assert_eq!(vector.len(), length);
        assert_eq!(vector.to_bytes(), bytes, "a vector has one form");
    }
}

fn sums(shape: [u8; 2], bytes: &[u8]) {
    let [rows, columns] = shape.map(|side| usize::from(side) + 1);
    if let Ok(sums) = MaskedSums::from_bytes(bytes, rows, columns) {
        assert_eq!(sums.columns(), columns);
        assert_eq!(sums.to_bytes(), bytes, "sums have one form");
    }
    // The head is as it must be, so that what follows it is read.
    let mut whole = u32::try_from(columns)
        .expect("small")
        .to_le_bytes()
        .to_vec();
    whole.push(u8::try_from(rows.next_power_of_two().ilog2()).expect("small"));
    whole.extend_from_slice(bytes);
    if let Ok(sums) = MaskedSums::from_bytes(&whole, rows, columns) {
        assert_eq!(sums.to_bytes(), whole, "sums have one form");
    }
}

fn points(bytes: &[u8]) {
    let (points, _) = bytes.as_chunks::<32>();
    if let Ok(blinded) = BLINDING.blind_points(points) {
        assert_eq!(blinded.len(), points.len());
        assert!(
            blinded.iter().all(|point| *point != [0; 32]),
            "the neutral element was let in"
        );
    }
}

/// The target.
pub fn run(bytes: &[u8]) {
    let Some((way, bytes)) = choose(bytes, 5) else {
        return;
    };
    match (way, bytes) {
        (0, bytes) => key(bytes),
        (1, [length, bytes @ ..]) => vector(*length, bytes),
        (2, [rows, columns, bytes @ ..]) => sums([*rows, *columns], bytes),
        (3, bytes) => points(bytes),
        (_, bytes) => {
            let secret = SecretScalar::new([7; 32]);
            assert!(
                open(&secret, b"info", b"aad", bytes).is_err(),
                "opened what nobody sealed"
            );
        }
    }
}
