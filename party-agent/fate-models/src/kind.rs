//! What FATE's modules store: which messages, and under which names.

use prost::Message;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::model::FateModel;
use crate::{DataIo, DataStatistics, DataTransform, FeatureScale, HeteroLinR, HeteroLr};

/// A model in the form in which it is told and kept: `{"meta": …, "param": …}`.
pub fn view<K: FateModel>(meta: &K::Meta, param: &K::Param) -> Value {
    // Structs of numbers, texts, lists and maps with text keys always have a JSON.
    let json = |message: serde_json::Result<Value>| message.unwrap_or(Value::Null);
    json!({
        "meta": json(serde_json::to_value(meta)),
        "param": json(serde_json::to_value(param)),
    })
}

/// A message as FATE stores it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredMessage {
    /// FATE's name of it (`HeteroLogisticRegressionParam`).
    pub name: String,
    /// What the message is called (`LRModelParam`).
    pub class: String,
    /// The message's bytes.
    pub bytes: Vec<u8>,
    /// The message as JSON.
    pub json: Value,
}

/// How a part of a view becomes a message's bytes.
type Encode = fn(&Value) -> Option<Vec<u8>>;

/// A [`FateModel`] as a value.
struct Kind {
    module: &'static str,
    stem: &'static str,
    parts: [(&'static str, &'static str, Encode); 2],
}

impl Kind {
    const fn of<K: FateModel>() -> Self {
        let [meta, param] = K::CLASSES;
        Self {
            module: K::MODULE,
            stem: K::STEM,
            parts: [
                ("Meta", meta, encoded::<K::Meta>),
                ("Param", param, encoded::<K::Param>),
            ],
        }
    }
}

/// Every kind of model that is known.
// As values, because archives know a module only by its name when they read a model.
const KINDS: &[Kind] = &[
    Kind::of::<DataIo>(),
    Kind::of::<DataStatistics>(),
    Kind::of::<DataTransform>(),
    Kind::of::<FeatureScale>(),
    Kind::of::<HeteroLinR>(),
    Kind::of::<HeteroLr>(),
];

fn encoded<M: Message + DeserializeOwned>(json: &Value) -> Option<Vec<u8>> {
    serde_json::from_value::<M>(json.clone())
        .ok()
        .map(|message| message.encode_to_vec())
}

/// The messages of a module's model, from its view; none where the module has none here, or where its view was not kept.
pub fn messages(module: &str, view: &Value) -> Vec<StoredMessage> {
    let Some(kind) = KINDS.iter().find(|kind| kind.module == module) else {
        return Vec::new();
    };
    let message = |(ending, class, encode): &(&str, &'static str, Encode)| {
        let json = view.get(ending.to_lowercase())?.clone();
        Some(StoredMessage {
            name: format!("{}{ending}", kind.stem),
            class: (*class).to_owned(),
            // A view that is no such message is left out: the archive has the content itself.
            bytes: encode(&json)?,
            json,
        })
    };
    kind.parts.iter().filter_map(message).collect()
}
