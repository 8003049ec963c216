//! The API as an OpenAPI document, made from the table of routes, and as a page for people.

use api_kit::field;
use axum::extract::Request;
use axum::response::Response;
use serde_json::{Value, json};

use super::rest::{Answer, Rest, answer};

/// The document.
pub fn openapi() -> Value {
    let paths = field::paths::<Rest>(|route, _| operation(route));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Kubeflow Pipelines API, v1beta1: experiments",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Experiments of a fedflow coordinator, as Kubeflow Pipelines' clients see them.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"Bearer": {"type": "apiKey", "name": "authorization", "in": "header"}},
        },
    })
}

fn operation(route: &api_kit::Route<Rest>) -> Value {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let gives = if route.gives.is_empty() {
        json!({"type": "object"})
    } else {
        reference(route.gives)
    };
    let mut operation = json!({
        "operationId": route.mark.rpc.unwrap_or(route.path),
        "summary": route.summary,
        "parameters": field::parameters(route),
        "responses": {
            "200": {"description": "Done", "content": {route.mark.kind: {"schema": gives}}},
            "default": {"description": "Refused", "content": {"application/json": {"schema": reference("Refusal")}}},
        },
    });
    if !route.mark.message.is_empty() {
        let body = json!({"application/json": {"schema": reference(route.mark.message)}});
        operation["requestBody"] = json!({"required": true, "content": body});
    }
    if !route.open {
        operation["security"] = json!([{"Bearer": []}]);
    }
    operation
}

fn schemas() -> Value {
    let text = json!({"type": "string"});
    json!({
        "Experiment": {"type": "object", "properties": {
            "id": {"type": "string", "readOnly": true},
            "name": {"type": "string", "description": "unique in its namespace"},
            "description": text,
            "created_at": {"type": "string", "format": "date-time", "readOnly": true},
            "resource_references": {"type": "array", "items": {"$ref": "#/components/schemas/ResourceReference"}},
            "storage_state": {"type": "string", "readOnly": true,
                "enum": ["STORAGESTATE_UNSPECIFIED", "STORAGESTATE_AVAILABLE", "STORAGESTATE_ARCHIVED"]},
        }},
        "ResourceReference": {"type": "object", "properties": {
            "key": {"type": "object", "properties": {"type": text, "id": text}},
            "relationship": {"type": "string", "enum": ["UNKNOWN_RELATIONSHIP", "OWNER", "CREATOR"]},
            "name": text,
        }},
        "ListExperimentsResponse": {"type": "object", "properties": {
            "experiments": {"type": "array", "items": {"$ref": "#/components/schemas/Experiment"}},
            "total_size": {"type": "integer", "description": "how many there are on all pages"},
            "next_page_token": {"type": "string", "description": "absent on the last page"},
        }},
        "Refusal": {"type": "object", "properties": {
            "error": text,
            "message": text,
            "code": {"type": "integer", "description": "the code of gRPC"},
            "details": {"type": "array", "items": {"type": "object", "properties": {
                "@type": text, "error_message": text, "error_details": text,
            }}},
        }},
    })
}

/// The table of routes as a page for people.
pub(super) fn page() -> Response {
    api_kit::page::html::<Rest>(
        "Kubeflow Pipelines API",
        "Kubeflow Pipelines API, v1beta1: experiments",
        "For programs: <a href=\"/apis/docs/openapi.json\">openapi.json</a>. The same operations are served over gRPC \
         on this port, with reflection.",
    )
}

pub(super) async fn document(_api: Rest, _request: Request) -> Answer {
    answer(openapi())
}

pub(super) async fn document_page(_api: Rest, _request: Request) -> Answer {
    Ok(page())
}
