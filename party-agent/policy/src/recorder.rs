//! What is written down of every message before it leaves.

use async_trait::async_trait;
use vocabulary::message::Way;
use vocabulary::{Disclosure, Fault};
use wire::Envelope;

use crate::rules::Policy;

/// A message that is about to leave, or that was refused.
pub struct Leaving<'a> {
    /// The message.
    pub envelope: &'a Envelope,
    /// What it gives away; none if it is not declared.
    pub disclosure: Option<Disclosure>,
    /// The way that it will take, where that is known.
    pub way: Option<Way>,
    /// The policy that judged it; none if consent to the job is withdrawn.
    pub policy: Option<&'a Policy>,
    /// The rule that refused it, if one did.
    pub refused_by: Option<String>,
}

/// Writes down what leaves.
#[async_trait]
pub trait Recorder: Send + Sync {
    /// Returns when the entry is on the disk. An error keeps the message here.
    async fn record(&self, leaving: Leaving<'_>) -> Result<(), Fault>;
}
