//! Components and their providers: what the agents announced, in FATE's words. FATE has two providers of its own, the one
//! with the algorithms and the one with the components that move tables and models; modules show under the one FATE has
//! them in.

use std::collections::BTreeMap;

use rest::fate_reply::OPERATING;
use rest::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use service::ServiceError;
use service::jobs::submit::SubmitJob;
use vocabulary::{ComponentInfo, PartyId};

use super::FateFlow;
use super::info::version_of;
use super::reply::{answer, fail};
use super::request::Call;

const FATE: &str = "fate";
const FATE_FLOW: &str = "fate_flow";
const PROVIDERS: [&str; 2] = [FATE, FATE_FLOW];
/// Modules that FATE's server brings along.
const OF_SERVER: [&str; 9] = [
    "apireader",
    "cacheloader",
    "download",
    "modelloader",
    "modelrestore",
    "modelstore",
    "reader",
    "upload",
    "writer",
];

/// A component with everybody who announced it.
struct Announced {
    info: ComponentInfo,
    parties: Vec<PartyId>,
}

impl Announced {
    fn provider(&self) -> &'static str {
        let of_server = self
            .info
            .modules
            .iter()
            .any(|module| OF_SERVER.contains(&module.to_lowercase().as_str()));
        if of_server { FATE_FLOW } else { FATE }
    }

    /// The name under which FATE lists it.
    fn name(&self) -> String {
        self.info
            .modules
            .first()
            .unwrap_or(&self.info.name)
            .to_lowercase()
    }

    fn entry(&self) -> Value {
        json!({
            "default_provider": self.provider(),
            "support_provider": [self.provider()],
            "alias": self.info.modules,
            "component": self.info.name,
            "version": self.info.version,
            "parties": self.parties,
        })
    }

    /// The class that plays each role, by FATE's names of parts: here all roles are one component.
    fn classes(&self) -> Value {
        let roles = self
            .info
            .roles
            .iter()
            .map(|role| (role.word().to_owned(), json!(self.info.name)));
        json!({"module_path": self.info.name, "alias": self.info.modules, "roles": Map::from_iter(roles)})
    }
}

/// Every component that some party announced, in its newest version, by name.
fn announced(api: &FateFlow) -> BTreeMap<String, Announced> {
    let mut all: BTreeMap<String, Announced> = BTreeMap::new();
    for (party, info) in api.coordinator().parties().components() {
        let entry = all.entry(info.name.clone()).or_insert_with(|| Announced {
            info: info.clone(),
            parties: vec![],
        });
        if info.version > entry.info.version {
            entry.info = info;
        }
        entry.parties.push(party);
    }
    all
}

/// Every module under its lower-case name and each of its other spellings.
fn modules(api: &FateFlow) -> Map<String, Value> {
    let mut modules = Map::new();
    for component in announced(api).values() {
        let entry = component.entry();
        for module in &component.info.modules {
            modules.insert(module.to_lowercase(), entry.clone());
            modules.insert(module.clone(), entry.clone());
        }
    }
    modules
}

pub(super) async fn all(api: FateFlow, _call: Call) -> Answer {
    answer(Reply::data(Value::Object(modules(&api))))
}

pub(super) async fn one(api: FateFlow, call: Call) -> Answer {
    let found = call
        .segment
        .clone()
        .and_then(|name| modules(&api).remove(&name));
    answer(found.map_or_else(Reply::success, Reply::data))
}

/// One provider with the version that this API behaves as; `detailed` shows components as objects.
fn provider(api: &FateFlow, name: &str, detailed: bool) -> Option<Value> {
    let name = PROVIDERS.into_iter().find(|known| *known == name)?;
    let version = version_of(if name == FATE { "FATE" } else { "FATEFlow" })?;
    let mut own: Vec<Announced> = announced(api)
        .into_values()
        .filter(|component| component.provider() == name)
        .collect();
    own.sort_by_key(Announced::name);
    let components = if detailed {
        Value::Object(
            own.iter()
                .map(|component| (component.name(), component.classes()))
                .collect(),
        )
    } else {
        Value::Array(
            own.iter()
                .map(|component| json!(component.name()))
                .collect(),
        )
    };
    let body = json!({"path": "", "python": "", "class_path": {}, "components": components});
    Some(json!({"default": {"version": version}, version: body}))
}

