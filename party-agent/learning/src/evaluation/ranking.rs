//! Scores in descending order with their labels: counts above any threshold, the cut points of FATE, and the exact
//! area under the ROC curve.

use super::{EvaluationError, check_finite, check_lengths};

/// True and false positives (and negatives) at one threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) tp: usize,
    pub(super) fp: usize,
    pub(super) fn_: usize,
    pub(super) tn: usize,
}

impl Counts {
    /// Share of the predicted positives that are positive; 1 where nothing is predicted, which keeps curves tidy.
    pub(super) fn precision(&self) -> f64 {
        let predicted = self.tp + self.fp;
        if predicted == 0 {
            1.0
        } else {
            self.tp as f64 / predicted as f64
        }
    }

    pub(super) fn recall(&self) -> f64 {
        self.tp as f64 / (self.tp + self.fn_) as f64
    }

    pub(super) fn false_positive_rate(&self) -> f64 {
        self.fp as f64 / (self.fp + self.tn) as f64
    }

    pub(super) fn rows(&self) -> usize {
        self.tp + self.fp + self.fn_ + self.tn
    }
}

/// Rows sorted by descending score; holds at least one row of each class.
#[derive(Debug)]
pub(super) struct Ranking {
    scores: Vec<f64>,
    // positives_before[k] counts positives among the k highest scores.
    positives_before: Vec<usize>,
}

impl Ranking {
    pub(super) fn new(positive: &[bool], scores: &[f64]) -> Result<Self, EvaluationError> {
        check_lengths(positive.len(), scores.len())?;
        check_finite(scores)?;
        let mut rows: Vec<(f64, bool)> = scores
            .iter()
            .copied()
            .zip(positive.iter().copied())
            .collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0));
        // Counted once: every threshold then costs one binary search instead of a walk over the
        // rows.
        let mut positives_before = vec![0];
        let mut positives = 0;
        for (_, is_positive) in &rows {
            positives += usize::from(*is_positive);
            positives_before.push(positives);
        }
        if positives == 0 || positives == rows.len() {
            return Err(EvaluationError::OneClass { rows: rows.len() });
        }
        // Adding zero turns -0 into 0, so that equal scores are equal in order too.
        let scores = rows.into_iter().map(|(score, _)| score + 0.0).collect();
        Ok(Self {
            scores,
            positives_before,
        })
    }

    /// All scores, highest first.
    pub(super) fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// Different scores, highest first.
    pub(super) fn distinct(&self) -> Vec<f64> {
        let mut distinct = self.scores.clone();
        distinct.dedup();
        distinct
    }

    /// Counts when a row is predicted positive for a score strictly above the threshold.
    pub(super) fn above(&self, threshold: f64) -> Counts {
        self.counts(self.scores.partition_point(|score| *score > threshold))
    }

    /// Counts when a row is predicted positive for a score of at least the threshold.
    pub(super) fn at_least(&self, threshold: f64) -> Counts {
        self.counts(self.scores.partition_point(|score| *score >= threshold))
    }

    fn counts(&self, predicted: usize) -> Counts {
        let rows = self.scores.len();
        let (tp, positives) = (
            self.positives_before[predicted],
            self.positives_before[rows],
        );
        Counts {
            tp,
            fp: predicted - tp,
            fn_: positives - tp,
            tn: (rows - positives) - (predicted - tp),
        }
    }

    /// Area under the ROC curve by trapezoids, so that ties count half.
    pub(super) fn auc(&self) -> f64 {
        let mut area = 0.0;
        let mut last = self.counts(0);
        // By distinct scores, so that rows of one score make one slanted step, whatever their
        // order.
        for threshold in self.distinct() {
            let here = self.at_least(threshold);
            area += (here.fp - last.fp) as f64 * (here.tp + last.tp) as f64 / 2.0;
            last = here;
        }
        area / ((last.tp + last.fn_) as f64 * (last.fp + last.tn) as f64)
    }
}

/// The hundred positions `int(n c)` of a list of `n` at c = 0, .01 .. .99, with c computed as k/100.
pub(super) fn index_cuts(length: usize) -> Vec<(usize, f64)> {
    cut_points(length, |k| k / 100.0)
}

/// As [`index_cuts`] with c computed as k times .01, which differs in the last digit and so in some positions.
pub(super) fn step_cuts(length: usize) -> Vec<(usize, f64)> {
    cut_points(length, |k| k * 0.01)
}

