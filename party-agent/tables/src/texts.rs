//! Tables of lines: one column of text, ids that count from 1. Any other table can be read as lines, too.

use crate::error::Result;
use crate::schema::{Column, ColumnKind, Part, Schema, TableKind};
use crate::table::Table;
use crate::values::Values;

/// The name of the one column.
const LINE: &str = "line";

impl Table {
    /// A table of lines; their ids count from 1.
    pub fn of_lines(lines: Vec<String>) -> Result<Table> {
        let columns = vec![Column::new(LINE, ColumnKind::Text, Part::Feature)];
        let ids = (1..=lines.len()).map(|number| number.to_string()).collect();
        Table::from_columns(
            Schema::new(TableKind::Raw, "id", columns),
            ids,
            vec![Values::of_texts(lines)],
        )
    }

    /// The rows as lines: the one column, or all columns between commas; ids are left out.
    pub fn lines(&self) -> Result<Vec<String>> {
        let rows = self.preview(usize::MAX)?;
        Ok(rows
            .into_iter()
            .map(|row| row.get(1..).unwrap_or_default().join(","))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_as_they_were() {
        let lines = vec!["a,\"b\"".to_owned(), String::new(), "ü".to_owned()];
        let table = Table::of_lines(lines.clone()).unwrap();
        assert_eq!(table.ids().unwrap(), ["1", "2", "3"]);
        assert_eq!(table.lines().unwrap(), lines);
        assert_eq!(table.in_partitions(2).unwrap().lines().unwrap(), lines);
        assert!(Table::of_lines(vec![]).unwrap().lines().unwrap().is_empty());
    }

    #[test]
    fn other_tables_are_read_as_text() {
        let columns = vec![
            Column::new("a", ColumnKind::Float, Part::Feature),
            Column::new("b", ColumnKind::Text, Part::Feature),
        ];
        let schema = Schema::new(TableKind::Raw, "id", columns);
        let values = vec![Values::Float(vec![1.5]), Values::of_texts(["x"])];
        let table = Table::from_columns(schema, vec!["7".to_owned()], values).unwrap();
        assert_eq!(table.lines().unwrap(), ["1.5,x"]);
    }
}
