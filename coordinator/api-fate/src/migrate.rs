//! `model/migrate`: every named party writes its part of a model for other parties; nothing of it passes here.

use futures_util::future::join_all;
use rest::fate_reply::{ARGUMENT, CONNECTION, EXCEPTION, SUCCESS};
use rest::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use service::models::ModelKey;
use vocabulary::{Cast, ErrorCode, Fault, PartyId, Role};

use super::FateFlow;
use super::reply::{answer, fail};
use super::request::{Call, id_value, text_of};
use super::rows;

/// Members that a request needs.
pub(super) const NEEDED: &[&str] = &[
    "migrate_initiator",
    "role",
    "migrate_role",
    "model_id",
    "model_version",
    "execute_party",
    "job_parameters",
];
const SAME: &str = "The config of previous roles is the same with that of migrate roles. There is no need to migrate \
                    model. Migration process aborting.";
const DIFFERENT: &str = "The structure of roles data of local configuration is different from model runtime \
                         configuration's. Migration aborting.";

/// Parties by role, in their order.
type Roles = Vec<(Role, Vec<PartyId>)>;

pub(super) async fn migrate(api: FateFlow, call: Call) -> Answer {
    call.validated(NEEDED)?;
    let parameters = call.body.get("job_parameters").and_then(Value::as_object);
    if parameters
        .is_none_or(|parameters| parameters.get("federated_mode").is_none_or(Value::is_null))
    {
        return Err(Failure::arguments_missing(&["federated_mode"]));
    }
    let roles = |key: &str| {
        read_roles(call.body.get(key)).ok_or_else(|| Failure::code(EXCEPTION, DIFFERENT))
    };
    let (own, new) = (roles("role")?, roles("migrate_role")?);
    compared(&own, &new)?;
    let executing = roles("execute_party")?;
    let (model_id, version) = (call.need("model_id")?, call.need("model_version")?);
    check_model(
        &api,
        &ModelKey::new(model_id.clone(), version.clone()),
        &own,
    )
    .await?;
    let job = api.coordinator().jobs().fresh_id()?;
    let new_version = call
        .text("unify_model_version")
        // One version for all parties, made here: each by itself would make another, and the parts
        // would not belong together.
        .unwrap_or_else(|| job.to_string());
    let to = json!({
        "roles": shown(&new),
        "initiator": initiator(&call, &new)?,
        "model_id": id_of(&new),
        "model_version": new_version,
    });
    let asked = executing
        .iter()
        .flat_map(|(role, parties)| parties.iter().map(move |party| (*role, party)));
    let outcomes = join_all(asked.map(|(role, party)| {
        let body = json!({
            "model_id": model_id, "model_version": version, "role": role, "party_id": party, "to": to,
        });
        at_party(&api, &call, role, party, body)
    }));
    let reply = gathered(outcomes.await);
    answer(reply.with_job(job.as_str()))
}

/// What came of it at one party.
struct Outcome {
    role: Role,
    party: PartyId,
    code: i64,
    text: String,
}

async fn at_party(
    api: &FateFlow,
    call: &Call,
    role: Role,
    party: &PartyId,
    body: Value,
) -> Outcome {
    let told = rows::ask_openly(api, &call.caller, party, "/v1/fedflow/model/migrate", &body).await;
    let (code, text) = match told {
        Ok(reply) => {
            let code = reply
                .get("retcode")
                .and_then(Value::as_i64)
                .unwrap_or(EXCEPTION);
            let text = reply
                .get("retmsg")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            // Every refusal of a party that answered is one of FATE's 100.
            (if code == SUCCESS { SUCCESS } else { EXCEPTION }, text)
        }
        Err(failure) => (CONNECTION, failure.0.retmsg),
    };
    Outcome {
        role,
        party: party.clone(),
        code,
        text,
    }
}

/// Codes and texts by role and party. Only parties that could not be reached make the whole a failure.
fn gathered(outcomes: Vec<Outcome>) -> Reply {
    let unreachable = outcomes.iter().any(|outcome| outcome.code == CONNECTION);
    let (mut codes, mut details) = (Map::new(), Map::new());
    for Outcome {
        role,
        party,
        code,
        text,
    } in outcomes
    {
        let detail = json!({"retcode": code, "retmsg": text});
        for (map, value) in [(&mut codes, json!(code)), (&mut details, detail)] {
            let of_role = map.entry(role.word()).or_insert_with(|| json!({}));
            if let Value::Object(of_role) = of_role {
                of_role.insert(party.to_string(), value);
            }
        }
    }
    codes.insert("detail".to_owned(), Value::Object(details));
    let reply = if unreachable {
        Reply::code(ARGUMENT, "failed")
    } else {
        Reply::success()
    };
    reply.with_data(Value::Object(codes))
}

/// The roles of the request must be those that the model knows, when it is known here.
async fn check_model(api: &FateFlow, key: &ModelKey, own: &Roles) -> Result<(), Failure> {
    let Some(version) = api
        .coordinator()
        .models()
        .version(key)
        .await
        .map_err(fail)?
    else {
        return Ok(());
    };
    let cast: &Cast = &version.cast;
    let same = own
        .iter()
        .all(|(role, parties)| cast.of(*role) == parties.as_slice())
        && Role::ALL
            .iter()
            .all(|role| cast.of(*role).is_empty() || own.iter().any(|(named, _)| named == role));
    if same {
        Ok(())
    } else {
        Err(Failure::code(EXCEPTION, DIFFERENT))
    }
}

