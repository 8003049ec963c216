//! The logistic loss to the second order: ln 2 - yz/2 + z^2/8, with labels of +1 and -1.

use std::f64::consts::LN_2;

use learners::vertical::VerticalLoss;
use learning::labels::LabelKind;
use learning::linear::sigmoid;

/// The loss; predictions are probabilities of the positive label.
pub(super) struct TaylorLogistic;

impl VerticalLoss for TaylorLogistic {
    const LABELS: LabelKind = LabelKind::Classes;

    fn host_half(score: f64) -> f64 {
        0.25 * score
    }

    fn guest_half(score: f64, sign: f64) -> f64 {
        0.25 * score - 0.5 * sign
    }

    fn host_term(score: f64) -> f64 {
        score * score / 8.0
    }

    fn guest_term(score: f64, sign: f64) -> f64 {
        LN_2 - sign * score / 2.0 + score * score / 8.0
    }

    // z_h z_g / 4 - y z_h / 2 is a quarter of z_h times four times the guest's part.
    fn factor(guest_half: f64) -> f64 {
        4.0 * guest_half
    }

    fn prediction(score: f64) -> f64 {
        sigmoid(score)
    }
}
