//! Whose coordinator this agent serves. The federation's root gives certificates of coordinators too, and each of them would pass:
//! only one party's counts, the one of the settings, or the one that answered first.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use vocabulary::{ErrorCode, Fault, PartyId};

/// The file in the data folder.
const FILE: &str = "coordinator-party";

/// The party whose coordinator is taken.
#[derive(Debug)]
pub(crate) struct CoordinatorPin {
    party: Mutex<Option<PartyId>>,
    file: PathBuf,
}

impl CoordinatorPin {
    /// Of the settings, or of what was remembered; a file that cannot be read is no permission to take anybody.
    pub(crate) fn open(configured: Option<PartyId>, data: &Path) -> Result<Self, Fault> {
        let file = data.join(FILE);
        let party = match configured {
            Some(party) => Some(party),
            None => remembered(&file)?,
        };
        Ok(Self {
            party: Mutex::new(party),
            file,
        })
    }

    /// The only party that may answer, once it is known.
    pub(crate) fn party(&self) -> Option<PartyId> {
        self.party
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Remembers the first one that answered. Where that cannot be written down there is no link.
    pub(crate) fn met(&self, party: &PartyId) -> Result<(), Fault> {
        let mut known = self.party.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_some() {
            return Ok(());
        }
        write_whole(&self.file, party.as_str()).map_err(|error| {
            let text = format!(
                "the coordinator's party cannot be written to {}: {error}",
                self.file.display()
            );
            Fault::new(ErrorCode::StorageFull, text)
                .next("set coordinator_party, or make the data folder writable")
        })?;
        tracing::warn!(
            %party,
            file = %self.file.display(),
            "the coordinator that answered first is taken from now on; set coordinator_party to say which it is"
        );
        *known = Some(party.clone());
        Ok(())
    }
}

/// Writes under another name, and gives the file its own name when it is whole on disk: a kill in between leaves none.
fn write_whole(file: &Path, text: &str) -> std::io::Result<()> {
    let unfinished = file.with_extension("new");
    let mut written = File::create(&unfinished)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    std::fs::rename(&unfinished, file)?;
    file.parent()
        .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn remembered(file: &Path) -> Result<Option<PartyId>, Fault> {
    let unusable = |why: String| {
        let text = format!(
            "the coordinator's party in {} cannot be read: {why}",
            file.display()
        );
        Fault::new(ErrorCode::ConfigInvalid, text)
            .next("set coordinator_party, or remove the file to take who answers first")
    };
    match std::fs::read_to_string(file) {
        // Earlier versions could be killed before they wrote: nobody was remembered.
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => PartyId::new(text.trim())
            .map(Some)
            .map_err(|error| unusable(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::party;

    #[test]
    fn the_first_that_answers_stays() {
        let folder = tempfile::tempdir().unwrap();
        let pin = CoordinatorPin::open(None, folder.path()).unwrap();
        assert_eq!(pin.party(), None);
        pin.met(&party("hub")).unwrap();
        pin.met(&party("other")).unwrap();
        assert_eq!(pin.party(), Some(party("hub")));
        // Also after a restart; the settings stand above it.
        let again = CoordinatorPin::open(None, folder.path()).unwrap();
        assert_eq!(again.party(), Some(party("hub")));
        assert_eq!(
            CoordinatorPin::open(Some(party("new")), folder.path())
                .unwrap()
                .party(),
            Some(party("new"))
        );
    }

    #[test]
    fn what_cannot_be_read_or_written_lets_nobody_in() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "two words").unwrap();
        assert_eq!(
            CoordinatorPin::open(None, folder.path()).unwrap_err().code,
            ErrorCode::ConfigInvalid
        );
        let nowhere = CoordinatorPin::open(None, &folder.path().join("missing")).unwrap();
        assert_eq!(
            nowhere.met(&party("hub")).unwrap_err().code,
            ErrorCode::StorageFull
        );
        assert_eq!(nowhere.party(), None);
    }

    #[test]
    fn a_kill_while_it_is_written_leaves_an_agent_that_starts() {
        // What an earlier version left, and what this one leaves: an empty file, or a half under another name.
        for (name, left) in [
            (FILE, ""),
            (FILE, "\n"),
            ("coordinator-party.new", "hu"),
            ("coordinator-party.new", ""),
        ] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join(name), left).unwrap();
            let pin = CoordinatorPin::open(None, folder.path()).unwrap();
            assert_eq!(pin.party(), None, "{name} {left:?}");
            pin.met(&party("hub")).unwrap();
            let again = CoordinatorPin::open(None, folder.path()).unwrap();
            assert_eq!(again.party(), Some(party("hub")));
            let names: Vec<_> = std::fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            assert_eq!(names, [FILE], "nothing else is left");
        }
    }

    #[test]
    fn a_file_that_is_there_already_is_not_lost_to_a_failed_write() {
        let folder = tempfile::tempdir().unwrap();
        let pin = CoordinatorPin::open(None, folder.path()).unwrap();
        // The other name is taken by a folder: nothing can be written, nobody is let in, and nothing half stands there.
        std::fs::create_dir(folder.path().join("coordinator-party.new")).unwrap();
        assert_eq!(
            pin.met(&party("hub")).unwrap_err().code,
            ErrorCode::StorageFull
        );
        assert_eq!(pin.party(), None);
        assert!(!folder.path().join(FILE).exists());
    }
}
