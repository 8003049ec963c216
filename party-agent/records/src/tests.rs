//! What the records promise, over a reopened file.

use tempfile::TempDir;
use vocabulary::report::ReportBody;
use vocabulary::{
    Assignment, Attempt, Cast, JobId, ModelRef, PartyId, Report, Role, Stage, StepName, TableRef,
    TableSummary, TaskId, Timestamp,
};

use crate::{
    AttemptState, CheckpointRecord, Connector, Descent, ModelRecord, Permission, PermissionKind,
    Records, StoredModel,
};

pub(crate) fn task() -> TaskId {
    TaskId {
        job: JobId::new("1").expect("valid"),
        step: StepName::new("hetero_lr_0").expect("valid"),
        role: Role::Guest,
        party: PartyId::new("9999").expect("valid"),
    }
}

pub(crate) fn assignment(attempt: u32) -> Assignment {
    Assignment {
        task: task(),
        attempt: Attempt(attempt),
        component: "hetero_lr".to_owned(),
        component_version: 1,
        stage: Stage::Fit,
        cast: Cast::default(),
        step_cast: Cast::default(),
        parameters: serde_json::json!({"max_iter": 3}),
        inputs: vec![],
        models: vec![],
        outputs: vec!["data".to_owned()],
        model_version: "1".to_owned(),
        offer: "f".to_owned(),
        partitions: 4,
        deadline: None,
        limits: vocabulary::Limits::default(),
        keeps: None,
        because: None,
    }
}

pub(crate) async fn open(folder: &TempDir) -> Records {
    Records::open(&folder.path().join("records.db"))
        .await
        .expect("opened")
}

#[tokio::test]
async fn a_repeated_order_is_known() {
    let folder = TempDir::new().expect("folder");
    let records = open(&folder).await;
    assert!(
        records
            .begin_attempt(&assignment(0), Timestamp(1))
            .await
            .expect("noted")
    );
    assert!(
        !records
            .begin_attempt(&assignment(0), Timestamp(2))
            .await
            .expect("noted")
    );
    assert!(
        records
            .begin_attempt(&assignment(1), Timestamp(3))
            .await
            .expect("noted")
    );
}

#[tokio::test]
async fn what_ran_when_the_agent_died_is_lost_and_only_once() {
    let folder = TempDir::new().expect("folder");
    let records = open(&folder).await;
    records
        .begin_attempt(&assignment(0), Timestamp(1))
        .await
        .expect("noted");
    records
        .end_attempt(&task(), Attempt(0), AttemptState::Failed, Timestamp(2))
        .await
        .expect("noted");
    records
        .begin_attempt(&assignment(1), Timestamp(3))
        .await
        .expect("noted");
    records.close().await;
    let records = open(&folder).await;
    let me = task().party;
    assert_eq!(
        records.lose_running(&me, Timestamp(4)).await.expect("read"),
        [(task(), Attempt(1))]
    );
    assert_eq!(
        records.lose_running(&me, Timestamp(5)).await.expect("read"),
        []
    );
}

#[tokio::test]
async fn outputs_belong_to_the_newest_attempt() {
    let folder = TempDir::new().expect("folder");
    let records = open(&folder).await;
    let table = |name: &str| TableSummary {
        table: TableRef::new("n", name),
        data_name: None,
        rows: 1,
        partitions: 1,
        header: vec![],
        content_hash: String::new(),
    };
    for attempt in [0, 1] {
        records
            .begin_attempt(&assignment(attempt), Timestamp(1))
            .await
            .expect("noted");
        records
            .add_output(&task(), Attempt(attempt), 0, &table(&attempt.to_string()))
            .await
            .expect("noted");
    }
    let newest = records
        .newest_attempt(&task().job, &task().step, Role::Guest)
        .await
        .expect("read")
        .expect("known");
    assert_eq!(newest.outputs, [(0, table("1"))]);
    assert_eq!(
        records.attempts_of(&task().job).await.expect("read").len(),
        1
    );
}

#[tokio::test]
async fn reports_wait_over_a_restart_until_they_are_taken() {
    let folder = TempDir::new().expect("folder");
    let records = open(&folder).await;
    let report = Report {
        task: task(),
        attempt: Attempt(0),
        body: ReportBody::Started,
    };
    records.post(&report).await.expect("kept");
    records.post(&report).await.expect("kept");
    records.close().await;
    let records = open(&folder).await;
    let waiting = records.posted(10).await.expect("read");
    assert_eq!(waiting.len(), 2);
    records.acknowledge(&[waiting[0].0]).await.expect("taken");
    assert_eq!(records.posted(10).await.expect("read"), waiting[1..]);
}

