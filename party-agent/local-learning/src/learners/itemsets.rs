//! Frequent sets of items, the most frequent first. A set is extended only after it was found frequent, best first, so
//! that the work is bounded by how many sets are asked for.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use crate::error::{LearnError, Result, Watch};

/// A set, and in how many rows it is.
pub(crate) type ItemSet = (Vec<String>, usize);

/// A set that waits to be looked at: how many rows it is in, its size, the numbers of its items (ascending). The order is: most
/// rows first, then smaller sets, then by name. Which rows these are is found again when its turn comes: kept for all that
/// wait they would fill the memory.
type Waiting = (usize, Reverse<usize>, Reverse<Vec<usize>>);

/// Most sets that wait at a time.
const MOST_WAITING: usize = 1 << 20;

/// At most `limit` sets that are in at least the given part of the rows.
pub(crate) fn frequent(
    rows: &[String],
    support: f64,
    limit: usize,
    watch: Watch<'_>,
) -> Result<Vec<ItemSet>> {
    let mut of_item: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        watch.go_on()?;
        for item in row.split_whitespace().collect::<BTreeSet<_>>() {
            of_item.entry(item).or_default().push(index);
        }
    }
    let least = ((support * rows.len() as f64).ceil() as usize).max(1);
    let items: Vec<(&str, Vec<usize>)> = of_item
        .into_iter()
        .filter(|(_, rows)| rows.len() >= least)
        .collect();
    let mut waiting: BinaryHeap<Waiting> = BinaryHeap::new();
    for (at, (_, rows)) in items.iter().enumerate() {
        waiting.push((rows.len(), Reverse(1), Reverse(vec![at])));
    }
    let mut found = Vec::new();
    while let Some((count, _, Reverse(set))) = waiting.pop() {
        watch.go_on()?;
        if found.len() == limit {
            break;
        }
        let next = set.last().map_or(0, |last| last + 1);
        let rows = rows_of(&set, &items);
        for (at, (_, others)) in items.iter().enumerate().skip(next) {
            watch.go_on()?;
            let both = common(&rows, others).count();
            if both >= least {
                let larger: Vec<usize> = set.iter().copied().chain([at]).collect();
                waiting.push((both, Reverse(larger.len()), Reverse(larger)));
            }
            if waiting.len() > MOST_WAITING {
                let reason = "too many sets are frequent: ask for a larger minSupport";
                return Err(LearnError::parameter("minSupport", reason));
            }
        }
        found.push((
            set.iter().map(|at| items[*at].0.to_owned()).collect(),
            count,
        ));
    }
    Ok(found)
}

/// The rows in which all items of a set are.
fn rows_of(set: &[usize], items: &[(&str, Vec<usize>)]) -> Vec<usize> {
    let mut lists = set.iter().map(|at| &items[*at].1);
    let first = lists.next().cloned().unwrap_or_default();
    lists.fold(first, |rows, others| common(&rows, others).collect())
}

/// What two ascending lists have in common.
fn common<'a>(a: &'a [usize], b: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
    let mut at = 0;
    a.iter().copied().filter(move |row| {
        while b.get(at).is_some_and(|other| other < row) {
            at += 1;
        }
        b.get(at) == Some(row)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every set of the names a to e, counted.
    fn plain(rows: &[String], support: f64) -> Vec<ItemSet> {
        let names = ["a", "b", "c", "d", "e"];
        let mut found: Vec<ItemSet> = Vec::new();
        for mask in 1u32..32 {
            let set: Vec<String> = (0..5)
                .filter(|bit| mask >> bit & 1 == 1)
                .map(|bit| names[bit].to_owned())
                .collect();
            let has = |row: &&String| {
                set.iter()
                    .all(|item| row.split(' ').any(|other| other == item))
            };
            let count = rows.iter().filter(has).count();
            if count > 0 && count as f64 >= support * rows.len() as f64 {
                found.push((set, count));
            }
        }
        found.sort();
        found
    }

    proptest! {
        #[test]
        fn agrees_with_counting_every_set(rows in proptest::collection::vec("[a-e]( [a-e]){0,4}", 1..20), tenth in 1u32..10) {
            let support = f64::from(tenth) / 10.0;
            let mut found = frequent(&rows, support, usize::MAX, Watch(&|| false)).unwrap();
            prop_assert!(found.is_sorted_by(|(_, a), (_, b)| a >= b));
            let first = frequent(&rows, support, 3, Watch(&|| false)).unwrap();
            prop_assert_eq!(&first[..], &found[..found.len().min(3)]);
            found.sort();
            prop_assert_eq!(found, plain(&rows, support));
        }
    }
}
