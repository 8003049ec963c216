//! What an entry says.

use serde::{Deserialize, Serialize};
use vocabulary::message::Way;
use vocabulary::{Attempt, Disclosure, JobId, Participant, PartyId, TaskId};

/// The longest text within an entry, in bytes: some come from outside.
const LONGEST: usize = 4 << 10;

/// Something that the data owner may want to prove later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditEntry {
    /// The chain begins, after another one was set aside because it was broken.
    Began {
        /// The folder beside this one in which the other one lies.
        aside: String,
        /// How many entries of it fit.
        entries: u64,
        /// The hash of the last one that fits.
        hash: String,
        /// What is wrong behind it.
        why: String,
    },
    /// An unfinished write at the end of the chain was taken away: it was never acknowledged, so nothing left for it.
    Recovered {
        /// Its bytes.
        bytes: u64,
        /// BLAKE3 of them, hex.
        hash: String,
    },
    /// An offer was judged.
    Offer {
        /// The job.
        job: JobId,
        /// The offer's fingerprint.
        fingerprint: String,
        /// Whether it was accepted; the rule that refused it otherwise.
        refused_by: Option<String>,
        /// Who asked, and the policy that judged; none in format 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        basis: Option<Basis>,
    },
    /// The coordinator ordered an attempt.
    Ordered {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// The offer that the order names.
        fingerprint: String,
        /// Why it was refused, if it was.
        refused_by: Option<String>,
        /// The component and its version; none in format 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        component: Option<(String, u32)>,
        /// Who asked, and the policy that judged; none in format 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        basis: Option<Basis>,
    },
    /// What left in one attempt, counted at its end: format 0 alone.
    Left {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// The message.
        message: String,
        /// The receiver.
        to: PartyId,
        /// How many.
        // The name in chains of format 0: entries are hashed as they stand and cannot be renamed.
        #[serde(rename = "letters")]
        messages: u64,
        /// Bytes.
        bytes: u64,
    },
    /// A message is about to leave, or was refused.
    Message(Box<MessageEntry>),
    /// A report of a task is about to be told to the coordinator, or was refused.
    Report(Box<ReportEntry>),
    /// Something is about to be shown to somebody who asked, or was refused.
    Told {
        /// What (`table experiment.guest preview`).
        what: String,
        /// To whom.
        to: String,
        /// The rule that refused it, if one did.
        refused_by: Option<String>,
        /// Who asked, and the policy that judged; none in format 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        basis: Option<Basis>,
    },
}

/// Who asked for something, and the policy by which it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Basis {
    /// The hash of the policy in force.
    pub policy: String,
    /// Who started the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiator: Option<Participant>,
    /// The name of the credential with which it was asked for at this party's own endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// The ticket that was given for it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// How many rows the tables have that an attempt had read: what a message or report of it can speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// Of the smallest table.
    pub fewest: u64,
    /// Of the largest.
    pub most: u64,
}

impl Rows {
    /// Counts one table more.
    #[must_use]
    pub fn with(known: Option<Self>, rows: u64) -> Self {
        known.map_or(
            Self {
                fewest: rows,
                most: rows,
            },
            |known| Self {
                fewest: known.fewest.min(rows),
                most: known.most.max(rows),
            },
        )
    }
}

/// The attempt from which something leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptDetails {
    /// The task: job, step, role, party.
    pub task: TaskId,
    /// The attempt.
    pub attempt: Attempt,
    /// The component.
    pub component: String,
    /// Its version.
    pub version: u32,
    /// The offer's fingerprint.
    pub offer: String,
    /// The rows of the tables that it had read by then; none if it had read no table.
    pub rows: Option<Rows>,
    /// Who asked, and the policy in force.
    pub basis: Basis,
}

/// A message to another party.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageEntry {
    /// The attempt that sends it.
    #[serde(flatten)]
    pub of: AttemptDetails,
    /// The declared message.
    pub message: String,
    /// Its place in the protocol (`epoch.3/batch.0/host_forward`).
    pub tag: String,
    /// What it gives away; none if it is not declared, and refused for that.
    pub disclosure: Option<Disclosure>,
    /// The receiver.
    pub to: Participant,
    /// Bytes of its body.
    pub bytes: u64,
    /// The way that it is about to take; none where the transport knows none.
    pub way: Option<Way>,
    /// The rule that refused it, if one did.
    pub refused_by: Option<String>,
}

/// A report to the coordinator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportEntry {
    /// The attempt that tells it.
    #[serde(flatten)]
    pub of: AttemptDetails,
    /// Its kind, in the words of the policy file (`metrics`).
    pub what: String,
    /// Its bytes.
    pub bytes: u64,
    /// The rule that refused it, if one did.
    pub refused_by: Option<String>,
}

impl AuditEntry {
    /// The job that it is about.
    pub fn job(&self) -> Option<&JobId> {
        match self {
            Self::Offer { job, .. } => Some(job),
            Self::Ordered { task, .. } | Self::Left { task, .. } => Some(&task.job),
            Self::Message(message) => Some(&message.of.task.job),
            Self::Report(report) => Some(&report.of.task.job),
            Self::Began { .. } | Self::Recovered { .. } | Self::Told { .. } => None,
        }
    }

    /// What refused it, if it tells of a refusal.
    pub fn refused_by(&self) -> Option<&str> {
        match self {
            Self::Offer { refused_by, .. }
            | Self::Ordered { refused_by, .. }
            | Self::Told { refused_by, .. } => refused_by.as_deref(),
            Self::Message(message) => message.refused_by.as_deref(),
            Self::Report(report) => report.refused_by.as_deref(),
            Self::Began { .. } | Self::Recovered { .. } | Self::Left { .. } => None,
        }
    }

    /// The same with texts that others chose cut to a bearable length.
    #[must_use]
    pub fn clipped(mut self) -> Self {
        match &mut self {
            Self::Offer {
                fingerprint,
                refused_by,
                ..
            }
            | Self::Ordered {
                fingerprint,
                refused_by,
                ..
            } => {
                clip(fingerprint);
                clip_some(refused_by);
            }
            Self::Told {
                what,
                to,
                refused_by,
                ..
            } => {
                clip(what);
                clip(to);
                clip_some(refused_by);
            }
            Self::Message(message) => {
                clip(&mut message.message);
                clip(&mut message.tag);
                clip_some(&mut message.refused_by);
            }
            Self::Report(report) => clip_some(&mut report.refused_by),
            Self::Began { .. } | Self::Recovered { .. } | Self::Left { .. } => {}
        }
        self
    }
}

fn clip(text: &mut String) {
    if text.len() > LONGEST {
        // Not within a character: that would panic on a text that a peer chose.
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
}

fn clip_some(text: &mut Option<String>) {
    if let Some(text) = text {
        clip(text);
    }
}
