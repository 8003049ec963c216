//! The checklist of feature_scale, and its figures.

use component_kit::harness::{Federation, RunRecord};
use serde_json::{Value, json};
use tables::{Column, ColumnKind, Part, Schema, Table, TableKind, Values};
use vocabulary::{ErrorCode, Fault, Participant};

use super::FeatureScale;

const CANARY: f64 = 27_182.818_28;

/// Instances with a label; rows are named r0, r1, …
fn instances(columns: Vec<(&str, Values)>) -> Table {
    let rows = columns.first().map_or(0, |(_, values)| values.len());
    let label = Column::new("y", ColumnKind::Integer, Part::Label);
    let features = columns
        .iter()
        .map(|(name, values)| Column::new(*name, values.kind(), Part::Feature));
    let all = std::iter::once(label).chain(features).collect();
    let ids = (0..rows).map(|row| format!("canary-r{row}")).collect();
    let labels = Values::Integer((0..rows).map(|row| i64::from(row % 2 == 0)).collect());
    let values = std::iter::once(labels).chain(columns.into_iter().map(|(_, values)| values));
    let schema = Schema::new(TableKind::Instances, "id", all);
    Table::from_columns(schema, ids, values.collect()).expect("a table")
}

fn guest_rows() -> Table {
    instances(vec![
        ("x0", Values::Float(vec![CANARY, 1.0, f64::NAN, -4.5, 2.0])),
        ("größe", Values::Integer(vec![1, 2, 4, 8, 16])),
        ("même", Values::Float(vec![0.1; 5])),
    ])
}

fn host_rows() -> Table {
    instances(vec![("x0", Values::Float(vec![0.5, -1.0, 3.0]))])
}

fn federation(hosts: usize, parameters: Value) -> Federation {
    let mut federation = Federation::new(hosts, false).parameters(parameters);
    let guest = federation.guest();
    federation = federation.input(&guest, "data", guest_rows());
    for index in 0..hosts {
        let host = federation.host(index);
        federation = federation.input(&host, "data", host_rows());
    }
    federation
}

/// The guest alone, with this table.
fn alone(rows: Table, parameters: Value) -> (Federation, Participant) {
    let federation = Federation::new(0, false).parameters(parameters);
    let guest = federation.guest();
    (federation.input(&guest, "data", rows), guest)
}

async fn scaled(rows: Table, parameters: Value) -> (RunRecord, Participant) {
    let (federation, guest) = alone(rows, parameters);
    (
        federation.run::<FeatureScale>().await.all_succeeded(),
        guest,
    )
}

async fn refused(rows: Table, parameters: Value) -> Fault {
    let (federation, _) = alone(rows, parameters);
    federation
        .run::<FeatureScale>()
        .await
        .fault()
        .expect("refused")
}

/// Many columns in many partitions.
fn large() -> Federation {
    let column = |at: usize| Values::Float((0..64).map(|row| (row * at) as f64).collect());
    let names: Vec<String> = (0..40).map(|at| format!("x{at}")).collect();
    let columns = names.iter().enumerate();
    let rows = instances(
        columns
            .map(|(at, name)| (name.as_str(), column(at)))
            .collect(),
    );
    alone(rows.in_partitions(16).expect("partitions"), json!({})).0
}

component_kit::checklist!(local FeatureScale, federation(1, json!({})),
    refuses: [
        (json!({"method": "log_scale"}), "method"),
        (json!({"mode": "wide"}), "mode"),
        (json!({"scale_col_indexes": 0}), "scale_col_indexes"),
        (json!({"scale_col_indexes": [-2]}), "scale_col_indexes"),
        (json!({"mode": "cap", "feat_upper": 1.5}), "feat_upper"),
        (json!({"mode": "cap", "feat_lower": [0.1, -0.1]}), "feat_lower"),
        (json!({"feat_upper": 1, "feat_lower": 2}), "feat_lower"),
        (json!({"feat_upper": [5, 1], "feat_lower": 2}), "feat_lower"),
        (json!({"feat_upper": "high"}), "feat_upper"),
        (json!({"with_mean": "maybe"}), "with_mean"),
    ],
    canaries: ["canary-r0"], [CANARY],
    work: large(), least: 60);

