//! What tasks measured and summed up: always of the newest try.

use domain::ModelSource;
use serde_json::Value;
use vocabulary::{ErrorCode, Fault, JobId, Metric, PartyId, TaskId};

use crate::bounds::give_back;
use crate::filter::ModelFilter;
use crate::jobs::Jobs;
use crate::models::view_of;
use crate::records::TextKind;
use crate::{Principal, ServiceError};

impl Jobs<'_> {
    /// The metrics of a task in the order of their first report, pairs sorted by key.
    pub async fn metrics(self, id: &TaskId) -> Result<Vec<Metric>, ServiceError> {
        let mut tx = self.coordinator.inner.store.read().await?;
        let task = tx
            .task(id)
            .await?
            .ok_or_else(|| ServiceError::no_task(id))?;
        Ok(tx.metrics(&task.key).await?)
    }

    /// Forgets the metrics of a job, a party's user those of its party's tasks; false when there were none.
    pub async fn delete_metrics(self, who: &Principal, id: &JobId) -> Result<bool, ServiceError> {
        let mut tx = self.coordinator.inner.store.begin().await?;
        let any = tx.delete_metrics(id, who.party()).await?;
        tx.commit().await?;
        Ok(any)
    }

    /// Forgets the metrics and summaries of one party's tasks in a job that is cleaned, and gives back what they counted
    /// for the bounds. A party's user has no say over those of others.
    pub async fn forget_told(
        self,
        who: &Principal,
        id: &JobId,
        party: &PartyId,
    ) -> Result<(), ServiceError> {
        if who.party().is_some_and(|own| own != party) {
            // No error: a party's user who cleans a job cleans his own part of it, and the rest
            // stays.
            return Ok(());
        }
        let mut tx = self.coordinator.inner.store.begin().await?;
        let Some(job) = tx.job(id).await? else {
            return Err(ServiceError::no_job(id));
        };
        let tenant = tx
            .experiment(&job.experiment)
            .await?
            .map(|experiment| experiment.tenant);
        tx.delete_metrics(id, Some(party)).await?;
        tx.delete_texts(id, party, TextKind::Summary).await?;
        give_back(&mut *tx, &job, party, tenant.as_ref()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The summary of a task, as its agent reported it.
    pub async fn summary(self, id: &TaskId) -> Result<Option<Value>, ServiceError> {
        self.text(id, TextKind::Summary).await
    }

    /// The view of the model a task left, as its agent reported it; in a predict job, of the model it applied.
    pub async fn model_view(self, id: &TaskId) -> Result<Option<Value>, ServiceError> {
        if let Some(own) = self.text(id, TextKind::ModelView).await? {
            return Ok(Some(own));
        }
        let job = self.get(&id.job).await?;
        let step = job.definition.graph.step(&id.step);
        let stored = step
            .into_iter()
            .flat_map(|step| &step.models)
            .find_map(|edge| match &edge.source {
                ModelSource::Stored { version, step, .. } if edge.port == "model" => {
                    Some((version, step))
                }
                _ => None,
            });
        let Some((version, step)) = stored else {
            return Ok(None);
        };
        let owner = Some(id.participant());
        let filter = ModelFilter {
            version: Some(version.clone()),
            step: Some(step.clone()),
            owner,
            job: None,
        };
        let mut tx = self.coordinator.inner.store.read().await?;
        let Some(model) = tx.find_models(&filter).await?.into_iter().next() else {
            return Ok(None);
        };
        view_of(
            &mut *tx,
            &TaskId {
                job: model.job,
                step: step.clone(),
                ..id.clone()
            },
        )
        .await
    }

    async fn text(self, id: &TaskId, kind: TextKind) -> Result<Option<Value>, ServiceError> {
        let mut tx = self.coordinator.inner.store.read().await?;
        let task = tx
            .task(id)
            .await?
            .ok_or_else(|| ServiceError::no_task(id))?;
        let Some(text) = tx.text(&task.key, kind).await? else {
            return Ok(None);
        };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            let message = format!("the {} of task {id} cannot be read: {error}", kind.word());
            ServiceError::Internal(Fault::new(ErrorCode::Internal, message))
        })
    }
}
