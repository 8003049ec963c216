//! `data/upload`: the file streams to the agents that are to hold it, then a local job makes a table of it.

use axum::extract::Request;
use axum::http::Extensions;
use futures_util::future::join_all;
use rest::fate_reply::EXCEPTION;
use rest::lenient::drain;
use rest::proxy::SentTicket;
use rest::upload::{OF_JOB, TABLE_EXISTS};
use rest::{
    Answer, BodyStream, Existing, Failure, LocalJob, Reply, SentFile, UploadConfig, UploadRequest,
    tee,
};
use serde_json::{Value, json};
use service::Principal;
use service::jobs::submit::Submitted;
use vocabulary::{ErrorCode, Fault, PartyId, random_name};
use wire::agent_link::{Caller, UploadCall};

use super::FateFlow;
use super::caller::principal_of;
use super::data::start_local;
use super::reply::{answer, submission};
use super::rows;
use super::table::is_at;

pub(super) async fn upload(api: FateFlow, request: Request, caller: Caller) -> Answer {
    let who = principal_of(&api, &caller, request.extensions());
    let UploadRequest { mut config, file } = UploadRequest::read(request).await?;
    let parties = match check(&api, &caller, &config).await {
        Ok(parties) => parties,
        Err(failure) => {
            if let Some(file) = file {
                // Clients that still send do not read: a connection that is cut would hide the
                // refusal from them.
                drain(file.content).await;
            }
            return Err(failure);
        }
    };
    if let Some(SentFile { content, .. }) = file {
        config.staged = Some(stage(&api, &caller, &parties, content).await?);
    }
    answer(submit(&api, &who, &parties, &config).await?)
}

impl FateFlow {
    /// Starts the job of an upload whose file is at the agent of `party`, for one of that party's users: what a request to
    /// `data/upload` over the party's link does, for agents that say it by a message.
    pub async fn start_upload(&self, party: PartyId, call: UploadCall) -> Reply {
        let UploadCall { mut config, ticket } = call;
        // A request is read with these members only.
        config
            .of_job
            .retain(|name, _| OF_JOB.contains(&name.as_str()));
        let caller = Caller::PartyUser(party);
        let mut extensions = Extensions::new();
        if let Some(ticket) = ticket {
            extensions.insert(SentTicket(ticket));
        }
        let who = principal_of(self, &caller, &extensions);
        let started = async {
            let parties = check(self, &caller, &config).await?;
            submit(self, &who, &parties, &config).await
        };
        started.await.unwrap_or_else(|Failure(refusal)| *refusal)
    }
}

/// Everything that can be refused before a row moves; gives the parties that are to hold the table.
async fn check(
    api: &FateFlow,
    caller: &Caller,
    config: &UploadConfig,
) -> Result<Vec<PartyId>, Failure> {
    // A staged name is a right to a file: only who came through the party's own agent can have been
    // given one.
    if config.staged.is_some() && *caller == Caller::Outsider {
        let fault = Fault::new(
            ErrorCode::PermissionDenied,
            "staged files belong to a party's own REST endpoint",
        );
        return Err(fault.next("send the file itself").into());
    }
    let parties = receivers(api, caller, config)?;
    for party in &parties {
        rows::guard(api, caller, party)?;
        if config.existing == Existing::Refuse
            && is_at(api, caller, party, &config.namespace, &config.table_name).await?
        {
            return Err(Failure::code(EXCEPTION, TABLE_EXISTS));
        }
    }
    Ok(parties)
}

/// The party that is named, else the party whose user asks, else every party that takes rows through this REST endpoint.
fn receivers(
    api: &FateFlow,
    caller: &Caller,
    config: &UploadConfig,
) -> Result<Vec<PartyId>, Failure> {
    if let (Caller::PartyUser(own), Some(_)) = (caller, &config.staged) {
        return Ok(vec![own.clone()]);
    }
    if let Some(named) = &config.party_id {
        let party = PartyId::new(named.as_str());
        return Ok(vec![party.map_err(|error| {
            Fault::new(ErrorCode::PartyUnknown, error.to_string())
        })?]);
    }
    let parties = rows::open_parties(api, caller);
    if parties.is_empty() {
        Err(rows::no_open_party(api).into())
    } else {
        Ok(parties)
    }
}

/// Streams the file once to every party's staging; gives the name under which each has it.
async fn stage(
    api: &FateFlow,
    caller: &Caller,
    parties: &[PartyId],
    content: BodyStream,
) -> Result<String, Failure> {
    let name = random_name().map_err(Fault::from)?;
    // One reading for all parties, so that the file need not be kept at the coordinator.
    let (pump, copies) = tee(content, parties.len());
    let sends = parties
        .iter()
        .zip(copies)
        .map(|(party, copy)| stage_at(api, caller, party, &name, copy));
    let (rest, staged) = futures_util::future::join(pump, join_all(sends)).await;
    // Also when all agents gave up midway: the sender is let finish, so that it reads why.
    drain(rest).await;
    staged.into_iter().collect::<Result<Vec<()>, Failure>>()?;
    Ok(name)
}

async fn stage_at(
    api: &FateFlow,
    caller: &Caller,
    party: &PartyId,
    name: &str,
    copy: BodyStream,
) -> Result<(), Failure> {
    let path = format!("/v1/fedflow/staging/{name}");
    let response = rows::send(api, caller, party, ("PUT", &path), copy).await?;
    let status = response.status();
    let reply = rows::envelope(response, party).await?;
    let staged = reply
        .get("staged")
        .or_else(|| reply.pointer("/data/staged"))
        .and_then(Value::as_str)
        == Some(name);
    if status.is_success() && staged {
        return Ok(());
    }
    // the agent's own words, code and next step, as anybody at its own REST endpoint gets them
    let told = reply
        .get("fault")
        .and_then(|fault| serde_json::from_value::<Fault>(fault.clone()).ok());
    if let Some(fault) = told {
        return Err(fault.at(party).into());
    }
    let message = reply
        .get("retmsg")
        .and_then(Value::as_str)
        .unwrap_or("the agent did not take the file")
        .to_owned();
    Err(Fault::new(ErrorCode::FileUnreadable, message)
        .at(party)
        .into())
}

async fn submit(
    api: &FateFlow,
    who: &Principal,
    parties: &[PartyId],
    config: &UploadConfig,
) -> Result<Reply, Failure> {
    let Submitted { job, .. } = start_local(api, who, &LocalJob::upload(config), parties).await?;
    let mut data = submission(api, &job, "success");
    data.insert("table_name".into(), json!(config.table_name));
    data.insert("namespace".into(), json!(config.namespace));
    data.insert("parties".into(), json!(parties));
    Ok(Reply::data(Value::Object(data)).with_job(job.id.as_str()))
}
