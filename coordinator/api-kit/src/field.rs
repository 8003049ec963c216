//! Names in paths, queries and bodies, each described once for an API: what it may be, and what it means.

use serde_json::{Map, Value, json};

use crate::kind::{Field, Kind};
use crate::route::{Api, Method, Route};

/// The field of this name.
pub fn field<A: Api>(name: &str) -> Option<&'static Field> {
    A::fields().iter().find(|(known, ..)| *known == name)
}

/// The schema of a member of a body; one that is not described may be anything.
pub fn schema<A: Api>(name: &str) -> Value {
    let Some((_, kind, about)) = field::<A>(name) else {
        return json!({});
    };
    let mut schema = kind.schema();
    if let Value::Object(schema) = &mut schema
        && !about.is_empty()
    {
        schema.insert("description".into(), json!(about));
    }
    schema
}

/// A name in a path or a query as a parameter. Only those in paths are required.
pub fn parameter<A: Api>(name: &str, place: &str) -> Value {
    let known = field::<A>(name);
    let kind = known.map_or(Kind::Text, |(_, kind, _)| *kind);
    let mut parameter = json!({"name": name, "in": place, "schema": kind.schema()});
    if let Value::Object(parameter) = &mut parameter {
        if place == "path" {
            parameter.insert("required".into(), json!(true));
        }
        if let Some((_, _, about)) = known.filter(|(_, _, about)| !about.is_empty()) {
            parameter.insert("description".into(), json!(about));
        }
    }
    parameter
}

/// What a route reads from its path and its query.
pub fn parameters<A: Api>(route: &Route<A>) -> Vec<Value> {
    let in_path = route
        .names_in_path()
        .map(|name| parameter::<A>(name, "path"));
    let in_query = route.query.iter().map(|name| parameter::<A>(name, "query"));
    in_path.chain(in_query).collect()
}

/// The schema of a route's body.
pub fn body<A: Api>(route: &Route<A>) -> Value {
    let members = route.members();
    let properties: Map<String, Value> = members
        .map(|name| (name.to_owned(), schema::<A>(name)))
        .collect();
    json!({"type": "object", "properties": properties, "required": route.needs})
}

/// The paths of an OpenAPI document: one operation for each method of each route.
pub fn paths<A: Api>(operation: impl Fn(&Route<A>, Method) -> Value) -> Map<String, Value> {
    let mut paths = Map::new();
    for route in A::routes() {
        let item = paths
            .entry(route.template())
            .or_insert_with(|| Value::Object(Map::new()));
        for method in route.methods {
            item[method.lower()] = operation(route, *method);
        }
    }
    paths
}

/// Names that routes have and the API does not describe; a test keeps them few.
pub fn not_described<A: Api>() -> Vec<&'static str> {
    let names = A::routes().iter().flat_map(|route| {
        let in_path = route.names_in_path();
        in_path
            .chain(route.query.iter().copied())
            .chain(route.members())
    });
    names
        .filter(|name| field::<A>(name).is_none_or(|(_, _, about)| about.is_empty()))
        .collect()
}
