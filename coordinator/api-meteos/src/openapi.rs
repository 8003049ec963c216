//! The OpenAPI document, made from the table of routes and the views; and the routes as a page.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::routes::{Action, COLLECTIONS, Collection, Method, Route, routes};
use super::{listing, shown};

/// The document.
pub fn openapi() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes() {
        let method = route.method.word().to_lowercase();
        let operations = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
        operations[method] = operation(&route);
    }
    let schemas: Map<String, Value> = COLLECTIONS.iter().flat_map(schemas_of).collect();
    json!({
        "openapi": "3.1.0",
        "info": {"title": "OpenStack Meteos", "version": "1.0"},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}},
        },
    })
}

/// The table of routes as a page of HTML, without scripts and without anything from elsewhere.
pub(super) fn page() -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>OpenStack Meteos</title>\
         <style>body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto}td{padding:.15rem .8rem .15rem 0}</style>\
         </head><body><h1>OpenStack Meteos</h1><p>The same for programs: <a href=\"/meteos/openapi.json\">openapi.json</a>.</p><table>",
    );
    for Route {
        method,
        path,
        summary,
        status,
        ..
    } in routes()
    {
        let _ = write!(
            page,
            "<tr><td>{}</td><td><code>{path}</code></td><td>{status}</td><td>{summary}</td></tr>",
            method.word()
        );
    }
    page.push_str("</table></body></html>");
    page
}

fn schemas_of(collection: &Collection) -> [(String, Value); 2] {
    let property = |name: &&str| {
        let kind = if name.ends_with("_num") {
            json!(["integer", "string", "null"])
        } else {
            json!(["string", "null"])
        };
        ((*name).to_owned(), json!({"type": kind}))
    };
    let new: Map<String, Value> = collection.fields.iter().map(property).collect();
    let shown: Map<String, Value> = shown::detail(collection.noun)
        .iter()
        .map(|(name, _)| ((*name).to_owned(), json!({})))
        .collect();
    [
        (
            format!("new_{}", collection.singular),
            json!({"type": "object", "properties": new}),
        ),
        (
            collection.singular.to_owned(),
            json!({"type": "object", "properties": shown}),
        ),
    ]
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = Vec::new();
    for name in ["project", "id"] {
        if route.path.contains(&format!("{{{name}}}")) {
            parameters.push(
                json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}),
            );
        }
    }
    if let Action::List(collection, _) = route.action {
        let words = [
            "limit", "offset", "marker", "sort_key", "sort_dir", "sort_by",
        ];
        let names = words.into_iter().chain(listing::sortable(collection.noun));
        parameters.extend(
            names.map(|name| json!({"name": name, "in": "query", "schema": {"type": "string"}})),
        );
    }
    let mut operation = json!({
        "summary": route.summary,
        "parameters": parameters,
        "responses": {
            route.status.to_string(): {"description": "done"},
            "default": {"description": "refused: one member names the class, with code and message"},
        },
    });
    if route.method == Method::Post {
        operation["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": body(route)}}});
    }
    if !route.action.is_open() {
        operation["security"] = json!([{"token": []}]);
    }
    operation
}

fn body(route: &Route) -> Value {
    match route.action {
        Action::Create(collection) => {
            let new = json!({"$ref": format!("#/components/schemas/new_{}", collection.singular)});
            json!({"type": "object", "properties": {collection.singular: new}, "required": [collection.singular]})
        }
        Action::Act => {
            json!({"type": "object", "minProperties": 1, "maxProperties": 1, "properties": {
                "os-load": {}, "os-unload": {}, "os-recreate": {"$ref": "#/components/schemas/new_model"},
            }})
        }
        _ => json!({"type": "object"}),
    }
}