/// Mean and population deviation by their definitions.
fn plainly(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square = values.iter().map(|value| (value - mean).powi(2));
    (mean, (square.sum::<f64>() / n).sqrt())
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let same = found.is_nan() && expected.is_nan();
        assert!(
            same || (found - expected).abs() < 1e-12 * expected.abs().max(1.0),
            "{found} is not {expected}"
        );
    }
}

#[tokio::test]
async fn agrees_with_the_plain_computation() {
    let federation = federation(2, json!({}));
    let played = federation.run::<FeatureScale>().await.all_succeeded();
    let guest = played.part(&federation.guest());
    let table = guest.output();
    let (mean, deviation) = plainly(&[CANARY, 1.0, -4.5, 2.0]);
    let expected = [CANARY, 1.0, f64::NAN, -4.5, 2.0].map(|x| (x - mean) / deviation);
    assert_close(&table.floats("x0").expect("numbers"), &expected);
    let (mean, deviation) = plainly(&[1.0, 2.0, 4.0, 8.0, 16.0]);
    let expected = [1.0, 2.0, 4.0, 8.0, 16.0].map(|x| (x - mean) / deviation);
    assert_close(&table.floats("größe").expect("numbers"), &expected);
    assert_eq!(
        table.floats("même").expect("numbers"),
        [0.0; 5],
        "what does not vary is only moved"
    );
    assert_eq!(
        table.schema().display_header(),
        guest_rows().schema().display_header()
    );
    assert_eq!(
        table.labels().expect("labels"),
        guest_rows().labels().expect("labels")
    );
    for index in 0..2 {
        let host = played.part(&federation.host(index)).output();
        let (mean, deviation) = plainly(&[0.5, -1.0, 3.0]);
        assert_close(
            &host.floats("x0").expect("numbers"),
            &[0.5, -1.0, 3.0].map(|x| (x - mean) / deviation),
        );
    }
}

#[tokio::test]
async fn says_what_fates_readers_look_for() {
    let federation = federation(0, json!({"scale_col_indexes": [1], "feat_upper": 8}));
    let played = federation.run::<FeatureScale>().await.all_succeeded();
    let guest = played.part(&federation.guest());
    let view = guest.model_view.as_ref().expect("a view");
    let (mean, deviation) = plainly(&[1.0, 2.0, 4.0, 8.0, 8.0]);
    let figures =
        |upper: &str, lower: &str| json!({upper: 8.0, lower: 1.0, "mean": mean, "std": deviation});
    assert_eq!(
        view,
        &json!({
            "meta": {
                "method": "standard_scale", "mode": "normal", "area": "null", "scaleColumn": ["größe"],
                "featUpper": ["8.0", "8.0", "8.0"], "featLower": ["None", "None", "None"], "withMean": true,
                "withStd": true, "needRun": true,
            },
            "param": {
                "colScaleParam": {"größe": figures("columnUpper", "columnLower")}, "header": ["x0", "größe", "même"],
            },
        })
    );
    assert_eq!(
        guest.summary,
        Some(json!({"größe": figures("column_upper", "column_lower")}))
    );
    let told = guest
        .metrics
        .iter()
        .find(|metric| metric.name == "scale")
        .expect("a metric");
    let meta = json!({"name": "scale", "metric_type": "SCALE", "method": "standard_scale"});
    assert_eq!(
        (told.namespace.as_str(), Value::Object(told.meta.clone())),
        ("train", meta)
    );
    assert_eq!(fate_models::messages("FeatureScale", view).len(), 2);
}

