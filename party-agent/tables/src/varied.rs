//! How many columns of a table say anything.

use ndarray::ArrayView1;

use crate::error::Result;
use crate::table::Table;

impl Table {
    /// Feature columns that have more than one value: what is made of a table's rows is made of those. A table of texts has none.
    pub fn varied_features(&self) -> usize {
        let names = self.schema().features();
        // The first known value of each column so far, and whether another was met.
        type CellForms = Vec<(Option<f64>, bool)>;
        let look = |part: &Table, _: usize| -> Result<CellForms> {
            let matrix = part.matrix(&names)?;
            let look = |values: ArrayView1<'_, f64>| {
                let mut known = values.iter().copied().filter(|value| value.is_finite());
                let first = known.next();
                (first, known.any(|value| Some(value) != first))
            };
            Ok(matrix.columns().into_iter().map(look).collect())
        };
        let join = |before: CellForms, more: CellForms| {
            let join =
                |((first, varies), (next, more)): ((Option<f64>, bool), (Option<f64>, bool))| {
                    let differs = first.is_some() && next.is_some() && first != next;
                    (first.or(next), varies || more || differs)
                };
            before.into_iter().zip(more).map(join).collect()
        };
        let found = self.fold_partitions(look, join);
        found.map_or(0, |found| {
            found.iter().filter(|(_, varies)| *varies).count()
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{Column, ColumnKind, Part, Schema, Table, TableKind, Values};

    #[test]
    fn a_column_of_one_value_is_none() {
        let table = |kind: ColumnKind, values: Vec<Values>| {
            let names = ["a", "b", "c"].map(|name| Column::new(name, kind, Part::Feature));
            let schema = Schema::new(TableKind::Instances, "id", names.into());
            Table::from_columns(schema, ["1", "2", "3"].map(str::to_owned).to_vec(), values)
                .expect("a table")
        };
        let numbers = [[1.0, 2.0, 3.0], [7.0, 7.0, 7.0], [0.0, 0.0, 1.0]]
            .map(|of| Values::Float(of.to_vec()));
        assert_eq!(
            table(ColumnKind::Float, numbers.into()).varied_features(),
            2
        );
        let texts = [["a", "b", "c"]; 3].map(Values::of_texts);
        assert_eq!(table(ColumnKind::Text, texts.into()).varied_features(), 0);
    }
}
