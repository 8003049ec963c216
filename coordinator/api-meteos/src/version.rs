//! The versions of the API: one.

use axum::Json;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use rest::lenient::drain;
use rest::proxy::stream_of;
use serde_json::json;

use super::Meteos;
use super::call::base_of;
use super::fault::Answer;

/// The list of versions, at the status of the route.
pub(super) async fn versions(
    _api: Meteos,
    route: &'static api_kit::Route<super::Meteos>,
    request: Request,
) -> Answer {
    let base = base_of(request.headers());
    drain(stream_of(request.into_body())).await;
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
    let status = StatusCode::from_u16(route.success).unwrap_or(StatusCode::OK);
    Ok((status, Json(json!({"versions": [version]}))).into_response())
}
