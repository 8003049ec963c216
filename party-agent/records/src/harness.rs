//! For tests: files of records as a broken disk, another version or a person leaves them.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

/// Does something to an SQLite file, beside whoever has it open; gives how many rows it was done to.
pub async fn spoil(file: &Path, statement: &str) -> Result<u64, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .busy_timeout(std::time::Duration::from_secs(10));
    let mut connection = options.connect().await?;
    let done = sqlx::query(AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    Ok(done.rows_affected())
}
