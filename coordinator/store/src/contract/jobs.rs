//! What a store promises of jobs.

use domain::{Answer, JobState};
use service::records::OrderKind;
use service::{JobFilter, JobOrder, Store, Transaction};
use vocabulary::{ErrorCode, Fault, Participant, Role, Timestamp};

use super::samples::{job, order, party, signed, task};

pub(super) async fn keeps_jobs_whole(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    let mut whole = job("whole", 5);
    assert!(tx.insert_job(&whole).await.expect("inserts"));
    assert!(
        !tx.insert_job(&whole).await.expect("answers"),
        "the id is taken"
    );
    whole.state = JobState::Running;
    whole.started = Some(Timestamp(7));
    whole.reason = Some(Fault::new(ErrorCode::PeerTimeout, "é \" \\ 語"));
    assert!(tx.save_job(&whole).await.expect("saves"));
    let offer = signed("9999", vec![0, 255, 7]);
    whole.offer = Some(offer.clone());
    whole
        .answers
        .insert(party("9999"), Answer::Accepted(offer.clone()));
    whole.answers.insert(
        party("10000"),
        Answer::Accepted(vocabulary::SignedBytes {
            signer: party("10000"),
            ..offer
        }),
    );
    whole.answers.insert(
        party("1"),
        Answer::Refused(Fault::new(ErrorCode::OfferRefused, "no")),
    );
    assert!(tx.save_signatures(&whole).await.expect("saves"));
    tx.commit().await.expect("commits");
    let mut tx = store.read().await.expect("reads");
    assert_eq!(
        tx.job(&whole.id).await.expect("reads").as_ref(),
        Some(&whole)
    );
    assert_eq!(
        tx.job(&"absent".parse().expect("id")).await.expect("reads"),
        None
    );
    drop(tx);
    let mut tx = store.begin().await.expect("begins");
    // Saving the body leaves signatures and definition alone.
    let mut bare = whole.clone();
    (bare.offer, bare.answers, bare.definition.conf) =
        (None, Default::default(), serde_json::Value::Null);
    bare.progress = 50;
    assert!(tx.save_job(&bare).await.expect("saves"));
    whole.progress = 50;
    assert_eq!(
        tx.job(&whole.id).await.expect("reads").as_ref(),
        Some(&whole)
    );
    assert!(!tx.save_job(&job("absent", 1)).await.expect("answers"));
    assert!(
        !tx.save_signatures(&job("absent", 1))
            .await
            .expect("answers")
    );
    // And the definition nothing but itself.
    let mut amended = bare.clone();
    (amended.definition.conf, amended.progress) = (serde_json::json!({"amended": true}), 99);
    assert!(tx.save_definition(&amended).await.expect("saves"));
    whole.definition.conf = amended.definition.conf.clone();
    assert_eq!(
        tx.job(&whole.id).await.expect("reads").as_ref(),
        Some(&whole)
    );
    assert!(
        !tx.save_definition(&job("absent", 1))
            .await
            .expect("answers")
    );
    let host = Participant::new(Role::Host, party("10000"));
    assert!(tx.set_notes(&whole.id, &host, "seen").await.expect("sets"));
    assert!(
        tx.set_notes(&whole.id, &host, "seen twice")
            .await
            .expect("sets")
    );
    assert!(
        !tx.set_notes(&whole.id, &Participant::new(Role::Host, party("77")), "no")
            .await
            .expect("answers")
    );
    assert_eq!(
        tx.notes(&whole.id).await.expect("reads"),
        vec![(host.clone(), "seen twice".to_owned())]
    );
    let others = [whole.id.clone(), "absent".parse().expect("id")];
    let of_all = tx.notes_on(&others).await.expect("reads");
    assert_eq!(
        of_all.into_iter().collect::<Vec<_>>(),
        vec![(whole.id.clone(), vec![(host, "seen twice".to_owned())])]
    );
    assert!(tx.notes_on(&[]).await.expect("reads").is_empty());
    let (found, _) = tx
        .find_jobs(&JobFilter {
            ids: vec![whole.id.clone()],
            ..JobFilter::default()
        })
        .await
        .expect("finds");
    let (mut bare, found) = (
        whole.clone(),
        found.into_iter().next().expect("it is there"),
    );
    (bare.offer, bare.answers) = (None, Default::default());
    assert_eq!(found, bare, "everything but the signatures");
    tx.commit().await.expect("commits");
}

