//! Experiments, entities, events and queues.

use domain::experiment::query::{Comparison, Field, Literal, Predicate, Query};
use domain::page::Direction;
use domain::{Entity, EntityKind, Event, Experiment, JobState, NewExperiment};
use service::{EntityFilter, EventQuery, Store};
use vocabulary::{ExperimentId, Tenant, Timestamp};

use super::samples::job;

fn tenant(name: &str) -> Tenant {
    Tenant::new(name).expect("valid")
}

pub(super) fn experiment(id: &str, whose: &str, name: &str, created: i64) -> Experiment {
    let id = ExperimentId::new(id).expect("valid");
    NewExperiment::named(tenant(whose), name)
        .make(id, false, Timestamp(created))
        .expect("made")
}

pub(super) async fn keeps_experiments(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    let first = experiment("x1", "t1", "training", 3_000_000);
    assert!(tx.insert_experiment(&first).await.expect("inserts"));
    assert!(
        !tx.insert_experiment(&first).await.expect("answers"),
        "the id is taken"
    );
    assert!(
        !tx.insert_experiment(&experiment("x2", "t1", "training", 1))
            .await
            .expect("answers"),
        "the name is taken"
    );
    assert!(
        tx.insert_experiment(&experiment("x3", "t2", "training", 2_500_000))
            .await
            .expect("another tenant's name")
    );
    assert!(
        tx.insert_experiment(&experiment("x4", "t1", "Moon%shot", 2_000_000))
            .await
            .expect("inserts")
    );
    assert_eq!(
        tx.experiment(&first.id).await.expect("reads"),
        Some(first.clone())
    );
    assert_eq!(
        tx.experiment_named(&tenant("t1"), "training")
            .await
            .expect("reads"),
        Some(first.clone())
    );
    let mut gone = first.clone();
    (gone.deleted, gone.archived) = (true, true);
    assert!(tx.save_experiment(&gone).await.expect("saves"));
    assert_eq!(
        tx.experiment(&first.id).await.expect("reads"),
        Some(gone),
        "still there for those that know its id"
    );
    assert_eq!(
        tx.experiment_named(&tenant("t1"), "training")
            .await
            .expect("reads"),
        None
    );
    assert!(
        tx.insert_experiment(&experiment("x5", "t1", "training", 4))
            .await
            .expect("its name is free again")
    );
    assert!(
        !tx.save_experiment(&experiment("none", "t1", "a", 1))
            .await
            .expect("answers")
    );
    tx.commit().await.expect("commits");
}

pub(super) async fn pages_experiments(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    let names = ["delta", "Alpha", "charlie", "bravo", "echo"];
    for (place, name) in names.iter().enumerate() {
        let created = 1_000_000 * (1 + place as i64 / 2);
        assert!(
            tx.insert_experiment(&experiment(&format!("p{place}"), "paging", name, created))
                .await
                .expect("inserts")
        );
    }
    let own = Query {
        tenant: Some(tenant("paging")),
        limit: 2,
        ..Query::default()
    };
    let by_name = Query {
        sort: Field::Name,
        ..own.clone()
    };
    let mut seen = Vec::new();
    let mut query = by_name.clone();
    loop {
        let found = tx.find_experiments(&query).await.expect("finds");
        assert_eq!(found.total, 5, "all pages are counted, whichever is read");
        seen.extend(found.experiments.into_iter().map(|one| one.unique_name));
        let Some(next) = found.next else { break };
        query.start = Some(next);
    }
    assert_eq!(seen, ["Alpha", "bravo", "charlie", "delta", "echo"]);
    let down = Query {
        direction: Direction::Descending,
        limit: 9,
        ..own.clone()
    };
    let found = tx.find_experiments(&down).await.expect("finds");
    let ids: Vec<&str> = found
        .experiments
        .iter()
        .map(|one| one.id.as_str())
        .collect();
    assert_eq!(
        ids,
        ["p4", "p3", "p2", "p1", "p0"],
        "equal moments by id in the same direction"
    );
    assert_eq!(found.next, None);
    // A row that goes away between two pages shifts nothing.
    let first = tx.find_experiments(&by_name).await.expect("finds");
    let mut gone = first.experiments[0].clone();
    gone.deleted = true;
    tx.save_experiment(&gone).await.expect("saves");
    let second = tx
        .find_experiments(&Query {
            start: first.next,
            ..by_name
        })
        .await
        .expect("finds");
    assert_eq!(second.experiments[0].unique_name, "charlie");
    let meets = |field, comparison, values: &[Literal]| Query {
        predicates: vec![Predicate {
            field,
            comparison,
            values: values.to_vec(),
        }],
        limit: 9,
        ..own.clone()
    };
    let text = |text: &str| Literal::Text(text.to_owned());
    // more than a database takes as values, or as a pattern
    let mut many: Vec<Literal> = (0..40_000).map(|n| text(&n.to_string())).collect();
    many.push(text("echo"));
    for (query, expected) in [
        (meets(Field::Name, Comparison::Among, &many), 1),
        (meets(Field::Name, Comparison::Not, &many), 3),
        (
            meets(
                Field::Name,
                Comparison::Contains,
                &[text(&"a".repeat(60_000))],
            ),
            0,
        ),
        (
            meets(
                Field::Name,
                Comparison::Among,
                &[text("delta"), text("echo")],
            ),
            2,
        ),
        (meets(Field::Name, Comparison::Not, &[text("delta")]), 3),
        (meets(Field::Name, Comparison::Contains, &[text("CH")]), 2),
        (meets(Field::Name, Comparison::Contains, &[text("_")]), 0),
        (
            meets(Field::Created, Comparison::AtLeast, &[Literal::Number(2)]),
            3,
        ),
        (
            meets(Field::Created, Comparison::Among, &[Literal::Number(1)]),
            1,
        ),
        (meets(Field::Created, Comparison::Above, &[text("1")]), 0),
        (
            meets(Field::Archived, Comparison::Among, &[Literal::Number(0)]),
            4,
        ),
        (meets(Field::Name, Comparison::Above, &[text("charlie")]), 2),
    ] {
        let found = tx.find_experiments(&query).await.expect("finds");
        assert_eq!(found.total, expected, "{query:?}");
        assert!(
            found.experiments.iter().all(|one| query.admits(one)),
            "{query:?}"
        );
    }
}

