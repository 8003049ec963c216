//! Keys, vectors and sums on their way between parties: bytes with a meaning, read only once the receiver says how
//! many values it expects.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use component_kit::{Payload, PayloadError};

use super::{LinearScheme, Origin, SchemeError, SchemeResult, SumsShape};

macro_rules! bytes_only {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(Bytes);

        impl Payload for $name {
            fn encode(&self) -> Result<Bytes, PayloadError> {
                Ok(self.0.clone())
            }

            fn decode(bytes: &Bytes) -> Result<Self, PayloadError> {
                // Kept as bytes: what they must be (length, noise) is known only where they are
                // used, and checking them takes processor time that belongs off the async threads.
                Ok(Self(bytes.clone()))
            }
        }
    )*};
}

bytes_only! {
    /// A public key.
    PublicKeyBytes
    /// An encrypted vector.
    VectorBytes
}

impl PublicKeyBytes {
    /// Writes a key.
    pub fn of<S: LinearScheme>(key: &S::PublicKey) -> Self {
        Self(S::key_to_bytes(key).into())
    }

    /// Reads the key.
    pub fn read<S: LinearScheme>(&self) -> SchemeResult<S::PublicKey> {
        S::key_from_bytes(&self.0)
    }
}

impl VectorBytes {
    /// No vector: where a party has to say that there is none.
    pub const fn empty() -> Self {
        Self(Bytes::new())
    }

    /// Whether there is no vector.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes a vector.
    pub fn of<S: LinearScheme>(vector: &S::Vector) -> Self {
        Self(S::vector_to_bytes(vector).into())
    }

    /// Reads a vector of exactly `length` values.
    pub fn read<S: LinearScheme>(&self, length: usize, origin: Origin) -> SchemeResult<S::Vector> {
        S::vector_from_bytes(&self.0, length, origin)
    }
}

/// Sums for the key holder, with their number, which must be the one that it knows from the plan.
#[derive(Clone, PartialEq, Eq)]
pub struct SumsBytes {
    columns: u32,
    bytes: Bytes,
}

impl SumsBytes {
    /// No sums: where a party has to say that there are none.
    pub const fn empty() -> Self {
        Self {
            columns: 0,
            bytes: Bytes::new(),
        }
    }

    /// Whether there are no sums.
    pub fn is_empty(&self) -> bool {
        self.columns == 0
    }

    /// Writes `columns` sums.
    pub fn of<S: LinearScheme>(hidden: &S::Hidden, columns: usize) -> Self {
        #[allow(
            clippy::expect_used,
            reason = "another number would be a lie to the reader"
        )]
        let columns = u32::try_from(columns).expect("tables have fewer than 2^32 columns");
        Self {
            columns,
            bytes: S::hidden_to_bytes(hidden).into(),
        }
    }

    /// How many sums the sender says there are; [`SumsBytes::read`] compares it with what was agreed.
    pub fn columns(&self) -> usize {
        self.columns as usize
    }

    /// Reads sums of this shape.
    pub fn read<S: LinearScheme>(&self, shape: SumsShape) -> SchemeResult<S::Hidden> {
        // The plan's number counts. The sender's is compared, never used to allocate.
        if self.columns() != shape.columns {
            let detail = format!("{} sums where {} were agreed", self.columns, shape.columns);
            return Err(SchemeError::Malformed {
                what: "encrypted sums",
                detail,
            });
        }
        S::hidden_from_bytes(&self.bytes, shape)
    }
}

impl Payload for SumsBytes {
    fn encode(&self) -> Result<Bytes, PayloadError> {
        let mut bytes = BytesMut::with_capacity(4 + self.bytes.len());
        bytes.put_u32_le(self.columns);
        bytes.extend_from_slice(&self.bytes);
        Ok(bytes.freeze())
    }

    fn decode(bytes: &Bytes) -> Result<Self, PayloadError> {
        let mut rest = bytes.clone();
        let columns = rest
            .try_get_u32_le()
            .map_err(|error| PayloadError::new("encrypted sums", error.to_string()))?;
        Ok(Self {
            columns,
            bytes: rest,
        })
    }
}
