//! How a component describes itself, as a constant.

use vocabulary::component::{Port, PortKind};
use vocabulary::{MessageLine, Role};

/// An input or output, as written in a room's source.
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
        Self { name, kind: PortKind::Data }
    }

    /// A port for models of the same component.
    pub const fn model(name: &'static str) -> Self {
        Self { name, kind: PortKind::Model }
    }

    /// As it travels in a catalogue.
    pub fn to_port(self) -> Port {
        Port { name: self.name.to_owned(), kind: self.kind }
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
        Self { name, version: 1, summary, modules: &[], roles: &[], inputs: &[], outputs: &[], messages: &[] }
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

    /// The line of a message.
    pub fn message(&self, name: &str) -> Option<&'static MessageLine> {
        self.messages.iter().find(|line| line.name == name)
    }
}
