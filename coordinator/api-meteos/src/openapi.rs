//! The OpenAPI document, made from the table of routes and the views; and the routes as a page.

use api_kit::{Method, field};
use axum::extract::Request;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use super::collection::{Action, COLLECTIONS, Collection};
use super::fault::Answer;
use super::{Meteos, listing, views};

/// The document.
pub fn openapi() -> Value {
    let paths = field::paths::<Meteos>(|route, _| operation(route));
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

/// Answers with the document.
pub(super) async fn document(_api: Meteos, _request: Request) -> Answer {
    Ok(axum::Json(openapi()).into_response())
}

/// The table of routes as a page for people.
pub(super) async fn page(_api: Meteos, _request: Request) -> Answer {
    Ok(api_kit::page::html::<Meteos>(
        "OpenStack Meteos",
        "OpenStack Meteos",
        "The same for programs: <a href=\"/meteos/openapi.json\">openapi.json</a>.",
    ))
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
    let shown: Map<String, Value> = views::detail(collection.noun)
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

fn operation(route: &api_kit::Route<super::Meteos>) -> Value {
    let mut parameters = field::parameters(route);
    if let Action::List(collection, _) = route.mark {
        let columns = listing::sortable(collection.noun);
        parameters.extend(
            columns
                .into_iter()
                .map(|name| field::parameter::<Meteos>(name, "query")),
        );
    }
    let mut operation = json!({
        "summary": route.summary,
        "parameters": parameters,
        "responses": {
            route.success.to_string(): {"description": "done"},
            "default": {"description": "refused: one member names the class, with code and message"},
        },
    });
    if route.method() == Method::Post {
        operation["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": body(route)}}});
    }
    if !route.open {
        operation["security"] = json!([{"token": []}]);
    }
    operation
}

fn body(route: &api_kit::Route<super::Meteos>) -> Value {
    match route.mark {
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
