//! Deploying, and the documents that predict jobs start from: `model/deploy`, `model/get/predict/{dsl,conf}`,
//! `job/dsl/generate`.

use axum::body::Body;
use job_dsl::{ModelIds, inference_dsl, predict_conf_template, with_code_path};
use rest::fate_reply::{ARGUMENT, EXCEPTION, SUCCESS};
use rest::{Answer, Failure, Reply, file_reply};
use serde_json::{Map, Value, json};
use service::{Deploy, ModelKey, ModelVersion, PartFilter, ServiceError};
use vocabulary::{ErrorCode, Role};

use super::FateFlow;
use super::reply::{answer, fail, indented};
use super::request::Call;

const NOT_GENERATED: &str =
    "DSL generating failed. For more details, please check logs/fate_flow/fate_flow_stat.log.";

pub(super) async fn deploy(api: FateFlow, call: Call) -> Answer {
    call.validated(&["model_id", "model_version"])?;
    let key = key_of(&call);
    let checkpoints = call
        .body
        .get("components_checkpoint")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let what = Deploy {
        components: names(call.body.get("cpn_list")),
        dsl: predict_dsl(&call),
        checkpoints,
    };
    let made = match api
        .coordinator()
        .models()
        .deploy(&call.principal, &key, what)
        .await
    {
        Ok(made) => made,
        Err(error @ ServiceError::NotFound(_)) => {
            let text = format!(
                "Deploy model failed. Model {} {} not found.",
                key.model_id, key.version
            );
            return Err(Failure::http(404, Some(&text)).with_fault(error.fault()));
        }
        Err(error @ ServiceError::Conflict(_)) if error.fault().code == ErrorCode::ModelMissing => {
            const TEXT: &str = "Deploy model failed. Cannot found model of initiator role or the fate version of model \
                                is older than 1.5.0";
            return Err(Failure::http(404, Some(TEXT)).with_fault(error.fault()));
        }
        Err(error) => return Err(fail(error)),
    };
    let mut data = Map::new();
    data.insert("model_id".into(), json!(made.key.model_id));
    data.insert("model_version".into(), json!(made.key.version));
    let mut detail = Map::new();
    for (owner, outcome) in &made.parts {
        let (role, party) = (owner.role.word(), owner.party.as_str());
        let (code, message) = match outcome {
            Ok(warning) if warning.is_empty() => (
                SUCCESS,
                format!("deploy model of role {role} {party} success"),
            ),
            Ok(warning) => (
                SUCCESS,
                format!("deploy model of role {role} {party} success, warning: {warning}"),
            ),
            Err(why) => (EXCEPTION, why.clone()),
        };
        put(&mut data, role, party, json!(code));
        put(
            &mut detail,
            role,
            party,
            json!({"retcode": code, "retmsg": message}),
        );
    }
    data.insert("detail".into(), Value::Object(detail));
    let reply = if made.is_whole() {
        Reply::success()
    } else {
        Reply::code(ARGUMENT, "failed")
    };
    answer(reply.with_data(Value::Object(data)))
}

fn put(of_role: &mut Map<String, Value>, role: &str, party: &str, value: Value) {
    if let Value::Object(parties) = of_role.entry(role).or_insert_with(|| json!({})) {
        parties.insert(party.to_owned(), value);
    }
}

/// The DSL that is sent to be deployed: an object, or its text.
fn predict_dsl(call: &Call) -> Option<Value> {
    let given = ["predict_dsl", "dsl"]
        .into_iter()
        .filter_map(|key| call.body.get(key));
    let mut given = given.filter(|dsl| match dsl {
        Value::Object(fields) => !fields.is_empty(),
        Value::String(text) => !text.trim().is_empty(),
        other => !other.is_null(),
    });
    let given = given.next().cloned()?;
    match &given {
        Value::String(text) => Some(serde_json::from_str(text).unwrap_or(given)),
        _ => Some(given),
    }
}

pub(super) async fn predict_dsl_of(api: FateFlow, call: Call) -> Answer {
    let (version, role) = version_for_predict(&api, &call).await?;
    document(&call, with_code_path(&version.inference_dsl(), role))
}

