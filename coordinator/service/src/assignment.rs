//! What goes into an offer and into an assignment: read from the job's graph, nothing else.

use domain::{Job, ModelSource, Step, Task};
use serde_json::Value;
use vocabulary::offer::fingerprint_of;
use vocabulary::{
    Assignment, Attempt, Cast, DataInput, ErrorCode, Fault, ModelInput, ModelRef, Offer, OfferedInput, OfferedStep,
    Participant, Role, StepName, TableRef, TaskId, Timestamp,
};

/// The job as its parties are asked to join it. The same job always gives the same bytes.
pub(crate) fn offer_of(job: &Job) -> Offer {
    Offer {
        job: job.id.clone(),
        initiator: job.initiator.clone(),
        cast: job.cast.clone(),
        steps: job.definition.graph.steps.iter().map(|step| offered(job, step)).collect(),
        created: job.created,
    }
}

fn offered(job: &Job, step: &Step) -> OfferedStep {
    let parameters = step.participants.iter().map(|who| (who.clone(), step.parameters_of(who)));
    let parameters: Vec<(Participant, Value)> = parameters.collect();
    let tables = parameters.iter().filter_map(|(who, value)| Some((who.clone(), stored_table(value)?))).collect();
    OfferedStep {
        step: step.name.clone(),
        component: step.component.clone(),
        version: step.version,
        roles: Role::ALL.into_iter().filter(|role| step.participants.iter().any(|who| who.role == *role)).collect(),
        stage: step.stage,
        participants: running_cast(job, step).participants().collect(),
        parameters: parameters.into_iter().map(|(who, value)| (who, value.to_string())).collect(),
        tables,
        inputs: step.participants.iter().flat_map(|who| offered_inputs(job, step, who)).collect(),
        models: step.participants.iter().flat_map(|who| models_of(job, step, who)).collect(),
        inherited: job.settings.inherited.get(&step.name).map(|from| from.job.clone()),
    }
}

fn offered_inputs(job: &Job, step: &Step, who: &Participant) -> Vec<OfferedInput> {
    let input = |edge: &domain::DataEdge| {
        let (made_by, index) = job.definition.graph.maker_of(who, edge)?;
        let (port, from_step) = (edge.port.clone(), edge.from.clone());
        let of_job = job.settings.inherited.get(made_by).map(|from| from.job.clone());
        Some(OfferedInput { who: who.clone(), port, from_step, made_by: made_by.clone(), index, of_job })
    };
    step.inputs.iter().filter_map(input).collect()
}

/// The stored table that parameters name: `{"table": {"name": …, "namespace": …}}`.
fn stored_table(parameters: &Value) -> Option<TableRef> {
    let table = parameters.get("table")?;
    Some(TableRef::new(table.get("namespace")?.as_str()?, table.get("name")?.as_str()?))
}

/// Everything an agent needs to run a task once; a fault when the job is not ready for it.
pub(crate) fn assignment_of(job: &Job, tasks: &[Task], task: &TaskId, attempt: Attempt) -> Result<Assignment, Fault> {
    let defect = |what: &str| Fault::new(ErrorCode::Internal, format!("task {task} cannot be ordered: {what}"));
    let step = job.definition.graph.step(&task.step).ok_or_else(|| defect("its step is not in the job"))?;
    let offer = job.offer.as_ref().ok_or_else(|| defect("the job's offer is not signed"))?;
    let participant = task.participant();
    Ok(Assignment {
        task: task.clone(),
        attempt,
        component: step.component.clone(),
        component_version: step.version,
        stage: step.stage,
        cast: job.cast.clone(),
        step_cast: running_cast(job, step),
        parameters: step.parameters_of(&participant),
        inputs: inputs_of(job, tasks, step, &participant),
        models: models_of(job, step, &participant),
        outputs: step.outputs.clone(),
        model_version: job.model_version.clone(),
        offer: fingerprint_of(&offer.bytes),
        partitions: job
            .settings
            .limits
            .partitions
            .map_or(job.settings.partitions, |most| job.settings.partitions.min(most)),
        deadline: Some(deadline_of(job, tasks, task, attempt)),
        limits: job.settings.limits,
        keeps: kept_by(job, task),
    })
}

/// Where a task's party keeps what the task leaves, when the job has it kept.
fn kept_by(job: &Job, task: &TaskId) -> Option<String> {
    let keeps = job.settings.keeps.as_ref()?;
    (keeps.step == task.step && keeps.who == task.participant()).then(|| keeps.file.clone())
}

/// When the agent gives the try up: at the job's deadline, or when the step's own time is over.
fn deadline_of(job: &Job, tasks: &[Task], task: &TaskId, attempt: Attempt) -> Timestamp {
    let own = tasks.iter().find(|own| own.key.id == *task && own.key.attempt == attempt);
    let ordered = own.and_then(|own| own.ordered);
    let limit = job.settings.limit_of(&task.step);
    let step = ordered.zip(limit).map(|(ordered, limit)| ordered.plus_millis(limit));
    step.map_or_else(|| job.deadline(), |step| step.min(job.deadline()))
}

/// The job's cast without those that have no task in the step or skip it; the cast's order is kept.
fn running_cast(job: &Job, step: &Step) -> Cast {
    let mut cast = Cast::default();
    for participant in job.cast.participants() {
        if step.participants.contains(&participant) && !step.skipped.contains(&participant) {
            cast.of_mut(participant.role).push(participant.party);
        }
    }
    cast
}

fn inputs_of(job: &Job, tasks: &[Task], step: &Step, participant: &Participant) -> Vec<DataInput> {
    let newest = |name: &StepName| {
        let own = tasks.iter().filter(|task| task.key.id.step == *name && task.key.id.participant() == *participant);
        own.map(|task| task.key.attempt).max().unwrap_or_default()
    };
    let input = |edge: &domain::DataEdge| {
        let (maker, index) = job.definition.graph.maker_of(participant, edge)?;
        let inherited = job.settings.inherited.get(maker);
        let (of, attempt) = inherited.map_or_else(|| (&job.id, newest(maker)), |from| (&from.job, from.attempt));
        let Participant { role, party } = participant.clone();
        let table = TableRef::output(&TaskId { job: of.clone(), step: maker.clone(), role, party }, attempt, index);
        Some(DataInput { port: edge.port.clone(), from_step: edge.from.clone(), table })
    };
    step.inputs.iter().filter_map(input).collect()
}

fn models_of(job: &Job, step: &Step, participant: &Participant) -> Vec<ModelInput> {
    let model = |edge: &domain::ModelEdge| {
        let (version, from, checkpoint) = match &edge.source {
            ModelSource::Stored { version, step, checkpoint } => (version.clone(), step, checkpoint.clone()),
            ModelSource::Step { step, .. } => {
                let source = job.definition.graph.step(step)?;
                if !source.participants.contains(participant) {
                    return None;
                }
                (job.model_version.clone(), step, None)
            }
        };
        let model = ModelRef { version, step: from.clone(), owner: participant.clone() };
        Some(ModelInput { port: edge.port.clone(), model, checkpoint })
    };
    step.models.iter().filter_map(model).collect()
}
