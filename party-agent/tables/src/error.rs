//! What can go wrong with a table, and the fault it becomes. Messages name columns, rows and counts, never a row's
//! values: they may be read outside the party.

use std::io;

use vocabulary::{ErrorCode, Fault};

/// A table that cannot be read, written or used as asked.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// No table of that name stands on the shelf.
    #[error("table {table} does not exist")]
    TableMissing {
        /// The name asked for.
        table: String,
        /// The most similar name on the shelf, if one is similar.
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
    #[error("{missing} of {asked} ids are not in the table, the first one at position {position} of the list")]
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
    #[error("{delimiter:?} cannot be a delimiter; it must be one ASCII character, no quote and no line end")]
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
    /// What stands on the shelf is not what was written there.
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
}

/// The result of work on tables.
pub type Result<T> = std::result::Result<T, TableError>;

impl TableError {
    pub(crate) fn reading(what: &'static str) -> impl FnOnce(io::Error) -> TableError {
        move |source| TableError::Unreadable { what, source }
    }

    pub(crate) fn writing(what: &'static str) -> impl FnOnce(io::Error) -> TableError {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => TableError::StorageFull { what, source },
            _ => TableError::Unwritable { what, source },
        }
    }

    /// The stable code of this failure.
    pub fn code(&self) -> ErrorCode {
        match self {
            TableError::TableMissing { .. } => ErrorCode::TableMissing,
            TableError::Unreadable { .. } | TableError::Damaged { .. } => ErrorCode::FileUnreadable,
            TableError::StorageFull { .. } | TableError::Unwritable { .. } => ErrorCode::StorageFull,
            TableError::Engine { .. } => ErrorCode::Internal,
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
            | TableError::HeaderInvalid { .. } => ErrorCode::TableInvalid,
        }
    }

    /// What the reader can do about it, where that is known.
    fn next(&self) -> Option<String> {
        let text = match self {
            TableError::TableMissing { nearest: Some(nearest), .. } => return Some(format!("did you mean {nearest}")),
            TableError::TableMissing { nearest: None, .. } => "upload the table, or check its namespace and name",
            TableError::ColumnMissing { .. } => {
                "check the column's spelling; names are lower case after data_transform"
            }
            TableError::NotANumber { .. } => "correct the value, or list it among the values that mean missing",
            TableError::DelimiterInvalid { .. } => "give a delimiter such as ',' or ';'",
            TableError::PartitionsOutOfRange { .. } => "give a number of partitions from 1 to 1023",
            TableError::HeaderInvalid { .. } => "correct the first line, or say that the file has no header",
            TableError::FileEmpty => "check that the right file was given",
            TableError::StorageFull { .. } => "free disk space, then run again",
            TableError::Unwritable { .. } => "check the shelf's folder and its permissions",
            TableError::Unreadable { .. } => "check that the file exists and may be read",
            TableError::Damaged { .. } => "upload the table again",
            TableError::ColumnRepeated { .. }
            | TableError::LengthMismatch { .. }
            | TableError::SchemaMismatch { .. }
            | TableError::IdMissing { .. }
            | TableError::IdRepeated { .. }
            | TableError::RowMissing { .. }
            | TableError::TooManyRows { .. }
            | TableError::Engine { .. } => return None,
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
        let denied = TableError::writing("a partition")(io::Error::from(io::ErrorKind::PermissionDenied));
        assert!(matches!(denied, TableError::Unwritable { .. }));
    }

    #[test]
    fn proposes_the_nearest_table() {
        let error = TableError::TableMissing { table: "a.brest".into(), nearest: Some("a.breast".into()) };
        let fault = Fault::from(error);
        assert_eq!(fault.code, ErrorCode::TableMissing);
        assert_eq!(fault.message, "table a.brest does not exist");
        assert_eq!(fault.next.as_deref(), Some("did you mean a.breast"));
    }
}
