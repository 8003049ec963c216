//! The one judgement of an offer: when it comes, at every order under it, and while its tasks run whenever the rules have
//! changed. Everything that the offer names of this party passes here, and what is not known is refused.

use std::collections::BTreeSet;

use policy::{Counted, Facts, MadeOf, Policy, Spoken, Training};
use vocabulary::{ErrorCode, Fault, JobId, Offer, OfferedStep, TableRef};

use crate::agent_state::AgentState;
use crate::foresight;
use crate::inherited::{self, InheritedSteps};

/// Judges an offer whose signature was verified once. A ticket counts that was found to cover this very offer and has not
/// ended. Gives what the job takes over from earlier ones.
pub(crate) async fn judge(
    agent_state: &AgentState,
    policy: &Policy,
    offer: &Offer,
) -> Result<InheritedSteps, Fault> {
    let has_ticket = agent_state.ticket_of(offer).await?.is_some();
    judge_asked(agent_state, policy, offer, has_ticket).await
}

/// The same where it is known whether a ticket stands behind the offer.
pub(crate) async fn judge_asked(
    agent_state: &AgentState,
    policy: &Policy,
    offer: &Offer,
    has_ticket: bool,
) -> Result<InheritedSteps, Fault> {
    everybody_is_in_the_cast(offer).map_err(|fault| fault.at(&agent_state.me))?;
    let spoken = foresight::spoken(&agent_state.me, agent_state.catalogue, offer)?;
    admit(agent_state, policy, offer, (has_ticket, spoken))
        .await
        .map_err(|fault| advised(agent_state, fault))?;
    inherited::judge(agent_state, policy, offer)
        .await
        .map_err(|fault| fault.at(&agent_state.me))
}

/// Judges an offer by the policy alone, without what it takes over. `spoken` is what this party would send for it.
pub(crate) async fn admit(
    agent_state: &AgentState,
    policy: &Policy,
    offer: &Offer,
    (has_ticket, spoken): (bool, Vec<Spoken>),
) -> Result<(), Fault> {
    let judged = agent_state.stubs.judged(offer, &agent_state.me);
    let columns_of = |table: &TableRef| {
        let schema = agent_state.table_store.info(table).ok()?.schema;
        Some(
            schema
                .columns
                .into_iter()
                .map(|column| column.name)
                .collect(),
        )
    };
    let mut headers = foresight::headers(&agent_state.me, &judged, columns_of);
    for header in &mut headers {
        header.made_of = made_of(agent_state, &header.table).await?;
    }
    let brought = foresight::brought(&agent_state.me, &judged, &spoken, &headers);
    let facts = Facts {
        grants: agent_state.grants(&offer.initiator).await?,
        has_ticket,
        now: agent_state.now(),
        trainings: trainings(agent_state, offer).await?,
        spoken,
        headers,
        brought,
    };
    let signer = &offer.initiator.party;
    policy
        .admit(&judged, signer, &facts)
        .into_result(ErrorCode::OfferRefused)
        .map_err(|fault| fault.at(&agent_state.me))
}

/// Of what a table was made, as rules for columns need it: what a job left has no name of its own that they could name.
pub(crate) async fn made_of(agent_state: &AgentState, table: &TableRef) -> Result<MadeOf, Fault> {
    let is_output = |table: &TableRef| table.namespace.starts_with("output_data_");
    if !is_output(table) {
        return Ok(MadeOf::Itself);
    }
    let lines = agent_state
        .records
        .descent_of(table)
        .await?
        .unwrap_or_default();
    let sources: Vec<TableRef> = lines.into_iter().map(|line| line.source).collect();
    let known = !sources.is_empty() && !sources.iter().any(is_output);
    Ok(if known {
        MadeOf::Tables(sources)
    } else {
        MadeOf::Unknown
    })
}

/// A refusal for want of a ticket says where tickets are given.
fn advised(agent_state: &AgentState, fault: Fault) -> Fault {
    if fault.path.as_deref() != Some("admission.without_ticket") {
        return fault;
    }
    let fault = Fault {
        next: None,
        ..fault
    };
    let address = agent_state
        .rest
        .get()
        .map_or("the party's own REST endpoint", String::as_str);
    fault
        .next(format!("ask for the job at {address}, or name its components in admission.without_ticket of the policy"))
}

fn everybody_is_in_the_cast(offer: &Offer) -> Result<(), Fault> {
    let named = std::iter::once(&offer.initiator)
        .chain(offer.steps.iter().flat_map(|step| &step.participants))
        .chain(
            offer
                .steps
                .iter()
                .flat_map(|step| step.parameters.iter().map(|(who, _)| who)),
        )
        .chain(
            offer
                .steps
                .iter()
                .flat_map(|step| step.tables.iter().map(|(who, _)| who)),
        )
        .chain(
            offer
                .steps
                .iter()
                .flat_map(|step| step.inputs.iter().map(|input| &input.who)),
        )
        .chain(
            offer
                .steps
                .iter()
                .flat_map(|step| step.models.iter().map(|input| &input.model.owner)),
        )
        .chain(offer.keeps.iter().map(|keeps| &keeps.who));
    if let Some(stranger) = named.into_iter().find(|who| !offer.cast.has(who)) {
        let message = format!("{stranger} has a part in the offer and is not in its cast");
        return Err(Fault::new(ErrorCode::OfferRefused, message).path("cast"));
    }
    let odd = |step: &&OfferedStep| {
        step.participants
            .iter()
            .any(|who| !step.roles.contains(&who.role))
    };
    if let Some(step) = offer.steps.iter().find(odd) {
        let message = format!(
            "step {} has a participant in a role that it does not have",
            step.step
        );
        return Err(Fault::new(ErrorCode::OfferRefused, message).path("cast"));
    }
    Ok(())
}

/// What is known here of the trainings whose models the offer names at this party.
async fn trainings(agent_state: &AgentState, offer: &Offer) -> Result<Vec<Training>, Fault> {
    let models = offer.steps.iter().flat_map(|step| &step.models);
    let mine = models.filter(|input| input.model.owner.party == agent_state.me);
    let versions: BTreeSet<&str> = mine
        .map(|input| input.model.version.as_str())
        .filter(|version| *version != offer.job.as_str())
        .collect();
    let mut known = Vec::new();
    for version in versions {
        let Ok(job) = JobId::new(version) else {
            continue;
        };
        let offers = agent_state.records.offers_of(&job).await?;
        known.extend(offers.into_iter().map(|offer| Training {
            version: version.to_owned(),
            cast: offer.cast,
        }));
    }
    Ok(known)
}

/// What accepting an offer counts in the day, for those who are not the party's own users.
pub(crate) async fn counted(
    agent_state: &AgentState,
    policy: &Policy,
    offer: &Offer,
) -> Result<Vec<Counted>, Fault> {
    let has_ticket = agent_state.ticket_of(offer).await?.is_some();
    let spoken = foresight::spoken(&agent_state.me, agent_state.catalogue, offer)?;
    Ok(policy.counted(
        offer,
        &Facts {
            has_ticket,
            spoken,
            ..Facts::default()
        },
    ))
}

#[cfg(test)]
#[path = "judgement_tests.rs"]
mod tests;
