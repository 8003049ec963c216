//! What roles send each other, as declared: the policy gate reads these lines, and so does a person.

use serde::{Deserialize, Serialize};

use crate::role::Role;

/// What a message gives away to its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disclosure {
    /// Sizes, counts of batches, flags.
    Control,
    /// A public key.
    PublicKey,
    /// Ciphertexts under somebody else's key.
    Ciphertext,
    /// Values under a uniformly random mask.
    Masked,
    /// One share of a shared value.
    Share,
    /// Ids under a blinding that the receiver cannot remove.
    BlindedIds,
    /// Which rows of the receiver are meant, and nothing else of them.
    RowPositions,
    /// A sum or mean over many rows.
    Aggregate,
    /// A model or a part of one.
    Model,
    /// Values of single rows.
    RowValues,
}

impl Disclosure {
    /// The word for it in policies.
    pub const fn word(self) -> &'static str {
        match self {
            Disclosure::Control => "control",
            Disclosure::PublicKey => "public_key",
            Disclosure::Ciphertext => "ciphertext",
            Disclosure::Masked => "masked",
            Disclosure::Share => "share",
            Disclosure::BlindedIds => "blinded_ids",
            Disclosure::RowPositions => "row_positions",
            Disclosure::Aggregate => "aggregate",
            Disclosure::Model => "model",
            Disclosure::RowValues => "row_values",
        }
    }
}

/// The way that a message takes to another party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// From agent to agent. Where that fails, the relay carries it.
    Direct,
    /// Sealed, through the coordinator.
    Relayed,
}

impl Way {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Way::Direct => "direct",
            Way::Relayed => "relayed",
        }
    }
}

/// One line of a component's message table, as written in its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageLine {
    /// The message's name, unique in the component.
    pub name: &'static str,
    /// Who sends it.
    pub from: Role,
    /// Who may receive it.
    pub to: &'static [Role],
    /// What it gives away.
    pub disclosure: Disclosure,
}

/// A message line as it travels in a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageInfo {
    /// The message's name, unique in the component.
    pub name: String,
    /// Who sends it.
    pub from: Role,
    /// Who may receive it.
    pub to: Vec<Role>,
    /// What it gives away.
    pub disclosure: Disclosure,
}

impl From<&MessageLine> for MessageInfo {
    fn from(line: &MessageLine) -> Self {
        Self {
            name: line.name.to_owned(),
            from: line.from,
            to: line.to.to_vec(),
            disclosure: line.disclosure,
        }
    }
}
