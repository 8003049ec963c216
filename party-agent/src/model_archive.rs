//! The party's models as archives: put together from its records and the coordinator's documents, and taken in again.

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use archives::{
    Archive, ArchivedCheckpoint, ArchivedModel, Migration, ModelStore, Subject, sha256_of,
};
use audit::{AuditEntry, Basis};
use axum::body::Bytes;
use records::{CheckpointRecord, ModelRecord, StoredModel};
use rest::fate_reply::{EXCEPTION, SUCCESS};
use rest::lenient::{read_json, whole_body};
use rest::proxy::{make_response, whole};
use rest::{Failure, Forward, Reply};
use serde_json::{Map, Value, json};
use vocabulary::{ErrorCode, Fault, JobId, ModelRef, Participant, StepName, TableRef, Timestamp};
use wire::agent_link::{Caller, HttpHead};

use crate::agent_state::AgentState;
use crate::blocking::blocking;

const DOCUMENTS: &str = "/v1/fedflow/model/documents";
const IMPORTED: &str = "/v1/fedflow/model/imported";
/// How long the coordinator may take to note something that somebody waits for.
const NOTICE_PATIENCE: Duration = Duration::from_secs(3);

/// Makes archives of the party's models and takes archives in.
pub(crate) struct ModelArchive {
    pub(crate) agent_state: Arc<AgentState>,
    pub(crate) coordinator: Arc<dyn Forward>,
    /// Where archives are kept outside of the agent, when the settings name a place.
    pub(crate) store: Option<ModelStore>,
    /// Where archives for other parties are written.
    pub(crate) folder: PathBuf,
}

/// An archive that came from outside.
pub(crate) struct Incoming {
    /// What it should be.
    pub(crate) subject: Subject,
    /// The archive.
    pub(crate) bytes: Bytes,
    /// What its SHA-256 should be, when the sender says.
    pub(crate) hash: Option<String>,
    /// Whether it takes the place of what is there.
    pub(crate) force: bool,
}

impl ModelArchive {
    /// Asks the coordinator in the party's own name; gives HTTP status and envelope.
    async fn ask(&self, path: &str, body: &Value) -> Result<(u16, Value), Failure> {
        let head = HttpHead {
            method: "POST".to_owned(),
            target: path.to_owned(),
            headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
            // The coordinator takes any caller of this link for this party's user anyway.
            caller: Caller::PartyUser(self.agent_state.me.clone()),
            ticket: None,
        };
        let answered = self
            .coordinator
            .forward(head, whole(body.to_string()))
            .await;
        let (head, body) = answered.map_err(|fault| Failure::from(fault).with_status(503))?;
        let bytes = whole_body(make_response(head.clone(), body).into_body()).await?;
        Ok((head.status, read_json(&bytes)))
    }

    /// Tells the coordinator that a table is gone that jobs had named, so that whoever goes by another name of it learns why.
    /// That it is not reached hinders nobody: reading the table says the same.
    pub(crate) async fn tell_removed(&self, table: &TableRef) {
        let basis = Some(Basis {
            policy: self.agent_state.policy().hash().to_owned(),
            ..Basis::default()
        });
        let (what, to) = (
            format!("removal of table {table}"),
            "the coordinator".to_owned(),
        );
        if let Err(fault) = self
            .agent_state
            .audit(&AuditEntry::Told {
                what,
                to,
                refused_by: None,
                basis,
            })
            .await
        {
            tracing::warn!(code = fault.code.text(), %fault, %table, "the coordinator is not told that the table is gone");
            return;
        }
        let body = json!({"namespace": table.namespace, "table_name": table.name});
        match tokio::time::timeout(
            NOTICE_PATIENCE,
            self.ask("/v1/fedflow/table/removed", &body),
        )
        .await
        {
            Ok(Ok((200, _))) => {}
            Ok(Ok((status, _))) => {
                tracing::debug!(%table, status, "the coordinator did not note that the table is gone")
            }
            Ok(Err(_)) | Err(_) => {
                tracing::debug!(%table, "the coordinator does not know yet that the table is gone")
            }
        }
    }

    /// The documents of the party's part; none when the coordinator knows no such part.
    async fn documents(&self, subject: &Subject) -> Result<Option<Map<String, Value>>, Failure> {
        let (status, mut reply) = self.ask(DOCUMENTS, &json!(subject)).await?;
        match (
            reply.get("retcode").and_then(Value::as_i64),
            reply.get_mut("data").map(Value::take),
        ) {
            (Some(SUCCESS), Some(Value::Object(documents))) => Ok(Some(documents)),
            _ if fault_of(&reply).is_some_and(|fault| fault.code == ErrorCode::ModelMissing) => {
                Ok(None)
            }
            _ => Err(refusal(status, &reply)),
        }
    }

