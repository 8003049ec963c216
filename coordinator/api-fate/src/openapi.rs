//! The OpenAPI document of this API, written from the table of routes and the descriptions of members.

use serde_json::{Map, Value, json};

use api_kit::field;

use super::FateFlow;
use super::mark::{Kind, Status};
use super::routes::{ROUTES, Route};

/// The document, OpenAPI 3.1.
pub fn openapi() -> Value {
    let mut paths = field::paths::<FateFlow>(|route, method| operation(route, method.lower()));
    for route in ROUTES {
        // what a name means in a body it does not mean in a path
        let parameters: Vec<Value> = route
            .names_in_path()
            .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
            .collect();
        if !parameters.is_empty()
            && let Some(item) = paths.get_mut(&route.template())
        {
            item["parameters"] = Value::Array(parameters);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "fedflow: FATE-Flow REST API, version 1",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
        },
        "servers": [{"url": "/", "description": "this REST endpoint"}],
        // the empty one: a REST endpoint asks for credentials only where its settings name some
        "security": [{}, {"token": []}, {"timestamp": [], "nonce": [], "app_key": [], "signature": []}],
        "paths": paths,
        "components": {
            "schemas": {"Envelope": envelope(), "Failure": failure(), "Fault": fault()},
            "responses": responses(),
            "securitySchemes": schemes(),
        },
    })
}

const ABOUT: &str = "Bodies are read as JSON whatever their content type says, also those of GET; members that a route does not \
    know are ignored; every path may end with a slash. Answers are HTTP 200 with an envelope whose retcode says how it went; \
    only what the operations name has another status. Routes marked at_agent are answered by the party that owns the rows, \
    where its policy allows.";

fn operation(route: &Route, method: &str) -> Value {
    let group = route.path.split('/').next().unwrap_or_default();
    let id: String = route
        .path
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let mut operation = json!({
        "operationId": format!("{method}_{id}"),
        "tags": [group],
        "summary": route.summary,
        "x-status": status(route),
        "requestBody": {"required": !route.needs.is_empty(), "content": content(route)},
        "responses": answers(route),
    });
    if is_upload(route)
        && let Value::Object(operation) = &mut operation
    {
        operation.insert("description".into(), json!(UPLOAD));
    }
    operation
}

const UPLOAD: &str = "With the file in the form, the configuration is the whole query: one percent-encoded JSON object with the \
    members below (or ordinary pairs, or fields of the form). Without a file in the request it is the JSON body, and `file` names \
    one at the server.";

/// How far a route is served, as one word.
pub(super) fn status(route: &Route) -> &'static str {
    match route.mark.status {
        Status::Served => "served",
        Status::AtAgent => "at_agent",
        Status::Unsupported => "unsupported",
    }
}

/// Routes whose request may be a form with a file.
fn is_upload(route: &Route) -> bool {
    matches!(route.path, "data/upload" | "model/import")
}

fn content(route: &Route) -> Value {
    let mut body = field::body(route);
    body["additionalProperties"] = json!(true);
    let mut content = json!({"application/json": {"schema": body}});
    if is_upload(route)
        && let Value::Object(content) = &mut content
    {
        let file = json!({"type": "string", "format": "binary"});
        let form = json!({"type": "object", "required": ["file"], "properties": {"file": file}});
        content.insert("multipart/form-data".into(), json!({"schema": form}));
    }
    content
}

fn answers(route: &Route) -> Value {
    let about = if route.gives.is_empty() {
        "the envelope"
    } else {
        route.gives
    };
    let envelope = json!({"application/json": {"schema": reference("schemas/Envelope")}});
    let mut answers = Map::new();
    match route.mark.kind {
        Kind::Json => {
            answers.insert(
                "200".into(),
                json!({"description": about, "content": envelope}),
            );
        }
        Kind::File => {
            let binary = json!({"schema": {"type": "string", "format": "binary"}});
            let kind = if route.path == "model/export" {
                "application/zip"
            } else {
                "application/gzip"
            };
            answers.insert(
                "200".into(),
                json!({"description": format!("{about}, as an attachment"), "content": {kind: binary}}),
            );
            answers.insert("default".into(), reference("responses/NoFile"));
        }
    }
    for (code, name) in [("408", "TooSlow"), ("413", "TooLarge"), ("503", "Away")] {
        answers.insert(code.into(), reference(&format!("responses/{name}")));
    }
    Value::Object(answers)
}

fn reference(to: &str) -> Value {
    json!({"$ref": format!("#/components/{to}")})
}

fn responses() -> Value {
    let failure = |about: &str| json!({"description": about, "content": {"application/json": {"schema": reference("schemas/Failure")}}});
    json!({
        "NoFile": failure("why there is no file; the status is 210, 400, 404 or another, and never 200"),
        "TooSlow": failure("the body did not arrive in time"),
        "TooLarge": failure("the body is longer than 16 MiB (files of uploads have a bound of their party's)"),
        "Away": failure("the daemon that would answer is not connected"),
    })
}

