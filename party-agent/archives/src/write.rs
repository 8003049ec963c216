//! From a participant's part of a model to a zip.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use fate_models::messages;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use vocabulary::{StepName, hex};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::migration::id_value;
use crate::subject::plain;
use crate::{Archive, ArchiveError, ArchivedCheckpoint, ArchivedModel, Subject};

/// The member that names all others.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The member with the documents.
pub(crate) const DOCUMENTS: &str = "fedflow/documents.json";
/// What the manifest calls the layout.
pub(crate) const FORMAT: &str = "fedflow-model";
/// The layout's version; readers refuse a newer one.
pub(crate) const VERSION: u32 = 1;

/// What an archive holds, and the hash of every member but this one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: String,
    pub(crate) version: u32,
    pub(crate) subject: Subject,
    pub(crate) members: BTreeMap<String, Digested>,
    pub(crate) models: Vec<ModelEntry>,
}

/// A member's size in bytes and its SHA-256 in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Digested {
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

/// One model as the manifest lists it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ModelEntry {
    pub(crate) step: StepName,
    pub(crate) alias: String,
    pub(crate) module: String,
    pub(crate) component: String,
    pub(crate) component_version: u32,
    pub(crate) content: String,
    pub(crate) view: String,
    pub(crate) parameters: String,
    #[serde(default)]
    pub(crate) checkpoints: Vec<ListedCheckpoint>,
}

/// One checkpoint as the manifest lists it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ListedCheckpoint {
    pub(crate) step_index: u32,
    pub(crate) step_name: String,
    pub(crate) content: String,
}

impl Archive {
    /// The archive as the bytes of a zip. The same archive gives the same bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ArchiveError> {
        // Sorted by name: the same archive gives the same bytes, and hashes can be compared.
        let mut members: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        members.insert(DOCUMENTS.to_owned(), text(&json!(self.documents)));
        members.insert("define/define_meta.yaml".to_owned(), text(&self.defined()));
        members.insert("import_model.json".to_owned(), text(&self.import_model()));
        let mut models = Vec::new();
        for model in &self.models {
            models.push(put(model, &mut members)?);
        }
        let digested = |(name, bytes): (&String, &Vec<u8>)| (name.clone(), digest(bytes));
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            version: VERSION,
            subject: self.subject.clone(),
            members: members.iter().map(digested).collect(),
            models,
        };
        zipped(&text(&json!(manifest)), &members)
            .map_err(|error| ArchiveError::Unwritable(error.to_string()))
    }

    /// FATE's table of contents. JSON is YAML.
    fn defined(&self) -> Value {
        let (mut components, mut protos) = (Map::new(), Map::new());
        for model in &self.models {
            let classes: Map<String, Value> = messages(&model.module, &model.view)
                .into_iter()
                .map(|message| (message.name, Value::from(message.class)))
                .collect();
            components.insert(model.step.to_string(), json!({"module_name": model.module}));
            protos.insert(
                model.step.to_string(),
                json!({model.alias.as_str(): classes}),
            );
        }
        json!({"component_define": components, "model_proto": protos})
    }

    /// The configuration with which the client imports the archive again.
    fn import_model(&self) -> Value {
        let Subject {
            role,
            party_id,
            model_id,
            model_version,
        } = &self.subject;
        json!({
            "role": role,
            "party_id": id_value(party_id.as_str()),
            "model_id": model_id,
            "model_version": model_version,
            "file": self.subject.file_name(),
            "force_update": 0,
        })
    }
}

/// Adds a model's members; gives its line in the manifest.
fn put(
    model: &ArchivedModel,
    members: &mut BTreeMap<String, Vec<u8>>,
) -> Result<ModelEntry, ArchiveError> {
    let folder = format!("variables/data/{}/{}", model.step, plain(&model.alias));
    for message in messages(&model.module, &model.view) {
        members.insert(format!("{folder}/{}", message.name), message.bytes);
        members.insert(
            format!("{folder}/{}.json", message.name),
            text(&message.json),
        );
    }
    let own = |name: &str| format!("fedflow/models/{}/{name}", model.step);
    let listed_checkpoint = |kept: &ArchivedCheckpoint| ListedCheckpoint {
        step_index: kept.step_index,
        step_name: kept.step_name.clone(),
        content: format!("checkpoint/{}/{}", model.step, kept.step_index),
    };
    let checkpoints: Vec<ListedCheckpoint> =
        model.checkpoints.iter().map(listed_checkpoint).collect();
    for (kept, listed) in model.checkpoints.iter().zip(&checkpoints) {
        if members
            .insert(listed.content.clone(), kept.content.clone())
            .is_some()
        {
            return Err(twice(&listed.content));
        }
    }
    let listed = ModelEntry {
        step: model.step.clone(),
        alias: model.alias.clone(),
        module: model.module.clone(),
        component: model.component.clone(),
        component_version: model.component_version,
        content: own("content"),
        view: own("view.json"),
        parameters: format!("run_parameters/{}/run_parameters.json", model.step),
        checkpoints,
    };
    let added = [
        members.insert(listed.content.clone(), model.content.clone()),
        members.insert(listed.view.clone(), text(&model.view)),
        members.insert(listed.parameters.clone(), text(&model.parameters)),
    ];
    // One name twice would let the last content win in silence.
    if added.iter().any(Option::is_some) {
        return Err(twice(model.step.as_str()));
    }
    Ok(listed)
}

fn twice(what: &str) -> ArchiveError {
    ArchiveError::Senseless {
        what: "list of models",
        detail: format!("{what} is there twice"),
    }
}

fn text(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

pub(crate) fn digest(bytes: &[u8]) -> Digested {
    Digested {
        size: bytes.len() as u64,
        sha256: hex(Sha256::digest(bytes)),
    }
}

/// The manifest first, so that a reader meets it first.
fn zipped(manifest: &[u8], members: &BTreeMap<String, Vec<u8>>) -> zip::result::ZipResult<Vec<u8>> {
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        // Whoever unpacks it should not open a model to everybody by doing so.
        .unix_permissions(0o600);
    out.start_file(MANIFEST, options)?;
    out.write_all(manifest)?;
    for (name, bytes) in members {
        out.start_file(
            name.as_str(),
            options.large_file(bytes.len() > u32::MAX as usize),
        )?;
        out.write_all(bytes)?;
    }
    Ok(out.finish()?.into_inner())
}
