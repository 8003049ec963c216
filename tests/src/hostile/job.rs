//! A job as an honest coordinator would describe it: what its parties are asked to join, and what each is ordered to do.

use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};
use vocabulary::offer::fingerprint_of;
use vocabulary::{
    Assignment, Attempt, Cast, Clock, ComponentInfo, DataInput, JobId, Limits, ModelInput,
    ModelRef, Offer, OfferedInput, OfferedStep, Participant, Role, SystemClock, TableRef, TaskId,
    Timestamp,
};

use super::step::Step;
use super::{arbiter, guest, host, step_name, task_of};

/// How long a job has.
const MILLIS: i64 = 600_000;

/// A job. Every field may be changed before its offer is made; offers and orders may be changed as well.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Who starts it.
    pub initiator: Participant,
    /// Who takes part.
    pub cast: Cast,
    /// The steps, in an order in which they can run.
    pub steps: Vec<Step>,
    /// When it was submitted.
    pub created: Timestamp,
    /// For how many milliseconds from then its offer is good.
    pub lasts_millis: i64,
    /// How many attempts of each task its offer allows.
    pub attempts: u32,
    /// In how many partitions tables are written.
    pub partitions: u32,
    catalogue: Vec<ComponentInfo>,
}

impl Job {
    /// A job without steps. The first participant starts it; the catalogue ([`super::Coordinator::catalogue`],
    /// [`super::Peer::components`]) gives versions, roles and outputs of components.
    pub fn new(catalogue: &[ComponentInfo], participants: &[Participant]) -> Self {
        let mut cast = Cast::default();
        for who in participants {
            cast.of_mut(who.role).push(who.party.clone());
        }
        Self {
            id: new_id(),
            initiator: participants.first().expect("somebody starts it").clone(),
            cast,
            steps: vec![],
            created: SystemClock.now(),
            lasts_millis: MILLIS,
            attempts: 20,
            partitions: 4,
            catalogue: catalogue.to_vec(),
        }
    }

    /// A whole training: reader, data_transform, intersection, hetero_lr and evaluation over the tables `experiment.guest`
    /// and `experiment.host` of [`crate::fixtures::pair`], started by the guest. `parties` are guest, host and arbiter.
    pub fn training(catalogue: &[ComponentInfo], parties: [&str; 3], epochs: u32) -> Self {
        let [guest, host, arbiter] = [guest(parties[0]), host(parties[1]), arbiter(parties[2])];
        let learner = json!({
            "penalty": "L2", "alpha": 0.01, "optimizer": "rmsprop", "learning_rate": 0.15, "batch_size": -1,
            "max_iter": epochs, "early_stop": "diff", "tol": 1e-9, "init_param": {"init_method": "zeros"},
        });
        Self::reading(catalogue, &[guest, host, arbiter])
            .step(Step::new("hetero_lr_0", "hetero_lr").set(learner).reads_at(
                "train_data",
                "intersection_0",
                0,
            ))
            .step(
                Step::new("evaluation_0", "evaluation")
                    .roles(&[Role::Guest])
                    .reads("hetero_lr_0"),
            )
    }

    /// Reader, data_transform and intersection over the same tables: the beginning of most jobs. The first participant is
    /// the guest.
    pub fn reading(catalogue: &[ComponentInfo], participants: &[Participant]) -> Self {
        let guest = participants.first().expect("a guest").clone();
        let mut reader = Step::new("reader_0", "reader");
        for who in participants.iter().filter(|who| who.role == Role::Host) {
            reader = reader.table(who, "experiment", "host");
        }
        let reader = reader.table(&guest, "experiment", "guest");
        let transform = Step::new("data_transform_0", "data_transform").reads("reader_0");
        let transform = transform
            .set(json!({"with_label": false}))
            .set_for(&guest, json!({"with_label": true}));
        Self::new(catalogue, participants)
            .step(reader)
            .step(transform)
            .step(Step::new("intersection_0", "intersection").reads("data_transform_0"))
    }

    /// Adds a step after those that are there.
    #[must_use]
    pub fn step(mut self, mut step: Step) -> Self {
        step.complete(&self.catalogue);
        self.steps.push(step);
        self
    }

    /// Another participant starts it.
    #[must_use]
    pub fn started_by(mut self, who: &Participant) -> Self {
        self.initiator = who.clone();
        self
    }

