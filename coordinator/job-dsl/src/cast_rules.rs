//! Whom and what components need, as they announce it: what a job lacks is told before anything runs.

use domain::Step;
use serde_json::Value;
use vocabulary::component::{CastRule, When};
use vocabulary::{ComponentInfo, Role, Stage};

use crate::diagnostic::{Diagnostic, Rule};
use crate::python::plain;

/// Checks a step, with its participants and parameters, against what its component announces. `path_of` says where in the
/// documents a parameter of the step stands, `trained` which parties trained the model that a predict job applies.
pub(crate) fn check(
    step: &Step,
    info: &ComponentInfo,
    trained: Option<&Value>,
    path_of: impl Fn(&str) -> String,
    found: &mut Vec<Diagnostic>,
) {
    let running = |role: Role| {
        step.participants
            .iter()
            .filter(|who| who.role == role && !step.skipped.contains(who))
            .count()
    };
    // A step that every party skips needs nobody, whatever its component asks for.
    if Role::ALL.into_iter().all(|role| running(role) == 0) {
        return;
    }
    let applies = |stage: Option<Stage>| stage.is_none_or(|stage| stage == step.stage);
    for rule in info.cast.iter().filter(|rule| applies(rule.stage)) {
        let while_said = match &rule.when {
            None => None,
            Some(when) => match said(step, info, when) {
                Some(word) => Some((when, word)),
                None => continue,
            },
        };
        let count = running(rule.role);
        if count < usize::from(rule.least)
            || rule.most.is_some_and(|most| count > usize::from(most))
        {
            found.push(misfit(step, rule, while_said, count, &path_of));
        } else if rule.all_trained {
            found.extend(trained.and_then(|trained| missing(step, rule.role, trained)));
        }
    }
    for need in info.needs.iter().filter(|need| applies(need.stage)) {
        let while_said = need
            .when
            .as_ref()
            .map(|when| (when, said(step, info, when)));
        let with = match &while_said {
            Some((_, None)) => continue,
            Some((when, Some(word))) => format!(" with {} {word:?}", when.parameter),
            None => String::new(),
        };
        if !step
            .inputs
            .iter()
            .any(|edge| need.any_of.contains(&edge.port))
        {
            let (ports, name, module) = (need.any_of.join(" or "), &step.name, &step.module);
            let message = format!(
                "component {name} ({module}){with} needs a table at {ports}, and none is wired"
            );
            let path = format!("job_dsl.components.{name}.input.data");
            let next = format!("wire the output of a component to {ports}");
            found.push(Diagnostic::new(Rule::InputNeeded, message, path).next(next));
        }
    }
}

/// The word of a parameter, where it is one of a rule's, at any participant: as given, else by default.
fn said(step: &Step, info: &ComponentInfo, when: &When) -> Option<String> {
    let follow = |all: &Value| {
        when.parameter
            .split('.')
            .try_fold(all.clone(), |at, name| at.get(name).cloned())
    };
    let is_meant = |word: &str| {
        when.values.is_empty() || when.values.iter().any(|own| own.eq_ignore_ascii_case(word))
    };
    let of = |parameters: &Value| match follow(parameters).or_else(|| follow(&info.defaults))? {
        Value::Null => None,
        Value::String(word) => is_meant(&word).then_some(word),
        Value::Array(entries) => entries
            .iter()
            .filter_map(Value::as_str)
            .find(|word| is_meant(word))
            .map(str::to_owned),
        other => when.values.is_empty().then(|| other.to_string()),
    };
    let mut running = step
        .parameters
        .iter()
        .filter(|(who, _)| !step.skipped.contains(who));
    running.find_map(|(_, parameters)| of(parameters))
}

/// Parties that trained a model and that the job which applies it does not name.
fn missing(step: &Step, role: Role, trained: &Value) -> Option<Diagnostic> {
    let here = |party: &String| {
        step.participants.iter().any(|who| {
            who.role == role && who.party.as_str() == party && !step.skipped.contains(who)
        })
    };
    let parties = trained.get(role.word())?.as_array()?.iter().map(plain);
    let absent: Vec<String> = parties.filter(|party| !here(party)).collect();
    if absent.is_empty() {
        return None;
    }
    let names = absent.join(", ");
    let message = format!(
        "component {} ({}) applies a model of which each {role} of the training has a part, and the job lacks {names}",
        step.name, step.module
    );
    let next = format!("name {names} as {role}, too");
    Some(
        Diagnostic::new(
            Rule::CastFits,
            message,
            format!("job_runtime_conf.role.{role}"),
        )
        .next(next),
    )
}

fn misfit(
    step: &Step,
    rule: &CastRule,
    while_said: Option<(&When, String)>,
    count: usize,
    path_of: &impl Fn(&str) -> String,
) -> Diagnostic {
    let role = rule.role;
    let wanted = match (rule.least, rule.most) {
        (1, Some(1)) => format!("exactly one {role}"),
        (least, None) => format!("at least {least} {role}"),
        (0, Some(most)) => format!("at most {most} {role}"),
        (least, Some(most)) => format!("{least} to {most} of the role {role}"),
    };
    let purpose = match (rule.stage, step.stage) {
        (None, _) => "",
        (Some(_), Stage::Fit) => " to train",
        (Some(_), Stage::Apply) => " to apply its model",
    };
    let verb = if rule.least == 0 { "takes" } else { "needs" };
    let with = while_said
        .as_ref()
        .map_or_else(String::new, |(when, word)| {
            format!(" with {} {word:?}", when.parameter)
        });
    let has = if count == 0 {
        "none".to_owned()
    } else {
        count.to_string()
    };
    let reason = if rule.reason.is_empty() {
        String::new()
    } else {
        format!(": {}", rule.reason)
    };
    let message = format!(
        "component {} ({}){with} {verb} {wanted}{purpose}, and the job has {has}{reason}",
        step.name, step.module
    );
    let (path, next) = match &while_said {
        None if count == 0 => (
            format!("job_runtime_conf.role.{role}"),
            format!("name a party as {role}"),
        ),
        None => (
            format!("job_runtime_conf.role.{role}"),
            format!("name {wanted}"),
        ),
        Some((when, _)) => {
            let parameter = &when.parameter;
            (
                path_of(parameter),
                format!("choose another {parameter}, or name {wanted}"),
            )
        }
    };
    Diagnostic::new(Rule::CastFits, message, path).next(next)
}
