//! What FATE's documents say, each part read by itself.

pub(crate) mod code_path;
pub(crate) mod conf;
pub(crate) mod dsl;
pub(crate) mod parameters;
pub(crate) mod v1;
