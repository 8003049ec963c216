//! What is wrong with an archive, or with the place where it is kept.

use vocabulary::{ErrorCode, Fault};

/// An archive cannot be written, read, or kept.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is no zip, or a torn one.
    #[error("the archive cannot be read: {0}")]
    Unreadable(String),
    /// It is larger, or unpacks to more, than an archive may.
    #[error("the archive is refused: {0}")]
    Excessive(String),
    /// A member is not what the manifest says.
    #[error("the archive was changed: {member}: {why}")]
    Changed {
        /// The member.
        member: String,
        /// What differs.
        why: &'static str,
    },
    /// The manifest or a document in it makes no sense.
    #[error("the archive's {what} makes no sense: {detail}")]
    Senseless {
        /// Which part.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The archive cannot be put together.
    #[error("the archive cannot be written: {0}")]
    Unwritable(String),
    /// The roles of a migration do not fit those of the model.
    #[error("{0}")]
    RolesDiffer(String),
    /// The settings of the model store cannot be used.
    #[error("the model store cannot be used: {0}")]
    Settings(String),
    /// The store has no such archive.
    #[error("the model store has no {0}")]
    Missing(String),
    /// The store has it already.
    #[error("the model store has {0} already")]
    Exists(String),
    /// The store does not answer, or refuses.
    #[error("the model store failed: {0}")]
    Store(String),
}

impl From<ArchiveError> for Fault {
    fn from(error: ArchiveError) -> Self {
        let text = error.to_string();
        match error {
            ArchiveError::Unreadable(_)
            | ArchiveError::Changed { .. }
            | ArchiveError::Senseless { .. } => Fault::new(ErrorCode::FileUnreadable, text)
                .next("export the model again and send the file as it is"),
            // No advice to export again: the sender made it so, and would make it so again.
            ArchiveError::Excessive(_) => Fault::new(ErrorCode::FileUnreadable, text),
            ArchiveError::Unwritable(_) => {
                Fault::new(ErrorCode::StorageFull, text).next("free space on the agent's disk")
            }
            ArchiveError::RolesDiffer(_) => Fault::new(ErrorCode::RequestInvalid, text),
            ArchiveError::Settings(_) => Fault::new(ErrorCode::ConfigInvalid, text)
                .next("correct [model_store] in the agent's settings"),
            ArchiveError::Missing(_) => Fault::new(ErrorCode::ModelMissing, text)
                .next("store the model first, or check id and version"),
            ArchiveError::Exists(_) => {
                Fault::new(ErrorCode::Conflict, text).next("set force_update to replace it")
            }
            ArchiveError::Store(_) => Fault::new(ErrorCode::FileUnreadable, text)
                .next("check the store's address, its credentials and the network"),
        }
    }
}
