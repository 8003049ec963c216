//! How a component describes itself, as a constant.

use vocabulary::component::{CastRule, InputNeed, Port, PortKind, When};
use vocabulary::{MessageLine, Role, Stage};

/// An input or output, as written in a component's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortLine {
    /// The port's name.
    pub name: &'static str,
    /// What flows through it.
    pub kind: PortKind,
}

impl PortLine {
    /// A port for tables.
    pub const fn data(name: &'static str) -> Self {
        Self {
            name,
            kind: PortKind::Data,
        }
    }

    /// A port for models of the same component.
    pub const fn model(name: &'static str) -> Self {
        Self {
            name,
            kind: PortKind::Model,
        }
    }

    /// As it travels in a catalogue.
    pub fn to_port(self) -> Port {
        Port {
            name: self.name.to_owned(),
            kind: self.kind,
        }
    }
}

/// How many parties of a role a component needs, as written in its source: a job that has others is refused when it is submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CastLine {
    role: Role,
    least: u16,
    most: Option<u16>,
    stage: Option<Stage>,
    when: Option<(&'static str, &'static [&'static str])>,
    all_trained: bool,
    reason: &'static str,
}

impl CastLine {
    /// Exactly one.
    pub const fn one(role: Role) -> Self {
        Self {
            role,
            least: 1,
            most: Some(1),
            stage: None,
            when: None,
            all_trained: false,
            reason: "",
        }
    }

    /// One or more.
    pub const fn some(role: Role) -> Self {
        Self {
            most: None,
            ..Self::one(role)
        }
    }

    /// All that trained the model which is applied, and at least one.
    pub const fn all_trained(role: Role) -> Self {
        Self {
            all_trained: true,
            ..Self::some(role)
        }
    }

    /// At most one, and for what reason.
    pub const fn single(role: Role, reason: &'static str) -> Self {
        Self {
            least: 0,
            reason,
            ..Self::one(role)
        }
    }

    /// In a stage only.
    #[must_use]
    pub const fn to(self, stage: Stage) -> Self {
        Self {
            stage: Some(stage),
            ..self
        }
    }

    /// While a parameter has one of these words only.
    #[must_use]
    pub const fn when(self, parameter: &'static str, words: &'static [&'static str]) -> Self {
        Self {
            when: Some((parameter, words)),
            ..self
        }
    }

    /// As it travels in a catalogue.
    pub fn to_rule(self) -> CastRule {
        let when = self.when.map(while_it_is);
        let CastLine {
            role,
            least,
            most,
            stage,
            all_trained,
            reason,
            ..
        } = self;
        CastRule {
            role,
            least,
            most,
            stage,
            when,
            all_trained,
            reason: reason.to_owned(),
        }
    }
}

/// Inputs of which a component needs one, as written in its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeedLine {
    stage: Option<Stage>,
    any_of: &'static [&'static str],
    when: Option<(&'static str, &'static [&'static str])>,
}

fn while_it_is((parameter, words): (&str, &[&str])) -> When {
    When {
        parameter: parameter.to_owned(),
        values: words.iter().map(|&word| word.to_owned()).collect(),
    }
}

impl NeedLine {
    /// One of these inputs.
    pub const fn any_of(ports: &'static [&'static str]) -> Self {
        Self {
            stage: None,
            any_of: ports,
            when: None,
        }
    }

    /// In a stage only.
    #[must_use]
    pub const fn to(self, stage: Stage) -> Self {
        Self {
            stage: Some(stage),
            ..self
        }
    }

    /// While a parameter has one of these words only; while it has any value where there are none.
    #[must_use]
    pub const fn when(self, parameter: &'static str, words: &'static [&'static str]) -> Self {
        Self {
            when: Some((parameter, words)),
            ..self
        }
    }

    /// As it travels in a catalogue.
    pub fn to_need(self) -> InputNeed {
        let any_of = self.any_of.iter().map(|&port| port.to_owned()).collect();
        InputNeed {
            stage: self.stage,
            any_of,
            when: self.when.map(while_it_is),
        }
    }
}

/// What everybody may know of a component. Built by a const chain that starts with [`Description::named`].
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// Its name (`hetero_lr`).
    pub name: &'static str,
    /// The version of its protocol.
    pub version: u32,
    /// One sentence.
    pub summary: &'static str,
    /// Names by which FATE documents call it.
    pub modules: &'static [&'static str],
    /// Roles that have a task in it.
    pub roles: &'static [Role],
    /// Whom it needs.
    pub cast: &'static [CastLine],
    /// Which inputs it needs.
    pub needs: &'static [NeedLine],
    /// The parameters that count while it applies a model, where it says so.
    pub applies_with: Option<&'static [&'static str]>,
    /// Inputs.
    pub inputs: &'static [PortLine],
    /// Outputs.
    pub outputs: &'static [PortLine],
    /// The message table.
    pub messages: &'static [MessageLine],
}

