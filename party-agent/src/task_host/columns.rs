//! Columns of what an attempt reads: how many stand behind values of rows, and whether they are for everybody in the job.

use component_kit::{LogLevel, Result, TaskHost};
use tables::Table;
use vocabulary::{ErrorCode, Fault, Stage, TableRef};

use super::{AgentTaskHost, blocking};
use crate::admission;

impl AgentTaskHost {
    /// Notes how many columns stand behind values of rows that the component may send: in a training those that vary. A model that is applied was judged by them when it was made, and single rows have one value in each.
    pub(super) async fn account_columns(&self, table: &Table) -> Result<()> {
        let (Some(account), true) = (&self.account, self.sends_rows) else {
            return Ok(());
        };
        if self.assignment.stage == Stage::Apply {
            account.read_columns(table.schema().features().len() as u64);
            return Ok(());
        }
        let table = table.clone();
        let columns = blocking(move || Ok(table.varied_features() as u64)).await?;
        // Here only: to others a refusal does not say how many there are.
        tracing::info!(columns, "columns that vary are behind values of rows");
        account.read_columns(columns);
        Ok(())
    }

    /// Refuses a table of the party with columns that are not for somebody in the job: it may have changed since the offer. What
    /// the job's own steps left was judged when they read what they made it of.
    pub(super) async fn check_columns(&self, name: &TableRef, table: &Table) -> Result<()> {
        let policy = self.agent_state.policy();
        let is_input = name.is_output()
            && self
                .assignment
                .inputs
                .iter()
                .any(|input| input.table == *name);
        if is_input || self.own_affair {
            return Ok(());
        }
        let made_of = admission::made_of(&self.agent_state, name).await?;
        let columns: Vec<&str> = table
            .schema()
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        for peer in self
            .assignment
            .cast
            .parties()
            .into_iter()
            .filter(|party| *party != self.agent_state.me)
        {
            if let Some((rule, column)) = policy.kept_of(&peer, (name, &made_of), &columns) {
                self.log(
                    LogLevel::Error,
                    // The column's name stays in the party's own log: the fault goes to the others.
                    &format!("column {column} of {name} is not for party {peer} ({rule})"),
                );
                let message = format!("the table {name} has columns that are not for party {peer}");
                let fault = Fault::new(ErrorCode::OfferRefused, message)
                    .at(&self.agent_state.me)
                    .path(rule);
                return Err(fault
                    .next("use a table without them, or have the data owner name them")
                    .into());
            }
        }
        Ok(())
    }
}
