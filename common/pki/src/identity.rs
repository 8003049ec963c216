//! A party's own identity: its certificate chain and key, and the roots it trusts, loaded from files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use vocabulary::{PartyId, Timestamp};

use crate::error::{PkiError, Result};
use crate::files;
use crate::name::Kind;
use crate::peer::{self, PeerIdentity};
use crate::provider::provider;
use crate::scalar::SecretScalar;
use crate::trust::{self, TrustRoots};

/// Where the parts of an identity are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFiles {
    /// The certificate chain, PEM, leaf first.
    pub certificate: PathBuf,
    /// The key, PEM, readable by its owner only.
    pub key: PathBuf,
    /// The federation's root certificates, PEM.
    pub roots: PathBuf,
    /// The revocation lists, PEM; `None` checks no revocation.
    pub revoked: Option<PathBuf>,
}

impl IdentityFiles {
    /// The usual names in a folder; `revoked.crl` counts if it is there.
    pub fn in_dir(dir: &Path) -> Self {
        let revoked = dir.join(files::REVOKED);
        Self {
            certificate: dir.join(files::IDENTITY),
            key: dir.join(files::IDENTITY_KEY),
            roots: dir.join(files::ROOT),
            revoked: revoked.exists().then_some(revoked),
        }
    }
}

/// Whether a daemon needs a revocation list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revocation {
    /// Without one it does not start.
    #[default]
    Required,
    /// One that is there counts, and without one whoever has a certificate is taken until it ends.
    None,
}

/// A party's certificate, key and trust. Cheap to clone; the key is wiped with the last clone and never printed.
#[derive(Clone)]
pub struct Identity {
    files: IdentityFiles,
    peer: PeerIdentity,
    trust: TrustRoots,
    pub(crate) certified: Arc<CertifiedKey>,
    scalar: Arc<SecretScalar>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("name", &self.peer.name().uri())
            .field("serial", &self.peer.serial)
            .finish()
    }
}

impl AsRef<TrustRoots> for Identity {
    fn as_ref(&self) -> &TrustRoots {
        &self.trust
    }
}

impl AsRef<TrustRoots> for TrustRoots {
    fn as_ref(&self) -> &TrustRoots {
        self
    }
}

impl Identity {
    /// Loads the identity in a folder, as an authority writes it.
    pub fn load(dir: &Path) -> Result<Self> {
        Self::load_files(IdentityFiles::in_dir(dir))
    }

    /// Loads the identity of a daemon: as [`Identity::load`], and refuses to be without a revocation list unless told.
    pub fn load_for_daemon(dir: &Path, revocation: Revocation) -> Result<Self> {
        let files = IdentityFiles::in_dir(dir);
        if files.revoked.is_none() && revocation == Revocation::Required {
            return Err(PkiError::NoRevocations {
                path: dir.join(files::REVOKED),
            });
        }
        Self::load_files(files)
    }

    /// Loads an identity from files of any names.
    ///
    /// Refuses a key that others can read, a key of another certificate, a certificate that no root has signed, and one
    /// of another federation. Dates and revocation are judged by every peer at every handshake, and by
    /// [`crate::inspect()`] on demand.
    pub fn load_files(files: IdentityFiles) -> Result<Self> {
        let trust = TrustRoots::load(&files.roots, files.revoked.as_deref())?;
        let chain = trust::certificates(&files.certificate)?;
        let peer = trust
            .member(&chain)
            .map_err(|refusal| PkiError::invalid(&files.certificate, refusal))?;
        let leaf = chain.first().ok_or(crate::Refusal::Missing)?;
        let parsed =
            peer::parse(leaf).map_err(|reason| PkiError::invalid(&files.certificate, reason))?;
        if trust.signer_of(&parsed).is_none() {
            return Err(crate::Refusal::ForeignRoot.into());
        }
        // The key last: it is in memory only where everything else fits.
        let (certified, scalar) = load_key(&files, chain)?;
        Ok(Self {
            files,
            peer,
            trust,
            certified: Arc::new(certified),
            scalar: Arc::new(scalar),
        })
    }

    /// Reads the same files again, after a renewal or a new revocation list; the name must be the same.
    pub fn reload(&self) -> Result<Self> {
        let mut files = self.files.clone();
        let revoked = files.roots.with_file_name(files::REVOKED);
        // A list that came after the start counts from the next look on, without a restart.
        if files.revoked.is_none() && revoked.exists() {
            files.revoked = Some(revoked);
        }
        let mut fresh = Self::load_files(files)?;
        if fresh.peer.name() != self.peer.name() {
            let reason = format!(
                "it now names {}, not {}",
                fresh.peer.name().uri(),
                self.peer.name().uri()
            );
            return Err(PkiError::invalid(&self.files.certificate, reason));
        }
        // Pins are the owner's, not the files': a reload must not let an unpinned key in.
        fresh.trust = fresh.trust.sharing_pins(self.trust.pins().clone());
        Ok(fresh)
    }

    /// The party this identity is of.
    pub fn party(&self) -> &PartyId {
        &self.peer.party
    }

    /// What this identity may act as.
    pub fn kind(&self) -> Kind {
        self.peer.kind
    }

    /// The federation's name.
    pub fn federation(&self) -> &str {
        &self.peer.federation
    }

    /// SHA-256 of the certificate, hex.
    pub fn fingerprint(&self) -> &str {
        &self.peer.fingerprint
    }

    /// The last moment the certificate is valid.
    pub fn not_after(&self) -> Timestamp {
        self.peer.not_after
    }

    /// The certificate as peers see it.
    pub fn as_peer(&self) -> &PeerIdentity {
        &self.peer
    }

    /// The certificate chain, DER, leaf first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.peer.chain
    }

    /// The roots and revocation lists this identity trusts.
    pub fn trust(&self) -> &TrustRoots {
        &self.trust
    }

    /// Where it was loaded from.
    pub fn files(&self) -> &IdentityFiles {
        &self.files
    }

    /// The P-256 public key as an uncompressed SEC1 point, for those who seal to this party.
    pub fn public_key_sec1(&self) -> [u8; 65] {
        self.peer.public_key_sec1
    }

    /// The secret half, for opening what is sealed to this party.
    pub fn secret_scalar(&self) -> SecretScalar {
        SecretScalar::clone(&self.scalar)
    }
}

fn load_key(
    files: &IdentityFiles,
    chain: Vec<CertificateDer<'static>>,
) -> Result<(CertifiedKey, SecretScalar)> {
    let pem = files::read_key(&files.key)?;
    let invalid = |reason: String| PkiError::invalid(&files.key, reason);
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| invalid(error.to_string()))?;
    let key = zeroize::Zeroizing::new(key);
    let scalar = SecretScalar::from_key(&key).map_err(invalid)?;
    // The provider wipes the copy it is given.
    let signing = provider()
        .key_provider
        .load_private_key(key.clone_key())
        .map_err(|error| invalid(error.to_string()))?;
    let certified = CertifiedKey::new(chain, signing);
    certified.keys_match().map_err(|_| PkiError::KeyMismatch {
        key: files.key.clone(),
        certificate: files.certificate.clone(),
    })?;
    Ok((certified, scalar))
}

#[cfg(test)]
mod tests;
