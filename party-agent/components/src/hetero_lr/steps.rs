//! The local mathematics of one batch: residual halves and the terms of the Taylor loss ln 2 - yz/2 + z^2/8.

use component_kit::Result;
use learning::linear::sigmoid;
use learning::loss::taylor_forward;
use secure_compute::fixed::{self, RESIDUAL_BITS};
use vocabulary::{ErrorCode, Fault};

/// Largest value of a host's loss term in one row: z^2/8 for |z| = 128, and as much again for its penalty.
const LOSS_TERM_LIMIT: f64 = 4096.0;

/// Base-2 logarithm of a bound on the mean loss, for scores within the limits of the residual.
const LOSS_RANGE_BITS: u32 = 14;

/// Fractional bits of the factors of a batch's loss, so that the sum over `members` rows stays below 2^63.
pub(super) fn loss_bits(members: usize) -> i32 {
    let rows_bits = members.max(1).next_power_of_two().ilog2();
    (63 - LOSS_RANGE_BITS as i32 - RESIDUAL_BITS - rows_bits as i32).min(22)
}

/// Host: a quarter of its scores, encoded.
pub(super) fn host_half(scores: &[f64], limit: f64) -> Result<Vec<i64>> {
    let quarters: Vec<f64> = scores.iter().map(|z| z / 4.0).collect();
    Ok(fixed::encode("a quarter of the score", &quarters, RESIDUAL_BITS, limit)?)
}

/// Guest: a quarter of its scores minus half the label.
pub(super) fn guest_half(scores: &[f64], signs: &[f64]) -> Vec<f64> {
    taylor_forward(scores, signs)
}

/// Host: z^2/8 and its penalty for each row; the mean over a batch is its part of the loss.
pub(super) fn host_loss_terms(scores: &[f64], penalty: f64, bits: i32) -> Result<Vec<i64>> {
    let terms: Vec<f64> = scores.iter().map(|z| z * z / 8.0 + penalty).collect();
    Ok(fixed::encode("loss term", &terms, bits, LOSS_TERM_LIMIT)?)
}

/// Guest: the sum over a batch of what it can compute alone: ln 2 - y z/2 + z^2/8 and its penalty.
pub(super) fn guest_loss(scores: &[f64], signs: &[f64], penalty: f64, bits: i32) -> Result<i64> {
    let row = |(z, y): (&f64, &f64)| std::f64::consts::LN_2 - y * z / 2.0 + z * z / 8.0 + penalty;
    let total: f64 = scores.iter().zip(signs).map(row).sum();
    let limit = LOSS_TERM_LIMIT * scores.len() as f64;
    let encoded = fixed::encode("the batch's loss", &[total], bits, limit)?;
    Ok(encoded.first().copied().unwrap_or(0))
}

/// Probabilities of scores.
pub(super) fn probabilities(scores: &[f64]) -> Vec<f64> {
    scores.iter().map(|score| sigmoid(*score)).collect()
}

/// Host: refuses batches so small that its gradient would determine the residuals, and so the labels, of its rows.
pub(super) fn check_columns(columns: usize, masked_size: usize, is_full: bool) -> Result<()> {
    if masked_size > columns {
        return Ok(());
    }
    let text = format!("{columns} columns against {masked_size} rows: gradients would give the labels away");
    let (path, hint) = if is_full {
        ("batch_size", "train on more rows than columns")
    } else {
        (
            "masked_rate",
            "choose batch_size or masked_rate so that every batch, the last one too, has more rows than columns",
        )
    };
    Err(Fault::new(ErrorCode::ParameterInvalid, text).path(path).next(hint).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use learning::loss::taylor_loss;

    #[test]
    fn the_parts_of_the_loss_add_up() {
        let (host, guest) = ([0.5, -2.0, 3.0], [1.0, 0.25, -0.5]);
        let signs = [1.0, -1.0, 1.0];
        let total: Vec<f64> = host.iter().zip(&guest).map(|(h, g)| h + g).collect();
        let bits = RESIDUAL_BITS + loss_bits(3);
        let mut sum = guest_loss(&guest, &signs, 0.0, bits).unwrap();
        sum += host_loss_terms(&host, 0.0, bits).unwrap().iter().sum::<i64>();
        let factors = guest_half(&guest, &signs).into_iter().map(|half| 4.0 * half);
        let crossed: f64 = host.iter().zip(factors).map(|(z, factor)| z / 4.0 * factor).sum();
        let mean = (fixed::decode(sum as u64, bits) + crossed) / 3.0;
        assert!((mean - taylor_loss(&total, &signs)).abs() < 1e-9, "{mean}");
    }

    #[test]
    fn the_largest_loss_stays_in_range() {
        for members in [1, 320, 569, 100_000, 40_000_000] {
            let bits = RESIDUAL_BITS + loss_bits(members);
            assert!(members as f64 * 2f64.powi(bits + 14) <= 2f64.powi(63), "{members}");
        }
    }

    #[test]
    fn refuses_as_many_columns_as_rows() {
        assert!(check_columns(4, 5, false).is_ok());
        let path = |is_full| check_columns(5, 5, is_full).unwrap_err().into_fault().path.unwrap();
        assert_eq!((path(false), path(true)), ("masked_rate".to_owned(), "batch_size".to_owned()));
    }

    #[test]
    fn refuses_scores_beyond_the_range() {
        let fault = host_half(&[1.0, 200.0], 32.0).unwrap_err().into_fault();
        assert_eq!(fault.code, ErrorCode::NumericRange);
        assert!(fault.next.unwrap().contains("scale"));
    }
}
