//! Labels that name classes: what they come to, whether other tables and an earlier model have the same ones, and from
//! probabilities back to them. Of more than two, each is learned against the rest.

use component_kit::{Result, TaskContext};
use learning::labels::{Classes, LabelError};
use serde_json::{Map, json};
use vocabulary::{ErrorCode, Fault};

use crate::inputs::Inputs;
use crate::model::LinearModel;
use crate::predictions::Outcome;
use crate::rows::Rows;

/// The labels of a training.
pub struct ClassLabels {
    /// One for each row.
    pub values: Vec<f64>,
    classes: Classes,
}

/// Reads the labels to learn; refuses those of another training than that which goes on.
pub fn read(task: &TaskContext, inputs: &Inputs) -> Result<ClassLabels> {
    let values = inputs.train.need_labels()?;
    // Exact: labels of classes were checked to be whole and below 1e15 when the table was read.
    let whole: Vec<i64> = values.iter().map(|label| *label as i64).collect();
    let classes = Classes::of(&whole).map_err(refused)?;
    check(
        task,
        &classes,
        inputs.before.as_ref(),
        inputs.validate.as_ref(),
    )?;
    Ok(ClassLabels { values, classes })
}

impl ClassLabels {
    /// +1 for the rows of a class, and -1 for all others.
    pub fn signs(&self, positive: i64) -> Vec<f64> {
        let sign = |label: &f64| if *label as i64 == positive { 1.0 } else { -1.0 };
        self.values.iter().map(sign).collect()
    }

    /// Names the classes in a model: those that are positive in one training each.
    pub fn name_in(&self, model: &mut LinearModel) {
        (model.classes, model.negative) = match &self.classes {
            Classes::Two { negative, positive } => (vec![*positive], Some(*negative)),
            Classes::Several(classes) => (classes.clone(), None),
        };
    }
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
fn check(
    task: &TaskContext,
    learned: &Classes,
    before: Option<&LinearModel>,
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
        .map(|(_, label)| label as i64)
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
fn goes_on(learned: &Classes, model: &LinearModel) -> bool {
    match learned {
        Classes::Two { negative, positive } => {
            // The positive one alone is not enough: 0 against 1 is another question than -1
            // against 1.
            model.classes == [*positive]
                && model.negative.is_none_or(|earlier| earlier == *negative)
        }
        Classes::Several(classes) => model.classes == *classes,
    }
}

/// Labels that the model cannot give are no reason not to predict; whoever reads the rows should know.
pub fn note_unknown(task: &TaskContext, model: &LinearModel, rows: &Rows) {
    if model.negative.is_none() && !model.is_one_vs_rest() {
        return;
    }
    let known: Vec<i64> = model
        .classes
        .iter()
        .copied()
        .chain(model.negative)
        .collect();
    let unknown = rows
        .labelled()
        .iter()
        .filter(|(_, label)| !known.contains(&(*label as i64)))
        .count();
    if unknown > 0 {
        task.warn(format!(
            "{unknown} rows have a label that the model does not know: it tells {known:?} apart"
        ));
    }
}

/// The outcomes of rows: one of two classes, or the best of several.
pub fn outcomes(model: &LinearModel, probabilities: &[Vec<f64>]) -> Vec<Outcome> {
    if model.is_one_vs_rest() {
        best_class(model, probabilities)
    } else {
        binary(model, probabilities)
    }
}

fn binary(model: &LinearModel, probabilities: &[Vec<f64>]) -> Vec<Outcome> {
    let (negative, positive) = model.two_classes();
    let outcome = |score: &f64| {
        let detail = [
            (negative.to_string(), json!(1.0 - score)),
            (positive.to_string(), json!(score)),
        ];
        let detail: Map<_, _> = detail.into_iter().collect();
        // Strictly above, as in FATE: a score that equals the threshold is negative.
        let result = if *score > model.threshold {
            positive
        } else {
            negative
        };
        Outcome {
            result: result as f64,
            score: *score,
            detail: serde_json::Value::Object(detail).to_string(),
        }
    };
    probabilities.iter().flatten().map(outcome).collect()
}

/// The class with the highest score; scores of several classes do not add up to 1, as in FATE.
fn best_class(model: &LinearModel, probabilities: &[Vec<f64>]) -> Vec<Outcome> {
    let rows = probabilities.first().map_or(0, Vec::len);
    let outcome = |row: usize| {
        let classes = model.classes.iter().zip(probabilities);
        let scores: Vec<(i64, f64)> = classes
            .map(|(class, scores)| (*class, scores[row]))
            .collect();
        let best = scores.iter().fold((0, f64::NEG_INFINITY), |best, next| {
            // Strictly greater: of equal scores the smaller class wins, as with numpy's argmax.
            if next.1 > best.1 { *next } else { best }
        });
        let detail: Map<_, _> = scores
            .iter()
            .map(|(class, score)| (class.to_string(), json!(score)))
            .collect();
        Outcome {
            result: best.0 as f64,
            score: best.1,
            detail: serde_json::Value::Object(detail).to_string(),
        }
    };
    (0..rows).map(outcome).collect()
}
