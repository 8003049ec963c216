//! `schema.json`, the file beside a version's partitions: what the table is, and how its files must be.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vocabulary::{TableRef, TableSummary};

use crate::error::{Result, TableError};
use crate::hash::content_hash;
use crate::schema::Schema;

const FILE: &str = "schema.json";
/// Format 2 keeps numbers as numbers; whoever knows only format 1 refuses it instead of reading numbers for text.
const FORMAT: u32 = 2;

/// How a table came onto the table store, in FATE's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A file was uploaded.
    Upload,
    /// A reader component took it from elsewhere.
    Reader,
    /// A step left it.
    Output,
    /// A file in place was bound to a name.
    TableBind,
}

/// What is known of a table without reading its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableInfo {
    /// Rows.
    pub rows: u64,
    /// Partitions (files).
    pub partitions: u32,
    /// What the columns mean.
    pub schema: Schema,
    /// Hash of schema and rows (BLAKE3, hex).
    pub content_hash: String,
    /// When this version was written, microseconds since the epoch.
    pub created_micros: i64,
    /// Whether jobs may read it; the reader of a job's input checks this, the table store does not.
    pub enabled: bool,
    /// How it came here.
    pub origin: Origin,
    /// For bound tables: where the rows were, as whoever bound it wrote it.
    pub bound_to: Option<BoundTo>,
}

/// Where the rows of a bound table were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundTo {
    /// The storage engine, in FATE's words.
    pub engine: String,
    /// The address in that engine: an object without secrets.
    pub address: Map<String, Value>,
}

impl TableInfo {
    /// The table as it may be told to others; `data_name` is the output's name in the job's document.
    pub fn summary(&self, table: &TableRef, data_name: Option<&str>) -> TableSummary {
        TableSummary {
            table: table.clone(),
            data_name: data_name.map(str::to_owned),
            rows: self.rows,
            partitions: self.partitions,
            header: self.schema.display_header(),
            content_hash: self.content_hash.clone(),
        }
    }
}

/// One file of rows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// All of `schema.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    pub(crate) table: TableRef,
    pub(crate) schema: Schema,
    pub(crate) parts: Vec<Part>,
    /// In how many partitions the table stands for whoever asks; the files are cut by their cells. As many as files in format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) partitions: Option<u32>,
    pub(crate) rows_hash: String,
    pub(crate) created_micros: i64,
    pub(crate) enabled: bool,
    pub(crate) origin: Origin,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bound_to: Option<BoundTo>,
}

impl Manifest {
    pub(crate) const FORMAT: u32 = FORMAT;

    /// Reads the file in a version's folder.
    pub(crate) fn load(folder: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Versioned {
            format: u32,
        }
        let bytes = std::fs::read(folder.join(FILE))
            .map_err(TableError::reading("the table's description"))?;
        let damaged = |error: serde_json::Error| TableError::Damaged {
            reason: error.to_string(),
        };
        // The format alone first: a newer one may have fields that this version cannot read, and
        // the error should say so.
        let versioned: Versioned = serde_json::from_slice(&bytes).map_err(damaged)?;
        if !(1..=FORMAT).contains(&versioned.format) {
            let reason = format!(
                "it is written in format {}, this version reads formats up to {FORMAT}",
                versioned.format
            );
            return Err(TableError::Damaged { reason });
        }
        serde_json::from_slice(&bytes).map_err(damaged)
    }

    /// Writes the file into a version's folder, replacing an older one at once.
    pub(crate) fn save(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|error| TableError::SchemaMismatch {
            reason: error.to_string(),
        })?;
        replace_file(folder, FILE, &text)
    }

    /// In how many partitions the table stands.
    pub(crate) fn partitions(&self) -> u32 {
        let files = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        self.partitions.unwrap_or(files)
    }

    pub(crate) fn info(&self) -> Result<TableInfo> {
        Ok(TableInfo {
            rows: self.parts.iter().map(|part| part.rows).sum(),
            partitions: self.partitions(),
            content_hash: content_hash(&self.schema, &self.rows_hash)?,
            schema: self.schema.clone(),
            created_micros: self.created_micros,
            enabled: self.enabled,
            origin: self.origin,
            bound_to: self.bound_to.clone(),
        })
    }
}

/// Begins the name of files and folders that are not finished; what bears it after a crash is rubbish.
pub(crate) const UNFINISHED: &str = ".new-";

/// Makes a folder's entries survive a power cut.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(TableError::writing("a folder"))
}

/// Gives a file a new content at one moment: readers see the old one or the new one, whole.
pub(crate) fn replace_file(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let failed = || TableError::writing("the table's description");
    let mut file = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempfile_in(folder)
        .map_err(failed())?;
    file.write_all(bytes).map_err(failed())?;
    // Content before the name, or a crash could leave the name on an empty file.
    file.as_file().sync_all().map_err(failed())?;
    file.persist(folder.join(name))
        .map_err(|error| failed()(error.error))?;
    sync_folder(folder)
}
