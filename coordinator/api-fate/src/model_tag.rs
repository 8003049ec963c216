//! Tags, and tags on models: `model/tag/*`, `model/model_tag/*`. Models are named by their version, as `job_id`.

use rest::fate_reply::EXCEPTION;
use rest::{Answer, Failure, Reply};
use serde_json::{Value, json};
use service::PartFilter;
use service::fate::TagOutcome;

use super::FateFlow;
use super::model_query::kilobytes;
use super::reply::{answer, fail};
use super::request::{Call, text_of};

pub(super) async fn bind(api: FateFlow, call: Call) -> Answer {
    let (version, tag) = (version_of(&api, &call).await?, tag_of(&call)?);
    match api
        .coordinator()
        .tags()
        .bind(&version, &tag)
        .await
        .map_err(fail)?
    {
        TagOutcome::Done => answer(Reply::success().saying(format!(
            "Adding {tag} tag for model with job id: {version} successfully."
        ))),
        _ => {
            let text = format!(
                "Model {} already been tagged as tag '{tag}'.",
                named(&api, &call, &version).await?
            );
            Err(Failure::exception("Exception", &text))
        }
    }
}

pub(super) async fn unbind(api: FateFlow, call: Call) -> Answer {
    let (version, tag) = (version_of(&api, &call).await?, tag_of(&call)?);
    let outcome = api
        .coordinator()
        .tags()
        .unbind(&version, &tag)
        .await
        .map_err(fail)?;
    if outcome == TagOutcome::NoTag {
        return Err(no_tag(&tag));
    }
    let model = named(&api, &call, &version).await?;
    if outcome == TagOutcome::Done {
        return answer(Reply::success().saying(format!(
            "'{tag}' tag has been removed from tag list of model {model}."
        )));
    }
    Err(Failure::code(
        EXCEPTION,
        format!("Model {model} does not have tag '{tag}'."),
    ))
}

/// A tag that a request names; an empty name names none.
fn tag_of(call: &Call) -> Result<String, Failure> {
    let tag = call.need("tag_name")?;
    if tag.trim().is_empty() {
        return Err(no_tag(&tag));
    }
    Ok(tag)
}

/// A model by its id and version, as FATE's texts name it.
async fn named(api: &FateFlow, call: &Call, version: &str) -> Result<String, Failure> {
    let shared_with = call.principal.party().cloned();
    let filter = PartFilter {
        version: Some(version.to_owned()),
        shared_with,
        ..PartFilter::default()
    };
    let parts = api
        .coordinator()
        .models()
        .parts(&filter)
        .await
        .map_err(fail)?;
    Ok(parts.first().map_or_else(
        || version.to_owned(),
        |part| format!("{} {version}", part.key.model_id),
    ))
}

pub(super) async fn of_model(api: FateFlow, call: Call) -> Answer {
    let version = version_of(&api, &call).await?;
    let tags = api.coordinator().tags().of(&version).await.map_err(fail)?;
    let shown: Vec<Value> = tags
        .iter()
        .map(|tag| json!({"name": tag.name, "description": tag.description}))
        .collect();
    answer(Reply::data(json!({"tags": shown, "count": shown.len()})))
}

/// The version that a request names, if the caller may see some part of it.
async fn version_of(api: &FateFlow, call: &Call) -> Result<String, Failure> {
    let version = call.need("job_id")?;
    let shared_with = call.principal.party().cloned();
    let filter = PartFilter {
        version: Some(version.clone()),
        shared_with,
        ..PartFilter::default()
    };
    if api
        .coordinator()
        .models()
        .parts(&filter)
        .await
        .map_err(fail)?
        .is_empty()
    {
        let text = format!("Can not found model by job id: '{version}'.");
        return Err(Failure::exception("Exception", &text));
    }
    Ok(version)
}

pub(super) async fn create(api: FateFlow, call: Call) -> Answer {
    let tag = call.need("tag_name")?;
    if tag.trim().is_empty() {
        let text = format!("'{tag}' tag created failed. Please input a valid tag name.");
        return Err(Failure::code(EXCEPTION, text));
    }
    match api
        .coordinator()
        .tags()
        .create(&tag, call.text("tag_desc"))
        .await
        .map_err(fail)?
    {
        TagOutcome::Done => {
            answer(Reply::success().saying(format!("'{tag}' tag has been created successfully.")))
        }
        _ => Err(Failure::exception(
            "Exception",
            &format!("'{tag}' has already exists in database."),
        )),
    }
}

