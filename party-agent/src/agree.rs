//! Whether an order says what the accepted offer said: the coordinator cannot change a job after it was accepted.

use serde_json::Value;
use vocabulary::{
    Assignment, ErrorCode, Fault, ModelInput, Offer, OfferedInput, OfferedStep, PartyId, TableRef,
    TaskId,
};

/// Refuses an order that is for somebody else, or that differs from the offer in component, version, stage, cast,
/// parameters, tables, models or files.
pub(crate) fn agrees(assignment: &Assignment, offer: &Offer, me: &PartyId) -> Result<(), Fault> {
    let task = &assignment.task;
    let participant = task.participant();
    let differs = |what: &str| {
        let message = format!("the order for {task} differs from the accepted offer: {what}");
        Err(Fault::new(ErrorCode::OfferRefused, message)
            .next("submit the job again; tell the coordinator's operator if it happens twice"))
    };
    if task.party != *me {
        return differs("it is for another party");
    }
    if task.job != offer.job || assignment.cast != offer.cast {
        return differs("another job or cast");
    }
    let Some(step) = offer.steps.iter().find(|step| step.step == task.step) else {
        return differs("no such step");
    };
    if step.component != assignment.component || step.version != assignment.component_version {
        return differs("another component or version");
    }
    if !step.roles.contains(&task.role)
        || !offer.cast.has(&participant)
        || !assignment.step_cast.has(&participant)
    {
        return differs("this party has no such part");
    }
    // Somebody left out would be as bad as somebody added: sums of few hide less than sums of many.
    if !assignment
        .step_cast
        .participants()
        .eq(step.participants.iter().cloned())
    {
        return differs("others take part");
    }
    if step.inherited.is_some() {
        return differs("the step was to be taken from an earlier job");
    }
    if assignment.stage != step.stage {
        return differs("another stage");
    }
    if !same_parameters(assignment, step) {
        return differs("other parameters");
    }
    if !same_inputs(assignment, offer, step) {
        return differs("other input tables");
    }
    let models: Vec<&ModelInput> = step
        .models
        .iter()
        .filter(|input| input.model.owner == participant)
        .collect();
    if !assignment.models.iter().eq(models) {
        return differs("other models");
    }
    // A model stands under the job that made it, so that no job can take the place of another's.
    if assignment.model_version != task.job.as_str() {
        return differs("another place for the model");
    }
    if assignment.keeps.as_ref() != kept_by(offer, task) {
        return differs("another file in which its output is kept");
    }
    // The offer does not say the number, so a bound stands in for a comparison.
    if assignment.partitions == 0 || assignment.partitions > 1023 {
        return differs("a number of partitions out of bounds");
    }
    Ok(())
}

/// Whether the tables are those of the offer, each made by the step and participant that it says, in some attempt. Which
/// attempt that may be is judged with the inherited steps.
fn same_inputs(assignment: &Assignment, offer: &Offer, step: &OfferedStep) -> bool {
    let participant = &assignment.task.participant();
    let offered: Vec<&OfferedInput> = step
        .inputs
        .iter()
        .filter(|input| input.who == *participant)
        .collect();
    let pairs = assignment.inputs.iter().zip(&offered);
    assignment.inputs.len() == offered.len()
        // In the offer's order: which table comes in at which port is part of what was accepted.
        && pairs.into_iter().all(|(input, offered)| {
            input.port == offered.port
                && input.from_step == offered.from_step
                && is_made_by(
                    &input.table,
                    &maker(offer, &assignment.task, offered),
                    offered,
                )
        })
}

/// The file in which the task's output is kept, by the offer.
fn kept_by<'a>(offer: &'a Offer, task: &TaskId) -> Option<&'a String> {
    let keeps = offer
        .keeps
        .as_ref()
        .filter(|keeps| keeps.step == task.step && keeps.who == task.participant())?;
    Some(&keeps.file)
}

/// Names of outputs are digests, so that the attempt is read from the namespace and the whole name computed again.
fn is_made_by(table: &TableRef, maker: &TaskId, offered: &OfferedInput) -> bool {
    table
        .attempt()
        .is_some_and(|attempt| *table == TableRef::output(maker, attempt, offered.index))
}

/// The task that leaves the table of an input of a task.
pub(crate) fn maker(offer: &Offer, task: &TaskId, offered: &OfferedInput) -> TaskId {
    let job = offered.of_job.clone().unwrap_or_else(|| offer.job.clone());
    TaskId {
        job,
        step: offered.made_by.clone(),
        ..task.clone()
    }
}

/// Compared as values: texts of the same JSON may differ in the order of members.
fn same_parameters(assignment: &Assignment, step: &OfferedStep) -> bool {
    let participant = assignment.task.participant();
    let Some((_, offered)) = step.parameters.iter().find(|(who, _)| *who == participant) else {
        return false;
    };
    let ordered = assignment.parameters.to_string();
    *offered == ordered
        || serde_json::from_str::<Value>(offered)
            .is_ok_and(|offered| offered == assignment.parameters)
}
