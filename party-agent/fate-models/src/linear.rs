//! Linear models: what a regression learned, and how it was trained.

use std::collections::BTreeMap;

use prost::Message;
use serde::{Deserialize, Serialize};

use crate::int64;
use crate::model::FateModel;

/// What `HeteroLR` stores.
pub struct HeteroLr;

impl FateModel for HeteroLr {
    type Meta = LrModelMeta;
    type Param = LrModelParam;
    const MODULE: &'static str = "HeteroLR";
    const STEM: &'static str = "HeteroLogisticRegression";
    const CLASSES: [&'static str; 2] = ["LRModelMeta", "LRModelParam"];
}

/// What `HeteroLinR` stores.
pub struct HeteroLinR;

impl FateModel for HeteroLinR {
    type Meta = LinRModelMeta;
    type Param = LinRModelParam;
    const MODULE: &'static str = "HeteroLinR";
    const STEM: &'static str = "HeteroLinearRegression";
    const CLASSES: [&'static str; 2] = ["LinRModelMeta", "LinRModelParam"];
}

/// What a logistic regression learned.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LrModelParam {
    /// Epochs trained.
    #[prost(int32, tag = "1")]
    pub iters: i32,
    /// Loss after each epoch, where the party knows it.
    #[prost(double, repeated, tag = "2")]
    pub loss_history: Vec<f64>,
    /// Whether it converged.
    #[prost(bool, tag = "3")]
    pub is_converged: bool,
    /// Weight of each column.
    #[prost(btree_map = "string, double", tag = "4")]
    pub weight: BTreeMap<String, f64>,
    /// The intercept; 0 at hosts.
    #[prost(double, tag = "5")]
    pub intercept: f64,
    /// The columns in their order.
    #[prost(string, repeated, tag = "6")]
    pub header: Vec<String>,
    /// One model for each of several classes.
    #[prost(message, optional, tag = "7")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_vs_rest_result: Option<OneVsRestResult>,
    /// Whether there are several classes.
    #[prost(bool, tag = "8")]
    pub need_one_vs_rest: bool,
    /// The best epoch, -1 for the last.
    #[prost(int32, tag = "9")]
    pub best_iteration: i32,
    /// Weights that are encrypted, by column; empty where they are known.
    // Not the number that the same field has in the messages below: these are FATE's, and fixed.
    #[prost(btree_map = "string, message", tag = "10")]
    pub encrypted_weight: BTreeMap<String, CipherText>,
}

/// One model for each class.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OneVsRestResult {
    /// The models.
    #[prost(message, repeated, tag = "1")]
    pub completed_models: Vec<SingleModel>,
    /// The classes.
    #[prost(string, repeated, tag = "2")]
    pub one_vs_rest_classes: Vec<String>,
}

/// The model of one class.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SingleModel {
    /// Epochs trained.
    #[prost(int32, tag = "1")]
    pub iters: i32,
    /// Loss after each epoch, where the party knows it.
    #[prost(double, repeated, tag = "2")]
    pub loss_history: Vec<f64>,
    /// Whether it converged.
    #[prost(bool, tag = "3")]
    pub is_converged: bool,
    /// Weight of each column.
    #[prost(btree_map = "string, double", tag = "4")]
    pub weight: BTreeMap<String, f64>,
    /// The intercept.
    #[prost(double, tag = "5")]
    pub intercept: f64,
    /// The columns in their order.
    #[prost(string, repeated, tag = "6")]
    pub header: Vec<String>,
    /// The best epoch, -1 for the last.
    #[prost(int32, tag = "7")]
    pub best_iteration: i32,
    /// Weights that are encrypted, by column; empty where they are known.
    #[prost(btree_map = "string, message", tag = "8")]
    pub encrypted_weight: BTreeMap<String, CipherText>,
}

/// A number under somebody's key.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CipherText {
    /// The key that encrypted it.
    #[prost(message, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<CipherPublicKey>,
    /// The ciphertext in decimal digits.
    #[prost(string, tag = "2")]
    pub cipher_text: String,
    /// The exponent of the number's encoding in decimal digits.
    #[prost(string, tag = "3")]
    pub exponent: String,
    /// Whether the ciphertext was blinded.
    #[prost(bool, tag = "4")]
    pub is_obfuscator: bool,
}

/// A key to encrypt with.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CipherPublicKey {
    /// The modulus in decimal digits.
    #[prost(string, tag = "1")]
    pub n: String,
}

