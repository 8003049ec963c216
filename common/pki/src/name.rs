//! The name in a certificate: `fedflow://<federation>/<kind>/<party>`, and the DNS form TLS libraries compare.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vocabulary::PartyId;

use crate::error::{PkiError, Refusal, Result};

/// The scheme of our URI names.
pub(crate) const SCHEME: &str = "fedflow://";

/// What a certificate may act as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The shared daemon.
    Coordinator,
    /// A party's daemon.
    Agent,
    /// A person or program of a party; never a server.
    User,
}

impl Kind {
    /// The kind as it stands in names.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Coordinator => "coordinator",
            Self::Agent => "agent",
            Self::User => "user",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl FromStr for Kind {
    type Err = PkiError;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "coordinator" => Ok(Self::Coordinator),
            "agent" => Ok(Self::Agent),
            "user" => Ok(Self::User),
            other => Err(PkiError::NameInvalid {
                what: "kind",
                text: other.chars().take(80).collect(),
                rule: "one of coordinator, agent, user".to_owned(),
            }),
        }
    }
}

/// Who a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PeerName {
    /// The federation's name.
    pub federation: String,
    /// What it acts as.
    pub kind: Kind,
    /// Whose it is.
    pub party: PartyId,
}

impl PeerName {
    /// The URI that stands in the certificate.
    pub fn uri(&self) -> String {
        format!("{SCHEME}{}/{}/{}", self.federation, self.kind, self.party)
    }

    /// Reads a URI back; anything but the exact form is refused.
    pub fn from_uri(uri: &str) -> Result<Self, Refusal> {
        let refused = || Refusal::NameInvalid(format!("{:?} is not a fedflow name", cut(uri)));
        let parts: Vec<&str> = uri
            .strip_prefix(SCHEME)
            .ok_or_else(refused)?
            .split('/')
            .collect();
        let [federation, kind, party] = parts.as_slice() else {
            return Err(refused());
        };
        check_federation(federation).map_err(|_| refused())?;
        Ok(Self {
            federation: (*federation).to_owned(),
            kind: kind.parse().map_err(|_| refused())?,
            party: PartyId::new(*party).map_err(|_| refused())?,
        })
    }

    /// The DNS name in the certificate; see [`server_name`].
    pub fn server_name(&self) -> String {
        server_name(&self.party, self.kind)
    }
}

/// The DNS name `<party>.<kind>.fedflow` of a daemon, for TLS interfaces that ask for one.
///
/// Party ids compare with case and may hold characters DNS forbids, so every id that is not already a plain lower-case
/// label is replaced by a digest; two parties never share a name.
pub fn server_name(party: &PartyId, kind: Kind) -> String {
    let id = party.as_str();
    let edges = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let plain = id.len() <= 63
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && edges(id.as_bytes().first())
        && edges(id.as_bytes().last())
        // The beginning of digests: a party of such a name could else take the name of another.
        && !id.starts_with("x-");
    if plain {
        return format!("{id}.{kind}.fedflow");
    }
    let digest: String = vocabulary::offer::fingerprint_of(id.as_bytes())
        .chars()
        .take(40)
        .collect();
    format!("x-{digest}.{kind}.fedflow")
}

/// Checks the name of a federation: the rule of party ids.
pub(crate) fn check_federation(name: &str) -> Result<()> {
    PartyId::new(name)
        .map(|_| ())
        .map_err(|error| PkiError::NameInvalid {
            what: "federation name",
            text: error.text,
            rule: error.rule.to_owned(),
        })
}

fn cut(text: &str) -> String {
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(id: &str) -> PartyId {
        PartyId::new(id).expect("valid")
    }

    #[test]
    fn reads_back_the_name_it_writes() {
        let name = PeerName {
            federation: "banks".into(),
            kind: Kind::Agent,
            party: party("9999"),
        };
        assert_eq!(name.uri(), "fedflow://banks/agent/9999");
        assert_eq!(PeerName::from_uri(&name.uri()).expect("valid"), name);
    }

    #[test]
    fn refuses_names_of_another_form() {
        for uri in [
            "spiffe://banks/agent/9999",
            "fedflow://banks/agent",
            "fedflow://banks/agent/9999/",
            "fedflow://banks/agent/9999?x",
            "fedflow://banks/root/9999",
            "fedflow:///agent/9999",
            "fedflow://banks/agent/../9999",
            "FEDFLOW://banks/agent/9999",
        ] {
            assert!(PeerName::from_uri(uri).is_err(), "{uri} was taken");
        }
    }

    #[test]
    fn gives_each_party_a_dns_name_of_its_own() {
        assert_eq!(
            server_name(&party("9999"), Kind::Agent),
            "9999.agent.fedflow"
        );
        let ids = [
            "bank",
            "Bank",
            "bank.a",
            "bank_a",
            "-bank",
            "x-bank",
            &"b".repeat(64),
        ];
        let mut names: Vec<_> = ids
            .iter()
            .map(|id| server_name(&party(id), Kind::Agent).to_lowercase())
            .collect();
        for name in &names {
            assert!(
                rustls_pki_types::ServerName::try_from(name.as_str()).is_ok(),
                "{name} is not a DNS name"
            );
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), ids.len());
    }
}
