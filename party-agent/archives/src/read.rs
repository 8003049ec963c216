//! From a zip to a participant's part of a model. What is read came from somebody else: sizes, counts, names and hashes are
//! judged before anything is believed, and nothing is written anywhere.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufReader, Read, Seek, SeekFrom};

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use vocabulary::hex;
use zip::ZipArchive;

use crate::write::{
    DOCUMENTS, FORMAT, ListedCheckpoint, MANIFEST, Manifest, ModelEntry, VERSION, digest,
};
use crate::{Archive, ArchiveError, ArchivedCheckpoint, ArchivedModel};

/// Bytes of the largest archive, and of all it unpacks to.
pub const LARGEST_ARCHIVE: u64 = 1 << 30;
/// Bytes of the largest manifest.
const LARGEST_MANIFEST: u64 = 16 << 20;
/// Most members.
const MOST_MEMBERS: usize = 10_000;
/// Bytes of the longest name of a member.
const LONGEST_NAME: usize = 512;
/// How many times larger a member may be than its packed form, above [`SMALL`]. Deflate itself ends near 1000.
const MOST_RATIO: u64 = 200;
/// Members up to this many bytes may be packed as well as they can.
const SMALL: u64 = 1 << 20;

/// The SHA-256 of what is left to read, in hexadecimal digits.
pub fn sha256_of(mut from: impl Read) -> std::io::Result<String> {
    let (mut hash, mut piece) = (Sha256::new(), vec![0_u8; 1 << 16]);
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(hex(hash.finalize())),
            read => hash.update(piece.get(..read).unwrap_or_default()),
        }
    }
}

impl Archive {
    /// Reads an archive and checks every member against the manifest. Blocks on what it reads from.
    pub fn read(mut from: impl Read + Seek) -> Result<Self, ArchiveError> {
        let size = from.seek(SeekFrom::End(0)).map_err(unreadable)?;
        if size > LARGEST_ARCHIVE {
            return Err(ArchiveError::Excessive(format!(
                "{size} bytes are more than {LARGEST_ARCHIVE}"
            )));
        }
        // Before the reader opens it, which would already have dropped all but one of equal names.
        let entries = entries_at_the_end(&mut from)?;
        from.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        let mut zip = ZipArchive::new(BufReader::new(from)).map_err(unreadable)?;
        // By the table alone, before a byte is unpacked: a bomb is refused for what it says it is.
        let names = judge(&mut zip)?;
        if names.len() != entries {
            return Err(ArchiveError::Excessive(
                "a member is there twice".to_owned(),
            ));
        }
        let manifest: Manifest =
            parsed("manifest", &unpacked(&mut zip, MANIFEST, LARGEST_MANIFEST)?)?;
        // A newer layout may mean something else by the same names: refused, not guessed at.
        if manifest.format != FORMAT || manifest.version > VERSION {
            let detail = format!(
                "{} of version {} is not known here",
                manifest.format, manifest.version
            );
            return Err(ArchiveError::Senseless {
                what: "format",
                detail,
            });
        }
        let mut members = checked(&mut zip, &names, &manifest)?;
        let documents = members
            .remove(DOCUMENTS)
            .ok_or_else(|| changed(DOCUMENTS, "it is missing"))?;
        let models = manifest
            .models
            .into_iter()
            .map(|listed| taken(&mut members, listed))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            subject: manifest.subject,
            documents: parsed("documents", &documents)?,
            models,
        })
    }
}

/// How many members the zip's last record announces: the reader below keeps only the last of several with one name.
fn entries_at_the_end(from: &mut (impl Read + Seek)) -> Result<usize, ArchiveError> {
    from.seek(SeekFrom::End(-22)).map_err(unreadable)?;
    let mut end = [0_u8; 22];
    from.read_exact(&mut end).map_err(unreadable)?;
    match end {
        [b'P', b'K', 5, 6, _, _, _, _, _, _, low, high, .., 0, 0] => {
            Ok(usize::from(u16::from_le_bytes([low, high])))
        }
        _ => Err(ArchiveError::Unreadable(
            "it does not end as a zip does".to_owned(),
        )),
    }
}

