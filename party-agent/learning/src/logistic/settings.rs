//! The parameters of a pooled logistic training, with FATE's defaults.

use crate::batches::BatchStrategy;
use crate::convergence::EarlyStop;
use crate::initial::InitMethod;
use crate::learning_rate::LearningRate;
use crate::optimizer::OptimizerKind;
use crate::penalty::Penalty;

/// Parameters of a training, named as in FATE's HeteroLR.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticSettings {
    /// Which norm is penalised.
    pub penalty: Penalty,
    /// Strength of the penalty.
    pub alpha: f64,
    /// Gradient rule.
    pub optimizer: OptimizerKind,
    /// Learning rate and its decay.
    pub learning_rate: LearningRate,
    /// Epochs at most.
    pub max_iter: usize,
    /// Convergence rule.
    pub early_stop: EarlyStop,
    /// Tolerance of the convergence rule.
    pub tol: f64,
    /// Rows per batch; -1 means all.
    pub batch_size: i64,
    /// How an epoch is cut into batches.
    pub batch_strategy: BatchStrategy,
    /// Whether rows are reordered every epoch.
    pub shuffle: bool,
    /// How weights and intercept start.
    pub init_method: InitMethod,
    /// Start value of `const`.
    pub init_const: f64,
    /// Whether there is an intercept.
    pub fit_intercept: bool,
    /// Seed of the random start and of the row order.
    pub seed: u64,
}

impl Default for LogisticSettings {
    /// FATE's defaults; the seed, which FATE leaves open, is 0.
    fn default() -> Self {
        Self {
            penalty: Penalty::L2,
            alpha: 1.0,
            optimizer: OptimizerKind::Rmsprop,
            learning_rate: LearningRate::default(),
            max_iter: 100,
            early_stop: EarlyStop::Diff,
            tol: 1e-4,
            batch_size: -1,
            batch_strategy: BatchStrategy::Full,
            shuffle: true,
            init_method: InitMethod::RandomUniform,
            init_const: 1.0,
            fit_intercept: true,
            seed: 0,
        }
    }
}
