//! The tables of the record file. A later version adds statements; it never changes one that stands here.

use crate::{RecordError, Records};

const STATEMENTS: &[&str] = &[
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
    "CREATE TABLE IF NOT EXISTS outbox_grounds (number INTEGER PRIMARY KEY, grounds TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS audit (number INTEGER PRIMARY KEY AUTOINCREMENT, at_micros INTEGER NOT NULL, \
     entry TEXT NOT NULL, hash TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS attempts_by_state ON attempts (state)",
    "CREATE INDEX IF NOT EXISTS offers_by_job ON offers (job)",
    // A table that came from no other stands as its own parent and source.
    "CREATE TABLE IF NOT EXISTS lineage (namespace TEXT NOT NULL, name TEXT NOT NULL, parent_namespace TEXT NOT NULL, \
     parent_name TEXT NOT NULL, source_namespace TEXT NOT NULL, source_name TEXT NOT NULL, job TEXT NOT NULL, \
     PRIMARY KEY (namespace, name, parent_namespace, parent_name, source_namespace, source_name, job))",
    "CREATE INDEX IF NOT EXISTS lineage_by_source ON lineage (source_namespace, source_name)",
    "CREATE TABLE IF NOT EXISTS connectors (name TEXT PRIMARY KEY, engine TEXT NOT NULL, info TEXT NOT NULL)",
    // An empty role stands for every role of the party's.
    "CREATE TABLE IF NOT EXISTS permissions (party TEXT NOT NULL, role TEXT NOT NULL, kind TEXT NOT NULL, \
     namespace TEXT NOT NULL, name TEXT NOT NULL, granted_micros INTEGER NOT NULL, \
     PRIMARY KEY (party, role, kind, namespace, name))",
    "CREATE TABLE IF NOT EXISTS tickets (ticket TEXT NOT NULL, job TEXT NOT NULL, asked_by TEXT, used_micros INTEGER NOT NULL, \
     PRIMARY KEY (ticket, job))",
    "CREATE INDEX IF NOT EXISTS tickets_by_job ON tickets (job)",
    // What a ticket was found to cover, and until when.
    "CREATE TABLE IF NOT EXISTS ticket_offers (ticket TEXT NOT NULL, job TEXT NOT NULL, fingerprint TEXT NOT NULL, \
     until_micros INTEGER NOT NULL, PRIMARY KEY (ticket, job, fingerprint))",
    "CREATE INDEX IF NOT EXISTS ticket_offers_by_fingerprint ON ticket_offers (fingerprint)",
    "CREATE TABLE IF NOT EXISTS queries (day INTEGER NOT NULL, asker TEXT NOT NULL, count INTEGER NOT NULL, \
     PRIMARY KEY (day, asker))",
    "CREATE INDEX IF NOT EXISTS queries_by_asker ON queries (asker, day)",
    "CREATE TABLE IF NOT EXISTS model_rows (version TEXT NOT NULL, step TEXT NOT NULL, role TEXT NOT NULL, \
     fewest INTEGER NOT NULL, PRIMARY KEY (version, step, role))",
    // A vector that left stands under the attempt that sent it first.
    "CREATE TABLE IF NOT EXISTS vectors (job TEXT NOT NULL, step TEXT NOT NULL, role TEXT NOT NULL, peer TEXT NOT NULL, \
     place TEXT NOT NULL, attempt INTEGER NOT NULL, digest TEXT NOT NULL, \
     PRIMARY KEY (job, step, role, peer, place, digest))",
    // Ids that a peer was told of, by a hash.
    "CREATE TABLE IF NOT EXISTS told_ids (peer TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (peer, id)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS pinned_keys (party TEXT PRIMARY KEY, pem TEXT NOT NULL, saved_micros INTEGER NOT NULL)",
    // `text` is the statement that puts the row back.
    "CREATE TABLE IF NOT EXISTS set_aside (number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key TEXT NOT NULL, \
     text TEXT NOT NULL, why TEXT NOT NULL, at_micros INTEGER NOT NULL)",
];

impl Records {
    pub(crate) async fn create_tables(&self) -> Result<(), RecordError> {
        for statement in STATEMENTS {
            sqlx::query(*statement).execute(&self.pool).await?;
        }
        Ok(())
    }
}
