//! What is put away takes nothing new: neither jobs of an experiment that is archived, nor work with a model that was trained
//! in one. Every way to begin work comes by here, whichever API it was asked through.

use domain::Experiment;
use serde_json::Value;
use vocabulary::{Fault, JobId};

use crate::ServiceError;
use crate::filter::VersionFilter;
use crate::ports::Transaction;
use crate::versions::ModelVersion;

/// Refuses an experiment on which no new work may start.
pub(crate) fn takes_work(experiment: &Experiment) -> Result<(), Fault> {
    experiment.refusal().map_or(Ok(()), |fault| {
        Err(fault.path("job_parameters.common.experiment"))
    })
}

/// Refuses a model whose training stands in an archived experiment. What was trained elsewhere stands in none, and a model
/// outlives an experiment that is deleted.
pub(crate) async fn model_takes_work(
    tx: &mut dyn Transaction,
    version: &ModelVersion,
) -> Result<(), ServiceError> {
    // what was deployed, or migrated, names the training under whose version the models are kept
    let stored = JobId::new(version.stored.clone()).ok();
    let Some(training) = version.job.clone().or(stored) else {
        return Ok(());
    };
    let Some(job) = tx.job(&training).await? else {
        return Ok(());
    };
    match tx
        .experiment(&job.experiment)
        .await?
        // A deleted experiment holds nothing back: nobody could take the model out of it again.
        .filter(|experiment| experiment.archived && !experiment.deleted)
    {
        Some(experiment) => takes_work(&experiment).map_err(|fault| {
            let message = format!(
                "model {} version {}: {}",
                version.key.model_id, version.key.version, fault.message
            );
            let fault = Fault { message, ..fault }.path("job_parameters.common.model_version");
            ServiceError::Conflict(fault.next("unarchive the experiment, or choose another model"))
        }),
        None => Ok(()),
    }
}

/// Refuses documents that apply such a model.
pub(crate) async fn documents_take_work(
    tx: &mut dyn Transaction,
    (dsl, conf): (&Value, &Value),
) -> Result<(), ServiceError> {
    // what is wrong with the request is told by those who read it
    let Ok(Some(wanted)) = job_dsl::predict_request(dsl, conf) else {
        return Ok(());
    };
    let filter = VersionFilter {
        model_id: Some(wanted.model_id),
        versions: vec![wanted.model_version],
    };
    for version in tx.find_versions(&filter).await? {
        model_takes_work(tx, &version).await?;
    }
    Ok(())
}
