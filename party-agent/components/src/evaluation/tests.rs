//! Reports compared with what the definitions give, counted here row by row.

mod kinds;
mod labels;

use component_kit::harness::{Federation, Part, RunRecord};
use component_kit::{AnyComponent, Plugin};
use serde_json::{Value, json};
use tables::{ColumnKind, Schema, Table, Values};
use vocabulary::{ErrorCode, Metric, MetricData, Role, Stage, Tells};

use super::{Evaluation, Params};

/// A row as a learner writes it: label, predicted, score, probabilities, type.
type Row = (f64, f64, f64, String, &'static str);

fn table_of(outcome: ColumnKind, rows: &[Row]) -> Table {
    let ids = (0..rows.len())
        .map(|row| format!("row-canary-{row}"))
        .collect();
    let values = |of: fn(&Row) -> f64| -> Values {
        let numbers = rows.iter().map(of);
        match outcome {
            ColumnKind::Integer => Values::Integer(numbers.map(|number| number as i64).collect()),
            _ => Values::Float(numbers.collect()),
        }
    };
    let scores = Values::Float(rows.iter().map(|row| row.2).collect());
    let details = Values::of_texts(rows.iter().map(|row| row.3.clone()));
    let types = Values::of_texts(rows.iter().map(|row| row.4));
    let columns = vec![
        values(|row| row.0),
        values(|row| row.1),
        scores,
        details,
        types,
    ];
    Table::from_columns(Schema::predictions("id", outcome), ids, columns).expect("table")
}

/// Scores that rise with the label, with ties, in no order; 150 training and 70 validation rows, mixed.
fn rows() -> Vec<Row> {
    let mut state = 12_345_u64;
    let mut draw = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31)
    };
    (0..220)
        .map(|row| {
            let label = f64::from(u8::from(draw() < 0.4));
            let score = ((draw() + 0.5 * label) / 1.5 * 250.0).round() / 250.0;
            let detail = format!("{{\"0\": {}, \"1\": {score}}}", 1.0 - score);
            (
                label,
                f64::from(u8::from(score > 0.5)),
                score,
                detail,
                if row % 22 < 15 { "train" } else { "validate" },
            )
        })
        .collect()
}

fn of_type(kind: &str) -> (Vec<bool>, Vec<f64>) {
    rows()
        .into_iter()
        .filter(|row| row.4 == kind)
        .map(|row| (row.0 == 1.0, row.2))
        .unzip()
}

fn binary() -> Federation {
    let federation = Federation::new(1, true);
    let guest = federation.guest();
    federation.input_from(
        &guest,
        "data",
        "hetero_lr_0",
        table_of(ColumnKind::Integer, &rows()),
    )
}

component_kit::checklist!(local Evaluation, binary(),
    refuses: [
        (json!({"eval_type": "clustering"}), "eval_type"),
        (json!({"metrics": ["auc", "beauty"]}), "metrics"),
        (json!({"pos_label": null}), "pos_label"),
    ],
    canaries: ["row-canary-0"], [],
    work: binary(), least: 5);

#[tokio::test]
async fn every_report_says_of_how_many_rows_it_is() {
    let federation = binary();
    let played = federation.run::<Evaluation>().await.all_succeeded();
    let part = played.part(&federation.guest());
    assert_eq!(
        (&part.tells, &part.over),
        (&[Tells::Figures].into(), &[70, 150].into())
    );
}

fn find<'a>(part: &'a Part, namespace: &str, name: &str) -> &'a Metric {
    let found = part
        .metrics
        .iter()
        .find(|metric| metric.namespace == namespace && metric.name == name);
    found.unwrap_or_else(|| panic!("there is no {namespace} {name}"))
}

fn points(metric: &Metric) -> Vec<(f64, f64)> {
    match metric.data.plain() {
        MetricData::Points(points) => points,
        MetricData::Values(_) => panic!("{} is not a curve", metric.name),
    }
}

fn scalars(metric: &Metric) -> Vec<(String, f64)> {
    match metric.data.plain() {
        MetricData::Values(values) => values,
        MetricData::Points(_) => panic!("{} is not a set of figures", metric.name),
    }
}

fn list(metric: &Metric, key: &str) -> Vec<f64> {
    serde_json::from_value(metric.meta.get(key).cloned().unwrap_or_default())
        .unwrap_or_else(|_| panic!("no list {key}"))
}

