//! Steps and how they hang together.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vocabulary::{Attempt, CheckpointRef, JobId, Participant, Stage, StepName, TableRef, TaskId};

/// The steps of a job in topological order (document order among equals).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Graph {
    /// The steps.
    pub steps: Vec<Step>,
}

/// A component placed in a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its name.
    pub name: StepName,
    /// The component's own name (`hetero_lr`).
    pub component: String,
    /// The component as the document called it (`HeteroLR`).
    pub module: String,
    /// The component's version.
    pub version: u32,
    /// Fit or apply.
    pub stage: Stage,
    /// Who has a task in it, in cast order.
    pub participants: Vec<Participant>,
    /// Participants whose parameters say `need_run: false`: their task is skipped and their first data input passes
    /// through as the output.
    pub skipped: Vec<Participant>,
    /// Tables it reads, in document order.
    pub inputs: Vec<DataEdge>,
    /// Models it reads.
    pub models: Vec<ModelEdge>,
    /// Names of its data outputs.
    pub outputs: Vec<String>,
    /// Names of its model outputs.
    pub model_outputs: Vec<String>,
    /// Merged parameters of each participant (as the user gave them; defaults not filled in).
    pub parameters: Vec<(Participant, Value)>,
}

/// A table that flows from one step to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataEdge {
    /// The reader's port: `data`, `train_data`, `validate_data`, `test_data`.
    pub port: String,
    /// The step that makes it.
    pub from: StepName,
    /// Which of its data outputs.
    pub index: usize,
    /// That output's name.
    pub alias: String,
}

/// A model that flows into a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelEdge {
    /// `model` or `isometric_model`.
    pub port: String,
    /// Where it comes from.
    pub source: ModelSource,
}

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelSource {
    /// A step of the same job.
    Step {
        /// The step.
        step: StepName,
        /// Its model output's name.
        alias: String,
    },
    /// A stored model version.
    Stored {
        /// The version.
        version: String,
        /// The step that left it.
        step: StepName,
        /// Which state kept while it was learned is meant; the final one when there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        checkpoint: Option<CheckpointRef>,
    },
}

impl Step {
    /// The parameters of a participant; an empty object when none were given.
    pub fn parameters_of(&self, participant: &Participant) -> Value {
        let own = self.parameters.iter().find(|(who, _)| who == participant);
        own.map_or_else(
            || Value::Object(serde_json::Map::new()),
            |(_, value)| value.clone(),
        )
    }

    /// Names of the steps it needs before it can start.
    pub fn upstream(&self) -> impl Iterator<Item = &StepName> {
        let models = self.models.iter().filter_map(|edge| match &edge.source {
            ModelSource::Step { step, .. } => Some(step),
            ModelSource::Stored { .. } => None,
        });
        self.inputs.iter().map(|edge| &edge.from).chain(models)
    }
}

impl Graph {
    /// The step of that name.
    pub fn step(&self, name: &StepName) -> Option<&Step> {
        self.steps.iter().find(|step| &step.name == name)
    }
}

/// Steps that wait for each other: each reads what the one before it makes, and the first what the last makes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} form a loop", .told.iter().map(StepName::as_str).collect::<Vec<_>>().join("->"))]
pub struct Cycle {
    /// The steps of the loop.
    pub steps: Vec<StepName>,
    /// Those that FATE names: it walks from the first step only, and names none where that step does not lead to the loop.
    pub told: Vec<StepName>,
}

impl Graph {
    /// Puts steps in topological order, keeping the given order among equals. Edges from unknown steps do not count.
    pub fn ordered(steps: Vec<Step>) -> Result<Graph, Cycle> {
        let place: HashMap<&StepName, usize> = steps
            .iter()
            .enumerate()
            .map(|(i, step)| (&step.name, i))
            .collect();
        let upstream: Vec<BTreeSet<usize>> = steps
            .iter()
            .map(|step| {
                step.upstream()
                    .filter_map(|name| place.get(name).copied())
                    .collect()
            })
            .collect();
        let order = topological(&upstream).map_err(|downstream| {
            let loops = |start: usize| {
                let members = loop_from(start, &downstream).into_iter();
                members
                    .filter_map(|i| steps.get(i))
                    .map(|step| step.name.clone())
                    .collect::<Vec<_>>()
            };
            let found = (0..steps.len())
                .map(loops)
                .find(|members| !members.is_empty());
            Cycle {
                steps: found.unwrap_or_default(),
                // FATE's message names the loop that its own walk finds, so the walk is done as
                // there.
                told: loops(0),
            }
        })?;
        let mut slots: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
        Ok(Graph {
            steps: order
                .into_iter()
                .filter_map(|i| slots.get_mut(i)?.take())
                .collect(),
        })
    }

