//! From documents to a stored job: parsed, checked against what the parties announce, and by the initiator's own agent.

use std::time::Duration;

use domain::{Catalogue, Entity, Experiment, Job, JobState, Keeps, Task, TaskKey};
use job_dsl::{Diagnostic, ParseContext, Parsed, Rule, TrainedPipeline};
use serde_json::Value;
use vocabulary::{
    Attempt, ErrorCode, ExperimentId, Fault, JobId, Limits, Participant, SignedBytes, TaskId,
    Tenant, Timestamp,
};

use crate::apply::log_job;
use crate::archived::{documents_take_work, takes_work};
use crate::filter::PartFilter;
use crate::jobs::Jobs;
use crate::jobs::inherit::InheritedSteps;
use crate::models::ModelKey;
use crate::numbered::{self, IdForm};
use crate::ports::{Order, OrderReply, StepCheck, Transaction};
use crate::principal::Principal;
use crate::records::{OrderKind, PendingOrder};
use crate::recurring::{due_schedule, note_begun};
use crate::{ServiceError, events};

/// How often another id is tried when the store has one already.
const ID_ATTEMPTS: u32 = 100;
/// How long the initiator's agent may take to check parameters; somebody waits for the answer.
const CHECK_PATIENCE: Duration = Duration::from_secs(5);

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SubmitJob {
    /// The DSL; ignored for predict jobs.
    pub dsl: Value,
    /// The runtime conf.
    pub conf: Value,
    /// A name for people.
    pub name: String,
    /// Notes.
    pub description: String,
}

/// Where a job stands beside what its documents say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Placement {
    /// Whose it is; the one tenant of a federation that asks nobody who he is, when none is given.
    pub tenant: Option<Tenant>,
    /// The experiment; what the documents name, or the tenant's default one, when none is given.
    pub experiment: Option<ExperimentId>,
    /// Jobs of one queue run one after another.
    pub queue: Option<String>,
    /// A job that must have succeeded first.
    pub after: Option<JobId>,
    /// How often it may be tried again in all, for whatever it failed; what the documents say, when none is given.
    pub retries: Option<u32>,
    /// A file of the initiator's party (`files://folder/name`) in which what the job leaves there is kept, too.
    pub keeps: Option<String>,
    /// What APIs name it by, kept in the transaction that keeps the job.
    pub names: Vec<NamedEntity>,
    /// The schedule that begins it, and the moment for which it was planned.
    pub schedule: Option<(String, Timestamp)>,
    /// The ticket with which the initiator's user asked for it.
    pub ticket: Option<SignedBytes>,
}

/// What an API names a job by.
#[derive(Debug, Clone, PartialEq)]
pub enum NamedEntity {
    /// Something new, under an id of that form.
    New(Entity, IdForm),
    /// Something that is there, as it was read and as it becomes: it must not have changed meanwhile.
    Anew {
        /// When it had last changed.
        read: Timestamp,
        /// What it becomes.
        becomes: Entity,
    },
}

/// A job that was taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct Submitted {
    /// The job.
    pub job: Job,
    /// What the user should know although the job runs, in FATE's words.
    pub warnings: Vec<String>,
    /// What it is named by, as it was kept.
    pub named: Vec<Entity>,
}

