//! The one judgement of an offer: when it comes, at every order under it, and while its tasks run whenever the rules have
//! changed. Everything that the offer names of this party passes here, and what is not known is refused.

use std::collections::BTreeSet;

use policy::{Facts, Policy, Spoken, Training};
use vocabulary::{ErrorCode, Fault, JobId, Offer, OfferedStep, Participant};

use crate::heritage::{self, Heritage};
use crate::holdings::Holdings;

/// Judges an offer whose signature was verified once. A ticket counts that was found to cover this very offer and has not
/// ended. Gives what the job takes over from earlier ones.
pub(crate) async fn judge(holdings: &Holdings, policy: &Policy, offer: &Offer) -> Result<Heritage, Fault> {
    let has_ticket = holdings.ticket_of(offer).await?.is_some();
    judge_asked(holdings, policy, offer, has_ticket).await
}

/// The same where it is known whether a ticket stands behind the offer.
pub(crate) async fn judge_asked(
    holdings: &Holdings,
    policy: &Policy,
    offer: &Offer,
    has_ticket: bool,
) -> Result<Heritage, Fault> {
    everybody_is_in_the_cast(offer).map_err(|fault| fault.at(&holdings.me))?;
    let spoken = spoken(holdings, offer)?;
    admit(holdings, policy, offer, (has_ticket, spoken)).await.map_err(|fault| advised(holdings, fault))?;
    heritage::judge(holdings, policy, offer).await.map_err(|fault| fault.at(&holdings.me))
}

/// Judges an offer by the policy alone, without what it takes over. `spoken` is what this party would send for it.
pub(crate) async fn admit(
    holdings: &Holdings,
    policy: &Policy,
    offer: &Offer,
    (has_ticket, spoken): (bool, Vec<Spoken>),
) -> Result<(), Fault> {
    let facts = Facts {
        grants: holdings.grants(&offer.initiator).await?,
        has_ticket,
        now: holdings.now(),
        trainings: trainings(holdings, offer).await?,
        spoken,
    };
    let judged = holdings.stand_ins.judged(offer, &holdings.me);
    let signer = &offer.initiator.party;
    policy.admit(&judged, signer, &facts).into_result(ErrorCode::OfferRefused).map_err(|fault| fault.at(&holdings.me))
}

/// A refusal for want of a ticket says where tickets are given.
fn advised(holdings: &Holdings, fault: Fault) -> Fault {
    if fault.path.as_deref() != Some("admission.without_ticket") {
        return fault;
    }
    let fault = Fault { next: None, ..fault };
    let address = holdings.rest.get().map_or("the party's own REST endpoint", String::as_str);
    fault
        .next(format!("ask for the job at {address}, or name its components in admission.without_ticket of the policy"))
}

fn everybody_is_in_the_cast(offer: &Offer) -> Result<(), Fault> {
    let named = std::iter::once(&offer.initiator)
        .chain(offer.steps.iter().flat_map(|step| &step.participants))
        .chain(offer.steps.iter().flat_map(|step| step.parameters.iter().map(|(who, _)| who)))
        .chain(offer.steps.iter().flat_map(|step| step.tables.iter().map(|(who, _)| who)))
        .chain(offer.steps.iter().flat_map(|step| step.inputs.iter().map(|input| &input.who)))
        .chain(offer.steps.iter().flat_map(|step| step.models.iter().map(|input| &input.model.owner)))
        .chain(offer.keeps.iter().map(|keeps| &keeps.who));
    if let Some(stranger) = named.into_iter().find(|who| !offer.cast.has(who)) {
        let message = format!("{stranger} has a part in the offer and is not in its cast");
        return Err(Fault::new(ErrorCode::OfferRefused, message).path("cast"));
    }
    let odd = |step: &&OfferedStep| step.participants.iter().any(|who| !step.roles.contains(&who.role));
    if let Some(step) = offer.steps.iter().find(odd) {
        let message = format!("step {} has a participant in a role that it does not have", step.step);
        return Err(Fault::new(ErrorCode::OfferRefused, message).path("cast"));
    }
    Ok(())
}

/// What is known here of the trainings whose models the offer names at this party.
async fn trainings(holdings: &Holdings, offer: &Offer) -> Result<Vec<Training>, Fault> {
    let models = offer.steps.iter().flat_map(|step| &step.models);
    let mine = models.filter(|input| input.model.owner.party == holdings.me);
    let versions: BTreeSet<&str> =
        mine.map(|input| input.model.version.as_str()).filter(|version| *version != offer.job.as_str()).collect();
    let mut known = Vec::new();
    for version in versions {
        let Ok(job) = JobId::new(version) else { continue };
        let offers = holdings.records.offers_of(&job).await?;
        known.extend(offers.into_iter().map(|offer| Training { version: version.to_owned(), cast: offer.cast }));
    }
    Ok(known)
}

/// What this party would send in each step of the offer.
fn spoken(holdings: &Holdings, offer: &Offer) -> Result<Vec<Spoken>, Fault> {
    let mut spoken = Vec::new();
    for step in offer.steps.iter().filter(|step| step.inherited.is_none()) {
        for who in step.participants.iter().filter(|who| who.party == holdings.me) {
            spoken.extend(spoken_by(holdings, step, who)?);
        }
    }
    Ok(spoken)
}

fn spoken_by(holdings: &Holdings, step: &OfferedStep, who: &Participant) -> Result<Vec<Spoken>, Fault> {
    let missing = || {
        let (component, version) = (&step.component, step.version);
        let message = format!("there is no component {component} of version {version} (step {})", step.step);
        Fault::new(ErrorCode::CatalogueMismatch, message).next("install the same version of fedflow at all parties")
    };
    let component = holdings.component(&step.component, step.version).ok_or_else(missing)?;
    let parameters = step.parameters.iter().find(|(of, _)| of == who);
    let parameters = parameters.and_then(|(_, text)| serde_json::from_str(text).ok()).unwrap_or_default();
    let lines = component.spoken(step.stage, who.role, &parameters);
    let to_whom = |line: vocabulary::MessageLine| Spoken {
        step: step.step.clone(),
        component: step.component.clone(),
        role: who.role,
        line,
        to: step.participants.iter().filter(|to| line.to.contains(&to.role) && *to != who).cloned().collect(),
    };
    Ok(lines.into_iter().map(to_whom).collect())
}

#[cfg(test)]
#[path = "judgement_tests.rs"]
mod tests;
