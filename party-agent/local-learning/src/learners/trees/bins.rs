//! Columns in bins: where a column can be cut, and in which bin each row is.

use crate::error::{Result, Watch};
use crate::points::Points;

/// The bins of all columns.
pub(super) struct Bins {
    /// For each column its cuts, ascending; a row is left of a cut when its cell is at most the cut.
    cuts: Vec<Vec<f64>>,
    /// For each column and row the number of cuts that are below the cell.
    codes: Vec<Vec<u16>>,
}

impl Bins {
    /// Bins of at most `most` (2 to 65,536) a column: one for each value when they suffice, else about equally many rows in each.
    pub(super) fn new(points: &Points, most: usize, watch: Watch<'_>) -> Result<Self> {
        let column = |column: usize| points.rows().map(|row| row[column]).collect::<Vec<f64>>();
        let (mut cuts, mut codes) = (Vec::new(), Vec::new());
        for cells in (0..points.width).map(column) {
            watch.go_on()?;
            let own = cuts_of(&cells, most.clamp(2, 1 << 16));
            let code = |cell: &f64| {
                u16::try_from(own.partition_point(|cut| cut < cell)).unwrap_or(u16::MAX)
            };
            codes.push(cells.iter().map(code).collect());
            cuts.push(own);
        }
        Ok(Self { cuts, codes })
    }

    pub(super) fn width(&self) -> usize {
        self.cuts.len()
    }

    /// The cuts of a column.
    pub(super) fn cuts(&self, column: usize) -> &[f64] {
        &self.cuts[column]
    }

    /// The bin of a row in a column.
    pub(super) fn code(&self, column: usize, row: usize) -> usize {
        self.codes[column][row].into()
    }
}

fn cuts_of(cells: &[f64], most: usize) -> Vec<f64> {
    let mut sorted = cells.to_vec();
    sorted.sort_by(f64::total_cmp);
    // where values change, and how many rows are left of the change
    let changes: Vec<(f64, usize)> = (1..sorted.len())
        .filter(|at| sorted[*at] != sorted[at - 1])
        .map(|at| (between(sorted[at - 1], sorted[at]), at))
        .collect();
    if changes.len() < most {
        return changes.into_iter().map(|(cut, _)| cut).collect();
    }
    let share = |part: usize| part as f64 * cells.len() as f64 / most as f64;
    let mut cuts = Vec::new();
    let lefts = changes.iter().map(|(_, left)| *left);
    for ((cut, left), next) in changes.iter().zip(lefts.skip(1).chain([cells.len()])) {
        let aim = share(cuts.len() + 1);
        if cuts.len() + 1 < most && (*left as f64 - aim).abs() < (next as f64 - aim).abs() {
            cuts.push(*cut);
        }
    }
    cuts
}

/// A number from `low` on and below `high`, in the middle when there is one.
fn between(low: f64, high: f64) -> f64 {
    let middle = low / 2.0 + high / 2.0;
    if middle < high { middle } else { low }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_cut_between_each_two() {
        assert_eq!(cuts_of(&[3.0, 1.0, 2.0, 1.0, 3.0], 3), [1.5, 2.5]);
        assert!(cuts_of(&[7.0; 4], 2).is_empty());
        assert!(cuts_of(&[], 2).is_empty());
        let next = f64::from_bits(1f64.to_bits() + 1);
        assert_eq!(
            cuts_of(&[1.0, next], 2),
            [1.0],
            "a cut is below what is right of it"
        );
        assert_eq!(cuts_of(&[f64::MAX, f64::MIN], 2), [0.0]);
    }

    #[test]
    fn many_values_share_bins_of_like_sizes() {
        let cells: Vec<f64> = (0..1_000).map(f64::from).collect();
        let cuts = cuts_of(&cells, 10);
        assert_eq!(cuts.len(), 9);
        for (part, cut) in cuts.iter().enumerate() {
            assert!((cut - 100.0 * (part + 1) as f64).abs() <= 1.0, "{cuts:?}");
        }
        let bins = Bins::new(
            &Points {
                width: 1,
                labels: vec![],
                cells,
            },
            10,
            Watch(&|| false),
        )
        .unwrap();
        let mut rows = [0; 10];
        (0..1_000).for_each(|row| rows[bins.code(0, row)] += 1);
        assert!(
            rows.iter().all(|rows| (99..=101).contains(rows)),
            "{rows:?}"
        );
    }
}
