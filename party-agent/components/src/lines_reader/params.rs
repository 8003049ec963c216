//! The parameters of lines_reader: which lines.

use component_kit::{Check, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most lines that a job may give.
const MOST_LINES: usize = 10_000;

/// A table of the party.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// The group of tables.
    pub namespace: String,
    /// The table in the group.
    pub name: String,
}

/// Parameters of `lines_reader`: one of the three.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The file: `files://folder/name`, or a path under the party's import folder. Default null.
    pub file: Option<String>,
    /// A table, whose rows are taken as lines. Default null.
    pub table: Option<Stored>,
    /// The lines themselves, at most 10000. Default null.
    pub lines: Option<Vec<String>>,
}

impl Check for Params {
    fn check(&self, problems: &mut Problems) {
        let given = [
            self.file.is_some(),
            self.table.is_some(),
            self.lines.is_some(),
        ];
        problems.expect(
            given.into_iter().filter(|given| *given).count() == 1,
            "file",
            || "one of file, table and lines must be given, and only one".to_owned(),
        );
        let named = self.file.as_ref().is_none_or(|file| !file.is_empty());
        problems.expect(named, "file", || "no file is named".to_owned());
        let lines = self.lines.as_ref().map_or(0, Vec::len);
        problems.expect(lines <= MOST_LINES, "lines", || {
            format!("{lines} lines are more than {MOST_LINES}")
        });
    }
}
