//! The audit chain of an agent that is killed, tampered with, or out of space: never less than what left. And who can cheat it: one
//! who owns the disk, as long as nobody noted a hash.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use ::audit::{Audit, AuditEntry, AuditRecord, MessageEntry};
use http::Method;
use serde_json::Value;
use vocabulary::message::Way;
use vocabulary::{Fault, SystemClock, Timestamp};

use super::consent::{long, under_way};
use super::*;
use fedflow_tests::cluster::Program;
use fedflow_tests::hostile::{PATIENCE, until};

/// Two agents whose messages go through the coordinator, so that what left is seen there.
async fn relayed(federation: &Federation, coordinator: &Coordinator) -> (Agent, Agent) {
    let start = |id| {
        federation
            .party(id)
            .policy(ALL_MINE)
            .settings("relay_only = true")
            .start()
    };
    let (bank, clinic) = (start("9999"), start("10000"));
    let tables = pair(60);
    bank.table("experiment", "guest", &tables.guest);
    clinic.table("experiment", "host", &tables.host);
    coordinator.joined(&["9999", "10000"]).await;
    (bank, clinic)
}

/// What left the clinic, as the carriers saw it: receiver and place in the protocol.
fn left(coordinator: &Coordinator) -> BTreeSet<(String, String)> {
    let heads = coordinator
        .messages()
        .into_iter()
        .filter(|head| head.address.from.party == party("10000"));
    heads
        .map(|head| {
            (
                format!("{} {}", head.address.attempt, head.address.to),
                head.address.tag,
            )
        })
        .collect()
}

fn messages(agent: &Agent) -> Vec<MessageEntry> {
    let of = |record: AuditRecord| match record.entry {
        AuditEntry::Message(message) => Some(*message),
        _ => None,
    };
    agent.audit().into_iter().filter_map(of).collect()
}

/// What the chain says that left, in the words of [`left`].
fn written(agent: &Agent) -> BTreeSet<(String, String)> {
    let name = |message: MessageEntry| {
        let (task, attempt) = (&message.of.task, message.of.attempt);
        (
            format!("{}/{}/{attempt} {}", task.job, task.step, message.to),
            message.tag,
        )
    };
    messages(agent).into_iter().map(name).collect()
}

fn file(agent: &Agent) -> PathBuf {
    agent.data().join("audit/00000000000000000001.ndjson")
}

fn alter(agent: &Agent, change: impl FnOnce(&mut String)) {
    let mut text = std::fs::read_to_string(file(agent)).expect("the chain");
    change(&mut text);
    std::fs::write(file(agent), text).expect("written");
}

async fn health(agent: &Agent) -> Value {
    let (_, bytes) = agent
        .rest()
        .send(Method::GET, "/v1/fedflow/health", "", "")
        .await
        .expect("health");
    let reply: Value = serde_json::from_slice(&bytes).expect("JSON");
    reply["data"]["audit"].clone()
}

