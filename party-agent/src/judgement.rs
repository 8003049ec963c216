//! The one judgement of an offer: when it comes, at every order under it, and while its tasks run whenever the rules have
//! changed. Everything that the offer names of this party passes here, and what is not known is refused.

use policy::{DailyCount, Facts, Policy};
use vocabulary::{ErrorCode, Fault, Offer, OfferedStep};

use crate::admission::admit;
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
    // First: rules look at the cast, and somebody outside of it would pass them unseen.
    everybody_is_in_the_cast(offer).map_err(|fault| fault.at(&agent_state.me))?;
    let spoken = foresight::spoken(&agent_state.me, agent_state.catalogue, offer)?;
    admit(agent_state, policy, offer, (has_ticket, spoken))
        .await
        .map_err(|fault| advised(agent_state, fault))?;
    inherited::judge(agent_state, policy, offer)
        .await
        .map_err(|fault| fault.at(&agent_state.me))
}

/// A refusal for want of a ticket says where tickets are given.
fn advised(agent_state: &AgentState, fault: Fault) -> Fault {
    if fault.path.as_deref() != Some("admission.without_ticket") {
        return fault;
    }
    let fault = Fault {
        // The policy's own advice would be to change the policy; asking at the right place is
        // easier.
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

/// What accepting an offer counts in the day, for those who are not the party's own users.
pub(crate) async fn counted(
    agent_state: &AgentState,
    policy: &Policy,
    offer: &Offer,
) -> Result<Vec<DailyCount>, Fault> {
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
