//! `template/download`: the examples and their data, which are part of the program.

use axum::body::Body;
use include_dir::{Dir, include_dir};
use rest::targz::{Member, pack};
use rest::{Answer, file_reply};

use super::FateFlow;
use super::request::Call;

static EXAMPLES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../examples");
/// What a first job needs.
const LEAST: [&str; 2] = ["data/", "first-job/"];

/// All examples; with `min_data` those that a first job needs.
pub(super) async fn download(_api: FateFlow, call: Call) -> Answer {
    let least = call.flag("min_data");
    let mut members = Vec::new();
    collect(&EXAMPLES, &mut |path, content| {
        if !least || LEAST.iter().any(|folder| path.starts_with(folder)) {
            members.push(Member::new(format!("examples/{path}"), content));
        }
    });
    Ok(file_reply(
        "template.tar.gz",
        "application/gzip",
        Body::from_stream(pack(members)),
    ))
}

fn collect(folder: &Dir<'static>, take: &mut impl FnMut(&str, &'static [u8])) {
    for file in folder.files() {
        if let Some(path) = file.path().to_str() {
            take(path, file.contents());
        }
    }
    for inner in folder.dirs() {
        collect(inner, take);
    }
}