/// Waits for a state of the chain.
async fn is(agent: &Agent, state: &str) -> Value {
    let began = tokio::time::Instant::now();
    loop {
        let audit = health(agent).await;
        if audit["state"] == state {
            return audit;
        }
        assert!(began.elapsed() < PATIENCE, "{audit}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// `fedflow audit verify` over the agent's folder: whether it succeeds, and everything that it says.
fn verify(federation: &Federation, agent: &Agent, more: &[&str]) -> (bool, String) {
    let data = agent.data().display().to_string();
    let output = federation
        .program()
        .run(&[&["audit", "verify", "--data", &data], more].concat());
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[tokio::test]
async fn what_left_before_a_kill_stands_in_the_chain() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, mut clinic) = relayed(&federation, &coordinator).await;
    let job = long(&coordinator);
    under_way(&coordinator, &job).await;
    clinic.kill();
    let left = left(&coordinator);
    assert!(
        left.iter()
            .filter(|(to, _)| to.contains("hetero_lr_0"))
            .count()
            > 10,
        "{left:?}"
    );
    let written = written(&clinic);
    let missing: Vec<_> = left.difference(&written).collect();
    assert!(missing.is_empty(), "left and not written: {missing:?}");
    // Written and not sent may be what was under way: of each task one message to each other, and no more.
    let unsent: Vec<_> = written.difference(&left).collect();
    assert!(unsent.len() <= 6, "written and not sent: {unsent:?}");

    let offer = job.offer();
    let messages = messages(&clinic);
    let of_host =
        |message: &&MessageEntry| message.of.task == job.task("hetero_lr_0", &host("10000"));
    let one = messages
        .iter()
        .find(of_host)
        .expect("a message of the host");
    assert_eq!(
        (one.of.component.as_str(), one.of.attempt.0, one.way),
        ("hetero_lr", 0, Some(Way::Relayed))
    );
    assert_eq!(one.of.offer, offer.fingerprint().expect("a fingerprint"));
    assert_eq!(one.of.basis.initiator.as_ref(), Some(&offer.initiator));
    let rows = one.of.rows.expect("it has read a table");
    assert!(
        one.bytes > 0 && one.disclosure.is_some() && rows.fewest > 0 && rows.most <= 60,
        "{one:?}"
    );
    assert_eq!(one.of.basis.policy.len(), 64);

    // It goes on after the restart, and the chain is whole.
    clinic.start();
    coordinator.joined(&["10000"]).await;
    let sound = is(&clinic, "sound").await;
    let (whole, said) = verify(&federation, &clinic, &[]);
    assert!(
        whole && said.contains(sound["hash"].as_str().expect("a hash")),
        "{said}"
    );
}

#[tokio::test]
async fn what_left_directly_before_a_kill_stands_in_the_chain() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (bank, mut clinic) = two(&federation, &coordinator).await;
    let job = toy(&coordinator);
    coordinator.run(&job).await.expect("it runs");
    clinic.kill();
    let messages = messages(&clinic);
    assert!(
        messages
            .iter()
            .any(|message| message.way == Some(Way::Direct)),
        "{messages:?}"
    );
    assert!(coordinator.messages().is_empty());
    // Each says to have sent what the other waited for.
    assert!(
        messages
            .iter()
            .all(|message| message.to.party == *bank.party() && message.refused_by.is_none())
    );
}

#[tokio::test]
async fn refusals_are_written_down() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, clinic) = two(&federation, &coordinator).await;
    let job = long(&coordinator);
    under_way(&coordinator, &job).await;
    clinic
        .set_policy(&ALL_MINE.replace("\"ciphertext\", ", ""))
        .await;
    let ended = coordinator
        .ended(&job.task("hetero_lr_0", &host("10000")))
        .await;
    assert!(matches!(ended, Outcome::Failed(_)), "{ended:?}");
    let fault = coordinator
        .assign("10000", job.assignment("hetero_lr_0", &host("10000"), 1))
        .await;
    fault.expect_err("refused");
    let fault = coordinator.agree(&job.anew()).await;
    fault.expect_err("refused");
    clinic.set_policy(STRICT).await;
    let wanted = json!({"namespace": "experiment", "table_name": "host"});
    coordinator
        .http("10000", "POST", "/v1/table/preview", &wanted)
        .await;
    let refused = |of: fn(&AuditEntry) -> bool| {
        let mut entries = clinic.audit().into_iter().map(|record| record.entry);
        entries.any(|entry| of(&entry) && entry.refused_by().is_some())
    };
    assert!(
        refused(|entry| matches!(entry, AuditEntry::Ordered { .. })),
        "an order"
    );
    assert!(
        refused(|entry| matches!(entry, AuditEntry::Offer { .. })),
        "an offer"
    );
    assert!(
        refused(|entry| matches!(entry, AuditEntry::Told { .. })),
        "rows for somebody at the coordinator's endpoint"
    );
    let data = clinic.data().display().to_string();
    let said = federation
        .program()
        .says(&["audit", "list", "--refused", "--data", &data]);
    assert!(
        said.lines().count() >= 3 && said.lines().all(|line| line.contains("REFUSED by")),
        "{said}"
    );
}

