//! What a training leaves when it settles.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::{Job, JobKind};
use vocabulary::{Participant, Role, Timestamp};

use crate::filter::{ModelFilter, PartFilter};
use crate::hooks::WhenSettled;
use crate::ports::{Stored, Transaction};
use crate::versions::{FATE_VERSION, ModelKey, ModelPart, ModelVersion};

/// A training leaves a version of its model.
pub(crate) struct KeepTraining;

#[async_trait]
impl WhenSettled for KeepTraining {
    async fn settled(&self, tx: &mut dyn Transaction, job: &Job, at: Timestamp) -> Stored<()> {
        keep_training(tx, job, at).await
    }
}

/// Writes down the version that a training left, with a part for everybody who took part; jobs that train nothing, and
/// those that parties do alone, leave none.
async fn keep_training(tx: &mut dyn Transaction, job: &Job, now: Timestamp) -> Stored<()> {
    let participants: Vec<Participant> = job
        .cast
        .participants()
        .filter(|who| who.role != Role::Local)
        .collect();
    if job.kind != JobKind::Train || participants.is_empty() {
        return Ok(());
    }
    let key = ModelKey::new(job.model_id.clone(), job.model_version.clone());
    let version = ModelVersion {
        key: key.clone(),
        stored: job.model_version.clone(),
        initiator: job.initiator.clone(),
        cast: job.cast.clone(),
        parent: None,
        job: Some(job.id.clone()),
        dialect: job.definition.dialect,
        fate_version: FATE_VERSION.to_owned(),
        train_dsl: job.definition.dsl.clone(),
        train_conf: job.definition.conf.clone(),
        own_inference_dsl: None,
        checkpoints: BTreeMap::new(),
        created: now,
        updated: now,
    };
    tx.put_version(&version).await?;
    let filter = PartFilter {
        model_id: Some(key.model_id.clone()),
        version: Some(key.version.clone()),
        ..PartFilter::default()
    };
    let known = tx.find_parts(&filter).await?;
    let models = tx
        .find_models(&ModelFilter {
            version: Some(version.stored),
            ..ModelFilter::default()
        })
        .await?;
    for owner in participants {
        let own = models
            .iter()
            .filter(|model| model.summary.model.owner == owner);
        let size = own.map(|model| model.summary.size).sum();
        // A rerun settles the job again: what is known of the part stays.
        let part = match known.iter().find(|part| part.owner == owner) {
            Some(part) => ModelPart {
                size,
                updated: now,
                ..part.clone()
            },
            None => ModelPart::new(key.clone(), owner, size, now),
        };
        tx.put_part(&part).await?;
    }
    Ok(())
}
