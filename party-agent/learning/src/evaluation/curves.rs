//! The curves of a binary evaluation, in the form FATE logs them: points sorted by x, double points dropped where FATE
//! drops them, closing points added.

use super::figures;
use super::ranking::{Counts, Ranking, index_cuts, step_cuts};

/// Which curve; the name is what FATE appends to the metric set's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CurveKind {
    /// False positive rate over the share of rows cut.
    KsFpr,
    /// True positive rate over the share of rows cut.
    KsTpr,
    /// True over false positive rate.
    Roc,
    /// Precision over prevalence, by the share predicted positive.
    Lift,
    /// Recall by the share predicted positive.
    Gain,
    /// Accuracy by the share of thresholds passed.
    Accuracy,
    /// Precision by the share of thresholds passed.
    Precision,
    /// Recall by the share of thresholds passed.
    Recall,
}

impl CurveKind {
    /// FATE's name of the curve.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KsFpr => "ks_fpr",
            Self::KsTpr => "ks_tpr",
            Self::Roc => "roc",
            Self::Lift => "lift",
            Self::Gain => "gain",
            Self::Accuracy => "accuracy",
            Self::Precision => "precision",
            Self::Recall => "recall",
        }
    }
}

/// A curve: `x` and `y` are paired and sorted by `x`; `thresholds` keep FATE's order and number, which is not always
/// that of the points.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Which curve it is.
    pub kind: CurveKind,
    /// Abscissas, ascending.
    pub x: Vec<f64>,
    /// Ordinates.
    pub y: Vec<f64>,
    /// Score thresholds.
    pub thresholds: Vec<f64>,
}

impl Curve {
    pub(super) fn new(kind: CurveKind, points: Vec<(f64, f64)>, thresholds: Vec<f64>) -> Self {
        let (x, y): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
        let mut points: Vec<(f64, f64)> = figures(x).into_iter().zip(figures(y)).collect();
        // After rounding, and stable: points that rounding made equal keep their order.
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (x, y) = points.into_iter().unzip();
        Self {
            kind,
            x,
            y,
            thresholds: figures(thresholds),
        }
    }
}

/// The two Kolmogorov-Smirnov curves and their greatest distance, over the hundred cut points.
pub(super) fn ks(ranking: &Ranking) -> (f64, [Curve; 2]) {
    let cuts = index_cuts(ranking.scores().len());
    let thresholds: Vec<f64> = cuts.iter().map(|(at, _)| ranking.scores()[*at]).collect();
    let counts: Vec<Counts> = thresholds
        .iter()
        .map(|threshold| ranking.above(*threshold))
        .collect();
    let best = counts
        .iter()
        .map(|at| at.recall() - at.false_positive_rate())
        .fold(f64::NEG_INFINITY, f64::max);
    let curve = |kind, rate: fn(&Counts) -> f64| {
        let points = cuts
            .iter()
            .zip(&counts)
            .map(|((_, cut), at)| (*cut, rate(at)));
        Curve::new(
            kind,
            points.chain([(1.0, 1.0)]).collect(),
            thresholds.clone(),
        )
    };
    (
        best,
        [
            curve(CurveKind::KsFpr, Counts::false_positive_rate),
            curve(CurveKind::KsTpr, Counts::recall),
        ],
    )
}

/// Counts at a hundred distinct scores by position, highest first, with cut and threshold.
fn stepped(ranking: &Ranking) -> Vec<(f64, f64, Counts)> {
    let distinct = ranking.distinct();
    let cuts = step_cuts(distinct.len()).into_iter();
    cuts.map(|(at, cut)| (cut, distinct[at], ranking.above(distinct[at])))
        .collect()
}

/// As [`stepped`], closed by a threshold just below the lowest one taken.
fn stepped_to_the_end(ranking: &Ranking) -> Vec<(f64, f64, Counts)> {
    let mut steps = stepped(ranking);
    if let Some((_, lowest, _)) = steps.last().copied() {
        // FATE's step: strictly above this, every row is predicted positive.
        let below = lowest - 0.001;
        steps.push((1.0, below, ranking.above(below)));
    }
    steps
}

pub(super) fn lift(ranking: &Ranking) -> Curve {
    share_curve(ranking, CurveKind::Lift, |at| {
        let prevalence = (at.tp + at.fn_) as f64 / at.rows() as f64;
        at.precision() / prevalence
    })
}

pub(super) fn gain(ranking: &Ranking) -> Curve {
    share_curve(ranking, CurveKind::Gain, Counts::recall)
}

/// A figure by the share predicted positive, of the positive class, closed at (1, 1).
fn share_curve(ranking: &Ranking, kind: CurveKind, value: impl Fn(&Counts) -> f64) -> Curve {
    let steps = stepped(ranking);
    let point = |at: &Counts| ((at.tp + at.fp) as f64 / at.rows() as f64, value(at));
    let kept = highest_per_x(steps.iter().map(|(_, _, at)| point(at)));
    let thresholds = kept.iter().map(|at| steps[*at].1).chain([0.0]).collect();
    let points = kept
        .iter()
        .map(|at| point(&steps[*at].2))
        .chain([(1.0, 1.0)])
        .collect();
    Curve::new(kind, points, thresholds)
}

