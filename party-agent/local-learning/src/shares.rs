//! Parts of a set of rows.

use learning::initial::Seeded;

/// Deals rows out to two parts: each row goes to the first with the given chance. Every row is in exactly one part, and
/// both keep the order; neither is empty when there are two rows or more.
pub fn split<T>(rows: Vec<T>, chance: f64, seed: u64) -> (Vec<T>, Vec<T>) {
    let mut seeded = Seeded::new(seed);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for row in rows {
        if seeded.uniform() < chance {
            first.push(row)
        } else {
            second.push(row)
        }
    }
    if second.is_empty() && first.len() > 1 && chance < 1.0 {
        second.extend(first.pop());
    } else if first.is_empty() && second.len() > 1 && chance > 0.0 {
        first.push(second.remove(0));
    }
    (first, second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_part_and_parts_have_about_their_size() {
        for seed in 0..50 {
            let (first, second) = split((0..1000).collect(), 0.9, seed);
            let mut all: Vec<i32> = first.iter().chain(&second).copied().collect();
            all.sort_unstable();
            assert_eq!(all, (0..1000).collect::<Vec<_>>());
            // ten standard deviations
            assert!((first.len() as f64 - 900.0).abs() < 95.0, "{}", first.len());
            assert!(first.is_sorted() && second.is_sorted());
        }
        let (first, second) = split(vec![1, 2], 0.999_999, 1);
        assert_eq!((first.len(), second.len()), (1, 1));
        assert_ne!(
            split((0..100).collect(), 0.5, 1),
            split((0..100).collect(), 0.5, 2)
        );
    }
}