#[tokio::test]
async fn spans_and_bounds() {
    let rows = || {
        instances(vec![
            ("a", Values::Float(vec![1.0, 2.0, 4.0, 8.0, 16.0])),
            ("b", Values::Float(vec![5.0, 4.0, 3.0, 2.0, 1.0])),
        ])
    };
    let of = async |parameters: Value| {
        let (played, guest) = scaled(rows(), parameters).await;
        let table = played.part(&guest).output();
        (
            table.floats("a").expect("numbers"),
            table.floats("b").expect("numbers"),
        )
    };
    let (a, b) = of(json!({"method": "min_max_scale"})).await;
    assert_close(&a, &[1.0, 2.0, 4.0, 8.0, 16.0].map(|x| (x - 1.0) / 15.0));
    assert_close(&b, &[1.0, 0.75, 0.5, 0.25, 0.0]);
    let (a, b) =
        of(json!({"method": "min_max_scale", "feat_upper": [8, 4], "feat_lower": 2})).await;
    assert_close(&a, &[0.0, 0.0, 1.0 / 3.0, 1.0, 1.0]);
    assert_close(&b, &[1.0, 1.0, 0.5, 0.0, 0.0]);
    // 0.3 of five rows is the second smallest, 0.8 the fourth.
    let (a, b) =
        of(json!({"method": "min_max_scale", "mode": "cap", "feat_upper": 0.8, "feat_lower": 0.3}))
            .await;
    assert_close(&a, &[0.0, 0.0, 1.0 / 3.0, 1.0, 1.0]);
    assert_close(&b, &[1.0, 1.0, 0.5, 0.0, 0.0]);
    let (a, _) = of(
        json!({"mode": "cap", "feat_upper": 0.8, "scale_col_indexes": [], "scale_names": ["a"]}),
    )
    .await;
    let (mean, deviation) = plainly(&[1.0, 2.0, 4.0, 8.0, 8.0]);
    assert_close(
        &a,
        &[1.0, 2.0, 4.0, 8.0, 8.0].map(|x| (x - mean) / deviation),
    );
    let (a, b) =
        of(json!({"with_mean": false, "with_std": "False", "scale_col_indexes": [1]})).await;
    assert_eq!(
        (a, b),
        (
            vec![1.0, 2.0, 4.0, 8.0, 16.0],
            vec![5.0, 4.0, 3.0, 2.0, 1.0]
        )
    );
    let (a, _) = of(json!({"with_std": 0})).await;
    assert_close(&a, &[1.0, 2.0, 4.0, 8.0, 16.0].map(|x| x - 6.2));
    let (a, _) = of(json!({"with_mean": false})).await;
    assert_close(
        &a,
        &[1.0, 2.0, 4.0, 8.0, 16.0].map(|x| x / 29.76_f64.sqrt()),
    );
}

#[tokio::test]
async fn applies_figures_of_the_training_to_other_rows() {
    let (trained, guest) = scaled(host_rows(), json!({})).await;
    let later = instances(vec![
        ("new", Values::Integer(vec![7, 8])),
        ("x0", Values::Float(vec![100.0, 0.5])),
    ]);
    let apply = async |rows: Table, parameters: Value| {
        let federation = alone(rows, parameters).0.applying(&trained);
        federation.run::<FeatureScale>().await
    };
    let applied = apply(later.clone(), json!({"method": "min_max_scale"}))
        .await
        .all_succeeded();
    let table = applied.part(&guest).output();
    let (mean, deviation) = plainly(&[0.5, -1.0, 3.0]);
    assert_close(
        &table.floats("x0").expect("numbers"),
        &[3.0, 0.5].map(|x| (x - mean) / deviation),
    );
    assert_eq!(
        table.floats("new").expect("numbers"),
        [7.0, 8.0],
        "the model knows nothing of it"
    );
    let none = apply(instances(vec![("x0", Values::Float(vec![]))]), json!({}))
        .await
        .all_succeeded();
    assert_eq!(none.part(&guest).output().rows(), 0);
    let other = instances(vec![("x1", Values::Float(vec![1.0]))]);
    let fault = apply(other, json!({}))
        .await
        .fault()
        .expect("a column is missing");
    assert!(fault.message.contains("\"x0\""), "{fault}");
    let untouched = apply(later.clone(), json!({"need_run": false}))
        .await
        .all_succeeded();
    let output = untouched.part(&guest).output();
    assert_eq!(
        output.content_hash().expect("a hash"),
        later.content_hash().expect("a hash")
    );
}

