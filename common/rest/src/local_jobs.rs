//! Jobs of one step that move what one party owns: uploads, downloads, copies of tables and models. The coordinator makes their
//! documents from a request, and the party's agent makes the same from the same request, so that it can see whether it is
//! asked to do what its user asked for.

use serde_json::{Map, Value, json};
use vocabulary::PartyId;

use crate::fate_reply::Failure;
use crate::fields::{flag, id_value, text_of};
use crate::upload::{OF_JOB, UploadConfig, read_config};

/// A job of one step at parties that work alone.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalJob {
    /// The step's name.
    pub step: &'static str,
    /// The component as FATE calls it.
    pub module: &'static str,
    /// The component's parameters.
    pub parameters: Value,
    /// What the request says of the job and not of the step.
    pub of_job: Map<String, Value>,
}

/// Names a participant's part of a model version.
const OF_PART: [&str; 4] = ["model_id", "model_version", "role", "party_id"];

impl LocalJob {
    /// What a request asks for, where its path is that of such a job; a failure in FATE's words where its fields are wrong.
    pub fn asked(path: &str, body: &Map<String, Value>) -> Option<Result<Self, Failure>> {
        match path {
            "/v1/data/upload" => {
                Some(read_config(body.clone()).map(|config| Self::upload(&config)))
            }
            "/v1/data/download" => Some(Self::download(body)),
            "/v1/data/writer" => Some(Self::writer(body)),
            "/v1/model/store" => Some(Self::model_copy(
                body,
                "modeloperation_store_0",
                "ModelStore",
            )),
            "/v1/model/restore" => Some(Self::model_copy(
                body,
                "modeloperation_restore_0",
                "ModelRestore",
            )),
            _ => None,
        }
    }

    /// A file that becomes a table.
    pub fn upload(config: &UploadConfig) -> Self {
        let parameters = Value::Object(config.parameters());
        Self {
            step: "upload_0",
            module: "Upload",
            parameters,
            of_job: config.of_job.clone(),
        }
    }

    /// A table that becomes a file.
    pub fn download(body: &Map<String, Value>) -> Result<Self, Failure> {
        checked(body, &["namespace", "table_name", "output_path"])?;
        // FATE ignores a delimiter here: rows are written with the table's own.
        let parameters = json!({
            "name": need(body, "table_name")?,
            "namespace": need(body, "namespace")?,
            "output_path": need(body, "output_path")?,
        });
        Ok(Self {
            step: "download_0",
            module: "Download",
            parameters,
            of_job: of_job(body),
        })
    }

    /// A table that is kept under another name, or becomes a file.
    pub fn writer(body: &Map<String, Value>) -> Result<Self, Failure> {
        checked(body, &["namespace", "table_name"])?;
        let given = |keys: [&str; 2]| {
            let mut found = keys
                .into_iter()
                .filter_map(|key| body.get(key).filter(|value| !value.is_null()));
            found.next().cloned()
        };
        let members = [
            ("output_name", given(["output_name", "output_table_name"])),
            (
                "output_namespace",
                given(["output_namespace", "output_table_namespace"]),
            ),
            ("storage_engine", given(["storage_engine", "engine"])),
            ("address", given(["address", "storage_address"])),
            ("partitions", given(["partitions", "partition"])),
            ("delimiter", given(["delimiter", "delimitor"])),
        ];
        let mut parameters: Map<String, Value> = members
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)))
            .collect();
        let has = |keys: [&str; 2]| keys.iter().all(|key| parameters.contains_key(*key));
        if !has(["output_name", "output_namespace"]) && !has(["storage_engine", "address"]) {
            return Err(Failure::parameters_missing(&[
                "output_name",
                "output_namespace",
            ]));
        }
        parameters.insert("name".to_owned(), json!(need(body, "table_name")?));
        parameters.insert("namespace".to_owned(), json!(need(body, "namespace")?));
        parameters.insert("destroy".to_owned(), json!(flag(body.get("drop"))));
        Ok(Self {
            step: "writer_0",
            module: "Writer",
            parameters: Value::Object(parameters),
            of_job: of_job(body),
        })
    }

    /// A model that goes to its party's model store, or comes back.
    fn model_copy(
        body: &Map<String, Value>,
        step: &'static str,
        module: &'static str,
    ) -> Result<Self, Failure> {
        let missing: Vec<&str> = missing(body, &OF_PART);
        if !missing.is_empty() {
            return Err(Failure::arguments_missing(&missing));
        }
        let part = |key: &str| text(body, key).unwrap_or_default();
        let parameters = json!({
            "model_id": format!("{}#{}#{}", part("role"), part("party_id"), part("model_id")),
            "model_version": need(body, "model_version")?,
            "store_address": body.get("store_address"),
            "force_update": flag(body.get("force_update")),
        });
        Ok(Self {
            step,
            module,
            parameters,
            of_job: of_job(body),
        })
    }

    /// The job's DSL and runtime conf: every party does the same with the same parameters.
    pub fn documents(&self, parties: &[PartyId]) -> (Value, Value) {
        let ids: Vec<Value> = parties
            .iter()
            .map(|party| id_value(party.as_str()))
            .collect();
        let everybody: Vec<String> = (0..parties.len()).map(|index| index.to_string()).collect();
        let mut common = Map::new();
        common.insert("job_type".to_owned(), json!("train"));
        common.extend(
            self.of_job
                .clone()
                .into_iter()
                .filter(|(_, value)| !value.is_null()),
        );
        let conf = json!({
            "dsl_version": 2,
            "initiator": {"role": "local", "party_id": ids.first()},
            "role": {"local": ids},
            "job_parameters": {"common": common},
            "component_parameters": {"role": {"local": {everybody.join("|"): {self.step: self.parameters}}}},
        });
        (
            json!({"components": {self.step: {"module": self.module}}}),
            conf,
        )
    }
}

