//! Requests for rows go to the agent of the party that owns them; the coordinator keeps nothing of what passes.

use axum::response::{IntoResponse, Response};
use rest::lenient::whole_body;
use rest::proxy::{BodyStream, make_response, whole};
use rest::{Answer, Failure};
use serde_json::Value;
use vocabulary::{ErrorCode, Fault, PartyId};
use wire::agent_link::{Caller, HttpHead};

use super::FateFlow;

/// Refuses unless the party lets this caller at its rows through this REST endpoint: its own users always, other parties' users never,
/// those of no party where the policy says so.
pub(super) fn guard(api: &FateFlow, caller: &Caller, party: &PartyId) -> Result<(), Fault> {
    if let Caller::PartyUser(own) = caller
        && own != party
    {
        let message = format!("what party {party} keeps is not for users of party {own}");
        return Err(Fault::new(ErrorCode::PermissionDenied, message)
            .at(party)
            .next("ask at the party's own REST endpoint"));
    }
    let presence = api.coordinator().presence();
    let Some(agent) = presence.agents.get(party) else {
        return Err(Fault::new(
            ErrorCode::PartyUnknown,
            format!("party {party} was never connected"),
        )
        .at(party));
    };
    if agent.rows_through_coordinator || is_own(caller, party) {
        return Ok(());
    }
    let fault = Fault::new(
        ErrorCode::DisclosureRefused,
        "the party keeps its rows to its own REST endpoint",
    )
    .at(party);
    Err(match &agent.rest {
        Some(rest) => fault.next(format!("use the party's own address: {rest}")),
        None => fault.next("ask the party for the address of its own REST endpoint"),
    })
}

/// Refuses users of another party.
pub(super) fn not_anothers(caller: &Caller, party: &PartyId) -> Result<(), Fault> {
    match caller {
        Caller::PartyUser(own) if own != party => {
            let message = format!("what party {party} keeps is not for users of party {own}");
            Err(Fault::new(ErrorCode::PermissionDenied, message)
                .at(party)
                .next("ask at the party's own REST endpoint"))
        }
        _ => Ok(()),
    }
}

fn is_own(caller: &Caller, party: &PartyId) -> bool {
    matches!(caller, Caller::PartyUser(own) if own == party)
}

/// Parties that are there and let this caller at their rows through this REST endpoint.
pub(super) fn open_parties(api: &FateFlow, caller: &Caller) -> Vec<PartyId> {
    if let Caller::PartyUser(party) = caller {
        return vec![party.clone()];
    }
    let agents = api.coordinator().presence().agents.into_iter();
    agents
        .filter(|(_, agent)| agent.online && agent.rows_through_coordinator)
        .map(|(party, _)| party)
        .collect()
}

/// The refusal when no party lets the caller in here: it names the REST endpoints that would.
pub(super) fn no_open_party(api: &FateFlow) -> Fault {
    let agents = api.coordinator().presence().agents;
    let rest: Vec<String> = agents
        .iter()
        .filter_map(|(party, agent)| {
            agent
                .rest
                .as_ref()
                .map(|rest| format!("party {party} at {rest}"))
        })
        .collect();
    let fault = Fault::new(
        ErrorCode::DisclosureRefused,
        "no connected party takes or gives rows through this REST endpoint",
    );
    if rest.is_empty() {
        return fault.next("connect an agent, or name a party by party_id");
    }
    fault.next(format!(
        "use a party's own REST endpoint: {}",
        rest.join(", ")
    ))
}

/// Hands a request (method and path) to a party's agent: JSON, or raw bytes where it puts a file.
pub(super) async fn send(
    api: &FateFlow,
    caller: &Caller,
    party: &PartyId,
    head: (&str, &str),
    body: BodyStream,
) -> Result<Response, Fault> {
    guard(api, caller, party)?;
    send_openly(api, caller, party, head, body).await
}

/// The same for what is no row: the agent's own policy says whether this REST endpoint may have it.
pub(super) async fn send_openly(
    api: &FateFlow,
    caller: &Caller,
    party: &PartyId,
    head: (&str, &str),
    body: BodyStream,
) -> Result<Response, Fault> {
    let (method, target) = head;
    // only a user who came through that party's own REST endpoint is its user
    let caller = if is_own(caller, party) {
        caller.clone()
    } else {
        Caller::Outsider
    };
    let content_type: &[u8] = if method == "PUT" {
        b"application/octet-stream"
    } else {
        b"application/json"
    };
    let headers = vec![("content-type".to_owned(), content_type.to_vec())];
    let head = HttpHead {
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        caller,
        // A ticket is the asker's party's word on an offer; a request for rows starts no job.
        ticket: None,
    };
    let (head, body) = api
        .rows()
        .forward(party, head, body)
        .await
        .map_err(|fault| fault.at(party))?;
    Ok(make_response(head, body))
}

/// Hands a JSON request to a party's agent and passes its answer on as it comes.
pub(super) async fn pass_on(
    api: &FateFlow,
    caller: &Caller,
    party: &PartyId,
    path: &str,
    body: &Value,
) -> Answer {
    Ok(send(api, caller, party, ("POST", path), whole(body.to_string())).await?)
}

/// Hands a JSON request about something else than rows to a party's agent and passes its answer on as it comes.
pub(super) async fn pass_on_openly(
    api: &FateFlow,
    caller: &Caller,
    party: &PartyId,
    path: &str,
    body: &Value,
) -> Answer {
    not_anothers(caller, party)?;
    Ok(send_openly(api, caller, party, ("POST", path), whole(body.to_string())).await?)
}

/// Hands a JSON request about something else than rows to a party's agent and reads the envelope it answers.
pub(super) async fn ask_openly(
    api: &FateFlow,
    caller: &Caller,
    party: &PartyId,
    path: &str,
    body: &Value,
) -> Result<Value, Failure> {
    let response = send_openly(api, caller, party, ("POST", path), whole(body.to_string())).await?;
    envelope(response, party).await
}

/// Hands a JSON request to a party's agent and reads the envelope it answers. An answer that is none is a fault.
pub(super) async fn ask(
    api: &FateFlow,
    caller: &Caller,
    party: &PartyId,
    path: &str,
    body: &Value,
) -> Result<Value, Failure> {
    let response = send(api, caller, party, ("POST", path), whole(body.to_string())).await?;
    envelope(response, party).await
}

/// Reads the JSON that an agent answered.
pub(super) async fn envelope(response: Response, party: &PartyId) -> Result<Value, Failure> {
    let status = response.status();
    let bytes = whole_body(response.into_response().into_body()).await?;
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(value) if value.is_object() => Ok(value),
        _ => Err(Fault::new(
            ErrorCode::Internal,
            format!("the agent answered HTTP {status} without a JSON object"),
        )
        .at(party)
        .into()),
    }
}