pub(super) async fn list(api: FateFlow, call: Call) -> Answer {
    let limit = match call.body.get("limit").filter(|limit| !limit.is_null()) {
        None => None,
        Some(given) => {
            let number = text_of(given).and_then(|text| text.trim().parse::<u32>().ok());
            Some(number.ok_or_else(|| {
                Failure::exception("ValueError", "limit should be a whole number")
            })?)
        }
    };
    // None and 0 both ask for all, as other lists do.
    let tags = api
        .coordinator()
        .tags()
        .find("", limit.filter(|limit| *limit > 0))
        .await
        .map_err(fail)?;
    let shown: Vec<Value> = tags
        .iter()
        .map(|(tag, bound)| json!({"name": tag.name, "description": tag.description, "model_count": bound}))
        .collect();
    answer(Reply::data(json!({"tags": shown})))
}

pub(super) async fn retrieve(api: FateFlow, call: Call) -> Answer {
    let name = call.need("tag_name")?;
    if call.flag("with_model") {
        return models_of(&api, &call, &name).await;
    }
    let tags = api
        .coordinator()
        .tags()
        .find(&name, None)
        .await
        .map_err(fail)?;
    if tags.is_empty() {
        return Err(Failure::code(EXCEPTION, "No tags found."));
    }
    let shown: Vec<Value> = tags
        .iter()
        .map(|(tag, _)| json!({"name": tag.name, "description": tag.description}))
        .collect();
    answer(Reply::data(json!({"tags": shown})))
}

async fn models_of(api: &FateFlow, call: &Call, name: &str) -> Answer {
    if api
        .coordinator()
        .tags()
        .get(name)
        .await
        .map_err(fail)?
        .is_none()
    {
        return Err(no_tag(name));
    }
    let parts = api.coordinator().tags().parts(name).await.map_err(fail)?;
    let sees = |key: &service::ModelKey| {
        call.principal.party().is_none_or(|party| {
            parts
                .iter()
                .any(|part| part.key == *key && part.owner.party == *party)
        })
    };
    let shown: Vec<Value> = parts
        .iter()
        .filter(|part| sees(&part.key))
        .map(|part| {
            json!({
                "model_id": part.key.model_id,
                "model_version": part.key.version,
                "model_size": kilobytes(part.size),
                "role": part.owner.role,
                "party_id": part.owner.party,
            })
        })
        .collect();
    answer(Reply::data(json!({"models": shown, "count": shown.len()})))
}

pub(super) async fn update(api: FateFlow, call: Call) -> Answer {
    let name = call.need("tag_name")?;
    let new_name = call
        .text("new_tag_name")
        .filter(|new| !new.trim().is_empty());
    let description = call.text("new_tag_desc");
    let tag = api
        .coordinator()
        .tags()
        .get(&name)
        .await
        .map_err(fail)?
        .ok_or_else(|| no_tag(&name))?;
    // What is not said stays as it is.
    let same_name = new_name.as_ref().is_none_or(|new| *new == tag.name);
    let same_description = description.is_none()
        || description.as_deref() == Some(tag.description.as_deref().unwrap_or_default());
    if same_name && same_description {
        return Err(Failure::code(EXCEPTION, "Nothing to be updated."));
    }
    let description = description.or(tag.description);
    match api
        .coordinator()
        .tags()
        .change(&name, new_name.clone(), description)
        .await
        .map_err(fail)?
    {
        TagOutcome::Done => answer(Reply::success().saying(format!(
            "Infomation of '{name}' tag has been updated successfully."
        ))),
        TagOutcome::NoTag => Err(no_tag(&name)),
        _ => Err(Failure::code(
            EXCEPTION,
            format!("'{}' tag already exists.", new_name.unwrap_or_default()),
        )),
    }
}

pub(super) async fn destroy(api: FateFlow, call: Call) -> Answer {
    let name = call.need("tag_name")?;
    match api.coordinator().tags().remove(&name).await.map_err(fail)? {
        TagOutcome::Done => {
            answer(Reply::success().saying(format!("'{name}' tag has been deleted successfully.")))
        }
        _ => Err(no_tag(&name)),
    }
}

fn no_tag(name: &str) -> Failure {
    Failure::exception("Exception", &format!("Can not found '{name}' tag."))
}
