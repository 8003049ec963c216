//! Why an entry cannot be written or a chain not be read.

use std::path::{Path, PathBuf};

use vocabulary::{ErrorCode, Fault};

/// Why an entry cannot be written or a chain not be read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The disk says no.
    #[error("the audit chain in {path} cannot be read or written: {source}")]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// An entry does not fit the one before.
    #[error("the audit chain is broken at entry {number}: {detail}")]
    Broken {
        /// The first entry that does not fit.
        number: u64,
        /// How.
        detail: String,
    },
    /// The chain was written by a newer version of the program.
    #[error(
        "entry {number} of the audit chain has format {format}, which this version does not know"
    )]
    Newer {
        /// The first such entry.
        number: u64,
        /// Its format.
        format: u32,
    },
    /// Another process appends to the chain.
    #[error("the audit chain in {0} is written by another process")]
    InUse(PathBuf),
    /// There is no chain.
    #[error("there is no audit chain in {0}")]
    Missing(PathBuf),
    /// A chain that is whole is not set aside.
    #[error("the audit chain is whole, with {0} entries")]
    Whole(u64),
    /// The writer has ended.
    #[error("the audit chain is closed")]
    Closed,
}

impl AuditError {
    pub(crate) fn disk(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        |source| Self::Disk {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn broken(number: u64, detail: impl Into<String>) -> Self {
        Self::Broken {
            number,
            detail: detail.into(),
        }
    }

    /// Whether the same may succeed later without anybody changing the chain.
    pub(crate) fn may_pass(&self) -> bool {
        // A broken chain is not among them: to write on would hide the break behind good entries.
        matches!(self, Self::Disk { .. } | Self::InUse(_))
    }
}

impl From<AuditError> for Fault {
    fn from(error: AuditError) -> Self {
        let (code, next) = match &error {
            AuditError::Disk { .. } => (
                ErrorCode::StorageFull,
                "free space on the agent's disk, or mend the permissions of its folder; the next entry is tried by itself",
            ),
            AuditError::Broken { .. } => (
                ErrorCode::AuditBroken,
                "see `fedflow audit verify --data DIR`; to go on, stop the agent, keep the chain with \
                 `fedflow audit set-aside --data DIR`, and start the agent",
            ),
            AuditError::Newer { .. } => (ErrorCode::AuditBroken, "run the newer version again"),
            AuditError::InUse(_) => (
                ErrorCode::Conflict,
                "stop the agent that runs on this folder",
            ),
            AuditError::Missing(_) => (ErrorCode::NotFound, "name the agent's data folder"),
            AuditError::Whole(_) => (ErrorCode::Conflict, "leave it where it is"),
            AuditError::Closed => (
                ErrorCode::PartyOffline,
                "ask again when the agent has started",
            ),
        };
        Fault::new(code, error.to_string()).next(next)
    }
}
