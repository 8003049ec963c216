//! A party's rows: tables in memory or on the table store, with import from and export to text. The only crate that names
//! the columnar engine; nothing of it shows in these types.
#![deny(missing_docs)]

mod blocks;
mod by_column;
mod doubts;
#[cfg(test)]
mod earlier_tests;
mod encoding;
mod error;
mod export;
mod fate_schema;
mod frame;
mod gather;
mod gathered;
mod hash;
mod header;
mod ids;
mod import;
mod import_options;
mod instances;
mod lines;
mod manifest;
mod matrix;
mod names;
mod parquet;
mod partitions;
mod repeated;
mod reshape;
mod schema;
mod spill;
#[cfg(test)]
mod stop_tests;
mod table;
mod table_store;
mod texts;
pub mod transform;
mod values;
mod varied;
mod versions;
#[cfg(test)]
mod wide_tests;
mod written;

pub use encoding::decoded;
pub use error::{Result, TableError};
pub use export::write_text;
pub use header::read_header;
pub use import::import;
pub use import_options::ImportOptions;
pub use instances::{Missing, parse_integers};
pub use manifest::{BoundTo, Origin, TableInfo};
pub use schema::{Column, ColumnKind, Part, Schema, TableKind};
pub use table::Table;
pub use table_store::{Stored, TableStore};
pub use values::Values;