    /// The party's part of a version as an archive; none when there is no such part.
    pub(crate) async fn pack(&self, subject: &Subject) -> Result<Option<Archive>, Failure> {
        if subject.party_id != self.agent_state.me {
            return Ok(None);
        }
        let Some(documents) = self.documents(subject).await? else {
            return Ok(None);
        };
        let mut models = Vec::new();
        for listed in documents
            .get("components")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            models.push(self.model(subject, listed).await?);
        }
        Ok(Some(Archive {
            subject: subject.clone(),
            documents,
            models,
        }))
    }

    /// One model that the documents list, as the records keep it.
    async fn model(&self, subject: &Subject, listed: &Value) -> Result<ArchivedModel, Failure> {
        let text = |name: &str| {
            listed
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let senseless = |error: &dyn std::fmt::Display| {
            Failure::from(Fault::new(
                ErrorCode::Internal,
                format!("the model's documents make no sense: {error}"),
            ))
        };
        let step = StepName::new(text("step")).map_err(|error| senseless(&error))?;
        let owner = Participant::new(subject.role, subject.party_id.clone());
        let at = ModelRef {
            version: text("stored_version"),
            step: step.clone(),
            owner,
        };
        let records = &self.agent_state.records;
        let found = records.model(&at).await.map_err(Fault::from)?;
        let record = found.ok_or_else(|| {
            let message = format!("there is no model of step {step} in version {}", at.version);
            Fault::new(ErrorCode::ModelMissing, message)
                .at(&self.agent_state.me)
                .next("import or train it again")
        })?;
        let own_view = records.model_view(&at).await.map_err(Fault::from)?;
        let view = own_view.map(|text| read_json(text.as_bytes()));
        let kept = records.checkpoints(&at).await.map_err(Fault::from)?;
        let checkpoint = |kept: CheckpointRecord| ArchivedCheckpoint {
            step_index: kept.step_index,
            step_name: kept.step_name,
            content: kept.model.content,
        };
        Ok(ArchivedModel {
            alias: text("alias"),
            module: text("module"),
            component: record.component,
            component_version: record.component_version,
            parameters: self.parameters(&at).await?,
            view: view
                .or_else(|| listed.get("view").cloned())
                .unwrap_or_default(),
            content: record.content,
            checkpoints: kept.into_iter().map(checkpoint).collect(),
            step,
        })
    }

    /// The parameters with which the step last ran here; null for a model that was imported.
    async fn parameters(&self, of: &ModelRef) -> Result<Value, Failure> {
        let Ok(job) = JobId::new(of.version.clone()) else {
            return Ok(Value::Null);
        };
        let attempts = self
            .agent_state
            .records
            .attempts_of(&job)
            .await
            .map_err(Fault::from)?;
        let ran = |task: &vocabulary::TaskId| task.step == of.step && task.role == of.owner.role;
        let last = attempts
            .into_iter()
            .rfind(|record| ran(&record.assignment.task));
        Ok(last
            .map(|record| record.assignment.parameters)
            .unwrap_or_default())
    }

    /// Takes an archive in: checks it, keeps the models, then has the coordinator write the documents down.
    pub(crate) async fn take_in(&self, incoming: Incoming) -> Result<(), Failure> {
        let Incoming {
            subject,
            bytes,
            hash,
            force,
        } = incoming;
        let (archive, sha256) = blocking(move || {
            let sha256 = sha256_of(bytes.as_ref())
                .map_err(|error| Fault::new(ErrorCode::Internal, error.to_string()))?;
            if hash
                .as_ref()
                .is_some_and(|hash| !hash.eq_ignore_ascii_case(&sha256))
            {
                let message =
                    format!("the archive's SHA-256 is {sha256}, not what the request says");
                return Err(
                    Fault::new(ErrorCode::FileUnreadable, message).next("send the file again")
                );
            }
            Ok((Archive::read(Cursor::new(bytes))?, sha256))
        })
        .await?;
        if archive.subject != subject {
            let message = format!(
                "the archive holds {}, not {}",
                shown(&archive.subject),
                shown(&subject)
            );
            let fault = Fault::new(ErrorCode::FileUnreadable, message);
            return Err(fault
                .next("name the model as import_model.json in the archive does")
                .into());
        }
        let stored = kept_as(&archive, self.agent_state.now())?;
        // Asked first without writing: models that the coordinator would refuse must not stand in
        // the records.
        self.told_as_imported(&archive, &sha256, force, true)
            .await?;
        if !force {
            self.check_free(&stored).await?;
        }
        self.agent_state
            .records
            .save_models(&stored, self.agent_state.now())
            .await
            .map_err(Fault::from)?;
        // Last: a version that predict jobs can name must have its models at the party already.
        self.told_as_imported(&archive, &sha256, force, false)
            .await?;
        tracing::info!(model = %subject.party_model_id(), version = %subject.model_version, "model imported");
        Ok(())
    }

    /// Refuses when another model stands where one of these is to be kept.
    async fn check_free(&self, stored: &[StoredModel]) -> Result<(), Failure> {
        for model in stored {
            let found = self
                .agent_state
                .records
                .model(&model.at)
                .await
                .map_err(Fault::from)?;
            if found.is_some_and(|found| found != model.record) {
                let message = format!(
                    "another model of step {} is kept under that version",
                    model.at.step
                );
                let fault = Fault::new(ErrorCode::Conflict, message)
                    .next("import with force_update to replace it");
                return Err(Failure::http(409, Some("Model already exists.")).with_fault(fault));
            }
        }
        Ok(())
    }

    /// Has the coordinator write the documents of an import down, or only say whether it would.
    async fn told_as_imported(
        &self,
        archive: &Archive,
        sha256: &str,
        force: bool,
        only: bool,
    ) -> Result<(), Failure> {
        let stored_version = stored_version(archive);
        let tells_views = self.agent_state.policy().rules().disclosure.model_views;
        let mut body = archive.documents.clone();
        if let Value::Object(own) = json!(archive.subject) {
            body.extend(own);
        }
        let component = |model: &ArchivedModel| {
            let view = if tells_views {
                &model.view
            } else {
                &Value::Null
            };
            json!({
                "step": model.step, "alias": model.alias, "module": model.module, "component": model.component,
                "component_version": model.component_version, "stored_version": stored_version,
                "size": model.content.len(), "view": view,
            })
        };
        let components: Value = archive.models.iter().map(component).collect();
        let more = json!({
            "stored_version": stored_version, "components": components, "archive_sha256": sha256,
            "force_update": i32::from(force), "check_only": i32::from(only),
        });
        if let Value::Object(more) = more {
            body.extend(more);
        }
        let (status, reply) = self.ask(IMPORTED, &Value::Object(body)).await?;
        match reply.get("retcode").and_then(Value::as_i64) {
            Some(SUCCESS) => Ok(()),
            _ => Err(refusal(status, &reply)),
        }
    }

    /// Writes the party's part for other parties; gives the new archive's subject and where it is.
    pub(crate) async fn migrate(
        &self,
        subject: &Subject,
        to: Migration,
    ) -> Result<(Subject, PathBuf), Failure> {
        let missing = || does_not_exist(subject);
        let archive = self.pack(subject).await?.ok_or_else(missing)?;
        let folder = self.folder.clone();
        blocking(move || {
            let migrated = archive.migrated(&to)?;
            let bytes = migrated.to_bytes()?;
            let path = folder.join(migrated.subject.file_name());
            let written = std::fs::create_dir_all(&folder).and_then(|()| {
                use std::io::Write;
                let mut file = tempfile::NamedTempFile::new_in(&folder)?;
                file.write_all(&bytes)?;
                // Synced before it gets its name, so that nobody is handed an archive that a loss
                // of power cut short.
                file.as_file().sync_all()?;
                file.persist(&path).map_err(|error| error.error)?;
                Ok(())
            });
            written.map_err(|error| {
                Fault::new(
                    ErrorCode::StorageFull,
                    format!("the archive cannot be written: {error}"),
                )
                .next("free space on the agent's disk")
            })?;
            Ok((migrated.subject, path))
        })
        .await
    }

    fn place(&self) -> Result<&ModelStore, Fault> {
        self.store.as_ref().ok_or_else(|| {
            Fault::new(ErrorCode::ConfigInvalid, "this party has no model store")
                .at(&self.agent_state.me)
                .next("name one by [model_store] in the agent's settings")
        })
    }

    /// Copies the party's part to the model store; gives where it is, its bytes and its hash.
    pub(crate) async fn keep(
        &self,
        subject: &Subject,
        force: bool,
    ) -> Result<(String, u64, String), Fault> {
        let store = self.place()?;
        let packed = self.pack(subject).await.map_err(fault)?;
        let archive = packed.ok_or_else(|| fault(does_not_exist(subject)))?;
        let work = move || {
            let bytes = archive.to_bytes()?;
            let sha256 = sha256_of(bytes.as_slice())
                .map_err(|error| Fault::new(ErrorCode::Internal, error.to_string()))?;
            Ok((Bytes::from(bytes), sha256))
        };
        let (bytes, sha256) = blocking(work).await.map_err(fault)?;
        let size = bytes.len() as u64;
        let place = store
            .keep(subject, bytes, force)
            .await
            .map_err(|error| Fault::from(error).at(&self.agent_state.me))?;
        Ok((place, size, sha256))
    }

    /// Brings the party's part back from the model store; gives where it was and its bytes.
    pub(crate) async fn bring_back(
        &self,
        subject: &Subject,
        force: bool,
    ) -> Result<(String, u64), Fault> {
        let store = self.place()?;
        let bytes = store
            .fetch(subject)
            .await
            .map_err(|error| Fault::from(error).at(&self.agent_state.me))?;
        let size = bytes.len() as u64;
        let incoming = Incoming {
            subject: subject.clone(),
            bytes,
            hash: None,
            force,
        };
        self.take_in(incoming).await.map_err(fault)?;
        Ok((store.url().to_owned(), size))
    }
}

