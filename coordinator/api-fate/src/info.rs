//! Versions, addresses and health.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rest::{Access, Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use vocabulary::{ErrorCode, Fault};

use super::FateFlow;
use super::reply::answer;
use super::request::Call;
use super::status;

/// What is said of the parts of a FATE installation. Clients compare the first two, so they say what this API behaves as.
const VERSIONS: [(&str, &str); 10] = [
    ("FATE", "1.11.4"),
    ("FATEFlow", "1.11.2"),
    ("FATEBoard", "1.11.1"),
    ("EGGROLL", "2.5.1"),
    ("CENTOS", "7.2"),
    ("UBUNTU", "16.04"),
    ("PYTHON", "3.8"),
    ("MAVEN", "3.6.3"),
    ("JDK", "8"),
    ("SPARK", "3.3.1"),
];
const API: &str = "v1";

pub(super) async fn version(_api: FateFlow, call: Call) -> Answer {
    let module = call.text("module").unwrap_or_else(|| "FATE".to_owned());
    answer(Reply::data(Value::Object(one(&module)?)))
}

pub(super) async fn versions(_api: FateFlow, call: Call) -> Answer {
    if let Some(module) = call.text("module") {
        return answer(Reply::data(Value::Object(one(&module)?)));
    }
    let mut all: Map<String, Value> = VERSIONS
        .iter()
        .map(|(name, version)| ((*name).to_owned(), json!(version)))
        .collect();
    all.insert("FEDFLOW".into(), json!(env!("CARGO_PKG_VERSION")));
    all.insert("API".into(), json!(API));
    answer(Reply::data(Value::Object(all)))
}

/// What is said of one part.
pub(super) fn version_of(module: &str) -> Option<&'static str> {
    VERSIONS
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, version)| *version)
}

fn one(module: &str) -> Result<Map<String, Value>, Failure> {
    let known = VERSIONS.iter().find(|(name, _)| *name == module);
    let (name, version) =
        known.ok_or_else(|| Failure::http(404, Some(&format!("unknown module {module}"))))?;
    Ok(Map::from_iter([
        ((*name).to_owned(), json!(version)),
        ("API".to_owned(), json!(API)),
    ]))
}

pub(super) async fn common(api: FateFlow, _call: Call) -> Answer {
    let (host, port) = &api.options().address;
    answer(Reply::data(json!({
        "version": "1.11.2",
        "host": host,
        "http_port": port,
        "grpc_port": null,
        "party_id": "",
        "federation": api.coordinator().options().federation,
    })))
}

/// Entries of the clients and tokens that do not count: their names for the operator, how many for others.
fn access(api: &FateFlow, call: &Call) -> Value {
    let Some((refused, unreadable)) = api.options().access.as_ref().map(Access::refused) else {
        return Value::Null;
    };
    let refused = if call.principal.party().is_none() {
        json!(refused)
    } else {
        json!(refused.len())
    };
    json!({"refused": refused, "file_unreadable": unreadable})
}

/// Why the coordinator's folder cannot be written now.
async fn disk(api: &FateFlow) -> Option<Fault> {
    let disk = api.options().disk.clone()?;
    let looked = tokio::task::spawn_blocking(move || disk.check()).await;
    let why = looked
        .unwrap_or_else(|error| Err(error.to_string()))
        .err()?;
    Some(
        Fault::new(ErrorCode::StorageFull, why)
            .next("make space, or let the coordinator's user write there"),
    )
}

/// Whether work can be taken in.
pub(super) async fn is_ready(api: &FateFlow) -> Response {
    let fault = api.coordinator().health().await.store.or(disk(api).await);
    match fault {
        None => axum::Json(json!({"ready": true})).into_response(),
        Some(fault) => {
            tracing::warn!(%fault, "the coordinator is not ready");
            let body = axum::Json(json!({"ready": false, "code": fault.code.text()}));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

pub(super) async fn health(api: FateFlow, call: Call) -> Answer {
    let health = api.coordinator().health().await;
    let disk = disk(&api).await;
    let mut jobs = Map::new();
    // how many jobs others have is no business of a party's users
    for (state, count) in health
        .jobs
        .iter()
        .filter(|_| call.principal.party().is_none())
    {
        let word = status::of_job(*state);
        let sum = jobs.get(word).and_then(Value::as_u64).unwrap_or(0) + count;
        jobs.insert(word.to_owned(), json!(sum));
    }
    let presence = api.coordinator().presence();
    let online: Vec<_> = presence
        .agents
        .iter()
        .filter(|(_, agent)| agent.online)
        .map(|(party, _)| party)
        .collect();
    let data = json!({
        "store": health.store.as_ref().map_or_else(|| "ok".to_owned(), ToString::to_string),
        "disk": disk.as_ref().map_or_else(|| "ok".to_owned(), ToString::to_string),
        "jobs": jobs,
        "set_aside": health.set_aside,
        "access": access(&api, &call),
        "agents_online": online,
        "agents_known": health.agents_known,
        "version": env!("CARGO_PKG_VERSION"),
    });
    match health.store.or(disk) {
        None => answer(Reply::data(data)),
        Some(fault) => answer(Reply {
            status: 503,
            ..Reply::code(503, fault.to_string()).with_data(data)
        }),
    }
}
