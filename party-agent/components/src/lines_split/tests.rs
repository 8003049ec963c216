//! The checklist of lines_split.

use std::collections::BTreeSet;

use component_kit::harness::Federation;
use serde_json::json;
use tables::Table;
use vocabulary::Tells;

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

component_kit::checklist!(local LinesSplit, federation(1),
    refuses: [(json!({"train": 1.5}), "train"), (json!({"train": -0.1}), "train")],
    canaries: [CANARY], [],
    work: federation(1), least: 4);

#[tokio::test]
async fn holds_rows_back_where_the_policy_keeps_them() {
    let kept = federation(1).keeping(Tells::Rows);
    let played = kept.run::<LinesSplit>().await.all_succeeded();
    for part in played.parts.values() {
        let told = format!("{:?} {:?} {:?}", part.metrics, part.summary, part.log);
        assert!(!told.contains(",x") && !told.contains(CANARY), "{told}");
    }
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
