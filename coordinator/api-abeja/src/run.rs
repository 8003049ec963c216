//! Runs: asked for, looked at, listed.

use axum::http::StatusCode;
use domain::abeja::run::{RunRequest, RunStatus};
use domain::{Entity, EntityKind};
use serde_json::{Value, json};
use service::EntityFilter;
use service::abeja::runs::{RunOrder, RunStand};

use super::place::{ListPlace, place, token};
use super::reply::{Answer, Refusal, document, found};
use super::request::Call;
use super::times::time;
use super::{Abeja, again};

/// Runs of one page.
const PAGE: u32 = 50;

/// Asks for a run. What is stored is not stored again when the client asks again because it never heard the answer.
pub(super) async fn create(api: Abeja, mut call: Call) -> Answer {
    let body = call.json().await?;
    let key = call
        .headers
        .get("idempotency-key")
        .map(|key| key.as_bytes().to_vec());
    let asked = format!(
        "{} {} {key:?} {}",
        call.creator(),
        call.path,
        Value::Object(body.clone())
    );
    let once = api.once().clone();
    once.answer(&asked, async move {
        let request = RunRequest::read(&body).map_err(|unfit| Refusal::bad(unfit.to_string()))?;
        let asked = again::asked(&call, &Value::Object(body))?;
        // one of several equal requests at a time looks whether it was made already
        let _turn = api.once().turn(&asked.hash).await;
        let target = call.segment("deployment").to_owned();
        let order = RunOrder {
            target,
            request,
            asked: Some(asked),
        };
        let (who, tenant) = (call.principal(), call.tenant());
        let entity = Box::pin(api.coordinator().runs().create(&who, tenant, order)).await?;
        let run = entity.read()?;
        let (status, modified) = (RunStatus::Submitted, entity.created);
        Ok((
            StatusCode::CREATED,
            shown(&RunStand {
                entity,
                run,
                status,
                modified,
                archived: false,
            }),
        ))
    })
    .await
    .and_then(|(status, body)| document(status, &body))
}

pub(super) async fn get(api: Abeja, call: Call) -> Answer {
    let entity = of(&api, &call).await?;
    found(&shown(&api.coordinator().runs().stand(entity).await?))
}

/// The run that the path names.
pub(super) async fn of(api: &Abeja, call: &Call) -> Result<Entity, Refusal> {
    Ok(api
        .coordinator()
        .runs()
        .get(
            call.tenant(),
            call.segment("deployment"),
            call.segment("run"),
        )
        .await?)
}

pub(super) async fn list(api: Abeja, call: Call) -> Answer {
    let target = call.segment("deployment");
    api.coordinator()
        .entities()
        .get(EntityKind::Deployment, Some(call.tenant()), target)
        .await?;
    let start = call
        .query("next_page_token")
        .map(place::<ListPlace>)
        .transpose()?;
    let forward = match &start {
        Some(start) => start.forward,
        None => call
            .query("scan_forward")
            .is_some_and(|word| word.eq_ignore_ascii_case("true")),
    };
    let filter = EntityFilter {
        tenant: Some(call.tenant().clone()),
        parent: Some(target.to_owned()),
        newest_first: !forward,
        start: start.map(|start| (start.created, start.id)),
        limit: Some(PAGE + 1),
        ..EntityFilter::of(EntityKind::Run)
    };
    let (mut page, _) = api.coordinator().entities().find(&filter).await?;
    let next = (page.len() > PAGE as usize).then(|| page.pop()).flatten();
    let mut entries = Vec::with_capacity(page.len());
    for entity in page {
        entries.push(shown(&api.coordinator().runs().stand(entity).await?));
    }
    let mut body = json!({"entries": entries});
    if let Some(next) = next {
        body["next_page_token"] = json!(token(&ListPlace {
            created: next.created,
            id: next.id,
            forward
        }));
    }
    found(&body)
}

/// The newest runs of a deployment, one page of them.
pub(super) async fn newest(api: &Abeja, deployment: &Entity) -> Result<Vec<Value>, Refusal> {
    let filter = EntityFilter {
        tenant: Some(deployment.tenant.clone()),
        parent: Some(deployment.id.clone()),
        newest_first: true,
        limit: Some(PAGE),
        ..EntityFilter::of(EntityKind::Run)
    };
    let mut runs = Vec::new();
    for entity in api.coordinator().entities().find(&filter).await?.0 {
        runs.push(shown(&api.coordinator().runs().stand(entity).await?));
    }
    Ok(runs)
}

fn shown(stand: &RunStand) -> Value {
    let RunStand {
        entity,
        run,
        status,
        modified,
        archived,
    } = stand;
    json!({
        "run_id": entity.id,
        "deployment_id": entity.parent,
        "model_version_id": run.version,
        "model_version": run.label,
        "models": run.models,
        "input_data": run.input,
        "output_template": run.output,
        "retry_count": run.retries,
        "distribution": run.distribution,
        "user_env_vars": run.environment,
        "status": status.word(),
        "archived": archived,
        "created_at": time(entity.created),
        "modified_at": time(*modified),
    })
}
