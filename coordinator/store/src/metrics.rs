//! Metrics by pairs, so that a curve grows without being written anew, and the free-form texts of attempts.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::TaskKey;
use service::ports::{Reports, Stored};
use service::records::TextKind;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};
use vocabulary::{Finite, JobId, Metric, MetricData, PartyId};

use crate::row_kinds::{Kind, Remedy};
use crate::sql::SqlTransaction;
use crate::values::{bind_try, failed, from_json, json};

static METRIC: Kind = Kind {
    name: "metric",
    table: "metrics",
    key: &[
        "job_id",
        "step",
        "role",
        "party",
        "attempt",
        "namespace",
        "name",
    ],
    remedy: Remedy::TakeOut,
};

/// Rows in one statement: ten values each, well below what the database takes.
const ROWS_AT_ONCE: usize = 500;

#[async_trait]
impl Reports for SqlTransaction {
    async fn add_metrics(&mut self, key: &TaskKey, metrics: &[Metric]) -> Stored<()> {
        for metric in metrics {
            self.put_head(key, metric).await?;
            let pairs = pairs_of(&metric.data);
            for chunk in pairs.chunks(ROWS_AT_ONCE) {
                self.put_pairs(key, metric, chunk).await?;
            }
        }
        Ok(())
    }

    async fn metrics(&mut self, key: &TaskKey) -> Stored<Vec<Metric>> {
        let heads = "/* metrics: of a try */ SELECT rowid AS place, namespace, name, kind, meta FROM metrics \
                     WHERE job_id = $1 AND step = $2 AND role = $3 AND party = $4 AND attempt = $5 ORDER BY position";
        let heads = bind_try(sqlx::query(heads), key)
            .fetch_all(&mut *self.tx)
            .await
            .map_err(failed)?;
        let pairs = "/* metrics: pairs of a try */ SELECT namespace, name, pair_key, pair_number, pair_value \
                     FROM metric_pairs WHERE job_id = $1 AND step = $2 AND role = $3 AND party = $4 AND attempt = $5 \
                     ORDER BY pair_number, pair_key";
        let pairs = bind_try(sqlx::query(pairs), key)
            .fetch_all(&mut *self.tx)
            .await
            .map_err(failed)?;
        let mut by_name: BTreeMap<(String, String), Vec<Pair>> = BTreeMap::new();
        // Earlier versions wrote what is not a number as NULL; such a pair is left out.
        for (name, pair) in pairs.iter().filter_map(pair_from) {
            by_name.entry(name).or_default().push(pair);
        }
        let read = |row: &SqliteRow| {
            let text = |column: &str| row.try_get::<String, _>(column).map_err(failed);
            let meta = from_json("the meta of a metric", &text("meta")?)?;
            Ok((text("namespace")?, text("name")?, text("kind")?, meta))
        };
        let mut metrics = Vec::with_capacity(heads.len());
        for (namespace, name, kind, meta) in self.readable(&METRIC, &heads, read).await? {
            let pairs = by_name
                .remove(&(namespace.clone(), name.clone()))
                .unwrap_or_default();
            let data = if kind == POINTS {
                let point = |pair: Pair| Some((Finite::new(pair.number?).ok()?, pair.value));
                MetricData::Points(pairs.into_iter().filter_map(point).collect())
            } else {
                MetricData::Values(
                    pairs
                        .into_iter()
                        .map(|pair| (pair.text, pair.value))
                        .collect(),
                )
            };
            metrics.push(Metric {
                namespace,
                name,
                data,
                meta,
            });
        }
        Ok(metrics)
    }

