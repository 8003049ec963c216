//! Models as files: one participant's part of a model version as a zip with a manifest of hashes, its content in the form
//! that FATE's tools read, the same for other parties, and the places where such files are kept.
//!
//! No daemon, no network but the object store's. See README.md for the members of an archive.
#![deny(missing_docs)]

mod error;
mod migration;
mod read;
mod store;
mod subject;
mod transfer;
mod write;

pub use error::ArchiveError;
pub use migration::Migration;
pub use read::{LARGEST_ARCHIVE, sha256_of};
pub use store::{ModelStore, ModelStoreSettings};
pub use subject::Subject;

use serde_json::{Map, Value};
use vocabulary::StepName;

/// One participant's part of a model version.
#[derive(Debug, Clone, PartialEq)]
pub struct Archive {
    /// Whose part of which version.
    pub subject: Subject,
    /// The documents of the version, as the coordinator keeps them: train DSL and conf, inference DSL, roles, initiator, …
    pub documents: Map<String, Value>,
    /// What the participant's steps learned; no step twice.
    pub models: Vec<ArchivedModel>,
}

/// What one step learned, as the owner's records keep it.
#[derive(Clone, PartialEq)]
pub struct ArchivedModel {
    /// The step.
    pub step: StepName,
    /// The name of the step's model output in the documents.
    pub alias: String,
    /// The module that the documents name.
    pub module: String,
    /// The component that can read the content.
    pub component: String,
    /// The version of that component.
    pub component_version: u32,
    /// The step's merged parameters; null when they are not known.
    pub parameters: Value,
    /// The model in FATE's form, `{"meta", "param"}`; null when it was not kept.
    pub view: Value,
    /// The content.
    pub content: Vec<u8>,
    /// States from before the end of the training.
    pub checkpoints: Vec<ArchivedCheckpoint>,
}

/// A state from before the end of a training.
#[derive(Clone, PartialEq)]
pub struct ArchivedCheckpoint {
    /// The turn of the training's loop, counted from 0.
    pub step_index: u32,
    /// The same for people.
    pub step_name: String,
    /// The content.
    pub content: Vec<u8>,
}

// Content is a secret of its owner and has no place in a log.
impl std::fmt::Debug for ArchivedModel {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            to,
            "{}.{} of {} ({} bytes)",
            self.step,
            self.alias,
            self.module,
            self.content.len()
        )
    }
}

#[cfg(test)]
mod tests;
