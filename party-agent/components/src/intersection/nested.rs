//! Parameter objects of the methods that FATE offers. They are checked as FATE checks them and otherwise without
//! effect, for one protocol serves all methods.

use component_kit::params;

/// Who does something.
pub(super) const ROLES: &[&str] = &["guest", "host"];
const HASHES: &[&str] = &["sha256", "sha384", "sha512", "sm3"];
const FINAL_HASHES: &[&str] = &["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sm3"];
const OLD_HASHES: &[&str] = &[
    "none", "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sm3",
];

params! {
    /// Deprecated encoding of ids; without effect.
    pub struct EncodeParams {
        /// Text put before each id. Default empty.
        salt: String = "";
        /// none (default), md5, sha1, sha224, sha256, sha384, sha512 or sm3.
        encode_method: String = "none", in OLD_HASHES;
        /// Whether the hash is written in base 64. Default false.
        base64: bool = false;
    }
}

params! {
    /// The method raw; without effect.
    pub struct RawParams {
        /// Whether ids are hashed. Default false.
        use_hash: bool = false;
        /// Text put before each id. Default empty.
        salt: String = "";
        /// none (default), md5, sha1, sha224, sha256, sha384, sha512 or sm3.
        hash_method: String = "none", in OLD_HASHES;
        /// Whether the hash is written in base 64. Default false.
        base64: bool = false;
        /// guest (default) or host.
        join_role: String = "guest", in ROLES;
    }
}

params! {
    /// The method rsa; without effect.
    pub struct RsaParams {
        /// Text put before each id. Default empty.
        salt: String = "";
        /// sha256 (default), sha384, sha512 or sm3.
        hash_method: String = "sha256", in HASHES;
        /// sha256 (default), md5, sha1, sha224, sha384, sha512 or sm3.
        final_hash_method: String = "sha256", in FINAL_HASHES;
        /// Whether each side signs half of the ids. Default false; not with cardinality_only or run_cache.
        split_calculation: bool = false;
        /// Share of the ids that get a blinding factor of their own, above 0 and up to 1. Default none.
        random_base_fraction: Option<f64>, in above(0.0).up_to(1.0);
        /// Bits of the key, at least 1024. Default 1024.
        key_length: u32 = 1024, in 1024..;
        /// Bits of a blinding factor, above 0. Default 128.
        random_bit: u32 = 128, in above(0);
    }
}

params! {
    /// The method dh; without effect.
    pub struct GroupParams {
        /// Text put before each id. Default empty.
        salt: String = "";
        /// sha256 (default), none, md5, sha1, sha224, sha384, sha512 or sm3.
        hash_method: String = "sha256", in OLD_HASHES;
        /// Bits of the group, at least 1024. Default 1024.
        key_length: u32 = 1024, in 1024..;
    }
}

params! {
    /// The method ecdh; without effect: the curve is ristretto255, which is curve25519 without its pitfalls.
    pub struct CurveParams {
        /// Text put before each id. Default empty.
        salt: String = "";
        /// sha256 (default), sha384, sha512 or sm3.
        hash_method: String = "sha256", in HASHES;
        /// curve25519.
        curve: String = "curve25519", in ["curve25519"];
    }
}

params! {
    /// Deprecated cache; without effect.
    pub struct CacheParams {
        /// Default false.
        use_cache: bool = false;
        /// Default phone.
        id_type: String = "phone";
        /// Default sha256.
        encrypt_type: String = "sha256";
    }
}

params! {
    /// Selection of ids by a filter before the intersection; without effect.
    pub struct PreprocessParams {
        /// Above 0 and up to 0.5. Default 0.001.
        false_positive_rate: f64 = 0.001, in above(0.0).up_to(0.5);
        /// rsa.
        encrypt_method: String = "rsa", in ["rsa"];
        /// sha256 (default), md5, sha1, sha224, sha384, sha512 or sm3.
        hash_method: String = "sha256", in FINAL_HASHES;
        /// sha256 (default), md5, sha1, sha224, sha384, sha512 or sm3.
        preprocess_method: String = "sha256", in FINAL_HASHES;
        /// Text put before each id. Default empty.
        preprocess_salt: String = "";
        /// Seed of the filter. Default none.
        random_state: Option<i64>;
        /// guest (default) or host.
        filter_owner: String = "guest", in ROLES;
    }
}
