//! Several classes, numbers, odd labels, and tables that cannot be judged.

use component_kit::harness::Federation;
use serde_json::{Value, json};
use tables::{ColumnKind, Schema, Table, TableKind};
use vocabulary::ErrorCode;

use super::super::Evaluation;
use super::{Row, binary, find, points, rows, scalars, six, table_of};

fn multi_rows() -> Vec<Row> {
    let row = |label: f64, result: f64, of: [f64; 3]| {
        (
            label,
            result,
            of[result as usize],
            json!({"0": of[0], "1": of[1], "2": of[2]}).to_string(),
            "train",
        )
    };
    vec![
        row(0.0, 0.0, [0.8, 0.1, 0.1]),
        row(0.0, 1.0, [0.3, 0.6, 0.1]),
        row(1.0, 1.0, [0.2, 0.7, 0.1]),
        row(1.0, 1.0, [0.1, 0.5, 0.4]),
        row(2.0, 2.0, [0.1, 0.2, 0.7]),
        row(2.0, 0.0, [0.4, 0.3, 0.3]),
    ]
}

#[tokio::test]
async fn judges_several_classes_and_each_against_the_rest() {
    let federation = Federation::new(1, false)
        .parameters(json!({"eval_type": "multi", "unfold_multi_result": true}));
    let guest = federation.guest();
    let federation = federation.input_from(
        &guest,
        "data",
        "lr_0",
        table_of(ColumnKind::Integer, &multi_rows()),
    );
    let played = federation.run::<Evaluation>().await.all_succeeded();
    let part = played.part(&guest);
    // Right: 4 of 6. Precision 1/2, 2/3, 1; recall 1/2, 1, 1/2.
    let expected = [
        ("accuracy", 0.666667),
        ("precision", 0.722222),
        ("recall", 0.666667),
    ];
    let expected: Vec<(String, f64)> = expected
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
    assert_eq!(scalars(find(part, "train", "lr_0")), expected);
    let precision = find(part, "train", "lr_0_precision");
    assert_eq!(points(precision), [(0.0, 0.5), (1.0, 0.666667), (2.0, 1.0)]);
    let meta = json!({"name": "lr_0_precision", "metric_type": "PRECISION_MULTI_EVALUATION", "ordinate_name": "Precision", "curve_name": "lr_0", "pair_type": "lr_0"});
    assert_eq!(Value::Object(precision.meta.clone()), meta);
    assert_eq!(
        points(find(part, "train", "lr_0_recall")),
        [(0.0, 0.5), (1.0, 1.0), (2.0, 0.5)]
    );
    // Class 2: .7 and .3 against .1, .1, .1, .4: seven of eight pairs in order.
    let class = find(part, "train", "lr_0_class_2_ovr");
    assert_eq!(
        (&class.meta["name"], &class.meta["metric_type"]),
        (&json!("lr_0"), &json!("ovr"))
    );
    assert_eq!(class.meta["2"]["auc"], json!(0.875));
    assert_eq!(
        part.summary
            .as_ref()
            .map(|summary| &summary["lr_0"]["train"]["accuracy"]),
        Some(&json!(0.666667))
    );
}

#[tokio::test]
async fn judges_numbers_of_several_models() {
    let row = |label: f64, result: f64, kind: &'static str| {
        (
            label,
            result,
            result,
            json!({"label": result}).to_string(),
            kind,
        )
    };
    let one = [
        row(3.0, 2.5, "train"),
        row(-0.5, 0.0, "train"),
        row(2.0, 2.0, "train"),
        row(7.0, 8.0, "train"),
    ];
    let other = [row(1.0, 2.0, "predict"), row(3.0, 2.0, "predict")];
    let federation = Federation::new(1, false)
        .parameters(json!({"eval_type": "REGRESSION", "metrics": ["rmse", "l1", "r2"]}));
    let guest = federation.guest();
    let federation = federation
        .input_from(&guest, "data", "linr_0", table_of(ColumnKind::Float, &one))
        .input_from(
            &guest,
            "data",
            "linr_1",
            table_of(ColumnKind::Float, &other),
        );
    let played = federation.run::<Evaluation>().await.all_succeeded();
    let part = played.part(&guest);
    assert_eq!(part.metrics.len(), 2);
    let figures = |mae: f64, r2: f64, rmse: f64| -> Vec<(String, f64)> {
        vec![
            ("mean_absolute_error".into(), mae),
            ("r2_score".into(), r2),
            ("root_mean_squared_error".into(), rmse),
        ]
    };
    // Errors .5, .5, 0, 1 around a variance of 29.1875 in all; errors 1, 1 around a variance of 2.
    assert_eq!(
        scalars(find(part, "train", "linr_0")),
        figures(0.5, six(1.0 - 1.5 / 29.1875), six(0.375_f64.sqrt()))
    );
    assert_eq!(
        scalars(find(part, "predict", "linr_1")),
        figures(1.0, 0.0, 1.0)
    );
    let summary = part.summary.clone().expect("summary");
    assert_eq!(
        summary["linr_1"]["predict"]["root_mean_squared_error"],
        json!(1.0)
    );
}

