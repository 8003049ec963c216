//! The checklist of lines_transform.

use component_kit::harness::Federation;
use serde_json::{Value, json};
use tables::Table;
use vocabulary::{ErrorCode, Tells};

use super::LinesTransform;

const CANARY: &str = "canary-31337";
const STEPS: &str = "[{u'method': u'filter', u'args': u\"lambda l: l.split(',')[0] != '0'\"}]";

fn rows() -> Table {
    Table::of_lines(["4500,1", "0,2", CANARY].map(str::to_owned).to_vec()).expect("a table")
}

fn federation(hosts: usize) -> Federation {
    let federation = Federation::new(hosts, false).parameters(json!({"steps": STEPS}));
    federation
        .participants()
        .iter()
        .fold(federation, |federation, who| {
            federation.input(who, "data", rows())
        })
}

fn alone(steps: Value) -> Federation {
    let federation = Federation::new(0, false).parameters(steps);
    let guest = federation.guest();
    federation.input(&guest, "data", rows())
}

fn large() -> Federation {
    let lines = (0..3_000).map(|number| format!("{number},1")).collect();
    let steps = "[{'method': 'map', 'args': 'lambda l: l.split(\",\")[0] + \"x\"'}, {'method': 'distinct', 'args': ''}]";
    let federation = Federation::new(0, false).parameters(json!({"steps": steps}));
    let guest = federation.guest();
    federation.input(&guest, "data", Table::of_lines(lines).expect("a table"))
}

component_kit::checklist!(local LinesTransform, federation(1),
    refuses: [(json!({"steps": 1}), "steps"), (json!({"refusal": {}}), "refusal")],
    canaries: [CANARY], [],
    // Each row is asked for, by every step.
    work: large(), least: 3 * 3_000);

#[tokio::test]
async fn agrees_with_the_plain_computation() {
    let played = federation(1).run::<LinesTransform>().await.all_succeeded();
    for part in played.parts.values() {
        assert_eq!(part.output().lines().expect("lines"), ["4500,1", CANARY]);
        let printed = format!("['4500,1', '{CANARY}']");
        assert_eq!(
            part.summary,
            Some(json!({"rows_in": 3, "rows": 2, "printed": printed}))
        );
    }
    let map = alone(json!({"steps": "[{'method': 'map', 'args': 'lambda l: len(l)'}]"}));
    let played = map.run::<LinesTransform>().await.all_succeeded();
    assert_eq!(
        played.part(&map.guest()).output().lines().expect("lines"),
        ["6", "3", "12"]
    );
    let none = alone(json!({}));
    let played = none.run::<LinesTransform>().await.all_succeeded();
    assert_eq!(played.part(&none.guest()).output().rows(), 3);
}

#[tokio::test]
async fn holds_rows_back_where_the_policy_keeps_them() {
    let federation = alone(json!({})).keeping(Tells::Rows);
    let played = federation.run::<LinesTransform>().await.all_succeeded();
    let told = played
        .part(&federation.guest())
        .summary
        .clone()
        .expect("a summary");
    assert_eq!(
        told["held_back"],
        json!("disclosure.rows_through_coordinator")
    );
    assert!(!told.to_string().contains(CANARY));
    let asking = alone(json!({"steps": STEPS})).keeping(Tells::Rows);
    let fault = asking
        .run::<LinesTransform>()
        .await
        .fault()
        .expect("refused");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::DisclosureRefused, Some("steps"))
    );
}

#[tokio::test]
async fn works_with_two_hosts() {
    assert_eq!(
        federation(2)
            .run::<LinesTransform>()
            .await
            .all_succeeded()
            .parts
            .len(),
        3
    );
}

#[tokio::test]
async fn refuses_bad_parameters() {
    for (steps, said) in [
        (
            "[{'method': 'map', 'args': 'lambda x: open(x)'}]",
            "a call of open is not interpreted",
        ),
        (
            "[{'method': 'reduce', 'args': ''}]",
            "the method .reduce() is not interpreted",
        ),
        (
            "[{'method': 'map', 'args': 'lambda x: x[99]'}]",
            "row 1: IndexError: string index out of range",
        ),
        (
            "[] python",
            "params cannot be read at character 4: the text should end here",
        ),
    ] {
        let fault = alone(json!({"steps": steps}))
            .run::<LinesTransform>()
            .await
            .fault()
            .expect("refused");
        let found = (fault.code, fault.path.as_deref(), fault.message.as_str());
        assert_eq!(found, (ErrorCode::ParameterInvalid, Some("steps"), said));
    }
    let fault = alone(json!({"refusal": "no base64"}))
        .run::<LinesTransform>()
        .await
        .fault()
        .expect("refused");
    assert_eq!(fault.message, "no base64");
}
