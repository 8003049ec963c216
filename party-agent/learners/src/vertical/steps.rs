//! The local mathematics of one batch: each party's part of the residuals and its terms of the loss, encoded.

use component_kit::Result;
use secure_compute::fixed;
use vocabulary::{ErrorCode, Fault};

use super::VerticalLoss;
use super::scales::Encoding;

/// Host: its part of the residuals.
pub(super) fn host_half<L: VerticalLoss>(scores: &[f64]) -> Vec<f64> {
    scores.iter().map(|z| L::host_half(*z)).collect()
}

/// One party's part of the residuals, encoded.
pub(super) fn encode_half(halves: &[f64], encoding: Encoding) -> Result<Vec<i64>> {
    Ok(fixed::encode(
        "a party's half of the residual",
        halves,
        encoding.residual_bits(),
        encoding.half_limit(),
    )?)
}

/// Guest: its part of the residuals.
pub(super) fn guest_half<L: VerticalLoss>(scores: &[f64], labels: &[f64]) -> Vec<f64> {
    assert_eq!(scores.len(), labels.len(), "a label for each score");
    let row = |(z, y): (&f64, &f64)| L::guest_half(*z, *y);
    scores.iter().zip(labels).map(row).collect()
}

/// Host: its terms of the loss with its penalty in each row; the mean over a batch is its part of the loss.
pub(super) fn host_loss_terms<L: VerticalLoss>(scores: &[f64], penalty: f64) -> Vec<f64> {
    scores.iter().map(|z| L::host_term(*z) + penalty).collect()
}

/// Host: its loss terms, encoded with so many bits.
pub(super) fn encode_terms(terms: &[f64], bits: i32, encoding: Encoding) -> Result<Vec<i64>> {
    Ok(fixed::encode(
        "loss term",
        terms,
        bits,
        encoding.loss_limit(),
    )?)
}

/// Guest: what it can compute alone of each row's loss, and its penalty.
pub(super) fn guest_loss_terms<L: VerticalLoss>(
    scores: &[f64],
    labels: &[f64],
    penalty: f64,
) -> Vec<f64> {
    assert_eq!(scores.len(), labels.len(), "a label for each score");
    let row = |(z, y): (&f64, &f64)| L::guest_term(*z, *y) + penalty;
    scores.iter().zip(labels).map(row).collect()
}

/// Guest: the sum of its loss terms over a batch.
pub(super) fn guest_loss(terms: &[f64], bits: i32, encoding: Encoding) -> Result<Vec<i64>> {
    let limit = encoding.loss_limit() * terms.len() as f64;
    // Summed before it is encoded: one rounding instead of one a row.
    let total = [terms.iter().sum()];
    Ok(fixed::encode("the batch's loss", &total, bits, limit)?)
}

/// Host: refuses batches so small that its gradient would determine the residuals, and so the labels, of its rows.
pub(super) fn check_columns(columns: usize, masked_size: usize, is_full: bool) -> Result<()> {
    if masked_size > columns {
        return Ok(());
    }
    let text = format!(
        "{columns} columns against {masked_size} rows: gradients would give the labels away"
    );
    let (path, hint) = if is_full {
        ("batch_size", "train on more rows than columns")
    } else {
        (
            "masked_rate",
            "choose batch_size or masked_rate so that every batch, the last one too, has more rows than columns",
        )
    };
    Err(Fault::new(ErrorCode::ParameterInvalid, text)
        .path(path)
        .next(hint)
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vertical::scales::loss_bits;
    use learning::labels::LabelKind;
    use learning::loss::taylor_loss;
    use secure_compute::fixed::{RESIDUAL_BITS, Scale};
    use std::f64::consts::LN_2;

    /// The loss of a logistic regression, to the second order.
    struct Taylor;

    impl VerticalLoss for Taylor {
        const LABELS: LabelKind = LabelKind::Classes;

        fn host_half(score: f64) -> f64 {
            score / 4.0
        }

        fn guest_half(score: f64, label: f64) -> f64 {
            score / 4.0 - label / 2.0
        }

        fn host_term(score: f64) -> f64 {
            score * score / 8.0
        }

        fn guest_term(score: f64, label: f64) -> f64 {
            LN_2 - label * score / 2.0 + score * score / 8.0
        }

        fn factor(guest_half: f64) -> f64 {
            4.0 * guest_half
        }

        fn prediction(score: f64) -> f64 {
            score
        }
    }

    #[test]
    fn the_parts_of_the_loss_add_up() {
        let signs = [1.0, -1.0, 1.0];
        for (power, factor) in [(0, 1.0), (3, 300.0)] {
            let host: Vec<f64> = [0.5, -2.0, 3.0].iter().map(|z| factor * z).collect();
            let guest: Vec<f64> = [1.0, 0.25, -0.5].iter().map(|z| factor * z).collect();
            let total: Vec<f64> = host.iter().zip(&guest).map(|(h, g)| h + g).collect();
            let encoding = Encoding::new(
                Scale::new(power).unwrap(),
                0,
                32.0,
                Some(RESIDUAL_BITS + loss_bits(3)),
            );
            let bits = encoding.loss_bits().unwrap();
            let mut sum = guest_loss(
                &guest_loss_terms::<Taylor>(&guest, &signs, 0.0),
                bits,
                encoding,
            )
            .unwrap()[0];
            sum += encode_terms(&host_loss_terms::<Taylor>(&host, 0.0), bits, encoding)
                .unwrap()
                .iter()
                .sum::<i64>();
            let factors = guest_half::<Taylor>(&guest, &signs)
                .into_iter()
                .map(Taylor::factor);
            let crossed: f64 = host
                .iter()
                .zip(factors)
                .map(|(z, factor)| z / 4.0 * factor)
                .sum();
            let mean = (fixed::decode(sum as u64, bits) + crossed) / 3.0;
            let expected = taylor_loss(&total, &signs);
            assert!(
                (mean - expected).abs() < 1e-9 * expected,
                "{mean} is not {expected}"
            );
        }
    }

    #[test]
    fn refuses_as_many_columns_as_rows() {
        assert!(check_columns(4, 5, false).is_ok());
        let path = |is_full| {
            check_columns(5, 5, is_full)
                .unwrap_err()
                .into_fault()
                .path
                .unwrap()
        };
        assert_eq!(
            (path(false), path(true)),
            ("masked_rate".to_owned(), "batch_size".to_owned())
        );
    }

    #[test]
    fn refuses_scores_beyond_the_range() {
        let encoding = Encoding::new(Scale::FINEST, 0, 32.0, None);
        let fault = encode_half(&host_half::<Taylor>(&[1.0, 200.0]), encoding)
            .unwrap_err()
            .into_fault();
        assert_eq!(fault.code, ErrorCode::NumericRange);
        assert!(fault.next.unwrap().contains("scale the columns"));
    }
}
