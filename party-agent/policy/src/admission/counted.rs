//! What an offer counts in the day in which it is accepted.

use std::collections::{BTreeMap, BTreeSet};

use vocabulary::{Disclosure, ModelInput, Offer, OfferedStep, PartyId, Role, Stage, StepName};

use crate::admission::{Facts, PlannedMessage};
use crate::cap::Cap;
use crate::rules::Policy;

/// The component by which the rows that are asked for are found.
const INTERSECTION: &str = "intersection";

/// Something of which a day has so many at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyCount {
    /// Under which name it is counted.
    pub name: String,
    /// How many it is.
    pub count: u64,
    /// How many a day may have.
    pub most: Cap,
    /// The rule that says so.
    pub rule: &'static str,
    /// In words.
    pub what: String,
}

/// Whether the job is an online prediction: by what it lets this party do, and not by what it says of itself. All that its
/// guests read are rows that were put together for a request; a model of an earlier job is applied behind the intersection; and
/// but for the intersection this party speaks where a model is applied to what the intersection left of its rows. Such jobs are
/// counted by ids. `spoken` is what this party would send.
pub fn is_online(me: &PartyId, offer: &Offer, spoken: &[PlannedMessage]) -> bool {
    let mut guests = offer
        .steps
        .iter()
        .flat_map(|step| &step.tables)
        .filter(|(who, _)| who.role == Role::Guest)
        .peekable();
    // `all` is true of no table at all; without guests' tables there is no request to serve.
    if guests.peek().is_none() || !guests.all(|(_, table)| table.is_online()) {
        return false;
    }
    let behind = behind_intersection(me, offer);
    let intersects =
        |step: &OfferedStep| step.component == INTERSECTION && step.inherited.is_none();
    // Who brings no rows, such as an arbiter, needs no model of its own.
    let brings = |step: &OfferedStep| {
        step.tables.iter().any(|(who, _)| who.party == *me)
            || step.inputs.iter().any(|input| input.who.party == *me)
    };
    let has_rows = offer.steps.iter().any(brings);
    let earlier = |input: &ModelInput| {
        input.model.version != offer.job.as_str() && (!has_rows || input.model.owner.party == *me)
    };
    let only_applies = |step: &OfferedStep| {
        step.stage == Stage::Apply && (!has_rows || behind.contains(&step.step))
    };
    let applies = |step: &OfferedStep| {
        step.inherited.is_none() && only_applies(step) && step.models.iter().any(earlier)
    };
    let speaks = |step: &&OfferedStep| {
        let of_step = |one: &&PlannedMessage| {
            one.step == step.step && one.to.iter().any(|to| to.party != *me)
        };
        step.inherited.is_none() && !intersects(step) && spoken.iter().any(|one| of_step(&one))
    };
    offer.steps.iter().any(intersects)
        && offer.steps.iter().any(applies)
        && !spoken.iter().any(|one| one.trains)
        && offer.steps.iter().filter(speaks).all(only_applies)
}

/// The steps in which this party has nothing but what an intersection of the job left of its rows. Whatever stands before its
/// makers is not among them.
fn behind_intersection<'a>(me: &PartyId, offer: &'a Offer) -> BTreeSet<&'a StepName> {
    let mut behind = BTreeSet::new();
    let mut makers: BTreeSet<&StepName> = BTreeSet::new();
    for step in offer.steps.iter().filter(|step| step.inherited.is_none()) {
        if step.component == INTERSECTION {
            if step.participants.iter().any(|who| who.party == *me) {
                makers.insert(&step.step);
            }
            continue;
        }
        let mut mine = step
            .inputs
            .iter()
            .filter(|input| input.who.party == *me)
            .peekable();
        let reads = step.tables.iter().any(|(who, _)| who.party == *me);
        if !reads
            && mine.peek().is_some()
            && mine.all(|input| input.of_job.is_none() && makers.contains(&input.made_by))
        {
            makers.insert(&step.step);
            behind.insert(&step.step);
        }
    }
    behind
}

/// Somebody for whom something is counted: who starts the job, and each other party that learns from it.
struct Asker<'a> {
    party: Option<&'a PartyId>,
    starts: bool,
}

impl Asker<'_> {
    fn name(&self) -> String {
        self.party.map_or("the coordinator".to_owned(), |party| {
            format!("party {party}")
        })
    }

    /// Of these steps the ones that count for it.
    fn steps<'s>(&self, steps: &[&'s OfferedStep], facts: &Facts) -> Vec<&'s OfferedStep> {
        let learns = |step: &&&OfferedStep| {
            let of_step = facts
                .spoken
                .iter()
                .filter(|spoken| spoken.step == step.step);
            self.starts
                || of_step
                    .into_iter()
                    .any(|spoken| self.party.is_some_and(|party| learns(spoken, party)))
        };
        steps.iter().filter(learns).copied().collect()
    }
}

/// Whether a party learns of this party's data by a message. Ids have rules of their own, and so do arbiters.
fn learns(spoken: &PlannedMessage, party: &PartyId) -> bool {
    let says = !matches!(
        spoken.line.disclosure,
        Disclosure::Control
            | Disclosure::PublicKey
            | Disclosure::BlindedIds
            | Disclosure::RowPositions
    );
    says && spoken
        .to
        .iter()
        .any(|to| to.party == *party && to.role != Role::Arbiter)
}

