//! The way from an API to what stays with the parties.

use async_trait::async_trait;
use rest::proxy::BodyStream;
use vocabulary::{Fault, PartyId};
use wire::agent_link::{HttpHead, HttpReplyHead};

/// Whoever can hand a request to a party's agent.
#[async_trait]
pub trait Rows: Send + Sync {
    /// Has the party's agent answer the request. The body streams both ways. Fails when the agent cannot be reached.
    async fn forward(
        &self,
        party: &PartyId,
        head: HttpHead,
        body: BodyStream,
    ) -> Result<(HttpReplyHead, BodyStream), Fault>;
}
