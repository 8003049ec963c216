//! Requests that say only what changes: a job that runs again, and a model that is applied. What they do not say was agreed
//! before, and this agent remembers it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use vocabulary::{
    Cast, JobId, ModelInput, Offer, OfferedInput, OfferedStep, Participant, Role, Stage, StepName,
};

use super::uncovered::{Gap, roles_of};
use crate::agent_state::AgentState;

/// Ports at which steps that apply a model read data.
const APPLIED_PORTS: [&str; 2] = ["data", "test_data"];

/// A job that was accepted here, with other parameters where the request names them.
pub(super) async fn known_job(
    agent_state: &AgentState,
    body: &Map<String, Value>,
    changes: &Value,
    offer: &Offer,
) -> Result<(), Gap> {
    let named = body.get("job_id").and_then(rest::fields::text_of);
    if named.as_deref() != Some(offer.job.as_str()) {
        return Err("the request is about another job".to_owned());
    }
    let earlier = offers_of(agent_state, &offer.job).await?;
    let before = earlier
        .last()
        .ok_or("nothing was agreed here on that job before")?;
    // Against the last offer: earlier ones were replaced, and what they allowed went with them.
    if !before.is_amended_by(offer) {
        return Err("it has other parties, steps or wiring".to_owned());
    }
    if before.keeps != offer.keeps {
        return Err("it keeps another file".to_owned());
    }
    for (old, new) in before.steps.iter().zip(&offer.steps) {
        // Running a step anew is less than taking it over; taking over what was not would be more.
        if new.inherited.is_some() && new.inherited != old.inherited {
            return Err(format!("step {} is taken over from another job", new.step));
        }
        same_tables(old, new, changes, &offer.cast)?;
        covered_parameters(Some(old), new, changes, &offer.cast)?;
    }
    Ok(())
}

/// A predict job: the steps of a training that this party started, on the tables that the request names.
pub(super) async fn predict_job(
    agent_state: &AgentState,
    model: &job_dsl::ModelIds,
    conf: &Value,
    offer: &Offer,
) -> Result<(), Gap> {
    let training = training_of(agent_state, model, offer).await?;
    let roles = conf.get("role").and_then(Value::as_object);
    let asked_for: Option<Cast> = roles.map(cast_of);
    if asked_for.as_ref().is_some_and(|cast| *cast != offer.cast) {
        return Err("other parties take part".to_owned());
    }
    if offer.initiator.party != agent_state.me || training.initiator.party != agent_state.me {
        return Err("the training was not this party's".to_owned());
    }
    let said = conf.get("component_parameters").unwrap_or(&Value::Null);
    for step in &offer.steps {
        let trained = training
            .steps
            .iter()
            .find(|trained| trained.step == step.step);
        let trained = trained.filter(|trained| trained.component == step.component);
        let trained = trained
            .ok_or_else(|| format!("the training has no step {} of that component", step.step))?;
        if step.inherited.is_some()
            || step
                .participants
                .iter()
                .any(|who| !trained.participants.contains(who))
        {
            return Err(format!("step {} is not that of the training", step.step));
        }
        // A request to predict agrees to apply a model, never to train on the tables that it names.
        if step.stage != Stage::Apply {
            return Err(format!("step {} would train", step.step));
        }
        same_wiring(&training, trained, step)?;
        same_tables(trained, step, said, &offer.cast)?;
        covered_parameters(Some(trained), step, said, &offer.cast)?;
    }
    Ok(())
}

/// The training that left the models of the offer, which must be one, and the one that the request names.
async fn training_of(
    agent_state: &AgentState,
    model: &job_dsl::ModelIds,
    offer: &Offer,
) -> Result<Offer, Gap> {
    let mut versions: Vec<&str> = offer
        .steps
        .iter()
        .flat_map(|step| &step.models)
        .map(|input| input.model.version.as_str())
        .collect();
    versions.sort_unstable();
    versions.dedup();
    let [version] = versions[..] else {
        return Err("it applies the models of several trainings, or none".to_owned());
    };
    let job = JobId::new(version).map_err(|_| "its model has no training".to_owned())?;
    let training = offers_of(agent_state, &job).await?.pop();
    let training =
        training.ok_or_else(|| format!("nothing is known here of the training {version}"))?;
    // A version that is deployed has a name of its own; the id names the parties.
    let named = job_dsl::model_id(&roles_of(&training));
    if named == model.model_id {
        Ok(training)
    } else {
        Err("it applies a model of another id".to_owned())
    }
}

pub(super) async fn offers_of(agent_state: &AgentState, job: &JobId) -> Result<Vec<Offer>, Gap> {
    agent_state
        .records
        .offers_of(job)
        .await
        .map_err(|error| format!("the agent's records cannot be read: {error}"))
}

/// Whether a step that is applied reads what it read in the training, or, over steps that are not applied, what these read; and
/// the model that it left there, or one that it read there. Which checkpoint of a model was deployed is not known here.
fn same_wiring(training: &Offer, trained: &OfferedStep, step: &OfferedStep) -> Result<(), Gap> {
    let reads = |input: &OfferedInput| {
        APPLIED_PORTS.contains(&input.port.as_str())
            && input.of_job.is_none()
            && upstream(training, trained, &input.who).contains(&(&input.made_by, input.index))
    };
    if let Some(input) = step.inputs.iter().find(|input| !reads(input)) {
        return Err(format!(
            "step {} reads what step {} leaves",
            step.step, input.made_by
        ));
    }
    let applies = |input: &ModelInput| {
        let own = input.port == "model" && input.model.step == step.step;
        let read = |before: &ModelInput| {
            before.port == input.port && before.model.step == input.model.step
        };
        own || trained.models.iter().any(read)
    };
    match step.models.iter().find(|input| !applies(input)) {
        None => Ok(()),
        Some(input) => Err(format!(
            "step {} applies the model of step {}",
            step.step, input.model.step
        )),
    }
}

