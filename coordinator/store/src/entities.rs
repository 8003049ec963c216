//! What APIs name beside jobs and experiments.

use async_trait::async_trait;
use domain::{Entity, EntityKind};
use service::EntityFilter;
use service::ports::{Entities, Stored};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};
use vocabulary::{JobId, Timestamp};

use crate::row_kinds::{Kind, Remedy};
use crate::sql::SqlTransaction;
use crate::values::{among, corrupt, failed, from_json, json};

/// The columns of a row, in the order in which a new one is bound.
macro_rules! columns {
    () => {
        "kind, id, tenant, parent, name, job_id, creator, created, modified, deleted, due, body"
    };
}

const COLUMNS: &str = concat!("rowid AS place, ", columns!());
const ROW: &str = "an entity";
static ENTITY: Kind = Kind {
    name: "entity",
    table: "entities",
    key: &["kind", "id"],
    remedy: Remedy::TakeOut,
};

#[async_trait]
impl Entities for SqlTransaction {
    async fn insert_entity(&mut self, entity: &Entity) -> Stored<bool> {
        let done = sqlx::query(concat!(
            "/* entities: insert */ INSERT INTO entities (",
            columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING"
        ))
        .bind(entity.kind.word())
        .bind(&entity.id)
        .bind(entity.tenant.as_str())
        .bind(&entity.parent)
        .bind(&entity.name)
        .bind(entity.job.as_ref().map(ToString::to_string))
        .bind(&entity.creator)
        .bind(entity.created.0)
        .bind(entity.modified.0)
        .bind(i64::from(entity.deleted))
        .bind(entity.due.map(|at| at.0))
        .bind(json(ROW, &entity.body)?)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn entity(&mut self, kind: EntityKind, id: &str) -> Stored<Option<Entity>> {
        let row = sqlx::query(concat!(
            "/* entities: get */ SELECT rowid AS place, ",
            columns!(),
            " FROM entities WHERE kind = $1 AND id = $2"
        ))
        .bind(kind.word())
        .bind(id)
        .fetch_optional(&mut *self.tx)
        .await
        .map_err(failed)?;
        self.readable_one(&ENTITY, row, read).await
    }

    async fn save_entity(&mut self, entity: &Entity) -> Stored<bool> {
        let done = sqlx::query(
            "/* entities: save */ UPDATE entities SET parent = $3, name = $4, job_id = $5, modified = $6, deleted = $7, \
             due = $8, body = $9 WHERE kind = $1 AND id = $2",
        )
        .bind(entity.kind.word())
        .bind(&entity.id)
        .bind(&entity.parent)
        .bind(&entity.name)
        .bind(entity.job.as_ref().map(ToString::to_string))
        .bind(entity.modified.0)
        .bind(i64::from(entity.deleted))
        .bind(entity.due.map(|at| at.0))
        .bind(json(ROW, &entity.body)?)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn find_entities(&mut self, filter: &EntityFilter) -> Stored<(Vec<Entity>, u64)> {
        let mut count =
            QueryBuilder::new("/* entities: count */ SELECT COUNT(*) FROM entities WHERE kind = ");
        narrow(&mut count, filter);
        let total: i64 = count
            .build_query_scalar()
            .fetch_one(&mut *self.tx)
            .await
            .map_err(failed)?;
        let mut find = QueryBuilder::new(format!(
            "/* entities: find */ SELECT {COLUMNS} FROM entities WHERE kind = "
        ));
        narrow(&mut find, filter);
        find.push(if filter.newest_first {
            " ORDER BY created DESC, id DESC"
        } else {
            " ORDER BY created, id"
        });
        find.push(" LIMIT ")
            .push_bind(filter.limit.map_or(i64::MAX, i64::from));
        find.push(" OFFSET ").push_bind(i64::from(filter.offset));
        let rows = find
            .build()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(failed)?;
        let entities = self.readable(&ENTITY, &rows, read).await?;
        Ok((entities, u64::try_from(total).unwrap_or(0)))
    }

    async fn entities_of_job(&mut self, job: &JobId) -> Stored<Vec<Entity>> {
        let rows = sqlx::query(concat!(
            "/* entities: of a job */ SELECT rowid AS place, ",
            columns!(),
            " FROM entities WHERE job_id = $1 ORDER BY created, kind, id"
        ))
        .bind(job.as_str())
        .fetch_all(&mut *self.tx)
        .await
        .map_err(failed)?;
        self.readable(&ENTITY, &rows, read).await
    }
}

fn narrow(sql: &mut QueryBuilder<Sqlite>, filter: &EntityFilter) {
    sql.push_bind(filter.kind.word());
    if !filter.deleted {
        sql.push(" AND deleted = 0");
    }
    among(
        sql,
        " AND tenant IN (",
        filter.tenant.iter().map(ToString::to_string),
    );
    among(sql, " AND id IN (", filter.ids.iter().cloned());
    among(sql, " AND parent IN (", filter.parent.iter().cloned());
    among(sql, " AND name IN (", filter.name.iter().cloned());
    if let Some(now) = filter.due {
        sql.push(" AND due <= ").push_bind(now.0);
    }
    if let Some((at, id)) = &filter.start {
        let way = if filter.newest_first { "<=" } else { ">=" };
        sql.push(format!(" AND (created, id) {way} ("));
        sql.push_bind(at.0)
            .push(", ")
            .push_bind(id.clone())
            .push(")");
    }
}

fn read(row: &SqliteRow) -> Stored<Entity> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(failed);
    let optional = |name: &str| row.try_get::<Option<String>, _>(name).map_err(failed);
    let time = |name: &str| row.try_get::<i64, _>(name).map(Timestamp).map_err(failed);
    let word = text("kind")?;
    let kind = EntityKind::ALL.into_iter().find(|kind| kind.word() == word);
    let job = optional("job_id")?
        .map(JobId::new)
        .transpose()
        .map_err(|error| corrupt(ROW, error))?;
    let entity = Entity {
        kind: kind.ok_or_else(|| corrupt(ROW, format!("{word:?} is not a kind")))?,
        id: text("id")?,
        tenant: text("tenant")?
            .parse()
            .map_err(|error| corrupt(ROW, error))?,
        parent: optional("parent")?,
        name: optional("name")?,
        job,
        creator: text("creator")?,
        created: time("created")?,
        modified: time("modified")?,
        deleted: row.try_get::<i64, _>("deleted").map_err(failed)? != 0,
        due: row
            .try_get::<Option<i64>, _>("due")
            .map_err(failed)?
            .map(Timestamp),
        body: from_json(ROW, &text("body")?)?,
    };
    // One body of another shape would stop the list of its kind.
    entity.check().map_err(|fault| corrupt(ROW, fault))?;
    Ok(entity)
}
