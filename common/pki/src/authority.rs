//! The authority of a federation: makes its root, issues, renews and revokes. Runs where the root key is, never in a
//! daemon.

mod template;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{Issuer, PublicKeyData};
use vocabulary::{Clock, PartyId, SystemClock, Timestamp};

use crate::error::{PkiError, Result};
use crate::files::{self, Existing, Readers};
use crate::key::LeafKey;
use crate::ledger::{IssuedRecord, Ledger, Revocation, RevocationReason, Target};
use crate::name::{Kind, PeerName, check_federation};
use crate::peer;
use crate::profile::{Profile, Validity};
use crate::request;
use template::RootKey;

/// How to issue, where it differs from the profile.
#[derive(Debug, Clone, Copy, Default)]
pub struct IssueOptions {
    /// Another validity than the profile's; it never reaches beyond the root's.
    pub validity: Option<Validity>,
    /// What to do where a key stands already.
    pub existing: Existing,
}

/// What issuing gives: everything a party needs beside its key. None of it is secret.
#[derive(Debug, Clone)]
pub struct Issuance {
    /// The entry in the ledger.
    pub record: IssuedRecord,
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// The federation root, PEM.
    pub root_pem: String,
    /// The newest revocation list, PEM.
    pub revoked_pem: String,
}

impl Issuance {
    /// Writes `identity.pem`, `root.pem` and `revoked.crl`; the key is not here.
    pub fn write_to(&self, dir: &Path) -> Result<()> {
        files::make_dir(dir)?;
        files::write(
            &dir.join(files::ROOT),
            self.root_pem.as_bytes(),
            Readers::Everyone,
        )?;
        files::write(
            &dir.join(files::REVOKED),
            self.revoked_pem.as_bytes(),
            Readers::Everyone,
        )?;
        files::write(
            &dir.join(files::IDENTITY),
            self.certificate_pem.as_bytes(),
            Readers::Everyone,
        )
    }
}

/// The holder of a federation's root key, with its ledger. Holds a lock on its folder while it lives.
pub struct Authority {
    dir: PathBuf,
    profile: Profile,
    ledger: Ledger,
    issuer: Issuer<'static, RootKey>,
    root_pem: String,
    root_until: Timestamp,
    clock: Arc<dyn Clock>,
    _lock: File,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("dir", &self.dir)
            .field("federation", &self.ledger.federation)
            .finish()
    }
}

impl Authority {
    /// Makes a federation root in a folder that holds none: `root.pem`, `root.key` (mode 0600), an empty `revoked.crl`,
    /// `issued.toml` and the profile.
    pub fn init(dir: &Path, federation: &str, profile: &Profile) -> Result<Self> {
        for file in [files::ROOT, files::ROOT_KEY, files::ISSUED] {
            files::must_not_exist(dir.join(file))?;
        }
        Self::replace(dir, federation, profile)
    }

    /// Like [`Authority::init`], but forgets the root, key and ledger that are there.
    pub fn replace(dir: &Path, federation: &str, profile: &Profile) -> Result<Self> {
        check_federation(federation)?;
        profile.check()?;
        files::make_dir(dir)?;
        let lock = lock(dir)?;
        let validity = profile.validity(SystemClock.now(), profile.root_days);
        let (root_pem, key_pem) = template::root(federation, validity)?;
        let ledger = Ledger {
            federation: federation.to_owned(),
            crl_number: 0,
            certificates: Vec::new(),
        };
        let profile_text = toml::to_string_pretty(profile)
            .map_err(|error| PkiError::internal("writing the profile", error))?;
        files::write(
            &dir.join(files::ROOT_KEY),
            key_pem.as_bytes(),
            Readers::Owner,
        )?;
        files::write(
            &dir.join(files::ROOT),
            root_pem.as_bytes(),
            Readers::Everyone,
        )?;
        files::write(
            &dir.join(files::PROFILE),
            profile_text.as_bytes(),
            Readers::Everyone,
        )?;
        ledger.save(&dir.join(files::ISSUED))?;
        let mut authority = Self::assemble(dir, lock)?;
        authority.refresh_revocations()?;
        Ok(authority)
    }

