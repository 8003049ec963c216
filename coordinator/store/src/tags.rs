//! Tags, and the versions that bear them.

use async_trait::async_trait;
use service::Tag;
use service::ports::{Stored, Tags};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row};
use vocabulary::Timestamp;

use crate::row_kinds::{Kind, Remedy};
use crate::sql::SqlTransaction;
use crate::values::{containing, failed};

static TAG: Kind = Kind {
    name: "tag",
    table: "tags",
    key: &["name"],
    remedy: Remedy::TakeOut,
};

#[async_trait]
impl Tags for SqlTransaction {
    async fn insert_tag(&mut self, tag: &Tag) -> Stored<bool> {
        let done = sqlx::query(
            "/* tags: insert */ INSERT INTO tags (name, description, created) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO NOTHING",
        )
        .bind(&tag.name)
        .bind(&tag.description)
        .bind(tag.created.0)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn tag(&mut self, name: &str) -> Stored<Option<Tag>> {
        let row =
            sqlx::query("/* tags: get */ SELECT rowid AS place, name, description, created FROM tags WHERE name = $1")
                .bind(name)
                .fetch_optional(&mut *self.tx)
                .await
                .map_err(failed)?;
        self.readable_one(&TAG, row, tag_from).await
    }

    async fn find_tags(&mut self, text: &str, limit: Option<u32>) -> Stored<Vec<(Tag, u64)>> {
        let mut find = QueryBuilder::new(
            "/* tags: find */ SELECT rowid AS place, name, description, created, \
             (SELECT COUNT(*) FROM model_tags m WHERE m.tag = t.name) AS bound FROM tags t WHERE ",
        );
        containing(&mut find, "name", text);
        find.push(" ORDER BY created, rowid LIMIT ");
        find.push_bind(limit.map_or(-1, i64::from));
        let rows = find
            .build()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(failed)?;
        let bound = |row: &SqliteRow| row.try_get::<i64, _>("bound").map_err(failed);
        let read = |row: &SqliteRow| Ok((tag_from(row)?, u64::try_from(bound(row)?).unwrap_or(0)));
        self.readable(&TAG, &rows, read).await
    }

    async fn change_tag(&mut self, name: &str, new: &Tag) -> Stored<bool> {
        // Asked before: a violated key would look like a database that fails.
        if name != new.name && self.tag(&new.name).await?.is_some() {
            return Ok(false);
        }
        let done = sqlx::query(
            "/* tags: change */ UPDATE tags SET name = $2, description = $3 WHERE name = $1",
        )
        .bind(name)
        .bind(&new.name)
        .bind(&new.description)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn remove_tag(&mut self, name: &str) -> Stored<bool> {
        let done = sqlx::query("/* tags: remove */ DELETE FROM tags WHERE name = $1")
            .bind(name)
            .execute(&mut *self.tx)
            .await
            .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn bind_tag(&mut self, version: &str, tag: &str, now: Timestamp) -> Stored<bool> {
        let done = sqlx::query(
            "/* model_tags: insert */ INSERT INTO model_tags (version, tag, created) VALUES ($1, $2, $3) \
             ON CONFLICT (version, tag) DO NOTHING",
        )
        .bind(version)
        .bind(tag)
        .bind(now.0)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn unbind_tag(&mut self, version: &str, tag: &str) -> Stored<bool> {
        let done = sqlx::query(
            "/* model_tags: remove */ DELETE FROM model_tags WHERE version = $1 AND tag = $2",
        )
        .bind(version)
        .bind(tag)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn tags_of(&mut self, version: &str) -> Stored<Vec<Tag>> {
        let rows = sqlx::query(
            "/* model_tags: of version */ SELECT t.rowid AS place, t.name, t.description, t.created FROM model_tags m \
             JOIN tags t ON t.name = m.tag WHERE m.version = $1 ORDER BY m.created, m.rowid",
        )
        .bind(version)
        .fetch_all(&mut *self.tx)
        .await
        .map_err(failed)?;
        self.readable(&TAG, &rows, tag_from).await
    }

    async fn tagged(&mut self, tag: &str) -> Stored<Vec<String>> {
        let find = "/* model_tags: of tag */ SELECT version FROM model_tags WHERE tag = $1 ORDER BY created, rowid";
        sqlx::query_scalar(find)
            .bind(tag)
            .fetch_all(&mut *self.tx)
            .await
            .map_err(failed)
    }
}

fn tag_from(row: &SqliteRow) -> Stored<Tag> {
    Ok(Tag {
        name: row.try_get("name").map_err(failed)?,
        description: row.try_get("description").map_err(failed)?,
        created: Timestamp(row.try_get("created").map_err(failed)?),
    })
}
