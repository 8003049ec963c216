//! Certificates, revocation lists, signed bytes and requests for certificates, as a stranger may present them.

use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};

use pki::{
    Authority, Kind, Profile, TrustRoots, inspect, install_revocations, peer_of, public_key_of_pem,
    public_key_pem, verify_signed,
};
use rustls_pki_types::CertificateDer;
use tempfile::TempDir;
use vocabulary::{PartyId, SignedBytes, Timestamp};

use crate::choose;

/// A federation of its own, whose root and one certificate stand in `seeds/certificates`.
pub const FEDERATION: &str = "fuzz";
/// The party of that certificate.
pub const PARTY: &str = "9999";
/// A moment at which it is valid.
pub const NOW: Timestamp = Timestamp(1_900_000_000_000_000);
/// What stands before the signed bytes.
pub const CONTEXT: &str = "fuzz v1";

/// The root whose key nobody has.
pub const ROOT: &str = include_str!("root.pem");

struct Place {
    folder: TempDir,
    trust: TrustRoots,
    authority: Mutex<Authority>,
}

static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("root.pem"), ROOT).expect("written");
    let trust = TrustRoots::load(&folder.path().join("root.pem"), None).expect("a root");
    let own = Authority::init(
        &folder.path().join("authority"),
        FEDERATION,
        &Profile::default(),
    );
    Place {
        trust,
        authority: Mutex::new(own.expect("an authority")),
        folder,
    }
});

fn party() -> PartyId {
    PartyId::new(PARTY).expect("a party")
}

/// Whoever the root vouches for is the one whom it has vouched for.
fn certificate(bytes: &[u8]) {
    let chain = [CertificateDer::from(bytes)];
    let named = peer_of(&chain);
    if let Ok(peer) = PLACE.trust.check_chain(&chain, NOW) {
        assert_eq!(peer.party, party(), "a stranger is taken for a member");
        assert_eq!(peer.federation, FEDERATION);
        assert_eq!(named.expect("named").party, peer.party);
    }
}

fn file(name: &str) -> PathBuf {
    PLACE.folder.path().join(name)
}

/// A file of certificates that a person looks at.
fn looked_at(bytes: &[u8]) {
    // One file for each thread: tests of other targets may run beside.
    let name = file(&format!("{:?}.pem", std::thread::current().id()));
    std::fs::write(&name, bytes).expect("written");
    if let Ok(facts) = inspect(&name) {
        assert!(!facts.is_empty());
    }
}

/// The target.
pub fn run(bytes: &[u8]) {
    let Some((way, bytes)) = choose(bytes, 6) else {
        return;
    };
    let text = String::from_utf8_lossy(bytes);
    match way {
        0 => certificate(bytes),
        1 => looked_at(bytes),
        2 => {
            let installed = install_revocations(PLACE.folder.path(), &text);
            assert!(
                installed.is_err(),
                "took a list that the root has not signed"
            );
        }
        3 => {
            if let Ok(signed) = rmp_serde::from_slice::<SignedBytes>(bytes)
                && let Ok(signer) = verify_signed(&signed, CONTEXT, &PLACE.trust, NOW)
            {
                assert_eq!(
                    (signer.party, signed.bytes.as_slice()),
                    (party(), b"signed".as_slice())
                );
            }
        }
        4 => {
            if let Some(key) = public_key_of_pem(&text) {
                assert_eq!(public_key_of_pem(&public_key_pem(&key)), Some(key));
            }
        }
        _ => {
            let mut authority = PLACE.authority.lock().expect("no panic before");
            if let Ok(issued) = authority.sign_request(&text, &party(), Kind::Agent, None) {
                drop(issued);
                assert!(text.contains("CERTIFICATE REQUEST"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without this the target would try nothing but refusals.
    #[test]
    fn the_seeds_are_taken() {
        let seed =
            |name: &str| std::fs::read(format!("seeds/certificates/{name}")).expect("a seed");
        let leaf = seed("leaf").split_off(1);
        let chain = [CertificateDer::from(leaf)];
        let peer = PLACE.trust.check_chain(&chain, NOW).expect("a member");
        assert_eq!(peer.party, party());
        let signed: SignedBytes = rmp_serde::from_slice(&seed("signed")[1..]).expect("read");
        verify_signed(&signed, CONTEXT, &PLACE.trust, NOW).expect("signed by a member");
    }
}
