//! Table names as folder names, and which existing name was probably meant.

use vocabulary::TableRef;

/// Encoded names longer than this are cut and told apart by a hash: file systems end at 255 bytes.
const LONGEST: usize = 120;

/// A folder name for any text: different texts give different names, also where message case does not count, and no
/// name is `.`, `..`, hidden, or holds a separator.
pub(crate) fn folder_name(text: &str) -> String {
    if text.is_empty() {
        return "%".to_owned();
    }
    let mut encoded = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
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
    (folder_name(&text) == folder).then_some(text)
}

/// The existing table that was probably meant by a name that does not exist: the one in another namespace, or the one
/// whose name differs in few messages.
pub(crate) fn nearest<'a>(
    wanted: &TableRef,
    existing: impl IntoIterator<Item = &'a TableRef>,
) -> Option<String> {
    /// Distances of longer names are taken between their beginnings.
    const COMPARED: usize = 100;
    let characters = |table: &TableRef| {
        table
            .to_string()
            .chars()
            .take(COMPARED)
            .collect::<Vec<char>>()
    };
    let asked = characters(wanted);
    let furthest = (asked.len() / 3).max(2);
    let distance = |candidate: &TableRef| {
        if candidate.name == wanted.name && !wanted.name.is_empty() {
            return Some(1);
        }
        let other = characters(candidate);
        (other.len().abs_diff(asked.len()) <= furthest)
            .then(|| edit_distance(&asked, &other))
            .filter(|far| *far <= furthest)
    };
    let scored = existing
        .into_iter()
        .filter_map(|candidate| Some((distance(candidate)?, candidate)));
    scored.min().map(|(_, candidate)| candidate.to_string())
}

/// The name that was probably meant by one that does not exist: the one that differs in few messages.
pub(crate) fn nearest_name<'a>(
    wanted: &str,
    existing: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    /// Longer names are no misspelt ones.
    const COMPARED: usize = 100;
    let asked: Vec<char> = wanted.chars().take(COMPARED).collect();
    let furthest = (asked.len() / 3).max(1);
    let distance = |candidate: &str| {
        let other: Vec<char> = candidate.chars().take(COMPARED).collect();
        let near = other.len().abs_diff(asked.len()) <= furthest;
        near.then(|| edit_distance(&asked, &other))
            .filter(|far| *far <= furthest)
    };
    let scored = existing
        .into_iter()
        .filter_map(|candidate| Some((distance(candidate)?, candidate)));
    scored.min().map(|(_, candidate)| candidate.to_owned())
}

/// Messages to insert, remove or replace to make one text of the other (Levenshtein).
fn edit_distance(left: &[char], right: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, character) in left.iter().enumerate() {
        let mut diagonal = at;
        let mut before = at + 1;
        let mut next = vec![before];
        for (above, other) in row.iter().skip(1).zip(right) {
            let cost = (diagonal + usize::from(character != other))
                .min(above + 1)
                .min(before + 1);
            (diagonal, before) = (*above, cost);
            next.push(cost);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
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

        #[test]
        fn measures_a_distance(left in "[ab]{0,8}", right in "[ab]{0,8}") {
            let characters = |text: &str| text.chars().collect::<Vec<char>>();
            let far = edit_distance(&characters(&left), &characters(&right));
            prop_assert_eq!(far, edit_distance(&characters(&right), &characters(&left)));
            prop_assert_eq!(far == 0, left == right);
            prop_assert!(far <= left.len().max(right.len()) && far >= left.len().abs_diff(right.len()));
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
