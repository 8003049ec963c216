//! What stands beside a metric's points so that FATE's readers can draw it: `name`, `metric_type` and extras, as the members of an
//! object in FATE's order. Empty texts and lists are left out, as FATE does.

use serde::Serialize;

use super::curves::{Curve, CurveKind};
use super::{ConfusionTable, F1Table, Psi, QuantileTable};

/// The type of single figures.
pub const SUMMARY: &str = "EVALUATION_SUMMARY";

/// Name and type, and what else is said of a metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricMeta<'a, T = ()> {
    /// The metric's name.
    pub name: &'a str,
    /// FATE's type, by which readers know how to draw it.
    pub metric_type: &'static str,
    /// The rest.
    #[serde(flatten)]
    pub extras: Option<T>,
}

impl<'a> MetricMeta<'a> {
    /// Name and type alone.
    #[must_use]
    pub fn plain(name: &'a str, metric_type: &'static str) -> Self {
        Self {
            name,
            metric_type,
            extras: None,
        }
    }
}

impl<'a, T> MetricMeta<'a, T> {
    /// With extras.
    #[must_use]
    pub fn with(name: &'a str, metric_type: &'static str, extras: T) -> Self {
        Self {
            name,
            metric_type,
            extras: Some(extras),
        }
    }
}

/// How a curve is drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CurveExtras<'a> {
    /// What the abscissas are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_name: Option<&'static str>,
    /// What the ordinates are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ordinate_name: Option<&'static str>,
    /// The curve's name in the drawing.
    pub curve_name: String,
    /// Curves of the same name here are drawn together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pair_type: Option<&'a str>,
    /// The score at each point.
    #[serde(skip_serializing_if = "<[f64]>::is_empty")]
    pub thresholds: &'a [f64],
}

impl CurveKind {
    /// FATE's type of it.
    #[must_use]
    pub fn metric_type(self) -> &'static str {
        match self {
            // Two curves of one type: boards draw them into one picture.
            Self::KsFpr | Self::KsTpr => "KS_EVALUATION",
            Self::Roc => "ROC_EVALUATION",
            Self::Lift => "LIFT_EVALUATION",
            Self::Gain => "GAIN_EVALUATION",
            Self::Accuracy => "ACCURACY_EVALUATION",
            Self::Precision => "PRECISION_BINARY_EVALUATION",
            Self::Recall => "RECALL_BINARY_EVALUATION",
        }
    }

    /// How it is drawn in the metric set `base`.
    #[must_use]
    pub fn extras<'a>(self, base: &'a str, thresholds: &'a [f64]) -> CurveExtras<'a> {
        let (unit_name, ordinate_name) = match self {
            Self::Roc => (Some("fpr"), Some("tpr")),
            Self::Precision => (None, Some("Precision")),
            Self::Recall => (None, Some("Recall")),
            _ => (None, None),
        };
        let curve_name = match self {
            Self::KsFpr => format!("{base}_fpr"),
            Self::KsTpr => format!("{base}_tpr"),
            _ => base.to_owned(),
        };
        let is_paired = matches!(
            self,
            Self::KsFpr | Self::KsTpr | Self::Precision | Self::Recall
        );
        CurveExtras {
            unit_name,
            ordinate_name,
            curve_name,
            pair_type: is_paired.then_some(base),
            thresholds,
        }
    }
}

impl Curve {
    /// Its name in the metric set `base`.
    #[must_use]
    pub fn name(&self, base: &str) -> String {
        format!("{base}_{}", self.kind.as_str())
    }

    /// What stands beside its points; `name` is its name.
    #[must_use]
    pub fn meta<'a>(&'a self, name: &'a str, base: &'a str) -> MetricMeta<'a, CurveExtras<'a>> {
        let extras = self.kind.extras(base, &self.thresholds);
        MetricMeta::with(name, self.kind.metric_type(), extras)
    }

    /// Its points.
    pub fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.x.iter().copied().zip(self.y.iter().copied())
    }
}

/// A table that stands in a metric's meta, with the suffix of its name and its type.
pub trait MetricTable: Serialize {
    /// What the name ends with.
    const SUFFIX: &'static str;
    /// FATE's type of it.
    const METRIC_TYPE: &'static str;
}

impl MetricTable for ConfusionTable {
    const SUFFIX: &'static str = "confusion_mat";
    const METRIC_TYPE: &'static str = "CONFUSION_MAT";
}

