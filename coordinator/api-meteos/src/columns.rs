//! One thing as columns: what lists are filtered and sorted by, and what views are cut from.

use chrono::DateTime;
use domain::meteos::{Dataset, LearnedModel, ModelUse, Profile, Serving, Standing};
use domain::{Experiment, Workspace};
use serde_json::{Map, Value, json};
use service::EntityView;
use vocabulary::{Fault, Timestamp};

use super::collection::Noun;

/// The template of experiments that were made without one.
pub(super) const DEFAULT_TEMPLATE: &str = "00000000-0000-4000-8000-000000000001";

/// A thing in columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) columns: Map<String, Value>,
    pub(super) created: Timestamp,
    /// Behind it, for what its job printed.
    pub(super) seen: Option<EntityView>,
}

impl Item {
    pub(super) fn text(&self, column: &str) -> &str {
        self.columns
            .get(column)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(super) fn status(&self) -> &str {
        self.text("status")
    }
}

/// A moment as this API writes it: six digits, no zone.
pub(super) fn moment(at: Timestamp) -> String {
    let time = DateTime::from_timestamp_micros(at.0).unwrap_or_default();
    time.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

/// Empty text is null.
fn text(text: Option<&str>) -> Value {
    text.filter(|text| !text.is_empty())
        .map_or(Value::Null, |text| json!(text))
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// What every kind has.
fn common(
    seen: &EntityView,
    project: &str,
    status: &str,
    description: Option<&str>,
) -> Map<String, Value> {
    let entity = &seen.entity;
    map(json!({
        "id": entity.id,
        "created_at": moment(entity.created),
        "updated_at": moment(entity.modified),
        "status": status,
        "display_name": text(entity.name.as_deref()),
        "display_description": text(description),
        "user_id": text(Some(&entity.creator)),
        "project_id": project,
        // its job is put away with its experiment
        "archived": seen.job.as_ref().is_some_and(|job| job.archived.is_some()),
    }))
}

fn word(standing: &Standing) -> &'static str {
    match standing {
        Standing::Making => "creating",
        Standing::Made => "available",
        Standing::Failed(_) => "error",
    }
}

fn stderr(standing: &Standing) -> Value {
    match standing {
        Standing::Failed(why) => json!(why),
        Standing::Making | Standing::Made => Value::Null,
    }
}

/// How a model stands, in this API's words.
pub(super) fn model_word(model: &LearnedModel, standing: &Standing) -> &'static str {
    match (standing, model.serving) {
        (Standing::Making, _) if model.recreated => "recreating",
        (Standing::Made, Serving::Loading) => "activating",
        (Standing::Made, Serving::Loaded) => "active",
        (Standing::Made, Serving::Unloading) => "deactivating",
        (other, _) => word(other),
    }
}

/// How an experiment stands, in this API's words.
fn experiment_word(experiment: &Experiment) -> &'static str {
    match (&experiment.workspace, experiment.archived) {
        (_, true) => "inactive",
        (Workspace::Preparing, false) => "creating",
        (Workspace::Ready, false) => "available",
        (Workspace::Broken(_), false) => "error",
    }
}

/// An experiment in columns.
pub(super) fn of_experiment(experiment: Experiment, project: &str) -> Item {
    let detail = |key: &str| text(experiment.details.get(key).and_then(Value::as_str));
    let columns = map(json!({
        "id": experiment.id.as_str(),
        "created_at": moment(experiment.created),
        "updated_at": moment(experiment.modified),
        "status": experiment_word(&experiment),
        "display_name": text(experiment.display_name.as_deref()),
        "display_description": text(Some(&experiment.description)),
        "user_id": text(Some(&experiment.creator)),
        "project_id": project,
        "template_id": experiment.profile.as_deref().unwrap_or(DEFAULT_TEMPLATE),
        "key_name": detail("key_name"),
        "neutron_management_network": detail("neutron_management_network"),
    }));
    Item {
        columns,
        created: experiment.created,
        seen: None,
    }
}

