//! The parameters, by FATE's names and with FATE's defaults.

use component_kit::{Check, Problems};
use learning::evaluation::{EvalType, resolve_metrics};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Metric names per kind of prediction, as FATE writes them into its documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MetricLists {
    /// Of two classes.
    pub binary: Vec<String>,
    /// Of several classes.
    pub multi: Vec<String>,
    /// Of numbers.
    pub regression: Vec<String>,
    /// Of clusters.
    pub clustering: Vec<String>,
}

impl Default for MetricLists {
    fn default() -> Self {
        let of = |kind: EvalType| {
            kind.metrics()
                .iter()
                .map(|metric| metric.as_str().to_owned())
                .collect()
        };
        let clustering = [
            "jaccard_similarity_score",
            "fowlkes_mallows_score",
            "adjusted_rand_score",
            "davies_bouldin_index",
            "distance_measure",
            "contingency_matrix",
        ];
        Self {
            binary: of(EvalType::Binary),
            multi: of(EvalType::Multi),
            regression: of(EvalType::Regression),
            clustering: clustering.map(str::to_owned).to_vec(),
        }
    }
}

/// Parameters of an evaluation. Texts may be written in any case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// binary (default), multi or regression; clustering is not built.
    pub eval_type: String,
    /// The label, text or number, that counts as positive in a binary evaluation; all others are negative. Default 1.
    pub pos_label: Value,
    /// false: nothing is done. Default true.
    pub need_run: bool,
    /// Names or aliases of metrics of the kind `eval_type`; precision brings recall along and the other way round.
    /// Default null: all of the kind.
    pub metrics: Option<Vec<String>>,
    /// Whether a multi evaluation also ranks each class against the rest (auc and ks). Default false.
    pub unfold_multi_result: bool,
    /// Accepted without effect: clustering is not built. Default false.
    pub run_clustering_arbiter_metric: bool,
    /// Accepted without effect: the lists that FATE documents carry along.
    pub default_metrics: MetricLists,
    /// Accepted without effect: the lists that FATE documents carry along.
    pub allowed_metrics: MetricLists,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            eval_type: "binary".to_owned(),
            pos_label: Value::from(1),
            need_run: true,
            metrics: None,
            unfold_multi_result: false,
            run_clustering_arbiter_metric: false,
            default_metrics: MetricLists::default(),
            allowed_metrics: MetricLists::default(),
        }
    }
}

impl Params {
    /// The names asked for; none means all.
    pub(super) fn names(&self) -> &[String] {
        self.metrics.as_deref().unwrap_or_default()
    }
}

impl Check for Params {
    fn check(&self, problems: &mut Problems) {
        match self.eval_type.parse::<EvalType>() {
            Err(error) => problems.expect(false, "eval_type", || error.to_string()),
            Ok(kind) => {
                if let Err(error) = resolve_metrics(kind, self.names()) {
                    problems.expect(false, "metrics", || error.to_string());
                }
            }
        }
        let is_label = self.pos_label.is_string() || self.pos_label.is_number();
        problems.expect(is_label, "pos_label", || {
            format!("{} is neither text nor a number", self.pos_label)
        });
    }
}
