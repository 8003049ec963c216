//! The checklist of data_statistics, and its figures.

use component_kit::harness::{Federation, RunRecord};
use serde_json::{Value, json};
use tables::{Column, Part, Schema, Table, TableKind, Values};
use vocabulary::{ErrorCode, Fault, Participant};

use super::DataStatistics;

const CANARY: f64 = 27_182.818_28;

/// Instances without a label; rows are named r0, r1, …
fn instances(columns: Vec<(&str, Values)>) -> Table {
    let rows = columns.first().map_or(0, |(_, values)| values.len());
    let features = columns
        .iter()
        .map(|(name, values)| Column::new(*name, values.kind(), Part::Feature))
        .collect();
    let ids = (0..rows).map(|row| format!("canary-r{row}")).collect();
    let schema = Schema::new(TableKind::Instances, "id", features);
    let values = columns.into_iter().map(|(_, values)| values).collect();
    Table::from_columns(schema, ids, values).expect("a table")
}

fn guest_rows() -> Table {
    instances(vec![
        (
            "x0",
            Values::Float(vec![CANARY, 1.0, f64::NAN, -4.5, 2.0, 7.25]),
        ),
        ("größe", Values::Integer(vec![1, 2, 4, 8, 16, 16])),
        ("même", Values::Float(vec![0.1; 6])),
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

async fn computed(rows: Table, parameters: Value) -> (RunRecord, Participant) {
    let (federation, guest) = alone(rows, parameters);
    (
        federation.run::<DataStatistics>().await.all_succeeded(),
        guest,
    )
}

async fn refused(rows: Table, parameters: Value) -> Fault {
    let (federation, _) = alone(rows, parameters);
    federation
        .run::<DataStatistics>()
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

component_kit::checklist!(local DataStatistics, federation(1, json!({})),
    refuses: [
        (json!({"statistics": "average"}), "statistics"),
        (json!({"statistics": ["mean", "101%"]}), "statistics"),
        (json!({"column_indexes": 3}), "column_indexes"),
        (json!({"column_indexes": [0.5]}), "column_indexes"),
        (json!({"column_names": "x0"}), "column_names"),
        (json!({"abnormal_list": 3}), "abnormal_list"),
        (json!({"abnormal_list": [[3]]}), "abnormal_list[0]"),
        (json!({"quantile_error": 1.5}), "quantile_error"),
        (json!({"bias": "some"}), "bias"),
    ],
    canaries: ["canary-r0"], [CANARY],
    work: large(), least: 50);

/// By the definitions: sum, mean, stddev, median, min, max, skewness, kurtosis, coefficient of variance.
fn plainly(values: &[f64]) -> Vec<(&'static str, f64)> {
    let n = values.len() as f64;
    let sum: f64 = values.iter().sum();
    let mean = sum / n;
    let central = |power: i32| {
        values
            .iter()
            .map(|value| (value - mean).powi(power))
            .sum::<f64>()
            / n
    };
    let deviation = central(2).sqrt();
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[((share * n).ceil() as usize).max(1) - 1];
    vec![
        ("sum", sum),
        ("mean", mean),
        ("stddev", deviation),
        ("median", at(0.5)),
        ("min", sorted[0]),
        ("max", sorted[sorted.len() - 1]),
        ("skewness", central(3) / central(2).powf(1.5)),
        ("kurtosis", central(4) / central(2).powi(2) - 3.0),
        ("coefficient_of_variance", deviation / mean.abs()),
        ("variance", central(2)),
        ("5%", at(0.05)),
        ("80%", at(0.8)),
        ("count", n),
    ]
}

fn summary(played: &RunRecord, who: &Participant) -> Value {
    played.part(who).summary.clone().expect("a summary")
}

fn assert_figures(found: &Value, expected: &[(&str, f64)]) {
    for (name, expected) in expected {
        let value = found[name]
            .as_f64()
            .unwrap_or_else(|| panic!("no {name} in {found}"));
        assert!(
            (value - expected).abs() <= 1e-9 * expected.abs().max(1.0),
            "{name}: {value} is not {expected}"
        );
    }
}

#[tokio::test]
async fn agrees_with_the_plain_computation() {
    let asked = json!({"statistics": ["variance", "5%", "80%", "count"]});
    let federation = federation(2, asked);
    let played = federation.run::<DataStatistics>().await.all_succeeded();
    let of = summary(&played, &federation.guest());
    assert_figures(&of["x0"], &plainly(&[CANARY, 1.0, -4.5, 2.0, 7.25]));
    assert_figures(
        &of["x0"],
        &[("missing_count", 1.0), ("missing_ratio", 1.0 / 6.0)],
    );
    assert_figures(&of["größe"], &plainly(&[1.0, 2.0, 4.0, 8.0, 16.0, 16.0]));
    let constant = [
        ("stddev", 0.0),
        ("skewness", 0.0),
        ("kurtosis", -3.0),
        ("mean", 0.1),
        ("coefficient_of_variance", 0.0),
    ];
    assert_figures(&of["même"], &constant);
    for index in 0..2 {
        let of = summary(&played, &federation.host(index));
        assert_figures(&of["x0"], &plainly(&[0.5, -1.0, 3.0]));
    }
    let output = played.part(&federation.guest()).output();
    assert_eq!(
        output.content_hash().expect("a hash"),
        guest_rows().content_hash().expect("a hash")
    );
}

#[tokio::test]
async fn says_what_fates_readers_look_for() {
    let parameters =
        json!({"statistics": ["95%", "mean"], "column_indexes": [2], "column_names": ["größe"]});
    let (played, guest) = computed(guest_rows(), parameters).await;
    let view = played.part(&guest).model_view.clone().expect("a view");
    let names = [
        "95%",
        "mean",
        "sum",
        "stddev",
        "median",
        "min",
        "max",
        "missing_ratio",
        "missing_count",
        "skewness",
        "kurtosis",
        "coefficient_of_variance",
    ];
    let meta = json!({
        "statistics": names, "staticColumns": ["größe", "même"], "quantileError": 1e-4, "needRun": true,
    });
    assert_eq!(view["meta"], meta);
    assert_eq!(
        (&view["param"]["hostValues"], &view["param"]["modelName"]),
        (&json!({}), &json!("statistic_model"))
    );
    let results = view["param"]["selfValues"]["results"]
        .as_array()
        .expect("results");
    let found: Vec<&str> = results
        .iter()
        .filter_map(|result| result["valueName"].as_str())
        .collect();
    assert_eq!(found, names);
    assert_eq!(
        results[0],
        json!({"values": [16.0, 0.1], "colNames": ["größe", "même"], "valueName": "95%"})
    );
    assert_eq!(fate_models::messages("DataStatistics", &view).len(), 2);
    assert_eq!(
        summary(&played, &guest)
            .as_object()
            .map(serde_json::Map::len),
        Some(2)
    );
}

#[tokio::test]
async fn abnormal_values_are_left_out_and_samples_corrected() {
    let parameters =
        json!({"abnormal_list": [16, "1", "NA"], "bias": false, "statistics": "count"});
    let (played, guest) = computed(guest_rows(), parameters).await;
    let of = summary(&played, &guest);
    assert_figures(
        &of["größe"],
        &[
            ("count", 3.0),
            ("sum", 14.0),
            ("max", 8.0),
            ("missing_count", 0.0),
        ],
    );
    // n = 3: sqrt(n (n - 1)) / (n - 2) times the biased skewness; the kurtosis needs four values to be corrected.
    let [_, _, _, _, _, _, skewness, kurtosis, ..] = plainly(&[2.0, 4.0, 8.0])[..] else {
        panic!("figures")
    };
    assert_figures(
        &of["größe"],
        &[
            ("skewness", skewness.1 * 6.0_f64.sqrt()),
            ("kurtosis", kurtosis.1),
        ],
    );
    assert_figures(&of["x0"], &[("count", 4.0), ("missing_count", 1.0)]);
}

#[tokio::test]
async fn no_figure_is_made_of_nothing() {
    let rows = instances(vec![
        ("leer", Values::Float(vec![f64::NAN, f64::INFINITY])),
        ("huge", Values::Float(vec![f64::MAX, f64::MAX])),
    ]);
    let (played, guest) = computed(rows, json!({"statistics": ["count"]})).await;
    let of = summary(&played, &guest);
    assert_eq!(
        of["leer"],
        json!({"count": 0.0, "missing_ratio": 1.0, "missing_count": 2.0})
    );
    assert_figures(&of["huge"], &[("min", f64::MAX), ("median", f64::MAX)]);
    assert_eq!(of["huge"].get("sum"), None, "beyond all numbers");
    let part = played.part(&guest);
    let view = part.model_view.as_ref().expect("a view");
    assert_eq!(
        fate_models::messages("DataStatistics", view).len(),
        2,
        "nothing in it is not finite"
    );
    let log = part.log.join("\n");
    assert!(
        log.contains("\"leer\"") && log.contains("\"huge\""),
        "{log}"
    );
    let fault = refused(instances(vec![("x", Values::Float(vec![]))]), json!({})).await;
    assert_eq!(fault.code, ErrorCode::TableInvalid);
    let fault = refused(
        instances(vec![("t", Values::of_texts(["1", "two"]))]),
        json!({}),
    )
    .await;
    assert!(fault.message.contains("\"t\""), "{fault}");
}

#[tokio::test]
async fn columns_must_be_those_of_the_table() {
    for (parameters, path) in [
        (json!({"column_indexes": [3]}), "column_indexes[0]"),
        (json!({"column_names": ["nowhere"]}), "column_names[0]"),
    ] {
        let fault = refused(guest_rows(), parameters).await;
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (ErrorCode::ParameterInvalid, Some(path))
        );
    }
    let (played, guest) = computed(guest_rows(), json!({"need_run": false})).await;
    assert!(played.part(&guest).summary.is_none());
}

#[tokio::test]
async fn ten_thousand_columns_are_computed_and_partitions_make_no_difference() {
    let names: Vec<String> = (0..10_000).map(|at| format!("x{at}")).collect();
    let column = |at: usize| Values::Float(vec![at as f64, 1.0, 0.5 - (at as f64), 2.0]);
    let columns = names.iter().enumerate();
    let rows = instances(
        columns
            .map(|(at, name)| (name.as_str(), column(at)))
            .collect(),
    );
    let (one, guest) = computed(rows.clone(), json!({})).await;
    let (many, _) = computed(rows.in_partitions(4).expect("partitions"), json!({})).await;
    assert_eq!(summary(&one, &guest), summary(&many, &guest));
    assert_figures(
        &summary(&one, &guest)["x7"],
        &plainly(&[7.0, 1.0, -6.5, 2.0])[..9],
    );
}
