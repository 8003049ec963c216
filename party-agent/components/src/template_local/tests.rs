//! The checklist, and what only this component can know of itself.

use component_kit::harness::Federation;
use serde_json::{Value, json};
use tables::{Column, ColumnKind, Part, Schema, Table, TableKind, Values};
use vocabulary::ErrorCode;

use super::TemplateLocal;

const CANARY_ID: &str = "canary-7f3a";
const CANARY: f64 = 123_456.75;

fn table(values: Vec<f64>) -> Table {
    let columns = vec![Column::new("x0", ColumnKind::Float, Part::Feature)];
    let schema = Schema::new(TableKind::Instances, "id", columns);
    let ids = (1..values.len()).map(|row| row.to_string());
    let ids = std::iter::once(CANARY_ID.to_owned()).chain(ids).collect();
    Table::from_columns(schema, ids, vec![Values::Float(values)]).expect("a table")
}

fn federation(hosts: usize) -> Federation {
    let federation = Federation::new(hosts, false);
    federation
        .participants()
        .iter()
        .fold(federation, |federation, who| {
            federation.input(who, "data", table(vec![CANARY, 2.25, f64::NAN]))
        })
}

component_kit::checklist!(local TemplateLocal, federation(1),
    refuses: [(json!({"times": 11}), "times"), (json!({"column": ""}), "column")],
    canaries: [CANARY_ID], [CANARY],
    work: federation(1), least: 4);

#[tokio::test]
async fn agrees_with_the_plain_computation() {
    let federation = federation(0).parameters(json!({"times": 2}));
    let played = federation.run::<TemplateLocal>().await.all_succeeded();
    let guest = played.part(&federation.guest());
    let mean = f64::midpoint(CANARY, 2.25);
    let above = guest.output().floats("x0_above_mean").expect("numbers");
    assert_eq!(above[..2], [CANARY - 2.0 * mean, 2.25 - 2.0 * mean]);
    assert!(above[2].is_nan());
    assert_eq!(guest.summary, Some(json!({"column": "x0", "mean": mean})));
}

#[tokio::test]
async fn the_model_decides_what_is_applied() {
    let trained = federation(0).run::<TemplateLocal>().await.all_succeeded();
    let later = Federation::new(0, false).parameters(json!({"column": "x9", "times": 5}));
    let guest = later.guest();
    let later = later
        .input(&guest, "data", table(vec![1.0]))
        .applying(&trained);
    let applied = later.run::<TemplateLocal>().await.all_succeeded();
    let above = applied.part(&guest).output().floats("x0_above_mean");
    assert_eq!(above.expect("numbers"), [1.0 - f64::midpoint(CANARY, 2.25)]);
}

#[tokio::test]
async fn refuses_a_column_without_values_and_passes_on_what_it_need_not_do() {
    let played = |parameters: Value, values: Vec<f64>| async move {
        let federation = Federation::new(0, false).parameters(parameters);
        let guest = federation.guest();
        let played = federation.input(&guest, "data", table(values));
        (played.run::<TemplateLocal>().await, guest)
    };
    let (empty, _) = played(json!({}), vec![f64::NAN]).await;
    let fault = empty.fault().expect("refused");
    assert_eq!(fault.code, ErrorCode::TableInvalid);
    assert!(fault.message.contains("\"x0\"") && fault.next.is_some());
    let (passed, guest) = played(json!({"need_run": false}), vec![f64::NAN]).await;
    let passed = passed.all_succeeded();
    let applying = Federation::new(0, false).input(&guest, "data", table(vec![1.0]));
    let later = applying.applying(&passed).run::<TemplateLocal>().await;
    // A fit that had nothing to do leaves a model that does nothing, and not none.
    for played in [passed, later.all_succeeded()] {
        let left = played.part(&guest).output();
        assert_eq!(left.schema().display_header(), ["id", "x0"]);
    }
}