pub(super) async fn providers(api: FateFlow, _call: Call) -> Answer {
    let all = PROVIDERS
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), provider(&api, name, false)?)));
    answer(Reply::data(Value::Object(all.collect())))
}

pub(super) async fn one_provider(api: FateFlow, call: Call) -> Answer {
    let found = call
        .segment
        .clone()
        .and_then(|name| provider(&api, &name, true));
    answer(found.map_or_else(Reply::success, Reply::data))
}

/// Components come with the agents' program and nothing can be added to it over the network.
pub(super) async fn register(_api: FateFlow, call: Call) -> Answer {
    call.validated(&["name", "version", "path"])?;
    let name = call.text("name").unwrap_or_default();
    let text = format!(
        "register failed:\nprovider {name} is code of another program, and components are part of the agents' own: \
         a party that needs one installs a release that has it"
    );
    Err(Failure::code(OPERATING, text))
}

/// Checks the parameters of one component as a submission would.
pub(super) async fn validate(api: FateFlow, call: Call) -> Answer {
    let refused = |text: &str| Failure::http(400, Some(text));
    if call.body.is_empty() {
        return Err(refused("bad request"));
    }
    let version = call.text("dsl_version").unwrap_or_default();
    let documents: &[&'static str] = match version.as_str() {
        "1" => &["role_parameters", "algorithm_parameters"],
        "2" => &["component_parameters"],
        _ => return Err(refused("unsupported dsl_version")),
    };
    let needed = ["component_name", "component_module_name", "role"]
        .iter()
        .chain(documents);
    let missing: Vec<&str> = needed
        .copied()
        .filter(|key| call.body.get(*key).is_none_or(Value::is_null))
        .collect();
    if !missing.is_empty() {
        return Err(refused(&format!(
            "'required parameters are missing: {}; '",
            missing.join(",")
        )));
    }
    let name = call.text("component_name").unwrap_or_default();
    let dsl = json!({"components": {name: {"module": call.text("component_module_name")}}});
    let order = SubmitJob {
        dsl,
        conf: conf_of(&call, &version, documents),
        ..SubmitJob::default()
    };
    match api.coordinator().jobs().check_documents(&order).await {
        Ok(warnings) => answer(Reply::success().saying(job_dsl::said(&warnings))),
        Err(error @ ServiceError::Invalid { .. }) => {
            let fault = error.fault();
            let text = match &error {
                ServiceError::Invalid { diagnostics, .. } => {
                    diagnostics.first().map(ToString::to_string)
                }
                _ => None,
            };
            Err(refused(&text.unwrap_or_else(|| fault.to_string())).with_fault(fault))
        }
        Err(error) => Err(fail(error)),
    }
}

/// A runtime conf around the parameters; the first party of the first role stands for the initiator.
fn conf_of(call: &Call, version: &str, documents: &[&str]) -> Value {
    let role = call.body.get("role").cloned().unwrap_or_default();
    let first = role.as_object().and_then(|roles| {
        roles.iter().find_map(|(role, parties)| {
            Some(json!({"role": role, "party_id": parties.as_array()?.first()?}))
        })
    });
    let mut conf = Map::from_iter([
        ("dsl_version".to_owned(), json!(version)),
        ("initiator".to_owned(), first.unwrap_or_default()),
        ("role".to_owned(), role),
    ]);
    for name in documents {
        conf.insert(
            (*name).to_owned(),
            call.body.get(*name).cloned().unwrap_or_default(),
        );
    }
    Value::Object(conf)
}
