//! May the party take part in a job?

use vocabulary::{Offer, Role, TableRef};

use crate::grants::Grants;
use crate::rules::{Policy, names};
use crate::verdict::Verdict;

impl Policy {
    /// Judges an offer whose signature was verified. `signer` is the party that the certificate names; `grants` are what
    /// it was granted at the door, which count where the policy says so.
    pub fn admit(&self, offer: &Offer, signer: &vocabulary::PartyId, grants: &Grants) -> Verdict {
        if *signer != offer.initiator.party {
            let what = format!("an offer of {} signed by party {signer}", offer.initiator);
            return Verdict::refused("admission.initiators", what);
        }
        if !offer.cast.parties().contains(&self.me) {
            return Verdict::refused("admission.peers", "an offer in which it has no part");
        }
        self.admit_people(offer)
            .or_else(|| self.admit_arbiter(offer))
            .or_else(|| self.admit_components(offer, grants))
            .or_else(|| self.admit_tables(offer, grants))
            .unwrap_or(Verdict::Allowed)
    }

    fn admit_people(&self, offer: &Offer) -> Option<Verdict> {
        let rules = &self.rules.admission;
        let initiator = &offer.initiator.party;
        if *initiator != self.me && !names(&rules.initiators, initiator.as_str()) {
            return Some(Verdict::refused("admission.initiators", format!("jobs started by party {initiator}")));
        }
        let stranger =
            offer.cast.parties().into_iter().find(|party| *party != self.me && !names(&rules.peers, party.as_str()))?;
        Some(Verdict::refused("admission.peers", format!("work together with party {stranger}")))
    }

    fn admit_arbiter(&self, offer: &Offer) -> Option<Verdict> {
        let cast = &offer.cast;
        let double = cast.arbiter.iter().find(|party| cast.guest.contains(party) || cast.host.contains(party))?;
        let what = format!("party {double} as arbiter beside its other role: it could open what it shall not read");
        self.rules.admission.independent_arbiter.then(|| Verdict::refused("admission.independent_arbiter", what))
    }

    fn admit_components(&self, offer: &Offer, grants: &Grants) -> Option<Verdict> {
        let mine = |role: &Role| offer.cast.of(*role).contains(&self.me);
        // Moving one's own tables in and out is not for others to allow.
        let own_affair = |role: &Role| *role == Role::Local && offer.initiator.party == self.me;
        let refused = offer.steps.iter().find(|step| {
            step.roles.iter().any(|role| mine(role) && !own_affair(role))
                && !names(&self.rules.admission.components, &step.component)
                && !(self.rules.permissions.component && grants.has_component(&step.component))
        })?;
        let what = format!("the component {} (step {})", refused.component, refused.step);
        Some(Verdict::refused("admission.components", what))
    }

    fn admit_tables(&self, offer: &Offer, grants: &Grants) -> Option<Verdict> {
        for step in &offer.steps {
            for (owner, table) in &step.tables {
                let own_affair = owner.role == Role::Local && offer.initiator.party == self.me;
                let granted = self.rules.permissions.dataset && grants.has_table(table);
                let allowed = own_affair || granted || names_table(&self.rules.admission.tables, table);
                if owner.party == self.me && !allowed {
                    return Some(Verdict::refused(
                        "admission.tables",
                        format!("the table {table} to step {}", step.step),
                    ));
                }
            }
        }
        None
    }
}

