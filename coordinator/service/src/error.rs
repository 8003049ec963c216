//! What a use case can answer when it does not do what was asked: eight kinds, so that an API needs eight lines.

use vocabulary::{ErrorCode, Fault, JobId, PartyId, TaskId};

use crate::ports::StoreError;

/// Why a use case did not do what was asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ServiceError {
    /// What was asked for does not exist.
    #[error("{0}")]
    NotFound(Fault),
    /// Not possible in the present state.
    #[error("{0}")]
    Conflict(Fault),
    /// The documents are wrong, and where.
    #[error("{}", self.fault())]
    Invalid {
        /// What is wrong, and where in the documents.
        diagnostics: Vec<job_dsl::Diagnostic>,
        /// The id the job would have had.
        job: Option<JobId>,
    },
    /// The caller lacks a permission.
    #[error("{0}")]
    Denied(Fault),
    /// A party refuses.
    #[error("party {party} refuses: {fault}")]
    Refused {
        /// The party.
        party: PartyId,
        /// Why.
        fault: Fault,
    },
    /// It would be possible if somebody who is not there were there.
    #[error("{0}")]
    Unavailable(Fault),
    /// More than is taken.
    #[error("{0}")]
    TooLarge(Fault),
    /// A defect, or the store failed.
    #[error("{0}")]
    Internal(Fault),
}

impl ServiceError {
    /// The root cause, with its stable code.
    pub fn fault(&self) -> Fault {
        match self {
            ServiceError::Invalid { diagnostics, .. } => diagnostics
                .first()
                .map_or_else(unexplained, |first| first.fault.clone()),
            ServiceError::Refused { party, fault } => fault.clone().at(party),
            ServiceError::NotFound(fault)
            | ServiceError::Conflict(fault)
            | ServiceError::Denied(fault)
            | ServiceError::Unavailable(fault)
            | ServiceError::TooLarge(fault)
            | ServiceError::Internal(fault) => fault.clone(),
        }
    }

    /// The same error, of the job that would have had this id.
    pub(crate) fn of_job(self, id: &JobId) -> Self {
        match self {
            ServiceError::Invalid { diagnostics, .. } => ServiceError::Invalid {
                diagnostics,
                job: Some(id.clone()),
            },
            other => other,
        }
    }

    pub(crate) fn no_task(id: &TaskId) -> Self {
        Self::NotFound(Fault::new(
            ErrorCode::NotFound,
            format!("task {id} does not exist"),
        ))
    }

    pub(crate) fn no_job(id: &JobId) -> Self {
        ServiceError::NotFound(Fault::new(
            ErrorCode::JobUnknown,
            format!("job {id} does not exist"),
        ))
    }
}

fn unexplained() -> Fault {
    Fault::new(
        ErrorCode::DocumentInvalid,
        "the documents are not well formed",
    )
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        match error {
            // A full disk passes: whoever asked may come again, and is not told of a defect.
            StoreError::Full { .. } => ServiceError::Unavailable(error.fault()),
            StoreError::Unavailable { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Address { .. } => ServiceError::Internal(error.fault()),
        }
    }
}
