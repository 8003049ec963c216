//! Parameters of a predict job that the model decides: they were set when it was trained.

use serde_json::{Value, json};
use vocabulary::{ComponentInfo, Participant};

use super::{Notes, Submitted};
use crate::fate::parameters::{Origin, merged};
use crate::python::plain;

/// Tells what a predict job says otherwise than the training did, of components that read it from their model. The
/// conf that counts is the training's with the request on it.
pub(super) fn look(submitted: &Submitted<'_>, notes: &mut Notes) {
    let Some(trained) = submitted.trained else {
        return;
    };
    let conf = submitted.effective;
    let mut told: Vec<String> = Vec::new();
    for step in submitted.steps {
        let info = submitted
            .catalogue
            .iter()
            .find(|info| info.answers_to(&step.module));
        let Some((info, counts)) = info.and_then(|info| Some((info, info.applies_with.as_ref()?)))
        else {
            continue;
        };
        for participant in step
            .participants
            .iter()
            .filter(|who| !step.skipped.contains(who))
        {
            let Some(was) = place_in(trained, participant) else {
                continue;
            };
            let place = submitted
                .cast
                .of(participant.role)
                .iter()
                .position(|party| *party == participant.party);
            let (place, component) = (place.unwrap_or_default(), step.name.as_str());
            let role = participant.role.word();
            let then = merged(trained, role, was, component);
            let origin = Origin {
                conf,
                dialect: submitted.dialect,
                participant,
                place,
                component,
            };
            for (parameter, now) in merged(conf, role, place, component) {
                if counts.contains(&parameter) || same(&now, then.get(&parameter), &parameter, info)
                {
                    continue;
                }
                let path = origin.path(&[parameter]);
                if !told.contains(&path) {
                    let what = "is what the model learned and does nothing in a predict job";
                    notes.idle(&path, what, "train again with it");
                    told.push(path);
                }
            }
        }
    }
}

/// Whether a parameter is what it was, defaults filled in.
fn same(now: &Value, then: Option<&Value>, parameter: &str, info: &ComponentInfo) -> bool {
    let default = info.defaults.get(parameter);
    *now == *then.or(default).unwrap_or(&json!(null))
}

/// The place that a party had in its role at the training.
fn place_in(trained: &Value, participant: &Participant) -> Option<usize> {
    let parties = trained
        .get("role")?
        .get(participant.role.word())?
        .as_array()?;
    parties
        .iter()
        .position(|party| plain(party) == participant.party.as_str())
}
