//! Steps that read what an earlier job left: parameters that name a job, a step and an output in place of a table.

use serde_json::{Map, Value, json};
use vocabulary::{JobId, StepName, TableRef};

/// An output of an earlier job as parameters name it (`table` with `job_id`, `component_name`, `data_name`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierOutput {
    /// The job.
    pub job: JobId,
    /// The step.
    pub step: StepName,
    /// The output's name.
    pub data_name: Option<String>,
}

impl EarlierOutput {
    /// What parameters name, unless they name a table.
    pub fn in_parameters(parameters: &Value) -> Option<Self> {
        let source = parameters
            .get("table")
            .filter(|table| !table.is_null())
            .unwrap_or(parameters);
        if source.get("name").is_some_and(Value::is_string) {
            return None;
        }
        let text = |key: &str| match source.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let (job, step) = (
            JobId::new(text("job_id")?).ok()?,
            StepName::new(text("component_name")?).ok()?,
        );
        Some(Self {
            job,
            step,
            data_name: text("data_name"),
        })
    }

    /// Puts the table's own names beside those of the output.
    pub fn set_table(parameters: &mut Value, table: &TableRef) {
        let Value::Object(fields) = parameters else {
            return;
        };
        let own =
            ["job_id", "component_name", "data_name"].map(|key| (key, fields.get(key).cloned()));
        let source = fields.entry("table").or_insert(Value::Null);
        if !source.is_object() {
            let own = own
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value?)));
            *source = Value::Object(own.collect::<Map<String, Value>>());
        }
        source["namespace"] = json!(table.namespace);
        source["name"] = json!(table.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_what_names_no_job_and_keeps_what_was_written() {
        for parameters in [
            json!({}),
            json!({"table": {"name": "n", "namespace": "s"}}),
            json!({"table": {"job_id": "1"}}),
        ] {
            assert!(
                EarlierOutput::in_parameters(&parameters).is_none(),
                "{parameters}"
            );
        }
        let nested = json!({"table": {"job_id": 7, "component_name": "a_0", "data_name": "train"}});
        let flat =
            json!({"job_id": "7", "component_name": "a_0", "data_name": "train", "table": null});
        for mut parameters in [nested, flat] {
            let named = EarlierOutput::in_parameters(&parameters).expect("an earlier output");
            assert_eq!(
                (named.job.as_str(), named.data_name.as_deref()),
                ("7", Some("train"))
            );
            EarlierOutput::set_table(&mut parameters, &TableRef::new("s", "n"));
            let table = &parameters["table"];
            assert_eq!(
                (&table["namespace"], &table["name"]),
                (&json!("s"), &json!("n"))
            );
            assert_eq!(table["component_name"], "a_0");
        }
    }
}
