//! What a host that keeps everything it sees can find out about the guest's labels. The attacker computes with the rows,
//! scores and gradients that the host really had; with the rules off it succeeds, so that it is seen to work.

use component_kit::harness::RunRecord;
use component_kit::{LabelRules, MaliciousHosts};
use learning::initial::Seeded;
use ndarray::{Array2, Axis};
use serde_json::{Value, json};
use vocabulary::ErrorCode;

use super::federations::{Data, defaults, set};
use crate::hetero_lr::HeteroLr;

const STRICT: LabelRules = LabelRules {
    rows_per_column: 12,
    small_table: 200,
    refuses: true,
    malicious_hosts: MaliciousHosts::Trust,
};
pub(super) const OFF: LabelRules = LabelRules {
    rows_per_column: 0,
    ..STRICT
};

/// One batch as the host sees it.
struct BatchView {
    /// How many rows train.
    members: usize,
    /// Among these.
    rows: Vec<usize>,
    /// The host's own scores of them.
    scores: Vec<f64>,
    /// The sums of residuals over its columns.
    gradient: Vec<f64>,
}

/// Rows with random labels, which nothing but gradients can tell.
fn random_labels(rows: usize, columns: usize, seed: u64) -> Data {
    let mut random = Seeded::new(1000 + seed);
    let mut data = Data::of_parts(rows, &[2, columns], seed);
    data.labels = (0..rows)
        .map(|_| i64::from(random.uniform() < 0.5))
        .collect();
    data
}

async fn play(data: &Data, rules: LabelRules, others: Value) -> RunRecord {
    let common = json!({"optimizer": "sgd", "tol": 1e-12, "decay": 0});
    let federation = data
        .federation(set(set(defaults(), common), others))
        .label_rules(rules);
    federation.run::<HeteroLr>().await.all_succeeded()
}

/// Everything that the host saw.
fn seen(data: &Data, played: &RunRecord) -> Vec<BatchView> {
    let observed = &played.part(&data.federation(defaults()).host(0)).observed;
    let whole = |values: &[f64]| {
        values
            .iter()
            .map(|value| *value as usize)
            .collect::<Vec<usize>>()
    };
    let batch = |shown: &[(String, Vec<f64>)]| BatchView {
        members: whole(&shown[0].1)[0],
        rows: whole(&shown[1].1),
        scores: shown[2].1.clone(),
        gradient: shown[3].1.clone(),
    };
    observed.chunks(4).map(batch).collect()
}

fn upright(values: &[f64]) -> Array2<f64> {
    Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap()
}

/// The solution of least norm of a symmetric, positive semidefinite system, by conjugate gradients.
fn solve(matrix: &Array2<f64>, right: Array2<f64>, steps: usize) -> Array2<f64> {
    let product = |a: &Array2<f64>, b: &Array2<f64>| a.t().dot(b)[(0, 0)];
    let (mut found, mut rest) = (Array2::zeros(right.raw_dim()), right);
    let (mut along, mut size) = (rest.clone(), product(&rest, &rest));
    let enough = size * 1e-18;
    for _ in 0..steps {
        let moved = matrix.dot(&along);
        let curvature = product(&along, &moved);
        if size <= enough || curvature <= 0.0 {
            break;
        }
        let step = size / curvature;
        found = found + &along * step;
        rest = rest - moved * step;
        let next = product(&rest, &rest);
        along = &rest + &along * (next / size);
        size = next;
    }
    found
}

/// Labels by least squares from all gradients. A sum over members that are hidden among M is expected to be that over M times
/// their share p of it, and residuals are z/4 - y/2, so that each batch says p X_M^T y = p X_M^T z/2 - 2 g.
fn least_squares(columns: &Array2<f64>, seen: &[BatchView]) -> Vec<f64> {
    let rows = columns.nrows();
    let (mut shares, mut right) = (Array2::zeros((seen.len(), rows)), Array2::zeros((rows, 1)));
    for (at, batch) in seen.iter().enumerate() {
        let share = batch.members as f64 / batch.rows.len() as f64;
        let own = columns.select(Axis(0), &batch.rows);
        let sums =
            own.t().dot(&upright(&batch.scores)) * (share / 2.0) - upright(&batch.gradient) * 2.0;
        for (row, value) in batch.rows.iter().zip(own.dot(&sums)) {
            shares[(at, *row)] = share;
            right[(*row, 0)] += share * value;
        }
    }
    let matrix = columns.dot(&columns.t()) * shares.t().dot(&shares);
    solve(&matrix, right, 400).into_iter().collect()
}

