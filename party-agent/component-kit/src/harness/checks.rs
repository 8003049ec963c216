//! The tests that every component has ready: they need only a federation to run.
#![allow(
    clippy::expect_used,
    reason = "a failed step of a test is a failed test"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value, json};
use vocabulary::{ErrorCode, Participant, PortKind, Stage, Tells};

use super::federation::{Federation, Part, RunRecord};
use super::messages::{Faults, RecordedMessage};
use crate::component::{AnyComponent, Component, Plugin};
use crate::error::ComponentError;

/// How long a stopped federation may take to be quiet.
// Far beyond any of these runs, also on a busy machine: only what hangs comes near it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Fails when a planted id or value is found in plaintext in any message.
///
/// Ids are searched as text; values as 8 bytes in either order, as 4 little-endian ones (single precision), and as their shortest
/// decimal text.
pub async fn leaks_no_canary<C: Component>(federation: &Federation, ids: &[&str], values: &[f64]) {
    assert!(!C::DESCRIPTION.messages.is_empty(), "it sends nothing");
    let played = federation.run::<C>().await.all_succeeded();
    for envelope in &played.envelopes {
        for id in ids {
            assert!(
                !contains(envelope, id.as_bytes()),
                "{} gives away the id {id}",
                envelope.tag
            );
        }
        for &value in values {
            let forms: [&[u8]; 3] = [
                &value.to_le_bytes(),
                &value.to_be_bytes(),
                // In single precision as well: a component might send numbers shortened.
                &(value as f32).to_le_bytes(),
            ];
            assert!(
                !forms.iter().any(|form| contains(envelope, form)),
                "{} gives away the value {value}",
                envelope.tag
            );
            assert!(
                !contains(envelope, value.to_string().as_bytes()),
                "{} gives away the value {value} as text",
                envelope.tag
            );
        }
    }
}

fn contains(envelope: &RecordedMessage, needle: &[u8]) -> bool {
    !needle.is_empty()
        && envelope
            .body
            .windows(needle.len())
            .any(|window| window == needle)
}

/// Fails unless the messages of these runs are just what the message table declares: every line used, none undeclared.
pub fn speaks_only_its_messages<C: Component>(runs: &[&RunRecord]) {
    let mut used = BTreeSet::new();
    for envelope in runs.iter().flat_map(|played| &played.envelopes) {
        let line = C::DESCRIPTION
            .message(&envelope.message)
            .unwrap_or_else(|| panic!("{} is not declared", envelope.message));
        assert_eq!(
            line.from, envelope.from.role,
            "{} was sent by a {}",
            envelope.message, envelope.from.role
        );
        assert!(
            line.to.contains(&envelope.to.role),
            "{} was sent to a {}",
            envelope.message,
            envelope.to.role
        );
        used.insert(envelope.message.clone());
    }
    for line in C::DESCRIPTION.messages {
        assert!(
            used.contains(line.name),
            "{} is declared but was never sent",
            line.name
        );
    }
}

/// Stops the federation at (up to 24 evenly spread) messages in turn: every part must end, and none may hang or panic.
pub async fn stops_when_cancelled<C: Component>(federation: &Federation) {
    let envelopes = federation.run::<C>().await.all_succeeded().envelopes.len();
    assert!(envelopes > 0, "there is no message to stop at");
    // A run for every message would take minutes; 24 spread over them meet every phase.
    let stride = envelopes.div_ceil(24).max(1);
    for cancel_after in (1..=envelopes).step_by(stride) {
        let stopped = federation.clone().faults(Faults {
            cancel_after: Some(cancel_after),
            ..Faults::default()
        });
        let played = tokio::time::timeout(PATIENCE, stopped.run::<C>()).await;
        let played =
            played.unwrap_or_else(|_| panic!("not quiet after a stop at message {cancel_after}"));
        assert!(
            played.fault().is_none(),
            "a stop at message {cancel_after} became {:?}",
            played.fault()
        );
    }
}

