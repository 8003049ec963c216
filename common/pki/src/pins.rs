//! Keys that the owner of an agent has pinned: who comes in a pinned party's name must hold that very key, whatever the
//! federation's root says. And public keys as text, so that people can compare and carry them.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use pem::{EncodeConfig, LineEnding, Pem};
use rustls_pki_types::CertificateDer;
use vocabulary::PartyId;

use crate::peer;

/// A P-256 public key as an uncompressed SEC1 point.
pub type PublicKey = [u8; 65];

/// What stands before the point in the DER form of every uncompressed P-256 key (RFC 5480).
const SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Which key each pinned party must hold. Clones share one list.
#[derive(Debug, Clone, Default)]
pub struct Pins(Arc<RwLock<BTreeMap<PartyId, PublicKey>>>);

impl Pins {
    /// Puts another list in force at once, for every identity that shares this one.
    pub fn replace(&self, pins: BTreeMap<PartyId, PublicKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = pins;
    }

    /// Whether the party may come with this key: it is not pinned, or to this key.
    pub fn allow(&self, party: &PartyId, key: &PublicKey) -> bool {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(party)
            // An ordinary comparison: public keys are no secret.
            .is_none_or(|pinned| pinned == key)
    }
}

/// A public key as PEM, in the form that every tool reads.
pub fn public_key_pem(key: &PublicKey) -> String {
    let der = SPKI.iter().chain(key).copied().collect::<Vec<u8>>();
    pem::encode_config(
        &Pem::new("PUBLIC KEY", der),
        EncodeConfig::new().set_line_ending(LineEnding::LF),
    )
}

/// The P-256 key in a PEM text: a public key, or the first certificate's. None when there is no such key.
pub fn public_key_of_pem(text: &str) -> Option<PublicKey> {
    let block = pem::parse_many(text)
        .ok()?
        .into_iter()
        .find(|block| matches!(block.tag(), "PUBLIC KEY" | "CERTIFICATE"))?;
    if block.tag() == "CERTIFICATE" {
        return peer::point_of(&peer::parse(&CertificateDer::from(block.contents())).ok()?).ok();
    }
    let point: PublicKey = block.contents().strip_prefix(&SPKI)?.try_into().ok()?;
    (point.first() == Some(&4)).then_some(point)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Federation;
    use crate::{Identity, Kind, PkiError, Refusal};
    use vocabulary::{Clock, SystemClock};

    #[test]
    fn carries_a_key_as_text_and_back() {
        let mut federation = Federation::new("pins");
        let identity = federation.member("9999", Kind::Agent);
        let key = identity.public_key_sec1();
        let text = public_key_pem(&key);
        assert!(text.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{text}");
        assert_eq!(public_key_of_pem(&text), Some(key));
        let certificate =
            std::fs::read_to_string(&identity.files().certificate).expect("a certificate");
        assert_eq!(public_key_of_pem(&certificate), Some(key));
        for wrong in [
            "",
            "key",
            &text.replace("PUBLIC", "PRIVATE"),
            &text.replacen('M', "N", 1),
        ] {
            assert_eq!(public_key_of_pem(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_pinned_party_is_refused_with_another_key_everywhere_and_over_a_reload() {
        let mut federation = Federation::new("pins");
        let (own, other) = (
            federation.member("1", Kind::Agent),
            federation.member("2", Kind::Agent),
        );
        let judged = |identity: &Identity| {
            identity
                .trust()
                .check_chain(other.chain(), SystemClock.now())
        };
        assert!(judged(&own).is_ok());
        own.trust()
            .pins()
            .replace([(other.party().clone(), own.public_key_sec1())].into());
        let refused = |identity: &Identity| matches!(judged(identity), Err(PkiError::Refused(Refusal::OtherKey { party })) if party == *other.party());
        assert!(refused(&own));
        let signed = other.sign("test", b"bytes").expect("signed");
        assert!(crate::verify_signed(&signed, "test", &own, SystemClock.now()).is_err());
        let again = own.reload().expect("reloaded");
        assert!(refused(&again));
        own.trust()
            .pins()
            .replace([(other.party().clone(), other.public_key_sec1())].into());
        assert!(judged(&again).is_ok(), "both share one list");
    }
}
