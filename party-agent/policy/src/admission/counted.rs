//! What an offer counts in the day in which it is accepted.

use std::collections::BTreeMap;

use vocabulary::{ModelInput, Offer, PartyId, Role};

use crate::admission::Facts;
use crate::cap::Cap;
use crate::rules::Policy;

/// Where the rows of online predictions stand at the party that asks.
const ONLINE_NAMESPACE: &str = "fedflow_inference";

/// Something of which a day has so many at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
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

/// Whether the job is an online prediction, as its offer has it: nothing is trained, and all that its guests read are rows
/// that were put together for a request. Such jobs are counted by ids. A guest that says so of other rows is held to that
/// count.
pub fn is_online(offer: &Offer) -> bool {
    let mut guests =
        offer.steps.iter().flat_map(|step| &step.tables).filter(|(who, _)| who.role == Role::Guest).peekable();
    guests.peek().is_some()
        && guests.all(|(_, table)| table.namespace == ONLINE_NAMESPACE)
        && offer.steps.iter().any(|step| step.component == "intersection" && step.inherited.is_none())
}

impl Policy {
    /// What accepting the offer counts. Nothing where the party's own users asked for it, or nobody else takes part.
    pub fn counted(&self, offer: &Offer, facts: &Facts) -> Vec<Counted> {
        let own = offer.initiator.party == self.me;
        if self.others(offer).is_empty() || own && facts.has_ticket {
            return Vec::new();
        }
        let asker = (!own).then_some(&offer.initiator.party);
        let who = asker.map_or("the coordinator".to_owned(), |party| format!("party {party}"));
        let mut counted = Vec::new();
        if !is_online(offer) {
            counted.push(Counted {
                name: format!("jobs of {who}"),
                count: 1,
                most: self.jobs_per_day(asker),
                rule: "limits.jobs_per_day",
                what: format!("more jobs of {who} today"),
            });
        }
        let trainings = offer.steps.iter().filter(|step| {
            step.inherited.is_none() && facts.spoken.iter().any(|spoken| spoken.step == step.step && spoken.trains)
        });
        let trainings = trainings.count() as u64;
        if trainings > 0 {
            counted.push(Counted {
                name: format!("trainings of {who}"),
                count: trainings,
                most: self.trainings_per_day(asker),
                rule: "limits.trainings_per_day",
                what: format!("more trainings of {who} today"),
            });
        }
        counted.extend(self.counted_models(offer, asker, &who));
        counted
    }

    fn counted_models(&self, offer: &Offer, asker: Option<&PartyId>, who: &str) -> Vec<Counted> {
        let steps = offer.steps.iter().filter(|step| step.inherited.is_none());
        let mine =
            |input: &&ModelInput| input.model.owner.party == self.me && input.model.version != offer.job.as_str();
        let mut uses: BTreeMap<String, u64> = BTreeMap::new();
        for input in steps.flat_map(|step| &step.models).filter(mine) {
            *uses.entry(input.model.version.clone()).or_default() += 1;
        }
        if is_online(offer) {
            return Vec::new();
        }
        let one = |(version, _)| Counted {
            name: format!("uses of model {version} by {who}"),
            count: 1,
            most: self.model_uses_per_day(asker),
            rule: "models.uses_per_day",
            what: format!("further use of the model in version {version} by {who} today"),
        };
        uses.into_iter().map(one).collect()
    }
}
