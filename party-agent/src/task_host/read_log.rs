//! What an attempt has really read: how many rows stand behind whatever it tells, and which names of columns it knows.

use std::collections::BTreeSet;
use std::sync::Arc;

use policy::RowsBehind;
use tables::{Table, TableKind};
use vocabulary::{Role, TableRef};

/// What was read so far.
#[derive(Default)]
pub(super) struct ReadLog {
    fewest: Option<u64>,
    /// Whether something was read of which nobody knows how many rows made it.
    is_unknown: bool,
    tables: BTreeSet<TableRef>,
    columns: Arc<BTreeSet<String>>,
}

impl ReadLog {
    /// A table was read.
    pub(super) fn table(&mut self, name: &TableRef, table: &Table) {
        self.rows(table.rows() as u64);
        self.tables.insert(name.clone());
        self.name(table);
    }

    /// Rows were read that are no table yet.
    pub(super) fn rows(&mut self, rows: u64) {
        self.fewest = Some(self.fewest.map_or(rows, |fewest| fewest.min(rows)));
    }

    /// A model was read; of how many rows it is made, if that is known.
    pub(super) fn model(&mut self, rows: Option<u64>) {
        match rows {
            Some(rows) => self.rows(rows),
            // It stays unknown whatever else is read: few rows in one part make the whole tell of
            // few.
            None => self.is_unknown = true,
        }
    }

    /// The names of a table's columns are the party's, but for those of predictions, which are the same everywhere.
    pub(super) fn name(&mut self, table: &Table) {
        if table.schema().kind == TableKind::Predictions {
            return;
        }
        let columns = table
            .schema()
            .columns
            .iter()
            .map(|column| column.name.as_str());
        let new: Vec<&str> = columns
            .filter(|column| !self.columns.contains(*column))
            .collect();
        if !new.is_empty() {
            // Some steps write them in small letters.
            let both = new
                .into_iter()
                .flat_map(|column| [column.to_owned(), column.to_lowercase()]);
            Arc::make_mut(&mut self.columns).extend(both);
        }
    }

    /// Names of columns that it knows.
    pub(super) fn columns(&self) -> Arc<BTreeSet<String>> {
        self.columns.clone()
    }

    /// Tables that it read.
    pub(super) fn tables(&self) -> u64 {
        self.tables.len() as u64
    }

    /// The rows of the smallest thing that it read, for a model that it leaves; none where that is not known.
    pub(super) fn fewest(&self) -> Option<u64> {
        self.fewest.filter(|_| !self.is_unknown)
    }

    /// How many rows stand behind what it tells. `takes_tables` says whether it should have read some; `said` is what its
    /// component says, which counts where it is fewer, and for an arbiter, who reads no table and knows by the parties' word.
    pub(super) fn behind(
        &self,
        (role, takes_tables): (Role, bool),
        said: Option<u64>,
    ) -> RowsBehind {
        let known = match (self.fewest, said) {
            _ if self.is_unknown => None,
            // A component may know of fewer, and its word can only make the judgement stricter.
            (Some(fewest), said) => Some(said.map_or(fewest, |said| said.min(fewest))),
            (None, said) => said.filter(|_| role == Role::Arbiter || !takes_tables),
        };
        match known {
            Some(rows) => RowsBehind::Rows(rows),
            None if self.is_unknown || takes_tables => RowsBehind::Unknown,
            None => RowsBehind::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: (Role, bool) = (Role::Host, true);

    #[test]
    fn the_smallest_thing_that_was_read_counts() {
        let mut seen = ReadLog::default();
        assert_eq!(seen.behind(HOST, None), RowsBehind::Unknown);
        // Before the first table a component's word counts for nothing.
        assert_eq!(seen.behind(HOST, Some(1_000)), RowsBehind::Unknown);
        seen.table(&TableRef::new("n", "large"), &crate::trial::table(100));
        assert_eq!(
            (seen.behind(HOST, None), seen.behind(HOST, Some(1_000))),
            (RowsBehind::Rows(100), RowsBehind::Rows(100))
        );
        assert_eq!(seen.behind(HOST, Some(3)), RowsBehind::Rows(3));
        seen.table(&TableRef::new("n", "small"), &crate::trial::table(5));
        seen.table(&TableRef::new("n", "large"), &crate::trial::table(100));
        assert_eq!(
            (seen.behind(HOST, None), seen.fewest(), seen.tables()),
            (RowsBehind::Rows(5), Some(5), 2)
        );
        assert_eq!(*seen.columns(), ["x0".to_owned()].into());
    }

    #[test]
    fn who_reads_no_table_is_believed_only_where_there_is_none_to_read() {
        let seen = ReadLog::default();
        assert_eq!(seen.behind((Role::Guest, false), None), RowsBehind::Nothing);
        assert_eq!(
            seen.behind((Role::Arbiter, true), None),
            RowsBehind::Unknown
        );
        assert_eq!(
            seen.behind((Role::Arbiter, true), Some(7)),
            RowsBehind::Rows(7)
        );
    }

    #[test]
    fn a_model_counts_with_the_rows_that_made_it() {
        let mut seen = ReadLog::default();
        seen.rows(100);
        seen.model(Some(10));
        assert_eq!(seen.behind(HOST, None), RowsBehind::Rows(10));
        seen.model(None);
        assert_eq!(
            (seen.behind(HOST, Some(50)), seen.fewest()),
            (RowsBehind::Unknown, None)
        );
    }
}
