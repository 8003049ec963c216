//! Everything that is kept here of one participant's part of a version, in one piece: what an agent needs to export it,
//! and what it gives to have an imported one written down.

use std::collections::BTreeMap;

use domain::Dialect;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vocabulary::{
    CheckpointRef, ErrorCode, Fault, JobId, ModelRef, ModelSummary, Participant, PartyId, Role,
    StepName, TaskId, Timestamp,
};

use super::{denied, no_version};
use crate::ServiceError;
use crate::filter::{ModelFilter, PartFilter};
use crate::models::Models;
use crate::ports::Transaction;
use crate::principal::Principal;
use crate::records::{StoredModel, TextKind};
use crate::versions::{ModelKey, ModelPart, ModelVersion, cast_of};

/// The newest release of the documents' shape.
const SHAPE: u32 = 1;

/// The documents of one participant's part of a version. As JSON (`fedflow/model/documents` answers it as `data`;
/// `fedflow/model/imported` takes the same members at the top of its body):
///
/// ```json
/// {
///   "shape": 1,
///   "model_id": "arbiter-10000#guest-9999#host-10000#model",
///   "model_version": "202611231018000000000",
///   "role": "guest", "party_id": "9999",
///   "train_dsl": {"components": {}}, "train_runtime_conf": {}, "runtime_conf_on_party": {},
///   "inference_dsl": {"components": {}},
///   "roles": {"guest": [9999], "host": [10000], "arbiter": [10000]},
///   "initiator": {"role": "guest", "party_id": "9999"},
///   "parent": false,
///   "parent_info": {"parent_model_id": "…#model", "parent_model_version": "202611231017000000000"},
///   "components_checkpoint": {"hetero_lr_0": {"step_index": 3}},
///   "stored_version": "202611231017000000000",
///   "job_id": null,
///   "dsl_version": 2, "fate_version": "1.11.2",
///   "size": 1234, "loaded_times": 0, "imported": 0, "archive_sha256": null,
///   "create_time": 1795000000000, "update_time": 1795000000000,
///   "components": [
///     {"step": "hetero_lr_0", "component": "hetero_lr", "component_version": 1, "module": "HeteroLR",
///      "alias": "model", "stored_version": "202611231017000000000", "size": 617,
///      "view": {"meta": {}, "param": {}}}
///   ]
/// }
/// ```
///
/// `parent_info` is `{}` when `parent` is true. `components` lists what the participant announced as saved, whether or not
/// the version's DSL applies it; the participant's records keep each under `stored_version`, its step and the role.
/// `view` is null where the participant's policy told none. `size` is in bytes, times are milliseconds.
///
/// Of what is given back with an import, the hash, `imported`, times and `runtime_conf_on_party` do not count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelDocuments {
    /// Release of this shape.
    #[serde(default)]
    pub shape: u32,
    /// FATE's model id.
    pub model_id: String,
    /// The version.
    pub model_version: String,
    /// Whose part, and in which role.
    #[serde(flatten)]
    pub owner: OfParty,
    /// The DSL of the training, version 2.
    #[serde(default)]
    pub train_dsl: Value,
    /// The runtime conf of the training, version 2.
    #[serde(default)]
    pub train_runtime_conf: Value,
    /// The same as the participant keeps it.
    #[serde(default)]
    pub runtime_conf_on_party: Value,
    /// The DSL that applies the models.
    #[serde(default)]
    pub inference_dsl: Value,
    /// Roles of the training.
    pub roles: Value,
    /// Who asked for the training.
    pub initiator: OfParty,
    /// Whether a training left it; otherwise it was deployed.
    pub parent: bool,
    /// What it was deployed from.
    #[serde(default)]
    pub parent_info: Value,
    /// Which state kept while it was learned is to be applied, by component.
    #[serde(default)]
    pub components_checkpoint: BTreeMap<String, CheckpointRef>,
    /// The version under which the parties keep the models.
    pub stored_version: String,
    /// The training job, when it ran here.
    #[serde(default)]
    pub job_id: Option<String>,
    /// Version of the language in which the training was written, 1 or 2.
    #[serde(default = "two")]
    pub dsl_version: u8,
    /// The FATE-Flow version that the documents are written as.
    #[serde(default)]
    pub fate_version: String,
    /// Bytes of the participant's models on disk.
    #[serde(default)]
    pub size: u64,
    /// How often the part was loaded.
    #[serde(default)]
    pub loaded_times: u32,
    /// 1 when the part came in an archive.
    #[serde(default)]
    pub imported: u8,
    /// The hash of that archive, SHA-256 in hex.
    #[serde(default)]
    pub archive_sha256: Option<String>,
    /// When the part was made, in milliseconds.
    #[serde(default)]
    pub create_time: i64,
    /// When the part last changed, in milliseconds.
    #[serde(default)]
    pub update_time: i64,
    /// The participant's models.
    #[serde(default)]
    pub components: Vec<ComponentModel>,
}

