//! Models as FATE's protocol buffers, for readers that know only those: encoded from the model's JSON view, whose members are
//! the messages' fields in lowerCamelCase. Modules without a message here keep our own bytes.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use prost::Message;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::{Archive, ArchivedModel};

/// A model as FATE stores it.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// FATE's name of it (`HeteroLogisticRegressionParam`).
    pub name: String,
    /// Its message (`LRModelParam`).
    pub class: String,
    /// The message's bytes.
    pub bytes: Vec<u8>,
    /// The message as JSON.
    pub json: Value,
}

/// What a module's messages are called: the stem of the model's names, and of the messages'.
fn names(module: &str) -> Option<(&'static str, &'static str)> {
    match module {
        "HeteroLR" => Some(("HeteroLogisticRegression", "LRModel")),
        _ => None,
    }
}

/// How a part of a view becomes a message's bytes.
type Encode = fn(&Value) -> Option<Vec<u8>>;

/// A model's messages; none when the module has none here, or when its view was not kept.
pub fn members(module: &str, view: &Value) -> Vec<Member> {
    let Some((name, class)) = names(module) else {
        return Vec::new();
    };
    let parts: [(&str, &str, Encode); 2] = [
        ("Meta", "meta", encoded::<LrModelMeta>),
        ("Param", "param", encoded::<LrModelParam>),
    ];
    let member = |(ending, key, encode): (&str, &str, Encode)| {
        let json = view.get(key)?.clone();
        Some(Member {
            name: format!("{name}{ending}"),
            class: format!("{class}{ending}"),
            bytes: encode(&json)?,
            json,
        })
    };
    parts.into_iter().filter_map(member).collect()
}

fn encoded<M: Message + DeserializeOwned>(json: &Value) -> Option<Vec<u8>> {
    serde_json::from_value::<M>(json.clone())
        .ok()
        .map(|message| message.encode_to_vec())
}

impl Archive {
    /// Everything in it under the keys that FATE's serving reads, as base64: `<step>.<alias>:<ModelName>`, and the documents as
    /// `pipeline.pipeline:Pipeline`.
    pub fn transfer(&self) -> Map<String, Value> {
        let documents = (
            "pipeline.pipeline:Pipeline".to_owned(),
            self.pipeline().encode_to_vec(),
        );
        let all = self.models.iter().flat_map(keyed).chain([documents]);
        all.map(|(key, bytes)| (key, Value::from(BASE64.encode(bytes))))
            .collect()
    }

    fn pipeline(&self) -> Pipeline {
        let document = |name: &str| self.documents.get(name).filter(|value| !value.is_null());
        let json = |name: &str| {
            document(name)
                .map(|value| value.to_string().into_bytes())
                .unwrap_or_default()
        };
        let initiator =
            |name: &str| document("initiator").and_then(|initiator| initiator.get(name));
        let text = |value: Option<&Value>| match value {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => String::new(),
        };
        Pipeline {
            inference_dsl: json("inference_dsl"),
            train_dsl: json("train_dsl"),
            train_runtime_conf: json("train_runtime_conf"),
            fate_version: text(document("fate_version")),
            model_id: self.subject.model_id.clone(),
            model_version: self.subject.model_version.clone(),
            parent: document("parent")
                .and_then(Value::as_bool)
                .unwrap_or_default(),
            loaded_times: document("loaded_times")
                .and_then(Value::as_i64)
                .and_then(|n| i32::try_from(n).ok())
                .unwrap_or(0),
            roles: json("roles"),
            work_mode: 0,
            initiator_role: text(initiator("role")),
            initiator_party_id: text(initiator("party_id")).parse().unwrap_or(0),
            runtime_conf_on_party: json("runtime_conf_on_party"),
            parent_info: json("parent_info"),
        }
    }
}

fn keyed(model: &ArchivedModel) -> Vec<(String, Vec<u8>)> {
    let key = |name: &str| format!("{}.{}:{name}", model.step, model.alias);
    let known: Vec<_> = members(&model.module, &model.view)
        .into_iter()
        .map(|member| (key(&member.name), member.bytes))
        .collect();
    if known.is_empty() {
        vec![(
            key(&format!("{}Model", model.module)),
            model.content.clone(),
        )]
    } else {
        known
    }
}