impl Description {
    /// Starts a description.
    pub const fn named(name: &'static str, summary: &'static str) -> Self {
        Self {
            name,
            version: 1,
            summary,
            modules: &[],
            roles: &[],
            cast: &[],
            needs: &[],
            applies_with: None,
            inputs: &[],
            outputs: &[],
            messages: &[],
        }
    }

    /// Starts the description of a component that every guest and host runs for itself, that learns of a table at `data` and makes
    /// another of it, unless `need_run` says no: the component has a parameter of that name, which counts in a predict job, too. Where
    /// it has none, [`Description::applies_with`] says what counts instead.
    pub const fn transform(name: &'static str, summary: &'static str) -> Self {
        const PORTS: &[PortLine] = &[PortLine::data("data"), PortLine::model("model")];
        const NEEDS: &[NeedLine] = &[NeedLine::any_of(&["data"])];
        Self::named(name, summary)
            .roles(&[Role::Guest, Role::Host])
            .needs(NEEDS)
            .applies_with(&["need_run"])
            .inputs(PORTS)
            .outputs(PORTS)
    }

    /// Names by which FATE documents call it; the usual one first.
    #[must_use]
    pub const fn modules(mut self, modules: &'static [&'static str]) -> Self {
        self.modules = modules;
        self
    }

    /// Roles that have a task in it.
    #[must_use]
    pub const fn roles(mut self, roles: &'static [Role]) -> Self {
        self.roles = roles;
        self
    }

    /// Whom it needs.
    #[must_use]
    pub const fn cast(mut self, cast: &'static [CastLine]) -> Self {
        self.cast = cast;
        self
    }

    /// Which inputs it needs.
    #[must_use]
    pub const fn needs(mut self, needs: &'static [NeedLine]) -> Self {
        self.needs = needs;
        self
    }

    /// The parameters that count while it applies a model; the model decides all others.
    #[must_use]
    pub const fn applies_with(mut self, parameters: &'static [&'static str]) -> Self {
        self.applies_with = Some(parameters);
        self
    }

    /// Inputs.
    #[must_use]
    pub const fn inputs(mut self, inputs: &'static [PortLine]) -> Self {
        self.inputs = inputs;
        self
    }

    /// Outputs.
    #[must_use]
    pub const fn outputs(mut self, outputs: &'static [PortLine]) -> Self {
        self.outputs = outputs;
        self
    }

    /// The message table.
    #[must_use]
    pub const fn messages(mut self, messages: &'static [MessageLine]) -> Self {
        self.messages = messages;
        self
    }

    /// The version of its protocol, when it is not the first.
    #[must_use]
    pub const fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// The messages that a role may send in some stage with some parameters.
    pub fn messages_of(&self, role: Role) -> Vec<MessageLine> {
        let lines = self.messages.iter().filter(|line| line.from == role);
        lines.copied().collect()
    }

    /// The line of a message.
    pub fn message(&self, name: &str) -> Option<&'static MessageLine> {
        self.messages.iter().find(|line| line.name == name)
    }
}
