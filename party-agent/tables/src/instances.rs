//! From text to numbers: what data_transform needs to make instances out of raw columns.

use std::collections::HashSet;

use crate::error::{Result, TableError};

/// The texts that mean "no value". By default: the empty text, `NULL`, `null` and `NA`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing(HashSet<String>);

impl Default for Missing {
    fn default() -> Self {
        Self::of(["", "NULL", "null", "NA"])
    }
}

impl Missing {
    /// Exactly these texts mean "no value".
    pub fn of<T: Into<String>>(markers: impl IntoIterator<Item = T>) -> Self {
        Self(markers.into_iter().map(Into::into).collect())
    }

    /// Whether the text, without space around it, means "no value".
    pub fn means_missing(&self, text: &str) -> bool {
        self.0.contains(text.trim()) || self.0.contains(text)
    }
}

/// Reads one text as a number; missing gives NaN, anything else that is no number gives none.
pub(crate) fn parse_float(text: Option<&str>, missing: &Missing) -> Option<f64> {
    match text.filter(|text| !missing.means_missing(text)) {
        None => Some(f64::NAN),
        Some(text) => text.trim().parse().ok(),
    }
}

/// Reads a text column as numbers; missing gives NaN. A marker that is itself a number (`-1`) means missing as well.
/// The error names the column and the first bad row, counted from 0.
pub fn parse_floats(column: &str, texts: &[Option<String>], missing: &Missing) -> Result<Vec<f64>> {
    let parse = |(row, text): (usize, &Option<String>)| {
        let wrong = || TableError::NotANumber { column: column.to_owned(), row, wanted: "a number" };
        parse_float(text.as_deref(), missing).ok_or_else(wrong)
    };
    texts.iter().enumerate().map(parse).collect()
}

/// Reads a text column as whole numbers (`3`, also `3.0`). A missing value is an error: integers cannot be missing. The
/// error names the column and the first bad row, counted from 0.
pub fn parse_integers(column: &str, texts: &[Option<String>]) -> Result<Vec<i64>> {
    let parse = |(row, text): (usize, &Option<String>)| {
        let wrong = || TableError::NotANumber { column: column.to_owned(), row, wanted: "a whole number" };
        text.as_deref().and_then(parse_integer).ok_or_else(wrong)
    };
    texts.iter().enumerate().map(parse).collect()
}

fn parse_integer(text: &str) -> Option<i64> {
    /// Up to here every whole number has a floating-point form of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number: f64 = text.parse().ok()?;
    #[allow(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[&str]) -> Vec<Option<String>> {
        values.iter().map(|value| Some((*value).to_owned())).collect()
    }

    #[test]
    fn reads_numbers_and_missing_markers() {
        let mut column = texts(&["1", " -2.5 ", "NA", "", "1e3", "nan"]);
        column.push(None);
        let numbers = parse_floats("x", &column, &Missing::default()).expect("numbers");
        assert_eq!(&numbers[..2], &[1.0, -2.5]);
        assert_eq!(numbers[4], 1000.0);
        assert!([2, 3, 5, 6].iter().all(|row| numbers[*row].is_nan()));
    }

    #[test]
    fn takes_a_numeric_marker_for_missing() {
        let numbers = parse_floats("x", &texts(&["-1", "1"]), &Missing::of(["-1"])).expect("numbers");
        assert!(numbers[0].is_nan());
        assert_eq!(numbers[1], 1.0);
    }

    #[test]
    fn names_the_first_bad_row_but_not_its_value() {
        let error = parse_floats("age", &texts(&["1", "secret", "x"]), &Missing::default()).expect_err("bad");
        assert!(matches!(&error, TableError::NotANumber { column, row: 1, .. } if column == "age"));
        assert!(!error.to_string().contains("secret"));
        assert!(matches!(
            parse_floats("x", &texts(&["NA"]), &Missing::of(["?"])),
            Err(TableError::NotANumber { row: 0, .. })
        ));
    }

    #[test]
    fn reads_whole_numbers_only_where_nothing_is_lost() {
        assert_eq!(
            parse_integers("y", &texts(&["1", "-1.0", "9223372036854775807"])).expect("whole"),
            [1, -1, i64::MAX]
        );
        for bad in ["1.5", "", "x", "1e300", "nan"] {
            assert!(parse_integers("y", &texts(&[bad])).is_err(), "{bad:?} was taken");
        }
    }
}
