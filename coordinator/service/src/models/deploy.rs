//! Deploying: which of a training's steps predict jobs apply becomes a version of its own.

use std::collections::BTreeMap;

use domain::Dialect;
use job_dsl::{Diagnostic, deployed_by_default, inference_dsl, verify_inference_dsl};
use serde_json::{Map, Value, json};
use vocabulary::{CheckpointRef, ErrorCode, Fault, Participant, Role};

use super::documents::version_in;
use super::{denied, no_version};
use crate::ServiceError;
use crate::archived::model_takes_work;
use crate::filter::PartFilter;
use crate::models::Models;
use crate::ports::Transaction;
use crate::principal::Principal;
use crate::versions::{ModelKey, ModelPart, ModelVersion};

/// What of a training is to be deployed. Without a list and a DSL: every component.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Deploy {
    /// These components.
    pub components: Vec<String>,
    /// What this DSL names.
    pub dsl: Option<Value>,
    /// Which state kept while it was learned is to be applied, by component: `{"hetero_lr_0": {"step_index": 3}}`.
    pub checkpoints: Map<String, Value>,
}

/// What came of a deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployed {
    /// The version that was made; where every participant failed, the one that would have been.
    pub key: ModelKey,
    /// What came of it at each participant: a warning (empty for none), or why it failed.
    pub parts: Vec<(Participant, Result<String, String>)>,
}

impl Deployed {
    /// Whether it stands at every participant.
    pub fn is_whole(&self) -> bool {
        self.parts.iter().all(|(_, part)| part.is_ok())
    }
}

impl Models<'_> {
    /// Makes the models of a training available to predict jobs, under a version of their own. What fails at participants
    /// stands in the result. `NotFound` when the version is not here; `Conflict` when the initiator's part of it is not, or its
    /// training stands in an archived experiment.
    pub async fn deploy(
        self,
        who: &Principal,
        key: &ModelKey,
        what: Deploy,
    ) -> Result<Deployed, ServiceError> {
        let now = self.coordinator.now();
        let mut tx = self.coordinator.inner.store.begin().await?;
        let train = version_in(&mut *tx, key)
            .await?
            .ok_or_else(|| no_version(key))?;
        if let Some(party) = who.party().filter(|party| !train.concerns(party)) {
            let message = format!("party {party} takes no part in model {}", key.model_id);
            return Err(ServiceError::Denied(denied(party, message)));
        }
        model_takes_work(&mut *tx, &train).await?;
        let parts = parts_of(&mut *tx, key).await?;
        if !parts.iter().any(|part| part.owner == train.initiator) {
            let message = format!(
                "the initiator's part of model {} version {} is not here",
                key.model_id, key.version
            );
            return Err(ServiceError::Conflict(Fault::new(
                ErrorCode::ModelMissing,
                message,
            )));
        }
        let chosen = chosen(&train, what);
        let mut child = key.clone();
        loop {
            child.version = self
                .coordinator
                .jobs()
                .next_id(now)
                .map_err(ServiceError::Internal)?
                .to_string();
            // FATE answers a deployment that failed everywhere with a version all the same; nothing
            // is stored under it.
            let Ok((dsl, checkpoints, _)) = &chosen else {
                break;
            };
            let version = ModelVersion {
                key: child.clone(),
                parent: Some(key.clone()),
                job: None,
                train_conf: renamed(&train.train_conf, &child),
                own_inference_dsl: Some(dsl.clone()),
                checkpoints: checkpoints.clone(),
                created: now,
                updated: now,
                ..train.clone()
            };
            if tx.insert_version(&version).await? {
                break;
            }
        }
        let mut told = Vec::new();
        for owner in train
            .cast
            .participants()
            // Local participants keep no part of a model.
            .filter(|owner| owner.role != Role::Local)
        {
            let own = parts.iter().find(|part| part.owner == owner);
            let outcome = match (&chosen, own) {
                (Err(why), _) => Err(why.clone()),
                (Ok(_), None) => Err(format!(
                    "Model {} {} does not exist.",
                    key.model_id, key.version
                )),
                (Ok((_, _, warning)), Some(own)) => {
                    tx.put_part(&ModelPart::new(child.clone(), owner.clone(), own.size, now))
                        .await?;
                    Ok(warning.clone())
                }
            };
            told.push((owner, outcome));
        }
        tx.commit().await?;
        tracing::info!(model = %child.model_id, version = %child.version, parent = %key.version, "deployed");
        Ok(Deployed {
            key: child,
            parts: told,
        })
    }
}

