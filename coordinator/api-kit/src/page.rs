//! A table of routes for people: as the coverage page in Markdown, and as a page of HTML.

use std::fmt::Write;

use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse, Response};

use crate::route::{Api, Route};

/// A column: its heading, and what it says of a route.
pub type Column<A> = (&'static str, fn(&Route<A>) -> String);

/// The table in Markdown.
pub fn markdown<A: Api>(columns: &[Column<A>]) -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut table = row(columns.iter().map(|(name, _)| (*name).to_owned()).collect());
    table += &format!("|{}\n", "---|".repeat(columns.len()));
    for route in A::routes() {
        table += &row(columns.iter().map(|(_, cell)| cell(route)).collect());
    }
    table
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}\
    td{padding:.2rem .8rem .2rem 0;vertical-align:top}code{font-family:ui-monospace,monospace}";

/// The table as a page of HTML, without scripts and without anything from elsewhere. What is given is HTML.
pub fn html<A: Api>(title: &str, heading: &str, about: &str) -> Response {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><h1>{heading}</h1><p>{about}</p><table>"
    );
    for route in A::routes() {
        let _ = write!(
            page,
            "<tr><td>{}</td><td><code>{}{}</code></td><td>{}</td></tr>",
            route.method().word(),
            A::BASE,
            route.path,
            route.summary
        );
    }
    page.push_str("</table></body></html>");
    let policy = [(CONTENT_SECURITY_POLICY, rest::PAGE_POLICY)];
    (policy, Html(page)).into_response()
}
