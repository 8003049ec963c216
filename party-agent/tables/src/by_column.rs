//! Work by column: what needs all values of a column at once, such as a quantile, a few columns at a time.

use rayon::prelude::*;

use crate::error::TableError;
use crate::schema::{Column, ColumnKind, Part};
use crate::table::Table;
use crate::values::Values;

/// Cells that are in memory at once, where a column is not longer: 32 MiB of numbers.
const CELLS: usize = 4 << 20;

impl Table {
    /// Gives `each` a column after the other, as numbers in row order: its position in `columns`, and its values. NaN is missing,
    /// and what is infinite is missing, too; text is read with the usual markers.
    ///
    /// Columns are worked on by the threads of the pool that this is called in. As many are loaded at once as have 4 million
    /// cells, and at least one; each partition is read once for all of these. Once the work is stopped no further column is begun.
    pub fn each_column<T: Send, E: From<TableError> + Send>(
        &self,
        columns: &[&str],
        each: impl Fn(usize, Vec<f64>) -> Result<T, E> + Sync,
    ) -> Result<Vec<T>, E> {
        self.columns_in_blocks(CELLS, columns, each)
    }

    /// The table with these columns as numbers, each made of the one that stands there: `each` gets the position in `columns`, and
    /// the number, NaN where it is missing. Partition by partition, as [`Table::map_partitions`].
    pub fn map_floats(
        &self,
        columns: &[&str],
        each: impl Fn(usize, f64) -> f64 + Sync,
    ) -> Result<Table, TableError> {
        self.map_partitions(|part, before| {
            let mut made = Vec::with_capacity(columns.len());
            for (at, name) in columns.iter().enumerate() {
                part.stop().go_on()?;
                let column = part.schema().column(name);
                let part_of_row = column.map_or(Part::Feature, |column| column.part);
                let numbers = part.floats(name).map_err(|error| error.below(before))?;
                let numbers = numbers.into_iter().map(|number| each(at, number));
                let column = Column::new(*name, ColumnKind::Float, part_of_row);
                made.push((column, Values::Float(numbers.collect())));
            }
            part.with_columns(made)
        })
    }

    fn columns_in_blocks<T: Send, E: From<TableError> + Send>(
        &self,
        cells: usize,
        columns: &[&str],
        each: impl Fn(usize, Vec<f64>) -> Result<T, E> + Sync,
    ) -> Result<Vec<T>, E> {
        // Whole columns, as each is needed at once; so many that memory stays the same for any
        // table.
        let width = (cells / self.rows().max(1)).max(1);
        let mut made = Vec::with_capacity(columns.len());
        for names in columns.chunks(width) {
            let block = self.select(names)?.fold_partitions(
                |part, before| numbers(part, names, before),
                |mut all, more| {
                    let pairs = all.iter_mut().zip(more);
                    pairs.for_each(|(column, more): (&mut Vec<f64>, _)| column.extend(more));
                    all
                },
            )?;
            let first = made.len();
            let work = |(at, values)| {
                // Asked before each column: a stop must not wait for a block of them.
                self.stop().go_on().map_err(TableError::from)?;
                each(first + at, values)
            };
            let of_block: Result<Vec<T>, E> = block.into_par_iter().enumerate().map(work).collect();
            made.extend(of_block?);
        }
        Ok(made)
    }
}

fn numbers(part: &Table, names: &[&str], before: usize) -> Result<Vec<Vec<f64>>, TableError> {
    let columns = names.iter().map(|name| part.floats(name));
    columns
        .collect::<Result<_, _>>()
        .map_err(|error| error.below(before))
}

