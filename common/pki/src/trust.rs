//! What a party trusts: the federation's root certificates and the revocation lists they have signed.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use vocabulary::Timestamp;
use x509_parser::asn1_rs::FromDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::error::{PkiError, Refusal, Result};
use crate::files::{self, Readers};
use crate::name::Kind;
use crate::peer::{self, PeerIdentity};
use crate::pins::Pins;
use crate::provider::provider;

/// More certificates than any chain of ours has.
const MOST_CERTIFICATES: usize = 4;

/// The roots of one federation, with their revocation lists. Cheap to clone.
#[derive(Clone)]
pub struct TrustRoots {
    federation: Arc<str>,
    roots: Arc<[CertificateDer<'static>]>,
    lists: Arc<[CertificateRevocationListDer<'static>]>,
    revocations_until: Option<Timestamp>,
    pins: Pins,
    pub(crate) client: Arc<dyn ClientCertVerifier>,
    pub(crate) server: Arc<WebPkiServerVerifier>,
}

impl fmt::Debug for TrustRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustRoots")
            .field("federation", &self.federation)
            .field("roots", &self.roots.len())
            .finish()
    }
}

impl TrustRoots {
    /// Reads root certificates and, if there is such a file, revocation lists; several of each may stand in one file
    /// while a federation changes its root. Every list must be signed by one of the roots.
    pub fn load(root_path: &Path, revoked_path: Option<&Path>) -> Result<Self> {
        let roots = certificates(root_path)?;
        let federation = federation_of(root_path, &roots)?;
        let (mut lists, mut until) = (Vec::new(), None);
        if let Some(path) = revoked_path {
            lists = revocation_lists(path)?;
            until = Some(check_lists(path, &lists, &roots)?);
        }
        let mut store = RootCertStore::empty();
        for root in &roots {
            store
                .add(root.clone())
                .map_err(|error| PkiError::invalid(root_path, error))?;
        }
        let store = Arc::new(store);
        let mut client = WebPkiClientVerifier::builder_with_provider(store.clone(), provider())
            .with_crls(lists.clone());
        let mut server =
            WebPkiServerVerifier::builder_with_provider(store, provider()).with_crls(lists.clone());
        // Without this an expired list would still count, and who withholds new lists could keep a revoked peer alive.
        client = client.enforce_revocation_expiration();
        server = server.enforce_revocation_expiration();
        let failed =
            |error: rustls::server::VerifierBuilderError| PkiError::invalid(root_path, error);
        Ok(Self {
            federation: federation.into(),
            roots: roots.into(),
            lists: lists.into(),
            revocations_until: until,
            pins: Pins::default(),
            client: client.build().map_err(failed)?,
            server: server.build().map_err(failed)?,
        })
    }

    /// The federation's name, as its root certificate gives it.
    pub fn federation(&self) -> &str {
        &self.federation
    }

    /// The root certificates, DER.
    pub fn roots(&self) -> &[CertificateDer<'static>] {
        &self.roots
    }

    /// The moment at which the first revocation list expires and every peer is refused; none without a list.
    pub fn revocations_until(&self) -> Option<Timestamp> {
        self.revocations_until
    }

    /// The keys that are pinned: shared by every clone, and kept over a reload of the identity.
    pub fn pins(&self) -> &Pins {
        &self.pins
    }

    /// The same trust with the pins of an earlier one.
    pub(crate) fn sharing_pins(self, pins: Pins) -> Self {
        Self { pins, ..self }
    }

