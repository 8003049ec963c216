//! What a person should know of the rows, and what is no reason to refuse them. As everywhere, no value of a row is named.

use std::collections::HashSet;
use std::fmt;

use vocabulary::nearest::nearest;

/// Rows that are named, of those that are meant.
const NAMED: usize = 5;

/// One such thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// A feature holds infinite values, which count as missing.
    Infinite {
        /// The column.
        column: String,
        /// The rows, counted from 0 in table order.
        rows: Vec<usize>,
    },
    /// A feature has no value that a statistic could be taken of: what is missing there stays so.
    NothingToLearnFrom {
        /// The column.
        column: String,
        /// What was to be taken, or replaced.
        what: &'static str,
    },
    /// No row has a label, and so the table of instances has none.
    LabelLeftOut {
        /// The label's column.
        column: String,
        /// Rows without one.
        gaps: usize,
        /// Of how many.
        rows: usize,
    },
    /// Some rows have no label, and stay without beside those that have one.
    LabelGaps {
        /// The label's column.
        column: String,
        /// Rows without one.
        gaps: usize,
        /// Of how many.
        rows: usize,
    },
    /// A setting names a column that is not there, and so does nothing.
    NoSuchColumn {
        /// The setting: `exclusive_data_type`, `id_list`.
        setting: &'static str,
        /// The name it gives.
        name: String,
        /// The most similar column, if one is similar.
        nearest: Option<String>,
    },
}

impl Remark {
    /// Names of a setting that are no columns; the nearest one is looked for as long as they are few.
    pub(crate) fn no_such_columns<'a>(
        setting: &'static str,
        names: impl Iterator<Item = &'a String>,
        columns: &HashSet<String>,
    ) -> Vec<Self> {
        let unknown = names
            .filter(|name| !columns.contains(name.as_str()))
            .enumerate();
        let remark = |(at, name): (usize, &String)| {
            let near = || nearest(name, columns.iter().map(String::as_str)).map(str::to_owned);
            // Only for those that people will read: a search through all columns for each name
            // takes long.
            let nearest = if at < NAMED { near() } else { None };
            Self::NoSuchColumn {
                setting,
                name: name.clone(),
                nearest,
            }
        };
        unknown.map(remark).collect()
    }

    pub(crate) fn infinite(column: &str, rows: Vec<usize>) -> Option<Self> {
        (!rows.is_empty()).then(|| Self::Infinite {
            column: column.to_owned(),
            rows,
        })
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Infinite { column, rows } => {
                let named: Vec<String> = rows.iter().take(NAMED).map(usize::to_string).collect();
                let (number, named) = (rows.len(), named.join(", "));
                let more = if number > NAMED { ", …" } else { "" };
                write!(
                    f,
                    "column {column:?} is infinite in {number} rows, which count as missing: "
                )?;
                write!(f, "rows {named}{more} (counted from 0)")
            }
            Self::NothingToLearnFrom { column, what } => {
                write!(
                    f,
                    "column {column:?} has no value from which {what} could be learned: "
                )?;
                write!(
                    f,
                    "it is left out of what was learned, and what is missing in it stays missing"
                )
            }
            Self::LabelLeftOut { column, gaps, rows } => {
                write!(
                    f,
                    "the label {column:?} has no value in {gaps} of {rows} rows: the instances have no label"
                )
            }
            Self::LabelGaps { column, gaps, rows } => {
                write!(
                    f,
                    "{gaps} of {rows} rows have no label in {column:?}: they are kept, and no figures are of them"
                )
            }
            Self::NoSuchColumn {
                setting,
                name,
                nearest,
            } => {
                write!(
                    f,
                    "{setting} names {name:?}, which is not a column of the table: it has no effect"
                )?;
                nearest
                    .iter()
                    .try_for_each(|nearest| write!(f, "; did you mean {nearest:?}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_column_and_rows() {
        let said = Remark::infinite("f", vec![0, 7])
            .expect("a remark")
            .to_string();
        assert_eq!(
            said,
            "column \"f\" is infinite in 2 rows, which count as missing: rows 0, 7 (counted from 0)"
        );
        let said = Remark::infinite("f", (0..9).collect())
            .expect("a remark")
            .to_string();
        assert!(
            said.ends_with("rows 0, 1, 2, 3, 4, … (counted from 0)"),
            "{said}"
        );
        assert_eq!(Remark::infinite("f", vec![]), None);
    }
}