/// Refuses what no archive of ours looks like, by the zip's own table; gives the names of the members.
fn judge<R: Read + Seek>(zip: &mut ZipArchive<R>) -> Result<HashSet<String>, ArchiveError> {
    if zip.len() > MOST_MEMBERS {
        return Err(ArchiveError::Excessive(format!(
            "{} members are more than {MOST_MEMBERS}",
            zip.len()
        )));
    }
    let (mut names, mut total) = (HashSet::new(), 0_u64);
    for index in 0..zip.len() {
        // Raw: only the entry of the table is looked at, nothing is unpacked yet.
        let member = zip.by_index_raw(index).map_err(unreadable)?;
        let name = member.name().map_err(unreadable)?.into_owned();
        let (size, packed) = (member.size(), member.compressed_size());
        if !is_plain_path(&name) {
            return Err(ArchiveError::Excessive(format!(
                "the name {:?} is not a plain path",
                shortened(&name)
            )));
        }
        if member.encrypted() || !member.is_file() {
            return Err(ArchiveError::Excessive(format!(
                "{name} is not a plain file"
            )));
        }
        if size > SMALL && size / MOST_RATIO > packed {
            return Err(ArchiveError::Excessive(format!(
                "{name} unpacks to more than {MOST_RATIO} times its size"
            )));
        }
        // All together: ten thousand members of allowed size would fill the memory as well.
        total = total.saturating_add(size);
        if total > LARGEST_ARCHIVE {
            return Err(ArchiveError::Excessive(format!(
                "it unpacks to more than {LARGEST_ARCHIVE} bytes"
            )));
        }
        names.insert(name);
    }
    Ok(names)
}

/// Every member that the manifest names, its hash compared; members that it does not name are refused.
fn checked<R: Read + Seek>(
    zip: &mut ZipArchive<R>,
    names: &HashSet<String>,
    manifest: &Manifest,
) -> Result<BTreeMap<String, Vec<u8>>, ArchiveError> {
    if let Some(odd) = names
        .iter()
        .find(|name| *name != MANIFEST && !manifest.members.contains_key(*name))
    {
        return Err(changed(odd, "the manifest does not name it"));
    }
    let mut members = BTreeMap::new();
    for (name, stated) in &manifest.members {
        if !names.contains(name) {
            return Err(changed(name, "it is missing"));
        }
        let bytes = unpacked(zip, name, stated.size)?;
        if digest(&bytes) != *stated {
            return Err(changed(name, "its hash is not that of the manifest"));
        }
        members.insert(name.clone(), bytes);
    }
    Ok(members)
}

/// A member's content, never more than a bound of bytes whatever the zip's table says.
fn unpacked<R: Read + Seek>(
    zip: &mut ZipArchive<R>,
    name: &str,
    most: u64,
) -> Result<Vec<u8>, ArchiveError> {
    let member = zip.by_name(name).map_err(unreadable)?;
    let mut bytes = Vec::new();
    member
        // The table may lie about sizes. One byte more than allowed is enough to see that.
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > most {
        return Err(changed(name, "it is larger than stated"));
    }
    Ok(bytes)
}

fn taken(
    members: &mut BTreeMap<String, Vec<u8>>,
    listed: ModelEntry,
) -> Result<ArchivedModel, ArchiveError> {
    let mut part = |name: &str| {
        members
            // Taken out, so that a member which two models name is refused.
            .remove(name)
            .ok_or_else(|| changed(name, "it is missing, or taken twice"))
    };
    let (content, view, parameters) = (
        part(&listed.content)?,
        part(&listed.view)?,
        part(&listed.parameters)?,
    );
    let checkpoint = |kept: ListedCheckpoint| {
        let ListedCheckpoint {
            step_index,
            step_name,
            content,
        } = kept;
        Ok(ArchivedCheckpoint {
            step_index,
            step_name,
            content: part(&content)?,
        })
    };
    let checkpoints = listed
        .checkpoints
        .into_iter()
        .map(checkpoint)
        .collect::<Result<Vec<_>, ArchiveError>>()?;
    let ModelEntry {
        step,
        alias,
        module,
        component,
        component_version,
        ..
    } = listed;
    let (view, parameters) = (
        parsed("view of a model", &view)?,
        parsed("run parameters", &parameters)?,
    );
    Ok(ArchivedModel {
        step,
        alias,
        module,
        component,
        component_version,
        parameters,
        view,
        content,
        checkpoints,
    })
}

fn is_plain_path(name: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    // Nothing is unpacked onto a disk here; names are refused all the same, since others may
    // unpack it.
    name.len() <= LONGEST_NAME && !name.contains(['\\', '\0', ':']) && name.split('/').all(plain)
}

fn shortened(name: &str) -> String {
    name.chars().take(80).collect()
}

fn parsed<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, ArchiveError> {
    serde_json::from_slice(bytes).map_err(|error| ArchiveError::Senseless {
        what,
        detail: error.to_string(),
    })
}

fn unreadable(error: impl std::fmt::Display) -> ArchiveError {
    ArchiveError::Unreadable(error.to_string())
}

fn changed(member: &str, why: &'static str) -> ArchiveError {
    ArchiveError::Changed {
        member: shortened(member),
        why,
    }
}
