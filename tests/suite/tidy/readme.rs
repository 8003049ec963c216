//! What documents say of the repository is there: components, commands and layers are listed as they are; links, paths, types and
//! tests that are named exist. `BLESS=1` writes the lists anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::layers::{layer, name, packages};
use super::{root, sources};

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compares what stands between two marks of a page with what it is made of; `BLESS=1` writes it there.
fn block_agrees(page: &str, what: &str, generated: &str) {
    let (begin, end) = (
        format!("<!-- {what}: generated -->\n"),
        format!("<!-- end of {what} -->\n"),
    );
    let path = root().join(page);
    let text = read(&path);
    let place = text
        .split_once(&begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(&end)?)));
    let (before, (shown, after)) =
        place.unwrap_or_else(|| panic!("{page} has no place for {what}"));
    if std::env::var_os("BLESS").is_some() {
        let whole = format!("{before}{begin}{generated}{end}{after}");
        std::fs::write(&path, whole).expect("written");
        return;
    }
    assert_eq!(
        shown, generated,
        "{what} in {page} are out of date: run `just bless`"
    );
}

#[test]
fn the_readme_lists_every_component() {
    let mut table = "| component | FATE's name | what it does |\n|---|---|---|\n".to_owned();
    for component in components::CATALOGUE {
        let of = component.description();
        table.push_str(&format!(
            "| [{}](party-agent/components/src/{}/README.md) | {} | {} |\n",
            of.name,
            components::folder(of.name),
            of.modules.join(", "),
            of.summary,
        ));
    }
    block_agrees("README.md", "components", &table);
}

/// The subcommands that a help text lists, with what they do.
fn subcommands(path: &[&str]) -> Vec<(String, String)> {
    let help = Command::new(env!("CARGO_BIN_EXE_fedflow"))
        .args(path)
        .arg("--help")
        .env("COLUMNS", "1000")
        .output()
        .expect("the program runs");
    let text = String::from_utf8(help.stdout).expect("text");
    let listed = text
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    let pairs = listed.filter_map(|line| line.trim().split_once("  "));
    pairs
        .map(|(name, about)| (name.to_owned(), about.trim().to_owned()))
        .filter(|(name, _)| name != "help")
        .collect()
}

#[test]
fn the_readme_lists_every_command() {
    let mut table = "| command | what it does |\n|---|---|\n".to_owned();
    for (command, about) in subcommands(&[]) {
        let inner: Vec<String> = subcommands(&[&command])
            .into_iter()
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        let inner = inner.join(" · ");
        let separator = if inner.is_empty() { "" } else { " " };
        table.push_str(&format!(
            "| `fedflow {command}`{separator}{inner} | {about} |\n"
        ));
    }
    block_agrees("README.md", "commands", &table);
}

/// The crates of each layer, highest first, by the folder that holds them.
fn layers_drawn() -> String {
    let mut drawn: BTreeMap<u64, [Vec<String>; 3]> = BTreeMap::new();
    for package in packages() {
        let manifest = package["manifest_path"]
            .as_str()
            .expect("a path")
            .to_owned();
        let relative = Path::new(&manifest)
            .strip_prefix(root())
            .expect("below the root")
            .to_string_lossy()
            .into_owned();
        let column = match relative.split('/').next() {
            Some("coordinator") => 0,
            Some("party-agent") => 2,
            _ => 1,
        };
        drawn.entry(layer(&package)).or_default()[column].push(name(&package));
    }
    let mut text =
        "| layer | coordinator | common, program, tests | party-agent |\n|---|---|---|---|\n"
            .to_owned();
    for (layer, row) in drawn.iter_mut().rev() {
        row.iter_mut().for_each(|names| names.sort());
        let [left, middle, right] = row.each_ref().map(|names| names.join(", "));
        text.push_str(&format!("| {layer} | {left} | {middle} | {right} |\n"));
    }
    text
}

#[test]
fn the_layers_are_drawn_as_the_manifests_state_them() {
    let drawn = layers_drawn();
    block_agrees("README.md", "layers", &drawn);
    block_agrees("docs/architecture.md", "layers", &drawn);
}

/// Every document that speaks of the present.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if path.is_dir() && !path.is_symlink() {
                let skipped =
                    name.starts_with('.') || ["target", "decisions"].contains(&name.as_ref());
                if !skipped {
                    folders.push(path);
                }
            } else if name.ends_with(".md") && name != "changelog.md" {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The texts between single backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let parts = text
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    parts.filter(|part| !part.is_empty())
}

#[test]
fn links_of_documents_lead_somewhere() {
    let mut dead = Vec::new();
    for page in documents() {
        let text = read(&page);
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap_or_default();
            let file = target.split('#').next().unwrap_or_default();
            let is_outside = target.contains("://") || file.is_empty() || target.contains(' ');
            let folder = page.parent().expect("a folder");
            if !is_outside && !folder.join(file).exists() {
                dead.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn paths_that_documents_name_exist() {
    let roots = [
        "cli/",
        "common/",
        "coordinator/",
        "party-agent/",
        "tests/",
        "docs/",
        "examples/",
    ];
    let mut missing = Vec::new();
    for page in documents() {
        let text = read(&page);
        for path in quoted(&text) {
            let is_path = roots.iter().any(|root| path.starts_with(root))
                && !path.contains(['<', '*', '{', ' ', '…', ':']);
            let beside = page.parent().expect("a folder").join(path);
            if is_path && !root().join(path).exists() && !beside.exists() {
                missing.push(format!("{}: {path}", page.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn invariants_name_tests_that_exist() {
    let tests: BTreeSet<String> = sources()
        .iter()
        .flat_map(|file| {
            let text = read(file);
            let after = text.split("fn ").skip(1);
            let names = after.filter_map(|rest| rest.split(['(', '<']).next().map(str::to_owned));
            names.collect::<Vec<_>>()
        })
        .collect();
    let text = read(&root().join("docs/architecture.md"));
    let missing: Vec<&str> = quoted(&text)
        .filter(|word| word.matches('_').count() >= 3)
        .filter(|word| {
            word.chars()
                .all(|next| next.is_ascii_lowercase() || next.is_ascii_digit() || next == '_')
        })
        .filter(|word| !tests.contains(*word))
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}

#[test]
fn types_that_the_glossary_names_exist() {
    let mut names = BTreeSet::new();
    for file in sources() {
        let text = read(&file);
        let words = text.split(|next: char| !next.is_alphanumeric() && next != '_');
        names.extend(words.map(str::to_owned));
    }
    let glossary = read(&root().join("docs/glossary.md"));
    let missing: Vec<&str> = quoted(&glossary)
        .filter(|word| word.starts_with(char::is_uppercase))
        .filter(|word| word.chars().all(char::is_alphanumeric))
        .filter(|word| !names.contains(*word))
        .collect();
    assert!(missing.is_empty(), "no such types: {missing:?}");
}
