//! Validation and early stopping as a job asks for them, in the new place and in the deprecated one.

use std::collections::BTreeSet;

use component_kit::{Given, Problems, params};
use learning::evaluation::{EvalType, Metric, training_metrics};
use learning::validation::ValidationEpochs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which epochs are validated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Frequency {
    /// Every n-th epoch, n above 0.
    Every(usize),
    /// Exactly these epochs, counted from 0.
    At(BTreeSet<usize>),
}

params! {
    /// Validation during the training, and early stopping.
    pub struct CallbackParam {
        /// PerformanceEvaluate, EarlyStopping, ModelCheckpoint; null is none. Default none.
        callbacks: Option<Vec<String>> = Some(Vec::new());
        /// Every n epochs, or at the listed epochs; null never. Default null.
        validation_freqs: Option<Frequency> = None;
        /// Stop when a metric has not improved for this many validations; needs validation_freqs and a validate table.
        /// Default null.
        early_stopping_rounds: Option<usize> = None;
        /// Which metrics; none, or null, means auc and ks of a classification, and rmse and mae of a regression.
        metrics: Option<Vec<String>> = Some(Vec::new());
        /// Whether early stopping looks at the first metric only. Default false.
        use_first_metric_only: bool = false;
        /// ModelCheckpoint keeps the model after the epochs, counted from 0, that this number divides. Above 0. Default 1.
        save_freq: i64 = 1, in 1..;
    }
}

impl CallbackParam {
    fn names(&self) -> &[String] {
        self.callbacks.as_deref().unwrap_or_default()
    }

    fn has(&self, name: &str) -> bool {
        self.names()
            .iter()
            .any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// What validation comes to, wherever it was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// When.
    pub epochs: ValidationEpochs,
    /// Validations without improvement after which training stops.
    pub stop_after: Option<usize>,
    /// What is measured.
    pub metrics: Vec<Metric>,
    /// Whether only the first metric stops.
    pub first_metric_only: bool,
}

const CALLBACKS: &[&str] = &["EarlyStopping", "PerformanceEvaluate", "ModelCheckpoint"];

/// Where a job says what is validated: FATE's new place, and the deprecated one.
#[derive(Clone, Copy)]
pub struct Callbacks<'a> {
    /// The new place.
    pub callback_param: &'a Given<CallbackParam>,
    /// Deprecated.
    pub validation_freqs: &'a Option<Frequency>,
    /// Deprecated.
    pub early_stopping_rounds: Option<usize>,
    /// Deprecated.
    pub metrics: &'a Given<Option<Vec<String>>>,
    /// Deprecated.
    pub use_first_metric_only: &'a Given<bool>,
    /// What the learner predicts, which decides on the metrics.
    pub eval_type: EvalType,
}

