//! The tables of the record file. A later version adds statements; it never changes one that stands here.

use crate::{RecordError, Records};

const STATEMENTS: [&str; 11] = [
    "CREATE TABLE IF NOT EXISTS offers (fingerprint TEXT PRIMARY KEY, job TEXT NOT NULL, offer TEXT NOT NULL, \
     accepted_micros INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS attempts (job TEXT NOT NULL, step TEXT NOT NULL, role TEXT NOT NULL, attempt INTEGER NOT NULL, \
     state TEXT NOT NULL, assignment TEXT NOT NULL, outputs TEXT NOT NULL DEFAULT '[]', \
     started_micros INTEGER NOT NULL, ended_micros INTEGER, PRIMARY KEY (job, step, role, attempt))",
    "CREATE TABLE IF NOT EXISTS models (version TEXT NOT NULL, step TEXT NOT NULL, role TEXT NOT NULL, component TEXT NOT NULL, \
     component_version INTEGER NOT NULL, content BLOB NOT NULL, saved_micros INTEGER NOT NULL, \
     PRIMARY KEY (version, step, role))",
    "CREATE TABLE IF NOT EXISTS checkpoints (version TEXT NOT NULL, step TEXT NOT NULL, role TEXT NOT NULL, \
     step_index INTEGER NOT NULL, step_name TEXT NOT NULL, attempt INTEGER NOT NULL, component TEXT NOT NULL, \
     component_version INTEGER NOT NULL, content BLOB NOT NULL, saved_micros INTEGER NOT NULL, \
     PRIMARY KEY (version, step, role, step_index))",
    "CREATE TABLE IF NOT EXISTS serving_loads (model TEXT NOT NULL, version TEXT NOT NULL, role TEXT NOT NULL, \
     plan TEXT NOT NULL, loaded_micros INTEGER NOT NULL, PRIMARY KEY (model, version, role))",
    "CREATE TABLE IF NOT EXISTS services (service TEXT PRIMARY KEY, plan TEXT NOT NULL, bound_micros INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS model_views (version TEXT NOT NULL, step TEXT NOT NULL, role TEXT NOT NULL, view TEXT NOT NULL, \
     PRIMARY KEY (version, step, role))",
    "CREATE TABLE IF NOT EXISTS outbox (number INTEGER PRIMARY KEY AUTOINCREMENT, report TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS audit (number INTEGER PRIMARY KEY AUTOINCREMENT, at_micros INTEGER NOT NULL, \
     entry TEXT NOT NULL, hash TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS attempts_by_state ON attempts (state)",
    "CREATE INDEX IF NOT EXISTS offers_by_job ON offers (job)",
];

impl Records {
    pub(crate) async fn create_tables(&self) -> Result<(), RecordError> {
        for statement in STATEMENTS {
            sqlx::query(statement).execute(&self.pool).await?;
        }
        Ok(())
    }
}
