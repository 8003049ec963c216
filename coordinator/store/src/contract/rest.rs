//! What a store promises of claims, attempts, metrics, texts, models, parties and orders.

use domain::TaskState;
use service::records::{OrderKind, PendingOrder, TextKind};
use service::{JobFilter, ModelFilter, Store, Tally, TaskFilter};
use vocabulary::{
    Attempt, ErrorCode, Fault, MetricData, Participant, PartyId, Role, TaskId, Timestamp,
};

use super::samples::{job, metric, model, order, party, record, task};

pub(super) async fn claims_due_jobs_once(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    for state in tx.find_jobs(&JobFilter::default()).await.expect("finds").0 {
        tx.release_job(&state.id, None).await.expect("releases");
    }
    assert_eq!(tx.next_due().await.expect("reads"), None);
    tx.insert_job(&job("due1", 5_000)).await.expect("inserts");
    tx.insert_job(&job("due2", 4_000)).await.expect("inserts");
    assert_eq!(tx.next_due().await.expect("reads"), Some(Timestamp(4_000)));
    let (now, until) = (Timestamp(6_000), Timestamp(7_000));
    let names =
        |ids: Vec<vocabulary::JobId>| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(
        tx.claim_due("a", Timestamp(3_999), until, 9)
            .await
            .expect("claims")
            .is_empty(),
        "nothing is due yet"
    );
    assert_eq!(
        names(tx.claim_due("a", now, until, 1).await.expect("claims")),
        ["due2"],
        "longest due first"
    );
    assert_eq!(
        names(tx.claim_due("b", now, until, 9).await.expect("claims")),
        ["due1"],
        "the other is taken"
    );
    assert!(
        tx.claim_due("b", now, until, 9)
            .await
            .expect("claims")
            .len()
            == 1,
        "its own claim is no hindrance"
    );
    let due2 = "due2".parse().expect("id");
    assert!(tx.hold_job(&due2, "a").await.expect("holds"));
    assert!(!tx.hold_job(&due2, "b").await.expect("answers"));
    let late = tx
        .claim_due("b", until, Timestamp(8_000), 9)
        .await
        .expect("claims");
    assert_eq!(late.len(), 2, "a claim that ran out is free");
    assert!(
        !tx.hold_job(&due2, "a").await.expect("answers"),
        "the claim is lost"
    );
    tx.release_job(&due2, None).await.expect("releases");
    tx.release_job(&"due1".parse().expect("id"), Some(Timestamp(9_000)))
        .await
        .expect("releases");
    assert_eq!(tx.next_due().await.expect("reads"), Some(Timestamp(9_000)));
    tx.poke_job(&due2, Timestamp(8_500)).await.expect("pokes");
    tx.poke_job(&due2, Timestamp(8_600)).await.expect("pokes");
    assert_eq!(
        tx.next_due().await.expect("reads"),
        Some(Timestamp(8_500)),
        "the earlier moment stands"
    );
    tx.poke_party(&party("10000"), Timestamp(8_000))
        .await
        .expect("pokes");
    assert_eq!(
        tx.claim_due("a", Timestamp(8_000), until, 99)
            .await
            .expect("claims")
            .len(),
        3,
        "unsettled jobs of the party"
    );
    tx.poke_all(Timestamp(7_900)).await.expect("pokes");
    assert_eq!(tx.next_due().await.expect("reads"), Some(Timestamp(7_900)));
}

