//! Runs: a batch prediction is a predict job of a model's version, its home party's reader pointed at the table that is asked for.

mod documents;
mod gathering;
mod input;

use async_trait::async_trait;
use std::collections::BTreeMap;

use domain::abeja::deployment::Deployment;
use domain::abeja::run::{Run, RunEnd, RunRequest, RunStatus, RunView};
use domain::{Entity, EntityKind, Job, JobState};
use vocabulary::{ErrorCode, Fault, JobId, Tenant, Timestamp};

use crate::ServiceError;
use crate::abeja::targets::unknown;
use crate::abeja::training_models::Reads;
use crate::filter::EntityFilter;
use crate::hooks::WhenSettled;
use crate::jobs::submit::{NamedEntity, Placement, Submitted};
use crate::models::ModelVersion;
use crate::numbered::{IdForm, insert};
use crate::ports::Transaction;
use crate::principal::Principal;

use documents::{Source, import_documents, predict_documents, reads_lines, table_of};
use input::{Input, Output};

handle! {
    /// ABEJA's runs.
    Runs, runs
}

/// Queues of a tenant's runs.
pub const QUEUES: u32 = 16;

/// A run that is asked for.
#[derive(Debug, Clone)]
pub struct RunOrder {
    /// The deployment.
    pub target: String,
    /// What is asked.
    pub request: RunRequest,
    /// By what the request is known again when it comes once more.
    pub asked: Option<RequestIdentity>,
}

/// By what a request is known again whose answer may have been lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestIdentity {
    /// Who asked for what, or under which key of his own.
    pub hash: String,
    /// Who asked for what.
    pub content: String,
    /// How long an equal request is the same, in milliseconds.
    pub within_millis: i64,
}

/// A run as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct RunStand {
    /// The run.
    pub entity: Entity,
    /// What it was asked to do.
    pub run: Run,
    /// Where it stands.
    pub status: RunStatus,
    /// When it last changed.
    pub modified: Timestamp,
    /// Whether its job is put away with its experiment.
    pub archived: bool,
}

/// What a run needs beside what is asked.
struct Plan {
    version: ModelVersion,
    input: Option<Input>,
    output: Option<Output>,
    queue: String,
}

