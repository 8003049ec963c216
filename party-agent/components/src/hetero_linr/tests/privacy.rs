//! What hosts learn of real labels, and that the rules for labels hold for them.

use component_kit::harness::{Federation, RunRecord};
use component_kit::{LabelRules, MaliciousHosts};
use ndarray::{Array1, Array2};
use serde_json::json;
use vocabulary::ErrorCode;

use super::data::{Data, losses, plain, weights};
use crate::hetero_linr::HeteroLinR;

const STRICT: LabelRules = LabelRules {
    rows_per_column: 12,
    small_table: 200,
    refuses: true,
    malicious_hosts: MaliciousHosts::Trust,
};

/// The rules, which a small training may break.
pub(super) const WARNING: LabelRules = LabelRules {
    refuses: false,
    ..STRICT
};

/// Batches too small to be named, of a table large enough to hide them.
pub(super) fn hidden() -> Federation {
    let data = Data::new(240, &[2, 4], (1.0, 0.3));
    data.federation(json!({"batch_size": 40, "max_iter": 2}))
        .label_rules(STRICT)
}

#[tokio::test]
async fn small_batches_are_hidden_and_tables_that_are_too_small_refused() {
    let played = hidden().run::<HeteroLinR>().await.all_succeeded();
    let log = &played.part(&hidden().host(0)).log;
    assert!(
        log.iter().any(|line| line.contains("case (b), 6 batches")),
        "{log:?}"
    );
    let named = |played: &RunRecord| {
        played
            .envelopes
            .iter()
            .any(|one| one.message == "masked_rows")
    };
    assert!(!named(&played));
    // Dealt anew each epoch, so not the plain order: the loss falls all the same.
    let told = losses(&played);
    assert!(told[1] < told[0] && weights(&played).len() == 7, "{told:?}");
    let few = Data::new(40, &[2, 4], (1.0, 0.3))
        .federation(json!({}))
        .label_rules(STRICT);
    let fault = few.run::<HeteroLinR>().await.fault().unwrap();
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::ReleaseRefused, Some("labels.small_table"))
    );
    assert!(
        fault.message.contains("10 % of the variance of labels"),
        "{fault}"
    );
}

/// The coefficients by which the columns explain these values, by the normal equations.
fn explained(columns: &Array2<f64>, sums: &[f64]) -> Array1<f64> {
    let size = columns.ncols();
    let mut rows: Vec<Vec<f64>> = (0..size)
        .map(|row| {
            let products = (0..size).map(|column| columns.column(row).dot(&columns.column(column)));
            products.chain([sums[row]]).collect()
        })
        .collect();
    for at in 0..size {
        let pivot: Vec<f64> = rows[at].iter().map(|value| value / rows[at][at]).collect();
        for (index, row) in rows.iter_mut().enumerate() {
            let factor = if index == at { row[at] - 1.0 } else { row[at] };
            row.iter_mut()
                .zip(&pivot)
                .for_each(|(value, part)| *value -= factor * part);
        }
    }
    rows.iter().map(|row| row[size]).collect()
}

/// With weights of zero the first residual is the label with another sign, and the host's sums are those of the labels.
#[tokio::test]
async fn a_host_finds_the_share_of_the_variance_that_its_log_tells() {
    let (mut found, mut total) = (0.0, 0.0);
    for seed in 0..8 {
        let data = Data::new(240, &[1, 20], (1.0, 0.0)).with_random_labels(seed);
        let federation = data.federation(json!({"max_iter": 1})).label_rules(STRICT);
        let played = federation.run::<HeteroLinR>().await.all_succeeded();
        let host = played.part(&federation.host(0));
        let seen = host
            .observed
            .iter()
            .find(|(name, _)| name.ends_with("gradient"));
        let sums: Vec<f64> = seen.unwrap().1.iter().map(|sum| -sum).collect();
        let labels = Array1::from(data.labels());
        let guess = data.parts[1].dot(&explained(&data.parts[1], &sums));
        found += guess.dot(&labels);
        total += labels.dot(&labels);
        assert!(
            host.log
                .iter()
                .any(|line| line.contains("8 % of the variance of random labels")),
            "{:?}",
            host.log
        );
    }
    let share = found / total;
    assert!((share - 20.0 / 240.0).abs() < 0.02, "{share}");
}

#[tokio::test]
async fn keys_are_renewed_as_the_policy_asks() {
    let rules = LabelRules {
        malicious_hosts: MaliciousHosts::Rekey,
        ..WARNING
    };
    let data = Data::new(60, &[2, 14], (1.0, 0.3));
    let federation = data.federation(json!({"max_iter": 2})).label_rules(rules);
    let played = federation.run::<HeteroLinR>().await.all_succeeded();
    let fit = plain(&data, json!({"max_iter": 2}));
    for (own, expected) in weights(&played).iter().zip(&fit.weights) {
        assert!((own - expected).abs() < 1e-5, "{own} is not {expected}");
    }
    let keys = played
        .envelopes
        .iter()
        .filter(|one| one.message == "public_key")
        .count();
    assert!(keys >= 8, "{keys}");
}
