//! What a party holds: rows, records, policy, files. Everything in the agent works on these; nothing else does.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use audit::{Audit, AuditEntry, Basis};
use component_kit::AnyComponent;
use pki::Identity;
use policy::{Grants, Policy};
use records::{PermissionKind, Records};
use tables::TableStore;
use tokio::sync::watch;
use vocabulary::{Clock, Fault, Offer, Participant, PartyId, TableRef, Timestamp};

use crate::account::Accounts;
use crate::files::Files;
use crate::joblog::JobLogs;
use crate::staging::Staging;
use crate::stubs::Stubs;

/// The components of an agent.
pub type Catalogue = &'static [&'static dyn AnyComponent];

/// Gives the identity in use, which may be renewed.
pub(crate) type Whoami = Arc<dyn Fn() -> Identity + Send + Sync>;

/// One party's agent's state.
pub(crate) struct AgentState {
    pub(crate) me: PartyId,
    pub(crate) records: Records,
    /// Where everything that leaves stands first.
    pub(crate) chain: Audit,
    /// What the chain says of attempts that run.
    pub(crate) accounts: Accounts,
    pub(crate) table_store: TableStore,
    pub(crate) rules: RwLock<Arc<Policy>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) catalogue: Catalogue,
    pub(crate) staging: Staging,
    pub(crate) files: Files,
    pub(crate) logs: JobLogs,
    pub(crate) import_roots: Vec<PathBuf>,
    pub(crate) export_root: PathBuf,
    /// The REST endpoint of the party's own users, once it is open.
    pub(crate) rest: OnceLock<String>,
    /// Since when the policy's file cannot be read, and why.
    pub(crate) unread: Mutex<Option<(Timestamp, Fault)>>,
    /// How often policy or grants have changed since the start.
    pub(crate) changes: watch::Sender<u64>,
    /// Tables of predictions that run, with those whose rows they hold.
    pub(crate) stubs: Stubs,
}

impl AgentState {
    /// The policy in force.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        self.rules
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Puts another policy in force, also for what runs.
    pub(crate) fn set_policy(&self, policy: Policy) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
        // After the policy is in force: whoever is woken by it must read the new one.
        self.note_change();
    }

    /// Has what runs judged again: the policy or a grant has changed.
    pub(crate) fn note_change(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// A number that differs whenever policy or grants differ.
    pub(crate) fn rules_changed(&self) -> u64 {
        *self.changes.borrow()
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Appends to the audit chain; what cannot be written there must not happen.
    pub(crate) async fn audit(&self, entry: &AuditEntry) -> Result<(), Fault> {
        self.audit_all(std::slice::from_ref(entry)).await
    }

    /// Appends several entries with one sync: all, or none on error.
    pub(crate) async fn audit_all(&self, entries: &[AuditEntry]) -> Result<(), Fault> {
        self.chain
            .record_all(entries, self.now())
            .await
            .map_err(|fault| fault.at(&self.me))
    }

    /// Who asked for a job, and the policy in force, for the audit chain.
    pub(crate) async fn basis(&self, offer: Option<&Offer>) -> Result<Basis, Fault> {
        let ticket = match offer {
            Some(offer) => self.ticket_of(offer).await?,
            None => None,
        };
        let (ticket, asked_by) = ticket.map(|used| (used.ticket, used.asked_by)).unzip();
        let initiator = offer.map(|offer| offer.initiator.clone());
        Ok(Basis {
            policy: self.policy().hash().to_owned(),
            initiator,
            asked_by: asked_by.flatten(),
            ticket,
        })
    }

    /// The component of that name and version.
    pub(crate) fn component(&self, name: &str, version: u32) -> Option<&'static dyn AnyComponent> {
        let fits = |component: &&&'static dyn AnyComponent| {
            let of = component.description();
            of.name == name && of.version == version
        };
        self.catalogue.iter().find(fits).copied()
    }

    /// What was granted to a job's initiator in the role in which it starts the job.
    pub(crate) async fn grants(&self, initiator: &Participant) -> Result<Grants, Fault> {
        let mut grants = Grants::default();
        let granted = self.records.permissions_of(&initiator.party).await?;
        for grant in granted
            .into_iter()
            .filter(|grant| grant.role.is_none_or(|role| role == initiator.role))
        {
            match grant.kind {
                PermissionKind::Component => grants.components.push(grant.name),
                PermissionKind::Dataset => grants.tables.push(TableRef {
                    namespace: grant.namespace,
                    name: grant.name,
                }),
                PermissionKind::EveryDataset => grants.every_table = true,
                // Kept because FATE's API knows them; nothing here hangs on them.
                PermissionKind::Role | PermissionKind::Command => {}
            }
        }
        Ok(grants)
    }
}
