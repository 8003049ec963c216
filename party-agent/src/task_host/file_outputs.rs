//! What a task leaves, kept as a file of its party, too.

use component_kit::{ComponentError, LogLevel, Result, TaskHost};
use rest::proxy::whole;
use tables::{Table, write_text};
use vocabulary::{ErrorCode, Fault};

use super::{AgentTaskHost, blocking};
use crate::files::{Label, NotTaken, Place};

/// Says in a file's description which job and step left it.
const LEFT_BY: &str = "fedflow-left-by";

/// Writes a table as text, with a header, to a file that the party keeps. One that an earlier attempt left is replaced, and no other.
pub(super) async fn keep(task_host: &AgentTaskHost, file: &str, table: &Table) -> Result<()> {
    if !task_host.own_job {
        return Err(task_host.refused(format!(
            "{file:?} is a file of this party, and another party started the job"
        )));
    }
    task_host.need_to_move(&format!("the file {file:?}"))?;
    let place = Place::of(file).ok_or_else(|| {
        ComponentError::new(
            ErrorCode::RequestInvalid,
            format!("{file:?} names no file that a party can keep"),
        )
    })?;
    let rows = table.clone();
    let text = blocking(move || {
        let mut text = Vec::new();
        write_text(&rows, &mut text, ',', true, None)?;
        Ok(text)
    })
    .await?;
    let task = &task_host.assignment.task;
    // Without the attempt: one that runs again replaces what the attempt before left.
    let left_by = (LEFT_BY.to_owned(), format!("{}/{}", task.job, task.step));
    let label = Label {
        content_type: Some("text/csv".to_owned()),
        metadata: [left_by].into(),
    };
    let agent_state = &task_host.agent_state;
    let (files, at) = (agent_state.clone(), place.clone());
    let there = blocking(move || Ok(files.files.find(&at)?)).await?;
    if there
        .is_some_and(|(_, about)| about.label.metadata.get(LEFT_BY) != label.metadata.get(LEFT_BY))
    {
        // The address comes with the order, and not with what the party accepted.
        return Err(task_host.refused(format!(
            "{file:?} is there already, and this task did not leave it"
        )));
    }
    let kept = agent_state
        .files
        .receive(&place, label, whole(text), agent_state.now())
        .await;
    let about = kept.map_err(|NotTaken { fault, .. }| Fault::at(fault, &agent_state.me))?;
    task_host.log(
        LogLevel::Info,
        &format!("{} bytes kept as {file}", about.bytes),
    );
    Ok(())
}
