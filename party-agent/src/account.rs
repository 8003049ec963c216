//! What the audit chain says of everything that an attempt lets out, and the chain itself as the agent opens it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use audit::{AttemptDetails, Audit, AuditEntry, Basis, OldEntry, ReportEntry, Rows};
use policy::Policy;
use records::{OldAuditEntry, Records};
use vocabulary::{Assignment, Attempt, Clock, ErrorCode, Fault, TaskId, Timestamp};

/// Entries of the old chain that are read at once.
const PIECE: u32 = 1_000;

type Key = (TaskId, Attempt);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens the chain; one of format 0 that stands in the records goes on in its own folder.
pub(crate) async fn open_chain(
    records: &Records,
    folder: &Path,
    clock: Arc<dyn Clock>,
) -> Result<Audit, Fault> {
    let read = |entry: OldAuditEntry| OldEntry {
        number: u64::try_from(entry.number).unwrap_or_default(),
        at: Timestamp(entry.at_micros),
        text: entry.entry,
        hash: entry.hash,
    };
    let next = |after: u64| async move {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let piece = records
            .old_audit_entries(after, PIECE)
            .await
            .map_err(|error| {
                let text =
                    format!("the audit chain cannot be taken over from the records: {error}");
                Fault::new(ErrorCode::AuditBroken, text)
                    .next("put a backup of records.db in its place")
            })?;
        Ok::<_, Fault>(piece.into_iter().map(read).collect())
    };
    // Before the chain is opened: what stands in the records comes first in it, and its hashes go
    // on.
    audit::import(folder, next).await?;
    Ok(Audit::open(folder, clock)?)
}

/// An attempt, as its entries name it.
pub(crate) struct Account {
    task: TaskId,
    attempt: Attempt,
    component: String,
    version: u32,
    offer: String,
    basis: Basis,
    /// Of the tables that it has read.
    rows: Mutex<Option<Rows>>,
    /// Of the table with the fewest columns that it has read.
    columns: Mutex<Option<u64>>,
}

impl Account {
    /// Notes who asked for an attempt, and under which offer.
    pub(crate) fn open(order: &Assignment, basis: Basis) -> Arc<Self> {
        Arc::new(Self {
            task: order.task.clone(),
            attempt: order.attempt,
            component: order.component.clone(),
            version: order.component_version,
            offer: order.offer.clone(),
            basis,
            rows: Mutex::default(),
            columns: Mutex::default(),
        })
    }

    /// Notes that a table of so many rows was read.
    pub(crate) fn read(&self, rows: u64) {
        let mut known = locked(&self.rows);
        *known = Some(Rows::with(*known, rows));
    }

    /// Notes that a table of so many columns was read whose rows may leave.
    pub(crate) fn read_columns(&self, columns: u64) {
        let mut known = locked(&self.columns);
        // The fewest: a bound on vectors must hold for each table that was read, not for the
        // widest.
        *known = Some(known.map_or(columns, |known| known.min(columns)));
    }

    /// Fewest columns of what it has read; none where nobody knows.
    pub(crate) fn columns(&self) -> Option<u64> {
        *locked(&self.columns)
    }

    /// What entries say of the attempt now.
    pub(crate) fn attempted(&self, policy: &Policy) -> AttemptDetails {
        AttemptDetails {
            task: self.task.clone(),
            attempt: self.attempt,
            component: self.component.clone(),
            version: self.version,
            offer: self.offer.clone(),
            rows: *locked(&self.rows),
            basis: Basis {
                policy: policy.hash().to_owned(),
                ..self.basis.clone()
            },
        }
    }

    /// The entry of a report that is about to be told, or was refused.
    pub(crate) fn report(
        &self,
        policy: &Policy,
        what: &str,
        bytes: u64,
        refused_by: Option<String>,
    ) -> AuditEntry {
        let of = self.attempted(policy);
        AuditEntry::Report(Box::new(ReportEntry {
            of,
            what: what.to_owned(),
            bytes,
            refused_by,
        }))
    }
}

/// The accounts of attempts that run. Cheap to clone.
#[derive(Default, Clone)]
pub(crate) struct Accounts(Arc<Mutex<BTreeMap<Key, Arc<Account>>>>);

impl Accounts {
    /// Keeps an account; it is forgotten when what is given is dropped.
    pub(crate) fn keep(&self, account: &Arc<Account>) -> AccountGuard {
        let key = (account.task.clone(), account.attempt);
        locked(&self.0).insert(key.clone(), account.clone());
        AccountGuard {
            accounts: self.clone(),
            key,
        }
    }

    /// The account of an attempt that runs.
    pub(crate) fn of(&self, key: &Key) -> Option<Arc<Account>> {
        locked(&self.0).get(key).cloned()
    }
}

/// Keeps an account while it lives.
pub(crate) struct AccountGuard {
    accounts: Accounts,
    key: Key,
}

impl Drop for AccountGuard {
    fn drop(&mut self) {
        locked(&self.accounts.0).remove(&self.key);
    }
}
