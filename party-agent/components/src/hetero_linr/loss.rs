//! The squared loss: (z - y)^2 / 2, with labels of any size.

use learners::vertical::VerticalLoss;
use learning::labels::LabelKind;

/// The loss; a score is the prediction.
pub(super) struct Squares;

impl VerticalLoss for Squares {
    const LABELS: LabelKind = LabelKind::Numbers;

    fn host_half(score: f64) -> f64 {
        score
    }

    fn guest_half(score: f64, label: f64) -> f64 {
        score - label
    }

    fn host_term(score: f64) -> f64 {
        score * score / 2.0
    }

    fn guest_term(score: f64, label: f64) -> f64 {
        (score - label) * (score - label) / 2.0
    }

    // z_h (z_g - y) is what the squares of the parts leave of the square of their sum.
    fn factor(guest_half: f64) -> f64 {
        guest_half
    }

    fn prediction(score: f64) -> f64 {
        score
    }
}
