//! Steps that read what an earlier job left (`table` with `job_id`, `component_name`, `data_name`): the table behind those names is
//! looked up when the job is submitted, so that the offer names it and its owner can judge it.

use domain::Job;
use job_dsl::{EarlierOutput, Parsed};
use vocabulary::{Participant, TableRef, TableSummary, TaskId};

use crate::ServiceError;
use crate::jobs::Jobs;

impl Jobs<'_> {
    /// Puts `namespace` and `name` beside the names of earlier outputs. What cannot be found stays as it is: the step then says
    /// that there is no such output.
    pub(crate) async fn name_earlier_outputs(
        self,
        parsed: &mut Parsed,
    ) -> Result<(), ServiceError> {
        let initiator = parsed.initiator.clone();
        for step in &mut parsed.graph.steps {
            for (who, parameters) in &mut step.parameters {
                let Some(named) = EarlierOutput::in_parameters(parameters) else {
                    continue;
                };
                if let Some(table) = self.left_by(&initiator, who, &named).await? {
                    EarlierOutput::set_table(parameters, &table);
                }
            }
        }
        Ok(())
    }

    /// The table that a participant's part of an earlier step left, if the initiator took part in that job.
    async fn left_by(
        self,
        initiator: &Participant,
        who: &Participant,
        named: &EarlierOutput,
    ) -> Result<Option<TableRef>, ServiceError> {
        let mut tx = self.coordinator.inner.store.read().await?;
        let took_part = |job: &Job| {
            job.cast
                .participants()
                .any(|other| other.party == initiator.party)
        };
        // Nobody learns of tables from jobs of others; the answer is that of a job that is not
        // there.
        if !tx.job(&named.job).await?.is_some_and(|job| took_part(&job)) {
            return Ok(None);
        }
        let (role, party) = (who.role, who.party.clone());
        let task = tx
            .task(&TaskId {
                job: named.job.clone(),
                step: named.step.clone(),
                role,
                party,
            })
            .await?;
        Ok(task.and_then(|task| chosen(&task.outputs, named.data_name.as_deref())))
    }
}

/// The output of that name; the only one, or the first, when none bears it.
fn chosen(outputs: &[TableSummary], name: Option<&str>) -> Option<TableRef> {
    let of_name = name.and_then(|name| {
        outputs
            .iter()
            .find(|output| output.data_name.as_deref() == Some(name))
    });
    let without_name = || {
        outputs
            .first()
            .filter(|_| name.is_none() || outputs.len() == 1)
    };
    of_name
        .or_else(without_name)
        .map(|output| output.table.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(data_name: &str) -> TableSummary {
        TableSummary {
            table: TableRef::new("output", data_name),
            data_name: Some(data_name.to_owned()),
            rows: 1,
            partitions: 1,
            header: vec![],
            content_hash: String::new(),
        }
    }

    #[test]
    fn finds_outputs_by_name_and_the_only_one_by_any() {
        let name = |outputs: &[TableSummary], name| {
            chosen(outputs, name).map(|table| table.name.to_string())
        };
        let split = [output("train_data"), output("test_data")];
        assert_eq!(
            name(&split, Some("test_data")).as_deref(),
            Some("test_data")
        );
        assert_eq!(name(&split, None).as_deref(), Some("train_data"));
        assert_eq!(name(&split, Some("other")), None);
        assert_eq!(
            name(&[output("train")], Some("data")).as_deref(),
            Some("train")
        );
        assert_eq!(name(&[], None), None);
    }
}
