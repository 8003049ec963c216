//! Deploying and applying: the DSL of predict jobs, and their conf.

use std::collections::HashMap;

use domain::Dialect;
use serde_json::{Map, Value, json};
use vocabulary::StepName;

use crate::TrainedPipeline;
use crate::diagnostic::{Diagnostic, Rule, sorted};
use crate::fate::conf::dialect;
use crate::fate::dsl::{self, Component};
use crate::fate::parameters::{means, overlay};
use crate::python::{quoted, repr};
use crate::resolve::resolve;

/// Which trained model a predict job applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelIds {
    /// FATE's model id.
    pub model_id: String,
    /// The version: a deployed one.
    pub model_version: String,
}

/// The DSL that applies what the named components of a training DSL (version 2) learned.
///
/// Components that are not named are stepped over, learners left out; inputs that nothing in the result makes are erased. Without names all
/// components are deployed. A name that the training DSL does not have is refused.
pub fn inference_dsl(names: &[String], train_dsl: &Value) -> Result<Value, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let components = dsl::read(train_dsl, &mut found);
    let graph = resolve(&components, None, &mut found);
    let Some(graph) = graph.filter(|_| found.is_empty()) else {
        return Err(sorted(found));
    };
    let known: HashMap<&str, &Component> = components
        .iter()
        .map(|component| (component.name.as_str(), component))
        .collect();
    let unknown: Vec<String> = names
        .iter()
        .filter(|name| !known.contains_key(name.as_str()))
        .map(|name| quoted(name))
        .collect();
    if !unknown.is_empty() {
        let message = format!(
            "components {{{}}} not exist in training dsl, can not deploy!!!",
            unknown.join(", ")
        );
        return Err(vec![
            Diagnostic::new(Rule::Deployable, message, "cpn_list")
                .next("name components of the training DSL"),
        ]);
    }
    let is_named =
        |name: &StepName| names.is_empty() || names.iter().any(|wanted| wanted == name.as_str());
    let order = graph
        .steps
        .iter()
        .map(|step| &step.name)
        .filter(|name| is_named(name));
    let deployed: Vec<&Component> = order
        .filter_map(|name| known.get(name.as_str()).copied())
        .collect();
    let deployment = Deployment {
        known,
        deployed: deployed
            .iter()
            .map(|component| component.name.as_str())
            .collect(),
    };
    let entries = deployed.iter().map(|component| {
        (
            component.name.to_string(),
            deployment.entry(component, train_dsl),
        )
    });
    Ok(json!({"components": Value::Object(entries.collect())}))
}

/// Whether a document can be the DSL of predict jobs. References to models are not looked into.
pub fn verify_inference_dsl(dsl: &Value) -> Result<(), Vec<Diagnostic>> {
    let mut found = Vec::new();
    let components = dsl::read(dsl, &mut found);
    // An empty pipeline makes stored models readable; which there are is judged when the DSL is
    // used.
    resolve(&components, Some(&TrainedPipeline::default()), &mut found);
    if found.is_empty() {
        Ok(())
    } else {
        Err(sorted(found))
    }
}

/// Whether a conf is written in version 1.
pub fn is_version_1(conf: &Value) -> bool {
    conf.as_object()
        .and_then(|conf| dialect(conf, &mut Vec::new()))
        == Some(Dialect::FateV1)
}

pub(super) struct Deployment<'a> {
    pub(super) known: HashMap<&'a str, &'a Component>,
    pub(super) deployed: Vec<&'a str>,
}

