//! Steps that an offer takes over from an earlier job: whether this party lets it, and taking over its own part.
//!
//! The earlier job was accepted under its own offer. That offer is judged again by the policy in force, and so is what it took
//! over itself, so that a table whose use is no longer allowed cannot be reached through what was made of it.

use std::collections::BTreeSet;

use policy::Policy;
use records::{AttemptRecord, AttemptState};
use serde_json::Value;
use vocabulary::{ErrorCode, Fault, JobId, Offer, OfferedStep, Participant, TableRef, TaskId};

use crate::agent_state::AgentState;

pub(crate) mod inputs;

/// Offers through which a chain of inheritance is followed at most.
const LONGEST_CHAIN: usize = 100;

/// What of an earlier job becomes part of a new one.
pub(crate) struct InheritedSteps(Vec<AttemptRecord>);

/// Finds this party's part of the steps that are taken over. Refuses what is not here, was other work, was started by
/// somebody else, or would not be accepted today.
pub(crate) async fn judge(
    agent_state: &AgentState,
    policy: &Policy,
    offer: &Offer,
) -> Result<InheritedSteps, Fault> {
    let mut found = Vec::new();
    let mut open = Vec::new();
    for (step, from, who) in taken_over(agent_state, offer) {
        let (record, earlier) = one(agent_state, offer, step, from, who).await?;
        found.push(record);
        open.push(earlier);
    }
    follow(agent_state, policy, offer, open).await?;
    Ok(InheritedSteps(found))
}

/// Judges earlier offers, with their fingerprints, by the rules of now, and what they took over themselves.
async fn follow(
    agent_state: &AgentState,
    policy: &Policy,
    offer: &Offer,
    mut open: Vec<(String, Offer)>,
) -> Result<(), Fault> {
    let mut judged = BTreeSet::new();
    while let Some((fingerprint, earlier)) = open.pop() {
        if !judged.insert(fingerprint) {
            continue;
        }
        // Each link is judged by the policy: without a bound an offer could keep the agent busy for
        // hours.
        if judged.len() > LONGEST_CHAIN {
            let message = format!(
                "what job {} takes over comes from more than {LONGEST_CHAIN} jobs",
                offer.job
            );
            return Err(Fault::new(ErrorCode::OfferRefused, message)
                .path("inheritance")
                .next("run the steps anew"));
        }
        // Offer and ticket were good when the step was done; how long they are good for orders does not matter any more.
        let has_ticket = agent_state.past_ticket_of(&earlier).await?.is_some();
        let undated = Offer {
            expires: offer.expires,
            attempts: offer.attempts,
            ..earlier.clone()
        };
        // Nothing of it is sent again.
        crate::admission::admit(agent_state, policy, &undated, (has_ticket, Vec::new())).await?;
        for (step, from, who) in taken_over(agent_state, &earlier) {
            open.push(one(agent_state, &earlier, step, from, who).await?.1);
        }
    }
    Ok(())
}

/// This party's parts of steps that an offer takes over, and from which job.
fn taken_over<'a>(
    agent_state: &'a AgentState,
    offer: &'a Offer,
) -> impl Iterator<Item = (&'a OfferedStep, &'a JobId, &'a Participant)> {
    let inherited = offer
        .steps
        .iter()
        .filter_map(|step| Some((step, step.inherited.as_ref()?)));
    inherited.flat_map(move |(step, from)| {
        let mine = step
            .participants
            .iter()
            .filter(|who| who.party == agent_state.me);
        mine.map(move |who| (step, from, who))
    })
}

/// What one participant left, and the offer under which it did.
async fn one(
    agent_state: &AgentState,
    offer: &Offer,
    step: &OfferedStep,
    from: &JobId,
    who: &Participant,
) -> Result<(AttemptRecord, (String, Offer)), Fault> {
    let refused = |why: &str| {
        let message = format!(
            "step {} of job {from} cannot be taken over: {why}",
            step.step
        );
        Fault::new(ErrorCode::OfferRefused, message)
            .path("inheritance")
            .next("run the step anew")
    };
    let record = agent_state
        .records
        .newest_attempt(from, &step.step, who.role)
        .await?;
    let record = succeeded(record).ok_or_else(|| refused("it has not succeeded here"))?;
    let done = &record.assignment;
    let same = done.component == step.component
        && done.component_version == step.version
        && done.stage == step.stage
        && done
            .step_cast
            .participants()
            .eq(step.participants.iter().cloned());
    if !same {
        return Err(refused("it was other work, or with others"));
    }
    let earlier = agent_state.records.accepted_offer(&done.offer).await?;
    let earlier = earlier.ok_or_else(|| refused("what was agreed on it is forgotten"))?;
    // What one initiator was allowed to make must not become another's input.
    if earlier.initiator.party != offer.initiator.party {
        return Err(refused("another party started it"));
    }
    if !same_reach(&earlier, step, who) {
        return Err(refused("it had other tables or parameters"));
    }
    let fingerprint = done.offer.clone();
    Ok((record, (fingerprint, earlier)))
}

fn succeeded(record: Option<AttemptRecord>) -> Option<AttemptRecord> {
    record.filter(|record| record.state == AttemptState::Succeeded)
}

/// Whether the step had the same tables and parameters at a participant when it was done: what is offered now says what was
/// done then, to those who judge it.
fn same_reach(earlier: &Offer, step: &OfferedStep, who: &Participant) -> bool {
    let Some(before) = earlier.steps.iter().find(|before| before.step == step.step) else {
        return false;
    };
    let parameters = |of: &OfferedStep| -> Option<Value> {
        let (_, text) = of.parameters.iter().find(|(owner, _)| owner == who)?;
        serde_json::from_str(text).ok()
    };
    let tables = |of: &OfferedStep| -> Vec<TableRef> {
        of.tables
            .iter()
            .filter(|(owner, _)| owner == who)
            .map(|(_, table)| table.clone())
            .collect()
    };
    tables(before) == tables(step) && parameters(before) == parameters(step)
}

impl InheritedSteps {
    /// Takes the parts over; doing it twice changes nothing.
    pub(crate) async fn take(&self, agent_state: &AgentState, job: &JobId) -> Result<(), Fault> {
        for record in &self.0 {
            agent_state
                .records
                .inherit(record, job, agent_state.now())
                .await?;
            let from = &record.assignment.task;
            let to = TaskId {
                job: job.clone(),
                ..from.clone()
            };
            if let Err(error) = agent_state.logs.copy(from, &to) {
                // A log is for people: without it the step is taken over all the same.
                tracing::warn!(task = %to, %error, "the log of a step that was taken over cannot be copied");
            }
        }
        Ok(())
    }
}
