//! What can be wrong with certificates, keys and their files, and what a person does about it.

use std::path::{Path, PathBuf};

use rustls::{AlertDescription, CertificateError};
use vocabulary::{ErrorCode, Fault, PartyId};

/// The result of anything in this crate.
pub type Result<T, E = PkiError> = std::result::Result<T, E>;

/// Why a certificate is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its validity is over.
    #[error("the certificate has expired")]
    Expired,
    /// Its validity has not begun.
    #[error("the certificate is not valid yet")]
    NotYetValid,
    /// The federation root has revoked it.
    #[error("the certificate is revoked")]
    Revoked,
    /// Another root than the federation's has signed it.
    #[error("the certificate is not signed by this federation's root")]
    ForeignRoot,
    /// The revocation list at hand is past its next update.
    #[error("the revocation list has expired")]
    RevocationListExpired,
    /// No revocation list covers the certificate.
    #[error("no revocation list covers the certificate")]
    RevocationUnknown,
    /// It names nobody, or not in the form of a federation's names.
    #[error("the certificate does not name one party: {0}")]
    NameInvalid(String),
    /// It names another party or kind of daemon than the one dialled.
    #[error("the certificate names {found}, expected {expected}")]
    OtherPeer {
        /// Who was dialled.
        expected: String,
        /// Who answered.
        found: String,
    },
    /// It names another federation.
    #[error("the certificate belongs to federation {found:?}, expected {expected:?}")]
    OtherFederation {
        /// The federation of this identity.
        expected: String,
        /// The federation the certificate names.
        found: String,
    },
    /// The owner of this agent has pinned another key for the party.
    #[error("the certificate of party {party} is of another key than the one pinned here")]
    OtherKey {
        /// The party.
        party: PartyId,
    },
    /// The peer presented none.
    #[error("the peer presented no certificate")]
    Missing,
    /// Anything else.
    #[error("the certificate cannot be accepted: {0}")]
    Other(String),
}

impl Refusal {
    fn next(&self) -> &'static str {
        match self {
            Self::Expired => "renew the certificate at the federation's authority and reload",
            Self::NotYetValid => "compare the clocks of the two machines",
            Self::Revoked => "ask the operator of the federation root for a new certificate",
            Self::ForeignRoot => {
                "compare root.pem of the two parties; both must hold the same federation root"
            }
            Self::RevocationListExpired | Self::RevocationUnknown => {
                "fetch the newest revoked.crl from the operator of the federation root and reload"
            }
            Self::NameInvalid(_) | Self::OtherFederation { .. } | Self::Other(_) => {
                "inspect the certificate with `fedflow certs inspect` and issue it anew"
            }
            Self::OtherPeer { .. } => "check the address of the peer; another party answers there",
            Self::OtherKey { .. } => {
                "ask the party whether it has a new key; then pin that one, or unpin, by key/public/*"
            }
            Self::Missing => "give the peer's daemon its identity.pem and identity.key",
        }
    }
}

