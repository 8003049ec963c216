//! The page that says what of this API is served, written from the table of routes.

use std::fmt::Write;

use api_kit::page::markdown;

use super::FateFlow;
use super::mark::{Kind, Status};
use super::routes::{ROUTES, Route};

/// The coverage page as Markdown.
pub fn coverage() -> String {
    let count = |status| {
        ROUTES
            .iter()
            .filter(|route| route.mark.status == status)
            .count()
    };
    let mut page = String::from("# FATE-Flow REST API, version 1: what is served\n\n");
    let _ = write!(
        page,
        "Generated from the table of routes. Every path stands below `/v1/`, may end with a slash, and reads JSON under \
         any content type.\n\n\
         {} routes are served by the coordinator, {} by the agent of the party that owns the rows (the coordinator passes \
         them on where the party's policy allows), {} answer that they are not supported (retcode 100, code FF111; file \
         endpoints HTTP 501).\n\n",
        count(Status::Served),
        count(Status::AtAgent),
        count(Status::Unsupported),
    );
    page + &markdown::<FateFlow>(&[
        ("path", |route| format!("`{}`", route.path)),
        ("methods", methods),
        ("reply", |route| kind(route).to_owned()),
        ("status", |route| status(route).to_owned()),
        ("what it does", |route| route.summary.to_owned()),
    ])
}

fn methods(route: &Route) -> String {
    let words: Vec<&str> = route.methods.iter().map(|method| method.word()).collect();
    words.join(", ")
}

fn kind(route: &Route) -> &'static str {
    match route.mark.kind {
        Kind::Json => "JSON",
        Kind::File => "file",
    }
}

fn status(route: &Route) -> &'static str {
    match route.mark.status {
        Status::Served => "served",
        Status::AtAgent => "at the agent",
        Status::Unsupported => "not supported",
    }
}
