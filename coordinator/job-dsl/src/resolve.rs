//! Joining inputs to outputs: aliases become edges, and the components of a DSL become ordered steps.

use std::collections::HashMap;

use domain::{DataEdge, Graph, ModelEdge, ModelSource, Step};
use vocabulary::nearest::hint;
use vocabulary::{Stage, StepName};

use crate::TrainedPipeline;
use crate::diagnostic::{Diagnostic, Rule};
use crate::fate::dsl::{Component, DATA_PORTS, Reference};

/// The word that stands for the stored models in the DSL of a predict job.
const STORED: &str = "pipeline";

/// Joins the components of a DSL to a graph of steps that have no participants and parameters yet.
///
/// `stored` is the model that a predict job applies.
pub(crate) fn resolve(
    components: &[Component],
    stored: Option<&TrainedPipeline>,
    found: &mut Vec<Diagnostic>,
) -> Option<Graph> {
    let known: HashMap<&str, &Component> = components
        .iter()
        .map(|component| (component.name.as_str(), component))
        .collect();
    let joined = Joined { known, stored };
    let before = found.len();
    let steps: Vec<Step> = components
        .iter()
        .map(|component| joined.step(component, found))
        .collect();
    // An edge that is missing would hide or invent a loop, so the order is looked at only when all
    // are there.
    if found.len() > before {
        return None;
    }
    match Graph::ordered(steps) {
        Ok(graph) => Some(graph),
        Err(cycle) => {
            let first = cycle
                .steps
                .first()
                .map_or_else(String::new, |step| format!(".{step}"));
            let names: Vec<&str> = cycle.steps.iter().map(StepName::as_str).collect();
            let meaning = format!(
                "components wait for each other in a loop: {}",
                names.join(" -> ")
            );
            let path = format!("job_dsl.components{first}.input");
            let diagnostic =
                Diagnostic::new(Rule::NoLoop, cycle.to_string(), path).meaning(meaning);
            found.push(
                diagnostic.next("take one of these inputs from a component outside the loop"),
            );
            None
        }
    }
}

struct Joined<'a> {
    known: HashMap<&'a str, &'a Component>,
    stored: Option<&'a TrainedPipeline>,
}