pub(super) async fn knows_the_newest_try(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    let first = [
        task("try", "b_0", "9999", 0),
        task("try", "a_0", "9999", 0),
        task("try", "a_0", "10000", 0),
    ];
    tx.insert_tasks(&first).await.expect("inserts");
    tx.insert_tasks(&first)
        .await
        .expect("inserts the same again");
    assert_eq!(
        tx.tasks_of(&"try".parse().expect("id"))
            .await
            .expect("reads"),
        first.to_vec(),
        "in the order added"
    );
    let mut running = first[1].clone();
    running.state = TaskState::Running;
    assert!(tx.save_task(&running).await.expect("saves"));
    assert!(
        !tx.save_task(&task("try", "zz", "9999", 0))
            .await
            .expect("answers")
    );
    assert_eq!(
        tx.active_at(&party("9999")).await.expect("reads"),
        vec![running.clone()]
    );
    let again = task("try", "a_0", "9999", 1);
    tx.insert_tasks(std::slice::from_ref(&again))
        .await
        .expect("inserts");
    assert_eq!(
        tx.task(&again.key.id).await.expect("reads"),
        Some(again.clone())
    );
    let newest = tx
        .tasks_of(&"try".parse().expect("id"))
        .await
        .expect("reads");
    assert_eq!(
        newest,
        vec![first[0].clone(), again.clone(), first[2].clone()],
        "in its old place"
    );
    let of_job = TaskFilter {
        job: Some("try".parse().expect("id")),
        ..TaskFilter::default()
    };
    assert_eq!(tx.find_tasks(&of_job).await.expect("finds").1, 3);
    let all = TaskFilter {
        all_attempts: true,
        step: Some("a_0".parse().expect("step")),
        ..of_job.clone()
    };
    assert_eq!(tx.find_tasks(&all).await.expect("finds").1, 3);
    let running_ones = TaskFilter {
        states: vec![TaskState::Running],
        all_attempts: true,
        ..of_job.clone()
    };
    assert_eq!(
        tx.find_tasks(&running_ones).await.expect("finds").0,
        vec![running]
    );
    let paged = TaskFilter {
        limit: Some(1),
        offset: 2,
        newest_first: true,
        ..of_job.clone()
    };
    assert_eq!(
        tx.find_tasks(&paged).await.expect("finds").0,
        vec![first[0].clone()]
    );
    let host = TaskFilter {
        party: Some(party("10000")),
        role: Some(Role::Guest),
        ..of_job
    };
    assert_eq!(
        tx.find_tasks(&host).await.expect("finds").0,
        vec![first[2].clone()]
    );
    let absent = TaskId {
        step: "none".parse().expect("step"),
        ..again.key.id
    };
    assert_eq!(tx.task(&absent).await.expect("reads"), None);
}

pub(super) async fn merges_metrics(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    let key = task("metrics", "lr_0", "9999", 0).key;
    tx.add_metrics(
        &key,
        &[
            metric("loss", &[(2.0, 0.5), (0.0, 0.7)]),
            metric("auc", &[]),
        ],
    )
    .await
    .expect("adds");
    tx.add_metrics(
        &key,
        &[metric("loss", &[(10.0, 0.1), (2.0, 0.4), (2.0, 0.45)])],
    )
    .await
    .expect("adds");
    let mut named = metric("named", &[]);
    named.data = MetricData::Values(vec![("ks".into(), 0.8), ("auc".into(), 0.9)])
        .finite()
        .0;
    tx.add_metrics(&key, &[named]).await.expect("adds");
    tx.put_text(&key, TextKind::Summary, "{\"a\": 1}")
        .await
        .expect("puts");
    tx.commit().await.expect("commits");
    let mut tx = store.read().await.expect("reads");
    let merged = tx.metrics(&key).await.expect("reads");
    let names: Vec<&str> = merged.iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(
        names,
        ["loss", "auc", "named"],
        "in the order of the first report"
    );
    assert_eq!(
        merged[0].data.plain(),
        MetricData::Points(vec![(0.0, 0.7), (2.0, 0.45), (10.0, 0.1)])
    );
    assert!(merged[1].data.is_empty());
    assert_eq!(
        merged[2].data.plain(),
        MetricData::Values(vec![("auc".into(), 0.9), ("ks".into(), 0.8)])
    );
    let other_try = domain::TaskKey {
        attempt: Attempt(1),
        ..key.clone()
    };
    assert!(
        tx.metrics(&other_try).await.expect("reads").is_empty(),
        "each attempt has its own"
    );
    drop(tx);
    let mut tx = store.begin().await.expect("begins");
    let mut changed = metric("loss", &[]);
    changed.data = MetricData::Values(vec![("last".into(), 1.0)]).finite().0;
    tx.add_metrics(&key, &[changed.clone()])
        .await
        .expect("adds");
    assert_eq!(
        tx.metrics(&key).await.expect("reads")[0].data,
        changed.data,
        "another kind takes its place"
    );
    let other = PartyId::new("77").expect("valid");
    assert!(
        !tx.delete_metrics(&key.id.job, Some(&other))
            .await
            .expect("another party has none")
    );
    assert!(
        tx.delete_metrics(&key.id.job, Some(&key.id.party))
            .await
            .expect("deletes")
    );
    assert!(!tx.delete_metrics(&key.id.job, None).await.expect("answers"));
    assert!(tx.metrics(&key).await.expect("reads").is_empty());
}

