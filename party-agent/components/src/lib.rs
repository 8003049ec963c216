//! The components: one `mod` line and one catalogue line each, alphabetical.

#[cfg(test)]
mod announced;
#[cfg(test)]
mod component_table;
pub mod data_statistics;
pub mod data_transform;
pub mod download;
pub mod evaluation;
pub mod feature_scale;
pub mod hetero_linr;
pub mod hetero_lr;
pub mod intersection;
pub mod lines_reader;
pub mod lines_split;
pub mod lines_transform;
pub mod local_learner;
pub mod model_store;
#[cfg(test)]
mod nulls;
pub mod reader;
pub mod secure_add_example;
pub mod template;
pub mod template_local;
pub mod upload;
pub mod writer;

use component_kit::{AnyComponent, Plugin};

/// Components that are another under a second name, with the one in whose folder they stand.
const TWINS: &[(&str, &str)] = &[
    ("data_io", "data_transform"),
    ("model_restore", "model_store"),
];

/// The folder in which a component and its README stand.
pub fn folder(component: &'static str) -> &'static str {
    let twin = TWINS.iter().find(|(twin, _)| *twin == component);
    twin.map_or(component, |(_, folder)| folder)
}

/// Every component of this agent. The two templates are not among them: they are there to be copied, and a job has no use for them.
pub static CATALOGUE: &[&dyn AnyComponent] = &[
    &Plugin::<data_transform::DataIo>::NEW,
    &Plugin::<data_statistics::DataStatistics>::NEW,
    &Plugin::<data_transform::DataTransform>::NEW,
    &Plugin::<download::Download>::NEW,
    &Plugin::<evaluation::Evaluation>::NEW,
    &Plugin::<feature_scale::FeatureScale>::NEW,
    &Plugin::<hetero_linr::HeteroLinR>::NEW,
    &Plugin::<hetero_lr::HeteroLr>::NEW,
    &Plugin::<intersection::Intersection>::NEW,
    &Plugin::<lines_reader::LinesReader>::NEW,
    &Plugin::<lines_split::LinesSplit>::NEW,
    &Plugin::<lines_transform::LinesTransform>::NEW,
    &Plugin::<local_learner::LocalLearner>::NEW,
    &Plugin::<model_store::ModelRestore>::NEW,
    &Plugin::<model_store::ModelStore>::NEW,
    &Plugin::<reader::Reader>::NEW,
    &Plugin::<secure_add_example::SecureAddExample>::NEW,
    &Plugin::<upload::Upload>::NEW,
    &Plugin::<writer::Writer>::NEW,
];
