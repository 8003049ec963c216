//! What is written agrees with what is built.

use vocabulary::ErrorCode;

use super::{root, sources};

fn read(path: &std::path::Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_file_says_what_it_is_for() {
    for file in sources() {
        let text = read(&file);
        let first = text.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("//!"),
            "{} does not open with a //! line",
            file.display()
        );
    }
}

#[test]
fn every_error_code_has_its_page() {
    for code in ErrorCode::ALL {
        let page = root().join(format!("docs/errors/{code}.md"));
        let text = read(&page);
        assert!(
            text.contains("## What to do"),
            "{} does not say what to do",
            page.display()
        );
    }
    let pages = std::fs::read_dir(root().join("docs/errors"))
        .expect("pages")
        .flatten();
    for page in pages
        .map(|page| page.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("FF"))
    {
        let known = ErrorCode::ALL
            .iter()
            .any(|code| page == format!("{code}.md"));
        assert!(known, "docs/errors/{page} is about no code");
    }
}

#[test]
fn nothing_is_marked_as_unfinished() {
    let marks = [
        concat!("todo", "!("),
        concat!("unimple", "mented!("),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
    ];
    for file in sources() {
        let text = read(&file);
        for mark in marks {
            assert!(
                !text.contains(mark),
                "{} holds the mark {mark}",
                file.display()
            );
        }
    }
}

/// Compares a generated page with the one committed; `BLESS=1` rewrites it.
fn agrees(path: &str, generated: &str) {
    let page = root().join(path);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(page.parent().expect("a folder")).expect("made");
        std::fs::write(&page, generated).expect("written");
    }
    assert_eq!(
        read(&page),
        generated,
        "{path} is out of date: run `just bless`"
    );
}

#[test]
fn the_page_of_the_fate_flow_api_agrees_with_its_router() {
    agrees("docs/apis/fate-flow.md", &api_fate::coverage());
}

#[test]
fn the_page_of_the_abeja_api_agrees_with_its_router() {
    agrees("docs/apis/abeja.md", &api_abeja::coverage());
}

#[test]
fn the_page_of_the_kubeflow_api_agrees_with_its_router() {
    agrees("docs/apis/kubeflow.md", &api_kubeflow::coverage());
}

#[test]
fn the_page_of_the_meteos_api_agrees_with_its_router() {
    agrees("docs/apis/meteos.md", &api_meteos::coverage());
}

#[test]
fn the_state_diagrams_agree_with_the_transition_tables() {
    let page = format!(
        "# States\n\nWritten by `just bless` from the transition tables in `coordinator/domain`.\n\n## Job\n\n```mermaid\n{}\n```\n\n## Task\n\n```mermaid\n{}\n```\n",
        domain::job::state::diagram().trim_end(),
        domain::task::state::diagram().trim_end()
    );
    agrees("docs/states.md", &page);
}