/// What is wrong with a certificate, a key, a signature or a file that holds one.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file does not exist or cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    FileUnreadable {
        /// The file.
        path: PathBuf,
        /// The reason the system gives.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    FileUnwritable {
        /// The file.
        path: PathBuf,
        /// The reason the system gives.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{} is not usable: {reason}", path.display())]
    FileInvalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with its content.
        reason: String,
    },
    /// A key file can be read by others than its owner.
    #[error("the key file {} has mode {mode:04o} and can be read by others than its owner", path.display())]
    KeyExposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is no revocation list, and the settings do not say that there need be none.
    #[error("there is no revocation list {}: a certificate that was revoked would be taken", path.display())]
    NoRevocations {
        /// Where it would be.
        path: PathBuf,
    },
    /// The key does not belong to the certificate.
    #[error("the key {} does not belong to the certificate {}", key.display(), certificate.display())]
    KeyMismatch {
        /// The key file.
        key: PathBuf,
        /// The certificate file.
        certificate: PathBuf,
    },
    /// A root or key stands where a new one would be written.
    #[error("{} exists already", path.display())]
    AlreadyThere {
        /// The file that would be overwritten.
        path: PathBuf,
    },
    /// Another process works on the same authority.
    #[error("another process is using the authority in {}", path.display())]
    AuthorityBusy {
        /// The authority's folder.
        path: PathBuf,
    },
    /// A federation name or kind is not valid.
    #[error("{text:?} is not a valid {what}: {rule}")]
    NameInvalid {
        /// What was being named.
        what: &'static str,
        /// The refused text.
        text: String,
        /// The rule it breaks.
        rule: String,
    },
    /// The profile's lifetimes cannot be used.
    #[error("the certificate profile is not usable: {reason}")]
    ProfileInvalid {
        /// What is wrong.
        reason: String,
    },
    /// The authority's ledger does not know the certificate.
    #[error("the authority has issued no valid certificate for {what}")]
    NotIssued {
        /// The party or serial that was asked for.
        what: String,
    },
    /// A signing request cannot be signed.
    #[error("the signing request is refused: {reason}")]
    RequestRefused {
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate is refused.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The other side refuses our certificate.
    #[error("the peer refused our certificate: {reason}")]
    RefusedByPeer {
        /// What its TLS alert says.
        reason: String,
    },
    /// A signature does not hold.
    #[error("the signature of {signer} is refused: {reason}")]
    SignatureRefused {
        /// Who is said to have signed.
        signer: String,
        /// What is wrong.
        reason: String,
    },
    /// A handshake failed for another reason than a certificate.
    #[error("the TLS handshake failed: {reason}")]
    Handshake {
        /// What the TLS library says.
        reason: String,
    },
    /// An operation failed that cannot fail with sound inputs.
    #[error("{doing} failed: {reason}")]
    Internal {
        /// What was being done.
        doing: &'static str,
        /// What the library says.
        reason: String,
    },
}

