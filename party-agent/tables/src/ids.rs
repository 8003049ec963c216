//! The ids of rows: column 0 of a frame.

use std::collections::HashSet;

use crate::error::{Result, TableError};
use crate::frame::{Cells, Frame};

/// The ids of a frame; column 0 is the id.
pub(crate) fn ids_of(frame: &Frame) -> Result<impl Iterator<Item = &str>> {
    match frame.cells(0)? {
        Cells::Text(ids) => Ok(ids.iter().map(Option::unwrap_or_default)),
        _ => Err(TableError::SchemaMismatch {
            reason: "the id is not text".to_owned(),
        }),
    }
}

/// Refuses frames in which an id stands twice.
pub(crate) fn check_unique_ids(frames: &[Frame]) -> Result<()> {
    let mut seen = HashSet::with_capacity(frames.iter().map(Frame::rows).sum());
    for frame in frames {
        for id in ids_of(frame)? {
            // So many were different before: the number of the row, as long as none was twice.
            let row = seen.len();
            if !seen.insert(id) {
                return Err(TableError::IdRepeated { row });
            }
        }
    }
    Ok(())
}