pub(super) async fn archives_the_jobs_of_an_experiment(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    let mut inside = job("shelved", 10);
    inside.experiment = ExperimentId::new("apart").expect("valid");
    assert!(tx.insert_job(&inside).await.expect("inserts"));
    assert!(tx.insert_job(&job("elsewhere", 10)).await.expect("inserts"));
    assert_eq!(
        tx.archive_jobs(&inside.experiment, Timestamp(7))
            .await
            .expect("archives"),
        1
    );
    assert_eq!(
        tx.archive_jobs(&inside.experiment, Timestamp(8))
            .await
            .expect("archives"),
        0
    );
    // Somebody who read the job before saves it after.
    assert!(tx.save_job(&inside).await.expect("saves"));
    let read = tx.job(&inside.id).await.expect("reads").expect("there");
    assert_eq!(read.archived, Some(Timestamp(7)));
    let of_table_store = service::JobFilter {
        experiment: Some(inside.experiment.clone()),
        ..service::JobFilter::default()
    };
    assert_eq!(
        tx.find_jobs(&of_table_store).await.expect("finds").0,
        vec![read]
    );
}

pub(super) async fn keeps_entities(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    let entity = |id: &str, created: i64| Entity {
        parent: Some("d1".to_owned()),
        name: Some(format!("run {id}")),
        job: Some("of-entity".parse().expect("id")),
        body: serde_json::json!({"z": 1, "a": [null]}),
        ..Entity::new(EntityKind::Run, id, tenant("t1"), Timestamp(created))
    };
    for (id, created) in [("r2", 5), ("r1", 5), ("r3", 4)] {
        assert!(
            tx.insert_entity(&entity(id, created))
                .await
                .expect("inserts")
        );
    }
    assert!(!tx.insert_entity(&entity("r1", 9)).await.expect("answers"));
    assert_eq!(
        tx.entity(EntityKind::Run, "r1").await.expect("reads"),
        Some(entity("r1", 5))
    );
    assert_eq!(
        tx.entity(EntityKind::Learning, "r1").await.expect("reads"),
        None,
        "another kind"
    );
    let all = EntityFilter {
        parent: Some("d1".to_owned()),
        ..EntityFilter::of(EntityKind::Run)
    };
    let ids = |found: (Vec<Entity>, u64)| found.0.into_iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(
        ids(tx.find_entities(&all).await.expect("finds")),
        ["r3", "r1", "r2"]
    );
    let newest = EntityFilter {
        newest_first: true,
        start: Some((Timestamp(5), "r1".to_owned())),
        ..all.clone()
    };
    let found = tx.find_entities(&newest).await.expect("finds");
    assert_eq!(
        (found.1, ids(found)),
        (2, vec!["r1".to_owned(), "r3".to_owned()])
    );
    let paged = EntityFilter {
        limit: Some(1),
        offset: 1,
        ..all.clone()
    };
    let found = tx.find_entities(&paged).await.expect("finds");
    assert_eq!((found.1, ids(found)), (3, vec!["r1".to_owned()]));
    let mut changed = entity("r2", 5);
    (changed.deleted, changed.modified) = (true, Timestamp(9));
    assert!(tx.save_entity(&changed).await.expect("saves"));
    assert!(!tx.save_entity(&entity("none", 1)).await.expect("answers"));
    assert_eq!(
        ids(tx.find_entities(&all).await.expect("finds")),
        ["r3", "r1"]
    );
    assert_eq!(
        tx.find_entities(&EntityFilter {
            deleted: true,
            ..all.clone()
        })
        .await
        .expect("finds")
        .1,
        3
    );
    changed.due = Some(Timestamp(7));
    assert!(tx.save_entity(&changed).await.expect("saves"));
    let due = |at| EntityFilter {
        due: Some(Timestamp(at)),
        deleted: true,
        ..all.clone()
    };
    assert_eq!(ids(tx.find_entities(&due(7)).await.expect("finds")), ["r2"]);
    assert!(ids(tx.find_entities(&due(6)).await.expect("finds")).is_empty());
    let named = EntityFilter {
        name: Some("run r3".to_owned()),
        tenant: Some(tenant("t1")),
        ..all.clone()
    };
    assert_eq!(ids(tx.find_entities(&named).await.expect("finds")), ["r3"]);
    assert_eq!(
        tx.find_entities(&EntityFilter {
            tenant: Some(tenant("t2")),
            ..all
        })
        .await
        .expect("finds")
        .1,
        0
    );
    assert_eq!(
        tx.entities_of_job(&"of-entity".parse().expect("id"))
            .await
            .expect("reads")
            .len(),
        3
    );
}