/// Whether a list names a table. An entry with a dot before its `*` stays inside that namespace: `lab.*` does not reach the
/// namespace `lab.secret`.
fn names_table(list: &[String], table: &TableRef) -> bool {
    let inside = format!("{}.", table.namespace);
    list.iter().any(|entry| match entry.strip_suffix('*') {
        Some(start) if start.contains('.') => start.starts_with(&inside) && table.to_string().starts_with(start),
        _ => names(std::slice::from_ref(entry), &table.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;
    use vocabulary::{Cast, JobId, OfferedStep, Participant, PartyId, Stage, StepName, TableRef, Timestamp};

    fn party(id: &str) -> PartyId {
        PartyId::new(id).expect("valid")
    }

    fn offer() -> Offer {
        let host = Participant::new(Role::Host, party("2"));
        Offer {
            job: JobId::new("1").expect("valid"),
            initiator: Participant::new(Role::Guest, party("1")),
            cast: Cast { guest: vec![party("1")], host: vec![party("2")], ..Cast::default() },
            steps: vec![OfferedStep {
                step: StepName::new("reader_0").expect("valid"),
                component: "reader".to_owned(),
                version: 1,
                stage: Stage::Fit,
                roles: vec![Role::Guest, Role::Host],
                participants: vec![host.clone()],
                parameters: vec![],
                tables: vec![(host, TableRef::new("experiment", "t"))],
                inputs: vec![],
                models: vec![],
            }],
            created: Timestamp(0),
        }
    }

    fn open() -> Rules {
        toml::from_str(
            "[admission]\ninitiators = ['1']\npeers = ['1']\ncomponents = ['reader']\ntables = ['experiment.*']",
        )
        .expect("rules")
    }

    fn judge(change: impl FnOnce(&mut Rules)) -> Verdict {
        let mut rules = open();
        change(&mut rules);
        Policy::new(party("2"), rules).admit(&offer(), &party("1"), &Grants::default())
    }

    #[test]
    fn admits_what_every_rule_names() {
        assert_eq!(judge(|_| ()), Verdict::Allowed);
    }

    #[test]
    fn refuses_whatever_one_rule_does_not_name() {
        let rule = |verdict| match verdict {
            Verdict::Refused { rule, .. } => rule,
            Verdict::Allowed => "allowed",
        };
        assert_eq!(rule(judge(|rules| rules.admission.initiators.clear())), "admission.initiators");
        assert_eq!(rule(judge(|rules| rules.admission.peers.clear())), "admission.peers");
        assert_eq!(rule(judge(|rules| rules.admission.components.clear())), "admission.components");
        assert_eq!(rule(judge(|rules| rules.admission.tables.clear())), "admission.tables");
    }

    #[test]
    fn refuses_an_arbiter_that_is_guest_or_host_unless_the_rule_is_off() {
        let double = Offer { cast: Cast { arbiter: vec![party("2")], ..offer().cast }, ..offer() };
        let verdict = Policy::new(party("2"), open()).admit(&double, &party("1"), &Grants::default());
        assert!(matches!(verdict, Verdict::Refused { rule: "admission.independent_arbiter", .. }), "{verdict:?}");
        let mut rules = open();
        rules.admission.independent_arbiter = false;
        assert_eq!(Policy::new(party("2"), rules).admit(&double, &party("1"), &Grants::default()), Verdict::Allowed);
    }

    #[test]
    fn grants_stand_beside_the_lists_where_the_switch_is_on() {
        let granted = Grants {
            components: vec!["reader".to_owned()],
            tables: vec![TableRef::new("experiment", "t")],
            ..Grants::default()
        };
        let judge = |switches: (bool, bool), grants: &Grants| {
            let mut rules = open();
            rules.admission.components.clear();
            rules.admission.tables.clear();
            (rules.permissions.component, rules.permissions.dataset) = switches;
            Policy::new(party("2"), rules).admit(&offer(), &party("1"), grants)
        };
        let rule = |verdict: Verdict| match verdict {
            Verdict::Refused { rule, .. } => rule,
            Verdict::Allowed => "allowed",
        };
        assert_eq!(judge((true, true), &granted), Verdict::Allowed);
        assert_eq!(rule(judge((false, true), &granted)), "admission.components");
        assert_eq!(rule(judge((true, false), &granted)), "admission.tables");
        let other = Grants { tables: vec![TableRef::new("experiment", "u")], ..granted.clone() };
        assert_eq!(rule(judge((true, true), &other)), "admission.tables");
        let all = Grants { components: vec!["*".to_owned()], every_table: true, tables: vec![] };
        assert_eq!(judge((true, true), &all), Verdict::Allowed);
        let mut closed = Rules::default();
        (closed.permissions.component, closed.permissions.dataset) = (true, true);
        let verdict = Policy::new(party("2"), closed).admit(&offer(), &party("1"), &all);
        assert_eq!(rule(verdict), "admission.initiators", "a grant does not make an initiator");
    }

    #[test]
    fn a_namespace_does_not_reach_into_one_that_begins_like_it() {
        let allowed = |entry: &str, namespace: &str| names_table(&[entry.to_owned()], &TableRef::new(namespace, "t"));
        assert!(allowed("lab.*", "lab") && allowed("lab.t", "lab") && allowed("lab.t*", "lab") && allowed("*", "lab"));
        assert!(allowed("la*", "lab.secret"), "no dot: whatever begins so");
        assert!(!allowed("lab.*", "lab.secret") && !allowed("lab.x*", "lab"));
    }

    #[test]
    fn refuses_an_offer_that_somebody_else_signed() {
        assert!(!Policy::new(party("2"), open()).admit(&offer(), &party("3"), &Grants::default()).is_allowed());
    }

    #[test]
    fn the_default_refuses_everything_foreign() {
        assert!(
            !Policy::new(party("2"), Rules::default()).admit(&offer(), &party("1"), &Grants::default()).is_allowed()
        );
    }

    #[test]
    fn the_default_lets_a_party_load_its_own_tables() {
        let me = party("2");
        let own = Offer {
            initiator: Participant::new(Role::Local, me.clone()),
            cast: Cast { local: vec![me.clone()], ..Cast::default() },
            steps: vec![OfferedStep {
                roles: vec![Role::Local],
                component: "upload".to_owned(),
                tables: vec![],
                ..offer().steps[0].clone()
            }],
            ..offer()
        };
        assert!(Policy::new(me.clone(), Rules::default()).admit(&own, &me, &Grants::default()).is_allowed());
    }
}
