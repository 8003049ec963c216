//! How payloads become bytes: small values as MessagePack, numbers as raw little-endian bytes, checked on the way in.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A payload that cannot be written or read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("payload of type {kind}: {detail}")]
pub struct PayloadError {
    /// The expected type.
    pub kind: &'static str,
    /// What is wrong.
    pub detail: String,
}

impl PayloadError {
    /// Names the type and what is wrong.
    pub fn new(kind: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }
}

/// What can be sent to a peer.
pub trait Payload: Sized + Send + Sync {
    /// As bytes.
    fn encode(&self) -> Result<Bytes, PayloadError>;

    /// From bytes that a peer sent: anything may be in them.
    fn decode(bytes: &Bytes) -> Result<Self, PayloadError>;
}

/// A small structured value, as MessagePack with named fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed<T>(pub T);

impl<T: Serialize + DeserializeOwned + Send + Sync> Payload for Packed<T> {
    fn encode(&self) -> Result<Bytes, PayloadError> {
        // With names: a field that a later version adds does not shift the others.
        rmp_serde::to_vec_named(&self.0)
            .map(Bytes::from)
            .map_err(|error| PayloadError::new("packed value", error.to_string()))
    }

    fn decode(bytes: &Bytes) -> Result<Self, PayloadError> {
        rmp_serde::from_slice(bytes)
            .map(Packed)
            .map_err(|error| PayloadError::new("packed value", error.to_string()))
    }
}

/// Bytes that their type's own crate reads (ciphertexts, keys).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw(pub Bytes);

impl Payload for Raw {
    fn encode(&self) -> Result<Bytes, PayloadError> {
        Ok(self.0.clone())
    }

    fn decode(bytes: &Bytes) -> Result<Self, PayloadError> {
        Ok(Self(bytes.clone()))
    }
}

macro_rules! little_endian {
    ($($number:ty),*) => {$(
        impl Payload for Vec<$number> {
            fn encode(&self) -> Result<Bytes, PayloadError> {
                let mut bytes = Vec::with_capacity(size_of::<$number>() * self.len());
                self.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
                Ok(bytes.into())
            }

            fn decode(bytes: &Bytes) -> Result<Self, PayloadError> {
                // Bytes that are left over are refused: a list that was cut would be another list.
                let (values, rest) = bytes.as_chunks::<{ size_of::<$number>() }>();
                if !rest.is_empty() {
                    let detail = format!("{} bytes are not a whole number of values", bytes.len());
                    return Err(PayloadError::new(concat!("list of ", stringify!($number)), detail));
                }
                Ok(values.iter().map(|value| <$number>::from_le_bytes(*value)).collect())
            }
        }
    )*};
}
little_endian!(f64, u64, i64, u32);

impl Payload for Vec<[u8; 32]> {
    fn encode(&self) -> Result<Bytes, PayloadError> {
        Ok(self.concat().into())
    }

    fn decode(bytes: &Bytes) -> Result<Self, PayloadError> {
        let (values, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() {
            return Err(PayloadError::new(
                "list of 32-byte values",
                format!("{} bytes are not a whole number of values", bytes.len()),
            ));
        }
        Ok(values.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_numbers_bit_by_bit() {
        let values = vec![0.1, -0.0, f64::MAX, f64::NEG_INFINITY];
        let back = Vec::<f64>::decode(&values.encode().expect("written")).expect("read");
        assert!(
            values
                .iter()
                .zip(&back)
                .all(|(a, b)| a.to_bits() == b.to_bits())
        );
    }

    #[test]
    fn refuses_a_length_that_is_no_whole_number_of_values() {
        assert!(Vec::<u64>::decode(&Bytes::from_static(&[1, 2, 3])).is_err());
        assert!(Vec::<[u8; 32]>::decode(&Bytes::from_static(&[0; 33])).is_err());
    }

    #[test]
    fn refuses_bytes_that_are_no_packed_value() {
        assert!(Packed::<Vec<String>>::decode(&Bytes::from_static(&[0xc1])).is_err());
    }
}
