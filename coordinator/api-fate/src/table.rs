//! `table/*`: what a party tells of a stored table, from the party itself.

use futures_util::future::join_all;
use rest::fate_reply::{ARGUMENT, SUCCESS};
use rest::table_reply::absent_table;
use rest::{Answer, Failure, Reply};
use serde_json::{Value, json};
use vocabulary::{PartyId, TableRef};
use wire::agent_link::Caller;

use super::FateFlow;
use super::job_view::{find_job, meant};
use super::reply::{answer, fail};
use super::request::Call;
use super::rows;

const INFO: &str = "/v1/table/table_info";

pub(super) async fn info(api: FateFlow, call: Call) -> Answer {
    let (name, namespace) = names(&call);
    if call.flag("create") {
        return answer(Reply::data(
            json!({"table_name": name, "namespace": namespace, "count": 0, "partition": null}),
        ));
    }
    let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    if !given(&name) || !given(&namespace) {
        return answer(Reply::data(absent_table(
            name.as_deref(),
            namespace.as_deref(),
        )));
    }
    let body = Value::Object(call.body.clone());
    if let Some(party) = call.party() {
        return rows::pass_on(&api, &call.caller, &party, INFO, &body).await;
    }
    let parties = parties(&api, &call.caller)?;
    let replies = join_all(
        parties
            .iter()
            .map(|party| rows::ask(&api, &call.caller, party, INFO, &body)),
    )
    .await;
    let (mut there, mut not_there) = (Vec::new(), Vec::new());
    for (party, reply) in parties.into_iter().zip(replies) {
        match reply {
            Ok(reply) if exists(&reply) => there.push((party, reply)),
            other => not_there.push(other),
        }
    }
    let holders: Vec<PartyId> = there.iter().map(|(party, _)| party.clone()).collect();
    match (there.into_iter().next(), not_there.pop()) {
        (Some((_, reply)), _) => answer(told_where(as_reply(reply), &holders)),
        (None, Some(reply)) => answer(as_reply(reply?)),
        (None, None) => Err(rows::no_open_party(&api).into()),
    }
}

/// The answer with the parties for which it is true: no table is at the coordinator.
pub(super) fn told_where(mut reply: Reply, parties: &[PartyId]) -> Reply {
    if let Value::Object(data) = &mut reply.data {
        data.insert("parties".to_owned(), json!(parties));
    }
    reply
}

pub(super) async fn delete(api: FateFlow, call: Call) -> Answer {
    let body = Value::Object(call.body.clone());
    let path = "/v1/table/delete";
    if let Some(party) = call.party() {
        return rows::pass_on(&api, &call.caller, &party, path, &body).await;
    }
    if let (None, Some(job)) = (names(&call).0, find_job(&api, &call).await?) {
        // outputs of a step are where the participant that is meant left them
        let shown = meant(&job, &call).ok_or_else(|| Failure::code(ARGUMENT, "no find table"))?;
        return rows::pass_on(&api, &call.caller, &shown.of.party, path, &own(body)).await;
    }
    // an upload that names no party is stored at every party, so a deletion that names none is made at every party
    let (mut deleted, mut refused, mut gone_from) = (None, None, Vec::new());
    for party in &parties(&api, &call.caller)? {
        let reply = rows::ask(&api, &call.caller, party, path, &body).await;
        match reply
            .as_ref()
            .map(|reply| reply.get("retcode").and_then(Value::as_i64))
        {
            Ok(Some(SUCCESS)) => {
                deleted = reply.ok();
                gone_from.push(party.clone());
            }
            // The table is not at this party, which is no failure while another one has it.
            Ok(Some(ARGUMENT)) => {}
            // the others are asked all the same: where it is gone is said beside the refusal
            _ => refused = refused.or(Some(reply)),
        }
    }
    match (refused, deleted) {
        (Some(Err(failure)), _) if gone_from.is_empty() => Err(failure),
        (Some(Err(failure)), _) => {
            let Failure(mut reply) = failure;
            reply.meta = json!({"parties": gone_from});
            Err(Failure(reply))
        }
        (Some(Ok(reply)), _) => {
            let mut reply = as_reply(reply);
            if !gone_from.is_empty() {
                reply.meta = json!({"parties": gone_from});
            }
            answer(reply)
        }
        (None, Some(reply)) => {
            // Clients compare the data with FATE's.
            let mut reply = as_reply(reply);
            reply.meta = json!({"parties": gone_from});
            answer(reply)
        }
        (None, None) => Err(Failure::code(ARGUMENT, "no find table")),
    }
}

/// An agent tells that a table of its party is gone.
pub(super) async fn removed(api: FateFlow, call: Call) -> Answer {
    call.validated(&["namespace", "table_name"])?;
    let Caller::PartyUser(party) = &call.caller else {
        return Err(Failure::unknown_route());
    };
    let (name, namespace) = names(&call);
    let table = TableRef::new(namespace.unwrap_or_default(), name.unwrap_or_default());
    api.coordinator()
        .tables()
        .removed(party, &table)
        .await
        .map_err(fail)?;
    answer(Reply::success())
}

/// The request without a party: the agent that gets it is the one that is meant.
fn own(mut body: Value) -> Value {
    if let Some(body) = body.as_object_mut() {
        body.remove("party_id");
    }
    body
}

/// Those of the parties that have the table.
pub(super) async fn holders_of(
    api: &FateFlow,
    caller: &Caller,
    (namespace, name): (&str, &str),
    parties: Vec<PartyId>,
) -> Result<Vec<PartyId>, Failure> {
    let found = join_all(
        parties
            .iter()
            .map(|party| is_at(api, caller, party, namespace, name)),
    )
    .await;
    let mut holders = Vec::new();
    for (party, is_there) in parties.into_iter().zip(found) {
        // Where one cannot say, nobody knows whether something is left out.
        if is_there? {
            holders.push(party);
        }
    }
    Ok(holders)
}

/// Whether a party has the table.
pub(super) async fn is_at(
    api: &FateFlow,
    caller: &Caller,
    party: &PartyId,
    namespace: &str,
    name: &str,
) -> Result<bool, Failure> {
    let body = json!({"namespace": namespace, "table_name": name});
    Ok(exists(&rows::ask(api, caller, party, INFO, &body).await?))
}

fn exists(reply: &Value) -> bool {
    reply.pointer("/data/exist").and_then(Value::as_i64) == Some(1)
}

fn names(call: &Call) -> (Option<String>, Option<String>) {
    (
        call.text("table_name").or_else(|| call.text("name")),
        call.text("namespace"),
    )
}

pub(super) fn parties(api: &FateFlow, caller: &Caller) -> Result<Vec<PartyId>, Failure> {
    let parties = rows::open_parties(api, caller);
    if parties.is_empty() {
        Err(rows::no_open_party(api).into())
    } else {
        Ok(parties)
    }
}

/// An agent's envelope as our own.
pub(super) fn as_reply(envelope: Value) -> Reply {
    let part = |name: &str| envelope.get(name).cloned().unwrap_or(Value::Null);
    let code = envelope
        .get("retcode")
        .and_then(Value::as_i64)
        .unwrap_or(SUCCESS);
    let text = envelope
        .get("retmsg")
        .and_then(Value::as_str)
        .unwrap_or("success");
    Reply::code(code, text)
        .with_data(part("data"))
        .with_meta(part("meta"))
}
