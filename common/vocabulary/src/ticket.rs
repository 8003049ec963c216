//! What a party's own REST endpoint gives to a request that may start a job: the proof that one of the party's users asked.

use serde::{Deserialize, Serialize};

use crate::ids::PartyId;
use crate::time::Timestamp;

/// A ticket, signed by the agent that gave it. It goes to the coordinator with the request and comes back with the order to
/// sign the job's offer, which must say what the request said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Its id: 128 random bits, hex.
    pub id: String,
    /// The party whose endpoint gave it.
    pub party: PartyId,
    /// Who asked: the name of the credential, where the endpoint asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// The path that was asked for.
    pub path: String,
    /// The request's body, JSON text as it came.
    pub document: String,
    /// When it was given.
    pub issued: Timestamp,
    /// Until when it is good.
    pub expires: Timestamp,
    /// For how many jobs it is good, each with its attempts and reruns.
    pub jobs: u32,
}
