//! What a table's columns mean. The same schema serves raw tables, instances and predictions; FATE's words for it
//! (sid, header, meta) are rendered here.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Result, TableError};

/// What a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    /// Text as it was uploaded.
    Raw,
    /// Rows made ready to learn from.
    Instances,
    /// What a model said of each row.
    Predictions,
}

/// How a column's values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Text; may be missing.
    Text,
    /// 64-bit floating point; NaN is missing.
    Float,
    /// 64-bit integers; never missing.
    Integer,
}

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Something to learn from, or any column of a raw table.
    Feature,
    /// What is to be learned.
    Label,
    /// How much the row counts.
    Weight,
    /// The id by which parties match rows, when it is not the row's own id.
    MatchId,
    /// Something a model said.
    Prediction,
}

/// One column besides the id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name, unique in the table.
    pub name: String,
    /// How its values are kept.
    pub kind: ColumnKind,
    /// What it is for.
    pub part: Part,
}

impl Column {
    /// Describes a column.
    pub fn new(name: impl Into<String>, kind: ColumnKind, part: Part) -> Self {
        Self {
            name: name.into(),
            kind,
            part,
        }
    }
}

/// What a table's columns are, in stored order; the id column stands apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// What the table holds.
    pub kind: TableKind,
    /// Name of the id column (FATE: sid); empty when the file had no header.
    pub id_name: String,
    /// Whether the file it came from had a header line.
    pub header: bool,
    /// What separates values when the table is written as text.
    pub delimiter: char,
    /// The columns besides the id.
    pub columns: Vec<Column>,
    /// Whatever else documents attach (FATE: meta, anonymous header).
    // Tables of earlier versions have none in their description.
    #[serde(default)]
    pub meta: Map<String, Value>,
}

impl Schema {
    /// A schema with a header, commas and no meta.
    pub fn new(kind: TableKind, id_name: impl Into<String>, columns: Vec<Column>) -> Self {
        Self {
            kind,
            id_name: id_name.into(),
            header: true,
            delimiter: ',',
            columns,
            meta: Map::new(),
        }
    }

    /// The schema of a learner's output: label, predict_result, predict_score, predict_detail (JSON text), type.
    /// `outcome` is how labels and results are kept: integers for classes, floats for regression.
    pub fn predictions(id_name: impl Into<String>, outcome: ColumnKind) -> Self {
        let columns = vec![
            Column::new("label", outcome, Part::Label),
            Column::new("predict_result", outcome, Part::Prediction),
            Column::new("predict_score", ColumnKind::Float, Part::Prediction),
            Column::new("predict_detail", ColumnKind::Text, Part::Prediction),
            Column::new("type", ColumnKind::Text, Part::Prediction),
        ];
        Self::new(TableKind::Predictions, id_name, columns)
    }

    /// Position of a column in stored order.
    pub fn position(&self, column: &str) -> Result<usize> {
        let position = self.columns.iter().position(|own| own.name == column);
        position.ok_or_else(|| TableError::ColumnMissing {
            column: column.to_owned(),
        })
    }

    /// The column of that name, if there is one.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Names of the columns of one part, in stored order.
    pub fn names_of(&self, part: Part) -> Vec<&str> {
        self.columns
            .iter()
            .filter(|column| column.part == part)
            .map(|column| column.name.as_str())
            .collect()
    }

    /// Names of the feature columns, in stored order.
    pub fn features(&self) -> Vec<&str> {
        self.names_of(Part::Feature)
    }

    /// The label column, if there is one.
    pub fn label(&self) -> Option<&Column> {
        self.first_of(Part::Label)
    }

    /// The weight column, if there is one.
    pub fn weight(&self) -> Option<&Column> {
        self.first_of(Part::Weight)
    }

    /// The match id column, if there is one.
    pub fn match_id(&self) -> Option<&Column> {
        self.first_of(Part::MatchId)
    }

    fn first_of(&self, part: Part) -> Option<&Column> {
        self.columns.iter().find(|column| column.part == part)
    }

    /// The header as FATE keeps it: instances list their features, other tables every column after the id, joined by
    /// the delimiter; empty for a file without a header.
    pub fn header_line(&self) -> String {
        if !self.header {
            return String::new();
        }
        let names: Vec<&str> = self
            .header_positions()
            .into_iter()
            .filter_map(|at| self.columns.get(at))
            .map(|column| column.name.as_str())
            .collect();
        names.join(self.delimiter.encode_utf8(&mut [0; 4]))
    }

