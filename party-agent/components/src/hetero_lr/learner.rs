//! One party's part of a binary model while it learns: its weights, its optimizer, and the copies it may go back to.

use std::collections::BTreeMap;

use learning::initial::Seeded;
use learning::optimizer::Optimizer;
use learning::penalty::Regularisation;

use super::model::Trained;
use super::params::Params;

/// The weights of one party, the intercept last where there is one.
pub(super) struct Learner {
    weights: Vec<f64>,
    features: usize,
    optimizer: Optimizer,
    regularisation: Regularisation,
    moved: Vec<f64>,
    kept: BTreeMap<usize, Vec<f64>>,
}

impl Learner {
    /// Starts `features` weights (and an intercept) by the job's method, or from a model.
    pub(super) fn start(
        params: &Params,
        (features, has_intercept): (usize, bool),
        from: Option<&Trained>,
        uniform: &mut dyn FnMut() -> f64,
    ) -> Self {
        let length = features + usize::from(has_intercept);
        let init = &params.init_param;
        let weights = match (from, init.random_seed) {
            (Some(model), _) => model.with_intercept(has_intercept),
            (None, Some(seed)) => {
                let mut seeded = Seeded::new(seed as u64);
                init.method()
                    .draw(length, init.init_const, &mut || seeded.uniform())
            }
            (None, None) => init.method().draw(length, init.init_const, uniform),
        };
        Self {
            weights,
            features,
            optimizer: Optimizer::new(params.optimizer(), params.learning_rate()),
            regularisation: params.regularisation(),
            moved: vec![0.0; length],
            kept: BTreeMap::new(),
        }
    }

    /// The weights, the intercept last.
    pub(super) fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// This party's term of the loss.
    pub(super) fn penalty(&self) -> f64 {
        self.regularisation.loss(self.of_features())
    }

    fn of_features(&self) -> &[f64] {
        self.weights.get(..self.features).unwrap_or(&self.weights)
    }

    /// Forgets the steps of the last epoch.
    pub(super) fn begin_epoch(&mut self) {
        self.moved.fill(0.0);
    }

    /// The sum of the steps of this epoch.
    pub(super) fn moved(&self) -> &[f64] {
        &self.moved
    }

    /// Moves the weights by the sums of entry times residual over a batch of `members` rows.
    pub(super) fn update(&mut self, sums: &[f64], members: usize, epoch: usize) {
        let mut gradient: Vec<f64> = sums.iter().map(|sum| sum / members as f64).collect();
        self.regularisation
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
    pub(super) fn keep(&mut self, epoch: usize) {
        self.kept.insert(epoch, self.weights.clone());
    }

    /// Goes back to the weights of a kept epoch.
    pub(super) fn restore(&mut self, epoch: usize) {
        if let Some(weights) = self.kept.remove(&epoch) {
            self.weights = weights;
        }
    }

    /// What was learned up to now.
    pub(super) fn so_far(&self, iters: usize, is_converged: bool) -> Trained {
        let intercept = self.weights.get(self.features).copied().unwrap_or(0.0);
        Trained {
            weights: self.of_features().to_vec(),
            intercept,
            iters,
            is_converged,
            best_epoch: None,
        }
    }

    /// What was learned.
    pub(super) fn into_trained(
        mut self,
        iters: usize,
        is_converged: bool,
        best_epoch: Option<usize>,
    ) -> Trained {
        let intercept = self.weights.get(self.features).copied().unwrap_or(0.0);
        self.weights.truncate(self.features);
        Trained {
            weights: self.weights,
            intercept,
            iters,
            is_converged,
            best_epoch,
        }
    }
}
