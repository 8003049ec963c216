//! Validation and early stopping as a job asks for them, in the new place and in the deprecated one.

use std::collections::BTreeSet;

use component_kit::Problems;
use learning::evaluation::{EvalType, Metric, training_metrics};
use learning::validation::ValidationEpochs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Params;

/// Which epochs are validated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Frequency {
    /// Every n-th epoch, n above 0.
    Every(usize),
    /// Exactly these epochs, counted from 0.
    At(BTreeSet<usize>),
}

/// Validation during the training, and early stopping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CallbackParam {
    /// PerformanceEvaluate, EarlyStopping, ModelCheckpoint; null is none. Default none.
    pub callbacks: Option<Vec<String>>,
    /// Every n epochs, or at the listed epochs; null never. Default null.
    pub validation_freqs: Option<Frequency>,
    /// Stop when a metric has not improved for this many validations; needs validation_freqs and a validate table.
    /// Default null.
    pub early_stopping_rounds: Option<usize>,
    /// Which metrics; none, or null, means auc and ks.
    pub metrics: Option<Vec<String>>,
    /// Whether early stopping looks at the first metric only. Default false.
    pub use_first_metric_only: bool,
    /// ModelCheckpoint keeps the model after the epochs, counted from 0, that this number divides. Above 0. Default 1.
    pub save_freq: i64,
}

impl Default for CallbackParam {
    fn default() -> Self {
        Self {
            callbacks: Some(Vec::new()),
            validation_freqs: None,
            early_stopping_rounds: None,
            metrics: Some(Vec::new()),
            use_first_metric_only: false,
            save_freq: 1,
        }
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
pub(in crate::hetero_lr) struct Validation {
    /// When.
    pub(in crate::hetero_lr) epochs: ValidationEpochs,
    /// Validations without improvement after which training stops.
    pub(in crate::hetero_lr) stop_after: Option<usize>,
    /// What is measured.
    pub(in crate::hetero_lr) metrics: Vec<Metric>,
    /// Whether only the first metric stops.
    pub(in crate::hetero_lr) first_metric_only: bool,
}

const CALLBACKS: &[&str] = &["EarlyStopping", "PerformanceEvaluate", "ModelCheckpoint"];

impl Params {
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

    pub(super) fn check_callbacks(&self, problems: &mut Problems) {
        let own = self.callback_param.value();
        for callback in own.names() {
            problems.one_of("callback_param.callbacks", callback, CALLBACKS);
        }
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
                &self.validation_freqs,
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
            if let Err(error) = training_metrics(EvalType::Binary, metrics.unwrap_or_default()) {
                problems.expect(false, &format!("{place}metrics"), || error.to_string());
            }
        }
        let stops = own.has("EarlyStopping");
        problems.expect(own.save_freq > 0, "callback_param.save_freq", || {
            format!("{} is not above 0", own.save_freq)
        });
        let rounds = own.early_stopping_rounds.is_some();
        problems.expect(
            !stops || rounds,
            "callback_param.early_stopping_rounds",
            || "EarlyStopping needs it".to_owned(),
        );
    }

    /// Epochs from one checkpoint to the next, if the job asks for checkpoints.
    pub(in crate::hetero_lr) fn checkpoint_epochs(&self) -> Option<usize> {
        let own = self.callback_param.value();
        usize::try_from(own.save_freq)
            .ok()
            .filter(|every| own.has("ModelCheckpoint") && *every > 0)
    }

    /// What validation the job asks for, if any.
    pub(in crate::hetero_lr) fn validation(&self) -> Option<Validation> {
        let own = self.callback_param.value();
        let deprecated = self.validation_freqs.is_some() || self.early_stopping_rounds.is_some();
        let (freqs, stop_after, metrics, first_metric_only) = if deprecated {
            let metrics = self.metrics.value().as_deref();
            (
                &self.validation_freqs,
                self.early_stopping_rounds,
                metrics,
                *self.use_first_metric_only.value(),
            )
        } else if own.has("PerformanceEvaluate") || own.has("EarlyStopping") {
            let rounds = own
                .early_stopping_rounds
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
        let metrics =
            training_metrics(EvalType::Binary, metrics.unwrap_or_default()).unwrap_or_default();
        Some(Validation {
            epochs,
            stop_after,
            metrics,
            first_metric_only,
        })
    }
}