/// Stops the federation in the middle of its work, at 12 evenly spread moments at which work asks whether it is still wanted; it
/// must ask `least` times at least. Every part must end as stopped, and only what was at work in that moment may still ask.
pub async fn stops_in_the_middle_of_work<C: Component>(federation: &Federation, least: usize) {
    let calm = federation.run::<C>().await.all_succeeded();
    assert!(
        calm.questions >= least,
        "work asked {} times whether it is still wanted, not {least}",
        calm.questions
    );
    // What is begun when the stop comes may ask once more: a few times for each thread and role.
    let at_work = 4 * (rayon::current_num_threads() + calm.parts.len());
    for number in 1..=12 {
        // Work of several threads is not dealt out alike in two runs.
        let moment = (calm.questions * 9 / 10 * number / 12).max(1);
        let faults = Faults {
            cancel_at_question: Some(moment),
            ..Faults::default()
        };
        let stopped = federation.clone().faults(faults);
        let played = tokio::time::timeout(PATIENCE, stopped.run::<C>()).await;
        let played =
            played.unwrap_or_else(|_| panic!("not quiet after a stop at question {moment}"));
        assert!(
            played.fault().is_none(),
            "a stop at question {moment} became {:?}",
            played.fault()
        );
        let stopped = played
            .parts
            .values()
            .any(|part| matches!(part.result, Err(ComponentError::Canceled)));
        assert!(
            stopped,
            "a stop at question {moment} of {} stopped nobody",
            calm.questions
        );
        let late = played.late_questions;
        assert!(
            late <= at_work,
            "{late} pieces of work began after a stop at question {moment}"
        );
    }
}

/// Delivers every message twice and late: the outputs must be the same.
pub async fn survives_duplicates_and_delays<C: Component>(federation: &Federation) {
    let calm = federation.run::<C>().await.all_succeeded();
    assert!(!calm.envelopes.is_empty(), "there is no message to repeat");
    let rough = federation.clone().faults(Faults {
        duplicates: true,
        delays: true,
        ..Faults::default()
    });
    let rough = rough.run::<C>().await.all_succeeded();
    same_outputs(&calm, &rough);
}

/// Fails unless two runs left the same tables.
fn same_outputs(one: &RunRecord, other: &RunRecord) {
    for (who, part) in &one.parts {
        let again = other.part(who);
        assert_eq!(
            part.outputs.len(),
            again.outputs.len(),
            "{who} left another number of outputs"
        );
        for (index, table) in &part.outputs {
            let other = again
                .outputs
                .get(index)
                .unwrap_or_else(|| panic!("output {index} of {who} is missing"));
            assert_eq!(
                table.content_hash().expect("hash"),
                other.content_hash().expect("hash"),
                "output {index} of {who} differs"
            );
        }
    }
}

/// Stops the federation at (up to 24 evenly spread) moments at which a party is asked for what it keeps, and does not answer: a
/// table, a model, a copy. Every part must end as stopped.
pub async fn stops_while_it_waits<C: Component>(federation: &Federation) {
    let requests = federation.run::<C>().await.all_succeeded().requests;
    assert!(requests > 0, "it asks its party for nothing");
    for moment in (1..=requests).step_by(requests.div_ceil(24)) {
        let faults = Faults {
            cancel_at_request: Some(moment),
            ..Faults::default()
        };
        let stopped = federation.clone().faults(faults);
        let played = tokio::time::timeout(PATIENCE, stopped.run::<C>()).await;
        let played =
            played.unwrap_or_else(|_| panic!("not quiet after a stop at request {moment}"));
        assert!(
            played.fault().is_none(),
            "a stop at request {moment} became {:?}",
            played.fault()
        );
        let mut parts = played.parts.values();
        assert!(
            parts.any(|part| matches!(part.result, Err(ComponentError::Canceled))),
            "a stop at request {moment} of {requests} stopped nobody"
        );
    }
}

/// Runs the federation twice: tables, models, reports and log must be the same.
pub async fn runs_twice_alike<C: Component>(federation: &Federation) {
    let one = federation.run::<C>().await.all_succeeded();
    let other = federation.run::<C>().await.all_succeeded();
    same_outputs(&one, &other);
    for (who, part) in &one.parts {
        let again = other.part(who);
        let bytes = |part: &Part| part.model.as_ref().map(|model| model.bytes.clone());
        assert!(bytes(part) == bytes(again), "the models of {who} differ");
        assert_eq!(part.told, again.told, "the reports of {who} differ");
        assert_eq!(part.log, again.log, "the logs of {who} differ");
        same_requests(who, part, again);
    }
}

fn same_requests(who: &Participant, one: &Part, other: &Part) {
    assert_eq!(one.imports, other.imports, "{who} imported other things");
    assert_eq!(one.exports, other.exports, "{who} exported other things");
    assert_eq!(one.copies, other.copies, "{who} copied other tables");
    assert_eq!(
        one.model_copies, other.model_copies,
        "{who} copied other models"
    );
}

