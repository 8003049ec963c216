//! The OpenAPI document, written from the table of routes.

use api_kit::field;
use serde_json::{Value, json};

use super::Abeja;
use super::routes::Route;

/// The document.
pub fn openapi() -> Value {
    let paths = field::paths::<Abeja>(|route, _| operation(route));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "fedflow: ABEJA's API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Runs, deployments, training models and the datalake over the coordinator.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic", "description": "user-<id> and a token"},
            },
            "schemas": {"Error": {"type": "object", "required": ["error", "error_description"], "properties": {
                "error": {"type": "string"}, "error_description": {"type": "string"}, "error_detail": {},
            }}},
        },
    })
}

fn operation(route: &Route) -> Value {
    let error = json!({"description": "refused", "content": {"application/json": {
        "schema": {"$ref": "#/components/schemas/Error"},
    }}});
    let mut operation = json!({
        "summary": route.summary,
        "parameters": field::parameters(route),
        "responses": {route.success.to_string(): {"description": route.gives}, "4XX": error},
        "security": if route.open { json!([]) } else { json!([{"bearer": []}, {"basic": []}]) },
    });
    if route.members().next().is_some() {
        operation["requestBody"] =
            json!({"content": {"application/json": {"schema": field::body(route)}}});
    }
    operation
}
