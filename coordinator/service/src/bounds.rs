//! How much agents may have the coordinator keep: the one place that says so, asked before anything that an agent tells is written
//! down. A party that tells without end is refused, by name of the bound, and everybody else's reports go on.

use domain::{Job, TaskKey};
use serde::{Deserialize, Serialize};
use vocabulary::report::ReportBody;
use vocabulary::{ErrorCode, Fault, JobId, Metric, PartyId, TableSummary, TaskId, Tenant};

use crate::ServiceError;
use crate::filter::TaskFilter;
use crate::ports::{Stored, Transaction};
use crate::records::Tally;

/// Bounds of what agents tell. What was told counts, also where a newer word took its place, until the job is cleaned. No
/// party's use comes near what another may: what is counted for a tenant is counted for each party apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bounds {
    /// Longest name (of a table, a metric, a component, a column), in bytes.
    pub name_bytes: u64,
    /// Most outputs and models that one attempt of a task may announce, together.
    pub outputs_per_task: u64,
    /// Most bytes that one attempt of a task may tell.
    pub task_bytes: u64,
    /// Most bytes of descriptions of outputs that one attempt of a task may tell: they are loaded with each step of the job.
    pub task_output_bytes: u64,
    /// Most bytes of descriptions of outputs that all attempts of a job's tasks may tell.
    pub job_output_bytes: u64,
    /// Most bytes that the tasks of one party may tell, of all jobs together.
    pub party_bytes: u64,
    /// Most bytes that the tasks of one party may tell in the jobs of one tenant, so that no tenant's jobs use up all that
    /// a party may.
    pub tenant_bytes: u64,
}

impl Default for Bounds {
    /// 1 KiB a name, 1,000 outputs, 64 MiB and 1 MiB of descriptions an attempt, 16 MiB of descriptions a job, 16 GiB a party, of
    /// these 8 GiB in the jobs of one tenant.
    fn default() -> Self {
        Self {
            name_bytes: 1 << 10,
            outputs_per_task: 1_000,
            task_bytes: 64 << 20,
            task_output_bytes: 1 << 20,
            job_output_bytes: 16 << 20,
            party_bytes: 16 << 30,
            tenant_bytes: 8 << 30,
        }
    }
}

/// Whose bytes or outputs, how many more, how many at most, and the setting that says so.
type Count<'a> = (Tally, &'a str, u64, u64, &'static str);

