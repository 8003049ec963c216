//! Files that stay at this party as they came: a folder holds files by name, each with a description.
//!
//! A file's content lies under a name that nobody chose; its description, which says where, is put in place by one rename.
//! So a file is there whole or not at all, whatever dies when, and who reads one that is replaced reads the older one to its end.

mod place;

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt;
use rest::BodyStream;
use rest::lenient::drain;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use vocabulary::{ErrorCode, Fault, Timestamp};

pub(crate) use place::{Place, is_name};

/// What a file is described with, beside what it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Label {
    /// Its media type, as the sender gave it.
    pub(crate) content_type: Option<String>,
    /// What the sender says of it.
    pub(crate) metadata: BTreeMap<String, String>,
}

/// A file's description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct About {
    /// Its name in its folder.
    pub(crate) name: String,
    /// Its length.
    pub(crate) bytes: u64,
    /// SHA-256 of its content, hexadecimal.
    pub(crate) sha256: String,
    /// When a file of this name first came.
    pub(crate) created: Timestamp,
    /// When this content came.
    pub(crate) modified: Timestamp,
    /// What the sender said.
    #[serde(flatten)]
    pub(crate) label: Label,
}

/// A description as it lies on the disk.
#[derive(Serialize, Deserialize)]
struct Card {
    content: String,
    #[serde(flatten)]
    about: About,
}

/// Why a file was not taken, and the HTTP status that says so.
#[derive(Debug)]
pub(crate) struct NotTaken {
    pub(crate) status: u16,
    pub(crate) fault: Fault,
}

/// The party's files.
pub(crate) struct Files {
    root: PathBuf,
    most_bytes: u64,
    /// Held while a description changes.
    changing: Mutex<()>,
}

/// Content that disappears unless a description names it.
struct UnnamedContent(Option<PathBuf>);

impl Drop for UnnamedContent {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Files {
    /// The files below a folder. What an earlier agent left unfinished there is removed. Blocks on the disk.
    pub(crate) fn open(root: PathBuf, most_bytes: u64) -> Result<Self, Fault> {
        let files = Self {
            root,
            most_bytes,
            changing: Mutex::default(),
        };
        files.sweep().map_err(|error| unwritable(&error))?;
        Ok(files)
    }

    /// Takes a file in as it arrives, in place of one of the same name. A sender is let finish before it is told that its
    /// file was not taken.
    pub(crate) async fn receive(
        &self,
        place: &Place,
        label: Label,
        mut content: BodyStream,
        now: Timestamp,
    ) -> Result<About, NotTaken> {
        let taken = self.take(place, label, &mut content, now).await;
        if taken.is_err() {
            drain(content).await;
        }
        taken
    }

    async fn take(
        &self,
        place: &Place,
        label: Label,
        content: &mut BodyStream,
        now: Timestamp,
    ) -> Result<About, NotTaken> {
        let failed = |error: std::io::Error| NotTaken {
            status: 400,
            fault: unwritable(&error),
        };
        let name = vocabulary::random_name().map_err(|error| NotTaken {
            status: 500,
            fault: error.into(),
        })?;
        // A fresh name each time: whoever reads the older content keeps reading it, whole.
        let path = self.contents(place.folder()).join(&name);
        for folder in [self.contents(place.folder()), self.cards(place.folder())] {
            tokio::fs::create_dir_all(folder).await.map_err(failed)?;
        }
        let mut unnamed = UnnamedContent(Some(path.clone()));
        let (bytes, sha256) = self.write(&path, content).await?;
        let about = About {
            name: place.name().to_owned(),
            bytes,
            sha256,
            created: now,
            modified: now,
            label,
        };
        let about = self
            .put_in_place(
                place,
                Card {
                    content: name,
                    about,
                },
            )
            .map_err(failed)?;
        // From here on a description names it; any way out before removes it.
        unnamed.0 = None;
        Ok(about)
    }

    async fn write(
        &self,
        path: &Path,
        content: &mut BodyStream,
    ) -> Result<(u64, String), NotTaken> {
        let failed = |error: std::io::Error| NotTaken {
            status: 400,
            fault: unwritable(&error),
        };
        let file = tokio::fs::File::options()
            .write(true)
            .create_new(true)
            .open(path)
            .await
            .map_err(failed)?;
        let mut file = tokio::io::BufWriter::with_capacity(1 << 18, file);
        let (mut bytes, mut digest) = (0_u64, Sha256::new());
        while let Some(piece) = content.next().await {
            let piece = piece
                .map_err(|error| refused(400, format!("the file did not arrive whole: {error}")))?;
            bytes += piece.len() as u64;
            if bytes > self.most_bytes {
                let refused = refused(
                    413,
                    format!("the file is larger than {} bytes", self.most_bytes),
                );
                return Err(NotTaken {
                    fault: refused
                        .fault
                        .next("raise limits.largest_upload at the agent"),
                    ..refused
                });
            }
            digest.update(&piece);
            file.write_all(&piece).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
        // Before the description names it: a loss of power must not leave a description of nothing.
        file.get_ref().sync_data().await.map_err(failed)?;
        Ok((bytes, vocabulary::hex(digest.finalize())))
    }

    fn put_in_place(&self, place: &Place, mut card: Card) -> std::io::Result<About> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        // A description that cannot be read is replaced like any other.
        let older = self.card(place).or_else(passed_over(place))?;
        if let Some(older) = &older {
            card.about.created = older.about.created;
        }
        let unfinished = self
            .contents(place.folder())
            .join(format!("{}.card", card.content));
        std::fs::write(&unfinished, serde_json::to_vec(&card)?)?;
        std::fs::rename(&unfinished, self.cards(place.folder()).join(place.name()))?;
        if let Some(older) = older {
            // Last, and an error is no failure: what no description names goes with the next start.
            let _ = std::fs::remove_file(self.contents(place.folder()).join(older.content));
        }
        Ok(card.about)
    }

