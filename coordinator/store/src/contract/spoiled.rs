//! A file in which some rows cannot be read: the others are, and what is set aside is counted.

use domain::{Entity, EntityKind, TaskState};
use service::records::OrderKind;
use service::{EntityFilter, JobFilter, ModelFilter, Store, TaskFilter};
use vocabulary::{Attempt, ErrorCode, JobId, Tenant, Timestamp};

use super::resources::experiment;
use super::samples::{job, metric, model, order, party, record, task};
use crate::SqliteStore;

async fn filled(store: &SqliteStore) {
    let mut tx = store.begin().await.expect("begins");
    for id in ["bad", "good"] {
        tx.insert_job(&job(id, 1)).await.expect("inserts");
        tx.insert_tasks(&[task(id, "reader_0", "9999", 0), task(id, "lr_0", "9999", 0)])
            .await
            .expect("inserts");
        let key = task(id, "lr_0", "9999", 0).key;
        tx.add_metrics(
            &key,
            &[metric("loss", &[(0.0, 0.7)]), metric("auc", &[(0.0, 0.9)])],
        )
        .await
        .expect("adds");
        tx.put_model(&model(id, "lr_0", 10)).await.expect("puts");
        let run = Entity::new(EntityKind::Run, id.to_owned(), Tenant::only(), Timestamp(1));
        tx.insert_entity(&Entity {
            body: serde_json::json!({}),
            ..run
        })
        .await
        .expect("inserts");
        let assign = OrderKind::Assign {
            task: task(id, "lr_0", "9999", 0).key.id,
            attempt: Attempt(0),
        };
        tx.enqueue(&order(id, "9999", assign, 10))
            .await
            .expect("enqueues");
    }
    tx.put_party(&record("9999")).await.expect("puts");
    tx.put_party(&record("10000")).await.expect("puts");
    tx.commit().await.expect("commits");
}

async fn counts(store: &SqliteStore) -> Vec<(String, u64)> {
    store
        .read()
        .await
        .expect("reads")
        .count_set_aside()
        .await
        .expect("counts")
        .into_iter()
        .collect()
}