    /// The steps that read, directly or through others, what a step makes; in graph order, without the step itself.
    pub fn descendants(&self, name: &StepName) -> Vec<StepName> {
        let mut reached: BTreeSet<&StepName> = BTreeSet::from([name]);
        let mut found = Vec::new();
        for step in &self.steps {
            if &step.name != name && step.upstream().any(|upstream| reached.contains(upstream)) {
                reached.insert(&step.name);
                found.push(step.name.clone());
            }
        }
        found
    }

    /// The participant's own table at the start of an edge: the output of the latest try of the step, or, where that
    /// step is skipped for the participant, the table that passes through it. `None` when the participant has no part in
    /// the step, or there is nothing to pass through.
    pub fn table_for(
        &self,
        job: &JobId,
        participant: &Participant,
        edge: &DataEdge,
        latest: &dyn Fn(&StepName) -> Attempt,
    ) -> Option<TableRef> {
        let (step, index) = self.maker_of(participant, edge)?;
        let Participant { role, party } = participant.clone();
        let task = TaskId {
            job: job.clone(),
            step: step.clone(),
            role,
            party,
        };
        Some(TableRef::output(&task, latest(step), index))
    }

    /// The step that makes the participant's table at the start of an edge, and which of its data outputs that is; see
    /// [`Graph::table_for`].
    pub fn maker_of<'a>(
        &'a self,
        participant: &Participant,
        edge: &'a DataEdge,
    ) -> Option<(&'a StepName, usize)> {
        let mut edge = edge;
        // An edge can be followed through each step at most once.
        for _ in 0..self.steps.len() {
            let step = self.step(&edge.from)?;
            // Nothing passes through a step in which the participant has no part.
            if !step.participants.contains(participant) {
                return None;
            }
            if !step.skipped.contains(participant) {
                return Some((&step.name, edge.index));
            }
            edge = step.inputs.first()?;
        }
        None
    }
}

/// The places in topological order, smallest first among equals; or the readers of each place, among which there is a loop.
fn topological(upstream: &[BTreeSet<usize>]) -> Result<Vec<usize>, Vec<Vec<usize>>> {
    let mut missing: Vec<usize> = upstream.iter().map(BTreeSet::len).collect();
    let mut downstream: Vec<Vec<usize>> = vec![Vec::new(); upstream.len()];
    for (reader, sources) in upstream.iter().enumerate() {
        for source in sources {
            if let Some(list) = downstream.get_mut(*source) {
                list.push(reader);
            }
        }
    }
    let mut ready: BTreeSet<usize> = (0..upstream.len())
        .filter(|i| missing.get(*i) == Some(&0))
        .collect();
    let mut order = Vec::with_capacity(upstream.len());
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for reader in downstream.get(next).into_iter().flatten() {
            if let Some(left) = missing.get_mut(*reader) {
                *left -= 1;
                if *left == 0 {
                    ready.insert(*reader);
                }
            }
        }
    }
    if order.len() == upstream.len() {
        Ok(order)
    } else {
        Err(downstream)
    }
}

