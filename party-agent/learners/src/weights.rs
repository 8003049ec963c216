//! One party's part of a linear model while it learns: its weights, its optimizer, and the copies it may go back to.

use std::collections::BTreeMap;

use learning::initial::Seeded;
use learning::optimizer::Optimizer;
use learning::penalty::Regularisation;

use crate::model::Trained;
use crate::params::Training;

/// The weights of one party, the intercept last where there is one.
pub struct LinearWeights {
    weights: Vec<f64>,
    features: usize,
    optimizer: Optimizer,
    regularisation: Regularisation,
    moved: Vec<f64>,
    kept: BTreeMap<usize, Vec<f64>>,
}

impl LinearWeights {
    /// Starts `features` weights (and an intercept) by the job's method, or from a model.
    pub fn start(
        training: &Training,
        (features, has_intercept): (usize, bool),
        from: Option<&Trained>,
        uniform: &mut dyn FnMut() -> f64,
    ) -> Self {
        let length = features + usize::from(has_intercept);
        let init = &training.init;
        let weights = match (from, init.random_seed) {
            (Some(model), _) => model.with_intercept(has_intercept),
            (None, Some(seed)) => {
                let mut seeded = Seeded::new(seed as u64);
                init.init_method
                    .draw(length, init.init_const, &mut || seeded.uniform())
            }
            (None, None) => init.init_method.draw(length, init.init_const, uniform),
        };
        Self {
            weights,
            features,
            optimizer: Optimizer::new(training.optimizer, training.learning_rate),
            regularisation: training.regularisation,
            moved: vec![0.0; length],
            kept: BTreeMap::new(),
        }
    }

    /// The weights, the intercept last.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// This party's term of the loss.
    pub fn penalty(&self) -> f64 {
        self.regularisation.loss(self.of_features())
    }

    fn of_features(&self) -> &[f64] {
        self.weights.split_at(self.features).0
    }

    /// Forgets the steps of the last epoch.
    pub fn begin_epoch(&mut self) {
        self.moved.fill(0.0);
    }

    /// The sum of the steps of this epoch.
    pub fn moved(&self) -> &[f64] {
        &self.moved
    }

    /// Moves the weights by the sums of entry times residual over a batch of `members` rows.
    pub fn update(&mut self, sums: &[f64], members: usize, epoch: usize) {
        // By those that train: the rows around them added zero.
        let mut gradient: Vec<f64> = sums.iter().map(|sum| sum / members as f64).collect();
        self.regularisation
            // Only the features: the intercept behind them is not penalised.
            .add_to_gradient(self.of_features(), &mut gradient);
        let step = self.optimizer.step(&gradient, epoch);
        let (weights, intercept) = self.weights.split_at_mut(self.features);
        self.regularisation.apply(weights, &step, epoch);
        intercept
            .iter_mut()
            .zip(step.iter().skip(self.features))
            .for_each(|(bias, step)| *bias -= step);
        self.moved
            .iter_mut()
            .zip(&step)
            .for_each(|(sum, part)| *sum += part);
    }

    /// Keeps the weights of an epoch.
    pub fn keep(&mut self, epoch: usize) {
        self.kept.insert(epoch, self.weights.clone());
    }

    /// Goes back to the weights of a kept epoch; false where none were kept then. The epoch comes
    /// from a peer: what it means that there is none is for the caller to say.
    #[must_use]
    pub fn restore(&mut self, epoch: usize) -> bool {
        let kept = self.kept.remove(&epoch);
        let is_there = kept.is_some();
        if let Some(weights) = kept {
            self.weights = weights;
        }
        is_there
    }

    /// What was learned up to now.
    pub fn so_far(&self, iters: usize, is_converged: bool) -> Trained {
        let (weights, intercept) = self.weights.split_at(self.features);
        Trained {
            weights: weights.to_vec(),
            // A party without an intercept adds none.
            intercept: intercept.first().map_or(0.0, |own| *own),
            iters,
            is_converged,
            best_epoch: None,
        }
    }

    /// What was learned.
    pub fn into_trained(
        self,
        iters: usize,
        is_converged: bool,
        best_epoch: Option<usize>,
    ) -> Trained {
        Trained {
            best_epoch,
            ..self.so_far(iters, is_converged)
        }
    }
}
