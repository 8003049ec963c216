//! The DSL, version 2: components with their modules, inputs and outputs.

use serde_json::{Map, Value};
use vocabulary::StepName;

use crate::diagnostic::{Diagnostic, Rule};
use crate::python::plain;

/// Data ports that mean something; others are read and ignored, as FATE does.
pub(crate) const DATA_PORTS: [&str; 5] = [
    "data",
    "train_data",
    "validate_data",
    "test_data",
    "eval_data",
];

/// Input kinds that carry models, caches among them.
const MODEL_PORTS: [&str; 3] = ["model", "isometric_model", "cache"];

/// A job has no more components than this.
const MOST_COMPONENTS: usize = 1_000;

/// A component as the DSL places it in the job.
#[derive(Debug, Clone)]
pub(crate) struct Component {
    pub(crate) name: StepName,
    pub(crate) module: String,
    pub(crate) provider: Option<String>,
    /// Tables it reads, in document order.
    pub(crate) data: Vec<Reference>,
    /// Models and caches it reads, in document order.
    pub(crate) models: Vec<Reference>,
    /// Aliases of its data outputs.
    pub(crate) outputs: Vec<String>,
    /// Aliases of its model outputs.
    pub(crate) model_outputs: Vec<String>,
    /// Aliases of its cache outputs.
    pub(crate) cache_outputs: Vec<String>,
}

/// An input: `component.alias` at a port.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    /// `train_data`, `model`, …
    pub(crate) port: String,
    /// The component that makes it; for models of a predict job the word `pipeline`.
    pub(crate) upstream: String,
    /// What follows the upstream's name.
    pub(crate) alias: String,
    /// Where it stands in the documents.
    pub(crate) path: String,
}

/// Reads the components; what breaks a rule is put on the list and left out.
pub(crate) fn read(dsl: &Value, found: &mut Vec<Diagnostic>) -> Vec<Component> {
    let Some(components) = components_of(dsl, found) else {
        return Vec::new();
    };
    components
        .iter()
        .filter_map(|(name, body)| component(name, body, found))
        .collect()
}

/// The `components` object of a DSL.
fn components_of<'a>(
    dsl: &'a Value,
    found: &mut Vec<Diagnostic>,
) -> Option<&'a Map<String, Value>> {
    const MISSING: &str = "There are no dsl, please check if the role and party id are correct";
    let Some(document) = dsl.as_object().filter(|document| !document.is_empty()) else {
        let next = "give the job's DSL, an object with the key components";
        found.push(Diagnostic::new(Rule::DslPresent, MISSING, "job_dsl").next(next));
        return None;
    };
    match document
        .get("components")
        .and_then(Value::as_object)
        .filter(|components| !components.is_empty())
    {
        Some(components) if components.len() > MOST_COMPONENTS => {
            let message = format!(
                "a job has at most {MOST_COMPONENTS} components, but this one has {}",
                components.len()
            );
            found.push(
                Diagnostic::new(Rule::ComponentsPresent, message, "job_dsl.components")
                    .next("split the job"),
            );
            None
        }
        Some(components) => Some(components),
        None => {
            let message = "No components filed in dsl, please have a check!";
            let next = "list at least one component under components";
            found.push(
                Diagnostic::new(Rule::ComponentsPresent, message, "job_dsl.components").next(next),
            );
            None
        }
    }
}

fn component(name: &str, body: &Value, found: &mut Vec<Diagnostic>) -> Option<Component> {
    let path = format!("job_dsl.components.{name}");
    let before = found.len();
    let module = body.get("module").and_then(Value::as_str);
    if module.is_none() {
        let message =
            format!("Component {name}, module field does not exist in dsl, please have a check");
        found.push(
            Diagnostic::new(Rule::ModulePresent, message, format!("{path}.module"))
                .next("name the component's module, such as HeteroLR"),
        );
    }
    let step = step_name(name, &path, found);
    let inputs = section(body, "input", found, |_| {
        Diagnostic::new(
            Rule::InputShape,
            format!("Input of component {name} should be dict"),
            format!("{path}.input"),
        )
    });
    let outputs = section(body, "output", found, |value| {
        let message = format!(
            "Output of component {name} should be dict, but {} does not match",
            plain(value)
        );
        Diagnostic::new(Rule::OutputShape, message, format!("{path}.output"))
    });
    let aliases =
        |key: &str, found: &mut Vec<Diagnostic>| output_aliases(name, outputs, key, found);
    let component = Component {
        name: step?,
        module: module?.to_owned(),
        provider: body
            .get("provider")
            .filter(|provider| !provider.is_null())
            .map(plain),
        data: data_references(name, inputs, found),
        models: model_references(name, inputs, found),
        outputs: aliases("data", found),
        model_outputs: aliases("model", found),
        cache_outputs: aliases("cache", found),
    };
    let shape_only = found
        .iter()
        .skip(before)
        .all(|diagnostic| diagnostic.rule != Rule::ComponentName);
    shape_only.then_some(component)
}