impl Jobs<'_> {
    /// Takes a job in; it is stored when this returns. See [`Jobs::submit`].
    pub async fn submit_documents(
        self,
        who: &Principal,
        command: SubmitJob,
    ) -> Result<Job, ServiceError> {
        Ok(self.submit(who, command).await?.job)
    }

    /// Takes a job in, with warnings. The documents are read against the catalogues of all parties ever seen, so that a
    /// job can be submitted while an agent is away; the initiator's agent checks the parameters when it is online.
    pub async fn submit(
        self,
        who: &Principal,
        command: SubmitJob,
    ) -> Result<Submitted, ServiceError> {
        self.submit_at(who, command, Placement::default()).await
    }

    /// The same, for an API that knows where the job stands.
    pub async fn submit_at(
        self,
        who: &Principal,
        command: SubmitJob,
        placement: Placement,
    ) -> Result<Submitted, ServiceError> {
        self.coordinator.load_parties().await?;
        let id = self
            .next_id(self.coordinator.now())
            .map_err(ServiceError::Internal)?;
        let invalid = |diagnostics| ServiceError::Invalid {
            diagnostics,
            job: Some(id.clone()),
        };
        let mut parsed = self.parsed(&command).await?.map_err(&invalid)?;
        // After parsing, since only the documents say in whose name it is; before anything of other
        // jobs is looked up.
        who.may_submit(&parsed.initiator)
            .map_err(ServiceError::Denied)?;
        let unfit = self.unfit(&parsed).await;
        if !unfit.is_empty() {
            return Err(invalid(unfit));
        }
        let warnings = parsed.warnings.clone();
        let inherited = self
            .inherited(who, &parsed)
            .await
            .map_err(|error| error.of_job(&id))?;
        self.name_earlier_outputs(&mut parsed).await?;
        let tenant = placement
            .tenant
            .or_else(|| who.tenant.clone())
            .unwrap_or_else(Tenant::only);
        // Never the placement's own: a ticket counts only as it came with this request.
        let ticket = who.ticket_of(&parsed.initiator.party);
        let placement = Placement {
            tenant: Some(tenant),
            ticket,
            ..placement
        };
        let experiment = self.experiment_for(&command.conf, &placement).await?;
        let placement = Placement {
            experiment: Some(experiment.id),
            ..placement
        };
        let (job, named) = self
            .take_in(command, parsed, id, (placement, inherited))
            .await?;
        log_job(&job);
        self.coordinator
            .deliver(std::slice::from_ref(&job.initiator.party));
        self.coordinator.changed();
        Ok(Submitted {
            job,
            warnings,
            named,
        })
    }

    /// Checks documents as a submission would, and stores nothing. Which parties belong to the federation does not matter.
    /// Gives what nothing in them is read for.
    pub async fn check_documents(self, command: &SubmitJob) -> Result<Vec<String>, ServiceError> {
        self.coordinator.load_parties().await?;
        let components = self.coordinator.inner.leases.catalogue();
        let context = ParseContext {
            components: &components,
            parameters_only: true,
            ..ParseContext::default()
        };
        let invalid = |diagnostics| ServiceError::Invalid {
            diagnostics,
            job: None,
        };
        let parsed = job_dsl::parse(&command.dsl, &command.conf, &context).map_err(invalid)?;
        let unfit = self.unfit(&parsed).await;
        if unfit.is_empty() {
            Ok(parsed.warnings)
        } else {
            Err(invalid(unfit))
        }
    }

    /// Refuses documents that apply a model with which no new work may start.
    pub(crate) async fn order_takes_work(self, order: &SubmitJob) -> Result<(), ServiceError> {
        documents_take_work(
            &mut *self.coordinator.inner.store.read().await?,
            (&order.dsl, &order.conf),
        )
        .await
    }

    /// A job id that nothing has: replies to requests that start no job carry one.
    pub fn fresh_id(self) -> Result<JobId, Fault> {
        self.next_id(self.coordinator.now())
    }

    pub(crate) fn next_id(self, now: Timestamp) -> Result<JobId, Fault> {
        self.coordinator
            .inner
            .ids
            .next(now)
            .map_err(|error| Fault::new(ErrorCode::Internal, error.to_string()))
    }

    pub(crate) async fn parsed(
        self,
        command: &SubmitJob,
    ) -> Result<Result<Parsed, Vec<Diagnostic>>, ServiceError> {
        let components = self.coordinator.inner.leases.catalogue();
        let known = self
            .coordinator
            .inner
            .options
            .known_parties
            .clone()
            .unwrap_or_else(|| self.coordinator.inner.leases.parties());
        let pipeline = match job_dsl::predict_request(&command.dsl, &command.conf) {
            Ok(Some(wanted)) => self.pipeline(&wanted, &command.conf).await?,
            // What is wrong with the request is told by the parser, with all the rest.
            Ok(None) | Err(_) => None,
        };
        let context = ParseContext {
            components: &components,
            predict: pipeline.as_ref(),
            parties: Some(&known),
            parameters_only: false,
        };
        Ok(job_dsl::parse(&command.dsl, &command.conf, &context))
    }

    /// The model that a predict job names, when it can be applied.
    async fn pipeline(
        self,
        wanted: &job_dsl::ModelIds,
        conf: &Value,
    ) -> Result<Option<TrainedPipeline>, ServiceError> {
        let key = ModelKey::new(wanted.model_id.clone(), wanted.model_version.clone());
        let Some(version) = self.coordinator.models().version(&key).await? else {
            return Ok(None);
        };
        let own = PartFilter {
            model_id: Some(key.model_id),
            version: Some(key.version),
            role: Some(version.initiator.role),
            party: Some(version.initiator.party.clone()),
            shared_with: None,
        };
        if self.coordinator.models().parts(&own).await?.is_empty() {
            return Ok(None);
        }
        if !version.is_parent() {
            let pipeline = version.pipeline();
            let applied = if job_dsl::is_inference(conf) {
                job_dsl::serving_dsl
            } else {
                job_dsl::predict_dsl
            };
            let inference_dsl = applied(&pipeline.inference_dsl, &version.train_dsl);
            return Ok(Some(TrainedPipeline {
                inference_dsl,
                ..pipeline
            }));
        }
        // In version 1 nothing is deployed by hand: predict jobs name the training.
        if !job_dsl::is_version_1(conf) {
            return Ok(None);
        }
        let deployed = job_dsl::inference_dsl(
            &job_dsl::deployed_by_default(&version.train_dsl),
            &version.train_dsl,
        );
        Ok(deployed.ok().map(|inference_dsl| TrainedPipeline {
            inference_dsl,
            ..version.pipeline()
        }))
    }

    /// What the parties, and the initiator's agent, have against the job; the warnings behind it, which often say why.
    pub(crate) async fn unfit(self, parsed: &Parsed) -> Vec<Diagnostic> {
        let mut found = self.objections(parsed).await;
        if !found.is_empty() {
            found.extend(job_dsl::beside(&parsed.warnings));
        }
        found
    }

    async fn objections(self, parsed: &Parsed) -> Vec<Diagnostic> {
        let presence = self
            .coordinator
            .inner
            .leases
            .outline(&parsed.cast.parties(), self.coordinator.now());
        let disagreed = Catalogue::of(&presence, &parsed.cast).check(&parsed.graph);
        if !disagreed.is_empty() {
            return disagreed
                .into_iter()
                .map(|fault| diagnostic(Rule::ProviderHasModule, fault))
                .collect();
        }
        if let Some(diagnostic) = beyond_capacity(parsed, &presence) {
            return vec![diagnostic];
        }
        let initiator = &parsed.initiator.party;
        // FATE's clients may submit while an agent is away; its own verdict comes with the offer.
        if !presence.is_online(initiator) {
            return Vec::new();
        }
        match self
            .coordinator
            .call(initiator, Order::Check(checks(parsed)), CHECK_PATIENCE)
            .await
        {
            Ok(OrderReply::Checked(faults)) => faults
                .into_iter()
                .map(|fault| diagnostic(Rule::ParameterValue, fault))
                .collect(),
            // The agents check again when the tasks start; a job need not wait for that.
            Ok(reply) => {
                tracing::warn!(party = %initiator, ?reply, "the initiator's agent did not check the parameters");
                Vec::new()
            }
            Err(fault) => {
                tracing::warn!(party = %initiator, %fault, "the initiator's agent did not check the parameters");
                Vec::new()
            }
        }
    }

    /// The experiment of a job: as placed, as its documents name it (by id or name), or the tenant's default one. Refuses
    /// one that takes no new work.
    pub(crate) async fn experiment_for(
        self,
        conf: &Value,
        placement: &Placement,
    ) -> Result<Experiment, ServiceError> {
        let tenant = placement.tenant.clone().unwrap_or_else(Tenant::only);
        let experiment = match (&placement.experiment, named_experiment(conf)) {
            (Some(id), _) => {
                self.coordinator
                    .experiments()
                    .get(Some(&tenant), id.as_str())
                    .await?
            }
            (None, Some(named)) => {
                self.coordinator
                    .experiments()
                    .meant(&tenant, &named)
                    .await?
            }
            (None, None) => self.coordinator.experiments().default_of(&tenant).await?,
        };
        takes_work(&experiment).map_err(ServiceError::Conflict)?;
        Ok(experiment)
    }

    async fn take_in(
        self,
        command: SubmitJob,
        mut parsed: Parsed,
        mut id: JobId,
        (placement, inherited): (Placement, InheritedSteps),
    ) -> Result<(Job, Vec<Entity>), ServiceError> {
        let SubmitJob {
            dsl,
            conf,
            name,
            description,
        } = command;
        let mut tx = self.coordinator.inner.store.begin().await?;
        // In the one writer's turn, so that jobs of a queue are as old as their places in it.
        let now = self.coordinator.now();
        let mut limits = Limits::default();
        if let Some(named) = &placement.experiment
            && let Some(experiment) = tx.experiment(named).await?
        {
            // It may have been archived since it was looked at.
            takes_work(&experiment).map_err(ServiceError::Conflict)?;
            limits = experiment.allowed();
        }
        documents_take_work(&mut *tx, (&dsl, &conf)).await?;
        let mut schedule = match &placement.schedule {
            Some((schedule, planned)) => Some(due_schedule(&mut *tx, schedule, *planned).await?),
            None => None,
        };
        parsed.stamp(&id);
        let mut job = job_of(&parsed, &id, now);
        if let Some(experiment) = placement.experiment {
            job.experiment = experiment;
        }
        (job.settings.queue, job.settings.limits) = (placement.queue, limits);
        (job.settings.after, job.ticket) = (placement.after, placement.ticket);
        if let Some(file) = placement.keeps {
            job.settings.keeps = Some(kept_in(&job, file).map_err(ServiceError::Conflict)?);
        }
        if let Some(retries) = placement.retries {
            (job.settings.retries, job.settings.shared_retries) = (retries, true);
        }
        job.definition = parsed.definition(dsl, conf);
        (job.name, job.description) = (name, description);
        job.settings.inherited.clone_from(&inherited.steps);
        for _ in 0..ID_ATTEMPTS {
            if tx.insert_job(&job).await? {
                let mut tasks = tasks_of(&job);
                inherited.settle(&job.id, now, &mut tasks);
                tx.insert_tasks(&tasks).await?;
                inherited.copy(&mut *tx, &job).await?;
                tx.add_events(&job.id, &events::submitted(&job)).await?;
                let mut named = Vec::new();
                for name in placement.names {
                    named.push(keep_name(&mut *tx, name, &job).await?);
                }
                if let Some(schedule) = &mut schedule {
                    note_begun(&mut *tx, schedule, &job.id, now).await?;
                }
                // The first decision on any job, taken at once: it saves the loop's turn and its commit before anybody is asked.
                let initiator = &job.initiator.party;
                // A job that waits for others may be stopped by the first decision, and nobody is
                // asked before it.
                if job.settings.after.is_none()
                    && self.coordinator.inner.leases.is_linked(initiator)
                {
                    let sign = PendingOrder::new(&job.id, initiator, OrderKind::Sign, now);
                    tx.enqueue(&sign).await?;
                }
                tx.commit().await?;
                return Ok((job, named));
            }
            // An earlier process gave this id out.
            id = self.next_id(now).map_err(ServiceError::Internal)?;
            parsed.stamp(&id);
            job.definition.conf.clone_from(&parsed.conf);
            (job.id, job.model_version) = (id.clone(), id.to_string());
        }
        Err(ServiceError::Internal(Fault::new(
            ErrorCode::Internal,
            "no free job id was found",
        )))
    }
}

