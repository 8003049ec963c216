//! Files at the agents: this side only passes them on.

use axum::http::StatusCode;
use axum::response::Response;
use rest::BodyStream;
use rest::lenient::{drain, segment_of, whole_body};
use rest::proxy::{make_response, no_body, whole};
use serde_json::Value;
use std::collections::BTreeMap;
use vocabulary::{ErrorCode, Fault, PartyId, Tenant};
use wire::agent_link::{Caller, HttpHead};

use super::Abeja;
use super::reply::Refusal;
use super::request::torn;

/// Begins the names of what a sender says of a file.
pub(super) const SAID: &str = "x-abeja-meta-";

/// A file at a party.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileAt<'a> {
    pub(super) party: &'a PartyId,
    pub(super) folder: &'a str,
    pub(super) name: &'a str,
}

impl FileAt<'_> {
    fn target(&self) -> String {
        format!("/v1/fedflow/files/{}/{}", self.folder, self.name)
    }
}

/// What a party says of a file that it keeps.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FileInfo {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// The party that keeps a tenant's files.
pub(super) async fn home(api: &Abeja, tenant: &Tenant) -> Result<PartyId, Refusal> {
    Ok(api.coordinator().parties().home(tenant).await?)
}

/// Sends a file on to its party as it comes.
pub(super) async fn put(
    api: &Abeja,
    at: FileAt<'_>,
    (content_type, metadata): (&str, &BTreeMap<String, String>),
    content: BodyStream,
) -> Result<FileInfo, Refusal> {
    if let Err(refusal) = guard(api, at.party) {
        drain(content).await;
        return Err(refusal);
    }
    let mut headers = vec![("content-type".to_owned(), content_type.as_bytes().to_vec())];
    headers.extend(metadata.iter().map(|(key, value)| {
        let key = key.strip_prefix(SAID).unwrap_or(key);
        (
            format!("x-fedflow-meta-{key}"),
            segment_of(value).into_bytes(),
        )
    }));
    let response = forward(api, at.party, ("PUT", &at.target()), headers, content).await?;
    let reply = envelope(response, at.party).await?;
    let bytes = reply.pointer("/data/bytes").and_then(Value::as_u64);
    let sha256 = reply
        .pointer("/data/sha256")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let (Some(bytes), Some(sha256)) = (bytes, sha256) else {
        return Err(odd(at.party));
    };
    Ok(FileInfo { bytes, sha256 })
}

/// A file's content as it comes from its party.
pub(super) async fn get(api: &Abeja, at: FileAt<'_>) -> Result<Response, Refusal> {
    guard(api, at.party)?;
    let response = forward(api, at.party, ("GET", &at.target()), Vec::new(), no_body()).await?;
    if response.status().is_success() {
        Ok(response)
    } else {
        Err(refusal_of(response, at.party).await)
    }
}

/// What a party says of a file that it keeps; its content is not read.
pub(super) async fn describe(api: &Abeja, at: FileAt<'_>) -> Result<FileInfo, Refusal> {
    let response = get(api, at).await?;
    let text = |name: &str| {
        response
            .headers()
            .get(name)?
            .to_str()
            .ok()
            .map(str::to_owned)
    };
    let bytes = text("content-length").and_then(|length| length.parse().ok());
    let (Some(bytes), Some(sha256)) = (bytes, text("x-fedflow-sha256")) else {
        return Err(odd(at.party));
    };
    Ok(FileInfo { bytes, sha256 })
}

/// Removes a file; one that is not there is removed already.
pub(super) async fn delete(api: &Abeja, at: FileAt<'_>) -> Result<(), Refusal> {
    guard(api, at.party)?;
    let response = forward(
        api,
        at.party,
        ("DELETE", &at.target()),
        Vec::new(),
        no_body(),
    )
    .await?;
    match response.status() {
        status if status.is_success() || status == StatusCode::NOT_FOUND => Ok(()),
        _ => Err(refusal_of(response, at.party).await),
    }
}

/// Asks a party for what its policy may let it tell, and gives the answer whatever its status.
pub(super) async fn ask(
    api: &Abeja,
    party: &PartyId,
    path: &str,
    body: &Value,
) -> Result<Response, Refusal> {
    let headers = vec![("content-type".to_owned(), b"application/json".to_vec())];
    forward(api, party, ("POST", path), headers, whole(body.to_string())).await
}

async fn forward(
    api: &Abeja,
    party: &PartyId,
    (method, target): (&str, &str),
    headers: Vec<(String, Vec<u8>)>,
    body: BodyStream,
) -> Result<Response, Refusal> {
    let head = HttpHead {
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        caller: Caller::Outsider,
        ticket: None,
    };
    let (head, body) = api
        .rows()
        .forward(party, head, body)
        .await
        .map_err(|fault| fault.at(party))?;
    Ok(make_response(head, body))
}

/// Refuses before a byte moves where the party is away, or keeps its rows to its own REST endpoint.
fn guard(api: &Abeja, party: &PartyId) -> Result<(), Refusal> {
    let presence = api.coordinator().presence();
    let Some(agent) = presence.agents.get(party) else {
        return Err(Fault::new(
            ErrorCode::PartyUnknown,
            format!("party {party} was never connected"),
        )
        .at(party)
        .into());
    };
    if !agent.online {
        return Err(Fault::new(
            ErrorCode::PartyOffline,
            format!("party {party} is not connected"),
        )
        .at(party)
        .into());
    }
    if !agent.rows_through_coordinator {
        let fault = Fault::new(
            ErrorCode::DisclosureRefused,
            "the party keeps its files to its own REST endpoint",
        )
        .at(party);
        let address = agent
            .rest
            .clone()
            .unwrap_or_else(|| "its own address".to_owned());
        return Err(fault.next(format!("ask at {address}")).into());
    }
    Ok(())
}

/// The JSON that a party answered, or its refusal.
pub(super) async fn envelope(response: Response, party: &PartyId) -> Result<Value, Refusal> {
    if !response.status().is_success() {
        return Err(refusal_of(response, party).await);
    }
    let bytes = whole_body(response.into_body()).await.map_err(torn)?;
    let reply: Value = serde_json::from_slice(&bytes).map_err(|_| odd(party))?;
    if reply.get("retcode").and_then(Value::as_i64) == Some(0) {
        Ok(reply)
    } else {
        Err(told(&reply, None, party))
    }
}

async fn refusal_of(response: Response, party: &PartyId) -> Refusal {
    let status = response.status();
    let reply = match whole_body(response.into_body()).await {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Err(_) => Value::Null,
    };
    told(&reply, Some(status), party)
}

/// The party's own words, code and next step.
fn told(reply: &Value, status: Option<StatusCode>, party: &PartyId) -> Refusal {
    let fault = reply
        .get("fault")
        .and_then(|fault| serde_json::from_value::<Fault>(fault.clone()).ok());
    let mut refusal = match fault {
        Some(fault) => Refusal::from(fault.at(party)),
        None => match reply.get("retmsg").and_then(Value::as_str) {
            Some(text) => Refusal::conflict(format!("party {party}: {text}")),
            None => odd(party),
        },
    };
    if let Some(status) = status.filter(StatusCode::is_client_error) {
        refusal.status = status;
    }
    refusal
}

fn odd(party: &PartyId) -> Refusal {
    Fault::new(ErrorCode::Internal, "the agent's answer cannot be read")
        .at(party)
        .into()
}
