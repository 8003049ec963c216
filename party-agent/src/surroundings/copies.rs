//! Copies of the party's models, to its model store and back.

use archives::Subject;
use component_kit::{ComponentError, CopiedModel, LogLevel, ModelCopy, Result, Surroundings};
use vocabulary::{ErrorCode, Fault};

use super::Outside;
use crate::archivist::Archivist;

pub(super) async fn store(outside: &Outside, request: ModelCopy) -> Result<CopiedModel> {
    let (archivist, subject) = allowed(outside, &request)?;
    let (place, bytes, sha256) = archivist.keep(&subject, request.replace).await?;
    outside.log(
        LogLevel::Info,
        &format!("{bytes} bytes are kept at {place}, SHA-256 {sha256}"),
    );
    Ok(CopiedModel { place, bytes })
}

pub(super) async fn restore(outside: &Outside, request: ModelCopy) -> Result<CopiedModel> {
    let (archivist, subject) = allowed(outside, &request)?;
    let (place, bytes) = archivist.bring_back(&subject, request.replace).await?;
    outside.log(
        LogLevel::Info,
        &format!("{bytes} bytes came back from {place}"),
    );
    Ok(CopiedModel { place, bytes })
}

/// Copies are for the party's own jobs, and for its own part of a model.
fn allowed<'a>(outside: &'a Outside, request: &ModelCopy) -> Result<(&'a Archivist, Subject)> {
    let me = &outside.holdings.me;
    let subject = Subject::of_party_model(&request.party_model_id, &request.model_version);
    let Some(subject) = subject.filter(|subject| outside.own_affair && subject.party_id == *me)
    else {
        let message = format!(
            "{:?} is no model of party {me}, or the job is not its own",
            request.party_model_id
        );
        let fault = Fault::new(ErrorCode::OfferRefused, message).at(me);
        return Err(fault
            .next("let each party copy its own part, by model/store or model/restore")
            .into());
    };
    let missing = || ComponentError::new(ErrorCode::Internal, "models cannot be copied from here");
    Ok((outside.archivist.as_deref().ok_or_else(missing)?, subject))
}