    async fn delete_metrics(&mut self, job: &JobId, party: Option<&PartyId>) -> Stored<bool> {
        let party = party.map(PartyId::as_str);
        sqlx::query(
            "/* metrics: delete pairs */ DELETE FROM metric_pairs WHERE job_id = $1 AND ($2 IS NULL OR party = $2)",
        )
        .bind(job.as_str())
        .bind(party)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        let done =
            sqlx::query("/* metrics: delete */ DELETE FROM metrics WHERE job_id = $1 AND ($2 IS NULL OR party = $2)")
                .bind(job.as_str())
                .bind(party)
                .execute(&mut *self.tx)
                .await
                .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn delete_texts(&mut self, job: &JobId, party: &PartyId, kind: TextKind) -> Stored<()> {
        let delete =
            "/* texts: delete */ DELETE FROM texts WHERE job_id = $1 AND party = $2 AND kind = $3";
        let delete = sqlx::query(delete)
            .bind(job.as_str())
            .bind(party.as_str())
            .bind(kind.word());
        delete.execute(&mut *self.tx).await.map_err(failed)?;
        Ok(())
    }

    async fn put_text(&mut self, key: &TaskKey, kind: TextKind, text: &str) -> Stored<()> {
        let put = "/* texts: put */ INSERT INTO texts (job_id, step, role, party, attempt, kind, body) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7) \
                   ON CONFLICT (job_id, step, role, party, attempt, kind) DO UPDATE SET body = excluded.body";
        bind_try(sqlx::query(put), key)
            .bind(kind.word())
            .bind(text)
            .execute(&mut *self.tx)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn text(&mut self, key: &TaskKey, kind: TextKind) -> Stored<Option<String>> {
        let get = "/* texts: get */ SELECT body FROM texts WHERE job_id = $1 AND step = $2 AND role = $3 AND party = $4 \
                   AND attempt = $5 AND kind = $6";
        let row = bind_try(sqlx::query(get), key)
            .bind(kind.word())
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(failed)?;
        row.map(|row| row.try_get("body").map_err(failed))
            .transpose()
    }
}

impl SqlTransaction {
    async fn put_head(&mut self, key: &TaskKey, metric: &Metric) -> Stored<()> {
        let kind = kind_of(&metric.data);
        let other = "/* metrics: pairs of another kind */ DELETE FROM metric_pairs WHERE job_id = $1 AND step = $2 \
                     AND role = $3 AND party = $4 AND attempt = $5 AND namespace = $6 AND name = $7 AND EXISTS (SELECT 1 \
                     FROM metrics m WHERE m.job_id = $1 AND m.step = $2 AND m.role = $3 AND m.party = $4 \
                     AND m.attempt = $5 AND m.namespace = $6 AND m.name = $7 AND m.kind <> $8)";
        // Before the head: a metric whose kind changed would else show old pairs among the new.
        bind_try(sqlx::query(other), key)
            .bind(&metric.namespace)
            .bind(&metric.name)
            .bind(kind)
            .execute(&mut *self.tx)
            .await
            .map_err(failed)?;
        let put = "/* metrics: put */ INSERT INTO metrics (job_id, step, role, party, attempt, namespace, name, position, \
                   kind, meta) VALUES ($1, $2, $3, $4, $5, $6, $7, (SELECT COUNT(*) FROM metrics m WHERE m.job_id = $1 \
                   AND m.step = $2 AND m.role = $3 AND m.party = $4 AND m.attempt = $5), $8, $9) \
                   ON CONFLICT (job_id, step, role, party, attempt, namespace, name) \
                   DO UPDATE SET kind = excluded.kind, meta = excluded.meta";
        bind_try(sqlx::query(put), key)
            .bind(&metric.namespace)
            .bind(&metric.name)
            .bind(kind)
            .bind(json("the meta of a metric", &metric.meta)?)
            .execute(&mut *self.tx)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn put_pairs(&mut self, key: &TaskKey, metric: &Metric, pairs: &[Pair]) -> Stored<()> {
        let mut put: QueryBuilder<Sqlite> = QueryBuilder::new(
            "/* metrics: put pairs */ INSERT INTO metric_pairs (job_id, step, role, party, attempt, namespace, name, \
             pair_key, pair_number, pair_value) ",
        );
        put.push_values(pairs, |mut row, pair| {
            row.push_bind(key.id.job.to_string())
                .push_bind(key.id.step.to_string())
                .push_bind(key.id.role.word())
                .push_bind(key.id.party.to_string())
                .push_bind(i64::from(key.attempt.0))
                .push_bind(metric.namespace.clone())
                .push_bind(metric.name.clone())
                .push_bind(pair.text.clone())
                .push_bind(pair.number)
                .push_bind(pair.value.get());
        });
        put.push(
            " ON CONFLICT (job_id, step, role, party, attempt, namespace, name, pair_key) \
             DO UPDATE SET pair_number = excluded.pair_number, pair_value = excluded.pair_value",
        );
        put.build().execute(&mut *self.tx).await.map_err(failed)?;
        Ok(())
    }
}

const POINTS: &str = "points";

fn kind_of(data: &MetricData) -> &'static str {
    match data {
        MetricData::Points(_) => POINTS,
        MetricData::Values(_) => "values",
    }
}

/// A pair as it stands in the table.
#[derive(Clone)]
struct Pair {
    text: String,
    number: Option<f64>,
    value: Finite,
}

/// A pair under the name of its metric; none when it holds no finite number.
fn pair_from(row: &SqliteRow) -> Option<((String, String), Pair)> {
    let name = (row.try_get("namespace").ok()?, row.try_get("name").ok()?);
    let (text, number) = (
        row.try_get("pair_key").ok()?,
        row.try_get("pair_number").ok()?,
    );
    let value = Finite::new(row.try_get::<Option<f64>, _>("pair_value").ok()??).ok()?;
    Some((
        name,
        Pair {
            text,
            number,
            value,
        },
    ))
}

/// The pairs, each key once: the last one stands.
fn pairs_of(data: &MetricData) -> Vec<Pair> {
    let mut pairs: BTreeMap<String, Pair> = BTreeMap::new();
    match data {
        MetricData::Points(points) => {
            for (number, value) in points {
                // Minus zero and zero are one key.
                let number = number.get() + 0.0;
                let text = number.to_string();
                let pair = Pair {
                    text: text.clone(),
                    number: Some(number),
                    value: *value,
                };
                pairs.insert(text, pair);
            }
        }
        MetricData::Values(values) => {
            for (text, value) in values {
                pairs.insert(
                    text.clone(),
                    Pair {
                        text: text.clone(),
                        number: None,
                        value: *value,
                    },
                );
            }
        }
    }
    pairs.into_values().collect()
}