fn six(value: f64) -> f64 {
    (value * 1e6).round_ties_even() / 1e6
}

/// True and false positives among rows above a threshold, and the positives and negatives there are.
fn above((positive, scores): &(Vec<bool>, Vec<f64>), threshold: f64) -> [f64; 4] {
    let count = |class: bool, over: f64| {
        positive
            .iter()
            .zip(scores)
            .filter(|(is, score)| **is == class && **score > over)
            .count() as f64
    };
    [
        count(true, threshold),
        count(false, threshold),
        count(true, -1.0),
        count(false, -1.0),
    ]
}

fn auc_by_pairs((positive, scores): &(Vec<bool>, Vec<f64>)) -> f64 {
    let of = |class: bool| {
        positive
            .iter()
            .zip(scores)
            .filter(move |(is, _)| **is == class)
            .map(|(_, score)| *score)
    };
    let wins: f64 = of(true)
        .flat_map(|high| {
            of(false).map(move |low| {
                if high > low {
                    1.0
                } else if high == low {
                    0.5
                } else {
                    0.0
                }
            })
        })
        .sum();
    wins / (of(true).count() * of(false).count()) as f64
}

fn ks_by_cuts(part: &(Vec<bool>, Vec<f64>)) -> f64 {
    let mut descending = part.1.clone();
    descending.sort_by(|a, b| b.total_cmp(a));
    let gap = |cut: usize| {
        let [tp, fp, positives, negatives] = above(part, descending[descending.len() * cut / 100]);
        tp / positives - fp / negatives
    };
    (0..100).map(gap).fold(f64::NEG_INFINITY, f64::max)
}

#[tokio::test]
async fn agrees_with_the_plain_computation() {
    let federation = binary();
    let played = federation.run::<Evaluation>().await.all_succeeded();
    let guest = played.part(&federation.guest());
    for kind in ["train", "validate"] {
        let part = of_type(kind);
        let expected = vec![
            ("auc".to_owned(), six(auc_by_pairs(&part))),
            ("ks".to_owned(), six(ks_by_cuts(&part))),
        ];
        assert_eq!(
            scalars(find(guest, kind, "hetero_lr_0")),
            expected,
            "{kind}"
        );
        let gain = find(guest, kind, "hetero_lr_0_gain");
        for (x, y) in points(gain) {
            // Every point but the closing one is the share predicted positive and the recall at some threshold.
            let at = |threshold: f64| {
                let [tp, fp, positives, negatives] = above(&part, threshold);
                (
                    six((tp + fp) / (positives + negatives)),
                    six(tp / positives),
                )
            };
            assert!(
                (x, y) == (1.0, 1.0)
                    || list(gain, "thresholds")
                        .into_iter()
                        .any(|cut| at(cut) == (x, y)),
                "{x} {y}"
            );
        }
        let [tp, fp, positives, negatives] = above(&part, 0.5);
        let confusion = find(guest, kind, "hetero_lr_0_confusion_mat");
        let counted = ["tp", "fp", "fn", "tn"].map(|key| list(confusion, key)[50]);
        assert_eq!(counted, [tp, fp, positives - tp, negatives - fp]);
        let f1 = list(find(guest, kind, "hetero_lr_0_f1_score"), "f1_scores")[50];
        assert_eq!(f1, six(2.0 * tp / (tp + fp + positives)));
    }
    let psi = find(guest, "validate", "hetero_lr_0_psi");
    assert_eq!(psi.meta["total_psi"], json!(psi_by_definition(psi)));
    assert!(
        guest
            .metrics
            .iter()
            .all(|metric| metric.name != "hetero_lr_0_psi" || metric.namespace == "validate")
    );
}

