//! What the values of labels mean to a classifier: which of two is the positive one, or that there are several classes.

/// What labels are to a learner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelKind {
    /// Whole numbers that name classes.
    Classes,
    /// Real numbers of any size.
    Numbers,
}

/// The classes that a linear classifier learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Classes {
    /// Two values, of which one is 1.
    Two {
        /// The other value.
        negative: i64,
        /// 1.
        positive: i64,
    },
    /// More than two values, ascending: each is learned against the rest.
    Several(Vec<i64>),
}

/// Labels that nothing can be learned from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// There are none.
    #[error("there are no labels")]
    None,
    /// All are the same.
    #[error("every label is {value}: there is nothing to tell apart")]
    One {
        /// The value.
        value: i64,
    },
    /// Two values, neither of which is 1.
    #[error(
        "the labels are {smaller} and {larger}: of two values one must be 1, which is the positive one"
    )]
    NoOne {
        /// The smaller one.
        smaller: i64,
        /// The larger one.
        larger: i64,
    },
}

/// The value that is positive where there are two.
pub const POSITIVE: i64 = 1;

impl Classes {
    /// What the labels of a training come to. As in FATE, 1 is positive wherever it is one of two values.
    ///
    /// # Errors
    /// Refuses one value only, and two of which none is 1: any choice between them might be the wrong one.
    pub fn of(labels: &[i64]) -> Result<Self, LabelError> {
        match *values(labels).as_slice() {
            [] => Err(LabelError::None),
            [value] => Err(LabelError::One { value }),
            // Either order: the other value may be below 1 (0, -1) or above it (2).
            [negative, POSITIVE] | [POSITIVE, negative] => Ok(Self::Two {
                negative,
                positive: POSITIVE,
            }),
            [smaller, larger] => Err(LabelError::NoOne { smaller, larger }),
            ref several => Ok(Self::Several(several.to_vec())),
        }
    }

    /// The values.
    #[must_use]
    pub fn values(&self) -> Vec<i64> {
        match self {
            Self::Two { negative, positive } => vec![*negative, *positive],
            Self::Several(values) => values.clone(),
        }
    }

    /// The values among others that are none of these, ascending.
    #[must_use]
    pub fn unseen(&self, labels: &[i64]) -> Vec<i64> {
        let known = self.values();
        values(labels)
            .into_iter()
            .filter(|value| !known.contains(value))
            .collect()
    }
}

/// The distinct values, ascending.
fn values(labels: &[i64]) -> Vec<i64> {
    let mut values = labels.to_vec();
    values.sort_unstable();
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_positive_wherever_it_is_one_of_two() {
        for (labels, negative) in [
            (vec![0, 1, 0], 0),
            (vec![1, -1], -1),
            (vec![10, 1, 1], 10),
            (vec![2, 1], 2),
        ] {
            assert_eq!(
                Classes::of(&labels),
                Ok(Classes::Two {
                    negative,
                    positive: 1
                }),
                "{labels:?}"
            );
        }
        assert_eq!(
            Classes::of(&[7, 4, 2, 4]),
            Ok(Classes::Several(vec![2, 4, 7]))
        );
    }

    #[test]
    fn what_leaves_a_choice_is_refused_with_the_values() {
        for (labels, words) in [
            (vec![2, 4], "2 and 4"),
            (vec![2, 0], "0 and 2"),
            (vec![0, -1], "-1 and 0"),
            (vec![0, 0], "every label is 0"),
            (vec![1], "every label is 1"),
            (vec![], "no labels"),
        ] {
            assert!(
                Classes::of(&labels)
                    .unwrap_err()
                    .to_string()
                    .contains(words),
                "{labels:?}"
            );
        }
    }

    #[test]
    fn names_values_that_were_not_learned() {
        let two = Classes::of(&[10, 1]).unwrap();
        assert_eq!(
            (two.unseen(&[1, 10, 1]), two.unseen(&[0, 1, -1])),
            (vec![], vec![-1, 0])
        );
    }
}
