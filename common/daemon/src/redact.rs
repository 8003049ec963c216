//! Texts that must not be shown: erased when dropped, never in a log, a debug output or a printed setting.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What stands in place of a secret.
const HIDDEN: &str = "[secret]";

/// A secret text. It has no `Display`, its `Debug` and its serialised form say only that there is one.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text in; the caller's copies are the caller's to erase.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        // Constant time: `==` on texts ends at the first difference and tells how far a guess fits.
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Settings {
        key: Secret,
    }

    #[test]
    fn is_read_and_compared_but_never_shown() {
        let read: Settings = toml::from_str("key = 'canary-71'").expect("read");
        assert_eq!(read.key.expose(), "canary-71");
        assert_eq!(
            read,
            Settings {
                key: Secret::new("canary-71")
            }
        );
        assert_ne!(
            read,
            Settings {
                key: Secret::new("canary-72")
            }
        );
        let shown = format!("{read:?} {}", toml::to_string(&read).expect("written"));
        assert!(
            !shown.contains("canary") && shown.contains(HIDDEN),
            "{shown}"
        );
    }
}