impl Runs<'_> {
    /// Makes a run; it is stored when this returns. `NotFound` when the deployment, the version, a model or the file is not the
    /// tenant's; `Conflict` when the model cannot be applied to the file. A run for which there is no model, or whose job the
    /// parties' components do not allow, is made and has failed.
    pub async fn create(
        self,
        who: &Principal,
        tenant: &Tenant,
        order: RunOrder,
    ) -> Result<Entity, ServiceError> {
        let target = self
            .coordinator
            .entities()
            .get(EntityKind::Deployment, Some(tenant), &order.target)
            .await?;
        // Before anything else is looked up: a repetition gets its run even if the version or the
        // file is gone by now.
        if let Some(run) = self.asked_before(&target, order.asked.as_ref()).await? {
            return Ok(run);
        }
        let version = self
            .coordinator
            .targets()
            .version(tenant, &target.id, &order.request.version)
            .await?;
        let asked = self.asked_model(tenant, &order.request.models).await?;
        let input = self.input(tenant, &order).await?;
        let output = self.output(tenant, &order).await?;
        let defaults: Deployment = target.read().map_err(ServiceError::Internal)?;
        let mut run = described(&order.request, &version, defaults.environment);
        let mut entity = Entity::new(EntityKind::Run, "", tenant.clone(), self.coordinator.now());
        // under this name it is found when the same is asked for again
        (entity.parent, entity.name) = (
            Some(target.id.clone()),
            order.asked.as_ref().map(|asked| asked.hash.clone()),
        );
        run.asked = order
            .asked
            .as_ref()
            .map(|asked| asked.content.clone())
            .unwrap_or_default();
        entity.creator = who.party().map_or_else(String::new, ToString::to_string);
        let model = match asked {
            Some(model) => Some(model),
            None => self.coordinator.training_models().newest(tenant).await?,
        };
        let Some(model) = model else {
            return self
                .refuse(entity, run, "there is no model to apply: no training of this organization has succeeded, or all its models are archived")
                .await;
        };
        run.model = Some(model.id.clone());
        let reads = input.as_ref().map(|input| match input {
            Input::Table { .. } => Reads::Table,
            Input::File(_) => Reads::Lines,
        });
        let key = self
            .coordinator
            .training_models()
            .applicable(who, &model, reads)
            .await?;
        let version = self
            .coordinator
            .models()
            .version(&key)
            .await?
            .ok_or_else(|| unknown(EntityKind::TrainingModel, &model.id))?;
        let queue = self.queue_of(tenant, order.request.distribution.as_ref());
        let plan = Plan {
            version,
            input,
            output,
            queue,
        };
        self.start(who, entity, run, plan).await
    }

    /// The run that an equal request made a moment ago. A key that stood for another request is a `Conflict`.
    async fn asked_before(
        self,
        target: &Entity,
        asked: Option<&RequestIdentity>,
    ) -> Result<Option<Entity>, ServiceError> {
        let Some(asked) = asked.filter(|asked| asked.within_millis > 0) else {
            return Ok(None);
        };
        let filter = EntityFilter {
            tenant: Some(target.tenant.clone()),
            parent: Some(target.id.clone()),
            name: Some(asked.hash.clone()),
            newest_first: true,
            limit: Some(1),
            ..EntityFilter::of(EntityKind::Run)
        };
        let Some(found) = self
            .coordinator
            .entities()
            .find(&filter)
            .await?
            .0
            .into_iter()
            .next()
        else {
            return Ok(None);
        };
        if self.coordinator.now() > found.created.plus_millis(asked.within_millis) {
            return Ok(None);
        }
        let run: Run = found.read().map_err(ServiceError::Internal)?;
        // One key under which two different requests came: to answer with the first one's run would
        // lose the second in silence.
        if run.asked != asked.content {
            let fault = Fault::new(ErrorCode::Conflict, "this key stood for another request");
            return Err(ServiceError::Conflict(
                fault.next("send another Idempotency-Key"),
            ));
        }
        tracing::info!(run = found.id, "the same was asked for again");
        Ok(Some(found))
    }

    /// The model that is asked for by its number. Every number that is named must be there; the first alias is applied.
    async fn asked_model(
        self,
        tenant: &Tenant,
        models: &BTreeMap<String, String>,
    ) -> Result<Option<Entity>, ServiceError> {
        let mut first = None;
        for id in models.values() {
            let model = self
                .coordinator
                .entities()
                .get(EntityKind::TrainingModel, Some(tenant), id)
                .await?;
            first.get_or_insert(model);
        }
        Ok(first)
    }

    fn queue_of(self, tenant: &Tenant, distribution: Option<&serde_json::Number>) -> String {
        let next = || {
            self.coordinator
                .inner
                .turns
                // Relaxed: the number only spreads runs over queues, nothing else is ordered by it.
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed)
                .into()
        };
        let number = distribution.cloned().unwrap_or_else(next);
        format!(
            "run/{tenant}/{}",
            domain::abeja::run::queue_of(&number, QUEUES)
        )
    }

    async fn start(
        self,
        who: &Principal,
        entity: Entity,
        mut run: Run,
        plan: Plan,
    ) -> Result<Entity, ServiceError> {
        let Plan {
            version,
            input,
            output,
            queue,
        } = plan;
        let experiment = self
            .coordinator
            .experiments()
            .default_of(&entity.tenant)
            .await?
            .id;
        let at = |after: Option<JobId>| Placement {
            tenant: Some(entity.tenant.clone()),
            experiment: Some(experiment.clone()),
            queue: Some(queue.clone()),
            after,
            ..Placement::default()
        };
        let (source, file) = match input {
            None => (None, None),
            Some(Input::Table { party, table, job }) => {
                run.import = job;
                (Some((party, Source::Table(table))), None)
            }
            Some(Input::File(file)) if reads_lines(&version) => (
                Some((
                    file.party,
                    Source::Lines {
                        channel: file.channel,
                        file: file.id,
                    },
                )),
                None,
            ),
            Some(Input::File(file)) => (
                Some((file.party.clone(), Source::Table(table_of(&file)))),
                Some(file),
            ),
        };
        let documents =
            // Before the import is submitted, so that a model that cannot read the file leaves no
            // import job behind.
            predict_documents(&version, source.as_ref()).map_err(ServiceError::Conflict)?;
        if let Some(file) = file {
            run.import = Some(self.imported(who, &file, at(None)).await?);
        }
        let mut entity = entity.clone();
        entity.write(&run).map_err(ServiceError::Internal)?;
        let mut names = vec![NamedEntity::New(entity.clone(), IdForm::Hex("run-"))];
        let mut keeps = None;
        if let Some(output) = output {
            let (party, secret) = (&version.initiator.party, self.coordinator.new_secret());
            let (file, address) = output
                .file(&entity, party, secret)
                .map_err(ServiceError::Internal)?;
            // Kept with the job, in its transaction: when the job settles the file is found by the
            // job, and counts as there.
            names.push(NamedEntity::New(file, IdForm::Given));
            keeps = Some(address);
        }
        let placement = Placement {
            names,
            keeps,
            retries: Some(run.retries),
            ..at(run.import.clone())
        };
        match self
            .coordinator
            .jobs()
            .submit_at(who, documents, placement)
            .await
        {
            Ok(Submitted { named, .. }) => named.into_iter().next().ok_or_else(|| {
                ServiceError::Internal(Fault::new(ErrorCode::Internal, "a run was not kept"))
            }),
            // What the documents of a trained model lack, no client can mend.
            Err(error @ (ServiceError::Invalid { .. } | ServiceError::Unavailable(_))) => {
                self.refuse(entity, run, &error.fault().to_string()).await
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a job has made its table, or is about to.
    async fn stands_or_runs(self, job: &JobId) -> Result<bool, ServiceError> {
        match self.coordinator.jobs().get(job).await {
            Ok(job) => Ok(job.state == JobState::Succeeded || !job.state.is_settled()),
            Err(ServiceError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The job that makes a table of a file, or has made it.
    async fn imported(
        self,
        who: &Principal,
        file: &input::File,
        placement: Placement,
    ) -> Result<JobId, ServiceError> {
        if let Some(job) = &file.import
            && self.stands_or_runs(job).await?
        {
            return Ok(job.clone());
        }
        let job = self
            .coordinator
            .jobs()
            .submit_at(who, import_documents(file), placement)
            .await?
            .job
            .id;
        let made = job.clone();
        self.coordinator
            .entities()
            .change(EntityKind::ChannelFile, None, &file.id, |entity| {
                let mut body: domain::abeja::deployment::ChannelFile = entity.read()?;
                body.import = Some(made);
                entity.write(&body)
            })
            .await?;
        Ok(job)
    }

    /// Keeps a run that has failed before it had a job.
    async fn refuse(
        self,
        mut entity: Entity,
        mut run: Run,
        why: &str,
    ) -> Result<Entity, ServiceError> {
        run.refused = Some((self.coordinator.now(), why.to_owned()));
        entity.write(&run).map_err(ServiceError::Internal)?;
        let mut tx = self.coordinator.inner.store.begin().await?;
        let entity = insert(&mut *tx, entity, IdForm::Hex("run-"), false).await?;
        tx.commit().await?;
        tracing::info!(run = entity.id, why, "a run has failed before it had a job");
        Ok(entity)
    }

    /// A run of a deployment; `NotFound` when it is another deployment's.
    pub async fn get(
        self,
        tenant: &Tenant,
        target: &str,
        id: &str,
    ) -> Result<Entity, ServiceError> {
        self.coordinator
            .entities()
            .get(EntityKind::Deployment, Some(tenant), target)
            .await?;
        let run = self
            .coordinator
            .entities()
            .get(EntityKind::Run, Some(tenant), id)
            .await?;
        if run.parent.as_deref() == Some(target) {
            Ok(run)
        } else {
            Err(unknown(EntityKind::Run, id))
        }
    }

    /// Whether a run of a tenant's reads a data set and has not ended. The newest thousand are looked at.
    pub async fn any_reads(self, tenant: &Tenant, data_set: &str) -> Result<bool, ServiceError> {
        let filter = EntityFilter {
            tenant: Some(tenant.clone()),
            newest_first: true,
            limit: Some(1_000),
            ..EntityFilter::of(EntityKind::Run)
        };
        for run in self.coordinator.entities().find(&filter).await?.0 {
            let reads = run
                .body
                .pointer("/input/$datalake:1")
                .and_then(serde_json::Value::as_str);
            if reads.is_some_and(|input| input.ends_with(data_set))
                && !self.stand(run).await?.status.is_final()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How a run stands.
    pub async fn stand(self, entity: Entity) -> Result<RunStand, ServiceError> {
        let run: Run = entity.read().map_err(ServiceError::Internal)?;
        let mut tx = self.coordinator.inner.store.read().await?;
        let job = match &entity.job {
            Some(id) => tx.job(id).await?,
            None => None,
        };
        let works = job
            .as_ref()
            .is_some_and(|job| job.state == JobState::Running);
        let tasks = match &entity.job {
            Some(id) if works => tx.tasks_of(id).await?,
            _ => Vec::new(),
        };
        let waits = job
            .as_ref()
            .is_some_and(|job| matches!(job.state, JobState::Offered | JobState::Queued));
        let import = match &run.import {
            Some(id) if waits => tx.job(id).await?,
            _ => None,
        };
        let imports = import.is_some_and(|import: Job| !import.state.is_settled());
        let (status, since) = RunView {
            run: &run,
            job: job.as_ref(),
            tasks: &tasks,
            imports,
        }
        .status();
        let modified = since.map_or(entity.modified, |since| since.max(entity.created));
        // A run has no archive of its own: it is put away as its job is, with the experiment.
        let archived = job.as_ref().is_some_and(|job| job.archived.is_some());
        Ok(RunStand {
            entity,
            run,
            status,
            modified,
            archived,
        })
    }
}

/// A run of a job that is run again has ended as it did, and another run stands for the job from then on.
pub(crate) struct EndRuns;

#[async_trait]
impl WhenSettled for EndRuns {
    async fn run_again(
        &self,
        tx: &mut dyn Transaction,
        job: &Job,
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        note_end(tx, job, now).await
    }
}

/// Writes down how the runs of a job have ended before it is run again, since a run that has ended stays as it is; what
/// comes is a run of its own.
async fn note_end(tx: &mut dyn Transaction, job: &Job, now: Timestamp) -> Result<(), ServiceError> {
    let runs = tx
        .entities_of_job(&job.id)
        .await?
        .into_iter()
        .filter(|entity| entity.kind == EntityKind::Run);
    for mut entity in runs {
        let mut run: Run = entity.read().map_err(ServiceError::Internal)?;
        // A run that ended at an earlier rerun keeps that end; only the newest run of the job is
        // open here.
        if run.ended.is_some() || !job.state.is_settled() {
            continue;
        }
        let status = if job.state == JobState::Succeeded {
            RunStatus::Succeeded
        } else {
            RunStatus::Failed
        };
        let at = job.ended.unwrap_or(job.updated);
        let line = gathering::last_line(tx, &job.id)
            .await?
            .unwrap_or((at, u64::from(u32::MAX)));
        let next = Run {
            behind: Some(line),
            gathered: false,
            ..run.clone()
        };
        run.ended = Some(RunEnd { at, status, line });
        entity.write(&run).map_err(ServiceError::Internal)?;
        tx.save_entity(&entity).await?;
        let mut again = Entity {
            // Without the name by which an equal request is found: the new run was not asked for
            // under that key.
            name: None,
            created: now,
            modified: now,
            ..entity
        };
        again.write(&next).map_err(ServiceError::Internal)?;
        insert(tx, again, IdForm::Hex("run-"), false).await?;
    }
    Ok(())
}

fn described(request: &RunRequest, version: &Entity, defaults: BTreeMap<String, String>) -> Run {
    let mut environment = defaults;
    environment.extend(request.environment.clone());
    Run {
        version: version.id.clone(),
        label: version.name.clone().unwrap_or_default(),
        models: request.models.clone(),
        input: request.input.as_ref().map(|(value, _)| value.clone()),
        output: request.output.as_ref().map(|(value, _)| value.clone()),
        distribution: request.distribution.clone(),
        retries: request.retries,
        environment,
        ..Run::default()
    }
}
