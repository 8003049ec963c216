//! What a store promises of participants as rows of a list.

use domain::JobState;
use service::{JobFilter, JobOrder, RowFilter, Store, Transaction};
use vocabulary::{Cast, JobId, Participant, Role, Timestamp};

use super::samples::{job, party};

/// A job of a guest, a host and an arbiter; one that two parties do by themselves; one of both kinds of roles.
async fn put_jobs(tx: &mut dyn Transaction) {
    let mut pair = job("rows1", 5_001);
    pair.cast.arbiter = vec![party("20000")];
    let mut local = job("rows2", 5_002);
    local.cast = Cast {
        local: vec![party("10000"), party("9999")],
        ..Default::default()
    };
    local.initiator = Participant::new(Role::Local, party("9999"));
    local.state = JobState::Failed;
    let mut mixed = job("rows3", 5_003);
    mixed.cast.local = vec![party("30000")];
    (mixed.started, mixed.ended) = (Some(Timestamp(0)), Some(Timestamp(9_000)));
    for job in [&pair, &local, &mixed] {
        tx.insert_job(job).await.expect("inserts");
    }
    for (job, who) in [
        (&pair, &pair.cast.host[0]),
        (&local, &local.initiator.party),
        (&local, &local.cast.local[0]),
    ] {
        let role = if job.cast.local.is_empty() {
            Role::Host
        } else {
            Role::Local
        };
        assert!(
            tx.set_notes(&job.id, &Participant::new(role, who.clone()), "a note")
                .await
                .expect("sets")
        );
    }
}

fn shown(rows: Vec<(JobId, Participant)>) -> Vec<String> {
    let row = |(job, who): (JobId, Participant)| {
        format!(
            "{} {} {}",
            job.as_str().trim_start_matches("rows"),
            who.role,
            who.party
        )
    };
    rows.into_iter().map(row).collect()
}

pub(super) async fn finds_rows(store: &dyn Store) {
    let mut tx = store.begin().await.expect("begins");
    put_jobs(&mut *tx).await;
    let jobs = JobFilter {
        created_from: Some(Timestamp(5_000)),
        ..JobFilter::default()
    };
    let here = RowFilter {
        jobs,
        alone_as: "0".to_owned(),
        ..RowFilter::default()
    };
    let with = |change: &dyn Fn(&mut RowFilter)| {
        let mut filter = here.clone();
        change(&mut filter);
        filter
    };
    let all = [
        "1 guest 9999",
        "1 host 10000",
        "1 arbiter 20000",
        "2 local 9999",
        "3 guest 9999",
        "3 host 10000",
        "3 local 30000",
    ];
    let cases: Vec<(&str, RowFilter, Vec<&str>)> = vec![
        ("all", here.clone(), all.to_vec()),
        (
            "newest jobs first, each in the order of its cast",
            with(&|filter| filter.jobs.newest_first = true),
            { vec![all[4], all[5], all[6], all[3], all[0], all[1], all[2]] },
        ),
        (
            "roles",
            with(&|filter| filter.roles = vec![Role::Local, Role::Arbiter]),
            vec![all[2], all[3], all[6]],
        ),
        (
            "part of a party",
            with(&|filter| filter.party_contains = Some("000".into())),
            vec![all[1], all[2], all[5], all[6]],
        ),
        (
            "who works alone goes by another id",
            with(&|filter| filter.party_contains = Some("0".into())),
            { vec![all[1], all[2], all[3], all[5], all[6]] },
        ),
        (
            "partner",
            with(&|filter| filter.partner_contains = Some("1000".into())),
            vec![all[0], all[2], all[4], all[6]],
        ),
        (
            "any partner",
            with(&|filter| filter.partner_contains = Some(String::new())),
            { vec![all[0], all[1], all[2], all[4], all[5], all[6]] },
        ),
        (
            "own note, or the job's description",
            with(&|filter| filter.description_contains = Some("NOTE".into())),
            { vec![all[1], all[3]] },
        ),
        (
            "state",
            with(&|filter| filter.jobs.states = vec![JobState::Failed]),
            vec![all[3]],
        ),
        (
            "a party of the job",
            with(&|filter| filter.jobs.parties = vec![party("30000")]),
            all[4..].to_vec(),
        ),
        (
            "how long it ran",
            with(&|filter| {
                (filter.jobs.order, filter.jobs.newest_first) = (JobOrder::Elapsed, true)
            }),
            { vec![all[4], all[5], all[6], all[3], all[0], all[1], all[2]] },
        ),
    ];
    for (case, filter, expected) in cases {
        let (rows, total) = tx.find_rows(&filter).await.expect("finds");
        assert_eq!(
            (shown(rows), total),
            (
                expected.iter().map(|row| (*row).to_owned()).collect(),
                expected.len() as u64
            ),
            "{case}"
        );
        let mut second = filter.clone();
        (second.jobs.limit, second.jobs.offset) = (Some(1), 1);
        let (rows, total) = tx.find_rows(&second).await.expect("finds");
        let wanted: Vec<String> = expected
            .iter()
            .skip(1)
            .take(1)
            .map(|row| (*row).to_owned())
            .collect();
        assert_eq!(
            (shown(rows), total),
            (wanted, expected.len() as u64),
            "the second row of: {case}"
        );
    }
}