fn step_name(name: &str, path: &str, found: &mut Vec<Diagnostic>) -> Option<StepName> {
    let legal = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    match StepName::new(name) {
        Ok(step) if legal => Some(step),
        _ => {
            let message = format!(
                "Component name {name}'is not illegal, it should be consits of letter, digit, '-'  and '_'"
            );
            let next = "use 1 to 64 letters, digits, '-' and '_'";
            found.push(Diagnostic::new(Rule::ComponentName, message, path).next(next));
            None
        }
    }
}

/// The object under `input` or `output`; absent is empty.
fn section<'a>(
    body: &'a Value,
    key: &str,
    found: &mut Vec<Diagnostic>,
    wrong: impl FnOnce(&Value) -> Diagnostic,
) -> Option<&'a Map<String, Value>> {
    match body.get(key) {
        None | Some(Value::Null) => None,
        Some(Value::Object(fields)) => Some(fields),
        Some(other) => {
            found.push(wrong(other));
            None
        }
    }
}

fn output_aliases(
    name: &str,
    outputs: Option<&Map<String, Value>>,
    key: &str,
    found: &mut Vec<Diagnostic>,
) -> Vec<String> {
    let Some(value) = outputs
        .and_then(|outputs| outputs.get(key))
        .filter(|value| !value.is_null())
    else {
        return Vec::new();
    };
    texts(value).unwrap_or_else(|| {
        let message = format!("Component {name}'s output key {key} value type should be list");
        let path = format!("job_dsl.components.{name}.output.{key}");
        found.push(
            Diagnostic::new(Rule::OutputAliases, message, path)
                .next("give a list of names, such as [\"data\"]"),
        );
        Vec::new()
    })
}

fn data_references(
    name: &str,
    inputs: Option<&Map<String, Value>>,
    found: &mut Vec<Diagnostic>,
) -> Vec<Reference> {
    let path = format!("job_dsl.components.{name}.input.data");
    let ports = match inputs.and_then(|inputs| inputs.get("data")) {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Object(ports)) => ports,
        Some(_) => {
            let message = format!("Component {name}'s input data type should be dict");
            let next = "give an object such as {\"data\": [\"reader_0.data\"]}";
            found.push(Diagnostic::new(Rule::DataShape, message, path).next(next));
            return Vec::new();
        }
    };
    let mut references = Vec::new();
    for (port, value) in ports {
        let path = format!("{path}.{port}");
        let Some(list) = texts(value) else {
            let message = format!(
                "Component {name}'s input data type should be list, but {} not match",
                plain(value)
            );
            let next = "give a list of names, such as [\"reader_0.data\"]";
            found.push(Diagnostic::new(Rule::DataList, message, path).next(next));
            continue;
        };
        references.extend(
            list.iter()
                .enumerate()
                .map(|(i, text)| reference(port, text, format!("{path}[{i}]"))),
        );
    }
    references
}

fn model_references(
    name: &str,
    inputs: Option<&Map<String, Value>>,
    found: &mut Vec<Diagnostic>,
) -> Vec<Reference> {
    let mut references = Vec::new();
    for port in MODEL_PORTS {
        let Some(value) = inputs
            .and_then(|inputs| inputs.get(port))
            .filter(|value| !value.is_null())
        else {
            continue;
        };
        let path = format!("job_dsl.components.{name}.input.{port}");
        let Some(list) = texts(value) else {
            let message = format!(
                "Component {name}'s input model type should be list, but {} not match",
                plain(value)
            );
            let next = "give a list of names, such as [\"hetero_lr_0.model\"]";
            found.push(Diagnostic::new(Rule::ModelList, message, path).next(next));
            continue;
        };
        references.extend(
            list.iter()
                .enumerate()
                .map(|(i, text)| reference(port, text, format!("{path}[{i}]"))),
        );
    }
    references
}

fn reference(port: &str, text: &str, path: String) -> Reference {
    let (upstream, alias) = text.split_once('.').unwrap_or((text, ""));
    Reference {
        port: port.to_owned(),
        upstream: upstream.to_owned(),
        alias: alias.to_owned(),
        path,
    }
}

/// A list of texts.
fn texts(value: &Value) -> Option<Vec<String>> {
    value
        .as_array()?
        .iter()
        .map(|item| item.as_str().map(str::to_owned))
        .collect()
}
