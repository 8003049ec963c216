//! The parameters, by FATE's names and with FATE's defaults.

use component_kit::{Word, params};
use learning::evaluation::{EvalType, resolve_metrics};
use serde_json::Value;

params! {
    /// Metric names per kind of prediction, as FATE writes them into its documents.
    pub struct MetricLists {
        /// Of two classes.
        binary: Vec<String> = names(EvalType::Binary);
        /// Of several classes.
        multi: Vec<String> = names(EvalType::Multi);
        /// Of numbers.
        regression: Vec<String> = names(EvalType::Regression);
        /// Of clusters.
        // Not computed. FATE documents carry the list along, and must still be readable.
        clustering: Vec<String> = [
            "jaccard_similarity_score",
            "fowlkes_mallows_score",
            "adjusted_rand_score",
            "davies_bouldin_index",
            "distance_measure",
            "contingency_matrix",
        ];
    }
}

fn names(kind: EvalType) -> Vec<String> {
    let metrics = kind.metrics().iter();
    metrics.map(|metric| metric.as_str().to_owned()).collect()
}

params! {
    /// Parameters of an evaluation. Texts may be written in any case.
    pub struct Params {
        /// binary (default), multi or regression; clustering is not built.
        eval_type: Word<EvalType> = EvalType::Binary;
        /// The label, text or number, that counts as positive in a binary evaluation; all others are negative. Default 1.
        pos_label: Value = Value::from(1), check label;
        /// false: nothing is done. Default true.
        need_run: bool = true;
        /// Names or aliases of metrics of the kind `eval_type`; precision brings recall along and the other way round.
        /// Default null: all of the kind.
        metrics: Option<Vec<String>>;
        /// Whether a multi evaluation also ranks each class against the rest (auc and ks). Default false.
        unfold_multi_result: bool = false;
        /// Accepted without effect: clustering is not built. Default false.
        run_clustering_arbiter_metric: bool = false;
        /// Accepted without effect: the lists that FATE documents carry along.
        default_metrics: MetricLists;
        /// Accepted without effect: the lists that FATE documents carry along.
        allowed_metrics: MetricLists;
    }
    check |own, problems| {
        if let Err(error) = resolve_metrics(*own.eval_type, own.names()) {
            problems.expect(false, "metrics", || error.to_string());
        }
    }
}

impl Params {
    /// The names asked for; none means all.
    pub(super) fn names(&self) -> &[String] {
        self.metrics.as_deref().unwrap_or_default()
    }
}

fn label(label: &Value) -> Result<(), String> {
    match label {
        Value::String(_) | Value::Number(_) => Ok(()),
        other => Err(format!("{other} is neither text nor a number")),
    }
}
