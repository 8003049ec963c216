//! What can go wrong with a table, and the fault it becomes. Messages name columns, rows and counts, never a row's
//! values: they may be read outside the party.

use std::io;

use vocabulary::{ErrorCode, Fault, Stopped};

/// A table that cannot be read, written or used as asked.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// No table of that name stands on the table store.
    #[error("table {table} does not exist")]
    TableMissing {
        /// The name asked for.
        table: String,
        /// The most similar name on the table store, if one is similar.
        nearest: Option<String>,
    },
    /// The table has no column of that name.
    #[error("the table has no column {column:?}")]
    ColumnMissing {
        /// The name asked for.
        column: String,
    },
    /// A column name stands twice.
    #[error("column {column:?} stands twice")]
    ColumnRepeated {
        /// The name.
        column: String,
    },
    /// Columns of one table differ in length.
    #[error("column {column:?} has {found} rows where the table has {expected}")]
    LengthMismatch {
        /// The column.
        column: String,
        /// Rows of the table.
        expected: usize,
        /// Rows of the column.
        found: usize,
    },
    /// A schema and the columns under it do not fit together.
    #[error("the schema does not fit the table: {reason}")]
    SchemaMismatch {
        /// What differs.
        reason: String,
    },
    /// A value that should be a number is none.
    #[error("column {column:?} holds something that is not {wanted} in row {row} (counted from 0)")]
    NotANumber {
        /// The column.
        column: String,
        /// The row, counted from 0 in table order.
        row: usize,
        /// What was wanted: `a number`, `a whole number`.
        wanted: &'static str,
    },
    /// A row asked for by its id is not in the table.
    #[error(
        "{missing} of {asked} ids are not in the table, the first one at position {position} of the list"
    )]
    IdMissing {
        /// Position of the first missing id in the list asked for.
        position: usize,
        /// How many are missing.
        missing: usize,
        /// How many were asked for.
        asked: usize,
    },
    /// An id stands twice where ids must be unique.
    #[error("an id stands twice: row {row} (counted from 0) repeats an earlier one")]
    IdRepeated {
        /// The later row.
        row: usize,
    },
    /// A row number outside the table.
    #[error("row {row} does not exist; the table has {rows} rows")]
    RowMissing {
        /// The row asked for.
        row: usize,
        /// Rows of the table.
        rows: usize,
    },
    /// More rows than this version handles.
    #[error("{rows} rows are more than a table can hold")]
    TooManyRows {
        /// The rows.
        rows: usize,
    },
    /// The number of partitions is out of bounds.
    #[error("{partitions} partitions are out of bounds; it must be 1 to 1023")]
    PartitionsOutOfRange {
        /// What was asked for.
        partitions: u32,
    },
    /// The delimiter cannot separate fields.
    #[error(
        "{delimiter:?} cannot be a delimiter; it must be one ASCII character, no quote and no line end"
    )]
    DelimiterInvalid {
        /// What was asked for.
        delimiter: char,
    },
    /// The file holds no row.
    #[error("the file is empty")]
    FileEmpty,
    /// The first line is no usable header.
    #[error("the header cannot be used: {reason}")]
    HeaderInvalid {
        /// What is wrong with it.
        reason: String,
    },
    /// The file is no delimited text.
    #[error("the file is {what}, not delimited text")]
    NotText {
        /// What it is.
        what: &'static str,
    },
    /// A line is not UTF-8.
    #[error("the file is not UTF-8 text: line {line} looks like {resembles}")]
    NotUtf8 {
        /// The line, from 1.
        line: u64,
        /// Encodings that it may be in.
        resembles: &'static str,
    },
    /// A line breaks the rules by which rows are told apart.
    #[error("line {line} spoils the file: {reason}")]
    TextBroken {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Another delimiter takes the first line apart than the one that was given.
    #[error(
        "line {line} is taken apart by {other:?} rather than by {delimiter:?}: the delimiter is another one"
    )]
    DelimiterAbsent {
        /// The line, from 1.
        line: u64,
        /// What was given.
        delimiter: char,
        /// What the line holds, as a setting would name it.
        other: &'static str,
    },
    /// No row of the file can be kept.
    #[error("no row of the file can be kept: {reason}")]
    NoRows {
        /// What became of its rows.
        reason: String,
    },
    /// A file cannot be read.
    #[error("{what} cannot be read: {source}")]
    Unreadable {
        /// What was to be read.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("{what} cannot be written: {source}")]
    Unwritable {
        /// What was to be written.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The disk is full, or a quota is used up.
    #[error("no space left to write {what}")]
    StorageFull {
        /// What was to be written.
        what: &'static str,
        /// As the system said it.
        source: io::Error,
    },
    /// What stands on the table store is not what was written there.
    #[error("the stored table is damaged: {reason}")]
    Damaged {
        /// What is wrong.
        reason: String,
    },
    /// The columnar engine refused an operation.
    #[error("the table engine refused: {reason}")]
    Engine {
        /// Its words.
        reason: String,
    },
    /// Whoever asked for the work does not want it any more.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// The result of work on tables.
pub type Result<T> = std::result::Result<T, TableError>;

impl TableError {
    pub(crate) fn reading(what: &'static str) -> impl FnOnce(io::Error) -> TableError {
        move |source| TableError::Unreadable { what, source }
    }

    pub(crate) fn writing(what: &'static str) -> impl FnOnce(io::Error) -> TableError {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                TableError::StorageFull { what, source }
            }
            _ => TableError::Unwritable { what, source },
        }
    }

    /// The stable code of this failure.
    pub fn code(&self) -> ErrorCode {
        match self {
            TableError::TableMissing { .. } => ErrorCode::TableMissing,
            TableError::Unreadable { .. } | TableError::Damaged { .. } => ErrorCode::FileUnreadable,
            TableError::StorageFull { .. } | TableError::Unwritable { .. } => {
                ErrorCode::StorageFull
            }
            TableError::Engine { .. } => ErrorCode::Internal,
            TableError::Stopped(_) => ErrorCode::Canceled,
            TableError::ColumnMissing { .. }
            | TableError::ColumnRepeated { .. }
            | TableError::LengthMismatch { .. }
            | TableError::SchemaMismatch { .. }
            | TableError::NotANumber { .. }
            | TableError::IdMissing { .. }
            | TableError::IdRepeated { .. }
            | TableError::RowMissing { .. }
            | TableError::TooManyRows { .. }
            | TableError::PartitionsOutOfRange { .. }
            | TableError::DelimiterInvalid { .. }
            | TableError::FileEmpty
            | TableError::NotText { .. }
            | TableError::NotUtf8 { .. }
            | TableError::TextBroken { .. }
            | TableError::DelimiterAbsent { .. }
            | TableError::NoRows { .. }
            | TableError::HeaderInvalid { .. } => ErrorCode::TableInvalid,
        }
    }

    /// What the reader can do about it, where that is known.
    fn next(&self) -> Option<String> {
        let text = match self {
            TableError::TableMissing {
                nearest: Some(nearest),
                ..
            } => return Some(format!("did you mean {nearest}")),
            TableError::TableMissing { nearest: None, .. } => {
                "upload the table, or check its namespace and name"
            }
            TableError::ColumnMissing { .. } => {
                "check the column's spelling; names are lower case after data_transform"
            }
            TableError::NotANumber { .. } => {
                "correct the value, or list it in missing_impute of DataTransform, with all others that mean missing"
            }
            TableError::DelimiterInvalid { .. } => "give a delimiter such as ',' or ';'",
            TableError::PartitionsOutOfRange { .. } => "give a number of partitions from 1 to 1023",
            TableError::NotText { .. } => "save the table as CSV in UTF-8, and upload that",
            TableError::NotUtf8 { .. } => {
                "save the file in UTF-8, or convert it: iconv -f WINDOWS-1252 -t UTF-8 FILE (or whatever it is in)"
            }
            TableError::TextBroken { .. } => {
                "correct that line; fields with delimiters, quotes or line ends stand in double quotes, quotes in them doubled"
            }
            TableError::DelimiterAbsent { other, .. } => {
                return Some(format!(
                    "give {other:?} as the delimiter (id_delimiter), or put fields that hold it in quotes"
                ));
            }
            TableError::NoRows { .. } => {
                "correct the first line that is named, and upload the file again"
            }
            TableError::HeaderInvalid { .. } => {
                "correct the first line, or say that the file has no header"
            }
            TableError::FileEmpty => "check that the right file was given",
            TableError::StorageFull { .. } => "free disk space, then run again",
            TableError::Unwritable { .. } => "check the table store's folder and its permissions",
            TableError::Unreadable { .. } => "check that the file exists and may be read",
            TableError::Damaged { .. } => "upload the table again",
            TableError::ColumnRepeated { .. }
            | TableError::LengthMismatch { .. }
            | TableError::SchemaMismatch { .. }
            | TableError::IdMissing { .. }
            | TableError::IdRepeated { .. }
            | TableError::RowMissing { .. }
            | TableError::TooManyRows { .. }
            | TableError::Engine { .. }
            | TableError::Stopped(_) => return None,
        };
        Some(text.to_owned())
    }
}

impl From<TableError> for Fault {
    fn from(error: TableError) -> Fault {
        let fault = Fault::new(error.code(), error.to_string());
        match error.next() {
            Some(next) => fault.next(next),
            None => fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_full_disk_from_another_write_failure() {
        let full = TableError::writing("a partition")(io::Error::from(io::ErrorKind::StorageFull));
        assert!(matches!(full, TableError::StorageFull { .. }));
        assert_eq!(Fault::from(full).code, ErrorCode::StorageFull);
        let denied =
            TableError::writing("a partition")(io::Error::from(io::ErrorKind::PermissionDenied));
        assert!(matches!(denied, TableError::Unwritable { .. }));
    }

    #[test]
    fn proposes_the_nearest_table() {
        let error = TableError::TableMissing {
            table: "a.brest".into(),
            nearest: Some("a.breast".into()),
        };
        let fault = Fault::from(error);
        assert_eq!(fault.code, ErrorCode::TableMissing);
        assert_eq!(fault.message, "table a.brest does not exist");
        assert_eq!(fault.next.as_deref(), Some("did you mean a.breast"));
    }
}
