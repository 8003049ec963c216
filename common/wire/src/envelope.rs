//! Addressed messages: an address is used once, so order never matters and a repeated message is recognised.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use vocabulary::{Attempt, JobId, Participant, StepName};

/// One attempt of one step: the life time of its messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AttemptKey {
    /// The job.
    pub job: JobId,
    /// The step.
    pub step: StepName,
    /// The attempt.
    pub attempt: Attempt,
    /// Fingerprint of the offer under which the sender does it: the receiver takes messages only under the one that it accepted
    /// last, so that no message of an earlier or another offer of the job is read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub offer: String,
}

impl fmt::Display for AttemptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the offer's fingerprint: this is for people, who know the job and not its hash.
        write!(f, "{}/{}/{}", self.job, self.step, self.attempt)
    }
}

/// Where one message goes: no two messages share an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address {
    /// The attempt that both sides run.
    pub attempt: AttemptKey,
    /// The sender.
    pub from: Participant,
    /// The receiver.
    pub to: Participant,
    /// Message name and rounds, such as `epoch.3/batch.0/host_forward`.
    pub tag: String,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} from {} to {}: {}",
            self.attempt, self.from, self.to, self.tag
        )
    }
}

/// A message.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Where it goes.
    pub address: Address,
    /// The declared message that it is: what the policy gate looks up.
    pub message: String,
    /// The payload.
    pub body: Bytes,
}

impl fmt::Debug for Envelope {
    /// Shows the size of the body, never its content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Envelope({}, {} bytes)", self.address, self.body.len())
    }
}
