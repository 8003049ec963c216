//! Parameter objects that FATE's learners share.

use component_kit::{Given, Problems};
use learning::initial::InitMethod;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How weights start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InitParam {
    /// random_uniform (0 to 1), random_normal, ones, zeros or const. Default random_uniform.
    pub init_method: String,
    /// Start value of const. Default 1.
    pub init_const: f64,
    /// Whether the guest has an intercept; hosts never have one. Default true.
    pub fit_intercept: bool,
    /// Seed of random starts; null draws one. Default null.
    pub random_seed: Option<i64>,
}

impl Default for InitParam {
    fn default() -> Self {
        Self {
            init_method: "random_uniform".to_owned(),
            init_const: 1.0,
            fit_intercept: true,
            random_seed: None,
        }
    }
}

impl InitParam {
    pub(super) fn check(&self, problems: &mut Problems) {
        if let Err(error) = self.init_method.parse::<InitMethod>() {
            problems.expect(false, "init_param.init_method", || error.to_string());
        }
        problems.expect(self.init_const.is_finite(), "init_param.init_const", || {
            "not a finite number".to_owned()
        });
    }

    /// The method.
    pub(in crate::hetero_lr) fn method(&self) -> InitMethod {
        self.init_method.parse().unwrap_or_default()
    }
}

/// Which encryption FATE would use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EncryptParam {
    /// Paillier, iterativeAffine, randomIterativeAffine, ipcl, none or null: ring-LWE serves them all. Default Paillier.
    pub method: Option<String>,
    /// Accepted and not used; above 0. Default 1024.
    pub key_length: i64,
}

impl Default for EncryptParam {
    fn default() -> Self {
        Self {
            method: Some("Paillier".to_owned()),
            key_length: 1024,
        }
    }
}

impl EncryptParam {
    pub(super) fn check(&self, problems: &mut Problems) {
        let method = self.method.as_deref().unwrap_or("none");
        let known = [
            "Paillier",
            "iterativeAffine",
            "randomIterativeAffine",
            "ipcl",
            "none",
        ];
        problems.one_of("encrypt_param.method", method, &known);
        problems.expect(self.key_length > 0, "encrypt_param.key_length", || {
            format!("{} is not above 0", self.key_length)
        });
    }
}

/// How predictions are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PredictParam {
    /// Scores above it are the positive label. Where a model is applied and none is given, that of its training. Default 0.5.
    pub threshold: Given<f64>,
}

impl Default for PredictParam {
    fn default() -> Self {
        Self {
            threshold: Given::default_of(0.5),
        }
    }
}

impl PredictParam {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.expect(
            self.threshold.value().is_finite(),
            "predict_param.threshold",
            || "not a finite number".to_owned(),
        );
    }
}

/// Cross validation, which is not built.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CvParam {
    /// Folds. Default 5.
    pub n_splits: i64,
    /// hetero or homo. Default hetero.
    pub mode: String,
    /// Default guest.
    pub role: String,
    /// Default true.
    pub shuffle: bool,
    /// Default 1.
    pub random_seed: Option<i64>,
    /// Must be false. Default false.
    pub need_cv: bool,
    /// Default true.
    pub output_fold_history: bool,
    /// score or instance. Default score.
    pub history_value_type: String,
}

impl Default for CvParam {
    fn default() -> Self {
        Self {
            n_splits: 5,
            mode: "hetero".to_owned(),
            role: "guest".to_owned(),
            shuffle: true,
            random_seed: Some(1),
            need_cv: false,
            output_fold_history: true,
            history_value_type: "score".to_owned(),
        }
    }
}

impl CvParam {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.expect(!self.need_cv, "cv_param.need_cv", || {
            "cross validation is not built".to_owned()
        });
    }
}

/// Stepwise selection, which is not built.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StepwiseParam {
    /// AIC or BIC. Default AIC.
    pub score_name: String,
    /// Default hetero.
    pub mode: String,
    /// Default guest.
    pub role: String,
    /// forward, backward or both. Default both.
    pub direction: String,
    /// Default 10.
    pub max_step: i64,
    /// Default 2.
    pub nvmin: i64,
    /// Default null.
    pub nvmax: Option<i64>,
    /// Must be false. Default false.
    pub need_stepwise: bool,
}

impl Default for StepwiseParam {
    fn default() -> Self {
        Self {
            score_name: "AIC".to_owned(),
            mode: "hetero".to_owned(),
            role: "guest".to_owned(),
            direction: "both".to_owned(),
            max_step: 10,
            nvmin: 2,
            nvmax: None,
            need_stepwise: false,
        }
    }
}

impl StepwiseParam {
    pub(super) fn check(&self, problems: &mut Problems) {
        let path = "stepwise_param.need_stepwise";
        problems.expect(!self.need_stepwise, path, || {
            "stepwise selection is not built".to_owned()
        });
    }
}

/// How FATE re-encrypts; accepted and not used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EncryptedModeParam {
    /// Default strict.
    pub mode: String,
    /// Default 1.
    pub re_encrypted_rate: f64,
}

impl Default for EncryptedModeParam {
    fn default() -> Self {
        Self {
            mode: "strict".to_owned(),
            re_encrypted_rate: 1.0,
        }
    }
}

/// Settings of the optimizer sqn; accepted and not used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SqnParam {
    /// Default 3.
    #[serde(rename = "update_interval_L")]
    pub update_interval: i64,
    /// Default 5.
    #[serde(rename = "memory_M")]
    pub memory: i64,
    /// Default 5000.
    pub sample_size: i64,
    /// Default null.
    pub random_seed: Option<i64>,
}

impl Default for SqnParam {
    fn default() -> Self {
        Self {
            update_interval: 3,
            memory: 5,
            sample_size: 5000,
            random_seed: None,
        }
    }
}
