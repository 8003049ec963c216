//! An agent's reports become task states, progress, metrics, texts and models; stored before they are acknowledged.

use std::collections::BTreeMap;

use domain::{Task, TaskEvent, TaskKey};
use vocabulary::report::ReportBody;
use vocabulary::{
    ErrorCode, Fault, Finite, JobId, Metric, Outcome, PartyId, Report, TableSummary, TaskId,
    Tenant, Timestamp,
};

use crate::ServiceError;
use crate::apply::Loaded;
use crate::bounds::Bounds;
use crate::jobs::Jobs;
use crate::ports::{Stored, Transaction};
use crate::records::{StoredModel, TextKind};

/// Most characters of what an agent says of a task's progress.
const MOST_PROGRESS: usize = 1_000;
/// Most characters of each text of a fault.
const MOST_FAULT: usize = 10_000;

impl Jobs<'_> {
    /// Writes down what an agent reports, in one transaction, and wakes the loop when a task's state changed. Reports of
    /// attempts that are over or unknown do not count; a report of another party's task is refused with all others.
    pub async fn record_reports(
        self,
        party: &PartyId,
        reports: Vec<Report>,
    ) -> Result<(), ServiceError> {
        // The link's certificate says who reports; what a report says of itself could be anybody's
        // task.
        if let Some(foreign) = reports.iter().find(|report| report.task.party != *party) {
            let message = format!(
                "party {party} reports on task {} of another party",
                foreign.task
            );
            return Err(ServiceError::Denied(
                Fault::new(ErrorCode::PermissionDenied, message).at(party),
            ));
        }
        let now = self.coordinator.now();
        let mut by_job: BTreeMap<JobId, Vec<Report>> = BTreeMap::new();
        for report in reports {
            by_job
                .entry(report.task.job.clone())
                .or_default()
                .push(report);
        }
        // One transaction for all: the agent is told once, and forgets all of them or none.
        let mut tx = self.coordinator.inner.store.begin().await?;
        let mut state_changed = false;
        for (job, reports) in by_job {
            state_changed |= record_job(
                &mut *tx,
                (&job, &self.coordinator.inner.options.bounds),
                reports,
                now,
            )
            .await?;
        }
        tx.commit().await?;
        if state_changed {
            self.coordinator.changed();
        }
        Ok(())
    }
}

async fn record_job(
    tx: &mut dyn Transaction,
    (job, bounds): (&JobId, &Bounds),
    reports: Vec<Report>,
    now: Timestamp,
) -> Result<bool, ServiceError> {
    let ends =
        |report: &Report| matches!(report.body, ReportBody::Started | ReportBody::Ended { .. });
    if reports.iter().any(ends) {
        tx.poke_job(job, now).await?;
    }
    let Some(mut loaded) = Loaded::load(tx, job).await? else {
        tracing::debug!(%job, "reports on a job that is not here");
        return Ok(false);
    };
    let experiment = tx.experiment(&loaded.snapshot.job.experiment).await?;
    let tenant = experiment.map(|experiment| experiment.tenant);
    let mut state_changed = false;
    for report in reports {
        state_changed |=
            record_one(tx, &mut loaded, (report, now), (bounds, tenant.as_ref())).await?;
    }
    loaded.save(tx).await?;
    Ok(state_changed)
}

