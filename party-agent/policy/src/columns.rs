//! Texts for people without the names of a party's columns.

use std::collections::BTreeSet;

use vocabulary::{Fault, Outcome};

/// What stands where a name was.
const HIDDEN: &str = "(a column)";

fn belongs_to_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The text with every name in it hidden where it stands as a word of its own, also with other capitals.
pub(crate) fn hide(text: &str, names: &BTreeSet<String>) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest
            .find(|character| !belongs_to_word(character))
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        // Word by word, not as a part of words: a column `a` must not blot out every a.
        let is_name = names.contains(word) || names.contains(&word.to_lowercase());
        hidden += if is_name { HIDDEN } else { word };
        let next = after.find(belongs_to_word).unwrap_or(after.len());
        let (between, after) = after.split_at(next);
        hidden += between;
        rest = after;
    }
    // A name of several words is looked for as it stands.
    let several = |name: &&String| !name.is_empty() && !name.chars().all(belongs_to_word);
    names
        .iter()
        .filter(several)
        .fold(hidden, |text, name| text.replace(name.as_str(), HIDDEN))
}

/// The end of an attempt with every name in its fault hidden.
pub(crate) fn hide_in_outcome(outcome: Outcome, names: &BTreeSet<String>) -> Outcome {
    let Outcome::Failed(fault) = outcome else {
        return outcome;
    };
    let hidden = |text: Option<String>| text.map(|text| hide(&text, names));
    let Fault {
        code,
        message,
        party,
        path,
        next,
    } = fault;
    Outcome::Failed(Fault {
        code,
        message: hide(&message, names),
        party,
        path: hidden(path),
        next: hidden(next),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::ErrorCode;

    #[test]
    fn names_are_hidden_as_words_and_nothing_else_is() {
        let names: BTreeSet<String> = ["x0", "blood sugar", "größe", ""].map(str::to_owned).into();
        for (text, hidden) in [
            (
                "column \"x0\" has no value",
                "column \"(a column)\" has no value",
            ),
            ("X0 and x01", "(a column) and x01"),
            ("x0, x01 and x0", "(a column), x01 and (a column)"),
            ("no blood sugar in größe.", "no (a column) in (a column)."),
            ("nothing", "nothing"),
            ("", ""),
        ] {
            assert_eq!(hide(text, &names), hidden);
        }
    }

    #[test]
    fn a_fault_is_searched_in_all_its_texts() {
        let fault = Fault::new(ErrorCode::DataMismatch, "x0 is text")
            .path("params.x0")
            .next("leave x0 out");
        let hidden = hide_in_outcome(Outcome::Failed(fault), &["x0".to_owned()].into());
        assert!(!format!("{hidden:?}").contains("x0"), "{hidden:?}");
        assert_eq!(
            hide_in_outcome(Outcome::Canceled, &BTreeSet::new()),
            Outcome::Canceled
        );
    }
}
