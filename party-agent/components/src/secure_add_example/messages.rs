//! What guest and host send each other, in order.

use component_kit::Message;
use vocabulary::{Disclosure, MessageLine, Role};

/// The host's share of the guest's values.
pub(super) const GUEST_SHARE: Message<Vec<u64>> =
    Message::new("guest_share", Role::Guest, &[Role::Host], Disclosure::Share);

/// The guest's share of the host's values.
pub(super) const HOST_SHARE: Message<Vec<u64>> =
    Message::new("host_share", Role::Host, &[Role::Guest], Disclosure::Share);

/// The host's share of the sum of all values.
pub(super) const HOST_SUM: Message<Vec<u64>> =
    Message::new("host_sum", Role::Host, &[Role::Guest], Disclosure::Share);

/// Every message, in sending order.
pub(super) const ALL: &[MessageLine] = &[GUEST_SHARE.line(), HOST_SHARE.line(), HOST_SUM.line()];
