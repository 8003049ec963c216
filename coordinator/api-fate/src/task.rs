//! `job/task/query` and `job/data/view/query`: tasks and their output tables by equality of columns.

use std::collections::BTreeSet;

use domain::{Job, Task};
use rest::fate_reply::ARGUMENT;
use rest::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use service::{ServiceError, TaskFilter};
use vocabulary::{Attempt, JobId, Participant, StepName};

use super::FateFlow;
use super::job_query::fits;
use super::job_view::{is_local, is_own, may_see};
use super::reply::{answer, date, fail, millis};
use super::request::Call;
use super::status;
use super::task_row::task_row;

/// A job with every attempt of its tasks.
pub(super) struct JobTasks {
    pub(super) job: Job,
    tasks: Vec<Task>,
}

impl JobTasks {
    /// The row of one attempt.
    pub(super) fn row(&self, task: &Task) -> Map<String, Value> {
        let word = self.word(&task.key.id.step, task.key.attempt);
        let why = domain::reason_of(&self.job, task, &self.tasks);
        task_row(&self.job, task, word, why.as_ref())
    }

    /// The newest attempt of a participant's task in a step.
    pub(super) fn newest(&self, step: &StepName, who: &Participant) -> Option<&Task> {
        let own = self
            .tasks
            .iter()
            .filter(|task| task.key.id.step == *step && task.key.id.participant() == *who);
        own.max_by_key(|task| task.key.attempt)
    }

    /// The word for a step's try over all its parties.
    pub(super) fn word(&self, step: &StepName, attempt: Attempt) -> &'static str {
        let siblings = self
            .tasks
            .iter()
            .filter(|task| task.key.id.step == *step && task.key.attempt == attempt);
        status::federated(siblings.map(|task| task.state))
    }

    /// The attempts that are shown: of a local job only the initiator's, which stands for all.
    fn shown(&self) -> impl Iterator<Item = &Task> {
        let local = is_local(&self.job);
        self.tasks
            .iter()
            .filter(move |task| !local || task.key.id.party == self.job.initiator.party)
    }

    fn is_newest(&self, task: &Task) -> bool {
        !self
            .tasks
            .iter()
            .any(|other| other.key.id == task.key.id && other.key.attempt > task.key.attempt)
    }
}

/// A job and every attempt of its tasks.
pub(super) async fn load_tasks(api: &FateFlow, id: &JobId) -> Result<JobTasks, Failure> {
    let job = api.coordinator().jobs().get(id).await.map_err(fail)?;
    let filter = TaskFilter {
        job: Some(id.clone()),
        all_attempts: true,
        ..TaskFilter::default()
    };
    let (tasks, _) = api
        .coordinator()
        .jobs()
        .tasks(&filter)
        .await
        .map_err(fail)?;
    Ok(JobTasks { job, tasks })
}

/// The jobs whose tasks a request is about, as far as the caller may see them.
async fn jobs_meant(api: &FateFlow, call: &Call) -> Result<Vec<JobTasks>, Failure> {
    let named = call.texts("job_id").or_else(|| {
        let tasks = call.texts("task_id")?;
        Some(
            tasks
                .iter()
                .map(|task| task.split('_').next().unwrap_or_default().to_owned())
                .collect(),
        )
    });
    let ids: BTreeSet<JobId> = match named {
        Some(names) => names
            .into_iter()
            .filter_map(|name| JobId::new(name).ok())
            .collect(),
        None if [
            "role",
            "party_id",
            "component_name",
            "status",
            "party_status",
        ]
        .iter()
        .any(|key| call.text(key).is_some()) =>
        {
            let filter = TaskFilter {
                step: call.step(),
                role: call.role(),
                party: call.party(),
                ..TaskFilter::default()
            };
            let (tasks, _) = api
                .coordinator()
                .jobs()
                .tasks(&filter)
                .await
                .map_err(fail)?;
            tasks.into_iter().map(|task| task.key.id.job).collect()
        }
        None => BTreeSet::new(),
    };
    let mut found = Vec::new();
    for id in ids {
        match api.coordinator().jobs().get(&id).await {
            Ok(job) if may_see(&job, call) => found.push(load_tasks(api, &id).await?),
            Ok(_) | Err(ServiceError::NotFound(_)) => {}
            Err(error) => return Err(fail(error)),
        }
    }
    Ok(found)
}

