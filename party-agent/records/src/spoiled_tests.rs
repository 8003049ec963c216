//! Files in which some rows cannot be read: the others are, and what is set aside is counted.

use std::path::PathBuf;

use tempfile::TempDir;
use vocabulary::report::ReportBody;
use vocabulary::{Attempt, JobId, PartyId, Report, Role, ServingPlan, TableRef, Timestamp};

use crate::harness::spoil;
use crate::tests::{assignment, open, task};
use crate::{Connector, Permission, PermissionKind, RecordError, Records};

/// Records with a running attempt and a second one, two reports, a connector, grants, pins and services.
async fn filled(folder: &TempDir) -> Records {
    let records = open(folder).await;
    for attempt in [0, 1] {
        records
            .begin_attempt(&assignment(attempt), Timestamp(1))
            .await
            .expect("noted");
        let report = Report {
            task: task(),
            attempt: Attempt(attempt),
            body: ReportBody::Started,
        };
        records.post(&report).await.expect("posted");
    }
    let connector = Connector {
        engine: "MYSQL".to_owned(),
        info: serde_json::json!({"host": "db"}),
    };
    let plan = plan();
    for name in ["one", "two"] {
        records
            .save_connector(name, &connector)
            .await
            .expect("saved");
        records
            .bind_service(name, &plan, Timestamp(1))
            .await
            .expect("bound");
    }
    let grant = |name: &str| Permission {
        kind: PermissionKind::Component,
        role: Some(Role::Guest),
        namespace: String::new(),
        name: name.to_owned(),
    };
    records
        .grant(&party(), &[grant("one"), grant("two")], Timestamp(1))
        .await
        .expect("granted");
    for party in ["1", "2"] {
        records
            .pin_key(&PartyId::new(party).expect("valid"), "pem", Timestamp(1))
            .await
            .expect("pinned");
    }
    records
        .load_for_serving(Role::Guest, &plan, Timestamp(1))
        .await
        .expect("loaded");
    records
}

fn party() -> PartyId {
    PartyId::new("10000").expect("valid")
}

fn plan() -> ServingPlan {
    let text = serde_json::json!({
        "model_id": "m", "model_version": "1", "initiator": {"role": "guest", "party": "9999"}, "readers": [],
        "parts": [],
    });
    serde_json::from_value(text.clone()).unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("records.db")
}

#[tokio::test]
#[allow(clippy::too_many_lines, reason = "every kind of row in one database")]
async fn a_row_that_cannot_be_read_is_set_aside_and_the_others_go_on() {
    let folder = TempDir::new().expect("folder");
    let records = filled(&folder).await;
    let party_of = |party: &str| PartyId::new(party).expect("valid");
    for statement in [
        "UPDATE outbox SET report = replace(report, 'started', 'nonsense') WHERE number = 1",
        "UPDATE attempts SET assignment = '{' WHERE attempt = 0",
        "UPDATE connectors SET info = X'ff00' WHERE name = 'one'",
        "UPDATE services SET plan = 'null' WHERE service = 'one'",
        "UPDATE serving_loads SET role = 'king'",
        "UPDATE permissions SET kind = 'all' WHERE name = 'one'",
        "UPDATE pinned_keys SET party = '' WHERE party = '1'",
    ] {
        assert_eq!(
            spoil(&file(&folder), statement).await.expect(statement),
            1,
            "{statement}"
        );
    }
    let waiting = records.posted(10).await.expect("read");
    assert_eq!(
        waiting
            .iter()
            .map(|(number, _)| *number)
            .collect::<Vec<_>>(),
        [2]
    );
    let lost = records
        .lose_running(&task().party, Timestamp(2))
        .await
        .expect("read");
    assert_eq!(lost, [(task(), Attempt(1))]);
    assert!(
        records
            .attempt(&task(), Attempt(0))
            .await
            .expect("read")
            .is_none()
    );
    assert!(records.connector("one").await.expect("read").is_none());
    assert!(records.connector("two").await.expect("read").is_some());
    assert_eq!(records.services().await.expect("read").len(), 1);
    assert_eq!(records.loaded_for_serving().await.expect("read").len(), 0);
    let granted = records.permissions_of(&party()).await.expect("read");
    assert_eq!(
        granted
            .iter()
            .map(|grant| grant.name.as_str())
            .collect::<Vec<_>>(),
        ["two"]
    );
    let pinned = records.pinned_keys().await.expect("read");
    assert_eq!(
        pinned
            .iter()
            .map(|(party, _)| party.clone())
            .collect::<Vec<_>>(),
        [party_of("2")]
    );

    let counts = records.count_set_aside().await.expect("counted");
    let kinds: Vec<(&str, u64)> = counts
        .iter()
        .map(|(kind, count)| (kind.as_str(), *count))
        .collect();
    let each = [
        "attempt",
        "connector",
        "loaded model",
        "permission",
        "pinned key",
        "report",
        "service",
    ];
    assert_eq!(kinds, each.map(|kind| (kind, 1)));
    let aside = records.set_aside(100).await.expect("listed");
    assert!(
        aside
            .iter()
            .any(|row| row.key == "1 hetero_lr_0 guest 0" && row.why.contains("assignment")),
        "{aside:?}"
    );
    // It is set aside once, and stays so when the file is opened again.
    records.close().await;
    let records = open(&folder).await;
    assert_eq!(records.posted(10).await.expect("read").len(), 1);
    assert_eq!(records.count_set_aside().await.expect("counted"), counts);
}

