//! Leases of agents, in memory: who is connected, when it was last heard, and what it announced.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use domain::{AgentPresence, Presence};
use vocabulary::{ComponentInfo, Fault, PartyId, Timestamp};

use crate::parties::Parting;
use crate::records::PartyRecord;

/// What is known of the agents, changed by the gateway's calls and read by everybody.
pub(crate) struct Leases {
    agents: RwLock<BTreeMap<PartyId, Lease>>,
    /// The catalogues of all parties put together; made anew when one changes.
    catalogue: Mutex<Option<Arc<Vec<ComponentInfo>>>>,
    watching_since: Timestamp,
    lease_millis: i64,
}

struct Lease {
    /// Since when its link stands; `None` while there is no link.
    linked: Option<Timestamp>,
    /// When it was last heard.
    heard: Timestamp,
    /// Whether its silence was noticed already.
    silence_told: bool,
    /// When it ended, if it said so.
    ended: Option<Timestamp>,
    last_error: Option<Fault>,
    components: Vec<ComponentInfo>,
    rest: Option<String>,
    rows_through_coordinator: bool,
    slots: Option<u32>,
}

impl Leases {
    pub(crate) fn new(now: Timestamp, lease_millis: i64) -> Self {
        Self {
            agents: RwLock::default(),
            catalogue: Mutex::default(),
            watching_since: now,
            lease_millis,
        }
    }

