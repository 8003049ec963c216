//! Kubeflow Pipelines' API, version v1beta1: experiments.

use axum::Router;
use axum::http::StatusCode;

use crate::Surroundings;

/// The face as a router. It serves nothing yet.
pub fn router(_surroundings: Surroundings) -> Router {
    Router::new().fallback(|| async { StatusCode::NOT_FOUND })
}
