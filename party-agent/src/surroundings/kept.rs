//! What a task leaves, kept as a file of its party, too.

use component_kit::{ComponentError, LogLevel, Result, Surroundings};
use doors::proxy::whole;
use tables::{Table, write_text};
use vocabulary::{ErrorCode, Fault};

use super::{Outside, blocking};
use crate::files::{Label, NotTaken, Place};

/// Says in a file's description which job and step left it.
const LEFT_BY: &str = "fedflow-left-by";

/// Writes a table as text, with a header, to a file that the party keeps. One that an earlier try left is replaced, and no other.
pub(super) async fn keep(outside: &Outside, file: &str, table: &Table) -> Result<()> {
    if !outside.own_job {
        return Err(outside.refused(format!(
            "{file:?} is a file of this party, and another party started the job"
        )));
    }
    outside.need_to_move(&format!("the file {file:?}"))?;
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
    let task = &outside.assignment.task;
    let left_by = (LEFT_BY.to_owned(), format!("{}/{}", task.job, task.step));
    let label = Label {
        content_type: Some("text/csv".to_owned()),
        metadata: [left_by].into(),
    };
    let holdings = &outside.holdings;
    let (files, at) = (holdings.clone(), place.clone());
    let there = blocking(move || Ok(files.files.find(&at)?)).await?;
    if there
        .is_some_and(|(_, about)| about.label.metadata.get(LEFT_BY) != label.metadata.get(LEFT_BY))
    {
        // The address comes with the order, and not with what the party accepted.
        return Err(outside.refused(format!(
            "{file:?} is there already, and this task did not leave it"
        )));
    }
    let kept = holdings
        .files
        .receive(&place, label, whole(text), holdings.now())
        .await;
    let about = kept.map_err(|NotTaken { fault, .. }| Fault::at(fault, &holdings.me))?;
    outside.log(
        LogLevel::Info,
        &format!("{} bytes kept as {file}", about.bytes),
    );
    Ok(())
}
