//! From text to numbers: what data_transform needs to make instances out of raw columns. What is missing, and what counts as
//! missing, is `vocabulary::cell`'s to say.

use std::collections::HashSet;

use vocabulary::Cell;
use vocabulary::cell::{bare, means_no_value};

use crate::error::{Result, TableError};

/// The list that stands for the usual words: FATE's set for filling. Models and parameters name it; whoever lists all of it means
/// every spelling of its words.
pub(crate) const USUAL: &[&str] = &["", "none", "None", "null", "NULL", "na", "NA", "nan", "NaN"];

/// The texts that mean "no value": the usual words, or those that somebody listed; one that is a number stands for that number
/// however it is written. Not-a-number, infinite, and nothing at all are missing beside every list.
#[derive(Debug, Clone, PartialEq)]
pub struct Missing {
    usual: bool,
    texts: HashSet<String>,
    numbers: Vec<f64>,
}

impl Default for Missing {
    fn default() -> Self {
        Self {
            usual: true,
            texts: HashSet::new(),
            numbers: Vec::new(),
        }
    }
}

impl Missing {
    /// These texts mean "no value". The list of all usual words means them however they are written.
    pub fn of<T: AsRef<str>>(markers: impl IntoIterator<Item = T>) -> Self {
        let texts: HashSet<String> = markers
            .into_iter()
            .map(|marker| bare(marker.as_ref()).to_owned())
            .collect();
        let numbers = texts
            .iter()
            .filter_map(|text| text.parse().ok())
            // NaN is missing beside every list, and equals nothing anyway.
            .filter(|number: &f64| !number.is_nan());
        Self {
            usual: USUAL.iter().all(|word| texts.contains(*word)),
            numbers: numbers.collect(),
            texts,
        }
    }

    /// Whether it means the usual words.
    pub(crate) fn is_usual(&self) -> bool {
        self.usual
    }

    /// Whether a text is one of them; no text at all always is.
    pub fn marks(&self, text: Option<&str>) -> bool {
        let Some(text) = text.map(bare) else {
            return true;
        };
        if (self.usual && means_no_value(text)) || self.texts.contains(text) {
            return true;
        }
        !self.numbers.is_empty()
            && text
                .parse::<f64>()
                .is_ok_and(|number| self.numbers.contains(&number))
    }

    /// Whether the text of a finite number is one of them.
    pub(crate) fn marks_number(&self, number: f64) -> bool {
        self.numbers.contains(&number)
    }

    /// Whether it names numbers.
    pub(crate) fn names_numbers(&self) -> bool {
        !self.numbers.is_empty()
    }

    /// What a text says where a number is wanted.
    pub fn read(&self, text: Option<&str>) -> Cell {
        match text {
            Some(text) if !self.marks(Some(text)) => Cell::spelled(text),
            _ => Cell::Missing,
        }
    }
}

/// Reads one text as a number; missing and infinite give NaN, anything else that is no number gives none.
pub(crate) fn parse_float(text: Option<&str>, missing: &Missing) -> Option<f64> {
    match missing.read(text) {
        Cell::Number(number) => Some(number),
        Cell::Missing | Cell::Infinite => Some(f64::NAN),
        Cell::Text => None,
    }
}

/// Reads a text column as whole numbers (`3`, also `3.0`). A missing value is an error: integers cannot be missing. The
/// error names the column and the first bad row, counted from 0.
pub fn parse_integers(column: &str, texts: &[Option<String>]) -> Result<Vec<i64>> {
    let parse = |(row, text): (usize, &Option<String>)| {
        let wrong = || TableError::NotANumber {
            column: column.to_owned(),
            row,
            wanted: "a whole number",
        };
        text.as_deref().and_then(parse_integer).ok_or_else(wrong)
    };
    texts.iter().enumerate().map(parse).collect()
}

fn parse_integer(text: &str) -> Option<i64> {
    /// Up to here every whole number has a floating-point form of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let text = bare(text);
    // As an integer first: above 2^53 the way over a float would give a neighbour.
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number = Cell::spelled(text).number()?;
    #[allow(
        clippy::cast_possible_truncation,
        reason = "checked to be whole and in range"
    )]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[&str]) -> Vec<Option<String>> {
        values
            .iter()
            .map(|value| Some((*value).to_owned()))
            .collect()
    }

    #[test]
    fn reads_numbers_and_missing_markers() {
        let usual = Missing::default();
        let read = |text| parse_float(Some(text), &usual);
        assert_eq!(
            (read("1"), read(" -2.5 "), read("1e3")),
            (Some(1.0), Some(-2.5), Some(1000.0))
        );
        for text in ["NA", "", "nan", "-NaN", "Null", "none ", "inf", "-1e999"] {
            assert!(read(text).is_some_and(f64::is_nan), "{text:?}");
        }
        assert!(parse_float(None, &Missing::of(["?"])).is_some_and(f64::is_nan));
        assert_eq!(read("seven"), None);
        assert_eq!(
            Missing::of(USUAL),
            Missing {
                texts: Missing::of(USUAL).texts,
                ..usual
            }
        );
    }

    #[test]
    fn takes_a_marker_that_is_a_number_however_it_is_written() {
        let markers = Missing::of(["-1", "?"]);
        assert!(
            ["-1", " -1.0 ", "-1e0", "?"]
                .iter()
                .all(|text| markers.marks(Some(text)))
        );
        assert!(!markers.marks(Some("1")) && !markers.marks(Some("")) && markers.marks(None));
        assert_eq!(
            (markers.read(Some("-1.0")), markers.read(Some("1"))),
            (Cell::Missing, Cell::Number(1.0))
        );
        assert_eq!(
            (markers.read(Some("NA")), markers.read(Some("-nan"))),
            (Cell::Text, Cell::Missing)
        );
    }

    #[test]
    fn names_the_first_bad_row_but_not_its_value() {
        let error = parse_integers("age", &texts(&["1", "secret", "x"])).expect_err("bad");
        assert!(matches!(&error, TableError::NotANumber { column, row: 1, .. } if column == "age"));
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn reads_whole_numbers_only_where_nothing_is_lost() {
        assert_eq!(
            parse_integers("y", &texts(&["1", "-1.0", "9223372036854775807"])).expect("whole"),
            [1, -1, i64::MAX]
        );
        for bad in ["1.5", "", "x", "1e300", "nan", "inf"] {
            assert!(
                parse_integers("y", &texts(&[bad])).is_err(),
                "{bad:?} was taken"
            );
        }
    }
}