impl Callbacks<'_> {
    /// Names of deprecated parameters that are given; null is not given.
    fn deprecated_callbacks(&self) -> Vec<&'static str> {
        let given = [
            ("validation_freqs", self.validation_freqs.is_some()),
            (
                "early_stopping_rounds",
                self.early_stopping_rounds.is_some(),
            ),
            (
                "metrics",
                self.metrics.if_given().is_some_and(Option::is_some),
            ),
            (
                "use_first_metric_only",
                self.use_first_metric_only.if_given().is_some(),
            ),
        ];
        given
            .into_iter()
            .filter(|(_, given)| *given)
            .map(|(name, _)| name)
            .collect()
    }

    /// Notes what is wrong with them.
    pub fn check(&self, problems: &mut Problems) {
        let own = self.callback_param.value();
        for callback in own.names() {
            problems.one_of("callback_param.callbacks", callback, CALLBACKS);
        }
        // Refused, not merged: of two places that differ neither is surely the one that was meant.
        let both = if self.callback_param.if_given().is_some() {
            self.deprecated_callbacks()
        } else {
            Vec::new()
        };
        problems.expect(both.is_empty(), "callback_param", || {
            format!(
                "given together with deprecated parameters, which it replaces: {}",
                both.join(", ")
            )
        });
        for (place, freqs, rounds, metrics) in [
            (
                "callback_param.",
                &own.validation_freqs,
                own.early_stopping_rounds,
                own.metrics.as_deref(),
            ),
            (
                "",
                self.validation_freqs,
                self.early_stopping_rounds,
                self.metrics.value().as_deref(),
            ),
        ] {
            problems.expect(
                freqs != &Some(Frequency::Every(0)),
                &format!("{place}validation_freqs"),
                || "0 is not above 0".to_owned(),
            );
            let path = format!("{place}early_stopping_rounds");
            problems.expect(rounds != Some(0), &path, || "0 is not above 0".to_owned());
            problems.expect(rounds.is_none() || freqs.is_some(), &path, || {
                "needs validation_freqs".to_owned()
            });
            if let Err(error) = training_metrics(self.eval_type, metrics.unwrap_or_default()) {
                problems.expect(false, &format!("{place}metrics"), || error.to_string());
            }
        }
        let stops = own.has("EarlyStopping");
        let rounds = own.early_stopping_rounds.is_some();
        problems.expect(
            !stops || rounds,
            "callback_param.early_stopping_rounds",
            || "EarlyStopping needs it".to_owned(),
        );
    }

    /// Epochs from one checkpoint to the next, if the job asks for checkpoints.
    pub fn checkpoint_epochs(&self) -> Option<usize> {
        let own = self.callback_param.value();
        usize::try_from(own.save_freq)
            .ok()
            .filter(|every| own.has("ModelCheckpoint") && *every > 0)
    }

    /// What validation the job asks for, if any.
    pub fn validation(&self) -> Option<Validation> {
        let own = self.callback_param.value();
        let deprecated = self.validation_freqs.is_some() || self.early_stopping_rounds.is_some();
        let (freqs, stop_after, metrics, first_metric_only) = if deprecated {
            let metrics = self.metrics.value().as_deref();
            (
                self.validation_freqs,
                self.early_stopping_rounds,
                metrics,
                *self.use_first_metric_only.value(),
            )
        } else if own.has("PerformanceEvaluate") || own.has("EarlyStopping") {
            let rounds = own
                .early_stopping_rounds
                // The number alone does nothing in the new place: FATE's callback must be named.
                .filter(|_| own.has("EarlyStopping"));
            (
                &own.validation_freqs,
                rounds,
                own.metrics.as_deref(),
                own.use_first_metric_only,
            )
        } else {
            return None;
        };
        let epochs = match freqs.as_ref()? {
            Frequency::Every(n) => ValidationEpochs::Every(*n),
            Frequency::At(epochs) => ValidationEpochs::At(epochs.clone()),
        };
        #[allow(
            clippy::expect_used,
            reason = "other metrics would stop the training elsewhere"
        )]
        let metrics = training_metrics(self.eval_type, metrics.unwrap_or_default())
            .expect("metrics are checked when parameters are read");
        Some(Validation {
            epochs,
            stop_after,
            metrics,
            first_metric_only,
        })
    }

    /// Parameters by which hosts send more vectors of row values than those of the finished model: each with how many of a
    /// table. Their policies are asked first.
    pub fn more_vectors(&self, max_iter: usize) -> Vec<(&'static str, Option<u64>)> {
        let Some(validation) = self.validation() else {
            return Vec::new();
        };
        let count = match &validation.epochs {
            // Rounded up: whoever consents to vectors of row values consents to the most there can
            // be.
            ValidationEpochs::Every(every) => max_iter.div_ceil((*every).max(1)),
            ValidationEpochs::At(epochs) => epochs.len(),
        };
        let parameter = if self.validation_freqs.is_some() {
            "validation_freqs"
        } else {
            "callback_param.validation_freqs"
        };
        vec![(parameter, u64::try_from(count).ok())]
    }
}
