//! The pooled reference: FATE's HeteroLR training run on one matrix in plain numbers. A federated run over the same
//! columns must reproduce it up to the rounding of its encodings.

mod settings;

pub use settings::LogisticSettings;

use crate::batches::{BatchError, BatchPlan, BatchSettings};
use crate::convergence::Convergence;
use crate::initial::Seeded;
use crate::linear::{scores, transpose_times};
use crate::loss::{signs, taylor_forward, taylor_loss};
use crate::optimizer::Optimizer;
use crate::penalty::Regularisation;
use ndarray::{ArrayView2, Axis};
use std::ops::ControlFlow;

/// A trained model.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// One weight per column.
    pub weights: Vec<f64>,
    /// The intercept; 0 when none is fitted.
    pub intercept: f64,
    /// Mean penalised Taylor loss of each epoch, before the update of each batch.
    pub losses: Vec<f64>,
    /// Epochs run.
    pub epochs: usize,
    /// Whether the convergence rule ended the training.
    pub is_converged: bool,
}

/// The state after the last batch of an epoch.
#[derive(Debug, Clone, Copy)]
pub struct EpochEnd<'a> {
    /// The epoch, counted from 0.
    pub epoch: usize,
    /// Its mean loss.
    pub loss: f64,
    /// The weights after it.
    pub weights: &'a [f64],
    /// The intercept after it.
    pub intercept: f64,
}

/// Data or settings that cannot be trained on.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LogisticError {
    /// As many labels as rows are needed.
    #[error("{labels} labels for {rows} rows")]
    Labels {
        /// Labels given.
        labels: usize,
        /// Rows given.
        rows: usize,
    },
    /// The batch settings make no plan.
    #[error(transparent)]
    Batches(#[from] BatchError),
}

/// Trains on rows `x` with labels `y` (1 is positive, everything else negative).
///
/// # Errors
/// Refuses an unequal number of rows and labels, and impossible batch settings.
pub fn train_logistic(
    x: ArrayView2<'_, f64>,
    y: &[f64],
    settings: &LogisticSettings,
) -> Result<Fit, LogisticError> {
    train_logistic_watched(x, y, settings, &mut |_| ControlFlow::Continue(()))
}

