//! The parameters of hetero_linr, with FATE's names and default values.

use component_kit::{Given, Word, params};
use learners::params::{
    CallbackParam, CvParam, EncryptParam, EncryptedModeParam, Frequency, InitParam, LinearParams,
    SqnParam, StepwiseParam, Training, batch_size, in_order,
};
use learning::convergence::EarlyStop;
use learning::evaluation::EvalType;
use learning::optimizer::OptimizerKind;
use learning::penalty::Penalty;

params! {
    /// Parameters of hetero_linr.
    pub struct Params {
        /// Which norm of the weights is penalised: L1, L2, none or null. Default L2.
        penalty: Option<Word<Penalty>> = Penalty::L2;
        /// Tolerance of the convergence rule, above 0. Default 0.0001.
        tol: f64 = 0.0001, in above(0.0);
        /// Strength of the penalty, at least 0. Default 1.
        alpha: f64 = 1.0, in 0.0..;
        /// Gradient rule: sgd, rmsprop, adam, adagrad or nesterov_momentum_sgd (sqn is not built). Default sgd.
        optimizer: Word<OptimizerKind> = OptimizerKind::Sgd;
        /// Rows of a batch, at least 10, or -1 for all rows. Default -1.
        batch_size: i64 = -1, check batch_size;
        /// Rate of the first epoch, above 0. Default 0.01.
        learning_rate: f64 = 0.01, in above(0.0);
        /// How weights start.
        init_param: InitParam;
        /// Epochs at most, at least 1. Default 20.
        max_iter: usize = 20, in 1..;
        /// Convergence rule: diff, abs (both need the loss, so one host) or weight_diff. Default diff.
        early_stop: Word<EarlyStop> = EarlyStop::Diff;
        /// Which encryption FATE would use; here ring-LWE serves every choice.
        encrypt_param: EncryptParam;
        /// Accepted and not used, as the optimizer sqn is not built.
        sqn_param: SqnParam;
        /// Accepted and not used.
        encrypted_mode_calculator_param: EncryptedModeParam;
        /// Cross validation: not built, need_cv must be false.
        cv_param: CvParam;
        /// How fast the learning rate falls, at least 0. Default 1.
        decay: f64 = 1.0, in 0.0..;
        /// Whether it falls with the root of the epoch. Default true.
        decay_sqrt: bool = true;
        /// Deprecated: see callback_param.
        validation_freqs: Option<Frequency> = None;
        /// Deprecated: see callback_param.
        early_stopping_rounds: Option<usize> = None;
        /// Stepwise selection: not built, need_stepwise must be false.
        stepwise_param: StepwiseParam;
        /// Deprecated: see callback_param; null is none. Default none.
        metrics: Given<Option<Vec<String>>> = None;
        /// Deprecated: see callback_param.
        use_first_metric_only: Given<bool> = false;
        /// Accepted and not used: fixed-point scales follow from columns and labels. 0 to 64 or null. Default 23.
        // Kept for FATE's documents; bounded as there, so that a document means the same in both.
        floating_point_precision: Option<i64> = Some(23), in 0..=64;
        /// Validation during the training, and early stopping.
        callback_param: Given<CallbackParam>;
    }
    check |own, problems| { own.linear().callbacks.check(problems); }
}

impl Params {
    /// What it has in common with other linear learners. As in FATE, batches are neither shuffled nor hidden, unless the rules
    /// for labels ask for it.
    pub(super) fn linear(&self) -> LinearParams<'_> {
        learners::linear_params!(self, EvalType::Regression, in_order(self.batch_size))
    }

    /// What the training is told to do.
    pub(super) fn training(&self) -> Training {
        self.linear().read("HeteroLinR")
    }
}
