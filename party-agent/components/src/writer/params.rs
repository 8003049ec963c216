//! The parameters of a writer: which table, and where it goes.

use component_kit::{Problems, params};
use serde_json::{Map, Value};

params! {
    /// Parameters of `writer`.
    pub struct Params {
        /// The table's group. Default null; needed unless a table comes in at `data`.
        namespace: Option<String>;
        /// The table's name; FATE's requests write `table_name`. Default null; needed unless a table comes in at `data`.
        #[serde(alias = "table_name")]
        name: Option<String>;
        /// The group of the new table. Default null.
        output_namespace: Option<String>;
        /// The name of the new table; stands above `storage_engine`. Default null.
        output_name: Option<String>;
        /// Where rows go instead: `LOCALFS` or `PATH`, a file of the party. Default null.
        #[serde(alias = "engine")]
        storage_engine: Option<String>;
        /// The place in that engine: `path`, under the party's export folder. Default null.
        #[serde(alias = "storage_address")]
        address: Option<Map<String, Value>>;
        /// What separates columns in a file: one ASCII character. Default `,`.
        delimiter: String = ",", in one_ascii();
        /// Partitions of the new table, 1 to 1023. Default null, as many as the table has.
        #[serde(alias = "partition")]
        partitions: Option<u32>, in 1..=1023;
        /// Whether a table of the new name is replaced; only for the party's own users. Default false.
        // The word of FATE's other requests.
        #[serde(alias = "drop")]
        destroy: bool = false;
    }
    check |own, problems| {
        own.check_place(problems);
    }
}

fn said(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

impl Params {
    /// The stored table that is named, if one is.
    pub(super) fn source(&self) -> Option<(&str, &str)> {
        said(&self.namespace).zip(said(&self.name))
    }

    /// The new table's namespace and name, if the table goes to one.
    pub(super) fn output(&self) -> Option<(&str, &str)> {
        said(&self.output_namespace).zip(said(&self.output_name))
    }

    /// The file that is named, if the table goes to one.
    pub(super) fn path(&self) -> Option<&str> {
        self.address
            .as_ref()?
            .get("path")?
            .as_str()
            .filter(|path| !path.is_empty())
    }

    fn check_place(&self, problems: &mut Problems) {
        let half = said(&self.namespace).is_some() != said(&self.name).is_some();
        problems.expect(!half, "name", || {
            "a table is named by namespace and name".to_owned()
        });
        let half = said(&self.output_namespace).is_some() != said(&self.output_name).is_some();
        problems.expect(!half, "output_name", || {
            "the new table is named by output_namespace and output_name".to_owned()
        });
        // One problem is told: a half-named table says nothing about a file.
        if half || self.output().is_some() {
            return;
        }
        let Some(engine) = said(&self.storage_engine) else {
            return problems.expect(false, "output_name", || {
                "neither a new table nor a storage is named".to_owned()
            });
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
