//! Loading identities: what is taken, and what is refused with which words.

use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use vocabulary::{ErrorCode, Fault};

use super::*;
use crate::trial::{Federation, party};

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
        .collect()
}

#[test]
fn hands_out_the_two_halves_of_one_key() {
    let mut banks = Federation::new("banks");
    let a = banks.member("9999", Kind::Agent);
    // The key library refuses a PKCS#8 key whose public half does not belong to the scalar.
    let assemble = |scalar: &[u8], point: &[u8]| {
        let mut der =
            bytes("308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420");
        der.extend_from_slice(scalar);
        der.extend(bytes("a144034200"));
        der.extend_from_slice(point);
        let sec1 = PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(der[27 + 2..].to_vec()));
        let from_sec1 = SecretScalar::from_key(&sec1).expect("the inner key alone");
        assert_eq!(from_sec1.as_bytes().as_slice(), scalar);
        provider()
            .key_provider
            .load_private_key(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der)))
    };
    assemble(a.secret_scalar().as_bytes(), &a.public_key_sec1()).expect("they belong together");
    let b = banks.member("10000", Kind::Agent);
    assemble(a.secret_scalar().as_bytes(), &b.public_key_sec1()).expect_err("they do not");
}

#[cfg(unix)]
#[test]
fn refuses_a_key_that_others_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let mut banks = Federation::new("banks");
    let a = banks.member("9999", Kind::Agent);
    for mode in [0o644, 0o640, 0o604] {
        std::fs::set_permissions(&a.files().key, std::fs::Permissions::from_mode(mode))
            .expect("chmod");
        let fault = Fault::from(a.reload().expect_err("loaded an exposed key"));
        assert_eq!(fault.code, ErrorCode::ConfigInvalid);
        assert!(fault.message.contains(&format!("{mode:04o}")), "{fault}");
        assert!(
            fault
                .next
                .as_deref()
                .is_some_and(|next| next.starts_with("run `chmod 600")),
            "{fault}"
        );
    }
    std::fs::set_permissions(&a.files().key, std::fs::Permissions::from_mode(0o400))
        .expect("chmod");
    a.reload().expect("a read-only key is fine");
}

#[test]
fn refuses_files_that_do_not_belong_together() {
    let mut banks = Federation::new("banks");
    let (a, b) = (
        banks.member("9999", Kind::Agent),
        banks.member("10000", Kind::Agent),
    );
    let mixed = IdentityFiles {
        key: b.files().key.clone(),
        ..a.files().clone()
    };
    let error = Identity::load_files(mixed).expect_err("took another's key");
    assert!(matches!(error, PkiError::KeyMismatch { .. }), "{error}");
    let shops = Federation::new("shops");
    let foreign = IdentityFiles {
        roots: shops.authority_dir().join("root.pem"),
        revoked: None,
        ..a.files().clone()
    };
    Identity::load_files(foreign).expect_err("took a foreign root");
    let imitation = Federation::new("banks");
    let same_name = IdentityFiles {
        roots: imitation.authority_dir().join("root.pem"),
        revoked: None,
        ..a.files().clone()
    };
    let error = Identity::load_files(same_name).expect_err("took a foreign root");
    assert!(
        matches!(error, PkiError::Refused(crate::Refusal::ForeignRoot)),
        "{error}"
    );
    let missing = Identity::load(&banks.dir("nobody")).expect_err("loaded nothing");
    assert_eq!(Fault::from(missing).code, ErrorCode::FileUnreadable);
    std::fs::write(&a.files().key, "no key").expect("write");
    assert_eq!(
        Fault::from(a.reload().expect_err("took noise")).code,
        ErrorCode::ConfigInvalid
    );
}

#[test]
fn reloads_a_renewal_but_never_another_name() {
    let mut banks = Federation::new("banks");
    let (a, b) = (
        banks.member("9999", Kind::Agent),
        banks.member("10000", Kind::Agent),
    );
    assert_eq!(a.reload().expect("reload").fingerprint(), a.fingerprint());
    for (from, to) in [
        (&b.files().certificate, &a.files().certificate),
        (&b.files().key, &a.files().key),
    ] {
        std::fs::copy(from, to).expect("copy");
    }
    a.reload().expect_err("became another party");
    assert_eq!(
        Identity::load(&banks.dir("agent-9999"))
            .expect("load")
            .party(),
        &party("10000")
    );
}

#[test]
fn shows_a_name_but_never_a_key() {
    let mut banks = Federation::new("banks");
    let a = banks.member("9999", Kind::Agent);
    let shown = format!("{a:?}");
    assert!(shown.contains("fedflow://banks/agent/9999"), "{shown}");
    let key: String = a
        .secret_scalar()
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert!(
        !shown.contains(&key[..16]) && !shown.contains("scalar"),
        "{shown}"
    );
}
