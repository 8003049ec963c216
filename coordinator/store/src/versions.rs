//! Versions of models: their documents.

use domain::Dialect;
use service::models::cast_of_roles;
use service::ports::Stored;
use service::{ModelKey, ModelVersion, VersionFilter};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row};
use vocabulary::{Participant, Timestamp};

use crate::row_kinds::{Kind, Remedy};
use crate::sql::SqlTransaction;
use crate::values::{among, corrupt, failed, from_json, json};

/// The columns of a row, in the order in which a new one is bound.
macro_rules! columns {
    () => {
        "model_id, version, stored, initiator_role, initiator_party, parent_id, parent_version, job_id, dsl_version, fate_version, roles, train_dsl, train_conf, inference_dsl, checkpoints, created, updated"
    };
}

const ROW: &str = "a version of a model";
static VERSION: Kind = Kind {
    name: "model version",
    table: "model_versions",
    key: &["model_id", "version"],
    remedy: Remedy::TakeOut,
};

macro_rules! insert {
    () => {
        concat!(
"INSERT INTO model_versions (",
columns!(),
") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT (model_id, version)"
)
    };
}

/// What is done when the version is there already.
#[derive(Clone, Copy)]
pub(crate) enum IfPresent {
    Leave,
    Replace,
}

/// Writes a version; false when it was there and was left alone.
pub(crate) async fn write(
    to: &mut SqlTransaction,
    version: &ModelVersion,
    taken: IfPresent,
) -> Stored<bool> {
    let text = match taken {
        IfPresent::Leave => concat!("/* model_versions: insert */ ", insert!(), " DO NOTHING"),
        IfPresent::Replace => concat!(
            "/* model_versions: put */ ",
            insert!(),
            " DO UPDATE SET stored = excluded.stored, initiator_role = excluded.initiator_role, \
             initiator_party = excluded.initiator_party, parent_id = excluded.parent_id, \
             parent_version = excluded.parent_version, job_id = excluded.job_id, dsl_version = excluded.dsl_version, \
             fate_version = excluded.fate_version, roles = excluded.roles, train_dsl = excluded.train_dsl, \
             train_conf = excluded.train_conf, inference_dsl = excluded.inference_dsl, \
             checkpoints = excluded.checkpoints, updated = excluded.updated",
        ),
    };
    // Null for what a training left: its DSL is derived when it is asked for.
    let own = version
        .own_inference_dsl
        .as_ref()
        .map(|dsl| json(ROW, dsl))
        .transpose()?;
    let done = sqlx::query(text)
        .bind(&version.key.model_id)
        .bind(&version.key.version)
        .bind(&version.stored)
        .bind(version.initiator.role.word())
        .bind(version.initiator.party.as_str())
        .bind(
            version
                .parent
                .as_ref()
                .map(|parent| parent.model_id.as_str()),
        )
        .bind(
            version
                .parent
                .as_ref()
                .map(|parent| parent.version.as_str()),
        )
        .bind(version.job.as_ref().map(|job| job.as_str()))
        .bind(if version.dialect == Dialect::FateV1 {
            1_i64
        } else {
            2
        })
        .bind(&version.fate_version)
        .bind(json(ROW, &version.cast)?)
        .bind(json(ROW, &version.train_dsl)?)
        .bind(json(ROW, &version.train_conf)?)
        .bind(own)
        .bind(json(ROW, &version.checkpoints)?)
        .bind(version.created.0)
        .bind(version.updated.0)
        .execute(&mut *to.tx)
        .await
        .map_err(failed)?;
    Ok(done.rows_affected() > 0)
}

/// The versions that fit, oldest first.
pub(crate) async fn find(
    to: &mut SqlTransaction,
    filter: &VersionFilter,
) -> Stored<Vec<ModelVersion>> {
    let mut find = QueryBuilder::new(concat!(
        "/* model_versions: find */ SELECT rowid AS place, ",
        columns!(),
        " FROM model_versions WHERE 1 = 1"
    ));
    among(
        &mut find,
        " AND model_id IN (",
        filter.model_id.iter().cloned(),
    );
    among(
        &mut find,
        " AND version IN (",
        filter.versions.iter().cloned(),
    );
    find.push(" ORDER BY created, version");
    let rows = find.build().fetch_all(&mut *to.tx).await.map_err(failed)?;
    to.readable(&VERSION, &rows, version_from).await
}

fn version_from(row: &SqliteRow) -> Stored<ModelVersion> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(failed);
    let maybe = |name: &str| row.try_get::<Option<String>, _>(name).map_err(failed);
    let number = |name: &str| row.try_get::<i64, _>(name).map_err(failed);
    let wrong = |error: &dyn std::fmt::Display| corrupt(ROW, error);
    let parent = match (maybe("parent_id")?, maybe("parent_version")?) {
        (Some(model_id), Some(version)) => Some(ModelKey { model_id, version }),
        _ => None,
    };
    Ok(ModelVersion {
        key: ModelKey {
            model_id: text("model_id")?,
            version: text("version")?,
        },
        stored: text("stored")?,
        initiator: Participant::new(
            text("initiator_role")?
                .parse()
                .map_err(|error| wrong(&error))?,
            text("initiator_party")?
                .parse()
                .map_err(|error| wrong(&error))?,
        ),
        cast: cast_of_roles(&from_json(ROW, &text("roles")?)?),
        parent,
        job: maybe("job_id")?
            .map(|job| job.parse().map_err(|error| wrong(&error)))
            .transpose()?,
        dialect: if number("dsl_version")? == 1 {
            Dialect::FateV1
        } else {
            Dialect::FateV2
        },
        fate_version: text("fate_version")?,
        train_dsl: from_json(ROW, &text("train_dsl")?)?,
        train_conf: from_json(ROW, &text("train_conf")?)?,
        own_inference_dsl: maybe("inference_dsl")?
            .map(|dsl| from_json(ROW, &dsl))
            .transpose()?,
        checkpoints: from_json(ROW, &text("checkpoints")?)?,
        created: Timestamp(number("created")?),
        updated: Timestamp(number("updated")?),
    })
}
