//! The rest of `table/*`: answered by the party that is named; where none is named, by every open party or by the first that
//! knows the table.

use axum::response::Response;
use rest::fate_reply::{ARGUMENT, EXCEPTION, NOTHING, SUCCESS};
use rest::upload::TABLE_EXISTS;
use rest::{Answer, Failure, Reply};
use serde_json::Value;
use vocabulary::PartyId;

use super::FateFlow;
use super::output::refuse_json;
use super::reply::answer;
use super::request::Call;
use super::rows;
use super::table::{as_reply, is_at, parties, told_where};

/// Which parties answer a request that names none.
#[derive(Clone, Copy)]
enum Whose {
    /// The first that succeeds.
    First,
    /// All of them; lists in their answers are joined.
    All,
}

pub(super) async fn bind(api: FateFlow, call: Call) -> Answer {
    call.validated(&["engine", "address", "namespace", "name"])?;
    let (namespace, name) = (call.need("namespace")?, call.need("name")?);
    if call.party().is_none() && !call.flag("drop") {
        for party in &parties(&api, &call.caller)? {
            if is_at(&api, &call.caller, party, &namespace, &name).await? {
                return Err(Failure::code(EXCEPTION, TABLE_EXISTS));
            }
        }
    }
    asked(&api, &call, "/v1/table/bind", Whose::All).await
}

pub(super) async fn enable(api: FateFlow, call: Call) -> Answer {
    asked(&api, &call, "/v1/table/enable", Whose::All).await
}

pub(super) async fn disable(api: FateFlow, call: Call) -> Answer {
    asked(&api, &call, "/v1/table/disable", Whose::All).await
}

pub(super) async fn delete_disabled(api: FateFlow, call: Call) -> Answer {
    asked(&api, &call, "/v1/table/disable/delete", Whose::All).await
}

pub(super) async fn create_connector(api: FateFlow, call: Call) -> Answer {
    call.validated(&["connector_name", "engine", "connector_info"])?;
    asked(&api, &call, "/v1/table/connector/create", Whose::All).await
}

pub(super) async fn connector(api: FateFlow, call: Call) -> Answer {
    call.validated(&["connector_name"])?;
    asked(&api, &call, "/v1/table/connector/query", Whose::First).await
}

pub(super) async fn source(api: FateFlow, call: Call) -> Answer {
    asked(&api, &call, "/v1/table/tracking/source", Whose::All).await
}

/// Tables of one name at several parties are several tables: the jobs of all of them, newest first.
pub(super) async fn jobs(api: FateFlow, call: Call) -> Answer {
    const PATH: &str = "/v1/table/tracking/job";
    if let Some(party) = call.party() {
        return rows::pass_on(&api, &call.caller, &party, PATH, &Value::Object(call.body)).await;
    }
    let mut reply = together_of(all(&api, &call, PATH, &parties(&api, &call.caller)?).await)?;
    if let Some(Value::Array(ids)) = reply.data.get_mut("job") {
        ids.sort_by(|one, other| other.as_str().cmp(&one.as_str()));
        let count = ids.len();
        reply.data["count"] = count.into();
    }
    answer(reply)
}

pub(super) async fn list(api: FateFlow, call: Call) -> Answer {
    call.validated(&["job_id", "role", "party_id"])?;
    asked(&api, &call, "/v1/table/list", Whose::First).await
}

pub(super) async fn preview(api: FateFlow, call: Call) -> Answer {
    asked(&api, &call, "/v1/table/preview", Whose::First).await
}

pub(super) async fn update_schema(api: FateFlow, call: Call) -> Answer {
    asked(&api, &call, "/v1/table/schema/update", Whose::All).await
}

pub(super) async fn migrate_anonymous(api: FateFlow, call: Call) -> Answer {
    asked(
        &api,
        &call,
        "/v1/table/schema/anonymous/migrate",
        Whose::All,
    )
    .await
}

pub(super) async fn download(api: FateFlow, call: Call) -> Answer {
    let refused = |failure: Failure| failure.with_status(403);
    let holders = match call.party() {
        Some(party) => vec![party],
        None => parties(&api, &call.caller).map_err(refused)?,
    };
    let body = Value::Object(call.body.clone());
    let mut last: Option<Response> = None;
    for party in &holders {
        let sent = rows::pass_on(&api, &call.caller, party, "/v1/table/download", &body)
            .await
            .map_err(refused)?;
        let has_none = sent.status().as_u16() == NOTHING;
        last = Some(refuse_json(sent));
        if !has_none {
            break;
        }
    }
    last.ok_or_else(|| refused(rows::no_open_party(&api).into()))
}

