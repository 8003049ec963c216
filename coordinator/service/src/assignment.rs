//! What goes into an offer and into an assignment: read from the job's graph, nothing else.

use std::collections::BTreeMap;

use domain::{Job, Keeps, Offering, Step, Task};
use vocabulary::offer::fingerprint_of;
use vocabulary::{
    Assignment, Attempt, DataInput, ErrorCode, Fault, JobId, Offer, OfferedFile, Participant,
    StepName, TableRef, TaskId, Timestamp,
};

/// The job as its parties are asked to join it. The same job always gives the same bytes.
pub(crate) fn offer_of(job: &Job) -> Offer {
    let inherited = inherited(job);
    Offer {
        job: job.id.clone(),
        initiator: job.initiator.clone(),
        cast: job.cast.clone(),
        steps: offering(job, &inherited).steps(),
        created: job.created,
        expires: Some(job.deadline()),
        attempts: Some(job.settings.most_attempts()),
        keeps: job
            .settings
            .keeps
            .clone()
            .map(|Keeps { step, who, file }| OfferedFile { step, who, file }),
    }
}

fn inherited(job: &Job) -> BTreeMap<StepName, JobId> {
    job.settings
        .inherited
        .iter()
        .map(|(step, from)| (step.clone(), from.job.clone()))
        .collect()
}

fn offering<'a>(job: &'a Job, inherited: &'a BTreeMap<StepName, JobId>) -> Offering<'a> {
    Offering {
        graph: &job.definition.graph,
        cast: &job.cast,
        model_version: &job.model_version,
        inherited,
    }
}

/// Everything an agent needs to run a task once; a fault when the job is not ready for it.
pub(crate) fn assignment_of(
    job: &Job,
    tasks: &[Task],
    task: &TaskId,
    attempt: Attempt,
) -> Result<Assignment, Fault> {
    let defect = |what: &str| {
        Fault::new(
            ErrorCode::Internal,
            format!("task {task} cannot be ordered: {what}"),
        )
    };
    let step = job
        .definition
        .graph
        .step(&task.step)
        .ok_or_else(|| defect("its step is not in the job"))?;
    let offer = job
        .offer
        .as_ref()
        .ok_or_else(|| defect("the job's offer is not signed"))?;
    let participant = task.participant();
    let inherited = inherited(job);
    let offering = offering(job, &inherited);
    Ok(Assignment {
        task: task.clone(),
        attempt,
        component: step.component.clone(),
        component_version: step.version,
        stage: step.stage,
        cast: job.cast.clone(),
        step_cast: offering.running_cast(step),
        parameters: step.parameters_of(&participant),
        inputs: inputs_of(job, tasks, step, &participant),
        models: offering.models_of(step, &participant),
        outputs: step.outputs.clone(),
        model_version: job.model_version.clone(),
        // The agent runs only what it accepted: it looks the offer up by this and compares.
        offer: fingerprint_of(&offer.bytes),
        partitions: partitions_of(job, &participant),
        deadline: Some(deadline_of(job, tasks, task, attempt)),
        limits: job.settings.limits,
        keeps: kept_by(job, task),
        because: None,
    })
}

fn partitions_of(job: &Job, who: &Participant) -> u32 {
    let own = job.settings.partitions_of(who);
    job.settings
        .limits
        .partitions
        .map_or(own, |most| own.min(most))
}

/// Where a task's party keeps what the task leaves, when the job has it kept.
fn kept_by(job: &Job, task: &TaskId) -> Option<String> {
    let keeps = job.settings.keeps.as_ref()?;
    (keeps.step == task.step && keeps.who == task.participant()).then(|| keeps.file.clone())
}

/// When the agent gives the attempt up: at the job's deadline, or when the step's own time is over.
fn deadline_of(job: &Job, tasks: &[Task], task: &TaskId, attempt: Attempt) -> Timestamp {
    let own = tasks
        .iter()
        .find(|own| own.key.id == *task && own.key.attempt == attempt);
    let ordered = own.and_then(|own| own.ordered);
    let limit = job.settings.limit_of(&task.step);
    let step = ordered
        .zip(limit)
        .map(|(ordered, limit)| ordered.plus_millis(limit));
    // Not later than the job's own: an agent cut off from the coordinator ends the work by itself.
    step.map_or_else(|| job.deadline(), |step| step.min(job.deadline()))
}

fn inputs_of(job: &Job, tasks: &[Task], step: &Step, participant: &Participant) -> Vec<DataInput> {
    let newest = |name: &StepName| {
        let own = tasks
            .iter()
            .filter(|task| task.key.id.step == *name && task.key.id.participant() == *participant);
        // The newest attempt: tables of earlier ones may be there still.
        own.map(|task| task.key.attempt).max().unwrap_or_default()
    };
    let input = |edge: &domain::DataEdge| {
        let (maker, index) = job.definition.graph.maker_of(participant, edge)?;
        let inherited = job.settings.inherited.get(maker);
        let (of, attempt) = inherited.map_or_else(
            || (&job.id, newest(maker)),
            |from| (&from.job, from.attempt),
        );
        let Participant { role, party } = participant.clone();
        let table = TableRef::output(
            &TaskId {
                job: of.clone(),
                step: maker.clone(),
                role,
                party,
            },
            attempt,
            index,
        );
        Some(DataInput {
            port: edge.port.clone(),
            from_step: edge.from.clone(),
            table,
        })
    };
    step.inputs.iter().filter_map(input).collect()
}
