//! The bookkeeping of FATE's PerformanceEvaluate and EarlyStopping callbacks: which epochs are validated, when
//! training stops, and which epoch's weights come back.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Which epochs are validated (`validation_freqs` in a job).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ValidationEpochs {
    /// Every n-th epoch: those where `(epoch + 1) % n == 0`; 0 means never.
    Every(usize),
    /// Exactly these epochs, counted from 0.
    At(BTreeSet<usize>),
}

impl ValidationEpochs {
    /// Whether the epoch, counted from 0, is validated after its last batch.
    #[must_use]
    pub fn is_due(&self, epoch: usize) -> bool {
        match self {
            // No remainder by 0: `is_multiple_of` is false there, which is what 0 means.
            Self::Every(n) => (epoch + 1).is_multiple_of(*n),
            Self::At(epochs) => epochs.contains(&epoch),
        }
    }
}

/// Which way a metric improves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Greater,
    Smaller,
    // FATE watches median_absolute_error but lists it under neither direction.
    Never,
}

fn direction(metric: &str) -> Option<Direction> {
    match metric {
        "auc" | "ks" | "accuracy" | "precision" | "recall" | "r2_score" | "explained_variance" => {
            Some(Direction::Greater)
        }
        "root_mean_squared_error"
        | "mean_absolute_error"
        | "mean_squared_error"
        | "mean_squared_log_error" => Some(Direction::Smaller),
        "median_absolute_error" => Some(Direction::Never),
        _ => None,
    }
}

/// An early-stopping setting that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EarlyStoppingError {
    /// Zero rounds.
    #[error("early_stopping_rounds must be at least 1")]
    NoRounds,
    /// A validation gave no metric that early stopping can follow.
    #[error("no single-value metric among the validation scores of epoch {epoch}")]
    NoMetric {
        /// The epoch, counted from 0.
        epoch: usize,
    },
}

#[derive(Debug, Clone)]
struct Watched {
    metric: String,
    direction: Direction,
    best: f64,
    best_epoch: usize,
    // Validations since the best one.
    stale: usize,
}

impl Watched {
    fn observe(&mut self, epoch: usize, value: f64) {
        let improved = match self.direction {
            Direction::Greater => value > self.best,
            Direction::Smaller => value < self.best,
            Direction::Never => false,
        };
        if improved {
            (self.best, self.best_epoch, self.stale) = (value, epoch, 0);
        } else {
            // Equal is no improvement: a metric that stands still must end the training.
            self.stale += 1;
        }
    }
}

/// Follows validation scores and says when to stop: as soon as any followed metric has not improved for the given
/// number of validations. The weights to restore are those of that metric's best epoch; when training ends otherwise,
/// those of the first metric's best epoch.
#[derive(Debug, Clone)]
pub struct EarlyStopping {
    rounds: usize,
    first_metric_only: bool,
    watched: Vec<Watched>,
}

impl EarlyStopping {
    /// Creates a watcher that has seen no validation.
    ///
    /// # Errors
    /// Refuses zero rounds.
    pub fn new(rounds: usize, first_metric_only: bool) -> Result<Self, EarlyStoppingError> {
        if rounds == 0 {
            return Err(EarlyStoppingError::NoRounds);
        }
        Ok(Self {
            rounds,
            first_metric_only,
            watched: Vec::new(),
        })
    }

    /// Reports the single-value metrics of a validated epoch, in the order of the job and not rounded; true when
    /// training must stop. Unknown metrics are ignored.
    ///
    /// # Errors
    /// Fails when no metric can be followed.
    pub fn observe(
        &mut self,
        epoch: usize,
        scores: &[(&str, f64)],
    ) -> Result<bool, EarlyStoppingError> {
        let limit = if self.first_metric_only {
            1
        } else {
            usize::MAX
        };
        let known = scores
            .iter()
            .filter_map(|(name, value)| direction(name).map(|way| (*name, way, *value)));
        let mut followed = 0;
        for (metric, direction, value) in known.take(limit) {
            followed += 1;
            match self
                .watched
                .iter_mut()
                .find(|watched| watched.metric == metric)
            {
                Some(watched) => watched.observe(epoch, value),
                None => {
                    let metric = metric.to_owned();
                    self.watched.push(Watched {
                        metric,
                        direction,
                        // The first validation is the best so far whatever it is, so no sentinel
                        // is needed.
                        best: value,
                        best_epoch: epoch,
                        stale: 0,
                    });
                }
            }
        }
        if followed == 0 {
            return Err(EarlyStoppingError::NoMetric { epoch });
        }
        Ok(self.stopper().is_some())
    }

