//! What every API of the coordinator is built from: one table of routes and what is made of it, who came, the way to the parties'
//! agents, one port for all.
//!
//! An API is a thin view: it reads a foreign API's requests, calls the service, and shows the answer in its own envelope, with its
//! own words and paging. Each is a crate of its own and knows no other; they share this one.

mod caller;
mod dispatch;
pub mod field;
mod kind;
pub mod members;
pub mod page;
mod pattern;
mod route;
mod router;
mod rows;

use std::sync::Arc;

pub use caller::{AuthenticatedCaller, Authenticator, principal_of};
pub use dispatch::{Apis, dispatch};
pub use kind::{Field, Kind};
pub use members::{FieldError, Members};
pub use pattern::Segments;
pub use route::{Answering, Api, Handler, Matched, Method, Miss, Route, count, joined};
pub use router::{bare_router, router};
pub use rows::Rows;
use service::Coordinator;

/// What every API but FATE-Flow's is made from. A cheap handle.
#[derive(Clone)]
pub struct ApiContext {
    /// What is seen through the API.
    pub coordinator: Coordinator,
    /// The way to the parties' agents.
    pub rows: Arc<dyn Rows>,
    /// Who comes in, and as whom.
    pub authenticator: Authenticator,
}
