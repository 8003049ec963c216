//! What Meteos' projects work with under ids of their own: compute profiles, datasets, models, and what is asked of models. Each is
//! the body of an entity; how it stands is read from its job.

use serde::{Deserialize, Serialize};
use vocabulary::{Fault, JobId, Limits, StepName, TableRef, TaskId};

use crate::job::Job;
use crate::job::state::JobState;

/// A compute profile, in the words in which it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// Notes.
    pub description: Option<String>,
    /// The image it names.
    pub image: Option<String>,
    /// How many coordinators it names.
    pub masters: Option<u32>,
    /// Of which flavor.
    pub master_flavor: Option<String>,
    /// How many workers it names.
    pub workers: Option<u32>,
    /// Of which flavor.
    pub worker_flavor: Option<String>,
    /// The engine's version.
    pub engine: Option<String>,
    /// The pool of addresses it names.
    pub pool: Option<String>,
}

/// Memory of the usual flavors, in MiB, by number and by name.
const FLAVORS: [(&str, &str, u64); 5] = [
    ("1", "m1.tiny", 512),
    ("2", "m1.small", 2_048),
    ("3", "m1.medium", 4_096),
    ("4", "m1.large", 8_192),
    ("5", "m1.xlarge", 16_384),
];

impl Profile {
    /// What tasks may use under it: a thread and a partition for each worker, and the workers' memory when their flavor is
    /// one of the usual ones.
    pub fn limits(&self) -> Limits {
        let workers = self.workers.filter(|workers| *workers > 0);
        let flavor = self.worker_flavor.as_deref();
        let memory = FLAVORS
            .iter()
            .find(|(id, name, _)| flavor == Some(*id) || flavor == Some(*name));
        let memory_mib =
            memory.map(|(.., memory)| memory.saturating_mul(workers.unwrap_or(1).into()));
        Limits {
            workers,
            memory_mib,
            partitions: workers.map(|workers| workers.min(1023)),
        }
    }
}

/// A table of lines under an id.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Dataset {
    /// Notes.
    pub description: Option<String>,
    /// Where its lines come from.
    pub source: Option<String>,
    /// How they were made: download, parse, split, or a word that nothing knows.
    pub method: Option<String>,
    /// The transform's steps, as they were sent.
    pub params: Option<String>,
    /// Its party.
    pub party: Option<vocabulary::PartyId>,
    /// Its table there.
    pub table: Option<TableRef>,
    /// The step whose print is its first rows.
    pub prints: Option<StepName>,
    /// Why there is no job.
    pub failed: Option<String>,
}

/// Something that was learned, and can be learned anew under the same id.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LearnedModel {
    /// Notes.
    pub description: Option<String>,
    /// What it is learned from.
    pub source: Option<String>,
    /// The format of its lines; none when it was learned from tables of several parties.
    pub format: Option<String>,
    /// What is learned.
    pub model_type: Option<String>,
    /// The learner's parameters, as they were sent.
    pub params: Option<String>,
    /// Its party.
    pub party: Option<vocabulary::PartyId>,
    /// Whether it was learned before under this id.
    pub recreated: bool,
    /// The version that predicts lines which a job gives, once there was one; and the job that trained it.
    pub for_lines: Option<(JobId, String)>,
    /// The version that predicts tables, likewise.
    pub for_tables: Option<(JobId, String)>,
    /// Whether it is kept ready.
    pub serving: Serving,
    /// Why there is no job.
    pub failed: Option<String>,
}

/// Whether a model is kept ready for single rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Serving {
    /// It is not.
    #[default]
    Unloaded,
    /// It is being made ready.
    Loading,
    /// It is.
    Loaded,
    /// It is being put away.
    Unloading,
}

/// A model asked for one row, or measured on a dataset.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelUse {
    /// Notes.
    pub description: Option<String>,
    /// The model.
    pub model: String,
    /// What it had learned then.
    pub model_type: Option<String>,
    /// What was asked for.
    pub method: Option<String>,
    /// The row, as it was sent.
    pub args: Option<String>,
    /// The dataset.
    pub source: Option<String>,
    /// Its party.
    pub party: Option<vocabulary::PartyId>,
    /// Why there is no job.
    pub failed: Option<String>,
}

