//! What goes over a link, and the port that carries messages between parties.
//!
//! Control messages are MessagePack with named fields, so that a newer daemon may add one; bodies of messages are opaque bytes.
#![deny(missing_docs)]

pub mod agent_link;
pub mod contract;
pub mod envelope;
pub mod frame;
pub mod in_memory;
pub mod inbox;
mod items;
pub mod transport;
pub mod version;

pub use envelope::{Address, AttemptKey, Envelope};
pub use frame::FrameError;
pub use in_memory::{InMemoryNetwork, InMemoryTransport};
pub use inbox::{Delivery, Inbox, InboxOptions, InboxUsage};
pub use transport::{Transport, TransportError};
