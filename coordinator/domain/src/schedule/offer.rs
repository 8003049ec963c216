//! Asking the parties to join: the initiator's first, then all others; one refusal settles the job.

use vocabulary::PartyId;

use super::Decision;
use super::work::Work;
use crate::job::Answer;
use crate::job::state::JobEvent;

/// Sends what is missing of the offer's orders, or draws the sum of the answers.
pub(super) fn ask_parties(work: &mut Work<'_>) {
    let job = work.job;
    let refusal = job.answers.iter().find_map(|(party, answer)| match answer {
        Answer::Refused(fault) => Some(fault.clone().at(party)),
        Answer::Accepted(_) => None,
    });
    if let Some(fault) = refusal {
        return work.job_event(JobEvent::Refused, Some(fault));
    }
    let initiator = &job.initiator.party;
    if job.offer.is_none() {
        // Alone and first: the others are asked with the initiator's signature, and accept nothing
        // without.
        return ask(work, initiator, Decision::Sign);
    }
    let others = job
        .cast
        .parties()
        .into_iter()
        .filter(|party| party != initiator);
    let missing: Vec<PartyId> = others
        .filter(|party| !job.answers.contains_key(party))
        .collect();
    if missing.is_empty() {
        return work.job_event(JobEvent::AllAccepted, None);
    }
    for party in missing {
        ask(
            work,
            &party,
            Decision::Offer {
                party: party.clone(),
            },
        );
    }
}

fn ask(work: &mut Work<'_>, party: &PartyId, order: Decision) {
    if work.presence.is_online(party) {
        work.order_offer(party, order);
        work.wait_for(
            format!("party {party} has not answered the offer yet"),
            vec![party.clone()],
        );
    } else {
        work.wait_for_connection(party.clone());
    }
}