pub(super) async fn counts_what_was_told(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    for (counted, name, more) in [
        (Tally::Party, "p1", 40),
        (Tally::Party, "p1", 2),
        (Tally::Party, "p2", 5),
        (Tally::Tenant, "p1", 9),
    ] {
        tx.count_told(counted, name, more).await.expect("counts");
    }
    tx.commit().await.expect("commits");
    let mut tx = store.begin().await.expect("begins");
    tx.lower_told(Tally::Party, "p1", 1_000)
        .await
        .expect("lowers");
    tx.count_told(Tally::Party, "p2", 1_000)
        .await
        .expect("counts");
    drop(tx);
    let mut tx = store.begin().await.expect("begins");
    assert_eq!(
        tx.told(Tally::Party, "p1").await.expect("reads"),
        42,
        "nothing stands without a commit"
    );
    for (less, left) in [(2, 40), (0, 40), (39, 1), (u64::MAX, 0), (1, 0)] {
        tx.lower_told(Tally::Party, "p1", less)
            .await
            .expect("lowers");
        assert_eq!(
            tx.told(Tally::Party, "p1").await.expect("reads"),
            left,
            "{less}"
        );
    }
    tx.count_told(Tally::Party, "p1", 3).await.expect("counts");
    let mut others = Vec::new();
    for (counted, name) in [
        (Tally::Party, "p1"),
        (Tally::Party, "p2"),
        (Tally::Tenant, "p1"),
    ] {
        others.push(tx.told(counted, name).await.expect("reads"));
    }
    assert_eq!(others, [3, 5, 9], "each is counted by itself");
    // Texts of one kind, of one party's tasks of one job.
    let keys = [("told", "9999"), ("told", "10000"), ("told2", "9999")]
        .map(|(job, by)| task(job, "lr_0", by, 0).key);
    for key in &keys {
        tx.put_text(key, TextKind::Summary, "1")
            .await
            .expect("puts");
        tx.put_text(key, TextKind::ModelView, "2")
            .await
            .expect("puts");
    }
    let job = keys[0].id.job.clone();
    tx.delete_texts(&job, &keys[0].id.party, TextKind::Summary)
        .await
        .expect("deletes");
    let mut left = Vec::new();
    for key in &keys {
        left.push(
            tx.text(key, TextKind::Summary)
                .await
                .expect("reads")
                .is_some(),
        );
        assert!(
            tx.text(key, TextKind::ModelView)
                .await
                .expect("reads")
                .is_some()
        );
    }
    assert_eq!(left, [false, true, true]);
}