impl Deployment<'_> {
    fn entry(&self, component: &Component, train_dsl: &Value) -> Value {
        let name = component.name.as_str();
        let mut entry = json!({"module": component.module});
        if !component.model_outputs.is_empty() {
            let models: Vec<String> = component
                .model_outputs
                .iter()
                .map(|alias| format!("pipeline.{name}.{alias}"))
                .collect();
            entry["input"]["model"] = json!(models);
        } else if let Some(models) = self.applied_by(component) {
            entry["input"]["model"] = json!(models);
        }
        if let Some((port, references)) = self.data_of(component) {
            let kept: Vec<String> = references
                .into_iter()
                .filter(|reference| self.is_made(reference))
                .collect();
            if !kept.is_empty() {
                entry["input"]["data"] = json!({port: kept});
            }
        }
        let original = train_dsl
            .get("components")
            .and_then(|components| components.get(name));
        if let Some(cache) = original.and_then(|original| original.get("input")?.get("cache")) {
            entry["input"]["cache"] = cache.clone();
        }
        for (key, aliases) in [
            ("data", &component.outputs),
            ("cache", &component.cache_outputs),
        ] {
            if !aliases.is_empty() {
                entry["output"][key] = json!(aliases);
            }
        }
        entry
    }

    /// The models of other components that one applied in the training, and so applies again.
    fn applied_by(&self, component: &Component) -> Option<Vec<String>> {
        let read = component
            .models
            .iter()
            .filter(|reference| reference.port == "model");
        let made = read.filter(|reference| self.known.contains_key(reference.upstream.as_str()));
        let models: Vec<String> = made
            .map(|reference| format!("pipeline.{}.{}", reference.upstream, reference.alias))
            .collect();
        (!models.is_empty()).then_some(models)
    }

    /// The component's first data port, as a deployed one calls it, with what it reads.
    pub(super) fn data_of(&self, component: &Component) -> Option<(&'static str, Vec<String>)> {
        let port = first_port(component)?;
        let own = component
            .data
            .iter()
            .filter(|reference| reference.port == port);
        let references = own
            .flat_map(|reference| self.follow(&reference.upstream, &reference.alias))
            .collect();
        Some((
            if port == "data" { "data" } else { "test_data" },
            references,
        ))
    }

    /// Steps over components that are not deployed and that pass rows on, to what they read themselves; readers are kept.
    /// What learners would have said is left out.
    fn follow(&self, upstream: &str, alias: &str) -> Vec<String> {
        let mut made = Vec::new();
        let mut open = vec![(upstream.to_owned(), alias.to_owned())];
        // Each component is stepped over at most once, however its outputs fan out and in again.
        let mut passed: Vec<String> = Vec::new();
        while let Some((upstream, alias)) = open.pop() {
            let maker = self.known.get(upstream.as_str());
            let is_reader = maker.is_some_and(|maker| maker.module == "Reader");
            if is_reader || self.deployed.contains(&upstream.as_str()) {
                made.push(format!("{upstream}.{alias}"));
                continue;
            }
            let Some(maker) = maker.filter(|_| !passed.contains(&upstream)) else {
                continue;
            };
            passed.push(upstream);
            let port = first_port(maker);
            // What a learner says is no table like that which it read: without it there is nothing in its place.
            if port != Some(PASSED_ON) {
                continue;
            }
            let inputs = maker
                .data
                .iter()
                .filter(|reference| Some(reference.port.as_str()) == port);
            open.extend(
                inputs
                    .rev()
                    .map(|reference| (reference.upstream.clone(), reference.alias.clone())),
            );
        }
        made
    }

    fn is_made(&self, reference: &str) -> bool {
        reference
            .split_once('.')
            .is_some_and(|(upstream, _)| self.deployed.contains(&upstream))
    }
}

/// The port of components that pass rows on, changed or not. Learners have others.
const PASSED_ON: &str = "data";

/// The data port that counts for a deployed component: the first of these that it uses.
fn first_port(component: &Component) -> Option<&'static str> {
    dsl::DATA_PORTS.into_iter().find(|port| {
        component
            .data
            .iter()
            .any(|reference| reference.port == *port)
    })
}

