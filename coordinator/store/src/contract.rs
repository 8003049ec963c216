//! What every store must do: one suite, run on memory, on SQLite in memory, and on a file that is reopened in the middle.
#![allow(
    clippy::too_many_lines,
    reason = "a claim about a store is one list of steps"
)]

mod jobs;
mod models;
mod resources;
mod rest;
mod rows;
mod samples;
mod spoiled;

use std::sync::Arc;

use domain::JobState;
use service::records::{OrderKind, TextKind};
use service::{JobFilter, Store, Tally};
use vocabulary::{ErrorCode, Fault, PartyId};

use crate::{MemoryStore, SqliteStore};
use jobs::{
    finds_jobs, keeps_jobs_whole, leaves_no_trace_without_commit,
    takes_lists_and_texts_of_any_length,
};
use models::{keeps_tags, keeps_versions_and_parts};
use resources::{
    archives_the_jobs_of_an_experiment, keeps_entities, keeps_experiments, keeps_queues_in_order,
    pages_events_both_ways, pages_experiments,
};
use rest::{
    claims_due_jobs_once, counts_what_was_told, keeps_orders_until_they_are_done,
    keeps_texts_models_and_parties, knows_the_newest_try, merges_metrics,
};
use rows::finds_rows;
use samples::{job, metric, order, record, task};

async fn suite(store: &dyn Store) {
    keeps_jobs_whole(store).await;
    leaves_no_trace_without_commit(store).await;
    finds_jobs(store).await;
    takes_lists_and_texts_of_any_length(store).await;
    finds_rows(store).await;
    claims_due_jobs_once(store).await;
    knows_the_newest_try(store).await;
    merges_metrics(store).await;
    counts_what_was_told(store).await;
    keeps_texts_models_and_parties(store).await;
    keeps_orders_until_they_are_done(store).await;
    keeps_versions_and_parts(store).await;
    keeps_tags(store).await;
    keeps_experiments(store).await;
    pages_experiments(store).await;
    archives_the_jobs_of_an_experiment(store).await;
    keeps_entities(store).await;
    pages_events_both_ways(store).await;
    keeps_queues_in_order(store).await;
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    suite(&MemoryStore::default()).await;
}

#[tokio::test]
async fn sqlite_in_memory_keeps_the_contract() {
    suite(&SqliteStore::in_memory().await.expect("opens")).await;
}

#[tokio::test]
async fn sqlite_in_a_file_keeps_the_contract() {
    let folder = tempfile::tempdir().expect("folder");
    suite(
        &SqliteStore::open(&folder.path().join("c.db"))
            .await
            .expect("opens"),
    )
    .await;
}

#[tokio::test]
async fn a_file_that_is_opened_again_has_everything() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("c.db");
    let first = SqliteStore::open(&path).await.expect("opens");
    let mut tx = first.begin().await.expect("begins");
    assert!(tx.insert_job(&job("1", 10)).await.expect("inserts"));
    tx.insert_tasks(&[task("1", "reader_0", "9999", 0)])
        .await
        .expect("inserts");
    tx.add_metrics(
        &task("1", "reader_0", "9999", 0).key,
        &[metric("loss", &[(0.0, 0.7)])],
    )
    .await
    .expect("adds");
    tx.enqueue(&order("1", "9999", OrderKind::Sign, 10))
        .await
        .expect("enqueues");
    tx.put_party(&record("9999")).await.expect("puts");
    tx.commit().await.expect("commits");
    // A transaction that is open when the process dies.
    let mut tx = first.begin().await.expect("begins");
    tx.insert_job(&job("2", 20)).await.expect("inserts");
    drop(tx);
    drop(first);
    let second = SqliteStore::open(&path).await.expect("opens again");
    let mut tx = second.begin().await.expect("begins");
    assert_eq!(
        tx.job(&"1".parse().expect("id")).await.expect("reads"),
        Some(job("1", 10))
    );
    assert_eq!(
        tx.job(&"2".parse().expect("id")).await.expect("reads"),
        None
    );
    assert_eq!(
        tx.tasks_of(&"1".parse().expect("id")).await.expect("reads"),
        vec![task("1", "reader_0", "9999", 0)]
    );
    assert_eq!(
        tx.orders_of(&"1".parse().expect("id"))
            .await
            .expect("reads")
            .len(),
        1
    );
    assert_eq!(tx.parties().await.expect("reads"), vec![record("9999")]);
    assert_eq!(
        tx.metrics(&task("1", "reader_0", "9999", 0).key)
            .await
            .expect("reads")
            .len(),
        1
    );
    assert!(
        !tx.insert_job(&job("1", 10)).await.expect("answers"),
        "the id is taken"
    );
    drop(tx);
    // And the suite runs beside what is there.
    second.close().await;
    suite_after_reopening(&path).await;
}

