//! What the owner has granted to a party at its own REST endpoint, beside the rules of the file.

use vocabulary::TableRef;

use crate::rules::Policy;
use crate::verdict::Verdict;

/// Grants of one party.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Components by name; `*` for all.
    pub components: Vec<String>,
    /// Tables.
    pub tables: Vec<TableRef>,
    /// Whether all tables are granted.
    pub every_table: bool,
}

impl Grants {
    pub(crate) fn has_component(&self, name: &str) -> bool {
        self.components
            .iter()
            .any(|granted| granted == "*" || granted == name)
    }

    pub(crate) fn has_table(&self, table: &TableRef) -> bool {
        self.every_table || self.tables.contains(table)
    }
}

impl Policy {
    /// Whether grants of components count.
    pub fn grants_components(&self) -> bool {
        self.rules.permissions.component
    }

    /// Whether grants of tables count.
    pub fn grants_tables(&self) -> bool {
        self.rules.permissions.dataset
    }

    /// Whether people at the coordinator's REST endpoint may see and change grants and pinned keys.
    pub fn permissions_through_coordinator(&self) -> Verdict {
        match self.rules.permissions.through_coordinator {
            true => Verdict::Allowed,
            false => Verdict::refused(
                "permissions.through_coordinator",
                "to change permissions at the coordinator's REST endpoint",
            ),
        }
    }
}