pub(super) async fn query(api: FateFlow, call: Call) -> Answer {
    let mut rows = Vec::new();
    for of in jobs_meant(&api, &call).await? {
        // the status is compared before older attempts are left out, so that a failed attempt can be asked for after a rerun
        let by_status = call.body.contains_key("status") || call.body.contains_key("task_version");
        let wanted = shown_names(&of.job, &call.body);
        let fit = of
            .shown()
            .filter(|task| by_status || of.is_newest(task))
            .map(|task| (task, of.row(task)));
        let fit: Vec<_> = fit.filter(|(_, row)| fits(row, &wanted, &[])).collect();
        let newest = |task: &Task| {
            !fit.iter().any(|(other, _)| {
                other.key.id == task.key.id && other.key.attempt > task.key.attempt
            })
        };
        rows.extend(
            fit.iter()
                .filter(|(task, _)| newest(task))
                .map(|(_, row)| Value::Object(row.clone())),
        );
    }
    if rows.is_empty() {
        return Err(Failure::code(ARGUMENT, "find task failed"));
    }
    answer(Reply::data(Value::Array(rows)))
}

/// The request with the party that a local job shows in place of one of those that do it.
fn shown_names(job: &Job, body: &Map<String, Value>) -> Map<String, Value> {
    let mut wanted = body.clone();
    if is_local(job) && wanted.get("party_id").is_some_and(|value| !value.is_null()) {
        let named = wanted
            .get("party_id")
            .and_then(super::request::text_of)
            .unwrap_or_default();
        if job.cast.local.iter().any(|party| party.as_str() == named) {
            wanted.insert("party_id".into(), json!(super::job_view::LOCAL_PARTY));
        }
    }
    wanted
}

pub(super) async fn data_view(api: FateFlow, call: Call) -> Answer {
    let mut rows = Vec::new();
    for of in jobs_meant(&api, &call).await? {
        let mut wanted = shown_names(&of.job, &call.body);
        wanted.remove("status");
        for task in of
            .shown()
            .filter(|task| of.is_newest(task) && is_own(&call, &task.key.id.party))
        {
            let own = view_rows(&of, task)
                .into_iter()
                .filter(|row| fits(row, &wanted, &[]));
            rows.extend(own.map(Value::Object));
        }
    }
    if rows.is_empty() {
        return Err(Failure::code(ARGUMENT, "find data view failed"));
    }
    answer(Reply::data(Value::Array(rows)))
}

fn view_rows(of: &JobTasks, task: &Task) -> Vec<Map<String, Value>> {
    let row = of.row(task);
    let own = |name: &str| row.get(name).cloned().unwrap_or(Value::Null);
    let outputs = task.outputs.iter().enumerate().map(|(index, output)| {
        let view = json!({
            "f_job_id": own("f_job_id"),
            "f_component_name": own("f_component_name"),
            "f_task_id": own("f_task_id"),
            "f_task_version": own("f_task_version"),
            "f_data_name": output.data_name.clone().unwrap_or_else(|| index.to_string()),
            "f_role": own("f_role"),
            "f_party_id": own("f_party_id"),
            "f_table_name": output.table.name,
            "f_table_namespace": output.table.namespace,
            "f_description": "",
            "f_create_time": millis(task.ended.or(Some(task.updated))),
            "f_create_date": date(task.ended.or(Some(task.updated))),
            "f_update_time": millis(Some(task.updated)),
            "f_update_date": date(Some(task.updated)),
        });
        if let Value::Object(view) = view {
            view
        } else {
            Map::new()
        }
    });
    outputs.collect()
}
