//! `pipeline/dag/dependency`: how the steps of a job hang together, read from its DSL.

use std::collections::BTreeSet;

use domain::Job;
use rest::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use vocabulary::Participant;

use super::FateFlow;
use super::job_view::{find_job, meant};
use super::reply::answer;
use super::request::Call;

pub(super) async fn dependency(api: FateFlow, call: Call) -> Answer {
    call.checked(&["role", "party_id"])?;
    let named = call.text("job_id");
    if let Some(id) = named {
        let unknown = || Failure::exception("Exception", &format!("query job {id} failed"));
        let job = find_job(&api, &call).await?.ok_or_else(unknown)?;
        let viewer = meant(&job, &call).ok_or_else(unknown)?;
        let dsl = &job.definition.dsl;
        let order: Vec<String> = job
            .definition
            .graph
            .steps
            .iter()
            .map(|step| step.name.to_string())
            .collect();
        return answer(Reply::data(view(dsl, &order, need_run(&job, &viewer.of))));
    }
    let dsl = call
        .body
        .get("job_dsl")
        .or_else(|| call.body.get("dsl"))
        .cloned()
        .unwrap_or(Value::Null);
    if !dsl.get("components").is_some_and(Value::is_object) {
        return Err(Failure::parameters_missing(&["job_dsl"]));
    }
    answer(Reply::data(view(&dsl, &topological(&dsl), json!({}))))
}

/// For every component with a task at the participant, whether the task has something to do.
fn need_run(job: &Job, participant: &Participant) -> Value {
    let steps = job
        .definition
        .graph
        .steps
        .iter()
        .filter(|step| step.participants.contains(participant));
    Value::Object(
        steps
            .map(|step| {
                (
                    step.name.to_string(),
                    json!(!step.skipped.contains(participant)),
                )
            })
            .collect(),
    )
}

fn view(dsl: &Value, order: &[String], need_run: Value) -> Value {
    let mut modules = Map::new();
    let mut dependencies = Map::new();
    for name in order {
        let Some(component) = dsl.pointer("/components").and_then(|all| all.get(name)) else {
            continue;
        };
        modules.insert(
            name.clone(),
            component.get("module").cloned().unwrap_or(Value::Null),
        );
        let inputs = inputs(dsl, component);
        if !inputs.is_empty() {
            let shown = inputs.iter().map(|input| {
                let output = json!([input.kind, input.index]);
                json!({"component_name": input.from, "type": input.port, "up_output_info": output})
            });
            dependencies.insert(name.clone(), shown.collect());
        }
    }
    json!({
        "component_list": order,
        "component_module": modules,
        "component_need_run": need_run,
        "dependencies": dependencies,
    })
}

struct Input<'a> {
    from: &'a str,
    port: &'a str,
    kind: &'static str,
    index: usize,
}

/// The inputs of a component that come from other components of the DSL: data first, then models, then caches.
fn inputs<'a>(dsl: &'a Value, component: &'a Value) -> Vec<Input<'a>> {
    let mut found = Vec::new();
    let mut add = |list: &'a Value, port: &'a str, kind: &'static str| {
        for reference in list
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            let mut parts = reference.split('.');
            let (Some(from), Some(alias)) = (parts.next(), parts.next()) else {
                continue;
            };
            let Some(upstream) = dsl.get("components").and_then(|all| all.get(from)) else {
                continue;
            };
            let outputs = upstream
                .pointer("/output")
                .and_then(|output| output.get(kind))
                .and_then(Value::as_array);
            let index = outputs
                .into_iter()
                .flatten()
                .position(|output| output.as_str() == Some(alias))
                .unwrap_or(0);
            found.push(Input {
                from,
                port,
                kind,
                index,
            });
        }
    };
    let Some(input) = component.get("input").and_then(Value::as_object) else {
        return found;
    };
    for (port, list) in input
        .get("data")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        add(list, port, "data");
    }
    for key in ["model", "isometric_model"] {
        input
            .get(key)
            .into_iter()
            .for_each(|list| add(list, "model", "model"));
    }
    input
        .get("cache")
        .into_iter()
        .for_each(|list| add(list, "cache", "cache"));
    found
}

/// The components in an order in which each follows those it needs; what hangs in a loop comes last, as written.
fn topological(dsl: &Value) -> Vec<String> {
    let Some(components) = dsl.get("components").and_then(Value::as_object) else {
        return Vec::new();
    };
    let mut order: Vec<String> = Vec::with_capacity(components.len());
    let mut placed = BTreeSet::new();
    loop {
        let ready = components.iter().find(|(name, component)| {
            !placed.contains(name.as_str())
                && inputs(dsl, component)
                    .iter()
                    .all(|input| placed.contains(input.from))
        });
        let Some((name, _)) = ready else { break };
        placed.insert(name.as_str());
        order.push(name.clone());
    }
    order.extend(
        components
            .keys()
            .filter(|name| !placed.contains(name.as_str()))
            .cloned(),
    );
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_where_inputs_come_from() {
        let dsl = json!({"components": {
            "hetero_lr_0": {"module": "HeteroLR", "input": {"data": {"train_data": ["selection_0.data"]}}},
            "selection_0": {"module": "HeteroFeatureSelection", "output": {"data": ["data"]}, "input": {
                "data": {"data": ["binning_0.second", "args.x", 7]}, "isometric_model": ["binning_0.m"]}},
            "binning_0": {"module": "HeteroFeatureBinning", "output": {"data": ["first", "second"], "model": ["m"]}},
        }});
        let shown = view(&dsl, &topological(&dsl), json!({}));
        assert_eq!(
            shown["component_list"],
            json!(["binning_0", "selection_0", "hetero_lr_0"])
        );
        assert_eq!(
            shown["dependencies"],
            json!({
                "selection_0": [
                    {"component_name": "binning_0", "type": "data", "up_output_info": ["data", 1]},
                    {"component_name": "binning_0", "type": "model", "up_output_info": ["model", 0]},
                ],
                "hetero_lr_0": [{"component_name": "selection_0", "type": "train_data", "up_output_info": ["data", 0]}],
            })
        );
    }

    #[test]
    fn lists_the_components_of_a_loop_too() {
        let dsl = json!({"components": {"a": {"input": {"data": {"data": ["b.x"]}}}, "b": {"input": {"data": {"data": ["a.x"]}}}, "c": 1}});
        assert_eq!(topological(&dsl), ["c", "a", "b"]);
    }
}
