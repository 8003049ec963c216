//! Experiments: found by condition, sorted by any field, paged by where a page begins.

use async_trait::async_trait;
use domain::Experiment;
use domain::experiment::query::{
    Comparison, ExperimentPage, Field, Literal, Predicate, Query, Start,
};
use domain::page::Direction;
use service::ports::{Experiments, Stored};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};
use vocabulary::{ExperimentId, Tenant, Timestamp};

use crate::row_kinds::{Kind, Remedy};
use crate::sql::SqlTransaction;
use crate::values::{containing, failed, from_json, json};

const ROW: &str = "an experiment";
static EXPERIMENT: Kind = Kind {
    name: "experiment",
    table: "experiments",
    key: &["id"],
    remedy: Remedy::TakeOut,
};

#[async_trait]
impl Experiments for SqlTransaction {
    async fn insert_experiment(&mut self, experiment: &Experiment) -> Stored<bool> {
        let done = sqlx::query(
            "/* experiments: insert */ INSERT INTO experiments (id, tenant, unique_name, description, archived, deleted, \
             created, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        )
        .bind(experiment.id.as_str())
        .bind(experiment.tenant.as_str())
        .bind(&experiment.unique_name)
        .bind(&experiment.description)
        .bind(i64::from(experiment.archived))
        .bind(i64::from(experiment.deleted))
        .bind(experiment.created.0)
        .bind(json(ROW, experiment)?)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn experiment(&mut self, id: &ExperimentId) -> Stored<Option<Experiment>> {
        let row = sqlx::query(
            "/* experiments: get */ SELECT rowid AS place, body FROM experiments WHERE id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(&mut *self.tx)
        .await
        .map_err(failed)?;
        self.readable_one(&EXPERIMENT, row, read).await
    }

    async fn experiment_named(
        &mut self,
        tenant: &Tenant,
        name: &str,
    ) -> Stored<Option<Experiment>> {
        let row = sqlx::query(
            "/* experiments: named */ SELECT rowid AS place, body FROM experiments WHERE tenant = $1 AND unique_name = $2 AND deleted = 0",
        )
        .bind(tenant.as_str())
        .bind(name)
        .fetch_optional(&mut *self.tx)
        .await
        .map_err(failed)?;
        self.readable_one(&EXPERIMENT, row, read).await
    }

    async fn save_experiment(&mut self, experiment: &Experiment) -> Stored<bool> {
        let done = sqlx::query(
            "/* experiments: save */ UPDATE experiments SET unique_name = $2, description = $3, archived = $4, \
             deleted = $5, body = $6 WHERE id = $1",
        )
        .bind(experiment.id.as_str())
        .bind(&experiment.unique_name)
        .bind(&experiment.description)
        .bind(i64::from(experiment.archived))
        .bind(i64::from(experiment.deleted))
        .bind(json(ROW, experiment)?)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn find_experiments(&mut self, query: &Query) -> Stored<ExperimentPage> {
        let mut count = QueryBuilder::new(
            "/* experiments: count */ SELECT COUNT(*) FROM experiments WHERE deleted = 0",
        );
        narrow(&mut count, query);
        let total: i64 = count
            .build_query_scalar()
            .fetch_one(&mut *self.tx)
            .await
            .map_err(failed)?;
        let mut find = QueryBuilder::new(
            "/* experiments: find */ SELECT rowid AS place, body FROM experiments WHERE deleted = 0",
        );
        narrow(&mut find, query);
        if let Some(start) = &query.start {
            begin_at(&mut find, query, start);
        }
        let way = if query.direction == Direction::Descending {
            " DESC"
        } else {
            ""
        };
        find.push(format!(
            " ORDER BY {}{way}, id{way} LIMIT ",
            sorted_by(query.sort)
        ));
        // One more than asked for: it is where the next page begins, and its absence says that
        // there is none.
        find.push_bind(i64::from(query.limit).saturating_add(1));
        let rows = find
            .build()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(failed)?;
        let mut experiments = self.readable(&EXPERIMENT, &rows, read).await?;
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let next = experiments.get(limit).map(|first| query.place(first));
        experiments.truncate(limit);
        Ok(ExperimentPage {
            experiments,
            total: u64::try_from(total).unwrap_or(0),
            next,
        })
    }

    async fn archive_jobs(&mut self, id: &ExperimentId, now: Timestamp) -> Stored<u64> {
        let done = sqlx::query(
            "/* experiments: archive jobs */ UPDATE jobs SET archived = $2 WHERE experiment = $1 AND archived = 0",
        )
        .bind(id.as_str())
        .bind(now.0)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected())
    }
}

fn read(row: &SqliteRow) -> Stored<Experiment> {
    let body: String = row.try_get("body").map_err(failed)?;
    from_json(ROW, &body)
}

/// The column that a field is sorted by.
const fn sorted_by(field: Field) -> &'static str {
    match field {
        Field::Id => "id",
        Field::Name => "unique_name",
        Field::Created => "created",
        Field::Description => "description",
        Field::Tenant => "tenant",
        Field::Archived => "archived",
        Field::Available => "(1 - archived)",
    }
}

/// What conditions on a field compare: moments by the whole second.
const fn compared(field: Field) -> &'static str {
    match field {
        Field::Created => "(created / 1000000)",
        other => sorted_by(other),
    }
}

const fn is_number(field: Field) -> bool {
    matches!(field, Field::Created | Field::Archived | Field::Available)
}

fn narrow(sql: &mut QueryBuilder<Sqlite>, query: &Query) {
    if let Some(tenant) = &query.tenant {
        sql.push(" AND tenant = ").push_bind(tenant.to_string());
    }
    for predicate in &query.predicates {
        condition(sql, predicate);
    }
}

fn condition(sql: &mut QueryBuilder<Sqlite>, predicate: &Predicate) {
    let column = compared(predicate.field);
    // SQLite compares values of different types by their type: those are left to the domain's rule instead.
    let comparable =
        |value: &&Literal| matches!(value, Literal::Number(_)) == is_number(predicate.field);
    let values: Vec<&Literal> = predicate.values.iter().filter(comparable).collect();
    let first = predicate.values.first().filter(comparable);
    match (predicate.comparison, first) {
        (Comparison::Among, _) if values.is_empty() => {
            sql.push(" AND 1 = 0");
        }
        (Comparison::Not, _) if values.is_empty() => {}
        (Comparison::Among, _) if values.len() == 1 => {
            sql.push(format!(" AND {column} = "));
            bind(sql, values[0]);
        }
        (Comparison::Among, _) => list(sql, &format!(" AND {column} IN ("), &values),
        (Comparison::Not, _) => list(sql, &format!(" AND {column} NOT IN ("), &values),
        (_, None) => {
            sql.push(" AND 1 = 0");
        }
        (Comparison::Contains, Some(Literal::Text(part))) => {
            containing(sql.push(" AND "), column, part);
        }
        (Comparison::Contains, Some(Literal::Number(_))) => {
            sql.push(" AND 1 = 0");
        }
        (comparison, Some(value)) => {
            sql.push(format!(" AND {column} {} ", sign(comparison)));
            bind(sql, value);
        }
    }
}

const fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Above => ">",
        Comparison::AtLeast => ">=",
        Comparison::Below => "<",
        Comparison::AtMost => "<=",
        Comparison::Among | Comparison::Not | Comparison::Contains => "=",
    }
}

/// A list of whatever length is one value: the store takes so many and no more.
fn list(sql: &mut QueryBuilder<Sqlite>, start: &str, values: &[&Literal]) {
    let values: Vec<serde_json::Value> = values
        .iter()
        .map(|value| match value {
            Literal::Number(number) => (*number).into(),
            Literal::Text(text) => text.as_str().into(),
        })
        .collect();
    sql.push(start)
        .push("SELECT value FROM json_each(")
        .push_bind(serde_json::Value::from(values).to_string())
        .push("))");
}

fn bind(sql: &mut QueryBuilder<Sqlite>, value: &Literal) {
    match value {
        Literal::Number(number) => sql.push_bind(*number),
        Literal::Text(text) => sql.push_bind(text.clone()),
    };
}

/// Rows from `start` on, itself included.
fn begin_at(sql: &mut QueryBuilder<Sqlite>, query: &Query, start: &Start) {
    let way = if query.direction == Direction::Descending {
        "<="
    } else {
        ">="
    };
    sql.push(format!(" AND ({}, id) {way} (", sorted_by(query.sort)));
    bind(sql, &start.value);
    sql.push(", ").push_bind(start.id.to_string()).push(")");
}