/// The template that experiments have which were made without one.
pub(super) fn default_template(project: &str) -> Item {
    let columns = map(json!({
        "id": DEFAULT_TEMPLATE,
        "created_at": moment(Timestamp(0)),
        "status": "available",
        "display_name": "default",
        "display_description": "whatever the parties' agents allow",
        "user_id": null,
        "project_id": project,
        "cluster_id": null,
    }));
    Item {
        columns,
        created: Timestamp(0),
        seen: None,
    }
}

/// Anything else in columns.
pub(super) fn of_seen(noun: Noun, seen: EntityView, project: &str) -> Result<Item, Fault> {
    let entity = &seen.entity;
    let mut columns;
    match noun {
        Noun::Template | Noun::Experiment => {
            let profile: Profile = entity.read()?;
            columns = common(&seen, project, "available", profile.description.as_deref());
            columns.extend(map(json!({
                "image_id": profile.image,
                "master_nodes_num": profile.masters,
                "master_flavor_id": profile.master_flavor,
                "worker_nodes_num": profile.workers,
                "worker_flavor_id": profile.worker_flavor,
                "spark_version": profile.engine,
                "floating_ip_pool": profile.pool,
                "cluster_id": null,
            })));
        }
        Noun::Dataset => {
            let dataset: Dataset = entity.read()?;
            columns = common(
                &seen,
                project,
                word(&seen.standing),
                dataset.description.as_deref(),
            );
            columns.extend(map(json!({
                "source_dataset_url": dataset.source,
                "experiment_id": entity.parent,
                "method": dataset.method,
                "params": dataset.params,
                "head": null,
                "stderr": stderr(&seen.standing),
            })));
        }
        Noun::Model => {
            let model: LearnedModel = entity.read()?;
            columns = common(
                &seen,
                project,
                model_word(&model, &seen.standing),
                model.description.as_deref(),
            );
            columns.extend(map(json!({
                "source_dataset_url": model.source,
                "dataset_format": model.format,
                "experiment_id": entity.parent,
                "model_type": model.model_type,
                "model_params": model.params,
                "stdout": null,
                "stderr": stderr(&seen.standing),
            })));
        }
        Noun::Evaluation | Noun::Learning => {
            let asked: ModelUse = entity.read()?;
            columns = common(
                &seen,
                project,
                word(&seen.standing),
                asked.description.as_deref(),
            );
            columns.extend(map(json!({
                "source_dataset_url": asked.source,
                "model_id": asked.model,
                "model_type": asked.model_type,
                "method": asked.method,
                "args": asked.args,
                "stdout": null,
                "stderr": stderr(&seen.standing),
            })));
        }
    }
    Ok(Item {
        columns,
        created: entity.created,
        seen: Some(seen),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_six_digits_and_no_zone() {
        assert_eq!(
            moment(Timestamp(1_472_000_000_000_000)),
            "2016-08-24T00:53:20.000000"
        );
        assert_eq!(
            moment(Timestamp(1_472_000_000_000_007)),
            "2016-08-24T00:53:20.000007"
        );
    }

    #[test]
    fn a_model_has_words_of_its_own() {
        let model = |serving, recreated| LearnedModel {
            serving,
            recreated,
            ..LearnedModel::default()
        };
        let failed = Standing::Failed("x".into());
        for (model, standing, word) in [
            (
                model(Serving::Unloaded, false),
                Standing::Making,
                "creating",
            ),
            (
                model(Serving::Unloaded, true),
                Standing::Making,
                "recreating",
            ),
            (model(Serving::Unloaded, true), Standing::Made, "available"),
            (model(Serving::Loading, false), Standing::Made, "activating"),
            (model(Serving::Loaded, false), Standing::Made, "active"),
            (
                model(Serving::Unloading, false),
                Standing::Made,
                "deactivating",
            ),
            (model(Serving::Loaded, false), failed, "error"),
        ] {
            assert_eq!(model_word(&model, &standing), word);
        }
    }
}