    /// The same job under a new id.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self {
            id: new_id(),
            created: SystemClock.now(),
            ..self.clone()
        }
    }

    /// A step, to be changed.
    pub fn step_mut(&mut self, name: &str) -> &mut Step {
        self.steps
            .iter_mut()
            .find(|step| step.name.as_str() == name)
            .unwrap_or_else(|| panic!("no step {name}"))
    }

    /// A task of it.
    pub fn task(&self, step: &str, who: &Participant) -> TaskId {
        task_of(&self.id, step, who)
    }

    /// Who runs a step, in cast order.
    pub fn participants_of(&self, step: &Step) -> Vec<Participant> {
        let plays = |who: &Participant| {
            step.roles
                .as_ref()
                .is_none_or(|roles| roles.contains(&who.role))
        };
        self.cast.participants().filter(plays).collect()
    }

    /// The offer that an honest coordinator would have the initiator sign. The same job gives the same bytes.
    pub fn offer(&self) -> Offer {
        Offer {
            job: self.id.clone(),
            initiator: self.initiator.clone(),
            cast: self.cast.clone(),
            steps: self.steps.iter().map(|step| self.offered(step)).collect(),
            created: self.created,
            expires: Some(self.created.plus_millis(self.lasts_millis)),
            attempts: Some(self.attempts),
            keeps: None,
        }
    }

    fn offered(&self, step: &Step) -> OfferedStep {
        let participants = self.participants_of(step);
        let parameters: Vec<(Participant, Value)> = participants
            .iter()
            .map(|who| (who.clone(), step.parameters_of(who)))
            .collect();
        let tables = parameters
            .iter()
            .filter_map(|(who, value)| Some((who.clone(), stored_table(value)?)))
            .collect();
        OfferedStep {
            step: step.name.clone(),
            component: step.component.clone(),
            version: step.version.unwrap_or(1),
            stage: step.stage,
            roles: Role::ALL
                .into_iter()
                .filter(|role| participants.iter().any(|who| who.role == *role))
                .collect(),
            inputs: participants
                .iter()
                .flat_map(|who| self.inputs(step, who))
                .collect(),
            models: participants
                .iter()
                .flat_map(|who| self.models(step, who))
                .collect(),
            parameters: parameters
                .into_iter()
                .map(|(who, value)| (who, value.to_string()))
                .collect(),
            participants,
            tables,
            inherited: step.inherited.clone(),
        }
    }

    fn inputs(&self, step: &Step, who: &Participant) -> Vec<OfferedInput> {
        let input = |wire: &super::step::Wire| {
            let maker = self.steps.iter().find(|step| step.name == wire.from)?;
            self.participants_of(maker)
                .contains(who)
                .then(|| OfferedInput {
                    who: who.clone(),
                    port: wire.port.clone(),
                    from_step: wire.from.clone(),
                    made_by: wire.from.clone(),
                    index: wire.index,
                    of_job: maker.inherited.clone(),
                })
        };
        step.inputs.iter().filter_map(input).collect()
    }

    fn models(&self, step: &Step, who: &Participant) -> Vec<ModelInput> {
        let model = |wire: &super::step::ModelWire| {
            let version = wire
                .version
                .clone()
                .unwrap_or_else(|| self.id.as_str().to_owned());
            let model = ModelRef {
                version,
                step: wire.step.clone(),
                owner: who.clone(),
            };
            ModelInput {
                port: wire.port.clone(),
                model,
                checkpoint: wire.checkpoint.clone(),
            }
        };
        step.models.iter().map(model).collect()
    }

    /// The order for a task that an honest coordinator would give under [`Job::offer`]; all inputs are of attempt 0.
    pub fn assignment(&self, step: &str, who: &Participant, attempt: u32) -> Assignment {
        let mut order = order_of(&self.offer(), step, who, attempt);
        order.partitions = self.partitions;
        let named = self.steps.iter().find(|own| own.name.as_str() == step);
        order.outputs = named
            .and_then(|step| step.outputs.clone())
            .unwrap_or_default();
        order
    }
}

/// The order for a task as an offer says it, also where the offer was twisted: what the agent compares agrees.
pub fn order_of(offer: &Offer, step: &str, who: &Participant, attempt: u32) -> Assignment {
    let task = task_of(&offer.job, step, who);
    let name = step_name(step);
    let step = offer
        .steps
        .iter()
        .find(|step| step.step == name)
        .unwrap_or_else(|| panic!("no step {name}"));
    let mut step_cast = Cast::default();
    for participant in &step.participants {
        step_cast
            .of_mut(participant.role)
            .push(participant.party.clone());
    }
    let own = step.parameters.iter().find(|(owner, _)| owner == who);
    Assignment {
        attempt: Attempt(attempt),
        component: step.component.clone(),
        component_version: step.version,
        stage: step.stage,
        cast: offer.cast.clone(),
        step_cast,
        parameters: own.map_or_else(
            || json!({}),
            |(_, text)| serde_json::from_str(text).expect("JSON"),
        ),
        inputs: step
            .inputs
            .iter()
            .filter(|input| input.who == *who)
            .map(|input| data_input(&task, input))
            .collect(),
        models: step
            .models
            .iter()
            .filter(|input| input.model.owner == *who)
            .cloned()
            .collect(),
        outputs: vec!["data".to_owned()],
        model_version: offer.job.as_str().to_owned(),
        offer: fingerprint_of(&offer.canonical_bytes().expect("bytes")),
        partitions: 4,
        deadline: Some(SystemClock.now().plus_millis(MILLIS)),
        limits: Limits::default(),
        keeps: None,
        because: None,
        task,
    }
}

fn data_input(task: &TaskId, input: &OfferedInput) -> DataInput {
    let job = input.of_job.clone().unwrap_or_else(|| task.job.clone());
    let maker = TaskId {
        job,
        step: input.made_by.clone(),
        ..task.clone()
    };
    let table = TableRef::output(&maker, Attempt(0), input.index);
    DataInput {
        port: input.port.clone(),
        from_step: input.from_step.clone(),
        table,
    }
}

/// The stored table that parameters name.
fn stored_table(parameters: &Value) -> Option<TableRef> {
    let table = parameters.get("table")?;
    Some(TableRef::new(
        table.get("namespace")?.as_str()?,
        table.get("name")?.as_str()?,
    ))
}

/// An id of FATE's form: a date and digits, rising.
fn new_id() -> JobId {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let now = SystemClock.now().0;
    let step = |last: i64| Some(now.max(last + 1));
    let before = LAST
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, step)
        .unwrap_or(now);
    JobId::new(format!(
        "20260101{:013}",
        now.max(before + 1) % 10_000_000_000_000
    ))
    .expect("a job")
}