/// A participant as FATE's documents write it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfParty {
    /// The role.
    pub role: Role,
    /// The party's id; read from a number, too.
    #[serde(deserialize_with = "party_id")]
    pub party_id: PartyId,
}

/// One model of a participant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComponentModel {
    /// The step that left it.
    pub step: StepName,
    /// The component that can read it.
    pub component: String,
    /// The version of that component.
    pub component_version: u32,
    /// The component as the DSL calls it.
    #[serde(default)]
    pub module: String,
    /// The name of the model output.
    #[serde(default)]
    pub alias: String,
    /// The version under which the participant's records keep it.
    pub stored_version: String,
    /// Bytes on disk.
    #[serde(default)]
    pub size: u64,
    /// What may be shown of it: `{"meta": …, "param": …}`.
    #[serde(default)]
    pub view: Value,
}

const fn two() -> u8 {
    2
}

fn party_id<'de, D: serde::Deserializer<'de>>(from: D) -> Result<PartyId, D::Error> {
    let text = match Value::deserialize(from)? {
        Value::String(text) => text,
        other => other.to_string(),
    };
    PartyId::new(text).map_err(serde::de::Error::custom)
}

impl From<&Participant> for OfParty {
    fn from(participant: &Participant) -> Self {
        Self {
            role: participant.role,
            party_id: participant.party.clone(),
        }
    }
}

impl From<OfParty> for Participant {
    fn from(of: OfParty) -> Self {
        Participant::new(of.role, of.party_id)
    }
}

impl Models<'_> {
    /// The documents of a participant's part of a version. A party's user asks for its own party's. `NotFound` when the
    /// version is not here, or the participant has no part of it.
    pub async fn documents(
        self,
        who: &Principal,
        key: &ModelKey,
        owner: &Participant,
    ) -> Result<ModelDocuments, ServiceError> {
        own_only(who, owner).map_err(ServiceError::Denied)?;
        let mut tx = self.coordinator.inner.store.read().await?;
        let version = version_in(&mut *tx, key)
            .await?
            .ok_or_else(|| no_version(key))?;
        let part = part_in(&mut *tx, key, owner)
            .await?
            .ok_or_else(|| no_version(key))?;
        let components = component_models(&mut *tx, &version, owner).await?;
        Ok(ModelDocuments {
            shape: SHAPE,
            model_id: key.model_id.clone(),
            model_version: key.version.clone(),
            owner: owner.into(),
            runtime_conf_on_party: version.conf_on_party(owner),
            inference_dsl: version.inference_dsl(),
            roles: version.roles(),
            initiator: (&version.initiator).into(),
            parent: version.is_parent(),
            parent_info: parent_info(&version),
            components_checkpoint: version.checkpoints,
            stored_version: version.stored,
            job_id: version.job.map(|job| job.to_string()),
            dsl_version: if version.dialect == Dialect::FateV1 {
                1
            } else {
                2
            },
            fate_version: version.fate_version,
            train_dsl: version.train_dsl,
            train_runtime_conf: version.train_conf,
            size: part.size,
            loaded_times: part.loaded_times,
            imported: u8::from(part.imported),
            archive_sha256: part.archive_sha256,
            create_time: part.created.millis(),
            update_time: part.updated.millis(),
            components,
        })
    }

    /// Writes an imported part down, and the version with it when it is not here. Where the version is here its documents
    /// stay, unless the initiator's party (or the operator) imports with `force`. `Conflict` when the part is here and not
    /// forced; with `check_only` nothing is written.
    pub async fn import(
        self,
        who: &Principal,
        documents: ModelDocuments,
        archive_sha256: Option<String>,
        how: Import,
    ) -> Result<(), ServiceError> {
        let owner = Participant::from(documents.owner.clone());
        own_only(who, &owner).map_err(ServiceError::Denied)?;
        let now = self.coordinator.now();
        let version = imported_version(&documents, now).map_err(ServiceError::Conflict)?;
        if !version.cast.has(&owner) {
            let message = format!("party {} is not in role {}", owner.party, owner.role);
            let fault = Fault::new(ErrorCode::PartyUnknown, message).path("party_id");
            return Err(ServiceError::Conflict(fault));
        }
        let key = version.key.clone();
        let mut tx = self.coordinator.inner.store.begin().await?;
        if !how.force && is_taken(&mut *tx, &version, &owner).await? {
            let fault = Fault::new(ErrorCode::Conflict, "Model already exists.").at(&owner.party);
            return Err(ServiceError::Conflict(
                fault.next("import with force_update to replace it"),
            ));
        }
        if how.check_only {
            return Ok(());
        }
        let may_replace = who
            .party()
            .is_none_or(|party| *party == version.initiator.party);
        // With force a participant replaces its own part; the version's documents are the
        // initiator's, since all apply them.
        if !tx.insert_version(&version).await? && how.force && may_replace {
            tx.put_version(&version).await?;
        }
        for component in &documents.components {
            let (summary, job) = summary_of(component, &owner).map_err(ServiceError::Conflict)?;
            tx.put_model(&StoredModel {
                summary,
                job: job.clone(),
                created: now,
            })
            .await?;
            if !component.view.is_null() {
                let id = TaskId {
                    job,
                    step: component.step.clone(),
                    role: owner.role,
                    party: owner.party.clone(),
                };
                let key = domain::TaskKey {
                    id,
                    attempt: vocabulary::Attempt(0),
                };
                tx.put_text(&key, TextKind::ModelView, &component.view.to_string())
                    .await?;
            }
        }
        let size = documents
            .components
            .iter()
            .map(|component| component.size)
            .sum();
        let part = ModelPart {
            imported: true,
            archive_sha256,
            ..ModelPart::new(key.clone(), owner, size, now)
        };
        tx.put_part(&part).await?;
        tx.commit().await?;
        tracing::info!(model = %key.model_id, version = %key.version, owner = %part.owner, "model imported");
        Ok(())
    }

    /// Counts that a participant loaded its part for online predictions.
    pub async fn loaded(
        self,
        who: &Principal,
        key: &ModelKey,
        owner: &Participant,
    ) -> Result<(), ServiceError> {
        own_only(who, owner).map_err(ServiceError::Denied)?;
        let mut tx = self.coordinator.inner.store.begin().await?;
        let mut part = part_in(&mut *tx, key, owner)
            .await?
            .ok_or_else(|| no_version(key))?;
        part.loaded_times = part.loaded_times.saturating_add(1);
        part.updated = self.coordinator.now();
        tx.put_part(&part).await?;
        Ok(tx.commit().await?)
    }
}

