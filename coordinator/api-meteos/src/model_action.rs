//! What can be done with a model: loading, unloading, learning anew.

use axum::Json;
use axum::response::IntoResponse;
use serde_json::json;

use super::body::Fields;
use super::call::Call;
use super::collection::{COLLECTIONS, Noun};
use super::fault::{Answer, Refused};
use super::{Meteos, columns, create, internal, views};

/// POST to the model's action: a body of one member.
pub(super) async fn act(api: Meteos, call: Call) -> Answer {
    let api = &api;
    let Some(body) = call.body.as_object().filter(|body| body.len() == 1) else {
        return Err(Refused::malformed());
    };
    let Some((name, value)) = body.iter().next() else {
        return Err(Refused::malformed());
    };
    let (coordinator, project) = (api.coordinator(), &call.project);
    let answer = |id: &str| Ok(Json(json!({"model": {"id": id}})).into_response());
    match name.as_str() {
        "os-load" => {
            coordinator.projects().load_model(project, &call.id).await?;
            answer(&call.id)
        }
        "os-unload" => {
            coordinator
                .projects()
                .unload_model(project, &call.id)
                .await?;
            answer(&call.id)
        }
        "os-recreate" => {
            let new = create::recreation(&Fields::of(value)?)?;
            let seen = Box::pin(
                coordinator
                    .projects()
                    .recreate_model(project, &call.id, new),
            )
            .await?;
            let item = columns::of_seen(Noun::Model, seen, &call.project_id).map_err(internal)?;
            let models = COLLECTIONS
                .iter()
                .find(|collection| collection.noun == Noun::Model);
            match models {
                Some(models) => views::wrapped(api, item, models).await,
                None => answer(&call.id),
            }
        }
        other => Err(Refused::bad(format!("There is no such action: {other}"))),
    }
}
