//! Where tables came from: for each table the ones it was made of, the first ones of that line, and the job that made it.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use vocabulary::{JobId, TableRef};

use crate::{RecordError, Records};

/// One line of descent of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Descent {
    /// The table it was made of.
    pub parent: TableRef,
    /// The first table of the line: uploaded, bound, or older than these records.
    pub source: TableRef,
}

/// Job of tables that no job made (bound ones).
const NO_JOB: &str = "";

impl Records {
    /// Notes that a table came to this party from outside; what was known of one of that name is forgotten, unless rows were
    /// added to it.
    pub async fn add_root(
        &self,
        table: &TableRef,
        job: Option<&JobId>,
        added: bool,
    ) -> Result<(), RecordError> {
        let mut transaction = self.pool.begin().await?;
        if !added {
            forget(&mut transaction, table).await?;
        }
        insert(
            &mut transaction,
            table,
            &Descent {
                parent: table.clone(),
                source: table.clone(),
            },
            job,
        )
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Notes of which tables a table was made; what was known of one of that name is forgotten.
    pub async fn add_descent(
        &self,
        table: &TableRef,
        parents: &[TableRef],
        job: Option<&JobId>,
    ) -> Result<(), RecordError> {
        let mut transaction = self.pool.begin().await?;
        forget(&mut transaction, table).await?;
        // A table that is written over what it was made of would else be its own ancestor.
        for parent in parents.iter().filter(|parent| *parent != table) {
            let lines = descents(&mut transaction, parent).await?;
            let mut sources: Vec<TableRef> = lines.into_iter().map(|line| line.source).collect();
            if sources.is_empty() {
                // A parent without lines is older than these records, and the best known beginning
                // of the line.
                sources.push(parent.clone());
            }
            for source in sources {
                insert(
                    &mut transaction,
                    table,
                    &Descent {
                        parent: parent.clone(),
                        source,
                    },
                    job,
                )
                .await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// The lines of a table, without itself; empty for one that came from outside. None when nothing is known of it.
    pub async fn descent_of(&self, table: &TableRef) -> Result<Option<Vec<Descent>>, RecordError> {
        let mut connection = self.pool.acquire().await?;
        let lines = descents(&mut connection, table).await?;
        if lines.is_empty() {
            return Ok(None);
        }
        Ok(Some(
            lines
                .into_iter()
                .filter(|line| line.parent != *table)
                .collect(),
        ))
    }

    /// The jobs that made a table, read it, or worked on what came of it; newest first.
    pub async fn jobs_of_table(&self, table: &TableRef) -> Result<Vec<String>, RecordError> {
        let rows = sqlx::query(
            "/* jobs_of_table */ SELECT DISTINCT job FROM lineage WHERE job <> '' AND ((namespace = $1 AND name = $2) OR \
             (parent_namespace = $1 AND parent_name = $2) OR (source_namespace = $1 AND source_name = $2)) \
             ORDER BY job DESC",
        )
        .bind(&table.namespace)
        .bind(&table.name)
        .fetch_all(&self.pool)
        .await?;
        // A job whose name cannot be read is no job that anybody could look at.
        Ok(rows
            .iter()
            .filter_map(|row| row.try_get("job").ok())
            .collect())
    }

    /// Forgets a table that is gone. What was made of it keeps it as its source.
    pub async fn forget_descent(&self, table: &TableRef) -> Result<(), RecordError> {
        forget(&mut *self.pool.acquire().await?, table).await
    }
}

async fn descents(
    connection: &mut sqlx::SqliteConnection,
    table: &TableRef,
) -> Result<Vec<Descent>, RecordError> {
    let rows = sqlx::query(
        "/* descents */ SELECT DISTINCT parent_namespace, parent_name, source_namespace, source_name FROM lineage \
         WHERE namespace = $1 AND name = $2 ORDER BY parent_namespace, parent_name, source_namespace, source_name",
    )
    .bind(&table.namespace)
    .bind(&table.name)
    .fetch_all(connection)
    .await?;
    rows.iter().map(descent).collect()
}

fn descent(row: &SqliteRow) -> Result<Descent, RecordError> {
    let text = |column: &str| row.try_get::<String, _>(column);
    Ok(Descent {
        parent: TableRef {
            namespace: text("parent_namespace")?,
            name: text("parent_name")?,
        },
        source: TableRef {
            namespace: text("source_namespace")?,
            name: text("source_name")?,
        },
    })
}

async fn insert(
    connection: &mut sqlx::SqliteConnection,
    table: &TableRef,
    line: &Descent,
    job: Option<&JobId>,
) -> Result<(), RecordError> {
    sqlx::query(
        "/* insert_descent */ INSERT INTO lineage (namespace, name, parent_namespace, parent_name, source_namespace, \
         source_name, job) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(&table.namespace)
    .bind(&table.name)
    .bind(&line.parent.namespace)
    .bind(&line.parent.name)
    .bind(&line.source.namespace)
    .bind(&line.source.name)
    .bind(job.map_or(NO_JOB, JobId::as_str))
    .execute(connection)
    .await?;
    Ok(())
}

async fn forget(
    connection: &mut sqlx::SqliteConnection,
    table: &TableRef,
) -> Result<(), RecordError> {
    sqlx::query("/* forget_descent */ DELETE FROM lineage WHERE namespace = $1 AND name = $2")
        .bind(&table.namespace)
        .bind(&table.name)
        .execute(connection)
        .await?;
    Ok(())
}