#[tokio::test]
async fn what_was_set_aside_can_be_put_back() {
    let folder = TempDir::new().expect("folder");
    let records = filled(&folder).await;
    spoil(
        &file(&folder),
        "UPDATE outbox SET report = replace(report, 'started', 'it''s')",
    )
    .await
    .expect("spoilt");
    assert!(records.posted(10).await.expect("read").is_empty());
    records.close().await;
    // As a person does it: the statement, mended.
    let kept = read_statement(&folder).await;
    assert_eq!(
        spoil(&file(&folder), &kept.replace("it''s", "started"))
            .await
            .expect("put back"),
        1
    );
    assert_eq!(open(&folder).await.posted(10).await.expect("read").len(), 1);
}

async fn read_statement(folder: &TempDir) -> String {
    use sqlx::{ConnectOptions, Row};
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(file(folder))
        .connect()
        .await
        .expect("opened");
    let row = sqlx::query("SELECT text FROM set_aside LIMIT 1")
        .fetch_one(&mut connection)
        .await
        .expect("found");
    row.get(0)
}

#[tokio::test]
async fn a_pinned_key_that_cannot_be_read_stays_a_pin() {
    let folder = TempDir::new().expect("folder");
    let records = filled(&folder).await;
    spoil(
        &file(&folder),
        "UPDATE pinned_keys SET pem = X'ff00ff' WHERE party = '1'",
    )
    .await
    .expect("spoilt");
    let pinned = records.pinned_keys().await.expect("read");
    assert_eq!(
        pinned
            .iter()
            .map(|(party, _)| party.as_str())
            .collect::<Vec<_>>(),
        ["1", "2"]
    );
}

#[tokio::test]
async fn an_attempt_that_cannot_be_read_counts_among_those_of_its_offer() {
    let folder = TempDir::new().expect("folder");
    let records = filled(&folder).await;
    spoil(
        &file(&folder),
        "UPDATE attempts SET assignment = '{' WHERE attempt = 0",
    )
    .await
    .expect("spoilt");
    assert_eq!(
        records.attempts_under(&task(), "f").await.expect("counted"),
        2
    );
    let other = JobId::new("2").expect("valid");
    let table = TableRef::new("n", "t");
    assert!(
        !records
            .is_used_elsewhere(&table, &other)
            .await
            .expect("read"),
        "other jobs' cleaning goes on"
    );
}

/// Stands for a type that JSON has no word for: a number that is not finite.
#[derive(serde::Serialize, serde::Deserialize)]
struct Odd {
    figure: f64,
}

#[test]
fn what_could_not_be_read_back_is_not_written() {
    assert!(crate::to_json("odd", &Odd { figure: 0.5 }).is_ok());
    let error =
        crate::to_json("odd", &Odd { figure: f64::NAN }).expect_err("refused when it is written");
    assert!(
        matches!(error, RecordError::Malformed { kind: "odd", .. }),
        "{error}"
    );
}
