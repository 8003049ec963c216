//! Rows of which some have no label, on their whole way: from the file through the model to its figures.

use component_kit::harness::{Federation, Part, RunRecord};
use serde_json::{Value, json};
use tables::{Column, ColumnKind, Part as Role, Schema, Table, TableKind, Values};
use vocabulary::MetricData;

use super::federations::{Data, defaults};
use crate::data_transform::DataTransform;
use crate::evaluation::Evaluation;
use crate::hetero_lr::HeteroLr;

const GAPS: [&str; 4] = ["", "NA", "nan", "-inf"];

/// The guest's rows as a file has them; `gap` stands where one has no label.
fn raw(data: &Data, unlabelled: &[usize], gap: &str) -> Table {
    let made = data.table(0);
    let names = ["y", "g_0", "g_1"];
    let columns = names
        .map(|name| Column::new(name, ColumnKind::Text, Role::Feature))
        .to_vec();
    let mut values: Vec<Vec<Option<String>>> =
        names.iter().map(|name| made.texts(name).unwrap()).collect();
    unlabelled
        .iter()
        .for_each(|row| values[0][*row] = Some(gap.to_owned()));
    let values = values.into_iter().map(Values::Text).collect();
    Table::from_columns(
        Schema::new(TableKind::Raw, "id", columns),
        data.ids.clone(),
        values,
    )
    .unwrap()
}

fn reading(rows: Table, label_type: &str) -> Federation {
    let parameters = json!({"with_label": true, "label_name": "y", "label_type": label_type});
    let federation = Federation::new(0, false).parameters(parameters);
    let guest = federation.guest();
    federation.input(&guest, "data", rows)
}

fn guest(played: &RunRecord) -> &Part {
    played.part(&Federation::new(1, true).guest())
}

/// The predictions of a saved model for instances of the guest.
async fn predicted(data: &Data, fitted: &RunRecord, instances: &Table) -> Table {
    let federation = Federation::new(1, true).parameters(defaults());
    let (own, host) = (federation.guest(), federation.host(0));
    let federation = federation
        .input(&own, "test_data", instances.clone())
        .input(&host, "test_data", data.table(1));
    guest(
        &federation
            .applying(fitted)
            .run::<HeteroLr>()
            .await
            .all_succeeded(),
    )
    .output()
    .clone()
}

async fn judged(predictions: Table, parameters: Value) -> Part {
    let federation = Federation::new(1, true).parameters(parameters);
    let own = federation.guest();
    let federation = federation.input_from(&own, "data", "hetero_lr_0", predictions);
    federation
        .run::<Evaluation>()
        .await
        .all_succeeded()
        .parts
        .remove(&own)
        .unwrap()
}

fn auc(part: &Part) -> Option<f64> {
    let values = part
        .metrics
        .iter()
        .filter_map(|metric| match metric.data.plain() {
            MetricData::Values(values) => Some(values),
            MetricData::Points(_) => None,
        });
    values
        .flatten()
        .find(|(name, _)| name == "auc")
        .map(|(_, value)| value)
}

/// The share of pairs, of rows that have a label, that the scores put in order.
fn auc_by_pairs(data: &Data, predictions: &Table, unlabelled: &[usize]) -> f64 {
    let scores = predictions.floats("predict_score").unwrap();
    let of = |class: i64| {
        let rows = (0..scores.len())
            .filter(move |row| data.labels[*row] == class && !unlabelled.contains(row));
        rows.map(|row| scores[row]).collect::<Vec<f64>>()
    };
    let (high, low) = (of(1), of(0));
    assert_eq!(high.len() + low.len(), scores.len() - unlabelled.len());
    let wins: usize = high
        .iter()
        .map(|high| low.iter().filter(|low| high > low).count())
        .sum();
    wins as f64 / (high.len() * low.len()) as f64
}

