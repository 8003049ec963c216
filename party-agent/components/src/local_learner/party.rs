//! What every party does: learns from its own lines, applies or judges what it learned.

use component_kit::{ComponentError, Result, TaskContext};
use local_learning::python::{Literal, repr};
use local_learning::{Format, Kind, LearnError, Model, Params as LearnerParams, Watch};
use serde_json::json;
use tables::{Column, ColumnKind, Part, Schema, Table, TableKind, Values};
use vocabulary::{ErrorCode, Fault, Tells};

use super::params::Params;

/// Most predictions that are printed.
const PRINTED: usize = 1_000;

fn failed(error: LearnError) -> ComponentError {
    // Not a fault: whoever stopped the task knows why.
    if error == LearnError::Stopped {
        return ComponentError::Canceled;
    }
    let (code, path) = match &error {
        LearnError::Parameter { name, .. } => {
            (ErrorCode::ParameterInvalid, Some(format!("learner.{name}")))
        }
        LearnError::Syntax { .. } | LearnError::Construct { .. } => {
            (ErrorCode::ParameterInvalid, Some("learner".to_owned()))
        }
        LearnError::Limit(_) => (ErrorCode::LimitReached, None),
        LearnError::Unsupported(_) => (ErrorCode::Unsupported, Some("model_type".to_owned())),
        LearnError::Row { .. } | LearnError::Data(_) | LearnError::Stopped => {
            (ErrorCode::DataMismatch, None)
        }
    };
    let fault = Fault::new(code, error.to_string());
    path.map_or(fault.clone(), |path| fault.path(path)).into()
}

pub(super) async fn fit(task: &TaskContext, params: Params) -> Result<()> {
    let kind = Kind::of(&params.model_type).map_err(failed)?;
    let learner = LearnerParams::read(&params.learner).map_err(failed)?;
    let table = task.need_input("train_data").await?;
    let (rows, format) = (table.rows(), Format::of(Some(&params.format)));
    task.progress(0.0, format!("{rows} rows to learn from"));
    let stop = task.stop();
    let work = move || -> Result<_> {
        let stopped = || stop.is_asked();
        Model::train(kind, format, &learner, &table.lines()?, Watch(&stopped)).map_err(failed)
    };
    let trained = task.compute(work).await??;
    let meta = json!({"name": "local_learner", "metric_type": "TRAINING"});
    // What such learners print may be rows themselves, and is declared as such.
    let metrics = task.metrics(&[Tells::Rows]);
    metrics.values(
        "train",
        "rows",
        vec![("rows".to_owned(), rows as f64)],
        meta,
    );
    let of = json!({"model_type": kind.name(), "format": format.word(), "learner": params.learner});
    metrics.model_view(&of, &json!({"rows": rows}));
    metrics.printed(&trained.printed, json!({"rows": rows}));
    task.save_model(&trained.model).await
}

pub(super) async fn apply(task: &TaskContext, params: Params) -> Result<()> {
    let model: Model = task.load_model().await?;
    let table = task.need_input("test_data").await?;
    if params.evaluate {
        let stop = task.stop();
        let work = move || -> Result<Literal> {
            let stopped = || stop.is_asked();
            model
                .evaluate(&table.lines()?, Watch(&stopped))
                .map_err(failed)
        };
        return tell(task, &task.compute(work).await??);
    }
    let stop = task.stop();
    let work = move || -> Result<(Table, String)> {
        let stopped = || stop.is_asked();
        let said = model
            .predict_all(&table.lines()?, Watch(&stopped))
            .map_err(failed)?;
        let printed = said
            .iter()
            // A summary is read by people; all predictions are in the output table.
            .take(PRINTED)
            .map(|said| format!("{}\n", said.trim_end_matches('\n')))
            .collect();
        let columns = vec![Column::new(
            "predict_result",
            ColumnKind::Text,
            Part::Prediction,
        )];
        let schema = Schema::new(
            TableKind::Predictions,
            table.schema().id_name.clone(),
            columns,
        );
        Ok((
            Table::from_columns(schema, table.ids()?, vec![Values::of_texts(said)])?,
            printed,
        ))
    };
    let (predictions, printed) = task.compute(work).await??;
    task.info(format!("{} rows predicted", predictions.rows()));
    if params.print {
        task.metrics(&[Tells::Rows])
            .printed(&printed, json!({"rows": predictions.rows()}));
    }
    task.output(0, &predictions).await
}

/// Tells figures: as metrics, and printed.
fn tell(task: &TaskContext, figures: &Literal) -> Result<()> {
    let Literal::Dict(pairs) = figures else {
        return Ok(());
    };
    let values = pairs.iter().filter_map(|(name, value)| match value {
        Literal::Float(number) => Some((name.as_text()?.to_owned(), *number)),
        _ => None,
    });
    let meta = json!({"name": "local_learner", "metric_type": "EVALUATION_SUMMARY"});
    let metrics = task.metrics(&[Tells::Rows]);
    metrics.values("validate", "figures", values.collect(), meta);
    metrics.printed(&format!("{}\n", repr(figures)), json!({}));
    Ok(())
}
