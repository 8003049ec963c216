//! Page tokens: where a page begins and in which direction, as a text that means nothing to clients.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

use super::reply::Refusal;

/// Where a page of a list begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListPlace {
    /// When its first entry was made.
    #[serde(rename = "t")]
    pub(super) created: Timestamp,
    /// The id of its first entry.
    #[serde(rename = "i")]
    pub(super) id: String,
    /// Oldest first.
    #[serde(rename = "f")]
    pub(super) forward: bool,
}

/// Where a page of lines begins, and which lines are wanted at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinePlace {
    /// Behind or before this line: its moment and its place. None: before the first or behind the last.
    #[serde(rename = "p", deserialize_with = "Option::deserialize")]
    pub(super) line: Option<(Timestamp, u64)>,
    /// From this moment on.
    #[serde(rename = "a")]
    pub(super) from: Option<Timestamp>,
    /// Up to this moment.
    #[serde(rename = "z")]
    pub(super) to: Option<Timestamp>,
}

const LONGEST: usize = 1_024;

/// The token of a place.
pub(super) fn token<T: Serialize>(place: &T) -> String {
    let text = serde_json::to_vec(place).unwrap_or_default();
    vocabulary::hex(text)
}

/// The place of a token; one that was not given here is the client's mistake.
pub(super) fn place<T: DeserializeOwned>(token: &str) -> Result<T, Refusal> {
    let bad = || Refusal::bad("the page token was not given by this API");
    if token.is_empty() || token.len() > LONGEST {
        return Err(bad());
    }
    let text = vocabulary::unhex(token).ok_or_else(bad)?;
    serde_json::from_slice(&text).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_own_tokens_and_no_others() {
        let of_list = ListPlace {
            created: Timestamp(7),
            id: "run-1".to_owned(),
            forward: true,
        };
        assert_eq!(place::<ListPlace>(&token(&of_list)), Ok(of_list.clone()));
        let of_lines = LinePlace {
            line: Some((Timestamp(-7), 3)),
            from: None,
            to: Some(Timestamp(9)),
        };
        assert_eq!(place::<LinePlace>(&token(&of_lines)), Ok(of_lines));
        for wrong in [
            "",
            "x",
            "zz",
            "7b7d",
            "abc",
            "\u{e4}\u{e4}",
            &"7".repeat(4_000),
            &token(&of_list),
        ] {
            assert!(place::<LinePlace>(wrong).is_err(), "{wrong}");
        }
    }
}
