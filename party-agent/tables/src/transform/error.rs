//! What can go wrong on the way from raw rows to instances. As everywhere in this crate, no message holds a row's value.

use vocabulary::{ErrorCode, Fault};

use crate::error::TableError;

/// Rows that cannot be made into instances as asked.
#[derive(Debug, thiserror::Error)]
pub enum TransformError {
    /// There is no row.
    #[error("the table has no row")]
    Empty,
    /// Dense columns need names.
    #[error("dense rows need a header, and the table was stored without one")]
    HeaderMissing,
    /// The label is not in the header.
    #[error("the label {column:?} is not in the header")]
    LabelMissing {
        /// Its name.
        column: String,
    },
    /// The match id is not in the header.
    #[error("the match id {column:?} is not in the header")]
    MatchIdMissing {
        /// Its name, empty when there is no column at all.
        column: String,
    },
    /// A match id of that number does not exist.
    #[error("there is no match id number {index}, rows have {ids}")]
    MatchIdOutOfRange {
        /// The number asked for, from 0.
        index: usize,
        /// How many there are.
        ids: usize,
    },
    /// Columns of the training are not there.
    #[error(
        "{missing} of the {wanted} columns that the model knows are not in the table, the first is {first:?}"
    )]
    ColumnsMissing {
        /// How many.
        missing: usize,
        /// Of how many.
        wanted: usize,
        /// The first one.
        first: String,
    },
    /// A field of a sparse or tag row has another form.
    #[error("row {row} (counted from 0) holds a field that is not {wanted}")]
    FieldInvalid {
        /// The row.
        row: usize,
        /// The form that was wanted.
        wanted: &'static str,
    },
    /// A sparse or tag row ends before its ids and label.
    #[error("row {row} (counted from 0) has {found} fields where at least {wanted} were expected")]
    RowShort {
        /// The row.
        row: usize,
        /// Its fields.
        found: usize,
        /// Fields for ids and label.
        wanted: usize,
    },
    /// Sparse or tag rows speak of more columns than a table can have.
    #[error("the rows speak of {columns} columns, a table can have {most}")]
    TooWide {
        /// Columns.
        columns: usize,
        /// The bound.
        most: usize,
    },
    /// Rows of a training without a label.
    #[error(
        "the label {column:?} has no finite value in {gaps} rows, the first is row {first} (counted from 0)"
    )]
    LabelGaps {
        /// The label.
        column: String,
        /// How many rows.
        gaps: usize,
        /// The first of them.
        first: usize,
    },
    /// A label that is text.
    #[error("the label {column:?} is not {wanted} in row {row} (counted from 0)")]
    LabelNotANumber {
        /// The label.
        column: String,
        /// The first such row.
        row: usize,
        /// What label_type asks for.
        wanted: &'static str,
    },
    /// A statistic of text.
    #[error("column {column:?} is text, which has no {method}")]
    TextHasNone {
        /// The column.
        column: String,
        /// The statistic.
        method: &'static str,
    },
    /// Values to fill with do not fit the columns.
    #[error("{given} values to fill with are given for {columns} columns")]
    FillCount {
        /// Values.
        given: usize,
        /// Columns.
        columns: usize,
    },
    /// A value to fill with is no number.
    #[error("the value to fill column {column:?} with is not a finite number")]
    FillNotANumber {
        /// The column.
        column: String,
    },
    /// A cell has nothing in it where a number is wanted, and a list of what counts as missing does not have that.
    #[error(
        "column {column:?} is empty in row {row} (counted from 0), and missing_impute does not say that empty is missing"
    )]
    CellEmpty {
        /// The column.
        column: String,
        /// The row.
        row: usize,
    },
    /// The table itself.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl TransformError {
    fn next(&self) -> Option<&'static str> {
        match self {
            Self::Empty => Some("check what was uploaded"),
            Self::HeaderMissing => {
                Some("upload the table with head 1, or set input_format to sparse or tag")
            }
            Self::LabelMissing { .. } => {
                Some("set label_name to a column of the table, or with_label to false")
            }
            Self::MatchIdMissing { .. } => {
                Some("set match_id_name to a column of the table, or with_match_id to false")
            }
            Self::MatchIdOutOfRange { .. } => Some("set match_id_index lower"),
            Self::ColumnsMissing { .. } => Some("give a table with the columns of the training"),
            Self::FieldInvalid { .. } | Self::RowShort { .. } => {
                Some("check input_format, delimitor and tag_with_value")
            }
            Self::LabelGaps { .. } => Some(
                "leave rows without a label out of the file and upload it again, or set label_name to another column",
            ),
            Self::LabelNotANumber { .. } => Some(
                "write labels as whole numbers in the file, such as 1 for yes and 0 for no, and upload it again; or set label_name to \
                 another column",
            ),
            Self::CellEmpty { .. } => Some(
                "add \"\" to missing_impute of DataTransform, or leave missing_impute out: then empty cells and the usual words count as \
                 missing",
            ),
            Self::TextHasNone { .. } => {
                Some("use the method designated, or set data_type or exclusive_data_type to float")
            }
            Self::FillCount { .. } | Self::FillNotANumber { .. } => {
                Some("give one finite number, or one for each column")
            }
            Self::TooWide { .. } | Self::Table(_) => None,
        }
    }
}

impl From<TransformError> for Fault {
    fn from(error: TransformError) -> Fault {
        let code = match &error {
            TransformError::FillCount { .. } | TransformError::FillNotANumber { .. } => {
                ErrorCode::ParameterInvalid
            }
            _ => ErrorCode::TableInvalid,
        };
        let next = error.next();
        let fault = match error {
            TransformError::Table(error) => return error.into(),
            error => Fault::new(code, error.to_string()),
        };
        match next {
            Some(next) => fault.next(next),
            None => fault,
        }
    }
}