pub(super) async fn leaves_no_trace_without_commit(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    tx.insert_job(&job("dropped", 1)).await.expect("inserts");
    tx.insert_tasks(&[task("dropped", "reader_0", "9999", 0)])
        .await
        .expect("inserts");
    tx.enqueue(&order("dropped", "9999", OrderKind::Sign, 1))
        .await
        .expect("enqueues");
    let mut changed = job("whole", 5);
    changed.name = "changed".to_owned();
    tx.save_job(&changed).await.expect("saves");
    drop(tx);
    let mut tx = store.read().await.expect("reads");
    assert_eq!(
        tx.job(&"dropped".parse().expect("id"))
            .await
            .expect("reads"),
        None
    );
    assert!(
        tx.tasks_of(&"dropped".parse().expect("id"))
            .await
            .expect("reads")
            .is_empty()
    );
    assert!(
        tx.orders_of(&"dropped".parse().expect("id"))
            .await
            .expect("reads")
            .is_empty()
    );
    assert_ne!(
        tx.job(&"whole".parse().expect("id"))
            .await
            .expect("reads")
            .map(|job| job.name),
        Some("changed".to_owned())
    );
}

/// Lists with more values, and texts longer, than a database takes by themselves.
pub(super) async fn takes_lists_and_texts_of_any_length(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    assert!(tx.insert_job(&job("amongmany", 10)).await.expect("inserts"));
    let many = (0..40_000)
        .map(|n| format!("none{n}"))
        .chain(["amongmany".to_owned()]);
    let ids = many.map(|id| id.parse().expect("id")).collect();
    let found = tx
        .find_jobs(&JobFilter {
            ids,
            ..JobFilter::default()
        })
        .await
        .expect("finds")
        .0;
    assert_eq!(
        found.iter().map(|job| job.id.as_str()).collect::<Vec<_>>(),
        ["amongmany"]
    );
    let long = JobFilter {
        id_contains: Some("a".repeat(60_000)),
        ..JobFilter::default()
    };
    assert_eq!(tx.find_jobs(&long).await.expect("finds").1, 0);
}

