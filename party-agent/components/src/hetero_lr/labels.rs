//! The guest's labels: what they come to, and whether other tables and an earlier model have the same ones.

use component_kit::{Result, TaskContext};
use learning::labels::{Classes, LabelError};
use vocabulary::{ErrorCode, Fault};

use super::data::Rows;
use super::model::Model;

/// The classes to learn.
pub(super) fn learned(labels: &[i64]) -> Result<Classes> {
    Ok(Classes::of(labels).map_err(refused)?)
}

fn refused(error: LabelError) -> Fault {
    let next = match error {
        LabelError::None | LabelError::One { .. } => "train on rows with different labels",
        LabelError::NoOne { .. } => {
            "write 1 for the positive label in the table, and upload it again"
        }
    };
    Fault::new(ErrorCode::TableInvalid, error.to_string()).next(next)
}

/// Refuses labels of another training than that which goes on, and labels to validate on that mean nothing to two classes.
pub(super) fn check(
    task: &TaskContext,
    learned: &Classes,
    before: Option<&Model>,
    validate: Option<&Rows>,
) -> Result<()> {
    if let (Classes::Two { negative, positive }, false) = (
        learned,
        *learned
            == (Classes::Two {
                negative: 0,
                positive: 1,
            }),
    ) {
        task.info(format!(
            "of the labels {negative} and {positive}, {positive} is the positive one"
        ));
    }
    let known = learned.values();
    if let Some(model) = before
        && !goes_on(learned, model)
    {
        let earlier: Vec<i64> = model
            .negative
            .into_iter()
            .chain(model.classes.iter().copied())
            .collect();
        let text = format!(
            "the model to go on from tells the labels {earlier:?} apart, the table has {known:?}"
        );
        return Err(Fault::new(ErrorCode::DataMismatch, text).into());
    }
    let Some(rows) = validate else { return Ok(()) };
    let labelled: Vec<i64> = rows
        .labelled()
        .into_iter()
        .map(|(_, label)| label)
        .collect();
    let without = rows.ids.len() - labelled.len();
    if without > 0 {
        task.warn(format!(
            "{without} of {} rows of validate_data have no label and are not measured",
            rows.ids.len()
        ));
    }
    let mut unseen = learned.unseen(&labelled);
    unseen.truncate(10);
    if unseen.is_empty() {
        return Ok(());
    }
    let text = format!("validate_data has the labels {unseen:?}, which train_data does not have");
    if let Classes::Several(_) = learned {
        // No class can be right for them, which is what the figures then say.
        task.warn(text);
        return Ok(());
    }
    Err(Fault::new(ErrorCode::TableInvalid, text)
        .next("validate on rows with labels of the training")
        .into())
}

/// Whether labels are those of a model; models of earlier releases do not say the negative one.
fn goes_on(learned: &Classes, model: &Model) -> bool {
    match learned {
        Classes::Two { negative, positive } => {
            model.classes == [*positive]
                && model.negative.is_none_or(|earlier| earlier == *negative)
        }
        Classes::Several(classes) => model.classes == *classes,
    }
}
