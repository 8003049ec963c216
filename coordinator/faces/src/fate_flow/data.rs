//! `data/download`, `data/writer` and `data/upload/history`, and the documents of local jobs.

use domain::{Job, JobState};
use doors::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use service::submit_job::{SubmitJob, Submitted};
use service::{JobFilter, JobOrder};
use vocabulary::{MetricData, Participant, PartyId, Role, StepName, TaskId};

use super::FateFlow;
use super::reply::{answer, fail, submission};
use super::request::{Call, id_value, text_of};
use super::rows;
use super::shown::{is_local, visible};
use super::submit::start;
use super::table::is_at;

const UPLOAD: &str = "upload_0";
const PAGE: u32 = 100;

/// The DSL of a job of one step.
pub(super) fn local_dsl(step: &str, module: &str) -> Value {
    json!({"components": {step: {"module": module}}})
}

/// Fields of a request that are the job's and not the component's.
pub(super) const OF_JOB: [&str; 5] =
    ["task_cores", "eggroll_run", "spark_run", "computing_engine", "federation_engine"];

/// The conf of a local job: every party does the same with the same parameters; `request` may say something of the job.
pub(super) fn local_conf(step: &str, parties: &[PartyId], parameters: Value, request: &Map<String, Value>) -> Value {
    let ids: Vec<Value> = parties.iter().map(|party| id_value(party.as_str())).collect();
    let everybody: Vec<String> = (0..parties.len()).map(|index| index.to_string()).collect();
    let mut common = Map::new();
    common.insert("job_type".to_owned(), json!("train"));
    let of_job = OF_JOB.iter().filter_map(|key| Some(((*key).to_owned(), request.get(*key)?.clone())));
    common.extend(of_job.filter(|(_, value)| !value.is_null()));
    json!({
        "dsl_version": 2,
        "initiator": {"role": "local", "party_id": ids.first()},
        "role": {"local": ids},
        "job_parameters": {"common": common},
        "component_parameters": {"role": {"local": {everybody.join("|"): {step: parameters}}}},
    })
}

pub(super) async fn download(face: FateFlow, call: Call) -> Answer {
    call.checked(&["namespace", "table_name", "output_path"])?;
    let (namespace, name) = (call.need("namespace")?, call.need("table_name")?);
    let party = holder(&face, &call, &namespace, &name).await?;
    let delimiter = call.text("delimiter").or_else(|| call.text("delimitor")).unwrap_or_else(|| ",".to_owned());
    let parameters = json!({
        "name": name,
        "namespace": namespace,
        "output_path": call.need("output_path")?,
        "delimiter": delimiter,
    });
    started(&face, &call, ("download_0", "Download"), party, (parameters, &namespace, &name)).await
}

pub(super) async fn writer(face: FateFlow, call: Call) -> Answer {
    call.checked(&["namespace", "table_name"])?;
    let (namespace, name) = (call.need("namespace")?, call.need("table_name")?);
    let given = |keys: [&str; 2]| {
        let mut found = keys.into_iter().filter_map(|key| call.body.get(key).filter(|value| !value.is_null()));
        found.next().cloned()
    };
    let members = [
        ("output_name", given(["output_name", "output_table_name"])),
        ("output_namespace", given(["output_namespace", "output_table_namespace"])),
        ("storage_engine", given(["storage_engine", "engine"])),
        ("address", given(["address", "storage_address"])),
        ("partitions", given(["partitions", "partition"])),
        ("delimiter", given(["delimiter", "delimitor"])),
    ];
    let mut parameters: Map<String, Value> =
        members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    let has = |keys: [&str; 2]| keys.iter().all(|key| parameters.contains_key(*key));
    if !has(["output_name", "output_namespace"]) && !has(["storage_engine", "address"]) {
        return Err(Failure::parameters_missing(&["output_name", "output_namespace"]));
    }
    parameters.insert("name".to_owned(), json!(name));
    parameters.insert("namespace".to_owned(), json!(namespace));
    parameters.insert("destroy".to_owned(), json!(call.flag("drop")));
    let party = holder(&face, &call, &namespace, &name).await?;
    let parameters = Value::Object(parameters);
    started(&face, &call, ("writer_0", "Writer"), party, (parameters, &namespace, &name)).await
}

/// Starts the local job of one step at the party that has the table.
async fn started(
    face: &FateFlow,
    call: &Call,
    (step, module): (&str, &str),
    party: PartyId,
    (parameters, namespace, name): (Value, &str, &str),
) -> Answer {
    let order = SubmitJob {
        dsl: local_dsl(step, module),
        conf: local_conf(step, &[party], parameters, &call.body),
        name: String::new(),
        description: String::new(),
    };
    let Submitted { job, .. } = start(face, &call.principal, order).await?;
    let mut data = submission(face, &job, "success");
    data.insert("table_name".into(), json!(name));
    data.insert("namespace".into(), json!(namespace));
    answer(Reply::data(Value::Object(data)).with_job(job.id.as_str()))
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
        MetricData::Values(values) => values.iter().find(|(key, _)| key == "count").map(|(_, count)| *count),
        MetricData::Points(_) => None,
    });
    Ok(count.map_or(Value::Null, |count| json!(count as u64)))
}
