//! Intersection: every party learns which of its row ids all the others have too, and of the other ids nothing.

mod bounds;
mod guest;
mod host;
mod messages;
mod nested;
mod params;
mod results;
mod steps;
#[cfg(test)]
mod tests;

use component_kit::{
    CastLine, Component, ComponentError, Description, NeedLine, PortLine, Result, TaskContext,
};
use vocabulary::{ErrorCode, Role, Stage};

pub use nested::{
    CacheParams, CurveParams, EncodeParams, GroupParams, PreprocessParams, RawParams, RsaParams,
};
pub use params::Params;

/// Private set intersection by blinded elliptic-curve points.
pub struct Intersection;

impl Component for Intersection {
    type Params = Params;

    const DESCRIPTION: Description = Description::named(
        "intersection",
        "finds the row ids that all parties have, and shows no other id to anybody",
    )
    .version(2)
    .modules(&["Intersection"])
    .roles(&[Role::Guest, Role::Host])
    .cast(&[CastLine::one(Role::Guest), CastLine::some(Role::Host)])
    .needs(&[NeedLine::any_of(&["data"])])
    .inputs(&[PortLine::data("data")])
    .outputs(&[PortLine::data("data")])
    .messages(messages::ALL);

    fn unspoken(_stage: Stage, _role: Role, params: &Params) -> Vec<&'static str> {
        let told = params.host_is_told() && !params.cardinality_only;
        if told {
            Vec::new()
        } else {
            vec![messages::COMMON_POSITIONS.line().name]
        }
    }

    /// Fitting and applying are the same work: there is nothing to learn.
    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        match task.role() {
            Role::Guest => guest::run(task, &params).await,
            Role::Host => host::run(task, &params).await,
            role @ (Role::Arbiter | Role::Local) => {
                let text = format!("intersection has no part for the role {role}");
                Err(ComponentError::new(ErrorCode::DocumentInvalid, text))
            }
        }
    }
}
