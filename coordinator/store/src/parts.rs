//! What participants keep of versions of models.

use service::ports::Stored;
use service::{ModelKey, ModelPart, PartFilter};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row};
use vocabulary::{Participant, Timestamp};

use crate::row_kinds::{Kind, Remedy};
use crate::sql::SqlTransaction;
use crate::values::{among, column, corrupt, failed};

/// The columns of a row, in the order in which a new one is bound.
macro_rules! columns {
    () => {
        "model_id, version, role, party, size, loaded_times, imported, archive_sha256, created, updated"
    };
}

const ROW: &str = "a part of a model";
static PART: Kind = Kind {
    name: "model part",
    table: "model_parts",
    key: &["model_id", "version", "role", "party"],
    remedy: Remedy::TakeOut,
};

/// Writes a part in place of an earlier one.
pub(crate) async fn put(to: &mut SqlTransaction, part: &ModelPart) -> Stored<()> {
    sqlx::query(
        concat!(
"/* model_parts: put */ INSERT INTO model_parts (",
columns!(),
") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (model_id, version, role, party) DO UPDATE SET size = excluded.size, loaded_times = excluded.loaded_times, imported = excluded.imported, archive_sha256 = excluded.archive_sha256, updated = excluded.updated"
),
    )
    .bind(&part.key.model_id)
    .bind(&part.key.version)
    .bind(part.owner.role.word())
    .bind(part.owner.party.as_str())
    .bind(column(part.size))
    .bind(i64::from(part.loaded_times))
    .bind(i64::from(part.imported))
    .bind(&part.archive_sha256)
    .bind(part.created.0)
    .bind(part.updated.0)
    .execute(&mut *to.tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// The parts that fit, oldest first; those of one version in the order in which they were written.
pub(crate) async fn find(to: &mut SqlTransaction, filter: &PartFilter) -> Stored<Vec<ModelPart>> {
    let mut find = QueryBuilder::new(concat!(
        "/* model_parts: find */ SELECT rowid AS place, ",
        columns!(),
        " FROM model_parts p WHERE 1 = 1"
    ));
    among(
        &mut find,
        " AND model_id IN (",
        filter.model_id.iter().cloned(),
    );
    among(
        &mut find,
        " AND version IN (",
        filter.version.iter().cloned(),
    );
    among(
        &mut find,
        " AND role IN (",
        filter.role.iter().map(ToString::to_string),
    );
    among(
        &mut find,
        " AND party IN (",
        filter.party.iter().map(ToString::to_string),
    );
    if let Some(party) = &filter.shared_with {
        find.push(
            " AND EXISTS (SELECT 1 FROM model_parts o WHERE o.model_id = p.model_id AND o.version = p.version \
             AND o.party = ",
        );
        find.push_bind(party.to_string()).push(")");
    }
    find.push(" ORDER BY created, version, rowid");
    let rows = find.build().fetch_all(&mut *to.tx).await.map_err(failed)?;
    to.readable(&PART, &rows, part_from).await
}

fn part_from(row: &SqliteRow) -> Stored<ModelPart> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(failed);
    let number = |name: &str| row.try_get::<i64, _>(name).map_err(failed);
    let wrong = |error: &dyn std::fmt::Display| corrupt(ROW, error);
    Ok(ModelPart {
        key: ModelKey {
            model_id: text("model_id")?,
            version: text("version")?,
        },
        owner: Participant::new(
            text("role")?.parse().map_err(|error| wrong(&error))?,
            text("party")?.parse().map_err(|error| wrong(&error))?,
        ),
        size: u64::try_from(number("size")?).map_err(|error| wrong(&error))?,
        loaded_times: u32::try_from(number("loaded_times")?).map_err(|error| wrong(&error))?,
        imported: number("imported")? != 0,
        archive_sha256: row.try_get("archive_sha256").map_err(failed)?,
        created: Timestamp(number("created")?),
        updated: Timestamp(number("updated")?),
    })
}
