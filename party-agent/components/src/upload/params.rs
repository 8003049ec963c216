//! The parameters of an upload: FATE's upload fields, and where the file already is.

use component_kit::{Result, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vocabulary::{ErrorCode, Fault};

/// A whole number as clients write it: `1`, `"1"` or `true`.
// FATE's clients write flags as numbers, truth values or texts: all three are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Whole {
    /// A number.
    Number(i64),
    /// A truth value: 1 or 0.
    Flag(bool),
    /// A number as text.
    Text(String),
}

impl Whole {
    fn is_flag(&self) -> Result<(), &'static str> {
        self.number().map(drop).ok_or("neither true nor false")
    }

    /// The number; none for text that is no number.
    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Flag(flag) => Some(i64::from(*flag)),
            Self::Text(text) => {
                // A number before a truth value: "1" is both.
                let number = text.trim().parse().ok();
                number.or_else(|| vocabulary::truth_of_text(text).map(i64::from))
            }
        }
    }

    /// Whether it is not 0.
    pub(super) fn is_set(&self) -> bool {
        self.number().is_some_and(|number| number != 0)
    }
}

params! {
    /// Parameters of `upload`.
    pub struct Params {
        /// The file's name, or its path under the party's import folder. Needed unless `staged` is set.
        file: String = "";
        /// The name under which the party's own REST endpoint has put the file aside; stands above `file`. Default null.
        staged: Option<String>;
        /// 1 when the first line names the columns, 0 when it does not. Default 1.
        head: Whole = Whole::Number(1);
        /// What separates columns: one ASCII character, or `\t` for a tab. Default `,`.
        id_delimiter: String = ",", in one_ascii_or(&["\\t"]);
        /// Partitions of the table, 1 to 1023. Default 10.
        partition: Whole = Whole::Number(10);
        /// The table's group; needed.
        namespace: String = "", in filled("the table needs a namespace");
        /// The table's name; needed.
        name: String = "", in filled("the table needs a name");
        /// Accepted, not used: there is one storage engine. An unknown word is refused. Default null.
        storage_engine: Option<String>;
        /// Accepted, not used: there is one storage engine. Default null.
        storage_address: Option<Value>;
        /// Whether a table of that name is replaced. Default false.
        destroy: Whole = Whole::Flag(false), check Whole::is_flag;
        /// Whether rows are added to a table of that name. Not together with `destroy`. Default false.
        append: Whole = Whole::Flag(false), check Whole::is_flag;
        /// Whether ids are made up; every column is then a value. Default false.
        extend_sid: Whole = Whole::Flag(false), check Whole::is_flag;
        /// With `extend_sid`: whether ids are line numbers. Default false.
        auto_increasing_sid: Whole = Whole::Flag(false), check Whole::is_flag;
        /// Accepted, not used. Default 1.
        block_size: Whole = Whole::Number(1);
        /// Fields that replace those of the derived schema. Default empty.
        schema: Option<Map<String, Value>>;
        /// Whether `meta` goes with the table, so that data_transform obeys it. Default false.
        with_meta: Whole = Whole::Flag(false), check Whole::is_flag;
        /// How rows are to be read later: delimiter, input_format, data_type, with_label, label_name, … Default empty.
        meta: Option<Map<String, Value>>;
    }
    check |own, problems| {
        problems.expect(!own.source().is_empty(), "file", || "no file is named".to_owned());
        let both = own.destroy.is_set() && own.append.is_set();
        problems.expect(!both, "append", || "a table cannot be replaced and added to at once".to_owned());
    }
}

impl Params {
    /// The partitions asked for; 0 when they are out of bounds.
    pub(super) fn partitions(&self) -> u32 {
        let number = self
            .partition
            .number()
            .and_then(|number| u32::try_from(number).ok());
        number
            .filter(|number| (1..=1023).contains(number))
            .unwrap_or(0)
    }

    /// What FATE refuses when the task runs, and not when the job is submitted: clients count on a job that fails.
    pub(super) fn usable(&self) -> Result<()> {
        let wrong = |path: &str, text: String| {
            Err(Fault::new(ErrorCode::ParameterInvalid, text)
                .path(path)
                .into())
        };
        if !matches!(self.head.number(), Some(0 | 1)) {
            return wrong(
                "head",
                "head must be 1 (the first line names the columns) or 0".to_owned(),
            );
        }
        if self.partitions() == 0 {
            return wrong("partition", "partition must be 1 to 1023".to_owned());
        }
        match &self.storage_engine {
            Some(engine) if !ENGINES.iter().any(|word| word.eq_ignore_ascii_case(engine)) => wrong(
                "storage_engine",
                format!("can not support this storage engine: {engine}"),
            ),
            _ => Ok(()),
        }
    }

    /// What is read: the staged file, or the named one.
    pub(super) fn source(&self) -> &str {
        self.staged.as_deref().unwrap_or(&self.file)
    }
}

/// Engines that FATE knows; all of them are the table store here.
const ENGINES: &[&str] = &[
    "EGGROLL",
    "STANDALONE",
    "LOCALFS",
    "HDFS",
    "MYSQL",
    "SIMPLE",
    "PATH",
    "HIVE",
    "LINKIS_HIVE",
    "API",
];
