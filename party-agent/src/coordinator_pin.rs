//! Whose coordinator this agent serves. The federation's root gives certificates of coordinators too, and each of them would pass:
//! only one party's counts, the one of the settings, or the one that answered first.

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
        Ok(Self { party: Mutex::new(party), file })
    }

    /// The only party that may answer, once it is known.
    pub(crate) fn party(&self) -> Option<PartyId> {
        self.party.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers the first one that answered. Where that cannot be written down there is no link.
    pub(crate) fn met(&self, party: &PartyId) -> Result<(), Fault> {
        let mut known = self.party.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_some() {
            return Ok(());
        }
        let write = || -> std::io::Result<()> {
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&self.file)?;
            file.write_all(party.as_str().as_bytes())?;
            file.sync_all()
        };
        write().map_err(|error| {
            let text = format!("the coordinator's party cannot be written to {}: {error}", self.file.display());
            Fault::new(ErrorCode::StorageFull, text).next("set coordinator_party, or make the data folder writable")
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

fn remembered(file: &Path) -> Result<Option<PartyId>, Fault> {
    let unusable = |why: String| {
        let text = format!("the coordinator's party in {} cannot be read: {why}", file.display());
        Fault::new(ErrorCode::ConfigInvalid, text)
            .next("set coordinator_party, or remove the file to take who answers first")
    };
    match std::fs::read_to_string(file) {
        Ok(text) => PartyId::new(text.trim()).map(Some).map_err(|error| unusable(error.to_string())),
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
        assert_eq!(CoordinatorPin::open(Some(party("new")), folder.path()).unwrap().party(), Some(party("new")));
    }

    #[test]
    fn what_cannot_be_read_or_written_lets_nobody_in() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "").unwrap();
        assert_eq!(CoordinatorPin::open(None, folder.path()).unwrap_err().code, ErrorCode::ConfigInvalid);
        let nowhere = CoordinatorPin::open(None, &folder.path().join("missing")).unwrap();
        assert_eq!(nowhere.met(&party("hub")).unwrap_err().code, ErrorCode::StorageFull);
        assert_eq!(nowhere.party(), None);
    }
}
