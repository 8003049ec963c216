//! Which agents are alive, and what each announced.

use std::collections::BTreeMap;

use vocabulary::{ComponentInfo, Fault, PartyId, Timestamp};

/// What the coordinator knows of one agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentPresence {
    /// Whether its link stands and its lease has not run out.
    pub online: bool,
    /// Since when it is in that condition.
    pub since: Timestamp,
    /// Whether it is offline because it has ended: nothing that it worked on goes on.
    pub ended: bool,
    /// Why it is not online, if known.
    pub last_error: Option<Fault>,
    /// What it can run.
    pub components: Vec<ComponentInfo>,
    /// Its REST endpoint.
    pub rest: Option<String>,
    /// Whether its policy lets the coordinator's REST endpoint read its rows.
    pub rows_through_coordinator: bool,
    /// How many tasks it runs at once; `None` when it did not tell.
    pub slots: Option<u32>,
}

/// Every agent ever seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Presence {
    /// The agents by party.
    pub agents: BTreeMap<PartyId, AgentPresence>,
    /// Since when this coordinator watches: an agent it never saw counts as offline since then.
    pub watching_since: Timestamp,
    /// How long an agent may be offline before its running tasks count as lost, in milliseconds.
    pub lease_millis: i64,
}

impl Default for Presence {
    fn default() -> Self {
        Self {
            agents: BTreeMap::new(),
            watching_since: Timestamp(0),
            lease_millis: 15_000,
        }
    }
}

impl Presence {
    /// Whether a party's agent is online.
    pub fn is_online(&self, party: &PartyId) -> bool {
        self.agents.get(party).is_some_and(|agent| agent.online)
    }

    /// Since when a party's agent is in its present condition.
    pub fn since(&self, party: &PartyId) -> Timestamp {
        self.agents
            .get(party)
            .map_or(self.watching_since, |agent| agent.since)
    }

    /// The moment from which the running tasks of a party that is offline count as lost: at once when its agent has ended, and
    /// after a whole lease when it is silent; `None` while it is online.
    pub fn lost_from(&self, party: &PartyId) -> Option<Timestamp> {
        let lease = if self.agents.get(party).is_some_and(|agent| agent.ended) {
            0
        } else {
            self.lease_millis
        };
        (!self.is_online(party)).then(|| self.since(party).plus_millis(lease))
    }

    /// The last error met with a party's agent.
    pub fn last_error(&self, party: &PartyId) -> Option<&Fault> {
        self.agents
            .get(party)
            .and_then(|agent| agent.last_error.as_ref())
    }
}
