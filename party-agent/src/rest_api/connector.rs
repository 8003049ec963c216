//! `table/connector/*`: data sources under a name. Passwords go in, and never out.

use axum::extract::Request;
use axum::response::IntoResponse;
use records::Connector;
use rest::fate_reply::ARGUMENT;
use rest::{Answer, Failure, Reply};
use serde_json::{Map, Value};
use vocabulary::Fault;

use super::{HandlerState, Incoming};

/// Parts of names of fields that hold secrets.
const SECRETS: [&str; 6] = [
    "passw",
    "pwd",
    "secret",
    "token",
    "credential",
    "access_key",
];

pub(super) async fn create(handler: HandlerState, request: Request) -> Answer {
    let asked = match handler.read(request).await? {
        Incoming::Here(asked) => asked,
        Incoming::Answered(response) => return Ok(response),
    };
    asked.validated(&["connector_name", "engine", "connector_info"])?;
    let (name, engine) = (
        asked.text("connector_name").unwrap_or_default(),
        asked.text("engine").unwrap_or_default(),
    );
    let Some(info) = asked
        .body
        .get("connector_info")
        .filter(|info| info.is_object())
        .cloned()
    else {
        return Err(Failure::exception(
            "ValueError",
            "connector_info must be an object",
        ));
    };
    handler
        .permit_rows(format!("keeping the data source {name:?}"))
        .await?;
    handler
        .agent_state
        .records
        .save_connector(&name, &Connector { engine, info })
        .await
        .map_err(Fault::from)?;
    Ok(Reply::success().into_response())
}

pub(super) async fn query(handler: HandlerState, request: Request) -> Answer {
    let asked = match handler.read(request).await? {
        Incoming::Here(asked) => asked,
        Incoming::Answered(response) => return Ok(response),
    };
    asked.validated(&["connector_name"])?;
    let name = asked.text("connector_name").unwrap_or_default();
    handler
        .permit_rows(format!("what is known of the data source {name:?}"))
        .await?;
    let found = handler
        .agent_state
        .records
        .connector(&name)
        .await
        .map_err(Fault::from)?;
    let connector =
        found.ok_or_else(|| Failure::code(ARGUMENT, format!("no found connector: {name}")))?;
    let mut info = without_secrets(&connector.info.as_object().cloned().unwrap_or_default());
    info.insert("engine".to_owned(), Value::from(connector.engine));
    Ok(Reply::data(Value::Object(info)).into_response())
}

/// An address with the fields of the data source that it names; its own fields stand above.
pub(super) async fn resolved(
    handler: &HandlerState,
    address: Map<String, Value>,
) -> Result<Map<String, Value>, Failure> {
    let Some(name) = address
        .get("connector")
        .or_else(|| address.get("connector_name"))
        .and_then(Value::as_str)
    else {
        return Ok(address);
    };
    let found = handler
        .agent_state
        .records
        .connector(name)
        .await
        .map_err(Fault::from)?;
    let mut full = found
        .and_then(|connector| connector.info.as_object().cloned())
        .unwrap_or_default();
    full.extend(address);
    Ok(full)
}

/// An object without the fields that hold secrets, at any depth.
pub(super) fn without_secrets(object: &Map<String, Value>) -> Map<String, Value> {
    let open = |key: &str| {
        let key = key.to_ascii_lowercase();
        !SECRETS.iter().any(|part| key.contains(part))
    };
    object
        .iter()
        .filter(|(key, _)| open(key))
        .map(|(key, value)| (key.clone(), cleaned(value)))
        .collect()
}

fn cleaned(value: &Value) -> Value {
    match value {
        Value::Object(inner) => Value::Object(without_secrets(inner)),
        Value::Array(items) => items.iter().map(cleaned).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn leaves_out_secrets_at_any_depth() {
        let given = json!({"host": "h", "passwd": "a", "Password": "b", "deep": [{"api_token": "c", "port": 1}]});
        let shown = Value::Object(without_secrets(given.as_object().unwrap()));
        assert_eq!(shown, json!({"host": "h", "deep": [{"port": 1}]}));
    }
}
