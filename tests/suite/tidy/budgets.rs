//! What a component may cost: lines of code without docs, comments, README and tests, as rustfmt writes them.

use std::path::Path;

use super::components::{components, name, read, walk};

/// A component that learns from a table and makes another of it.
const LOCAL_TRANSFORM: usize = 120;

/// What others may cost. Where it is more than the kind of component should, the reason stands beside it.
const BUDGETS: &[(&str, usize)] = &[
    ("data_transform", 275), // two names of it, 22 parameters of FATE's each, and the words of three choices
    ("download", 60),
    ("evaluation", 585), // the shapes of every figure and curve that readers know
    ("hetero_linr", 180),
    ("hetero_lr", 350),
    ("intersection", 1_170), // 62 parameters of methods that one protocol serves, and the bounds of what may be counted
    ("lines_reader", 70),
    ("lines_split", 60),
    ("lines_transform", 100),
    ("local_learner", 160),
    ("model_store", 110),
    ("reader", 215),
    ("secure_add_example", 185),
    ("template", 185),
    ("upload", 215),
    ("writer", 150),
];

/// Lines of code of a file, up to its own tests.
fn lines(text: &str) -> usize {
    let code = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let code = code.replace("#[cfg(test)]\nmod tests;", "");
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with("//");
    code.lines().map(str::trim).filter(is_code).count()
}

fn cost(component: &Path) -> usize {
    let files = walk(component).into_iter().filter(|file| {
        let own = file.strip_prefix(component).expect("inside");
        !own.starts_with("tests") && own != Path::new("tests.rs")
    });
    files.map(|file| lines(&read(&file))).sum()
}

#[test]
fn counts_code_and_nothing_else() {
    let text = "//! What it is.\n\n#[cfg(test)]\nmod tests;\n\n/// A doc.\nfn one() {\n    // why\n    two();\n}\n";
    assert_eq!(lines(text), 3);
    assert_eq!(
        lines(&format!(
            "{text}\n#[cfg(test)]\nmod tests {{\n    fn three() {{}}\n}}\n"
        )),
        3
    );
}

#[test]
fn no_component_costs_more_than_it_may() {
    let mut costs = Vec::new();
    for component in components() {
        let own = name(&component);
        let budget = BUDGETS
            .iter()
            .find(|(of, _)| *of == own)
            .map(|(_, most)| *most);
        costs.push((own, cost(&component), budget.unwrap_or(LOCAL_TRANSFORM)));
    }
    let over: Vec<_> = costs.iter().filter(|(_, cost, most)| cost > most).collect();
    assert!(over.is_empty(), "component, lines, budget: {over:?}");
    for (of, _) in BUDGETS {
        assert!(
            costs.iter().any(|(own, ..)| own == of),
            "there is no component {of}"
        );
    }
}
