//! The parameters of a download.

use component_kit::{Check, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `download`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The table's group; needed.
    pub namespace: String,
    /// The table's name; needed.
    pub name: String,
    /// Where to write, under the party's export folder; needed.
    pub output_path: String,
    /// What separates columns: one character. FATE's older clients write `delimitor`. Default empty: what separated them when the
    /// table was made.
    #[serde(alias = "delimitor")]
    pub delimiter: String,
}

impl Check for Params {
    fn check(&self, problems: &mut Problems) {
        problems.expect(!self.namespace.is_empty(), "namespace", || {
            "no namespace is named".to_owned()
        });
        problems.expect(!self.name.is_empty(), "name", || {
            "no table is named".to_owned()
        });
        problems.expect(!self.output_path.is_empty(), "output_path", || {
            "no path is named".to_owned()
        });
        let mut delimiter = self.delimiter.chars();
        let single =
            matches!((delimiter.next(), delimiter.next()), (Some(first), None) if first.is_ascii());
        problems.expect(single || self.delimiter.is_empty(), "delimiter", || {
            format!("{:?} is not one ASCII character", self.delimiter)
        });
    }
}
