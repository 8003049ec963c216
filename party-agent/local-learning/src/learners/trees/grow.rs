//! One tree: cut where the labels' impurity falls most, until nothing is gained or the depth is reached.

use learning::initial::Seeded;
use serde::{Deserialize, Serialize};

use super::bins::Bins;
use crate::error::{LearnError, Result, Watch};

/// What rows are told apart by.
pub(super) enum Target {
    /// Classes from 0, and how many there are; impurity is Gini's.
    Classes(Vec<usize>, usize),
    /// Numbers, and their mean, around which the variance is summed, so that it is exact for numbers that are far from 0.
    Numbers(Vec<f64>, f64),
}

impl Target {
    /// How many sums are kept of a set of rows.
    pub(super) fn sums(&self) -> usize {
        match self {
            Self::Classes(_, number) => *number,
            Self::Numbers(..) => 4,
        }
    }

    fn add(&self, sums: &mut [f64], row: usize, weight: f64) {
        match self {
            Self::Classes(classes, _) => sums[classes[row]] += weight,
            Self::Numbers(numbers, mean) => {
                let (number, apart) = (numbers[row], numbers[row] - mean);
                for (sum, term) in sums.iter_mut().zip([1.0, apart, apart * apart, number]) {
                    *sum += weight * term;
                }
            }
        }
    }

    /// The impurity of a set of rows times its size.
    fn impurity(&self, sums: &[f64]) -> f64 {
        let (size, squares) = match self {
            Self::Classes(..) => {
                let size: f64 = sums.iter().sum();
                (
                    size,
                    size - sums.iter().map(|sum| sum * sum).sum::<f64>() / size,
                )
            }
            Self::Numbers(..) => (sums[0], sums[2] - sums[1] * sums[1] / sums[0]),
        };
        if size > 0.0 { squares.max(0.0) } else { 0.0 }
    }

    fn size(&self, sums: &[f64]) -> f64 {
        match self {
            Self::Classes(..) => sums.iter().sum(),
            Self::Numbers(..) => sums[0],
        }
    }

    /// What a leaf says: the most frequent class, the lowest of equals; or the mean.
    fn verdict(&self, sums: &[f64]) -> f64 {
        match self {
            Self::Classes(..) => {
                let best =
                    sums.iter().enumerate().fold(
                        0,
                        |best, (class, sum)| if *sum > sums[best] { class } else { best },
                    );
                best as f64
            }
            Self::Numbers(..) => sums[3] / sums[0],
        }
    }
}

/// A place in a tree; the first is the root.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Node {
    /// What is said here.
    Leaf(f64),
    /// Left for cells that are at most `at`; both children stand behind their parent.
    Split {
        column: usize,
        at: f64,
        left: usize,
        right: usize,
    },
}

/// What the tree says of a row.
pub(super) fn follow(nodes: &[Node], row: &[f64]) -> Result<f64> {
    let broken = || LearnError::Data("the model is damaged: a tree leads nowhere".to_owned());
    let mut here = 0;
    loop {
        match nodes.get(here).ok_or_else(broken)? {
            Node::Leaf(said) => return Ok(*said),
            Node::Split {
                column,
                at,
                left,
                right,
            } => {
                let cell = row.get(*column).ok_or_else(broken)?;
                let next = if cell <= at { *left } else { *right };
                if next <= here {
                    return Err(broken());
                }
                here = next;
            }
        }
    }
}

/// How a tree is grown.
pub(super) struct Plan<'a> {
    pub(super) bins: &'a Bins,
    pub(super) target: &'a Target,
    /// Splits between the root and a leaf, at most.
    pub(super) depth: usize,
    /// How many columns, drawn anew for each place, are looked at.
    pub(super) columns: usize,
    /// Whether the work is still wanted.
    pub(super) watch: Watch<'a>,
}

struct Cut {
    column: usize,
    bin: usize,
    gain: f64,
}