pub(super) async fn keeps_texts_models_and_parties(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    let key = task("texts", "lr_0", "9999", 0).key;
    tx.put_text(&key, TextKind::Summary, "1")
        .await
        .expect("puts");
    tx.put_text(&key, TextKind::Summary, "2")
        .await
        .expect("puts");
    assert_eq!(
        tx.text(&key, TextKind::Summary)
            .await
            .expect("reads")
            .as_deref(),
        Some("2")
    );
    assert_eq!(
        tx.text(&key, TextKind::ModelView).await.expect("reads"),
        None
    );
    tx.put_model(&model("v1", "lr_0", 10)).await.expect("puts");
    tx.put_model(&model("v1", "lr_0", 20)).await.expect("puts");
    tx.put_model(&model("v2", "lr_0", 30)).await.expect("puts");
    let v1 = ModelFilter {
        version: Some("v1".into()),
        ..ModelFilter::default()
    };
    assert_eq!(
        tx.find_models(&v1).await.expect("finds"),
        vec![model("v1", "lr_0", 20)]
    );
    let owner = Participant::new(Role::Guest, party("9999"));
    let own = ModelFilter {
        owner: Some(owner),
        ..ModelFilter::default()
    };
    assert_eq!(tx.find_models(&own).await.expect("finds").len(), 2);
    tx.put_party(&record("7")).await.expect("puts");
    let mut later = record("7");
    later.rest = Some("https://seven".into());
    tx.put_party(&later).await.expect("puts");
    assert!(tx.parties().await.expect("reads").contains(&later));
}

pub(super) async fn keeps_orders_until_they_are_done(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    let own: PartyId = party("outbox");
    let attempt = Attempt(0);
    let assign = OrderKind::Assign {
        task: task("o", "a_0", "outbox", 0).key.id,
        attempt,
    };
    let orders: Vec<PendingOrder> = vec![
        order("o", "outbox", OrderKind::Offer, 10),
        order("o", "outbox", assign, 5),
    ];
    for order in &orders {
        assert!(tx.enqueue(order).await.expect("enqueues"));
        assert!(
            !tx.enqueue(order).await.expect("answers"),
            "the same order waits once"
        );
    }
    let keys = |orders: Vec<PendingOrder>| {
        orders
            .into_iter()
            .map(|order| order.key)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        tx.next_order(&own).await.expect("reads"),
        Some(Timestamp(5))
    );
    let due = tx.due_orders(&own, Timestamp(10), 9).await.expect("reads");
    assert_eq!(
        due,
        vec![orders[1].clone(), orders[0].clone()],
        "oldest first"
    );
    assert_eq!(
        keys(tx.due_orders(&own, Timestamp(9), 9).await.expect("reads")),
        [orders[1].key.clone()]
    );
    let fault = Fault::new(ErrorCode::PeerTimeout, "slow");
    tx.postpone_order(&orders[1].key, Timestamp(50), &fault)
        .await
        .expect("postpones");
    assert_eq!(
        keys(tx.due_orders(&own, Timestamp(49), 9).await.expect("reads")),
        [orders[0].key.clone()]
    );
    let late = tx.due_orders(&own, Timestamp(50), 9).await.expect("reads");
    assert_eq!(
        (late[1].attempts, late[1].last_error.clone()),
        (1, Some(fault.clone()))
    );
    let fresh = tx
        .postpone_party(&own, Timestamp(90), &fault)
        .await
        .expect("postpones");
    assert_eq!(
        fresh,
        vec!["o".parse().expect("id")],
        "one of its orders had met no error"
    );
    assert!(
        tx.postpone_party(&own, Timestamp(90), &fault)
            .await
            .expect("postpones")
            .is_empty()
    );
    tx.recall_party(&own, Timestamp(60)).await.expect("recalls");
    assert_eq!(
        tx.due_orders(&own, Timestamp(60), 9)
            .await
            .expect("reads")
            .len(),
        2
    );
    assert!(
        tx.parties_with_orders()
            .await
            .expect("reads")
            .contains(&own)
    );
    assert_eq!(
        tx.orders_of(&"o".parse().expect("id"))
            .await
            .expect("reads")
            .len(),
        2
    );
    for order in &orders {
        assert!(tx.remove_order(&order.key).await.expect("removes"));
        assert!(!tx.remove_order(&order.key).await.expect("answers"));
    }
    assert_eq!(tx.next_order(&own).await.expect("reads"), None);
}