/// Fails when a planted id or value is in the log, or in a report that does not say that it gives rows away.
pub async fn puts_no_row_into_a_report<C: Component>(
    federation: &Federation,
    ids: &[&str],
    values: &[f64],
) {
    let values = values.iter().map(f64::to_string);
    let planted: Vec<String> = ids
        .iter()
        .map(|id| (*id).to_owned())
        .chain(values)
        .collect();
    // First that they are there: a canary that no table holds would let every test pass.
    for canary in &planted {
        assert!(federation.holds(canary), "{canary} is planted nowhere");
    }
    assert!(!planted.is_empty(), "nothing is planted");
    let played = federation.run::<C>().await.all_succeeded();
    for (who, part) in &played.parts {
        let unsaid = part
            .told
            .iter()
            .filter(|(_, tells)| !tells.contains(&Tells::Rows));
        for text in unsaid.map(|(text, _)| text).chain(&part.log) {
            for canary in &planted {
                assert!(!text.contains(canary), "{who} tells {canary}: {text}");
            }
        }
    }
}

/// Applies what a fit left to what it was fitted on, or as `applying` says. A component that learns must leave a model, must not go
/// without one, and must make of the same table what its fit made; one that learns nothing does the same in both stages.
pub async fn applies_what_it_saved<C: Component>(
    federation: &Federation,
    applying: Option<Federation>,
) {
    let fitted = federation.run::<C>().await.all_succeeded();
    let mut outputs = C::DESCRIPTION.outputs.iter();
    let learns = outputs.any(|port| port.kind == PortKind::Model);
    let same = applying.is_none();
    let later = applying.unwrap_or_else(|| federation.clone());
    let with_models = match learns {
        true => later.clone().applying(&fitted),
        false => later.clone().stage(Stage::Apply),
    };
    let applied = with_models.run::<C>().await.all_succeeded();
    if same {
        same_outputs(&fitted, &applied);
    }
    for (who, part) in &fitted.parts {
        assert_eq!(part.model.is_some(), learns, "the model of {who}");
        if !learns {
            let again = applied.part(who);
            same_requests(who, part, again);
            assert_eq!(part.told, again.told, "the reports of {who} differ");
        }
    }
    if learns {
        let without = later.stage(Stage::Apply).run::<C>().await;
        let fault = without.fault().expect("it goes without a model");
        assert_eq!(fault.code, ErrorCode::ModelMissing, "{fault}");
    }
}

/// Fails unless each of these is refused with its path, when it is put among the federation's parameters, which are taken.
pub fn refuses<C: Component>(federation: &Federation, cases: &[(Value, &str)]) {
    for role in C::DESCRIPTION.roles {
        let check = |changes: &Value| {
            let mut parameters = federation.parameters_as(*role);
            let (into, from) = (parameters.as_object_mut(), changes.as_object());
            into.expect("parameters")
                .extend(from.expect("an object").clone());
            Plugin::<C>::NEW.check(*role, &parameters)
        };
        check(&Value::Object(Map::new())).expect("good parameters");
        for (changes, path) in cases {
            let fault = check(changes).expect_err("refused");
            let found = (fault.code, fault.path.as_deref().unwrap_or_default());
            assert_eq!(
                found,
                (ErrorCode::ParameterInvalid, *path),
                "{changes}: {fault}"
            );
        }
    }
}

/// Fails unless a parameter that was not declared is refused, and a value of a type that its schema does not have, with its path.
pub fn refuses_what_it_does_not_declare<C: Component>() {
    let info = Plugin::<C>::NEW.info();
    let properties = info.schema["properties"].as_object();
    let typed = properties.into_iter().flatten().filter(|(_, schema)| {
        let keys = ["type", "$ref", "anyOf"];
        keys.iter().any(|key| schema.get(key).is_some())
    });
    let role = *C::DESCRIPTION.roles.first().expect("a role");
    let check = |name: &str, value: Value| {
        let parameters = json!({ name: value });
        Plugin::<C>::NEW.check(role, &parameters).err()
    };
    assert!(
        check("no_such_parameter", Value::Null).is_some(),
        "an unknown parameter is taken"
    );
    for (name, schema) in typed {
        let of_its_type = |word: &str| {
            let kinds = &schema["type"];
            kinds == word
                || kinds
                    .as_array()
                    .is_some_and(|kinds| kinds.contains(&json!(word)))
        };
        let wrong = match of_its_type("object") {
            true => json!([[]]),
            false => json!({"no_such_field": {}}),
        };
        let fault = check(name, wrong);
        let path = fault.and_then(|fault| fault.path).unwrap_or_default();
        assert!(
            path.starts_with(name.as_str()),
            "{name} ({schema}): {path:?}"
        );
    }
}
