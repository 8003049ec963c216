//! What FATE's clients alone ask for: a job's parameters changed before it is run again, tags of models, and plans for serving.

mod serving;
mod tags;
mod update_parameters;

pub use serving::Serving;
pub use tags::{TagOutcome, Tags};

handle! {
    /// What FATE's clients ask of a job.
    Fate, fate
}
