//! Ring-LWE encryption behind the port.

use crypto::random::Random;
use crypto::rlwe::{
    EncryptedSums, EncryptedVector, MaskedSums, NoiseBound, PreparedMatrix, PublicKey, RlweError,
    SecretKey,
};

use super::{LinearScheme, Origin, SchemeError, SchemeResult, SumsShape};

/// Ring-LWE with 8192 coefficients and a modulus of 200 bits: 128 bits of security by the homomorphic encryption
/// standard.
pub struct RingLwe;

fn malformed(what: &'static str) -> impl Fn(RlweError) -> SchemeError {
    move |error| SchemeError::Malformed {
        what,
        detail: error.to_string(),
    }
}

fn refused(what: &'static str) -> impl Fn(RlweError) -> SchemeError {
    move |error| SchemeError::Refused {
        what,
        detail: error.to_string(),
    }
}

impl LinearScheme for RingLwe {
    const NAME: &'static str = "ring-LWE (128-bit)";
    type SecretKey = SecretKey;
    type PublicKey = PublicKey;
    type Vector = EncryptedVector;
    type Matrix = PreparedMatrix;
    type Sums = EncryptedSums;
    type Hidden = MaskedSums;

    fn generate(random: &mut Random) -> (SecretKey, PublicKey) {
        let secret = SecretKey::generate(random);
        let public = secret.public_key(random);
        (secret, public)
    }

    fn encrypt(key: &PublicKey, values: &[i64], random: &mut Random) -> EncryptedVector {
        key.encrypt_vector(values, random)
    }

    fn decrypt(secret: &SecretKey, vector: &EncryptedVector) -> Vec<i64> {
        secret.decrypt_vector(vector)
    }

    fn sum(vectors: &[EncryptedVector]) -> SchemeResult<EncryptedVector> {
        EncryptedVector::sum(vectors).map_err(refused("sum"))
    }

    fn add_plain(vector: &EncryptedVector, values: &[i64]) -> SchemeResult<EncryptedVector> {
        vector.add_plain(values).map_err(refused("addition"))
    }

    fn refresh(
        key: &PublicKey,
        vector: &EncryptedVector,
        random: &mut Random,
    ) -> SchemeResult<EncryptedVector> {
        vector
            .refresh(key, random)
            .map_err(refused("re-randomisation"))
    }

    fn mask_vector(
        key: &PublicKey,
        vector: &EncryptedVector,
        random: &mut Random,
    ) -> SchemeResult<(EncryptedVector, Vec<u64>)> {
        vector
            .rerandomise_masked(key, random)
            .map_err(refused("masking"))
    }

    fn prepare(
        rows: usize,
        columns: usize,
        entry: &(dyn Fn(usize, usize) -> i64 + Sync),
    ) -> SchemeResult<PreparedMatrix> {
        PreparedMatrix::new(rows, columns, entry).map_err(refused("product"))
    }

    fn transpose_times(
        matrix: &PreparedMatrix,
        vector: &EncryptedVector,
    ) -> SchemeResult<EncryptedSums> {
        matrix.transpose_times(vector).map_err(refused("product"))
    }

    fn add_sums(one: &EncryptedSums, other: &EncryptedSums) -> SchemeResult<EncryptedSums> {
        one.add(other).map_err(refused("addition"))
    }

    fn add_plain_sums(sums: &EncryptedSums, values: &[i64]) -> SchemeResult<EncryptedSums> {
        sums.add_plain(values).map_err(refused("addition"))
    }

    fn mask_sums(
        key: &PublicKey,
        sums: &EncryptedSums,
        random: &mut Random,
    ) -> SchemeResult<(MaskedSums, Vec<u64>)> {
        sums.mask(key, random).map_err(refused("masking"))
    }

    fn reveal_sums(
        key: &PublicKey,
        sums: &EncryptedSums,
        random: &mut Random,
    ) -> SchemeResult<MaskedSums> {
        sums.reveal(key, random).map_err(refused("revealing"))
    }

