//! An archive as FATE's serving reads it: every model as the protocol buffers of `fate-models`. Modules without a message there
//! keep our own bytes.

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use fate_models::{Pipeline, messages};
use prost::Message;
use serde_json::{Map, Value};

use crate::{Archive, ArchivedModel};

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
            // FATE uses it no more, but its message still has the field.
            work_mode: 0,
            initiator_role: text(initiator("role")),
            // FATE's field has 32 bits. Ids that are no such number stand in the documents beside
            // it.
            initiator_party_id: text(initiator("party_id")).parse().unwrap_or(0),
            runtime_conf_on_party: json("runtime_conf_on_party"),
            parent_info: json("parent_info"),
        }
    }
}

fn keyed(model: &ArchivedModel) -> Vec<(String, Vec<u8>)> {
    let key = |name: &str| format!("{}.{}:{name}", model.step, model.alias);
    let known: Vec<_> = messages(&model.module, &model.view)
        .into_iter()
        .map(|message| (key(&message.name), message.bytes))
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
