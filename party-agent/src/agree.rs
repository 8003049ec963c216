//! Whether an order says what the accepted offer said: the coordinator cannot change a job after it was accepted.

use serde_json::Value;
use vocabulary::{Assignment, ErrorCode, Fault, Offer, OfferedStep, PartyId};

/// Refuses an order that is for somebody else, or that differs from the offer in component, version, cast, parameters or
/// tables.
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
    let Some(step) = offer.steps.iter().find(|step| step.step == task.step) else { return differs("no such step") };
    if step.component != assignment.component || step.version != assignment.component_version {
        return differs("another component or version");
    }
    if !step.roles.contains(&task.role) || !offer.cast.has(&participant) || !assignment.step_cast.has(&participant) {
        return differs("this party has no such part");
    }
    if assignment.step_cast.participants().any(|who| !offer.cast.has(&who) || !step.roles.contains(&who.role)) {
        return differs("somebody else takes part");
    }
    if !same_parameters(assignment, step) {
        return differs("other parameters");
    }
    let foreign = assignment.inputs.iter().find(|input| {
        let offered = offer
            .steps
            .iter()
            .flat_map(|step| &step.tables)
            .any(|(owner, table)| *owner == participant && *table == input.table);
        !offered && !input.table.namespace.starts_with(&format!("output_data_{}_{}_", task.job, input.from_step))
    });
    if let Some(input) = foreign {
        return differs(&format!("the input table {}", input.table));
    }
    if assignment.models.iter().any(|input| input.model.owner != participant) {
        return differs("a model of somebody else");
    }
    if assignment.partitions == 0 || assignment.partitions > 1023 {
        return differs("a number of partitions out of bounds");
    }
    Ok(())
}

/// Compared as values: texts of the same JSON may differ in the order of members.
fn same_parameters(assignment: &Assignment, step: &OfferedStep) -> bool {
    let participant = assignment.task.participant();
    let Some((_, offered)) = step.parameters.iter().find(|(who, _)| *who == participant) else { return false };
    let ordered = assignment.parameters.to_string();
    *offered == ordered || serde_json::from_str::<Value>(offered).is_ok_and(|offered| offered == assignment.parameters)
}
