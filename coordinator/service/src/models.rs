//! Models as their owners announced them, and deployments: which of a training job's steps a predict job applies.
//!
//! What models contain stays with the owners; a deployment is documents only, and the models stay where they are.

use domain::Job;
use job_dsl::inference_dsl;
use serde_json::{Map, Value, json};
use vocabulary::{ErrorCode, Fault, Role};

use crate::filter::{DeploymentFilter, JobFilter, ModelFilter};
use crate::principal::Principal;
use crate::records::{Deployment, StoredModel};
use crate::submit_job::is_training;
use crate::{Coordinator, ServiceError};

/// What of a training job is to be deployed.
#[derive(Debug, Clone, PartialEq)]
pub enum Deploy {
    /// These components; all when the list is empty.
    Components(Vec<String>),
    /// What this predict DSL names.
    Dsl(Value),
}

impl Coordinator {
    /// The models that fit, oldest first.
    pub async fn models(&self, filter: &ModelFilter) -> Result<Vec<StoredModel>, ServiceError> {
        Ok(self.inner.store.read().await?.find_models(filter).await?)
    }

    /// The deployments that fit, oldest first.
    pub async fn deployments(&self, filter: &DeploymentFilter) -> Result<Vec<Deployment>, ServiceError> {
        Ok(self.inner.store.read().await?.find_deployments(filter).await?)
    }

    /// Makes a training job's models available to predict jobs, under a version of their own. `NotFound` when no training
    /// job has left that version; `Conflict` when the version is itself a deployment.
    pub async fn deploy_model(
        &self,
        who: &Principal,
        model_id: &str,
        version: &str,
        what: Deploy,
    ) -> Result<Deployment, ServiceError> {
        let job = self.trained(model_id, version).await?;
        who.may_steer(&job).map_err(ServiceError::Denied)?;
        let chosen = match what {
            Deploy::Components(names) => inference_dsl(&names, &job.definition.dsl),
            // Naming nothing of it checks the document's own references.
            Deploy::Dsl(dsl) => inference_dsl(&[], &dsl).map(|_| dsl),
        };
        let inference_dsl = chosen.map_err(|diagnostics| ServiceError::Invalid { diagnostics, job: None })?;
        let now = self.now();
        let mut deployment = Deployment {
            version: String::new(),
            model_id: job.model_id.clone(),
            parent: job.model_version.clone(),
            initiator: job.initiator.clone(),
            inference_dsl,
            train_conf: job.definition.conf.clone(),
            roles: roles_of(&job),
            created: now,
        };
        let mut tx = self.inner.store.begin().await?;
        loop {
            deployment.version = self.next_id(now).map_err(ServiceError::Internal)?.to_string();
            if tx.insert_deployment(&deployment).await? {
                break;
            }
        }
        tx.commit().await?;
        tracing::info!(model = %deployment.model_id, version = %deployment.version, parent = %deployment.parent, "deployed");
        Ok(deployment)
    }

    async fn trained(&self, model_id: &str, version: &str) -> Result<Job, ServiceError> {
        let filter = JobFilter { model_version: Some(version.to_owned()), ..JobFilter::default() };
        let (jobs, _) = self.jobs(&filter).await?;
        if let Some(job) = jobs.into_iter().find(|job| job.model_id == model_id && is_training(job)) {
            return Ok(job);
        }
        let child = DeploymentFilter { version: Some(version.to_owned()), ..DeploymentFilter::default() };
        if self.deployments(&child).await?.is_empty() {
            let message = format!("model {model_id} version {version} does not exist");
            return Err(ServiceError::NotFound(Fault::new(ErrorCode::ModelMissing, message)));
        }
        let message = format!("model {model_id} version {version} is a deployment and cannot be deployed again");
        let fault = Fault::new(ErrorCode::Conflict, message).next("deploy the version that the training job left");
        Err(ServiceError::Conflict(fault))
    }
}

/// The job's roles as FATE's documents write them: party ids as numbers where they are numbers.
fn roles_of(job: &Job) -> Value {
    let mut roles = Map::new();
    for role in Role::ALL {
        let parties = job.cast.of(role).iter();
        let ids: Vec<Value> = parties
            .map(|party| party.as_str().parse::<u64>().map_or_else(|_| json!(party), |number| json!(number)))
            .collect();
        if !ids.is_empty() {
            roles.insert(role.word().to_owned(), Value::Array(ids));
        }
    }
    Value::Object(roles)
}