    /// Takes in what the store knows; what an agent said meanwhile stands. An agent not heard yet counts as offline since
    /// this coordinator watches, so that its tasks are not called lost before it had time to come back.
    pub(crate) fn remember(&self, records: Vec<PartyRecord>) {
        let mut agents = self.agents.write().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            // An agent that connected while the store was read told newer things than the store
            // knows.
            agents.entry(record.party).or_insert(Lease {
                linked: None,
                heard: self.watching_since,
                silence_told: false,
                ended: None,
                last_error: None,
                components: record.components,
                rest: record.rest,
                rows_through_coordinator: record.rows_through_coordinator,
                slots: None,
            });
        }
        // The two locks are never held together in this order: `catalogue` takes them the other way
        // round.
        drop(agents);
        self.forget_catalogue();
    }

    pub(crate) fn connected(&self, record: PartyRecord, slots: Option<u32>, now: Timestamp) {
        let lease = Lease {
            linked: Some(now),
            heard: now,
            silence_told: false,
            ended: None,
            last_error: None,
            components: record.components,
            rest: record.rest,
            rows_through_coordinator: record.rows_through_coordinator,
            slots,
        };
        self.agents
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(record.party, lease);
        self.forget_catalogue();
    }

    /// Renews the lease; true when the agent had counted as silent or gone. Who is heard has a link: the loss of an old one
    /// may be told after the new one stood.
    pub(crate) fn heard(&self, party: &PartyId, now: Timestamp) -> bool {
        let mut agents = self.agents.write().unwrap_or_else(PoisonError::into_inner);
        let Some(lease) = agents.get_mut(party) else {
            return false;
        };
        // The clock may be set back; a lease must not end because of it.
        lease.heard = lease.heard.max(now);
        lease.ended = None;
        let was_gone = lease.linked.is_none();
        if was_gone {
            lease.linked = Some(now);
            // What was wrong with the old link says nothing of the present one.
            lease.last_error = None;
        }
        std::mem::take(&mut lease.silence_told) || was_gone
    }

    pub(crate) fn gone(&self, party: &PartyId, why: Fault, parting: Parting) {
        let mut agents = self.agents.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(lease) = agents.get_mut(party) {
            lease.linked = None;
            lease.ended = (parting == Parting::Ended).then_some(lease.heard);
            lease.last_error = Some(why);
        }
    }

    /// Whether orders can reach the party at all.
    pub(crate) fn is_linked(&self, party: &PartyId) -> bool {
        let agents = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        agents
            .get(party)
            .is_some_and(|lease| lease.linked.is_some())
    }

    pub(crate) fn linked_count(&self) -> usize {
        let agents = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        agents
            .values()
            .filter(|lease| lease.linked.is_some())
            .count()
    }

    pub(crate) fn last_error(&self, party: &PartyId) -> Option<Fault> {
        let agents = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        agents.get(party).and_then(|lease| lease.last_error.clone())
    }

    pub(crate) fn components_of(&self, party: &PartyId) -> Option<Vec<ComponentInfo>> {
        let agents = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        agents.get(party).map(|lease| lease.components.clone())
    }

    /// What these parties announce, in outline: names, versions and roles, without schemas and message tables.
    pub(crate) fn outline(&self, parties: &[PartyId], now: Timestamp) -> Presence {
        let agents = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        let of = |party: &PartyId| {
            let lease = agents.get(party)?;
            Some((
                party.clone(),
                self.seen(
                    lease,
                    lease.components.iter().map(outline_of).collect(),
                    now,
                ),
            ))
        };
        let agents = parties.iter().filter_map(of).collect();
        Presence {
            agents,
            watching_since: self.watching_since,
            lease_millis: self.lease_millis,
        }
    }

    /// Every component that some party announced, once, in its newest version.
    pub(crate) fn catalogue(&self) -> Arc<Vec<ComponentInfo>> {
        let mut known = self
            .catalogue
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(catalogue) = &*known {
            return Arc::clone(catalogue);
        }
        let agents = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        let mut newest: BTreeMap<&str, &ComponentInfo> = BTreeMap::new();
        for info in agents.values().flat_map(|lease| &lease.components) {
            let kept = newest.entry(&info.name).or_insert(info);
            if info.version > kept.version {
                *kept = info;
            }
        }
        let catalogue = Arc::new(newest.into_values().cloned().collect());
        *known = Some(Arc::clone(&catalogue));
        catalogue
    }

    fn forget_catalogue(&self) {
        *self
            .catalogue
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Every party that was ever seen.
    pub(crate) fn parties(&self) -> Vec<PartyId> {
        self.agents
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .cloned()
            .collect()
    }

    /// Parties whose link stands and whose lease ran out since this was last asked: their jobs must be looked at. Of those
    /// without a link the rules know when to look.
    pub(crate) fn newly_silent(&self, now: Timestamp) -> Vec<PartyId> {
        let mut agents = self.agents.write().unwrap_or_else(PoisonError::into_inner);
        let mut silent = Vec::new();
        for (party, lease) in agents.iter_mut() {
            if lease.linked.is_some()
                && !lease.silence_told
                && now.millis_since(lease.heard) >= self.lease_millis
            {
                lease.silence_told = true;
                silent.push(party.clone());
            }
        }
        silent
    }

    /// The agents as the rules see them at this moment.
    pub(crate) fn presence(&self, now: Timestamp) -> Presence {
        let agents = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        let agents = agents
            .iter()
            .map(|(party, lease)| {
                (
                    party.clone(),
                    self.seen(lease, lease.components.clone(), now),
                )
            })
            .collect();
        Presence {
            agents,
            watching_since: self.watching_since,
            lease_millis: self.lease_millis,
        }
    }

    /// The same without the catalogues, for the loop.
    pub(crate) fn presence_without_components(&self, now: Timestamp) -> Presence {
        let agents = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        let agents = agents
            .iter()
            .map(|(party, lease)| (party.clone(), self.seen(lease, Vec::new(), now)))
            .collect();
        Presence {
            agents,
            watching_since: self.watching_since,
            lease_millis: self.lease_millis,
        }
    }

    fn seen(&self, lease: &Lease, components: Vec<ComponentInfo>, now: Timestamp) -> AgentPresence {
        let in_lease = now.millis_since(lease.heard) < self.lease_millis;
        let (online, since) = match lease.linked {
            Some(since) if in_lease => (true, since),
            // The lease runs from when it was last heard, not from when the loss was noticed.
            Some(_) | None => (false, lease.heard),
        };
        AgentPresence {
            online,
            since,
            ended: lease.ended.is_some() && !online,
            last_error: lease.last_error.clone(),
            components,
            rest: lease.rest.clone(),
            rows_through_coordinator: lease.rows_through_coordinator,
            slots: lease.slots,
        }
    }
}

