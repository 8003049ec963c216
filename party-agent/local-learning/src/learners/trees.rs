//! Decision trees and random forests over binned columns, by Gini's impurity or by variance.

mod bins;
mod grow;

use std::collections::BTreeMap;

use learning::initial::Seeded;
use serde::{Deserialize, Serialize};

use crate::error::{LearnError, Result, Watch};
use crate::points::{Points, bounded};
use bins::Bins;
use grow::{Node, Plan, Target, follow};

/// How they are grown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Growth {
    /// Splits between the root and a leaf, at most.
    pub(crate) depth: usize,
    /// Bins of a column, at most.
    pub(crate) bins: usize,
    /// Trees of a forest; none for a single tree.
    pub(crate) trees: Option<usize>,
    /// How many classes there are; none for numbers.
    pub(crate) classes: Option<usize>,
}

/// A tree or a forest.
#[derive(Serialize, Deserialize)]
pub(crate) struct Trees {
    width: usize,
    /// Whether the trees vote for classes; else their mean counts.
    votes: bool,
    trees: Vec<Vec<Node>>,
}

/// Labels as classes from 0.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked: whole and within bounds"
)]
fn classes(points: &Points, number: usize) -> Result<Vec<usize>> {
    let class = |(index, label): (usize, &f64)| {
        if label.fract() == 0.0 && (0.0..number as f64).contains(label) {
            return Ok(*label as usize);
        }
        Err(LearnError::row(
            index + 1,
            format!(
                "the label is none of the classes 0 to {} (numClasses)",
                number - 1
            ),
        ))
    };
    points.labels.iter().enumerate().map(class).collect()
}

impl Growth {
    /// How many columns each place of a tree looks at: all, or of several trees a part.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a number of columns"
    )]
    fn columns(&self, width: usize) -> usize {
        let part = match (self.trees.unwrap_or(1), self.classes) {
            (1, _) => return width,
            (_, Some(_)) => (width as f64).sqrt(),
            (_, None) => width as f64 / 3.0,
        };
        (part.ceil() as usize).clamp(1, width.max(1))
    }
}

/// How often each row is drawn when as many are drawn as there are, with putting back.
fn drawn(rows: usize, seeded: &mut Seeded) -> Vec<f64> {
    let mut times = vec![0.0; rows];
    for _ in 0..rows {
        let pick = (seeded.uniform() * rows as f64) as usize;
        times[pick.min(rows - 1)] += 1.0;
    }
    times
}