/// Judges all before any is counted: what is refused costs nobody anything.
async fn count_all(
    tx: &mut dyn Transaction,
    task: &TaskId,
    counts: &[Count<'_>],
) -> Result<(), ServiceError> {
    let counts = || counts.iter().filter(|(_, _, more, _, _)| *more > 0);
    for (counted, name, more, most, bound) in counts() {
        // Saturating: a count that overflowed would begin at nothing again, and with it the bound.
        if tx.told(*counted, name).await?.saturating_add(*more) > *most {
            let (counted, most) = ((*counted, *name), (*most, *bound));
            return Err(too_much(&task.party, &task.to_string(), counted, most));
        }
    }
    for (counted, name, more, _, _) in counts() {
        tx.count_told(*counted, name, *more).await?;
    }
    Ok(())
}

/// Cost of a row beside what stands in it.
const ROW: u64 = 64;

impl Bounds {
    /// Counts what a report would have the coordinator keep, and refuses it where that is too much.
    pub(crate) async fn take(
        &self,
        tx: &mut dyn Transaction,
        key: &TaskKey,
        body: &ReportBody,
        tenant: Option<&Tenant>,
    ) -> Result<(), ServiceError> {
        let party = &key.id.party;
        if let Some(fault) = self.long_name(party, body) {
            return Err(refused(fault));
        }
        if let Some(fault) = foreign_model(key, body) {
            return Err(ServiceError::Denied(fault));
        }
        let bytes = weight(body);
        let (task, job) = (of_try(key), key.id.job.as_str());
        let (in_tenant, in_job) = (in_tenant(tenant, party), in_job(&key.id.job, party));
        let is_output = matches!(body, ReportBody::Output(_) | ReportBody::Model(_));
        let described = if matches!(body, ReportBody::Output(_)) {
            bytes
        } else {
            0
        };
        let cleaned = if matches!(body, ReportBody::Metrics(_) | ReportBody::Summary(_)) {
            bytes
        } else {
            0
        };
        let counts = [
            (
                Tally::Outputs,
                task.as_str(),
                u64::from(is_output),
                self.outputs_per_task,
                "bounds.outputs_per_task",
            ),
            (
                Tally::Described,
                task.as_str(),
                described,
                self.task_output_bytes,
                "bounds.task_output_bytes",
            ),
            (
                Tally::JobDescribed,
                job,
                described,
                self.job_output_bytes,
                "bounds.job_output_bytes",
            ),
            (
                Tally::Task,
                task.as_str(),
                bytes,
                self.task_bytes,
                "bounds.task_bytes",
            ),
            (
                Tally::Party,
                party.as_str(),
                bytes,
                self.party_bytes,
                "bounds.party_bytes",
            ),
            (
                Tally::Tenant,
                in_tenant.as_str(),
                bytes,
                self.tenant_bytes,
                "bounds.tenant_bytes",
            ),
            // No bound of its own: it is what a cleaning gives back, and stands in the counts above
            // already.
            (Tally::Cleaned, in_job.as_str(), cleaned, u64::MAX, ""),
        ];
        count_all(tx, &key.id, &counts).await
    }

    /// What is wrong with the longest name.
    fn long_name(&self, party: &PartyId, body: &ReportBody) -> Option<Fault> {
        let longest = match body {
            ReportBody::Output(output) => longest_of_table(output),
            ReportBody::Model(summary) => summary.component.len().max(summary.model.version.len()),
            ReportBody::Metrics(metrics) => {
                metrics.iter().map(longest_of_metric).max().unwrap_or(0)
            }
            _ => 0,
        };
        if longest as u64 <= self.name_bytes {
            return None;
        }
        let text = format!(
            "a name of {longest} bytes is longer than {}",
            self.name_bytes
        );
        Some(
            Fault::new(ErrorCode::LimitReached, text)
                .at(party)
                .path("bounds.name_bytes"),
        )
    }
}

/// Gives back what a party told in a job and what is kept no more: its metrics and summaries. Descriptions of outputs, models and
/// their views stay with the job, and count on.
pub(crate) async fn give_back(
    tx: &mut dyn Transaction,
    job: &Job,
    party: &PartyId,
    tenant: Option<&Tenant>,
) -> Stored<()> {
    let in_job = in_job(&job.id, party);
    // What was counted, not what the rows weigh now: metrics replace each other, so the rows weigh
    // less than was charged.
    let freed = tx.told(Tally::Cleaned, &in_job).await?;
    tx.lower_told(Tally::Cleaned, &in_job, freed).await?;
    tx.lower_told(Tally::Party, party.as_str(), freed).await?;
    tx.lower_told(Tally::Tenant, &in_tenant(tenant, party), freed)
        .await?;
    if !job.state.is_settled() {
        return Ok(());
    }
    // Attempts of a settled job are over: nothing is told of them any more.
    let filter = TaskFilter {
        job: Some(job.id.clone()),
        party: Some(party.clone()),
        all_attempts: true,
        ..TaskFilter::default()
    };
    for task in tx.find_tasks(&filter).await?.0 {
        let name = of_try(&task.key);
        for counted in [Tally::Task, Tally::Outputs, Tally::Described] {
            // All of it: what was counted for one attempt has no use once nothing more can be told
            // of it.
            tx.lower_told(counted, &name, u64::MAX).await?;
        }
    }
    Ok(())
}

fn of_try(key: &TaskKey) -> String {
    format!("{}#{}", key.id, key.attempt.0)
}

/// Ids have no slash.
fn in_job(job: &JobId, party: &PartyId) -> String {
    format!("{job}/{party}")
}

fn in_tenant(tenant: Option<&Tenant>, party: &PartyId) -> String {
    format!("{}/{party}", tenant.map_or("", Tenant::as_str))
}

fn refused(fault: Fault) -> ServiceError {
    ServiceError::TooLarge(fault)
}

fn too_much(
    party: &PartyId,
    task: &str,
    whose: (Tally, &str),
    (most, bound): (u64, &str),
) -> ServiceError {
    let (counted, name) = whose;
    let what = match counted {
        Tally::Outputs => format!("task {task} announces more than {most} outputs and models"),
        Tally::Task => format!("task {task} tells more than {most} bytes"),
        Tally::Described => {
            format!("task {task} describes its outputs with more than {most} bytes")
        }
        Tally::JobDescribed => {
            format!("the outputs of job {name} are described with more than {most} bytes")
        }
        Tally::Party => format!("party {name} has told the {most} bytes that one party may"),
        Tally::Tenant | Tally::Cleaned => {
            let tenant = name.rsplit_once('/').map_or("", |(tenant, _)| tenant);
            format!(
                "party {party} has told the {most} bytes that one party may in the jobs of tenant {tenant:?}"
            )
        }
    };
    let less = match counted {
        Tally::Party | Tally::Tenant | Tally::Cleaned => {
            "clean old jobs (job/clean), which gives back what their metrics and summaries took"
        }
        Tally::Described | Tally::JobDescribed => "write fewer tables, or tables of fewer columns",
        Tally::Task | Tally::Outputs => "have the task tell less",
    };
    let next = format!("{less}; the coordinator's operator can raise {bound}");
    refused(
        Fault::new(ErrorCode::LimitReached, what)
            .at(party)
            .path(bound)
            .next(next),
    )
}

/// A party announces models of its own, of the very task that made them.
fn foreign_model(key: &TaskKey, body: &ReportBody) -> Option<Fault> {
    let ReportBody::Model(summary) = body else {
        return None;
    };
    if summary.model.owner == key.id.participant() && summary.model.step == key.id.step {
        return None;
    }
    let model = &summary.model;
    let text = format!(
        "task {} announces a model of step {} that is {}'s",
        key.id, model.step, model.owner
    );
    Some(Fault::new(ErrorCode::PermissionDenied, text).at(&key.id.party))
}

fn longest_of_table(output: &TableSummary) -> usize {
    let names = [
        output.table.namespace.len(),
        output.table.name.len(),
        output.content_hash.len(),
    ];
    let data = output.data_name.as_ref().map_or(0, String::len);
    names
        .into_iter()
        .chain(output.header.iter().map(String::len))
        .max()
        .unwrap_or(0)
        .max(data)
}

fn longest_of_metric(metric: &Metric) -> usize {
    let pairs = match &metric.data {
        vocabulary::MetricData::Points(_) => 0,
        vocabulary::MetricData::Values(values) => {
            values.iter().map(|(name, _)| name.len()).max().unwrap_or(0)
        }
    };
    pairs.max(metric.namespace.len()).max(metric.name.len())
}

/// Bytes that are kept of a report, about. States and progress replace each other and are bounded where they are written.
fn weight(body: &ReportBody) -> u64 {
    let of = |value: Result<String, serde_json::Error>| {
        // What cannot be written as JSON could not be kept either: it weighs more than any bound.
        value.map_or(u64::MAX, |text| text.len() as u64 + ROW)
    };
    match body {
        ReportBody::Started | ReportBody::Progress(_) | ReportBody::Ended { .. } => 0,
        ReportBody::Metrics(metrics) => {
            let rows: u64 = metrics
                .iter()
                .map(|metric| ROW * (1 + metric.data.len() as u64))
                .sum();
            of(serde_json::to_string(metrics)).saturating_add(rows)
        }
        ReportBody::Summary(text) | ReportBody::ModelView(text) => text.len() as u64 + ROW,
        ReportBody::Output(output) => of(serde_json::to_string(output)),
        ReportBody::Model(summary) => of(serde_json::to_string(summary)),
    }
}
