//! What a model may draw from this party's columns: the rules of the file.

use serde::{Deserialize, Serialize};

use crate::cap::Cap;

/// How many vectors of row values leave, and of how many columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeatureRules {
    /// Vectors of row values that one step may send of each table (train, validate, predict) when its model is made.
    pub vectors: Cap,
    /// Vectors that it may send of each table before: at validations, in folds, at steps of a selection.
    pub vectors_in_training: Cap,
    /// How many attempts of a step, beside the first, may send other vectors than those that were sent.
    pub repeats: Cap,
    /// Classes of one-vs-rest: all its vectors count as one.
    pub classes: Cap,
    /// Fewest columns that vary of the tables behind such a vector.
    pub fewest_columns: u32,
}

impl Default for FeatureRules {
    fn default() -> Self {
        Self {
            vectors: Cap::at(1),
            // Each further vector is one more equation about the same row.
            vectors_in_training: Cap::at(0),
            repeats: Cap::at(2),
            classes: Cap::at(20),
            fewest_columns: 3,
        }
    }
}