/// How an import is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Import {
    /// Replace what is there.
    pub force: bool,
    /// Only say whether it could be done.
    pub check_only: bool,
}

fn own_only(who: &Principal, owner: &Participant) -> Result<(), Fault> {
    match who.party() {
        Some(party) if *party != owner.party => Err(denied(
            party,
            format!("the part of {owner} is not that of party {party}"),
        )),
        _ => Ok(()),
    }
}

fn unfit(message: String) -> Fault {
    Fault::new(ErrorCode::RequestInvalid, message)
}

/// What a version was deployed from, as FATE writes it.
pub(super) fn parent_info(version: &ModelVersion) -> Value {
    version.parent.as_ref().map_or_else(
        || json!({}),
        |parent| json!({"parent_model_id": parent.model_id, "parent_model_version": parent.version}),
    )
}

pub(super) async fn version_in(
    tx: &mut dyn Transaction,
    key: &ModelKey,
) -> Result<Option<ModelVersion>, ServiceError> {
    let filter = crate::filter::VersionFilter {
        model_id: Some(key.model_id.clone()),
        versions: vec![key.version.clone()],
    };
    Ok(tx.find_versions(&filter).await?.into_iter().next())
}

async fn part_in(
    tx: &mut dyn Transaction,
    key: &ModelKey,
    owner: &Participant,
) -> Result<Option<ModelPart>, ServiceError> {
    let filter = PartFilter {
        model_id: Some(key.model_id.clone()),
        version: Some(key.version.clone()),
        role: Some(owner.role),
        party: Some(owner.party.clone()),
        shared_with: None,
    };
    Ok(tx.find_parts(&filter).await?.into_iter().next())
}

/// Whether an import would replace something: the part itself, or models that a training here left.
async fn is_taken(
    tx: &mut dyn Transaction,
    version: &ModelVersion,
    owner: &Participant,
) -> Result<bool, ServiceError> {
    if part_in(tx, &version.key, owner).await?.is_some() {
        return Ok(true);
    }
    let kept_with = crate::filter::VersionFilter {
        model_id: None,
        versions: vec![version.stored.clone()],
    };
    if !tx
        .find_versions(&kept_with)
        .await?
        .iter()
        .any(|kept| kept.job.is_some())
    {
        return Ok(false);
    }
    let own = ModelFilter {
        version: Some(version.stored.clone()),
        owner: Some(owner.clone()),
        ..ModelFilter::default()
    };
    Ok(!tx.find_models(&own).await?.is_empty())
}

