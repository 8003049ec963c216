//! How many columns of a table say anything.

use crate::table::Table;

impl Table {
    /// Feature columns that have more than one value: what is made of a table's rows is made of those. A table of texts has none.
    pub fn varied_features(&self) -> usize {
        let Ok(matrix) = self.features_matrix() else {
            return 0;
        };
        let varies = |column: usize| {
            let values = matrix.column(column);
            let mut known = values.iter().filter(|value| value.is_finite());
            let first = known.next();
            known.any(|value| Some(value) != first)
        };
        (0..matrix.ncols()).filter(|column| varies(*column)).count()
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