async fn suite_after_reopening(path: &std::path::Path) {
    let store = SqliteStore::open(path).await.expect("opens");
    merges_metrics(&store).await;
    keeps_orders_until_they_are_done(&store).await;
    knows_the_newest_try(&store).await;
}

#[tokio::test]
async fn counts_begin_with_what_an_earlier_release_kept() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("c.db");
    let store = SqliteStore::open(&path).await.expect("opens");
    let mut tx = store.begin().await.expect("begins");
    tx.insert_job(&job("1", 10)).await.expect("inserts");
    let key = task("1", "lr_0", "9999", 0).key;
    tx.put_text(&key, TextKind::Summary, &"s".repeat(1_000))
        .await
        .expect("puts");
    tx.put_text(&key, TextKind::ModelView, &"v".repeat(10_000))
        .await
        .expect("puts");
    tx.add_metrics(&key, &[metric("loss", &[(0.0, 0.7), (1.0, 0.6)])])
        .await
        .expect("adds");
    tx.count_told(Tally::Party, "9999", 1 << 40)
        .await
        .expect("counts");
    tx.count_told(Tally::Tenant, "someone", 1 << 40)
        .await
        .expect("counts");
    tx.commit().await.expect("commits");
    store.close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut raw = sqlx::ConnectOptions::connect(&options)
        .await
        .expect("connects");
    sqlx::raw_sql(include_str!("../migrations/0015_told_of_parties.sql"))
        .execute(&mut raw)
        .await
        .expect("migrates");
    sqlx::Connection::close(raw).await.expect("closes");
    let store = SqliteStore::open(&path).await.expect("opens");
    let mut tx = store.read().await.expect("reads");
    let party = tx.told(Tally::Party, "9999").await.expect("reads");
    let cleaned = tx.told(Tally::Cleaned, "1/9999").await.expect("reads");
    assert!((11_000..13_000).contains(&party), "{party}");
    assert_eq!(cleaned, party - 10_064, "all but the view");
    assert_eq!(tx.told(Tally::Tenant, "/9999").await.expect("reads"), party);
    assert_eq!(
        tx.told(Tally::Tenant, "someone").await.expect("reads"),
        0,
        "no count of all parties together"
    );
}

#[tokio::test]
async fn refuses_a_schema_of_a_newer_release() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("c.db");
    SqliteStore::open(&path).await.expect("opens").close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut raw = sqlx::ConnectOptions::connect(&options)
        .await
        .expect("connects");
    sqlx::query("INSERT INTO schema_version (version, applied) VALUES (999, 0)")
        .execute(&mut raw)
        .await
        .expect("writes");
    sqlx::Connection::close(raw).await.expect("closes");
    let error = SqliteStore::open(&path).await.err().expect("is refused");
    assert!(error.to_string().contains("newer release"), "{error}");
}

#[tokio::test]
async fn tells_a_full_disk_from_other_failures() {
    let store = SqliteStore::in_memory().await.expect("opens");
    let mut tx = store.begin().await.expect("begins");
    tx.insert_job(&job("1", 1)).await.expect("inserts");
    tx.commit().await.expect("commits");
    store.limit_pages().await;
    let mut tx = store.begin().await.expect("begins");
    let mut large = job("2", 1);
    large.description = "x".repeat(4_000_000);
    let error = tx.insert_job(&large).await.expect_err("there is no space");
    assert_eq!(error.fault().code, ErrorCode::StorageFull, "{error}");
    drop(tx);
    let mut tx = store.read().await.expect("reads");
    assert!(
        tx.job(&"1".parse().expect("id"))
            .await
            .expect("reads")
            .is_some(),
        "what was stored stays"
    );
}

