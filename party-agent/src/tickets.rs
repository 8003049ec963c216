//! Tickets: what the party's own REST endpoint gives to a request that may start a job, and whether a ticket that comes back
//! with an offer is good for it.
//!
//! A ticket holds the request as it came, signed by this agent, so that nothing has to be kept until it is used. It comes back
//! through the coordinator, which can keep it or leave it away, and cannot make one or use it for something else.

mod coverage;
mod overlay;
mod uncovered;

use std::sync::Arc;

use pki::{Identity, Kind, verify_signed};
use records::{CoveredOffer, UsedTicket};
use serde_json::{Map, Value};
use vocabulary::{ErrorCode, Fault, Offer, SignedBytes, Ticket, Timestamp};
use wire::agent_link::{LARGEST_TICKET, TICKET_CONTEXT};

use crate::agent_state::{AgentState, Whoami};

/// How long a ticket for one job is good, with its attempts and reruns.
const DAYS: i64 = 14;
/// How long the standing ticket of a schedule is good when the request does not say.
const DAYS_OF_SCHEDULE: i64 = 90;
/// For how many jobs the standing ticket of a schedule is good when the request does not say.
const JOBS_OF_SCHEDULE: u32 = 10_000;
/// The longest that a standing ticket may be asked for.
const MOST_DAYS_OF_SCHEDULE: i64 = 3_660;
/// The path of requests that make a schedule.
const SCHEDULE: &str = "/v1/fedflow/schedules/create";

/// A request of one of the party's own users.
pub(crate) struct Request<'a> {
    pub(crate) path: &'a str,
    pub(crate) body: &'a [u8],
    /// The name of the credential, where the endpoint asks for one.
    pub(crate) asked_by: Option<String>,
}

/// Gives tickets and reads them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tickets {
    agent_state: Arc<AgentState>,
    identity: Whoami,
}

impl Tickets {
    pub(crate) fn new(agent_state: Arc<AgentState>, identity: Whoami) -> Self {
        Self {
            agent_state,
            identity,
        }
    }

    /// Whether requests at a path may get a ticket.
    pub(crate) fn are_given_at(path: &str) -> bool {
        coverage::may_start_a_job(path.trim_end_matches('/'))
    }

    /// A ticket for a request; none for one that can start no job, or is too large to be carried twice.
    pub(crate) fn give(&self, request: &Request<'_>) -> Result<Option<SignedBytes>, Fault> {
        let path = request.path.trim_end_matches('/');
        let Some(document) = std::str::from_utf8(request.body)
            .ok()
            .filter(|text| text.len() <= LARGEST_TICKET)
        else {
            return Ok(None);
        };
        if !coverage::may_start_a_job(path) {
            return Ok(None);
        }
        let now = self.agent_state.now();
        let (expires, jobs) = standing(path, document, now)?
            .unwrap_or((now.plus_millis(DAYS * Timestamp::DAY_MILLIS), 1));
        let ticket = Ticket {
            id: vocabulary::random_name()?,
            party: self.agent_state.me.clone(),
            asked_by: request.asked_by.clone(),
            path: path.to_owned(),
            document: document.to_owned(),
            issued: now,
            expires,
            jobs,
        };
        let bytes = wire::frame::encode(&ticket)?;
        Ok(Some(self.identity().sign(TICKET_CONTEXT, &bytes)?))
    }

    /// The ticket, if this agent gave it, it is still good, and the offer says what the request said; it is used for the job
    /// then. Who cannot show a good ticket is told why.
    pub(crate) async fn accept(
        &self,
        signed: &SignedBytes,
        offer: &Offer,
    ) -> Result<Ticket, Fault> {
        let ticket = self.read(signed)?;
        coverage::check(&self.agent_state, &ticket, offer)
            .await
            .map_err(|why| {
                refused(format!(
                    "the offer of job {} is not what was asked for at {}: {why}",
                    offer.job, ticket.path
                ))
            })?;
        let now = self.agent_state.now();
        // What a schedule starts in time has as long as any other job.
        let until = match ticket.path.as_str() {
            SCHEDULE => ticket
                .expires
                .max(now.plus_millis(DAYS * Timestamp::DAY_MILLIS)),
            _ => ticket.expires,
        };
        let fingerprint = fingerprint_of(offer)?;
        let covered = CoveredOffer {
            job: &offer.job,
            fingerprint: &fingerprint,
            until,
        };
        if !self
            .agent_state
            .records
            .use_ticket(&ticket, covered, now)
            .await?
        {
            return Err(refused(format!(
                "the ticket was used for {} jobs, as many as it is good for",
                ticket.jobs
            )));
        }
        Ok(ticket)
    }

