//! The OpenAPI document of this face, written from the table of routes.

use serde_json::{Map, Value, json};

use super::fields::schema;
use super::routes::ROUTES;
use super::routing::{Kind, Method, Route, Status};

/// The document, OpenAPI 3.1.
pub fn openapi() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let mut operations = Map::new();
        for method in route.methods {
            let name = match method {
                Method::Get => "get",
                Method::Post => "post",
            };
            operations.insert(name.to_owned(), operation(route, name));
        }
        let parameters = path_parameters(route.path);
        if !parameters.is_empty() {
            operations.insert("parameters".to_owned(), Value::Array(parameters));
        }
        paths.insert(format!("/v1/{}", route.path.replace("{*", "{")), Value::Object(operations));
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "fedflow: FATE-Flow REST API", "version": env!("CARGO_PKG_VERSION")},
        "paths": paths,
        "components": {"schemas": {"Envelope": envelope()}},
    })
}

fn operation(route: &Route, method: &str) -> Value {
    let group = route.path.split('/').next().unwrap_or_default();
    let id: String = route.path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let mut operation = json!({
        "operationId": format!("{method}_{id}"),
        "tags": [group],
        "summary": route.summary,
        "x-status": match route.status {
            Status::Served => "served",
            Status::AtAgent => "at_agent",
            Status::Unsupported => "unsupported",
        },
        "requestBody": {"required": !route.needs.is_empty(), "content": {content_type(route): {"schema": body(route)}}},
        "responses": {"200": response(route)},
    });
    if route.kind == Kind::File {
        let envelope =
            json!({"description": "why there is no file", "content": {"application/json": {"schema": reference()}}});
        if let Some(Value::Object(responses)) = operation.get_mut("responses") {
            responses.insert("default".into(), envelope);
        }
    }
    operation
}

fn content_type(route: &Route) -> &'static str {
    if route.path == "data/upload" { "multipart/form-data" } else { "application/json" }
}

fn body(route: &Route) -> Value {
    if route.path == "data/upload" {
        // the configuration is the query, as one JSON object
        let file = json!({"type": "string", "format": "binary"});
        return json!({"type": "object", "required": ["file"], "properties": {"file": file}});
    }
    let members = route.needs.iter().chain(route.takes);
    let properties: Map<String, Value> = members.map(|name| ((*name).to_owned(), schema(name))).collect();
    json!({"type": "object", "required": route.needs, "properties": properties, "additionalProperties": true})
}

fn response(route: &Route) -> Value {
    match route.kind {
        Kind::Json => json!({
            "description": "the envelope; retcode says how it went",
            "content": {"application/json": {"schema": reference()}},
        }),
        Kind::File => json!({
            "description": "the file, as an attachment",
            "content": {"application/gzip": {"schema": {"type": "string", "format": "binary"}}},
        }),
    }
}

fn reference() -> Value {
    json!({"$ref": "#/components/schemas/Envelope"})
}

fn envelope() -> Value {
    json!({
        "type": "object",
        "required": ["retcode", "retmsg"],
        "properties": {
            "retcode": {"type": "integer", "description": "0 is success"},
            "retmsg": {"type": "string"},
            "data": {},
            "jobId": {"type": "string", "description": "the job that was made"},
            "meta": {},
        },
    })
}

fn path_parameters(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    names
        .map(|name| json!({"name": name.trim_start_matches('*'), "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect()
}