    fn open(secret: &SecretKey, hidden: &MaskedSums) -> Vec<u64> {
        secret.open(hidden)
    }

    fn key_to_bytes(key: &PublicKey) -> Vec<u8> {
        key.to_bytes()
    }

    fn key_from_bytes(bytes: &[u8]) -> SchemeResult<PublicKey> {
        PublicKey::from_bytes(bytes).map_err(malformed("public key"))
    }

    fn vector_to_bytes(vector: &EncryptedVector) -> Vec<u8> {
        vector.to_bytes()
    }

    fn vector_from_bytes(
        bytes: &[u8],
        length: usize,
        origin: Origin,
    ) -> SchemeResult<EncryptedVector> {
        // From the protocol and not from the bytes: a peer could claim less noise than it sends.
        let noise = match origin {
            Origin::Fresh => NoiseBound::FRESH,
            Origin::SumOf(count) => NoiseBound::FRESH.sum_of(count),
            Origin::Masked => NoiseBound::FLOODED,
        };
        EncryptedVector::from_bytes(bytes, length, noise).map_err(malformed("encrypted vector"))
    }

    fn hidden_to_bytes(hidden: &MaskedSums) -> Vec<u8> {
        hidden.to_bytes()
    }

    fn hidden_from_bytes(bytes: &[u8], shape: SumsShape) -> SchemeResult<MaskedSums> {
        MaskedSums::from_bytes(bytes, shape.rows, shape.columns)
            .map_err(malformed("encrypted sums"))
    }

    const VALUES_PER_KEY: usize = crypto::rlwe::VALUES_PER_KEY;

    fn bits_left(values: usize) -> f64 {
        crypto::rlwe::bits_left(values)
    }

    fn flooding_distance(opened: u64) -> f64 {
        crypto::rlwe::flooding_distance(opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_open_to_the_plain_sums_after_a_trip_as_bytes() {
        let mut random = Random::from_os().unwrap();
        let (secret, public) = RingLwe::generate(&mut random);
        let public = RingLwe::key_from_bytes(&RingLwe::key_to_bytes(&public)).unwrap();
        let vector = RingLwe::encrypt(&public, &[3, -4, 5], &mut random);
        let bytes =
            RingLwe::vector_to_bytes(&RingLwe::refresh(&public, &vector, &mut random).unwrap());
        let vector = RingLwe::vector_from_bytes(&bytes, 3, Origin::SumOf(2)).unwrap();
        let matrix = RingLwe::prepare(3, 2, &|row, column| (row + 10 * column) as i64).unwrap();
        let sums = RingLwe::add_plain_sums(
            &RingLwe::transpose_times(&matrix, &vector).unwrap(),
            &[1, 0],
        )
        .unwrap();
        let (hidden, masks) = RingLwe::mask_sums(&public, &sums, &mut random).unwrap();
        let hidden = {
            let shape = SumsShape {
                rows: 3,
                columns: 2,
            };
            RingLwe::hidden_from_bytes(&RingLwe::hidden_to_bytes(&hidden), shape).unwrap()
        };
        let opened = RingLwe::open(&secret, &hidden);
        let plain: Vec<i64> = opened
            .iter()
            .zip(&masks)
            .map(|(sum, mask)| sum.wrapping_sub(*mask) as i64)
            .collect();
        assert_eq!(plain, [-4 + 10 + 1, 30 - 44 + 60]);
    }

    #[test]
    fn refuses_another_number_of_values() {
        let mut random = Random::from_os().unwrap();
        let (_, public) = RingLwe::generate(&mut random);
        let vector = RingLwe::encrypt(&public, &[1, 2], &mut random);
        assert!(matches!(
            RingLwe::add_plain(&vector, &[1]),
            Err(SchemeError::Refused { .. })
        ));
        let cut = RingLwe::vector_to_bytes(&vector);
        let read = RingLwe::vector_from_bytes(&cut[1..], 2, Origin::Fresh);
        assert!(matches!(read, Err(SchemeError::Malformed { .. })));
    }
}
