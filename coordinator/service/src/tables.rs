//! Tables of the parties: the coordinator keeps none, and hears of them.

use vocabulary::{PartyId, TableRef};

use crate::{API_HOOKS, ServiceError};

handle! {
    /// What is known of the parties' tables.
    Tables, tables
}

impl Tables<'_> {
    /// A party tells that a table of its is gone: whatever stood for it at some API cannot be read any more.
    pub async fn removed(self, party: &PartyId, table: &TableRef) -> Result<(), ServiceError> {
        for hook in API_HOOKS {
            hook.table_removed(self.coordinator, party, table).await?;
        }
        Ok(())
    }
}
