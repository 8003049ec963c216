//! Figures, curves and tables as metrics; what stands beside them is `learning::evaluation::shapes`.

use component_kit::metric;
use learning::evaluation::shapes::{MetricMeta, MetricTable, SUMMARY};
use learning::evaluation::{BinaryReport, ClassFigures, Curve, CurveKind, MultiReport, Psi};
use serde_json::json;
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
    fn curve(self, curve: &Curve) -> Metric<f64> {
        let name = curve.name(self.base);
        let points = MetricData::Points(curve.points().collect());
        metric(self.kind, &name, points, &curve.meta(&name, self.base))
    }

    fn table<T: MetricTable>(self, table: &T) -> Metric<f64> {
        let name = format!("{}_{}", self.base, T::SUFFIX);
        let meta = MetricMeta::with(&name, T::METRIC_TYPE, table);
        metric(self.kind, &name, MetricData::Points(vec![]), &meta)
    }
}

/// Single figures, under the plain base name.
pub(super) fn scalars(place: Place<'_>, scalars: &[(&'static str, f64)]) -> Metric<f64> {
    let values = scalars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), *value))
        .collect();
    let meta = MetricMeta::plain(place.base, SUMMARY);
    metric(place.kind, place.base, MetricData::Values(values), &meta)
}

/// Curves and tables of a binary evaluation.
pub(super) fn binary(place: Place<'_>, report: &BinaryReport) -> Vec<Metric<f64>> {
    let curves = report.curves.iter().map(|curve| place.curve(curve));
    let tables = [
        report.confusion.as_ref().map(|table| place.table(table)),
        report.f1.as_ref().map(|table| place.table(table)),
        report.quantile_pr.as_ref().map(|table| place.table(table)),
    ];
    curves.chain(tables.into_iter().flatten()).collect()
}

/// Precision and recall by class.
pub(super) fn by_class(place: Place<'_>, report: &MultiReport) -> [Metric<f64>; 2] {
    let curve = |kind: CurveKind, metric_type, values: &[f64]| {
        let name = format!("{}_{}", place.base, kind.as_str());
        let classes = report.classes.iter().map(|class| *class as f64);
        let points = MetricData::Points(classes.zip(values.iter().copied()).collect());
        let meta = MetricMeta::with(&name, metric_type, kind.extras(place.base, &[]));
        metric(place.kind, &name, points, &meta)
    };
    [
        curve(
            CurveKind::Precision,
            "PRECISION_MULTI_EVALUATION",
            &report.precision,
        ),
        curve(CurveKind::Recall, "RECALL_MULTI_EVALUATION", &report.recall),
    ]
}

/// One class against the rest: its figures stand in the meta under the class, and the name there is the plain base.
pub(super) fn one_vs_rest(place: Place<'_>, class: &ClassFigures) -> Metric<f64> {
    let name = format!("{}_class_{}_ovr", place.base, class.class);
    let extras = json!({class.class.to_string(): {"auc": class.auc, "ks": class.ks}});
    let meta = MetricMeta::with(place.base, "ovr", extras);
    metric(place.kind, &name, MetricData::Points(vec![]), &meta)
}

/// How far the validation scores have moved from the training scores.
pub(super) fn psi(place: Place<'_>, psi: &Psi) -> Metric<f64> {
    place.table(psi)
}
