//! What is in certificate files and what is wrong with them, in plain sentences.

use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use vocabulary::{Clock, PartyId, SystemClock, Timestamp};
use x509_parser::certificate::X509Certificate;
use x509_parser::time::ASN1Time;

use crate::authority;
use crate::error::{PkiError, Result};
use crate::files;
use crate::identity::{Identity, IdentityFiles};
use crate::name::Kind;
use crate::peer;
use crate::trust::{self, TrustRoots};

/// Warn this long before something expires.
const SOON_MILLIS: i64 = 14 * Timestamp::DAY_MILLIS;

/// Everything worth knowing of one certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// The file it was found in.
    pub file: PathBuf,
    /// The X.509 subject.
    pub subject: String,
    /// Whose it is; none for a root.
    pub party: Option<PartyId>,
    /// What it may act as; none for a root.
    pub kind: Option<Kind>,
    /// The federation it names.
    pub federation: Option<String>,
    /// Serial number, lower-case hex.
    pub serial: String,
    /// The first moment it is valid.
    pub not_before: Timestamp,
    /// The last moment it is valid.
    pub not_after: Timestamp,
    /// SHA-256, hex.
    pub fingerprint: String,
    /// Whether it is a root.
    pub is_root: bool,
    /// Fingerprint of the root beside it that has signed it.
    pub signed_by: Option<String>,
    /// Whether the revocation list beside it names it; none without a list.
    pub is_revoked: Option<bool>,
    /// When the revocation list beside it must be replaced; none without a list.
    pub revocations_until: Option<Timestamp>,
    /// Whether the key beside it belongs to it; none without a key.
    pub key_matches: Option<bool>,
    /// What is wrong, one sentence each; empty when all is well.
    pub problems: Vec<String>,
}

/// Looks at a certificate file, or at the folder of a party or an authority; root, list and key are sought beside it.
pub fn inspect(path: &Path) -> Result<Vec<CertificateFacts>> {
    inspect_at(path, SystemClock.now())
}

/// Like [`inspect()`], at another moment than the present.
pub fn inspect_at(path: &Path, now: Timestamp) -> Result<Vec<CertificateFacts>> {
    let (dir, found) = if path.is_dir() {
        let present = [files::IDENTITY, files::ROOT]
            .map(|name| path.join(name))
            .into_iter()
            .filter(|file| file.exists());
        (path.to_owned(), present.collect())
    } else {
        (
            path.parent().unwrap_or(Path::new(".")).to_owned(),
            vec![path.to_owned()],
        )
    };
    if found.is_empty() {
        let source = std::io::Error::new(
            std::io::ErrorKind::NotFound,
            "no identity.pem and no root.pem in the folder",
        );
        return Err(PkiError::FileUnreadable {
            path: path.to_owned(),
            source,
        });
    }
    let revoked = IdentityFiles::in_dir(&dir).revoked;
    let trust = TrustRoots::load(&dir.join(files::ROOT), revoked.as_deref());
    let context = InspectionContext { dir, trust, now };
    let mut facts = Vec::new();
    for file in found {
        for der in trust::certificates(&file)? {
            facts.push(context.facts(&file, &der)?);
        }
    }
    Ok(facts)
}

/// What stands beside the certificates looked at.
struct InspectionContext {
    dir: PathBuf,
    trust: Result<TrustRoots>,
    now: Timestamp,
}

impl InspectionContext {
    fn facts(&self, file: &Path, der: &CertificateDer<'_>) -> Result<CertificateFacts> {
        let certificate = peer::parse(der).map_err(|reason| PkiError::invalid(file, reason))?;
        let trust = self.trust.as_ref().ok();
        let signer = trust.and_then(|trust| trust.signer_of(&certificate));
        let organisation = certificate
            .subject()
            .iter_organization()
            .next()
            .and_then(|name| name.as_str().ok());
        let name = peer::name_of(&certificate);
        let mut facts = CertificateFacts {
            file: file.to_owned(),
            subject: certificate.subject().to_string(),
            party: name.as_ref().ok().map(|name| name.party.clone()),
            kind: name.as_ref().ok().map(|name| name.kind),
            federation: organisation.map(str::to_owned),
            serial: peer::serial_of(&certificate),
            not_before: peer::moment(certificate.validity().not_before),
            not_after: peer::moment(certificate.validity().not_after),
            fingerprint: vocabulary::offer::fingerprint_of(der),
            is_root: certificate.is_ca(),
            signed_by: signer.map(|root| vocabulary::offer::fingerprint_of(root)),
            is_revoked: trust.and_then(|trust| trust.is_revoked(&certificate)),
            revocations_until: trust.and_then(TrustRoots::revocations_until),
            key_matches: None,
            problems: Vec::new(),
        };
        match name {
            Ok(name) => facts.federation = Some(name.federation),
            Err(refusal) if !facts.is_root => facts.problems.push(sentence(&refusal)),
            Err(_) => {}
        }
        self.check_dates(&certificate, &mut facts);
        self.check_trust(&mut facts);
        if file.file_name() == Some(files::IDENTITY.as_ref()) && !facts.is_root {
            self.check_key(&certificate, &mut facts);
        } else if file.file_name() == Some(files::ROOT.as_ref())
            && self.dir.join(files::ROOT_KEY).exists()
        {
            let checked = authority::check_root(&self.dir);
            note_key(checked.map(|()| true), &mut facts);
        }
        Ok(facts)
    }

