//! What tasks measured and summed up: always of the newest try.

use serde_json::Value;
use vocabulary::{ErrorCode, Fault, JobId, Metric, TaskId};

use crate::components::no_task;
use crate::records::TextKind;
use crate::{Coordinator, ServiceError};

impl Coordinator {
    /// The metrics of a task in the order of their first report, pairs sorted by key.
    pub async fn metrics(&self, id: &TaskId) -> Result<Vec<Metric>, ServiceError> {
        let mut tx = self.inner.store.read().await?;
        let task = tx.task(id).await?.ok_or_else(|| no_task(id))?;
        Ok(tx.metrics(&task.key).await?)
    }

    /// Forgets all metrics of a job; false when there were none.
    pub async fn delete_metrics(&self, id: &JobId) -> Result<bool, ServiceError> {
        let mut tx = self.inner.store.begin().await?;
        let any = tx.delete_metrics(id).await?;
        tx.commit().await?;
        Ok(any)
    }

    /// The summary of a task, as its agent reported it.
    pub async fn summary(&self, id: &TaskId) -> Result<Option<Value>, ServiceError> {
        self.text(id, TextKind::Summary).await
    }

    /// The view of the model a task left, as its agent reported it.
    pub async fn model_view(&self, id: &TaskId) -> Result<Option<Value>, ServiceError> {
        self.text(id, TextKind::ModelView).await
    }

    async fn text(&self, id: &TaskId, kind: TextKind) -> Result<Option<Value>, ServiceError> {
        let mut tx = self.inner.store.read().await?;
        let task = tx.task(id).await?.ok_or_else(|| no_task(id))?;
        let Some(text) = tx.text(&task.key, kind).await? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            let message = format!("the {} of task {id} cannot be read: {error}", kind.word());
            ServiceError::Internal(Fault::new(ErrorCode::Internal, message))
        })
    }
}