    /// Verifies a chain at a moment: root, dates, revocation, name; says whose it is.
    pub fn check_chain(
        &self,
        chain: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<PeerIdentity> {
        let (leaf, rest) = chain.split_first().ok_or(Refusal::Missing)?;
        if chain.len() > MOST_CERTIFICATES {
            return Err(
                Refusal::Other(format!("it comes with {} certificates", chain.len())).into(),
            );
        }
        let micros = u64::try_from(now.0).unwrap_or(0);
        let now = UnixTime::since_unix_epoch(Duration::from_micros(micros));
        self.client
            .verify_client_cert(leaf, rest, now)
            .map_err(|error| PkiError::from_tls(&error))?;
        Ok(self.member(chain)?)
    }

    /// Reads whom a verified chain names; refuses other federations, and a pinned party with another key.
    pub(crate) fn member(&self, chain: &[CertificateDer<'_>]) -> Result<PeerIdentity, Refusal> {
        let peer = peer::peer_of(chain).map_err(|error| match error {
            PkiError::Refused(refusal) => refusal,
            other => Refusal::Other(other.to_string()),
        })?;
        if peer.federation != *self.federation {
            return Err(Refusal::OtherFederation {
                expected: self.federation.to_string(),
                found: peer.federation,
            });
        }
        if peer.kind == Kind::Agent && !self.pins.allow(&peer.party, &peer.public_key_sec1) {
            return Err(Refusal::OtherKey { party: peer.party });
        }
        Ok(peer)
    }

    /// Which root has signed a certificate, whatever its dates.
    pub(crate) fn signer_of(
        &self,
        certificate: &X509Certificate<'_>,
    ) -> Option<&CertificateDer<'static>> {
        self.roots.iter().find(|root| {
            peer::parse(root).is_ok_and(|root| {
                root.subject() == certificate.issuer()
                    && certificate
                        .verify_signature(Some(root.public_key()))
                        .is_ok()
            })
        })
    }

    /// Whether a list of the certificate's issuer names it; none without such a list.
    pub(crate) fn is_revoked(&self, certificate: &X509Certificate<'_>) -> Option<bool> {
        let mut answer = None;
        for list in self.lists.iter() {
            let Ok((_, list)) = CertificateRevocationList::from_der(list) else {
                continue;
            };
            if list.issuer() == certificate.issuer() {
                let serial = peer::serial_of(certificate);
                let named = list
                    .iter_revoked_certificates()
                    .any(|entry| peer::hex_of_number(entry.raw_serial()) == serial);
                answer = Some(named || answer.unwrap_or(false));
            }
        }
        answer
    }
}

/// Puts a newer revocation list into a party's folder, after checking that the folder's root has signed it and that it
/// is not older than the one there. Reload the identity afterwards.
pub fn install_revocations(dir: &Path, pem: &str) -> Result<()> {
    let path = dir.join(files::REVOKED);
    let roots = certificates(&dir.join(files::ROOT))?;
    let fresh = parse_lists(&path, pem.as_bytes())?;
    check_lists(&path, &fresh, &roots)?;
    if path.exists() {
        for old in revocation_lists(&path)? {
            let newer = fresh.iter().any(|fresh| supersedes(fresh, &old));
            if !newer {
                return Err(PkiError::invalid(
                    &path,
                    "the list offered is older than the one in place",
                ));
            }
        }
    }
    files::write(&path, pem.as_bytes(), Readers::Everyone)
}

/// Reads the certificates of a PEM file; at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let bytes = files::read(path)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match read {
        Ok(certificates) if certificates.is_empty() => {
            Err(PkiError::invalid(path, "it holds no certificate"))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(PkiError::invalid(path, error)),
    }
}

fn revocation_lists(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>> {
    parse_lists(path, &files::read(path)?)
}

fn parse_lists(path: &Path, bytes: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>> {
    let read: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(bytes).collect();
    match read {
        Ok(lists) if lists.is_empty() => {
            Err(PkiError::invalid(path, "it holds no revocation list"))
        }
        Ok(lists) => Ok(lists),
        Err(error) => Err(PkiError::invalid(path, error)),
    }
}

/// Every list must be of a root, and every root must have a list; gives the moment the first one expires.
fn check_lists(
    path: &Path,
    lists: &[CertificateRevocationListDer<'_>],
    roots: &[CertificateDer<'_>],
) -> Result<Timestamp> {
    let roots: Result<Vec<_>, _> = roots.iter().map(peer::parse).collect();
    let roots = roots.map_err(|reason| PkiError::invalid(path, reason))?;
    let mut covered = vec![false; roots.len()];
    let mut until = Timestamp(i64::MAX);
    for list in lists {
        let (_, list) = CertificateRevocationList::from_der(list)
            .map_err(|error| PkiError::invalid(path, error))?;
        let signer = roots.iter().position(|root| {
            root.subject() == list.issuer() && list.verify_signature(root.public_key()).is_ok()
        });
        match signer.and_then(|at| covered.get_mut(at)) {
            Some(covered) => *covered = true,
            None => {
                return Err(PkiError::invalid(
                    path,
                    "a revocation list is not signed by a root in root.pem",
                ));
            }
        }
        let next = list
            .next_update()
            .ok_or_else(|| PkiError::invalid(path, "a revocation list has no next update"))?;
        until = until.min(peer::moment(next));
    }
    if covered.contains(&false) {
        return Err(PkiError::invalid(
            path,
            "a root in root.pem has no revocation list",
        ));
    }
    Ok(until)
}

fn supersedes(
    fresh: &CertificateRevocationListDer<'_>,
    old: &CertificateRevocationListDer<'_>,
) -> bool {
    let (Ok((_, fresh)), Ok((_, old))) = (
        CertificateRevocationList::from_der(fresh),
        CertificateRevocationList::from_der(old),
    ) else {
        return false;
    };
    fresh.issuer() == old.issuer() && fresh.crl_number() >= old.crl_number()
}

/// The name all roots of a file agree on: the organisation in their subject.
fn federation_of(path: &Path, roots: &[CertificateDer<'_>]) -> Result<String> {
    let mut federation = None;
    for root in roots {
        let root = peer::parse(root).map_err(|reason| PkiError::invalid(path, reason))?;
        let name = root
            .subject()
            .iter_organization()
            .next()
            .and_then(|name| name.as_str().ok())
            .unwrap_or_default();
        crate::name::check_federation(name).map_err(|_| {
            PkiError::invalid(path, "a root certificate does not name a federation")
        })?;
        if federation.as_deref().is_some_and(|other| other != name) {
            return Err(PkiError::invalid(
                path,
                "it holds roots of different federations",
            ));
        }
        federation = Some(name.to_owned());
    }
    federation.ok_or_else(|| PkiError::invalid(path, "it holds no certificate"))
}