    /// Positions of the columns that the header line names.
    pub(crate) fn header_positions(&self) -> Vec<usize> {
        let features_only = self.kind == TableKind::Instances;
        let shown = |column: &Column| !features_only || column.part == Part::Feature;
        self.columns
            .iter()
            .enumerate()
            .filter(|(_, column)| shown(column))
            .map(|(at, _)| at)
            .collect()
    }

    /// Column names as rows are shown: id, match id, label, weight, then the rest in stored order.
    pub fn display_header(&self) -> Vec<String> {
        let names = self
            .display_order()
            .into_iter()
            .filter_map(|at| self.columns.get(at))
            .map(|column| column.name.clone());
        std::iter::once(self.id_name.clone()).chain(names).collect()
    }

    /// Stored positions of the columns in the order in which rows are shown (the id comes before them).
    pub fn display_order(&self) -> Vec<usize> {
        let rank = |part: Part| match part {
            Part::MatchId => 0,
            Part::Label => 1,
            Part::Weight => 2,
            Part::Feature | Part::Prediction => 3,
        };
        let mut order: Vec<(u8, usize)> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| (rank(column.part), at))
            .collect();
        order.sort_unstable();
        order.into_iter().map(|(_, at)| at).collect()
    }

    /// How each column is kept, in stored order.
    pub fn kinds(&self) -> Vec<ColumnKind> {
        self.columns.iter().map(|column| column.kind).collect()
    }

    /// Refuses a schema in which a column name stands twice.
    pub fn check(&self) -> Result<()> {
        let mut seen = HashSet::new();
        match self
            .columns
            .iter()
            .find(|column| !seen.insert(column.name.as_str()))
        {
            Some(column) => Err(TableError::ColumnRepeated {
                column: column.name.clone(),
            }),
            None => Ok(()),
        }
    }

    /// The schema as bytes that depend on its meaning only: object keys are sorted.
    pub(crate) fn canonical_bytes(&self) -> Result<Vec<u8>> {
        let unwritable = |error: serde_json::Error| TableError::SchemaMismatch {
            reason: error.to_string(),
        };
        let mut document = serde_json::to_value(self).map_err(unwritable)?;
        // The hash of a table is made of this: keys in another order must not make another table.
        document.sort_all_objects();
        serde_json::to_vec(&document).map_err(unwritable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instances() -> Schema {
        let columns = vec![
            Column::new("x0", ColumnKind::Float, Part::Feature),
            Column::new("w", ColumnKind::Float, Part::Weight),
            Column::new("x1", ColumnKind::Float, Part::Feature),
            Column::new("y", ColumnKind::Integer, Part::Label),
            Column::new("m", ColumnKind::Text, Part::MatchId),
        ];
        Schema::new(TableKind::Instances, "sid", columns)
    }

    #[test]
    fn shows_id_match_id_label_weight_then_features() {
        assert_eq!(
            instances().display_header(),
            ["sid", "m", "y", "w", "x0", "x1"]
        );
        assert_eq!(instances().header_line(), "x0,x1");
    }

    #[test]
    fn shows_predictions_as_clients_expect_them() {
        let schema = Schema::predictions("id", ColumnKind::Integer);
        assert_eq!(
            schema.display_header(),
            [
                "id",
                "label",
                "predict_result",
                "predict_score",
                "predict_detail",
                "type"
            ]
        );
    }

    #[test]
    fn gives_a_file_without_header_an_empty_header_line() {
        let raw = Schema {
            header: false,
            id_name: String::new(),
            kind: TableKind::Raw,
            ..instances()
        };
        assert_eq!(raw.header_line(), "");
    }

    #[test]
    fn refuses_a_repeated_column() {
        let mut schema = instances();
        schema
            .columns
            .push(Column::new("x0", ColumnKind::Text, Part::Feature));
        assert!(
            matches!(schema.check(), Err(TableError::ColumnRepeated { column }) if column == "x0")
        );
    }

    #[test]
    fn survives_a_round_trip_and_ignores_key_order_in_its_canonical_form() {
        let mut schema = instances();
        schema.meta.insert("b".into(), 1.into());
        schema.meta.insert("a".into(), 2.into());
        let text = serde_json::to_string(&schema).expect("write");
        let back: Schema = serde_json::from_str(&text).expect("read");
        assert_eq!(back, schema);
        let mut other = instances();
        other.meta.insert("a".into(), 2.into());
        other.meta.insert("b".into(), 1.into());
        assert_eq!(
            schema.canonical_bytes().expect("bytes"),
            other.canonical_bytes().expect("bytes")
        );
    }
}
