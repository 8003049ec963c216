//! What stands in the certificates and lists an authority signs: names, purposes, dates, serial numbers.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PublicKeyData, RevokedCertParams, SanType, SerialNumber, SignatureAlgorithm, SigningKey,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use time::OffsetDateTime;
use vocabulary::Timestamp;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{PkiError, Result};
use crate::files;
use crate::ledger::Ledger;
use crate::name::{Kind, PeerName};
use crate::peer;
use crate::profile::Validity;

/// The last second of the year 9999, the end of X.509's dates.
const LAST_SECOND: i64 = 253_402_300_799;

/// The root's key pair, wiped when dropped.
pub(super) struct RootKey(KeyPair);

impl Drop for RootKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl PublicKeyData for RootKey {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }
    fn algorithm(&self) -> &'static SignatureAlgorithm {
        PublicKeyData::algorithm(&self.0)
    }
}

impl SigningKey for RootKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign(message)
    }
}

/// A root certificate signed by itself, and its key, both PEM.
pub(super) fn root(federation: &str, validity: Validity) -> Result<(String, Zeroizing<String>)> {
    let key = RootKey(crate::key::generate_pair()?);
    let serial = serial()?;
    let mut params = dated(validity);
    // The number keeps two roots of one federation apart while the parties change from one to the other.
    let number = peer::hex_of_number(&serial.to_bytes());
    let number = number.get(..8).unwrap_or(&number);
    params.distinguished_name = subject(federation, &format!("fedflow root {number}"));
    params.serial_number = Some(serial);
    // No authority below the root: a party's certificate can never sign another.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params
        .self_signed(&key)
        .map_err(|error| PkiError::internal("signing the root certificate", error))?;
    Ok((certificate.pem(), Zeroizing::new(key.0.serialize_pem())))
}

/// Reads the root's certificate and key back; gives the last moment the root is valid, too.
pub(super) fn open_root(
    path: &Path,
    pem: &str,
    key_path: &Path,
) -> Result<(Issuer<'static, RootKey>, Timestamp)> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|error| PkiError::invalid(path, error))?;
    let certificate = peer::parse(&der).map_err(|reason| PkiError::invalid(path, reason))?;
    let until = peer::moment(certificate.validity().not_after);
    let point = peer::point_of(&certificate).map_err(|refusal| PkiError::invalid(path, refusal))?;
    let key_bytes = files::read_key(key_path)?;
    let key_text =
        std::str::from_utf8(&key_bytes).map_err(|error| PkiError::invalid(key_path, error))?;
    let key = KeyPair::from_pem(key_text).map_err(|error| PkiError::invalid(key_path, error))?;
    let key = RootKey(key);
    // Signing with a key of another root would give certificates that everybody refuses, later and
    // elsewhere.
    if key.der_bytes() != point {
        return Err(PkiError::KeyMismatch {
            key: key_path.to_owned(),
            certificate: path.to_owned(),
        });
    }
    let issuer =
        Issuer::from_ca_cert_der(&der, key).map_err(|error| PkiError::invalid(path, error))?;
    Ok((issuer, until))
}

/// The certificate of a party, still to be signed.
pub(super) fn leaf(name: &PeerName, validity: Validity) -> Result<CertificateParams> {
    let text = |text: String| {
        rcgen::string::Ia5String::try_from(text)
            .map_err(|error| PkiError::internal("writing a name", error))
    };
    let mut params = dated(validity);
    params.distinguished_name = subject(&name.federation, name.party.as_str());
    params.serial_number = Some(serial()?);
    params.subject_alt_names = vec![
        SanType::URI(text(name.uri())?),
        SanType::DnsName(text(name.server_name())?),
    ];
    params.is_ca = IsCa::ExplicitNoCa;
    // Key agreement, because messages are sealed to this key as well.
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyAgreement,
    ];
    params.extended_key_usages = match name.kind {
        Kind::Coordinator | Kind::Agent => {
            vec![
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ]
        }
        // Never a server: who steals a user's key must not be able to pose as an agent.
        Kind::User => vec![ExtendedKeyUsagePurpose::ClientAuth],
    };
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// The signed list of everything the ledger holds as revoked, PEM.
pub(super) fn revocations(
    ledger: &Ledger,
    validity: Validity,
    issuer: &Issuer<'_, RootKey>,
) -> Result<String> {
    let revoked_certs = ledger
        .certificates
        .iter()
        .filter_map(|record| {
            let revocation = record.revoked.as_ref()?;
            Some(RevokedCertParams {
                serial_number: SerialNumber::from_slice(&vocabulary::unhex(&record.serial)?),
                revocation_time: date(revocation.at),
                reason_code: Some(revocation.reason.code()),
                invalidity_date: None,
            })
        })
        .collect();
    let params = CertificateRevocationListParams {
        this_update: date(validity.not_before),
        next_update: date(validity.not_after),
        crl_number: SerialNumber::from(ledger.crl_number),
        issuing_distribution_point: None,
        revoked_certs,
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let failed = |error| PkiError::internal("signing the revocation list", error);
    params
        .signed_by(issuer)
        .and_then(|list| list.pem())
        .map_err(failed)
}

fn subject(organisation: &str, common_name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, organisation);
    subject.push(DnType::CommonName, common_name);
    subject
}

fn dated(validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = date(validity.not_before);
    params.not_after = date(validity.not_after);
    params
}

/// A random positive number of 128 bits; the first two bits are fixed so that its length never varies.
fn serial() -> Result<SerialNumber> {
    let mut bytes = [0_u8; 16];
    let random = crate::provider::provider().secure_random;
    random
        .fill(&mut bytes)
        .map_err(|_| PkiError::internal("drawing a serial number", "no randomness"))?;
    if let Some(first) = bytes.first_mut() {
        // The top bit is the sign in DER; the next one is set so that no leading zero is dropped.
        *first = *first & 0x7f | 0x40;
    }
    Ok(SerialNumber::from_slice(&bytes))
}

/// Whole seconds, within the dates X.509 can write.
fn date(moment: Timestamp) -> OffsetDateTime {
    let seconds = moment.0.div_euclid(1_000_000).clamp(0, LAST_SECOND);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