/// How something stands whose work a job does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Not done yet.
    Making,
    /// Done.
    Made,
    /// It failed, and why.
    Failed(String),
}

impl Standing {
    /// By its job, or by why there is none. What neither has nor had a job cannot be made any more.
    pub fn of(job: Option<&Job>, failed: Option<&str>) -> Self {
        match (job, failed) {
            // Before the job: a table that was removed later has a job that succeeded.
            (_, Some(why)) => Self::Failed(why.to_owned()),
            (Some(job), None) => Self::of_job(job),
            (None, None) => Self::Failed("the job behind it is gone".to_owned()),
        }
    }

    fn of_job(job: &Job) -> Self {
        let why = |otherwise: &str| match &job.reason {
            Some(fault) => Self::Failed(format!("{otherwise}: {fault}")),
            None => Self::Failed(otherwise.to_owned()),
        };
        match job.state {
            JobState::Offered | JobState::Queued | JobState::Running | JobState::Stopping => {
                Self::Making
            }
            JobState::Succeeded => Self::Made,
            JobState::Failed => why("the job failed"),
            JobState::Refused => why("a party refused the job"),
            JobState::Canceled => why("the job was canceled"),
            JobState::TimedOut => why("the job took longer than its time limit"),
        }
    }
}

/// The task of a step at a job's initiator.
pub fn task_of(job: &Job, step: &StepName) -> TaskId {
    let who = &job.initiator;
    TaskId {
        job: job.id.clone(),
        step: step.clone(),
        role: who.role,
        party: who.party.clone(),
    }
}

/// Why something cannot be a step's name; names here are fixed.
pub fn step(name: &str) -> Result<StepName, Fault> {
    StepName::new(name)
        .map_err(|error| Fault::new(vocabulary::ErrorCode::Internal, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use vocabulary::ErrorCode;

    #[test]
    fn a_profile_limits_by_its_workers() {
        let profile = |workers, flavor: &str| Profile {
            workers,
            worker_flavor: Some(flavor.to_owned()),
            ..Profile::default()
        };
        let limits = |workers, memory_mib| Limits {
            workers,
            memory_mib,
            partitions: workers,
        };
        assert_eq!(profile(Some(2), "2").limits(), limits(Some(2), Some(4_096)));
        assert_eq!(
            profile(Some(3), "m1.large").limits(),
            limits(Some(3), Some(24_576))
        );
        assert_eq!(profile(Some(1), "own").limits(), limits(Some(1), None));
        assert_eq!(profile(Some(0), "1").limits(), limits(None, Some(512)));
        assert_eq!(Profile::default().limits(), Limits::default());
    }

    #[test]
    fn stands_as_its_job_does() {
        let mut job = fixture::snapshot(vec![], fixture::cast(&["1"], &[], &[])).job;
        let mut standing = |state, reason: Option<Fault>| {
            (job.state, job.reason) = (state, reason);
            Standing::of(Some(&job), None)
        };
        assert_eq!(standing(JobState::Stopping, None), Standing::Making);
        assert_eq!(standing(JobState::Succeeded, None), Standing::Made);
        let Standing::Failed(why) = standing(
            JobState::Failed,
            Some(Fault::new(ErrorCode::DataMismatch, "row 3")),
        ) else {
            panic!("failed")
        };
        assert!(
            why.starts_with("the job failed: ") && why.contains("row 3"),
            "{why}"
        );
        assert_eq!(
            standing(JobState::Canceled, None),
            Standing::Failed("the job was canceled".into())
        );
        assert_eq!(
            Standing::of(None, Some("no")),
            Standing::Failed("no".into())
        );
        assert!(matches!(Standing::of(None, None), Standing::Failed(_)));
    }
}
