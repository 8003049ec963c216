//! Jobs: taken in, looked at, stopped, run again, and what agents report of them.

mod earlier_output;
mod inherit;
mod lines;
mod query;
mod record_report;
mod rerun;
mod stop;
pub mod submit;
mod task_results;
mod verdicts;
mod wait;

pub use query::Health;

handle! {
    /// Jobs, their tasks, and what is told of both.
    Jobs, jobs
}