    /// A file, opened, with its description; none when there is no such file. Blocks on the disk.
    pub(crate) fn find(&self, place: &Place) -> Result<Option<(File, About)>, Fault> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(card) = self.card(place).map_err(|error| unreadable(&error))? else {
            return Ok(None);
        };
        let path = self.contents(place.folder()).join(&card.content);
        // Opened under the lock: a replacement in between would remove the content that the
        // description names.
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        Ok(Some((file, card.about)))
    }

    /// Removes a file; whether there was one. Blocks on the disk.
    pub(crate) fn remove(&self, place: &Place) -> Result<bool, Fault> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let card = self.card(place).map(|card| card.map(|card| card.content));
        // One that cannot be read can be removed; its content goes with the next start.
        let card = card.or_else(|error| {
            passed_over(place)(error).map(|none: Option<String>| Some(none.unwrap_or_default()))
        });
        let Some(content) = card.map_err(|error| unreadable(&error))? else {
            return Ok(false);
        };
        // The description first: a crash in between leaves content without a name, which is swept.
        std::fs::remove_file(self.cards(place.folder()).join(place.name()))
            .map_err(|error| unwritable(&error))?;
        let _ = std::fs::remove_file(self.contents(place.folder()).join(content));
        Ok(true)
    }

    /// Descriptions of a folder's files by name, beginning behind one, at most so many. Blocks on the disk.
    pub(crate) fn list(&self, folder: &str, after: &str, most: usize) -> Result<Vec<About>, Fault> {
        let mut names = names_in(&self.cards(folder)).map_err(|error| unreadable(&error))?;
        names.retain(|name| name.as_str() > after);
        names.sort_unstable();
        let mut found = Vec::new();
        for name in names {
            if found.len() == most {
                break;
            }
            let Some(place) = Place::new(folder, &name) else {
                continue;
            };
            // One that was removed meanwhile is not there; one that cannot be read hides no other.
            let card = self.card(&place).or_else(passed_over(&place));
            found.extend(
                card.map_err(|error| unreadable(&error))?
                    .map(|card| card.about),
            );
        }
        Ok(found)
    }

    fn card(&self, place: &Place) -> std::io::Result<Option<Card>> {
        match std::fs::read(self.cards(place.folder()).join(place.name())) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes content that no description names. Where a description cannot be read, all content of its folder stays.
    fn sweep(&self) -> std::io::Result<()> {
        for folder in names_in(&self.root)? {
            if let Err(error) = self.sweep_folder(&folder) {
                let code = ErrorCode::RecordUnreadable.text();
                tracing::error!(code, folder, %error, "a folder of files cannot be looked through; nothing is removed from it");
            }
        }
        Ok(())
    }

    fn sweep_folder(&self, folder: &str) -> std::io::Result<()> {
        let mut named = HashSet::new();
        for place in names_in(&self.cards(folder))?
            .iter()
            .filter_map(|name| Place::new(folder, name))
        {
            // An error ends the sweep of this folder: what a description names that cannot be read
            // must not go.
            named.extend(self.card(&place)?.map(|card| card.content));
        }
        for name in names_in(&self.contents(folder))?
            .into_iter()
            .filter(|name| !named.contains(name))
        {
            std::fs::remove_file(self.contents(folder).join(name))?;
        }
        Ok(())
    }

    fn cards(&self, folder: &str) -> PathBuf {
        self.root.join(folder).join("about")
    }

    fn contents(&self, folder: &str) -> PathBuf {
        self.root.join(folder).join("content")
    }
}

/// Takes a description that is not what it should be for one that is not there, and tells of it; other errors stay.
fn passed_over<T>(place: &Place) -> impl FnOnce(std::io::Error) -> std::io::Result<Option<T>> {
    move |error| match error.kind() {
        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof => {
            let code = ErrorCode::RecordUnreadable.text();
            tracing::error!(code, folder = place.folder(), name = place.name(), %error, "a file's description cannot be read");
            Ok(None)
        }
        _ => Err(error),
    }
}

/// What a folder holds; nothing when it is not there.
fn names_in(folder: &Path) -> std::io::Result<Vec<String>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn refused(status: u16, text: String) -> NotTaken {
    NotTaken {
        status,
        fault: Fault::new(ErrorCode::RequestInvalid, text),
    }
}

fn unwritable(error: &std::io::Error) -> Fault {
    Fault::new(
        ErrorCode::StorageFull,
        format!("the file cannot be kept: {error}"),
    )
    .next("free space on the agent's disk")
}

fn unreadable(error: &std::io::Error) -> Fault {
    Fault::new(
        ErrorCode::FileUnreadable,
        format!("the file cannot be read: {error}"),
    )
}

#[cfg(test)]
mod tests;
