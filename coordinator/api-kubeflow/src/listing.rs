//! Order, size and beginning of a page, as texts say them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::experiment::query::{Field, Literal, Start};
use domain::page::Direction;
use serde::{Deserialize, Serialize};

use super::filter::Filter;
use super::refusal::Refusal;

const PAGE: i32 = 20;
const LARGEST_PAGE: i32 = 200;
/// Longest page token that is looked at, in bytes.
const LONGEST_TOKEN: usize = 1 << 20;

/// By what a listing is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) field: Field,
    pub(super) descending: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            field: Field::Created,
            descending: false,
        }
    }
}

impl Order {
    /// Reads `field`, `field asc` or `field desc`.
    pub(super) fn read(text: &str) -> Result<Self, Refusal> {
        let words: Vec<String> = text
            .split_whitespace()
            .map(str::to_ascii_lowercase)
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let shown: String = text.chars().take(100).collect();
        let wrong = |what: &str| {
            Refusal::invalid(format!("Received invalid sort by format {shown:?}: {what}"))
        };
        let (field, descending) = match words[..] {
            [] => return Ok(Self::default()),
            [field] | [field, "asc"] => (field, false),
            [field, "desc"] => (field, true),
            [_, _] => return Err(wrong("the second word is asc or desc")),
            _ => return Err(wrong("it has more than two words")),
        };
        let field = match field {
            "id" => Field::Id,
            "name" => Field::Name,
            "created_at" => Field::Created,
            "description" => Field::Description,
            "namespace" => Field::Tenant,
            // As words the archived ones come first.
            "storage_state" => Field::Available,
            _ => return Err(wrong("experiments cannot be sorted by that field")),
        };
        Ok(Self { field, descending })
    }

    pub(super) fn direction(self) -> Direction {
        if self.descending {
            Direction::Descending
        } else {
            Direction::Ascending
        }
    }
}

/// How many rows a page has.
pub(super) fn page_size(wanted: i32) -> Result<u32, Refusal> {
    let size = if wanted == 0 {
        PAGE
    } else {
        wanted.min(LARGEST_PAGE)
    };
    u32::try_from(size).map_err(|_| {
        Refusal::invalid(format!(
            "The page size should be at least 0, but it is {wanted}"
        ))
    })
}

/// What a page token holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    order: Order,
    filter: String,
    start: Start,
}

/// Which rows, in which order, and from where on.
pub(super) struct ListQuery {
    pub(super) order: Order,
    pub(super) filter: Filter,
    /// The text of the filter, for the next token.
    filter_text: String,
    pub(super) start: Option<Start>,
}

impl ListQuery {
    /// Reads order, filter and token, which must not disagree.
    pub(super) fn read(sort_by: &str, filter: &str, token: &str) -> Result<Self, Refusal> {
        let order = Order::read(sort_by)?;
        let read = Filter::read(filter)?;
        if token.is_empty() {
            return Ok(Self {
                order,
                filter: read,
                filter_text: filter.to_owned(),
                start: None,
            });
        }
        let token = Token::read(token)?;
        let of_token = Filter::read(&token.filter)?;
        // Clients may send the token alone; it holds what the first page was asked with.
        let is_silent = sort_by.trim().is_empty() && filter.is_empty();
        if !is_silent && (order != token.order || read != of_token) {
            let text =
                "The page token belongs to another listing: its sort_by and filter are others";
            return Err(Refusal::invalid(text));
        }
        Ok(Self {
            order: token.order,
            filter: of_token,
            filter_text: token.filter,
            start: Some(token.start),
        })
    }

    /// The token of the page that begins there.
    pub(super) fn token(&self, start: Start) -> String {
        let token = Token {
            order: self.order,
            filter: self.filter_text.clone(),
            start,
        };
        // Plain data is always JSON.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
    }
}

impl Token {
    fn read(text: &str) -> Result<Self, Refusal> {
        let wrong = || Refusal::invalid("The page token cannot be decoded");
        if text.len() > LONGEST_TOKEN {
            return Err(wrong());
        }
        let bytes = URL_SAFE_NO_PAD
            // Some clients pad what they pass on.
            .decode(text.trim_end_matches('='))
            .map_err(|_| wrong())?;
        let token: Self = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
        let is_number = matches!(
            token.order.field,
            Field::Created | Field::Archived | Field::Available
        );
        // A token comes from outside: a text where a column holds numbers would page in an order of
        // its own.
        let fits = matches!(token.start.value, Literal::Number(_)) == is_number;
        if fits { Ok(token) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_order_whatever_the_case() {
        let order = |text: &str| Order::read(text).map(|order| (order.field, order.descending));
        assert_eq!(order("  "), Ok((Field::Created, false)));
        assert_eq!(order("Name  DESC"), Ok((Field::Name, true)));
        assert_eq!(order("created_at asc"), Ok((Field::Created, false)));
        for wrong in ["unknownfield", "name up", "name desc x", "name,desc"] {
            let refused = order(wrong).expect_err(wrong);
            assert!(refused.message.contains(wrong), "{refused:?}");
        }
    }

    #[test]
    fn a_page_has_twenty_rows_and_two_hundred_at_most() {
        assert_eq!(
            [0, 1, 200, 201, i32::MAX].map(page_size),
            [Ok(20), Ok(1), Ok(200), Ok(200), Ok(200)]
        );
        for negative in [-1, i32::MIN] {
            assert!(
                page_size(negative)
                    .expect_err("negative")
                    .message
                    .contains("page size")
            );
        }
    }

    #[test]
    fn a_token_belongs_to_its_listing() {
        let filter = r#"{"predicates":[{"op":1,"key":"description","string_value":"x"}]}"#;
        let same_filter =
            r#"{ "predicates": [{"op":"EQUALS","key":"description","stringValue":"x"}] }"#;
        let id = vocabulary::ExperimentId::new("e").expect("valid");
        let start = Start {
            value: Literal::Text("n".to_owned()),
            id,
        };
        let token = ListQuery::read("name desc", filter, "")
            .expect("read")
            .token(start.clone());
        for (sort_by, filter) in [("", ""), ("NAME desc", same_filter)] {
            let next = ListQuery::read(sort_by, filter, &token).expect("the same listing");
            assert_eq!(
                (next.order, next.start.as_ref()),
                (
                    Order {
                        field: Field::Name,
                        descending: true
                    },
                    Some(&start)
                )
            );
            assert!(!next.filter.predicates(false).is_empty());
        }
        for (sort_by, filter) in [
            ("name", filter),
            ("name desc", ""),
            ("", filter),
            ("name desc", "{}"),
        ] {
            let refused = ListQuery::read(sort_by, filter, &token)
                .err()
                .expect("another listing");
            assert!(refused.message.contains("token"), "{refused:?}");
        }
        let number = Start {
            value: Literal::Number(1),
            ..start
        };
        let mixed = ListQuery::read("name", "", "").expect("read").token(number);
        for wrong in ["x", "e30", "====", "\u{e4}", mixed.as_str()] {
            let refused = ListQuery::read("", "", wrong).err().expect(wrong);
            assert!(refused.message.contains("token"), "{refused:?}");
        }
    }
}
