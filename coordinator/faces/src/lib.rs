//! The faces of the coordinator: thin views that read a foreign API's requests, call the service, and show its answers.
//!
//! Each face owns its envelope, its words for states and errors, and its paging; no face knows another.

pub mod abeja;
mod dispatch;
pub mod fate_flow;
pub mod kubeflow;
pub mod meteos;
mod seat;

use std::sync::Arc;

pub use dispatch::{Faces, dispatch};
pub use fate_flow::{FaceOptions, FateFlow, Rows};
pub use kubeflow::KubeflowOptions;
pub use seat::{Entrance, Seat};
use service::Coordinator;

/// What every face but FATE-Flow's is made from. A cheap handle.
#[derive(Clone)]
pub struct Surroundings {
    /// What is seen through the face.
    pub coordinator: Coordinator,
    /// The way to the parties' agents.
    pub rows: Arc<dyn Rows>,
    /// Who comes in, and as whom.
    pub entrance: Entrance,
}
