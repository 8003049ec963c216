//! The APIs of the coordinator: thin views that read a foreign API's requests, call the service, and show its answers.
//!
//! Each API owns its envelope, its words for states and errors, and its paging; no API knows another.

pub mod abeja;
mod caller;
mod dispatch;
pub mod fate_flow;
pub mod kubeflow;
pub mod meteos;

use std::sync::Arc;

pub use caller::{AuthenticatedCaller, Authenticator};
pub use dispatch::{Apis, dispatch};
pub use fate_flow::{ApiOptions, FateFlow, Rows};
pub use kubeflow::KubeflowOptions;
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
