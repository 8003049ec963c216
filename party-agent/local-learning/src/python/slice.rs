//! Indices and slices of texts and lists.

/// The position that an index means: negative ones count from the end.
pub(super) fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let index = if index < 0 {
        index.checked_add(length)?
    } else {
        index
    };
    if (0..length).contains(&index) {
        usize::try_from(index).ok()
    } else {
        None
    }
}

/// The positions that `[from:to:step]` takes; none for a step of 0.
pub(super) fn positions(
    from: Option<i64>,
    to: Option<i64>,
    step: i64,
    length: usize,
) -> Option<Vec<usize>> {
    if step == 0 {
        return None;
    }
    let length = i64::try_from(length).ok()?;
    let (lowest, highest) = if step > 0 {
        (0, length)
    } else {
        (-1, length - 1)
    };
    let bound = |given: Option<i64>, otherwise: i64| {
        given.map_or(otherwise, |at| {
            (if at < 0 {
                at.saturating_add(length)
            } else {
                at
            })
            .clamp(lowest, highest)
        })
    };
    let (start, end) = if step > 0 {
        (0, length)
    } else {
        (length - 1, -1)
    };
    let (mut at, end) = (bound(from, start), bound(to, end));
    let mut taken = Vec::new();
    while (step > 0 && at < end) || (step < 0 && at > end) {
        taken.extend(usize::try_from(at).ok());
        at = at.saturating_add(step);
    }
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_python_takes() {
        assert_eq!(
            [
                position(0, 3),
                position(-1, 3),
                position(3, 3),
                position(-4, 3)
            ],
            [Some(0), Some(2), None, None]
        );
        for (from, to, step, taken) in [
            (None, None, 1, vec![0, 1, 2, 3, 4]),
            (Some(1), Some(-1), 1, vec![1, 2, 3]),
            (None, None, -1, vec![4, 3, 2, 1, 0]),
            (Some(-2), None, 1, vec![3, 4]),
            (Some(3), Some(0), -2, vec![3, 1]),
            (Some(-9), Some(99), 2, vec![0, 2, 4]),
            (Some(4), Some(2), 1, vec![]),
            (Some(i64::MAX), Some(i64::MIN), -1, vec![4, 3, 2, 1, 0]),
        ] {
            assert_eq!(
                positions(from, to, step, 5),
                Some(taken),
                "{from:?}:{to:?}:{step}"
            );
        }
        assert_eq!(positions(None, None, 0, 5), None);
        assert_eq!(positions(None, None, -1, 0), Some(vec![]));
    }
}
