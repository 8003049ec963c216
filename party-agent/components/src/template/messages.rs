//! What the roles of the masked sum send each other, in order.

use component_kit::Message;
use vocabulary::{Disclosure, MessageLine, Role};

/// One share of a host's own sum, for another host.
pub(super) const SHARE: Message<Vec<u64>> =
    Message::new("share", Role::Host, &[Role::Host], Disclosure::Share);

/// The sum of the shares that a host holds: a share of the total.
pub(super) const SHARE_OF_TOTAL: Message<Vec<u64>> = Message::new(
    "share_of_total",
    Role::Host,
    &[Role::Guest],
    Disclosure::Share,
);

/// Every message, in sending order.
pub(super) const ALL: &[MessageLine] = &[SHARE.line(), SHARE_OF_TOTAL.line()];
