//! What a fit leaves at a participant.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use vocabulary::{ErrorCode, Fault, Role};

/// A saved model: whose it is, and its content as MessagePack with named fields.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedModel {
    /// The component that can read it.
    pub component: String,
    /// The version of that component.
    pub component_version: u32,
    /// The role that left it.
    pub role: Role,
    /// The content.
    pub bytes: Vec<u8>,
}

impl SavedModel {
    /// Reads the content.
    pub fn read<M: DeserializeOwned>(&self) -> Result<M, Fault> {
        rmp_serde::from_slice(&self.bytes).map_err(|error| {
            let text = format!("the saved {} model cannot be read: {error}", self.component);
            Fault::new(ErrorCode::ModelMissing, text)
                .next("train the model again with this version")
        })
    }
}
