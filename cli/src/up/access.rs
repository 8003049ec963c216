//! Who may come in at the REST endpoints of a local federation: whoever can read its `access.json`.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use vocabulary::{ErrorCode, Fault};

use super::folder::{is_private, write_private};
use crate::access::AccessFile;

/// Its name in the settings, in tickets and in the audit chain.
const NAME: &str = "access.json";
/// They count as long as the file is there: without it, new ones are made at the next start.
const EXPIRES: &str = "9999-12-31";

/// The credentials in a federation's file; made if it is not there.
pub(super) fn kept(path: &Path) -> Result<AccessFile> {
    if path.symlink_metadata().is_err() {
        let fresh = AccessFile::fresh()?;
        write_private(path, &fresh.content())?;
        return Ok(fresh);
    }
    if !is_private(path)? {
        let text = format!(
            "{} can be read by others, who may know what stands in it",
            path.display()
        );
        // Not closed silently: who read them before could still use them.
        let fault = Fault::new(ErrorCode::ConfigInvalid, text);
        return Err(fault
            .next("delete it: `fedflow up` then makes new credentials. Or chmod 600 if nobody read it")
            .into());
    }
    AccessFile::read(path)
}

/// The section `access` of a daemon's settings: of the coordinator's operator, or of the party's own user.
pub(super) fn section(file: &AccessFile, operator: bool) -> Value {
    let sha256 = rest::access::token::sha256(&file.token);
    let mut token = json!({"name": NAME, "sha256": sha256, "expires": EXPIRES});
    let mut client = json!({"app_key": file.app_key, "secret": file.secret.expose()});
    if operator {
        token["operator"] = json!(true);
        client["operator"] = json!(true);
    }
    json!({"tokens": [token], "clients": [client]})
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_made_once_and_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("access.json");
        let made = kept(&path).expect("made");
        assert_eq!(
            path.metadata().expect("there").permissions().mode() & 0o7777,
            0o600
        );
        assert_eq!(kept(&path).expect("kept"), made);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("opened");
        let refused = kept(&path).expect_err("others read it");
        assert!(
            format!("{refused:#}").contains("can be read by others"),
            "{refused:#}"
        );
        std::fs::remove_file(&path).expect("removed");
        assert_ne!(kept(&path).expect("made anew"), made);
    }

    #[test]
    fn settings_hold_the_tokens_hash_and_not_the_token() {
        let file = AccessFile::fresh().expect("entropy");
        let section = section(&file, true).to_string();
        assert!(
            !section.contains(file.token.expose()) && section.contains(file.secret.expose()),
            "{section}"
        );
    }
}