/// The outputs from which a step's data came at a participant, near and far.
fn upstream<'a>(
    training: &'a Offer,
    of: &'a OfferedStep,
    who: &Participant,
) -> BTreeSet<(&'a StepName, usize)> {
    let (mut found, mut open) = (BTreeSet::new(), vec![of]);
    while let Some(step) = open.pop() {
        for input in step.inputs.iter().filter(|input| input.who == *who) {
            if found.insert((&input.made_by, input.index)) {
                open.extend(
                    training
                        .steps
                        .iter()
                        .filter(|maker| maker.step == input.made_by),
                );
            }
        }
    }
    found
}

fn cast_of(roles: &Map<String, Value>) -> Cast {
    let mut cast = Cast::default();
    for role in Role::ALL {
        let parties = roles
            .get(role.word())
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let ids = parties
            .filter_map(rest::fields::text_of)
            .filter_map(|id| vocabulary::PartyId::new(id).ok());
        *cast.of_mut(role) = ids.collect();
    }
    cast
}

/// Every table is the one that was read before, or one that the request names for that step and participant.
fn same_tables(
    before: &OfferedStep,
    now: &OfferedStep,
    said: &Value,
    cast: &Cast,
) -> Result<(), Gap> {
    let is_known = |owner: &Participant, table: &vocabulary::TableRef| {
        let named = job_dsl::said_of(said, cast, owner, now.step.as_str());
        let text = |key: &str| {
            named
                .get("table")
                .and_then(|table| table.get(key))
                .and_then(Value::as_str)
        };
        before.tables.contains(&(owner.clone(), table.clone()))
            || (text("namespace") == Some(&table.namespace) && text("name") == Some(&table.name))
    };
    match now
        .tables
        .iter()
        .find(|(owner, table)| !is_known(owner, table))
    {
        None => Ok(()),
        Some((owner, table)) => Err(format!("step {} reads table {table} at {owner}", now.step)),
    }
}

/// Every value in the parameters is as before, or as the request says.
fn covered_parameters(
    before: Option<&OfferedStep>,
    now: &OfferedStep,
    said: &Value,
    cast: &Cast,
) -> Result<(), Gap> {
    for (who, text) in &now.parameters {
        let read = |text: &String| serde_json::from_str::<Value>(text).ok();
        let earlier = before
            .and_then(|step| step.parameters.iter().find(|(of, _)| of == who))
            .and_then(|(_, text)| read(text));
        let said = job_dsl::said_of(said, cast, who, now.step.as_str());
        let offered =
            read(text).ok_or_else(|| format!("parameters of step {} cannot be read", now.step))?;
        if !covered(&offered, earlier.as_ref(), Some(&said)) {
            return Err(format!("step {} has other parameters for {who}", now.step));
        }
    }
    Ok(())
}

fn covered(offered: &Value, before: Option<&Value>, said: Option<&Value>) -> bool {
    if before == Some(offered) || said == Some(offered) {
        return true;
    }
    // Lists count as a whole: a longer one could hold what nobody agreed to.
    let Value::Object(fields) = offered else {
        return false;
    };
    let member = |of: Option<&Value>, key: &str| of.and_then(|of| of.get(key)).cloned();
    let mut agreed = before.and_then(Value::as_object).into_iter().flatten();
    // A field left away falls back to its default, which may be laxer than what was agreed.
    let nothing_lost = agreed.all(|(key, _)| fields.contains_key(key));
    nothing_lost
        && fields.iter().all(|(key, value)| {
            covered(
                value,
                member(before, key).as_ref(),
                member(said, key).as_ref(),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_as_before_or_as_said() {
        let before = json!({"a": 1, "deep": {"b": [1, 2], "c": "x"}});
        let said = json!({"a": 2, "deep": {"d": true}});
        let is = |offered: Value| covered(&offered, Some(&before), Some(&said));
        assert!(is(before.clone()));
        assert!(is(
            json!({"a": 2, "deep": {"b": [1, 2], "c": "x", "d": true}})
        ));
        assert!(is(
            json!({"a": 1, "deep": {"b": [1, 2], "c": "x", "d": true}})
        ));
        for other in [
            json!({"a": 3, "deep": {"b": [1, 2], "c": "x"}}),
            json!({"a": 1, "deep": {"b": [1], "c": "x"}}),
            json!({"a": 1, "deep": {"b": [1, 2], "c": "y"}}),
            json!({"a": 1, "deep": {"b": [1, 2]}}),
            json!({"a": 1}),
            json!({"a": 1, "deep": {"b": [1, 2], "c": "x"}, "e": 1}),
            json!([]),
        ] {
            assert!(!is(other.clone()), "{other}");
        }
        assert!(!covered(&json!({"a": 1}), None, None) && covered(&json!({}), None, None));
    }
}
