//! Keys of the object store, from a file or the environment. They are wiped when dropped and have no `Debug`.

use std::path::Path;

use zeroize::Zeroizing;

use crate::ArchiveError;

/// A pair of keys.
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: Zeroizing<String>,
    pub(super) token: Option<Zeroizing<String>>,
}

/// The keys of the file when one is named, else those of the environment.
pub(super) fn find(
    file: Option<&Path>,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Keys, ArchiveError> {
    let Some(file) = file else {
        // An empty variable is how many tools unset one: it must not count as a key.
        return keys(|name| environment(&name.to_ascii_uppercase()).filter(|value| !value.is_empty())).ok_or_else(
            || {
                let needed =
                    "no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, and no file in credentials";
                ArchiveError::Settings(needed.to_owned())
            },
        );
    };
    let unreadable =
        |error: std::io::Error| ArchiveError::Settings(format!("{}: {error}", file.display()));
    // The whole file is erased, as the keys in it stand there in clear.
    let text = Zeroizing::new(std::fs::read_to_string(file).map_err(unreadable)?);
    let lines = default_section(&text);
    let value = |name: &str| {
        lines
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    };
    keys(value).ok_or_else(|| {
        let needed =
            "aws_access_key_id and aws_secret_access_key are not both in its default section";
        ArchiveError::Settings(format!("{}: {needed}", file.display()))
    })
}

fn keys(value: impl Fn(&str) -> Option<String>) -> Option<Keys> {
    Some(Keys {
        id: value("aws_access_key_id")?,
        secret: Zeroizing::new(value("aws_secret_access_key")?),
        token: value("aws_session_token").map(Zeroizing::new),
    })
}

/// The `key = value` lines before any section and in the section `default`.
fn default_section(text: &str) -> Vec<(&str, &str)> {
    let mut inside = true;
    let mut lines = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(section) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            inside = section.trim() == "default";
        } else if let Some((key, value)) = line
            .split_once('=')
            .filter(|_| inside && !line.starts_with('#'))
        {
            lines.push((key.trim(), value.trim()));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_default_section_of_a_file_and_the_environment() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("credentials");
        let text = "[other]\naws_access_key_id = no\n# x = y\n[default]\naws_access_key_id = a\naws_secret_access_key=b=c\n";
        std::fs::write(&file, text).expect("written");
        let nothing = |_: &str| None;
        let keys = find(Some(&file), nothing).expect("keys");
        assert_eq!(
            (keys.id.as_str(), keys.secret.as_str(), keys.token.is_some()),
            ("a", "b=c", false)
        );
        std::fs::write(
            &file,
            "[other]\naws_access_key_id = a\naws_secret_access_key = b\n",
        )
        .expect("written");
        assert!(find(Some(&file), nothing).is_err());
        assert!(find(Some(&folder.path().join("missing")), nothing).is_err());
        assert!(find(None, nothing).is_err());
        let keys = find(None, |name| Some(name.to_ascii_lowercase())).expect("keys");
        assert_eq!(keys.token.expect("a token").as_str(), "aws_session_token");
        assert!(
            find(None, |name| (name != "AWS_SECRET_ACCESS_KEY")
                .then(String::new))
            .is_err(),
            "empty is absent"
        );
    }
}
