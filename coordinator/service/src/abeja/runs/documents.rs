//! The documents of the jobs behind a run.

use serde_json::{Map, Value, json};
use vocabulary::{ErrorCode, Fault, PartyId, Role, TableRef};

use super::input::File;
use crate::jobs::submit::SubmitJob;
use crate::models::ModelVersion;

/// What says, in a file's metadata, how its rows are to be read; the others of an upload keep their defaults.
const READING: [&str; 5] = [
    "head",
    "id_delimiter",
    "partition",
    "extend_sid",
    "auto_increasing_sid",
];
const SAID: &str = "x-abeja-meta-";
/// Roles in which a party may read the table, the first that it plays.
const READERS: [Role; 3] = [Role::Guest, Role::Host, Role::Local];

/// What the readers of a party read.
pub(super) enum Source {
    /// A table.
    Table(TableRef),
    /// The lines of a file that the party keeps.
    Lines { channel: String, file: String },
}

/// The components of a model's version that read, by their module.
fn readers(version: &ModelVersion, module: &str) -> Vec<String> {
    let dsl = version.inference_dsl();
    let components = dsl.get("components").and_then(Value::as_object);
    let readers = components
        .into_iter()
        .flatten()
        .filter(|(_, body)| body.get("module") == Some(&json!(module)));
    readers.map(|(name, _)| name.clone()).collect()
}

/// Whether a model's version reads the lines of files, and no table.
pub(super) fn reads_lines(version: &ModelVersion) -> bool {
    readers(version, "Reader").is_empty() && !readers(version, "LinesReader").is_empty()
}

/// A predict job of a model's version; the readers of the source's party read it, all others what they read in the training.
pub(super) fn predict_documents(
    version: &ModelVersion,
    source: Option<&(PartyId, Source)>,
) -> Result<SubmitJob, Fault> {
    let mut conf = json!({
        "dsl_version": 2,
        "initiator": {"role": version.initiator.role, "party_id": party_id(&version.initiator.party)},
        "role": version.roles(),
        "job_parameters": {"common": {
            "job_type": "predict",
            "model_id": version.key.model_id,
            "model_version": version.key.version,
        }},
    });
    if let Some((party, source)) = source {
        conf["component_parameters"] = pointed(version, party, source)?;
    }
    // A model id may have 4,096 characters; the description is shown in lists.
    let model: String = version.key.model_id.chars().take(200).collect();
    let description = format!("applies model {model} version {}", version.key.version);
    Ok(SubmitJob {
        dsl: json!({}),
        conf,
        name: String::new(),
        description,
    })
}

fn pointed(version: &ModelVersion, party: &PartyId, source: &Source) -> Result<Value, Fault> {
    let place = READERS.into_iter().find_map(|role| {
        let index = version
            .cast
            .of(role)
            .iter()
            .position(|member| member == party)?;
        Some((role, index))
    });
    let Some((role, index)) = place else {
        let message = format!(
            "party {party}, which keeps what is to be read, takes no part in model {}",
            version.key.model_id
        );
        return Err(Fault::new(ErrorCode::DataMismatch, message)
            .at(party)
            .next("choose a model of that party"));
    };
    let (module, parameters) = match source {
        Source::Table(table) => (
            "Reader",
            json!({"table": {"namespace": table.namespace, "name": table.name}}),
        ),
        Source::Lines { channel, file } => (
            "LinesReader",
            json!({"file": format!("files://{channel}/{file}"), "lines": null}),
        ),
    };
    let names = readers(version, module);
    if names.is_empty() {
        let message = format!(
            "model {} reads nothing of this kind, so it cannot be given to it",
            version.key.model_id
        );
        return Err(Fault::new(ErrorCode::DataMismatch, message));
    }
    let told: Map<String, Value> = names
        .into_iter()
        .map(|name| (name, parameters.clone()))
        .collect();
    Ok(json!({"role": {role.word(): {index.to_string(): told}}}))
}

/// The table that is made of a file.
pub(super) fn table_of(file: &File) -> TableRef {
    crate::abeja::channels::table_of_file(&file.channel, &file.id)
}

/// The local job that makes a table of a file.
pub(super) fn import_documents(file: &File) -> SubmitJob {
    let table = table_of(file);
    let tabs = file.content_type.starts_with("text/tab-separated-values");
    let mut parameters = json!({
        "file": format!("files://{}/{}", file.channel, file.id),
        "namespace": table.namespace,
        "name": table.name,
        // The file's id is the table's name, so what stands there comes from an earlier import of
        // the same file.
        "destroy": true,
        "id_delimiter": if tabs { "\t" } else { "," },
        "partition": 4,
    });
    for key in READING {
        if let Some(value) = file.metadata.get(&format!("{SAID}{key}")) {
            parameters[key] = json!(value);
        }
    }
    let conf = json!({
        "dsl_version": 2,
        "initiator": {"role": "local", "party_id": party_id(&file.party)},
        "role": {"local": [party_id(&file.party)]},
        "job_parameters": {"common": {"job_type": "train"}},
        "component_parameters": {"role": {"local": {"0": {"upload_0": parameters}}}},
    });
    let dsl =
        json!({"components": {"upload_0": {"module": "Upload", "output": {"data": ["data"]}}}});
    let description = format!(
        "makes a table of file {} of channel {}",
        file.id, file.channel
    );
    SubmitJob {
        dsl,
        conf,
        name: String::new(),
        description,
    }
}

/// A party's id as documents write it.
fn party_id(party: &PartyId) -> Value {
    match party.as_str().parse::<u64>() {
        // FATE writes ids as numbers. `007` and `+7` stay text, since as a number they would name
        // another party.
        Ok(number) if number.to_string() == party.as_str() => json!(number),
        _ => json!(party),
    }
}
