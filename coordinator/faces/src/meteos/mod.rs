//! Meteos' API: templates, experiments, datasets, models, learnings, evaluations. Not built; whoever asks is told so in Meteos'
//! form.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::json;

use crate::Surroundings;

/// The face as a router.
pub fn router(_surroundings: Surroundings) -> Router {
    Router::new().fallback(|| async { not_served() })
}

fn not_served() -> Response {
    let fault = json!({"itemNotFound": {"code": 404, "message": "fedflow does not serve OpenStack Meteos' API"}});
    (StatusCode::NOT_FOUND, Json(fault)).into_response()
}

#[cfg(test)]
mod tests {
    use doors::lenient::whole_body;

    #[tokio::test]
    async fn says_that_it_serves_nothing() {
        let (fault, body) = super::not_served().into_parts();
        assert_eq!(fault.status, 404);
        let body = whole_body(body).await.expect("a body");
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["itemNotFound"]["code"], 404);
    }
}
