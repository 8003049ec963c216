//! The parameters of hetero_lr, with FATE's names and default values.

mod callbacks;
mod parts;

use component_kit::{Check, Given, Problems};
use learning::batches::{BatchSettings, BatchStrategy};
use learning::convergence::EarlyStop;
use learning::learning_rate::LearningRate;
use learning::optimizer::OptimizerKind;
use learning::penalty::{Penalty, Regularisation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) use callbacks::Validation;
use callbacks::{CallbackParam, Frequency};
pub(super) use parts::PredictParam;
use parts::{CvParam, EncryptParam, EncryptedModeParam, InitParam, SqnParam, StepwiseParam};

/// Parameters of hetero_lr.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Which norm of the weights is penalised: L1, L2, none or null. Default L2.
    pub penalty: Option<String>,
    /// Tolerance of the convergence rule, above 0. Default 0.0001.
    pub tol: f64,
    /// Strength of the penalty, at least 0. Default 1.
    pub alpha: f64,
    /// Gradient rule: sgd, rmsprop, adam, adagrad or nesterov_momentum_sgd (sqn is not built). Default rmsprop.
    pub optimizer: String,
    /// Rows of a batch, at least 10, or -1 for all rows. Default -1.
    pub batch_size: i64,
    /// Rate of the first epoch, above 0. Default 0.01.
    pub learning_rate: f64,
    /// How weights start.
    pub init_param: InitParam,
    /// Epochs at most, at least 1. Default 100.
    pub max_iter: usize,
    /// Convergence rule: diff, abs (both need the loss, so one host) or weight_diff. Default diff.
    pub early_stop: String,
    /// Which encryption FATE would use; here ring-LWE serves every choice.
    pub encrypt_param: EncryptParam,
    /// Cross validation: not built, need_cv must be false.
    pub cv_param: CvParam,
    /// How fast the learning rate falls, at least 0. Default 1.
    pub decay: f64,
    /// Whether it falls with the root of the epoch. Default true.
    pub decay_sqrt: bool,
    /// Deprecated: see callback_param.
    pub validation_freqs: Option<Frequency>,
    /// Deprecated: see callback_param.
    pub early_stopping_rounds: Option<usize>,
    /// Stepwise selection: not built, need_stepwise must be false.
    pub stepwise_param: StepwiseParam,
    /// Deprecated: see callback_param; null is none. Default auc and ks.
    pub metrics: Given<Option<Vec<String>>>,
    /// Deprecated: see callback_param.
    pub use_first_metric_only: Given<bool>,
    /// Accepted and not used: fixed-point scales follow from the columns. 0 to 64 or null. Default 23.
    pub floating_point_precision: Option<i64>,
    /// Validation during the training, and early stopping.
    pub callback_param: Given<CallbackParam>,
    /// Whether rows are reordered every epoch; masked batches always are. Default true.
    pub shuffle: bool,
    /// How an epoch is cut: full (all rows) or random (one random batch). Default full.
    pub batch_strategy: String,
    /// Other rows among which each batch is hidden from hosts, as a multiple of the batch size, at least 0. Default 5.
    pub masked_rate: f64,
    /// How predictions are made.
    pub predict_param: PredictParam,
    /// More than two classes: ovr, one binary training for each class. Default ovr.
    pub multi_class: String,
    /// Accepted and not used.
    pub encrypted_mode_calculator_param: EncryptedModeParam,
    /// Accepted and not used, as the optimizer sqn is not built.
    pub sqn_param: SqnParam,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            penalty: Some("L2".to_owned()),
            tol: 0.0001,
            alpha: 1.0,
            optimizer: "rmsprop".to_owned(),
            batch_size: -1,
            learning_rate: 0.01,
            init_param: InitParam::default(),
            max_iter: 100,
            early_stop: "diff".to_owned(),
            encrypt_param: EncryptParam::default(),
            cv_param: CvParam::default(),
            decay: 1.0,
            decay_sqrt: true,
            validation_freqs: None,
            early_stopping_rounds: None,
            stepwise_param: StepwiseParam::default(),
            metrics: Given::default_of(Some(vec!["auc".to_owned(), "ks".to_owned()])),
            use_first_metric_only: Given::default_of(false),
            floating_point_precision: Some(23),
            callback_param: Given::default(),
            shuffle: true,
            batch_strategy: "full".to_owned(),
            masked_rate: 5.0,
            predict_param: PredictParam::default(),
            multi_class: "ovr".to_owned(),
            encrypted_mode_calculator_param: EncryptedModeParam::default(),
            sqn_param: SqnParam::default(),
        }
    }
}