    /// Opens the authority in a folder.
    pub fn open(dir: &Path) -> Result<Self> {
        // Before the lock file: opening must not leave anything in a folder that is no authority.
        files::read(&dir.join(files::ROOT))?;
        let lock = lock(dir)?;
        Self::assemble(dir, lock)
    }

    fn assemble(dir: &Path, lock: File) -> Result<Self> {
        let root_path = dir.join(files::ROOT);
        let root_pem = files::read_text(&root_path)?;
        let (issuer, root_until) =
            template::open_root(&root_path, &root_pem, &dir.join(files::ROOT_KEY))?;
        let profile_path = dir.join(files::PROFILE);
        let profile = if profile_path.exists() {
            Profile::load(&profile_path)?
        } else {
            Profile::default()
        };
        let ledger = Ledger::load(&dir.join(files::ISSUED))?;
        let clock = Arc::new(SystemClock);
        Ok(Self {
            dir: dir.to_owned(),
            profile,
            ledger,
            issuer,
            root_pem,
            root_until,
            clock,
            _lock: lock,
        })
    }

    /// Takes the present moment from another clock from now on.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The federation's name.
    pub fn federation(&self) -> &str {
        &self.ledger.federation
    }

    /// Everything ever issued, oldest first.
    pub fn issued(&self) -> &[IssuedRecord] {
        &self.ledger.certificates
    }

    /// Makes a key and a certificate for a party into a folder: `identity.key` (mode 0600), `identity.pem`, `root.pem`,
    /// `revoked.crl`. For production let the party make its key with [`crate::request()`].
    pub fn issue(
        &mut self,
        party: &PartyId,
        kind: Kind,
        out_dir: &Path,
        options: &IssueOptions,
    ) -> Result<Issuance> {
        let key_path = out_dir.join(files::IDENTITY_KEY);
        if options.existing == Existing::Refuse {
            files::must_not_exist(key_path.clone())?;
            files::must_not_exist(out_dir.join(files::IDENTITY))?;
        }
        let key = LeafKey::generate()?;
        let issued = self.certify(key.pair(), party, kind, options.validity)?;
        // Only after the certificate stands in the ledger, so that a failure leaves no key without
        // one.
        files::make_dir(out_dir)?;
        files::write(&key_path, key.pem().as_bytes(), Readers::Owner)?;
        issued.write_to(out_dir)?;
        Ok(issued)
    }

    /// Signs a request that a party has made with [`crate::request()`]; its key must be P-256 and its subject must name
    /// the same party and kind. Write the result with [`Issuance::write_to`] and send the folder back.
    pub fn sign_request(
        &mut self,
        request_pem: &str,
        party: &PartyId,
        kind: Kind,
        validity: Option<Validity>,
    ) -> Result<Issuance> {
        let public_key = request::read(request_pem, party, kind)?;
        self.certify(&public_key, party, kind, validity)
    }

    /// Gives the owner of `dir/identity.pem` a new key and certificate of the same name, in the same folder.
    ///
    /// The old certificate stays valid until it expires; revoke it by its serial if its key may be known.
    pub fn renew(&mut self, dir: &Path, validity: Option<Validity>) -> Result<Issuance> {
        let path = dir.join(files::IDENTITY);
        let leaf = crate::trust::certificates(&path)?;
        let peer = peer::peer_of(&leaf)?;
        let known = self
            .ledger
            .certificates
            .iter()
            .find(|record| record.fingerprint == peer.fingerprint);
        match known {
            Some(record) if record.revoked.is_none() => {}
            _ => {
                return Err(PkiError::NotIssued {
                    what: format!("serial {} of party {}", peer.serial, peer.party),
                });
            }
        }
        let options = IssueOptions {
            validity,
            existing: Existing::Replace,
        };
        self.issue(&peer.party, peer.kind, dir, &options)
    }

