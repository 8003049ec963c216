//! What an upload is to become, in one shape from the REST endpoint over the agent's link to the component.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What happens when the table is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// The upload is refused.
    Refuse,
    /// The table is destroyed first.
    Replace,
    /// Rows are added to it; a row whose id is there replaces the old one.
    Append,
}

/// The configuration of an upload, converted.
///
/// Over the link its JSON members are JSON texts: one that is nested deeper than JSON is read at the endpoints cannot be read
/// there either, so that no job is made whose documents could not be read again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UploadConfig {
    /// The table's group.
    pub namespace: String,
    /// The table's name.
    pub table_name: String,
    /// Name of the sent file, or a path where the server is.
    pub file: String,
    /// Whether the first line is a header: 0 or 1; other numbers fail the job, not the request.
    pub head: i64,
    /// Partitions to write; numbers out of bounds fail the job, not the request.
    pub partition: i64,
    /// What separates columns.
    pub id_delimiter: String,
    /// What happens when the table is there.
    pub existing: Existing,
    /// Whether ids are to be made.
    pub extend_sid: bool,
    /// Whether made ids are line numbers.
    pub auto_increasing_sid: bool,
    /// Whether `meta` says how to read the columns.
    pub with_meta: bool,
    /// How to read the columns.
    #[serde(with = "json_text")]
    pub meta: Map<String, Value>,
    /// Fields to be merged over the derived schema.
    #[serde(with = "json_text")]
    pub schema: Map<String, Value>,
    /// The engine that was named; only the reference's own exist, and a wrong one fails the job.
    pub storage_engine: Option<String>,
    /// The party the upload is for, as decimal text; `None` when the configuration names none (or 0).
    pub party_id: Option<String>,
    /// Under which name the file is already staged at the party.
    pub staged: Option<String>,
    /// Where the named engine would keep the rows; accepted, and refused where it is no object.
    #[serde(with = "json_text")]
    pub storage_address: Option<Map<String, Value>>,
    /// What the request says of the job and not of the table (`task_cores`, …), under FATE's names.
    #[serde(with = "json_text")]
    pub of_job: Map<String, Value>,
}

impl UploadConfig {
    /// The parameters of the upload component, under FATE's names; `name` and `destroy` (or `append`) are derived.
    pub fn parameters(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        let mut put = |key: &str, value: Value| {
            fields.insert(key.to_owned(), value);
        };
        put("name", json!(self.table_name));
        put("namespace", json!(self.namespace));
        put("file", json!(self.file));
        put("head", json!(self.head));
        put("partition", json!(self.partition));
        put("id_delimiter", json!(self.id_delimiter));
        put("destroy", json!(self.existing == Existing::Replace));
        put("append", json!(self.existing == Existing::Append));
        put("extend_sid", json!(self.extend_sid));
        put("auto_increasing_sid", json!(self.auto_increasing_sid));
        put("with_meta", json!(self.with_meta));
        put("meta", json!(self.meta));
        put("schema", json!(self.schema));
        if let Some(engine) = &self.storage_engine {
            put("storage_engine", json!(engine));
        }
        if let Some(address) = &self.storage_address {
            put("storage_address", json!(address));
        }
        if let Some(staged) = &self.staged {
            put("staged", json!(staged));
        }
        fields
    }

    /// The configuration as a JSON request of its own: what a ticket holds, and what goes to a coordinator that knows no message
    /// for uploads.
    pub fn as_request(&self) -> Value {
        let mut fields = self.parameters();
        fields.remove("name");
        fields.remove("destroy");
        fields.remove("append");
        fields.insert("table_name".into(), json!(self.table_name));
        fields.insert(
            "drop".into(),
            json!(i64::from(self.existing == Existing::Replace)),
        );
        // the reader tells the two meanings of drop apart by these keys
        let telling = if self.existing == Existing::Append {
            "work_mode"
        } else {
            "verbose"
        };
        fields.insert(telling.into(), json!(1));
        fields.extend(self.of_job.clone());
        if let Some(party) = &self.party_id {
            fields.insert("party_id".into(), json!(party));
        }
        Value::Object(fields)
    }
}

/// JSON inside a message as its text.
mod json_text {
    use serde::de::{DeserializeOwned, Error as _};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serde_json::to_string(value)
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(meta: Map<String, Value>) -> UploadConfig {
        UploadConfig {
            namespace: "n".into(),
            table_name: "t".into(),
            file: "f".into(),
            head: 1,
            partition: 4,
            id_delimiter: ",".into(),
            existing: Existing::Append,
            extend_sid: false,
            auto_increasing_sid: false,
            with_meta: true,
            meta,
            schema: Map::new(),
            storage_engine: None,
            party_id: None,
            staged: Some("s1".into()),
            storage_address: None,
            of_job: Map::new(),
        }
    }

    #[test]
    fn a_message_holds_nothing_that_json_could_not_hold() {
        let nested = |depth: usize| {
            let mut value = json!({});
            for _ in 0..depth {
                value = json!({ "a": value });
            }
            config(value.as_object().cloned().expect("an object"))
        };
        let read = |config: &UploadConfig| {
            let bytes = rmp_serde::to_vec_named(config).expect("written");
            rmp_serde::from_slice::<UploadConfig>(&bytes)
        };
        assert_eq!(read(&nested(5)).expect("read"), nested(5));
        assert!(read(&nested(500)).is_err(), "deeper than JSON is read");
    }
}
