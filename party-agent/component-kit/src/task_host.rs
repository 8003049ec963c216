//! What a task needs from outside, as the runner (or a test) provides it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tables::Table;
use vocabulary::report::ReportBody;
use vocabulary::{ModelRef, PartyId, Receipt, TableRef, Tells};

use crate::error::Result;
use crate::import_request::ImportRequest;
use crate::model::SavedModel;

/// How serious a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For developers.
    Debug,
    /// What happens.
    Info,
    /// Something to look at.
    Warning,
    /// Something failed.
    Error,
}

/// A table to be written as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRequest {
    /// Which table.
    pub table: TableRef,
    /// A path under the agent's export root.
    pub path: String,
    /// Column separator.
    pub delimiter: String,
}

/// A table to be kept under another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRequest {
    /// Which table.
    pub from: TableRef,
    /// Its other name.
    pub to: TableRef,
    /// Whether a table of that name is replaced.
    pub replace: bool,
    /// Partitions to write; none for as many as the table has.
    pub partitions: Option<u32>,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The part of the file that is read, 0 to 1.
    pub fraction: f64,
    /// Rows read so far.
    pub rows: u64,
}

/// Which moment of a training a checkpoint holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointAt {
    /// The turn of the training's loop (an epoch, a tree), counted from 0.
    pub step_index: u32,
    /// The same for people (`epoch_3`).
    pub step_name: String,
}

/// A model that is to go to the party's model store, or to come back from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCopy {
    /// The part that is meant, `guest#9999#…#model`.
    pub party_model_id: String,
    /// Its version.
    pub model_version: String,
    /// Whether it takes the place of what is there.
    pub replace: bool,
}

/// A model that was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedModel {
    /// Where it was put, or came from.
    pub place: String,
    /// Bytes of its archive.
    pub bytes: u64,
}

/// What a party's policy asks of trainings in which it is the guest, so that hosts do not learn its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelRules {
    /// Fewest rows for each column of all hosts together, in a batch whose rows the hosts know and in a small table; with
    /// 0 there are no rules.
    pub rows_per_column: u32,
    /// Tables of fewer rows are small.
    pub small_table: u64,
    /// Whether a training that breaks a rule is refused, or runs with a warning.
    pub refuses: bool,
    /// What becomes of a training whose encryption a party could break that makes ciphertexts of its own.
    // Plans of earlier versions do not say it.
    #[serde(default)]
    pub malicious_hosts: MaliciousHosts,
}

/// What becomes of a training in which one key would open more values for a party than leave the key its strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaliciousHosts {
    /// It runs with one key: the parties are trusted to encrypt as the protocol says.
    #[default]
    Trust,
    /// It runs with as many keys as it takes.
    Rekey,
    /// It is refused.
    Refuse,
}

/// What a party's policy asks of intersections with the parties of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IdRules {
    /// Fewest ids of each party.
    pub fewest_ids: u64,
    /// Of fewer common ids nobody is told.
    pub fewest_common: u64,
    /// Whether ids that others find are counted.
    pub is_counted: bool,
    /// Whether the job predicts online: then the ids are counted that are asked for.
    pub is_online: bool,
}

/// What a component says of a report beside the report: what it gives away, and of how many rows it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Everything that it gives away; nothing named counts as everything.
    pub tells: &'static [Tells],
    /// The rows behind it, where they are fewer than those of the tables that were read, or were read by others.
    pub rows: Option<u64>,
    /// The turn of its loops in which it is told; empty outside of them. What a task tells of its data in another turn is
    /// another measurement, since messages of others may have come in between.
    pub turn: String,
}

impl About {
    /// Of a report that says nothing of data.
    pub const NOTHING: Self = Self {
        tells: &[],
        rows: None,
        turn: String::new(),
    };
}

/// The outside of one attempt at one participant.
#[async_trait]
pub trait TaskHost: Send + Sync {
    /// Reads a table that the attempt may read.
    async fn load_table(&self, table: &TableRef) -> Result<Table>;

    /// Keeps the attempt's `index`-th data output.
    async fn store_output(&self, index: usize, name: &str, table: &Table) -> Result<()>;

    /// Reads a staged file into a table of the party, saying how far it is.
    async fn import(
        &self,
        request: ImportRequest,
        progress: Box<dyn Fn(Reading) + Send + Sync>,
    ) -> Result<Receipt>;

    /// The lines of a file that the party keeps (`files://folder/name`) or has in an import folder.
    async fn lines(&self, file: &str) -> Result<Vec<String>>;

    /// Whether that may be told to the coordinator and to those who ask there.
    fn may_tell(&self, what: Tells) -> bool;

    /// What the party's policy asks of trainings in which it is the guest.
    fn label_rules(&self) -> LabelRules;

    /// What the party's policy asks of intersections in this job.
    fn id_rules(&self) -> IdRules;

    /// Counts ids that a peer may be told of today, before it is; an error where that is more than the policy lets.
    async fn reserve_ids(&self, peer: &PartyId, count: u64) -> Result<()>;

    /// A peer is told of these ids, for which so many were reserved: those stay counted of which it was not told before. An
    /// error, and nothing must be told, where that is more than the policy lets.
    async fn told_ids(&self, peer: &PartyId, ids: &[String], reserved: u64) -> Result<()>;

    /// Keeps a table of the party under another name; gives its rows.
    async fn copy(&self, request: CopyRequest) -> Result<u64>;

    /// Writes a table of the party as text; gives the rows written.
    async fn export(&self, request: ExportRequest) -> Result<u64>;

    /// Reads a model.
    async fn load_model(&self, model: &ModelRef) -> Result<SavedModel>;

    /// Keeps what the attempt learned.
    async fn save_model(&self, model: SavedModel) -> Result<()>;

    /// Keeps a model that the attempt applied as what it leaves.
    async fn hand_model_on(&self, _from: &ModelRef, model: SavedModel) -> Result<()> {
        self.save_model(model).await
    }

    /// Keeps a state from before the end; one of the same number is replaced.
    async fn save_checkpoint(&self, at: CheckpointAt, model: SavedModel) -> Result<()>;

    /// Copies a model of the party to its model store.
    async fn store_model(&self, request: ModelCopy) -> Result<CopiedModel>;

    /// Brings a model of the party back from its model store.
    async fn restore_model(&self, request: ModelCopy) -> Result<CopiedModel>;

    /// Sends a report on its way, after the gate. Never blocks.
    fn report(&self, body: ReportBody, about: About);

    /// Writes a line into the party's own log of the job.
    fn log(&self, level: LogLevel, text: &str);

    /// Takes what a role shows to a test of what it can learn.
    #[cfg(feature = "harness")]
    fn observe(&self, _at: String, _values: &[f64]) {}
}