    /// The epoch whose weights are the result, counted from 0; none before the first validation.
    #[must_use]
    pub fn best_epoch(&self) -> Option<usize> {
        self.stopper()
            .or(self.watched.first())
            .map(|watched| watched.best_epoch)
    }

    /// Epochs whose weights may still be asked for; all other copies can be dropped.
    #[must_use]
    pub fn kept_epochs(&self) -> BTreeSet<usize> {
        self.watched
            .iter()
            .map(|watched| watched.best_epoch)
            .collect()
    }

    fn stopper(&self) -> Option<&Watched> {
        self.watched
            .iter()
            .find(|watched| watched.stale >= self.rounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_third_epoch_is_validated_after_its_end() {
        let every = ValidationEpochs::Every(3);
        assert_eq!(
            (0..12).filter(|e| every.is_due(*e)).collect::<Vec<_>>(),
            vec![2, 5, 8, 11]
        );
        assert!(!ValidationEpochs::Every(0).is_due(0));
    }

    #[test]
    fn a_list_names_epoch_indices() {
        let at: ValidationEpochs = serde_json::from_str("[0, 10]").unwrap();
        assert_eq!(
            (0..12).filter(|e| at.is_due(*e)).collect::<Vec<_>>(),
            vec![0, 10]
        );
        assert_eq!(
            serde_json::from_str::<ValidationEpochs>("5").unwrap(),
            ValidationEpochs::Every(5)
        );
        assert!(serde_json::from_str::<ValidationEpochs>("-1").is_err());
    }

    #[test]
    fn stops_when_any_metric_is_stale_and_restores_that_metrics_best_epoch() {
        let mut stopping = EarlyStopping::new(3, false).unwrap();
        let runs = [
            (2, 0.97, 0.87),
            (5, 0.98, 0.86),
            (8, 0.98, 0.87),
            (11, 0.99, 0.85),
        ];
        let stops: Vec<bool> = runs
            .iter()
            .map(|(e, auc, ks)| stopping.observe(*e, &[("auc", *auc), ("ks", *ks)]).unwrap())
            .collect();
        assert_eq!(stops, vec![false, false, false, true]);
        assert_eq!(stopping.best_epoch(), Some(2));
        assert_eq!(stopping.kept_epochs(), BTreeSet::from([2, 11]));
    }

    #[test]
    fn without_a_stop_the_first_metric_names_the_best_epoch() {
        let mut stopping = EarlyStopping::new(5, false).unwrap();
        stopping.observe(0, &[("auc", 0.9), ("ks", 0.5)]).unwrap();
        stopping.observe(1, &[("auc", 0.8), ("ks", 0.6)]).unwrap();
        assert_eq!(stopping.best_epoch(), Some(0));
    }

    #[test]
    fn first_metric_only_ignores_the_others() {
        let mut stopping = EarlyStopping::new(1, true).unwrap();
        assert!(
            !stopping
                .observe(0, &[("lift", 9.0), ("auc", 0.8), ("ks", 0.5)])
                .unwrap()
        );
        assert!(
            !stopping
                .observe(1, &[("lift", 9.0), ("auc", 0.9), ("ks", 0.4)])
                .unwrap()
        );
        assert!(
            stopping
                .observe(2, &[("lift", 9.0), ("auc", 0.9), ("ks", 0.9)])
                .unwrap()
        );
        assert_eq!(stopping.best_epoch(), Some(1));
    }

    #[test]
    fn errors_improve_downwards_and_the_median_error_never() {
        let mut stopping = EarlyStopping::new(2, false).unwrap();
        for (epoch, error) in [(0, 3.0), (1, 2.0), (2, 1.0)] {
            let stop = stopping
                .observe(epoch, &[("root_mean_squared_error", error)])
                .unwrap();
            assert!(!stop);
        }
        assert_eq!(stopping.best_epoch(), Some(2));
        let mut median = EarlyStopping::new(2, false).unwrap();
        let stops: Vec<bool> = (0..3)
            .map(|e| {
                median
                    .observe(e, &[("median_absolute_error", 3.0 - e as f64)])
                    .unwrap()
            })
            .collect();
        assert_eq!(stops, vec![false, false, true]);
        assert_eq!(median.best_epoch(), Some(0));
    }

    #[test]
    fn refuses_what_cannot_be_followed() {
        assert_eq!(
            EarlyStopping::new(0, false).unwrap_err(),
            EarlyStoppingError::NoRounds
        );
        let mut stopping = EarlyStopping::new(1, false).unwrap();
        assert_eq!(stopping.best_epoch(), None);
        assert_eq!(
            stopping.observe(4, &[("lift", 1.0)]),
            Err(EarlyStoppingError::NoMetric { epoch: 4 })
        );
    }
}