impl Trees {
    pub(crate) fn learn(points: &Points, how: Growth, watch: Watch<'_>) -> Result<Self> {
        let rows = points.len();
        if rows == 0 {
            return Err(LearnError::Data("there are no rows".to_owned()));
        }
        let target = match how.classes {
            Some(number) => Target::Classes(classes(points, number)?, number),
            None => Target::Numbers(
                points.labels.clone(),
                points.labels.iter().sum::<f64>() / rows as f64,
            ),
        };
        let bins = Bins::new(points, how.bins, watch)?;
        let widest = (0..points.width)
            .map(|column| bins.cuts(column).len() + 1)
            .max()
            .unwrap_or(1);
        bounded(widest, target.sums())?;
        let columns = how.columns(points.width);
        let plan = Plan {
            bins: &bins,
            target: &target,
            depth: how.depth,
            columns,
            watch,
        };
        let mut seeded = Seeded::new(1);
        let mut one = |_| {
            let weights = if how.trees.is_some_and(|trees| trees > 1) {
                drawn(rows, &mut seeded)
            } else {
                vec![1.0; rows]
            };
            plan.tree(&weights, &mut seeded)
        };
        let trees = (0..how.trees.unwrap_or(1))
            .map(&mut one)
            .collect::<Result<_>>()?;
        Ok(Self {
            width: points.width,
            votes: how.classes.is_some(),
            trees,
        })
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// What the trees say of each row; rows are as wide as those that were learned.
    pub(crate) fn predict(&self, points: &Points, watch: Watch<'_>) -> Result<Vec<f64>> {
        if points.width != self.width {
            return Err(LearnError::Data(format!(
                "rows have {} columns, the model {}",
                points.width, self.width
            )));
        }
        let one = |row| {
            watch.go_on()?;
            self.says(row)
        };
        points.rows().map(one).collect()
    }

    fn says(&self, row: &[f64]) -> Result<f64> {
        let said = self
            .trees
            .iter()
            .map(|tree| follow(tree, row))
            .collect::<Result<Vec<f64>>>()?;
        if !self.votes {
            return Ok(said.iter().sum::<f64>() / said.len() as f64);
        }
        let mut votes: BTreeMap<u64, usize> = BTreeMap::new();
        // classes are not negative, so their bits are in their order
        said.iter()
            .for_each(|class| *votes.entry(class.to_bits()).or_default() += 1);
        let most = votes.values().max().copied().unwrap_or_default();
        let first = votes.into_iter().find(|(_, votes)| *votes == most);
        Ok(first.map_or(0.0, |(class, _)| f64::from_bits(class)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: Growth = Growth {
        depth: 5,
        bins: 32,
        trees: None,
        classes: None,
    };
    const GO_ON: Watch<'static> = Watch(&|| false);

    /// The label is 0 in one of four corners: depth 2 is needed.
    fn corners() -> Points {
        let cells = vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
        Points {
            width: 2,
            labels: vec![0.0, 1.0, 1.0, 1.0],
            cells,
        }
    }

    fn learned(points: &Points, how: Growth) -> Trees {
        Trees::learn(points, how, GO_ON).unwrap()
    }

    #[test]
    fn every_kind_learns_its_own_rows() {
        for (trees, classes) in [
            (None, None),
            (None, Some(2)),
            (Some(15), None),
            (Some(15), Some(2)),
        ] {
            let said = learned(
                &corners(),
                Growth {
                    trees,
                    classes,
                    ..TREE
                },
            )
            .predict(&corners(), GO_ON)
            .unwrap();
            let right = said
                .iter()
                .zip(&corners().labels)
                .filter(|(said, label)| (**said - **label).abs() < 0.5)
                .count();
            assert!(right >= 3, "{said:?}");
            assert!(trees.is_some() || right == 4, "{said:?}");
        }
    }

    #[test]
    fn depth_counts_splits() {
        let mean = learned(&corners(), Growth { depth: 0, ..TREE })
            .predict(&corners(), GO_ON)
            .unwrap();
        assert_eq!(mean, [0.75; 4]);
        let once = learned(&corners(), Growth { depth: 1, ..TREE })
            .predict(&corners(), GO_ON)
            .unwrap();
        let mut leaves = once.clone();
        leaves.sort_by(f64::total_cmp);
        leaves.dedup();
        assert_eq!(leaves, [0.5, 1.0], "{once:?}");
        let twice = learned(&corners(), Growth { depth: 2, ..TREE })
            .predict(&corners(), GO_ON)
            .unwrap();
        assert_eq!(twice, corners().labels);
    }

    #[test]
    fn bins_bound_where_columns_are_cut() {
        let cells: Vec<f64> = (0..64).map(f64::from).collect();
        let labels = cells
            .iter()
            .map(|cell| f64::from(u8::from(*cell > 20.0)))
            .collect();
        let points = Points {
            width: 1,
            labels,
            cells,
        };
        let fine = learned(&points, Growth { bins: 64, ..TREE });
        assert_eq!(fine.predict(&points, GO_ON).unwrap(), points.labels);
        let coarse = learned(&points, Growth { bins: 2, ..TREE })
            .predict(&points, GO_ON)
            .unwrap();
        assert!(
            coarse[..32].iter().all(|said| *said == coarse[0]),
            "one cut, at the middle: {coarse:?}"
        );
    }

    #[test]
    fn a_pure_leaf_says_its_label_exactly() {
        for ones in 1..59 {
            let cells: Vec<f64> = (0..59).map(f64::from).collect();
            let labels = cells
                .iter()
                .map(|cell| f64::from(u8::from(*cell < f64::from(ones))))
                .collect();
            let points = Points {
                width: 1,
                labels,
                cells,
            };
            let how = Growth { bins: 64, ..TREE };
            assert_eq!(
                learned(&points, how).predict(&points, GO_ON).unwrap(),
                points.labels,
                "{ones}"
            );
            let single = learned(
                &points,
                Growth {
                    trees: Some(1),
                    ..how
                },
            );
            assert_eq!(
                single.predict(&points, GO_ON).unwrap(),
                points.labels,
                "a forest of one tree learns every row"
            );
        }
    }

    #[test]
    fn one_class_and_one_row_are_enough() {
        let alike = Points {
            labels: vec![1.0; 4],
            ..corners()
        };
        assert_eq!(
            learned(
                &alike,
                Growth {
                    classes: Some(2),
                    ..TREE
                }
            )
            .predict(&alike, GO_ON)
            .unwrap(),
            [1.0; 4]
        );
        let single = Points {
            width: 1,
            labels: vec![3.0],
            cells: vec![9.0],
        };
        assert_eq!(
            learned(
                &single,
                Growth {
                    trees: Some(4),
                    ..TREE
                }
            )
            .predict(&single, GO_ON)
            .unwrap(),
            [3.0]
        );
        assert!(Trees::learn(&Points::default(), TREE, GO_ON).is_err());
    }

    #[test]
    fn a_forest_tells_noisy_halves_apart() {
        let mut seeded = Seeded::new(7);
        let cells: Vec<f64> = (0..600).map(|_| seeded.uniform()).collect();
        let labels = cells
            .chunks(3)
            .map(|row| f64::from(u8::from(row[0] + 0.1 * row[1] > 0.55)))
            .collect();
        let points = Points {
            width: 3,
            labels,
            cells,
        };
        for classes in [None, Some(2)] {
            let said = learned(
                &points,
                Growth {
                    trees: Some(20),
                    classes,
                    ..TREE
                },
            )
            .predict(&points, GO_ON)
            .unwrap();
            let right = said
                .iter()
                .zip(&points.labels)
                .filter(|(said, label)| (**said - **label).abs() < 0.5)
                .count();
            assert!(right >= 190, "{right} of 200");
        }
    }

    #[test]
    fn is_the_same_after_writing_and_reading() {
        for trees in [None, Some(3)] {
            let grown = learned(
                &corners(),
                Growth {
                    trees,
                    classes: Some(2),
                    ..TREE
                },
            );
            let bytes = rmp_serde::to_vec_named(&grown).unwrap();
            let read: Trees = rmp_serde::from_slice(&bytes).unwrap();
            assert_eq!(
                read.predict(&corners(), GO_ON),
                grown.predict(&corners(), GO_ON)
            );
        }
    }

    #[test]
    fn says_which_label_is_no_class() {
        let wrong = Points {
            labels: vec![0.0, 1.0, 2.0, 1.0],
            ..corners()
        };
        let how = Growth {
            classes: Some(2),
            ..TREE
        };
        let said = Trees::learn(&wrong, how, GO_ON)
            .map(|_| ())
            .unwrap_err()
            .to_string();
        assert_eq!(
            said,
            "row 3: the label is none of the classes 0 to 1 (numClasses)"
        );
        let narrow = Points {
            width: 1,
            labels: vec![],
            cells: vec![1.0],
        };
        let said = learned(&corners(), TREE)
            .predict(&narrow, GO_ON)
            .unwrap_err()
            .to_string();
        assert_eq!(said, "rows have 1 columns, the model 2");
    }

    #[test]
    fn stops_while_it_grows() {
        assert_eq!(
            Trees::learn(&corners(), TREE, Watch(&|| true)).map(|_| ()),
            Err(LearnError::Stopped)
        );
    }
}
