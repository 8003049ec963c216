//! The tests that every component has ready: they need only a federation to run.
#![allow(
    clippy::expect_used,
    reason = "a failed step of a test is a failed test"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use super::federation::{Federation, Played};
use super::messages::{Faults, RecordedMessage};
use crate::component::Component;
use crate::error::ComponentError;

/// How long a stopped federation may take to be quiet.
const PATIENCE: Duration = Duration::from_secs(60);

/// Fails when a planted id or value is found in plaintext in any message.
///
/// Ids are searched as text; values as 8 little-endian bytes, as 4 (single precision), and as their shortest decimal text.
pub async fn leaks_no_canary<C: Component>(federation: &Federation, ids: &[&str], values: &[f64]) {
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
pub fn speaks_only_its_messages<C: Component>(runs: &[&Played]) {
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
    let rough = federation.clone().faults(Faults {
        duplicates: true,
        delays: true,
        ..Faults::default()
    });
    let rough = rough.run::<C>().await.all_succeeded();
    for (who, part) in &calm.parts {
        let again = rough.part(who);
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
