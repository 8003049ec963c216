//! Commands whose reader goes away: `fedflow … | head -1` ends quietly, whatever the command.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use fedflow_tests::fixtures::{lr_conf, lr_dsl};

use super::{loaded, program};

/// Runs a command whose reader is gone after so many lines; gives its exit status and what it said to standard error.
fn cut_off(command: &mut Command, lines: usize) -> (Option<i32>, String) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut output = BufReader::new(child.stdout.take().expect("its output"));
    for _ in 0..lines {
        output.read_line(&mut String::new()).expect("a line");
    }
    drop(output);
    let mut said = String::new();
    child
        .stderr
        .take()
        .expect("its errors")
        .read_to_string(&mut said)
        .expect("text");
    (child.wait().expect("its end").code(), said)
}

#[tokio::test]
async fn no_command_panics_when_its_reader_is_gone() {
    let cluster = loaded().await;
    for _ in 0..3 {
        let job = cluster.rest.submitted(&lr_dsl(), &lr_conf(1)).await;
        cluster.rest.succeeded(&job).await;
    }
    let folder = cluster.dir.path().to_str().expect("a path").to_owned();
    let rest = cluster.rest.base.clone();
    let job = cluster.rest.submitted(&lr_dsl(), &lr_conf(1)).await;
    cluster.rest.succeeded(&job).await;
    let at = ["--rest", rest.as_str()];
    let agent = format!("{folder}/party-9999/agent.toml");
    let identity = format!("{folder}/party-9999/identity");
    let data = format!("{folder}/party-9999/data");
    let new = format!("{folder}/another");
    let commands: Vec<Vec<&str>> = vec![
        [&["job", "list"], &at[..]].concat(),
        [&["job", "list", "--json"], &at[..]].concat(),
        [&["job", "show", &job], &at[..]].concat(),
        [&["job", "wait", &job], &at[..]].concat(),
        [&["table", "list"], &at[..]].concat(),
        [&["model", "list"], &at[..]].concat(),
        [&["schedule", "list"], &at[..]].concat(),
        // Refused: its fault goes to the reader that is gone.
        [&["job", "show", "0", "--json"], &at[..]].concat(),
        vec!["check-config", "agent", "--config", &agent],
        vec!["check-config", "agent", "--config", &agent, "--json"],
        vec!["certs", "inspect", &identity],
        vec!["certs", "init", "--dir", &new, "--name", "another"],
        vec!["audit", "list", "--data", &data],
        vec!["audit", "verify", "--data", &data],
        vec!["tokens", "new", "--party", "9999"],
        vec!["doctor", "--agent", &agent],
        vec!["--help"],
        vec!["job", "--help"],
    ];
    let access = cluster.access();
    for arguments in &commands {
        for lines in [0, 1] {
            let mut command = Command::new(program().path());
            command
                .env_remove("FEDFLOW_TOKEN")
                .env("FEDFLOW_ACCESS", &access)
                .args(arguments);
            let (code, said) = cut_off(&mut command, lines);
            assert!(!said.contains("panicked"), "{arguments:?}: {said}");
            assert!(
                code.is_some_and(|code| [0, 1, 2, 141].contains(&code)),
                "{arguments:?}: {code:?} {said}"
            );
        }
    }
    let mut long = Command::new(program().path());
    long.env("FEDFLOW_ACCESS", &access)
        .args(["job", "list", "--rest", &rest]);
    let (code, said) = cut_off(&mut long, 0);
    assert_eq!(
        (code, said.as_str()),
        (Some(141), ""),
        "it says nothing at all"
    );
    cluster.end();
}

/// What a reader of errors that is gone changes: nothing.
#[test]
fn nobody_has_to_read_the_errors() {
    let mut command = Command::new(program().path());
    let mut child = command
        .args(["check-config", "agent", "--config", "/nowhere/agent.toml"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stderr.take());
    assert_eq!(child.wait().expect("its end").code(), Some(1));
}

#[test]
fn a_full_disk_under_the_answer_is_an_error() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("a full disk");
    let output = Command::new(program().path())
        .args(["tokens", "new", "--party", "9999"])
        .stdin(Stdio::null())
        .stdout(full)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(1)
            && said.contains("cannot be written")
            && !said.contains("panicked"),
        "{said}"
    );
}
