//! May the party take part in a job? Everything that an offer names of this party passes this one judgement, when the offer
//! comes, at every order under it, and again whenever the policy changes.

mod column_use;
mod counted;
mod named;
mod own;
#[cfg(test)]
mod peer_tests;
mod spoken;
#[cfg(test)]
mod tests;

use vocabulary::{Offer, OfferedStep, PartyId, Role, TableRef, Timestamp};

use crate::grants::Grants;
use crate::rules::{Policy, names};
use crate::verdict::Verdict;
pub use column_use::{ColumnCount, Header, MadeOf};
pub use counted::{DailyCount, is_online};
pub use named::Training;
pub use spoken::{MoreVectors, PlannedMessage};

/// What the judgement needs to know beside the policy and the offer.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What the initiator was granted at the REST endpoint; counts where the policy says so.
    pub grants: Grants,
    /// Whether a ticket of this party's own endpoint stands behind the offer.
    pub has_ticket: bool,
    /// The present moment.
    pub now: Timestamp,
    /// The trainings that left the models which the offer names at this party, as far as this party knows them.
    pub trainings: Vec<Training>,
    /// What this party would send in each step.
    pub spoken: Vec<PlannedMessage>,
    /// Columns of the stored tables that the offer names at this party, as far as they are here.
    pub headers: Vec<Header>,
    /// How many columns steps of this party have, as far as that is known.
    pub brought: Vec<ColumnCount>,
}

impl Policy {
    /// Judges an offer whose signature was verified. `signer` is the party that the certificate names.
    pub fn admit(&self, offer: &Offer, signer: &PartyId, facts: &Facts) -> Verdict {
        if *signer != offer.initiator.party {
            let what = format!("an offer of {} signed by party {signer}", offer.initiator);
            return Verdict::refused("admission.initiators", what);
        }
        if !offer.cast.parties().contains(&self.me) {
            return Verdict::refused("admission.peers", "an offer in which it has no part");
        }
        self.admit_people(offer)
            .or_else(|| self.admit_moment(offer, facts.now))
            .or_else(|| self.admit_bounds(offer, facts.now))
            .or_else(|| self.admit_arbiter(offer))
            .or_else(|| self.admit_own(offer, facts))
            .or_else(|| self.admit_components(offer, facts))
            .or_else(|| self.admit_tables(offer, facts))
            .or_else(|| self.admit_columns(offer, facts))
            .or_else(|| self.admit_inputs(offer))
            .or_else(|| self.admit_models(offer, facts))
            .or_else(|| self.admit_file(offer))
            .or_else(|| self.admit_messages(facts))
            .or_else(|| self.admit_vectors(facts))
            .unwrap_or(Verdict::Allowed)
    }

    /// How long the offer is good, and for how many attempts.
    fn admit_bounds(&self, offer: &Offer, now: Timestamp) -> Option<Verdict> {
        let rules = &self.rules.admission;
        let refused = |rule, what: String| Some(Verdict::refused(rule, what));
        let Some(expires) = offer.expires else {
            return refused(
                "admission.offer_days",
                "an offer that does not say how long it is good".to_owned(),
            );
        };
        let left = expires.millis_since(now);
        if left <= 0 {
            let ago = left.unsigned_abs() / 1_000;
            return refused(
                "admission.offer_days",
                format!("to go on under an offer that ended {ago} s ago"),
            );
        }
        let days = u64::try_from(left)
            .unwrap_or(u64::MAX)
            .div_ceil(Timestamp::DAY_MILLIS.unsigned_abs());
        if !rules.offer_days.allows(days) {
            let most = rules.offer_days;
            return refused(
                "admission.offer_days",
                format!("an offer that is good for {days} days, {most} at most"),
            );
        }
        match offer.attempts {
            None | Some(0) => refused(
                "admission.attempts",
                "an offer that does not say how many attempts it allows".to_owned(),
            ),
            Some(attempts) if !rules.attempts.allows(u64::from(attempts)) => {
                let most = rules.attempts;
                refused(
                    "admission.attempts",
                    format!("an offer of {attempts} attempts of each task, {most} at most"),
                )
            }
            Some(_) => None,
        }
    }

    fn admit_people(&self, offer: &Offer) -> Option<Verdict> {
        let rules = &self.rules.admission;
        let initiator = &offer.initiator.party;
        if *initiator != self.me && !names(&rules.initiators, initiator.as_str()) {
            return Some(Verdict::refused(
                "admission.initiators",
                format!("jobs started by party {initiator}"),
            ));
        }
        let stranger = offer
            .cast
            .parties()
            .into_iter()
            .find(|party| *party != self.me && !names(&rules.peers, party.as_str()))?;
        Some(Verdict::refused(
            "admission.peers",
            format!("work together with party {stranger}"),
        ))
    }

