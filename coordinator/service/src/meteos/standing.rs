//! How things stand: read from their jobs, with what those printed.

use std::collections::HashMap;

use domain::meteos::{Standing, task_of};
use domain::{Entity, Job};
use serde_json::Value;
use vocabulary::{JobId, StepName};

use crate::ServiceError;
use crate::filter::JobFilter;
use crate::meteos::Projects;

/// Something, and how it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityView {
    /// What is kept of it.
    pub entity: Entity,
    /// Its job, while there is one.
    pub job: Option<Job>,
    /// How it stands.
    pub standing: Standing,
}

impl Projects<'_> {
    /// How things stand, in their order.
    pub async fn seen(self, entities: Vec<Entity>) -> Result<Vec<EntityView>, ServiceError> {
        let ids: Vec<JobId> = entities
            .iter()
            .filter_map(|entity| entity.job.clone())
            .collect();
        let mut jobs = HashMap::new();
        if !ids.is_empty() {
            let found = self
                .coordinator
                .jobs()
                .find(&JobFilter {
                    ids,
                    ..JobFilter::default()
                })
                .await?
                .0;
            jobs.extend(found.into_iter().map(|job| (job.id.clone(), job)));
        }
        let see = |entity: Entity| {
            let job = entity.job.as_ref().and_then(|id| jobs.get(id)).cloned();
            let failed = entity.body.get("failed").and_then(Value::as_str);
            let standing = Standing::of(job.as_ref(), failed);
            EntityView {
                standing,
                job,
                entity,
            }
        };
        Ok(entities.into_iter().map(see).collect())
    }

    /// How something stands.
    pub async fn seen_one(self, entity: Entity) -> Result<EntityView, ServiceError> {
        let seen = self.seen(vec![entity]).await?.pop();
        let none = || vocabulary::Fault::new(vocabulary::ErrorCode::Internal, "nothing was seen");
        seen.ok_or_else(|| ServiceError::Internal(none()))
    }

    /// What a step of a job printed; `None` when it printed nothing, or its party keeps it.
    pub async fn printed(self, job: &Job, step: &StepName) -> Result<Option<String>, ServiceError> {
        let summary = match self.coordinator.jobs().summary(&task_of(job, step)).await {
            Ok(summary) => summary,
            Err(ServiceError::NotFound(_)) => None,
            Err(error) => return Err(error),
        };
        let printed = summary
            .as_ref()
            .and_then(|summary| summary.get("printed"))
            .and_then(Value::as_str);
        Ok(printed
            .filter(|printed| !printed.is_empty())
            .map(str::to_owned))
    }
}
