//! The rest of `tracking/*` that the coordinator knows by itself: parameters, model views, summaries, steps, data sets.

use axum::body::Body;
use domain::{Dialect, Job};
use rest::fate_reply::{ARGUMENT, EXCEPTION};
use rest::{Answer, Failure, Reply, file_reply};
use serde_json::{Map, Value, json};
use service::ServiceError;

use super::FateFlow;
use super::job_view::{
    ParticipantView, find_job, find_own_task, find_task, initiator_of, meant, participants, roles,
};
use super::reply::{answer, fail};
use super::request::{Call, id_value};

pub(super) async fn parameters(api: FateFlow, call: Call) -> Answer {
    call.need("job_id")?;
    call.need("component_name")?;
    let unknown = || Failure::code(ARGUMENT, "can not found this task");
    let (job, _, task) = find_task(&api, &call).await?.ok_or_else(unknown)?;
    let view = match api.coordinator().parties().parameters(&task).await {
        Ok(view) => view,
        Err(ServiceError::NotFound(_)) => return Err(unknown()),
        Err(error) => return Err(fail(error)),
    };
    let module = job
        .definition
        .graph
        .step(&task.step)
        .map(|step| step.module.clone())
        .unwrap_or_default();
    let mut shown = if let Value::Object(merged) = view.merged {
        merged
    } else {
        Map::new()
    };
    shown.insert("_name".into(), json!(format!("{module}#{}", task.step)));
    shown.insert("_user_feeded_params".into(), json!(view.user_given));
    shown.insert("_feeded_deprecated_params".into(), json!([]));
    shown.insert("_is_raw_conf".into(), json!(false));
    answer(Reply::data(
        json!({"module": module, "ComponentParam": shown}),
    ))
}

pub(super) async fn model(api: FateFlow, call: Call) -> Answer {
    call.need("job_id")?;
    call.need("component_name")?;
    let none = |message: &str| answer(Reply::data(json!({})).saying(message));
    let Some((job, _, task)) = find_own_task(&api, &call).await? else {
        return none("no data");
    };
    let step = job.definition.graph.step(&task.step);
    // Predict jobs write no models; they show those they applied.
    if step.is_some_and(|step| step.model_outputs.is_empty() && step.models.is_empty()) {
        return none("no define_meta");
    }
    let view = match api.coordinator().jobs().model_view(&task).await {
        Ok(Some(view)) => view,
        Ok(None) | Err(ServiceError::NotFound(_)) => return none("no data"),
        Err(error) => return Err(fail(error)),
    };
    let module = step.map(|step| step.module.as_str()).unwrap_or_default();
    let part = |name: &str| view.get(name).cloned().unwrap_or_else(|| json!({}));
    answer(
        Reply::data(part("param"))
            .with_meta(json!({"meta_data": part("meta"), "module_name": module})),
    )
}

pub(super) async fn summary(api: FateFlow, call: Call) -> Answer {
    call.validated(&["job_id", "component_name", "role", "party_id"])?;
    let nothing = || {
        Failure::nothing(
            "No component summary found, please check if arguments are specified correctly.",
        )
    };
    let (_, _, task) = find_own_task(&api, &call).await?.ok_or_else(nothing)?;
    let summary = match api.coordinator().jobs().summary(&task).await {
        Ok(summary) => summary.ok_or_else(nothing)?,
        Err(ServiceError::NotFound(_)) => return Err(nothing()),
        Err(error) => return Err(fail(error)),
    };
    match call.text("filename") {
        Some(name) => Ok(file_reply(
            &name,
            "application/json",
            Body::from(format!("{summary:#}")),
        )),
        None => answer(Reply::data(summary)),
    }
}

pub(super) async fn list(api: FateFlow, call: Call) -> Answer {
    call.validated(&["job_id"])?;
    let unknown = || {
        Failure::code(
            EXCEPTION,
            "No job matched, please make sure the job id is valid.",
        )
    };
    let job = find_job(&api, &call).await?.ok_or_else(unknown)?;
    let names: Vec<&str> = job
        .definition
        .graph
        .steps
        .iter()
        .map(|step| step.name.as_str())
        .collect();
    answer(Reply::data(json!({"components": names})))
}

pub(super) async fn data_view(api: FateFlow, call: Call) -> Answer {
    let unknown = || Failure::code(ARGUMENT, "error");
    let job = find_job(&api, &call).await?.ok_or_else(unknown)?;
    let viewer = meant(&job, &call).ok_or_else(unknown)?;
    let sees_all = viewer == initiator_of(&job);
    let own_roles = json!({viewer.role.word(): [id_value(&viewer.party)]});
    answer(Reply::data(json!({
        "partner": partners(&job, &viewer),
        "dataset": data_sets(&job, &viewer, sees_all),
        "roles": if sees_all { roles(&job) } else { own_roles },
        "model_summary": {},
    })))
}

/// Everybody but the viewer, by role.
fn partners(job: &Job, viewer: &ParticipantView) -> Value {
    let mut partners = Map::new();
    for shown in participants(job).iter().filter(|shown| *shown != viewer) {
        if let Value::Array(list) = partners
            .entry(shown.role.word())
            .or_insert_with(|| json!([]))
        {
            list.push(id_value(&shown.party));
        }
    }
    Value::Object(partners)
}

/// The tables that readers name, by role and party. Older documents have no readers; theirs go by the input's name.
fn data_sets(job: &Job, viewer: &ParticipantView, sees_all: bool) -> Value {
    let mut by_role = Map::new();
    for shown in participants(job)
        .iter()
        .filter(|shown| sees_all || *shown == viewer)
    {
        let mut sets = Map::new();
        for step in job
            .definition
            .graph
            .steps
            .iter()
            .filter(|step| step.participants.contains(&shown.of))
        {
            let Some(Value::Object(table)) = step.parameters_of(&shown.of).get("table").cloned()
            else {
                continue;
            };
            let from_args = job.definition.dialect == Dialect::FateV1;
            let name = step
                .outputs
                .first()
                .filter(|_| from_args)
                .map_or(step.name.as_str(), String::as_str);
            sets.insert(name.to_owned(), json!(table_text(&table)));
        }
        if sets.is_empty() {
            continue;
        }
        if let Value::Object(parties) = by_role
            .entry(shown.role.word())
            .or_insert_with(|| json!({}))
        {
            parties.insert(shown.party.clone(), Value::Object(sets));
        }
    }
    Value::Object(by_role)
}

fn table_text(table: &Map<String, Value>) -> String {
    let text = |name: &str| table.get(name).and_then(super::request::text_of);
    if let (Some(namespace), Some(name)) = (text("namespace"), text("name")) {
        return format!("{namespace}.{name}");
    }
    match (text("job_id"), text("component_name"), text("data_name")) {
        (Some(job), Some(step), Some(data)) => format!("{job}.{step}.{data}"),
        _ => "unknown".to_owned(),
    }
}