/// The new roles must stand one for one for the old ones, and not be the same.
fn compared(own: &Roles, new: &Roles) -> Result<(), Failure> {
    let sorted = |roles: &Roles| {
        let mut sorted = roles.clone();
        sorted.sort();
        sorted.iter_mut().for_each(|(_, parties)| parties.sort());
        sorted
    };
    let (sorted_own, sorted_new) = (sorted(own), sorted(new));
    if sorted_own == sorted_new {
        return Err(Failure::code(EXCEPTION, SAME));
    }
    let shape = |roles: &Roles| {
        roles
            .iter()
            .map(|(role, parties)| (*role, parties.len()))
            .collect::<Vec<_>>()
    };
    if shape(&sorted_own) == shape(&sorted_new) {
        Ok(())
    } else {
        Err(Failure::code(EXCEPTION, DIFFERENT))
    }
}

/// Parties by role; a single party may stand without a list. None when something in it is no role or no party.
fn read_roles(value: Option<&Value>) -> Option<Roles> {
    let roles = value?.as_object()?.iter().map(|(role, parties)| {
        let parties = match parties {
            Value::Array(parties) => parties.iter().map(party).collect::<Option<Vec<_>>>()?,
            one => vec![party(one)?],
        };
        Some((role.parse().ok()?, parties))
    });
    roles
        .collect::<Option<Roles>>()
        .filter(|roles| !roles.is_empty())
}

fn party(value: &Value) -> Option<PartyId> {
    PartyId::new(text_of(value)?).ok()
}

fn shown(roles: &Roles) -> Value {
    let ids = |parties: &[PartyId]| {
        parties
            .iter()
            .map(|party| id_value(party.as_str()))
            .collect::<Value>()
    };
    roles
        .iter()
        .map(|(role, parties)| (role.word().to_owned(), ids(parties)))
        .collect::<Map<_, _>>()
        .into()
}

/// FATE's id for a model of these roles.
fn id_of(roles: &Roles) -> String {
    let mut parts: Vec<String> = roles
        .iter()
        .map(|(role, parties)| {
            let mut ids: Vec<&str> = parties.iter().map(PartyId::as_str).collect();
            ids.sort_unstable();
            ids.dedup();
            format!("{role}-{}", ids.join("_"))
        })
        .collect();
    parts.sort_unstable();
    format!("{}#model", parts.join("#"))
}

/// Who starts jobs with the moved model: one of its parties.
fn initiator(call: &Call, new: &Roles) -> Result<Value, Failure> {
    let named = call.body.get("migrate_initiator");
    let role = named
        .and_then(|named| named.get("role"))
        .and_then(text_of)
        .and_then(|role| role.parse::<Role>().ok());
    let id = named
        .and_then(|named| named.get("party_id"))
        .and_then(party);
    let known = role.zip(id).filter(|(role, id)| {
        new.iter()
            .any(|(known, ids)| known == role && ids.contains(id))
    });
    let (role, id) = known.ok_or_else(|| {
        let fault = Fault::new(
            ErrorCode::RequestInvalid,
            "migrate_initiator is none of the parties of migrate_role",
        );
        Failure::code(EXCEPTION, fault.to_string()).with_fault(fault.path("migrate_initiator"))
    })?;
    Ok(json!({"role": role, "party_id": id}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(value: Value) -> Roles {
        read_roles(Some(&value)).expect("roles")
    }

    fn refusal(own: Value, new: Value) -> String {
        compared(&roles(own), &roles(new))
            .expect_err("refused")
            .0
            .retmsg
    }

    #[test]
    fn compares_roles_as_fate_does() {
        let own = json!({"guest": [9999], "host": ["10000", 10001]});
        assert_eq!(
            refusal(own.clone(), json!({"host": [10001, 10000], "guest": 9999})),
            SAME
        );
        assert_eq!(
            refusal(own.clone(), json!({"guest": [99], "host": [100]})),
            DIFFERENT
        );
        assert_eq!(
            refusal(own.clone(), json!({"guest": [99], "arbiter": [100, 101]})),
            DIFFERENT
        );
        let new = roles(json!({"guest": [99], "host": [101, 100]}));
        assert!(compared(&roles(own), &new).is_ok());
        assert_eq!(id_of(&new), "guest-99#host-100_101#model");
        assert_eq!(shown(&new), json!({"guest": [99], "host": [101, 100]}));
    }

    #[test]
    fn takes_no_nonsense_for_roles() {
        for odd in [
            json!(null),
            json!([]),
            json!({}),
            json!({"nobody": [1]}),
            json!({"guest": [{}]}),
            json!({"guest": ["/"]}),
        ] {
            assert!(read_roles(Some(&odd)).is_none(), "{odd}");
        }
    }

    #[test]
    fn fails_as_a_whole_only_when_a_party_is_away() {
        let outcome = |id: &str, code: i64| Outcome {
            role: Role::Guest,
            party: PartyId::new(id).expect("valid"),
            code,
            text: "t".to_owned(),
        };
        let reply = gathered(vec![outcome("1", 0), outcome("2", 100)]);
        assert_eq!((reply.retcode, &reply.data["guest"]["2"]), (0, &json!(100)));
        assert_eq!(
            reply.data["detail"]["guest"]["1"],
            json!({"retcode": 0, "retmsg": "t"})
        );
        assert_eq!(
            gathered(vec![outcome("1", 0), outcome("2", CONNECTION)]).retcode,
            ARGUMENT
        );
    }
}
