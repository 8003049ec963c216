//! Steps that an offer takes over from an earlier job: whether this party lets it, and taking over its own part.
//!
//! The earlier job was accepted under its own offer. That offer is judged again by the policy of today, so that a table
//! whose use is no longer allowed cannot be reached through what was made of it.

use policy::Policy;
use records::{AttemptRecord, AttemptState};
use vocabulary::{ErrorCode, Fault, JobId, Offer, OfferedStep, Participant, TaskId};

use crate::holdings::Holdings;

/// What of an earlier job becomes part of a new one.
pub(crate) struct Heritage(Vec<AttemptRecord>);

/// Finds this party's part of the steps that are taken over. Refuses what is not here, was other work, was started by
/// somebody else, or would not be accepted today.
pub(crate) async fn judge(holdings: &Holdings, offer: &Offer) -> Result<Heritage, Fault> {
    let mut found = Vec::new();
    for step in &offer.steps {
        let Some(from) = &step.inherited else { continue };
        for who in step.participants.iter().filter(|who| who.party == holdings.me) {
            found.push(one(holdings, offer, step, from, who).await?);
        }
    }
    Ok(Heritage(found))
}

async fn one(
    holdings: &Holdings,
    offer: &Offer,
    step: &OfferedStep,
    from: &JobId,
    who: &Participant,
) -> Result<AttemptRecord, Fault> {
    let refused = |why: &str| {
        let message = format!("step {} of job {from} cannot be taken over: {why}", step.step);
        Fault::new(ErrorCode::OfferRefused, message).path("inheritance").next("run the step anew")
    };
    let record = holdings.records.newest_attempt(from, &step.step, who.role).await?;
    let record = record.filter(|record| record.state == AttemptState::Succeeded);
    let record = record.ok_or_else(|| refused("it has not succeeded here"))?;
    let done = &record.assignment;
    let same = done.component == step.component
        && done.component_version == step.version
        && done.stage == step.stage
        && done.step_cast.participants().eq(step.participants.iter().cloned());
    if !same {
        return Err(refused("it was other work, or with others"));
    }
    let earlier = holdings.records.accepted_offer(&done.offer).await?;
    let earlier = earlier.ok_or_else(|| refused("what was agreed on it is forgotten"))?;
    if earlier.initiator.party != offer.initiator.party {
        return Err(refused("another party started it"));
    }
    let grants = holdings.grants(&earlier.initiator).await?;
    let policy: &Policy = &holdings.policy();
    policy.admit(&earlier, &earlier.initiator.party, &grants).into_result(ErrorCode::OfferRefused)?;
    Ok(record)
}

impl Heritage {
    /// Takes the parts over; doing it twice changes nothing.
    pub(crate) async fn take(&self, holdings: &Holdings, job: &JobId) -> Result<(), Fault> {
        for record in &self.0 {
            holdings.records.inherit(record, job, holdings.now()).await?;
            let from = &record.assignment.task;
            let to = TaskId { job: job.clone(), ..from.clone() };
            if let Err(error) = holdings.logs.copy(from, &to) {
                tracing::warn!(task = %to, %error, "the log of a step that was taken over cannot be copied");
            }
        }
        Ok(())
    }
}
