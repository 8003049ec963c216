//! Rows of several parties with real labels, the plain training on the joined columns, and what runs leave, read back.

use component_kit::harness::{Federation, RunRecord};
use learners::model::LinearModel;
use learning::convergence::Convergence;
use learning::initial::Seeded;
use learning::linear::{scores, transpose_times};
use learning::optimizer::Optimizer;
use ndarray::{Array2, Axis, concatenate};
use serde_json::{Value, json};
use tables::{Column, ColumnKind, Part, Schema, Table, TableKind, Values};
use vocabulary::{MetricData, Participant, Role};

use crate::hetero_linr::Params;

/// Rows split by columns between a guest and hosts.
#[derive(Clone)]
pub(super) struct Data {
    pub(super) ids: Vec<String>,
    pub(super) labels: Values,
    /// The guest's columns, then those of each host.
    pub(super) parts: Vec<Array2<f64>>,
}

/// Parameters of most tests: zeros, a quick rate, a weak penalty.
pub(super) fn set(others: Value) -> Value {
    let mut all = json!({"init_param": {"init_method": "zeros"}, "learning_rate": 0.15, "alpha": 0.01, "max_iter": 4, "tol": 1e-9});
    if let (Some(all), Value::Object(others)) = (all.as_object_mut(), others) {
        all.extend(others);
    }
    all
}

impl Data {
    /// Labels that the columns explain but for some noise, times a factor and moved by as much as it says.
    pub(super) fn new(rows: usize, widths: &[usize], (factor, offset): (f64, f64)) -> Self {
        let mut random = Seeded::new(7);
        let mut part = |width: &usize| {
            Array2::from_shape_simple_fn((rows, *width), || 4.0 * random.uniform() - 2.0)
        };
        let parts: Vec<Array2<f64>> = widths.iter().map(&mut part).collect();
        let mut data = Self {
            ids: (0..rows).map(|row| format!("id{row:05}")).collect(),
            labels: Values::Float(vec![]),
            parts,
        };
        let joined = data.joined();
        let label = |row: ndarray::ArrayView1<'_, f64>| {
            let signal = row.iter().enumerate();
            let signal: f64 = signal
                .map(|(at, value)| value * (1.0 - 0.4 * at as f64))
                .sum();
            factor * (signal + random.uniform() - 0.5) + offset
        };
        data.labels = Values::Float(joined.rows().into_iter().map(label).collect());
        data
    }

    /// Labels that nothing explains.
    pub(super) fn with_random_labels(mut self, seed: u64) -> Self {
        let mut random = Seeded::new(seed);
        self.labels = Values::Float(self.ids.iter().map(|_| random.uniform() - 0.5).collect());
        self
    }

    pub(super) fn labels(&self) -> Vec<f64> {
        match &self.labels {
            Values::Float(labels) => labels.clone(),
            _ => panic!("these are no numbers"),
        }
    }

    pub(super) fn joined(&self) -> Array2<f64> {
        let views: Vec<_> = self.parts.iter().map(|part| part.view()).collect();
        concatenate(Axis(1), &views).unwrap()
    }

    pub(super) fn table(&self, part: usize) -> Table {
        let values = &self.parts[part];
        let name =
            |at: usize| Column::new(format!("p{part}_{at}"), ColumnKind::Float, Part::Feature);
        let mut columns: Vec<Column> = (0..values.ncols()).map(name).collect();
        let of = |column: ndarray::ArrayView1<'_, f64>| Values::Float(column.to_vec());
        let mut all: Vec<Values> = values.columns().into_iter().map(of).collect();
        if part == 0 {
            columns.push(Column::new("y", self.labels.kind(), Part::Label));
            all.push(self.labels.clone());
        }
        let schema = Schema::new(TableKind::Instances, "id", columns);
        Table::from_columns(schema, self.ids.clone(), all).unwrap()
    }

    pub(super) fn wire(&self, mut federation: Federation, port: &str) -> Federation {
        for part in 0..self.parts.len() {
            let who = match part {
                0 => federation.guest(),
                _ => federation.host(part - 1),
            };
            federation = federation.input(&who, port, self.table(part));
        }
        federation
    }

    /// Everybody with these rows at `train_data`.
    pub(super) fn federation(&self, others: Value) -> Federation {
        let federation = Federation::new(self.parts.len() - 1, true).parameters(set(others));
        self.wire(federation, "train_data")
    }
}

/// What the plain training on the joined columns comes to.
pub(super) struct Fit {
    /// The intercept last.
    pub(super) weights: Vec<f64>,
    pub(super) losses: Vec<f64>,
    pub(super) is_converged: bool,
}

