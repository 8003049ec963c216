//! Filling steps in from the catalogue: component, participants, parameters; and what does not fit.

use domain::{Dialect, Graph, Step};
use serde_json::{Map, Value};
use vocabulary::nearest::hint;
use vocabulary::{Cast, ComponentInfo, PortKind, Role};

use crate::cast_rules;
use crate::diagnostic::{Diagnostic, Rule};
use crate::fate::conf::kind_of;
use crate::fate::dsl::Component;
use crate::fate::parameters::{Origin, merged};
use crate::fate::v1::DROPPED;
use crate::python::quoted;
use crate::schema::{self, Violation, ViolationKind};

/// What steps are filled in from.
pub(crate) struct Filling<'a> {
    pub(crate) catalogue: &'a [ComponentInfo],
    pub(crate) conf: &'a Value,
    pub(crate) dialect: Dialect,
    pub(crate) cast: &'a Cast,
    pub(crate) predicts: bool,
    /// The roles of the training whose model a predict job applies.
    pub(crate) trained: Option<&'a Value>,
    /// Whether parties and inputs do not count.
    pub(crate) parameters_only: bool,
}

impl Filling<'_> {
    /// Fills a graph's steps in, and lists what does not fit.
    pub(crate) fn fill(&self, graph: &mut Graph, found: &mut Vec<Diagnostic>) {
        for step in &mut graph.steps {
            let path = format!("job_dsl.components.{}", step.name);
            let Some(info) = self
                .catalogue
                .iter()
                .find(|info| info.answers_to(&step.module))
            else {
                found.push(self.unknown_module(step, &path));
                continue;
            };
            step.component.clone_from(&info.name);
            step.version = info.version;
            step.participants = self
                .cast
                .participants()
                .filter(|who| info.roles.contains(&who.role))
                .collect();
            if step.participants.is_empty() {
                let roles: Vec<&str> = info.roles.iter().map(|role| role.word()).collect();
                let message = format!(
                    "no party of the job can run component {}: {} runs at {}",
                    step.name,
                    step.module,
                    roles.join(", ")
                );
                let next = "give one of these roles to a party";
                found.push(
                    Diagnostic::new(Rule::RoleKnown, message, format!("{path}.module")).next(next),
                );
            }
            self.check_ports(step, info, found);
            self.fill_parameters(step, info, found);
            // Before the cast rules, which count only who runs.
            self.skip_newcomers(step);
            if !self.parameters_only {
                cast_rules::check(
                    step,
                    info,
                    self.trained,
                    |parameter| self.path_of(step, parameter),
                    found,
                );
            }
        }
    }

    /// A role that the training lacked has no part in what was trained: its tasks have nothing to do.
    fn skip_newcomers(&self, step: &mut Step) {
        let Some(trained) = self.trained.filter(|trained| trained.is_object()) else {
            return;
        };
        let took_part = |role: Role| {
            trained
                .get(role.word())
                .and_then(Value::as_array)
                .is_some_and(|parties| !parties.is_empty())
        };
        for newcomer in step.participants.iter().filter(|who| !took_part(who.role)) {
            if !step.skipped.contains(newcomer) {
                step.skipped.push(newcomer.clone());
            }
        }
    }

    /// Where a parameter of a step stands in the documents.
    fn path_of(&self, step: &Step, parameter: &str) -> String {
        let running = step
            .participants
            .iter()
            .find(|who| !step.skipped.contains(who));
        let Some(participant) = running.or(step.participants.first()) else {
            return String::new();
        };
        let place = self
            .cast
            .of(participant.role)
            .iter()
            .position(|party| *party == participant.party);
        let place = place.unwrap_or_default();
        let component = step.name.as_str();
        let origin = Origin {
            conf: self.conf,
            dialect: self.dialect,
            participant,
            place,
            component,
        };
        origin.path(&[parameter.to_owned()])
    }

    fn unknown_module(&self, step: &Step, path: &str) -> Diagnostic {
        let message = format!(
            "component {}, module {}'s provider does not exist",
            step.name, step.module
        );
        let diagnostic = Diagnostic::new(Rule::ModuleKnown, message, format!("{path}.module"));
        let known: Vec<&str> = self
            .catalogue
            .iter()
            .filter_map(|info| info.modules.first())
            .map(String::as_str)
            .collect();
        let meaning = format!(
            "no party of the job announces a component that answers to module {}",
            step.module
        );
        let next = hint(&step.module, known)
            .unwrap_or_else(|| "wait until the parties' agents have connected".to_owned());
        diagnostic.meaning(meaning).next(next)
    }

    /// Tables must go to ports that the component has. In predict jobs, whose inputs are derived, others are dropped.
    fn check_ports(&self, step: &mut Step, info: &ComponentInfo, found: &mut Vec<Diagnostic>) {
        let ports: Vec<&str> = info
            .inputs
            .iter()
            .filter(|port| port.kind == PortKind::Data)
            .map(|port| port.name.as_str())
            .collect();
        let has = |port: &str| ports.contains(&port);
        if self.predicts {
            step.inputs.retain(|edge| has(&edge.port));
            return;
        }
        let mut told: Vec<&str> = Vec::new();
        for edge in step.inputs.iter().filter(|edge| !has(&edge.port)) {
            // A port may be wired several times; the mistake is one.
            if !told.contains(&edge.port.as_str()) {
                let known = if ports.is_empty() {
                    "none".to_owned()
                } else {
                    ports.join(", ")
                };
                let message = format!(
                    "component {} ({}) has no data input {}; its data inputs: {known}",
                    step.name, step.module, edge.port
                );
                let path = format!("job_dsl.components.{}.input.data.{}", step.name, edge.port);
                let next = hint(&edge.port, ports.iter().copied())
                    .unwrap_or_else(|| "remove this input".to_owned());
                found.push(Diagnostic::new(Rule::PortKnown, message, path).next(next));
                told.push(&edge.port);
            }
        }
    }

    fn fill_parameters(&self, step: &mut Step, info: &ComponentInfo, found: &mut Vec<Diagnostic>) {
        let component = step.name.to_string();
        for participant in step.participants.clone() {
            let place = self
                .cast
                .of(participant.role)
                .iter()
                .position(|party| *party == participant.party)
                .unwrap_or_default();
            let mut own = merged(self.conf, participant.role.word(), place, &component);
            let origin = Origin {
                conf: self.conf,
                dialect: self.dialect,
                participant: &participant,
                place,
                component: &component,
            };
            if needs_no_run(&mut own, info, &origin, found) {
                step.skipped.push(participant.clone());
            }
            if self.dialect == Dialect::FateV1 {
                own.retain(|name, _| !DROPPED.contains(&name.as_str()) || knows(info, name));
            }
            let own = Value::Object(own);
            let label = format!("{}#{component}", step.module);
            let violations = schema::check(&info.schema, &own).into_iter();
            found.extend(violations.map(|violation| diagnostic(violation, &label, &origin)));
            step.parameters.push((participant, own));
        }
    }
}

