//! The secret scalar inside a P-256 key file, for sealing; wiped when dropped.

use rustls_pki_types::PrivateKeyDer;
use x509_parser::asn1_rs::{FromDer, Integer, OctetString, Oid, Sequence};
use x509_parser::oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY};
use zeroize::Zeroizing;

/// The 32-byte secret scalar of a P-256 key, big-endian. Wiped on drop; never printed.
#[derive(Clone)]
pub struct SecretScalar(Zeroizing<[u8; 32]>);

impl SecretScalar {
    /// The bytes, for the call that needs them.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads the scalar from a parsed key file; the error says what the key is not.
    pub(crate) fn from_key(key: &PrivateKeyDer<'_>) -> Result<Self, String> {
        match key {
            PrivateKeyDer::Pkcs8(der) => from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Sec1(der) => from_sec1(der.secret_sec1_der()),
            _ => Err("it is not an elliptic-curve key".to_owned()),
        }
    }
}

/// RFC 5208: version, algorithm (with the curve), and the key itself as an octet string.
fn from_pkcs8(der: &[u8]) -> Result<SecretScalar, String> {
    let broken = |_| "it is not a well-formed PKCS#8 key".to_owned();
    let (_, outer) = Sequence::from_der(der).map_err(broken)?;
    let (rest, _version) = Integer::from_der(&outer.content).map_err(broken)?;
    let (rest, algorithm) = Sequence::from_der(rest).map_err(broken)?;
    let (parameters, key_type) = Oid::from_der(&algorithm.content).map_err(broken)?;
    let (_, curve) = Oid::from_der(parameters).map_err(|_| "its curve is not named".to_owned())?;
    if key_type != OID_KEY_TYPE_EC_PUBLIC_KEY || curve != OID_EC_P256 {
        return Err("it is not a P-256 key".to_owned());
    }
    let (_, key) = OctetString::from_der(rest).map_err(broken)?;
    from_sec1(key.as_ref())
}

/// RFC 5915: version 1, then the scalar, padded to the size of the field.
fn from_sec1(der: &[u8]) -> Result<SecretScalar, String> {
    let broken = |_| "it is not a well-formed elliptic-curve key".to_owned();
    let (_, outer) = Sequence::from_der(der).map_err(broken)?;
    let (rest, _version) = Integer::from_der(&outer.content).map_err(broken)?;
    let (_, scalar) = OctetString::from_der(rest).map_err(broken)?;
    let mut bytes = Zeroizing::new([0_u8; 32]);
    // RFC 5915 fixes the length; a shorter one is not padded here, since it may be of another
    // curve.
    if scalar.as_ref().len() != bytes.len() {
        return Err("it is not a P-256 key".to_owned());
    }
    bytes.copy_from_slice(scalar.as_ref());
    Ok(SecretScalar(bytes))
}