#[tokio::test]
async fn writes_again_once_a_full_disk_has_space() {
    let folder = tempfile::tempdir().expect("folder");
    let store = SqliteStore::open(&folder.path().join("store.db"))
        .await
        .expect("opens");
    store.limit_pages().await;
    let mut large = job("1", 1);
    large.description = "x".repeat(4_000_000);
    let mut tx = store.begin().await.expect("begins");
    assert_eq!(
        tx.insert_job(&large)
            .await
            .expect_err("no capacity")
            .fault()
            .code,
        ErrorCode::StorageFull
    );
    drop(tx);
    store.lift_limit().await;
    let mut tx = store.begin().await.expect("the connection is sound");
    tx.insert_job(&large).await.expect("there is capacity");
    tx.commit().await.expect("commits");
}

/// The service's loop on this store: one job whose row is damaged, and one that is to be stopped.
#[tokio::test]
async fn a_damaged_job_keeps_no_other_from_its_turn() {
    let store = Arc::new(SqliteStore::in_memory().await.expect("opens"));
    let mut tx = store.begin().await.expect("begins");
    for id in ["damaged", "sound"] {
        tx.insert_job(&job(id, 1)).await.expect("inserts");
    }
    tx.commit().await.expect("commits");
    store
        .damage("UPDATE jobs SET body = '{' WHERE id = 'damaged'")
        .await;
    let clock = Arc::new(vocabulary::SystemClock);
    let c = service::Coordinator::new(
        store.clone(),
        Arc::new(Nobody),
        clock,
        service::Options::default(),
    );
    let stop = tokio_util::sync::CancellationToken::new();
    let driving = tokio::spawn({
        let (c, stop) = (c.clone(), stop.clone());
        async move { c.run(stop).await }
    });
    let sound = "sound".parse().expect("id");
    let stopped = c
        .jobs()
        .stop(&service::Principal::operator(), &sound, JobState::Canceled)
        .await
        .expect("stops");
    assert_eq!(stopped.state, JobState::Canceled);
    assert!(
        c.jobs().get(&"damaged".parse().expect("id")).await.is_err(),
        "told as what it is"
    );
    stop.cancel();
    driving.await.expect("ends");
}

struct Nobody;

#[async_trait::async_trait]
impl service::AgentGateway for Nobody {
    async fn call(
        &self,
        party: &PartyId,
        _: service::Order,
        _: std::time::Duration,
    ) -> Result<service::OrderReply, Fault> {
        Err(Fault::new(ErrorCode::PartyOffline, "nobody is here").at(party))
    }
}

#[tokio::test]
async fn readers_do_not_wait_for_a_writer() {
    let folder = tempfile::tempdir().expect("folder");
    let store = SqliteStore::open(&folder.path().join("c.db"))
        .await
        .expect("opens");
    let mut writer = store.begin().await.expect("begins");
    writer.insert_job(&job("1", 1)).await.expect("inserts");
    let seen = store
        .read()
        .await
        .expect("reads")
        .job(&"1".parse().expect("id"))
        .await
        .expect("reads");
    assert_eq!(seen, None, "not committed yet");
    writer.commit().await.expect("commits");
    assert!(
        store
            .read()
            .await
            .expect("reads")
            .job(&"1".parse().expect("id"))
            .await
            .expect("reads")
            .is_some()
    );
}

#[tokio::test]
async fn writers_at_once_lose_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let store = Arc::new(
        SqliteStore::open(&folder.path().join("c.db"))
            .await
            .expect("opens"),
    );
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..40 {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            let mut tx = store.begin().await.expect("begins");
            tx.insert_job(&job(&number.to_string(), number))
                .await
                .expect("inserts");
            tx.commit().await.expect("commits");
        });
    }
    writers.join_all().await;
    let (_, total) = store
        .read()
        .await
        .expect("reads")
        .find_jobs(&JobFilter::default())
        .await
        .expect("finds");
    assert_eq!(total, 40);
}