/// Writes one report down; true when the task's state changed.
async fn record_one(
    tx: &mut dyn Transaction,
    loaded: &mut Loaded,
    (report, now): (Report, Timestamp),
    (bounds, tenant): (&Bounds, Option<&Tenant>),
) -> Result<bool, ServiceError> {
    let key = TaskKey {
        id: report.task,
        attempt: report.attempt,
    };
    let is_open = loaded
        .snapshot
        .tasks
        .iter()
        .any(|task| task.key == key && !task.state.is_settled());
    if !is_open {
        tracing::debug!(task = %key.id, attempt = key.attempt.0, "a report on an attempt that is over");
        return Ok(false);
    }
    // After the look whether the attempt is open: what is not written down must not count.
    bounds.take(tx, &key, &report.body, tenant).await?;
    match report.body {
        ReportBody::Started => {
            let changed = loaded.snapshot.record(&key, TaskEvent::Started, None, now);
            if changed {
                loaded.job_mut();
            }
            return Ok(changed);
        }
        ReportBody::Ended { outcome, usage } => {
            return Ok(record_end(loaded, &key, outcome, usage, now));
        }
        ReportBody::Progress(mut progress) => {
            // An agent may tell of any share.
            progress.text = progress.text.chars().take(MOST_PROGRESS).collect();
            progress.fraction = Finite::share(progress.fraction.get());
            change(loaded, &key, |task| task.progress = Some(progress), now);
            loaded.job_mut().progress =
                domain::progress(&loaded.snapshot.job, &loaded.snapshot.tasks);
        }
        ReportBody::Output(output) => change(loaded, &key, |task| put_output(task, output), now),
        ReportBody::Metrics(metrics) => {
            tx.add_metrics(&key, &within_bounds(&key.id, metrics))
                .await?
        }
        ReportBody::Summary(text) => put_text(tx, &key, TextKind::Summary, &text).await?,
        ReportBody::ModelView(text) => put_text(tx, &key, TextKind::ModelView, &text).await?,
        ReportBody::Model(summary) => {
            tx.put_model(&StoredModel {
                summary,
                job: key.id.job.clone(),
                created: now,
            })
            .await?;
        }
    }
    Ok(false)
}

fn record_end(
    loaded: &mut Loaded,
    key: &TaskKey,
    outcome: Outcome,
    usage: vocabulary::report::Usage,
    now: Timestamp,
) -> bool {
    let (event, fault) = match outcome {
        Outcome::Succeeded => (TaskEvent::Succeeded, None),
        Outcome::Failed(fault) => (
            TaskEvent::Failed,
            Some(fault.cut(MOST_FAULT).at(&key.id.party)),
        ),
        Outcome::Canceled => (TaskEvent::Canceled, None),
        Outcome::Lost => {
            let fault = Fault::new(
                ErrorCode::PartyLost,
                "the agent was restarted while it worked",
            )
            .at(&key.id.party);
            (TaskEvent::Lost, Some(fault))
        }
    };
    let changed = loaded.snapshot.record(key, event, fault, now);
    if changed {
        change(loaded, key, |task| task.usage = Some(usage), now);
    }
    changed
}

fn change(loaded: &mut Loaded, key: &TaskKey, what: impl FnOnce(&mut Task), now: Timestamp) {
    if let Some(task) = loaded
        .snapshot
        .tasks
        .iter_mut()
        .find(|task| task.key == *key)
    {
        what(task);
        task.updated = now;
        loaded.job_mut();
    }
}

fn put_output(task: &mut Task, output: TableSummary) {
    match task
        .outputs
        .iter_mut()
        .find(|known| known.table == output.table)
    {
        // Told again after a lost acknowledgement, or with more rows: one table stands there once.
        Some(known) => *known = output,
        None => task.outputs.push(output),
    }
}

/// Metrics that could carry a table are left out.
fn within_bounds(task: &TaskId, metrics: Vec<Metric>) -> Vec<Metric> {
    let (fitting, large): (Vec<Metric>, Vec<Metric>) = metrics.into_iter().partition(Metric::fits);
    for metric in large {
        tracing::warn!(%task, metric = metric.name, pairs = metric.data.len(), "a metric is too large and left out");
    }
    fitting
}

/// Texts are JSON; what is not is left out rather than handed on to readers.
async fn put_text(
    tx: &mut dyn Transaction,
    key: &TaskKey,
    kind: TextKind,
    text: &str,
) -> Stored<()> {
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        tracing::warn!(task = %key.id, kind = kind.word(), %error, "a text that is not JSON is left out");
        return Ok(());
    }
    tx.put_text(key, kind, text).await
}
