//! Copies of the party's models, to its model store and back.

use archives::Subject;
use component_kit::{ComponentError, CopiedModel, LogLevel, ModelCopy, Result, TaskHost};
use vocabulary::{ErrorCode, Fault};

use super::AgentTaskHost;
use crate::model_archive::ModelArchive;

pub(super) async fn store(task_host: &AgentTaskHost, request: ModelCopy) -> Result<CopiedModel> {
    let (model_archive, subject) = allowed(task_host, &request)?;
    let (place, bytes, sha256) = model_archive.keep(&subject, request.replace).await?;
    task_host.log(
        LogLevel::Info,
        &format!("{bytes} bytes are kept at {place}, SHA-256 {sha256}"),
    );
    Ok(CopiedModel { place, bytes })
}

pub(super) async fn restore(task_host: &AgentTaskHost, request: ModelCopy) -> Result<CopiedModel> {
    let (model_archive, subject) = allowed(task_host, &request)?;
    let (place, bytes) = model_archive.bring_back(&subject, request.replace).await?;
    task_host.log(
        LogLevel::Info,
        &format!("{bytes} bytes came back from {place}"),
    );
    Ok(CopiedModel { place, bytes })
}

/// Copies are for the party's own jobs, and for its own part of a model.
fn allowed<'a>(
    task_host: &'a AgentTaskHost,
    request: &ModelCopy,
) -> Result<(&'a ModelArchive, Subject)> {
    let me = &task_host.agent_state.me;
    let subject = Subject::of_party_model(&request.party_model_id, &request.model_version);
    // Else a job of another party could put an older model in place of the one that is in use.
    let Some(subject) = subject.filter(|subject| task_host.own_affair && subject.party_id == *me)
    else {
        let message = format!(
            "{:?} is not a model of party {me}, or the job is not its own",
            request.party_model_id
        );
        let fault = Fault::new(ErrorCode::OfferRefused, message).at(me);
        return Err(fault
            .next("let each party copy its own part, by model/store or model/restore")
            .into());
    };
    let missing = || ComponentError::new(ErrorCode::Internal, "models cannot be copied from here");
    Ok((
        task_host.model_archive.as_deref().ok_or_else(missing)?,
        subject,
    ))
}
