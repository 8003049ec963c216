//! Who a certificate names. Reading is not believing: the verifier has judged the chain before this counts.

use rustls_pki_types::CertificateDer;
use vocabulary::{PartyId, Timestamp};
use x509_parser::asn1_rs::{FromDer, Oid};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY};
use x509_parser::time::ASN1Time;

use crate::error::{Refusal, Result};
use crate::name::{Kind, PeerName, SCHEME};

/// Who is at the other end of a link, or behind a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerIdentity {
    /// The party.
    pub party: PartyId,
    /// What the certificate may act as.
    pub kind: Kind,
    /// The federation it names.
    pub federation: String,
    /// Serial number, lower-case hex.
    pub serial: String,
    /// SHA-256 of the certificate, hex.
    pub fingerprint: String,
    /// The last moment the certificate is valid.
    pub not_after: Timestamp,
    /// The P-256 public key as an uncompressed SEC1 point.
    pub public_key_sec1: [u8; 65],
    /// The certificates as they came, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
}

impl PeerIdentity {
    /// The name in the certificate.
    pub fn name(&self) -> PeerName {
        PeerName {
            federation: self.federation.clone(),
            kind: self.kind,
            party: self.party.clone(),
        }
    }
}

/// Reads who the leaf of a chain names: exactly one `fedflow://` URI, and a P-256 key.
///
/// Verifies nothing: give it only the certificates of a link that [`crate::verify`] has accepted.
pub fn peer_of(certs: &[CertificateDer<'_>]) -> Result<PeerIdentity> {
    let leaf = certs.first().ok_or(Refusal::Missing)?;
    let certificate = parse(leaf).map_err(Refusal::Other)?;
    let name = name_of(&certificate)?;
    Ok(PeerIdentity {
        party: name.party,
        kind: name.kind,
        federation: name.federation,
        serial: serial_of(&certificate),
        fingerprint: vocabulary::offer::fingerprint_of(leaf),
        not_after: moment(certificate.validity().not_after),
        public_key_sec1: point_of(&certificate)?,
        chain: certs.iter().map(|der| der.clone().into_owned()).collect(),
    })
}

pub(crate) fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, String> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        // Two readers could take what follows for different things.
        Ok(_) => Err("bytes follow the certificate".to_owned()),
        Err(error) => Err(format!("not an X.509 certificate: {error}")),
    }
}

pub(crate) fn name_of(certificate: &X509Certificate<'_>) -> Result<PeerName, Refusal> {
    let names = certificate
        .subject_alternative_name()
        .map_err(|error| Refusal::NameInvalid(error.to_string()))?
        .ok_or_else(|| Refusal::NameInvalid("it has no alternative names".to_owned()))?;
    let uris: Vec<&str> = names
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            // Schemes compare without case; a second name in capitals must not slip by.
            GeneralName::URI(uri) if starts_with_scheme(uri) => Some(*uri),
            _ => None,
        })
        .collect();
    match uris.as_slice() {
        [uri] => PeerName::from_uri(uri),
        others => Err(Refusal::NameInvalid(format!(
            "it has {} fedflow names",
            others.len()
        ))),
    }
}

fn starts_with_scheme(uri: &str) -> bool {
    uri.get(..SCHEME.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(SCHEME))
}

pub(crate) fn point_of(certificate: &X509Certificate<'_>) -> Result<[u8; 65], Refusal> {
    let spki = certificate.public_key();
    let curve = spki
        .algorithm
        .parameters
        .as_ref()
        .and_then(|any| Oid::try_from(any).ok());
    let p256 = spki.algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY && curve == Some(OID_EC_P256);
    let point: Option<[u8; 65]> = spki.subject_public_key.data.as_ref().try_into().ok();
    match point {
        // Uncompressed only: one form of a key, so that fingerprints and pins compare bytes.
        Some(point) if p256 && point.first() == Some(&4) => Ok(point),
        _ => Err(Refusal::Other(
            "its key is not an uncompressed P-256 point".to_owned(),
        )),
    }
}

pub(crate) fn serial_of(certificate: &X509Certificate<'_>) -> String {
    hex_of_number(certificate.raw_serial())
}

/// A number's hex without leading zero bytes, so that one number has one text.
pub(crate) fn hex_of_number(number: &[u8]) -> String {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    vocabulary::hex(number.split_at(zeros).1)
}

pub(crate) fn moment(time: ASN1Time) -> Timestamp {
    Timestamp(time.timestamp().saturating_mul(1_000_000))
}
