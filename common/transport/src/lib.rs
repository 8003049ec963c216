//! The real transports: QUIC between daemons, messages from agent to agent directly or through the coordinator.
//!
//! One endpoint for each daemon dials and accepts; ALPN says what a connection is for. Everybody is authenticated by the
//! federation's certificates, and messages that pass the coordinator are sealed and signed from end to end.
#![deny(missing_docs)]

mod acknowledge;
pub mod call;
mod chunk;
mod close;
pub mod connection;
pub mod direct;
pub mod directory;
pub mod dispatcher;
pub mod endpoint;
pub mod error;
pub mod hello;
mod message_keys;
pub mod reconnect;
pub mod relay;
pub mod relayed;
mod reset;
pub mod route;
mod stream;

pub use call::{Answer, CallOptions, IncomingCall, Link};
pub use connection::Connection;
pub use direct::DirectTransport;
pub use directory::Directory;
pub use dispatcher::{Admit, Dispatcher};
pub use endpoint::{Endpoint, EndpointOptions, Incoming, Service};
pub use error::LinkError;
pub use reconnect::Backoff;
pub use relay::{Relay, RelayOptions};
pub use relayed::{AgentLink, RelayLink, RelayedTransport};
pub use route::{RouteOptions, RoutedTransport};
pub use stream::{Body, Pieces};
