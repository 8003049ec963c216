//! The values of a column outside the engine.

use std::fmt;

use crate::schema::ColumnKind;

/// A column's values, in row order.
#[derive(Clone, PartialEq)]
pub enum Values {
    /// Text; none is missing.
    Text(Vec<Option<String>>),
    /// Numbers; NaN is missing.
    Float(Vec<f64>),
    /// Whole numbers.
    Integer(Vec<i64>),
}

impl Values {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Values::Text(values) => values.len(),
            Values::Float(values) => values.len(),
            Values::Integer(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How they are kept.
    pub fn kind(&self) -> ColumnKind {
        match self {
            Values::Text(_) => ColumnKind::Text,
            Values::Float(_) => ColumnKind::Float,
            Values::Integer(_) => ColumnKind::Integer,
        }
    }

    /// No values of a kind.
    pub fn empty(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Text => Values::Text(Vec::new()),
            ColumnKind::Float => Values::Float(Vec::new()),
            ColumnKind::Integer => Values::Integer(Vec::new()),
        }
    }

    /// Values that are all there, as text.
    pub fn of_texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Values::Text(texts.into_iter().map(|text| Some(text.into())).collect())
    }
}

/// Shows kind and number, never a value.
impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never a value: debug texts end up in logs and in faults.
        write!(f, "{} {:?} values", self.len(), self.kind())
    }
}