impl MetricTable for F1Table {
    const SUFFIX: &'static str = "f1_score";
    const METRIC_TYPE: &'static str = "F1_SCORE";
}

impl MetricTable for QuantileTable {
    const SUFFIX: &'static str = "quantile_pr";
    const METRIC_TYPE: &'static str = "QUANTILE_PR";
}

impl MetricTable for Psi {
    const SUFFIX: &'static str = "psi";
    const METRIC_TYPE: &'static str = "PSI";
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn curve(kind: CurveKind, thresholds: Vec<f64>) -> Value {
        let curve = Curve {
            kind,
            x: vec![0.0, 1.0],
            y: vec![0.5, 1.0],
            thresholds,
        };
        let name = curve.name("hetero_lr_0");
        serde_json::to_value(curve.meta(&name, "hetero_lr_0")).unwrap()
    }

    /// The tables of FATE's REST contract, section 4.4, name by name.
    #[test]
    fn curves_say_what_fates_boards_read() {
        let expected = [
            (
                CurveKind::KsFpr,
                json!({"name": "hetero_lr_0_ks_fpr", "metric_type": "KS_EVALUATION",
                "curve_name": "hetero_lr_0_fpr", "pair_type": "hetero_lr_0", "thresholds": [0.5]}),
            ),
            (
                CurveKind::KsTpr,
                json!({"name": "hetero_lr_0_ks_tpr", "metric_type": "KS_EVALUATION",
                "curve_name": "hetero_lr_0_tpr", "pair_type": "hetero_lr_0", "thresholds": [0.5]}),
            ),
            (
                CurveKind::Roc,
                json!({"name": "hetero_lr_0_roc", "metric_type": "ROC_EVALUATION",
                "unit_name": "fpr", "ordinate_name": "tpr", "curve_name": "hetero_lr_0", "thresholds": [0.5]}),
            ),
            (
                CurveKind::Lift,
                json!({"name": "hetero_lr_0_lift", "metric_type": "LIFT_EVALUATION",
                "curve_name": "hetero_lr_0", "thresholds": [0.5]}),
            ),
            (
                CurveKind::Gain,
                json!({"name": "hetero_lr_0_gain", "metric_type": "GAIN_EVALUATION",
                "curve_name": "hetero_lr_0", "thresholds": [0.5]}),
            ),
            (
                CurveKind::Accuracy,
                json!({"name": "hetero_lr_0_accuracy", "metric_type": "ACCURACY_EVALUATION",
                "curve_name": "hetero_lr_0", "thresholds": [0.5]}),
            ),
            (
                CurveKind::Precision,
                json!({"name": "hetero_lr_0_precision", "metric_type": "PRECISION_BINARY_EVALUATION",
                "ordinate_name": "Precision", "curve_name": "hetero_lr_0", "pair_type": "hetero_lr_0", "thresholds": [0.5]}),
            ),
            (
                CurveKind::Recall,
                json!({"name": "hetero_lr_0_recall", "metric_type": "RECALL_BINARY_EVALUATION",
                "ordinate_name": "Recall", "curve_name": "hetero_lr_0", "pair_type": "hetero_lr_0", "thresholds": [0.5]}),
            ),
        ];
        for (kind, expected) in expected {
            assert_eq!(curve(kind, vec![0.5]), expected);
        }
        assert_eq!(curve(CurveKind::Lift, vec![]).get("thresholds"), None);
    }

    #[test]
    fn plain_metas_have_a_name_and_a_type() {
        let meta = serde_json::to_value(MetricMeta::plain("iteration_0", SUMMARY)).unwrap();
        assert_eq!(
            meta,
            json!({"name": "iteration_0", "metric_type": "EVALUATION_SUMMARY"})
        );
    }

    #[test]
    fn tables_stand_in_the_meta_under_fates_names() {
        let table = ConfusionTable {
            tp: vec![1],
            tn: vec![2],
            fp: vec![3],
            fn_: vec![4],
            thresholds: vec![0.5],
        };
        let meta = MetricMeta::with("x_confusion_mat", ConfusionTable::METRIC_TYPE, &table);
        assert_eq!(
            serde_json::to_value(meta).unwrap(),
            json!({"name": "x_confusion_mat", "metric_type": "CONFUSION_MAT", "tp": [1], "tn": [2], "fp": [3], "fn": [4],
                "thresholds": [0.5]})
        );
    }
}
