//! A model as it stands in a row: of a finished training, or of a state before its end.

/// A model's row.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelRecord {
    /// The component that can read it.
    pub component: String,
    /// That component's version.
    pub component_version: u32,
    /// The content.
    pub content: Vec<u8>,
}