pub(super) async fn predict_conf_of(api: FateFlow, call: Call) -> Answer {
    let (version, _) = version_for_predict(&api, &call).await?;
    let ModelKey {
        model_id,
        version: model_version,
    } = version.key.clone();
    let ids = ModelIds {
        model_id,
        model_version,
    };
    document(
        &call,
        predict_conf_template(&version.train_conf, &version.inference_dsl(), &ids),
    )
}

/// The version that a request means, and the role whose documents it gets: that of the first guest or host that fits.
async fn version_for_predict(api: &FateFlow, call: &Call) -> Result<(ModelVersion, Role), Failure> {
    let none =
        || Failure::nothing("No model found, please check if arguments are specified correctly.");
    let key = key_of(call);
    let role = call.text("role");
    let filter = PartFilter {
        model_id: Some(key.model_id.clone()),
        version: Some(key.version.clone()),
        role: call.role(),
        party: call.party(),
        shared_with: call.principal.party().cloned(),
    };
    if role.is_some() && filter.role.is_none() {
        return Err(none());
    }
    let parts = api
        .coordinator()
        .models()
        .parts(&filter)
        .await
        .map_err(fail)?;
    if parts.is_empty() {
        return Err(none());
    }
    let part = parts
        .iter()
        .find(|part| matches!(part.owner.role, Role::Guest | Role::Host))
        .ok_or_else(|| {
            Failure::nothing(
                "Cannot found guest or host model, please get predict dsl on guest or host.",
            )
        })?;
    let version = api
        .coordinator()
        .models()
        .version(&key)
        .await
        .map_err(fail)?
        .ok_or_else(none)?;
    Ok((version, part.owner.role))
}

/// A document as `data`, or as a file where the request names one.
fn document(call: &Call, document: Value) -> Answer {
    match call.text("filename") {
        Some(name) => Ok(file_reply(
            &name,
            "application/json",
            Body::from(indented(&document)),
        )),
        None => answer(Reply::data(document)),
    }
}

pub(super) async fn generate(_api: FateFlow, call: Call) -> Answer {
    let failed = || Failure::nothing(NOT_GENERATED);
    let given = call.body.get("cpn_str");
    if given
        .and_then(Value::as_str)
        .is_some_and(|text| text.contains('/') && text.contains('\\'))
    {
        return Err(failed());
    }
    let names = names(given);
    if names.is_empty() {
        return Err(failed());
    }
    let train: Value = match call.body.get("train_dsl") {
        Some(Value::String(text)) => serde_json::from_str(text).map_err(|_| failed())?,
        Some(other) => other.clone(),
        None => return Err(failed()),
    };
    let made = inference_dsl(&names, &train).map_err(|found| {
        let fault = found.into_iter().next().map(|diagnostic| diagnostic.fault);
        fault.into_iter().fold(failed(), Failure::with_fault)
    })?;
    document(&call, made)
}

/// Names of components: a list, or a text such as `a, b` or `["a", "b"]`.
fn names(given: Option<&Value>) -> Vec<String> {
    let clean = |text: &str| -> String {
        text.chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '[' | ']' | '"' | '\''))
            .collect()
    };
    let names: Vec<String> = match given {
        Some(Value::Array(list)) => list.iter().filter_map(super::request::text_of).collect(),
        Some(Value::String(text)) => clean(text).split(',').map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    names.into_iter().filter(|name| !name.is_empty()).collect()
}

/// The version that a request names.
pub(super) fn key_of(call: &Call) -> ModelKey {
    ModelKey::new(
        call.text("model_id").unwrap_or_default(),
        call.text("model_version").unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_from_lists_and_texts() {
        for given in [
            json!(["a", "b"]),
            json!("a, b"),
            json!("[a,\n b]"),
            json!("[\"a\", 'b']"),
            json!(",a,,b,"),
        ] {
            assert_eq!(names(Some(&given)), ["a", "b"], "{given}");
        }
        for given in [json!([]), json!(""), json!("[]"), json!({}), json!(null)] {
            assert!(names(Some(&given)).is_empty(), "{given}");
        }
    }
}