/// Gradient descent for half the mean square of the errors, as FATE describes it.
pub(super) fn plain(data: &Data, others: Value) -> Fit {
    let params: Params = serde_json::from_value(set(others)).unwrap();
    let training = params.training();
    let (x, y) = (data.joined(), data.labels());
    let (rows, columns) = x.dim();
    let ones = Array2::ones((rows, 1));
    let x = concatenate(Axis(1), &[x.view(), ones.view()]).unwrap();
    let size = usize::try_from(params.batch_size).unwrap_or(rows);
    let mut optimizer = Optimizer::new(training.optimizer, training.learning_rate);
    let mut convergence = Convergence::new(training.early_stop, training.tol);
    let mut fit = Fit {
        weights: vec![0.0; columns + 1],
        losses: vec![],
        is_converged: false,
    };
    for epoch in 0..training.max_iter {
        let (mut loss, mut moved, mut batches) = (0.0, vec![0.0; columns + 1], 0.0);
        for start in (0..rows).step_by(size) {
            let batch: Vec<usize> = (start..rows.min(start + size)).collect();
            let (x, count) = (x.select(Axis(0), &batch), batch.len() as f64);
            let z = scores(x.view(), &fit.weights, 0.0);
            let errors: Vec<f64> = batch.iter().zip(&z).map(|(row, z)| z - y[*row]).collect();
            let squares: f64 = errors.iter().map(|error| error * error).sum();
            loss += squares / 2.0 / count + training.regularisation.loss(&fit.weights[..columns]);
            let mut gradient: Vec<f64> = transpose_times(x.view(), &errors)
                .iter()
                .map(|sum| sum / count)
                .collect();
            training
                .regularisation
                .add_to_gradient(&fit.weights[..columns], &mut gradient);
            let step = optimizer.step(&gradient, epoch);
            training
                .regularisation
                .apply(&mut fit.weights[..columns], &step, epoch);
            fit.weights[columns] -= step[columns];
            moved
                .iter_mut()
                .zip(&step)
                .for_each(|(sum, part)| *sum += part);
            batches += 1.0;
        }
        fit.losses.push(loss / batches);
        fit.is_converged = convergence.loss(loss / batches) || convergence.weights(&moved);
        if fit.is_converged {
            break;
        }
    }
    fit
}

/// The model a participant saved.
pub(super) fn model(played: &RunRecord, who: &Participant) -> LinearModel {
    played.part(who).model.as_ref().unwrap().read().unwrap()
}

/// All parties' weights (guest, then hosts), the intercept last.
pub(super) fn weights(played: &RunRecord) -> Vec<f64> {
    let of = |role: Role| played.parts.iter().filter(move |(who, _)| who.role == role);
    let models: Vec<LinearModel> = of(Role::Guest)
        .chain(of(Role::Host))
        .map(|(who, _)| model(played, who))
        .collect();
    let weights = models
        .iter()
        .flat_map(|model| model.trained[0].weights.clone());
    weights.chain([models[0].trained[0].intercept]).collect()
}

/// The losses that the arbiter reported.
pub(super) fn losses(played: &RunRecord) -> Vec<f64> {
    let mut parts = played.parts.iter();
    let arbiter = parts
        .find(|(who, _)| who.role == Role::Arbiter)
        .map(|(_, part)| part)
        .unwrap();
    let point = |metric: &vocabulary::Metric| match &metric.data {
        MetricData::Points(points) => points[0].1.get(),
        MetricData::Values(_) => panic!("the loss is a curve"),
    };
    arbiter.metrics.iter().map(point).collect()
}

/// Trains both ways, and compares weights and losses with what they are large as.
pub(super) async fn agrees(data: &Data, others: Value) -> RunRecord {
    let played = data
        .federation(others.clone())
        .run::<crate::hetero_linr::HeteroLinR>()
        .await
        .all_succeeded();
    let (fit, own) = (plain(data, others.clone()), weights(&played));
    let size = data
        .labels()
        .iter()
        .fold(0.0, |most: f64, label| most.max(label.abs()));
    assert_eq!(own.len(), fit.weights.len());
    for (own, expected) in own.iter().zip(&fit.weights) {
        assert!(
            (own - expected).abs() < 1e-5 * size,
            "{others}: {own} is not {expected}"
        );
    }
    if data.parts.len() == 2 {
        let told = losses(&played);
        assert_eq!(told.len(), fit.losses.len(), "{others}");
        for (own, expected) in told.iter().zip(&fit.losses) {
            assert!(
                (own - expected).abs() < 1e-5 * size * size,
                "{others}: {own} is not {expected}"
            );
        }
    }
    let guest = played
        .parts
        .iter()
        .find(|(who, _)| who.role == Role::Guest)
        .unwrap();
    assert_eq!(
        model(&played, guest.0).trained[0].is_converged,
        fit.is_converged
    );
    played
}
