//! `data/download` and `data/writer`, and how local jobs start.

use std::time::Duration;

use domain::{Job, JobState};
use futures_util::future::join_all;
use rest::fate_reply::OPERATING;
use rest::{Answer, Failure, LocalJob, Reply};
use serde_json::{Map, Value, json};
use service::Principal;
use service::jobs::submit::{SubmitJob, Submitted};
use vocabulary::{ErrorCode, Fault, PartyId};

use super::FateFlow;
use super::reply::{answer, submission};
use super::request::Call;
use super::rows;
use super::submit::start;
use super::table::holders_of;

/// How long an answer waits for the copies of other parties than the first.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn download(api: FateFlow, call: Call) -> Answer {
    let job = LocalJob::download(&call.body)?;
    let mut holders = holders(&api, &call).await?;
    // One file is asked for, and parties of one machine may share a folder.
    holders.truncate(1);
    started(&api, &call, &job, &holders).await
}

pub(super) async fn writer(api: FateFlow, call: Call) -> Answer {
    let job = LocalJob::writer(&call.body)?;
    let mut holders = holders(&api, &call).await?;
    if job
        .parameters
        .get("output_name")
        .and_then(Value::as_str)
        .is_none_or(str::is_empty)
    {
        holders.truncate(1);
    }
    started(&api, &call, &job, &holders).await
}

/// Starts the local job of one step at each of the parties that have the table, and says which they are. Each party's job is its
/// own, as what it does with its own table is nobody else's affair; the answer has the first one's, and waits for the others.
async fn started(api: &FateFlow, call: &Call, job: &LocalJob, parties: &[PartyId]) -> Answer {
    let mut jobs = Vec::new();
    for party in parties {
        let Submitted { job, .. } =
            start_local(api, &call.principal, job, std::slice::from_ref(party)).await?;
        jobs.push((party, job));
    }
    let Some(((_, first), others)) = jobs.split_first() else {
        return Err(rows::no_open_party(api).into());
    };
    let ends = join_all(
        others
            .iter()
            .map(|(_, job)| api.coordinator().jobs().once_settled(&job.id, PATIENCE)),
    )
    .await;
    let mut data = submission(api, first, "success");
    data.insert("table_name".into(), json!(call.need("table_name")?));
    data.insert("namespace".into(), json!(call.need("namespace")?));
    data.insert("parties".into(), json!(parties));
    let each: Map<String, Value> = jobs
        .iter()
        .map(|(party, job)| (party.to_string(), json!(job.id)))
        .collect();
    data.insert("jobs".into(), Value::Object(each));
    let reply = Reply::data(Value::Object(data)).with_job(first.id.as_str());
    let reason = |job: Job| {
        let ended_badly = job.state.is_settled() && job.state != JobState::Succeeded;
        let unknown = || {
            Fault::new(
                ErrorCode::JobState,
                format!("job {} did not succeed", job.id),
            )
        };
        ended_badly.then(|| job.reason.clone().unwrap_or_else(unknown))
    };
    match ends.into_iter().flatten().find_map(reason) {
        None => answer(reply),
        // Who reads nothing but the return code must not take the copy for made everywhere.
        Some(fault) => {
            let Reply { data, .. } = reply;
            let refused = Failure::code(OPERATING, fault.to_string())
                .with_fault(fault)
                .with_job(first.id.as_str());
            let Failure(mut reply) = refused;
            reply.data = data;
            reply.data["code"] = json!(OPERATING);
            reply.data["message"] = json!(reply.retmsg);
            Err(Failure(reply))
        }
    }
}

/// Starts a local job at these parties.
pub(super) async fn start_local(
    api: &FateFlow,
    who: &Principal,
    job: &LocalJob,
    parties: &[PartyId],
) -> Result<Submitted, Failure> {
    let (dsl, conf) = job.documents(parties);
    start(
        api,
        who,
        SubmitJob {
            dsl,
            conf,
            ..SubmitJob::default()
        },
    )
    .await
}

/// The party that is named, else every party that has the table, else the first that is open (whose job then fails).
async fn holders(api: &FateFlow, call: &Call) -> Result<Vec<PartyId>, Failure> {
    let (namespace, name) = (call.need("namespace")?, call.need("table_name")?);
    if let Some(party) = call.party() {
        rows::guard(api, &call.caller, &party)?;
        return Ok(vec![party]);
    }
    let parties = rows::open_parties(api, &call.caller);
    let first = parties
        .first()
        .cloned()
        .ok_or_else(|| rows::no_open_party(api))?;
    let holders = holders_of(api, &call.caller, (&namespace, &name), parties).await?;
    Ok(if holders.is_empty() {
        vec![first]
    } else {
        holders
    })
}
