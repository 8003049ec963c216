//! Offers in, verdicts into the audit chain, signed answers out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use audit::AuditEntry;
use pki::{Kind, verify_signed};
use policy::{DailyCount, Policy};
use records::Queries;
use transport::Admit;
use vocabulary::offer::fingerprint_of;
use vocabulary::{
    ErrorCode, Fault, JobId, Offer, Participant, PartyId, Role, SignedBytes, StepName,
};
use wire::Address;
use wire::agent_link::{EnvelopeHead, OFFER_CONTEXT, StepCheck};

use crate::agent_state::{AgentState, Whoami};
use crate::inherited::InheritedSteps;
use crate::judgement;
use crate::tickets::Tickets;

/// Casts of accepted jobs that are remembered; the oldest job is forgotten first.
const MOST_CASTS: usize = 50_000;

/// Who may send messages for which job.
#[derive(Clone, Default)]
pub(crate) struct Casts(Arc<Mutex<BTreeMap<JobId, AcceptedOffer>>>);

/// The offer of a job that counts: the one that was accepted last.
struct AcceptedOffer {
    fingerprint: String,
    steps: Steps,
}

/// The steps of a job, with those who run each.
type Steps = BTreeMap<StepName, Vec<Participant>>;

impl Casts {
    /// Lets the cast of an accepted job write, under this offer and no other.
    pub(crate) fn insert(&self, fingerprint: &str, offer: &Offer) {
        let mut casts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = offer
            .steps
            .iter()
            .map(|step| (step.step.clone(), step.participants.clone()));
        let accepted = AcceptedOffer {
            fingerprint: fingerprint.to_owned(),
            steps: steps.collect(),
        };
        casts.insert(offer.job.clone(), accepted);
        if casts.len() > MOST_CASTS {
            // Job ids begin with their date.
            casts.pop_first();
        }
    }

    /// The question that the dispatcher asks of each message.
    pub(crate) fn admit(&self) -> Admit {
        let casts = self.clone();
        Arc::new(move |head| casts.judge(head))
    }

    fn judge(&self, head: &EnvelopeHead) -> Result<(), Fault> {
        let address = &head.address;
        let casts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match casts.get(&address.attempt.job) {
            Some(accepted) if accepted.fingerprint != address.attempt.offer => {
                let job = &address.attempt.job;
                let message = format!(
                    "a message of job {job} is of another offer than the one that was accepted last"
                );
                Err(Fault::new(ErrorCode::OfferRefused, message)
                    .next("run the job again; all parties need one version"))
            }
            Some(accepted) if runs(&accepted.steps, address) => Ok(()),
            Some(_) => {
                let (job, step) = (&address.attempt.job, &address.attempt.step);
                let message = format!(
                    "{} or {} has no part in step {step} of job {job}",
                    address.from, address.to
                );
                Err(Fault::new(ErrorCode::PermissionDenied, message))
            }
            // After a restart a peer may be ordered to work a moment before this agent is: the code lets it try again.
            None => {
                let message = format!(
                    "job {} is not known at this agent since its start",
                    address.attempt.job
                );
                Err(Fault::new(ErrorCode::PartyLost, message))
            }
        }
    }
}

/// Whether sender and receiver both run the message's step.
fn runs(steps: &Steps, address: &Address) -> bool {
    let who = steps.get(&address.attempt.step);
    who.is_some_and(|who| who.contains(&address.from) && who.contains(&address.to))
}

/// Judges offers.
pub(crate) struct Offers {
    agent_state: Arc<AgentState>,
    identity: Whoami,
    casts: Casts,
    tickets: Tickets,
    /// Held from the look at earlier offers until the new one is written down.
    turn: tokio::sync::Mutex<()>,
}

