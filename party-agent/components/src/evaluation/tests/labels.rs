//! Which label is the positive one, and rows that have none.

use component_kit::harness::{Federation, Part};
use serde_json::{Value, json};
use tables::{ColumnKind, Schema, Table, Values};

use super::super::Evaluation;
use super::{Row, auc_by_pairs, find, rows, scalars, six, table_of};

async fn judged(table: Table, parameters: Value) -> Part {
    let federation = Federation::new(1, true).parameters(parameters);
    let guest = federation.guest();
    let mut played = federation
        .input_from(&guest, "data", "lr_0", table)
        .run::<Evaluation>()
        .await
        .all_succeeded();
    played.parts.remove(&guest).expect("the guest's part")
}

/// The rows with the labels 0 and 1 called otherwise; the score stays the probability of what was 1.
fn called(negative: i64, positive: i64) -> Vec<Row> {
    let value = |label: f64| {
        if label == 1.0 {
            positive as f64
        } else {
            negative as f64
        }
    };
    let detail = |score: f64| {
        json!({negative.to_string(): 1.0 - score, positive.to_string(): score}).to_string()
    };
    let own = |row: Row| (value(row.0), value(row.1), row.2, detail(row.2), row.4);
    rows().into_iter().map(own).collect()
}

fn auc(part: &Part) -> f64 {
    scalars(find(part, "train", "lr_0"))
        .into_iter()
        .find(|(name, _)| name == "auc")
        .expect("auc")
        .1
}

fn expected() -> f64 {
    six(auc_by_pairs(&super::of_type("train")))
}

#[tokio::test]
async fn figures_are_of_pos_label_and_never_inverted() {
    for (negative, positive) in [(10, 1), (-1, 1), (2, 4), (0, 2)] {
        let table = table_of(ColumnKind::Integer, &called(negative, positive));
        for wanted in [positive, negative] {
            // One minus a probability ranks the other label as well as the probability the one.
            let part = judged(
                table.clone(),
                json!({"pos_label": wanted, "metrics": ["auc", "ks"]}),
            )
            .await;
            assert_eq!(
                auc(&part),
                expected(),
                "{wanted} of {negative} and {positive}"
            );
        }
        for wanted in [
            json!(positive as f64),
            json!(positive.to_string()),
            json!(format!(" {positive}.0 ")),
        ] {
            assert_eq!(
                auc(&judged(table.clone(), json!({"pos_label": wanted})).await),
                expected(),
                "{wanted}"
            );
        }
    }
}

#[tokio::test]
async fn a_label_that_the_model_does_not_know_has_no_figures() {
    let table = table_of(ColumnKind::Integer, &called(-1, 1));
    let part = judged(table, json!({"pos_label": 0})).await;
    assert!(part.metrics.is_empty(), "{:?}", part.metrics);
    assert!(
        part.log
            .iter()
            .any(|line| line.contains("pos_label 0 is none of the model's classes -1, 1")),
        "{:?}",
        part.log
    );
    // A model of an earlier release calls its classes 0 and 1: of -1 it says nothing.
    let old: Vec<Row> = called(-1, 1)
        .into_iter()
        .zip(rows())
        .map(|(row, old)| (row.0, old.1, row.2, old.3, row.4))
        .collect();
    assert!(
        judged(
            table_of(ColumnKind::Integer, &old),
            json!({"pos_label": -1})
        )
        .await
        .metrics
        .is_empty()
    );
    assert_eq!(
        auc(&judged(table_of(ColumnKind::Integer, &old), json!({})).await),
        expected()
    );
}

#[tokio::test]
async fn one_class_of_several_is_ranked_by_its_own_probability() {
    let row = |label: f64, of: [f64; 3]| {
        let best = if of[0] > of[1] { 0.0 } else { 1.0 };
        (
            label,
            best,
            of[best as usize],
            json!({"0": of[0], "1": of[1], "2": of[2]}).to_string(),
            "train",
        )
    };
    // By the best class's score the rows of 2 would rank last.
    let rows = [
        row(2.0, [0.4, 0.1, 0.35]),
        row(2.0, [0.1, 0.4, 0.3]),
        row(0.0, [0.9, 0.0, 0.1]),
        row(1.0, [0.1, 0.8, 0.2]),
    ];
    let part = judged(
        table_of(ColumnKind::Integer, &rows),
        json!({"pos_label": 2, "metrics": ["auc"]}),
    )
    .await;
    assert_eq!(auc(&part), 1.0);
}

/// The rows as a learner writes them where some have no label.
fn without(rows: &[Row], unlabelled: impl Fn(usize) -> bool) -> Table {
    let ids = (0..rows.len()).map(|row| format!("{row}")).collect();
    let label = |(at, row): (usize, &Row)| (!unlabelled(at)).then(|| (row.0 as i64).to_string());
    let columns = vec![
        Values::Text(rows.iter().enumerate().map(label).collect()),
        Values::Integer(rows.iter().map(|row| row.1 as i64).collect()),
        Values::Float(rows.iter().map(|row| row.2).collect()),
        Values::of_texts(rows.iter().map(|row| row.3.clone())),
        Values::of_texts(rows.iter().map(|row| row.4)),
    ];
    let mut schema = Schema::predictions("id", ColumnKind::Integer);
    schema.columns[0].kind = ColumnKind::Text;
    Table::from_columns(schema, ids, columns).expect("table")
}

#[tokio::test]
async fn rows_without_labels_have_nothing_to_evaluate() {
    for kind in ["binary", "multi", "regression"] {
        let part = judged(without(&rows(), |_| true), json!({"eval_type": kind})).await;
        assert!(part.metrics.is_empty() && part.summary.is_none(), "{kind}");
        let said = "the rows of lr_0 have no labels: there is nothing to evaluate";
        assert!(part.log.iter().any(|line| line == said), "{:?}", part.log);
    }
    // Numbers that are missing are no labels either.
    for none in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let rows: Vec<Row> = rows()
            .into_iter()
            .map(|row| (none, row.1, row.2, row.3, row.4))
            .collect();
        let part = judged(
            table_of(ColumnKind::Float, &rows),
            json!({"eval_type": "regression"}),
        )
        .await;
        assert!(part.metrics.is_empty(), "{none}");
    }
}

#[tokio::test]
async fn rows_without_labels_are_left_out_beside_others() {
    let all = rows();
    let even: Vec<Row> = all
        .iter()
        .cloned()
        .enumerate()
        .filter(|(at, _)| at % 2 == 0)
        .map(|(_, row)| row)
        .collect();
    for kind in ["binary", "multi", "regression"] {
        let mixed = judged(without(&all, |at| at % 2 == 1), json!({"eval_type": kind})).await;
        let whole = judged(
            table_of(ColumnKind::Integer, &even),
            json!({"eval_type": kind}),
        )
        .await;
        assert_eq!(
            (&mixed.metrics, &mixed.summary),
            (&whole.metrics, &whole.summary),
            "{kind}"
        );
        assert!(
            mixed
                .log
                .iter()
                .any(|line| line.contains("110 of 220 rows of lr_0 have no label")),
            "{:?}",
            mixed.log
        );
    }
    // A type of row that has none is left out as a whole.
    let train = judged(without(&all, |at| all[at].4 == "validate"), json!({})).await;
    assert!(
        train
            .metrics
            .iter()
            .all(|metric| metric.namespace == "train")
            && auc(&train) == expected()
    );
}
