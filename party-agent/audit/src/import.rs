//! Chains of format 0 stood in the agent's database. They are copied once, to the byte, and go on here.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use vocabulary::Timestamp;

use crate::error::AuditError;
use crate::line::Line;
use crate::segment;

/// An entry of format 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldEntry {
    /// Its number.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// The entry as it was hashed.
    pub text: String,
    /// Its hash, hex.
    pub hash: String,
}

/// Begins the chain in a folder with entries of format 0, piece by piece until an empty one; they are not checked here. What is
/// interrupted is begun again; a folder that exists is left alone.
pub async fn import<F, E>(folder: &Path, mut next: impl FnMut(u64) -> F) -> Result<(), E>
where
    F: Future<Output = Result<Vec<OldEntry>, E>>,
    E: From<AuditError>,
{
    let begun = segment::list(folder)?;
    let mut piece = if begun.is_empty() {
        next(0).await?
    } else {
        Vec::new()
    };
    if piece.is_empty() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(AuditError::disk(folder))?;
    // Under another name until it is whole, since the name of a segment marks the import as done.
    let (made, path) = (folder.join("imported.tmp"), folder.join(segment::name(1)));
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&made);
    let mut file = BufWriter::new(file.map_err(AuditError::disk(&made))?);
    let mut entries = 0_u64;
    while let Some(last) = piece.last().map(|entry| entry.number) {
        let mut lines = String::new();
        for OldEntry {
            number,
            at,
            text,
            hash,
        } in &piece
        {
            Line {
                number: *number,
                at: *at,
                format: 0,
                hash,
                text,
            }
            .write(&mut lines);
        }
        file.write_all(lines.as_bytes())
            .map_err(AuditError::disk(&made))?;
        entries += piece.len() as u64;
        piece = next(last).await?;
    }
    let file = file
        .into_inner()
        .map_err(|error| AuditError::disk(&made)(error.into_error()))?;
    // Content first, then the name, then the folder: no crash leaves the name on a file without
    // content.
    file.sync_all().map_err(AuditError::disk(&made))?;
    std::fs::rename(&made, &path).map_err(AuditError::disk(&path))?;
    segment::sync_folder(folder).map_err(AuditError::disk(folder))?;
    tracing::info!(
        entries,
        "the audit chain of format 0 goes on in its own folder"
    );
    Ok(())
}
