//! The parameters that FATE's linear learners have in common: read into types once.

use component_kit::Word;
use fate_models::LinRModelMeta;
use learning::batches::{BatchSettings, BatchStrategy};
use learning::convergence::EarlyStop;
use learning::learning_rate::LearningRate;
use learning::optimizer::OptimizerKind;
use learning::penalty::{Penalty, Regularisation};
use vocabulary::{Role, Stage};

use super::callbacks::{Callbacks, Validation};
use super::parts::{CvParam, EncryptParam, InitParam, StepwiseParam};

/// The parameters of a linear learner under FATE's names, lent by a component's own parameters:
/// [`linear_params!`](crate::linear_params) fills it in.
#[derive(Clone, Copy)]
pub struct LinearParams<'a> {
    /// Which norm is penalised.
    pub penalty: Penalty,
    /// Tolerance of the convergence rule.
    pub tol: f64,
    /// Strength of the penalty.
    pub alpha: f64,
    /// Gradient rule.
    pub optimizer: OptimizerKind,
    /// Rate of the first epoch.
    pub learning_rate: f64,
    /// How weights start.
    pub init_param: &'a InitParam,
    /// Epochs at most.
    pub max_iter: usize,
    /// Convergence rule.
    pub early_stop: EarlyStop,
    /// Which encryption FATE would use.
    pub encrypt_param: &'a EncryptParam,
    /// Cross-validation.
    pub cv_param: &'a CvParam,
    /// Stepwise selection.
    pub stepwise_param: &'a StepwiseParam,
    /// How fast the rate falls.
    pub decay: f64,
    /// Whether it falls with the root of the epoch.
    pub decay_sqrt: bool,
    /// How rows are dealt into batches.
    pub batches: BatchSettings,
    /// What is validated.
    pub callbacks: Callbacks<'a>,
}

/// The penalty that a parameter says; null is none.
#[must_use]
pub fn penalty(word: &Option<Word<Penalty>>) -> Penalty {
    word.map_or(Penalty::None, |Word(penalty)| penalty)
}

/// Batches that are cut in the order of the rows, the same in each epoch.
#[must_use]
pub fn in_order(batch_size: i64) -> BatchSettings {
    BatchSettings {
        batch_size,
        strategy: BatchStrategy::Full,
        shuffle: false,
        masked_rate: 0.0,
    }
}

/// Judges a size of batches.
///
/// # Errors
/// Says why it is none.
pub fn batch_size(size: &i64) -> Result<(), String> {
    // FATE's own bound.
    if *size == -1 || *size >= 10 {
        Ok(())
    } else {
        Err(format!("{size} is neither -1 nor at least 10"))
    }
}

/// Lends a component's parameters, whose fields have FATE's names, as [`LinearParams`](crate::params::LinearParams):
/// `linear_params!(self, EvalType::Regression, batches)`.
#[macro_export]
macro_rules! linear_params {
    ($params:expr, $eval_type:expr, $batches:expr) => {
        $crate::params::LinearParams {
            penalty: $crate::params::penalty(&$params.penalty),
            tol: $params.tol,
            alpha: $params.alpha,
            optimizer: *$params.optimizer,
            learning_rate: $params.learning_rate,
            init_param: &$params.init_param,
            max_iter: $params.max_iter,
            early_stop: *$params.early_stop,
            encrypt_param: &$params.encrypt_param,
            cv_param: &$params.cv_param,
            stepwise_param: &$params.stepwise_param,
            decay: $params.decay,
            decay_sqrt: $params.decay_sqrt,
            batches: $batches,
            callbacks: $crate::params::Callbacks {
                callback_param: &$params.callback_param,
                validation_freqs: &$params.validation_freqs,
                early_stopping_rounds: $params.early_stopping_rounds,
                metrics: &$params.metrics,
                use_first_metric_only: &$params.use_first_metric_only,
                eval_type: $eval_type,
            },
        }
    };
}

/// What a training is told to do, read into types.
#[derive(Debug, Clone)]
pub struct Training {
    /// How rows are dealt into batches.
    pub batches: BatchSettings,
    /// Epochs at most.
    pub max_iter: usize,
    /// The convergence rule.
    pub early_stop: EarlyStop,
    /// Its tolerance.
    pub tol: f64,
    /// The gradient rule.
    pub optimizer: OptimizerKind,
    /// The learning rate over the epochs.
    pub learning_rate: LearningRate,
    /// The penalty.
    pub regularisation: Regularisation,
    /// How weights start.
    pub init: InitParam,
    /// What validation the job asks for, if any.
    pub validation: Option<Validation>,
    /// Epochs from one checkpoint to the next, if the job asks for checkpoints.
    pub checkpoint_epochs: Option<usize>,
    /// Which encryption FATE would use.
    pub encryption: Option<String>,
    /// The same as FATE's meta messages of linear models have it, but for the intercept, which is the model's.
    pub(crate) meta: LinRModelMeta,
}

impl LinearParams<'_> {
    /// What they come to, after they were checked; `module` is FATE's name of the learner.
    #[must_use]
    pub fn read(&self, module: &str) -> Training {
        Training {
            batches: self.batches,
            max_iter: self.max_iter,
            early_stop: self.early_stop,
            tol: self.tol,
            optimizer: self.optimizer,
            learning_rate: LearningRate {
                start: self.learning_rate,
                decay: self.decay,
                square_root: self.decay_sqrt,
            },
            regularisation: Regularisation {
                penalty: self.penalty,
                alpha: self.alpha,
                start_rate: self.learning_rate,
            },
            init: self.init_param.clone(),
            validation: self.callbacks.validation(),
            checkpoint_epochs: self.callbacks.checkpoint_epochs(),
            encryption: self.encrypt_param.method.clone(),
            meta: self.meta(module),
        }
    }

    /// What FATE's meta messages of linear models have in common, but for the intercept, which is the model's.
    fn meta(&self, module: &str) -> LinRModelMeta {
        LinRModelMeta {
            penalty: Option::<String>::from(self.penalty).unwrap_or("NONE".to_owned()),
            tol: self.tol,
            alpha: self.alpha,
            optimizer: self.optimizer.as_str().to_owned(),
            batch_size: self.batches.batch_size,
            learning_rate: self.learning_rate,
            max_iter: i64::try_from(self.max_iter).unwrap_or(i64::MAX),
            early_stop: self.early_stop.as_str().to_owned(),
            // The model's own goes in its place: one to go on from may differ from the parameter.
            fit_intercept: false,
            module: module.to_owned(),
        }
    }

    /// Parameters by which a role, which is a host that trains, sends more vectors of row values than those of the finished model. Cross-validation and stepwise
    /// selection are not built; whoever builds them needs the consent of those whose rows they give away.
    #[must_use]
    pub fn more_vectors(&self, stage: Stage, role: Role) -> Vec<(&'static str, Option<u64>)> {
        if (stage, role) != (Stage::Fit, Role::Host) {
            return Vec::new();
        }
        let mut more = self.callbacks.more_vectors(self.max_iter);
        let folds = self.cv_param.need_cv;
        // None: nobody can say how many yet, and unknown counts as too many.
        more.extend(folds.then_some(("cv_param.need_cv", None)));
        let steps = self.stepwise_param.need_stepwise;
        more.extend(steps.then_some(("stepwise_param.need_stepwise", None)));
        more
    }
}
