//! The rooms: one `mod` line and one catalogue line each, alphabetical.

#[cfg(test)]
mod announced;
pub mod data_io;
pub mod data_transform;
pub mod download;
pub mod evaluation;
pub mod hetero_lr;
pub mod intersection;
pub mod lines_reader;
pub mod lines_split;
pub mod lines_transform;
pub mod local_learner;
pub mod model_restore;
pub mod model_store;
#[cfg(test)]
mod nulls;
pub mod reader;
#[cfg(test)]
mod room_table;
pub mod secure_add_example;
pub mod template;
pub mod upload;
pub mod writer;

use component_kit::{AnyComponent, Room};

/// Every component of this agent. `template` is not among them: it is there to be copied, and a job has no use for it.
pub static CATALOGUE: &[&dyn AnyComponent] = &[
    &Room::<data_io::DataIo>::NEW,
    &Room::<data_transform::DataTransform>::NEW,
    &Room::<download::Download>::NEW,
    &Room::<evaluation::Evaluation>::NEW,
    &Room::<hetero_lr::HeteroLr>::NEW,
    &Room::<intersection::Intersection>::NEW,
    &Room::<lines_reader::LinesReader>::NEW,
    &Room::<lines_split::LinesSplit>::NEW,
    &Room::<lines_transform::LinesTransform>::NEW,
    &Room::<local_learner::LocalLearner>::NEW,
    &Room::<model_restore::ModelRestore>::NEW,
    &Room::<model_store::ModelStore>::NEW,
    &Room::<reader::Reader>::NEW,
    &Room::<secure_add_example::SecureAddExample>::NEW,
    &Room::<upload::Upload>::NEW,
    &Room::<writer::Writer>::NEW,
];