fn cut_points(length: usize, cut: impl Fn(f64) -> f64) -> Vec<(usize, f64)> {
    (0..100u8)
        .map(|k| cut(f64::from(k)))
        // Cut off, not rounded, as Python's `int` does; c stays below 1, so the position exists.
        .map(|c| ((length as f64 * c) as usize, c))
        .collect()
}

/// The exact area under the ROC curve: the chance that a positive row scores above a negative one, ties counting half.
///
/// # Errors
/// Needs rows of both classes, finite scores and equal lengths.
pub fn auc(positive: &[bool], scores: &[f64]) -> Result<f64, EvaluationError> {
    Ok(Ranking::new(positive, scores)?.auc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LABELS: [bool; 4] = [false, false, true, true];

    #[test]
    fn auc_counts_ordered_pairs() {
        assert_eq!(auc(&LABELS, &[0.1, 0.4, 0.35, 0.8]), Ok(0.75));
        assert_eq!(auc(&LABELS, &[0.1, 0.2, 0.3, 0.4]), Ok(1.0));
        assert_eq!(auc(&LABELS, &[0.4, 0.3, 0.2, 0.1]), Ok(0.0));
    }

    #[test]
    fn ties_count_half() {
        assert_eq!(auc(&LABELS, &[0.5, 0.5, 0.5, 0.5]), Ok(0.5));
        assert_eq!(auc(&LABELS, &[0.1, 0.5, 0.5, 0.9]), Ok(0.875));
        assert_eq!(auc(&LABELS, &[0.0, -0.0, 0.0, -0.0]), Ok(0.5));
    }

    #[test]
    fn thresholds_are_strict_above_and_closed_at() {
        let ranking = Ranking::new(&LABELS, &[0.1, 0.4, 0.35, 0.8]).unwrap();
        assert_eq!(
            ranking.above(0.4),
            Counts {
                tp: 1,
                fp: 0,
                fn_: 1,
                tn: 2
            }
        );
        assert_eq!(
            ranking.at_least(0.4),
            Counts {
                tp: 1,
                fp: 1,
                fn_: 1,
                tn: 1
            }
        );
        assert_eq!(ranking.above(-1.0).rows(), 4);
        assert_eq!(ranking.above(0.9).precision(), 1.0);
    }

    #[test]
    fn refuses_rows_that_cannot_be_ranked() {
        assert_eq!(auc(&[], &[]), Err(EvaluationError::NoRows));
        assert_eq!(
            auc(&[true], &[0.5, 0.5]),
            Err(EvaluationError::Lengths {
                labels: 1,
                predictions: 2
            })
        );
        assert_eq!(
            auc(&[true, true], &[0.1, 0.2]),
            Err(EvaluationError::OneClass { rows: 2 })
        );
        assert_eq!(
            auc(&[true, false], &[0.1, f64::NAN]),
            Err(EvaluationError::NotFinite { row: 1 })
        );
    }

    #[test]
    fn cut_positions_truncate() {
        let cuts = index_cuts(569);
        assert_eq!(
            (cuts.len(), cuts[0].0, cuts[1].0, cuts[99].0),
            (100, 0, 5, 563)
        );
        // 57/100 is a little below .57 and 57 * .01 a little above.
        assert_eq!((index_cuts(100)[57].0, step_cuts(100)[57].0), (56, 57));
    }

    proptest! {
        #[test]
        fn auc_equals_the_share_of_ordered_pairs(
            rows in proptest::collection::vec((any::<bool>(), 0u8..8), 2..60),
        ) {
            let positive: Vec<bool> = rows.iter().map(|row| row.0).collect();
            let scores: Vec<f64> = rows.iter().map(|row| f64::from(row.1)).collect();
            let (mut won, mut pairs) = (0.0, 0.0);
            for (i, up) in positive.iter().enumerate().filter(|(_, yes)| **yes) {
                for (j, _) in positive.iter().enumerate().filter(|(_, yes)| *yes != up) {
                    pairs += 1.0;
                    won += if scores[i] > scores[j] { 1.0 } else if scores[i] == scores[j] { 0.5 } else { 0.0 };
                }
            }
            match auc(&positive, &scores) {
                Ok(area) => prop_assert!((area - won / pairs).abs() < 1e-12),
                Err(error) => prop_assert_eq!((error, pairs), (EvaluationError::OneClass { rows: rows.len() }, 0.0)),
            }
        }
    }
}
