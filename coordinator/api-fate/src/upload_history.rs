//! `data/upload/history`: what was uploaded, and what became of its rows.

use domain::{Job, JobState};
use rest::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use service::{JobFilter, JobOrder};
use vocabulary::{Metric, MetricData, PartyId, Role, StepName, TaskId};

use super::FateFlow;
use super::job_view::{is_local, visible};
use super::reply::{answer, fail};
use super::request::{Call, text_of};
use super::rows;

const UPLOAD: &str = "upload_0";
const PAGE: u32 = 100;

pub(super) async fn history(api: FateFlow, call: Call) -> Answer {
    let limit = call
        .text("limit")
        .and_then(|text| text.trim().parse::<usize>().ok())
        .filter(|limit| *limit > 0);
    let mut filter = JobFilter {
        states: vec![JobState::Succeeded],
        roles: vec![Role::Local],
        order: JobOrder::Created,
        newest_first: true,
        limit: Some(PAGE),
        ..visible(&call)
    };
    if call.text("job_id").is_some() {
        let Some(id) = call.job() else {
            return answer(Reply::data(json!([])));
        };
        filter.ids = vec![id];
    }
    let mut rows = Vec::new();
    loop {
        let (jobs, total) = api.coordinator().jobs().find(&filter).await.map_err(fail)?;
        let read = u32::try_from(jobs.len()).unwrap_or(PAGE);
        for job in jobs.iter().filter(|job| is_local(job)) {
            if limit.is_some_and(|limit| rows.len() >= limit) {
                return answer(Reply::data(Value::Array(rows)));
            }
            rows.extend(row(&api, &call, job).await?);
        }
        filter.offset = filter.offset.saturating_add(read);
        if read == 0 || u64::from(filter.offset) >= total {
            return answer(Reply::data(Value::Array(rows)));
        }
    }
}

/// The row of an upload; none when the job is no upload or its table is known to be gone everywhere.
async fn row(api: &FateFlow, call: &Call, job: &Job) -> Result<Option<Value>, Failure> {
    let Ok(step) = StepName::new(UPLOAD) else {
        return Ok(None);
    };
    let Some(placed) = job
        .definition
        .graph
        .step(&step)
        .filter(|placed| placed.module == "Upload")
    else {
        return Ok(None);
    };
    let parameters = placed.parameters_of(&job.initiator);
    let text = |name: &str| parameters.get(name).and_then(text_of).unwrap_or_default();
    let (namespace, name) = (text("namespace"), text("name"));
    let owner = &job.initiator.party;
    let own = call.principal.party();
    let seen = |party: &&PartyId| own.is_none_or(|own| own == *party);
    // the initiator's first: what is told of one party is told of it
    let others = job.cast.local.iter().filter(|party| *party != owner);
    let parties: Vec<&PartyId> = std::iter::once(owner).chain(others).filter(seen).collect();
    let Some(schema) = schema_of(
        api,
        call,
        &parties,
        &json!({"namespace": namespace, "table_name": name}),
    )
    .await
    else {
        return Ok(None);
    };
    let mut info = Map::new();
    info.insert("table_name".to_owned(), json!(name));
    info.insert("namespace".to_owned(), json!(namespace));
    info.insert(
        "partition".to_owned(),
        parameters.get("partition").cloned().unwrap_or_default(),
    );
    let mut each = Map::new();
    for party in &parties {
        let task = TaskId {
            job: job.id.clone(),
            step: step.clone(),
            role: Role::Local,
            party: (*party).clone(),
        };
        each.insert(party.to_string(), Value::Object(rows_of(api, &task).await));
    }
    let first = parties
        .first()
        .and_then(|party| each.get(party.as_str()))
        .and_then(Value::as_object);
    info.extend(first.cloned().unwrap_or_default());
    if each.len() > 1 {
        info.insert("parties".to_owned(), Value::Object(each));
    }
    let row =
        json!({"upload_info": info, "notes": job.description, "schema": schema, "meta": schema});
    Ok(Some(json!({job.id.as_str(): row})))
}

/// The schema as the first party tells it that has the table; none when all of them say that it is gone. A party that cannot or
/// will not tell is taken to have it still.
async fn schema_of(
    api: &FateFlow,
    call: &Call,
    parties: &[&PartyId],
    table: &Value,
) -> Option<Value> {
    let mut silent = false;
    for party in parties {
        match rows::ask(api, &call.caller, party, "/v1/table/table_info", table).await {
            Ok(info) if info.pointer("/data/exist").and_then(Value::as_i64) == Some(0) => {}
            Ok(info) => {
                let schema = info
                    .pointer("/data/schema")
                    .filter(|schema| schema.is_object())
                    .cloned();
                return Some(schema.unwrap_or_else(|| json!({})));
            }
            Err(_) => silent = true,
        }
    }
    silent.then(|| json!({}))
}

/// What a party's upload told of its rows: how many the file had (`upload_count`), how many the table got of them
/// (`actual_count`), and where the others went.
async fn rows_of(api: &FateFlow, task: &TaskId) -> Map<String, Value> {
    told_of(
        &api.coordinator()
            .jobs()
            .metrics(task)
            .await
            .unwrap_or_default(),
    )
}

fn told_of(metrics: &[Metric]) -> Map<String, Value> {
    let named = |name: &str| metrics.iter().find(|metric| metric.name == name);
    let mut told = Map::new();
    // uploads of earlier releases told the count alone
    let stored = named("data_access").map_or(Value::Null, |metric| figure(metric, "count"));
    let Some(receipt) = named("receipt") else {
        told.insert("upload_count".to_owned(), stored.clone());
        told.insert("actual_count".to_owned(), stored);
        return told;
    };
    told.insert("upload_count".to_owned(), figure(receipt, "rows_in"));
    told.insert("actual_count".to_owned(), figure(receipt, "stored"));
    told.insert("replaced".to_owned(), figure(receipt, "replaced"));
    told.insert("rejected".to_owned(), figure(receipt, "rejected"));
    told.insert("reasons".to_owned(), reasons(receipt.meta.get("reasons")));
    let notes = receipt.meta.get("notes").and_then(Value::as_object);
    told.insert(
        "notes".to_owned(),
        notes.into_iter().flat_map(Map::values).cloned().collect(),
    );
    told
}

/// Why rows were refused, by the lines of the first of each.
fn reasons(told: Option<&Value>) -> Value {
    let mut reasons: Vec<(u64, Value)> = (told.and_then(Value::as_object).into_iter().flatten())
        .map(|(reason, about)| {
            let number = |name: &str| about.get(name).and_then(Value::as_u64).unwrap_or_default();
            let first_line = number("first_line");
            (
                first_line,
                json!({"reason": reason, "rows": number("rows"), "first_line": first_line}),
            )
        })
        .collect();
    reasons.sort_by_key(|(first_line, _)| *first_line);
    reasons.into_iter().map(|(_, reason)| reason).collect()
}

fn figure(metric: &Metric, name: &str) -> Value {
    match &metric.data {
        MetricData::Values(values) => {
            let found = values.iter().find(|(key, _)| key == name);
            found.map_or(Value::Null, |(_, count)| json!(count.get() as u64))
        }
        MetricData::Points(_) => Value::Null,
    }
}

#[cfg(test)]
#[path = "upload_history_tests.rs"]
mod tests;