/// Rows found by a connection that only reads are moved beside it.
async fn settled(store: &SqliteStore, kinds: &[&str]) {
    for _ in 0..200 {
        let found = counts(store).await;
        if found
            .iter()
            .map(|(kind, _)| kind.as_str())
            .eq(kinds.iter().copied())
        {
            assert!(
                found.iter().all(|(_, count)| *count == 1),
                "each once: {found:?}"
            );
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{:?} instead of {kinds:?}", counts(store).await);
}

const KINDS: [&str; 7] = ["entity", "job", "metric", "model", "order", "party", "task"];

async fn damage(store: &SqliteStore) {
    store
        .damage("UPDATE jobs SET body = '{\"id\":7' WHERE id = 'bad'")
        .await;
    store
        .damage("UPDATE tasks SET body = X'ff00' WHERE job_id = 'good' AND step = 'reader_0'")
        .await;
    store
        .damage("UPDATE metrics SET meta = 'null' WHERE job_id = 'good' AND name = 'loss'")
        .await;
    store
        .damage("UPDATE metric_pairs SET pair_value = 9e999 WHERE job_id = 'good' AND name = 'auc'")
        .await;
    store
        .damage("UPDATE models SET size = -1 WHERE version = 'bad'")
        .await;
    store
        .damage("UPDATE entities SET body = '{\"retries\": \"often\"}' WHERE id = 'bad'")
        .await;
    store
        .damage("UPDATE outbox SET errand = 'x', last_error = 'y' WHERE job_id = 'good'")
        .await;
    store
        .damage("UPDATE parties SET components = '' WHERE party = '10000'")
        .await;
}

/// Everything that lists, as the daemon does at its start and afterwards.
async fn list(store: &SqliteStore, writing: bool) {
    let mut tx = if writing {
        store.begin().await
    } else {
        store.read().await
    }
    .expect("begins");
    let (jobs, _) = tx.find_jobs(&JobFilter::default()).await.expect("lists");
    assert_eq!(
        jobs.iter().map(|job| job.id.as_str()).collect::<Vec<_>>(),
        ["good"]
    );
    assert!(
        tx.job(&JobId::new("bad").expect("valid"))
            .await
            .expect("passes it over")
            .is_none()
    );
    let tasks = tx
        .tasks_of(&JobId::new("good").expect("valid"))
        .await
        .expect("lists");
    let states: Vec<TaskState> = tasks.iter().map(|task| task.state).collect();
    assert_eq!(
        states,
        [TaskState::Failed, TaskState::Waiting],
        "a failed attempt stands in its place"
    );
    assert_eq!(
        tasks[0].fault.as_ref().map(|fault| fault.code),
        Some(ErrorCode::RecordUnreadable)
    );
    assert_eq!(
        tx.find_tasks(&TaskFilter::default())
            .await
            .expect("lists")
            .0
            .len(),
        4
    );
    let metrics = tx
        .metrics(&task("good", "lr_0", "9999", 0).key)
        .await
        .expect("lists");
    let names: Vec<(&str, usize)> = metrics
        .iter()
        .map(|metric| (metric.name.as_str(), metric.data.len()))
        .collect();
    assert_eq!(names, [("auc", 0)], "without the figure that is none");
    assert_eq!(
        tx.find_models(&ModelFilter::default())
            .await
            .expect("lists")
            .len(),
        1
    );
    assert_eq!(
        tx.find_entities(&EntityFilter::of(EntityKind::Run))
            .await
            .expect("lists")
            .0
            .len(),
        1
    );
    assert_eq!(tx.parties().await.expect("lists").len(), 1);
    tx.due_orders(&party("9999"), Timestamp(100), 10)
        .await
        .expect("lists");
    if writing {
        tx.commit().await.expect("commits");
    }
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_set_aside_and_the_others_go_on() {
    for writing in [true, false] {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("c.db");
        let store = SqliteStore::open(&path).await.expect("opens");
        filled(&store).await;
        damage(&store).await;
        list(&store, writing).await;
        settled(&store, &KINDS).await;
        list(&store, writing).await;
        // The order that was written anew from its key is sent.
        let mut tx = store.read().await.expect("reads");
        let due = tx
            .due_orders(&party("9999"), Timestamp(100), 10)
            .await
            .expect("lists");
        let good = due
            .iter()
            .find(|order| order.job.as_str() == "good")
            .expect("it is there");
        assert!(
            matches!(good.kind, OrderKind::Assign { .. }) && good.last_error.is_none(),
            "{good:?}"
        );
        assert!(tx.is_set_aside("job", "bad").await.expect("finds"));
        drop(tx);
        // And the file opens again.
        store.close().await;
        let store = SqliteStore::open(&path).await.expect("opens");
        list(&store, writing).await;
        settled(&store, &KINDS).await;
    }
}

#[tokio::test]
async fn an_experiment_that_cannot_be_read_keeps_no_other_from_its_name() {
    let store = SqliteStore::in_memory().await.expect("opens");
    let mut tx = store.begin().await.expect("begins");
    let tenant = Tenant::only();
    let first = experiment("e1", tenant.as_str(), "default", 1);
    assert!(tx.insert_experiment(&first).await.expect("inserts"));
    tx.commit().await.expect("commits");
    store.damage("UPDATE experiments SET body = ''").await;
    let mut tx = store.begin().await.expect("begins");
    assert!(
        tx.experiment_named(&tenant, "default")
            .await
            .expect("passes it over")
            .is_none()
    );
    assert!(
        tx.insert_experiment(&first).await.expect("inserts"),
        "the name is free again"
    );
    tx.commit().await.expect("commits");
}

#[test]
fn an_order_is_told_by_its_key() {
    let of = task("1", "lr_0", "9999", 2).key;
    let reason = vocabulary::Fault::new(ErrorCode::Canceled, "x");
    let cancel = OrderKind::Cancel {
        task: of.id.clone(),
        attempt: of.attempt,
        reason: reason.clone(),
    };
    let assign = OrderKind::Assign {
        task: of.id.clone(),
        attempt: of.attempt,
    };
    for kind in [
        OrderKind::Sign,
        OrderKind::Offer,
        OrderKind::Close,
        assign,
        cancel,
    ] {
        let key = kind.key(&of.id.job, &party("9999"));
        let read = OrderKind::of_key(&key, reason.clone());
        assert_eq!(
            read,
            Some((of.id.job.clone(), party("9999"), kind)),
            "{key}"
        );
    }
    for wrong in [
        "",
        "sign",
        "sign/1",
        "fetch/1/9999",
        "assign/1/lr_0/king/9999/0",
        "assign/1/lr_0/guest/9999/x",
    ] {
        assert_eq!(OrderKind::of_key(wrong, reason.clone()), None, "{wrong}");
    }
}
