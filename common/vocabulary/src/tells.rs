//! What a report gives away of the data that it was made of.

use serde::{Deserialize, Serialize};

/// What a report gives away. Whoever makes one says all of them; there is none by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tells {
    /// Numbers of rows read, kept, replaced and refused, which every output tells as well, and where something was put.
    Counts,
    /// Figures that only the rows of several parties make together, such as the loss of a joint training.
    Joint,
    /// Figures of this party's rows, labels among them.
    Figures,
    /// Names of columns.
    Headers,
    /// Rows, values of single rows, or figures of single columns.
    Rows,
}