    /// The other parties of a job.
    pub(crate) fn others(&self, offer: &Offer) -> Vec<PartyId> {
        offer
            .cast
            .parties()
            .into_iter()
            .filter(|party| *party != self.me)
            .collect()
    }

    /// Whether the rules of hours and days let a job go on now. Asked at every message, too.
    pub fn admit_moment(&self, offer: &Offer, now: Timestamp) -> Option<Verdict> {
        let (rule, what) = self
            .others(offer)
            .iter()
            .find_map(|peer| self.closed_to(peer, now))?;
        Some(Verdict::refused(rule, what))
    }

    fn admit_arbiter(&self, offer: &Offer) -> Option<Verdict> {
        let cast = &offer.cast;
        let double = cast
            .arbiter
            .iter()
            .find(|party| cast.guest.contains(party) || cast.host.contains(party))?;
        let what = format!(
            "party {double} as arbiter beside its other role: it could open what it shall not read"
        );
        self.rules
            .admission
            .independent_arbiter
            .then(|| Verdict::refused("admission.independent_arbiter", what))
    }

    fn admit_components(&self, offer: &Offer, facts: &Facts) -> Option<Verdict> {
        // A role that a step names and a participant that it names mean this party alike.
        let mine = |step: &OfferedStep| -> Vec<Role> {
            let named = step
                .roles
                .iter()
                .copied()
                .filter(|role| offer.cast.of(*role).contains(&self.me));
            named
                .chain(
                    step.participants
                        .iter()
                        .filter(|who| who.party == self.me)
                        .map(|who| who.role),
                )
                .collect()
        };
        // Moving one's own tables in and out is not for others to allow.
        let own_affair = |role: &Role| *role == Role::Local && offer.initiator.party == self.me;
        let others = self.others(offer);
        let unnamed = |step: &OfferedStep| {
            let granted =
                self.rules.permissions.component && facts.grants.has_component(&step.component);
            if granted || mine(step).iter().all(own_affair) {
                return None;
            }
            let general = (
                "admission.components",
                self.rules.admission.components.as_slice(),
            );
            let mut lists = others
                .iter()
                .map(|peer| self.components_with(peer))
                .collect::<Vec<_>>();
            if lists.is_empty() {
                lists.push(general);
            }
            lists
                .into_iter()
                .find(|(_, list)| !names(list, &step.component))
                .map(|(rule, _)| rule)
        };
        let (step, rule) = offer
            .steps
            .iter()
            .find_map(|step| Some((step, unnamed(step)?)))?;
        Some(Verdict::refused(
            rule,
            format!("the component {} (step {})", step.component, step.step),
        ))
    }

    fn admit_tables(&self, offer: &Offer, facts: &Facts) -> Option<Verdict> {
        let others = self.others(offer);
        for step in &offer.steps {
            for (owner, table) in &step.tables {
                let own_affair = owner.role == Role::Local && offer.initiator.party == self.me;
                let granted = self.rules.permissions.dataset && facts.grants.has_table(table);
                if owner.party != self.me || own_affair || granted {
                    continue;
                }
                if let Some(rule) = self.keeps_table(&others, table) {
                    return Some(Verdict::refused(
                        rule,
                        format!("the table {table} to step {}", step.step),
                    ));
                }
            }
        }
        None
    }

    /// The rule by which a table is not for a job with these parties.
    fn keeps_table(&self, others: &[PartyId], table: &TableRef) -> Option<&'static str> {
        let mut lists: Vec<_> = others.iter().map(|peer| self.tables_with(peer)).collect();
        if lists.is_empty() {
            lists.push(("admission.tables", &self.rules.admission.tables));
        }
        lists
            .into_iter()
            .find(|(_, list)| !names_table(list, table))
            .map(|(rule, _)| rule)
    }
}

/// Whether a list names a table. An entry with a dot before its `*` stays inside that namespace: `lab.*` does not reach the
/// namespace `lab.secret`.
pub(crate) fn names_table(list: &[String], table: &TableRef) -> bool {
    let inside = format!("{}.", table.namespace);
    list.iter().any(|entry| match entry.strip_suffix('*') {
        Some(start) if start.contains('.') => {
            start.starts_with(&inside) && table.to_string().starts_with(start)
        }
        _ => names(std::slice::from_ref(entry), &table.to_string()),
    })
}
