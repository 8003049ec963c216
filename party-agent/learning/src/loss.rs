//! Logistic losses. Training under encryption uses the second-order Taylor polynomial of `ln(1 + e^-yz)` at 0, which
//! needs only sums and products; reports use the exact loss.

/// FATE's label mapping for logistic regression: label 1 is +1, every other label is -1.
#[must_use]
pub fn signs(labels: &[f64]) -> Vec<f64> {
    labels
        .iter()
        .map(|label| if *label == 1.0 { 1.0 } else { -1.0 })
        .collect()
}

/// Mean Taylor loss `ln 2 - yz/2 + z^2/8` over the rows, labels in {-1, +1}; NaN for no rows or unequal lengths.
#[must_use]
pub fn taylor_loss(scores: &[f64], signs: &[f64]) -> f64 {
    if scores.len() != signs.len() {
        return f64::NAN;
    }
    let sum: f64 = scores
        .iter()
        .zip(signs)
        .map(|(z, y)| z * z / 8.0 - y * z / 2.0)
        .sum();
    std::f64::consts::LN_2 + sum / scores.len() as f64
}

/// Derivative of the Taylor loss by the score, `z/4 - y/2`, per row and not divided by the number of rows.
#[must_use]
pub fn taylor_forward(scores: &[f64], signs: &[f64]) -> Vec<f64> {
    scores
        .iter()
        .zip(signs)
        .map(|(z, y)| 0.25 * z - 0.5 * y)
        .collect()
}

/// Mean exact log loss of probabilities against positives; probabilities are kept 1e-15 away from 0 and 1, NaN for no
/// rows or unequal lengths.
#[must_use]
pub fn log_loss(probabilities: &[f64], positive: &[bool]) -> f64 {
    if probabilities.len() != positive.len() {
        return f64::NAN;
    }
    let row = |p: f64, yes: bool| {
        // scikit-learn's bound: one certain and wrong row must not make the mean infinite.
        let p = p.clamp(1e-15, 1.0 - 1e-15);
        if yes { -p.ln() } else { -(1.0 - p).ln() }
    };
    let sum: f64 = probabilities
        .iter()
        .zip(positive)
        .map(|(p, yes)| row(*p, *yes))
        .sum();
    sum / probabilities.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::f64::consts::LN_2;

    #[test]
    fn label_one_is_positive_and_all_others_negative() {
        assert_eq!(signs(&[1.0, 0.0, -1.0, 2.0]), vec![1.0, -1.0, -1.0, -1.0]);
    }

    #[test]
    fn taylor_loss_of_zero_scores_is_ln_two() {
        assert_eq!(taylor_loss(&[0.0, 0.0], &[1.0, -1.0]), LN_2);
        // rows: -1 + .5 and 2 + 2
        assert!((taylor_loss(&[2.0, 4.0], &[1.0, -1.0]) - (LN_2 + 1.75)).abs() < 1e-15);
    }

    #[test]
    fn forward_gradient_is_a_quarter_score_minus_half_label() {
        assert_eq!(taylor_forward(&[2.0, -4.0], &[1.0, -1.0]), vec![0.0, -0.5]);
    }

    #[test]
    fn log_loss_is_the_mean_surprise() {
        let expected = -(0.8f64.ln() + 0.75f64.ln()) / 2.0;
        assert!((log_loss(&[0.8, 0.25], &[true, false]) - expected).abs() < 1e-15);
        assert!(log_loss(&[0.0], &[true]).is_finite());
        assert!(log_loss(&[], &[]).is_nan());
    }

    proptest! {
        #[test]
        fn forward_gradient_is_the_slope_of_the_loss(z in -4.0f64..4.0, up in any::<bool>()) {
            let y = if up { 1.0 } else { -1.0 };
            let h = 1e-5;
            let slope = (taylor_loss(&[z + h], &[y]) - taylor_loss(&[z - h], &[y])) / (2.0 * h);
            prop_assert!((slope - taylor_forward(&[z], &[y])[0]).abs() < 1e-9);
        }

        #[test]
        fn taylor_loss_is_near_the_exact_loss_for_small_scores(z in -0.3f64..0.3) {
            let exact = log_loss(&[crate::linear::sigmoid(z)], &[true]);
            prop_assert!((taylor_loss(&[z], &[1.0]) - exact).abs() < 1e-4);
        }
    }
}