/// The last step that applies a model at the initiator, whose rows are kept in a file. Later ones judge them and leave none.
fn kept_in(job: &Job, file: String) -> Result<Keeps, Fault> {
    let predicts = |step: &&domain::Step| {
        !step.outputs.is_empty()
            && !step.models.is_empty()
            && step.participants.contains(&job.initiator)
    };
    let last = job.definition.graph.steps.iter().rev().find(predicts);
    let step = last.map(|step| step.name.clone()).ok_or_else(|| {
        let message = format!(
            "no step of the job predicts rows at {}, so none can be kept in a file",
            job.initiator.party
        );
        Fault::new(ErrorCode::DataMismatch, message).at(&job.initiator.party)
    })?;
    Ok(Keeps {
        step,
        who: job.initiator.clone(),
        file,
    })
}

async fn keep_name(
    tx: &mut dyn Transaction,
    name: NamedEntity,
    job: &Job,
) -> Result<Entity, ServiceError> {
    let (job, now) = (Some(job.id.clone()), job.created);
    match name {
        NamedEntity::New(entity, form) => {
            numbered::insert(
                tx,
                Entity {
                    job,
                    created: now,
                    modified: now,
                    ..entity
                },
                form,
                false,
            )
            .await
        }
        NamedEntity::Anew { read, becomes } => {
            let found = tx.entity(becomes.kind, &becomes.id).await?;
            if found.is_none_or(|found| found.deleted || found.modified != read) {
                let message = format!("{} {} changed meanwhile", becomes.kind.word(), becomes.id);
                return Err(ServiceError::Conflict(
                    Fault::new(ErrorCode::JobState, message).next("look at it again"),
                ));
            }
            let entity = Entity {
                job,
                modified: now.max(Timestamp(read.0 + 1)),
                ..becomes
            };
            tx.save_entity(&entity).await?;
            Ok(entity)
        }
    }
}