impl Offers {
    pub(crate) fn new(
        agent_state: Arc<AgentState>,
        identity: Whoami,
        casts: Casts,
        tickets: Tickets,
    ) -> Self {
        Self {
            agent_state,
            identity,
            casts,
            tickets,
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Admits an offer in the party's own name, and signs it. That one of its own users asked is shown by a ticket; without
    /// one the policy says what may be started all the same.
    pub(crate) async fn sign(
        &self,
        offer: Offer,
        ticket: Option<SignedBytes>,
    ) -> Result<SignedBytes, Fault> {
        let me = &self.agent_state.me;
        let malformed = |error: String| {
            Fault::new(
                ErrorCode::RequestInvalid,
                format!("the offer cannot be signed: {error}"),
            )
            .at(me)
        };
        let bytes = offer
            .canonical_bytes()
            .map_err(|error| malformed(error.to_string()))?;
        // The canonical bytes are judged by their fingerprint and signed: no other form of the
        // offer can be sent around.
        self.admit(&offer, me, &fingerprint_of(&bytes), ticket.as_ref())
            .await?;
        self.signature(&bytes)
    }

    /// Admits an offer that another party's agent signed, and answers with the own signature over the same bytes.
    pub(crate) async fn accept(&self, signed: SignedBytes) -> Result<SignedBytes, Fault> {
        let me = &self.agent_state.me;
        let offer: Offer =
            wire::frame::decode(&signed.bytes).map_err(|error| Fault::from(error).at(me))?;
        let fingerprint = fingerprint_of(&signed.bytes);
        let signer = match self.signer(&signed, &offer) {
            Ok(signer) => signer,
            Err(fault) => {
                self.judged(&offer, &fingerprint, Some("signature")).await?;
                return Err(fault.at(me));
            }
        };
        self.admit(&offer, &signer, &fingerprint, None).await?;
        self.signature(&signed.bytes)
    }

    /// What the components say of parameters.
    pub(crate) fn check(&self, checks: &[StepCheck]) -> Vec<Fault> {
        let unfit = |check: &StepCheck| {
            let named = |component: &&&'static dyn component_kit::AnyComponent| {
                component.description().name == check.component
            };
            let fault = match self.agent_state.catalogue.iter().find(named) {
                Some(component) => component.check(check.role, &check.parameters).err()?,
                None => Fault::new(
                    ErrorCode::ComponentUnknown,
                    format!("there is no component {}", check.component),
                ),
            };
            let path = match &fault.path {
                Some(inner) => format!("{}.{inner}", check.step),
                None => check.step.to_string(),
            };
            Some(fault.path(path).at(&self.agent_state.me))
        };
        checks.iter().filter_map(unfit).collect()
    }

    fn signer(&self, signed: &SignedBytes, offer: &Offer) -> Result<PartyId, Fault> {
        let refused =
            |message: String| Fault::new(ErrorCode::OfferRefused, message).path("signature");
        let peer = verify_signed(
            signed,
            OFFER_CONTEXT,
            &(self.identity)(),
            self.agent_state.now(),
        )
        .map_err(|error| refused(format!("the offer's signature does not count: {error}")))?;
        if peer.kind != Kind::Agent {
            return Err(refused(format!(
                "the offer is signed by a {}, not by an agent",
                peer.kind
            )));
        }
        if peer.party != offer.initiator.party {
            return Err(refused(format!(
                "the offer of {} is signed by party {}",
                offer.initiator, peer.party
            )));
        }
        Ok(peer.party)
    }

    async fn admit(
        &self,
        offer: &Offer,
        signer: &PartyId,
        fingerprint: &str,
        ticket: Option<&SignedBytes>,
    ) -> Result<(), Fault> {
        let agent_state = &self.agent_state;
        let _turn = self.turn.lock().await;
        let judged = self.judge(offer, signer, ticket).await;
        let refused = judged.as_ref().err();
        let rule =
            refused.map(|fault| fault.path.clone().unwrap_or_else(|| fault.code.to_string()));
        // Written before anybody hears of it.
        self.judged(offer, fingerprint, rule.as_deref()).await?;
        let inherited = judged.map_err(|fault| fault.at(&agent_state.me))?;
        agent_state
            .records
            // Written down before the signature leaves: an order under this offer may follow at
            // once, even after a crash.
            .accept_offer(fingerprint, offer, agent_state.now())
            .await?;
        inherited.take(agent_state, &offer.job).await?;
        // After the records: messages are let in only for what a restart would remember.
        self.casts.insert(fingerprint, offer);
        tracing::info!(job = %offer.job, initiator = %offer.initiator, "offer accepted");
        Ok(())
    }

    async fn judge(
        &self,
        offer: &Offer,
        signer: &PartyId,
        ticket: Option<&SignedBytes>,
    ) -> Result<InheritedSteps, Fault> {
        let agent_state = &self.agent_state;
        if *signer != offer.initiator.party {
            let message = format!("an offer of {} signed by party {signer}", offer.initiator);
            return Err(Fault::new(ErrorCode::OfferRefused, message).path("signature"));
        }
        let shown = match ticket {
            Some(ticket) => self.tickets.accept(ticket, offer).await.map(|_| ()),
            None => Ok(()),
        };
        let policy = agent_state.policy();
        let inherited = match shown {
            Ok(()) => judgement::judge(agent_state, &policy, offer).await?,
            // No other ticket takes the place of one that is refused: only what goes without any is left.
            Err(why) => match judgement::judge_asked(agent_state, &policy, offer, false).await {
                Ok(inherited) => {
                    tracing::warn!(job = %offer.job, %why, "the policy admits without a ticket what its ticket does not cover");
                    inherited
                }
                // What is wrong with the ticket says more than that one is missing.
                Err(fault) if fault.path.as_deref() == Some("admission.without_ticket") => {
                    return Err(why);
                }
                Err(fault) => return Err(fault),
            },
        };
        // After the policy: whether a component is installed here is nothing for those who are
        // refused anyway.
        self.runnable(offer)?;
        // A second offer of a job reaches the tables that were made under the first. One that changes parameters alone
        // reaches no further than a new job with them would: it was judged like one, and is of the same people.
        let earlier = agent_state.records.offers_of(&offer.job).await?;
        if earlier.iter().any(|earlier| !earlier.is_amended_by(offer)) {
            let message = format!("job {} was accepted under another offer", offer.job);
            return Err(Fault::new(ErrorCode::OfferRefused, message)
                .path("job")
                .next("submit it as a new job"));
        }
        // Whoever changes a job back, or runs it again, gives its offer another end: an earlier one comes again only from
        // who wants to put aside what took its place.
        if earlier.contains(offer) && earlier.last() != Some(offer) {
            let message = format!(
                "a later offer of job {} took the place of this one",
                offer.job
            );
            return Err(Fault::new(ErrorCode::OfferRefused, message)
                .path("offer")
                .next("run the job again"));
        }
        // Last of all: what is refused for another reason uses up nobody's day.
        self.count(&policy, offer, earlier.contains(offer)).await?;
        Ok(inherited)
    }

    /// Counts what the day has so many of at most; an offer that was accepted before was counted then.
    async fn count(&self, policy: &Policy, offer: &Offer, is_known: bool) -> Result<(), Fault> {
        let agent_state = &self.agent_state;
        if is_known {
            return Ok(());
        }
        let counted = judgement::counted(agent_state, policy, offer).await?;
        let today = agent_state.now().day();
        let mut all = Vec::new();
        for DailyCount {
            name, count, most, ..
        } in &counted
        {
            let day = agent_state.records.open_day(name, today).await?;
            all.push((
                Queries {
                    day,
                    asker: name.clone(),
                    count: *count,
                },
                most.most(),
            ));
        }
        let Some(too_many) = agent_state
            .records
            .count_within(&all)
            .await?
            .and_then(|number| counted.get(number))
        else {
            return Ok(());
        };
        let message = format!(
            "the party's policy refuses {}, {} in a day",
            too_many.what, too_many.most
        );
        let fault = Fault::new(ErrorCode::OfferRefused, message).path(too_many.rule);
        Err(fault.next(
            "try again tomorrow (UTC), or ask the data owner, who can raise it in the policy file",
        ))
    }

    /// Whether every component that is for this party is here, in the version that was offered.
    fn runnable(&self, offer: &Offer) -> Result<(), Fault> {
        let mine = |role: &Role| offer.cast.of(*role).contains(&self.agent_state.me);
        for step in offer
            .steps
            .iter()
            .filter(|step| step.roles.iter().any(mine))
        {
            if self
                .agent_state
                .component(&step.component, step.version)
                .is_none()
            {
                let message = format!(
                    "there is no component {} of version {} (step {})",
                    step.component, step.version, step.step
                );
                return Err(Fault::new(ErrorCode::CatalogueMismatch, message)
                    .next("install the same version of fedflow at all parties"));
            }
        }
        Ok(())
    }

    async fn judged(
        &self,
        offer: &Offer,
        fingerprint: &str,
        refused_by: Option<&str>,
    ) -> Result<(), Fault> {
        let entry = AuditEntry::Offer {
            job: offer.job.clone(),
            fingerprint: fingerprint.to_owned(),
            refused_by: refused_by.map(str::to_owned),
            basis: Some(self.agent_state.basis(Some(offer)).await?),
        };
        self.agent_state.audit(&entry).await
    }

    fn signature(&self, bytes: &[u8]) -> Result<SignedBytes, Fault> {
        (self.identity)()
            .sign(OFFER_CONTEXT, bytes)
            .map_err(|error| Fault::from(error).at(&self.agent_state.me))
    }
}

#[cfg(test)]
#[path = "offers_tests.rs"]
mod tests;
