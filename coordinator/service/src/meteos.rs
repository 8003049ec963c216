//! A project's own things: profiles, datasets, models, and what is asked of models. Each becomes a small job of real
//! components, which stands in every list of jobs; what is kept here beside is the id and what was asked for.

mod datasets;
mod model_requests;
mod models;
mod profiles;
mod source;
mod standing;

use async_trait::async_trait;
use domain::{Entity, EntityKind, Experiment, Workspace};
use serde_json::Value;
use vocabulary::{ErrorCode, ExperimentId, Fault, JobId, PartyId, TableRef, Tenant};

use crate::hooks::ApiHook;
use crate::lines::Documents;
use crate::numbered::IdForm;
use crate::principal::Principal;
use crate::{Coordinator, NamedEntity, Placement, ServiceError, SubmitJob};

pub use datasets::NewDataset;
pub use model_requests::{NewEvaluation, NewLearning};
pub use models::NewModel;
pub use profiles::NewWorkspace;
pub use standing::EntityView;

handle! {
    /// Meteos' projects.
    Projects, projects
}

/// Who asks, for which tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Who asks.
    pub who: Principal,
    /// For which tenant.
    pub tenant: Tenant,
    /// Under which name he is written down.
    pub user: String,
}

/// Why an experiment that is not ready takes no work, in one form for all that is made on it.
fn not_ready(what: &str) -> ServiceError {
    ServiceError::Conflict(unready(what))
}

fn unready(what: &str) -> Fault {
    Fault::new(
        ErrorCode::JobState,
        format!("{what} status must be available"),
    )
}

/// The documents of the job behind something, and the job that makes what it reads, while that is being made.
struct Work {
    documents: Documents,
    after: Option<JobId>,
}

/// Something new under the id that it has.
fn named(entity: Entity) -> NamedEntity {
    NamedEntity::New(entity, IdForm::Given)
}

/// The one thing that was kept.
#[allow(clippy::result_large_err, reason = "as all use cases do")]
fn only(kept: Vec<Entity>) -> Result<Entity, ServiceError> {
    let none = || ServiceError::Internal(Fault::new(ErrorCode::Internal, "nothing was kept"));
    kept.into_iter().next().ok_or_else(none)
}

