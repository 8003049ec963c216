//! The DSL: fields of components, kinds of inputs and outputs, data ports.

use serde_json::{Map, Value};

use super::{Notes, Submitted, below, strangers};
use crate::fate::dsl::DATA_PORTS;

const DOCUMENT: [&str; 3] = ["components", "provider", "CodePath"];
const COMPONENT: [&str; 6] = ["module", "input", "output", "provider", "need_deploy", "CodePath"];
const INPUT: [&str; 4] = ["data", "model", "isometric_model", "cache"];
const OUTPUT: [&str; 3] = ["data", "model", "cache"];

/// Looks through a DSL. A predict job runs that of the deployment: of the request's only components count that are not in it.
pub(super) fn look(submitted: &Submitted<'_>, notes: &mut Notes) {
    let Some(document) = submitted.dsl.as_object() else { return };
    let components = document.get("components").and_then(Value::as_object);
    if submitted.trained.is_some() {
        for name in components.into_iter().flat_map(Map::keys).filter(|name| submitted.step(name).is_none()) {
            let what = "is not deployed: a predict job runs the deployed DSL, so it is not run";
            notes.unknown(&below("job_dsl.components", name), what, &[]);
        }
        return;
    }
    strangers(document, ("job_dsl", "is not known"), &DOCUMENT, notes);
    for (name, body) in components.into_iter().flatten() {
        let Some(body) = body.as_object() else { continue };
        let path = below("job_dsl.components", name);
        strangers(body, (&path, "is not known"), &COMPONENT, notes);
        if let Some(inputs) = body.get("input").and_then(Value::as_object) {
            let path = below(&path, "input");
            strangers(inputs, (&path, "is no kind of input"), &INPUT, notes);
            if let Some(ports) = inputs.get("data").and_then(Value::as_object) {
                strangers(ports, (&below(&path, "data"), "is no data input"), &DATA_PORTS, notes);
            }
        }
        if let Some(outputs) = body.get("output").and_then(Value::as_object) {
            strangers(outputs, (&below(&path, "output"), "is no kind of output"), &OUTPUT, notes);
        }
    }
}
