//! The party alone: asks for the copy, and says where it is.

use component_kit::{ModelCopy, Result, TaskContext};
use serde_json::json;
use vocabulary::Tells;

use super::params::Params;

pub(super) async fn store(task: &TaskContext, params: Params) -> Result<()> {
    let Params {
        model_id,
        model_version,
        ..
    } = params.clone();
    task.info(format!("storing model {model_id} version {model_version}"));
    let request = ModelCopy {
        party_model_id: model_id,
        model_version,
        replace: params.force_update.is_set(),
    };
    let copied = task.store_model(request.clone()).await?;
    let ModelCopy {
        party_model_id,
        model_version,
        ..
    } = request;
    let summary = json!({
        "model_id": party_model_id, "model_version": model_version, "place": copied.place, "bytes": copied.bytes,
    });
    task.metrics(&[Tells::Counts]).summary(&summary);
    task.progress(1.0, format!("{} bytes stored", copied.bytes));
    Ok(())
}
