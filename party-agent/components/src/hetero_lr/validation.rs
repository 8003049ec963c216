//! Measuring the model while it trains, at the guest: metrics in FATE's form, and whether to stop.

use std::collections::BTreeMap;

use component_kit::{ComponentError, Result, TaskContext};
use learning::evaluation::{Curve, CurveKind, EvaluationError, evaluate_binary, single_values};
use learning::validation::EarlyStopping;
use serde_json::{Map, Value, json};
use vocabulary::{ErrorCode, Fault, Metric, MetricData, Tells};

use super::columns::Columns;
use super::data::Rows;
use super::params::{Params, Validation};
use super::{predictions, steps};

/// One table to measure on.
pub(super) struct Measured {
    /// `train` or `validate`.
    pub(super) kind: &'static str,
    /// The rows that have a label, and whether it is the positive one.
    pub(super) labelled: Vec<(usize, bool)>,
    /// The guest's columns of it; none for those it trains on.
    pub(super) columns: Option<Columns>,
}

/// Follows the metrics over the epochs.
pub(super) struct Validator {
    settings: Validation,
    stopping: Option<EarlyStopping>,
    history: BTreeMap<&'static str, BTreeMap<String, Vec<f64>>>,
}

impl Validator {
    /// As the job asks for it; early stopping needs rows with labels that were not trained on.
    pub(super) fn new(params: &Params, validate: Option<&Rows>) -> Result<Option<Self>> {
        let Some(settings) = params.validation() else {
            return Ok(None);
        };
        let refused = |text: String| {
            Fault::new(ErrorCode::ParameterInvalid, text)
                .path("callback_param.early_stopping_rounds")
        };
        if settings.stop_after.is_some() && validate.is_none_or(|rows| rows.labelled().is_empty()) {
            return Err(refused(
                "early stopping needs a table with labels at validate_data".to_owned(),
            )
            .into());
        }
        let stopping = settings
            .stop_after
            .map(|rounds| EarlyStopping::new(rounds, settings.first_metric_only));
        let stopping = stopping
            .transpose()
            .map_err(|error| refused(error.to_string()))?;
        Ok(Some(Self {
            settings,
            stopping,
            history: BTreeMap::new(),
        }))
    }

    /// Measures one table after an epoch; `columns` (of the training rows) and `weights` are the guest's. True when training must stop.
    pub(super) async fn measure(
        &mut self,
        turn: &TaskContext,
        (epoch, table): (usize, &Measured),
        columns: &Columns,
        weights: &[f64],
    ) -> Result<bool> {
        let own = table
            .columns
            .as_ref()
            .unwrap_or(columns)
            .scores(turn, &None, weights)
            .await?;
        let scores = steps::probabilities(&predictions::gather(turn, own).await?);
        if table.labelled.is_empty() {
            return Ok(false);
        }
        let scores: Vec<f64> = table
            .labelled
            .iter()
            .filter_map(|(row, _)| scores.get(*row).copied())
            .collect();
        let values = match self.report(turn, epoch, table, &scores) {
            Ok(values) => values,
            Err(error) => {
                turn.warn(format!(
                    "no metrics of the {} rows after epoch {epoch}: {error}",
                    table.kind
                ));
                return Ok(false);
            }
        };
        match &mut self.stopping {
            Some(stopping) if table.kind == "validate" => stopping
                .observe(epoch, &values)
                .map_err(|error| ComponentError::new(ErrorCode::DataMismatch, error.to_string())),
            _ => Ok(false),
        }
    }

    fn report(
        &mut self,
        task: &TaskContext,
        epoch: usize,
        table: &Measured,
        scores: &[f64],
    ) -> Result<Vec<(&'static str, f64)>, EvaluationError> {
        let positive: Vec<bool> = table
            .labelled
            .iter()
            .map(|(_, positive)| *positive)
            .collect();
        let report = evaluate_binary(&positive, scores, &self.settings.metrics)?;
        let name = format!("iteration_{epoch}");
        let values: Vec<(String, f64)> = report
            .scalars
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect();
        let of_table = self.history.entry(table.kind).or_default();
        for (metric, value) in &values {
            of_table.entry(metric.clone()).or_default().push(*value);
        }
        let meta = json!({"name": name, "metric_type": "EVALUATION_SUMMARY"});
        // The guest's own labels are judged.
        let metrics = task.metrics(&[Tells::Figures]).over(positive.len());
        metrics.values(table.kind, &name, values, meta);
        let curves = report
            .curves
            .into_iter()
            .map(|curve| metric_of(table.kind, &name, curve))
            .collect();
        metrics.report(curves);
        single_values(&positive, scores, &self.settings.metrics)
    }

    /// The epoch to go back to, when training may be stopped by validations.
    pub(super) fn best_epoch(&self) -> Option<usize> {
        self.stopping.as_ref().and_then(EarlyStopping::best_epoch)
    }

    /// Every value of every validation, for the summary.
    pub(super) fn into_history(self) -> Value {
        json!(self.history)
    }
}

/// A curve as FATE's boards read it.
fn metric_of(namespace: &str, base: &str, curve: Curve) -> Metric<f64> {
    let kind = curve.kind;
    let (metric_type, curve_name, pair) = match kind {
        CurveKind::KsFpr => ("KS_EVALUATION", format!("{base}_fpr"), true),
        CurveKind::KsTpr => ("KS_EVALUATION", format!("{base}_tpr"), true),
        CurveKind::Roc => ("ROC_EVALUATION", base.to_owned(), false),
        CurveKind::Lift => ("LIFT_EVALUATION", base.to_owned(), false),
        CurveKind::Gain => ("GAIN_EVALUATION", base.to_owned(), false),
        CurveKind::Accuracy => ("ACCURACY_EVALUATION", base.to_owned(), false),
        CurveKind::Precision => ("PRECISION_BINARY_EVALUATION", base.to_owned(), true),
        CurveKind::Recall => ("RECALL_BINARY_EVALUATION", base.to_owned(), true),
    };
    let name = format!("{base}_{}", kind.as_str());
    let mut meta = Map::new();
    meta.insert("name".to_owned(), json!(name));
    meta.insert("metric_type".to_owned(), json!(metric_type));
    meta.insert("curve_name".to_owned(), json!(curve_name));
    if pair {
        meta.insert("pair_type".to_owned(), json!(base));
    }
    meta.insert("thresholds".to_owned(), json!(curve.thresholds));
    let points = curve.x.into_iter().zip(curve.y).collect();
    Metric {
        namespace: namespace.to_owned(),
        name,
        data: MetricData::Points(points),
        meta,
    }
}