async fn asked(api: &FateFlow, call: &Call, path: &str, whose: Whose) -> Answer {
    let body = Value::Object(call.body.clone());
    if let Some(party) = call.party() {
        return rows::pass_on(api, &call.caller, &party, path, &body).await;
    }
    if matches!(whose, Whose::All) {
        let parties = parties(api, &call.caller)?;
        let replies = all(api, call, path, &parties).await;
        let done =
            |(_, reply): &(&PartyId, &Result<Value, Failure>)| reply.as_ref().is_ok_and(is_success);
        let done: Vec<PartyId> = parties
            .iter()
            .zip(&replies)
            .filter(done)
            .map(|(party, _)| party.clone())
            .collect();
        let reply = together_of(replies)?;
        // an answer that names one table says at which parties
        let names_one = reply.data.get("table_name").is_some() && !done.is_empty();
        return answer(if names_one {
            told_where(reply, &done)
        } else {
            reply
        });
    }
    let mut replies = Vec::new();
    for party in &parties(api, &call.caller)? {
        let reply = rows::ask(api, &call.caller, party, path, &body).await;
        if reply.as_ref().is_ok_and(is_success) {
            let reply = as_reply(reply?);
            let is_preview = reply.data.get("header").is_some();
            return answer(if is_preview {
                told_where(reply, std::slice::from_ref(party))
            } else {
                reply
            });
        }
        replies.push(reply);
    }
    joined(replies)
}

/// What each of the parties answers.
async fn all(
    api: &FateFlow,
    call: &Call,
    path: &str,
    parties: &[PartyId],
) -> Vec<Result<Value, Failure>> {
    let body = Value::Object(call.body.clone());
    let mut replies = Vec::new();
    for party in parties {
        replies.push(rows::ask(api, &call.caller, party, path, &body).await);
    }
    replies
}

fn is_success(reply: &Value) -> bool {
    reply.get("retcode").and_then(Value::as_i64) == Some(SUCCESS)
}

/// One answer of several: what succeeded, lists put together; else the failure that says most.
pub(super) fn joined(replies: Vec<Result<Value, Failure>>) -> Answer {
    answer(together_of(replies)?)
}

fn together_of(replies: Vec<Result<Value, Failure>>) -> Result<Reply, Failure> {
    let (good, bad): (Vec<_>, Vec<_>) = replies
        .into_iter()
        .partition(|reply| reply.as_ref().is_ok_and(is_success));
    let mut good = good.into_iter().flatten();
    if let Some(first) = good.next() {
        return Ok(good.fold(as_reply(first), |all, next| together(all, &next)));
    }
    // "not here" says less than any other refusal
    let says_more = |reply: &Result<Value, Failure>| match reply {
        Ok(reply) => reply.get("retcode").and_then(Value::as_i64) != Some(ARGUMENT),
        Err(_) => false,
    };
    let (told, silent): (Vec<_>, Vec<_>) = bad.into_iter().partition(says_more);
    match told.into_iter().chain(silent).next() {
        Some(reply) => Ok(as_reply(reply?)),
        None => Ok(Reply::code(ARGUMENT, "no find table")),
    }
}

/// Adds the lists of another answer to the first; what is no list stays the first's.
fn together(mut all: Reply, next: &Value) -> Reply {
    let more = next.get("data").cloned().unwrap_or(Value::Null);
    match (&mut all.data, more) {
        (Value::Array(items), Value::Array(more)) => add(items, more),
        (Value::Object(own), Value::Object(more)) => {
            for (key, value) in more {
                if let (Some(Value::Array(items)), Value::Array(more)) = (own.get_mut(&key), value)
                {
                    add(items, more);
                }
            }
        }
        (own @ Value::Null, more) => *own = more,
        _ => {}
    }
    all
}

fn add(items: &mut Vec<Value>, more: Vec<Value>) {
    for item in more {
        if !items.contains(&item) {
            items.push(item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rest::lenient::whole_body;
    use serde_json::json;

    async fn told(replies: Vec<Result<Value, Failure>>) -> Value {
        let response = joined(replies).unwrap_or_else(axum::response::IntoResponse::into_response);
        serde_json::from_slice(&whole_body(response.into_body()).await.expect("a body"))
            .expect("JSON")
    }

    #[tokio::test]
    async fn joins_what_succeeded_and_prefers_the_refusal_that_says_most() {
        let good = |data: Value| Ok(json!({"retcode": 0, "retmsg": "success", "data": data}));
        let bad = |code: i64, text: &str| Ok(json!({"retcode": code, "retmsg": text}));
        let lists = vec![
            good(json!(["a"])),
            bad(101, "no find table"),
            good(json!(["a", "b"])),
        ];
        assert_eq!(told(lists).await["data"], json!(["a", "b"]));
        let objects = vec![
            good(json!({"component": ["x"], "n": 1})),
            good(json!({"component": ["y"], "n": 2})),
        ];
        assert_eq!(
            told(objects).await["data"],
            json!({"component": ["x", "y"], "n": 1})
        );
        let failures = vec![bad(101, "no find table"), bad(100, "check failed")];
        assert_eq!(told(failures).await["retmsg"], "check failed");
        let silent = vec![bad(101, "no find table"), Err(Failure::code(105, "away"))];
        assert_eq!(told(silent).await["retcode"], 101);
    }
}
