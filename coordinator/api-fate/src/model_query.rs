//! Versions of models as rows: `model/query`, `model/query/detail`.

use job_dsl::with_code_path;
use rest::fate_reply::EXCEPTION;
use rest::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use service::{ModelKey, ModelPart, ModelVersion, PartFilter, VersionFilter};

use super::FateFlow;
use super::job_query::fits;
use super::model_deploy::key_of;
use super::reply::{answer, date, fail, millis};
use super::request::Call;

/// Versions whose documents are read at a time.
const PAGE: usize = 100;

const NONE: &str = "Query model info failed, cannot find model from db and local model files. Try use both model id and \
                    model version to query model info from local models.";

/// Columns that may be asked for, without prefix.
const COLUMNS: [&str; 24] = [
    "role",
    "party_id",
    "roles",
    "job_id",
    "model_id",
    "model_version",
    "size",
    "initiator_role",
    "initiator_party_id",
    "runtime_conf",
    "train_dsl",
    "train_runtime_conf",
    "runtime_conf_on_party",
    "inference_dsl",
    "fate_version",
    "parent",
    "parent_info",
    "loaded_times",
    "imported",
    "archive_sha256",
    "create_time",
    "create_date",
    "update_time",
    "update_date",
];

pub(super) async fn query(api: FateFlow, call: Call) -> Answer {
    let columns: Option<Vec<String>> = call.texts("query_filters").filter(|list| !list.is_empty());
    let rows = rows_of(&api, &call, columns.as_deref()).await?;
    if rows.is_empty() {
        return answer(Reply::code(EXCEPTION, NONE).with_data(json!([])));
    }
    answer(Reply::data(Value::Array(rows)).saying("Query model info from db success."))
}

async fn rows_of(
    api: &FateFlow,
    call: &Call,
    columns: Option<&[String]>,
) -> Result<Vec<Value>, Failure> {
    let usable = COLUMNS
        .iter()
        .any(|column| call.body.get(*column).is_some_and(|value| !value.is_null()));
    let Some(filter) = filter_of(call).filter(|_| usable) else {
        return Ok(Vec::new());
    };
    let parts = api
        .coordinator()
        .models()
        .parts(&filter)
        .await
        .map_err(fail)?;
    let mut rows = Vec::new();
    for page in parts.chunks(PAGE) {
        let mut names: Vec<String> = page.iter().map(|part| part.key.version.clone()).collect();
        names.sort();
        names.dedup();
        let wanted = VersionFilter {
            model_id: filter.model_id.clone(),
            versions: names,
        };
        let versions = api
            .coordinator()
            .models()
            .versions(&wanted)
            .await
            .map_err(fail)?;
        for part in page {
            let Some(version) = versions.iter().find(|version| version.key == part.key) else {
                continue;
            };
            let row = row_of(version, part);
            if fits(
                &row,
                &call.body,
                &["model_id", "model_version", "role", "party_id"],
            ) {
                rows.push(shown(row, columns));
            }
        }
    }
    Ok(rows)
}

/// What the store sorts out by itself; `None` when nothing can fit.
fn filter_of(call: &Call) -> Option<PartFilter> {
    let filter = PartFilter {
        model_id: call.text("model_id"),
        version: call.text("model_version"),
        role: call.role(),
        party: call.party(),
        shared_with: call.principal.party().cloned(),
    };
    let unknown = |key: &str, known: bool| call.text(key).is_some() && !known;
    let nobody =
        unknown("role", filter.role.is_some()) || unknown("party_id", filter.party.is_some());
    (!nobody).then_some(filter)
}

fn shown(row: Map<String, Value>, columns: Option<&[String]>) -> Value {
    let Some(columns) = columns else {
        return Value::Object(row);
    };
    let asked = |name: &str| {
        columns
            .iter()
            .any(|column| *column == name || name.strip_prefix("f_") == Some(column))
    };
    Value::Object(row.into_iter().filter(|(name, _)| asked(name)).collect())
}

fn row_of(version: &ModelVersion, part: &ModelPart) -> Map<String, Value> {
    let ModelKey {
        model_id,
        version: name,
    } = &part.key;
    let job = version
        .job
        .as_ref()
        .map_or(name.as_str(), |job| job.as_str());
    let parent = version.parent.as_ref();
    let row = json!({
        "f_role": part.owner.role,
        "f_party_id": part.owner.party,
        "f_roles": version.roles(),
        "f_job_id": job,
        "f_model_id": model_id,
        "f_model_version": name,
        "f_size": kilobytes(part.size),
        "f_description": "",
        "f_initiator_role": version.initiator.role,
        "f_initiator_party_id": version.initiator.party,
        "f_runtime_conf": version.train_conf,
        "f_train_dsl": version.train_dsl,
        "f_train_runtime_conf": version.train_conf,
        "f_runtime_conf_on_party": version.conf_on_party(&part.owner),
        "f_inference_dsl": with_code_path(&version.inference_dsl(), part.owner.role),
        "f_fate_version": version.fate_version,
        "f_parent": version.is_parent(),
        "f_parent_info": parent.map_or_else(
            || json!({}),
            |parent| json!({"parent_model_id": parent.model_id, "parent_model_version": parent.version}),
        ),
        "f_loaded_times": part.loaded_times,
        "f_imported": u8::from(part.imported),
        "f_archive_sha256": part.archive_sha256,
        "f_archive_from_ip": null,
        "f_create_time": millis(Some(part.created)),
        "f_create_date": date(Some(part.created)),
        "f_update_time": millis(Some(part.updated)),
        "f_update_date": date(Some(part.updated)),
    });
    if let Value::Object(row) = row {
        row
    } else {
        Map::new()
    }
}

/// Bytes as whole kilobytes, rounded.
pub(super) fn kilobytes(bytes: u64) -> u64 {
    bytes.saturating_add(512) / 1024
}

pub(super) async fn detail(api: FateFlow, call: Call) -> Answer {
    call.validated(&["model_id", "model_version"])?;
    let key = key_of(&call);
    let none = || Failure::code(EXCEPTION, NONE);
    let version = api
        .coordinator()
        .models()
        .version(&key)
        .await
        .map_err(fail)?
        .ok_or_else(none)?;
    if call
        .principal
        .party()
        .is_some_and(|party| !version.concerns(party))
    {
        return Err(none());
    }
    let inference = with_code_path(&version.inference_dsl(), version.initiator.role);
    answer(Reply::data(json!({
        "component_info": modules(&version.train_dsl),
        "inference_component_info": modules(&inference),
        "runtime_conf": version.train_conf,
        "dsl": version.train_dsl,
        "inference_dsl": inference,
    })))
}

/// The components of a DSL with their modules.
fn modules(dsl: &Value) -> Value {
    let components = dsl.get("components").and_then(Value::as_object);
    let module = |body: &Value| body.get("module").cloned().unwrap_or_default();
    Value::Object(
        components
            .into_iter()
            .flatten()
            .map(|(name, body)| (name.clone(), module(body)))
            .collect(),
    )
}
