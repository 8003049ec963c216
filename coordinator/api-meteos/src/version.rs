//! The versions of the API: one.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// The list of versions, at this status.
pub(super) fn versions(base: &str, status: u16) -> Response {
    let version = json!({
        "id": "v1.0",
        "status": "SUPPORTED",
        "version": "",
        "min_version": "",
        "updated": "2015-08-27T11:33:21Z",
        "links": [
            {"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"},
            {"rel": "self", "href": format!("{base}/v1/")},
        ],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.data-processing+json;version=1"}],
    });
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    (status, Json(json!({"versions": [version]}))).into_response()
}
