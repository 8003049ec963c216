//! Keys made at the party: the key never travels, only a signing request does.

use std::path::Path;

use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType, DnValue,
    PublicKey,
};
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use vocabulary::PartyId;

use crate::error::{PkiError, Result};
use crate::files::{self, Existing, Readers};
use crate::key::LeafKey;
use crate::name::Kind;

/// Makes a key into `dir/identity.key` (mode 0600) and a signing request into `dir/request.csr`; gives the request, PEM.
///
/// The authority signs it with [`crate::Authority::sign_request`]; what it gives back belongs into the same folder.
pub fn request(party: &PartyId, kind: Kind, dir: &Path, existing: Existing) -> Result<String> {
    let key_path = dir.join(files::IDENTITY_KEY);
    if existing == Existing::Refuse {
        files::must_not_exist(key_path.clone())?;
    }
    let key = LeafKey::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationalUnitName, kind.text());
    params
        .distinguished_name
        .push(DnType::CommonName, party.as_str());
    let failed = |error| PkiError::internal("writing a signing request", error);
    let pem = params
        .serialize_request(key.pair())
        .and_then(|request| request.pem())
        .map_err(failed)?;
    files::make_dir(dir)?;
    files::write(&key_path, key.pem().as_bytes(), Readers::Owner)?;
    files::write(&dir.join(files::REQUEST), pem.as_bytes(), Readers::Everyone)?;
    Ok(pem)
}

/// Reads a request, proves that its maker has the key, and checks that it is for the party and kind the operator named.
///
/// Nothing else of it counts: names, purposes and dates come from the authority.
pub(crate) fn read(pem: &str, party: &PartyId, kind: Kind) -> Result<PublicKey> {
    let der = CertificateSigningRequestDer::from_pem_slice(pem.as_bytes()).map_err(|error| {
        PkiError::RequestRefused {
            reason: error.to_string(),
        }
    })?;
    read_der(&der, party, kind)
}

fn read_der(
    der: &CertificateSigningRequestDer<'_>,
    party: &PartyId,
    kind: Kind,
) -> Result<PublicKey> {
    let refused = |reason: String| PkiError::RequestRefused { reason };
    let request = CertificateSigningRequestParams::from_der(der)
        .map_err(|error| refused(error.to_string()))?;
    if request.public_key.algorithm() != &rcgen::PKCS_ECDSA_P256_SHA256 {
        return Err(refused("its key is not a P-256 key".to_owned()));
    }
    let subject = &request.params.distinguished_name;
    let named = (
        text_of(subject, &DnType::OrganizationalUnitName),
        text_of(subject, &DnType::CommonName),
    );
    // The operator has compared the name he types; a request of somebody else under it must not
    // pass.
    if named != (Some(kind.text()), Some(party.as_str())) {
        let (found_kind, found_party) = (named.0.unwrap_or("nothing"), named.1.unwrap_or("nobody"));
        return Err(refused(format!(
            "it is for {found_kind} {found_party}, not for {kind} {party}"
        )));
    }
    Ok(request.public_key)
}

fn text_of<'a>(subject: &'a DistinguishedName, part: &DnType) -> Option<&'a str> {
    match subject.get(part)? {
        DnValue::Utf8String(text) => Some(text),
        DnValue::PrintableString(text) => Some(text.as_str()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::KeyPair;

    use super::*;
    use crate::trial::party;

    #[test]
    fn refuses_a_request_that_its_maker_did_not_sign_as_it_is() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let pem =
            request(&party("9998"), Kind::Agent, dir.path(), Existing::Refuse).expect("request");
        let der = CertificateSigningRequestDer::from_pem_slice(pem.as_bytes()).expect("request");
        read_der(&der, &party("9998"), Kind::Agent).expect("sound");
        let mut bytes = der.to_vec();
        let at = bytes
            .windows(4)
            .position(|window| window == b"9998")
            .expect("subject");
        bytes[at + 3] = b'9';
        let error = read_der(
            &CertificateSigningRequestDer::from(bytes),
            &party("9999"),
            Kind::Agent,
        );
        assert!(
            error
                .expect_err("signed for another party")
                .to_string()
                .contains("signature")
        );
        read("noise", &party("9998"), Kind::Agent).expect_err("read noise");
    }

    #[test]
    fn refuses_a_request_for_a_key_of_another_kind() {
        let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("key");
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::OrganizationalUnitName, "agent");
        params.distinguished_name.push(DnType::CommonName, "9999");
        let pem = params
            .serialize_request(&key)
            .and_then(|request| request.pem())
            .expect("request");
        let error = read(&pem, &party("9999"), Kind::Agent).expect_err("took an Ed25519 key");
        assert!(error.to_string().contains("P-256"), "{error}");
    }
}