#[tokio::test]
async fn passes_on_what_is_not_to_be_scaled() {
    for parameters in [json!({"need_run": false}), json!({"method": null})] {
        let (played, guest) = scaled(guest_rows(), parameters).await;
        let part = played.part(&guest);
        let hash = |table: &Table| table.content_hash().expect("a hash");
        assert_eq!(hash(part.output()), hash(&guest_rows()));
        assert!(part.summary.is_none() && part.model.is_some());
    }
}

#[tokio::test]
async fn bad_rows_and_bad_columns_are_named() {
    let fault = refused(instances(vec![("x", Values::Float(vec![]))]), json!({})).await;
    assert_eq!(fault.code, ErrorCode::TableInvalid);
    assert!(fault.message.contains("\"x\""), "{fault}");
    let missing = instances(vec![
        ("x", Values::Float(vec![1.0, 2.0])),
        ("leer", Values::Float(vec![f64::NAN, f64::INFINITY])),
    ]);
    let fault = refused(missing.clone(), json!({})).await;
    assert!(fault.message.contains("\"leer\""), "{fault}");
    let (played, guest) = scaled(missing, json!({"scale_col_indexes": [0]})).await;
    assert_eq!(
        played.part(&guest).output().floats("x").expect("numbers"),
        [-1.0, 1.0]
    );
    let wide = instances(vec![("x", Values::Float(vec![f64::MAX, -f64::MAX]))]);
    for method in ["standard_scale", "min_max_scale"] {
        let fault = refused(wide.clone(), json!({"method": method})).await;
        assert!(fault.message.contains("\"x\""), "{fault}");
    }
    let texts = Values::of_texts(["1", "2", "x3", "4"]);
    let texts = instances(vec![("t", texts)])
        .in_partitions(4)
        .expect("partitions");
    let fault = refused(texts, json!({})).await;
    assert!(
        fault.message.contains("\"t\"") && fault.message.contains("row 2"),
        "{fault}"
    );
    let numbers = instances(vec![("t", Values::of_texts(["1", "NA", "3"]))]);
    let (played, guest) = scaled(numbers, json!({"method": "min_max_scale"})).await;
    assert_close(
        &played.part(&guest).output().floats("t").expect("numbers"),
        &[0.0, f64::NAN, 1.0],
    );
}

#[tokio::test]
async fn columns_and_lists_must_be_those_of_the_table() {
    for (parameters, path) in [
        (json!({"scale_col_indexes": [0, 3]}), "scale_col_indexes[1]"),
        (
            json!({"scale_names": ["größe", "nowhere"]}),
            "scale_names[1]",
        ),
        (json!({"feat_upper": [1, 2]}), "feat_upper"),
        (
            json!({"mode": "cap", "feat_lower": [0, 0, 0, 0]}),
            "feat_lower",
        ),
    ] {
        let fault = refused(guest_rows(), parameters.clone()).await;
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (ErrorCode::ParameterInvalid, Some(path)),
            "{parameters}"
        );
    }
}

#[tokio::test]
async fn ten_thousand_columns_are_scaled() {
    let names: Vec<String> = (0..10_000).map(|at| format!("x{at}")).collect();
    let column = |at: usize| Values::Float(vec![at as f64, 1.0, -(at as f64)]);
    let columns = names.iter().enumerate();
    let rows = instances(
        columns
            .map(|(at, name)| (name.as_str(), column(at)))
            .collect(),
    );
    let (played, guest) = scaled(
        rows.in_partitions(3).expect("partitions"),
        json!({"method": "min_max_scale"}),
    )
    .await;
    let part = played.part(&guest);
    assert_close(
        &part.output().floats("x7").expect("numbers"),
        &[1.0, 8.0 / 14.0, 0.0],
    );
    let view = part.model_view.as_ref().expect("a view");
    assert_eq!(
        view["param"]["colScaleParam"]
            .as_object()
            .map(serde_json::Map::len),
        Some(10_000)
    );
}