fn outline_of(info: &ComponentInfo) -> ComponentInfo {
    ComponentInfo {
        name: info.name.clone(),
        version: info.version,
        summary: String::new(),
        modules: info.modules.clone(),
        roles: info.roles.clone(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        schema: serde_json::Value::Null,
        defaults: serde_json::Value::Null,
        messages: Vec::new(),
        cast: Vec::new(),
        needs: Vec::new(),
        applies_with: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::ErrorCode;

    fn party() -> PartyId {
        PartyId::new("9999").expect("valid")
    }

    fn record() -> PartyRecord {
        PartyRecord {
            party: party(),
            components: vec![],
            rest: None,
            rows_through_coordinator: false,
            seen: Timestamp(0),
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp(0).plus_millis(millis)
    }

    #[test]
    fn gives_an_agent_of_before_a_restart_a_whole_lease_to_come_back() {
        let leases = Leases::new(at(1_000), 500);
        leases.remember(vec![record()]);
        assert!(!leases.presence(at(1_000)).is_online(&party()));
        assert_eq!(
            leases.presence(at(1_000)).lost_from(&party()),
            Some(at(1_500))
        );
    }

    #[test]
    fn counts_a_silent_agent_as_offline_since_it_was_last_heard() {
        let leases = Leases::new(at(0), 500);
        leases.connected(record(), None, at(100));
        leases.heard(&party(), at(400));
        assert!(leases.presence(at(899)).is_online(&party()));
        assert_eq!(leases.presence(at(900)).lost_from(&party()), Some(at(900)));
        assert!(leases.newly_silent(at(899)).is_empty());
        assert_eq!(leases.newly_silent(at(900)), vec![party()]);
        assert!(leases.newly_silent(at(900)).is_empty(), "told once");
        assert!(leases.heard(&party(), at(950)), "it had counted as silent");
        assert!(leases.presence(at(951)).is_online(&party()));
    }

    #[test]
    fn takes_an_agent_that_is_heard_as_linked_though_an_old_link_was_reported_lost() {
        let leases = Leases::new(at(0), 500);
        leases.connected(record(), None, at(100));
        leases.gone(
            &party(),
            Fault::new(ErrorCode::PartyOffline, "the old link closed"),
            Parting::Unknown,
        );
        assert!(leases.heard(&party(), at(200)));
        assert!(leases.is_linked(&party()) && leases.presence(at(200)).is_online(&party()));
        assert!(!leases.heard(&party(), at(300)));
    }

    #[test]
    fn ends_the_lease_at_once_of_an_agent_that_said_goodbye_and_of_no_other() {
        let leases = Leases::new(at(0), 500);
        leases.connected(record(), None, at(100));
        leases.gone(
            &party(),
            Fault::new(ErrorCode::PartyOffline, "the agent ends"),
            Parting::Ended,
        );
        let lost = leases.presence(at(110)).lost_from(&party());
        assert!(lost.is_some_and(|lost| lost <= at(110)), "{lost:?}");
        leases.connected(record(), None, at(120));
        assert_eq!(leases.presence(at(130)).lost_from(&party()), None);
        leases.gone(
            &party(),
            Fault::new(ErrorCode::PartyOffline, "timed out"),
            Parting::Unknown,
        );
        assert_eq!(
            leases.presence(at(130)).lost_from(&party()),
            Some(at(620)),
            "silence alone has the whole lease"
        );
    }

    #[test]
    fn lets_the_lease_go_on_when_the_link_closes() {
        let leases = Leases::new(at(0), 500);
        leases.connected(record(), None, at(100));
        leases.gone(
            &party(),
            Fault::new(ErrorCode::PartyOffline, "link closed"),
            Parting::Unknown,
        );
        let presence = leases.presence(at(200));
        assert!(!presence.is_online(&party()));
        assert_eq!(presence.lost_from(&party()), Some(at(600)));
        assert_eq!(
            presence.last_error(&party()).map(|fault| fault.code),
            Some(ErrorCode::PartyOffline)
        );
    }
}