/// The components that version 1 deploys by itself: all but evaluations, samplers and those that say `need_deploy: false`,
/// and of the readers those that such a component reads.
pub fn deployed_by_default(train_dsl: &Value) -> Vec<String> {
    let components = train_dsl.get("components").and_then(Value::as_object);
    let module = |body: &Value| {
        body.get("module")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let wanted = |body: &Value| match body.get("need_deploy").and_then(Value::as_bool) {
        Some(said) => said,
        None => !["Evaluation", "FederatedSample", "Reader"].contains(&module(body).as_str()),
    };
    let mut names: Vec<String> = components
        .into_iter()
        .flatten()
        .filter(|(_, body)| wanted(body))
        .map(|(name, _)| name.clone())
        .collect();
    let read = dsl::read(train_dsl, &mut Vec::new());
    let chosen = read
        .iter()
        .filter(|component| names.iter().any(|name| name == component.name.as_str()));
    let upstream: Vec<&str> = chosen
        .flat_map(|c| c.data.iter().map(|reference| reference.upstream.as_str()))
        .collect();
    let readers = components
        .into_iter()
        .flatten()
        .filter(|(name, body)| module(body) == "Reader" && upstream.contains(&name.as_str()));
    let readers: Vec<String> = readers
        .map(|(name, _)| name.clone())
        .filter(|name| !names.contains(name))
        .collect();
    names.extend(readers);
    names
}

/// The conf of a predict job: that of the training, overlaid with the request's; only the request's roles stay, and what
/// the training conf says for the n-th party of a role follows that party to its place in the request.
pub fn effective_conf(train_conf: &Value, request: &Value) -> Result<Value, Vec<Diagnostic>> {
    let empty = json!({});
    let (train_roles, roles) = (
        train_conf.get("role").unwrap_or(&empty),
        request.get("role").unwrap_or(&empty),
    );
    let mut conf = train_conf.clone();
    for (role, parties) in roles.as_object().into_iter().flatten() {
        let trained = train_roles.get(role).and_then(Value::as_array);
        // A role that the training lacked has nothing to apply, and does nothing.
        let is_subset = trained.is_none_or(|trained| {
            let mut parties = parties.as_array().into_iter().flatten();
            trained.is_empty()
                || parties.all(|party| trained.iter().any(|known| same_party(known, party)))
        });
        if !is_subset {
            let message = format!(
                "Predict roles is {}, train roles is {}, predict roles should be subset of train role",
                repr(roles),
                repr(train_roles)
            );
            let next = "apply the model at parties that took part in its training";
            return Err(vec![
                Diagnostic::new(
                    Rule::PredictRoles,
                    message,
                    format!("job_runtime_conf.role.{role}"),
                )
                .next(next),
            ]);
        }
    }
    for section in ["job_parameters", "component_parameters"] {
        let Some(Value::Object(by_role)) = conf
            .get_mut(section)
            .and_then(|section| section.get_mut("role"))
        else {
            continue;
        };
        by_role.retain(|role, _| roles.get(role).is_some());
        for (role, entries) in by_role.iter_mut() {
            *entries = moved(entries, train_roles.get(role), roles.get(role));
        }
    }
    // What the training took over from an earlier job is not taken over again.
    if let Some(Value::Object(common)) = conf.pointer_mut("/job_parameters/common") {
        common.remove("inheritance_info");
    }
    if let Some(fields) = conf.as_object_mut() {
        // Laid over, a role that the request leaves out would stay, and its parties would be asked
        // to take part.
        fields.remove("role");
        fields.remove("initiator");
    }
    overlay(&mut conf, request);
    Ok(conf)
}

/// The entries of a role, keyed by the parties' places in the request.
fn moved(entries: &Value, trained: Option<&Value>, now: Option<&Value>) -> Value {
    let list = |roles: Option<&Value>| roles.and_then(Value::as_array).cloned().unwrap_or_default();
    let (trained, now) = (list(trained), list(now));
    let mut moved = Map::new();
    for (place, party) in now.iter().enumerate() {
        let Some(was) = trained.iter().position(|known| same_party(known, party)) else {
            continue;
        };
        let mut own = json!({});
        for (_, entry) in entries
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| means(key, was))
        {
            overlay(&mut own, entry);
        }
        if own.as_object().is_some_and(|own| !own.is_empty()) {
            moved.insert(place.to_string(), own);
        }
    }
    Value::Object(moved)
}

fn same_party(a: &Value, b: &Value) -> bool {
    // Ids are written as numbers in one document and as texts in another.
    crate::python::plain(a) == crate::python::plain(b)
}

