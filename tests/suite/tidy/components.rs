//! Every component has the files, the tests and the manners of its template.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::root;

/// What a component that sends messages shows beside its checklist.
const BESIDE: [&str; 3] = [
    "agrees_with_the_plain_computation",
    "works_with_two_hosts",
    "apply_uses_the_saved_model",
];

/// The tests of the checklist of a component that sends messages, where they are written out.
const PROTOCOL: [&str; 5] = [
    "refuses_bad_parameters",
    "leaks_no_canary",
    "speaks_only_its_messages",
    "stops_when_cancelled",
    "survives_duplicates_and_delays",
];

pub(super) fn components_folder() -> PathBuf {
    root().join("party-agent/components/src")
}

pub(super) fn components() -> Vec<PathBuf> {
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

pub(super) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(super) fn name(component: &Path) -> String {
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

/// The code of a component without its tests.
fn code_of(component: &Path) -> String {
    let own = |file: &PathBuf| {
        file.strip_prefix(component)
            .is_ok_and(|own| !own.starts_with("tests"))
    };
    let files = walk(component).into_iter().filter(own);
    files
        .filter(|file| !file.ends_with("tests.rs"))
        .map(|file| read(&file))
        .collect()
}

/// Whether it sends messages.
fn is_federated(component: &Path) -> bool {
    component.join("messages.rs").is_file()
}

#[test]
fn every_component_has_the_files_of_its_template() {
    for component in components() {
        for file in ["README.md", "mod.rs", "tests.rs"] {
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
        assert_eq!(
            is_federated(&component),
            code_of(&component).contains(".messages("),
            "{}: what a component sends stands in its messages.rs, and is described",
            name(&component)
        );
    }
}

#[test]
fn every_component_has_its_checklist() {
    for component in components() {
        let (tests, own) = (tests_of(&component), name(&component));
        let has = |test: &str| tests.contains(&format!("fn {test}("));
        let missing = |test: &str| format!("the component {own} has no test {test}");
        if is_federated(&component) {
            let is_written_out = PROTOCOL.iter().all(|test| has(test));
            assert!(
                tests.contains("checklist!(") || is_written_out,
                "{}",
                missing("checklist!")
            );
            BESIDE
                .iter()
                .for_each(|test| assert!(has(test), "{}", missing(test)));
        } else {
            assert!(
                tests.contains("checklist!(local "),
                "{}",
                missing("checklist!(local …)")
            );
            assert!(has(BESIDE[0]), "{}", missing(BESIDE[0]));
        }
    }
}

#[test]
fn what_computes_is_stopped_in_the_middle_of_its_work() {
    let mut found = 0;
    for component in components() {
        let code = code_of(&component);
        let marks = [
            ".compute(",
            ".encrypt(",
            "impl LocalTransform",
            "LocalTransform for",
        ];
        if !marks.iter().any(|mark| code.contains(mark)) {
            continue;
        }
        found += 1;
        let tests = tests_of(&component);
        assert!(
            tests.contains("work: ") || tests.contains("fn stops_in_the_middle_of_work("),
            "{} computes, and no test stops it while it does",
            name(&component)
        );
    }
    assert!(found >= 6, "the marks of computing components are stale");
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
        for file in files.iter().filter(|file| {
            let inside = file.strip_prefix(&component).expect("inside");
            !inside.to_string_lossy().contains("tests")
        }) {
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

pub(super) fn walk(folder: &Path) -> Vec<PathBuf> {
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

/// The modules of a list of components, in its order.
fn modules(lib: &str) -> Vec<String> {
    let module = |line: &str| {
        let name = line.trim_start_matches("pub ").strip_prefix("mod ")?;
        Some(name.trim_end_matches(';').to_owned())
    };
    lib.lines().filter_map(module).collect()
}

#[test]
fn the_list_of_components_is_whole_and_alphabetical() {
    let listed = modules(&read(&components_folder().join("lib.rs")));
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

/// Runs the maker of components on a copy of the list and of the templates.
fn make(source: &Path, arguments: &[&str]) -> std::process::Output {
    let script = root().join("party-agent/components/new_component.py");
    let mut command = Command::new("python3");
    command
        .arg(script)
        .args(arguments)
        .arg("--source")
        .arg(source);
    command.output().expect("python3")
}

/// A folder with copies of the list and of the templates.
fn copied(purpose: &str) -> PathBuf {
    let folder = format!("new-component-{purpose}-{}", std::process::id());
    let source = std::env::temp_dir().join(folder);
    for template in ["template", "template_local"] {
        let from = components_folder().join(template);
        for file in walk(&from).into_iter().chain([from.join("README.md")]) {
            let inside = file.strip_prefix(components_folder()).expect("inside");
            let to = source.join(inside);
            std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
            std::fs::copy(&file, to).expect("copied");
        }
    }
    let lib = read(&components_folder().join("lib.rs"));
    std::fs::write(source.join("lib.rs"), lib).expect("written");
    source
}

#[test]
fn a_new_component_stands_where_it_belongs_in_the_list() {
    let source = copied("order");
    // Before the first, between two that are only there for tests, and after the last.
    for new in [
        "aaa",
        "column_clip",
        "component_tablet",
        "data_split",
        "model_select",
        "zzz",
    ] {
        assert!(make(&source, &[new, "--local"]).status.success(), "{new}");
    }
    let lib = read(&source.join("lib.rs"));
    let listed = modules(&lib);
    let mut sorted = listed.clone();
    sorted.sort();
    assert_eq!(listed, sorted);
    assert_eq!(
        listed.len(),
        modules(&read(&components_folder().join("lib.rs"))).len() + 6
    );
    // The catalogue goes by the names of the types.
    let types: Vec<String> = lib
        .lines()
        .filter_map(|line| line.trim().strip_prefix("&Plugin::<")?.split_once("::"))
        .filter_map(|(_, rest)| Some(rest.split_once('>')?.0.to_lowercase()))
        .collect();
    assert!(types.len() > 6 && types.is_sorted(), "{types:?}");
    for kept in ["announced", "component_table", "nulls"] {
        let with_attribute = format!("#[cfg(test)]\nmod {kept};\n");
        assert!(lib.contains(&with_attribute), "{kept} lost its attribute");
    }
    assert_eq!(
        lib.matches("#[cfg(test)]\nmod ").count(),
        lib.matches("#[cfg(test)]").count()
    );
    std::fs::remove_dir_all(&source).expect("removed");
}

#[test]
fn a_new_component_is_a_template_under_its_name_and_is_listed() {
    let source = copied("names");
    let lib = read(&components_folder().join("lib.rs"));
    for (new, options, template, type_name) in [
        (
            "hetero_mean",
            &["hetero_mean"][..],
            "template",
            "HeteroMean",
        ),
        (
            "a_local_one",
            &["a_local_one", "--local"],
            "template_local",
            "ALocalOne",
        ),
    ] {
        let made = make(&source, options);
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let names = |folder: &str| -> Vec<PathBuf> {
            let folder = source.join(folder);
            let inside = |file: PathBuf| file.strip_prefix(&folder).map(Path::to_path_buf);
            let mut files: Vec<_> = walk(&folder).into_iter().flat_map(inside).collect();
            files.sort();
            files
        };
        assert_eq!(names(new), names(template));
        let text: String = walk(&source.join(new))
            .iter()
            .map(|file| read(file))
            .collect();
        let readme = read(&source.join(new).join("README.md"));
        assert!(
            text.contains(&format!("pub struct {type_name};"))
                && readme.starts_with(&format!("# {new}\n"))
        );
        for word in [template, "Template"] {
            let left = text.split(|sign: char| !sign.is_alphanumeric() && sign != '_');
            assert!(
                left.into_iter().all(|own| own != word),
                "{new} still says {word}"
            );
        }
    }
    let listed = read(&source.join("lib.rs"));
    let added: Vec<&str> = listed.lines().filter(|line| !lib.contains(line)).collect();
    assert_eq!(
        added,
        [
            "pub mod a_local_one;",
            "pub mod hetero_mean;",
            "    &Plugin::<a_local_one::ALocalOne>::NEW,",
            "    &Plugin::<hetero_mean::HeteroMean>::NEW,",
        ]
    );
    for refused in [&["hetero_mean"][..], &["Hetero"], &["match"], &["../x"]] {
        assert!(!make(&source, refused).status.success(), "{refused:?}");
    }
    assert_eq!(
        read(&source.join("lib.rs")),
        listed,
        "a refusal changed the list"
    );
    std::fs::remove_dir_all(&source).expect("removed");
}