fn envelope() -> Value {
    json!({
        "type": "object",
        "required": ["retcode", "retmsg"],
        "properties": {
            "retcode": {"type": "integer", "description": RETCODES},
            "retmsg": {"type": "string", "description": "`success`, or what is wrong"},
            "data": {"description": "left out when there is none"},
            "jobId": {"type": "string", "description": "the job that was made"},
            "meta": {"description": "what goes with data"},
            "fault": reference("schemas/Fault"),
        },
    })
}

const RETCODES: &str = "0 success; 100 failed in a way without a code of its own, also unknown routes, wrong methods and what is not \
    supported; 101 a wrong or missing argument, or nothing found; 102 no such job; 103 the operation failed; 105 the party \
    cannot be reached; 108 not permitted; 109 the credential is missing or does not count; otherwise the HTTP status";

fn failure() -> Value {
    json!({
        "allOf": [reference("schemas/Envelope")],
        "examples": [
            {"retcode": 100, "retmsg": "KeyError('job_id')"},
            {"retcode": 100, "retmsg": "<NotFound '404: Not Found'>"},
            {"retcode": 101, "retmsg": "required argument are missing: job_id; "},
            {"retcode": 109, "retmsg": "signature authentication failed"},
        ],
    })
}

fn fault() -> Value {
    json!({
        "type": "object",
        "description": "the fault behind a failure, where there is one",
        "required": ["code", "message"],
        "properties": {
            "code": {"type": "string", "pattern": "^FF[0-9]{3}$", "description": "a page of docs/errors tells more"},
            "message": {"type": "string"},
        },
        "additionalProperties": true,
    })
}

fn schemes() -> Value {
    let header = |name: &str, about: &str| json!({"type": "apiKey", "in": "header", "name": name, "description": about});
    json!({
        "token": {"type": "http", "scheme": "bearer", "description": "made by `fedflow tokens new`"},
        "timestamp": header("TIMESTAMP", "milliseconds since the epoch, at most 60 s from the REST endpoint's clock"),
        "nonce": header("NONCE", "a text that is used once"),
        "app_key": header("APP_KEY", "the client's name"),
        "signature": header(
            "SIGNATURE",
            "base64 of HMAC-SHA1 over TIMESTAMP, NONCE, APP_KEY, path with query, JSON body, and form fields, joined by line feeds",
        ),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every `$ref` in the document, with where it leads.
    fn references(at: &Value, found: &mut Vec<String>) {
        match at {
            Value::Object(object) => {
                found.extend(
                    object
                        .get("$ref")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                );
                object.values().for_each(|inner| references(inner, found));
            }
            Value::Array(list) => list.iter().for_each(|inner| references(inner, found)),
            _ => {}
        }
    }

    #[test]
    fn leads_nowhere_that_is_not_there() {
        let document = openapi();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > ROUTES.len());
        for reference in found {
            let pointer = reference.strip_prefix('#').expect("within the document");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        for scheme in document["security"]
            .as_array()
            .expect("list")
            .iter()
            .flat_map(|one| one.as_object().expect("object").keys())
        {
            assert!(
                document["components"]["securitySchemes"][scheme].is_object(),
                "{scheme}"
            );
        }
    }

    #[test]
    fn tells_every_route_and_no_other() {
        let document = openapi();
        let paths = document["paths"].as_object().expect("paths");
        assert_eq!(paths.len(), ROUTES.len());
        let mut ids = BTreeSet::new();
        for route in ROUTES {
            let path = format!("/v1/{}", route.path.replace("{*", "{"));
            let item = &paths[&path];
            let in_path: Vec<&str> = path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            let declared = item["parameters"].as_array().cloned().unwrap_or_default();
            let declared: Vec<&str> = declared
                .iter()
                .filter(|parameter| {
                    parameter["in"] == "path"
                        && parameter["required"] == true
                        && parameter["schema"].is_object()
                })
                .filter_map(|parameter| parameter["name"].as_str())
                .collect();
            assert_eq!(declared, in_path, "{path}");
            let methods = item
                .as_object()
                .expect("object")
                .keys()
                .filter(|key| *key != "parameters")
                .count();
            assert_eq!(methods, route.methods.len(), "{path}");
            for (method, operation) in item
                .as_object()
                .expect("object")
                .iter()
                .filter(|(key, _)| *key != "parameters")
            {
                assert!(
                    ids.insert(operation["operationId"].as_str().expect("id").to_owned()),
                    "{method} {path}"
                );
                assert!(
                    operation["responses"]["200"]["description"]
                        .as_str()
                        .is_some_and(|text| !text.is_empty())
                );
                let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
                for name in schema["required"].as_array().expect("list") {
                    let member = &schema["properties"][name.as_str().expect("text")];
                    assert!(
                        member["description"].is_string() && member["type"] != Value::Null,
                        "{path}: {name}"
                    );
                }
            }
        }
    }
}
