//! Signatures that hold, and the ways in which they must not.

use vocabulary::{Clock, ErrorCode, Fault, SystemClock};

use super::*;
use crate::error::Refusal;
use crate::ledger::{RevocationReason, Target};
use crate::name::Kind;
use crate::trial::{Federation, party};

const OFFER: &str = "offer";
const YEAR_MILLIS: i64 = 365 * 86_400_000;

fn signed_and_checked_by() -> (Federation, Identity, Identity, SignedBytes) {
    let mut banks = Federation::new("banks");
    let (a, b) = (
        banks.member("9999", Kind::Agent),
        banks.member("10000", Kind::Agent),
    );
    let signed = a.sign(OFFER, b"join me").expect("sign");
    (banks, a, b, signed)
}

fn assert_forged(signed: &SignedBytes, context: &str, trust: &Identity) {
    let error =
        verify_signed(signed, context, trust, SystemClock.now()).expect_err("it was accepted");
    assert!(
        matches!(error, PkiError::SignatureRefused { .. }),
        "{error}"
    );
    assert_eq!(Fault::from(error).code, ErrorCode::CertificateRefused);
}

#[test]
fn verifies_what_another_party_signed() {
    let (_banks, a, b, signed) = signed_and_checked_by();
    let peer = verify_signed(&signed, OFFER, &b, SystemClock.now()).expect("verify");
    assert_eq!(&peer, a.as_peer());
    let by_roots = verify_signed(&signed, OFFER, b.trust(), SystemClock.now()).expect("verify");
    assert_eq!(by_roots.party, party("9999"));
}

#[test]
fn refuses_the_signature_under_another_context() {
    let (_banks, _, b, mut signed) = signed_and_checked_by();
    assert_forged(&signed, "answer", &b);
    // Moving a message from the bytes into the context must not help.
    signed.bytes = b"oin me".to_vec();
    assert_forged(&signed, "offerj", &b);
}

#[test]
fn refuses_tampered_bytes_and_signatures() {
    let (_banks, _, b, signed) = signed_and_checked_by();
    let mut tampered = signed.clone();
    tampered.bytes[0] ^= 1;
    assert_forged(&tampered, OFFER, &b);
    let mut tampered = signed.clone();
    tampered.signature[20] ^= 1;
    assert_forged(&tampered, OFFER, &b);
    let mut tampered = signed;
    tampered.signature.clear();
    assert_forged(&tampered, OFFER, &b);
}

#[test]
fn refuses_a_signer_whose_certificate_names_another() {
    let (_banks, a, b, mut signed) = signed_and_checked_by();
    signed.signer = party("10000");
    assert_forged(&signed, OFFER, &b);
    // The other's certificate over this party's signature.
    signed.chain = b.chain().iter().map(|der| der.to_vec()).collect();
    assert_forged(&signed, OFFER, &a);
}

#[test]
fn refuses_strangers_missing_chains_and_noise() {
    let (_banks, _, _, signed) = signed_and_checked_by();
    let stranger = Federation::new("banks").member("9999", Kind::Agent);
    let now = SystemClock.now();
    let refused = |signed: &SignedBytes| match verify_signed(signed, OFFER, &stranger, now)
        .expect_err("accepted")
    {
        PkiError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    };
    assert_eq!(refused(&signed), Refusal::ForeignRoot);
    assert_eq!(
        refused(&SignedBytes {
            chain: Vec::new(),
            ..signed.clone()
        }),
        Refusal::Missing
    );
    assert!(matches!(
        refused(&SignedBytes {
            chain: vec![vec![0; 40]],
            ..signed.clone()
        }),
        Refusal::Other(_)
    ));
    assert!(matches!(
        refused(&SignedBytes {
            chain: vec![signed.chain[0].clone(); 9],
            ..signed
        }),
        Refusal::Other(_)
    ));
}

#[test]
fn judges_dates_at_the_moment_given_and_revocation_by_the_list_at_hand() {
    let (mut banks, a, b, signed) = signed_and_checked_by();
    let now = SystemClock.now();
    let at = |trust: &Identity, millis| match verify_signed(
        &signed,
        OFFER,
        trust,
        now.plus_millis(millis),
    ) {
        Err(PkiError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    assert_eq!(at(&b, -YEAR_MILLIS), Refusal::NotYetValid);
    assert_eq!(at(&b, 2 * YEAR_MILLIS), Refusal::Expired);
    assert_eq!(at(&b, YEAR_MILLIS / 2), Refusal::RevocationListExpired);
    let serial = Target::Serial(a.as_peer().serial.clone());
    banks
        .authority
        .revoke(&serial, RevocationReason::Superseded)
        .expect("revoke");
    assert_eq!(at(&banks.update(&b), 0), Refusal::Revoked);
}
