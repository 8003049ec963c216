//! What components announce of themselves, by which submissions tell what nothing reads.

use vocabulary::{ComponentInfo, Stage};

use crate::CATALOGUE;

fn infos() -> Vec<ComponentInfo> {
    CATALOGUE.iter().map(|component| component.info()).collect()
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
    assert_eq!(found, ["hetero_lr.test_data", "local_learner.test_data"]);
}
