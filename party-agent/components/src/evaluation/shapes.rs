//! Figures, curves and tables in the shapes that FATE's readers know: names, metric types and extras.

use learning::evaluation::{BinaryReport, ClassFigures, Curve, CurveKind, MultiReport, Psi};
use serde_json::{Map, Value, json};
use vocabulary::{Metric, MetricData};

/// Which metric set and which type of rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The step that made the table.
    pub(super) base: &'a str,
    /// train, validate, test or predict.
    pub(super) kind: &'a str,
}

impl Place<'_> {
    /// A metric of this set: `suffix` follows the base name, `extras` join the name and the type in the meta.
    fn metric(self, suffix: &str, data: MetricData<f64>, kind: &str, extras: Value) -> Metric<f64> {
        let name = format!("{}_{suffix}", self.base);
        Metric {
            namespace: self.kind.to_owned(),
            data,
            meta: meta(&name, kind, extras),
            name,
        }
    }
}

/// The name and the type, then whatever else there is; empty texts and lists are left out, as FATE does.
fn meta(name: &str, kind: &str, extras: Value) -> Map<String, Value> {
    let mut meta = Map::new();
    meta.insert("name".to_owned(), name.into());
    meta.insert("metric_type".to_owned(), kind.into());
    if let Value::Object(extras) = extras {
        meta.extend(
            extras
                .into_iter()
                .filter(|(_, value)| *value != json!([]) && *value != json!("")),
        );
    }
    meta
}

/// Single figures, under the plain base name.
pub(super) fn scalars(place: Place<'_>, scalars: &[(&'static str, f64)]) -> Metric<f64> {
    let values = scalars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), *value))
        .collect();
    Metric {
        namespace: place.kind.to_owned(),
        name: place.base.to_owned(),
        data: MetricData::Values(values),
        meta: meta(place.base, "EVALUATION_SUMMARY", Value::Null),
    }
}

/// Curves and tables of a binary evaluation.
pub(super) fn binary(place: Place<'_>, report: &BinaryReport) -> Vec<Metric<f64>> {
    let mut metrics: Vec<Metric<f64>> = report
        .curves
        .iter()
        .map(|curve| curve_metric(place, curve))
        .collect();
    let mut table = |name: &str, kind: &str, extras: Value| {
        metrics.push(place.metric(name, MetricData::Points(vec![]), kind, extras));
    };
    if let Some(counts) = &report.confusion {
        let extras = json!({
            "tp": counts.tp, "tn": counts.tn, "fp": counts.fp, "fn": counts.fn_, "thresholds": counts.thresholds,
        });
        table("confusion_mat", "CONFUSION_MAT", extras);
    }
    if let Some(f1) = &report.f1 {
        table(
            "f1_score",
            "F1_SCORE",
            json!({"f1_scores": f1.f1_scores, "thresholds": f1.thresholds}),
        );
    }
    if let Some(at) = &report.quantile_pr {
        let extras =
            json!({"p_scores": at.p_scores, "r_scores": at.r_scores, "thresholds": at.thresholds});
        table("quantile_pr", "QUANTILE_PR", extras);
    }
    metrics
}

fn curve_metric(place: Place<'_>, curve: &Curve) -> Metric<f64> {
    let base = place.base;
    let (kind, mut extras) = match curve.kind {
        CurveKind::KsFpr => (
            "KS_EVALUATION",
            json!({"curve_name": format!("{base}_fpr"), "pair_type": base}),
        ),
        CurveKind::KsTpr => (
            "KS_EVALUATION",
            json!({"curve_name": format!("{base}_tpr"), "pair_type": base}),
        ),
        CurveKind::Roc => (
            "ROC_EVALUATION",
            json!({"unit_name": "fpr", "ordinate_name": "tpr", "curve_name": base}),
        ),
        CurveKind::Lift => ("LIFT_EVALUATION", json!({"curve_name": base})),
        CurveKind::Gain => ("GAIN_EVALUATION", json!({"curve_name": base})),
        CurveKind::Accuracy => ("ACCURACY_EVALUATION", json!({"curve_name": base})),
        CurveKind::Precision => ("PRECISION_BINARY_EVALUATION", paired(base, "Precision")),
        CurveKind::Recall => ("RECALL_BINARY_EVALUATION", paired(base, "Recall")),
    };
    if let Some(extras) = extras.as_object_mut() {
        extras.insert("thresholds".to_owned(), json!(curve.thresholds));
    }
    let points = curve
        .x
        .iter()
        .copied()
        .zip(curve.y.iter().copied())
        .collect();
    place.metric(
        curve.kind.as_str(),
        MetricData::Points(points),
        kind,
        extras,
    )
}

fn paired(base: &str, ordinate: &str) -> Value {
    json!({"ordinate_name": ordinate, "curve_name": base, "pair_type": base})
}

/// Precision and recall by class.
pub(super) fn by_class(place: Place<'_>, report: &MultiReport) -> [Metric<f64>; 2] {
    let curve = |name: &str, kind: &str, ordinate: &str, values: &[f64]| {
        let points = report
            .classes
            .iter()
            .map(|class| *class as f64)
            .zip(values.iter().copied())
            .collect();
        place.metric(
            name,
            MetricData::Points(points),
            kind,
            paired(place.base, ordinate),
        )
    };
    [
        curve(
            "precision",
            "PRECISION_MULTI_EVALUATION",
            "Precision",
            &report.precision,
        ),
        curve(
            "recall",
            "RECALL_MULTI_EVALUATION",
            "Recall",
            &report.recall,
        ),
    ]
}

/// One class against the rest: its figures stand in the meta under the class, and the name there is the plain base.
pub(super) fn one_vs_rest(place: Place<'_>, class: &ClassFigures) -> Metric<f64> {
    let name = format!("{}_class_{}_ovr", place.base, class.class);
    let extras = json!({class.class.to_string(): {"auc": class.auc, "ks": class.ks}});
    let meta = meta(place.base, "ovr", extras);
    Metric {
        namespace: place.kind.to_owned(),
        name,
        data: MetricData::Points(vec![]),
        meta,
    }
}

/// How far the validation scores have moved from the training scores.
pub(super) fn psi(place: Place<'_>, psi: &Psi) -> Metric<f64> {
    let extras = json!({
        "psi_scores": psi.psi_scores,
        "total_psi": psi.total_psi,
        "expected_interval": psi.expected_interval,
        "expected_percentage": psi.expected_percentage,
        "actual_interval": psi.actual_interval,
        "actual_percentage": psi.actual_percentage,
        "intervals": psi.intervals,
        "train_pos_perc": psi.train_pos_perc,
        "validate_pos_perc": psi.validate_pos_perc,
    });
    place.metric("psi", MetricData::Points(vec![]), "PSI", extras)
}
