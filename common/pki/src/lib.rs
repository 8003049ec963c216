//! Who is who: the authority of a federation, a party's identity, and the checks every link and signature passes.
//!
//! A federation is the parties that trust one root certificate. A party's name stands in its certificate as
//! `fedflow://<federation>/<kind>/<party>`; nothing a peer says about itself outside its certificate counts.
#![deny(missing_docs)]

pub mod authority;
pub mod error;
mod files;
pub mod identity;
pub mod inspect;
mod key;
pub mod ledger;
pub mod name;
pub mod peer;
pub mod pins;
pub mod profile;
mod provider;
pub mod request;
mod scalar;
pub mod sign;
#[cfg(test)]
mod trial;
pub mod trust;
pub mod verify;

pub use authority::{Authority, Issuance, IssueOptions};
pub use error::{PkiError, Refusal, Result};
pub use files::Existing;
pub use identity::{Identity, IdentityFiles, Revocation};
pub use inspect::{CertificateFacts, inspect};
pub use ledger::{IssuedRecord, RevocationReason, Target};
pub use name::{Kind, PeerName, server_name};
pub use peer::{PeerIdentity, peer_of};
pub use pins::{Pins, PublicKey, public_key_of_pem, public_key_pem};
pub use profile::{Profile, Validity};
pub use provider::provider;
pub use request::request;
pub use scalar::SecretScalar;
pub use sign::verify_signed;
pub use trust::{TrustRoots, install_revocations};
pub use verify::{ExpectedPeer, client_config, client_config_for, server_config};
