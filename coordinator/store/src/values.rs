//! Values on their way into columns, conditions and back, and how the database's errors are told.

use domain::TaskKey;
use service::StoreError;
use service::ports::Stored;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{QueryBuilder, Sqlite};
use vocabulary::TaskId;

/// SQLite's own codes for a disk that is full, and for one that refuses to write.
const SQLITE_FULL: [i32; 2] = [13, 10];

/// A database error in the store's words; a full disk is told from all others.
pub(crate) fn failed(error: sqlx::Error) -> StoreError {
    let detail = error.to_string();
    match &error {
        sqlx::Error::Database(database) => {
            // The low byte is the primary code, the rest says more about it.
            let code = database
                .code()
                .and_then(|code| code.parse::<i32>().ok())
                .map(|code| code & 0xff);
            if code.is_some_and(|code| SQLITE_FULL.contains(&code)) {
                StoreError::Full { detail }
            } else {
                StoreError::Unavailable { detail }
            }
        }
        sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::StorageFull => {
            StoreError::Full { detail }
        }
        sqlx::Error::Decode(_) => StoreError::Corrupt {
            row: "a value".to_owned(),
            detail,
        },
        sqlx::Error::ColumnDecode { index, .. } => StoreError::Corrupt {
            row: format!("column {index}"),
            detail,
        },
        _ => StoreError::Unavailable { detail },
    }
}

/// A column that does not hold what was written into it.
pub(crate) fn corrupt(row: &str, error: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt {
        row: row.to_owned(),
        detail: error.to_string(),
    }
}

/// A value as JSON text. What could not be read back is refused here, where somebody can still be told: JSON's writer puts
/// `null` for numbers that it has no word for.
pub(crate) fn json<T: serde::Serialize + serde::de::DeserializeOwned>(
    row: &str,
    value: &T,
) -> Stored<String> {
    let text = serde_json::to_string(value).map_err(|error| corrupt(row, error))?;
    // Costs a second pass over each row; a row that cannot be read costs a job.
    from_json::<T>(row, &text)?;
    Ok(text)
}

/// A value read back from JSON text.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(row: &str, text: &str) -> Stored<T> {
    serde_json::from_str(text).map_err(|error| corrupt(row, error))
}

/// A count or size in a column: what a signed number cannot hold is cut to the largest.
pub(crate) fn column(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The longest text that is looked for as a pattern, which is the faster way: the database takes no much longer ones.
const LONGEST_PATTERN: usize = 1_000;

/// Asks for columns that contain a text, whatever the case of ASCII letters.
pub(crate) fn containing(query: &mut QueryBuilder<Sqlite>, column: &str, text: &str) {
    if text.len() > LONGEST_PATTERN {
        query
            .push(format!("INSTR(LOWER({column}), LOWER("))
            .push_bind(text.to_owned())
            .push(")) > 0");
        return;
    }
    let mut pattern = String::from("%");
    for character in text.chars() {
        // What somebody looks for is text: a `%` in it must not match everything.
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    query
        .push(format!("{column} LIKE "))
        .push_bind(pattern)
        .push(" ESCAPE '\\'");
}

/// Values that are bound one by one: the database takes some ten thousand, and a list of any length as one text.
const MOST_VARIABLES: usize = 500;

/// One of these; nothing when the list is empty.
pub(crate) fn among(
    query: &mut QueryBuilder<Sqlite>,
    start: &str,
    values: impl Iterator<Item = String>,
) {
    let values: Vec<String> = values.collect();
    if values.is_empty() {
        return;
    }
    query.push(start);
    if values.len() > MOST_VARIABLES {
        query
            .push("SELECT value FROM json_each(")
            .push_bind(serde_json::Value::from(values).to_string())
            .push("))");
        return;
    }
    let mut list = query.separated(", ");
    for value in values {
        list.push_bind(value);
    }
    query.push(")");
}

/// A statement whose values are being bound.
pub(crate) type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// Binds a task as the next four values: job, step, role, party.
pub(crate) fn bind_task<'q>(query: Statement<'q>, id: &'q TaskId) -> Statement<'q> {
    query
        .bind(id.job.as_str())
        .bind(id.step.as_str())
        .bind(id.role.word())
        .bind(id.party.as_str())
}

/// Binds an attempt as the next five values: job, step, role, party, attempt.
pub(crate) fn bind_try<'q>(query: Statement<'q>, key: &'q TaskKey) -> Statement<'q> {
    bind_task(query, &key.id).bind(i64::from(key.attempt.0))
}
