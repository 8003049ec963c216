//! Recommendation by alternating least squares: a rating is the product of a user's and an item's factors.

use std::collections::BTreeMap;

use learning::initial::Seeded;
use serde::{Deserialize, Serialize};
use vocabulary::Cell;

use crate::error::{LearnError, Result, Watch};

/// The weight of the penalty, for each rating of a user or an item.
const PENALTY: f64 = 0.01;

/// Factors from which on one rating is work enough to ask whether it is still wanted.
const MANY: usize = 32;

/// A rating: user, item, how much.
pub(crate) type Rating = (i64, i64, f64);

/// Factors of users and items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Factors {
    users: BTreeMap<i64, Vec<f64>>,
    items: BTreeMap<i64, Vec<f64>>,
}

/// Reads `user,item,rating`.
pub(crate) fn ratings(lines: &[String], watch: Watch<'_>) -> Result<Vec<Rating>> {
    let read = |(index, line): (usize, &String)| {
        watch.now_and_then(index)?;
        let wrong = |reason: &str| LearnError::row(index + 1, reason);
        let fields: Vec<&str> = line.split(',').collect();
        let [user, item, rating, ..] = fields.as_slice() else {
            return Err(wrong("it is not user,item,rating"));
        };
        let whole = |text: &str| {
            text.trim()
                .parse()
                .map_err(|_| wrong("user and item must be whole numbers"))
        };
        let rating = Cell::of(Some(rating)).number();
        Ok((
            whole(user)?,
            whole(item)?,
            rating.ok_or_else(|| wrong("the rating is not a finite number"))?,
        ))
    };
    lines.iter().enumerate().map(read).collect()
}

impl Factors {
    pub(crate) fn learn(
        ratings: &[Rating],
        rank: usize,
        turns: usize,
        watch: Watch<'_>,
    ) -> Result<Self> {
        if ratings.is_empty() {
            return Err(LearnError::Data("there are no rows".to_owned()));
        }
        let mut by_user: BTreeMap<i64, Vec<(i64, f64)>> = BTreeMap::new();
        let mut by_item: BTreeMap<i64, Vec<(i64, f64)>> = BTreeMap::new();
        for (user, item, rating) in ratings {
            by_user.entry(*user).or_default().push((*item, *rating));
            by_item.entry(*item).or_default().push((*user, *rating));
        }
        crate::points::bounded(by_user.len() + by_item.len(), rank)?;
        let mut seeded = Seeded::new(1);
        let mut start = |_: &i64| {
            let drawn: Vec<f64> = (0..rank).map(|_| seeded.uniform() + 1e-3).collect();
            let norm = drawn.iter().map(|x| x * x).sum::<f64>().sqrt();
            drawn.into_iter().map(|x| x / norm).collect::<Vec<f64>>()
        };
        let items = by_item.keys().map(|item| (*item, start(item))).collect();
        let mut factors = Self {
            users: BTreeMap::new(),
            items,
        };
        for _ in 0..turns {
            watch.go_on()?;
            factors.users = solved(&by_user, &factors.items, rank, watch)?;
            factors.items = solved(&by_item, &factors.users, rank, watch)?;
        }
        Ok(factors)
    }

    /// The rating that a user would give; none for one that was never seen.
    pub(crate) fn rating(&self, user: i64, item: i64) -> Option<f64> {
        let (user, item) = (self.users.get(&user)?, self.items.get(&item)?);
        Some(user.iter().zip(item).map(|(a, b)| a * b).sum())
    }
}

/// For each of one side the factors that fit its ratings best, the other side's being given.
fn solved(
    ratings: &BTreeMap<i64, Vec<(i64, f64)>>,
    others: &BTreeMap<i64, Vec<f64>>,
    rank: usize,
    watch: Watch<'_>,
) -> Result<BTreeMap<i64, Vec<f64>>> {
    let one = |rated: &Vec<(i64, f64)>| -> Result<Vec<f64>> {
        let mut matrix = vec![0.0; rank * rank];
        let mut right = vec![0.0; rank];
        for (at, (other, rating)) in rated.iter().enumerate() {
            if rank > MANY {
                watch.go_on()?
            } else {
                watch.now_and_then(at)?
            }
            let Some(factors) = others.get(other) else {
                continue;
            };
            for (i, a) in factors.iter().enumerate() {
                right[i] += a * rating;
                factors
                    .iter()
                    .enumerate()
                    .for_each(|(j, b)| matrix[i * rank + j] += a * b);
            }
        }
        (0..rank).for_each(|i| matrix[i * rank + i] += PENALTY * rated.len() as f64);
        Ok(cholesky(matrix, right, rank))
    };
    ratings
        .iter()
        .map(|(id, rated)| {
            watch.go_on()?;
            Ok((*id, one(rated)?))
        })
        .collect()
}

/// Solves a symmetric, positive definite system; the penalty makes it one.
fn cholesky(mut a: Vec<f64>, mut b: Vec<f64>, n: usize) -> Vec<f64> {
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| a[i * n + k] * a[j * n + k]).sum();
            let rest = a[i * n + j] - sum;
            a[i * n + j] = if i == j {
                rest.max(f64::MIN_POSITIVE).sqrt()
            } else {
                rest / a[j * n + j]
            };
        }
    }
    for i in 0..n {
        let sum: f64 = (0..i).map(|k| a[i * n + k] * b[k]).sum();
        b[i] = (b[i] - sum) / a[i * n + i];
    }
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|k| a[k * n + i] * b[k]).sum();
        b[i] = (b[i] - sum) / a[i * n + i];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    const GO_ON: Watch<'static> = Watch(&|| false);

    #[test]
    fn solves_a_system() {
        let x = cholesky(vec![4.0, 2.0, 2.0, 3.0], vec![10.0, 8.0], 2);
        assert!((x[0] - 1.75).abs() < 1e-12 && (x[1] - 1.5).abs() < 1e-12);
    }

    #[test]
    fn completes_a_table_of_rank_one() {
        // ratings are the product of 1, 2, 3 (users) and 1, 2 (items); (3, 20) is left out
        let lines = ["1,10,1", "1,20,2", "2,10,2", "2,20,4", "3,10,3"].map(str::to_owned);
        let factors = Factors::learn(&ratings(&lines, GO_ON).unwrap(), 1, 30, GO_ON).unwrap();
        for (user, item, rating) in [(1, 10, 1.0), (2, 20, 4.0), (3, 20, 6.0)] {
            let found = factors.rating(user, item).unwrap();
            assert!((found - rating).abs() < 0.15, "{user},{item}: {found}");
        }
        assert_eq!(factors.rating(9, 10), None);
        assert!(
            ratings(&["a,1,2".to_owned()], GO_ON).is_err()
                && ratings(&["1,2".to_owned()], GO_ON).is_err()
        );
    }
}
