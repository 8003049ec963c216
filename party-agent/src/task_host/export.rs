//! From a table to a text file under the export root: written aside, then renamed, so that nobody reads a half.

use std::fs::File;
use std::path::Path;

use component_kit::{ComponentError, ExportRequest, Result};
use tables::{Table, write_text};
use vocabulary::{ErrorCode, Fault};

use super::paths;

pub(super) fn write(root: &Path, table: &Table, request: &ExportRequest) -> Result<u64> {
    let path = paths::writable(root, &request.path)?;
    let delimiter = match request.delimiter.chars().collect::<Vec<char>>()[..] {
        [] => table.schema().delimiter,
        [one] => one,
        _ => {
            return Err(ComponentError::new(
                ErrorCode::ParameterInvalid,
                format!("{:?} is not one character", request.delimiter),
            ));
        }
    };
    let unwritable = |error: std::io::Error| {
        let fault = Fault::new(
            ErrorCode::StorageFull,
            format!("the file cannot be written: {error}"),
        );
        ComponentError::from(fault.next("free space on the agent's disk"))
    };
    let mut aside = path.clone().into_os_string();
    aside.push(".part");
    let file = File::create(&aside).map_err(unwritable)?;
    let written = write_text(table, &file, delimiter, true, None).map_err(ComponentError::from);
    let done = written.and_then(|rows| {
        // On the disk before it has its name: after a crash, a name never stands for half a file.
        file.sync_all()
            .and_then(|()| std::fs::rename(&aside, &path))
            .map_err(unwritable)?;
        Ok(rows)
    });
    // What is left aside is a piece of the table, outside of the agent's own folders.
    if done.is_err() {
        let _ = std::fs::remove_file(&aside);
    }
    done
}