impl Plan<'_> {
    /// A tree of the rows with their weights.
    pub(super) fn tree(&self, weights: &[f64], seeded: &mut Seeded) -> Result<Vec<Node>> {
        let mut rows: Vec<usize> = (0..weights.len())
            .filter(|row| weights[*row] > 0.0)
            .collect();
        let mut nodes = vec![Node::Leaf(0.0)];
        let mut open = vec![(0, 0..rows.len(), 0)];
        while let Some((place, range, depth)) = open.pop() {
            self.watch.go_on()?;
            let here = &mut rows[range.clone()];
            let mut sums = vec![0.0; self.target.sums()];
            here.iter()
                .for_each(|row| self.target.add(&mut sums, *row, weights[*row]));
            let cut = if depth < self.depth {
                self.best_cut(here, weights, &sums, seeded)?
            } else {
                None
            };
            let Some(Cut { column, bin, .. }) = cut else {
                nodes[place] = Node::Leaf(self.target.verdict(&sums));
                continue;
            };
            let middle = range.start + parted(here, |row| self.bins.code(column, row) <= bin);
            let (left, right) = (nodes.len(), nodes.len() + 1);
            nodes[place] = Node::Split {
                column,
                at: self.bins.cuts(column)[bin],
                left,
                right,
            };
            nodes.extend([Node::Leaf(0.0); 2]);
            open.extend([
                (right, middle..range.end, depth + 1),
                (left, range.start..middle, depth + 1),
            ]);
        }
        Ok(nodes)
    }

    /// The cut that gains most, the first of equals; none when nothing is gained.
    fn best_cut(
        &self,
        rows: &[usize],
        weights: &[f64],
        sums: &[f64],
        seeded: &mut Seeded,
    ) -> Result<Option<Cut>> {
        let impurity = self.target.impurity(sums);
        // less than this is the rounding of sums
        let mut best = Cut {
            column: 0,
            bin: 0,
            gain: impurity * 1e-12,
        };
        let mut found = false;
        for column in self.looked_at(seeded) {
            self.watch.go_on()?;
            let Some(cut) = self.cut_of(column, rows, weights, sums) else {
                continue;
            };
            if cut.gain > best.gain {
                (best, found) = (cut, true);
            }
        }
        Ok(found.then_some(best))
    }

    fn looked_at(&self, seeded: &mut Seeded) -> Vec<usize> {
        let mut columns: Vec<usize> = (0..self.bins.width()).collect();
        if self.columns < columns.len() {
            seeded.shuffle(&mut columns);
            columns.truncate(self.columns);
            columns.sort_unstable();
        }
        columns
    }

    fn cut_of(&self, column: usize, rows: &[usize], weights: &[f64], sums: &[f64]) -> Option<Cut> {
        let (bins, width) = (self.bins.cuts(column).len(), self.target.sums());
        let mut counted = vec![0.0; (bins + 1) * width];
        for row in rows {
            let from = self.bins.code(column, *row) * width;
            self.target
                .add(&mut counted[from..from + width], *row, weights[*row]);
        }
        let whole = self.target.impurity(sums);
        let mut left = vec![0.0; width];
        let mut best: Option<Cut> = None;
        for (bin, own) in counted.chunks(width).take(bins).enumerate() {
            left.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
            let right: Vec<f64> = sums
                .iter()
                .zip(&left)
                .map(|(all, left)| all - left)
                .collect();
            if self.target.size(&left) <= 0.0 || self.target.size(&right) <= 0.0 {
                continue;
            }
            let gain = whole - self.target.impurity(&left) - self.target.impurity(&right);
            if best.as_ref().is_none_or(|best| gain > best.gain) {
                best = Some(Cut { column, bin, gain });
            }
        }
        best
    }
}

/// Moves the items that go left before the others; how many they are.
fn parted(items: &mut [usize], is_left: impl Fn(usize) -> bool) -> usize {
    let mut left = 0;
    for at in 0..items.len() {
        if is_left(items[at]) {
            items.swap(left, at);
            left += 1;
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::points::Points;

    /// The least impurity (times rows) that one cut of any column leaves, found by trying all.
    fn least(points: &Points) -> f64 {
        let impurity = |rows: &[usize]| {
            let ones = rows
                .iter()
                .filter(|row| points.labels[**row] == 1.0)
                .count() as f64;
            let all = rows.len() as f64;
            if rows.is_empty() {
                0.0
            } else {
                all - (ones * ones + (all - ones) * (all - ones)) / all
            }
        };
        let all: Vec<usize> = (0..points.len()).collect();
        let mut least = impurity(&all);
        for (column, row) in
            (0..points.width).flat_map(|column| all.iter().map(move |row| (column, *row)))
        {
            let at = points.row(row)[column];
            let (left, right): (Vec<usize>, Vec<usize>) =
                all.iter().partition(|row| points.row(**row)[column] <= at);
            least = least.min(impurity(&left) + impurity(&right));
        }
        least
    }

    proptest! {
        #[test]
        fn the_first_cut_is_the_best_of_all(rows in proptest::collection::vec((0u8..4, 0u8..4, any::<bool>()), 2..30)) {
            let points = Points {
                width: 2,
                labels: rows.iter().map(|(.., label)| f64::from(u8::from(*label))).collect(),
                cells: rows.iter().flat_map(|(a, b, _)| [f64::from(*a), f64::from(*b)]).collect(),
            };
            let target = Target::Classes(points.labels.iter().map(|label| usize::from(*label == 1.0)).collect(), 2);
            let bins = Bins::new(&points, 32, Watch(&|| false)).unwrap();
            let plan = Plan { bins: &bins, target: &target, depth: 1, columns: 2, watch: Watch(&|| false) };
            let nodes = plan.tree(&vec![1.0; rows.len()], &mut Seeded::new(1)).unwrap();
            let mut left_over = [[0.0; 2]; 2];
            for row in 0..points.len() {
                let side = match nodes[0] {
                    Node::Split { column, at, .. } => usize::from(points.row(row)[column] > at),
                    Node::Leaf(_) => 0,
                };
                target.add(&mut left_over[side], row, 1.0);
            }
            let found: f64 = left_over.iter().map(|sums| target.impurity(sums)).sum();
            prop_assert!((found - least(&points)).abs() < 1e-9, "{found} {}", least(&points));
        }
    }

    #[test]
    fn a_damaged_tree_ends() {
        let around = Node::Split {
            column: 0,
            at: 1.0,
            left: 0,
            right: 7,
        };
        for (nodes, row) in [
            (vec![around], [0.0]),
            (vec![around], [2.0]),
            (vec![], [0.0]),
        ] {
            assert!(follow(&nodes, &row).is_err());
        }
        let wide = Node::Split {
            column: 3,
            at: 1.0,
            left: 1,
            right: 1,
        };
        assert!(follow(&[wide, Node::Leaf(1.0)], &[0.0]).is_err());
    }
}
