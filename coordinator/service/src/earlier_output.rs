//! Steps that read what an earlier job left (`table` with `job_id`, `component_name`, `data_name`): the table behind those names is
//! looked up when the job is submitted, so that the offer names it and its owner can judge it.

use domain::Job;
use job_dsl::Parsed;
use serde_json::{Map, Value, json};
use vocabulary::{JobId, Participant, StepName, TableRef, TableSummary, TaskId};

use crate::{Coordinator, ServiceError};

/// An output as parameters name it.
struct Named {
    job: JobId,
    step: StepName,
    data_name: Option<String>,
}

impl Coordinator {
    /// Puts `namespace` and `name` beside the names of earlier outputs. What cannot be found stays as it is: the step then says
    /// that there is no such output.
    pub(crate) async fn name_earlier_outputs(&self, parsed: &mut Parsed) -> Result<(), ServiceError> {
        let initiator = parsed.initiator.clone();
        for step in &mut parsed.graph.steps {
            for (who, parameters) in &mut step.parameters {
                let Some(named) = Named::in_parameters(parameters) else { continue };
                if let Some(table) = self.left_by(&initiator, who, &named).await? {
                    set_table(parameters, &table);
                }
            }
        }
        Ok(())
    }

    /// The table that a participant's part of an earlier step left, if the initiator took part in that job.
    async fn left_by(
        &self,
        initiator: &Participant,
        who: &Participant,
        named: &Named,
    ) -> Result<Option<TableRef>, ServiceError> {
        let mut tx = self.inner.store.read().await?;
        let took_part = |job: &Job| job.cast.participants().any(|other| other.party == initiator.party);
        if !tx.job(&named.job).await?.is_some_and(|job| took_part(&job)) {
            return Ok(None);
        }
        let (role, party) = (who.role, who.party.clone());
        let task = tx.task(&TaskId { job: named.job.clone(), step: named.step.clone(), role, party }).await?;
        Ok(task.and_then(|task| chosen(&task.outputs, named.data_name.as_deref())))
    }
}

impl Named {
    fn in_parameters(parameters: &Value) -> Option<Self> {
        let source = parameters.get("table").filter(|table| !table.is_null()).unwrap_or(parameters);
        if source.get("name").is_some_and(Value::is_string) {
            return None;
        }
        let text = |key: &str| match source.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let (job, step) = (JobId::new(text("job_id")?).ok()?, StepName::new(text("component_name")?).ok()?);
        Some(Self { job, step, data_name: text("data_name") })
    }
}

/// The output of that name; the only one, or the first, when none bears it.
fn chosen(outputs: &[TableSummary], name: Option<&str>) -> Option<TableRef> {
    let of_name = name.and_then(|name| outputs.iter().find(|output| output.data_name.as_deref() == Some(name)));
    let without_name = || outputs.first().filter(|_| name.is_none() || outputs.len() == 1);
    of_name.or_else(without_name).map(|output| output.table.clone())
}

fn set_table(parameters: &mut Value, table: &TableRef) {
    let Value::Object(fields) = parameters else { return };
    let own = ["job_id", "component_name", "data_name"].map(|key| (key, fields.get(key).cloned()));
    let source = fields.entry("table").or_insert(Value::Null);
    if !source.is_object() {
        let own = own.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        *source = Value::Object(own.collect::<Map<String, Value>>());
    }
    source["namespace"] = json!(table.namespace);
    source["name"] = json!(table.name);
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
        let name = |outputs: &[TableSummary], name| chosen(outputs, name).map(|table| table.name.to_string());
        let split = [output("train_data"), output("test_data")];
        assert_eq!(name(&split, Some("test_data")).as_deref(), Some("test_data"));
        assert_eq!(name(&split, None).as_deref(), Some("train_data"));
        assert_eq!(name(&split, Some("other")), None);
        assert_eq!(name(&[output("train")], Some("data")).as_deref(), Some("train"));
        assert_eq!(name(&[], None), None);
    }

    #[test]
    fn leaves_what_names_no_job_and_keeps_what_was_written() {
        for parameters in
            [json!({}), json!({"table": {"name": "n", "namespace": "s"}}), json!({"table": {"job_id": "1"}})]
        {
            assert!(Named::in_parameters(&parameters).is_none(), "{parameters}");
        }
        let nested = json!({"table": {"job_id": 7, "component_name": "a_0", "data_name": "train"}});
        let flat = json!({"job_id": "7", "component_name": "a_0", "data_name": "train", "table": null});
        for mut parameters in [nested, flat] {
            let named = Named::in_parameters(&parameters).expect("an earlier output");
            assert_eq!((named.job.as_str(), named.data_name.as_deref()), ("7", Some("train")));
            set_table(&mut parameters, &TableRef::new("s", "n"));
            let table = &parameters["table"];
            assert_eq!((&table["namespace"], &table["name"]), (&json!("s"), &json!("n")));
            assert_eq!(table["component_name"], "a_0");
        }
    }
}