    fn check_dates(&self, certificate: &X509Certificate<'_>, facts: &mut CertificateFacts) {
        let validity = certificate.validity();
        if self.now < facts.not_before {
            facts.problems.push(format!(
                "The certificate is valid only from {}.",
                validity.not_before
            ));
        } else if self.now > facts.not_after {
            facts.problems.push(format!(
                "The certificate expired on {}.",
                validity.not_after
            ));
        } else if facts.not_after.millis_since(self.now) < SOON_MILLIS {
            facts.problems.push(format!(
                "The certificate expires soon, on {}; renew it.",
                validity.not_after
            ));
        }
    }

    fn check_trust(&self, facts: &mut CertificateFacts) {
        let trust = match &self.trust {
            Ok(trust) => trust,
            Err(error) => return facts.problems.push(sentence(error)),
        };
        if facts.signed_by.is_none() {
            facts
                .problems
                .push("No root in the root.pem beside it has signed the certificate.".to_owned());
        }
        if facts.federation.as_deref() != Some(trust.federation()) {
            facts.problems.push(format!(
                "The root.pem beside it is of federation {}.",
                trust.federation()
            ));
        }
        if facts.is_revoked == Some(true) {
            facts
                .problems
                .push("The certificate is revoked.".to_owned());
        }
        match facts.revocations_until {
            None => facts.problems.push(
                "There is no revoked.crl beside it, so revocation is not checked.".to_owned(),
            ),
            Some(until) if until < self.now => facts.problems.push(format!(
                "The revocation list expired on {}; every peer is refused until a new one is here.",
                date(until)
            )),
            Some(until) if until.millis_since(self.now) < SOON_MILLIS / 2 => {
                facts.problems.push(format!(
                    "The revocation list expires soon, on {}; fetch a new one.",
                    date(until)
                ));
            }
            Some(_) => {}
        }
    }

    fn check_key(&self, certificate: &X509Certificate<'_>, facts: &mut CertificateFacts) {
        if !self.dir.join(files::IDENTITY_KEY).exists() {
            return facts
                .problems
                .push("There is no identity.key beside it.".to_owned());
        }
        let loaded = Identity::load(&self.dir);
        note_key(
            loaded.map(|own| peer::point_of(certificate).ok() == Some(own.public_key_sec1())),
            facts,
        );
    }
}

fn note_key(matches: Result<bool>, facts: &mut CertificateFacts) {
    match matches {
        Ok(matches) => facts.key_matches = Some(matches),
        Err(PkiError::KeyMismatch { .. }) => {
            facts.key_matches = Some(false);
            facts
                .problems
                .push("The key beside it belongs to another certificate.".to_owned());
        }
        // What is wrong with the root or the list is said already.
        Err(
            error @ (PkiError::KeyExposed { .. }
            | PkiError::FileUnreadable { .. }
            | PkiError::FileInvalid { .. }),
        ) => {
            let text = sentence(&error);
            if !facts.problems.contains(&text) {
                facts.problems.push(text);
            }
        }
        Err(_) => {}
    }
}

fn date(moment: Timestamp) -> String {
    ASN1Time::from_timestamp(moment.0.div_euclid(1_000_000))
        .map_or_else(|_| "an unknown date".to_owned(), |d| d.to_string())
}

/// An error's message as a sentence.
fn sentence(error: &dyn std::error::Error) -> String {
    let message = error.to_string();
    let mut characters = message.chars();
    let first = characters
        .next()
        .map(|character| character.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}

#[cfg(test)]
mod tests;
