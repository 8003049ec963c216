//! A file that is to become a table: the one shape in which components, the REST endpoint and the command line ask for it.

use serde_json::{Map, Value, json};
use tables::ImportOptions;
use vocabulary::{ErrorCode, Fault, TableRef};

/// A file to be read into a table.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportRequest {
    /// The staged file's name, or a path under the agent's import root.
    pub file: String,
    /// Where the table goes.
    pub table: TableRef,
    /// Whether an existing table is replaced.
    pub replace: bool,
    /// Whether rows are added to an existing table.
    pub append: bool,
    /// How the file is to be read, and into how many partitions.
    pub options: ImportOptions,
    /// Whether it was said if the first line names the columns.
    pub says_head: bool,
    /// How rows are to be read later, every field filled in, where the upload describes them.
    pub description: Option<Map<String, Value>>,
}

impl ImportRequest {
    /// Reads FATE's upload fields (`head`, `id_delimiter`, `append`, `extend_sid`, `with_meta`, `meta`, `schema`, …). Neither the
    /// table is replaced nor is its number of partitions read here: requests name these under other names.
    ///
    /// ```
    /// use component_kit::ImportRequest;
    /// use serde_json::json;
    /// use vocabulary::TableRef;
    ///
    /// let fields = json!({"head": 0, "id_delimiter": "\\t", "with_meta": 1, "meta": {"with_label": true}});
    /// let request = ImportRequest::read("a.txt", TableRef::new("n", "t"), &fields)?;
    /// assert_eq!((request.options.head, request.options.delimiter), (false, '\t'));
    /// let description = request.description.expect("meta is to be used");
    /// assert_eq!((&description["with_label"], &description["label_name"]), (&json!(true), &json!("y")));
    ///
    /// let wrong = ImportRequest::read("a.txt", TableRef::new("n", "t"), &json!({"head": 2}));
    /// assert_eq!(wrong.unwrap_err().path.as_deref(), Some("head"));
    /// # Ok::<(), Box<vocabulary::Fault>>(())
    /// ```
    pub fn read(
        file: impl Into<String>,
        table: TableRef,
        fields: &Value,
    ) -> Result<Self, Box<Fault>> {
        let field = |name: &str| fields.get(name);
        let said = field("head").filter(|head| !head.is_null());
        let delimiter = delimiter_of(field("id_delimiter"))?;
        let renamed = |key: &str| {
            let name = field("schema").and_then(|schema| schema.get(key)?.as_str());
            name.filter(|name| !name.is_empty())
        };
        let description = flag(field("with_meta")).then(|| described(field("meta")));
        let column_names = renamed("header").map(|names| {
            let names = names.split(delimiter);
            names.map(|name| name.trim().to_owned()).collect()
        });
        Ok(Self {
            file: file.into(),
            table,
            replace: false,
            append: flag(field("append")),
            says_head: said.is_some(),
            options: ImportOptions {
                delimiter,
                head: said.map_or(Ok(true), head_of)?,
                id_name: renamed("sid").map(str::to_owned),
                column_names,
                extend_sid: flag(field("extend_sid")),
                auto_increasing_sid: flag(field("auto_increasing_sid")),
                meta: schema_extras(field("schema"), description.as_ref()),
                ..ImportOptions::default()
            },
            description,
        })
    }

    /// The same, replacing a table that is there or not.
    #[must_use]
    pub fn replacing(mut self, replace: bool) -> Self {
        self.replace = replace;
        self
    }

    /// The column that the upload describes as the label.
    pub fn label(&self) -> Option<&str> {
        let description = self.description.as_ref()?;
        let label = description.get("label_name")?.as_str()?;
        flag(description.get("with_label")).then_some(label)
    }

    /// The columns that the upload describes as ids to match by.
    pub fn match_ids(&self) -> Vec<&str> {
        let Some(description) = &self.description else {
            return Vec::new();
        };
        let ids = description.get("id_list").and_then(Value::as_array);
        ids.filter(|_| flag(description.get("with_match_id")))
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// The same, into so many partitions: 1 to 1023.
    #[must_use]
    pub fn partitions(mut self, partitions: u32) -> Self {
        self.options.partitions = partitions;
        self
    }
}

fn invalid(path: &str, message: String) -> Box<Fault> {
    Box::new(Fault::new(ErrorCode::ParameterInvalid, message).path(path))
}

fn head_of(value: &Value) -> Result<bool, Box<Fault>> {
    match number(value) {
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        _ => Err(invalid(
            "head",
            format!("head is {value}, but only 0 and 1 mean something"),
        )),
    }
}

fn delimiter_of(value: Option<&Value>) -> Result<char, Box<Fault>> {
    match value.and_then(Value::as_str).unwrap_or(",") {
        // Empty says as little as a key that is left out.
        "" => Ok(','),
        "\\t" => Ok('\t'),
        text => {
            let mut characters = text.chars();
            match (characters.next(), characters.next()) {
                (Some(one), None) => Ok(one),
                _ => Err(invalid(
                    "id_delimiter",
                    format!("{text:?} is not one character"),
                )),
            }
        }
    }
}

/// What the upload adds to the schema: how to read the columns, and fields of its own.
fn schema_extras(
    schema: Option<&Value>,
    description: Option<&Map<String, Value>>,
) -> Map<String, Value> {
    let mut extras = Map::new();
    let meta = description.cloned().unwrap_or_default();
    extras.insert("meta".to_owned(), Value::Object(meta));
    let own = schema.and_then(Value::as_object).into_iter().flatten();
    extras.extend(
        own.filter(|(name, _)| !matches!(name.as_str(), "header" | "sid"))
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    extras
}

/// How rows are to be read later, every field filled in.
fn described(given: Option<&Value>) -> Map<String, Value> {
    let defaults = json!({
        "delimiter": ",",
        "input_format": "dense",
        "tag_with_value": false,
        "tag_value_delimiter": ":",
        "with_match_id": false,
        "id_list": null,
        "id_range": 0,
        "exclusive_data_type": null,
        "data_type": "float64",
        "with_label": false,
        "label_name": "y",
        "label_type": "int",
    });
    let mut meta = defaults.as_object().cloned().unwrap_or_default();
    let given = given.and_then(Value::as_object).into_iter().flatten();
    meta.extend(
        given
            // Null leaves the default: clients send every key they know.
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    meta
}

fn number(value: &Value) -> Option<i64> {
    match value {
        // Python's clients write 1 and True for the same thing.
        Value::Bool(flag) => Some(i64::from(*flag)),
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    }
}

fn flag(value: Option<&Value>) -> bool {
    value.and_then(vocabulary::truth).unwrap_or(false)
}
