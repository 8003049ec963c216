//! What an authority writes, refuses to overwrite, signs and revokes.

use std::slice::from_ref;

use rcgen::{CertificateParams, KeyPair, SanType};
use rustls_pki_types::CertificateDer;

use super::*;
use crate::error::Refusal;
use crate::identity::Identity;
use crate::peer::peer_of;
use crate::trial::{Federation, party};
use crate::trust::{TrustRoots, install_revocations};

const DAY_MILLIS: i64 = 86_400_000;

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).expect("file").permissions().mode() & 0o777
}

#[cfg(unix)]
#[test]
fn writes_keys_that_only_their_owner_can_read() {
    let mut banks = Federation::new("banks");
    banks.member("9999", Kind::Agent);
    assert_eq!(mode(&banks.authority_dir().join("root.key")), 0o600);
    assert_eq!(mode(&banks.dir("agent-9999").join("identity.key")), 0o600);
    crate::request(
        &party("1"),
        Kind::Agent,
        &banks.dir("asked"),
        Existing::Refuse,
    )
    .expect("request");
    assert_eq!(mode(&banks.dir("asked").join("identity.key")), 0o600);
}

#[test]
fn overwrites_no_root_and_no_key_unless_asked() {
    let mut banks = Federation::new("banks");
    banks.member("9999", Kind::Agent);
    let profile = Profile::default();
    let error =
        Authority::init(&banks.authority_dir(), "banks", &profile).expect_err("overwritten");
    assert!(matches!(error, PkiError::AlreadyThere { .. }), "{error}");
    let dir = banks.dir("agent-9999");
    let before = std::fs::read(dir.join("identity.key")).expect("key");
    let issue = |authority: &mut Authority, existing| {
        let options = IssueOptions {
            existing,
            ..IssueOptions::default()
        };
        authority.issue(&party("9999"), Kind::Agent, &dir, &options)
    };
    issue(&mut banks.authority, Existing::Refuse).expect_err("overwritten");
    crate::request(&party("9999"), Kind::Agent, &dir, Existing::Refuse).expect_err("overwritten");
    assert_eq!(
        std::fs::read(dir.join("identity.key")).expect("key"),
        before
    );
    issue(&mut banks.authority, Existing::Replace).expect("replaced");
    assert_ne!(
        std::fs::read(dir.join("identity.key")).expect("key"),
        before
    );
}

#[test]
fn remembers_what_it_issued_and_lets_one_process_in_at_a_time() {
    let mut banks = Federation::new("banks");
    let (a, b) = (
        banks.member("9999", Kind::Agent),
        banks.member("10000", Kind::User),
    );
    let dir = banks.authority_dir();
    let busy = Authority::open(&dir).expect_err("opened twice");
    assert!(matches!(busy, PkiError::AuthorityBusy { .. }), "{busy}");
    let issued = banks.authority.issued().to_vec();
    let lasts = issued[0].not_after.millis_since(SystemClock.now()) / DAY_MILLIS;
    assert!((396..=397).contains(&lasts), "{lasts} days");
    let dir_kept = banks.close();
    let again = Authority::open(&dir).expect("open");
    assert_eq!(
        (again.federation(), again.issued()),
        ("banks", issued.as_slice())
    );
    assert_eq!(
        issued
            .iter()
            .map(|r| r.fingerprint.as_str())
            .collect::<Vec<_>>(),
        [a.fingerprint(), b.fingerprint()]
    );
    assert!(issued.iter().all(|record| record.serial.len() == 32));
    drop(dir_kept);
}

#[test]
fn signs_a_request_whose_key_stays_at_the_party() {
    let mut banks = Federation::new("banks");
    let dir = banks.dir("asked");
    let request =
        crate::request(&party("9999"), Kind::Agent, &dir, Existing::Refuse).expect("request");
    for (id, kind) in [("10000", Kind::Agent), ("9999", Kind::Coordinator)] {
        let error = banks
            .authority
            .sign_request(&request, &party(id), kind, None)
            .expect_err("signed");
        assert!(matches!(error, PkiError::RequestRefused { .. }), "{error}");
    }
    let issued = banks
        .authority
        .sign_request(&request, &party("9999"), Kind::Agent, None)
        .expect("sign");
    issued.write_to(&dir).expect("write");
    let identity = Identity::load(&dir).expect("load");
    assert_eq!(identity.as_peer().serial, issued.record.serial);
}

