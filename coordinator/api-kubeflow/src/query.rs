//! The query part of a request's address: names in either spelling, nested ones with dots, the first value of each.

use percent_encoding::percent_decode_str;

use super::proto::{ListExperimentsRequest, ResourceKey, ResourceType};
use super::refusal::Refusal;

/// What a form's escaping stands for; `None` when it is none, or no text.
pub(super) fn unescaped(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let bytes = spaced.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    let whole = (0..bytes.len())
        // The decoder leaves a broken escape as it is; upstream refuses it.
        .filter(|at| bytes.get(*at) == Some(&b'%'))
        .all(|at| is_digit(at + 1) && is_digit(at + 2));
    if !whole {
        return None;
    }
    percent_decode_str(&spaced)
        .decode_utf8()
        .ok()
        .map(std::borrow::Cow::into_owned)
}

/// The request that the query of a listing stands for.
pub(super) fn listing(query: &str) -> Result<ListExperimentsRequest, Refusal> {
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let read = unescaped(name).zip(unescaped(value));
        let (name, value) =
            read.ok_or_else(|| Refusal::unreadable(format!("invalid URL escape in {pair:?}")))?;
        pairs.push((snake(&name), value));
    }
    let first = |wanted: &str| {
        pairs
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    };
    let text = |wanted: &str| first(wanted).unwrap_or_default().to_owned();
    let page_size = match first("page_size") {
        None => 0,
        Some(text) => text.parse().map_err(|_| wrong("page_size", text))?,
    };
    let kind = first("resource_reference_key.type")
        .map(resource_type)
        .transpose()?;
    let id = first("resource_reference_key.id");
    let resource_reference_key = (kind.is_some() || id.is_some()).then(|| ResourceKey {
        r#type: kind.unwrap_or_default(),
        id: id.unwrap_or_default().to_owned(),
    });
    Ok(ListExperimentsRequest {
        page_token: text("page_token"),
        page_size,
        sort_by: text("sort_by"),
        filter: text("filter"),
        resource_reference_key,
    })
}

fn wrong(name: &str, value: &str) -> Refusal {
    let shown: String = value.chars().take(100).collect();
    Refusal::unreadable(format!(
        "type mismatch, parameter: {name}, value: {shown:?}"
    ))
}

fn resource_type(text: &str) -> Result<i32, Refusal> {
    let by_word = ResourceType::from_str_name(text).map(|kind| kind as i32);
    by_word
        .or_else(|| text.parse().ok())
        .ok_or_else(|| wrong("resource_reference_key.type", text))
}

/// `pageSize` as `page_size`; what is written so already stays.
pub(super) fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_either_spelling_and_the_first_of_repeated_values() {
        let query = "pageSize=2&page_size=9&sortBy=name%20desc&filter=a+b&unknown=1\
                     &resourceReferenceKey.type=NAMESPACE&resource_reference_key.id=ns1";
        let key = ResourceKey {
            r#type: 5,
            id: "ns1".to_owned(),
        };
        let expected = ListExperimentsRequest {
            page_token: String::new(),
            page_size: 2,
            sort_by: "name desc".to_owned(),
            filter: "a b".to_owned(),
            resource_reference_key: Some(key),
        };
        assert_eq!(listing(query), Ok(expected));
        assert_eq!(listing(""), Ok(ListExperimentsRequest::default()));
        assert_eq!(listing("page_token=&sort_by=").expect("read").page_size, 0);
        let by_number = listing("resource_reference_key.type=1")
            .expect("read")
            .resource_reference_key;
        assert_eq!(by_number.map(|key| key.r#type), Some(1));
    }

    #[test]
    fn refuses_values_of_another_type() {
        for wrong in [
            "page_size=",
            "page_size=two",
            "page_size=1.5",
            "page_size=4000000000",
            "resource_reference_key.type=",
            "resource_reference_key.type=NAMESPACES",
            "filter=%zz",
            "filter=%ff",
        ] {
            let refused = listing(wrong).expect_err(wrong);
            assert_eq!(
                (refused.code, refused.user),
                (tonic::Code::InvalidArgument, None)
            );
        }
    }
}