/// Whether the parameters say `need_run: false`. The word is taken out where the component itself does not know it.
fn needs_no_run(
    own: &mut Map<String, Value>,
    info: &ComponentInfo,
    origin: &Origin<'_>,
    found: &mut Vec<Diagnostic>,
) -> bool {
    let said = own.get("need_run").cloned();
    if !knows(info, "need_run") {
        own.remove("need_run");
    }
    match said {
        None | Some(Value::Null | Value::Bool(true)) => false,
        Some(Value::Bool(false)) => true,
        Some(other) => {
            let message = format!("need_run should be boolean, but it is {}", kind_of(&other));
            let path = origin.path(&["need_run".to_owned()]);
            own.remove("need_run");
            found.push(
                Diagnostic::new(Rule::ParameterValue, message, path).next("write true or false"),
            );
            false
        }
    }
}

fn knows(info: &ComponentInfo, parameter: &str) -> bool {
    info.schema
        .get("properties")
        .and_then(|known| known.get(parameter))
        .is_some()
}

fn diagnostic(violation: Violation, label: &str, origin: &Origin<'_>) -> Diagnostic {
    let Violation {
        mut pointer,
        kind,
        next,
    } = violation;
    let diagnostic = match kind {
        ViolationKind::Redundant(names) => {
            let listed: Vec<String> = names.iter().map(|name| quoted(name)).collect();
            let message = format!(
                "cpn `{label}` has redundant parameters: `[[{}]]`",
                listed.join(", ")
            );
            let meaning = format!("{label} has no parameter {}", names.join(", "));
            pointer.extend(names.into_iter().next());
            Diagnostic::new(Rule::ParameterKnown, message, origin.path(&pointer)).meaning(meaning)
        }
        ViolationKind::Wrong(what) => {
            let message = format!("cpn `{label}` parameter {} {what}", pointer.join("."));
            Diagnostic::new(Rule::ParameterValue, message, origin.path(&pointer))
        }
    };
    match next {
        Some(next) => diagnostic.next(next),
        None => diagnostic,
    }
}