    /// Revokes and writes a new `revoked.crl`; gives the serials that are newly revoked. Every party needs the new list.
    pub fn revoke(&mut self, target: &Target, reason: RevocationReason) -> Result<Vec<String>> {
        let mut ledger = self.ledger.clone();
        let serials = ledger.revoke(
            target,
            &Revocation {
                at: self.clock.now(),
                reason,
            },
        )?;
        // The ledger before the list: a crash between them leaves a revocation that the next list
        // has, never one that is forgotten.
        ledger.save(&self.dir.join(files::ISSUED))?;
        self.ledger = ledger;
        self.refresh_revocations()?;
        Ok(serials)
    }

    /// Writes a new `revoked.crl` with a new date; to be done before the old one expires, even when nothing is revoked.
    pub fn refresh_revocations(&mut self) -> Result<()> {
        // Saved before the list is signed: a number must not come twice, since newer lists are told
        // from older ones by it.
        self.ledger.crl_number = self.ledger.crl_number.saturating_add(1);
        self.ledger.save(&self.dir.join(files::ISSUED))?;
        let validity = self
            .profile
            .validity(self.clock.now(), self.profile.crl_days);
        let list = template::revocations(&self.ledger, validity, &self.issuer)?;
        files::write(
            &self.dir.join(files::REVOKED),
            list.as_bytes(),
            Readers::Everyone,
        )
    }

    /// The newest revocation list, PEM, for [`crate::install_revocations`] at the parties.
    pub fn revocations_pem(&self) -> Result<String> {
        files::read_text(&self.dir.join(files::REVOKED))
    }

    fn certify(
        &mut self,
        key: &impl PublicKeyData,
        party: &PartyId,
        kind: Kind,
        validity: Option<Validity>,
    ) -> Result<Issuance> {
        let name = PeerName {
            federation: self.ledger.federation.clone(),
            kind,
            party: party.clone(),
        };
        let mut validity = validity.unwrap_or_else(|| {
            self.profile
                .validity(self.clock.now(), self.profile.leaf_days)
        });
        // A certificate that outlives its root would fail on a day that nobody had noted.
        validity.not_after = validity.not_after.min(self.root_until);
        if validity.not_after <= validity.not_before {
            let reason =
                "the certificate would end before it begins; has the root expired".to_owned();
            return Err(PkiError::ProfileInvalid { reason });
        }
        let certificate = template::leaf(&name, validity)?
            .signed_by(key, &self.issuer)
            .map_err(|error| PkiError::internal("signing a certificate", error))?;
        let peer = peer::peer_of(std::slice::from_ref(certificate.der()))?;
        let record = IssuedRecord {
            serial: peer.serial,
            party: peer.party,
            kind,
            not_before: validity.not_before,
            not_after: peer.not_after,
            fingerprint: peer.fingerprint,
            revoked: None,
        };
        // The ledger first: a certificate that is out must be revocable.
        self.ledger.certificates.push(record.clone());
        self.ledger.save(&self.dir.join(files::ISSUED))?;
        Ok(Issuance {
            record,
            certificate_pem: certificate.pem(),
            root_pem: self.root_pem.clone(),
            revoked_pem: self.revocations_pem()?,
        })
    }
}

/// Reads the root and its key in a folder and says what is wrong with them.
pub(crate) fn check_root(dir: &Path) -> Result<()> {
    let path = dir.join(files::ROOT);
    template::open_root(&path, &files::read_text(&path)?, &dir.join(files::ROOT_KEY)).map(|_| ())
}

fn lock(dir: &Path) -> Result<File> {
    let path = dir.join(files::LOCK);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = file.map_err(|source| PkiError::FileUnwritable {
        path: path.clone(),
        source,
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(PkiError::AuthorityBusy {
            path: dir.to_owned(),
        }),
        Err(std::fs::TryLockError::Error(source)) => Err(PkiError::FileUnwritable { path, source }),
    }
}

#[cfg(test)]
mod tests;
