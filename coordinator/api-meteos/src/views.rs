//! Views: which columns a thing shows, under which names, in short and in detail; and what its job printed.

use axum::Json;
use axum::response::IntoResponse;
use domain::meteos::{Dataset, Standing, step};
use domain::{Entity, EntityKind};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::call::Call;
use super::collection::{Collection, Noun};
use super::columns::{self, DEFAULT_TEMPLATE, Item};
use super::fault::{Answer, Refused};
use super::{Meteos, internal};

/// A member of a view, and the column that it shows.
pub(super) type Member = (&'static str, &'static str);

const NAME: Member = ("name", "display_name");
const DESCRIPTION: Member = ("description", "display_description");
/// Whether its job is put away with its experiment.
const ARCHIVED: Member = ("archived", "archived");

/// What stands in a list.
pub(super) const fn summary(noun: Noun) -> &'static [Member] {
    match noun {
        Noun::Template => &[
            ("id", "id"),
            ("status", "status"),
            NAME,
            DESCRIPTION,
            ("master_nodes", "master_nodes_num"),
            ("master_flavor", "master_flavor_id"),
            ("worker_nodes", "worker_nodes_num"),
            ("worker_flavor", "worker_flavor_id"),
            ("spark_version", "spark_version"),
        ],
        Noun::Experiment => &[
            ("id", "id"),
            ("created_at", "created_at"),
            ("status", "status"),
            NAME,
            DESCRIPTION,
            ("template_id", "template_id"),
            ("key_name", "key_name"),
            ("management_network", "neutron_management_network"),
        ],
        Noun::Dataset => &[
            ("id", "id"),
            ("source_dataset_url", "source_dataset_url"),
            NAME,
            DESCRIPTION,
            ("status", "status"),
            ("created_at", "created_at"),
            ("head", "head"),
        ],
        Noun::Model => &[
            ("id", "id"),
            ("source_dataset_url", "source_dataset_url"),
            NAME,
            DESCRIPTION,
            ("experiment_id", "experiment_id"),
            ("type", "model_type"),
            ("params", "model_params"),
            ("status", "status"),
            ("stdout", "stdout"),
            ("created_at", "created_at"),
        ],
        Noun::Evaluation => &[
            ("id", "id"),
            NAME,
            ("status", "status"),
            ("source_dataset_url", "source_dataset_url"),
            ("model_id", "model_id"),
            ("model_type", "model_type"),
            ("created_at", "created_at"),
            ("stdout", "stdout"),
        ],
        Noun::Learning => &[
            ("id", "id"),
            NAME,
            DESCRIPTION,
            ("status", "status"),
            ("model_id", "model_id"),
            ("type", "model_type"),
            ("args", "args"),
            ("stdout", "stdout"),
            ("created_at", "created_at"),
        ],
    }
}

/// What a template shows by itself.
const TEMPLATE: &[Member] = &[
    ("id", "id"),
    ("created_at", "created_at"),
    ("status", "status"),
    NAME,
    DESCRIPTION,
    ("user_id", "user_id"),
    ("project_id", "project_id"),
    ("master_nodes", "master_nodes_num"),
    ("master_flavor", "master_flavor_id"),
    ("worker_nodes", "worker_nodes_num"),
    ("worker_flavor", "worker_flavor_id"),
    ("spark_version", "spark_version"),
    ("cluster_id", "cluster_id"),
];

/// What a thing shows by itself.
pub(super) const fn detail(noun: Noun) -> &'static [Member] {
    match noun {
        Noun::Template => TEMPLATE,
        Noun::Experiment => &[
            ("id", "id"),
            ("created_at", "created_at"),
            ("status", "status"),
            NAME,
            DESCRIPTION,
            ("template_id", "template_id"),
            ("project_id", "project_id"),
            ("user_id", "user_id"),
            ("key_name", "key_name"),
            ("management_network", "neutron_management_network"),
        ],
        Noun::Dataset => &[
            ("id", "id"),
            ("created_at", "created_at"),
            ("status", "status"),
            NAME,
            DESCRIPTION,
            ("user_id", "user_id"),
            ("project_id", "project_id"),
            ("head", "head"),
            ("stderr", "stderr"),
            ARCHIVED,
        ],
        Noun::Model => &[
            ("id", "id"),
            ("created_at", "created_at"),
            ("status", "status"),
            NAME,
            DESCRIPTION,
            ("experiment_id", "experiment_id"),
            ("user_id", "user_id"),
            ("project_id", "project_id"),
            ("type", "model_type"),
            ("params", "model_params"),
            ("stdout", "stdout"),
            ("stderr", "stderr"),
            ARCHIVED,
        ],
        Noun::Evaluation => &[
            ("id", "id"),
            NAME,
            ("status", "status"),
            ("source_dataset_url", "source_dataset_url"),
            ("model_id", "model_id"),
            ("model_type", "model_type"),
            ("created_at", "created_at"),
            ("stdout", "stdout"),
            ("user_id", "user_id"),
            ("project_id", "project_id"),
            ("stderr", "stderr"),
            ARCHIVED,
        ],
        Noun::Learning => &[
            ("id", "id"),
            ("created_at", "created_at"),
            ("status", "status"),
            NAME,
            DESCRIPTION,
            ("user_id", "user_id"),
            ("project_id", "project_id"),
            ("stdout", "stdout"),
            ("stderr", "stderr"),
            ("method", "method"),
            ("model_id", "model_id"),
            ("args", "args"),
            ARCHIVED,
        ],
    }
}

