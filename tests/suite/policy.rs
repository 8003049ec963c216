//! `fedflow policy`: files are checked, explained and tried without a daemon.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// Its answer, and its status.
fn policy(arguments: &[&str]) -> (String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_fedflow"))
        .arg("policy")
        .args(arguments)
        .output()
        .expect("it runs");
    (
        String::from_utf8(output.stdout).expect("text"),
        output.status.code().expect("it ends by itself"),
    )
}

fn path(of: &Path) -> &str {
    of.to_str().expect("text")
}

#[test]
fn the_policies_that_come_with_it_have_no_error_and_are_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for file in [
        "party-agent/policy/default-policy.toml",
        "cli/src/up/local-policy.toml",
        "cli/src/up/local-policy-before.toml",
        "examples/local-federation/policy.toml",
        "examples/refused-by-policy/policy.toml",
        "examples/production-three-hosts/bank/policy.toml",
        "examples/production-three-hosts/clinic/policy.toml",
        "examples/production-three-hosts/arbiter/policy.toml",
    ] {
        let file = root.join(file);
        let (answer, status) = policy(&["check", path(&file)]);
        assert_eq!(status, 0, "{answer}");
        assert!(answer.ends_with("nothing is wrong\n"), "{answer}");
        let (answer, status) = policy(&["explain", path(&file)]);
        assert!(
            status == 0 && answer.contains("[features.vectors_in_training]"),
            "{answer}"
        );
    }
    let (answer, _) = policy(&[
        "explain",
        path(&examples().join("production-three-hosts/clinic/policy.toml")),
    ]);
    assert!(
        answer
            .contains("beside by the party's own users, by users of: 9999. [admission.initiators]"),
        "{answer}"
    );
}

#[test]
fn every_error_has_its_line_and_the_status_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("policy.toml");
    std::fs::write(
        &file,
        "[admission]\npers = ['1']\ncomponents = ['hetero_rl']\n\n[limits]\nhours = ['8-18']\n",
    )
    .expect("written");
    let (answer, status) = policy(&["check", path(&file)]);
    let lines: Vec<&str> = answer.lines().collect();
    assert_eq!((lines.len(), status), (3, 1), "{answer}");
    for (line, begin, part) in [
        (
            lines[0],
            "policy.toml:2: admission.pers: ",
            "is peers meant?",
        ),
        (
            lines[1],
            "policy.toml:3: admission.components: ",
            "is hetero_lr meant?",
        ),
        (lines[2], "policy.toml:6: limits.hours: ", "08:00-18:00"),
    ] {
        assert!(line.contains(begin) && line.contains(part), "{line}");
    }
    let (answer, status) = policy(&["check", "--json", path(&file)]);
    let answer: Value = serde_json::from_str(answer.lines().next().expect("a line")).expect("JSON");
    assert_eq!(
        (&answer["problems"][0]["line"], status),
        (&Value::from(2), 1)
    );
    // What cannot be used is neither explained nor tried.
    assert_eq!(policy(&["explain", path(&file)]).1, 1);
    assert_eq!(
        policy(&["check", path(&folder.path().join("missing.toml"))]).1,
        1
    );
}

#[test]
fn a_job_is_tried_line_by_line_as_the_agents_would_judge_it() {
    let (conf, dsl) = (
        examples().join("production-three-hosts/job/conf.json"),
        examples().join("first-job/dsl.json"),
    );
    let test = |file: &str, more: &[&str]| {
        let file = examples().join(file);
        let arguments = [
            "test",
            path(&file),
            "--job",
            path(&conf),
            "--dsl",
            path(&dsl),
        ];
        policy(&[&arguments, more].concat())
    };
    let (answer, status) = test(
        "production-three-hosts/clinic/policy.toml",
        &["--party", "10000"],
    );
    assert!(
        status == 0 && answer.contains("the job is allowed"),
        "{answer}"
    );
    assert!(
        answer.contains(
            "disclosed step hetero_lr_0: message host_score as host to guest 9999: row_values"
        ),
        "{answer}"
    );
    assert!(
        answer.contains("withheld  to the coordinator: summaries of steps: disclosure.summaries"),
        "{answer}"
    );
    let (answer, status) = test("refused-by-policy/policy.toml", &["--party", "10000"]);
    assert!(
        status == 1 && answer.contains("refused   step reader_0: table examples.clinic"),
        "{answer}"
    );
    assert!(
        answer.contains("(admission.tables)") || answer.contains("(admission.peers)"),
        "{answer}"
    );
    // As that of everybody but the initiator.
    let (answer, _) = test("production-three-hosts/clinic/policy.toml", &["--json"]);
    let answer: Value = serde_json::from_str(answer.lines().next().expect("a line")).expect("JSON");
    let parties: Vec<&str> = answer
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["party"].as_str())
        .collect();
    assert_eq!(parties, ["10000", "8888"]);
}
