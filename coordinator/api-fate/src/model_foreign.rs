//! Requests that need code of other programs: conversions of models to other frameworks and merges in their formats. What
//! can be said of the model is said; the rest is refused with a reason.

use rest::fate_reply::EXCEPTION;
use rest::{Answer, Failure};
use serde_json::Value;
use service::{ModelFilter, ModelKey, ModelVersion, PartFilter};
use vocabulary::{Participant, PartyId, Role};

use super::FateFlow;
use super::model_deploy::key_of;
use super::reply::fail;
use super::request::Call;

pub(super) const OF_MERGE: &[&str] = &[
    "model_id",
    "model_version",
    "guest_party_id",
    "host_party_ids",
    "component_name",
    "model_type",
    "output_format",
];
pub(super) const OF_DEPLOYMENT: &[&str] = &[
    "service_id",
    "model_id",
    "model_version",
    "role",
    "party_id",
    "component_name",
    "deployment_type",
    "deployment_parameters",
];
pub(super) const OF_MODEL: &[&str] = &["model_id", "model_version", "role", "party_id"];
pub(super) const OF_COMPONENT: &[&str] = &[
    "model_id",
    "model_version",
    "role",
    "party_id",
    "component_name",
];
pub(super) const OF_WOE: &[&str] = &[
    "model_id",
    "model_version",
    "role",
    "party_id",
    "component_name",
    "woe_array",
];

/// A participant's part of a version, as a request names it.
struct Part {
    version: ModelVersion,
    owner: Participant,
    /// The part's name in FATE's texts.
    name: String,
}

/// The part that is meant; FATE's text when there is none.
async fn part_of(api: &FateFlow, call: &Call) -> Result<Part, Failure> {
    let (key, role, party) = (key_of(call), call.text("role"), call.text("party_id"));
    let name = format!(
        "{}#{}#{}",
        role.unwrap_or_default(),
        party.unwrap_or_default(),
        key.model_id
    );
    let none = || {
        Failure::code(
            EXCEPTION,
            format!("Model {name} {} does not exist", key.version),
        )
    };
    let owner = Participant::new(
        call.role().ok_or_else(none)?,
        call.party().ok_or_else(none)?,
    );
    let version = part_in(api, call, &key, &owner).await?.ok_or_else(none)?;
    Ok(Part {
        version,
        owner,
        name,
    })
}

async fn part_in(
    api: &FateFlow,
    call: &Call,
    key: &ModelKey,
    owner: &Participant,
) -> Result<Option<ModelVersion>, Failure> {
    let filter = PartFilter {
        model_id: Some(key.model_id.clone()),
        version: Some(key.version.clone()),
        role: Some(owner.role),
        party: Some(owner.party.clone()),
        shared_with: call.principal.party().cloned(),
    };
    if api
        .coordinator()
        .models()
        .parts(&filter)
        .await
        .map_err(fail)?
        .is_empty()
    {
        return Ok(None);
    }
    api.coordinator().models().version(key).await.map_err(fail)
}

fn has_component(version: &ModelVersion, name: &str) -> bool {
    version
        .train_dsl
        .get("components")
        .and_then(|components| components.get(name))
        .is_some()
}

async fn has_model(api: &FateFlow, part: &Part, component: &str) -> Result<bool, Failure> {
    let Ok(step) = component.parse() else {
        return Ok(false);
    };
    let filter = ModelFilter {
        version: Some(part.version.stored.clone()),
        step: Some(step),
        owner: Some(part.owner.clone()),
        job: None,
    };
    Ok(!api
        .coordinator()
        .models()
        .find(&filter)
        .await
        .map_err(fail)?
        .is_empty())
}

pub(super) async fn homo_convert(api: FateFlow, call: Call) -> Answer {
    call.validated(OF_MODEL)?;
    let part = part_of(&api, &call).await?;
    let text = format!(
        "No component in model {}:{} can be converted.",
        part.name, part.version.key.version
    );
    Err(Failure::code(EXCEPTION, text))
}

pub(super) async fn homo_deploy(api: FateFlow, call: Call) -> Answer {
    call.validated(OF_DEPLOYMENT)?;
    let part = part_of(&api, &call).await?;
    let component = call.text("component_name").unwrap_or_default();
    let model = format!("{} {}", part.name, part.version.key.version);
    let text = if !has_component(&part.version, &component) {
        format!("Model {model} does not contain component {component}")
    } else if !has_model(&api, &part, &component).await? {
        format!("Component {component} in Model {model} does not have output model")
    } else {
        format!("Component {component} in Model {model} isn't converted")
    };
    Err(Failure::code(EXCEPTION, text))
}

pub(super) async fn hetero_merge(api: FateFlow, call: Call) -> Answer {
    call.validated(OF_MERGE)?;
    let key = key_of(&call);
    let guest = call
        .text("guest_party_id")
        .and_then(|party| PartyId::new(party).ok());
    let found = match guest {
        Some(guest) => part_in(&api, &call, &key, &Participant::new(Role::Guest, guest)).await?,
        None => None,
    };
    let component = call.text("component_name").unwrap_or_default();
    let Some(version) = found else {
        let text = format!(
            "Model {} {} of that guest does not exist",
            key.model_id, key.version
        );
        return Err(Failure::http(400, Some(&text)));
    };
    if !has_component(&version, &component) {
        return Err(Failure::http(
            400,
            Some(&format!("component {component} is not in the model")),
        ));
    }
    let text = "the parts of a model stay with their parties, so that they are not merged into one; predict jobs and online \
                predictions apply them together";
    Err(Failure::http(400, Some(text)))
}

pub(super) async fn woe_extract(api: FateFlow, call: Call) -> Answer {
    call.validated(OF_COMPONENT)?;
    woe(&api, &call, Role::Guest, "Only support guest role.").await
}

pub(super) async fn woe_merge(api: FateFlow, call: Call) -> Answer {
    call.validated(OF_WOE)?;
    woe(&api, &call, Role::Host, "Only support host role.").await
}

async fn woe(api: &FateFlow, call: &Call, role: Role, otherwise: &str) -> Answer {
    if call.role() != Some(role) {
        return Err(Failure::http(400, Some(otherwise)));
    }
    let part = part_of(api, call).await?;
    let component = call.text("component_name").unwrap_or_default();
    let module = part
        .version
        .train_dsl
        .pointer(&format!("/components/{component}/module"))
        .and_then(Value::as_str);
    if !has_component(&part.version, &component) {
        return Err(Failure::http(404, Some("Component not found.")));
    }
    let text = format!(
        "weights of evidence of component {component} ({}) are not taken out of the model or put into it: they stay with \
         their party",
        module.unwrap_or("unknown module")
    );
    Err(Failure::http(400, Some(&text)))
}
