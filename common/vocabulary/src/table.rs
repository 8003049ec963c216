//! Tables as the coordinator and the APIs may know them: names, counts and headers, never rows.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hex::hex;
use crate::ids::{Attempt, JobId};
use crate::task_id::TaskId;

/// A table's name at the party that owns it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableRef {
    /// The group of tables.
    pub namespace: String,
    /// The name in the group.
    pub name: String,
}

impl TableRef {
    /// What namespaces of job outputs begin with; a user's table cannot stand under one.
    pub const OUTPUTS: &str = "output_data_";
    /// Where tables of the rows stand that a prediction asks for, while it runs.
    pub const ONLINE: &str = "fedflow_inference";

    /// Names a table. Any text is a name; what a name may do to the file system is the table store's concern.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The table in which a task's n-th data output stands: derived, so that every part of the system computes the same.
    pub fn output(task: &TaskId, attempt: Attempt, index: usize) -> Self {
        let key = format!(
            "{}/{}/{}/{}/{}/{}",
            task.job, task.step, attempt, task.role, task.party, index
        );
        let digest = Sha256::digest(key.as_bytes());
        // 128 bits of it are enough that no two outputs meet, and leave short names of files.
        let (short, _) = digest.split_at(16);
        let name = hex(short);
        Self {
            namespace: format!("{}{}_{}_{attempt}", Self::OUTPUTS, task.job, task.step),
            name,
        }
    }

    /// Whether a job has left it as one of its outputs.
    pub fn is_output(&self) -> bool {
        self.namespace.starts_with(Self::OUTPUTS)
    }

    /// Whether the name is kept for tables that the agent makes itself, and removes.
    pub fn is_kept(&self) -> bool {
        self.is_output() || self.is_online()
    }

    /// Whether it holds the rows that a prediction asks for.
    pub fn is_online(&self) -> bool {
        self.namespace == Self::ONLINE
    }

    /// What the namespaces of all outputs of a job begin with.
    pub fn outputs_of(job: &JobId) -> String {
        format!("{}{job}_", Self::OUTPUTS)
    }

    /// The attempt that a task's output names.
    pub fn attempt(&self) -> Option<Attempt> {
        self.namespace
            .rsplit('_')
            .next()
            .and_then(|number| number.parse().ok())
            .map(Attempt)
    }
}

impl fmt::Display for TableRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.namespace, self.name)
    }
}

/// What became of the rows that were read: `rows_in == stored + replaced + rejected`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Receipt {
    /// Rows read.
    pub rows_in: u64,
    /// Rows that stand in the table.
    pub stored: u64,
    /// Rows whose id came again later, so that the later row stands.
    pub replaced: u64,
    /// Rows refused.
    pub rejected: u64,
    /// Why: reason, count and the line of the first such row.
    pub reasons: Vec<Rejection>,
    /// What was done to the file as a whole, without names or values: decoded, columns left out, names told apart.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl Receipt {
    /// Whether every row that was read stands in the table, or a later row of its id does.
    pub fn is_whole(&self) -> bool {
        self.rejected == 0
    }
}

/// One reason for which rows were refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The reason, without the row's values.
    pub reason: String,
    /// How many rows.
    pub rows: u64,
    /// Line of the first one in the file, counted from 1.
    pub first_line: u64,
}

/// What a party tells of one of its tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableSummary {
    /// Which table.
    pub table: TableRef,
    /// The output's name in the job's document, for outputs (`data`, `train`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_name: Option<String>,
    /// Rows.
    pub rows: u64,
    /// Partitions (files).
    pub partitions: u32,
    /// Column names, id first; empty when the policy keeps them.
    pub header: Vec<String>,
    /// Hash of the content (BLAKE3, hex); empty when the policy keeps rows.
    pub content_hash: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{JobId, PartyId, StepName};
    use crate::role::Role;

    #[test]
    fn names_outputs_apart_by_attempt_role_and_index() {
        let task = TaskId {
            job: JobId::new("2026").expect("valid"),
            step: StepName::new("reader_0").expect("valid"),
            role: Role::Guest,
            party: PartyId::new("1").expect("valid"),
        };
        let host = TaskId {
            role: Role::Host,
            ..task.clone()
        };
        let first = TableRef::output(&task, Attempt(0), 0);
        assert_eq!(first.namespace, "output_data_2026_reader_0_0");
        assert_eq!(first.name.len(), 32);
        assert_eq!(first, TableRef::output(&task, Attempt(0), 0));
        assert_ne!(first.name, TableRef::output(&task, Attempt(0), 1).name);
        assert_ne!(first.name, TableRef::output(&host, Attempt(0), 0).name);
        assert_ne!(
            first.namespace,
            TableRef::output(&task, Attempt(1), 0).namespace
        );
    }
}