impl Check for Params {
    fn check(&self, problems: &mut Problems) {
        let above_zero = |value: f64| value.is_finite() && value > 0.0;
        let at_least_zero = |value: f64| value.is_finite() && value >= 0.0;
        let penalty = self.penalty.as_deref().unwrap_or("none");
        problems.one_of("penalty", penalty, &["L1", "L2", "none"]);
        problems.expect(above_zero(self.tol), "tol", || {
            format!("{} is not above 0", self.tol)
        });
        problems.expect(at_least_zero(self.alpha), "alpha", || {
            format!("{} is below 0", self.alpha)
        });
        if let Err(error) = self.optimizer.parse::<OptimizerKind>() {
            problems.expect(false, "optimizer", || error.to_string());
        }
        let size = self.batch_size;
        problems.expect(size == -1 || size >= 10, "batch_size", || {
            format!("{size} is neither -1 nor at least 10")
        });
        problems.expect(above_zero(self.learning_rate), "learning_rate", || {
            format!("{} is not above 0", self.learning_rate)
        });
        problems.expect(self.max_iter > 0, "max_iter", || {
            "0 is not above 0".to_owned()
        });
        problems.one_of(
            "early_stop",
            &self.early_stop,
            &["diff", "abs", "weight_diff"],
        );
        problems.expect(at_least_zero(self.decay), "decay", || {
            format!("{} is below 0", self.decay)
        });
        let bits = self.floating_point_precision.unwrap_or(0);
        problems.expect((0..=64).contains(&bits), "floating_point_precision", || {
            format!("{bits} is not in 0 to 64")
        });
        problems.one_of("batch_strategy", &self.batch_strategy, &["full", "random"]);
        problems.expect(at_least_zero(self.masked_rate), "masked_rate", || {
            format!("{} is below 0", self.masked_rate)
        });
        problems.one_of("multi_class", &self.multi_class, &["ovr"]);
        self.init_param.check(problems);
        self.encrypt_param.check(problems);
        self.predict_param.check(problems);
        self.cv_param.check(problems);
        self.stepwise_param.check(problems);
        self.check_callbacks(problems);
    }
}

impl Params {
    /// The convergence rule.
    pub(super) fn early_stop(&self) -> EarlyStop {
        // Words were checked before any task ran.
        self.early_stop.parse().unwrap_or_default()
    }

    /// The gradient rule.
    pub(super) fn optimizer(&self) -> OptimizerKind {
        self.optimizer.parse().unwrap_or_default()
    }

    /// The penalty.
    pub(super) fn regularisation(&self) -> Regularisation {
        let penalty = self
            .penalty
            .as_deref()
            .map_or(Penalty::None, |word| word.parse().unwrap_or_default());
        Regularisation {
            penalty,
            alpha: self.alpha,
            start_rate: self.learning_rate,
        }
    }

    /// The learning rate over the epochs.
    pub(super) fn learning_rate(&self) -> LearningRate {
        LearningRate {
            start: self.learning_rate,
            decay: self.decay,
            square_root: self.decay_sqrt,
        }
    }

    /// How an epoch is cut.
    pub(super) fn batch_strategy(&self) -> BatchStrategy {
        self.batch_strategy.parse().unwrap_or_default()
    }

    /// Everything about batches.
    pub(super) fn batches(&self) -> BatchSettings {
        BatchSettings {
            batch_size: self.batch_size,
            strategy: self.batch_strategy(),
            shuffle: self.shuffle,
            masked_rate: self.masked_rate,
        }
    }
}
