//! k-means: several runs from random rows, the best is kept.

use learning::initial::Seeded;
use serde::{Deserialize, Serialize};

use crate::error::{LearnError, Result, Watch};
use crate::points::Points;

/// Centres move less than this at the end.
const STILL: f64 = 1e-4;

/// How clusters are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Search {
    pub(crate) clusters: usize,
    pub(crate) turns: usize,
    pub(crate) runs: usize,
    /// Each first centre is drawn the likelier the farther it lies from the others.
    pub(crate) apart: bool,
}

/// The centres.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Means(Vec<Vec<f64>>);

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

impl Means {
    pub(crate) fn learn(points: &Points, how: Search, watch: Watch<'_>) -> Result<Self> {
        if points.len() == 0 {
            return Err(LearnError::Data("there are no rows".to_owned()));
        }
        let mut seeded = Seeded::new(1);
        let mut best: Option<(f64, Self)> = None;
        for _ in 0..how.runs.max(1) {
            let means = Self::run(points, how, &mut seeded, watch)?;
            let mut cost = 0.0;
            for row in points.rows() {
                watch.go_on()?;
                cost += means.nearest(row).1;
            }
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, means));
            }
        }
        best.map(|(_, means)| means)
            .ok_or_else(|| LearnError::Data("no run was made".to_owned()))
    }

    fn run(points: &Points, how: Search, seeded: &mut Seeded, watch: Watch<'_>) -> Result<Self> {
        let first = if how.apart { far_rows } else { random_rows };
        let mut means = first(points, how.clusters, seeded, watch)?;
        for _ in 0..how.turns {
            watch.go_on()?;
            let width = points.width;
            let mut sums = vec![(0.0, vec![0.0; width]); means.0.len()];
            for row in points.rows() {
                watch.go_on()?;
                let (count, sum) = &mut sums[means.nearest(row).0];
                *count += 1.0;
                sum.iter_mut().zip(row).for_each(|(sum, cell)| *sum += cell);
            }
            let mut moved = 0.0f64;
            for (centre, (count, sum)) in means.0.iter_mut().zip(sums) {
                // a centre without rows stays
                if count > 0.0 {
                    let next: Vec<f64> = sum.into_iter().map(|sum| sum / count).collect();
                    moved = moved.max(distance(centre, &next));
                    *centre = next;
                }
            }
            if moved <= STILL * STILL {
                break;
            }
        }
        Ok(means)
    }

    /// The nearest centre, and how far it is (squared).
    fn nearest(&self, row: &[f64]) -> (usize, f64) {
        let all = self
            .0
            .iter()
            .enumerate()
            .map(|(index, centre)| (index, distance(centre, row)));
        all.min_by(|(_, a), (_, b)| a.total_cmp(b))
            .unwrap_or((0, f64::INFINITY))
    }

    pub(crate) fn cluster(&self, row: &[f64]) -> usize {
        self.nearest(row).0
    }

    pub(crate) fn width(&self) -> usize {
        self.0.first().map_or(0, Vec::len)
    }
}

fn random_rows(
    points: &Points,
    clusters: usize,
    seeded: &mut Seeded,
    _: Watch<'_>,
) -> Result<Means> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    seeded.shuffle(&mut order);
    Ok(Means(
        order
            .into_iter()
            .take(clusters)
            .map(|row| points.row(row).to_vec())
            .collect(),
    ))
}

fn far_rows(
    points: &Points,
    clusters: usize,
    seeded: &mut Seeded,
    watch: Watch<'_>,
) -> Result<Means> {
    let mut means = random_rows(points, 1, seeded, watch)?;
    let mut far = vec![f64::INFINITY; points.len()];
    while let (Some(newest), true) = (means.0.last(), means.0.len() < clusters.min(points.len())) {
        watch.go_on()?;
        far.iter_mut()
            .zip(points.rows())
            .for_each(|(far, row)| *far = far.min(distance(newest, row)));
        let mut left = far.iter().sum::<f64>() * seeded.uniform();
        let at = far.iter().position(|far| {
            left -= far;
            left < 0.0
        });
        let Some(at) = at else { break };
        means.0.push(points.row(at).to_vec());
    }
    Ok(means)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_lies_together() {
        let cells = [0.0, 0.1, 0.2, 10.0, 10.1, 10.2, 5.0, 5.1, 5.2].to_vec();
        let points = Points {
            width: 1,
            labels: vec![],
            cells,
        };
        for apart in [false, true] {
            let means = Means::learn(
                &points,
                Search {
                    clusters: 3,
                    turns: 20,
                    runs: 10,
                    apart,
                },
                Watch(&|| false),
            )
            .unwrap();
            let cluster = |x: f64| means.cluster(&[x]);
            assert_eq!(cluster(0.0), cluster(0.3));
            assert_eq!(cluster(9.0), cluster(11.0));
            assert_eq!(cluster(5.0), cluster(4.9));
            assert!(
                cluster(0.0) != cluster(5.0)
                    && cluster(5.0) != cluster(10.0)
                    && cluster(0.0) != cluster(10.0)
            );
            let mut centres: Vec<f64> = means.0.iter().map(|centre| centre[0]).collect();
            centres.sort_by(f64::total_cmp);
            for (centre, mean) in centres.iter().zip([0.1, 5.1, 10.1]) {
                assert!((centre - mean).abs() < 1e-9, "{centres:?}");
            }
        }
        let few = Means::learn(
            &points,
            Search {
                clusters: 50,
                turns: 3,
                runs: 1,
                apart: true,
            },
            Watch(&|| false),
        )
        .unwrap();
        assert!(few.0.len() <= 9);
    }
}
