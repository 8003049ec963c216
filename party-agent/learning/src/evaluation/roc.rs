//! The ROC curve as FATE logs it: the corners of the exact curve, thinned to a hundred by position.

use super::ranking::{Counts, Ranking, step_cuts};
use super::{Curve, CurveKind};

/// The ROC curve: corners of the exact curve, then a hundred of them by position, then (1, 1).
pub(super) fn roc(ranking: &Ranking) -> Curve {
    let corners = roc_corners(ranking);
    let mut points: Vec<(f64, f64, f64)> = Vec::new();
    for (at, _) in step_cuts(corners.len()) {
        let corner = corners[at];
        // Few corners are met by several of the hundred positions.
        if !points.contains(&corner) {
            points.push(corner);
        }
    }
    points.push((1.0, 1.0, 1.0));
    let thresholds = points.iter().map(|point| point.2).collect();
    Curve::new(
        CurveKind::Roc,
        points.into_iter().map(|(x, y, _)| (x, y)).collect(),
        thresholds,
    )
}

/// (false positive rate, true positive rate, threshold) without points on straight stretches. As in older scikit-learn
/// the curve starts at (0, 0) with a threshold one above the highest score.
fn roc_corners(ranking: &Ranking) -> Vec<(f64, f64, f64)> {
    let distinct = ranking.distinct();
    let counts: Vec<Counts> = distinct
        .iter()
        .map(|threshold| ranking.at_least(*threshold))
        .collect();
    // Inner points stay where either count changes its slope; the ends always do.
    let is_corner = |at: usize| {
        let inner = at
            .checked_sub(1)
            .and_then(|before| counts.get(before..=at + 1));
        match inner {
            Some([a, b, c]) => (b.fp - a.fp, b.tp - a.tp) != (c.fp - b.fp, c.tp - b.tp),
            _ => true,
        }
    };
    let start = distinct.first().map(|highest| (0.0, 0.0, highest + 1.0));
    let corners = counts
        .iter()
        .zip(&distinct)
        .enumerate()
        .filter(|(at, _)| is_corner(*at));
    let points = corners
        .map(|(_, (count, threshold))| (count.false_positive_rate(), count.recall(), *threshold));
    start.into_iter().chain(points).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn four() -> Ranking {
        Ranking::new(&[true, false, true, false], &[0.9, 0.7, 0.4, 0.2]).unwrap()
    }

    fn hundred() -> Ranking {
        let scores: Vec<f64> = (0..100).map(|row| f64::from(row) / 100.0).collect();
        Ranking::new(&(0..100).map(|row| row >= 60).collect::<Vec<_>>(), &scores).unwrap()
    }

    #[test]
    fn roc_keeps_corners_and_both_ends() {
        let curve = roc(&four());
        assert_eq!(curve.x, vec![0.0, 0.0, 0.5, 0.5, 1.0, 1.0]);
        assert_eq!(curve.y, vec![0.0, 0.5, 0.5, 1.0, 1.0, 1.0]);
        assert_eq!(curve.thresholds, vec![1.9, 0.9, 0.7, 0.4, 0.2, 1.0]);
        // A perfect ranking has the corners (0, 0), (0, 1/40), (0, 1), (1, 1).
        assert_eq!(roc(&hundred()).x.len(), 5);
    }
}
