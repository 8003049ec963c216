//! job-dsl: a job's documents become a graph that can run, or a list of what is wrong with them.
//!
//! Reads FATE's DSL and runtime conf in versions 2 and 1. Pure: what the parties announce, which parties there are and
//! which model is to be applied come in as values.
#![deny(missing_docs)]

mod cast_rules;
mod check;
mod complete;
mod diagnostic;
mod earlier_output;
mod fate;
mod model_id;
mod of_party;
mod own_parameters;
mod parse;
mod predict;
mod python;
mod resolve;
mod schema;
mod serving;
#[cfg(test)]
mod tests;
mod unused;

use std::collections::BTreeMap;

use domain::{Definition, Dialect, Graph, JobKind, JobSettings};
use serde_json::{Value, json};
use vocabulary::{Cast, CheckpointRef, ComponentInfo, JobId, Participant, PartyId};

pub use complete::{conf_on_party, merged_conf, said_of, with_defaults};
pub use diagnostic::{Diagnostic, Rule, beside};
pub use earlier_output::EarlierOutput;
pub use fate::code_path::with_code_path;
pub use model_id::model_id;
pub use own_parameters::job_parameters_of;
pub use predict::{
    ModelIds, deployed_by_default, effective_conf, inference_dsl, is_version_1,
    predict_conf_template, predict_request, verify_inference_dsl,
};
pub use serving::{
    INFERENCE, is_inference, models_of, predict_dsl, reader_table, readers_of, serving_dsl,
};

/// What the documents are read against.
#[derive(Debug, Clone, Copy, Default)]
pub struct ParseContext<'a> {
    /// The components that the parties announced.
    pub components: &'a [ComponentInfo],
    /// The deployed model that a predict job applies; see [`predict_request`].
    pub predict: Option<&'a TrainedPipeline>,
    /// The parties of the federation, when they are known.
    pub parties: Option<&'a [PartyId]>,
    /// Whether the documents are made around the parameters of a component, so that parties and inputs do not count.
    pub parameters_only: bool,
}

/// What is kept of a training job to apply its models.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrainedPipeline {
    /// The DSL that applies the models, version 2.
    pub inference_dsl: Value,
    /// The runtime conf of the training, version 2.
    pub train_conf: Value,
    /// The roles of the training: `{"guest": [9999], …}`.
    pub roles: Value,
    /// The version under which the parties keep the models.
    pub model_version: String,
    /// Which state kept while it was learned is to be applied, by component; for the others the final one.
    pub checkpoints: BTreeMap<String, CheckpointRef>,
}

impl TrainedPipeline {
    /// The training's conf with its roles, which count even where the stored conf lacks them.
    fn conf_with_roles(&self) -> Value {
        let mut conf = self.train_conf.as_object().cloned().unwrap_or_default();
        if self.roles.is_object() {
            conf.insert("role".to_owned(), self.roles.clone());
        }
        Value::Object(conf)
    }
}

/// A job as its documents define it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The language of the documents.
    pub dialect: Dialect,
    /// Whether it trains or applies.
    pub kind: JobKind,
    /// The DSL in version 2.
    pub dsl: Value,
    /// The runtime conf in version 2, its job parameters completed.
    pub conf: Value,
    /// For predict jobs the conf of the training; an empty object otherwise.
    pub train_conf: Value,
    /// The steps, with participants and parameters.
    pub graph: Graph,
    /// Who takes part.
    pub cast: Cast,
    /// Who asks.
    pub initiator: Participant,
    /// How the job is run.
    pub settings: JobSettings,
    /// FATE's model id.
    pub model_id: String,
    /// What the user should know although the job runs, in FATE's words.
    pub warnings: Vec<String>,
}

impl Parsed {
    /// What FATE's reply says: `success`, or the warnings.
    pub fn retmsg(&self) -> String {
        said(&self.warnings)
    }

    /// Writes the version under which a training job keeps its models, its own id, into the conf. Predict jobs keep the
    /// version that they name.
    pub fn stamp(&mut self, job: &JobId) {
        let common = self
            .conf
            .pointer_mut("/job_parameters/common")
            .and_then(Value::as_object_mut);
        if let (JobKind::Train, Some(common)) = (self.kind, common) {
            common.insert("model_version".to_owned(), json!(job.as_str()));
        }
    }

    /// The definition to keep, with the documents as they were submitted.
    pub fn definition(&self, submitted_dsl: Value, submitted_conf: Value) -> Definition {
        Definition {
            dialect: self.dialect,
            submitted_dsl,
            submitted_conf,
            dsl: self.dsl.clone(),
            conf: self.conf.clone(),
            train_conf: self.train_conf.clone(),
            graph: self.graph.clone(),
            warnings: self.warnings.clone(),
        }
    }
}

/// What FATE's reply says beside warnings: they, or `success`.
pub fn said(warnings: &[String]) -> String {
    if warnings.is_empty() {
        "success".to_owned()
    } else {
        warnings.join(" ")
    }
}

/// Reads a job from its DSL and runtime conf.
///
/// On failure gives everything that is wrong; the first diagnostic is the one that FATE would name.
pub fn parse(
    dsl: &Value,
    conf: &Value,
    context: &ParseContext<'_>,
) -> Result<Parsed, Vec<Diagnostic>> {
    parse::parse(dsl, conf, context)
}