/// The sum over the reported intervals, the rows being counted anew; the intervals must hold all training rows.
fn psi_by_definition(psi: &Metric) -> f64 {
    let names: Vec<String> =
        serde_json::from_value(psi.meta["intervals"].clone()).expect("intervals");
    let count = |kind: &str, at: usize| {
        let (left, right) = names[at]
            .trim_matches(['[', ')', ']'])
            .split_once(", ")
            .expect("two bounds");
        let (left, right): (f64, f64) = (
            left.parse().expect("number"),
            right.parse().expect("number"),
        );
        let is_last = at + 1 == names.len();
        let is_inside =
            |score: &&f64| **score >= left && (**score < right || (is_last && **score == right));
        of_type(kind).1.iter().filter(is_inside).count() as f64
    };
    let counts = |kind: &str| {
        (0..names.len())
            .map(|at| count(kind, at))
            .collect::<Vec<f64>>()
    };
    let (train, validate) = (counts("train"), counts("validate"));
    assert_eq!(
        (list(psi, "expected_interval"), list(psi, "actual_interval")),
        (train.clone(), validate.clone())
    );
    assert_eq!(train.iter().sum::<f64>(), 150.0);
    let part = |(expected, actual): (&f64, &f64)| {
        let share = |rows: f64, all: f64| if rows == 0.0 { 1e-6 } else { rows } / all;
        let (expected, actual) = (share(*expected, 150.0), share(*actual, 70.0));
        (actual - expected) * (actual / expected).ln()
    };
    six(train.iter().zip(&validate).map(part).sum())
}

/// The tables of a binary evaluation: name, type, and what stands in the meta beside both.
const TABLES: [(&str, &str, &[&str]); 3] = [
    (
        "hetero_lr_0_confusion_mat",
        "CONFUSION_MAT",
        &["tp", "tn", "fp", "fn", "thresholds"],
    ),
    (
        "hetero_lr_0_f1_score",
        "F1_SCORE",
        &["f1_scores", "thresholds"],
    ),
    (
        "hetero_lr_0_quantile_pr",
        "QUANTILE_PR",
        &["p_scores", "r_scores", "thresholds"],
    ),
];

#[tokio::test]
async fn reports_the_shapes_that_readers_know() {
    let federation = binary();
    let played = federation.run::<Evaluation>().await.all_succeeded();
    let guest = played.part(&federation.guest());
    let names: Vec<&str> = guest
        .metrics
        .iter()
        .filter(|metric| metric.namespace == "train")
        .map(|metric| metric.name.as_str())
        .collect();
    let suffixes = [
        "ks_fpr",
        "ks_tpr",
        "lift",
        "gain",
        "accuracy",
        "precision",
        "recall",
        "roc",
        "confusion_mat",
        "f1_score",
        "quantile_pr",
    ];
    let mut expected = vec!["hetero_lr_0".to_owned()];
    expected.extend(suffixes.map(|suffix| format!("hetero_lr_0_{suffix}")));
    assert_eq!(names, expected);
    let meta = |name: &str| {
        let mut meta = find(guest, "train", name).meta.clone();
        meta.remove("thresholds");
        Value::Object(meta)
    };
    assert_eq!(
        meta("hetero_lr_0"),
        json!({"name": "hetero_lr_0", "metric_type": "EVALUATION_SUMMARY"})
    );
    let ks = json!({"name": "hetero_lr_0_ks_fpr", "metric_type": "KS_EVALUATION", "curve_name": "hetero_lr_0_fpr", "pair_type": "hetero_lr_0"});
    assert_eq!(meta("hetero_lr_0_ks_fpr"), ks);
    let roc = json!({"name": "hetero_lr_0_roc", "metric_type": "ROC_EVALUATION", "unit_name": "fpr", "ordinate_name": "tpr", "curve_name": "hetero_lr_0"});
    assert_eq!(meta("hetero_lr_0_roc"), roc);
    let lift = json!({"name": "hetero_lr_0_lift", "metric_type": "LIFT_EVALUATION", "curve_name": "hetero_lr_0"});
    assert_eq!(meta("hetero_lr_0_lift"), lift);
    let recall = json!({"name": "hetero_lr_0_recall", "metric_type": "RECALL_BINARY_EVALUATION", "ordinate_name": "Recall", "curve_name": "hetero_lr_0", "pair_type": "hetero_lr_0"});
    assert_eq!(meta("hetero_lr_0_recall"), recall);
    assert_eq!(
        points(find(guest, "train", "hetero_lr_0_roc")).last(),
        Some(&(1.0, 1.0))
    );
    assert_eq!(
        list(find(guest, "train", "hetero_lr_0_ks_tpr"), "thresholds").len(),
        100
    );
    for (name, kind, keys) in TABLES {
        let metric = find(guest, "train", name);
        assert!(
            metric.data.is_empty() && metric.meta["metric_type"] == kind,
            "{name}"
        );
        assert!(
            keys.iter().all(|key| metric.meta.contains_key(*key))
                && metric.meta.len() == keys.len() + 2,
            "{name}"
        );
    }
    let psi = find(guest, "validate", "hetero_lr_0_psi");
    assert_eq!(
        (psi.data.len(), &psi.meta["metric_type"], psi.meta.len()),
        (0, &json!("PSI"), 11)
    );
    let value = |kind: &str, at: usize| scalars(find(guest, kind, "hetero_lr_0"))[at].1;
    let figures = |kind: &str| json!({"auc": value(kind, 0), "ks": value(kind, 1)});
    let summary =
        json!({"hetero_lr_0": {"train": figures("train"), "validate": figures("validate")}});
    assert_eq!(guest.summary, Some(summary));
}

