//! Quantiles of values that are there.

/// The `ceil(share * n)`-th smallest of `n` values, at least the smallest; none of nothing. FATE's sketch gives the same where it keeps
/// every value (up to `1 / error` of them), and otherwise one whose rank may be off; this one is always exact. The values are moved
/// about, which costs as much as walking over them a few times.
///
/// # Panics
/// Where `share` is not between 0 and 1.
#[must_use]
pub fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    assert!((0.0..=1.0).contains(&share), "a share is between 0 and 1");
    let last = values.len().checked_sub(1)?;
    let rank = (share * values.len() as f64).ceil() as usize;
    let place = rank.saturating_sub(1).min(last);
    // Selected, not sorted: linear in the rows, and a table has many columns.
    let (_, value, _) = values.select_nth_unstable_by(place, f64::total_cmp);
    Some(*value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_the_value_of_the_rank() {
        let mut values = [5.0, 1.0, 4.0, 2.0, 3.0];
        let mut at = |share| quantile(&mut values, share).unwrap();
        assert_eq!(
            [0.0, 0.2, 0.21, 0.5, 0.99, 1.0].map(&mut at),
            [1.0, 1.0, 2.0, 3.0, 5.0, 5.0]
        );
        let mut even = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(
            quantile(&mut even, 0.5),
            Some(2.0),
            "the lower of the two in the middle"
        );
        assert_eq!(quantile(&mut [], 0.5), None);
        assert_eq!(quantile(&mut [7.0], 0.0), Some(7.0));
    }

    proptest! {
        #[test]
        fn agrees_with_sorting(mut values in prop::collection::vec(-1e6..1e6_f64, 1..60), percent in 0..=100u8) {
            let share = f64::from(percent) / 100.0;
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let below = |value: f64| sorted.iter().filter(|other| **other < value).count() as f64;
            let up_to = |value: f64| sorted.iter().filter(|other| **other <= value).count() as f64;
            let n = sorted.len() as f64;
            let value = quantile(&mut values, share).unwrap();
            prop_assert!(below(value) <= share * n && up_to(value) >= share * n);
        }
    }
}
