//! Who asks, and what they may do about a job.

use domain::Job;
use vocabulary::{Cast, ErrorCode, Fault, Participant, PartyId, SignedBytes, Tenant};

/// Somebody at a REST endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Who it is.
    pub who: Who,
    /// The tenant whose objects alone it sees and makes; `None` when it is bound to none.
    pub tenant: Option<Tenant>,
    /// What the party's own endpoint gave to the request, where it came from there: its agent asks for it before it signs a
    /// job in the party's name.
    pub ticket: Option<SignedBytes>,
}

/// Who can stand at a REST endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Anyone: the local federation's open REST endpoint. May do everything.
    Anyone,
    /// A user of a party, at that party's own REST endpoint.
    PartyUser(PartyId),
    /// The coordinator's operator. May do everything.
    Operator,
}

impl Principal {
    /// Somebody at the open REST endpoint of a local federation.
    pub fn anyone() -> Self {
        Self {
            who: Who::Anyone,
            tenant: None,
            ticket: None,
        }
    }

    /// A user of a party.
    pub fn of_party(party: PartyId) -> Self {
        Self {
            who: Who::PartyUser(party),
            tenant: None,
            ticket: None,
        }
    }

    /// The operator.
    pub fn operator() -> Self {
        Self {
            who: Who::Operator,
            tenant: None,
            ticket: None,
        }
    }

    /// The same, bound to a tenant.
    #[must_use]
    pub fn of_tenant(self, tenant: Tenant) -> Self {
        Self {
            tenant: Some(tenant),
            ..self
        }
    }

    /// The same, with a ticket.
    #[must_use]
    pub fn with_ticket(self, ticket: SignedBytes) -> Self {
        Self {
            ticket: Some(ticket),
            ..self
        }
    }

    /// The ticket, where it can be one of this party's: nobody hands over what another party's endpoint gave.
    pub(crate) fn ticket_of(&self, party: &PartyId) -> Option<SignedBytes> {
        // The agent would refuse a foreign ticket anyway; it need not even see it.
        self.ticket.clone().filter(|_| self.party() == Some(party))
    }

    /// The party whose user this is, if any.
    pub fn party(&self) -> Option<&PartyId> {
        match &self.who {
            Who::PartyUser(party) => Some(party),
            Who::Anyone | Who::Operator => None,
        }
    }

    /// A party's user submits in its own party's name only.
    pub(crate) fn may_submit(&self, initiator: &Participant) -> Result<(), Fault> {
        match self.party() {
            Some(party) if *party != initiator.party => Err(denied(
                party,
                format!(
                    "a user of party {party} cannot submit a job in the name of party {}",
                    initiator.party
                ),
            )),
            _ => Ok(()),
        }
    }

    /// A party's user may stop or rerun jobs its party takes part in.
    pub(crate) fn may_steer(&self, job: &Job) -> Result<(), Fault> {
        match self.party() {
            Some(party) if !takes_part(party, &job.cast, &job.initiator) => Err(denied(
                party,
                format!("party {party} takes no part in job {}", job.id),
            )),
            _ => Ok(()),
        }
    }
}

fn takes_part(party: &PartyId, cast: &Cast, initiator: &Participant) -> bool {
    initiator.party == *party
        || cast
            .participants()
            .any(|participant| participant.party == *party)
}

fn denied(party: &PartyId, message: String) -> Fault {
    Fault::new(ErrorCode::PermissionDenied, message).at(party)
}
