//! What an error tells people to do can be done today: it names no component that is not built.

use std::collections::BTreeSet;
use std::path::Path;

use super::{root, sources};

/// FATE's modules, built or not.
const OF_FATE: &[&str] = &[
    "ColumnExpand",
    "CustNN",
    "DataIO",
    "DataStatistics",
    "DataTransform",
    "Evaluation",
    "FTL",
    "FeatureImputation",
    "FeatureScale",
    "FederatedSample",
    "FeldmanVerifiableSum",
    "HeteroDataSplit",
    "HeteroFastSecureBoost",
    "HeteroFeatureBinning",
    "HeteroFeatureSelection",
    "HeteroKmeans",
    "HeteroLR",
    "HeteroLinR",
    "HeteroNN",
    "HeteroPearson",
    "HeteroPoisson",
    "HeteroSSHELR",
    "HeteroSSHELinR",
    "HeteroSecureBoost",
    "HomoDataSplit",
    "HomoFeatureBinning",
    "HomoLR",
    "HomoNN",
    "HomoOneHotEncoder",
    "HomoSecureBoost",
    "Intersection",
    "LabelTransform",
    "LocalBaseline",
    "ModelLoader",
    "OneHotEncoder",
    "PositiveUnlabeled",
    "SampleWeight",
    "Scorecard",
    "SecureInformationRetrieval",
];

/// Where FATE's names stand because documents name them.
const ALLOWED: &[&str] = &[
    "job-dsl/src/fate/",
    "job-dsl/src/predict.rs",
    "job-dsl/src/resolve.rs",
];

fn built() -> BTreeSet<&'static str> {
    let modules = components::CATALOGUE
        .iter()
        .flat_map(|component| component.description().modules);
    modules.copied().collect()
}

/// What a file says beside its comments and tests.
fn said(path: &Path, text: &str) -> String {
    let is_test =
        path.iter().any(|part| part == "tests" || part == "benches") || path.ends_with("tests.rs");
    if is_test
        || path
            .file_stem()
            .is_some_and(|name| name.to_string_lossy().ends_with("_tests"))
    {
        return String::new();
    }
    let code = text
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Whether a text has the name as a whole word.
fn names(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let is_word = |character: Option<char>| {
            character.is_some_and(|character| character.is_alphanumeric() || character == '_')
        };
        !is_word(text[..at].chars().next_back()) && !is_word(text[at + name.len()..].chars().next())
    })
}

#[test]
fn no_advice_names_a_component_that_is_not_built() {
    let built = built();
    let missing: Vec<&str> = OF_FATE
        .iter()
        .copied()
        .filter(|name| !built.contains(name))
        .collect();
    assert!(
        built.contains("DataTransform") && missing.contains(&"HeteroNN"),
        "the lists are mixed up"
    );
    let mut looked_at = 0;
    for path in sources().iter().filter(|path| {
        !ALLOWED
            .iter()
            .any(|allowed| path.to_string_lossy().contains(allowed))
    }) {
        let text = said(path, &std::fs::read_to_string(path).expect("a source"));
        looked_at += usize::from(!text.is_empty());
        for name in &missing {
            assert!(
                !names(&text, name),
                "{} names {name}, which is not built",
                path.display()
            );
        }
    }
    assert!(looked_at > 300, "{looked_at} files are not all");
    for page in std::fs::read_dir(root().join("docs/errors"))
        .expect("pages")
        .flatten()
    {
        let text = std::fs::read_to_string(page.path()).expect("a page");
        for name in &missing {
            assert!(
                !names(&text, name),
                "{} names {name}, which is not built",
                page.path().display()
            );
        }
    }
}

#[test]
fn finds_names_as_whole_words() {
    assert!(
        names("scale them (FeatureScale) first", "FeatureScale") && names("HeteroNN", "HeteroNN")
    );
    assert!(
        !names("HeteroNNGuest", "HeteroNN")
            && !names("MyHeteroNN", "HeteroNN")
            && !names("a_FTL", "FTL")
    );
    let text = "//! FeatureScale\nlet x = \"FTL\";\n#[cfg(test)]\nmod tests { FeatureImputation }";
    assert_eq!(said(Path::new("a/src/b.rs"), text), "let x = \"FTL\";\n");
    assert_eq!(said(Path::new("a/src/b_tests.rs"), text), "");
}
