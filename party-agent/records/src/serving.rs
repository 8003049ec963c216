//! Deployed models that this party keeps ready, and the service ids under which its users ask for predictions.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use vocabulary::{Role, ServingPlan, Timestamp};

use crate::aside::Kind;
use crate::{RecordError, Records, from_json, to_json};

const LOAD: Kind = Kind {
    name: "loaded model",
    table: "serving_loads",
    key: &["model", "version", "role"],
};
const SERVICE: Kind = Kind {
    name: "service",
    table: "services",
    key: &["service"],
};

/// A service id and what it means.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceRecord {
    /// The id.
    pub service: String,
    /// The model that answers.
    pub plan: ServingPlan,
    /// When it was bound.
    pub bound: Timestamp,
}

/// A model that was loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadRecord {
    /// In which role.
    pub role: Role,
    /// The model.
    pub plan: ServingPlan,
    /// When.
    pub loaded: Timestamp,
}

impl Records {
    /// Remembers a model as loaded, in place of what was remembered of it.
    pub async fn load_for_serving(
        &self,
        role: Role,
        plan: &ServingPlan,
        now: Timestamp,
    ) -> Result<(), RecordError> {
        sqlx::query(
            "/* load_for_serving */ INSERT OR REPLACE INTO serving_loads (model, version, role, plan, loaded_micros) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(&plan.model_id)
        .bind(&plan.model_version)
        .bind(role.word())
        .bind(to_json("serving plan", plan)?)
        .bind(now.0)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Every model that was loaded, oldest first.
    pub async fn loaded_for_serving(&self) -> Result<Vec<LoadRecord>, RecordError> {
        let rows = sqlx::query(
            "/* loaded */ SELECT rowid AS place, role, plan, loaded_micros FROM serving_loads ORDER BY loaded_micros",
        )
        .fetch_all(&self.pool)
        .await?;
        self.readable(&LOAD, &rows, load).await
    }

    /// Gives a service id its meaning, in place of an earlier one.
    pub async fn bind_service(
        &self,
        service: &str,
        plan: &ServingPlan,
        now: Timestamp,
    ) -> Result<(), RecordError> {
        sqlx::query(
            "/* bind_service */ INSERT OR REPLACE INTO services (service, plan, bound_micros) VALUES ($1, $2, $3)",
        )
        .bind(service)
        .bind(to_json("serving plan", plan)?)
        .bind(now.0)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What a service id means.
    pub async fn service(&self, service: &str) -> Result<Option<ServiceRecord>, RecordError> {
        let row = sqlx::query(
            "/* service */ SELECT rowid AS place, service, plan, bound_micros FROM services WHERE service = $1",
        )
        .bind(service)
        .fetch_optional(&self.pool)
        .await?;
        self.readable_one(&SERVICE, row, bound).await
    }

    /// Every service id, in order.
    pub async fn services(&self) -> Result<Vec<ServiceRecord>, RecordError> {
        let rows = sqlx::query(
            "/* services */ SELECT rowid AS place, service, plan, bound_micros FROM services ORDER BY service",
        )
        .fetch_all(&self.pool)
        .await?;
        self.readable(&SERVICE, &rows, bound).await
    }
}

fn bound(row: &SqliteRow) -> Result<ServiceRecord, RecordError> {
    Ok(ServiceRecord {
        service: row.try_get("service")?,
        plan: from_json("serving plan", row.try_get("plan")?)?,
        bound: Timestamp(row.try_get("bound_micros")?),
    })
}

fn load(row: &SqliteRow) -> Result<LoadRecord, RecordError> {
    let role: String = row.try_get("role")?;
    let role = role.parse().map_err(|_| RecordError::Malformed {
        kind: "role",
        detail: role.clone(),
    })?;
    Ok(LoadRecord {
        role,
        plan: from_json("serving plan", row.try_get("plan")?)?,
        loaded: Timestamp(row.try_get("loaded_micros")?),
    })
}
