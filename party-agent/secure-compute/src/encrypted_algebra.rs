//! The port to encrypted linear algebra: whole vectors and matrices of 64-bit integers, never single ciphertexts, so
//! that a scheme may pack as it likes. [`RingLwe`] is the implementation; all its arithmetic is exact mod 2^64.

mod payloads;
mod ring_lwe;

use component_kit::ComponentError;
use crypto::random::Random;
use vocabulary::ErrorCode;

pub use payloads::{PublicKeyBytes, SumsBytes, VectorBytes};
pub use ring_lwe::RingLwe;

/// What the protocol promises of a received vector; decides how much noise the receiver reckons with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An encryption.
    Fresh,
    /// A sum of so many encryptions, plaintexts and refreshes counted.
    SumOf(usize),
    /// Masked for the key holder.
    Masked,
}

/// Which sums are opened, as the reader knows it from the plan of a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SumsShape {
    /// Rows that are summed over.
    pub rows: usize,
    /// Columns, of which each gives a sum.
    pub columns: usize,
}

/// An operation that a scheme refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemeError {
    /// A peer's bytes are none of what was expected.
    #[error("{what} is not well formed: {detail}")]
    Malformed {
        /// What was expected.
        what: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// Operands do not fit each other or the scheme's limits.
    #[error("encrypted {what} is not possible: {detail}")]
    Refused {
        /// The operation.
        what: &'static str,
        /// Why.
        detail: String,
    },
}

impl From<SchemeError> for ComponentError {
    fn from(error: SchemeError) -> Self {
        let code = match error {
            // The code says whom to ask: bytes that are malformed are the peer's fault, limits are
            // the data's.
            SchemeError::Malformed { .. } => ErrorCode::ProtocolViolation,
            SchemeError::Refused { .. } => ErrorCode::NumericRange,
        };
        Self::new(code, error.to_string())
    }
}

/// The result of an operation of a scheme.
pub type SchemeResult<T> = Result<T, SchemeError>;

/// Additively homomorphic encryption of integer vectors, with products by plain matrices.
///
/// Without the secret key nothing but lengths is learned from a vector. The key holder learns from hidden sums and
/// masked vectors the decrypted integers and nothing of how they were computed.
pub trait LinearScheme: Send + Sync + 'static {
    /// The scheme in words, with its strength.
    const NAME: &'static str;
    /// What decrypts; erased on drop.
    type SecretKey: Send + Sync + 'static;
    /// What encrypts.
    type PublicKey: Send + Sync + 'static;
    /// An encrypted vector.
    type Vector: Clone + Send + Sync + 'static;
    /// A plain matrix, made ready for products.
    type Matrix: Send + Sync + 'static;
    /// Encrypted sums, one per column of a matrix.
    type Sums: Send + Sync + 'static;
    /// Sums made ready for the key holder.
    type Hidden: Send + Sync + 'static;

    /// Draws a key pair.
    fn generate(random: &mut Random) -> (Self::SecretKey, Self::PublicKey);
    /// Encrypts a vector.
    fn encrypt(key: &Self::PublicKey, values: &[i64], random: &mut Random) -> Self::Vector;
    /// Decrypts a vector; masks stay on.
    fn decrypt(secret: &Self::SecretKey, vector: &Self::Vector) -> Vec<i64>;
    /// Element-wise sum of one or more vectors.
    fn sum(vectors: &[Self::Vector]) -> SchemeResult<Self::Vector>;
    /// Adds plain values.
    fn add_plain(vector: &Self::Vector, values: &[i64]) -> SchemeResult<Self::Vector>;
    /// Re-randomises, so that a vector cannot be linked to those it was made from; for parties without the key.
    fn refresh(
        key: &Self::PublicKey,
        vector: &Self::Vector,
        random: &mut Random,
    ) -> SchemeResult<Self::Vector>;
    /// Adds uniform masks mod 2^64 for the key holder; gives the masks to subtract later.
    fn mask_vector(
        key: &Self::PublicKey,
        vector: &Self::Vector,
        random: &mut Random,
    ) -> SchemeResult<(Self::Vector, Vec<u64>)>;
    /// Prepares the matrix with these entries.
    fn prepare(
        rows: usize,
        columns: usize,
        entry: &(dyn Fn(usize, usize) -> i64 + Sync),
    ) -> SchemeResult<Self::Matrix>;
    /// For each column the sum over rows of entry times value.
    fn transpose_times(matrix: &Self::Matrix, vector: &Self::Vector) -> SchemeResult<Self::Sums>;
    /// Column-wise sum of two products of equally shaped matrices.
    fn add_sums(one: &Self::Sums, other: &Self::Sums) -> SchemeResult<Self::Sums>;
    /// Adds one plain number to each sum.
    fn add_plain_sums(sums: &Self::Sums, values: &[i64]) -> SchemeResult<Self::Sums>;
    /// Hides sums under uniform masks mod 2^64; gives the masks.
    fn mask_sums(
        key: &Self::PublicKey,
        sums: &Self::Sums,
        random: &mut Random,
    ) -> SchemeResult<(Self::Hidden, Vec<u64>)>;
    /// Makes sums ready to be shown to the key holder as they are, and nothing else.
    fn reveal_sums(
        key: &Self::PublicKey,
        sums: &Self::Sums,
        random: &mut Random,
    ) -> SchemeResult<Self::Hidden>;
    /// Decrypts sums; masks stay on.
    fn open(secret: &Self::SecretKey, hidden: &Self::Hidden) -> Vec<u64>;

    /// A key as bytes.
    fn key_to_bytes(key: &Self::PublicKey) -> Vec<u8>;
    /// A key from a peer's bytes.
    fn key_from_bytes(bytes: &[u8]) -> SchemeResult<Self::PublicKey>;
    /// A vector as bytes.
    fn vector_to_bytes(vector: &Self::Vector) -> Vec<u8>;
    /// A vector of exactly `length` values from a peer's bytes.
    fn vector_from_bytes(bytes: &[u8], length: usize, origin: Origin)
    -> SchemeResult<Self::Vector>;
    /// Hidden sums as bytes.
    fn hidden_to_bytes(hidden: &Self::Hidden) -> Vec<u8>;
    /// Hidden sums of exactly this shape from a peer's bytes.
    fn hidden_from_bytes(bytes: &[u8], shape: SumsShape) -> SchemeResult<Self::Hidden>;
    /// Values that a key may open for one party that is not trusted to encrypt as agreed.
    const VALUES_PER_KEY: usize;
    /// Strength in bits that a key has left after it opened so many values of a party's own making.
    fn bits_left(values: usize) -> f64;
    /// Base-2 logarithm of how far everything that a key holder sees of so many opened values is from what depends on nothing.
    fn flooding_distance(opened: u64) -> f64;
}
