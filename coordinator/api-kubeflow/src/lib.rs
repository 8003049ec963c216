//! Kubeflow Pipelines' API, version v1beta1: experiments, over REST and gRPC.
//!
//! `routes` is the table of what is served; `operations` does what both sides ask for; `rest` and `grpc` only read and show.

mod codec;
mod coverage;
mod filter;
mod grpc;
mod listing;
mod openapi;
mod operations;
pub mod proto;
mod query;
mod read;
mod refusal;
mod rest;
mod routes;
mod routing;
mod show;

#[cfg(test)]
mod tests;

use axum::Router;
use vocabulary::Fault;

pub use coverage::coverage;
pub use openapi::openapi;
pub use routes::{Mark, ROUTES, Route};

use api_kit::ApiContext;
use operations::Experiments;

/// How the API behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KubeflowOptions {
    /// Whether experiments stand in namespaces, which are tenants.
    pub multi_user: bool,
}

fn experiments(context: &ApiContext, options: KubeflowOptions) -> Experiments {
    Experiments {
        coordinator: context.coordinator.clone(),
        multi_user: options.multi_user,
    }
}

/// The REST side as a router for all paths below `/apis/`.
pub fn router(context: &ApiContext, options: KubeflowOptions) -> Router {
    let authenticator = context.authenticator.clone();
    routing::router(rest::Rest {
        experiments: experiments(context, options),
        authenticator,
    })
}

/// What answers gRPC where it is not served: at parties' REST endpoints, whose links carry no trailers.
pub fn grpc_elsewhere() -> Router {
    grpc::elsewhere()
}

/// The gRPC side as a router for everything of content type `application/grpc`.
pub async fn grpc(context: &ApiContext, options: KubeflowOptions) -> Result<Router, Fault> {
    let authenticator = context.authenticator.clone();
    grpc::router(grpc::Grpc {
        experiments: experiments(context, options),
        authenticator,
    })
    .await
}
