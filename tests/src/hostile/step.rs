//! One step of a job, described.

use serde_json::{Value, json};
use vocabulary::{
    CheckpointRef, ComponentInfo, JobId, Participant, PortKind, Role, Stage, StepName,
};

use super::federation::overlay;
use super::step_name;

/// A table that flows in from another step.
#[derive(Debug, Clone)]
pub struct Wire {
    /// The port it comes in at.
    pub port: String,
    /// The step that makes it.
    pub from: StepName,
    /// Which of its data outputs.
    pub index: usize,
}

/// A model that flows in: of an earlier step, or a stored version.
#[derive(Debug, Clone)]
pub struct ModelWire {
    /// The port it comes in at.
    pub port: String,
    /// The version; the job's own when there is none.
    pub version: Option<String>,
    /// The step that left it.
    pub step: StepName,
    /// Which kept state of it.
    pub checkpoint: Option<CheckpointRef>,
}

/// A component placed in a job. What is not said is taken from the catalogue when the step is put into a job.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its name.
    pub name: StepName,
    /// Its component.
    pub component: String,
    /// The component's version.
    pub version: Option<u32>,
    /// Fit or apply.
    pub stage: Stage,
    /// Roles with a part in it.
    pub roles: Option<Vec<Role>>,
    /// Parameters of all participants.
    pub common: Value,
    /// Parameters of single participants, laid over those of all.
    pub own: Vec<(Participant, Value)>,
    /// Tables of other steps.
    pub inputs: Vec<Wire>,
    /// Models.
    pub models: Vec<ModelWire>,
    /// Names of its data outputs.
    pub outputs: Option<Vec<String>>,
    /// The earlier job whose step of this name is taken over.
    pub inherited: Option<JobId>,
}

impl Step {
    /// A step of a component, fitting, without parameters and inputs.
    pub fn new(name: &str, component: &str) -> Self {
        Self {
            name: step_name(name),
            component: component.to_owned(),
            version: None,
            stage: Stage::Fit,
            roles: None,
            common: json!({}),
            own: vec![],
            inputs: vec![],
            models: vec![],
            outputs: None,
            inherited: None,
        }
    }

    /// Parameters of everybody, laid over what was said before.
    #[must_use]
    pub fn set(mut self, parameters: Value) -> Self {
        overlay(&mut self.common, parameters);
        self
    }

    /// Parameters of one participant, laid over those of everybody.
    #[must_use]
    pub fn set_for(mut self, who: &Participant, parameters: Value) -> Self {
        self.own.push((who.clone(), parameters));
        self
    }

    /// The stored table that a participant's part of the step reads.
    #[must_use]
    pub fn table(self, who: &Participant, namespace: &str, name: &str) -> Self {
        self.set_for(
            who,
            json!({"table": {"namespace": namespace, "name": name}}),
        )
    }

    /// Reads the first data output of another step at the port `data`.
    #[must_use]
    pub fn reads(self, from: &str) -> Self {
        self.reads_at("data", from, 0)
    }

    /// Reads a data output of another step at a port.
    #[must_use]
    pub fn reads_at(mut self, port: &str, from: &str, index: usize) -> Self {
        self.inputs.push(Wire {
            port: port.to_owned(),
            from: step_name(from),
            index,
        });
        self
    }

    /// Applies the model that a step of the same job left, or, with a version, one that is stored.
    #[must_use]
    pub fn applies(mut self, from: &str, version: Option<&str>) -> Self {
        let (port, version) = ("model".to_owned(), version.map(str::to_owned));
        self.models.push(ModelWire {
            port,
            version,
            step: step_name(from),
            checkpoint: None,
        });
        self.stage = Stage::Apply;
        self
    }

    /// Only these roles have a part in it.
    #[must_use]
    pub fn roles(mut self, roles: &[Role]) -> Self {
        self.roles = Some(roles.to_vec());
        self
    }

    /// The step is taken over from an earlier job.
    #[must_use]
    pub fn inherited_from(mut self, job: &JobId) -> Self {
        self.inherited = Some(job.clone());
        self
    }

    /// Fills in what was not said from the catalogue.
    pub(super) fn complete(&mut self, catalogue: &[ComponentInfo]) {
        let Some(info) = catalogue.iter().find(|info| info.name == self.component) else {
            return;
        };
        self.version.get_or_insert(info.version);
        self.roles.get_or_insert_with(|| info.roles.clone());
        let data = info
            .outputs
            .iter()
            .filter(|port| port.kind == PortKind::Data);
        self.outputs
            .get_or_insert_with(|| data.map(|port| port.name.clone()).collect());
    }

    /// The merged parameters of a participant.
    pub fn parameters_of(&self, who: &Participant) -> Value {
        let mut merged = self.common.clone();
        for (_, own) in self.own.iter().filter(|(owner, _)| owner == who) {
            overlay(&mut merged, own.clone());
        }
        merged
    }
}
