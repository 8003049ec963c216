//! What agents need of a model's documents, and tell of models they took in or loaded. Their shape as JSON:
//! `service::ModelDocuments`.
//!
//! `fedflow/model/documents` and `fedflow/model/loaded` take `{model_id, model_version, role, party_id}`; the first answers
//! the documents as `data`. `fedflow/model/imported` takes the documents themselves with `archive_sha256` (SHA-256 of the
//! archive in hex, or null), `force_update` (1 replaces what is there) and `check_only` (1 writes nothing and only says
//! whether it could be done: ask so before anything is stored). Unknown model: retcode 101; there already: HTTP 409.

use rest::{Answer, Failure, Reply};
use serde_json::{Value, json};
use service::models::Import;
use service::{ModelDocuments, ModelKey, ServiceError};
use vocabulary::{ErrorCode, Fault, Participant};

use super::FateFlow;
use super::reply::{answer, fail};
use super::request::Call;

/// What names a participant's part of a version.
pub(super) const OF_PART: &[&str] = &["model_id", "model_version", "role", "party_id"];

pub(super) async fn documents(api: FateFlow, call: Call) -> Answer {
    let (key, owner) = named(&call)?;
    let documents = api
        .coordinator()
        .models()
        .documents(&call.principal, &key, &owner)
        .await
        .map_err(fail)?;
    let data = serde_json::to_value(documents).map_err(|error| invalid(&error.to_string()))?;
    answer(Reply::data(data))
}

pub(super) async fn loaded(api: FateFlow, call: Call) -> Answer {
    let (key, owner) = named(&call)?;
    api.coordinator()
        .models()
        .loaded(&call.principal, &key, &owner)
        .await
        .map_err(fail)?;
    answer(Reply::success())
}

pub(super) async fn imported(api: FateFlow, call: Call) -> Answer {
    call.validated(OF_PART)?;
    let how = Import {
        force: call.flag("force_update"),
        check_only: call.flag("check_only"),
    };
    let (sha256, role, party) = (
        call.text("archive_sha256"),
        call.text("role"),
        call.text("party_id"),
    );
    let documents: ModelDocuments = serde_json::from_value(Value::Object(call.body))
        .map_err(|error| invalid(&error.to_string()))?;
    let owner = Participant::from(documents.owner.clone());
    let data = json!({
        "role": role,
        "party_id": party,
        "model_id": documents.model_id,
        "model_version": documents.model_version,
    });
    match api
        .coordinator()
        .models()
        .import(&call.principal, documents, sha256, how)
        .await
    {
        Ok(()) => answer(Reply::data(data)),
        Err(ServiceError::Conflict(fault)) if fault.code == ErrorCode::Conflict => {
            Err(Failure::http(409, Some("Model already exists.")).with_fault(fault))
        }
        Err(ServiceError::Conflict(fault)) if fault.code == ErrorCode::PartyUnknown => {
            let text = format!(
                "Party id \"{}\" is not in role \"{}\", please check if the party id and role is valid.",
                owner.party, owner.role
            );
            Err(Failure::http(400, Some(&text)).with_fault(fault))
        }
        Err(error) => Err(fail(error)),
    }
}

/// The part that a request names.
fn named(call: &Call) -> Result<(ModelKey, Participant), Failure> {
    call.validated(OF_PART)?;
    let text = |key: &str| call.text(key).unwrap_or_default();
    let role = call
        .role()
        .ok_or_else(|| invalid(&format!("{:?} is not a role", text("role"))))?;
    let party = call
        .party()
        .ok_or_else(|| invalid(&format!("{:?} is not a party id", text("party_id"))))?;
    Ok((
        ModelKey::new(text("model_id"), text("model_version")),
        Participant::new(role, party),
    ))
}

fn invalid(what: &str) -> Failure {
    Fault::new(
        ErrorCode::RequestInvalid,
        format!("the request cannot be read: {what}"),
    )
    .into()
}
