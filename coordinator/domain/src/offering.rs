//! What a job's graph says to the parties that are asked to join: read from the graph and from what is taken over, nothing
//! else. The coordinator makes offers of it; an agent makes the same from the documents that its own user sent, and compares.

use std::collections::BTreeMap;

use serde_json::Value;
use vocabulary::{
    Cast, JobId, ModelInput, ModelRef, OfferedInput, OfferedStep, Participant, Role, StepName,
    TableRef,
};

use crate::graph::{DataEdge, Graph, ModelEdge, ModelSource, Step};

/// The parts of a job of which its offer is made.
#[derive(Debug, Clone, Copy)]
pub struct Offering<'a> {
    /// The steps.
    pub graph: &'a Graph,
    /// Everybody in the job.
    pub cast: &'a Cast,
    /// The version under which the job leaves its models: its own id.
    pub model_version: &'a str,
    /// Steps that an earlier job has done, and which.
    pub inherited: &'a BTreeMap<StepName, JobId>,
}

impl Offering<'_> {
    /// The steps as they are offered.
    pub fn steps(&self) -> Vec<OfferedStep> {
        self.graph
            .steps
            .iter()
            .map(|step| self.step(step))
            .collect()
    }

    fn step(&self, step: &Step) -> OfferedStep {
        let parameters = step
            .participants
            .iter()
            .map(|who| (who.clone(), step.parameters_of(who)));
        let parameters: Vec<(Participant, Value)> = parameters.collect();
        let tables = parameters
            .iter()
            .filter_map(|(who, value)| Some((who.clone(), stored_table(value)?)))
            .collect();
        OfferedStep {
            step: step.name.clone(),
            component: step.component.clone(),
            version: step.version,
            roles: Role::ALL
                .into_iter()
                .filter(|role| step.participants.iter().any(|who| who.role == *role))
                .collect(),
            stage: step.stage,
            participants: self.running_cast(step).participants().collect(),
            parameters: parameters
                .into_iter()
                .map(|(who, value)| (who, value.to_string()))
                .collect(),
            tables,
            inputs: step
                .participants
                .iter()
                .flat_map(|who| self.inputs_of(step, who))
                .collect(),
            models: step
                .participants
                .iter()
                .flat_map(|who| self.models_of(step, who))
                .collect(),
            inherited: self.inherited.get(&step.name).cloned(),
        }
    }

    /// The job's cast without those that have no task in the step or skip it; the cast's order is kept.
    pub fn running_cast(&self, step: &Step) -> Cast {
        let mut cast = Cast::default();
        for participant in self.cast.participants() {
            // In the cast's order, not the step's: an agent that makes the offer anew must come to
            // the same bytes.
            if step.participants.contains(&participant) && !step.skipped.contains(&participant) {
                cast.of_mut(participant.role).push(participant.party);
            }
        }
        cast
    }

    fn inputs_of(&self, step: &Step, who: &Participant) -> Vec<OfferedInput> {
        let input = |edge: &DataEdge| {
            let (made_by, index) = self.graph.maker_of(who, edge)?;
            let (port, from_step) = (edge.port.clone(), edge.from.clone());
            let of_job = self.inherited.get(made_by).cloned();
            Some(OfferedInput {
                who: who.clone(),
                port,
                from_step,
                made_by: made_by.clone(),
                index,
                of_job,
            })
        };
        step.inputs.iter().filter_map(input).collect()
    }

    /// The models that a participant reads in a step.
    pub fn models_of(&self, step: &Step, who: &Participant) -> Vec<ModelInput> {
        let model = |edge: &ModelEdge| {
            let (version, from, checkpoint) = match &edge.source {
                ModelSource::Stored {
                    version,
                    step,
                    checkpoint,
                } => (version.clone(), step, checkpoint.clone()),
                ModelSource::Step { step, .. } => {
                    let source = self.graph.step(step)?;
                    // A participant without a part in the step has no model of it to read.
                    if !source.participants.contains(who) {
                        return None;
                    }
                    (self.model_version.to_owned(), step, None)
                }
            };
            let model = ModelRef {
                version,
                step: from.clone(),
                owner: who.clone(),
            };
            Some(ModelInput {
                port: edge.port.clone(),
                model,
                checkpoint,
            })
        };
        step.models.iter().filter_map(model).collect()
    }
}

/// The stored table that parameters name: `{"table": {"name": …, "namespace": …}}`.
fn stored_table(parameters: &Value) -> Option<TableRef> {
    let table = parameters.get("table")?;
    Some(TableRef::new(
        table.get("namespace")?.as_str()?,
        table.get("name")?.as_str()?,
    ))
}