#[tokio::test]
async fn a_chain_that_was_changed_lets_nothing_leave() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, mut clinic) = relayed(&federation, &coordinator).await;
    let job = Job::training(&coordinator.catalogue(), ["9999", "10000", "10000"], 3);
    coordinator.run(&job).await.expect("it runs");
    let before = left(&coordinator);
    clinic.stop();
    alter(&clinic, |text| {
        *text = text.replacen("\"attempt\":0", "\"attempt\":7", 1)
    });
    clinic.start();
    coordinator.joined(&["10000"]).await;
    let broken = is(&clinic, "broken").await;
    assert_eq!(broken["fault"]["code"], "FF208", "{broken}");
    assert!(
        broken["fault"]["next"]
            .as_str()
            .expect("advice")
            .contains("fedflow audit"),
        "{broken}"
    );

    // Neither a new job nor an order under the old offer, neither rows nor a message.
    let code = |fault: Fault| fault.code;
    assert_eq!(
        coordinator.agree(&job.anew()).await.map_err(code),
        Err(ErrorCode::AuditBroken)
    );
    for (step, who) in [
        ("reader_0", host("10000")),
        ("hetero_lr_0", host("10000")),
        ("hetero_lr_0", arbiter("10000")),
    ] {
        let ordered = coordinator
            .assign("10000", job.assignment(step, &who, 1))
            .await;
        assert_eq!(
            ordered.map_err(code),
            Err(ErrorCode::AuditBroken),
            "{step} {who}"
        );
    }
    let wanted = json!({"namespace": "experiment", "table_name": "host"});
    let (_, shown) = coordinator
        .http("10000", "POST", "/v1/table/preview", &wanted)
        .await;
    assert_ne!(shown["retcode"], 0, "{shown}");
    assert_eq!(left(&coordinator), before, "nothing more leaves");

    // The advice can be followed.
    let (whole, said) = verify(&federation, &clinic, &[]);
    assert!(!whole && said.contains("broken at entry"), "{said}");
    let data = clinic.data().display().to_string();
    let running = federation
        .program()
        .run(&["audit", "set-aside", "--data", &data]);
    assert!(!running.status.success());
    clinic.stop();
    federation
        .program()
        .says(&["audit", "set-aside", "--data", &data]);
    clinic.start();
    coordinator.joined(&["10000"]).await;
    coordinator.run(&job.anew()).await.expect("it runs again");
    let AuditEntry::Began { why, .. } = &clinic.audit()[0].entry else {
        panic!("{:?}", clinic.audit()[0])
    };
    assert!(why.contains("broken at entry"), "{why}");
    assert!(left(&coordinator).len() > before.len());
}

#[tokio::test]
async fn a_tail_that_was_cut_off_shows_to_whoever_noted_a_hash_and_to_nobody_else() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, mut clinic) = two(&federation, &coordinator).await;
    let job = toy(&coordinator);
    coordinator.run(&job).await.expect("it runs");
    clinic.stop();
    let (_, said) = verify(&federation, &clinic, &[]);
    let noted = said.lines().last().expect("number and hash").to_owned();
    assert!(verify(&federation, &clinic, &["--hash", &noted]).0);
    assert!(
        clinic
            .audit()
            .iter()
            .any(|record| matches!(record.entry, AuditEntry::Message(_)))
    );

    // The attacker who owns the disk takes away what left. Without a noted hash it is as if it never had.
    alter(&clinic, |text| {
        text.truncate(text.rfind("{\"number\":2,").expect("the second entry"))
    });
    let (whole, said) = verify(&federation, &clinic, &[]);
    assert!(whole, "the attack succeeds: {said}");
    clinic.start();
    coordinator.joined(&["10000"]).await;
    is(&clinic, "sound").await;
    let (whole, said) = verify(&federation, &clinic, &["--hash", &noted]);
    assert!(
        !whole && said.contains("is missing") && said.contains("entry 1"),
        "{said}"
    );
    // Also when the chain has grown since.
    coordinator.run(&job.anew()).await.expect("it runs");
    coordinator.run(&job.anew()).await.expect("it runs");
    let (whole, said) = verify(&federation, &clinic, &["--hash", &noted]);
    assert!(!whole && said.contains("written anew"), "{said}");
}