/// The loop that a walk downstream from a place comes upon first, in the order of the walk; empty when it comes upon none.
fn loop_from(start: usize, downstream: &[Vec<usize>]) -> Vec<usize> {
    let mut visited: BTreeSet<usize> = BTreeSet::from([start]);
    // The path, and for each place on it how many of its readers were looked at.
    let mut path: Vec<(usize, usize)> = vec![(start, 0)];
    while let Some((place, looked)) = path.last_mut() {
        let Some(reader) = downstream
            .get(*place)
            .and_then(|readers| readers.get(*looked))
            .copied()
        else {
            path.pop();
            continue;
        };
        *looked += 1;
        if let Some(first) = path.iter().position(|(on_path, _)| *on_path == reader) {
            return path
                .iter()
                .skip(first)
                .map(|(on_path, _)| *on_path)
                .collect();
        }
        if visited.insert(reader) {
            path.push((reader, 0));
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::{PartyId, Role};

    fn name(text: &str) -> StepName {
        StepName::new(text).expect("valid")
    }

    fn who() -> Participant {
        Participant::new(Role::Guest, PartyId::new("9999").expect("valid"))
    }

    fn step(text: &str, reads: &[&str]) -> Step {
        let edge = |from: &&str| DataEdge {
            port: "data".into(),
            from: name(from),
            index: 0,
            alias: "data".into(),
        };
        Step {
            name: name(text),
            component: "union".into(),
            module: "Union".into(),
            version: 1,
            stage: Stage::Fit,
            participants: vec![who()],
            skipped: vec![],
            inputs: reads.iter().map(edge).collect(),
            models: vec![],
            outputs: vec!["data".into()],
            model_outputs: vec![],
            parameters: vec![],
        }
    }

    fn names(graph: &Graph) -> Vec<&str> {
        graph.steps.iter().map(|step| step.name.as_str()).collect()
    }

    #[test]
    fn orders_steps_and_keeps_document_order_among_equals() {
        let steps = vec![
            step("d", &["b", "c"]),
            step("c", &["a"]),
            step("b", &["a"]),
            step("a", &[]),
            step("e", &[]),
        ];
        assert_eq!(
            names(&Graph::ordered(steps).expect("no loop")),
            ["a", "c", "b", "d", "e"]
        );
    }

    #[test]
    fn names_the_loop() {
        let told = |steps: Vec<Step>| Graph::ordered(steps).expect_err("loop").to_string();
        assert_eq!(
            told(vec![step("a", &["b"]), step("b", &["a"])]),
            "a->b form a loop"
        );
        assert_eq!(
            told(vec![step("b", &["a"]), step("a", &["b"])]),
            "b->a form a loop"
        );
        let behind = vec![
            step("r", &[]),
            step("x", &["c"]),
            step("a", &["r", "c"]),
            step("b", &["a"]),
            step("c", &["b"]),
        ];
        assert_eq!(told(behind), "a->b->c form a loop");
        assert_eq!(told(vec![step("a", &["a"])]), "a form a loop");
        // FATE walks from the first step only.
        let apart = vec![step("reader", &[]), step("a", &["b"]), step("b", &["a"])];
        assert_eq!(told(apart.clone()), " form a loop");
        assert_eq!(
            Graph::ordered(apart).expect_err("loop").steps,
            [name("a"), name("b")],
            "the loop itself is known"
        );
    }

    #[test]
    fn finds_all_that_hangs_on_a_step() {
        let steps = vec![
            step("a", &[]),
            step("b", &["a"]),
            step("c", &["b"]),
            step("x", &[]),
            step("d", &["c", "x"]),
        ];
        let graph = Graph::ordered(steps).expect("no loop");
        assert_eq!(graph.descendants(&name("b")), [name("c"), name("d")]);
        assert!(graph.descendants(&name("d")).is_empty());
    }

    #[test]
    fn resolves_a_table_through_skipped_steps() {
        let job = JobId::new("j").expect("valid");
        let mut middle = step("b", &["a"]);
        middle.skipped = vec![who()];
        let graph =
            Graph::ordered(vec![step("a", &[]), middle, step("c", &["b"])]).expect("no loop");
        let edge = graph.step(&name("c")).expect("there").inputs[0].clone();
        let table = graph.table_for(&job, &who(), &edge, &|step| {
            Attempt(u32::from(step.as_str() == "a"))
        });
        let task = TaskId {
            job: job.clone(),
            step: name("a"),
            role: Role::Guest,
            party: who().party,
        };
        assert_eq!(table, Some(TableRef::output(&task, Attempt(1), 0)));
        let host = Participant::new(Role::Host, who().party);
        assert_eq!(graph.table_for(&job, &host, &edge, &|_| Attempt(0)), None);
    }
}