#[tokio::test]
async fn works_with_two_hosts() {
    // Nobody needs anybody: of guest, hosts and arbiter those judge to whom a table comes.
    let federation = Federation::new(2, true);
    let (guest, host) = (federation.guest(), federation.host(1));
    let part: Vec<Row> = rows().into_iter().take(60).collect();
    let federation = federation
        .input_from(
            &guest,
            "data",
            "homo_lr_0",
            table_of(ColumnKind::Integer, &rows()),
        )
        .input_from(
            &host,
            "data",
            "homo_lr_0",
            table_of(ColumnKind::Integer, &part),
        );
    let played = federation.run::<Evaluation>().await.all_succeeded();
    let train = |who| scalars(find(played.part(who), "train", "homo_lr_0"));
    let of_part: (Vec<bool>, Vec<f64>) = part
        .iter()
        .filter(|row| row.4 == "train")
        .map(|row| (row.0 == 1.0, row.2))
        .unzip();
    assert_eq!(train(&host)[0].1, six(auc_by_pairs(&of_part)));
    assert_ne!(train(&guest), train(&host));
    for idle in [federation.host(0), federation.arbiter()] {
        let part = played.part(&idle);
        assert!(part.metrics.is_empty() && part.summary.is_none());
        assert!(
            part.log
                .iter()
                .any(|line| line.contains("nothing to evaluate"))
        );
    }
}

#[tokio::test]
async fn apply_uses_the_saved_model() {
    // No model is left, and applying judges just as fitting does.
    let federation = binary();
    let fitted = federation.run::<Evaluation>().await.all_succeeded();
    let applied = federation
        .clone()
        .stage(Stage::Apply)
        .run::<Evaluation>()
        .await
        .all_succeeded();
    let guest = |played: &RunRecord| {
        (
            played.part(&federation.guest()).metrics.clone(),
            played.part(&federation.guest()).model.is_none(),
        )
    };
    assert_eq!(guest(&fitted), guest(&applied));
    assert!(guest(&applied).1 && !guest(&applied).0.is_empty());
}

#[test]
fn refuses_bad_parameters() {
    let component: &dyn AnyComponent = &Plugin::<Evaluation>::NEW;
    for (parameters, path, word) in [
        (json!({"eval_type": "clustering"}), "eval_type", "not built"),
        (json!({"eval_type": "ranking"}), "eval_type", "ranking"),
        (json!({"metrics": ["auc", "beauty"]}), "metrics", "beauty"),
        (
            json!({"eval_type": "regression", "metrics": ["auc"]}),
            "metrics",
            "regression",
        ),
        (json!({"pos_label": [1]}), "pos_label", "neither"),
        (json!({"colour": 1}), "colour", "unknown"),
    ] {
        let fault = component
            .check(Role::Guest, &parameters)
            .expect_err("refused");
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (ErrorCode::ParameterInvalid, Some(path)),
            "{parameters}"
        );
        assert!(fault.message.contains(word), "{fault}");
    }
    for good in [
        json!({"eval_type": "Multi", "metrics": ["ACC"]}),
        json!({"eval_type": "regression", "metrics": ["rmse", "l1"]}),
        json!({"pos_label": "yes", "metrics": null}),
        serde_json::to_value(Params::default()).expect("defaults"),
    ] {
        assert!(component.check(Role::Host, &good).is_ok(), "{good}");
    }
}
