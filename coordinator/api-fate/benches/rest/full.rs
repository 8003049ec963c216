//! A store full of finished jobs: copies of one that really ran, written straight into it.

use domain::{Job, JobState, Task};
use service::Store;
use service::records::TextKind;
use vocabulary::{JobId, Metric, MetricData, PartyId, Role};

/// Jobs written in one transaction.
const AT_ONCE: usize = 500;
const MILLIS: i64 = 1_000;

/// What a copy is.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Succeeded, as the template did.
    Ordinary,
    /// Failed, with party 10001 as its host.
    Special,
}

/// A job that ran, with its tasks.
pub(crate) struct Template {
    pub(crate) job: Job,
    pub(crate) tasks: Vec<Task>,
}

/// The id of a special job.
pub(crate) fn special(number: usize) -> JobId {
    id(Kind::Special, number)
}

fn id(kind: Kind, number: usize) -> JobId {
    let day = if kind == Kind::Special {
        "20261101"
    } else {
        "20261102"
    };
    JobId::new(format!("{day}00000{number:08}")).expect("valid")
}

impl Template {
    /// Writes so many copies, all older than the template.
    pub(crate) async fn fill(&self, store: &dyn Store, kind: Kind, count: usize) {
        for start in (0..count).step_by(AT_ONCE) {
            let mut tx = store.begin().await.expect("begins");
            for number in start..count.min(start + AT_ONCE) {
                let job = self.copy(kind, number);
                assert!(tx.insert_job(&job).await.expect("inserts"));
                tx.release_job(&job.id, None).await.expect("is over");
                let tasks: Vec<Task> = self.tasks.iter().map(|task| of_job(task, &job)).collect();
                tx.insert_tasks(&tasks).await.expect("inserts");
                for task in tasks
                    .iter()
                    .filter(|task| task.key.id.step.as_str() == "hetero_lr_0")
                {
                    tx.add_metrics(&task.key, &metrics()).await.expect("adds");
                    tx.put_text(&task.key, TextKind::Summary, "{\"rows\": 10}")
                        .await
                        .expect("puts");
                }
            }
            tx.commit().await.expect("commits");
        }
    }

    fn copy(&self, kind: Kind, number: usize) -> Job {
        let mut job = self.job.clone();
        job.id = id(kind, number);
        job.model_version = job.id.to_string();
        let back = (20_000 - i64::try_from(number).unwrap_or(0)) * 60_000;
        job.created = job
            .created
            .plus_millis(-back - if kind == Kind::Special { 0 } else { 5 * MILLIS });
        if kind == Kind::Special {
            job.state = JobState::Failed;
            job.cast.host = vec![PartyId::new("10001").expect("valid")];
        }
        job
    }
}

/// A task's copy for a copy of its job.
fn of_job(task: &Task, job: &Job) -> Task {
    let mut task = task.clone();
    task.key.id.job = job.id.clone();
    if task.key.id.role == Role::Host {
        task.key.id.party = job.cast.host.first().expect("a host").clone();
    }
    task.created = job.created;
    task
}

/// A curve and some scalars, as a training leaves them.
fn metrics() -> Vec<Metric> {
    let curve = MetricData::Points(
        (0..20)
            .map(|step| (f64::from(step), 0.7 / f64::from(step + 1)))
            .collect(),
    )
    .finite()
    .0;
    let names = ["auc", "ks", "precision", "recall", "accuracy"];
    let scalars = MetricData::Values(names.iter().map(|name| ((*name).to_owned(), 0.9)).collect())
        .finite()
        .0;
    let metric = |name: &str, data| Metric {
        namespace: "train".into(),
        name: name.into(),
        data,
        meta: Default::default(),
    };
    vec![metric("loss", curve), metric("hetero_lr_0", scalars)]
}
