//! Making things: what a request says, checked, to a use case.

use domain::meteos::Profile;
use service::{NewDataset, NewEvaluation, NewLearning, NewModel, NewWorkspace};

use super::body::{Fields, LONG, SHORT};
use super::call::Call;
use super::collection::Noun;
use super::columns;
use super::fault::{Answer, Refused};
use super::{Meteos, internal, views};

/// How far the two parts of a split may be from a whole.
const SLACK: f64 = 1e-9;

/// POST to the collection.
pub(super) async fn create(api: Meteos, call: Call) -> Answer {
    let (api, collection) = (&api, call.collection()?);
    let fields = Fields::under(&call.body, collection.wrappers)?;
    let (coordinator, project) = (api.coordinator(), &call.project);
    let seen = match collection.noun {
        Noun::Template => {
            let (name, profile) = profile(&fields)?;
            coordinator
                .projects()
                .create_profile(project, name, &profile)
                .await?
        }
        Noun::Experiment => {
            let new = workspace(&fields)?;
            let is_default = new.profile == columns::DEFAULT_TEMPLATE;
            let new = NewWorkspace {
                profile: if is_default {
                    String::new()
                } else {
                    new.profile
                },
                ..new
            };
            let experiment = coordinator
                .projects()
                .create_workspace(project, new)
                .await?;
            return views::wrapped(
                api,
                columns::of_experiment(experiment, &call.project_id),
                collection,
            )
            .await;
        }
        Noun::Dataset => {
            coordinator
                .projects()
                .create_dataset(project, dataset(&fields)?)
                .await?
        }
        Noun::Model => {
            coordinator
                .projects()
                .create_model(project, model(&fields)?)
                .await?
        }
        Noun::Evaluation => {
            coordinator
                .projects()
                .create_evaluation(project, evaluation(&fields)?)
                .await?
        }
        Noun::Learning => {
            coordinator
                .projects()
                .create_learning(project, learning(&fields)?)
                .await?
        }
    };
    let item = columns::of_seen(collection.noun, seen, &call.project_id).map_err(internal)?;
    views::wrapped(api, item, collection).await
}

fn name_of(fields: &Fields<'_>) -> Answer<(Option<String>, Option<String>)> {
    Ok((
        fields.text("display_name", LONG)?,
        fields.text("display_description", LONG)?,
    ))
}

fn profile(fields: &Fields<'_>) -> Answer<(Option<String>, Profile)> {
    let (name, description) = name_of(fields)?;
    let profile = Profile {
        description,
        image: fields.text("image_id", SHORT)?,
        masters: fields.count("master_nodes_num")?,
        master_flavor: fields.text("master_flavor_id", SHORT)?,
        workers: fields.count("worker_nodes_num")?,
        worker_flavor: fields.text("worker_flavor_id", SHORT)?,
        engine: fields.text("spark_version", SHORT)?,
        pool: fields.text("floating_ip_pool", SHORT)?,
    };
    Ok((name, profile))
}

fn workspace(fields: &Fields<'_>) -> Answer<NewWorkspace> {
    let (name, description) = name_of(fields)?;
    Ok(NewWorkspace {
        name,
        description: description.unwrap_or_default(),
        profile: fields.needed("template_id", SHORT)?,
        key_name: fields.text("key_name", SHORT)?,
        network: fields.text("neutron_management_network", SHORT)?,
    })
}

fn dataset(fields: &Fields<'_>) -> Answer<NewDataset> {
    let (name, description) = name_of(fields)?;
    let method = fields.text("method", LONG)?;
    let split = match method.as_deref() {
        Some("split") => Some(parts(fields)?),
        _ => None,
    };
    Ok(NewDataset {
        name,
        description,
        experiment: fields.needed("experiment_id", SHORT)?,
        source: fields.text("source_dataset_url", LONG)?,
        method,
        params: fields.encoded("params")?,
        split,
    })
}

/// The sizes of the parts of a split: 0.7 and 0.3 where none is said.
fn parts(fields: &Fields<'_>) -> Answer<(String, String)> {
    let part = |name: &str, otherwise: &str| -> Answer<(String, f64)> {
        let text = if fields.has(name) {
            fields.text(name, SHORT)?
        } else {
            Some(otherwise.to_owned())
        };
        let number = text
            .as_deref()
            .and_then(|text| text.trim().parse::<f64>().ok())
            .filter(|part| (0.0..=1.0).contains(part));
        match (text, number) {
            (Some(text), Some(number)) => Ok((text, number)),
            _ => Err(Refused::bad(format!(
                "{name} must be a number from 0 to 1."
            ))),
        }
    };
    let (train, test) = (part("percent_train", "0.7")?, part("percent_test", "0.3")?);
    if (train.1 + test.1 - 1.0).abs() > SLACK {
        return Err(Refused::new(
            422,
            "percent_train and percent_test must add up to 1.",
        ));
    }
    Ok((train.0, test.0))
}

/// What a model is learned from.
fn model(fields: &Fields<'_>) -> Answer<NewModel> {
    Ok(NewModel {
        experiment: fields.needed("experiment_id", SHORT)?,
        ..anew(fields)?
    })
}

/// What a model is learned from anew: what would leave it without anything to learn is refused while it is as it was.
pub(super) fn recreation(fields: &Fields<'_>) -> Answer<NewModel> {
    for name in ["source_dataset_url", "model_type"] {
        fields.needed(name, LONG)?;
    }
    anew(fields)
}

fn anew(fields: &Fields<'_>) -> Answer<NewModel> {
    let (name, description) = name_of(fields)?;
    Ok(NewModel {
        name,
        description,
        experiment: fields.text("experiment_id", SHORT)?.unwrap_or_default(),
        source: fields.text("source_dataset_url", LONG)?,
        format: fields.text("dataset_format", SHORT)?,
        model_type: fields.text("model_type", LONG)?,
        params: fields.encoded("model_params")?,
    })
}

fn evaluation(fields: &Fields<'_>) -> Answer<NewEvaluation> {
    Ok(NewEvaluation {
        name: fields.text("display_name", LONG)?,
        model: fields.needed("model_id", SHORT)?,
        source: fields.text("source_dataset_url", LONG)?,
    })
}

fn learning(fields: &Fields<'_>) -> Answer<NewLearning> {
    let (name, description) = name_of(fields)?;
    Ok(NewLearning {
        name,
        description,
        model: fields.needed("model_id", SHORT)?,
        method: fields.text("method", LONG)?,
        args: fields.encoded("args")?,
    })
}
