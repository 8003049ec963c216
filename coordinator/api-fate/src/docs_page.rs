//! The OpenAPI document as a page for people: one file of HTML, without scripts and without anything from elsewhere.

use std::fmt::Write;

use serde_json::Value;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}\
    h2{margin-top:2.5rem;border-bottom:1px solid #ccc}details{margin:.4rem 0;border:1px solid #ddd;border-radius:4px;padding:.3rem .7rem}\
    summary{cursor:pointer}code{font-family:ui-monospace,monospace}table{border-collapse:collapse;margin:.6rem 0}\
    td,th{text-align:left;vertical-align:top;padding:.15rem .8rem .15rem 0}.m{display:inline-block;min-width:5.5rem;font-weight:600}\
    .s{color:#666}.unsupported{opacity:.55}\
    @media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}details{border-color:#444}.s{color:#999}}";

/// The page.
pub(super) fn page(document: &Value) -> String {
    let mut page = String::new();
    let title = text(&document["info"]["title"]);
    let _ = write!(
        page,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1><p>{}</p>\
         <p>The same for programs: <a href=\"/openapi.json\">openapi.json</a>.</p><h2>The envelope</h2>{}",
        text(&document["info"]["description"]),
        members(&document["components"]["schemas"]["Envelope"]),
    );
    let mut group = String::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let operations: Vec<(&String, &Value)> = item
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(method, _)| *method != "parameters")
            .collect();
        let Some((_, first)) = operations.first() else {
            continue;
        };
        let tag = text(&first["tags"][0]);
        if tag != group {
            let _ = write!(page, "<h2>{tag}</h2>");
            group = tag;
        }
        let methods: Vec<String> = operations
            .iter()
            .map(|(method, _)| method.to_uppercase())
            .collect();
        operation(&mut page, path, &methods.join(" "), first);
    }
    page.push_str("</body></html>");
    page
}

fn operation(page: &mut String, path: &str, methods: &str, operation: &Value) {
    let status = text(&operation["x-status"]);
    let _ = write!(
        page,
        "<details class=\"{status}\"><summary><span class=\"m\">{methods}</span><code>{}</code> <span class=\"s\">{}{}</span></summary>",
        escaped(path),
        text(&operation["summary"]),
        match status.as_str() {
            "at_agent" => " (answered by the party)",
            "unsupported" => " (not supported)",
            _ => "",
        }
    );
    if operation["description"].is_string() {
        let _ = write!(page, "<p>{}</p>", text(&operation["description"]));
    }
    page.push_str(&members(
        &operation["requestBody"]["content"]["application/json"]["schema"],
    ));
    let _ = write!(
        page,
        "<p>Gives: {}</p></details>",
        text(&operation["responses"]["200"]["description"])
    );
}

/// The members of a schema as a table; nothing when it has none.
fn members(schema: &Value) -> String {
    let Some(properties) = schema["properties"]
        .as_object()
        .filter(|properties| !properties.is_empty())
    else {
        return String::new();
    };
    let needed = |name: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|list| list.iter().any(|one| one == name))
    };
    let mut table = String::from("<table>");
    for (name, member) in properties {
        let kind = match &member["type"] {
            Value::String(kind) => kind.clone(),
            Value::Array(kinds) => kinds
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(" or "),
            _ => String::new(),
        };
        let words = match member["enum"].as_array() {
            Some(words) => words
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(", "),
            None => kind,
        };
        let _ = write!(
            table,
            "<tr><td><code>{}</code>{}</td><td class=\"s\">{}</td><td>{}</td></tr>",
            escaped(name),
            if needed(name) { " needed" } else { "" },
            escaped(&words),
            text(&member["description"]),
        );
    }
    table + "</table>"
}

fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::{ROUTES, openapi};
    use super::*;

    #[test]
    fn shows_every_route_and_fetches_nothing() {
        let page = page(&openapi());
        for route in ROUTES {
            assert!(
                page.contains(&format!(
                    "<code>/v1/{}</code>",
                    route.path.replace("{*", "{")
                )),
                "{}",
                route.path
            );
        }
        for outside in [
            "<script", "src=", "http:", "https:", "url(", "@import", "<link",
        ] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert_eq!(
            page.matches("<details").count(),
            page.matches("</details>").count()
        );
    }

    #[test]
    fn escapes_what_it_shows() {
        let document = serde_json::json!({"info": {"title": "<b>&\"", "description": ""}, "paths": {"/<i>": {"post": {"tags": ["x"], "summary": "<u>"}}}});
        let page = page(&document);
        assert!(
            !page.contains("<b>") && !page.contains("<i>") && !page.contains("<u>"),
            "{page}"
        );
    }
}
