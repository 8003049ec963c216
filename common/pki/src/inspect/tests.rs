//! What inspection says of sound and of broken folders.

use super::*;
use crate::ledger::{RevocationReason, Target};
use crate::trial::{Federation, past};
use vocabulary::ErrorCode;

fn only_identity(dir: &Path) -> CertificateFacts {
    let facts = inspect(dir).expect("inspect");
    facts
        .into_iter()
        .find(|facts| !facts.is_root)
        .expect("the identity")
}

fn assert_says(facts: &CertificateFacts, words: &str) {
    assert!(
        facts.problems.iter().any(|problem| problem.contains(words)),
        "{:?} lacks {words:?}",
        facts.problems
    );
}

#[test]
fn finds_nothing_wrong_with_a_fresh_identity_and_its_authority() {
    let mut banks = Federation::new("banks");
    let a = banks.member("9999", Kind::Agent);
    let facts = only_identity(&banks.dir("agent-9999"));
    assert_eq!(facts.problems, Vec::<String>::new());
    assert_eq!(
        (facts.party.as_ref(), facts.kind),
        (Some(a.party()), Some(Kind::Agent))
    );
    assert_eq!(facts.federation.as_deref(), Some("banks"));
    assert_eq!(
        (facts.key_matches, facts.is_revoked),
        (Some(true), Some(false))
    );
    assert_eq!(facts.fingerprint, a.fingerprint());
    let root = inspect(&banks.authority_dir()).expect("inspect");
    assert_eq!(
        (root.len(), root[0].is_root, root[0].key_matches),
        (1, true, Some(true))
    );
    assert_eq!(root[0].problems, Vec::<String>::new());
    assert_eq!(facts.signed_by.as_ref(), Some(&root[0].fingerprint));
    let text = serde_json::to_string(&facts).expect("write");
    assert_eq!(
        serde_json::from_str::<CertificateFacts>(&text).expect("read"),
        facts
    );
}

#[test]
fn says_what_is_wrong() {
    let mut banks = Federation::new("banks");
    let a = banks.member("9999", Kind::Agent);
    let _old = banks.member_with("10000", Kind::Agent, Some(past()));
    assert_says(&only_identity(&banks.dir("agent-10000")), "expired on");
    banks
        .authority
        .revoke(
            &Target::Party(a.party().clone()),
            RevocationReason::Unspecified,
        )
        .expect("revoke");
    banks.update(&a);
    let facts = only_identity(&banks.dir("agent-9999"));
    assert_eq!(facts.is_revoked, Some(true));
    assert_says(&facts, "is revoked");
    let later = SystemClock.now().plus_millis(60 * 86_400_000);
    let late = inspect_at(&banks.dir("agent-9999"), later).expect("inspect");
    assert_says(
        late.iter().find(|facts| !facts.is_root).expect("identity"),
        "revocation list expired",
    );
    std::fs::copy(
        banks.dir("agent-10000").join("identity.key"),
        banks.dir("agent-9999").join("identity.key"),
    )
    .expect("copy");
    let facts = only_identity(&banks.dir("agent-9999"));
    assert_eq!(facts.key_matches, Some(false));
    assert_says(&facts, "belongs to another certificate");
    std::fs::remove_file(banks.dir("agent-9999").join("revoked.crl")).expect("remove");
    assert_says(&only_identity(&banks.dir("agent-9999")), "no revoked.crl");
}

#[test]
fn notices_a_foreign_root_beside_the_certificate() {
    let (mut banks, shops) = (Federation::new("banks"), Federation::new("shops"));
    banks.member("9999", Kind::Agent);
    for file in ["root.pem", "revoked.crl"] {
        std::fs::copy(
            shops.authority_dir().join(file),
            banks.dir("agent-9999").join(file),
        )
        .expect("copy");
    }
    let facts = only_identity(&banks.dir("agent-9999"));
    assert_eq!(facts.signed_by, None);
    assert_says(&facts, "No root");
    assert_says(&facts, "federation shops");
}

#[test]
fn refuses_to_guess_where_there_is_nothing() {
    let empty = tempfile::tempdir().expect("temporary folder");
    let fault = vocabulary::Fault::from(inspect(empty.path()).expect_err("nothing there"));
    assert_eq!(fault.code, ErrorCode::FileUnreadable);
}
