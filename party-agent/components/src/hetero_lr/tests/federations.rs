//! Data of several parties for tests, and what runs leave, read back.

use component_kit::harness::{Federation, RunRecord};
use learning::initial::Seeded;
use ndarray::{Array2, Axis, concatenate};
use serde_json::{Value, json};
use tables::{Column, ColumnKind, Part, Schema, Table, TableKind, Values};
use vocabulary::{MetricData, Participant};

use learners::model::LinearModel;

/// Rows split by columns between a guest and hosts.
#[derive(Clone)]
pub(super) struct Data {
    pub(super) ids: Vec<String>,
    pub(super) labels: Vec<i64>,
    /// The guest's columns, then those of each host.
    pub(super) parts: Vec<Array2<f64>>,
    pub(super) host_ids: Option<Vec<String>>,
    /// Rows that have no label.
    pub(super) unlabelled: Vec<usize>,
}

/// Parameters of most tests: zeros, a quick rate, a weak penalty.
pub(super) fn defaults() -> Value {
    json!({"init_param": {"init_method": "zeros"}, "learning_rate": 0.15, "alpha": 0.01, "max_iter": 3})
}

/// Parameters with some replaced.
pub(super) fn set(mut parameters: Value, others: Value) -> Value {
    if let (Some(all), Value::Object(others)) = (parameters.as_object_mut(), others) {
        all.extend(others);
    }
    parameters
}

impl Data {
    pub(super) fn new(rows: usize, guest: usize, host: usize) -> Self {
        Self::seeded(rows, guest, host, 5)
    }

    pub(super) fn seeded(rows: usize, guest: usize, host: usize, seed: u64) -> Self {
        Self::of_parts(rows, &[guest, host], seed)
    }

    /// Two hosts.
    pub(super) fn of_parts(rows: usize, widths: &[usize], seed: u64) -> Self {
        let mut random = Seeded::new(seed);
        let mut part = |width: &usize| {
            Array2::from_shape_simple_fn((rows, *width), || 4.0 * random.uniform() - 2.0)
        };
        let parts: Vec<Array2<f64>> = widths.iter().map(&mut part).collect();
        let data = Self {
            ids: (0..rows).map(|row| format!("id{row:05}")).collect(),
            labels: vec![],
            parts,
            host_ids: None,
            unlabelled: vec![],
        };
        let joined = data.joined();
        let labels = joined.rows().into_iter().map(|row| {
            let signal: f64 = row
                .iter()
                .enumerate()
                .map(|(at, value)| value * (1.0 - 0.4 * at as f64))
                .sum();
            i64::from(signal + 3.0 * (random.uniform() - 0.5) > 0.2)
        });
        Self {
            labels: labels.collect(),
            ..data
        }
    }

    /// The same rows with three classes.
    pub(super) fn in_three_classes(mut self) -> Self {
        let score = |row: usize| self.parts[0][(row, 0)] + self.parts[1][(row, 0)];
        self.labels = (0..self.ids.len())
            .map(|row| {
                if score(row) < -0.7 {
                    3
                } else {
                    i64::from(score(row) > 0.7)
                }
            })
            .collect();
        self
    }

    pub(super) fn joined(&self) -> Array2<f64> {
        let views: Vec<_> = self.parts.iter().map(|part| part.view()).collect();
        concatenate(Axis(1), &views).unwrap()
    }

    pub(super) fn plain_labels(&self, positive: i64) -> Vec<f64> {
        self.labels
            .iter()
            .map(|label| f64::from(u8::from(*label == positive)))
            .collect()
    }

    pub(super) fn with_gap(&self, part: usize) -> Self {
        let mut data = self.clone();
        data.parts[part][(3, 0)] = f64::NAN;
        data
    }

    pub(super) fn with_other_ids(&self) -> Self {
        let mut ids = self.ids.clone();
        ids.swap(0, 1);
        Self {
            host_ids: Some(ids),
            ..self.clone()
        }
    }

    pub(super) fn scaled(&self, factor: f64) -> Self {
        let mut data = self.clone();
        data.parts.iter_mut().for_each(|part| *part *= factor);
        data
    }

    pub(super) fn with_canary(mut self, id: &str, value: f64) -> Self {
        self.ids[7] = id.to_owned();
        self.parts.iter_mut().for_each(|part| part[(7, 1)] = value);
        self
    }

    pub(super) fn table(&self, part: usize) -> Table {
        let prefix = if part == 0 {
            "g".to_owned()
        } else {
            format!("h{}", part - 1)
        };
        let values = &self.parts[part];
        let name =
            |at: usize| Column::new(format!("{prefix}_{at}"), ColumnKind::Float, Part::Feature);
        let mut columns: Vec<Column> = (0..values.ncols()).map(name).collect();
        let mut all: Vec<Values> = values
            .columns()
            .into_iter()
            .map(|column| Values::Float(column.to_vec()))
            .collect();
        if part == 0 {
            let label = |(row, label): (usize, &i64)| {
                (!self.unlabelled.contains(&row)).then(|| label.to_string())
            };
            let labels = match self.unlabelled.as_slice() {
                [] => Values::Integer(self.labels.clone()),
                _ => Values::Text(self.labels.iter().enumerate().map(label).collect()),
            };
            columns.push(Column::new("y", labels.kind(), Part::Label));
            all.push(labels);
        }
        let ids = if part == 0 {
            &self.ids
        } else {
            self.host_ids.as_ref().unwrap_or(&self.ids)
        };
        Table::from_columns(
            Schema::new(TableKind::Instances, "id", columns),
            ids.clone(),
            all,
        )
        .unwrap()
    }

    /// Everybody with these rows at `train_data`.
    pub(super) fn federation(&self, parameters: Value) -> Federation {
        self.federation_at(parameters, "train_data")
    }

    pub(super) fn federation_at(&self, parameters: Value, port: &str) -> Federation {
        self.wire(
            Federation::new(self.parts.len() - 1, true).parameters(parameters),
            port,
        )
    }

    pub(super) fn wire(&self, mut federation: Federation, port: &str) -> Federation {
        for part in 0..self.parts.len() {
            let who = if part == 0 {
                federation.guest()
            } else {
                federation.host(part - 1)
            };
            federation = federation.input(&who, port, self.table(part));
        }
        federation
    }

    /// Everybody with these rows to train on, and others of the same columns to validate on.
    pub(super) fn validated_federation(&self, parameters: Value) -> Federation {
        self.others()
            .wire(self.federation(parameters), "validate_data")
    }

    /// Other rows of the same columns.
    pub(super) fn others(&self) -> Self {
        let widths: Vec<usize> = self.parts.iter().map(Array2::ncols).collect();
        let mut other = Self::of_parts(self.ids.len() / 2, &widths, 17);
        other.ids.iter_mut().for_each(|id| id.insert(0, 'v'));
        other
    }
}

/// The model a participant saved.
pub(super) fn model(played: &RunRecord, who: &Participant) -> LinearModel {
    played.part(who).model.as_ref().unwrap().read().unwrap()
}

/// The losses that the arbiter reported.
pub(super) fn losses(played: &RunRecord) -> Vec<f64> {
    let arbiter = played
        .parts
        .iter()
        .find(|(who, _)| who.role == vocabulary::Role::Arbiter)
        .unwrap()
        .1;
    let point = |metric: &vocabulary::Metric| match &metric.data {
        MetricData::Points(points) => points[0].1.get(),
        MetricData::Values(_) => panic!("the loss is a curve"),
    };
    arbiter.metrics.iter().map(point).collect()
}
