//! The checklist of lines_split.

use std::collections::BTreeSet;

use component_kit::harness::{Federation, checks};
use serde_json::json;
use tables::Table;
use vocabulary::{ErrorCode, Tells};

use super::LinesSplit;

const CANARY: &str = "canary-31337";

fn rows() -> Table {
    let lines = (0..200).map(|n| {
        if n == 50 {
            CANARY.to_owned()
        } else {
            format!("{n},x")
        }
    });
    Table::of_lines(lines.collect()).expect("a table")
}

fn federation(hosts: usize) -> Federation {
    let federation = Federation::new(hosts, false).parameters(json!({"train": 0.9}));
    federation
        .participants()
        .iter()
        .fold(federation, |federation, who| {
            federation.input(who, "data", rows())
        })
}

#[tokio::test]
async fn agrees_with_the_plain_computation() {
    for seed in 0..5 {
        let federation = federation(0).seed(seed);
        let played = federation.run::<LinesSplit>().await.all_succeeded();
        let outputs = &played.part(&federation.guest()).outputs;
        let [train, test] = [&outputs[&0], &outputs[&1]].map(|table| table.lines().expect("lines"));
        // ten standard deviations
        assert!(
            train.len() + test.len() == 200 && (138..200).contains(&train.len()),
            "{}",
            train.len()
        );
        let all: BTreeSet<_> = train.iter().chain(&test).collect();
        assert_eq!(all, rows().lines().expect("lines").iter().collect());
        let printed = &played
            .part(&federation.guest())
            .summary
            .as_ref()
            .expect("a summary")["printed"];
        assert!(
            printed
                .as_str()
                .expect("text")
                .starts_with(&format!("['{}', ", train[0])),
            "{printed}"
        );
    }
}

#[tokio::test]
async fn works_with_two_hosts() {
    assert_eq!(
        federation(2)
            .run::<LinesSplit>()
            .await
            .all_succeeded()
            .parts
            .len(),
        3
    );
}

#[tokio::test]
async fn apply_uses_the_saved_model() {
    // nothing is learned; applying splits again
    let trained = federation(1).run::<LinesSplit>().await.all_succeeded();
    let applied = federation(1)
        .applying(&trained)
        .run::<LinesSplit>()
        .await
        .all_succeeded();
    assert!(applied.parts.values().all(|part| part.outputs.len() == 2));
}

#[tokio::test]
async fn refuses_bad_parameters() {
    let fault = federation(1)
        .parameters(json!({"train": 1.5}))
        .run::<LinesSplit>()
        .await
        .fault()
        .expect("refused");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::ParameterInvalid, Some("train"))
    );
}

#[tokio::test]
async fn leaks_no_canary() {
    checks::leaks_no_canary::<LinesSplit>(&federation(1), &[CANARY], &[]).await;
    let played = federation(1)
        .keeping(Tells::Rows)
        .run::<LinesSplit>()
        .await
        .all_succeeded();
    for part in played.parts.values() {
        let told = format!("{:?} {:?} {:?}", part.metrics, part.summary, part.log);
        assert!(!told.contains(",x") && !told.contains(CANARY), "{told}");
    }
}

#[tokio::test]
async fn speaks_only_its_messages() {
    let played = federation(1).run::<LinesSplit>().await.all_succeeded();
    assert!(played.envelopes.is_empty());
    checks::speaks_only_its_messages::<LinesSplit>(&[&played]);
}

#[tokio::test]
async fn stops_when_cancelled() {
    checks::stops_when_cancelled::<LinesSplit>(&federation(1)).await;
}

#[tokio::test]
async fn stops_in_the_middle_of_work() {
    checks::stops_in_the_middle_of_work::<LinesSplit>(&federation(1), 4).await;
}

#[tokio::test]
async fn survives_duplicates_and_delays() {
    checks::survives_duplicates_and_delays::<LinesSplit>(&federation(1)).await;
}
