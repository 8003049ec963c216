//! A task host in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tables::Table;
use tokio_util::sync::CancellationToken;
use vocabulary::report::ReportBody;
use vocabulary::{ErrorCode, Fault, ModelRef, PartyId, Receipt, TableRef, Tells};

use crate::error::Result;
use crate::import_request::ImportRequest;
use crate::model::SavedModel;
use crate::task_host::{
    About, CheckpointAt, CopiedModel, CopyRequest, ExportRequest, IdRules, LabelRules, LogLevel,
    MaliciousHosts, ModelCopy, Reading, TaskHost,
};

/// How often parties were asked for what they keep.
#[derive(Default)]
pub(crate) struct Requests {
    pub(crate) all: AtomicUsize,
    /// At which one everything is stopped, and nobody answers.
    pub(crate) last: Option<usize>,
    pub(crate) cancel: CancellationToken,
}

impl Requests {
    async fn count(&self) {
        let number = self.all.fetch_add(1, Ordering::SeqCst) + 1;
        if self.last == Some(number) {
            self.cancel.cancel();
            std::future::pending::<()>().await;
        }
    }
}

/// What one part read and left.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) tables: BTreeMap<TableRef, Table>,
    pub(crate) models: BTreeMap<ModelRef, SavedModel>,
    pub(crate) files: BTreeMap<String, Vec<String>>,
    pub(crate) keeps: Vec<Tells>,
    pub(crate) label_rules: Option<LabelRules>,
    pub(crate) id_rules: IdRules,
    /// How many ids may be counted for a peer.
    pub(crate) most_ids: Option<u64>,
    pub(crate) requests: Arc<Requests>,
    pub(crate) left: Mutex<PartOutput>,
}

/// What one part left.
#[derive(Default)]
pub(crate) struct PartOutput {
    pub(crate) outputs: BTreeMap<usize, Table>,
    pub(crate) model: Option<SavedModel>,
    pub(crate) checkpoints: Vec<(CheckpointAt, SavedModel)>,
    pub(crate) reports: Vec<(ReportBody, About)>,
    pub(crate) log: Vec<String>,
    pub(crate) imports: Vec<ImportRequest>,
    pub(crate) exports: Vec<ExportRequest>,
    pub(crate) copies: Vec<CopyRequest>,
    pub(crate) model_copies: Vec<ModelCopy>,
    pub(crate) ids: BTreeMap<PartyId, u64>,
    pub(crate) observed: Vec<(String, Vec<f64>)>,
}

impl Memory {
    pub(crate) fn left(&self) -> MutexGuard<'_, PartOutput> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TaskHost for Memory {
    async fn load_table(&self, table: &TableRef) -> Result<Table> {
        self.requests.count().await;
        let missing = || {
            Fault::new(
                ErrorCode::TableMissing,
                format!("table {table} does not exist"),
            )
        };
        Ok(self.tables.get(table).cloned().ok_or_else(missing)?)
    }

    async fn store_output(&self, index: usize, _name: &str, table: &Table) -> Result<()> {
        self.requests.count().await;
        self.left().outputs.insert(index, table.clone());
        Ok(())
    }

    async fn import(
        &self,
        request: ImportRequest,
        progress: Box<dyn Fn(Reading) + Send + Sync>,
    ) -> Result<Receipt> {
        self.requests.count().await;
        progress(Reading {
            fraction: 0.5,
            rows: 1,
        });
        self.left().imports.push(request);
        Ok(Receipt {
            rows_in: 1,
            stored: 1,
            ..Receipt::default()
        })
    }

    async fn lines(&self, file: &str) -> Result<Vec<String>> {
        self.requests.count().await;
        let missing = || {
            Fault::new(
                ErrorCode::FileUnreadable,
                format!("there is no file {file}"),
            )
        };
        Ok(self.files.get(file).cloned().ok_or_else(missing)?)
    }

    fn may_tell(&self, what: Tells) -> bool {
        !self.keeps.contains(&what)
    }

    fn label_rules(&self) -> LabelRules {
        // As `fedflow up` has it.
        self.label_rules.unwrap_or(LabelRules {
            rows_per_column: 12,
            small_table: 200,
            refuses: false,
            malicious_hosts: MaliciousHosts::Trust,
        })
    }

    fn id_rules(&self) -> IdRules {
        self.id_rules
    }

    async fn reserve_ids(&self, peer: &PartyId, count: u64) -> Result<()> {
        self.requests.count().await;
        let mut left = self.left();
        let counted = left.ids.entry(peer.clone()).or_default();
        if self.most_ids.is_some_and(|most| *counted + count > most) {
            return Err(
                Fault::new(ErrorCode::ReleaseRefused, "enough ids for a day")
                    .path("intersection")
                    .into(),
            );
        }
        *counted += count;
        Ok(())
    }

    async fn told_ids(&self, peer: &PartyId, ids: &[String], reserved: u64) -> Result<()> {
        if let Some(counted) = self.left().ids.get_mut(peer) {
            *counted = counted.saturating_sub(reserved);
        }
        self.reserve_ids(peer, ids.len() as u64).await
    }

    async fn copy(&self, request: CopyRequest) -> Result<u64> {
        self.requests.count().await;
        let missing = || {
            Fault::new(
                ErrorCode::TableMissing,
                format!("table {} does not exist", request.from),
            )
        };
        let rows = self
            .tables
            .get(&request.from)
            .map(Table::rows)
            .ok_or_else(missing)?;
        self.left().copies.push(request);
        Ok(rows as u64)
    }

    async fn export(&self, request: ExportRequest) -> Result<u64> {
        self.requests.count().await;
        let rows = self.tables.get(&request.table).map(Table::rows);
        let missing = || {
            Fault::new(
                ErrorCode::TableMissing,
                format!("table {} does not exist", request.table),
            )
        };
        let rows = rows.ok_or_else(missing)?;
        self.left().exports.push(request);
        Ok(rows as u64)
    }

    async fn load_model(&self, model: &ModelRef) -> Result<SavedModel> {
        self.requests.count().await;
        let missing = || {
            Fault::new(
                ErrorCode::ModelMissing,
                format!("model {} of {} does not exist", model.version, model.step),
            )
        };
        Ok(self.models.get(model).cloned().ok_or_else(missing)?)
    }

    async fn save_model(&self, model: SavedModel) -> Result<()> {
        self.requests.count().await;
        self.left().model = Some(model);
        Ok(())
    }

    async fn save_checkpoint(&self, at: CheckpointAt, model: SavedModel) -> Result<()> {
        self.requests.count().await;
        self.left().checkpoints.push((at, model));
        Ok(())
    }

    async fn store_model(&self, request: ModelCopy) -> Result<CopiedModel> {
        self.requests.count().await;
        let copied = CopiedModel {
            place: "memory".to_owned(),
            bytes: 7,
        };
        self.left().model_copies.push(request);
        Ok(copied)
    }

    async fn restore_model(&self, request: ModelCopy) -> Result<CopiedModel> {
        self.store_model(request).await
    }

    fn report(&self, body: ReportBody, about: About) {
        self.left().reports.push((body, about));
    }

    fn log(&self, _level: LogLevel, text: &str) {
        self.left().log.push(text.to_owned());
    }

    fn observe(&self, at: String, values: &[f64]) {
        self.left().observed.push((at, values.to_vec()));
    }
}
