//! Deleting: allowed from settled states only; what others stand on stays.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::meteos::Dataset;
use rest::fate_reply::{ARGUMENT, SUCCESS};
use rest::lenient::{read_json, whole_body};
use rest::proxy::whole;
use serde_json::json;
use service::EntityFilter;
use vocabulary::{PartyId, TableRef};
use wire::agent_link::{Caller, HttpHead};

use super::call::Call;
use super::collection::Noun;
use super::columns::DEFAULT_TEMPLATE;
use super::fault::{Answer, Refused};
use super::{Meteos, internal, views};

/// States from which something may be deleted.
const SETTLED: [&str; 3] = ["available", "error", "inactive"];

/// DELETE one.
pub(super) async fn remove(api: Meteos, call: Call) -> Answer {
    let (api, collection) = (&api, call.collection()?);
    let (coordinator, tenant) = (api.coordinator(), &call.project.tenant);
    let item = views::find(api, &call, collection.noun).await?;
    if collection.noun == Noun::Template && call.id == DEFAULT_TEMPLATE {
        return Err(Refused::bad("The default template stays."));
    }
    views::must_be(&item, &SETTLED, &capital(collection.singular))?;
    match views::kind_of(collection.noun) {
        None => {
            coordinator
                .experiments()
                .delete(Some(tenant), &call.id)
                .await?
        }
        Some(kind) => {
            let entity = coordinator
                .entities()
                .delete(kind, Some(tenant), &call.id)
                .await?;
            if collection.noun == Noun::Dataset {
                let dataset: Dataset = entity.read().map_err(internal)?;
                if let (Some(party), Some(table)) = (dataset.party, dataset.table) {
                    forget_rows(api, &call, &party, &table).await?;
                }
            }
        }
    }
    Ok(StatusCode::ACCEPTED.into_response())
}

fn capital(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}

/// Has the party drop a deleted dataset's table, unless something that is still being made reads it. Rows that stay because
/// the party does not answer are no dataset's any more.
async fn forget_rows(api: &Meteos, call: &Call, party: &PartyId, table: &TableRef) -> Answer<()> {
    let coordinator = api.coordinator();
    let source = format!("internal://{}", table.name);
    if coordinator
        .runs()
        .any_reads(&call.project.tenant, &table.name)
        .await?
    {
        return Ok(());
    }
    for noun in [Noun::Dataset, Noun::Model, Noun::Evaluation] {
        let Some(kind) = views::kind_of(noun) else {
            continue;
        };
        let filter = EntityFilter {
            tenant: Some(call.project.tenant.clone()),
            ..EntityFilter::of(kind)
        };
        let readers = coordinator.entities().find(&filter).await?.0;
        let readers = readers
            .into_iter()
            .filter(|entity| entity.body["source"] == json!(source))
            .collect();
        let making = coordinator.projects().seen(readers).await?;
        if making
            .iter()
            .any(|seen| seen.standing == domain::meteos::Standing::Making)
        {
            return Ok(());
        }
    }
    let head = HttpHead {
        method: "POST".to_owned(),
        target: "/v1/table/delete".to_owned(),
        headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
        caller: Caller::Outsider,
        ticket: None,
    };
    let body = json!({"namespace": table.namespace, "table_name": table.name}).to_string();
    match api.context().rows.forward(party, head, whole(body)).await {
        Ok((head, reply)) => {
            // An agent refuses in FATE's form, with status 200; what was not there is gone, too.
            let code = whole_body(Body::from_stream(reply))
                .await
                .ok()
                .and_then(|bytes| read_json(&bytes).get("retcode")?.as_i64());
            if head.status >= 300 || !matches!(code, Some(SUCCESS | ARGUMENT)) {
                tracing::warn!(%party, %table, status = head.status, retcode = code, "the table of a deleted dataset stays");
            }
        }
        Err(fault) => {
            tracing::warn!(%party, %table, %fault, "the table of a deleted dataset stays")
        }
    }
    Ok(())
}
