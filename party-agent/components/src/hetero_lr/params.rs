//! The parameters of hetero_lr, with FATE's names and default values.

use component_kit::{Given, Word, params};
use learners::model::LinearModel;
use learners::params::{
    CallbackParam, CvParam, EncryptParam, EncryptedModeParam, Frequency, InitParam, LinearParams,
    PredictParam, SqnParam, StepwiseParam, Training, batch_size,
};
use learning::batches::{BatchSettings, BatchStrategy};
use learning::convergence::EarlyStop;
use learning::evaluation::EvalType;
use learning::optimizer::OptimizerKind;
use learning::penalty::Penalty;

params! {
    /// Parameters of hetero_lr.
    pub struct Params {
        /// Which norm of the weights is penalised: L1, L2, none or null. Default L2.
        penalty: Option<Word<Penalty>> = Penalty::L2;
        /// Tolerance of the convergence rule, above 0. Default 0.0001.
        tol: f64 = 0.0001, in above(0.0);
        /// Strength of the penalty, at least 0. Default 1.
        alpha: f64 = 1.0, in 0.0..;
        /// Gradient rule: sgd, rmsprop, adam, adagrad or nesterov_momentum_sgd (sqn is not built). Default rmsprop.
        optimizer: Word<OptimizerKind> = OptimizerKind::Rmsprop;
        /// Rows of a batch, at least 10, or -1 for all rows. Default -1.
        batch_size: i64 = -1, check batch_size;
        /// Rate of the first epoch, above 0. Default 0.01.
        learning_rate: f64 = 0.01, in above(0.0);
        /// How weights start.
        init_param: InitParam;
        /// Epochs at most, at least 1. Default 100.
        max_iter: usize = 100, in 1..;
        /// Convergence rule: diff, abs (both need the loss, so one host) or weight_diff. Default diff.
        early_stop: Word<EarlyStop> = EarlyStop::Diff;
        /// Which encryption FATE would use; here ring-LWE serves every choice.
        encrypt_param: EncryptParam;
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
        /// Deprecated: see callback_param; null is none. Default auc and ks.
        metrics: Given<Option<Vec<String>>> = Some(vec!["auc".to_owned(), "ks".to_owned()]);
        /// Deprecated: see callback_param.
        use_first_metric_only: Given<bool> = false;
        /// Accepted and not used: fixed-point scales follow from the columns. 0 to 64 or null. Default 23.
        floating_point_precision: Option<i64> = Some(23), in 0..=64;
        /// Validation during the training, and early stopping.
        callback_param: Given<CallbackParam>;
        /// Whether rows are reordered every epoch; masked batches always are. Default true.
        shuffle: bool = true;
        /// How an epoch is cut: full (all rows) or random (one random batch). Default full.
        batch_strategy: Word<BatchStrategy> = BatchStrategy::Full;
        /// Other rows among which each batch is hidden from hosts, as a multiple of the batch size, at least 0. Default 5.
        masked_rate: f64 = 5.0, in 0.0..;
        /// How predictions are made.
        predict_param: PredictParam;
        /// More than two classes: ovr, one binary training for each class. Default ovr.
        multi_class: String = "ovr", in ["ovr"];
        /// Accepted and not used.
        encrypted_mode_calculator_param: EncryptedModeParam;
        /// Accepted and not used, as the optimizer sqn is not built.
        sqn_param: SqnParam;
    }
    check |own, problems| { own.linear().callbacks.check(problems); }
}

impl Params {
    /// What it has in common with other linear learners.
    pub(super) fn linear(&self) -> LinearParams<'_> {
        let batches = BatchSettings {
            batch_size: self.batch_size,
            strategy: *self.batch_strategy,
            shuffle: self.shuffle,
            masked_rate: self.masked_rate,
        };
        learners::linear_params!(self, EvalType::Binary, batches)
    }

    /// Where scores are cut: as given, else as in the model to go on from.
    pub(super) fn threshold(&self, before: Option<&LinearModel>) -> f64 {
        let given = &self.predict_param.threshold;
        let before = before.map(|model| model.threshold);
        let own = given.if_given().copied();
        own.or(before).unwrap_or(*given.value())
    }

    /// What the training is told to do.
    pub(super) fn training(&self) -> Training {
        self.linear().read("HeteroLR")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use vocabulary::{Role, Stage};

    fn of(params: serde_json::Value) -> Vec<(&'static str, Option<u64>)> {
        let params: Params = serde_json::from_value(params).expect("parameters");
        params.linear().more_vectors(Stage::Fit, Role::Host)
    }

    #[test]
    fn validations_folds_and_selections_are_named_with_what_they_draw() {
        assert_eq!(of(json!({"max_iter": 20})), []);
        assert_eq!(
            of(json!({"max_iter": 20, "validation_freqs": 1})),
            [("validation_freqs", Some(20))]
        );
        assert_eq!(
            of(json!({"max_iter": 20, "validation_freqs": [3, 9]})),
            [("validation_freqs", Some(2))]
        );
        let callback = json!({"callbacks": ["PerformanceEvaluate"], "validation_freqs": 3});
        let named = [("callback_param.validation_freqs", Some(7))];
        assert_eq!(
            of(json!({"max_iter": 20, "callback_param": callback})),
            named
        );
        assert_eq!(
            of(json!({"cv_param": {"need_cv": true}})),
            [("cv_param.need_cv", None)]
        );
        assert_eq!(
            of(json!({"stepwise_param": {"need_stepwise": true}})),
            [("stepwise_param.need_stepwise", None)]
        );
    }
}
