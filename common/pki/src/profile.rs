//! How long things live: the lifetimes an authority gives to its root, its certificates and its revocation lists.

use std::path::Path;

use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

use crate::error::{PkiError, Result};
use crate::files;

/// A hundred years; beyond it the dates of X.509 change their form.
const MOST_DAYS: u32 = 36_500;

/// Lifetimes of an authority; `certs/profile.toml` documents the fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// Days the root certificate is valid.
    pub root_days: u32,
    /// Days an issued certificate is valid; never longer than the root.
    pub leaf_days: u32,
    /// Days until a revocation list must be replaced.
    pub crl_days: u32,
    /// Minutes that validity begins before the present, for clocks that are a little behind.
    pub backdate_minutes: u32,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            root_days: 3650,
            leaf_days: 397,
            crl_days: 30,
            backdate_minutes: 10,
        }
    }
}

impl Profile {
    /// Reads a profile from TOML; absent fields take their defaults, unknown ones are refused.
    pub fn from_toml(text: &str) -> Result<Self> {
        let profile: Self = toml::from_str(text).map_err(|error| PkiError::ProfileInvalid {
            reason: error.to_string(),
        })?;
        profile.check()?;
        Ok(profile)
    }

    /// Reads a profile from a file.
    pub fn load(path: &Path) -> Result<Self> {
        let text = String::from_utf8(files::read(path)?)
            .map_err(|error| PkiError::invalid(path, error))?;
        Self::from_toml(&text)
    }

    pub(crate) fn check(&self) -> Result<()> {
        let lifetimes = [
            ("root_days", self.root_days),
            ("leaf_days", self.leaf_days),
            ("crl_days", self.crl_days),
        ];
        for (field, days) in lifetimes {
            if days == 0 || days > MOST_DAYS {
                let reason = format!("{field} is {days}, it must be 1 to {MOST_DAYS}");
                return Err(PkiError::ProfileInvalid { reason });
            }
        }
        if self.leaf_days > self.root_days {
            let reason = format!(
                "leaf_days {} is longer than root_days {}",
                self.leaf_days, self.root_days
            );
            return Err(PkiError::ProfileInvalid { reason });
        }
        if self.backdate_minutes > 1440 {
            let reason = format!(
                "backdate_minutes is {}, it must be 0 to 1440",
                self.backdate_minutes
            );
            return Err(PkiError::ProfileInvalid { reason });
        }
        Ok(())
    }

    /// The validity of something made now that lives for `days`.
    pub(crate) fn validity(&self, now: Timestamp, days: u32) -> Validity {
        Validity {
            not_before: now.plus_millis(-60_000 * i64::from(self.backdate_minutes)),
            not_after: now.plus_millis(Timestamp::DAY_MILLIS * i64::from(days)),
        }
    }
}

/// From when to when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub not_before: Timestamp,
    /// The last moment.
    pub not_after: Timestamp,
}

impl Validity {
    /// A validity that begins at a moment and lasts for some days.
    pub fn days_from(start: Timestamp, days: u32) -> Self {
        Self {
            not_before: start,
            not_after: start.plus_millis(Timestamp::DAY_MILLIS * i64::from(days)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_documented_example_as_the_defaults() {
        let example = Path::new("../../certs/profile.toml");
        let text = std::fs::read_to_string(example).expect("example");
        for field in ["root_days", "leaf_days", "crl_days", "backdate_minutes"] {
            assert!(
                text.lines().any(|line| line.starts_with(field)),
                "the example does not show {field}"
            );
        }
        assert_eq!(Profile::load(example).expect("parse"), Profile::default());
    }

    #[test]
    fn refuses_unknown_fields_and_senseless_lifetimes() {
        for text in [
            "leafdays = 3",
            "leaf_days = 0",
            "leaf_days = 4000",
            "crl_days = 99999",
            "backdate_minutes = 9999",
        ] {
            assert!(Profile::from_toml(text).is_err(), "{text} was taken");
        }
        assert_eq!(
            Profile::from_toml("leaf_days = 30")
                .expect("valid")
                .root_days,
            3650
        );
    }
}