fn of_job(body: &Map<String, Value>) -> Map<String, Value> {
    OF_JOB
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), body.get(*key)?.clone())))
        .collect()
}

fn text(body: &Map<String, Value>, key: &str) -> Option<String> {
    body.get(key).and_then(text_of)
}

fn need(body: &Map<String, Value>, key: &str) -> Result<String, Failure> {
    text(body, key).ok_or_else(|| Failure::exception("KeyError", key))
}

fn missing<'a>(body: &Map<String, Value>, keys: &[&'a str]) -> Vec<&'a str> {
    keys.iter()
        .copied()
        .filter(|key| body.get(*key).is_none_or(Value::is_null))
        .collect()
}

/// Fails with the text of FATE's older checker unless every member is there.
fn checked(body: &Map<String, Value>, keys: &[&str]) -> Result<(), Failure> {
    if body.is_empty() {
        return Err(Failure::no_parameters());
    }
    let missing = missing(body, keys);
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Failure::parameters_missing(&missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &str, body: Value) -> LocalJob {
        let job = LocalJob::asked(path, body.as_object().expect("an object")).expect("such a job");
        job.unwrap_or_else(|failure| panic!("{path}: {failure:?}"))
    }

    #[test]
    fn reads_the_requests_that_move_what_a_party_owns() {
        let table = json!({"namespace": "n", "table_name": 7});
        let with = |more: Value| {
            let mut body = table.as_object().expect("an object").clone();
            body.extend(more.as_object().expect("an object").clone());
            Value::Object(body)
        };
        let download = asked(
            "/v1/data/download",
            with(json!({"output_path": "a.csv", "delimitor": ";"})),
        );
        assert_eq!(
            download.parameters,
            json!({"name": "7", "namespace": "n", "output_path": "a.csv"})
        );
        let writer = asked(
            "/v1/data/writer",
            with(json!({"output_name": "t", "output_namespace": "m", "drop": "1"})),
        );
        assert_eq!(writer.parameters["destroy"], json!(true));
        let upload = asked(
            "/v1/data/upload",
            with(json!({"file": "f", "head": 1, "partition": 4, "task_cores": 2})),
        );
        assert_eq!(
            (
                upload.parameters["file"].clone(),
                upload.of_job["task_cores"].clone()
            ),
            (json!("f"), json!(2))
        );
        let part =
            json!({"model_id": "m", "model_version": "1", "role": "guest", "party_id": 9999});
        assert_eq!(
            asked("/v1/model/store", part.clone()).parameters["model_id"],
            "guest#9999#m"
        );
        assert_eq!(asked("/v1/model/restore", part).module, "ModelRestore");
        assert!(LocalJob::asked("/v1/job/query", &Map::new()).is_none());
        assert!(LocalJob::asked("/v1/data/writer", &Map::new()).is_some_and(|job| job.is_err()));
    }

    #[test]
    fn writes_one_step_for_every_party() {
        let parties = ["9999", "bank"].map(|id| PartyId::new(id).expect("valid"));
        let job = LocalJob {
            step: "s_0",
            module: "S",
            parameters: json!({"a": 1}),
            of_job: Map::new(),
        };
        let (dsl, conf) = job.documents(&parties);
        assert_eq!(dsl, json!({"components": {"s_0": {"module": "S"}}}));
        assert_eq!(conf["role"]["local"], json!([9999, "bank"]));
        assert_eq!(
            conf["component_parameters"]["role"]["local"]["0|1"]["s_0"],
            json!({"a": 1})
        );
    }
}