/// FATE's text for a part that is not there.
pub(crate) fn does_not_exist(subject: &Subject) -> Failure {
    let text = format!(
        "Model {} {} does not exist.",
        subject.party_model_id(),
        subject.model_version
    );
    let fault = Fault::new(ErrorCode::ModelMissing, text.clone()).at(&subject.party_id);
    Failure::http(404, Some(&text)).with_fault(fault)
}

/// The version under which the records keep the models.
fn stored_version(archive: &Archive) -> String {
    let stated = archive
        .documents
        .get("stored_version")
        .and_then(Value::as_str);
    stated.unwrap_or(&archive.subject.model_version).to_owned()
}

/// An archive's models as the records keep them.
fn kept_as(archive: &Archive, now: Timestamp) -> Result<Vec<StoredModel>, Failure> {
    let version = stored_version(archive);
    JobId::new(version.clone())
        .map_err(|error| Fault::new(ErrorCode::FileUnreadable, format!("the archive: {error}")))?;
    let owner = Participant::new(archive.subject.role, archive.subject.party_id.clone());
    let record = |model: &ArchivedModel, content: &[u8]| ModelRecord {
        component: model.component.clone(),
        component_version: model.component_version,
        content: content.to_vec(),
    };
    let checkpoint = |model: &ArchivedModel, kept: &ArchivedCheckpoint| CheckpointRecord {
        step_index: kept.step_index,
        step_name: kept.step_name.clone(),
        model: record(model, &kept.content),
        saved: now,
    };
    let model = |model: &ArchivedModel| StoredModel {
        at: ModelRef {
            version: version.clone(),
            step: model.step.clone(),
            owner: owner.clone(),
        },
        record: record(model, &model.content),
        view: model.view.is_object().then(|| model.view.to_string()),
        checkpoints: model
            .checkpoints
            .iter()
            .map(|kept| checkpoint(model, kept))
            .collect(),
    };
    Ok(archive.models.iter().map(model).collect())
}

