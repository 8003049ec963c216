//! How a file of text is to be read.

use serde_json::{Map, Value};

/// How a file is to be read.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportOptions {
    /// What separates fields: one ASCII character.
    pub delimiter: char,
    /// Whether the first line names the columns. Without a header a row is its id and the rest of its line as it is (a
    /// single text column `value`): rows of tag and sparse formats differ in length.
    pub head: bool,
    /// Position of the id among the columns, from 0.
    pub id_column: usize,
    /// Another name of the id column than the header's, or its name where there is no header.
    pub id_name: Option<String>,
    /// Other names of the columns besides the id than the header's, in the order of the file. Without a header they say
    /// that rows have so many columns.
    pub column_names: Option<Vec<String>>,
    /// Whether ids are made up; every column is then kept as a value.
    pub extend_sid: bool,
    /// Whether made-up ids are the plain row number, instead of a random text and the row number.
    pub auto_increasing_sid: bool,
    /// Partitions of the table, 1 to 1023.
    pub partitions: u32,
    /// What else the schema is to say.
    pub meta: Map<String, Value>,
    /// The most bytes of a line.
    pub max_line_bytes: usize,
    /// The most bytes of a field.
    pub max_field_bytes: usize,
}

impl Default for ImportOptions {
    /// Commas, a header, the id in the first column, 4 partitions, lines up to 16 MiB, fields up to 1 MiB.
    fn default() -> Self {
        Self {
            delimiter: ',',
            head: true,
            id_column: 0,
            id_name: None,
            column_names: None,
            extend_sid: false,
            auto_increasing_sid: false,
            partitions: 4,
            meta: Map::new(),
            max_line_bytes: 16 << 20,
            max_field_bytes: 1 << 20,
        }
    }
}