#[tokio::test]
async fn keeps_several_models_with_what_belongs_to_them() {
    let folder = TempDir::new().expect("folder");
    let records = open(&folder).await;
    let at = ModelRef {
        version: "1".to_owned(),
        step: task().step,
        owner: task().participant(),
    };
    let record = |byte: u8| ModelRecord {
        component: "c".to_owned(),
        component_version: 1,
        content: vec![byte],
    };
    let kept = |step_index: u32| CheckpointRecord {
        step_index,
        step_name: format!("epoch_{step_index}"),
        model: record(9),
        saved: Timestamp(1),
    };
    let first = StoredModel {
        at: at.clone(),
        record: record(1),
        view: Some("{}".to_owned()),
        checkpoints: vec![kept(0), kept(1)],
    };
    records
        .save_models(std::slice::from_ref(&first), Timestamp(1))
        .await
        .expect("kept");
    assert!(records.model(&at).await.expect("read") == Some(record(1)));
    assert_eq!(
        records.model_view(&at).await.expect("read").as_deref(),
        Some("{}")
    );
    assert_eq!(records.checkpoints(&at).await.expect("read").len(), 2);
    let second = StoredModel {
        record: record(2),
        view: None,
        checkpoints: vec![kept(7)],
        ..first
    };
    records
        .save_models(&[second], Timestamp(2))
        .await
        .expect("kept");
    assert_eq!(
        records
            .model(&at)
            .await
            .expect("read")
            .expect("there")
            .content,
        [2]
    );
    let left: Vec<u32> = records
        .checkpoints(&at)
        .await
        .expect("read")
        .iter()
        .map(|kept| kept.step_index)
        .collect();
    assert_eq!(left, [7]);
}

#[tokio::test]
async fn keeps_models_by_version_step_and_role() {
    let folder = TempDir::new().expect("folder");
    let records = open(&folder).await;
    let model = ModelRef {
        version: "1".to_owned(),
        step: task().step,
        owner: task().participant(),
    };
    let record = ModelRecord {
        component: "hetero_lr".to_owned(),
        component_version: 1,
        content: vec![1, 2, 3],
    };
    records
        .save_model(&model, &record, Timestamp(1))
        .await
        .expect("kept");
    assert!(records.model(&model).await.expect("read") == Some(record));
    let other = ModelRef {
        version: "2".to_owned(),
        ..model
    };
    assert!(records.model(&other).await.expect("read").is_none());
}

