//! What the server says of itself: settings, services, addresses. None of it can be changed here.

use rest::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};

use super::FateFlow;
use super::info::version_of;
use super::reply::answer;
use super::request::Call;

/// FATE's names for what a job gets when its conf does not say it.
fn job_defaults() -> Value {
    let settings = domain::JobSettings::default();
    json!({
        "total_cores_overweight_percent": 1,
        "total_memory_overweight_percent": 1,
        "task_parallelism": settings.parallelism,
        "task_cores": settings.task_cores,
        "task_memory": 0,
        "max_cores_percent_per_job": 1,
        "job_timeout": settings.timeout_millis / 1_000,
        "remote_request_timeout": 30_000,
        "end_status_job_scheduling_time_limit": 300_000,
        "end_status_job_scheduling_updates": 1,
        "auto_retries": settings.retries,
        "auto_retry_delay": settings.retry_delay_millis / 1_000,
        "federated_status_collect_type": "PUSH",
        "upload_block_max_bytes": 104_857_600,
        "output_data_summary_count_limit": 100,
    })
}

/// The services beside the server that are known here.
fn services(api: &FateFlow) -> Map<String, Value> {
    let (host, port) = &api.options().address;
    let mut services = Map::from_iter([(
        "FATEFLOW".to_owned(),
        json!({"host": host, "http_port": port}),
    )]);
    if let Some((host, port)) = board(api) {
        services.insert("FATEBOARD".to_owned(), json!({"host": host, "port": port}));
    }
    services
}

/// Host and port of the FATE-Board that the settings name.
fn board(api: &FateFlow) -> Option<(String, u16)> {
    let url = api.options().board.as_deref()?;
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority
        .rsplit_once(':')
        .map(|(host, port)| (host, port.parse()))
    {
        Some((host, Ok(port))) => Some((host.to_owned(), port)),
        _ => Some((
            authority.to_owned(),
            if scheme == "https" { 443 } else { 80 },
        )),
    }
}

/// Settings are read at the start; asking again shows those in force.
pub(super) async fn reload(api: FateFlow, _call: Call) -> Answer {
    answer(Reply::data(
        json!({"job_default_config": job_defaults(), "server_registry": services(&api)}),
    ))
}

pub(super) async fn all_services(api: FateFlow, _call: Call) -> Answer {
    answer(Reply::data(Value::Object(services(&api))))
}

pub(super) async fn one_service(api: FateFlow, call: Call) -> Answer {
    let name = call.segment.clone().unwrap_or_default().to_uppercase();
    answer(
        services(&api)
            .remove(&name)
            .map_or_else(Reply::success, Reply::data),
    )
}

/// The services of one server, by `server_name`; all of them when it names none.
pub(super) async fn query_services(api: FateFlow, call: Call) -> Answer {
    match call.text("server_name") {
        None => all_services(api, call).await,
        Some(name) => answer(Reply::data(
            services(&api)
                .remove(&name.to_uppercase())
                .unwrap_or_else(|| json!([])),
        )),
    }
}

pub(super) async fn defaults(_api: FateFlow, _call: Call) -> Answer {
    answer(Reply::data(job_defaults()))
}

pub(super) async fn instances(api: FateFlow, _call: Call) -> Answer {
    let (host, port) = &api.options().address;
    let id = &api.coordinator().options().owner;
    answer(Reply::data(json!({id: {
        "instance_id": id,
        "timestamp": api.coordinator().now().millis(),
        "version": version_of("FATEFlow"),
        "host": host,
        "grpc_port": null,
        "http_port": port,
    }})))
}

pub(super) async fn fateboard(api: FateFlow, _call: Call) -> Answer {
    let missing = || Failure::http(404, Some("fateboard is not configured"));
    let (host, port) = board(&api).ok_or_else(missing)?;
    answer(Reply::data(json!({"host": host, "port": port})))
}

pub(super) async fn eggroll(_api: FateFlow, _call: Call) -> Answer {
    Err(Failure::http(404, Some("eggroll is not configured")))
}

/// Whether a party is there, and the address of its own REST endpoint.
pub(super) async fn party(api: FateFlow, call: Call) -> Answer {
    let named = call.segment.clone().unwrap_or_default();
    let named = named.split('/').next().unwrap_or_default().to_owned();
    let presence = api.coordinator().presence();
    let found = presence
        .agents
        .iter()
        .find(|(party, _)| party.as_str() == named);
    let (party, agent) =
        found.ok_or_else(|| Failure::http(404, Some(&format!("party {named} is not known"))))?;
    answer(Reply::data(
        json!({"party_id": party, "online": agent.online, "rest": agent.rest}),
    ))
}
