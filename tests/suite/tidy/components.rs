//! Every component has the files, the eight tests and the manners of the template.

use std::path::{Path, PathBuf};

use super::root;

/// The tests every component has.
const TESTS: [&str; 8] = [
    "agrees_with_the_plain_computation",
    "works_with_two_hosts",
    "apply_uses_the_saved_model",
    "refuses_bad_parameters",
    "leaks_no_canary",
    "speaks_only_its_messages",
    "stops_when_cancelled",
    "survives_duplicates_and_delays",
];

fn components_folder() -> PathBuf {
    root().join("party-agent/components/src")
}

fn components() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(components_folder())
        .expect("components")
        .flatten();
    let mut components: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    components.sort();
    assert!(components.len() >= 9, "components are missing");
    components
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn name(component: &Path) -> String {
    component
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned()
}

/// All text of a component's own tests: `tests.rs`, and what lies in `tests/`.
fn tests_of(component: &Path) -> String {
    let mut text = read(&component.join("tests.rs"));
    for entry in std::fs::read_dir(component.join("tests"))
        .into_iter()
        .flatten()
        .flatten()
    {
        text += &read(&entry.path());
    }
    text
}

#[test]
fn every_component_has_the_files_of_the_template() {
    for component in components() {
        for file in [
            "README.md",
            "mod.rs",
            "params.rs",
            "messages.rs",
            "tests.rs",
        ] {
            assert!(
                component.join(file).is_file(),
                "the component {} has no {file}",
                name(&component)
            );
        }
        let readme = read(&component.join("README.md")).to_lowercase();
        assert!(
            readme.contains("learns"),
            "the README of {} does not say what each role learns",
            name(&component)
        );
    }
}

#[test]
fn every_component_has_the_eight_tests() {
    for component in components() {
        let tests = tests_of(&component);
        for test in TESTS {
            assert!(
                tests.contains(&format!("fn {test}")),
                "the component {} has no test {test}",
                name(&component)
            );
        }
    }
}

#[test]
fn no_component_uses_another_or_leaves_its_layers() {
    let names: Vec<String> = components()
        .iter()
        .map(|component| name(component))
        .collect();
    for component in components() {
        let own = name(&component);
        let files = walk(&component);
        for file in files
            .iter()
            .filter(|file| !file.to_string_lossy().contains("tests"))
        {
            let text = read(file);
            for other in names.iter().filter(|other| **other != own) {
                assert!(
                    !text.contains(&format!("crate::{other}")),
                    "{} uses the component {other}",
                    file.display()
                );
            }
            for forbidden in ["std::fs", "std::net", "std::time", "tokio::", "wire::"] {
                assert!(
                    !text.contains(forbidden),
                    "{} uses {forbidden}",
                    file.display()
                );
            }
        }
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn the_list_of_components_is_whole_and_alphabetical() {
    let lib = read(&components_folder().join("lib.rs"));
    let module = |line: &'static str| line.trim_start_matches("pub ").strip_prefix("mod ");
    let lines: Vec<&str> = lib.leak().lines().filter_map(module).collect();
    let listed: Vec<String> = lines
        .iter()
        .map(|line| line.trim_end_matches(';').to_owned())
        .collect();
    let mut sorted = listed.clone();
    sorted.sort();
    assert_eq!(listed, sorted, "the `mod` lines are not alphabetical");
    for component in components() {
        assert!(
            listed.contains(&name(&component)),
            "components/src/lib.rs has no line `mod {};`",
            name(&component)
        );
    }
}