impl PkiError {
    /// Reads what a TLS handshake failed of: our refusal of the peer, or the peer's of us.
    pub fn from_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(error) => Self::Refused(refusal_of(error)),
            rustls::Error::NoCertificatesPresented => Self::Refused(Refusal::Missing),
            rustls::Error::AlertReceived(alert) => Self::from_alert(u8::from(*alert)),
            other => Self::Handshake {
                reason: other.to_string(),
            },
        }
    }

    /// Reads the TLS alert with which a peer closed a link; QUIC carries it as error code `0x100 + alert`.
    pub fn from_alert(alert: u8) -> Self {
        let reason = match AlertDescription::from(alert) {
            AlertDescription::CertificateExpired => "it has expired",
            AlertDescription::CertificateRevoked => "it is revoked",
            AlertDescription::CertificateRequired => "none was presented",
            AlertDescription::UnknownCA => "it is not signed by the peer's federation root",
            AlertDescription::CertificateUnknown => {
                "the peer cannot accept its name or check its revocation"
            }
            AlertDescription::BadCertificate | AlertDescription::UnsupportedCertificate => {
                "it is not well formed"
            }
            other => {
                return Self::Handshake {
                    reason: format!("the peer closed it with alert {other:?}"),
                };
            }
        };
        Self::RefusedByPeer {
            reason: reason.to_owned(),
        }
    }

    pub(crate) fn invalid(path: &Path, reason: impl ToString) -> Self {
        Self::FileInvalid {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    pub(crate) fn internal(doing: &'static str, reason: impl ToString) -> Self {
        Self::Internal {
            doing,
            reason: reason.to_string(),
        }
    }

    fn code(&self) -> ErrorCode {
        match self {
            Self::FileUnreadable { .. } => ErrorCode::FileUnreadable,
            Self::FileUnwritable { .. } => ErrorCode::StorageFull,
            Self::AlreadyThere { .. } | Self::AuthorityBusy { .. } => ErrorCode::Conflict,
            Self::NotIssued { .. } => ErrorCode::NotFound,
            Self::FileInvalid { .. }
            | Self::KeyExposed { .. }
            | Self::NoRevocations { .. }
            | Self::KeyMismatch { .. }
            | Self::NameInvalid { .. }
            | Self::ProfileInvalid { .. } => ErrorCode::ConfigInvalid,
            Self::RequestRefused { .. }
            | Self::Refused(_)
            | Self::RefusedByPeer { .. }
            | Self::SignatureRefused { .. }
            | Self::Handshake { .. } => ErrorCode::CertificateRefused,
            Self::Internal { .. } => ErrorCode::Internal,
        }
    }

    fn next(&self) -> String {
        let hint = match self {
            Self::NoRevocations { .. } => {
                "bring revoked.crl from the federation's authority (`fedflow certs install-list`), or set revocation = \"none\" \
                 where certificates are never revoked"
            }
            Self::FileUnreadable { path, .. } => {
                return format!(
                    "check that {} exists and that this user may read it",
                    path.display()
                );
            }
            Self::KeyExposed { path, .. } => return format!("run `chmod 600 {}`", path.display()),
            Self::FileUnwritable { .. } => {
                "check the folder's permissions and the free space of its disk"
            }
            Self::FileInvalid { .. } => {
                "inspect the folder with `fedflow certs inspect` and copy the file anew"
            }
            Self::KeyMismatch { .. } => {
                "put the key and the certificate of the same issue side by side"
            }
            Self::AlreadyThere { .. } => {
                "choose another folder, or ask for replacement if the old one may be lost"
            }
            Self::AuthorityBusy { .. } => "wait until the other command has ended",
            Self::NameInvalid { .. } => "choose a name that keeps the rule",
            Self::ProfileInvalid { .. } => {
                "correct the profile; certs/profile.toml documents every field"
            }
            Self::NotIssued { .. } => "look up the party or serial in the authority's issued.toml",
            Self::RequestRefused { .. } => "make a new request at the party and send it again",
            Self::Refused(refusal) => refusal.next(),
            Self::RefusedByPeer { .. } => {
                "inspect this party's identity with `fedflow certs inspect`"
            }
            Self::SignatureRefused { .. } => "let the party sign again with its present identity",
            Self::Handshake { .. } => {
                "check that both sides run fedflow and that the address is right"
            }
            Self::Internal { .. } => "report this as a defect of fedflow",
        };
        hint.to_owned()
    }
}

impl From<PkiError> for Fault {
    fn from(error: PkiError) -> Self {
        Fault::new(error.code(), error.to_string()).next(error.next())
    }
}

/// Says in our words why the TLS library refuses a certificate.
pub(crate) fn refusal_of(error: &CertificateError) -> Refusal {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Refusal::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Refusal::NotYetValid
        }
        CertificateError::Revoked => Refusal::Revoked,
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Refusal::ForeignRoot,
        CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => Refusal::RevocationListExpired,
        CertificateError::UnknownRevocationStatus => Refusal::RevocationUnknown,
        CertificateError::Other(other) => match other.0.downcast_ref::<Refusal>() {
            Some(refusal) => refusal.clone(),
            None => Refusal::Other(other.to_string()),
        },
        other => Refusal::Other(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_every_refusal_a_code_and_a_hint() {
        let fault = Fault::from(PkiError::from(Refusal::Revoked));
        assert_eq!(fault.code, ErrorCode::CertificateRefused);
        assert!(fault.next.is_some());
        let fault = Fault::from(PkiError::KeyExposed {
            path: "identity.key".into(),
            mode: 0o644,
        });
        assert_eq!(fault.code, ErrorCode::ConfigInvalid);
        assert!(fault.message.contains("0644"), "{fault}");
        assert_eq!(fault.next.as_deref(), Some("run `chmod 600 identity.key`"));
    }

    #[test]
    fn reads_the_peers_alert_in_our_words() {
        let alert = u8::from(AlertDescription::CertificateRevoked);
        assert_eq!(
            PkiError::from_alert(alert).to_string(),
            "the peer refused our certificate: it is revoked"
        );
    }
}