#[tokio::test]
async fn the_audit_chain_of_format_0_is_read_in_pieces() {
    let folder = TempDir::new().expect("folder");
    let records = open(&folder).await;
    for number in 0..5 {
        sqlx::query("INSERT INTO audit (at_micros, entry, hash) VALUES ($1, '{}', 'h')")
            .bind(number)
            .execute(&records.pool)
            .await
            .expect("written");
    }
    let piece = records.old_audit_entries(0, 3).await.expect("read");
    assert_eq!(
        piece.iter().map(|entry| entry.number).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    let piece = records.old_audit_entries(3, 3).await.expect("read");
    assert_eq!(
        piece
            .iter()
            .map(|entry| entry.at_micros)
            .collect::<Vec<_>>(),
        [3, 4]
    );
    sqlx::query("UPDATE audit SET at_micros = 'x' WHERE number = 2")
        .execute(&records.pool)
        .await
        .expect("spoiled");
    assert!(records.old_audit_entries(0, 3).await.is_err());
}

#[tokio::test]
async fn knows_where_tables_came_from_over_several_steps() {
    let folder = TempDir::new().expect("folder");
    let records = open(&folder).await;
    let table = |name: &str| TableRef::new("n", name);
    let job = |id: &str| JobId::new(id).expect("valid");
    records
        .add_root(&table("upload"), Some(&job("1")), false)
        .await
        .expect("kept");
    records
        .add_descent(&table("read"), &[table("upload")], Some(&job("2")))
        .await
        .expect("kept");
    let parents = [table("read"), table("older")];
    records
        .add_descent(&table("made"), &parents, Some(&job("2")))
        .await
        .expect("kept");
    records
        .add_descent(&table("made"), &parents, Some(&job("2")))
        .await
        .expect("repeated");
    records.close().await;
    let records = open(&folder).await;
    let descent = async |name: &str| records.descent_of(&table(name)).await.expect("read");
    let line = |parent: &str, source: &str| Descent {
        parent: table(parent),
        source: table(source),
    };
    assert_eq!(descent("upload").await, Some(vec![]));
    assert_eq!(
        descent("made").await,
        Some(vec![line("older", "older"), line("read", "upload")])
    );
    assert_eq!(descent("older").await, None);
    let jobs = async |name: &str| records.jobs_of_table(&table(name)).await.expect("read");
    assert_eq!(
        (jobs("upload").await, jobs("older").await),
        (vec!["2".to_owned(), "1".to_owned()], vec!["2".to_owned()])
    );
    records
        .add_root(&table("upload"), Some(&job("3")), true)
        .await
        .expect("rows added");
    assert_eq!(jobs("upload").await.len(), 3);
    records
        .forget_descent(&table("made"))
        .await
        .expect("forgotten");
    assert_eq!(descent("made").await, None);
}

#[tokio::test]
async fn keeps_grants_over_a_restart_until_they_are_withdrawn() {
    let folder = TempDir::new().expect("folder");
    let records = open(&folder).await;
    let party = PartyId::new("10000").expect("valid");
    let grant = |kind, name: &str, role| Permission {
        kind,
        role,
        namespace: String::new(),
        name: name.to_owned(),
    };
    let reader = grant(PermissionKind::Component, "reader", None);
    let guest = grant(PermissionKind::Component, "reader", Some(Role::Guest));
    let table = Permission {
        namespace: "n".to_owned(),
        ..grant(PermissionKind::Dataset, "t", None)
    };
    let all = [reader.clone(), guest.clone(), table.clone()];
    records
        .grant(&party, &all, Timestamp(1))
        .await
        .expect("granted");
    records
        .grant(&party, &all, Timestamp(2))
        .await
        .expect("granted again");
    records.close().await;
    let records = open(&folder).await;
    assert_eq!(records.permissions_of(&party).await.expect("read"), all);
    records
        .withdraw(
            &party,
            &[reader, grant(PermissionKind::Command, "run", None)],
        )
        .await
        .expect("withdrawn");
    assert_eq!(
        records.permissions_of(&party).await.expect("read"),
        [guest, table]
    );
    assert_eq!(
        records
            .permissions_of(&PartyId::new("1").expect("valid"))
            .await
            .expect("read"),
        []
    );
}

#[tokio::test]
async fn keeps_connectors_and_pinned_keys_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().expect("folder");
    let file = folder.path().join("records.db");
    std::fs::write(&file, "").expect("made");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("opened to all");
    let records = open(&folder).await;
    let connector = |secret: &str| Connector {
        engine: "MYSQL".to_owned(),
        info: serde_json::json!({"host": "h", "passwd": secret}),
    };
    records
        .save_connector("c", &connector("one"))
        .await
        .expect("kept");
    records
        .save_connector("c", &connector("two"))
        .await
        .expect("replaced");
    assert!(records.connector("c").await.expect("read") == Some(connector("two")));
    assert!(records.connector("d").await.expect("read").is_none());
    let party = PartyId::new("10000").expect("valid");
    assert!(
        !records
            .pin_key(&party, "a", Timestamp(1))
            .await
            .expect("pinned")
    );
    assert!(
        records
            .pin_key(&party, "b", Timestamp(2))
            .await
            .expect("pinned")
    );
    assert_eq!(
        records.pinned_keys().await.expect("read"),
        [(party.clone(), "b".to_owned())]
    );
    assert!(records.unpin_key(&party).await.expect("unpinned"));
    assert!(!records.unpin_key(&party).await.expect("unpinned"));
    for entry in std::fs::read_dir(folder.path()).expect("files") {
        let entry = entry.expect("a file");
        assert_eq!(
            entry.metadata().expect("facts").permissions().mode() & 0o077,
            0,
            "{}",
            entry.path().display()
        );
    }
}

#[tokio::test]
async fn reports_that_are_posted_together_keep_their_order() {
    let folder = TempDir::new().expect("folder");
    let records = open(&folder).await;
    let report = |attempt: u32| Report {
        task: task(),
        attempt: Attempt(attempt),
        body: ReportBody::Started,
    };
    records
        .post_all(&[report(0), report(1), report(2)])
        .await
        .expect("posted");
    records.close().await;
    let records = open(&folder).await;
    let posted = records.posted(10).await.expect("read");
    assert_eq!(
        posted
            .iter()
            .map(|(_, report)| report.attempt.0)
            .collect::<Vec<_>>(),
        [0, 1, 2]
    );
}