#[test]
fn renews_with_a_new_key_and_the_same_name() {
    let mut banks = Federation::new("banks");
    let old = banks.member("9999", Kind::Agent);
    let dir = banks.dir("agent-9999");
    banks.authority.renew(&dir, None).expect("renew");
    let new = old.reload().expect("reload");
    assert_eq!(new.as_peer().name(), old.as_peer().name());
    assert_ne!(new.public_key_sec1(), old.public_key_sec1());
    banks
        .authority
        .revoke(
            &Target::Serial(new.as_peer().serial.clone()),
            RevocationReason::KeyCompromise,
        )
        .expect("revoke");
    let error = banks
        .authority
        .renew(&dir, None)
        .expect_err("renewed a revoked one");
    assert!(matches!(error, PkiError::NotIssued { .. }), "{error}");
}

#[test]
fn revokes_each_certificate_once_and_only_known_ones() {
    let mut banks = Federation::new("banks");
    banks.member("9999", Kind::Agent);
    banks.member("9999", Kind::User);
    let target = Target::Party(party("9999"));
    let serials = banks
        .authority
        .revoke(&target, RevocationReason::CessationOfOperation)
        .expect("revoke");
    assert_eq!(serials.len(), 2);
    for target in [
        target,
        Target::Party(party("1")),
        Target::Serial("00".into()),
    ] {
        let error = banks
            .authority
            .revoke(&target, RevocationReason::Unspecified)
            .expect_err("revoked nothing");
        assert!(matches!(error, PkiError::NotIssued { .. }), "{error}");
    }
}

#[test]
fn takes_only_revocation_lists_of_the_own_root_and_never_an_older_one() {
    let mut banks = Federation::new("banks");
    let a = banks.member("9999", Kind::Agent);
    let dir = banks.dir("agent-9999");
    let first = banks.authority.revocations_pem().expect("list");
    banks
        .authority
        .revoke(
            &Target::Party(a.party().clone()),
            RevocationReason::Unspecified,
        )
        .expect("revoke");
    let second = banks.authority.revocations_pem().expect("list");
    install_revocations(&dir, &second).expect("newer");
    install_revocations(&dir, &second).expect("the same again");
    install_revocations(&dir, &first).expect_err("went back in time");
    let foreign = Federation::new("banks")
        .authority
        .revocations_pem()
        .expect("list");
    install_revocations(&dir, &foreign).expect_err("took a foreign list");
    std::fs::write(dir.join("revoked.crl"), &foreign).expect("write");
    a.reload().expect_err("loaded a foreign list");
}

#[test]
fn accepts_both_roots_while_a_federation_changes_its_root() {
    let (mut old, mut new) = (Federation::new("banks"), Federation::new("banks"));
    let (a, b) = (
        old.member("9999", Kind::Agent),
        new.member("10000", Kind::Agent),
    );
    for file in ["root.pem", "revoked.crl"] {
        let parts = [&old, &new]
            .map(|f| std::fs::read_to_string(f.authority_dir().join(file)).expect("read"));
        std::fs::write(old.dir("agent-9999").join(file), parts.concat()).expect("write");
    }
    let both = a.reload().expect("reload");
    both.trust()
        .check_chain(b.chain(), SystemClock.now())
        .expect("new root");
    both.trust()
        .check_chain(a.chain(), SystemClock.now())
        .expect("old root");
    new.authority
        .revoke(
            &Target::Party(party("10000")),
            RevocationReason::Unspecified,
        )
        .expect("revoke");
    let lists = [&old, &new]
        .map(|f| f.authority.revocations_pem().expect("list"))
        .concat();
    install_revocations(&old.dir("agent-9999"), &lists).expect("install");
    let error = both
        .reload()
        .expect("reload")
        .trust()
        .check_chain(b.chain(), SystemClock.now())
        .expect_err("revoked");
    assert!(
        matches!(error, PkiError::Refused(Refusal::Revoked)),
        "{error}"
    );
}

/// A certificate the root has signed although its content is odd.
fn odd(banks: &Federation, edit: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
    let authority = &banks.authority;
    let name = PeerName {
        federation: "banks".into(),
        kind: Kind::Agent,
        party: party("9999"),
    };
    let mut params =
        template::leaf(&name, authority.profile.validity(SystemClock.now(), 1)).expect("template");
    edit(&mut params);
    let key = LeafKey::generate().expect("key");
    params
        .signed_by(key.pair(), &authority.issuer)
        .expect("sign")
        .der()
        .clone()
}