fn shown(subject: &Subject) -> String {
    format!(
        "model {} version {}",
        subject.party_model_id(),
        subject.model_version
    )
}

fn fault_of(reply: &Value) -> Option<Fault> {
    reply
        .get("fault")
        .and_then(|fault| serde_json::from_value(fault.clone()).ok())
}

/// The coordinator's refusal, as it was.
fn refusal(status: u16, reply: &Value) -> Failure {
    let Some(code) = reply.get("retcode").and_then(Value::as_i64) else {
        return Fault::new(
            ErrorCode::Internal,
            format!("the coordinator answered HTTP {status} without a reply"),
        )
        .into();
    };
    let text = reply
        .get("retmsg")
        .and_then(Value::as_str)
        .unwrap_or("the coordinator gave no reason");
    let failure = Failure::from(Reply::code(code, text)).with_status(status);
    match fault_of(reply) {
        Some(fault) => failure.with_fault(fault),
        None => failure,
    }
}

/// The fault behind a failure.
fn fault(failure: Failure) -> Fault {
    let Reply {
        fault,
        retmsg,
        retcode,
        ..
    } = *failure.0;
    let code = if retcode == EXCEPTION {
        ErrorCode::Internal
    } else {
        ErrorCode::RequestInvalid
    };
    fault.unwrap_or_else(|| Fault::new(code, retmsg))
}
