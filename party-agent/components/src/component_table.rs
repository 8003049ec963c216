//! The table of components in this crate's README is made of the components' own descriptions; `BLESS=1` writes it anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use component_kit::{AnyComponent, Plugin};

use crate::template::Template;
use crate::template_local::TemplateLocal;
use crate::{CATALOGUE, folder};

const BEGIN: &str = "<!-- components: generated -->\n";
const END: &str = "<!-- end of components -->\n";

fn words<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if words.is_empty() {
        "-".to_owned()
    } else {
        words.join(", ")
    }
}

fn line(component: &dyn AnyComponent) -> String {
    let of = component.description();
    let messages = match of.messages.len() {
        0 => "none".to_owned(),
        n => n.to_string(),
    };
    format!(
        "| [{}](src/{}/README.md) | {} | {} | {} | {messages} | {} |\n",
        of.name,
        folder(of.name),
        words(of.modules),
        words(of.roles),
        words(of.outputs.iter().map(|port| port.name)),
        of.summary,
    )
}

fn components_table() -> String {
    let mut table =
        "| component | in FATE documents | roles | outputs | messages | what it does |\n"
            .to_owned();
    table.push_str("|---|---|---|---|---|---|\n");
    CATALOGUE
        .iter()
        .for_each(|component| table.push_str(&line(*component)));
    table
}

#[test]
fn the_readme_shows_every_component_as_it_describes_itself() {
    let path = Path::new("README.md");
    let text = fs::read_to_string(path).expect("the crate has a README");
    let (before, rest) = text
        .split_once(BEGIN)
        .expect("the README has a place for the table");
    let (shown, after) = rest.split_once(END).expect("the table has an end");
    let wanted = components_table();
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, format!("{before}{BEGIN}{wanted}{END}{after}")).expect("written");
        return;
    }
    assert_eq!(
        shown, wanted,
        "the table is out of date: run the test with BLESS=1"
    );
}

#[test]
fn the_catalogue_is_alphabetical_and_names_nothing_twice() {
    let names: Vec<&str> = CATALOGUE
        .iter()
        .map(|component| component.description().name)
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    let modules: Vec<&str> = CATALOGUE
        .iter()
        .flat_map(|component| component.description().modules)
        .copied()
        .collect();
    for words in [names, modules] {
        assert_eq!(
            words.iter().collect::<BTreeSet<_>>().len(),
            words.len(),
            "{words:?}"
        );
    }
}

#[test]
fn every_folder_is_a_component_of_the_catalogue_or_a_template() {
    let templates: [&dyn AnyComponent; 2] =
        [&Plugin::<Template>::NEW, &Plugin::<TemplateLocal>::NEW];
    let components = CATALOGUE
        .iter()
        .map(|component| component.description().name)
        .chain(templates.map(|template| template.description().name));
    let components: BTreeSet<String> = components.map(folder).map(str::to_owned).collect();
    let source = Path::new("src");
    let entries = fs::read_dir(source)
        .expect("readable")
        .map(|entry| entry.expect("an entry"));
    let folders = entries.filter(|entry| entry.path().is_dir());
    let folders: BTreeSet<String> = folders
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(folders, components);
}

#[test]
fn every_component_takes_its_own_defaults_or_says_what_it_needs() {
    for component in CATALOGUE {
        let info = component.info();
        assert!(
            info.schema["additionalProperties"] == false,
            "{} takes unknown parameters",
            info.name
        );
        for role in component.description().roles {
            if let Err(fault) = component.check(*role, &info.defaults) {
                assert!(fault.path.is_some(), "{}: {fault}", info.name);
            }
        }
    }
}