/// FATE's rule for arbitrated linear models: a guest that is also arbiter must be host too, and the only such host.
pub(crate) fn check_arbitrated(
    components: &[Component],
    conf: &Value,
    cast: &Cast,
    found: &mut Vec<Diagnostic>,
) {
    const ARBITRATED: [&str; 3] = ["heterolr", "heterolinr", "heteropoisson"];
    let has_one = components
        .iter()
        .any(|component| ARBITRATED.contains(&component.module.to_lowercase().as_str()));
    if !has_one || cast.guest.is_empty() || cast.host.is_empty() || cast.arbiter.is_empty() {
        return;
    }
    let shared: Vec<_> = cast
        .guest
        .iter()
        .filter(|party| cast.arbiter.contains(party))
        .collect();
    let fits = shared.is_empty()
        || (shared.iter().all(|party| cast.host.contains(party))
            && shared.len() == cast.host.len());
    if !fits {
        let roles = conf
            .get("role")
            .map(crate::python::repr)
            .unwrap_or_default();
        let message =
            format!("heterolr component constraint party id, please check role config:{roles}");
        let meaning =
            "a guest cannot be the arbiter of the hosts' keys unless it is the only host too";
        let next = "name another party as arbiter";
        found.push(
            Diagnostic::new(
                Rule::HeteroLrParties,
                message,
                "job_runtime_conf.role.arbiter",
            )
            .meaning(meaning)
            .next(next),
        );
    }
}

/// Checks what the documents say of providers. Names and versions of FATE's own are accepted and do nothing: which
/// version runs is what the parties announce.
pub(crate) fn check_providers(
    dsl: &Value,
    conf: &Value,
    components: &[Component],
    found: &mut Vec<Diagnostic>,
) {
    for component in components {
        let path = format!("job_dsl.components.{}.provider", component.name);
        if let Some(provider) = &component.provider {
            found.extend(provider_fault(provider, &component.module, path));
        }
    }
    if let Some(provider) = dsl.get("provider").and_then(Value::as_str) {
        let module = components
            .first()
            .map_or("", |component| component.module.as_str());
        found.extend(provider_fault(
            provider,
            module,
            "job_dsl.provider".to_owned(),
        ));
    }
    for (path, said) in provider_entries(conf) {
        for (name, provider) in said {
            let path = format!("{path}.{name}");
            match components
                .iter()
                .find(|component| component.name.as_str() == name)
            {
                Some(component) => {
                    found.extend(provider_fault(
                        &crate::python::plain(provider),
                        &component.module,
                        path,
                    ));
                }
                None => {
                    // FATE's text, with its spelling: what people search for must be found.
                    let message = format!("Redundant omponent {name} is not found in dsl");
                    let diagnostic = Diagnostic::new(Rule::ProviderKnown, message, path);
                    let known = components.iter().map(|component| component.name.as_str());
                    found.push(
                        hint(name, known)
                            .into_iter()
                            .fold(diagnostic, Diagnostic::next),
                    );
                }
            }
        }
    }
}

/// `provider.common` and each `provider.role.ROLE.IDX` of a conf.
fn provider_entries(conf: &Value) -> Vec<(String, &Map<String, Value>)> {
    let Some(providers) = conf.get("provider") else {
        return Vec::new();
    };
    let common = providers.get("common").and_then(Value::as_object);
    let mut entries: Vec<_> = common
        .map(|said| ("job_runtime_conf.provider.common".to_owned(), said))
        .into_iter()
        .collect();
    for (role, places) in providers
        .get("role")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        for (place, said) in places.as_object().into_iter().flatten() {
            let path = format!("job_runtime_conf.provider.role.{role}.{place}");
            entries.extend(said.as_object().map(|said| (path, said)));
        }
    }
    entries
}

fn provider_fault(provider: &str, module: &str, path: String) -> Option<Diagnostic> {
    const NAMES: [&str; 3] = ["fate", "fate_flow", "fedflow"];
    let parts: Vec<&str> = provider.split('@').collect();
    let (name, version) = match parts.as_slice() {
        [name] if !name.is_empty() => (*name, None),
        [name, version] if !name.is_empty() && !version.is_empty() => (*name, Some(*version)),
        _ => {
            let message = format!(
                "Provider format should be provider_name@provider_version or provider_name, @{provider} is not supported"
            );
            return Some(
                Diagnostic::new(Rule::ProviderText, message, path)
                    .next("write fate or fate@1.11.4"),
            );
        }
    };
    if !NAMES.contains(&name) {
        let message = format!("Provider: {name} does not support in {module}, please register");
        return Some(
            Diagnostic::new(Rule::ProviderHasModule, message, path)
                .next("write fate, fate_flow or fedflow"),
        );
    }
    let version = version?;
    let is_known = version == "default"
        || version.starts_with("1.")
        || (name == "fedflow" && version == env!("CARGO_PKG_VERSION"));
    (!is_known).then(|| {
        let message = format!(
            "Provider: {name} version: {version} does not support in {module}, please register"
        );
        Diagnostic::new(Rule::ProviderHasModule, message, path).next("leave the version out")
    })
}
