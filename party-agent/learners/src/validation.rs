//! Measuring a model while it trains, where the labels are: metrics in FATE's form, and whether to stop.

use std::collections::BTreeMap;

use component_kit::{ComponentError, Result, TaskContext, metric};
use learning::evaluation::shapes::SUMMARY;
use learning::evaluation::{
    Curve, EvaluationError, evaluate_binary, evaluate_regression, regression_values, single_values,
};
use learning::labels::{LabelKind, POSITIVE};
use learning::validation::EarlyStopping;
use serde_json::{Value, json};
use vocabulary::{ErrorCode, Fault, Metric, MetricData, Tells};

use crate::inputs::Inputs;
use crate::params::{Training, Validation};

/// Follows the metrics over the epochs.
pub struct Validator {
    settings: Validation,
    kind: LabelKind,
    stopping: Option<EarlyStopping>,
    history: BTreeMap<&'static str, BTreeMap<String, Vec<f64>>>,
}

/// The figures of one validation.
struct Figures {
    /// By name, rounded: what is told.
    told: Vec<(&'static str, f64)>,
    /// By name, not rounded: what early stopping compares.
    compared: Vec<(&'static str, f64)>,
    curves: Vec<Curve>,
}

impl Validator {
    /// As the job asks for it; early stopping needs rows with labels that were not trained on.
    pub fn new(training: &Training, kind: LabelKind, inputs: &Inputs) -> Result<Option<Self>> {
        let Some(settings) = training.validation.clone() else {
            return Ok(None);
        };
        let validate = inputs.validate.as_ref();
        let has_labels = validate.is_some_and(|rows| !rows.labelled().is_empty());
        let refused = |text: String| {
            Fault::new(ErrorCode::ParameterInvalid, text)
                .path("callback_param.early_stopping_rounds")
        };
        if settings.stop_after.is_some() && !has_labels {
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
            kind,
            stopping,
            history: BTreeMap::new(),
        }))
    }

    /// Measures the rows with labels of one table (`train` or `validate`) after an epoch. True when training must stop.
    pub fn measure(
        &mut self,
        turn: &TaskContext,
        (epoch, table): (usize, &'static str),
        (labels, predictions): (&[f64], &[f64]),
    ) -> Result<bool> {
        if labels.is_empty() {
            return Ok(false);
        }
        let figures = match self.figures(labels, predictions) {
            Ok(figures) => figures,
            // A validation with one class only, say, is no reason to lose the training.
            Err(error) => {
                turn.warn(format!(
                    "no metrics of the {table} rows after epoch {epoch}: {error}"
                ));
                return Ok(false);
            }
        };
        // Not rounded: improvements below a millionth still are improvements.
        let compared = figures.compared.clone();
        self.report(turn, (epoch, table), labels.len(), figures);
        match &mut self.stopping {
            // What was trained on nearly always improves, and would never stop anything.
            Some(stopping) if table == "validate" => stopping
                .observe(epoch, &compared)
                .map_err(|error| ComponentError::new(ErrorCode::DataMismatch, error.to_string())),
            _ => Ok(false),
        }
    }

    fn figures(&self, labels: &[f64], predictions: &[f64]) -> Result<Figures, EvaluationError> {
        let metrics = &self.settings.metrics;
        if self.kind == LabelKind::Numbers {
            return Ok(Figures {
                told: evaluate_regression(labels, predictions, metrics)?,
                compared: regression_values(labels, predictions, metrics)?,
                curves: Vec::new(),
            });
        }
        let positive: Vec<bool> = labels
            .iter()
            .map(|label| *label == POSITIVE as f64)
            .collect();
        let report = evaluate_binary(&positive, predictions, metrics)?;
        Ok(Figures {
            told: report.scalars,
            compared: single_values(&positive, predictions, metrics)?,
            curves: report.curves,
        })
    }

    fn report(
        &mut self,
        task: &TaskContext,
        (epoch, table): (usize, &'static str),
        rows: usize,
        figures: Figures,
    ) {
        let name = format!("iteration_{epoch}");
        let values: Vec<(String, f64)> = figures
            .told
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect();
        let of_table = self.history.entry(table).or_default();
        for (metric, value) in &values {
            of_table.entry(metric.clone()).or_default().push(*value);
        }
        let meta = json!({"name": name, "metric_type": SUMMARY});
        // The guest's own labels are judged.
        let metrics = task.metrics(&[Tells::Figures]).over(rows);
        metrics.values(table, &name, values, meta);
        let curves = figures.curves.iter();
        metrics.report(curves.map(|curve| metric_of(table, &name, curve)).collect());
    }

    /// The epoch to go back to, when training may be stopped by validations.
    pub fn best_epoch(&self) -> Option<usize> {
        self.stopping.as_ref().and_then(EarlyStopping::best_epoch)
    }

    /// Every value of every validation, for the summary.
    pub fn into_history(self) -> Value {
        json!(self.history)
    }
}

/// A curve as FATE's boards read it.
fn metric_of(namespace: &str, base: &str, curve: &Curve) -> Metric<f64> {
    let name = curve.name(base);
    let points = MetricData::Points(curve.points().collect());
    metric(namespace, &name, points, &curve.meta(&name, base))
}
