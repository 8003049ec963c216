//! The table of rooms in this crate's README is made of the rooms' own descriptions; `BLESS=1` writes it anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use component_kit::{AnyComponent, Room};

use crate::CATALOGUE;
use crate::template::Template;

const BEGIN: &str = "<!-- rooms: generated -->\n";
const END: &str = "<!-- end of rooms -->\n";

fn words<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if words.is_empty() {
        "-".to_owned()
    } else {
        words.join(", ")
    }
}

fn line(room: &dyn AnyComponent) -> String {
    let of = room.description();
    let messages = match of.messages.len() {
        0 => "none".to_owned(),
        n => n.to_string(),
    };
    format!(
        "| [{}](src/{}/README.md) | {} | {} | {} | {messages} | {} |\n",
        of.name,
        of.name,
        words(of.modules),
        words(of.roles),
        words(of.outputs.iter().map(|port| port.name)),
        of.summary,
    )
}

fn rooms_table() -> String {
    let mut table =
        "| room | in FATE documents | roles | outputs | messages | what it does |\n".to_owned();
    table.push_str("|---|---|---|---|---|---|\n");
    CATALOGUE
        .iter()
        .for_each(|room| table.push_str(&line(*room)));
    table
}

#[test]
fn the_readme_shows_every_room_as_it_describes_itself() {
    let path = Path::new("README.md");
    let text = fs::read_to_string(path).expect("the crate has a README");
    let (before, rest) = text
        .split_once(BEGIN)
        .expect("the README has a place for the table");
    let (shown, after) = rest.split_once(END).expect("the table has an end");
    let wanted = rooms_table();
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
        .map(|room| room.description().name)
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    let modules: Vec<&str> = CATALOGUE
        .iter()
        .flat_map(|room| room.description().modules)
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
fn every_folder_is_a_room_of_the_catalogue_or_the_template() {
    let template: &dyn AnyComponent = &Room::<Template>::NEW;
    let rooms = CATALOGUE
        .iter()
        .map(|room| room.description().name)
        .chain([template.description().name]);
    let rooms: BTreeSet<String> = rooms.map(str::to_owned).collect();
    let source = Path::new("src");
    let entries = fs::read_dir(source)
        .expect("readable")
        .map(|entry| entry.expect("an entry"));
    let folders = entries.filter(|entry| entry.path().is_dir());
    let folders: BTreeSet<String> = folders
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(folders, rooms);
}

#[test]
fn every_room_takes_its_own_defaults_or_says_what_it_needs() {
    for room in CATALOGUE {
        let info = room.info();
        assert!(
            info.schema["additionalProperties"] == false,
            "{} takes unknown parameters",
            info.name
        );
        for role in room.description().roles {
            if let Err(fault) = room.check(*role, &info.defaults) {
                assert!(fault.path.is_some(), "{}: {fault}", info.name);
            }
        }
    }
}
