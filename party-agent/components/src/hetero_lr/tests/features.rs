//! What a guest that keeps all scores can find out about a host's columns. The attacker computes with the messages that the host
//! really sent; that an agent does not let them leave is shown on the wire (`cluster::hostile::features`).

use component_kit::Payload;
use component_kit::harness::RunRecord;
use ndarray::{Array1, Array2, Axis};
use serde_json::json;

use super::federations::{Data, defaults, set};
use super::labels::OFF;
use crate::hetero_lr::HeteroLr;

/// The host's scores of the rows that train, in the order in which they were sent.
fn scores(played: &RunRecord) -> Vec<Array1<f64>> {
    let of_training = |tag: &str| !tag.contains("rows.1");
    let envelopes = played
        .envelopes
        .iter()
        .filter(|envelope| envelope.message == "host_score" && of_training(&envelope.tag));
    envelopes
        .map(|envelope| Vec::<f64>::decode(&envelope.body).unwrap().into())
        .collect()
}

fn correlation(one: &Array1<f64>, other: &Array1<f64>) -> f64 {
    let centred = |values: &Array1<f64>| values - values.mean().unwrap();
    let (one, other) = (centred(one), centred(other));
    one.dot(&other) / (one.dot(&one) * other.dot(&other)).sqrt()
}

fn all_entries(of: &Array2<f64>) -> Array1<f64> {
    of.iter().copied().collect()
}

/// An orthonormal basis of the space of vectors, of so many.
fn basis(vectors: &[Array1<f64>], dimension: usize) -> Array2<f64> {
    let mut found: Vec<Array1<f64>> = Vec::new();
    while found.len() < dimension {
        let without = |vector: &Array1<f64>| {
            found
                .iter()
                .fold(vector.clone(), |rest, one| &rest - &(one * one.dot(&rest)))
        };
        let rests = vectors.iter().map(without);
        let longest = rests
            .max_by(|one, other| one.dot(one).total_cmp(&other.dot(other)))
            .unwrap();
        let length = longest.dot(&longest).sqrt();
        assert!(length > 1e-9, "the vectors have fewer dimensions");
        found.push(longest / length);
    }
    let views: Vec<_> = found.iter().map(|vector| vector.view()).collect();
    ndarray::stack(Axis(1), &views).unwrap()
}

/// Least squares by the normal equations, solved by elimination.
fn solve(rows: &Array2<f64>, right: &Array1<f64>) -> Array1<f64> {
    let (mut left, mut right) = (rows.t().dot(rows), rows.t().dot(right));
    let size = right.len();
    for at in 0..size {
        let pivot = (at..size)
            .max_by(|one, other| left[(*one, at)].abs().total_cmp(&left[(*other, at)].abs()))
            .unwrap();
        for column in 0..size {
            left.swap((at, column), (pivot, column));
        }
        right.swap(at, pivot);
        for below in at + 1..size {
            let factor = left[(below, at)] / left[(at, at)];
            for column in at..size {
                left[(below, column)] -= factor * left[(at, column)];
            }
            right[below] -= factor * right[at];
        }
    }
    for at in (0..size).rev() {
        let known: f64 = (at + 1..size)
            .map(|column| left[(at, column)] * right[column])
            .sum();
        right[at] = (right[at] - known) / left[(at, at)];
    }
    right
}

/// The Gram matrix that scores of consecutive epochs give away: each step of a training moves them by the matrix times the
/// residuals, which the guest knows.
fn gram(scores: &[Array1<f64>], labels: &Array1<f64>, columns: usize) -> Array2<f64> {
    let space = basis(scores, columns);
    let (mut rows, mut right) = (Vec::new(), Vec::new());
    for pair in scores.windows(2) {
        let residual = &pair[0] / 4.0 - &(labels / 2.0);
        let (moved, known) = (
            space.t().dot(&(&pair[0] - &pair[1])),
            space.t().dot(&residual),
        );
        for at in 0..columns {
            // Of a symmetric matrix, by its upper half.
            let mut row = Vec::new();
            for (one, other) in
                (0..columns).flat_map(|one| (one..columns).map(move |other| (one, other)))
            {
                let mut weight = if one == at { known[other] } else { 0.0 };
                weight += if other == at && one != other {
                    known[one]
                } else {
                    0.0
                };
                row.push(weight);
            }
            rows.extend(row);
            right.push(moved[at]);
        }
    }
    let unknown = columns * (columns + 1) / 2;
    let found = solve(
        &Array2::from_shape_vec((right.len(), unknown), rows).unwrap(),
        &right.into(),
    );
    let mut inner = Array2::zeros((columns, columns));
    let halves = (0..columns).flat_map(|one| (one..columns).map(move |other| (one, other)));
    for ((one, other), value) in halves.zip(found) {
        inner[(one, other)] = value;
        inner[(other, one)] = value;
    }
    space.dot(&inner).dot(&space.t())
}

async fn trained(data: &Data, others: serde_json::Value) -> RunRecord {
    let common = json!({
        "optimizer": "sgd", "tol": 1e-12, "decay": 0, "penalty": "none", "learning_rate": 0.3,
        "init_param": {"init_method": "random_uniform", "fit_intercept": false},
    });
    let parameters = set(set(defaults(), common), others);
    data.federation(parameters)
        .label_rules(OFF)
        .run::<HeteroLr>()
        .await
        .all_succeeded()
}

#[tokio::test]
async fn scores_of_each_epoch_give_the_gram_matrix_away_and_those_of_the_end_do_not() {
    let mut data = Data::of_parts(60, &[1, 3], 11);
    // The guest brings nothing, so that what it sees is the host's.
    data.parts[0].fill(0.0);
    let truth = data.parts[1].dot(&data.parts[1].t());
    let labels: Array1<f64> = data
        .labels
        .iter()
        .map(|label| if *label == 1 { 1.0 } else { -1.0 })
        .collect();
    let played = trained(&data, json!({"max_iter": 12, "validation_freqs": 1})).await;
    let scores = scores(&played);
    assert_eq!(scores.len(), 13, "twelve epochs and the end");
    let rebuilt = gram(&scores[..12], &labels, 3);
    let close = correlation(&all_entries(&rebuilt), &all_entries(&truth));
    assert!(close > 0.98, "{close}");

    // By default one vector leaves, and the best that it gives is its own products.
    let played = trained(&data, json!({"max_iter": 12})).await;
    let scores = self::scores(&played);
    assert_eq!(scores.len(), 1);
    let column = scores[0].view().insert_axis(Axis(1));
    let close = correlation(&all_entries(&column.dot(&column.t())), &all_entries(&truth));
    assert!(close < 0.9, "{close}");
}

#[tokio::test]
async fn the_scores_of_one_column_are_that_column() {
    let data = Data::of_parts(60, &[2, 1], 12);
    let played = trained(&data, json!({"max_iter": 3})).await;
    let close = correlation(&scores(&played)[0], &data.parts[1].column(0).to_owned());
    assert!(close.abs() > 0.999_999, "{close}");
}