impl TableError {
    /// The error with its row counted from the start of a table, where it was counted below so many others.
    #[must_use]
    pub fn below(self, rows: usize) -> Self {
        match self {
            Self::NotANumber {
                column,
                row,
                wanted,
            } => Self::NotANumber {
                column,
                row: rows + row,
                wanted,
            },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use vocabulary::Stop;

    use super::*;
    use crate::{Schema, TableKind};

    fn table(rows: usize, columns: usize, partitions: u32) -> Table {
        let column = |at| Column::new(format!("x{at}"), ColumnKind::Float, Part::Feature);
        let schema = Schema::new(
            TableKind::Instances,
            "id",
            (0..columns).map(column).collect(),
        );
        let ids = (0..rows).map(|row| format!("r{row}")).collect();
        let values = |at: usize| (0..rows).map(|row| (row * 1000 + at) as f64).collect();
        let values = (0..columns).map(|at| Values::Float(values(at))).collect();
        let table = Table::from_columns(schema, ids, values).expect("a table");
        table.in_partitions(partitions).expect("partitions")
    }

    #[test]
    fn every_column_comes_once_and_whole_whatever_the_blocks() {
        let table = table(10, 7, 3);
        let names: Vec<String> = (0..7).map(|at| format!("x{at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for cells in [1, 25, 1000] {
            let each = |at: usize, values: Vec<f64>| Ok::<_, TableError>((at, values));
            let made = table.columns_in_blocks(cells, &names, each).expect("made");
            for (at, (position, values)) in made.iter().enumerate() {
                assert_eq!(*position, at);
                assert_eq!(values, &table.floats(names[at]).expect("numbers"));
            }
            assert_eq!(made.len(), 7);
        }
    }

    #[test]
    fn no_rows_give_empty_columns_and_no_columns_give_nothing() {
        let each = |_, values: Vec<f64>| Ok::<_, TableError>(values.len());
        assert_eq!(
            table(0, 2, 1)
                .each_column(&["x0", "x1"], each)
                .expect("made"),
            [0, 0]
        );
        assert_eq!(table(3, 2, 1).each_column(&[], each).expect("made"), [0; 0]);
    }

    #[test]
    fn a_cell_that_is_no_number_is_named_by_its_row_in_the_table() {
        let text = Column::new("x", ColumnKind::Text, Part::Feature);
        let schema = Schema::new(TableKind::Instances, "id", vec![text]);
        let ids = (0..6).map(|row| row.to_string()).collect();
        let texts = ["1", "2", "3", "4", "five", "6"];
        let table = Table::from_columns(schema, ids, vec![Values::of_texts(texts)]);
        let table = table
            .expect("a table")
            .in_partitions(3)
            .expect("partitions");
        let made = table.each_column(&["x"], |_, values| Ok::<_, TableError>(values));
        match made {
            Err(TableError::NotANumber { column, row, .. }) => {
                assert_eq!((column.as_str(), row), ("x", 4))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn numbers_are_replaced_where_they_stand() {
        let table = table(10, 3, 4);
        let made = table.map_floats(&["x2", "x0"], |at, number| number + (at as f64 + 1.0) / 4.0);
        let made = made.expect("made");
        assert_eq!(made.schema().columns, table.schema().columns);
        assert_eq!(made.ids().expect("ids"), table.ids().expect("ids"));
        let plus = |name: &str, more: f64| {
            let numbers = table.floats(name).expect("numbers").into_iter();
            numbers.map(|number| number + more).collect::<Vec<_>>()
        };
        for (name, more) in [("x0", 0.5), ("x1", 0.0), ("x2", 0.25)] {
            assert_eq!(made.floats(name).expect("numbers"), plus(name, more));
        }
        assert!(table.map_floats(&["x9"], |_, number| number).is_err());
    }

    #[test]
    fn no_column_is_begun_once_the_work_is_stopped() {
        let table = table(4, 2, 1).watched(Stop::when(|| true));
        let each = |_, values: Vec<f64>| Ok::<_, TableError>(values);
        let made = table.each_column(&["x0"], each);
        assert!(matches!(made, Err(TableError::Stopped(_))), "{made:?}");
    }
}