/// A conf to start a predict job from: the training's, with a table to be filled in for every reader of the deployed DSL
/// at every guest and host.
pub fn predict_conf_template(train_conf: &Value, deployed_dsl: &Value, model: &ModelIds) -> Value {
    let part = |key: &str| train_conf.get(key).cloned().unwrap_or_else(|| json!({}));
    let mut common = train_conf
        .pointer("/job_parameters/common")
        .cloned()
        .unwrap_or_else(|| json!({}));
    let own = json!({"model_id": model.model_id, "model_version": model.model_version, "job_type": "predict"});
    overlay(&mut common, &own);
    let components = deployed_dsl.get("components").and_then(Value::as_object);
    let is_reader = |body: &Value| body.get("module").and_then(Value::as_str) == Some("Reader");
    let readers = components
        .into_iter()
        .flatten()
        .filter(|(_, body)| is_reader(body))
        .enumerate();
    let blocks: Map<String, Value> = readers
        .map(|(ordinal, (name, _))| {
            let table = json!({"name": format!("name_to_be_filled_{ordinal}"), "namespace": format!("namespace_to_be_filled_{ordinal}")});
            (name.clone(), json!({"table": table}))
        })
        .collect();
    let mut by_role = Map::new();
    for role in ["guest", "host"] {
        let count = train_conf
            .get("role")
            .and_then(|roles| roles.get(role)?.as_array())
            .map_or(0, Vec::len);
        let places = (0..count).map(|place| (place.to_string(), Value::Object(blocks.clone())));
        by_role.insert(role.to_owned(), Value::Object(places.collect()));
    }
    json!({
        "dsl_version": 2,
        "role": part("role"),
        "initiator": part("initiator"),
        "job_parameters": {"common": common},
        "component_parameters": {"role": by_role}
    })
}

/// Which model a conf asks to apply; `None` for a training job.
///
/// A conf that does not say its job type but names a model is taken as a predict job when its DSL reads stored models, or when it has none.
pub fn predict_request(dsl: &Value, conf: &Value) -> Result<Option<ModelIds>, Vec<Diagnostic>> {
    let parameters = conf.get("job_parameters");
    let common = parameters
        .and_then(|parameters| parameters.get("common"))
        .or(parameters);
    let text = |key: &str| {
        common
            .and_then(|common| common.get(key))
            .map(name_of)
            .unwrap_or_default()
    };
    let ids = ModelIds {
        model_id: text("model_id"),
        model_version: text("model_version"),
    };
    let missing: Vec<&str> = [
        ("model_id", &ids.model_id),
        ("model_version", &ids.model_version),
    ]
    .iter()
    .filter(|(_, id)| id.is_empty())
    .map(|(key, _)| *key)
    .collect();
    match text("job_type").as_str() {
        "predict" if missing.is_empty() => Ok(Some(ids)),
        "predict" => {
            let message = format!("'required parameters are missing: {}; '", missing.join(","));
            let path = format!(
                "job_runtime_conf.job_parameters.common.{}",
                missing.first().unwrap_or(&"model_id")
            );
            let next = "name a deployed model by its model_id and model_version";
            Err(vec![
                Diagnostic::new(Rule::ModelNamed, message, path).next(next),
            ])
        }
        "" if missing.is_empty() && (is_absent(dsl) || reads_stored_models(dsl)) => Ok(Some(ids)),
        _ => Ok(None),
    }
}

/// A name as text: hand-written documents spell versions as numbers, too.
fn name_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

fn is_absent(dsl: &Value) -> bool {
    dsl.is_null() || dsl.as_object().is_some_and(Map::is_empty)
}

fn reads_stored_models(dsl: &Value) -> bool {
    let components = dsl.get("components").and_then(Value::as_object);
    let models = components
        .into_iter()
        .flat_map(Map::values)
        .filter_map(|body| body.get("input")?.get("model")?.as_array());
    models.flatten().any(|model| {
        model
            .as_str()
            .is_some_and(|text| text.starts_with("pipeline."))
    })
}