#[tokio::test]
async fn figures_are_of_the_rows_that_have_a_label() {
    let data = Data::new(60, 2, 2);
    let fitted = data
        .federation(defaults())
        .run::<HeteroLr>()
        .await
        .all_succeeded();
    for (label_type, unlabelled) in [
        ("int", vec![7]),
        ("float", vec![0]),
        ("int", vec![3, 20, 59]),
        ("str", vec![7]),
    ] {
        let made = reading(raw(&data, &[], ""), label_type)
            .run::<DataTransform>()
            .await
            .all_succeeded();
        for gap in if label_type == "str" {
            &GAPS[..1]
        } else {
            &GAPS[..]
        } {
            let applied = reading(raw(&data, &unlabelled, gap), label_type).applying(&made);
            let applied = applied.run::<DataTransform>().await.all_succeeded();
            let part = guest(&applied);
            let said = format!("{} of 60 rows have no label in \"y\"", unlabelled.len());
            assert!(
                part.log.iter().any(|line| line.contains(&said)),
                "{:?}",
                part.log
            );

            let predictions = predicted(&data, &fitted, part.output()).await;
            let labels = predictions.texts("label").unwrap();
            let expected =
                |row: usize| (!unlabelled.contains(&row)).then(|| data.labels[row].to_string());
            assert_eq!(
                labels,
                (0..60).map(expected).collect::<Vec<_>>(),
                "{label_type}, {gap:?}"
            );
            let found = judged(predictions.clone(), json!({"metrics": ["auc"]})).await;
            let own = auc_by_pairs(&data, &predictions, &unlabelled);
            assert!(
                (auc(&found).unwrap() - own).abs() < 1e-6,
                "{label_type}, {gap:?}: {:?}, {own}",
                auc(&found)
            );
            let said = format!(
                "{} of 60 rows of hetero_lr_0 have no label",
                unlabelled.len()
            );
            assert!(
                found.log.iter().any(|line| line.contains(&said)),
                "{:?}",
                found.log
            );
        }
    }
}

#[tokio::test]
async fn without_any_label_there_is_no_column_and_nothing_to_judge() {
    let data = Data::new(60, 2, 2);
    let fitted = data
        .federation(defaults())
        .run::<HeteroLr>()
        .await
        .all_succeeded();
    let made = reading(raw(&data, &[], ""), "int")
        .run::<DataTransform>()
        .await
        .all_succeeded();
    let all: Vec<usize> = (0..60).collect();
    let applied = reading(raw(&data, &all, "NA"), "int")
        .applying(&made)
        .run::<DataTransform>()
        .await
        .all_succeeded();
    assert!(guest(&applied).output().schema().label().is_none());
    let predictions = predicted(&data, &fitted, guest(&applied).output()).await;
    assert_eq!(
        auc(&judged(predictions, json!({"metrics": ["auc"]})).await),
        None
    );
    // A training needs every one.
    let fault = reading(raw(&data, &[7], ""), "int")
        .run::<DataTransform>()
        .await
        .fault()
        .unwrap();
    assert!(
        fault
            .message
            .contains("the label \"y\" has no finite value in 1 rows"),
        "{fault}"
    );
}

#[tokio::test]
async fn gaps_in_rows_to_predict_are_told_what_helps() {
    let data = Data::new(40, 2, 2);
    let fitted = data
        .federation(defaults())
        .run::<HeteroLr>()
        .await
        .all_succeeded();
    let mut empty = data.with_gap(1);
    empty.parts[1].column_mut(0).fill(f64::NAN);
    for rows in [data.with_gap(0), data.with_gap(1), empty] {
        let applied = rows
            .federation_at(defaults(), "test_data")
            .applying(&fitted)
            .run::<HeteroLr>()
            .await;
        let next = applied.fault().unwrap().next.unwrap();
        assert!(
            next.starts_with("train with missing_fill true in DataTransform"),
            "{next}"
        );
        assert!(
            next.ends_with("or fill the file and upload it again"),
            "{next}"
        );
    }
}
