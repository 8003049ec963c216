//! The OpenAPI document, written from the table of routes.

use serde_json::{Map, Value, json};

use super::routes::ROUTES;
use super::routing::{Open, Route};

/// What a name in a path, a query or a body is.
static FIELDS: &[(&str, &str, &str)] = &[
    (
        "organization",
        "string",
        "the organization: the tenant of the credential; any text where the REST endpoint asks nobody",
    ),
    ("deployment", "string", "a deployment's id: 13 digits"),
    (
        "version",
        "string",
        "in a path a version's id (`ver-` and 16 hexadecimal digits), in a body its label",
    ),
    (
        "run",
        "string",
        "a run's id: `run-` and 16 hexadecimal digits",
    ),
    (
        "definition",
        "string",
        "a definition's number or name, `~` for `#`",
    ),
    ("model", "string", "a training model's id: 13 digits"),
    ("number", "integer", "the number of a definition's version"),
    ("job", "string", "the id of a training's job"),
    (
        "include_jobs",
        "string",
        "`true`: with the trainings as `jobs`",
    ),
    ("channel", "string", "a channel's id: 13 digits"),
    (
        "file",
        "string",
        "a file's id, such as `20180515T180605-` and a UUID",
    ),
    ("version_id", "string", "the version's id"),
    (
        "input_data",
        "object",
        "`{\"$datalake:1\": \"<channel_id>/<file_id>\"}`",
    ),
    ("models", "object", "training model ids by alias"),
    (
        "output_template",
        "object",
        "`{\"$datalake:1\": \"<channel_id>\"}`; kept and shown",
    ),
    (
        "retry_count",
        "integer",
        "how often the run is tried again: 0 to 9, 5 unless given",
    ),
    (
        "distribution",
        "integer",
        "a number from 0 on; its remainder chooses the queue",
    ),
    (
        "environment",
        "object",
        "texts by name, over the deployment's default_environment",
    ),
    ("default_environment", "object", "texts by name"),
    ("next_page_token", "string", "the token of the page before"),
    ("scan_forward", "string", "`true`: oldest first"),
    ("next_token", "string", "the token of the page before"),
    (
        "next_forward_token",
        "string",
        "the token of a page, to newer lines; stands above next_backward_token",
    ),
    (
        "next_backward_token",
        "string",
        "the token of a page, to older lines",
    ),
    (
        "start_time",
        "string",
        "from this second on, UTC unless it has a zone",
    ),
    ("end_time", "string", "up to this second, itself included"),
    ("name", "string", "a name of 1 to 255 characters"),
    ("description", "string", "notes"),
    ("handler", "string", "kept and shown"),
    ("image", "string", "kept and shown"),
    ("user_parameters", "object", "kept and shown"),
    ("secret", "string", "what the address was given out with"),
    (
        "filter_archived",
        "string",
        "`exclude_archived` (so unless given) or `include_archived`",
    ),
    ("limit", "integer", "at most so many"),
    ("offset", "integer", "leave out so many"),
    ("storage_type", "string", "`datalake` or `file`"),
    ("start", "string", "files from this second or day on"),
    ("end", "string", "files up to this second or day"),
    ("items_per_page", "integer", "1 to 1000, 100 unless given"),
    ("sort", "string", "`uploaded_at` or `-uploaded_at`"),
    (
        "q",
        "string",
        "`<name of metadata>:<text that it contains>`",
    ),
    (
        "lifetime",
        "string",
        "1day, 1week, 1month, 6months or 1year",
    ),
    (
        "conflict_target",
        "string",
        "the name of metadata whose value no other file of the channel may have",
    ),
];

fn field(name: &str) -> (&'static str, &'static str) {
    let known = FIELDS.iter().find(|(known, _, _)| *known == name);
    known.map_or(("string", ""), |(_, kind, what)| (*kind, *what))
}

/// The document.
pub fn openapi() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.verb.word().to_ascii_lowercase()] = operation(route);
    }
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
    let parameter = |name: &str, place: &str| {
        let (kind, what) = field(name);
        json!({"name": name, "in": place, "required": place == "path", "description": what, "schema": {"type": kind}})
    };
    let in_path = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = in_path.map(|name| parameter(name, "path")).collect();
    parameters.extend(route.query.iter().map(|name| parameter(name, "query")));
    let error = json!({"description": "refused", "content": {"application/json": {
        "schema": {"$ref": "#/components/schemas/Error"},
    }}});
    let success = if route.verb.word() == "POST" {
        "201"
    } else {
        "200"
    };
    let mut operation = json!({
        "summary": route.summary,
        "parameters": parameters,
        "responses": {success: {"description": route.gives}, "4XX": error},
        "security": if route.open == Open::BySecret { json!([]) } else { json!([{"bearer": []}, {"basic": []}]) },
    });
    if !route.body.is_empty() {
        operation["requestBody"] =
            json!({"content": {"application/json": {"schema": body(route)}}});
    }
    operation
}

fn body(route: &Route) -> Value {
    let bare = |name: &'static str| name.trim_end_matches('!');
    let properties: Map<String, Value> = route
        .body
        .iter()
        .map(|name| {
            let (kind, what) = field(bare(name));
            (
                bare(name).to_owned(),
                json!({"type": kind, "description": what}),
            )
        })
        .collect();
    let required: Vec<&str> = route
        .body
        .iter()
        .filter(|name| name.ends_with('!'))
        .map(|name| bare(name))
        .collect();
    json!({"type": "object", "properties": properties, "required": required})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_every_name_of_the_table() {
        for route in ROUTES {
            let in_path = route
                .path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
            for name in in_path.chain(
                route
                    .query
                    .iter()
                    .chain(route.body)
                    .map(|name| name.trim_end_matches('!')),
            ) {
                assert!(!field(name).1.is_empty(), "{name} of {}", route.path);
            }
            assert!(
                !route.gives.is_empty() && !route.summary.is_empty(),
                "{}",
                route.path
            );
        }
    }
}