impl Policy {
    /// What accepting the offer counts, for whoever starts the job and for each other party that learns from it: a rule for a peer
    /// is not passed by having somebody else ask. Nothing where the party's own users asked for it, or nobody else takes part.
    pub fn counted(&self, offer: &Offer, facts: &Facts) -> Vec<DailyCount> {
        // A ticket is what shows that one's own users asked. Without one the coordinator might
        // have.
        let own = offer.initiator.party == self.me;
        if self.others(offer).is_empty() || own && facts.has_ticket {
            return Vec::new();
        }
        let online = is_online(&self.me, offer, &facts.spoken);
        let mut counted = Vec::new();
        for asker in self.askers(offer, facts) {
            counted.push(self.counted_job(&asker, online));
            counted.extend(self.counted_trainings(offer, &asker, facts));
            // Online predictions are counted by ids; to count their models as well would end them
            // early.
            if !online {
                counted.extend(self.counted_models(offer, &asker, facts));
            }
        }
        counted
    }

    /// Who starts the job, then its guests and whoever else would be told something.
    fn askers<'a>(&self, offer: &'a Offer, facts: &'a Facts) -> Vec<Asker<'a>> {
        let starter = (offer.initiator.party != self.me).then_some(&offer.initiator.party);
        let told = facts.spoken.iter().flat_map(|spoken| {
            spoken
                .to
                .iter()
                .map(|to| &to.party)
                .filter(|party| learns(spoken, party))
        });
        let others: BTreeSet<&PartyId> = offer.cast.guest.iter().chain(told).collect();
        let others = others
            .into_iter()
            .filter(|party| **party != self.me && Some(*party) != starter);
        let others = others.map(|party| Asker {
            party: Some(party),
            starts: false,
        });
        std::iter::once(Asker {
            party: starter,
            starts: true,
        })
        .chain(others)
        .collect()
    }

    /// A job; one that predicts online has an id at least.
    fn counted_job(&self, asker: &Asker<'_>, online: bool) -> DailyCount {
        let who = asker.name();
        if online {
            let general = self.rules.limits.online_ids_per_day;
            return DailyCount {
                name: format!("online jobs of {who}"),
                count: 1,
                most: asker
                    .party
                    .map_or(general, |party| self.online_ids_per_day(party)),
                rule: "limits.online_ids_per_day",
                what: format!("more online predictions of {who} today"),
            };
        }
        DailyCount {
            name: format!("jobs of {who}"),
            count: 1,
            most: self.jobs_per_day(asker.party),
            rule: "limits.jobs_per_day",
            what: format!("more jobs of {who} today"),
        }
    }

    fn counted_trainings(
        &self,
        offer: &Offer,
        asker: &Asker<'_>,
        facts: &Facts,
    ) -> Option<DailyCount> {
        let trains = |step: &&OfferedStep| {
            facts
                .spoken
                .iter()
                .any(|spoken| spoken.step == step.step && spoken.trains)
        };
        let trainings: Vec<_> = offer
            .steps
            .iter()
            .filter(|step| step.inherited.is_none())
            .filter(trains)
            .collect();
        let count = asker.steps(&trainings, facts).len() as u64;
        let who = asker.name();
        (count > 0).then(|| DailyCount {
            name: format!("trainings of {who}"),
            count,
            most: self.trainings_per_day(asker.party),
            rule: "limits.trainings_per_day",
            what: format!("more trainings of {who} today"),
        })
    }

    /// Uses of each version: steps that apply it and in which something is told, and for who starts the job one at least.
    fn counted_models(&self, offer: &Offer, asker: &Asker<'_>, facts: &Facts) -> Vec<DailyCount> {
        let mine = |input: &&ModelInput| {
            input.model.owner.party == self.me && input.model.version != offer.job.as_str()
        };
        let mut steps: BTreeMap<&str, Vec<&OfferedStep>> = BTreeMap::new();
        for step in offer.steps.iter().filter(|step| step.inherited.is_none()) {
            let versions: BTreeSet<&str> = step
                .models
                .iter()
                .filter(mine)
                .map(|input| input.model.version.as_str())
                .collect();
            versions
                .into_iter()
                .for_each(|version| steps.entry(version).or_default().push(step));
        }
        let speaks = |step: &&&OfferedStep| {
            let mut of_step = facts
                .spoken
                .iter()
                .filter(|spoken| spoken.step == step.step);
            of_step.any(|spoken| spoken.to.iter().any(|to| to.party != self.me))
        };
        let who = asker.name();
        let one = |(version, steps): (&str, Vec<&OfferedStep>)| {
            let speaking: Vec<&OfferedStep> = steps.iter().filter(speaks).copied().collect();
            // Whoever starts a job could else apply a model for free in steps where nobody speaks.
            let count = (asker.steps(&speaking, facts).len() as u64).max(u64::from(asker.starts));
            (count > 0).then(|| DailyCount {
                name: format!("uses of model {version} by {who}"),
                count,
                most: self.model_uses_per_day(asker.party),
                rule: "models.uses_per_day",
                what: format!("further use of the model in version {version} by {who} today"),
            })
        };
        steps.into_iter().filter_map(one).collect()
    }
}
