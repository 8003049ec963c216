//! Models as their owners announced them; versions and parts have files of their own.

use async_trait::async_trait;
use service::ports::{Models, Stored};
use service::records::StoredModel;
use service::{ModelFilter, ModelPart, ModelVersion, PartFilter, VersionFilter};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row};
use vocabulary::{ModelRef, ModelSummary, Participant, Timestamp};

use crate::row_kinds::{Kind, Remedy};
use crate::sql::SqlTransaction;
use crate::values::{among, column, corrupt, failed};
use crate::{parts, versions};

/// The columns of a row, in the order in which a new one is bound.
macro_rules! columns {
    () => {
        "version, step, role, party, job_id, component, component_version, size, created"
    };
}

static MODEL: Kind = Kind {
    name: "model",
    table: "models",
    key: &["version", "step", "role", "party"],
    remedy: Remedy::TakeOut,
};

#[async_trait]
impl Models for SqlTransaction {
    async fn put_model(&mut self, model: &StoredModel) -> Stored<()> {
        let StoredModel {
            summary,
            job,
            created,
        } = model;
        sqlx::query(
            concat!(
"/* models: put */ INSERT INTO models (",
columns!(),
") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (version, step, role, party) DO UPDATE SET job_id = excluded.job_id, component = excluded.component, component_version = excluded.component_version, size = excluded.size, created = excluded.created"
),
        )
        .bind(&summary.model.version)
        .bind(summary.model.step.as_str())
        .bind(summary.model.owner.role.word())
        .bind(summary.model.owner.party.as_str())
        .bind(job.as_str())
        .bind(&summary.component)
        .bind(i64::from(summary.component_version))
        .bind(column(summary.size))
        .bind(created.0)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn find_models(&mut self, filter: &ModelFilter) -> Stored<Vec<StoredModel>> {
        let mut find = QueryBuilder::new(concat!(
            "/* models: find */ SELECT rowid AS place, ",
            columns!(),
            " FROM models WHERE 1 = 1"
        ));
        among(
            &mut find,
            " AND version IN (",
            filter.version.iter().cloned(),
        );
        among(
            &mut find,
            " AND step IN (",
            filter.step.iter().map(ToString::to_string),
        );
        among(
            &mut find,
            " AND role IN (",
            filter.owner.iter().map(|owner| owner.role.to_string()),
        );
        among(
            &mut find,
            " AND party IN (",
            filter.owner.iter().map(|owner| owner.party.to_string()),
        );
        among(
            &mut find,
            " AND job_id IN (",
            filter.job.iter().map(ToString::to_string),
        );
        find.push(" ORDER BY created, version, step, role, party");
        let rows = find
            .build()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(failed)?;
        self.readable(&MODEL, &rows, model_from).await
    }

    async fn insert_version(&mut self, version: &ModelVersion) -> Stored<bool> {
        versions::write(self, version, versions::IfPresent::Leave).await
    }

    async fn put_version(&mut self, version: &ModelVersion) -> Stored<()> {
        versions::write(self, version, versions::IfPresent::Replace)
            .await
            .map(|_| ())
    }

    async fn find_versions(&mut self, filter: &VersionFilter) -> Stored<Vec<ModelVersion>> {
        versions::find(self, filter).await
    }

    async fn put_part(&mut self, part: &ModelPart) -> Stored<()> {
        parts::put(self, part).await
    }

    async fn find_parts(&mut self, filter: &PartFilter) -> Stored<Vec<ModelPart>> {
        parts::find(self, filter).await
    }
}

fn model_from(row: &SqliteRow) -> Stored<StoredModel> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(failed);
    let number = |name: &str| row.try_get::<i64, _>(name).map_err(failed);
    let wrong = |error: &dyn std::fmt::Display| corrupt("a model", error);
    let owner = Participant::new(
        text("role")?.parse().map_err(|error| wrong(&error))?,
        text("party")?.parse().map_err(|error| wrong(&error))?,
    );
    let step = text("step")?.parse().map_err(|error| wrong(&error))?;
    let summary = ModelSummary {
        model: ModelRef {
            version: text("version")?,
            step,
            owner,
        },
        component: text("component")?,
        component_version: u32::try_from(number("component_version")?)
            .map_err(|error| wrong(&error))?,
        size: u64::try_from(number("size")?).map_err(|error| wrong(&error))?,
    };
    let job = text("job_id")?.parse().map_err(|error| wrong(&error))?;
    Ok(StoredModel {
        summary,
        job,
        created: Timestamp(number("created")?),
    })
}