    fn read(&self, signed: &SignedBytes) -> Result<Ticket, Fault> {
        let me = &self.agent_state.me;
        let signer = verify_signed(
            signed,
            TICKET_CONTEXT,
            &self.identity(),
            self.agent_state.now(),
        )
        .map_err(|error| refused(format!("the ticket's signature does not count: {error}")))?;
        // Other parties' agents hold good certificates too, and a ticket counts only at who gave
        // it.
        if signer.kind != Kind::Agent || signer.party != *me {
            return Err(refused(format!(
                "the ticket was given by {} {}, not by this agent",
                signer.kind, signer.party
            )));
        }
        // Decoded only now: bytes that this agent did not sign are never read.
        let ticket: Ticket = wire::frame::decode(&signed.bytes)?;
        if ticket.party != *me {
            return Err(refused(format!("the ticket is for party {}", ticket.party)));
        }
        if ticket.expires <= self.agent_state.now() {
            let days = self.agent_state.now().millis_since(ticket.expires) / Timestamp::DAY_MILLIS;
            return Err(refused(format!("the ticket ended {days} days ago")));
        }
        Ok(ticket)
    }

    fn identity(&self) -> Identity {
        (self.identity)()
    }
}

impl AgentState {
    /// The ticket behind an offer in the party's own name: one that was found to cover this very offer, and has not ended.
    pub(crate) async fn ticket_of(&self, offer: &Offer) -> Result<Option<UsedTicket>, Fault> {
        let now = self.now();
        Ok(self
            .past_ticket_of(offer)
            .await?
            .filter(|used| used.until > now))
    }

    /// The same, also when it has ended since.
    pub(crate) async fn past_ticket_of(&self, offer: &Offer) -> Result<Option<UsedTicket>, Fault> {
        if offer.initiator.party != self.me {
            return Ok(None);
        }
        Ok(self
            .records
            .ticket_of(&offer.job, &fingerprint_of(offer)?)
            .await?)
    }
}

fn fingerprint_of(offer: &Offer) -> Result<String, Fault> {
    let malformed = |error| {
        Fault::new(
            ErrorCode::RequestInvalid,
            format!("an offer cannot be written: {error}"),
        )
    };
    offer.fingerprint().map_err(malformed)
}

fn refused(message: String) -> Fault {
    Fault::new(ErrorCode::OfferRefused, message)
        .path("ticket")
        .next("ask for the job again at the party's own REST endpoint")
}

/// Until when, and for how many jobs, the standing ticket of a schedule is good; none for other requests.
fn standing(path: &str, document: &str, now: Timestamp) -> Result<Option<(Timestamp, u32)>, Fault> {
    if path != SCHEDULE {
        return Ok(None);
    }
    let body = object_of(document);
    let number = |key: &str| {
        body.get(key)
            .and_then(rest::fields::text_of)
            .map(|text| text.trim().parse::<i64>())
    };
    let wrong = |key: &str, what: &str| {
        Fault::new(ErrorCode::RequestInvalid, format!("{key} is no {what}")).path(key)
    };
    let expires = match number("until") {
        None => now.plus_millis(DAYS_OF_SCHEDULE * Timestamp::DAY_MILLIS),
        Some(Ok(millis)) => Timestamp(millis.saturating_mul(1_000)),
        Some(Err(_)) => return Err(wrong("until", "moment in milliseconds since 1970")),
    };
    // Rounded down, not towards zero: a moment just past must not count as day 0.
    let days = expires.millis_since(now).div_euclid(Timestamp::DAY_MILLIS);
    if !(0..=MOST_DAYS_OF_SCHEDULE).contains(&days) {
        return Err(wrong("until", "moment within ten years from now"));
    }
    let jobs = match number("times") {
        None => JOBS_OF_SCHEDULE,
        Some(Ok(jobs)) => u32::try_from(jobs)
            .ok()
            .filter(|jobs| *jobs > 0)
            .ok_or_else(|| wrong("times", "count"))?,
        Some(Err(_)) => return Err(wrong("times", "count")),
    };
    Ok(Some((expires, jobs)))
}

/// A request's body as the coordinator reads it, too; empty when it is no object.
fn object_of(document: &str) -> Map<String, Value> {
    match rest::lenient::read_json(document.as_bytes()) {
        Value::Object(body) => body,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests;