/// Trains like [`train_logistic`] and calls `watch` after every epoch, which may end the training; restoring earlier
/// weights is left to the caller.
///
/// # Errors
/// As [`train_logistic`].
pub fn train_logistic_watched(
    x: ArrayView2<'_, f64>,
    y: &[f64],
    settings: &LogisticSettings,
    watch: &mut dyn FnMut(&EpochEnd<'_>) -> ControlFlow<()>,
) -> Result<Fit, LogisticError> {
    if y.len() != x.nrows() {
        return Err(LogisticError::Labels {
            labels: y.len(),
            rows: x.nrows(),
        });
    }
    let mut random = Seeded::new(settings.seed);
    let mut plan = BatchPlan::new(x.nrows(), &batch_settings(settings))?;
    let mut training = Training::start(settings, x.ncols(), &mut random);
    let mut convergence = Convergence::new(settings.early_stop, settings.tol);
    let (signs, mut losses, mut is_converged) = (signs(y), Vec::new(), false);
    for epoch in 0..settings.max_iter {
        let batches = plan.epoch(&mut |rows| random.shuffle(rows));
        let (mut loss, mut moved) = (0.0, vec![0.0; x.ncols() + 1]);
        for batch in &batches {
            let (batch_loss, step) = training.batch(x, &signs, &batch.members, epoch);
            loss += batch_loss / batches.len() as f64;
            moved
                .iter_mut()
                .zip(&step)
                .for_each(|(sum, part)| *sum += part);
        }
        losses.push(loss);
        // Only the rule in force can say yes; `loss` comes first, since it also remembers.
        is_converged = convergence.loss(loss) || convergence.weights(&moved);
        let end = EpochEnd {
            epoch,
            loss,
            weights: &training.weights,
            intercept: training.intercept,
        };
        if watch(&end).is_break() || is_converged {
            break;
        }
    }
    let Training {
        weights, intercept, ..
    } = training;
    Ok(Fit {
        weights,
        intercept,
        epochs: losses.len(),
        losses,
        is_converged,
    })
}

fn batch_settings(settings: &LogisticSettings) -> BatchSettings {
    let LogisticSettings {
        batch_size,
        batch_strategy: strategy,
        shuffle,
        ..
    } = *settings;
    // Nobody is to be kept from knowing the members here.
    BatchSettings {
        batch_size,
        strategy,
        shuffle,
        masked_rate: 0.0,
    }
}

struct Training {
    weights: Vec<f64>,
    intercept: f64,
    fit_intercept: bool,
    optimizer: Optimizer,
    regularisation: Regularisation,
}

impl Training {
    fn start(settings: &LogisticSettings, columns: usize, random: &mut Seeded) -> Self {
        let length = columns + usize::from(settings.fit_intercept);
        let mut weights = settings
            .init_method
            .draw(length, settings.init_const, &mut || random.uniform());
        let intercept = weights.split_off(columns).first().map_or(0.0, |own| *own);
        Self {
            weights,
            intercept,
            fit_intercept: settings.fit_intercept,
            optimizer: Optimizer::new(settings.optimizer, settings.learning_rate),
            regularisation: Regularisation {
                penalty: settings.penalty,
                alpha: settings.alpha,
                start_rate: settings.learning_rate.start,
            },
        }
    }

    /// Trains on one batch; returns its loss before the update and the step of the weights (and the intercept).
    fn batch(
        &mut self,
        x: ArrayView2<'_, f64>,
        signs: &[f64],
        rows: &[usize],
        epoch: usize,
    ) -> (f64, Vec<f64>) {
        // A batch of all rows in order is the table itself: no copy.
        if rows.len() == signs.len() && rows.is_sorted() {
            return self.update(x, signs, epoch);
        }
        let y: Vec<f64> = rows.iter().map(|row| signs[*row]).collect();
        self.update(x.select(Axis(0), rows).view(), &y, epoch)
    }

    fn update(&mut self, x: ArrayView2<'_, f64>, signs: &[f64], epoch: usize) -> (f64, Vec<f64>) {
        let rows = signs.len() as f64;
        let z = scores(x, &self.weights, self.intercept);
        // Before the update, as in FATE: it is the loss that the gradient belongs to.
        let loss = taylor_loss(&z, signs) + self.regularisation.loss(&self.weights);
        let forward = taylor_forward(&z, signs);
        let mut gradient: Vec<f64> = transpose_times(x, &forward)
            .iter()
            .map(|sum| sum / rows)
            .collect();
        self.regularisation
            .add_to_gradient(&self.weights, &mut gradient);
        if self.fit_intercept {
            // After the penalty: the intercept is not penalised.
            gradient.push(forward.iter().sum::<f64>() / rows);
        }
        let step = self.optimizer.step(&gradient, epoch);
        self.regularisation.apply(&mut self.weights, &step, epoch);
        if self.fit_intercept {
            // The intercept's step stands behind those of the columns.
            self.intercept -= step[self.weights.len()];
        }
        (loss, step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convergence::EarlyStop;
    use crate::initial::InitMethod;
    use crate::learning_rate::LearningRate;
    use crate::linear::sigmoid;
    use crate::optimizer::OptimizerKind;
    use crate::penalty::Penalty;
    use ndarray::{Array2, array};

    fn plain(optimizer: OptimizerKind, max_iter: usize) -> LogisticSettings {
        LogisticSettings {
            optimizer,
            max_iter,
            penalty: Penalty::None,
            init_method: InitMethod::Zeros,
            learning_rate: LearningRate {
                start: 0.5,
                decay: 0.0,
                square_root: true,
            },
            ..LogisticSettings::default()
        }
    }

    fn separable(rows: usize) -> (Array2<f64>, Vec<f64>) {
        let mut seeded = Seeded::new(11);
        let x = Array2::from_shape_simple_fn((rows, 2), || seeded.uniform() - 0.5);
        let y = x
            .rows()
            .into_iter()
            .map(|row| f64::from(u8::from(row[0] > 0.5 * row[1])))
            .collect();
        (x, y)
    }

    #[test]
    fn one_sgd_step_from_zero_is_half_the_label_weighted_mean() {
        let x = array![[1.0, 0.0], [3.0, 2.0]];
        let fit = train_logistic(x.view(), &[1.0, 0.0], &plain(OptimizerKind::Sgd, 1)).unwrap();
        // d = -y/2, gradient = ((-1 + 3)/4, 2/4), intercept gradient 0, rate .5
        assert_eq!((fit.weights, fit.intercept), (vec![-0.25, -0.25], 0.0));
        assert_eq!(
            (fit.losses, fit.epochs, fit.is_converged),
            (vec![std::f64::consts::LN_2], 1, false)
        );
    }

    #[test]
    fn the_second_step_follows_the_first() {
        let x = array![[2.0]];
        let fit = train_logistic(x.view(), &[1.0], &plain(OptimizerKind::Sgd, 2)).unwrap();
        // w1 = .5, b1 = .25, z = 1.25, d = -.1875; steps -.1875 and -.09375
        assert_eq!((fit.weights, fit.intercept), (vec![0.6875], 0.34375));
        let loss = std::f64::consts::LN_2 - 0.625 + 1.5625 / 8.0;
        assert!((fit.losses[1] - loss).abs() < 1e-15);
    }

    #[test]
    fn sgd_approaches_the_minimum_of_the_quadratic_loss() {
        // One column, labels balanced by value: minimum of z^2/8 - yz/2 at w = 2 for x = y.
        let x = array![[1.0], [-1.0]];
        let settings = LogisticSettings {
            tol: 0.0,
            ..plain(OptimizerKind::Sgd, 500)
        };
        let fit = train_logistic(x.view(), &[1.0, 0.0], &settings).unwrap();
        assert!((fit.weights[0] - 2.0).abs() < 1e-9 && fit.intercept.abs() < 1e-12);
        let l2 = LogisticSettings {
            penalty: Penalty::L2,
            alpha: 0.25,
            ..settings
        };
        let fit = train_logistic(x.view(), &[1.0, 0.0], &l2).unwrap();
        assert!(
            (fit.weights[0] - 1.0).abs() < 1e-9,
            "slope w/4 - 1/2 + w/4 is zero at 1"
        );
    }

    #[test]
    fn every_optimizer_learns_to_separate() {
        let (x, y) = separable(200);
        for name in ["sgd", "rmsprop", "adam", "adagrad", "nesterov_momentum_sgd"] {
            let settings = LogisticSettings {
                batch_size: 50,
                tol: 0.0,
                ..plain(name.parse().unwrap(), 60)
            };
            let fit = train_logistic(x.view(), &y, &settings).unwrap();
            let z = scores(x.view(), &fit.weights, fit.intercept);
            let right = z
                .iter()
                .zip(&y)
                .filter(|(z, y)| (sigmoid(**z) > 0.5) == (**y == 1.0))
                .count();
            assert!(right >= 180, "{name} gets {right} of 200");
            assert!(fit.losses.last() < fit.losses.first(), "{name}");
        }
    }

    #[test]
    fn stops_when_converged_and_says_so() {
        let (x, y) = separable(50);
        let settings = LogisticSettings {
            tol: 1e-3,
            ..plain(OptimizerKind::Sgd, 1000)
        };
        let fit = train_logistic(x.view(), &y, &settings).unwrap();
        let last = &fit.losses[fit.epochs - 2..];
        assert!(fit.is_converged && fit.epochs < 1000 && (last[0] - last[1]).abs() < 1e-3);
        let weights = LogisticSettings {
            early_stop: EarlyStop::WeightDiff,
            ..settings
        };
        assert!(train_logistic(x.view(), &y, &weights).unwrap().is_converged);
    }

    #[test]
    fn a_watcher_may_end_the_training() {
        let (x, y) = separable(50);
        let mut seen = Vec::new();
        let mut watch = |end: &EpochEnd<'_>| {
            seen.push((end.epoch, end.weights.to_vec()));
            if end.epoch == 2 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let settings = plain(OptimizerKind::Rmsprop, 30);
        let fit = train_logistic_watched(x.view(), &y, &settings, &mut watch).unwrap();
        assert_eq!((fit.epochs, seen.len()), (3, 3));
        assert_eq!(seen[2], (2, fit.weights));
    }

    #[test]
    fn random_runs_repeat_by_seed_and_zeros_ignore_it() {
        let (x, y) = separable(50);
        let run = |seed, init_method| {
            let settings = LogisticSettings {
                seed,
                init_method,
                ..plain(OptimizerKind::Adam, 2)
            };
            train_logistic(x.view(), &y, &settings).unwrap()
        };
        assert_eq!(
            run(1, InitMethod::RandomUniform),
            run(1, InitMethod::RandomUniform)
        );
        assert_ne!(
            run(1, InitMethod::RandomUniform),
            run(2, InitMethod::RandomUniform)
        );
        assert_eq!(run(1, InitMethod::Zeros), run(2, InitMethod::Zeros));
    }

    #[test]
    fn without_intercept_it_stays_zero() {
        let settings = LogisticSettings {
            fit_intercept: false,
            ..plain(OptimizerKind::Sgd, 5)
        };
        let fit = train_logistic(array![[1.0], [2.0]].view(), &[1.0, 1.0], &settings).unwrap();
        assert!(fit.intercept == 0.0 && fit.weights[0] > 0.0);
    }

    #[test]
    fn refuses_unequal_lengths() {
        let error =
            train_logistic(array![[1.0]].view(), &[], &LogisticSettings::default()).unwrap_err();
        assert_eq!(error.to_string(), "0 labels for 1 rows");
    }
}
