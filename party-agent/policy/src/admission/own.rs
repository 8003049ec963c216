//! Jobs in this party's own name, and jobs that move what it owns: who asked for them?
//!
//! The coordinator says that one of the party's own users asked. Its word counts for nothing: either the party's own endpoint
//! gave the request a ticket, or the policy names what may be started without.

use vocabulary::{Offer, OfferedStep, Participant, Role};

use crate::admission::Facts;
use crate::rules::{Policy, names};
use crate::verdict::Verdict;

impl Policy {
    /// Refuses a job in the party's own name that nobody here asked for, and local work for others.
    pub(super) fn admit_own(&self, offer: &Offer, facts: &Facts) -> Option<Verdict> {
        let me = |who: &Participant| who.party == self.me;
        let own = offer.initiator.party == self.me;
        let unasked = |step: &&OfferedStep| {
            let local = step
                .participants
                .iter()
                .any(|who| me(who) && who.role == Role::Local);
            let needs = if own {
                // The initiator in an offer is what the coordinator says; the ticket is what this
                // party gave.
                !facts.has_ticket && step.participants.iter().any(me)
            } else {
                local
            };
            needs && !self.goes_without_ticket(&step.component)
        };
        if let Some(step) = offer.steps.iter().find(unasked) {
            let what = if own {
                "in its own name"
            } else {
                "with its own tables and files"
            };
            let what = format!(
                "a job {what} that nobody asked for at its own REST endpoint: component {} (step {})",
                step.component, step.step
            );
            return Some(Verdict::refused("admission.without_ticket", what));
        }
        // Without a step of its own there is nothing that the list could name.
        let has_part = offer
            .steps
            .iter()
            .any(|step| step.participants.iter().any(me));
        let what = "a job in its own name that nobody asked for at its own REST endpoint";
        (own && !facts.has_ticket && !has_part)
            .then(|| Verdict::refused("admission.without_ticket", what))
    }

    /// Whether the coordinator may start jobs of this component in the party's name without a ticket.
    pub fn goes_without_ticket(&self, component: &str) -> bool {
        names(&self.rules.admission.without_ticket, component)
    }
}
