//! What of a deployed model is applied when somebody waits for the prediction: its DSL with a reader where it has none, and
//! without evaluations and what only they need.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use vocabulary::{Role, StepName, TableRef};

use crate::fate::dsl::{self, Component};
use crate::fate::parameters::merged;
use crate::predict::Deployment;

/// The value of the job parameter `purpose` with which a predict job asks for this DSL.
pub const INFERENCE: &str = "inference";

/// Whether a conf asks for a prediction that somebody waits for.
pub fn is_inference(conf: &Value) -> bool {
    let common = conf
        .pointer("/job_parameters/common")
        .unwrap_or(&Value::Null);
    common.get("purpose").and_then(Value::as_str) == Some(INFERENCE)
}

fn is_module(body: &Value, module: &str) -> bool {
    body.get("module")
        .and_then(Value::as_str)
        .is_some_and(|own| own.eq_ignore_ascii_case(module))
}

/// The data references of a component, whatever their port.
fn references(body: &Value) -> Vec<String> {
    let data = body.pointer("/input/data").and_then(Value::as_object);
    let lists = data
        .into_iter()
        .flat_map(Map::values)
        .filter_map(Value::as_array);
    lists
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// The DSL that predict jobs apply: as deployed, and where no reader was deployed, with those of the training.
pub fn predict_dsl(inference_dsl: &Value, train_dsl: &Value) -> Value {
    if readers_of(inference_dsl).is_empty() {
        reading(inference_dsl, train_dsl)
    } else {
        inference_dsl.clone()
    }
}

/// The DSL that predictions online apply: without evaluations, and with readers of the training where some are missing.
pub fn serving_dsl(inference_dsl: &Value, train_dsl: &Value) -> Value {
    let mut asked = inference_dsl.clone();
    if let Some(components) = asked.get_mut("components").and_then(Value::as_object_mut) {
        components.retain(|_, body| !is_module(body, "Evaluation"));
    }
    reading(&asked, train_dsl)
}

/// A deployed component whose input was a reader of the training that is not deployed gets that reader back, under its
/// name, so that what the confs say of it holds.
fn reading(inference_dsl: &Value, train_dsl: &Value) -> Value {
    let mut components: Map<String, Value> = inference_dsl
        .get("components")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let trained = dsl::read(train_dsl, &mut Vec::new());
    let names: Vec<String> = components.keys().cloned().collect();
    for name in &names {
        let Some(original) = trained
            .iter()
            .find(|component| component.name.as_str() == name)
        else {
            continue;
        };
        let Some(body) = components.get_mut(name) else {
            continue;
        };
        if is_module(body, "Reader") || !references(body).is_empty() {
            continue;
        }
        let source = source_of(original, &trained, &names);
        let Some((port, from)) = source.filter(|(_, from)| !from.is_empty()) else {
            continue;
        };
        if let Some(fields) = body.as_object_mut() {
            let input = fields.entry("input").or_insert_with(|| json!({}));
            if let Some(input) = input.as_object_mut() {
                input.insert("data".to_owned(), json!({ port: from }));
            }
        }
        for reader in from
            .iter()
            .filter_map(|reference| reference.split_once('.'))
            .map(|(reader, _)| reader)
        {
            let original = train_dsl
                .get("components")
                .and_then(|components| components.get(reader));
            if let Some(original) = original.filter(|original| is_module(original, "Reader")) {
                components.entry(reader).or_insert_with(|| original.clone());
            }
        }
    }
    let read: BTreeSet<String> = components
        .values()
        .flat_map(references)
        .filter_map(|reference| reference.split_once('.').map(|(maker, _)| maker.to_owned()))
        .collect();
    let kept = components
        .into_iter()
        .filter(|(name, body)| !is_module(body, "Reader") || read.contains(name));
    let mut dsl = inference_dsl.as_object().cloned().unwrap_or_default();
    dsl.insert("components".to_owned(), Value::Object(kept.collect()));
    Value::Object(dsl)
}

/// The port and the makers of what a component reads in the training, over steps that are not deployed.
fn source_of(
    component: &Component,
    trained: &[Component],
    deployed: &[String],
) -> Option<(&'static str, Vec<String>)> {
    let known = trained
        .iter()
        .map(|component| (component.name.as_str(), component))
        .collect();
    Deployment {
        known,
        deployed: deployed.iter().map(String::as_str).collect(),
    }
    .data_of(component)
}

/// The readers of a DSL, in document order.
pub fn readers_of(dsl: &Value) -> Vec<StepName> {
    let components = dsl.get("components").and_then(Value::as_object);
    let readers = components
        .into_iter()
        .flatten()
        .filter(|(_, body)| is_module(body, "Reader"));
    readers
        .filter_map(|(name, _)| StepName::new(name.clone()).ok())
        .collect()
}

/// The components whose stored models a predict DSL applies.
pub fn models_of(dsl: &Value) -> BTreeSet<String> {
    let components = dsl.get("components").and_then(Value::as_object);
    let inputs = components
        .into_iter()
        .flatten()
        .filter_map(|(_, body)| body.get("input")?.as_object());
    let lists = inputs
        .flatten()
        .filter(|(port, _)| port.ends_with("model"))
        .filter_map(|(_, list)| list.as_array());
    let stored = lists
        .flatten()
        .filter_map(|reference| reference.as_str()?.strip_prefix("pipeline."));
    stored
        .filter_map(|rest| rest.split('.').next())
        .map(str::to_owned)
        .collect()
}

/// The table that a conf names for a reader, for the party at a place in its role.
pub fn reader_table(conf: &Value, role: Role, place: usize, reader: &StepName) -> Option<TableRef> {
    let parameters = merged(conf, role.word(), place, reader.as_str());
    let text = |key: &str| parameters.get("table")?.get(key)?.as_str();
    Some(TableRef::new(text("namespace")?, text("name")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predict::inference_dsl;

    fn trained() -> Value {
        let step = |module: &str, port: &str, from: &str| json!({"module": module, "input": {"data": {port: [from]}}, "output": {"data": ["data"], "model": ["model"]}});
        json!({"components": {
            "reader_0": {"module": "Reader", "output": {"data": ["data"]}},
            "reader_1": {"module": "Reader", "output": {"data": ["data"]}},
            "data_transform_0": step("DataTransform", "data", "reader_0.data"),
            "hetero_lr_0": {"module": "HeteroLR", "input": {"data": {
                "train_data": ["data_transform_0.data"], "validate_data": ["reader_1.data"],
            }}, "output": {"data": ["data"], "model": ["model"]}},
            "evaluation_0": step("Evaluation", "data", "hetero_lr_0.data"),
        }})
    }

    fn names(dsl: &Value) -> Vec<&str> {
        let mut names: Vec<&str> = dsl["components"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn gives_predict_jobs_readers_only_where_none_was_deployed() {
        let bare = inference_dsl(
            &["data_transform_0".into(), "hetero_lr_0".into()],
            &trained(),
        )
        .unwrap();
        assert_eq!(
            readers_of(&predict_dsl(&bare, &trained())),
            [StepName::new("reader_0").unwrap()]
        );
        let own = inference_dsl(&[], &trained()).unwrap();
        assert_eq!(predict_dsl(&own, &trained()), own);
    }

    #[test]
    fn gives_a_deployment_without_a_reader_that_of_the_training() {
        let wanted = ["data_transform_0".to_owned(), "hetero_lr_0".to_owned()];
        let dsl = serving_dsl(&inference_dsl(&wanted, &trained()).unwrap(), &trained());
        assert_eq!(names(&dsl), ["data_transform_0", "hetero_lr_0", "reader_0"]);
        assert_eq!(
            dsl["components"]["data_transform_0"]["input"]["data"],
            json!({"data": ["reader_0.data"]})
        );
        assert_eq!(readers_of(&dsl), [StepName::new("reader_0").unwrap()]);
        assert_eq!(models_of(&dsl).into_iter().collect::<Vec<_>>(), wanted);
        let learner = serving_dsl(
            &inference_dsl(&wanted[1..], &trained()).unwrap(),
            &trained(),
        );
        assert_eq!(
            learner["components"]["hetero_lr_0"]["input"]["data"],
            json!({"test_data": ["reader_0.data"]})
        );
    }

    #[test]
    fn leaves_evaluations_and_idle_readers_out_and_the_rest_as_it_is() {
        let whole = inference_dsl(&[], &trained()).unwrap();
        let dsl = serving_dsl(&whole, &trained());
        assert_eq!(names(&dsl), ["data_transform_0", "hetero_lr_0", "reader_0"]);
        assert_eq!(
            dsl["components"]["hetero_lr_0"],
            whole["components"]["hetero_lr_0"]
        );
        assert_eq!(serving_dsl(&dsl, &trained()), dsl);
        let own = json!({"provider": "fate", "components": {
            "other_0": {"module": "Reader", "output": {"data": ["data"]}},
            "data_transform_0": {"module": "DataTransform", "input": {"data": {"data": ["other_0.data"]}}},
        }});
        assert_eq!(
            serving_dsl(&own, &trained()),
            own,
            "a reader of its own stays"
        );
        assert_eq!(
            names(&serving_dsl(&json!({}), &json!(3))),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn finds_the_tables_of_a_conf() {
        let table = |name: &str| json!({"reader_0": {"table": {"name": name, "namespace": "n"}}});
        let conf = json!({"component_parameters": {"role": {"guest": {"0": table("g")}, "host": {"0|1": table("h")}}}});
        let reader = StepName::new("reader_0").unwrap();
        let found = |role, place| reader_table(&conf, role, place, &reader).map(|table| table.name);
        assert_eq!(found(Role::Guest, 0).as_deref(), Some("g"));
        assert_eq!(found(Role::Host, 1).as_deref(), Some("h"));
        assert_eq!(
            (
                found(Role::Host, 2),
                reader_table(&json!(3), Role::Guest, 0, &reader)
            ),
            (None, None)
        );
        assert!(
            is_inference(&json!({"job_parameters": {"common": {"purpose": "inference"}}}))
                && !is_inference(&conf)
        );
    }
}
