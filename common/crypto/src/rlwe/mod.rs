//! Encrypted linear algebra from ring-LWE: vectors under a public key, sums of them, and products with a plain
//! matrix, all exact mod 2^64. Ring Z_q\[X\]/(X^8192 + 1), q of 200 bits (four primes), ternary secret,
//! centred binomial error: 128 bits of security by the homomorphic encryption standard (Albrecht et al., 2018).
//!
//! # What is hidden, and from whom
//!
//! Whoever lacks the secret key learns nothing from an [`EncryptedVector`] but its length. The key holder learns
//! from [`MaskedSums`] (and from a vector after [`EncryptedVector::rerandomise_masked`]) the masked values and
//! nothing of the matrix or of the noise: the mask is uniform mod 2^64, the second half is re-randomised, and
//! the noise is flooded to within 2^-41 per value of a distribution that depends on nothing.
//!
//! # What a malicious peer can do
//!
//! Every received byte string is checked for its exact length and for reduced residues, so none can crash or
//! exhaust a party; a wrong ciphertext decrypts to wrong values. Three limits: values are not authenticated (bad
//! values give bad results, in particular a peer may add to what it forwards); each opened value tells up to 64 bits of the
//! secret key to whoever chose what is opened, so that a key opens at most [`VALUES_PER_KEY`] values for a party that is not
//! trusted; and flooding covers noise below 2^94 only. A key holder that colludes with the sender of a ciphertext can put a larger noise into it and read
//! off a linear function of the matrix that it multiplies; only a proof of well-formedness would stop that.

mod ciphertext;
#[cfg(any(test, feature = "seeded"))]
pub mod extraction;
mod flooding;
mod keys;
mod leakage;
mod matvec;
mod packing;
mod prime;
mod ring;
mod sampling;
mod sums;

pub use ciphertext::EncryptedVector;
pub use flooding::{NoiseBound, flooding_distance};
pub use keys::{PublicKey, SecretKey};
pub use leakage::{VALUES_PER_KEY, bits_left, coefficients_learned};
pub use matvec::{MAX_ENTRY, PreparedMatrix};
pub use ring::{DEGREE, LIMBS};
pub use sums::{EncryptedSums, MaskedSums};

/// What can go wrong with encrypted vectors and matrices.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum RlweError {
    /// Two operands do not have one length.
    #[error("length {actual} where {expected} was expected")]
    LengthMismatch {
        /// Elements expected.
        expected: usize,
        /// Elements found.
        actual: usize,
    },
    /// Sums of differently shaped matrices do not add.
    #[error(
        "{columns} sums at stride {stride} do not match {other_columns} at stride {other_stride}"
    )]
    LayoutMismatch {
        /// Sums on the left.
        columns: usize,
        /// Distance of the sums within a polynomial, on the left.
        stride: usize,
        /// Sums on the right.
        other_columns: usize,
        /// Distance on the right.
        other_stride: usize,
    },
    /// A byte string of the wrong length.
    #[error("{actual} bytes where {expected} were expected")]
    WrongByteLength {
        /// Bytes expected.
        expected: usize,
        /// Bytes found.
        actual: usize,
    },
    /// A residue is not below its prime.
    #[error("residue {index} is not reduced")]
    ResidueOutOfRange {
        /// Which residue of the polynomial or list.
        index: usize,
    },
    /// Sums that do not sit where those over so many rows do.
    #[error("sums at every 2^{log_stride}-th place, where 2^{expected} was agreed")]
    BadStride {
        /// Base-2 logarithm of the stride found.
        log_stride: u8,
        /// That of the stride agreed.
        expected: u32,
    },
    /// The noise might grow past what can be flooded and decrypted exactly.
    #[error("noise of {bits} bits exceeds the budget of {limit}")]
    NoiseBudget {
        /// Bits the result's noise could have.
        bits: u32,
        /// Most bits allowed.
        limit: u32,
    },
    /// A matrix without rows or columns, or too large to address.
    #[error("a matrix of {rows} rows and {columns} columns cannot be prepared")]
    BadShape {
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        columns: usize,
    },
    /// A matrix entry is too large.
    #[error("entry in row {row}, column {column} exceeds {limit}")]
    EntryTooLarge {
        /// Row of the entry.
        row: usize,
        /// Column of the entry.
        column: usize,
        /// Largest magnitude allowed.
        limit: u64,
    },
}