/// The program, started so that a file that may not grow is an error and not its end.
fn without_signal(folder: &std::path::Path) -> Program {
    let path = folder.join("fedflow");
    let mut text = "#!/bin/sh\ntrap '' XFSZ\n".to_owned();
    writeln!(text, "exec {} \"$@\"", program().path().display()).expect("text");
    std::fs::write(&path, text).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("runnable");
    Program::new(path.to_str().expect("a path"))
}

/// Lets the files of a process grow up to a size.
fn limit(process: u32, size: &str) {
    let arguments = ["--pid", &process.to_string(), &format!("--fsize={size}:")];
    assert!(
        Command::new("prlimit")
            .args(arguments)
            .status()
            .expect("prlimit")
            .success()
    );
}

/// Makes a chain so long that it fills the disk before anything else does.
async fn long_chain(agent: &Agent) -> u64 {
    let audit = Audit::open(
        &agent.data().join("audit"),
        std::sync::Arc::new(SystemClock),
    )
    .expect("opened");
    let told = |what| AuditEntry::Told {
        what,
        to: "nobody".to_owned(),
        refused_by: None,
        basis: None,
    };
    let some: Vec<_> = (0..60).map(|_| told("x".repeat(4_000))).collect();
    for _ in 0..90 {
        audit
            .record_all(&some, Timestamp(1))
            .await
            .expect("written");
    }
    audit.close().await;
    std::fs::metadata(file(agent)).expect("a file").len()
}

#[tokio::test]
async fn a_full_disk_stops_what_leaves_until_there_is_space() {
    let folder = tempfile::tempdir().expect("a folder");
    let federation = Federation::new(&without_signal(folder.path()));
    let coordinator = Coordinator::start(&federation);
    let (_bank, mut clinic) = relayed(&federation, &coordinator).await;
    clinic.stop();
    let length = long_chain(&clinic).await;
    clinic.start();
    // Space for the entries of the first steps, and of some rounds.
    limit(clinic.process(), &(length + 64_000).to_string());
    coordinator.joined(&["10000"]).await;
    let job = long(&coordinator);
    coordinator.agree(&job).await.expect("agreed");
    for step in ["reader_0", "data_transform_0", "intersection_0"] {
        for (who, outcome) in coordinator.run_step(&job, step, 0).await {
            assert_eq!(outcome, Outcome::Succeeded, "{step} {who}");
        }
    }
    for who in [guest("9999"), host("10000"), arbiter("10000")] {
        let at = who.party.to_string();
        coordinator
            .assign(&at, job.assignment("hetero_lr_0", &who, 0))
            .await
            .expect("ordered");
    }
    // As host or as arbiter, whichever wants to send first; the other one waits for it.
    let tasks = [host("10000"), arbiter("10000")].map(|who| job.task("hetero_lr_0", &who));
    let ended = until("the end", || {
        tasks.iter().find_map(|task| coordinator.end_of(task))
    })
    .await;
    let Outcome::Failed(fault) = ended else {
        panic!("{ended:?}")
    };
    assert!(
        fault.code == ErrorCode::StorageFull && fault.party == Some(party("10000")),
        "{fault}"
    );
    let full = is(&clinic, "full").await;
    assert!(
        full["fault"]["next"]
            .as_str()
            .expect("advice")
            .contains("free space"),
        "{full}"
    );

    // Everything that left is written, and nothing more leaves.
    let before = left(&coordinator);
    assert_eq!(before.difference(&written(&clinic)).count(), 0);
    let refused = coordinator
        .assign("10000", job.assignment("hetero_lr_0", &host("10000"), 1))
        .await;
    assert_eq!(
        refused.map_err(|fault| fault.code),
        Err(ErrorCode::StorageFull)
    );
    assert_eq!(left(&coordinator), before);

    // Space again: it goes on by itself.
    limit(clinic.process(), "unlimited");
    is(&clinic, "sound").await;
    let job = Job::training(&coordinator.catalogue(), ["9999", "10000", "10000"], 3);
    coordinator.run(&job).await.expect("it runs");
    assert_eq!(left(&coordinator).difference(&written(&clinic)).count(), 0);
    assert!(verify(&federation, &clinic, &[]).0);
}
