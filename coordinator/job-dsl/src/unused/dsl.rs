//! The DSL: fields of components, kinds of inputs and outputs, data ports and what is wired to them.

use serde_json::{Map, Value};
use vocabulary::Stage;

use super::{Notes, Submitted, below, strangers};
use crate::fate::dsl::DATA_PORTS;

const DOCUMENT: [&str; 3] = ["components", "provider", "CodePath"];
const COMPONENT: [&str; 6] = [
    "module",
    "input",
    "output",
    "provider",
    "need_deploy",
    "CodePath",
];
const INPUT: [&str; 4] = ["data", "model", "isometric_model", "cache"];
/// Inputs that are lists of models.
const MODELS: [&str; 3] = ["model", "isometric_model", "cache"];
const OUTPUT: [&str; 3] = ["data", "model", "cache"];

/// Looks through a DSL. A predict job runs that of the deployment: of the request's only components count that are not in it.
pub(super) fn look(submitted: &Submitted<'_>, notes: &mut Notes) {
    let Some(document) = submitted.dsl.as_object() else {
        return;
    };
    let components = document.get("components").and_then(Value::as_object);
    if submitted.trained.is_some() {
        for name in components
            .into_iter()
            .flat_map(Map::keys)
            .filter(|name| submitted.step(name).is_none())
        {
            let what = "is not deployed: a predict job runs the deployed DSL, so it is not run";
            notes.unknown(&below("job_dsl.components", name), what, &[]);
        }
        return;
    }
    strangers(document, ("job_dsl", "is not known"), &DOCUMENT, notes);
    for (name, body) in components.into_iter().flatten() {
        let Some(body) = body.as_object() else {
            continue;
        };
        let path = below("job_dsl.components", name);
        strangers(body, (&path, "is not known"), &COMPONENT, notes);
        if let Some(inputs) = body.get("input").and_then(Value::as_object) {
            let path = below(&path, "input");
            strangers(inputs, (&path, "is not a kind of input"), &INPUT, notes);
            if let Some(ports) = inputs.get("data").and_then(Value::as_object) {
                let path = below(&path, "data");
                strangers(ports, (&path, "is not a data input"), &DATA_PORTS, notes);
                empty_lists(
                    ports,
                    (&path, "table"),
                    example(document, name, "data"),
                    notes,
                );
                idle_ports(submitted, name, (&path, ports), notes);
            }
        }
        for kind in MODELS {
            let models = body
                .get("input")
                .and_then(|inputs| inputs.get(kind)?.as_array());
            if models.is_some_and(Vec::is_empty) {
                let path = below(&below(&path, "input"), kind);
                brings_nothing((&path, "model"), example(document, name, "model"), notes);
            }
        }
        if let Some(outputs) = body.get("output").and_then(Value::as_object) {
            strangers(
                outputs,
                (&below(&path, "output"), "is not a kind of output"),
                &OUTPUT,
                notes,
            );
        }
    }
}

/// Ports whose list names nothing: they are as if they were not there.
fn empty_lists(
    ports: &Map<String, Value>,
    (path, what): (&str, &str),
    example: Option<String>,
    notes: &mut Notes,
) {
    let known = ports
        .iter()
        .filter(|(port, _)| DATA_PORTS.contains(&port.as_str()));
    for (port, _) in known.filter(|(_, list)| list.as_array().is_some_and(Vec::is_empty)) {
        brings_nothing((&below(path, port), what), example.clone(), notes);
    }
}

fn brings_nothing((path, what): (&str, &str), example: Option<String>, notes: &mut Notes) {
    let such = example
        .map(|example| format!(", such as {example}"))
        .unwrap_or_default();
    notes.idle(
        path,
        &format!("is an empty list and brings no {what}"),
        &format!("name a step's output{such}"),
    );
}

/// Some output of another component.
fn example(document: &Map<String, Value>, reader: &str, kind: &str) -> Option<String> {
    let others = document
        .get("components")
        .and_then(Value::as_object)?
        .iter()
        .filter(|(name, _)| *name != reader);
    others.into_iter().find_map(|(name, body)| {
        let alias = body
            .get("output")?
            .get(kind)?
            .as_array()?
            .first()?
            .as_str()?;
        Some(below(name, alias))
    })
}

/// Tables at ports that the component announces for the other stage only.
fn idle_ports(
    submitted: &Submitted<'_>,
    name: &str,
    (path, ports): (&str, &Map<String, Value>),
    notes: &mut Notes,
) {
    let Some(step) = submitted.step(name).filter(|step| step.stage == Stage::Fit) else {
        return;
    };
    let Some(info) = submitted
        .catalogue
        .iter()
        .find(|info| info.answers_to(&step.module))
    else {
        return;
    };
    let names = |port: &str, stages: &[Option<Stage>]| {
        info.needs
            .iter()
            .any(|need| stages.contains(&need.stage) && need.any_of.iter().any(|own| own == port))
    };
    for (port, list) in ports {
        let is_wired = list.as_array().is_some_and(|list| !list.is_empty());
        if is_wired && names(port, &[Some(Stage::Apply)]) && !names(port, &[None, Some(Stage::Fit)])
        {
            let instead = "apply the model in a second component";
            notes.idle(&below(path, port), "is not read while it trains", instead);
        }
    }
}
