//! Judges one prediction table: figures per type of row, put into the shapes of `shapes.rs`.

use component_kit::{ComponentError, Result};
use learning::evaluation::{
    EvalType, EvaluationError, Metric as MetricKind, evaluate_binary, evaluate_multi,
    evaluate_regression, one_vs_rest, population_stability,
};
use serde_json::{Map, Value};
use tables::Table;
use vocabulary::metric::MOST_POINTS;
use vocabulary::{ErrorCode, Fault, Metric};

use super::shapes::{self, Place};
use super::table::{Positive, check_kind, classes, labels, pick, probabilities, rows_by_type};

/// What is asked of every table.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// The kind of prediction.
    pub(super) kind: EvalType,
    /// The metrics.
    pub(super) metrics: Vec<MetricKind>,
    /// The positive label.
    pub(super) positive: Value,
    /// Whether classes are ranked one against the rest.
    pub(super) unfold: bool,
}

/// What is said of one table.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Metrics to report, with the rows of which they are.
    pub(super) metrics: Vec<(usize, Vec<Metric<f64>>)>,
    /// The rows of the smallest type of row: of them are some figures of the summary.
    pub(super) fewest: usize,
    /// Single figures by type of row and name.
    pub(super) summary: Map<String, Value>,
    /// What could not be judged, and why.
    pub(super) remarks: Vec<String>,
    /// Why there is nothing to judge at all, where there is not.
    pub(super) idle: Option<String>,
}

