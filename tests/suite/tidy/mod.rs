//! Tests of the repository itself: layers, components, documents.

mod advice;
mod budgets;
mod circles;
mod components;
mod documents;
mod layers;
mod once;
mod readme;
mod silent_numbers;
mod words;

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new("..").canonicalize().expect("the workspace")
}

/// Every Rust file of the workspace, sorted.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ["cli", "common", "coordinator", "party-agent", "tests"]
        .iter()
        .map(|name| root().join(name))
        .collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