/// A whole number of 64 bits, which JSON of protocol buffers writes as text.
fn long<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    match Value::deserialize(from)? {
        Value::String(text) => text.parse().map_err(serde::de::Error::custom),
        Value::Number(number) => number
            .as_i64()
            .ok_or_else(|| serde::de::Error::custom("not a whole number")),
        Value::Null => Ok(0),
        _ => Err(serde::de::Error::custom("not a number")),
    }
}

/// What a vertical logistic regression learned.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LrModelParam {
    /// Turns trained.
    #[prost(int32, tag = "1")]
    pub iters: i32,
    /// Loss after each turn.
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
    pub one_vs_rest_result: Option<OneVsRestResult>,
    /// Whether there are several classes.
    #[prost(bool, tag = "8")]
    pub need_one_vs_rest: bool,
    /// The best turn, -1 for the last.
    #[prost(int32, tag = "9")]
    pub best_iteration: i32,
}

/// One model for each class.
#[derive(Clone, PartialEq, Message, Deserialize)]
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
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SingleModel {
    /// Turns trained.
    #[prost(int32, tag = "1")]
    pub iters: i32,
    /// Loss after each turn.
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
    /// The best turn, -1 for the last.
    #[prost(int32, tag = "7")]
    pub best_iteration: i32,
}

/// How a logistic regression was trained.
#[derive(Clone, PartialEq, Message, Deserialize)]
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
    #[serde(deserialize_with = "long")]
    pub batch_size: i64,
    /// The learning rate.
    #[prost(double, tag = "7")]
    pub learning_rate: f64,
    /// Most turns.
    #[prost(int64, tag = "8")]
    #[serde(deserialize_with = "long")]
    pub max_iter: i64,
    /// The rule of convergence.
    #[prost(string, tag = "9")]
    pub early_stop: String,
    /// Batches between encryptions.
    #[prost(int64, tag = "10")]
    #[serde(deserialize_with = "long")]
    pub re_encrypt_batches: i64,
    /// Whether there is an intercept.
    #[prost(bool, tag = "11")]
    pub fit_intercept: bool,
    /// Whether there are several classes.
    #[prost(bool, tag = "12")]
    pub need_one_vs_rest: bool,
    /// How to predict.
    #[prost(message, optional, tag = "13")]
    pub predict_param: Option<PredictParam>,
    /// Who sees the weights.
    #[prost(string, tag = "14")]
    pub reveal_strategy: String,
    /// The module.
    #[prost(string, tag = "15")]
    pub module: String,
}

/// How to predict.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PredictParam {
    /// Scores above it are class 1.
    #[prost(double, tag = "1")]
    pub threshold: f64,
}

/// The documents of a model version. Fields of bytes hold JSON.
#[derive(Clone, PartialEq, Message)]
pub struct Pipeline {
    /// The DSL to predict with.
    #[prost(bytes = "vec", tag = "1")]
    pub inference_dsl: Vec<u8>,
    /// The DSL of the training.
    #[prost(bytes = "vec", tag = "2")]
    pub train_dsl: Vec<u8>,
    /// The conf of the training.
    #[prost(bytes = "vec", tag = "3")]
    pub train_runtime_conf: Vec<u8>,
    /// The version of the server.
    #[prost(string, tag = "4")]
    pub fate_version: String,
    /// The model.
    #[prost(string, tag = "5")]
    pub model_id: String,
    /// Its version.
    #[prost(string, tag = "6")]
    pub model_version: String,
    /// Whether it comes from training, not from a deployment.
    #[prost(bool, tag = "7")]
    pub parent: bool,
    /// How often it was loaded.
    #[prost(int32, tag = "8")]
    pub loaded_times: i32,
    /// The parties of each role.
    #[prost(bytes = "vec", tag = "9")]
    pub roles: Vec<u8>,
    /// No longer used.
    #[prost(int32, tag = "10")]
    pub work_mode: i32,
    /// The initiator's role.
    #[prost(string, tag = "11")]
    pub initiator_role: String,
    /// The initiator's party; 0 when its id is no number of 32 bits.
    #[prost(int32, tag = "12")]
    pub initiator_party_id: i32,
    /// The conf as this party has it.
    #[prost(bytes = "vec", tag = "13")]
    pub runtime_conf_on_party: Vec<u8>,
    /// The version that it was deployed from.
    #[prost(bytes = "vec", tag = "14")]
    pub parent_info: Vec<u8>,
}