impl Projects<'_> {
    /// An experiment as it stands now: one that is being prepared is looked at again.
    pub async fn prepared_experiment(
        self,
        tenant: Option<&Tenant>,
        id: &str,
    ) -> Result<Experiment, ServiceError> {
        let experiment = self.coordinator.experiments().get(tenant, id).await?;
        self.look_at_workspace(experiment).await
    }

    /// Looks whether an experiment that is being prepared is ready: its tenant's home party answers. After ten minutes
    /// without an answer it is broken.
    pub async fn look_at_workspace(
        self,
        experiment: Experiment,
    ) -> Result<Experiment, ServiceError> {
        /// How long a party may take to answer, in milliseconds.
        const PATIENCE: i64 = 600_000;
        if experiment.workspace != Workspace::Preparing {
            return Ok(experiment);
        }
        let now = self.coordinator.now();
        let next =
            match self.coordinator.parties().home(&experiment.tenant).await {
                Ok(party) if self.coordinator.presence().is_online(&party) => Workspace::Ready,
                _ if now > experiment.created.plus_millis(PATIENCE) => {
                    let fault = Fault::new(
                        ErrorCode::PartyOffline,
                        "no party answered within ten minutes",
                    );
                    Workspace::Broken(fault.next(
                        "start the agent of the tenant's party, then make another experiment",
                    ))
                }
                _ => return Ok(experiment),
            };
        let change = |experiment: &mut Experiment| {
            // Looked at again inside the transaction: two looks at once must not turn a ready
            // workspace broken.
            if experiment.workspace == Workspace::Preparing {
                experiment.workspace = next;
            }
        };
        self.coordinator
            .experiments()
            .change(Some(&experiment.tenant), experiment.id.as_str(), change)
            .await
    }

    /// The experiment that new work is for. `NotFound`, or `Conflict` when it takes none.
    async fn workplace(self, project: &Project, id: &str) -> Result<Experiment, ServiceError> {
        let experiment = self.prepared_experiment(Some(&project.tenant), id).await?;
        if experiment.archived || experiment.workspace != Workspace::Ready {
            return Err(not_ready("Experiment"));
        }
        Ok(experiment)
    }

    /// Starts the job behind things and keeps these with it, all or nothing of what has a job. A refusal that comes from what was asked for is
    /// kept with them as the reason why there is no job.
    async fn start_work(
        self,
        project: &Project,
        experiment: &Experiment,
        (name, work): (&str, Result<Work, String>),
        names: Vec<NamedEntity>,
    ) -> Result<Vec<Entity>, ServiceError> {
        let Work {
            documents: (dsl, conf),
            after,
        } = match work {
            Ok(work) => work,
            Err(why) => return self.keep_failed(names, &why).await,
        };
        let command = SubmitJob {
            dsl,
            conf,
            name: name.to_owned(),
            description: String::new(),
        };
        let placement = Placement {
            tenant: Some(experiment.tenant.clone()),
            experiment: Some(experiment.id.clone()),
            after,
            names: names.clone(),
            ..Placement::default()
        };
        match self
            .coordinator
            .jobs()
            .submit_at(&project.who, command, placement)
            .await
        {
            Ok(submitted) => Ok(submitted.named),
            // Somebody else changed the thing meanwhile: to keep a failure over his change would
            // lose it.
            Err(ServiceError::Conflict(fault)) if fault.code == ErrorCode::JobState => {
                Err(ServiceError::Conflict(fault))
            }
            Err(error @ (ServiceError::Internal(_) | ServiceError::Denied(_))) => Err(error),
            Err(error) => self.keep_failed(names, &error.fault().to_string()).await,
        }
    }

    /// Keeps things for which there is no job, and why.
    async fn keep_failed(
        self,
        names: Vec<NamedEntity>,
        why: &str,
    ) -> Result<Vec<Entity>, ServiceError> {
        let mut kept = Vec::new();
        for name in names {
            let note = |entity: &mut Entity| {
                entity.body["failed"] = Value::from(why);
                entity.job = None;
            };
            kept.push(match name {
                NamedEntity::New(mut entity, _) => {
                    note(&mut entity);
                    self.coordinator.entities().add(&entity).await?;
                    entity
                }
                NamedEntity::Anew { read, mut becomes } => {
                    note(&mut becomes);
                    let (kind, tenant, id) =
                        (becomes.kind, becomes.tenant.clone(), becomes.id.clone());
                    let change = |entity: &mut Entity| {
                        if entity.modified != read {
                            return Err(unready(kind.word()));
                        }
                        *entity = becomes;
                        Ok(())
                    };
                    self.coordinator
                        .entities()
                        .change(kind, Some(&tenant), &id, change)
                        .await?
                }
            });
        }
        Ok(kept)
    }

    /// Why a caller at this REST endpoint gets at no rows of a party; none when he does.
    fn rows_kept(self, project: &Project, party: &PartyId) -> Option<String> {
        let presence = self.coordinator.presence();
        let agent = presence.agents.get(party);
        if project.who.party() == Some(party)
            || agent.is_none_or(|agent| agent.rows_through_coordinator)
        {
            return None;
        }
        let rest = agent
            .and_then(|agent| agent.rest.clone())
            .unwrap_or_else(|| "its own REST endpoint".to_owned());
        Some(format!(
            "party {party} keeps its rows to its own REST endpoint: ask at {rest}"
        ))
    }

    fn new_thing(
        self,
        project: &Project,
        kind: EntityKind,
        id: String,
        name: Option<String>,
    ) -> Entity {
        let mut entity = Entity::new(kind, id, project.tenant.clone(), self.coordinator.now());
        entity.name = name;
        entity.creator.clone_from(&project.user);
        entity
    }
}

/// What Meteos' clients see follows what happens elsewhere.
pub(crate) struct Meteos;

#[async_trait]
impl ApiHook for Meteos {
    /// Looks, beside the loop, whether the experiment is ready by now.
    async fn held(
        &self,
        coordinator: &Coordinator,
        experiment: &ExperimentId,
    ) -> Result<(), ServiceError> {
        let projects = coordinator.projects();
        projects
            .prepared_experiment(None, experiment.as_str())
            .await?;
        Ok(())
    }

    async fn table_removed(
        &self,
        coordinator: &Coordinator,
        party: &PartyId,
        table: &TableRef,
    ) -> Result<(), ServiceError> {
        coordinator.projects().table_removed(party, table).await
    }
}
