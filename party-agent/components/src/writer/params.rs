//! The parameters of a writer: which table, and where it goes.

use component_kit::{Check, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Parameters of `writer`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The table's group. Default null; needed unless a table comes in at `data`.
    pub namespace: Option<String>,
    /// The table's name; FATE's requests write `table_name`. Default null; needed unless a table comes in at `data`.
    #[serde(alias = "table_name")]
    pub name: Option<String>,
    /// The group of the new table. Default null.
    pub output_namespace: Option<String>,
    /// The name of the new table; stands above `storage_engine`. Default null.
    pub output_name: Option<String>,
    /// Where rows go instead: `LOCALFS` or `PATH`, a file of the party. Default null.
    #[serde(alias = "engine")]
    pub storage_engine: Option<String>,
    /// The place in that engine: `path`, under the party's export folder. Default null.
    #[serde(alias = "storage_address")]
    pub address: Option<Map<String, Value>>,
    /// What separates columns in a file: one ASCII character. Default `,`.
    pub delimiter: String,
    /// Partitions of the new table, 1 to 1023. Default null, as many as the table has.
    #[serde(alias = "partition")]
    pub partitions: Option<u32>,
    /// Whether a table of the new name is replaced; only for the party's own users. Default false.
    #[serde(alias = "drop")]
    pub destroy: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            namespace: None,
            name: None,
            output_namespace: None,
            output_name: None,
            storage_engine: None,
            address: None,
            delimiter: ",".to_owned(),
            partitions: None,
            destroy: false,
        }
    }
}

fn filled(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

impl Params {
    /// The stored table that is named, if one is.
    pub(super) fn source(&self) -> Option<(&str, &str)> {
        filled(&self.namespace).zip(filled(&self.name))
    }

    /// The new table's namespace and name, if the table goes to one.
    pub(super) fn output(&self) -> Option<(&str, &str)> {
        filled(&self.output_namespace).zip(filled(&self.output_name))
    }

    /// The file that is named, if the table goes to one.
    pub(super) fn path(&self) -> Option<&str> {
        self.address
            .as_ref()?
            .get("path")?
            .as_str()
            .filter(|path| !path.is_empty())
    }
}

impl Check for Params {
    fn check(&self, problems: &mut Problems) {
        let half = filled(&self.namespace).is_some() != filled(&self.name).is_some();
        problems.expect(!half, "name", || {
            "a table is named by namespace and name".to_owned()
        });
        let half = filled(&self.output_namespace).is_some() != filled(&self.output_name).is_some();
        problems.expect(!half, "output_name", || {
            "the new table is named by output_namespace and output_name".to_owned()
        });
        problems.expect(
            self.partitions
                .is_none_or(|number| (1..=1023).contains(&number)),
            "partitions",
            || "partitions must be 1 to 1023".to_owned(),
        );
        let mut delimiter = self.delimiter.chars();
        let single =
            matches!((delimiter.next(), delimiter.next()), (Some(first), None) if first.is_ascii());
        problems.expect(single, "delimiter", || {
            format!("{:?} is not one ASCII character", self.delimiter)
        });
        if half || self.output().is_some() {
            return;
        }
        let Some(engine) = filled(&self.storage_engine) else {
            problems.expect(false, "output_name", || {
                "neither a new table nor a storage is named".to_owned()
            });
            return;
        };
        let known = ["LOCALFS", "PATH"]
            .iter()
            .any(|word| word.eq_ignore_ascii_case(engine));
        problems.expect(known, "storage_engine", || {
            format!("can not support this storage engine: {engine}")
        });
        problems.expect(!known || self.path().is_some(), "address", || {
            "the address names no path".to_owned()
        });
    }
}