/// How a logistic regression was trained.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LrModelMeta {
    /// Kind of penalty.
    #[prost(string, tag = "1")]
    pub penalty: String,
    /// Tolerance of convergence.
    #[prost(double, tag = "2")]
    pub tol: f64,
    /// Strength of the penalty.
    #[prost(double, tag = "3")]
    pub alpha: f64,
    /// The optimizer.
    #[prost(string, tag = "4")]
    pub optimizer: String,
    /// Weight of the party in horizontal training.
    #[prost(double, tag = "5")]
    pub party_weight: f64,
    /// Rows of a batch, -1 for all.
    #[prost(int64, tag = "6")]
    #[serde(with = "int64")]
    pub batch_size: i64,
    /// The learning rate.
    #[prost(double, tag = "7")]
    pub learning_rate: f64,
    /// Most epochs.
    #[prost(int64, tag = "8")]
    #[serde(with = "int64")]
    pub max_iter: i64,
    /// The rule of convergence.
    #[prost(string, tag = "9")]
    pub early_stop: String,
    /// Batches between encryptions.
    #[prost(int64, tag = "10")]
    #[serde(with = "int64")]
    pub re_encrypt_batches: i64,
    /// Whether there is an intercept.
    #[prost(bool, tag = "11")]
    pub fit_intercept: bool,
    /// Whether there are several classes.
    #[prost(bool, tag = "12")]
    pub need_one_vs_rest: bool,
    /// How to predict.
    #[prost(message, optional, tag = "13")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predict_param: Option<PredictParam>,
    /// Who sees the weights.
    #[prost(string, tag = "14")]
    pub reveal_strategy: String,
    /// The module.
    #[prost(string, tag = "15")]
    pub module: String,
}

/// How to predict.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PredictParam {
    /// Scores above it are class 1.
    #[prost(double, tag = "1")]
    pub threshold: f64,
}

/// What a linear regression learned.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LinRModelParam {
    /// Epochs trained.
    #[prost(int32, tag = "1")]
    pub iters: i32,
    /// Loss after each epoch, where the party knows it.
    #[prost(double, repeated, tag = "2")]
    pub loss_history: Vec<f64>,
    /// Whether it converged.
    #[prost(bool, tag = "3")]
    pub is_converged: bool,
    /// Weight of each column.
    #[prost(btree_map = "string, double", tag = "4")]
    pub weight: BTreeMap<String, f64>,
    /// The intercept; 0 at hosts.
    #[prost(double, tag = "5")]
    pub intercept: f64,
    /// The columns in their order.
    #[prost(string, repeated, tag = "6")]
    pub header: Vec<String>,
    /// The best epoch, -1 for the last.
    #[prost(int32, tag = "7")]
    pub best_iteration: i32,
    /// Weights that are encrypted, by column; empty where they are known.
    #[prost(btree_map = "string, message", tag = "8")]
    pub encrypted_weight: BTreeMap<String, CipherText>,
}

/// How a linear regression was trained.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LinRModelMeta {
    /// Kind of penalty.
    #[prost(string, tag = "1")]
    pub penalty: String,
    /// Tolerance of convergence.
    #[prost(double, tag = "2")]
    pub tol: f64,
    /// Strength of the penalty.
    #[prost(double, tag = "3")]
    pub alpha: f64,
    /// The optimizer.
    #[prost(string, tag = "4")]
    pub optimizer: String,
    /// Rows of a batch, -1 for all.
    #[prost(int64, tag = "5")]
    #[serde(with = "int64")]
    pub batch_size: i64,
    /// The learning rate.
    #[prost(double, tag = "6")]
    pub learning_rate: f64,
    /// Most epochs.
    #[prost(int64, tag = "7")]
    #[serde(with = "int64")]
    pub max_iter: i64,
    /// The rule of convergence.
    #[prost(string, tag = "8")]
    pub early_stop: String,
    /// Whether there is an intercept.
    #[prost(bool, tag = "9")]
    pub fit_intercept: bool,
    /// The module.
    #[prost(string, tag = "10")]
    pub module: String,
}

impl From<SingleModel> for LrModelParam {
    fn from(one: SingleModel) -> Self {
        Self {
            iters: one.iters,
            loss_history: one.loss_history,
            is_converged: one.is_converged,
            weight: one.weight,
            intercept: one.intercept,
            header: one.header,
            one_vs_rest_result: None,
            need_one_vs_rest: false,
            best_iteration: one.best_iteration,
            encrypted_weight: one.encrypted_weight,
        }
    }
}

impl From<SingleModel> for LinRModelParam {
    fn from(one: SingleModel) -> Self {
        Self {
            iters: one.iters,
            loss_history: one.loss_history,
            is_converged: one.is_converged,
            weight: one.weight,
            intercept: one.intercept,
            header: one.header,
            best_iteration: one.best_iteration,
            encrypted_weight: one.encrypted_weight,
        }
    }
}

impl From<LinRModelMeta> for LrModelMeta {
    /// What both have in common.
    fn from(meta: LinRModelMeta) -> Self {
        Self {
            penalty: meta.penalty,
            tol: meta.tol,
            alpha: meta.alpha,
            optimizer: meta.optimizer,
            batch_size: meta.batch_size,
            learning_rate: meta.learning_rate,
            max_iter: meta.max_iter,
            early_stop: meta.early_stop,
            fit_intercept: meta.fit_intercept,
            module: meta.module,
            ..Self::default()
        }
    }
}
