//! Whether a daemon can write into its folder now: asked by those who look after it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Bytes that must find space: what a daemon needs to take anything in and to write down what it refuses.
const SPACE: usize = 256 << 10;
/// How long an answer counts. Whoever asks often does not wear the disk out.
const COUNTS: Duration = Duration::from_secs(1);

/// A folder that is looked at now and then. A cheap handle.
#[derive(Debug, Clone)]
pub struct Disk {
    folder: PathBuf,
    last: Arc<Mutex<Option<LastLook>>>,
}

/// When it was looked, and what was seen.
type LastLook = (Instant, Result<(), String>);

impl Disk {
    /// The disk below a folder.
    pub fn below(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            last: Arc::default(),
        }
    }

    /// Whether something can be written there now, and if not, why. Blocks for as long as the disk takes.
    pub fn check(&self) -> Result<(), String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, answer)) = last.as_ref().filter(|(at, _)| at.elapsed() < COUNTS) {
            return answer.clone();
        }
        let answer = probe(&self.folder)
            .map_err(|error| format!("{} cannot be written: {error}", self.folder.display()));
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}

fn probe(folder: &Path) -> std::io::Result<()> {
    // The name of earlier releases, kept: a leftover of one is overwritten and removed.
    let path = folder.join(".room");
    let written = std::fs::File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0; SPACE])?;
        // Synced: a file system may promise space that it does not have.
        file.sync_data()
    });
    // what could not be written whole takes space that is missing elsewhere
    let removed = std::fs::remove_file(&path);
    written.and(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_whether_a_folder_can_be_written() {
        let folder = std::env::temp_dir().join(format!("fedflow-disk-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("made");
        assert_eq!(Disk::below(&folder).check(), Ok(()));
        assert!(
            std::fs::read_dir(&folder).expect("read").next().is_none(),
            "nothing is left"
        );
        std::fs::remove_dir_all(&folder).expect("removed");
        let gone = Disk::below(&folder);
        assert!(
            gone.check()
                .expect_err("gone")
                .contains("cannot be written")
        );
        std::fs::create_dir_all(&folder).expect("made again");
        std::thread::sleep(COUNTS);
        assert_eq!(gone.check(), Ok(()), "an answer counts for a moment only");
        std::fs::remove_dir_all(&folder).expect("removed");
        assert!(Disk::below("/dev/null/x").check().is_err());
    }
}