fn uri(text: &str) -> SanType {
    SanType::URI(rcgen::string::Ia5String::try_from(text).expect("ascii"))
}

#[test]
fn takes_the_name_from_exactly_one_uri() {
    let banks = Federation::new("banks");
    let dir = banks.authority_dir();
    let trust =
        TrustRoots::load(&dir.join("root.pem"), Some(&dir.join("revoked.crl"))).expect("trust");
    let judge = |der: &CertificateDer<'static>| trust.check_chain(from_ref(der), SystemClock.now());
    assert_eq!(
        judge(&odd(&banks, |_| {})).expect("sound").name().uri(),
        "fedflow://banks/agent/9999"
    );
    let also_other = odd(&banks, |params| {
        params.subject_alt_names.push(uri("https://bank.example"))
    });
    assert_eq!(judge(&also_other).expect("sound").party, party("9999"));
    for second in [
        "fedflow://banks/agent/10000",
        "FEDFLOW://banks/agent/10000",
        "fedflow://banks/agent/9999",
    ] {
        let two = odd(&banks, |params| params.subject_alt_names.push(uri(second)));
        let error = judge(&two).expect_err("took one of two names");
        assert!(
            matches!(error, PkiError::Refused(Refusal::NameInvalid(_))),
            "{error}"
        );
        peer_of(from_ref(&two)).expect_err("took one of two names");
    }
    for names in [
        vec![],
        vec![uri("spiffe://banks/agent/9999")],
        vec![uri("fedflow://banks/agent/a/b")],
    ] {
        let error = judge(&odd(&banks, |params| params.subject_alt_names = names))
            .expect_err("took no name");
        assert!(
            matches!(error, PkiError::Refused(Refusal::NameInvalid(_))),
            "{error}"
        );
    }
    let elsewhere = odd(&banks, |params| {
        params.subject_alt_names = vec![uri("fedflow://shops/agent/9999")]
    });
    let error = judge(&elsewhere).expect_err("took another federation");
    assert!(
        matches!(error, PkiError::Refused(Refusal::OtherFederation { .. })),
        "{error}"
    );
}

#[test]
fn gives_a_party_no_power_to_sign_others() {
    let mut banks = Federation::new("banks");
    let a = banks.member("9999", Kind::Agent);
    let dir = banks.dir("agent-9999");
    let key = std::fs::read_to_string(dir.join("identity.key")).expect("key");
    let key = KeyPair::from_pem(&key).expect("key");
    let own = PeerName {
        federation: "banks".into(),
        kind: Kind::Agent,
        party: party("9999"),
    };
    let mut own = template::leaf(&own, banks.authority.profile.validity(SystemClock.now(), 1))
        .expect("template");
    own.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    let issuer = Issuer::new(own, key);
    let name = PeerName {
        federation: "banks".into(),
        kind: Kind::Coordinator,
        party: party("hub"),
    };
    let params = template::leaf(
        &name,
        banks.authority.profile.validity(SystemClock.now(), 1),
    )
    .expect("template");
    let forged = LeafKey::generate().expect("key");
    let forged = params.signed_by(forged.pair(), &issuer).expect("sign");
    let chain = [forged.der().clone(), a.chain()[0].clone()];
    let error = a
        .trust()
        .check_chain(&chain, SystemClock.now())
        .expect_err("a party signed another's certificate");
    assert!(matches!(error, PkiError::Refused(_)), "{error}");
}

#[test]
fn never_lets_a_certificate_outlive_the_root() {
    let mut banks = Federation::new("banks");
    let forever = Validity::days_from(SystemClock.now(), 30_000);
    let long = banks.member_with("9999", Kind::Agent, Some(forever));
    assert_eq!(long.not_after(), banks.authority.root_until);
    let beyond = Validity::days_from(banks.authority.root_until, 10);
    let options = IssueOptions {
        validity: Some(beyond),
        ..IssueOptions::default()
    };
    let error = banks
        .authority
        .issue(&party("1"), Kind::Agent, &banks.dir("late"), &options)
        .expect_err("issued");
    assert!(matches!(error, PkiError::ProfileInvalid { .. }), "{error}");
}
