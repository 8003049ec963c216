//! Files that were sent and wait for the job that makes tables of them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt;
use rest::BodyStream;
use rest::lenient::drain;
use tokio::io::AsyncWriteExt;
use vocabulary::{ErrorCode, Fault, Timestamp};

/// A file that no job asked for is removed after this.
const KEPT_MILLIS: i64 = Timestamp::DAY_MILLIS;
const UNFINISHED: &str = "part";

/// The folder of staged files. Names are 32 random hexadecimal digits: whoever knows one can have its file imported.
pub(crate) struct Staging {
    folder: PathBuf,
    most_bytes: u64,
    /// Files that must not take the place of a table, whatever their job says.
    careful: Mutex<HashSet<String>>,
}

/// A file that disappears unless it is finished.
struct UnfinishedFile(PathBuf);

impl Drop for UnfinishedFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Staging {
    pub(crate) fn new(folder: PathBuf, most_bytes: u64) -> Self {
        Self {
            folder,
            most_bytes,
            careful: Mutex::default(),
        }
    }

    /// Notes that this file must not take the place of a table.
    pub(crate) fn keep_tables_from(&self, name: &str) {
        self.careful
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned());
    }

    /// Whether this file may take the place of a table.
    pub(crate) fn may_replace(&self, name: &str) -> bool {
        !self
            .careful
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(name)
    }

    /// Where a staged file is; nothing when the text is no such name or the file is not there.
    pub(crate) fn find(&self, name: &str) -> Option<PathBuf> {
        is_name(name)
            .then(|| self.folder.join(name))
            .filter(|path| path.is_file())
    }

    /// Takes a file in as it arrives; gives its bytes. Nothing is left behind when it does not arrive whole; a sender is let
    /// finish before it is told that its file was not taken.
    pub(crate) async fn receive(&self, name: &str, mut content: BodyStream) -> Result<u64, Fault> {
        let stored = self.store(name, &mut content).await;
        if stored.is_err() {
            drain(content).await;
        }
        stored
    }

    async fn store(&self, name: &str, content: &mut BodyStream) -> Result<u64, Fault> {
        if !is_name(name) {
            return Err(Fault::new(
                ErrorCode::RequestInvalid,
                "a staged file is named by 32 hexadecimal digits",
            ));
        }
        let path = self.folder.join(name);
        if path.exists() {
            return Err(Fault::new(
                ErrorCode::Conflict,
                "a file of this name is staged already",
            ));
        }
        let failed = |error: std::io::Error| {
            Fault::new(
                ErrorCode::StorageFull,
                format!("the file cannot be staged: {error}"),
            )
            .next("free space on the agent's disk")
        };
        let unfinished = UnfinishedFile(path.with_extension(UNFINISHED));
        let file = tokio::fs::File::options()
            .write(true)
            // Two uploads of one name must not write into one file: the second is refused.
            .create_new(true)
            .open(&unfinished.0)
            .await
            .map_err(failed)?;
        let mut file = tokio::io::BufWriter::with_capacity(1 << 18, file);
        let mut bytes = 0_u64;
        while let Some(piece) = content.next().await {
            let piece = piece.map_err(|error| {
                Fault::new(
                    ErrorCode::RequestInvalid,
                    format!("the file did not arrive whole: {error}"),
                )
            })?;
            bytes += piece.len() as u64;
            if bytes > self.most_bytes {
                return Err(Fault::new(
                    ErrorCode::RequestInvalid,
                    format!("the file is larger than {} bytes", self.most_bytes),
                )
                .next("raise limits.largest_upload at the agent"));
            }
            file.write_all(&piece).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
        tokio::fs::rename(&unfinished.0, &path)
            .await
            .map_err(failed)?;
        Ok(bytes)
    }

    /// Removes a staged file.
    pub(crate) fn remove(&self, name: &str) {
        if is_name(name) {
            let _ = std::fs::remove_file(self.folder.join(name));
            self.careful
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(name);
        }
    }

    /// Removes what waits for more than a day, and what never arrived whole.
    pub(crate) fn sweep(&self, now: Timestamp) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return;
        };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            // By the file's own time, so that a restart neither forgets nor lengthens the day.
            if age_millis(&path, now).is_some_and(|age| age > KEPT_MILLIS)
                && std::fs::remove_file(&path).is_ok()
            {
                tracing::info!("removed a staged file that no job asked for");
            }
        }
    }
}

fn age_millis(path: &Path, now: Timestamp) -> Option<i64> {
    let modified = path.metadata().ok()?.modified().ok()?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(now.millis_since(Timestamp(i64::try_from(since.as_micros()).ok()?)))
}

fn is_name(text: &str) -> bool {
    text.len() == 32
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::{Clock, SystemClock};

    fn staging(most: u64) -> (tempfile::TempDir, Staging) {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::new(folder.path().to_owned(), most);
        (folder, staging)
    }

    #[tokio::test]
    async fn keeps_a_file_under_a_name_nobody_can_guess() {
        let (_folder, staging) = staging(10);
        let name = vocabulary::random_name().unwrap();
        assert_ne!(name, vocabulary::random_name().unwrap());
        assert_eq!(
            staging.receive(&name, rest::proxy::whole("id,x")).await,
            Ok(4)
        );
        assert_eq!(
            std::fs::read(staging.find(&name).unwrap()).unwrap(),
            b"id,x"
        );
        assert_eq!(
            staging
                .receive(&name, rest::proxy::whole("x"))
                .await
                .unwrap_err()
                .code,
            ErrorCode::Conflict
        );
        staging.remove(&name);
        assert!(staging.find(&name).is_none());
    }

    #[tokio::test]
    async fn leaves_nothing_of_a_torn_or_oversized_file() {
        let (folder, staging) = staging(3);
        let name = "0".repeat(32);
        assert!(
            staging
                .receive(&name, rest::proxy::whole("abcd"))
                .await
                .is_err()
        );
        let torn = futures_util::stream::iter([Err(std::io::Error::other("gone"))]).boxed();
        assert!(staging.receive(&name, torn).await.is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn takes_no_path_for_a_name() {
        let (folder, staging) = staging(10);
        for name in [
            "../../etc/passwd",
            "",
            "ABCDEF",
            &format!("../{}", "0".repeat(29)),
        ] {
            assert!(
                staging
                    .receive(name, rest::proxy::whole("x"))
                    .await
                    .is_err(),
                "{name}"
            );
            assert!(staging.find(name).is_none());
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn forgets_files_after_a_day() {
        let (_folder, staging) = staging(10);
        let name = "1".repeat(32);
        staging
            .receive(&name, rest::proxy::whole("x"))
            .await
            .unwrap();
        staging.sweep(SystemClock.now());
        assert!(staging.find(&name).is_some());
        staging.sweep(SystemClock.now().plus_millis(KEPT_MILLIS + 60_000));
        assert!(staging.find(&name).is_none());
    }
}
