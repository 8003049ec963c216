//! `key/*`: which public key another party must come with. A pinned party is refused with any other one, at links, messages
//! and offers, whatever the federation's root says.

use axum::extract::Request;
use axum::response::IntoResponse;
use pki::{public_key_of_pem, public_key_pem};
use rest::{Answer, Failure, Reply};
use serde_json::{Value, json};
use vocabulary::{Fault, PartyId};

use super::HandlerState;
use super::request_fields::RequestFields;
use crate::keyring::pinned;

pub(super) async fn save(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    asked.validated(&["party_id", "key"])?;
    let party = party(&asked)?;
    if party == handler.agent_state.me {
        return Err(Failure::exception(
            "ValueError",
            "the key of the party itself cannot be pinned",
        ));
    }
    let key = asked.text("key").and_then(|text| public_key_of_pem(&text));
    let key = key.ok_or_else(|| {
        Failure::exception(
            "ValueError",
            "the key is not a P-256 public key in PEM form",
        )
    })?;
    handler
        .permit_permissions(format!("pinning a key of party {party}"))
        .await?;
    let pem = public_key_pem(&key);
    let known = handler
        .agent_state
        .records
        .pin_key(&party, &pem, handler.agent_state.now())
        .await
        .map_err(Fault::from)?;
    handler
        .keys
        .demand(pinned(&handler.agent_state.records).await?)?;
    if handler
        .keys
        .certificate_key(&party)
        .is_none_or(|own| own != key)
    {
        tracing::warn!(%party, "the pinned key is not the one of the certificate that is known of this party");
    }
    Ok(Reply::data(json!(if known {
        "update success"
    } else {
        "save success"
    }))
    .into_response())
}

/// The pinned key, else the key of the certificate that is known of the party; without data when there is neither.
pub(super) async fn query(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    asked.validated(&["party_id"])?;
    let party = party(&asked)?;
    handler
        .permit_permissions(format!("the key of party {party}"))
        .await?;
    let keys = pinned(&handler.agent_state.records).await?;
    let (key, pinned) = match keys.get(&party) {
        Some(key) => (Some(*key), true),
        None => (handler.keys.certificate_key(&party), false),
    };
    let data = key.map_or(Value::Null, |key| json!(public_key_pem(&key)));
    Ok(Reply::data(data)
        .with_meta(json!({"pinned": pinned}))
        .into_response())
}

pub(super) async fn delete(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    asked.validated(&["party_id"])?;
    let party = party(&asked)?;
    handler
        .permit_permissions(format!("unpinning the key of party {party}"))
        .await?;
    handler
        .agent_state
        .records
        .unpin_key(&party)
        .await
        .map_err(Fault::from)?;
    handler
        .keys
        .demand(pinned(&handler.agent_state.records).await?)?;
    Ok(Reply::success().into_response())
}

fn party(asked: &RequestFields) -> Result<PartyId, Failure> {
    let party = asked
        .text("party_id")
        .and_then(|party| PartyId::new(party).ok());
    party.ok_or_else(|| Failure::exception("ValueError", "party_id is not a party"))
}
