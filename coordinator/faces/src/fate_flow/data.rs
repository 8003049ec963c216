//! `data/download` and `data/writer`, and how local jobs start.

use doors::{Answer, Failure, LocalJob, Reply};
use serde_json::{Value, json};
use service::Principal;
use service::submit_job::{SubmitJob, Submitted};
use vocabulary::PartyId;

use super::FateFlow;
use super::reply::{answer, submission};
use super::request::Call;
use super::rows;
use super::submit::start;
use super::table::holders_of;

pub(super) async fn download(face: FateFlow, call: Call) -> Answer {
    let job = LocalJob::download(&call.body)?;
    let mut holders = holders(&face, &call).await?;
    // One file is asked for, and parties of one machine may share a folder.
    holders.truncate(1);
    started(&face, &call, &job, &holders).await
}

pub(super) async fn writer(face: FateFlow, call: Call) -> Answer {
    let job = LocalJob::writer(&call.body)?;
    let mut holders = holders(&face, &call).await?;
    if job.parameters.get("output_name").and_then(Value::as_str).is_none_or(str::is_empty) {
        holders.truncate(1);
    }
    started(&face, &call, &job, &holders).await
}

/// Starts the local job of one step at the parties that have the table, and says which they are.
async fn started(face: &FateFlow, call: &Call, job: &LocalJob, parties: &[PartyId]) -> Answer {
    let Submitted { job, .. } = start_local(face, &call.principal, job, parties).await?;
    let mut data = submission(face, &job, "success");
    data.insert("table_name".into(), json!(call.need("table_name")?));
    data.insert("namespace".into(), json!(call.need("namespace")?));
    data.insert("parties".into(), json!(parties));
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

/// The party that is named, else every party that has the table, else the first that is open (whose job then fails).
async fn holders(face: &FateFlow, call: &Call) -> Result<Vec<PartyId>, Failure> {
    let (namespace, name) = (call.need("namespace")?, call.need("table_name")?);
    if let Some(party) = call.party() {
        rows::guard(face, &call.caller, &party)?;
        return Ok(vec![party]);
    }
    let parties = rows::open_parties(face, &call.caller);
    let first = parties.first().cloned().ok_or_else(|| rows::no_open_party(face))?;
    let holders = holders_of(face, &call.caller, (&namespace, &name), parties).await?;
    Ok(if holders.is_empty() { vec![first] } else { holders })
}