/// The share of labels, in percent, whose sign was found.
fn right(data: &Data, found: &[f64]) -> f64 {
    let hits = data
        .labels
        .iter()
        .zip(found)
        .filter(|(label, found)| (**label == 1) == (**found > 0.0))
        .count();
    100.0 * hits as f64 / found.len() as f64
}

/// What least squares on the true labels finds, from the sums of labels over all rows.
fn floor(data: &Data) -> f64 {
    let (columns, rows) = (&data.parts[1], data.ids.len());
    let signs: Vec<f64> = data
        .labels
        .iter()
        .map(|label| (2 * label - 1) as f64)
        .collect();
    let gradient = columns.t().dot(&upright(&signs)) * -0.5;
    let scores = vec![0.0; rows];
    let all = BatchView {
        members: rows,
        rows: (0..rows).collect(),
        scores,
        gradient: gradient.into_iter().collect(),
    };
    right(data, &least_squares(columns, &[all]))
}

/// How many points more often, in the mean over five seeds, the attacker is right than least squares on the true labels.
async fn gain(rows: usize, case: &str, parameters: Value) -> f64 {
    let mut gains = Vec::new();
    for seed in 0..5 {
        let data = random_labels(rows, 20, seed);
        let played = play(&data, STRICT, parameters.clone()).await;
        let log = &played.part(&data.federation(defaults()).guest()).log;
        assert!(
            log.iter()
                .any(|line| line.starts_with(&format!("labels: case {case}"))),
            "{log:?}"
        );
        gains.push(
            right(&data, &least_squares(&data.parts[1], &seen(&data, &played))) - floor(&data),
        );
    }
    println!("{rows} rows, case {case}: {gains:.1?} points");
    gains.iter().sum::<f64>() / gains.len() as f64
}

#[tokio::test]
async fn batches_hidden_among_all_rows_give_away_no_more_than_all_rows_do() {
    for rows in [600, 1000] {
        let gain = gain(rows, "(b)", json!({"batch_size": 100, "max_iter": 4})).await;
        assert!(gain <= 1.0, "{rows} rows: {gain} points");
    }
}

#[tokio::test]
async fn named_batches_give_away_little_more() {
    for (rows, size) in [(600, 300), (1000, 250)] {
        let fixed = json!({"batch_size": size, "shuffle": false, "masked_rate": 0, "max_iter": 8});
        let gain = gain(rows, "(a)", fixed).await;
        assert!(gain <= 10.0, "{rows} rows: {gain} points");
    }
}

#[tokio::test]
async fn without_rules_batches_that_change_give_the_labels_away() {
    let data = random_labels(1000, 20, 3);
    let open = json!({"batch_size": 100, "masked_rate": 0, "max_iter": 10});
    let found = right(
        &data,
        &least_squares(&data.parts[1], &seen(&data, &play(&data, OFF, open).await)),
    );
    println!(
        "1000 rows, batches of 100 that change: {found} %, least squares on the true labels {} %",
        floor(&data)
    );
    assert!(found > 95.0, "{found} %");
    let masked = json!({"batch_size": 100, "max_iter": 20});
    let found = right(
        &data,
        &least_squares(
            &data.parts[1],
            &seen(&data, &play(&data, OFF, masked).await),
        ),
    );
    println!("the same among 600: {found} %");
    assert!(found > floor(&data) + 10.0, "{found} %");
}

/// The rows, and the factors, of which a gradient is the sum: greedily, one after the other, more than there are members,
/// until nothing is left; those that are none get the factor 0.
fn sparse(columns: &Array2<f64>, gradient: &[f64], count: usize) -> Vec<(usize, f64)> {
    let whole = upright(gradient);
    let (mut chosen, mut rest, mut factors) = (Vec::new(), whole.clone(), Array2::zeros((0, 1)));
    for _ in 0..(3 * count).min(columns.ncols() - 1) {
        let fits = columns.dot(&rest);
        let fit =
            |row: usize| fits[(row, 0)].abs() / columns.row(row).dot(&columns.row(row)).sqrt();
        let best = (0..columns.nrows())
            .filter(|row| !chosen.contains(row))
            .max_by(|a, b| fit(*a).total_cmp(&fit(*b)));
        chosen.push(best.unwrap());
        let own = columns.select(Axis(0), &chosen);
        factors = solve(&own.dot(&own.t()), own.dot(&whole), 100);
        rest = &whole - own.t().dot(&factors);
        if rest.iter().map(|value| value * value).sum::<f64>() < 1e-6 {
            break;
        }
    }
    chosen.into_iter().zip(factors).collect()
}

