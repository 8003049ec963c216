//! A model in FATE's form: two messages under names that FATE gives them.

use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What one of FATE's modules stores: how it was trained (meta), and what it learned (param).
pub trait FateModel {
    /// How it was trained.
    type Meta: Message + Serialize + DeserializeOwned + Default;
    /// What it learned.
    type Param: Message + Serialize + DeserializeOwned + Default;
    /// The module.
    const MODULE: &'static str;
    /// What the names of both in a model store begin with; `Meta` and `Param` follow.
    const STEM: &'static str;
    /// What both messages are called.
    const CLASSES: [&'static str; 2];
}
