//! Table names as folder names, and which existing name was probably meant.

use vocabulary::TableRef;

/// Encoded names longer than this are cut and told apart by a hash: file systems end at 255 bytes.
const LONGEST: usize = 120;

/// A folder name for any text: different texts give different names, also where the case of letters does not count, and no
/// name is `.`, `..`, hidden, or holds a separator.
pub(crate) fn folder_name(text: &str) -> String {
    if text.is_empty() {
        return "%".to_owned();
    }
    let mut encoded = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            // Capitals are encoded, since some file systems do not tell them from small letters.
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => encoded.push(char::from(byte)),
            b'.' if at > 0 => encoded.push('.'),
            _ => encoded.push_str(&format!("%{byte:02x}")),
        }
    }
    if encoded.len() > LONGEST {
        // '~' stands in no other encoded name. All of it is ASCII, so cutting is safe.
        encoded.truncate(LONGEST - 65);
        encoded.push('~');
        encoded.push_str(&blake3::hash(text.as_bytes()).to_hex());
    }
    encoded
}

/// The text that a folder name stands for; none for a shortened or foreign name.
pub(crate) fn text_of_folder(folder: &str) -> Option<String> {
    if folder == "%" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(folder.len());
    let mut rest = folder.as_bytes();
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let digit = |byte: u8| {
                    char::from(byte)
                        .to_digit(16)
                        .and_then(|digit| u8::try_from(digit).ok())
                };
                bytes.push(digit(*high)? * 16 + digit(*low)?);
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    // Written back and compared: a folder that somebody else made must not pass for a table.
    (folder_name(&text) == folder).then_some(text)
}

/// The existing table that was probably meant by a name that does not exist: the one of that name in another namespace, or the
/// one whose name differs in few letters.
pub(crate) fn nearest<'a>(
    wanted: &TableRef,
    existing: impl IntoIterator<Item = &'a TableRef>,
) -> Option<String> {
    let existing: Vec<&TableRef> = existing.into_iter().collect();
    let elsewhere = existing
        .iter()
        .filter(|table| table.name == wanted.name && !wanted.name.is_empty());
    if let Some(table) = elsewhere.min() {
        return Some(table.to_string());
    }
    let names: Vec<String> = existing.iter().map(ToString::to_string).collect();
    vocabulary::nearest::nearest(&wanted.to_string(), names.iter().map(String::as_str))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    fn stays_one_plain_folder(name: &str) -> bool {
        let mut parts = Path::new(name).components();
        let plain = matches!(parts.next(), Some(Component::Normal(part)) if part == name)
            && parts.next().is_none();
        plain && name.len() <= 255 && !name.starts_with('.') && name.is_ascii()
    }

    #[test]
    fn keeps_hostile_names_apart_and_inside() {
        let long = "x".repeat(300);
        let longer = "x".repeat(301);
        let hostile = [
            "", ".", "..", "/", "a/b", "a\\b", "#", "%", "%2e", "~", "A", "a", "é", "e\u{301}",
            "\0", &long, &longer,
        ];
        let folders: Vec<String> = hostile.iter().map(|name| folder_name(name)).collect();
        assert!(
            folders.iter().all(|folder| stays_one_plain_folder(folder)),
            "{folders:?}"
        );
        let distinct: std::collections::HashSet<String> =
            folders.iter().map(|folder| folder.to_lowercase()).collect();
        assert_eq!(distinct.len(), hostile.len());
    }

    #[test]
    fn keeps_ordinary_names_readable() {
        assert_eq!(folder_name("breast_hetero_guest"), "breast_hetero_guest");
        assert_eq!(folder_name("v1.2"), "v1.2");
    }

    proptest! {
        #[test]
        fn encodes_any_text_to_one_folder_and_back(text in "\\PC{0,60}|[./\\\\%~A-Za-z#]{0,40}") {
            let folder = folder_name(&text);
            prop_assert!(stays_one_plain_folder(&folder));
            prop_assert_eq!(folder.to_lowercase(), folder.clone());
            if !folder.contains('~') {
                prop_assert_eq!(text_of_folder(&folder), Some(text));
            }
        }
    }

    #[test]
    fn finds_the_name_that_was_meant() {
        let tables = [
            TableRef::new("experiment", "breast_hetero_guest"),
            TableRef::new("experiment", "breast_hetero_host"),
        ];
        let meant = |namespace: &str, name: &str| nearest(&TableRef::new(namespace, name), &tables);
        assert_eq!(
            meant("experiment", "brest_hetero_guest").as_deref(),
            Some("experiment.breast_hetero_guest")
        );
        assert_eq!(
            meant("other", "breast_hetero_host").as_deref(),
            Some("experiment.breast_hetero_host")
        );
        assert_eq!(meant("experiment", "something_else_altogether"), None);
    }
}
