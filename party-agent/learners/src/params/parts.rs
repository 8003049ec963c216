//! Parameter objects that FATE's learners share.

use component_kit::{Given, Word, params};
use learning::initial::InitMethod;

params! {
    /// How weights start.
    pub struct InitParam {
        /// random_uniform (0 to 1), random_normal, ones, zeros or const. Default random_uniform.
        init_method: Word<InitMethod> = InitMethod::RandomUniform;
        /// Start value of const. Default 1.
        init_const: f64 = 1.0, in finite();
        /// Whether the guest has an intercept; hosts never have one. Default true.
        fit_intercept: bool = true;
        /// Seed of random starts; null draws one. Default null.
        random_seed: Option<i64> = None;
    }
}

params! {
    /// Which encryption FATE would use.
    pub struct EncryptParam {
        /// Paillier, iterativeAffine, randomIterativeAffine, ipcl, none or null: ring-LWE serves them all. Default Paillier.
        method: Option<String> = "Paillier", in ["Paillier", "iterativeAffine", "randomIterativeAffine", "ipcl", "none"];
        /// Accepted and not used; above 0. Default 1024.
        key_length: i64 = 1024, in 1..;
    }
}

params! {
    /// How predictions are made.
    pub struct PredictParam {
        /// Scores above it are the positive label. Where a model is applied and none is given, that of its training. Default 0.5.
        threshold: Given<f64> = 0.5, in finite();
    }
}

params! {
    /// Cross validation, which is not built.
    pub struct CvParam {
        /// Folds. Default 5.
        n_splits: i64 = 5;
        /// hetero or homo. Default hetero.
        mode: String = "hetero";
        /// Default guest.
        role: String = "guest";
        /// Default true.
        shuffle: bool = true;
        /// Default 1.
        random_seed: Option<i64> = Some(1);
        /// Must be false. Default false.
        need_cv: bool = false, in not_served("cross validation is not built");
        /// Default true.
        output_fold_history: bool = true;
        /// score or instance. Default score.
        history_value_type: String = "score";
    }
}

params! {
    /// Stepwise selection, which is not built.
    pub struct StepwiseParam {
        /// AIC or BIC. Default AIC.
        score_name: String = "AIC";
        /// Default hetero.
        mode: String = "hetero";
        /// Default guest.
        role: String = "guest";
        /// forward, backward or both. Default both.
        direction: String = "both";
        /// Default 10.
        max_step: i64 = 10;
        /// Default 2.
        nvmin: i64 = 2;
        /// Default null.
        nvmax: Option<i64> = None;
        /// Must be false. Default false.
        need_stepwise: bool = false, in not_served("stepwise selection is not built");
    }
}

params! {
    /// How FATE re-encrypts; accepted and not used.
    pub struct EncryptedModeParam {
        /// Default strict.
        mode: String = "strict";
        /// Default 1.
        re_encrypted_rate: f64 = 1.0;
    }
}

params! {
    /// Settings of the optimizer sqn; accepted and not used.
    pub struct SqnParam {
        /// Default 3.
        update_interval_L: i64 = 3;
        /// Default 5.
        memory_M: i64 = 5;
        /// Default 5000.
        sample_size: i64 = 5000;
        /// Default null.
        random_seed: Option<i64> = None;
    }
}
