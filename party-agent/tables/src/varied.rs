//! How many columns of a table say anything.

use ndarray::ArrayView1;

use crate::error::Result;
use crate::table::Table;

/// A column varies only if its values lie apart by this share of what those of the widest lie apart. Beside the widest, columns
/// that are pressed together (clipped between bounds that somebody set) would change nothing of what is made of the rows.
const NARROWEST: f64 = 1e-6;

/// The smallest and the largest value of a column so far; crossed where none is known.
type Span = (f64, f64);

fn joined((low, high): Span, (other_low, other_high): Span) -> Span {
    (low.min(other_low), high.max(other_high))
}

impl Table {
    /// Feature columns that have more than one value, and lie apart enough beside the widest: what is made of a table's rows is
    /// made of those. A table of texts has none.
    pub fn varied_features(&self) -> usize {
        let names = self.schema().features();
        let look = |part: &Table, _: usize| -> Result<Vec<Span>> {
            let matrix = part.matrix(&names)?;
            let look = |values: ArrayView1<'_, f64>| {
                let known = values.iter().filter(|value| value.is_finite());
                known.fold((f64::INFINITY, f64::NEG_INFINITY), |span, value| {
                    joined(span, (*value, *value))
                })
            };
            Ok(matrix.columns().into_iter().map(look).collect())
        };
        let join = |before: Vec<Span>, more: Vec<Span>| {
            let both = before.into_iter().zip(more);
            both.map(|(one, other)| joined(one, other)).collect()
        };
        // What cannot be read counts as nothing: too few columns keep values of rows here.
        let spans = self.fold_partitions(look, join).unwrap_or_default();
        // Halves: the whole of two numbers far apart may be none.
        let apart = spans.iter().map(|(low, high)| high / 2.0 - low / 2.0);
        let widest = apart.clone().fold(0.0, f64::max);
        apart
            .filter(|apart| *apart > 0.0 && *apart >= widest * NARROWEST)
            .count()
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

    #[test]
    fn a_column_that_is_pressed_together_beside_the_widest_is_none() {
        let count = |columns: [[f64; 3]; 3]| {
            let names =
                ["a", "b", "c"].map(|name| Column::new(name, ColumnKind::Float, Part::Feature));
            let schema = Schema::new(TableKind::Instances, "id", names.into());
            let ids = ["1", "2", "3"].map(str::to_owned).to_vec();
            let values = columns.map(|column| Values::Float(column.to_vec()));
            Table::from_columns(schema, ids, values.into())
                .expect("a table")
                .varied_features()
        };
        let wide = [-1.2, 0.3, 0.9];
        assert_eq!(count([wide, [0.0, 1e-9, 0.0], [1e-9, 0.0, 5e-10]]), 1);
        assert_eq!(count([wide, [0.0, 0.001, 0.0], [5.0, 900.0, 6.0]]), 3);
        // All alike narrow: nothing is pressed together beside another.
        assert_eq!(
            count([[0.0, 1e-9, 0.0], [1e-9, 0.0, 5e-10], [0.0, 2e-9, 0.0]]),
            3
        );
        // Missing values are none, and the widest of all columns may be as wide as numbers go.
        assert_eq!(count([wide, [f64::NAN; 3], [f64::NAN, 2.0, 2.0]]), 1);
        assert_eq!(count([[f64::MIN, 0.0, f64::MAX], wide, wide]), 1);
    }
}