#[tokio::test]
async fn takes_the_label_named_for_the_positive_one() {
    let rows = [
        (7.0, 7.0, 0.9, "{}".to_owned(), "test"),
        (3.0, 7.0, 0.7, "{}".into(), "test"),
        (7.0, 3.0, 0.4, "{}".into(), "test"),
        (3.0, 3.0, 0.2, "{}".into(), "test"),
    ];
    for positive in [json!(7), json!(7.0), json!("7")] {
        let federation = Federation::new(1, false)
            .parameters(json!({"pos_label": positive, "metrics": ["ks", "auc"]}));
        let guest = federation.guest();
        let federation =
            federation.input_from(&guest, "data", "lr_0", table_of(ColumnKind::Integer, &rows));
        let played = federation.run::<Evaluation>().await.all_succeeded();
        let found = scalars(find(played.part(&guest), "test", "lr_0"));
        assert_eq!(found, [("auc".to_owned(), 0.75), ("ks".to_owned(), 0.5)]);
    }
}

#[tokio::test]
async fn passes_over_rows_of_one_class_and_says_so() {
    let mut rows: Vec<Row> = rows().into_iter().take(40).collect();
    rows.iter_mut()
        .filter(|row| row.4 == "validate")
        .for_each(|row| row.0 = 1.0);
    let federation = Federation::new(1, false);
    let guest = federation.guest();
    let federation =
        federation.input_from(&guest, "data", "lr_0", table_of(ColumnKind::Integer, &rows));
    let played = federation.run::<Evaluation>().await.all_succeeded();
    let part = played.part(&guest);
    assert!(
        part.log
            .iter()
            .any(|line| line.contains("lr_0, validate rows: only one class")),
        "{:?}",
        part.log
    );
    assert_eq!(scalars(find(part, "train", "lr_0")).len(), 2);
    let validate: Vec<&str> = part
        .metrics
        .iter()
        .filter(|metric| metric.namespace == "validate")
        .map(|metric| metric.name.as_str())
        .collect();
    assert_eq!(validate, ["lr_0_psi"]);
}

#[tokio::test]
async fn refuses_tables_that_it_cannot_judge() {
    let federation = Federation::new(1, false);
    let guest = federation.guest();
    let raw = Table::from_columns(
        Schema::new(TableKind::Instances, "id", vec![]),
        vec!["a".into()],
        vec![],
    );
    let bad_score = table_of(
        ColumnKind::Integer,
        &[
            (1.0, 1.0, f64::NAN, "{}".into(), "train"),
            (0.0, 0.0, 0.1, "{}".into(), "train"),
        ],
    );
    let bad_type = table_of(
        ColumnKind::Integer,
        &[(1.0, 1.0, 0.5, "{}".into(), "holiday")],
    );
    for (table, word) in [
        (raw.expect("table"), "no predictions"),
        (bad_score, "not finite"),
        (bad_type, "holiday"),
    ] {
        let fault = federation
            .clone()
            .input(&guest, "data", table)
            .run::<Evaluation>()
            .await
            .fault()
            .expect("a fault");
        assert_eq!(fault.code, ErrorCode::TableInvalid);
        assert!(fault.message.contains(word), "{fault}");
    }
    let unfold = federation
        .clone()
        .parameters(json!({"eval_type": "multi", "unfold_multi_result": true}));
    let no_detail = table_of(
        ColumnKind::Integer,
        &[(1.0, 1.0, 0.5, "none".into(), "train")],
    );
    let fault = unfold
        .input(&guest, "data", no_detail)
        .run::<Evaluation>()
        .await
        .fault()
        .expect("a fault");
    assert!(fault.message.contains("no class probabilities"), "{fault}");
}

#[tokio::test]
async fn does_nothing_when_it_need_not_run() {
    let played = binary()
        .parameters(json!({"need_run": false}))
        .run::<Evaluation>()
        .await
        .all_succeeded();
    assert!(
        played
            .parts
            .values()
            .all(|part| part.metrics.is_empty() && part.summary.is_none())
    );
}
