//! Parameter objects of the methods that FATE offers. They are checked as FATE checks them and otherwise without
//! effect, for one protocol serves all methods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) const HASHES: &[&str] = &["sha256", "sha384", "sha512", "sm3"];
pub(super) const FINAL_HASHES: &[&str] =
    &["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sm3"];
pub(super) const OLD_HASHES: &[&str] = &[
    "none", "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sm3",
];

/// Deprecated encoding of ids; without effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EncodeParams {
    /// Text put before each id. Default empty.
    pub salt: String,
    /// none (default), md5, sha1, sha224, sha256, sha384, sha512 or sm3.
    pub encode_method: String,
    /// Whether the hash is written in base 64. Default false.
    pub base64: bool,
}

impl Default for EncodeParams {
    fn default() -> Self {
        Self {
            salt: String::new(),
            encode_method: "none".to_owned(),
            base64: false,
        }
    }
}

/// The method raw; without effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawParams {
    /// Whether ids are hashed. Default false.
    pub use_hash: bool,
    /// Text put before each id. Default empty.
    pub salt: String,
    /// none (default), md5, sha1, sha224, sha256, sha384, sha512 or sm3.
    pub hash_method: String,
    /// Whether the hash is written in base 64. Default false.
    pub base64: bool,
    /// guest (default) or host.
    pub join_role: String,
}

impl Default for RawParams {
    fn default() -> Self {
        let (hash_method, join_role) = ("none".to_owned(), "guest".to_owned());
        Self {
            use_hash: false,
            salt: String::new(),
            hash_method,
            base64: false,
            join_role,
        }
    }
}

/// The method rsa; without effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RsaParams {
    /// Text put before each id. Default empty.
    pub salt: String,
    /// sha256 (default), sha384, sha512 or sm3.
    pub hash_method: String,
    /// sha256 (default), md5, sha1, sha224, sha384, sha512 or sm3.
    pub final_hash_method: String,
    /// Whether each side signs half of the ids. Default false; not with cardinality_only or run_cache.
    pub split_calculation: bool,
    /// Share of the ids that get a blinding factor of their own, above 0 and up to 1. Default none.
    pub random_base_fraction: Option<f64>,
    /// Bits of the key, at least 1024. Default 1024.
    pub key_length: u32,
    /// Bits of a blinding factor, above 0. Default 128.
    pub random_bit: u32,
}

impl Default for RsaParams {
    fn default() -> Self {
        Self {
            salt: String::new(),
            hash_method: "sha256".to_owned(),
            final_hash_method: "sha256".to_owned(),
            split_calculation: false,
            random_base_fraction: None,
            key_length: 1024,
            random_bit: 128,
        }
    }
}

/// The method dh; without effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GroupParams {
    /// Text put before each id. Default empty.
    pub salt: String,
    /// sha256 (default), none, md5, sha1, sha224, sha384, sha512 or sm3.
    pub hash_method: String,
    /// Bits of the group, at least 1024. Default 1024.
    pub key_length: u32,
}

impl Default for GroupParams {
    fn default() -> Self {
        Self {
            salt: String::new(),
            hash_method: "sha256".to_owned(),
            key_length: 1024,
        }
    }
}

/// The method ecdh; without effect: the curve is ristretto255, which is curve25519 without its pitfalls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CurveParams {
    /// Text put before each id. Default empty.
    pub salt: String,
    /// sha256 (default), sha384, sha512 or sm3.
    pub hash_method: String,
    /// curve25519.
    pub curve: String,
}

impl Default for CurveParams {
    fn default() -> Self {
        Self {
            salt: String::new(),
            hash_method: "sha256".to_owned(),
            curve: "curve25519".to_owned(),
        }
    }
}

/// Deprecated cache; without effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CacheParams {
    /// Default false.
    pub use_cache: bool,
    /// Default phone.
    pub id_type: String,
    /// Default sha256.
    pub encrypt_type: String,
}

impl Default for CacheParams {
    fn default() -> Self {
        Self {
            use_cache: false,
            id_type: "phone".to_owned(),
            encrypt_type: "sha256".to_owned(),
        }
    }
}

/// Selection of ids by a filter before the intersection; without effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PreprocessParams {
    /// Above 0 and up to 0.5. Default 0.001.
    pub false_positive_rate: f64,
    /// rsa.
    pub encrypt_method: String,
    /// sha256 (default), md5, sha1, sha224, sha384, sha512 or sm3.
    pub hash_method: String,
    /// sha256 (default), md5, sha1, sha224, sha384, sha512 or sm3.
    pub preprocess_method: String,
    /// Text put before each id. Default empty.
    pub preprocess_salt: String,
    /// Seed of the filter. Default none.
    pub random_state: Option<i64>,
    /// guest (default) or host.
    pub filter_owner: String,
}

impl Default for PreprocessParams {
    fn default() -> Self {
        let hash = || "sha256".to_owned();
        Self {
            false_positive_rate: 0.001,
            encrypt_method: "rsa".to_owned(),
            hash_method: hash(),
            preprocess_method: hash(),
            preprocess_salt: String::new(),
            random_state: None,
            filter_owner: "guest".to_owned(),
        }
    }
}
