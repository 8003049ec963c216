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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_has_not_come_back() {
        let numbers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.1];
        let saved = SavedModel {
            component: "template_local".to_owned(),
            component_version: 1,
            role: Role::Guest,
            bytes: rmp_serde::to_vec_named(&numbers).expect("written"),
        };
        let read: [f64; 5] = saved.read().expect("read");
        assert_eq!(read.map(f64::to_bits), numbers.map(f64::to_bits));
    }
}
