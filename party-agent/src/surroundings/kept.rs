//! What a task leaves, kept as a file of its party, too.

use component_kit::{ComponentError, LogLevel, Result, Surroundings};
use doors::proxy::whole;
use tables::{Table, write_text};
use vocabulary::{ErrorCode, Fault};

use super::{Outside, blocking};
use crate::files::{Label, NotTaken, Place};

/// Writes a table as text, with a header, to a file that the party keeps; one of that name is replaced, as by another try.
pub(super) async fn keep(outside: &Outside, file: &str, table: &Table) -> Result<()> {
    if !outside.own_job {
        return Err(outside.refused(format!("{file:?} is a file of this party, and another party started the job")));
    }
    let place = Place::of(file).ok_or_else(|| {
        ComponentError::new(ErrorCode::RequestInvalid, format!("{file:?} names no file that a party can keep"))
    })?;
    let rows = table.clone();
    let text = blocking(move || {
        let mut text = Vec::new();
        write_text(&rows, &mut text, ',', true, None)?;
        Ok(text)
    })
    .await?;
    let label = Label { content_type: Some("text/csv".to_owned()), ..Label::default() };
    let holdings = &outside.holdings;
    let kept = holdings.files.receive(&place, label, whole(text), holdings.now()).await;
    let about = kept.map_err(|NotTaken { fault, .. }| Fault::at(fault, &holdings.me))?;
    outside.log(LogLevel::Info, &format!("{} bytes kept as {file}", about.bytes));
    Ok(())
}