/// A view of a thing.
pub(super) fn cut(item: &Item, members: &[Member]) -> Map<String, Value> {
    let member = |(name, column): &Member| {
        (
            (*name).to_owned(),
            item.columns.get(*column).cloned().unwrap_or(Value::Null),
        )
    };
    members.iter().map(member).collect()
}

/// An item of a list: in short with its links, in detail without. Clients decode `params` and `args` there, so they are
/// never null.
pub(super) fn listed(item: &Item, collection: &Collection, detailed: bool, call: &Call) -> Value {
    let members = if detailed {
        detail(collection.noun)
    } else {
        summary(collection.noun)
    };
    let mut view = cut(item, members);
    for name in ["params", "args"] {
        if view.get(name).is_some_and(Value::is_null) {
            view.insert(name.to_owned(), json!(""));
        }
    }
    if !detailed {
        let project = utf8_percent_encode(&call.project_id, NON_ALPHANUMERIC);
        let path = format!("{project}/{}/{}", collection.plural, item.text("id"));
        let links = json!([
            {"rel": "self", "href": format!("{}/v1/{path}", call.base)},
            {"rel": "bookmark", "href": format!("{}/{path}", call.base)},
        ]);
        view.insert("links".to_owned(), links);
    }
    Value::Object(view)
}

/// The kind under which things of a noun are kept; experiments are kept apart.
pub(super) fn kind_of(noun: Noun) -> Option<EntityKind> {
    match noun {
        Noun::Template => Some(EntityKind::Profile),
        Noun::Experiment => None,
        Noun::Dataset => Some(EntityKind::Dataset),
        Noun::Model => Some(EntityKind::Model),
        Noun::Evaluation => Some(EntityKind::Evaluation),
        Noun::Learning => Some(EntityKind::Learning),
    }
}

/// One thing of the caller's project, as it stands now.
pub(super) async fn find(api: &Meteos, call: &Call, noun: Noun) -> Answer<Item> {
    let (coordinator, tenant) = (api.coordinator(), &call.project.tenant);
    let Some(kind) = kind_of(noun) else {
        let experiment = coordinator
            .projects()
            .prepared_experiment(Some(tenant), &call.id)
            .await?;
        return Ok(columns::of_experiment(experiment, &call.project_id));
    };
    if noun == Noun::Template && call.id == DEFAULT_TEMPLATE {
        return Ok(columns::default_template(&call.project_id));
    }
    let entity = coordinator
        .entities()
        .get(kind, Some(tenant), &call.id)
        .await?;
    look(api, call, noun, entity).await
}

/// An entity as it stands now.
pub(super) async fn look(api: &Meteos, call: &Call, noun: Noun, entity: Entity) -> Answer<Item> {
    if noun == Noun::Model {
        api.coordinator()
            .projects()
            .advance_soon(&call.project, &entity);
    }
    let seen = api.coordinator().projects().seen_one(entity).await?;
    columns::of_seen(noun, seen, &call.project_id).map_err(internal)
}

/// Puts what its job printed into a thing's columns.
pub(super) async fn print(api: &Meteos, item: &mut Item, noun: Noun) -> Answer<()> {
    let Some(seen) = item
        .seen
        .as_ref()
        .filter(|seen| seen.standing == Standing::Made)
    else {
        return Ok(());
    };
    let Some(job) = &seen.job else { return Ok(()) };
    let (column, step) = match noun {
        Noun::Template | Noun::Experiment => return Ok(()),
        Noun::Dataset => {
            let dataset: Dataset = seen.entity.read().map_err(internal)?;
            let Some(step) = dataset.prints else {
                return Ok(());
            };
            ("head", step)
        }
        Noun::Model | Noun::Evaluation | Noun::Learning => {
            ("stdout", step("local_learner_0").map_err(internal)?)
        }
    };
    let Some(printed) = api.coordinator().projects().printed(job, &step).await? else {
        return Ok(());
    };
    let printed = match noun {
        Noun::Dataset => format!("{printed}\n"),
        Noun::Learning | Noun::Evaluation => printed.trim_end_matches('\n').to_owned(),
        _ => printed,
    };
    item.columns.insert(column.to_owned(), json!(printed));
    Ok(())
}

/// A thing by itself, under its singular name.
pub(super) async fn wrapped(api: &Meteos, mut item: Item, collection: &Collection) -> Answer {
    print(api, &mut item, collection.noun).await?;
    Ok(Json(json!({collection.singular: cut(&item, detail(collection.noun))})).into_response())
}

/// GET one.
pub(super) async fn show(api: Meteos, call: Call) -> Answer {
    let (api, collection) = (&api, call.collection()?);
    let item = find(api, &call, collection.noun).await?;
    wrapped(api, item, collection).await
}

/// Refuses what a thing's status does not allow.
pub(super) fn must_be(item: &Item, allowed: &[&str], what: &str) -> Answer<()> {
    if allowed.contains(&item.status()) {
        return Ok(());
    }
    Err(Refused::invalid_status(&format!(
        "{what} status must be {}, it is {}",
        allowed.join(" or "),
        item.status()
    )))
}