/// A job that asks for more cores than some party has at all.
fn beyond_capacity(parsed: &Parsed, presence: &domain::Presence) -> Option<Diagnostic> {
    let of = |party: &vocabulary::PartyId| presence.agents.get(party).and_then(|agent| agent.slots);
    let components = parsed.cast.participants().filter_map(|who| {
        let slots: u32 = of(&who.party)?;
        Some((slots.saturating_mul(domain::capacity::CORES_OF_SLOT), who))
    });
    let (most, who) = components
        .filter(|(most, who)| parsed.settings.cores_of(who) > *most)
        // The scarcest party is named, so that the number in the message is the one that has to be
        // met.
        .min()?;
    let wanted = parsed.settings.cores_of(&who);
    let message = format!(
        "max cores per job is {most} base on (limits.attempts of party {}), expect {wanted} cores, \
         please use task_cores job parameters to set request task cores or task_parallelism to run fewer tasks at once",
        who.party
    );
    let has_own = parsed
        .settings
        .of_parties
        .iter()
        .any(|own| own.who == who && own.task_cores.is_some());
    let section = if has_own {
        format!("role.{}", who.role)
    } else {
        "common".to_owned()
    };
    let path = format!("job_runtime_conf.job_parameters.{section}.task_cores");
    let mut diagnostic = Diagnostic::new(Rule::JobParameters, message, path);
    diagnostic.exception = "RuntimeError".to_owned();
    Some(diagnostic.next("ask for fewer cores, or raise limits.attempts at that party's agent"))
}

