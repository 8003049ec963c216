//! What the policy is asked of an offer: the facts that this party knows of it, and the answer. What an offer takes over from
//! earlier ones is judged elsewhere, by asking the same of those.

use std::collections::BTreeSet;

use policy::{Facts, MadeOf, PlannedMessage, Policy, Training};
use vocabulary::{ErrorCode, Fault, JobId, Offer, TableRef};

use crate::agent_state::AgentState;
use crate::foresight;

/// Judges an offer by the policy alone, without what it takes over. `spoken` is what this party would send for it.
pub(crate) async fn admit(
    agent_state: &AgentState,
    policy: &Policy,
    offer: &Offer,
    (has_ticket, spoken): (bool, Vec<PlannedMessage>),
) -> Result<(), Fault> {
    // A table of a prediction is judged as the one whose rows it holds: its own name is new and
    // means nothing to rules.
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
    if !table.is_output() {
        return Ok(MadeOf::Itself);
    }
    let lines = agent_state
        .records
        .descent_of(table)
        .await?
        .unwrap_or_default();
    let sources: Vec<TableRef> = lines.into_iter().map(|line| line.source).collect();
    // A source that is an output itself has no name either: then nobody knows, which is judged as
    // the worst.
    let known = !sources.is_empty() && !sources.iter().any(TableRef::is_output);
    Ok(if known {
        MadeOf::Tables(sources)
    } else {
        MadeOf::Unknown
    })
}

/// What is known here of the trainings whose models the offer names at this party.
async fn trainings(agent_state: &AgentState, offer: &Offer) -> Result<Vec<Training>, Fault> {
    let models = offer.steps.iter().flat_map(|step| &step.models);
    let mine = models.filter(|input| input.model.owner.party == agent_state.me);
    let versions: BTreeSet<&str> = mine
        .map(|input| input.model.version.as_str())
        // A model of this very job has no training behind it yet.
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
