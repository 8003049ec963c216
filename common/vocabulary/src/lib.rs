//! The words of fedflow as plain data: one meaning each, from the REST body to the SQL column.
//!
//! *Federation*: the parties that trust one root certificate. *Party*: an organisation. *Agent*: its daemon.
//! *Coordinator*: the shared daemon. *Definition*: what to run. *Job*: one run of a definition. *Component*: a kind of
//! work (`hetero_lr`). *Step*: a component placed in a job (`hetero_lr_0`). *Participant*: a party in a role. *Task*: one
//! step at one participant. *Attempt*: one attempt of a step, the same number at every participant. *Stage*: fit or apply.
//! *Round*: a numbered loop turn inside a task. *Message*: a declared, typed thing one role sends another. *Table*,
//! *Model*, *Metric*: what steps read and leave. *Offer*: what a party is asked to join. *Verdict*: the policy's answer.
#![deny(missing_docs)]

pub mod cell;
pub mod code;
pub mod component;
pub mod fault;
pub mod finite;
pub mod hex;
pub mod ids;
pub mod message;
pub mod metric;
pub mod model;
pub mod nearest;
pub mod offer;
pub mod random_name;
pub mod report;
pub mod role;
pub mod serving;
pub mod stop;
pub mod table;
pub mod task;
pub mod task_id;
pub mod tells;
pub mod ticket;
pub mod time;
mod truth;
pub mod upload;

pub use cell::Cell;
pub use code::ErrorCode;
pub use component::{ComponentInfo, Port, PortKind};
pub use fault::Fault;
pub use finite::Finite;
pub use hex::{hex, unhex};
pub use ids::{Attempt, ExperimentId, JobId, PartyId, StepName, Tenant};
pub use message::{Disclosure, MessageInfo, MessageLine};
pub use metric::{Metric, MetricData};
pub use model::{CheckpointRef, ModelRef, ModelSummary};
pub use offer::{Offer, OfferedFile, OfferedInput, OfferedStep, SignedBytes};
pub use random_name::random_name;
pub use report::{Outcome, Report, Usage};
pub use role::{Cast, Participant, Role, Stage};
pub use serving::{ServingPart, ServingPlan};
pub use stop::{Stop, Stopped};
pub use table::{Receipt, TableRef, TableSummary};
pub use task::{Assignment, DataInput, Limits, ModelInput, Progress};
pub use task_id::TaskId;
pub use tells::Tells;
pub use ticket::Ticket;
pub use time::{Clock, ManualClock, SystemClock, Timestamp};
pub use truth::{truth, truth_of_text};
pub use upload::{Existing, UploadConfig};