async fn parts_of(
    tx: &mut dyn Transaction,
    key: &ModelKey,
) -> Result<Vec<ModelPart>, ServiceError> {
    let filter = PartFilter {
        model_id: Some(key.model_id.clone()),
        version: Some(key.version.clone()),
        ..PartFilter::default()
    };
    Ok(tx.find_parts(&filter).await?)
}

type DeployChoice = (Value, BTreeMap<String, CheckpointRef>, String);

/// The DSL to apply with its checkpoints and a warning; or why there is none, in the words of FATE's parties.
fn chosen(train: &ModelVersion, what: Deploy) -> Result<DeployChoice, String> {
    if !train.is_parent() {
        return Err("Child model could not be deployed.".to_owned());
    }
    let Deploy {
        components,
        dsl,
        checkpoints,
    } = what;
    if !components.is_empty() && dsl.is_some() {
        return Err("'cpn_list' should not be set when 'predict_dsl' is set".to_owned());
    }
    let mut warning = String::new();
    let dsl = match (train.dialect, dsl) {
        (Dialect::FateV1, None) if components.is_empty() => {
            "the model is of dsl_version 1 and was converted to dsl_version 2"
                .clone_into(&mut warning);
            inference_dsl(&deployed_by_default(&train.train_dsl), &train.train_dsl)
        }
        (Dialect::FateV1, _) => {
            return Err(
                "'cpn_list' and 'dsl' should not be set for a model of dsl_version 1".to_owned(),
            );
        }
        (Dialect::FateV2, Some(dsl)) => verify_inference_dsl(&dsl).map(|()| dsl),
        (Dialect::FateV2, None) => inference_dsl(&components, &train.train_dsl),
    };
    let dsl = dsl.map_err(|found| {
        found
            .first()
            .map_or_else(String::new, Diagnostic::to_string)
    })?;
    let checkpoints = checkpoints
        .into_iter()
        .map(|(component, checkpoint)| read_checkpoint(component, checkpoint, &dsl))
        .collect::<Result<_, _>>()?;
    Ok((dsl, checkpoints, warning))
}

fn read_checkpoint(
    component: String,
    checkpoint: Value,
    dsl: &Value,
) -> Result<(String, CheckpointRef), String> {
    if dsl
        .get("components")
        .and_then(|components| components.get(&component))
        .is_none()
    {
        return Err(format!(
            "component {component} of components_checkpoint is not deployed"
        ));
    }
    // Ask by one of the two, the index by a number or its text.
    let index = checkpoint
        .get("step_index")
        .filter(|index| !index.is_null());
    let number = index.and_then(|index| {
        index
            .as_u64()
            .or_else(|| index.as_str()?.trim().parse().ok())
    });
    let name = checkpoint.get("step_name").and_then(Value::as_str);
    let chosen = match (
        index.is_some(),
        number.and_then(|number| u32::try_from(number).ok()),
        name,
    ) {
        (true, Some(number), None) => CheckpointRef::StepIndex(number),
        (false, _, Some(name)) => CheckpointRef::StepName(name.to_owned()),
        _ => {
            return Err(format!(
                "components_checkpoint of {component} needs one of step_index and step_name"
            ));
        }
    };
    Ok((component, chosen))
}

/// The conf of the training under another model id and version.
fn renamed(conf: &Value, key: &ModelKey) -> Value {
    let mut conf = conf.clone();
    if let Some(Value::Object(common)) = conf.pointer_mut("/job_parameters/common") {
        common.insert("model_id".to_owned(), json!(key.model_id));
        common.insert("model_version".to_owned(), json!(key.version));
    }
    conf
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_one_checkpoint_for_each_component_of_the_dsl() {
        let dsl = json!({"components": {"lr_0": {"module": "HeteroLR"}}});
        let read = |component: &str, checkpoint: Value| {
            read_checkpoint(component.to_owned(), checkpoint, &dsl)
        };
        assert_eq!(
            read("lr_0", json!({"step_index": "3"})).unwrap().1,
            CheckpointRef::StepIndex(3)
        );
        assert_eq!(
            read("lr_0", json!({"step_index": 0})).unwrap().1,
            CheckpointRef::StepIndex(0)
        );
        assert_eq!(
            read("lr_0", json!({"step_name": "x"})).unwrap().1,
            CheckpointRef::StepName("x".to_owned())
        );
        for wrong in [
            json!({}),
            json!(3),
            json!({"step_index": -1}),
            json!({"step_index": 1, "step_name": "x"}),
            json!(null),
        ] {
            assert!(read("lr_0", wrong.clone()).is_err(), "{wrong}");
        }
        assert!(
            read("lr_1", json!({"step_index": 3}))
                .unwrap_err()
                .contains("not deployed")
        );
    }
}
