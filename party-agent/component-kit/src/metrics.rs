//! What a component may tell of its progress: scalars, curves, a summary.

use fate_models::FateModel;
use serde::Serialize;
use serde_json::{Map, Value, json};
use vocabulary::report::ReportBody;
use vocabulary::{Metric, MetricData, Tells};

use crate::task::TaskContext;
use crate::task_host::About;

/// The way out for measurements. Everything passes the party's disclosure gate before it leaves.
pub struct Metrics<'a> {
    task: &'a TaskContext,
    about: About,
}

impl TaskContext {
    /// The way out for measurements that give away what is named here, and nothing else. What leaves is judged by it:
    /// name everything.
    pub fn metrics(&self, tells: &'static [Tells]) -> Metrics<'_> {
        Metrics::new(self, tells)
    }
}

impl<'a> Metrics<'a> {
    pub(crate) fn new(task: &'a TaskContext, tells: &'static [Tells]) -> Self {
        Self {
            task,
            about: About {
                tells,
                rows: None,
                turn: String::new(),
            },
        }
    }

    /// Says how many rows they are of, where those are fewer than the rows of the tables that were read, or where others
    /// read the tables.
    #[must_use]
    pub fn over(self, rows: usize) -> Self {
        Self {
            about: About {
                rows: Some(rows as u64),
                ..self.about
            },
            ..self
        }
    }

    /// Reports metrics. Figures that are not finite are left out, and named in the job's log.
    pub fn report(&self, metrics: Vec<Metric<f64>>) {
        // JSON has no word for NaN and infinity: one such value would lose the whole report.
        let mut kept = Vec::with_capacity(metrics.len());
        for (metric, left_out) in metrics.into_iter().map(Metric::finite) {
            if let Some(first) = left_out.first() {
                let (namespace, name, count) = (&metric.namespace, &metric.name, left_out.len());
                let others = if count > 1 {
                    format!(" and {} others", count - 1)
                } else {
                    String::new()
                };
                self.task.warn(format!(
                    "metric {namespace} {name}: {first}{others} left out: not a finite number"
                ));
            }
            kept.push(metric);
        }
        self.task
            .report(ReportBody::Metrics(kept), self.about.clone());
    }

    /// Reports the training loss after a loop turn, in FATE's form (`train` / `loss`).
    pub fn loss(&self, turn: usize, value: f64, unit: &str) {
        let meta = json!({"name": "train", "metric_type": "LOSS", "unit_name": unit, "curve_name": "loss"});
        self.report(vec![Metric {
            namespace: "train".to_owned(),
            name: "loss".to_owned(),
            data: MetricData::Points(vec![(turn as f64, value)]),
            meta: as_map(meta),
        }]);
    }

    /// Reports named values.
    pub fn values(&self, namespace: &str, name: &str, values: Vec<(String, f64)>, meta: Value) {
        let data = MetricData::Values(values);
        self.report(vec![Metric {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            data,
            meta: as_map(meta),
        }]);
    }

    /// Reports the step's summary: free-form, but bounded by the gate.
    pub fn summary(&self, summary: &Value) {
        self.task
            .report(ReportBody::Summary(summary.to_string()), self.about.clone());
    }

    /// Reports a summary with numbers of rows, and with what the step printed, where that may be told.
    pub fn printed(&self, text: &str, counts: Value) {
        let mut summary = as_map(counts);
        if self.task.may_tell(Tells::Rows) {
            summary.insert("printed".to_owned(), json!(text));
            return self.summary(&Value::Object(summary));
        }
        self.task
            .warn("what was printed is held back: it holds rows, or figures of rows");
        summary.insert(
            "held_back".to_owned(),
            json!("disclosure.rows_through_coordinator"),
        );
        // Without the text it tells counts only, and is judged as such.
        Metrics::new(self.task, &[Tells::Counts]).summary(&Value::Object(summary));
    }

    /// Reports a model as FATE's messages.
    pub fn model<K: FateModel>(&self, meta: &K::Meta, param: &K::Param) {
        self.view(&fate_models::view::<K>(meta, param));
    }

    /// Reports a model in FATE's form, `{"meta": …, "param": …}`.
    pub fn view(&self, view: &Value) {
        self.task
            .report(ReportBody::ModelView(view.to_string()), self.about.clone());
    }

    /// Reports a view of the model in FATE's form.
    pub fn model_view(&self, meta: &Value, param: &Value) {
        self.view(&json!({"meta": meta, "param": param}));
    }
}

/// A metric with what stands beside its pairs: a struct or an object of name, type and extras.
pub fn metric(
    namespace: &str,
    name: &str,
    data: MetricData<f64>,
    meta: &impl Serialize,
) -> Metric<f64> {
    Metric {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        data,
        meta: as_map(serde_json::to_value(meta).unwrap_or_default()),
    }
}

fn as_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