pub(super) async fn pages_events_both_ways(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    let id: vocabulary::JobId = "events".parse().expect("id");
    let line = |at: i64, text: &str| Event::own(Timestamp(at), text);
    tx.add_events(&id, &[line(5, "b"), line(5, "c"), line(3, "a")])
        .await
        .expect("adds");
    tx.add_events(&id, &[line(5, "d"), line(9, "e")])
        .await
        .expect("adds");
    tx.add_events(&"other".parse().expect("id"), &[line(5, "x")])
        .await
        .expect("adds");
    let all = EventQuery {
        job: id,
        from: None,
        to: None,
        after: None,
        before: None,
        newest_first: false,
        limit: 99,
    };
    let found = tx.events(&all).await.expect("reads");
    let texts = |events: &[Event]| {
        events
            .iter()
            .map(|event| event.line.clone())
            .collect::<String>()
    };
    assert_eq!(texts(&found), "abcde");
    let place = |index: usize| (found[index].at, found[index].seq);
    for (query, expected) in [
        (
            EventQuery {
                limit: 2,
                ..all.clone()
            },
            "ab",
        ),
        (
            EventQuery {
                after: Some(place(1)),
                limit: 2,
                ..all.clone()
            },
            "cd",
        ),
        (
            EventQuery {
                before: Some(place(2)),
                newest_first: true,
                ..all.clone()
            },
            "ba",
        ),
        (
            EventQuery {
                from: Some(Timestamp(5)),
                to: Some(Timestamp(5)),
                ..all.clone()
            },
            "bcd",
        ),
        (
            EventQuery {
                newest_first: true,
                limit: 1,
                ..all.clone()
            },
            "e",
        ),
    ] {
        assert_eq!(
            texts(&tx.events(&query).await.expect("reads")),
            expected,
            "{query:?}"
        );
    }
}

pub(super) async fn keeps_queues_in_order(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    let queued = |id: &str, created: i64| {
        let mut job = job(id, created);
        job.settings.queue = Some("q".to_owned());
        job
    };
    let (first, second, other) = (queued("q1", 10), queued("q2", 20), job("q0", 5));
    for job in [&first, &second, &other] {
        assert!(tx.insert_job(job).await.expect("inserts"));
        tx.release_job(&job.id, None).await.expect("releases");
    }
    assert_eq!(
        tx.ahead_in_queue(&second).await.expect("reads"),
        Some(first.id.clone())
    );
    assert_eq!(tx.ahead_in_queue(&first).await.expect("reads"), None);
    assert_eq!(
        tx.ahead_in_queue(&other).await.expect("reads"),
        None,
        "it stands in no queue"
    );
    let mut running = second.clone();
    running.state = JobState::Running;
    tx.save_job(&running).await.expect("saves");
    assert_eq!(
        tx.ahead_in_queue(&first).await.expect("reads"),
        Some(second.id.clone()),
        "an earlier one waits, too"
    );
    tx.save_job(&second).await.expect("saves");
    let mut done = first.clone();
    done.state = JobState::Failed;
    tx.save_job(&done).await.expect("saves");
    assert_eq!(tx.ahead_in_queue(&second).await.expect("reads"), None);
    tx.poke_queue("q", Timestamp(-5)).await.expect("pokes");
    let due = tx
        .claim_due("queues", Timestamp(-5), Timestamp(0), 9)
        .await
        .expect("claims");
    assert_eq!(due, vec![second.id]);
}
