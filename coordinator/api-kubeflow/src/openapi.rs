//! The API as an OpenAPI document, made from the table of routes, and as a page for people.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::routes::{Operation, ROUTES, Route};

/// The document.
pub fn openapi() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let item = paths
            .entry(route.path.to_owned())
            .or_insert_with(|| json!({}));
        if let Some(item) = item.as_object_mut() {
            item.insert(route.verb.word().to_ascii_lowercase(), described(route));
        }
    }
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

fn described(route: &Route) -> Value {
    let gives = match route.operation {
        Operation::Create | Operation::Get => json!({"$ref": "#/components/schemas/Experiment"}),
        Operation::List => json!({"$ref": "#/components/schemas/ListExperimentsResponse"}),
        _ => json!({"type": "object"}),
    };
    let kind = match route.operation {
        Operation::Health => "text/plain",
        Operation::Page => "text/html",
        _ => "application/json",
    };
    let refusal = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}});
    let mut operation = json!({
        "operationId": route.rpc.unwrap_or(route.path),
        "summary": route.summary,
        "parameters": parameters(route),
        "responses": {
            "200": {"description": "Done", "content": {kind: {"schema": gives}}},
            "default": {"description": "Refused", "content": refusal},
        },
    });
    if let Some(operation) = operation.as_object_mut() {
        if route.operation == Operation::Create {
            let schema = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Experiment"}}});
            operation.insert(
                "requestBody".to_owned(),
                json!({"required": true, "content": schema}),
            );
        }
        if !route.is_open() {
            operation.insert("security".to_owned(), json!([{"Bearer": []}]));
        }
    }
    operation
}

fn parameters(route: &Route) -> Value {
    if route.path.contains("{id}") {
        return json!([{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}]);
    }
    if route.operation != Operation::List {
        return json!([]);
    }
    let query = |name: &str, kind: &str, text: &str| json!({"name": name, "in": "query", "schema": {"type": kind}, "description": text});
    json!([
        query("page_token", "string", "next_page_token of the page before"),
        query(
            "page_size",
            "integer",
            "rows of a page: 20 unless given, 200 at most"
        ),
        query(
            "sort_by",
            "string",
            "id, name, created_at, description, namespace or storage_state, with asc or desc behind it"
        ),
        query(
            "filter",
            "string",
            "a Filter as JSON: predicates of op, key and one value, all of which must hold"
        ),
        query("resource_reference_key.type", "string", "NAMESPACE"),
        query(
            "resource_reference_key.id",
            "string",
            "the namespace, in multi-user mode"
        ),
    ])
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

/// The table of routes as a page of HTML, without scripts and without anything from elsewhere.
pub(super) fn page() -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Kubeflow Pipelines API</title>\
         <style>body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}\
         td{padding:.2rem .8rem .2rem 0;vertical-align:top}code{font-family:ui-monospace,monospace}</style></head><body>\
         <h1>Kubeflow Pipelines API, v1beta1: experiments</h1>\
         <p>For programs: <a href=\"/apis/docs/openapi.json\">openapi.json</a>. The same operations are served over gRPC \
         on this port, with reflection.</p><table>",
    );
    for route in ROUTES {
        let _ = write!(
            page,
            "<tr><td>{}</td><td><code>{}</code></td><td>{}</td></tr>",
            route.verb.word(),
            route.path,
            route.summary
        );
    }
    page.push_str("</table></body></html>");
    page
}
