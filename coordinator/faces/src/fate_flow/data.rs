//! `data/download`, `data/writer` and `data/upload/history`, and how local jobs start.

use domain::{Job, JobState};
use doors::{Answer, Failure, LocalJob, Reply};
use serde_json::{Value, json};
use service::submit_job::{SubmitJob, Submitted};
use service::{JobFilter, JobOrder, Principal};
use vocabulary::{MetricData, Participant, PartyId, Role, StepName, TaskId};

use super::FateFlow;
use super::reply::{answer, fail, submission};
use super::request::{Call, text_of};
use super::rows;
use super::shown::{is_local, visible};
use super::submit::start;
use super::table::is_at;

const UPLOAD: &str = "upload_0";
const PAGE: u32 = 100;

pub(super) async fn download(face: FateFlow, call: Call) -> Answer {
    let job = LocalJob::download(&call.body)?;
    started(&face, &call, &job).await
}

pub(super) async fn writer(face: FateFlow, call: Call) -> Answer {
    let job = LocalJob::writer(&call.body)?;
    started(&face, &call, &job).await
}

/// Starts the local job of one step at the party that has the table.
async fn started(face: &FateFlow, call: &Call, job: &LocalJob) -> Answer {
    let (namespace, name) = (call.need("namespace")?, call.need("table_name")?);
    let party = holder(face, call, &namespace, &name).await?;
    let Submitted { job, .. } = start_local(face, &call.principal, job, &[party]).await?;
    let mut data = submission(face, &job, "success");
    data.insert("table_name".into(), json!(name));
    data.insert("namespace".into(), json!(namespace));
    answer(Reply::data(Value::Object(data)).with_job(job.id.as_str()))
}

/// Starts a local job at these parties.
pub(super) async fn start_local(
    face: &FateFlow,
    who: &Principal,
    job: &LocalJob,
    parties: &[PartyId],
) -> Result<Submitted, Failure> {
    let (dsl, conf) = job.documents(parties);
    start(face, who, SubmitJob { dsl, conf, ..SubmitJob::default() }).await
}

/// The party that is named, else the first that has the table, else the first that is open (whose job then fails).
async fn holder(face: &FateFlow, call: &Call, namespace: &str, name: &str) -> Result<PartyId, Failure> {
    if let Some(party) = call.party() {
        rows::guard(face, &call.caller, &party)?;
        return Ok(party);
    }
    let parties = rows::open_parties(face, &call.caller);
    for party in &parties {
        if is_at(face, &call.caller, party, namespace, name).await? {
            return Ok(party.clone());
        }
    }
    parties.into_iter().next().ok_or_else(|| rows::no_open_party(face).into())
}

pub(super) async fn history(face: FateFlow, call: Call) -> Answer {
    let limit = call.text("limit").and_then(|text| text.trim().parse::<usize>().ok()).filter(|limit| *limit > 0);
    let mut filter = JobFilter {
        states: vec![JobState::Succeeded],
        roles: vec![Role::Local],
        order: JobOrder::Created,
        newest_first: true,
        limit: Some(PAGE),
        ..visible(&call)
    };
    if call.text("job_id").is_some() {
        let Some(id) = call.job() else { return answer(Reply::data(json!([]))) };
        filter.ids = vec![id];
    }
    let mut rows = Vec::new();
    loop {
        let (jobs, total) = face.coordinator().jobs(&filter).await.map_err(fail)?;
        let read = u32::try_from(jobs.len()).unwrap_or(PAGE);
        for job in jobs.iter().filter(|job| is_local(job)) {
            if limit.is_some_and(|limit| rows.len() >= limit) {
                return answer(Reply::data(Value::Array(rows)));
            }
            rows.extend(history_row(&face, &call, job).await?);
        }
        filter.offset = filter.offset.saturating_add(read);
        if read == 0 || u64::from(filter.offset) >= total {
            return answer(Reply::data(Value::Array(rows)));
        }
    }
}

/// The row of an upload; none when the job is no upload or its table is known to be gone.
async fn history_row(face: &FateFlow, call: &Call, job: &Job) -> Result<Option<Value>, Failure> {
    let Ok(step) = StepName::new(UPLOAD) else { return Ok(None) };
    let Some(placed) = job.definition.graph.step(&step).filter(|placed| placed.module == "Upload") else {
        return Ok(None);
    };
    let owner = job.initiator.clone();
    let parameters = placed.parameters_of(&owner);
    let text = |name: &str| parameters.get(name).and_then(text_of).unwrap_or_default();
    let (namespace, name) = (text("namespace"), text("name"));
    let count = uploaded_rows(face, job, step, &owner).await?;
    let body = json!({"namespace": namespace, "table_name": name});
    // a party that cannot or will not tell is taken to have the table still
    let info = rows::ask(face, &call.caller, &owner.party, "/v1/table/table_info", &body).await.unwrap_or(Value::Null);
    if info.pointer("/data/exist").and_then(Value::as_i64) == Some(0) {
        return Ok(None);
    }
    let schema = info.pointer("/data/schema").filter(|schema| schema.is_object()).cloned().unwrap_or_else(|| json!({}));
    let row = json!({
        "upload_info": {
            "table_name": name,
            "namespace": namespace,
            "partition": parameters.get("partition"),
            "upload_count": count,
            "actual_count": count,
        },
        "notes": job.description,
        "schema": schema,
        "meta": schema,
    });
    Ok(Some(json!({job.id.as_str(): row})))
}

/// The count that the upload logged.
async fn uploaded_rows(face: &FateFlow, job: &Job, step: StepName, owner: &Participant) -> Result<Value, Failure> {
    let task = TaskId { job: job.id.clone(), step, role: owner.role, party: owner.party.clone() };
    let metrics = face.coordinator().metrics(&task).await.unwrap_or_default();
    let logged = metrics.iter().find(|metric| metric.name == "data_access");
    let count = logged.and_then(|metric| match &metric.data {
        MetricData::Values(values) => values.iter().find(|(key, _)| key == "count").map(|(_, count)| count.get()),
        MetricData::Points(_) => None,
    });
    Ok(count.map_or(Value::Null, |count| json!(count as u64)))
}
