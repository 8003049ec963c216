//! A schema in FATE's words: `header`, `sid`, `meta` and whatever else documents attach, both ways.

use serde_json::{Map, Value, json};

use crate::error::{Result, TableError};
use crate::schema::Schema;

const HEADER: &str = "header";
const SID: &str = "sid";

impl Schema {
    /// The schema as clients read it.
    pub fn to_fate(&self) -> Map<String, Value> {
        let mut fate = Map::new();
        fate.insert(HEADER.to_owned(), json!(self.header_line()));
        fate.insert(
            SID.to_owned(),
            json!(if self.header {
                self.id_name.as_str()
            } else {
                ""
            }),
        );
        fate.insert("meta".to_owned(), json!({}));
        fate.extend(
            self.meta
                .iter()
                .filter(|(key, _)| !is_own(key))
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        fate
    }

    /// The schema with FATE's fields merged over it: `header` (text or list) renames the columns that `header_line` shows,
    /// `sid` the id, everything else is attached. Fails when the header names another number of columns.
    pub fn merged(&self, fate: &Map<String, Value>) -> Result<Schema> {
        let mut schema = self.clone();
        if let Some(names) = fate
            .get(HEADER)
            .and_then(|header| names_in(header, self.delimiter))
        {
            schema.rename(names)?;
        }
        if let Some(sid) = fate
            .get(SID)
            .and_then(Value::as_str)
            .filter(|sid| !sid.is_empty())
        {
            sid.clone_into(&mut schema.id_name);
            schema.header = true;
        }
        let rest = fate.iter().filter(|(key, _)| !is_own(key));
        schema
            .meta
            .extend(rest.map(|(key, value)| (key.clone(), value.clone())));
        schema.check()?;
        Ok(schema)
    }

    fn rename(&mut self, names: Vec<String>) -> Result<()> {
        let shown = self.header_positions();
        // Fewer names would leave some columns under old ones, and nobody could say which.
        if names.len() != shown.len() {
            let reason = format!(
                "the new header names {} columns, the table shows {}",
                names.len(),
                shown.len()
            );
            return Err(TableError::SchemaMismatch { reason });
        }
        for (at, name) in shown.into_iter().zip(names) {
            self.columns
                .get_mut(at)
                .into_iter()
                .for_each(|column| column.name.clone_from(&name));
        }
        self.header = true;
        Ok(())
    }
}

fn is_own(key: &str) -> bool {
    matches!(key, HEADER | SID)
}

/// Column names as documents write them: one text, or a list; none for an empty text.
pub(crate) fn names_in(header: &Value, delimiter: char) -> Option<Vec<String>> {
    match header {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(
            text.split(delimiter)
                .map(|name| name.trim().to_owned())
                .collect(),
        ),
        Value::Array(names) => Some(
            names
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Column, ColumnKind, Part, TableKind};

    fn schema() -> Schema {
        let columns = ["y", "x0"].map(|name| Column::new(name, ColumnKind::Text, Part::Feature));
        Schema::new(TableKind::Raw, "id", columns.to_vec())
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn shows_header_sid_meta_and_what_is_attached() {
        let mut own = schema();
        assert_eq!(
            own.to_fate(),
            object(json!({"header": "y,x0", "sid": "id", "meta": {}}))
        );
        own.meta = object(json!({"meta": {"a": 1}, "sid": "ignored", "anonymous_header": ["x0"]}));
        own.header = false;
        assert_eq!(
            own.to_fate(),
            object(json!({"header": "", "sid": "", "meta": {"a": 1}, "anonymous_header": ["x0"]}))
        );
    }

    #[test]
    fn takes_fates_words_over_its_own() {
        let merged = schema()
            .merged(&object(
                json!({"header": "label, f", "sid": "k", "extra": 1}),
            ))
            .expect("merged");
        assert_eq!(
            merged.to_fate(),
            object(json!({"header": "label,f", "sid": "k", "meta": {}, "extra": 1}))
        );
        assert_eq!(
            schema()
                .merged(&object(json!({"header": ["a", "b"]})))
                .expect("a list")
                .header_line(),
            "a,b"
        );
        assert_eq!(
            schema()
                .merged(&object(json!({"header": "", "sid": null})))
                .expect("nothing new"),
            schema()
        );
        let wide = schema().merged(&object(json!({"header": "a,b,c"})));
        assert!(matches!(wide, Err(TableError::SchemaMismatch { .. })));
        let twice = schema().merged(&object(json!({"header": "a,a"})));
        assert!(matches!(twice, Err(TableError::ColumnRepeated { .. })));
    }
}