type Scalars = Vec<(&'static str, f64)>;

/// Judges a table; `base` names its metric set.
pub(super) fn evaluate(base: &str, table: &Table, plan: &Plan) -> Result<Judged> {
    check_kind(base, table)?;
    let (mut parts, labels) = (rows_by_type(table)?, labels(table)?);
    let all: usize = parts.iter().map(|(_, rows)| rows.len()).sum();
    parts
        .iter_mut()
        .for_each(|(_, rows)| rows.retain(|row| labels.get(*row).is_some_and(Option::is_some)));
    parts.retain(|(_, rows)| !rows.is_empty());
    let labelled: usize = parts.iter().map(|(_, rows)| rows.len()).sum();
    let fewest = parts.iter().map(|(_, rows)| rows.len()).min().unwrap_or(0);
    let mut judged = Judged {
        fewest,
        ..Judged::default()
    };
    match (all, labelled) {
        (0, _) => {
            judged.idle = Some(format!(
                "the table of {base} has no rows: there is nothing to evaluate"
            ))
        }
        (_, 0) => {
            judged.idle = Some(format!(
                "the rows of {base} have no labels: there is nothing to evaluate"
            ))
        }
        (all, labelled) if labelled < all => {
            judged.remarks.push(format!(
                "{} of {all} rows of {base} have no label and are left out",
                all - labelled
            ));
        }
        _ => {}
    }
    if judged.idle.is_some() {
        return Ok(judged);
    }
    match plan.kind {
        EvalType::Binary => binary(base, table, plan, (&parts, &labels), &mut judged)?,
        EvalType::Multi => multi(base, table, plan, &parts, &mut judged)?,
        EvalType::Regression => regression(base, table, plan, &parts, &mut judged)?,
    }
    for (_, metrics) in &mut judged.metrics {
        metrics.retain(|metric| {
            let fits = metric.data.len() <= MOST_POINTS;
            if !fits {
                let text = format!(
                    "{} has {} points, more than may be reported",
                    metric.name,
                    metric.data.len()
                );
                judged.remarks.push(text);
            }
            fits
        });
    }
    Ok(judged)
}

fn binary(
    base: &str,
    table: &Table,
    plan: &Plan,
    (parts, labels): (&Parts, &[Option<String>]),
    judged: &mut Judged,
) -> Result<()> {
    let wanted = Positive::new(&plan.positive);
    let positive: Vec<bool> = labels
        .iter()
        .map(|label| label.as_deref().is_some_and(|label| wanted.is(label)))
        .collect();
    let scores = match wanted.scores(table)? {
        Ok(scores) => scores,
        Err(why) => {
            judged
                .remarks
                .push(format!("nothing is reported of {base}: {why}"));
            return Ok(());
        }
    };
    let of = |rows: &[usize]| (pick(&positive, rows), pick(&scores, rows));
    for (kind, rows) in parts {
        table.stop().go_on()?;
        let (place, (positive, scores)) = (Place { base, kind }, of(rows));
        match evaluate_binary(&positive, &scores, &plan.metrics) {
            // A small type of row may well have one class only; the other types still have
            // figures.
            Err(error @ EvaluationError::OneClass { .. }) => {
                judged.remarks.push(format!("{base}, {kind} rows: {error}"))
            }
            report => {
                let report = report.map_err(|error| fault(place, &error))?;
                judged.note(place, rows.len(), report.scalars.clone());
                judged
                    .metrics
                    .push((rows.len(), shapes::binary(place, &report)));
            }
        }
    }
    let rows_of = |wanted: &str| {
        parts
            .iter()
            .find(|(kind, _)| *kind == wanted)
            .map(|(_, rows)| of(rows))
    };
    if plan.metrics.contains(&MetricKind::Psi)
        && let (Some(train), Some(validate)) = (rows_of("train"), rows_of("validate"))
    {
        // FATE reports it with the second of the two.
        let place = Place {
            base,
            kind: "validate",
        };
        let psi = population_stability((&train.0, &train.1), (&validate.0, &validate.1));
        let psi = shapes::psi(place, &psi.map_err(|error| fault(place, &error))?);
        judged
            .metrics
            // Made of both sets: the policy judges it by the smaller one.
            .push((train.0.len().min(validate.0.len()), vec![psi]));
    }
    Ok(())
}

fn multi(base: &str, table: &Table, plan: &Plan, parts: &Parts, judged: &mut Judged) -> Result<()> {
    for (kind, rows) in parts {
        table.stop().go_on()?;
        let place = Place { base, kind };
        let (labels, results) = (
            classes(table, "label", rows)?,
            classes(table, "predict_result", rows)?,
        );
        let report = evaluate_multi(&labels, &results, &plan.metrics)
            .map_err(|error| fault(place, &error))?;
        judged.note(place, rows.len(), report.scalars.clone());
        if plan.metrics.contains(&MetricKind::Precision) {
            judged
                .metrics
                .push((rows.len(), shapes::by_class(place, &report).into()));
        }
        if plan.unfold {
            let (classes, scores) = probabilities(table, rows)?;
            let ranked = one_vs_rest(&labels, &classes, scores.view())
                .map_err(|error| fault(place, &error))?;
            let ranked = ranked.iter().map(|class| shapes::one_vs_rest(place, class));
            judged.metrics.push((rows.len(), ranked.collect()));
        }
    }
    Ok(())
}

fn regression(
    base: &str,
    table: &Table,
    plan: &Plan,
    parts: &Parts,
    judged: &mut Judged,
) -> Result<()> {
    let (labels, results) = (table.floats("label")?, table.floats("predict_result")?);
    for (kind, rows) in parts {
        table.stop().go_on()?;
        let place = Place { base, kind };
        let scalars =
            evaluate_regression(&pick(&labels, rows), &pick(&results, rows), &plan.metrics);
        judged.note(
            place,
            rows.len(),
            scalars.map_err(|error| fault(place, &error))?,
        );
    }
    Ok(())
}

type Parts = [(&'static str, Vec<usize>)];

impl Judged {
    /// Keeps single figures as a metric and in the summary, sorted by name as FATE's readers expect: auc before ks.
    fn note(&mut self, place: Place<'_>, rows: usize, mut scalars: Scalars) {
        scalars.sort_by_key(|(name, _)| *name);
        if scalars.is_empty() {
            return;
        }
        let values = scalars
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
        self.summary
            .insert(place.kind.to_owned(), Value::Object(values.collect()));
        self.metrics
            .push((rows, vec![shapes::scalars(place, &scalars)]));
    }
}

fn fault(place: Place<'_>, error: &EvaluationError) -> ComponentError {
    let text = format!(
        "the {} rows of {} cannot be evaluated: {error}",
        place.kind, place.base
    );
    Fault::new(ErrorCode::TableInvalid, text)
        .next("see whether every row has a label and a finite score")
        .into()
}