/// How many members of batches, with their labels, are found by that.
fn found_members(data: &Data, seen: &[BatchView]) -> (usize, usize) {
    let (mut hits, mut all) = (0, 0);
    for batch in seen {
        let own = data.parts[1].select(Axis(0), &batch.rows);
        for (row, factor) in sparse(&own, &batch.gradient, batch.members) {
            // A residual near 1/2 is that of the label 0, one near -1/2 that of 1; other rows have none.
            let is_member = (factor.abs() - 0.5).abs() < 0.1;
            hits += usize::from(is_member && (factor < 0.0) == (data.labels[batch.rows[row]] == 1));
        }
        all += batch.members;
    }
    (hits, all)
}

#[tokio::test]
async fn without_rules_members_of_small_batches_are_found() {
    let data = random_labels(300, 40, 1);
    let slow = json!({"batch_size": 10, "max_iter": 1, "learning_rate": 0.001});
    let (hits, all) = found_members(&data, &seen(&data, &play(&data, OFF, slow).await));
    println!("batches of 10 among 60: {hits} of {all} labels");
    assert!(all == 300 && hits > 250, "{hits} of {all}");

    // The last batch is one row: its gradient is that row.
    let data = random_labels(41, 3, 2);
    let rest = json!({"batch_size": 20, "max_iter": 10, "learning_rate": 0.001});
    let mut seen = seen(&data, &play(&data, OFF, rest).await);
    seen.retain(|batch| batch.members == 1);
    let (hits, all) = found_members(&data, &seen);
    println!("last batches of one row: {hits} of {all} labels");
    assert_eq!((hits, all), (10, 10));
}

#[tokio::test]
async fn small_batches_are_refused_before_anything_of_the_data_leaves() {
    let small = json!({"batch_size": 10, "max_iter": 1});
    let federation = |data: &Data| {
        data.federation(set(defaults(), small.clone()))
            .label_rules(STRICT)
    };
    for (data, rule) in [
        (random_labels(600, 40, 1), "labels.rows_per_column"),
        (random_labels(60, 2, 1), "labels.small_table"),
    ] {
        let federation = federation(&data);
        let played = federation.run::<HeteroLr>().await;
        let fault = played.fault().unwrap();
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (ErrorCode::ReleaseRefused, Some(rule)),
            "{fault}"
        );
        assert!(played.part(&federation.guest()).result.is_err());
        let said = ["public_key", "columns"];
        assert!(
            played
                .envelopes
                .iter()
                .all(|envelope| said.contains(&envelope.message.as_str()))
        );
    }
    let data = random_labels(600, 40, 1);
    let played = data
        .federation(set(defaults(), small))
        .run::<HeteroLr>()
        .await
        .all_succeeded();
    for who in [
        data.federation(defaults()).guest(),
        data.federation(defaults()).host(0),
    ] {
        let log = &played.part(&who).log;
        assert!(
            log.iter()
                .any(|line| line.contains("a host learns about 100 % of labels")),
            "{log:?}"
        );
    }
    assert!(
        played
            .envelopes
            .iter()
            .all(|envelope| envelope.message != "masked_rows"),
        "hidden all the same"
    );
}

/// A last batch that breaks the rule is dealt out, and the training is that of the larger batches.
#[tokio::test]
async fn a_last_batch_of_one_row_is_dealt_out() {
    let data = random_labels(201, 3, 2);
    let played = play(&data, STRICT, json!({"batch_size": 50, "max_iter": 2})).await;
    let members: Vec<usize> = seen(&data, &played)
        .iter()
        .map(|batch| batch.members)
        .collect();
    assert_eq!(members, [51, 50, 50, 50, 51, 50, 50, 50]);
}
