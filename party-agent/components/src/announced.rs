//! What components announce of themselves, by which submissions tell what nothing reads.

use std::fs;

use vocabulary::{ComponentInfo, Stage};

use crate::CATALOGUE;

fn infos() -> Vec<ComponentInfo> {
    CATALOGUE.iter().map(|component| component.info()).collect()
}

/// What components announced before; jobs were written against it.
const RECORD: &str = "announced.json";

#[test]
fn what_is_announced_is_as_recorded() {
    if std::env::var_os("BLESS").is_some() {
        let text = serde_json::to_string_pretty(&infos()).expect("written");
        return fs::write(RECORD, text + "\n").expect("written");
    }
    let record = fs::read_to_string(RECORD).expect("the crate has a record");
    let recorded: Vec<ComponentInfo> = serde_json::from_str(&record).expect("announcements");
    let of = |infos: &[ComponentInfo], name: &str| {
        let info = infos.iter().find(|info| info.name == name);
        serde_json::to_value(info).expect("written")
    };
    for name in infos().iter().chain(&recorded).map(|info| &info.name) {
        let (now, before) = (of(&infos(), name), of(&recorded, name));
        assert_eq!(now, before, "{name}: if that is meant, BLESS=1");
    }
}

#[test]
fn parameters_that_count_while_a_model_is_applied_exist() {
    for info in infos() {
        for name in info.applies_with.iter().flatten() {
            assert!(
                info.defaults.get(name).is_some(),
                "{} has no parameter {name}",
                info.name
            );
        }
        let said = info.applies_with.as_deref();
        match info.name.as_str() {
            "data_transform" | "data_io" => assert_eq!(said, Some(&["need_run".to_owned()][..])),
            // A threshold counts in a predict job, too.
            "hetero_lr" => assert_eq!(said, None),
            _ => {}
        }
    }
}

#[test]
fn ports_of_tables_that_are_only_applied_to_are_announced() {
    let mut found = Vec::new();
    for info in infos() {
        let names = |port: &str, stage: Option<Stage>| {
            info.needs
                .iter()
                .any(|need| need.stage == stage && need.any_of.iter().any(|own| own == port))
        };
        for port in info.inputs.iter().map(|port| port.name.as_str()) {
            if names(port, Some(Stage::Apply))
                && !names(port, None)
                && !names(port, Some(Stage::Fit))
            {
                found.push(format!("{}.{port}", info.name));
            }
        }
    }
    assert_eq!(
        found,
        [
            "hetero_linr.test_data",
            "hetero_lr.test_data",
            "local_learner.test_data"
        ]
    );
}