/// The experiment that a conf names, in version 2's place or version 1's.
fn named_experiment(conf: &Value) -> Option<String> {
    let places = [
        "/job_parameters/common/experiment",
        "/job_parameters/experiment",
    ];
    let named = places
        .into_iter()
        .find_map(|place| conf.pointer(place)?.as_str());
    named.filter(|name| !name.is_empty()).map(str::to_owned)
}

fn diagnostic(rule: Rule, fault: Fault) -> Diagnostic {
    let path = fault.path.clone().unwrap_or_default();
    let mut diagnostic = Diagnostic::new(rule, fault.message.clone(), path);
    diagnostic.fault = fault;
    diagnostic
}

fn checks(parsed: &Parsed) -> Vec<StepCheck> {
    let mut checks = Vec::new();
    for step in &parsed.graph.steps {
        for participant in step
            .participants
            .iter()
            .filter(|who| !step.skipped.contains(who))
        {
            let check = StepCheck {
                step: step.name.clone(),
                component: step.component.clone(),
                role: participant.role,
                parameters: step.parameters_of(participant),
            };
            // Many participants of a role have the same parameters: the agent checks them once.
            if !checks.contains(&check) {
                checks.push(check);
            }
        }
    }
    checks
}

fn job_of(parsed: &Parsed, id: &JobId, now: Timestamp) -> Job {
    Job {
        id: id.clone(),
        experiment: ExperimentId::unnamed(),
        kind: parsed.kind,
        name: String::new(),
        description: String::new(),
        initiator: parsed.initiator.clone(),
        cast: parsed.cast.clone(),
        definition: parsed.definition(Value::Null, Value::Null),
        settings: parsed.settings.clone(),
        model_id: parsed.model_id.clone(),
        model_version: id.to_string(),
        state: JobState::Offered,
        reason: None,
        waiting: None,
        stop: None,
        offer: None,
        ticket: None,
        answers: std::collections::BTreeMap::new(),
        progress: 0,
        created: now,
        rerun: None,
        amended: None,
        started: None,
        ended: None,
        updated: now,
        archived: None,
    }
}

/// The first attempt of every task.
fn tasks_of(job: &Job) -> Vec<Task> {
    let task = |step: &domain::Step, participant: &Participant| {
        let Participant { role, party } = participant.clone();
        let id = TaskId {
            job: job.id.clone(),
            step: step.name.clone(),
            role,
            party,
        };
        Task::waiting(
            TaskKey {
                id,
                attempt: Attempt(0),
            },
            None,
            job.created,
        )
    };
    let steps = job.definition.graph.steps.iter();
    steps
        .flat_map(|step| {
            step.participants
                .iter()
                .map(move |participant| task(step, participant))
        })
        .collect()
}
