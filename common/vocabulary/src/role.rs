//! Who plays what: roles, stages, participants and the cast of a job.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::PartyId;

/// The part a party plays in a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Holds the label and starts the work.
    Guest,
    /// Holds features.
    Host,
    /// Holds keys or aggregates; no rows.
    Arbiter,
    /// Works alone, on its own tables.
    Local,
}

impl Role {
    /// All roles, in the order in which a cast lists them.
    pub const ALL: [Role; 4] = [Role::Guest, Role::Host, Role::Arbiter, Role::Local];

    /// The role's word.
    pub const fn word(self) -> &'static str {
        match self {
            Role::Guest => "guest",
            Role::Host => "host",
            Role::Arbiter => "arbiter",
            Role::Local => "local",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a role; roles are guest, host, arbiter and local")]
pub struct UnknownRole(pub String);

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Role::ALL
            .into_iter()
            .find(|role| role.word() == text)
            .ok_or_else(|| UnknownRole(text.chars().take(80).collect()))
    }
}

/// What a component is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Learn from the input and apply what was learned to it.
    Fit,
    /// Apply a saved model.
    Apply,
}

/// A party in a role: the smallest thing that runs tasks and has an address. One party may play several roles.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Participant {
    /// The part played.
    pub role: Role,
    /// Who plays it.
    pub party: PartyId,
}

impl Participant {
    /// Names a participant.
    pub fn new(role: Role, party: PartyId) -> Self {
        Self { role, party }
    }
}

impl fmt::Display for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.role, self.party)
    }
}

/// Which parties play which role in a job, in the order the definition gives.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Cast {
    /// Guests; hetero jobs have one.
    pub guest: Vec<PartyId>,
    /// Hosts.
    pub host: Vec<PartyId>,
    /// Arbiters; at most one in today's components.
    pub arbiter: Vec<PartyId>,
    /// Parties that work alone.
    pub local: Vec<PartyId>,
}

impl Cast {
    /// The parties in a role.
    pub fn of(&self, role: Role) -> &[PartyId] {
        match role {
            Role::Guest => &self.guest,
            Role::Host => &self.host,
            Role::Arbiter => &self.arbiter,
            Role::Local => &self.local,
        }
    }

    /// The parties in a role, to be changed.
    pub fn of_mut(&mut self, role: Role) -> &mut Vec<PartyId> {
        match role {
            Role::Guest => &mut self.guest,
            Role::Host => &mut self.host,
            Role::Arbiter => &mut self.arbiter,
            Role::Local => &mut self.local,
        }
    }

    /// Every participant: guests, hosts, arbiters, locals, each in document order.
    pub fn participants(&self) -> impl Iterator<Item = Participant> + '_ {
        Role::ALL.into_iter().flat_map(|role| {
            self.of(role)
                .iter()
                .map(move |party| Participant::new(role, party.clone()))
        })
    }

    /// Every party once, sorted.
    pub fn parties(&self) -> Vec<PartyId> {
        let mut parties: Vec<PartyId> = Role::ALL
            .into_iter()
            .flat_map(|role| self.of(role).to_vec())
            .collect();
        parties.sort();
        parties.dedup();
        parties
    }

    /// Whether the participant is in the cast.
    pub fn has(&self, participant: &Participant) -> bool {
        self.of(participant.role).contains(&participant.party)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(id: &str) -> PartyId {
        PartyId::new(id).expect("valid")
    }

    #[test]
    fn lists_a_party_once_however_many_roles_it_plays() {
        let cast = Cast {
            guest: vec![party("1")],
            host: vec![party("1"), party("2")],
            arbiter: vec![party("1")],
            local: vec![],
        };
        assert_eq!(cast.parties(), vec![party("1"), party("2")]);
        assert_eq!(cast.participants().count(), 4);
        assert!(cast.has(&Participant::new(Role::Arbiter, party("1"))));
        assert!(!cast.has(&Participant::new(Role::Guest, party("2"))));
    }

    #[test]
    fn reads_role_words() {
        for role in Role::ALL {
            assert_eq!(role.word().parse::<Role>(), Ok(role));
        }
        assert!("Guest".parse::<Role>().is_err());
    }
}
