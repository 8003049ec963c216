//! Copies a model of the party to its model store, and brings one back: two components that differ in the direction.

#[cfg(test)]
mod tests;

use component_kit::{
    Component, CopiedModel, Description, ModelCopy, ParamSet, Result, TaskContext, params,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vocabulary::{Role, Tells};

/// A truth value as clients write it: `true`, `1` or `"1"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Flag {
    /// A truth value.
    Truth(bool),
    /// 0 or another number.
    Number(i64),
    /// Either as text.
    Text(String),
}

impl Flag {
    fn truth(&self) -> Option<bool> {
        match self {
            Self::Truth(truth) => Some(*truth),
            Self::Number(number) => Some(*number != 0),
            Self::Text(text) => vocabulary::truth_of_text(text),
        }
    }

    /// A text that is neither would have a stored model replaced, or kept, against the wish.
    fn is_flag(&self) -> Result<(), &'static str> {
        self.truth().map(drop).ok_or("neither true nor false")
    }

    fn is_set(&self) -> bool {
        self.truth() == Some(true)
    }
}

/// Parameters that say which model is copied.
pub trait Copying: ParamSet {
    /// What is asked of the party's model store.
    fn request(self) -> ModelCopy;
}

/// Declares the parameters of one direction, under FATE's names.
macro_rules! copying {
    ($(#[$about:meta])* $name:ident) => {
        params! {
            $(#[$about])*
            pub struct $name {
                /// The party's part of the model, `guest#9999#…#model`; needed.
                model_id: String = "", in filled("no model is named");
                /// The version; needed.
                model_version: String = "", in filled("no version is named");
                /// Whether it takes the place of what is there. Default false.
                force_update: Flag = Flag::Truth(false), check Flag::is_flag;
                /// Accepted, not used: where models are stored is a setting of the party's agent. Default null.
                store_address: Option<Value>;
            }
        }

        impl Copying for $name {
            fn request(self) -> ModelCopy {
                ModelCopy {
                    party_model_id: self.model_id,
                    model_version: self.model_version,
                    replace: self.force_update.is_set(),
                }
            }
        }
    };
}

copying! {
    /// Parameters of `model_store`.
    #[schemars(title = "Params")]
    StoreParams
}
copying! {
    /// Parameters of `model_restore`.
    #[schemars(title = "Params")]
    RestoreParams
}

const fn described(name: &'static str, summary: &'static str) -> Description {
    Description::named(name, summary).roles(&[Role::Local])
}

/// The only step of a job that copies a model to the store.
pub struct ModelStore;

impl Component for ModelStore {
    type Params = StoreParams;

    const DESCRIPTION: Description = described(
        "model_store",
        "copies a model of the party to its model store",
    )
    .modules(&["ModelStore"]);

    async fn run(task: &TaskContext, params: StoreParams) -> Result<()> {
        let request = begin(task, params, "storing");
        let copied = task.store_model(request.clone()).await?;
        tell(task, &request, &copied, "stored");
        Ok(())
    }
}

/// The only step of a job that brings a model back from the store.
pub struct ModelRestore;

impl Component for ModelRestore {
    type Params = RestoreParams;

    const DESCRIPTION: Description = described(
        "model_restore",
        "brings a model of the party back from its model store",
    )
    .modules(&["ModelRestore"]);

    async fn run(task: &TaskContext, params: RestoreParams) -> Result<()> {
        let request = begin(task, params, "restoring");
        let copied = task.restore_model(request.clone()).await?;
        tell(task, &request, &copied, "restored");
        Ok(())
    }
}

fn begin(task: &TaskContext, params: impl Copying, doing: &str) -> ModelCopy {
    let request = params.request();
    let (model, version) = (&request.party_model_id, &request.model_version);
    task.info(format!("{doing} model {model} version {version}"));
    request
}

fn tell(task: &TaskContext, of: &ModelCopy, copied: &CopiedModel, done: &str) {
    let summary = json!({
        "model_id": of.party_model_id, "model_version": of.model_version, "place": copied.place, "bytes": copied.bytes,
    });
    task.metrics(&[Tells::Counts]).summary(&summary);
    task.progress(1.0, format!("{} bytes {done}", copied.bytes));
}