/// Positions of one point per abscissa, the highest (the first of equals), in order of first appearance.
fn highest_per_x(points: impl Iterator<Item = (f64, f64)>) -> Vec<usize> {
    let mut kept: Vec<(f64, f64, usize)> = Vec::new();
    for (at, (x, y)) in points.enumerate() {
        // At most a hundred points: a search through them costs less than a map of floats.
        match kept.iter_mut().find(|known| known.0 == x) {
            Some(known) if known.1 < y => *known = (x, y, at),
            Some(_) => {}
            None => kept.push((x, y, at)),
        }
    }
    kept.into_iter().map(|known| known.2).collect()
}

pub(super) fn accuracy(ranking: &Ranking) -> Curve {
    let steps = stepped(ranking);
    let points = steps
        .iter()
        .map(|(cut, _, at)| (*cut, (at.tp + at.tn) as f64 / at.rows() as f64))
        .collect();
    Curve::new(
        CurveKind::Accuracy,
        points,
        steps.iter().map(|step| step.1).collect(),
    )
}

/// Precision and recall, thinned together: one point per recall, the one of highest precision.
pub(super) fn precision_recall(ranking: &Ranking) -> [Curve; 2] {
    let steps = stepped_to_the_end(ranking);
    let kept = highest_per_x(steps.iter().map(|(_, _, at)| (at.recall(), at.precision())));
    let chosen: Vec<&(f64, f64, Counts)> = kept.iter().map(|at| &steps[*at]).collect();
    let mut thresholds: Vec<f64> = chosen.iter().map(|step| step.1).collect();
    // The closing threshold is invented, so it is not listed.
    if kept.last().is_some_and(|at| at + 1 == steps.len()) {
        thresholds.pop();
    }
    let curve = |kind, value: fn(&Counts) -> f64| {
        let points = chosen.iter().map(|step| (step.0, value(&step.2))).collect();
        Curve::new(kind, points, thresholds.clone())
    };
    [
        curve(CurveKind::Precision, Counts::precision),
        curve(CurveKind::Recall, Counts::recall),
    ]
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
    fn ks_looks_at_strict_cuts_only() {
        let (best, [fpr, tpr]) = ks(&four());
        // Thresholds .9, .7, .4, .2: the best is one positive of two above .7.
        assert_eq!(best, 0.5);
        assert_eq!((fpr.x.len(), fpr.thresholds.len()), (101, 100));
        assert_eq!(
            (tpr.x[25], tpr.y[24], tpr.y[25], tpr.y[75], fpr.y[75]),
            (0.25, 0.0, 0.5, 1.0, 0.5)
        );
        assert_eq!((tpr.x[100], tpr.y[100], fpr.y[100]), (1.0, 1.0, 1.0));
    }

    #[test]
    fn ks_of_a_perfect_ranking_stays_below_one_when_no_cut_hits_the_gap() {
        // The cut at position 40 has score .59, so all 40 positives lie strictly above it.
        assert_eq!(ks(&hundred()).0, 1.0);
        let two_hundred: Vec<f64> = (0..200).map(f64::from).collect();
        let labels: Vec<bool> = (0..200).map(|row| row >= 101).collect();
        // 99 positives: positions are even, so a cut keeps 98 positives or lets one negative in.
        assert_eq!(
            ks(&Ranking::new(&labels, &two_hundred).unwrap()).0,
            1.0 - 1.0 / 101.0
        );
    }

    #[test]
    fn lift_is_precision_over_prevalence_by_share() {
        let curve = lift(&four());
        assert_eq!(curve.x, vec![0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(curve.y, vec![2.0, 2.0, 1.0, 1.333333, 1.0]);
        assert_eq!(curve.thresholds, vec![0.9, 0.7, 0.4, 0.2, 0.0]);
    }

    #[test]
    fn gain_is_recall_by_share() {
        let curve = gain(&four());
        assert_eq!(
            (curve.x, curve.y),
            (
                vec![0.0, 0.25, 0.5, 0.75, 1.0],
                vec![0.0, 0.5, 0.5, 1.0, 1.0]
            )
        );
    }

    #[test]
    fn accuracy_has_a_hundred_cuts() {
        let curve = accuracy(&four());
        assert_eq!((curve.x.len(), curve.thresholds.len()), (100, 100));
        assert_eq!(
            (curve.y[0], curve.y[25], curve.y[50], curve.y[75]),
            (0.5, 0.75, 0.5, 0.75)
        );
        assert_eq!(curve.x[7], 0.07);
    }

    #[test]
    fn precision_and_recall_keep_one_point_per_recall() {
        let [precision, recall] = precision_recall(&four());
        // Recall 0 (nothing predicted), .5 (first row), 1 (three rows).
        assert_eq!(
            (&precision.x, &recall.x),
            (&vec![0.0, 0.25, 0.75], &vec![0.0, 0.25, 0.75])
        );
        assert_eq!(
            (precision.y, recall.y),
            (vec![1.0, 1.0, 0.666667], vec![0.0, 0.5, 1.0])
        );
        assert_eq!(precision.thresholds, vec![0.9, 0.7, 0.2]);
    }

    #[test]
    fn a_closing_point_that_survives_thinning_has_no_threshold() {
        let ranking = Ranking::new(&[false, true], &[0.8, 0.2]).unwrap();
        let [precision, _] = precision_recall(&ranking);
        assert_eq!((precision.x, precision.y), (vec![0.0, 1.0], vec![1.0, 0.5]));
        assert_eq!(precision.thresholds, vec![0.8]);
    }
}
