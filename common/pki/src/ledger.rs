//! What an authority has issued and revoked, kept in `issued.toml` beside the root.

use std::path::Path;

use serde::{Deserialize, Serialize};
use vocabulary::{PartyId, Timestamp};

use crate::error::{PkiError, Result};
use crate::files::{self, Readers};
use crate::name::Kind;

/// Why a certificate is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationReason {
    /// No reason is given.
    Unspecified,
    /// Somebody else may have the key.
    KeyCompromise,
    /// The party has left or changed.
    AffiliationChanged,
    /// Another certificate has taken its place.
    Superseded,
    /// The daemon or person no longer works.
    CessationOfOperation,
}

impl RevocationReason {
    /// Every reason, in the order of their codes.
    pub const ALL: [Self; 5] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
    ];

    /// The reason as it stands in the ledger.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "key_compromise",
            Self::AffiliationChanged => "affiliation_changed",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessation_of_operation",
        }
    }

    pub(crate) fn code(self) -> rcgen::RevocationReason {
        match self {
            Self::Unspecified => rcgen::RevocationReason::Unspecified,
            Self::KeyCompromise => rcgen::RevocationReason::KeyCompromise,
            Self::AffiliationChanged => rcgen::RevocationReason::AffiliationChanged,
            Self::Superseded => rcgen::RevocationReason::Superseded,
            Self::CessationOfOperation => rcgen::RevocationReason::CessationOfOperation,
        }
    }
}

impl std::str::FromStr for RevocationReason {
    type Err = PkiError;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.text() == text)
            .ok_or_else(|| PkiError::NameInvalid {
                what: "revocation reason",
                text: text.chars().take(80).collect(),
                rule: format!("one of {}", Self::ALL.map(Self::text).join(", ")),
            })
    }
}

/// What to revoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One certificate, by its serial number in hex.
    Serial(String),
    /// Every certificate of a party that still counts.
    Party(PartyId),
}

/// When and why a certificate was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// A certificate the authority has issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedRecord {
    /// Serial number, lower-case hex.
    pub serial: String,
    /// Whose it is.
    pub party: PartyId,
    /// What it acts as.
    pub kind: Kind,
    /// The first moment it is valid.
    pub not_before: Timestamp,
    /// The last moment it is valid.
    pub not_after: Timestamp,
    /// SHA-256 of the certificate, hex.
    pub fingerprint: String,
    /// Its revocation, if it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revocation>,
}

/// The authority's memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ledger {
    pub(crate) federation: String,
    /// The number of the newest revocation list; the next one is greater.
    pub(crate) crl_number: u64,
    #[serde(default)]
    pub(crate) certificates: Vec<IssuedRecord>,
}

impl Ledger {
    pub(crate) fn load(path: &Path) -> Result<Self> {
        toml::from_str(&files::read_text(path)?).map_err(|error| PkiError::invalid(path, error))
    }

    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let text = toml::to_string_pretty(self)
            .map_err(|error| PkiError::internal("writing the ledger", error))?;
        files::write(path, text.as_bytes(), Readers::Everyone)
    }

    /// Marks what is to be revoked; gives the serials that are newly revoked, or an error if there is none.
    pub(crate) fn revoke(
        &mut self,
        target: &Target,
        revocation: &Revocation,
    ) -> Result<Vec<String>> {
        let mut serials = Vec::new();
        for record in &mut self.certificates {
            let meant = match target {
                Target::Serial(serial) => record.serial.eq_ignore_ascii_case(serial),
                // What has ended is not listed: the list only grows, and every handshake reads it.
                Target::Party(party) => record.party == *party && record.not_after > revocation.at,
            };
            if meant && record.revoked.is_none() {
                record.revoked = Some(revocation.clone());
                serials.push(record.serial.clone());
            }
        }
        if serials.is_empty() {
            let what = match target {
                Target::Serial(serial) => format!("serial {serial}"),
                Target::Party(party) => format!("party {party}"),
            };
            return Err(PkiError::NotIssued { what });
        }
        Ok(serials)
    }
}