impl Joined<'_> {
    fn step(&self, component: &Component, found: &mut Vec<Diagnostic>) -> Step {
        let ours = component
            .data
            .iter()
            .filter(|reference| DATA_PORTS.contains(&reference.port.as_str()));
        let inputs = ours
            .filter_map(|reference| self.data_edge(component, reference, found))
            .collect();
        let models = component
            .models
            .iter()
            .filter_map(|reference| self.model_edge(component, reference, found))
            .collect();
        Step {
            name: component.name.clone(),
            component: String::new(),
            module: component.module.clone(),
            version: 0,
            stage: self.stage(component),
            participants: Vec::new(),
            skipped: Vec::new(),
            inputs,
            models,
            outputs: component.outputs.clone(),
            model_outputs: component.model_outputs.clone(),
            parameters: Vec::new(),
        }
    }

    /// A model of the same module makes a step apply it; with training data beside it, it is a warm start. All steps of a
    /// predict job apply.
    fn stage(&self, component: &Component) -> Stage {
        if self.stored.is_some() {
            return Stage::Apply;
        }
        let trains = component
            .data
            .iter()
            .any(|reference| reference.port == "train_data");
        let reads_own_model = component
            .models
            .iter()
            .filter(|reference| reference.port == "model")
            .any(|reference| {
                let maker = self.known.get(reference.upstream.as_str());
                maker.is_some_and(|maker| {
                    same_module(&maker.module, &component.module)
                        || same_module(&maker.module, "ModelLoader")
                })
            });
        if reads_own_model && !trains {
            Stage::Apply
        } else {
            Stage::Fit
        }
    }

    fn data_edge(
        &self,
        reader: &Component,
        reference: &Reference,
        found: &mut Vec<Diagnostic>,
    ) -> Option<DataEdge> {
        let Reference {
            upstream,
            alias,
            path,
            ..
        } = reference;
        let Some(maker) = self.known.get(upstream.as_str()) else {
            let message = format!(
                "Component {}'s data input {upstream} does not exist",
                reader.name
            );
            found.push(self.unknown_upstream(Rule::DataUpstream, message, reference));
            return None;
        };
        let Some(index) = maker.outputs.iter().position(|output| output == alias) else {
            let message = format!(
                "Component {}' s {upstream} input data's output {alias} does not exist",
                reader.name
            );
            found.push(
                Diagnostic::new(Rule::DataAlias, message, path).next(outputs_hint(
                    upstream,
                    alias,
                    &maker.outputs,
                )),
            );
            return None;
        };
        // FATE's older spelling of the same port.
        let port = if reference.port == "eval_data" {
            "validate_data"
        } else {
            &reference.port
        };
        Some(DataEdge {
            port: port.to_owned(),
            from: maker.name.clone(),
            index,
            alias: alias.clone(),
        })
    }

    fn model_edge(
        &self,
        reader: &Component,
        reference: &Reference,
        found: &mut Vec<Diagnostic>,
    ) -> Option<ModelEdge> {
        let Reference {
            port,
            upstream,
            alias,
            path,
        } = reference;
        if let (STORED, Some(stored)) = (upstream.as_str(), self.stored) {
            return stored_edge(stored, reference, found);
        }
        let Some(maker) = self.known.get(upstream.as_str()) else {
            // What was trained with a model may be applied without the step that made it.
            if self.stored.is_some() {
                return None;
            }
            let message = format!(
                "Component {}'s model input {upstream} does not exist",
                reader.name
            );
            found.push(self.unknown_upstream(Rule::ModelUpstream, message, reference));
            return None;
        };
        let (kind, outputs) = if port == "cache" {
            ("cache", &maker.cache_outputs)
        } else {
            ("model", &maker.model_outputs)
        };
        // A cache reference may carry a third part, which does not count here.
        let alias = alias.split('.').next().unwrap_or(alias);
        if !outputs.iter().any(|output| output == alias) {
            let message = format!(
                "Component {}' s {upstream} input {kind}'s output {alias} does not exist",
                reader.name
            );
            found.push(
                Diagnostic::new(Rule::ModelAlias, message, path)
                    .next(outputs_hint(upstream, alias, outputs)),
            );
            return None;
        }
        let source = ModelSource::Step {
            step: maker.name.clone(),
            alias: alias.to_owned(),
        };
        Some(ModelEdge {
            port: port.clone(),
            source,
        })
    }

    fn unknown_upstream(&self, rule: Rule, message: String, reference: &Reference) -> Diagnostic {
        let diagnostic = Diagnostic::new(rule, message, &reference.path);
        match hint(
            &reference.upstream,
            self.known.keys().copied().collect::<Vec<_>>(),
        ) {
            Some(hint) => diagnostic.next(hint),
            None => diagnostic,
        }
    }
}

/// `pipeline.component.alias` in a predict job.
fn stored_edge(
    stored: &TrainedPipeline,
    reference: &Reference,
    found: &mut Vec<Diagnostic>,
) -> Option<ModelEdge> {
    let maker = reference.alias.split('.').next().unwrap_or_default();
    let Ok(step) = StepName::new(maker) else {
        let message = format!("{:?} names no component", reference.alias);
        found.push(
            Diagnostic::new(Rule::ModelUpstream, message, &reference.path)
                .next("write pipeline.component.alias"),
        );
        return None;
    };
    let checkpoint = stored.checkpoints.get(step.as_str()).cloned();
    let source = ModelSource::Stored {
        version: stored.model_version.clone(),
        step,
        checkpoint,
    };
    Some(ModelEdge {
        port: reference.port.clone(),
        source,
    })
}

fn outputs_hint(upstream: &str, alias: &str, outputs: &[String]) -> String {
    hint(alias, outputs.iter().map(String::as_str))
        .unwrap_or_else(|| format!("list {alias:?} among the outputs of {upstream}"))
}

fn same_module(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}
