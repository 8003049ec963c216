//! Addresses that open something by a secret of their own. The store holds a handle of each; the secret is made of it with a key
//! that lies elsewhere. So a copy of the database opens nothing, and an address can be told again.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use vocabulary::{ErrorCode, Fault};
use zeroize::Zeroizing;

use crate::Coordinator;

/// Begins a handle. What begins otherwise is a secret of an earlier release.
const HANDLE: &str = "handle-";
/// Bytes of the key.
const KEY_BYTES: usize = 32;

/// The key of the secrets of addresses.
#[derive(Clone)]
pub struct AddressKey(Zeroizing<[u8; KEY_BYTES]>);

impl std::fmt::Debug for AddressKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the bytes: options are printed in logs.
        f.write_str("AddressKey")
    }
}

impl Default for AddressKey {
    /// A key that ends with the process, and the addresses with it.
    fn default() -> Self {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        // random: 122 bits of each
        let halves = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
        for (place, byte) in key
            .iter_mut()
            .zip(halves.iter().flat_map(uuid::Uuid::as_bytes))
        {
            *place = *byte;
        }
        Self(key)
    }
}

impl AddressKey {
    /// The key in a file; made where there is none, for the daemon's user alone.
    pub fn kept_in(path: &Path) -> Result<Self, Fault> {
        let failed = |error: std::io::Error| {
            let message = format!(
                "{}: the key of addresses cannot be kept: {error}",
                path.display()
            );
            Fault::new(ErrorCode::StorageFull, message)
                .next("make space, or let the daemon's user read and write there")
        };
        if !path.exists() {
            let fresh = Self::default();
            // Written beside, synced, then renamed: a crash leaves the old state or the whole key,
            // never half of one, which would end all addresses that were given out.
            let beside = path.with_extension("new");
            let file = OpenOptions::new()
                .create(true)
                .write(true)
                .truncate(true)
                // From its first moment: to narrow the rights later would leave a time in which
                // others could read it.
                .mode(0o600)
                .open(&beside);
            let written = file.and_then(|mut file| {
                file.write_all(&*fresh.0)?;
                file.sync_all()
            });
            written
                .and_then(|()| std::fs::rename(&beside, path))
                .map_err(failed)?;
            return Ok(fresh);
        }
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut *key));
        read.map_err(|error| {
            let message = format!(
                "{}: the key of addresses cannot be read: {error}",
                path.display()
            );
            Fault::new(ErrorCode::ConfigInvalid, message)
                .next("bring the file back, or remove it: addresses that were given out end then")
        })?;
        Ok(Self(key))
    }

    fn secret(&self, handle: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&*self.0) else {
            // Cannot happen: HMAC takes a key of any length.
            return String::new();
        };
        mac.update(handle.as_bytes());
        vocabulary::hex(mac.finalize().into_bytes())
    }
}

impl Coordinator {
    /// What the store keeps of a new secret that nobody can guess.
    pub fn new_secret(&self) -> String {
        format!("{HANDLE}{:032x}", uuid::Uuid::new_v4().as_u128())
    }

    /// The secret itself, of what the store keeps of it; none of none.
    pub fn secret_of(&self, kept: &str) -> String {
        if kept.starts_with(HANDLE) {
            self.options().addresses.secret(kept)
        } else {
            kept.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_kept_for_the_daemon_alone_and_makes_other_secrets_than_another() {
        let folder =
            std::env::temp_dir().join(format!("fedflow-addresses-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder).expect("made");
        let path = folder.join("addresses.key");
        let key = AddressKey::kept_in(&path).expect("made");
        assert_eq!(
            path.metadata().expect("there").permissions().mode() & 0o777,
            0o600
        );
        let again = AddressKey::kept_in(&path).expect("read");
        assert_eq!(key.secret("handle-1"), again.secret("handle-1"));
        assert_ne!(key.secret("handle-1"), key.secret("handle-2"));
        assert_ne!(
            key.secret("handle-1"),
            AddressKey::default().secret("handle-1")
        );
        assert_eq!(
            (key.secret("handle-1").len(), format!("{key:?}")),
            (64, "AddressKey".to_owned())
        );
        std::fs::write(&path, b"short").expect("written");
        assert!(
            AddressKey::kept_in(&path)
                .expect_err("torn")
                .message
                .contains("cannot be read")
        );
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