pub(super) async fn finds_jobs(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    for (number, state) in [
        (1, JobState::Failed),
        (2, JobState::Offered),
        (3, JobState::Failed),
    ] {
        let mut found = job(&format!("find{number}"), 1_000 + number);
        found.state = state;
        found.description = format!("100%_{number}");
        found.started = (number == 3).then_some(Timestamp(1));
        if number == 2 {
            found.cast.host = vec![party("20000")];
            found.initiator = Participant::new(Role::Host, party("20000"));
        }
        tx.insert_job(&found).await.expect("inserts");
        if number == 3 {
            tx.set_notes(&found.id, &found.initiator, "Seen by hand")
                .await
                .expect("sets");
        }
    }
    let here = JobFilter {
        created_from: Some(Timestamp(1_000)),
        ..JobFilter::default()
    };
    let cases: Vec<(&str, JobFilter, Vec<&str>)> = vec![
        ("all", here.clone(), vec!["find1", "find2", "find3"]),
        (
            "newest first",
            JobFilter {
                newest_first: true,
                ..here.clone()
            },
            vec!["find3", "find2", "find1"],
        ),
        (
            "states",
            JobFilter {
                states: vec![JobState::Failed],
                ..here.clone()
            },
            vec!["find1", "find3"],
        ),
        (
            "party",
            JobFilter {
                parties: vec![party("20000")],
                ..here.clone()
            },
            vec!["find2"],
        ),
        (
            "party in another role",
            JobFilter {
                parties: vec![party("20000")],
                roles: vec![Role::Guest],
                ..here.clone()
            },
            vec![],
        ),
        (
            "role",
            JobFilter {
                roles: vec![Role::Guest],
                ..here.clone()
            },
            vec!["find1", "find2", "find3"],
        ),
        (
            "part of a party",
            JobFilter {
                party_contains: Some("2000".into()),
                ..here.clone()
            },
            vec!["find2"],
        ),
        (
            "initiator",
            JobFilter {
                initiator_parties: vec![party("9999")],
                ..here.clone()
            },
            vec!["find1", "find3"],
        ),
        (
            "initiator's role",
            JobFilter {
                initiator_role: Some(Role::Host),
                ..here.clone()
            },
            vec!["find2"],
        ),
        (
            "part of an id",
            JobFilter {
                id_contains: Some("ND3".into()),
                ..here.clone()
            },
            vec!["find3"],
        ),
        (
            "signs of the pattern language",
            JobFilter {
                description_contains: Some("0%_2".into()),
                ..here.clone()
            },
            vec!["find2"],
        ),
        (
            "notes",
            JobFilter {
                description_contains: Some("by HAND".into()),
                ..here.clone()
            },
            vec!["find3"],
        ),
        (
            "no wild card",
            JobFilter {
                description_contains: Some("1%2".into()),
                ..here.clone()
            },
            vec![],
        ),
        (
            "started",
            JobFilter {
                order: JobOrder::Started,
                newest_first: true,
                ..here.clone()
            },
            vec!["find3", "find2", "find1"],
        ),
        (
            "how long it ran",
            JobFilter {
                order: JobOrder::Elapsed,
                newest_first: true,
                ..here.clone()
            },
            vec!["find3", "find2", "find1"],
        ),
        (
            "after one",
            JobFilter {
                after: Some((Timestamp(1_001), "find1".parse().expect("id"))),
                ..here.clone()
            },
            vec!["find2", "find3"],
        ),
        (
            "after the first of one moment",
            JobFilter {
                after: Some((Timestamp(1_003), "find2".parse().expect("id"))),
                ..here.clone()
            },
            vec!["find3"],
        ),
        (
            "until",
            JobFilter {
                created_to: Some(Timestamp(1_001)),
                ..here.clone()
            },
            vec!["find1"],
        ),
        (
            "ids",
            JobFilter {
                ids: vec!["find3".parse().expect("id")],
                ..JobFilter::default()
            },
            vec!["find3"],
        ),
        (
            "model version",
            JobFilter {
                model_version: Some("find2".into()),
                ..JobFilter::default()
            },
            vec!["find2"],
        ),
        (
            "all but one",
            JobFilter {
                without: vec!["find2".parse().expect("id")],
                ..here.clone()
            },
            vec!["find1", "find3"],
        ),
        (
            "name",
            JobFilter {
                names: vec!["nobody".into()],
                ..here.clone()
            },
            vec![],
        ),
    ];
    for (case, filter, expected) in cases {
        let (jobs, total) = tx.find_jobs(&filter).await.expect("finds");
        let ids: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
        assert_eq!(ids, expected, "{case}");
        assert_eq!(total, expected.len() as u64, "{case}");
    }
    cuts_pages(&mut *tx, here).await;
}

async fn cuts_pages(tx: &mut dyn Transaction, here: JobFilter) {
    let (jobs, total) = tx
        .find_jobs(&JobFilter {
            limit: Some(1),
            offset: 1,
            ..here
        })
        .await
        .expect("finds");
    assert_eq!(
        (jobs.len(), total),
        (1, 3),
        "a page of one, and all that fit"
    );
    assert_eq!(jobs[0].id.as_str(), "find2");
    let beyond = JobFilter {
        created_from: Some(Timestamp(1_000)),
        limit: Some(2),
        offset: 9,
        ..JobFilter::default()
    };
    let (jobs, total) = tx.find_jobs(&beyond).await.expect("finds");
    assert_eq!((jobs.len(), total), (0, 3), "a page after the last");
    let counts = tx.count_jobs().await.expect("counts");
    assert!(counts.contains(&(JobState::Failed, 2)), "{counts:?}");
}