/// The models that a participant keeps for a version, each with what its DSL and its owner say of it.
async fn component_models(
    tx: &mut dyn Transaction,
    version: &ModelVersion,
    owner: &Participant,
) -> Result<Vec<ComponentModel>, ServiceError> {
    let own = ModelFilter {
        version: Some(version.stored.clone()),
        owner: Some(owner.clone()),
        ..ModelFilter::default()
    };
    let mut models = Vec::new();
    for StoredModel { summary, job, .. } in tx.find_models(&own).await? {
        let step = summary.model.step;
        let id = TaskId {
            job,
            step: step.clone(),
            role: owner.role,
            party: owner.party.clone(),
        };
        let body = version
            .train_dsl
            .get("components")
            .and_then(|components| components.get(step.as_str()));
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        models.push(ComponentModel {
            module: text(body.and_then(|body| body.get("module")))
                .unwrap_or_else(|| summary.component.clone()),
            alias: text(body.and_then(|body| body.pointer("/output/model/0")))
                .unwrap_or_else(|| "default".to_owned()),
            view: view_of(tx, &id).await?.unwrap_or_default(),
            component: summary.component,
            component_version: summary.component_version,
            stored_version: summary.model.version,
            size: summary.size,
            step,
        });
    }
    Ok(models)
}

/// The view of the model that the newest try of a task left; imported ones have a view without a task.
pub(crate) async fn view_of(
    tx: &mut dyn Transaction,
    id: &TaskId,
) -> Result<Option<Value>, ServiceError> {
    let attempt = tx
        .task(id)
        .await?
        .map(|task| task.key.attempt)
        .unwrap_or_default();
    let text = tx
        .text(
            &domain::TaskKey {
                id: id.clone(),
                attempt,
            },
            TextKind::ModelView,
        )
        .await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

fn imported_version(documents: &ModelDocuments, now: Timestamp) -> Result<ModelVersion, Fault> {
    for version in [&documents.model_version, &documents.stored_version] {
        // A version is a folder at the parties: what is no id could leave it.
        JobId::new(version.clone()).map_err(|error| unfit(error.to_string()))?;
    }
    if documents.model_id.is_empty() || documents.model_id.len() > 4_096 {
        return Err(unfit("a model id has 1 to 4096 characters".to_owned()));
    }
    if documents
        .components
        .iter()
        // Otherwise an import could list a model under the version of somebody else's training.
        .any(|component| component.stored_version != documents.stored_version)
    {
        return Err(unfit(
            "a component's stored_version is not that of the version".to_owned(),
        ));
    }
    let text = |key: &str| {
        documents
            .parent_info
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let parent = ModelKey::new(text("parent_model_id"), text("parent_model_version"));
    let object = |value: &Value| {
        if value.is_object() {
            value.clone()
        } else {
            json!({})
        }
    };
    Ok(ModelVersion {
        key: ModelKey::new(documents.model_id.clone(), documents.model_version.clone()),
        stored: documents.stored_version.clone(),
        initiator: documents.initiator.clone().into(),
        cast: cast_of(&documents.roles),
        parent: (!documents.parent).then_some(parent),
        // Never the job that the documents name: it did not run here, and another one of that id
        // may have.
        job: None,
        dialect: if documents.dsl_version == 1 {
            Dialect::FateV1
        } else {
            Dialect::FateV2
        },
        fate_version: documents.fate_version.clone(),
        train_dsl: object(&documents.train_dsl),
        train_conf: object(&documents.train_runtime_conf),
        own_inference_dsl: Some(object(&documents.inference_dsl)),
        checkpoints: documents.components_checkpoint.clone(),
        created: now,
        updated: now,
    })
}

fn summary_of(
    component: &ComponentModel,
    owner: &Participant,
) -> Result<(ModelSummary, JobId), Fault> {
    let job =
        JobId::new(component.stored_version.clone()).map_err(|error| unfit(error.to_string()))?;
    let model = ModelRef {
        version: component.stored_version.clone(),
        step: component.step.clone(),
        owner: owner.clone(),
    };
    let ComponentModel {
        component,
        component_version,
        size,
        ..
    } = component.clone();
    Ok((
        ModelSummary {
            model,
            component,
            component_version,
            size,
        },
        job,
    ))
}
