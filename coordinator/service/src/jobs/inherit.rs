//! Taking finished steps over from an earlier job: what it left of them becomes what this job has of them.
//!
//! The parties take over their part (models, logs, which tables the outputs are) when they accept the offer, which names the
//! earlier job; here it is the states, outputs, metrics, texts and the list of models.

use std::collections::BTreeMap;

use domain::{Inherited, Job, Step, Task, TaskKey, TaskState, step_state};
use job_dsl::{Diagnostic, Parsed, Rule};
use serde_json::Value;
use vocabulary::{Attempt, JobId, StepName, TaskId, Timestamp};

use crate::ServiceError;
use crate::filter::ModelFilter;
use crate::jobs::Jobs;
use crate::ports::{Stored, Transaction};
use crate::principal::Principal;
use crate::records::{StoredModel, TextKind};

/// What is taken over.
#[derive(Default)]
pub(crate) struct InheritedSteps {
    /// Where each step was really done.
    pub(crate) steps: BTreeMap<StepName, Inherited>,
    /// The tasks of the earlier job, as they ended.
    tasks: Vec<Task>,
    /// The version under which the earlier job's models are listed.
    model_version: String,
}

impl Jobs<'_> {
    /// What a job's `inheritance_info` names, looked up and checked; nothing when it names nothing.
    pub(crate) async fn inherited(
        self,
        who: &Principal,
        parsed: &Parsed,
    ) -> Result<InheritedSteps, ServiceError> {
        let Some((id, names)) = wanted(&parsed.conf) else {
            return Ok(InheritedSteps::default());
        };
        let refused = |message: String| {
            let path = "job_runtime_conf.job_parameters.common.inheritance_info";
            let mut diagnostic = Diagnostic::new(Rule::JobParameters, message, path);
            diagnostic.exception = "Exception".to_owned();
            let diagnostic = diagnostic
                .next("name an ended job of the same parties, and steps of it that succeeded");
            ServiceError::Invalid {
                diagnostics: vec![diagnostic],
                job: None,
            }
        };
        let id = JobId::new(id.clone()).map_err(|_| refused(format!("no found job {id}")))?;
        let mut tx = self.coordinator.inner.store.read().await?;
        let Some(old) = tx.job(&id).await? else {
            return Err(refused(format!("no found job {id}")));
        };
        // Taking over shows metrics and models of the earlier job, so it needs the same right as
        // steering it.
        who.may_steer(&old).map_err(ServiceError::Denied)?;
        let tasks = tx.tasks_of(&id).await?;
        drop(tx);
        let mut inherited = InheritedSteps {
            model_version: old.model_version.clone(),
            ..InheritedSteps::default()
        };
        for name in names {
            let step = same_step(&old, parsed, &name).map_err(&refused)?;
            let own: Vec<Task> = tasks
                .iter()
                .filter(|task| task.key.id.step == step.name)
                .cloned()
                .collect();
            if step_state(&own) != TaskState::Succeeded || own.is_empty() {
                return Err(refused(format!(
                    "component {name} of job {id} has not succeeded and cannot be inherited"
                )));
            }
            let attempt = own
                .iter()
                .map(|task| task.key.attempt)
                .max()
                .unwrap_or_default();
            let done = Inherited {
                job: id.clone(),
                attempt,
            };
            // What was taken over itself is taken from where it was done.
            let done = old
                .settings
                .inherited
                .get(&step.name)
                .cloned()
                .unwrap_or(done);
            inherited.steps.insert(step.name.clone(), done);
            inherited.tasks.extend(own);
        }
        Ok(inherited)
    }
}

/// The earlier job's id and the names of its steps.
fn wanted(conf: &Value) -> Option<(String, Vec<String>)> {
    let info = conf
        .pointer("/job_parameters/common/inheritance_info")?
        .as_object()
        .filter(|info| !info.is_empty())?;
    let id = match info.get("job_id")? {
        Value::String(id) => id.clone(),
        other => other.to_string(),
    };
    let names = info.get("component_list").and_then(Value::as_array);
    let names: Vec<String> = names
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    (!names.is_empty()).then_some((id, names))
}

/// The step of the new job, when the earlier job has one that did the same work with the same people.
fn same_step<'a>(old: &Job, parsed: &'a Parsed, name: &str) -> Result<&'a Step, String> {
    let named = |step: &&Step| step.name.as_str() == name;
    let Some(new) = parsed.graph.steps.iter().find(named) else {
        return Err(format!(
            "component {name} is to be inherited and is not in the dsl"
        ));
    };
    let Some(before) = old.definition.graph.steps.iter().find(named) else {
        return Err(format!("job {} has no component {name}", old.id));
    };
    if old.initiator.party != parsed.initiator.party {
        return Err(format!(
            "job {} was started by party {}",
            old.id, old.initiator.party
        ));
    }
    let same = before.component == new.component
        && before.version == new.version
        && before.stage == new.stage
        && before.participants == new.participants
        && before.skipped == new.skipped
        && before.outputs == new.outputs;
    if same {
        Ok(new)
    } else {
        Err(format!(
            "component {name} is not the same in job {}",
            old.id
        ))
    }
}

impl InheritedSteps {
    /// The first attempts of a job's tasks, those that were taken over in place of those that would wait.
    pub(crate) fn settle(&self, job: &JobId, now: Timestamp, tasks: &mut [Task]) {
        for task in tasks {
            let done = self.tasks.iter().find(|done| {
                done.key.id.step == task.key.id.step
                    && done.key.id.participant() == task.key.id.participant()
            });
            let Some(done) = done else { continue };
            let key = TaskKey {
                id: TaskId {
                    job: job.clone(),
                    ..done.key.id.clone()
                },
                attempt: Attempt(0),
            };
            *task = Task {
                key,
                // When it was ordered and may begin belongs to the earlier job; here it is over
                // from the start.
                not_before: None,
                ordered: None,
                created: now,
                updated: now,
                ..done.clone()
            };
        }
    }

    /// Copies metrics and texts, and lists the models under the new version.
    pub(crate) async fn copy(&self, tx: &mut dyn Transaction, job: &Job) -> Stored<()> {
        for done in &self.tasks {
            let key = TaskKey {
                id: TaskId {
                    job: job.id.clone(),
                    ..done.key.id.clone()
                },
                attempt: Attempt(0),
            };
            let metrics = tx.metrics(&done.key).await?;
            if !metrics.is_empty() {
                tx.add_metrics(&key, &metrics).await?;
            }
            for kind in [TextKind::Summary, TextKind::ModelView] {
                if let Some(text) = tx.text(&done.key, kind).await? {
                    tx.put_text(&key, kind, &text).await?;
                }
            }
        }
        if self.steps.is_empty() {
            return Ok(());
        }
        let filter = ModelFilter {
            version: Some(self.model_version.clone()),
            ..ModelFilter::default()
        };
        for mut model in tx.find_models(&filter).await? {
            if self.steps.contains_key(&model.summary.model.step) {
                model.summary.model.version.clone_from(&job.model_version);
                tx.put_model(&StoredModel {
                    job: job.id.clone(),
                    created: job.created,
                    ..model
                })
                .await?;
            }
        }
        Ok(())
    }
}
