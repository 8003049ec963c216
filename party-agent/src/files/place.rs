//! Where a file is: a folder and a name in it, both such that they cannot lead elsewhere.

/// How a job's parameters name a file that this party keeps.
const SCHEME: &str = "files://";
const LONGEST: usize = 128;

/// A place for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    folder: String,
    name: String,
}

impl Place {
    /// The place of that folder and name: 1 to 128 letters, digits, `-`, `_` or `.` each, not beginning with `.`.
    pub(crate) fn new(folder: &str, name: &str) -> Option<Self> {
        (is_name(folder) && is_name(name)).then(|| Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
        })
    }

    /// The place that a text such as `files://folder/name` means.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let (folder, name) = text.strip_prefix(SCHEME)?.split_once('/')?;
        Self::new(folder, name)
    }

    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// Whether a text can name a folder or a file.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len())
        // Neither `.` nor `..`, nor what this agent keeps hidden.
        && !text.starts_with('.')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_that_stay_in_their_folder() {
        let place = Place::of("files://1234567890123/20180515T180605-a.csv").unwrap();
        assert_eq!(
            (place.folder(), place.name()),
            ("1234567890123", "20180515T180605-a.csv")
        );
        let long = "x".repeat(129);
        for name in [
            "", ".", "..", ".hidden", "a/b", "a\\b", "a b", "ü", "a\0", &long,
        ] {
            assert!(
                Place::new("f", name).is_none() && Place::new(name, "f").is_none(),
                "{name:?}"
            );
        }
        for text in [
            "f/a",
            "files://f",
            "files://f/../a",
            "files:///a",
            "files://f/a/b",
        ] {
            assert!(Place::of(text).is_none(), "{text}");
        }
    }
}
