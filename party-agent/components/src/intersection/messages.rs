//! The message table, in the order in which messages are sent.

use component_kit::{Message, Packed};
use serde::{Deserialize, Serialize};
use vocabulary::Role::{Guest, Host};
use vocabulary::{Disclosure, MessageLine};

use super::steps::Point;

/// What the guest says first: how many ids it has, and the choices on which both sides must agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opening {
    /// The guest's ids.
    pub(super) ids: u64,
    /// Whether only the size of the intersection is asked for.
    pub(super) cardinality_only: bool,
    /// Whether the host is to learn the result.
    pub(super) told: bool,
    /// Of fewer common ids the guest's party does not want anybody to be told.
    pub(super) fewest_common: u64,
}

/// What the host answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HostIds {
    /// The host's ids.
    pub(super) ids: u64,
    /// Of fewer common ids the host's party does not want anybody to be told.
    pub(super) fewest_common: u64,
    /// Whether the host counts what is common before it lets the guest find out which they are.
    pub(super) counts_first: bool,
}

/// What the guest says of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// There is no common row.
    Empty,
    /// There are fewer than one of the parties lets anybody be told.
    Few,
    /// There are so many, and the host may know.
    Common(u64),
    /// There is a result, and it is the guest's alone.
    Untold,
}

pub(super) const OPENING: Message<Packed<Opening>> =
    Message::new("opening", Guest, &[Host], Disclosure::Control);
pub(super) const HOST_IDS: Message<Packed<HostIds>> =
    Message::new("host_ids", Host, &[Guest], Disclosure::Control);
pub(super) const GUEST_POINTS: Message<Vec<Point>> =
    Message::new("guest_points", Guest, &[Host], Disclosure::BlindedIds);
pub(super) const HOST_POINTS: Message<Vec<Point>> =
    Message::new("host_points", Host, &[Guest], Disclosure::BlindedIds);
pub(super) const RETURNED_POINTS: Message<Vec<Point>> =
    Message::new("returned_points", Guest, &[Host], Disclosure::BlindedIds);
pub(super) const RELEASE: Message<Packed<bool>> =
    Message::new("release", Host, &[Guest], Disclosure::Control);
pub(super) const DOUBLED_POINTS: Message<Vec<Point>> =
    Message::new("doubled_points", Host, &[Guest], Disclosure::BlindedIds);
pub(super) const OUTCOME: Message<Packed<Outcome>> =
    Message::new("outcome", Guest, &[Host], Disclosure::Control);
pub(super) const COMMON_POSITIONS: Message<Vec<u64>> =
    Message::new("common_positions", Guest, &[Host], Disclosure::RowPositions);

/// Every message.
pub(super) const ALL: &[MessageLine] = &[
    OPENING.line(),
    HOST_IDS.line(),
    GUEST_POINTS.line(),
    HOST_POINTS.line(),
    RETURNED_POINTS.line(),
    RELEASE.line(),
    DOUBLED_POINTS.line(),
    OUTCOME.line(),
    COMMON_POSITIONS.line(),
];
