//! Which rows train together. A batch may be hidden inside a larger masked set, so that a party without labels cannot
//! tell which rows a gradient came from.

use crate::WordError;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// How an epoch is cut into batches; written in jobs by FATE's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum BatchStrategy {
    /// Every row once per epoch, the last batch possibly smaller.
    #[default]
    Full,
    /// One random batch per epoch.
    Random,
}

impl FromStr for BatchStrategy {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        match word.to_ascii_lowercase().as_str() {
            "full" => Ok(Self::Full),
            "random" => Ok(Self::Random),
            _ => Err(WordError::Unknown {
                kind: "batch_strategy",
                word: word.to_owned(),
                choices: "full, random",
            }),
        }
    }
}

impl TryFrom<String> for BatchStrategy {
    type Error = WordError;

    fn try_from(word: String) -> Result<Self, WordError> {
        word.parse()
    }
}

impl From<BatchStrategy> for String {
    fn from(strategy: BatchStrategy) -> Self {
        match strategy {
            BatchStrategy::Full => "full".to_owned(),
            BatchStrategy::Random => "random".to_owned(),
        }
    }
}

/// What a job says about batches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BatchSettings {
    /// Rows per batch; -1 means all rows.
    pub batch_size: i64,
    /// How an epoch is cut.
    pub strategy: BatchStrategy,
    /// Whether rows are reordered every epoch; masking does it regardless.
    pub shuffle: bool,
    /// Other rows sent along with a batch, as a multiple of the batch size; 0 sends none.
    pub masked_rate: f64,
}

impl Default for BatchSettings {
    /// FATE's defaults for HeteroLR.
    fn default() -> Self {
        Self {
            batch_size: -1,
            strategy: BatchStrategy::Full,
            shuffle: true,
            masked_rate: 5.0,
        }
    }
}

/// Batch settings that make no plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BatchError {
    /// The size is neither -1 nor positive.
    #[error("batch size {batch_size} is neither -1 nor positive")]
    Size {
        /// The size as given.
        batch_size: i64,
    },
    /// The masked rate is negative or not a number.
    #[error("masked rate {masked_rate} is not a number of at least 0")]
    MaskedRate {
        /// The rate as given.
        masked_rate: f64,
    },
    /// The table has no rows.
    #[error("there are no rows to train on")]
    NoRows,
}

/// One batch: rows are numbered from 0 in the order of the aligned table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The rows that really train.
    pub members: Vec<usize>,
    /// The rows named to other parties: all members and, when masked, others. Masked sets are sorted, so that the
    /// order tells nothing about membership.
    pub masked: Vec<usize>,
    /// Where each member stands in `masked`, in the order of `members`.
    pub positions: Vec<usize>,
}

impl Batch {
    fn open(members: Vec<usize>) -> Self {
        let positions = (0..members.len()).collect();
        Self {
            masked: members.clone(),
            members,
            positions,
        }
    }

    fn hidden(members: Vec<usize>, mut masked: Vec<usize>) -> Self {
        masked.sort_unstable();
        // Every member is in `masked`; partition_point of a present value is its index.
        let positions = members
            .iter()
            .map(|row| masked.partition_point(|other| other < row))
            .collect();
        Self {
            members,
            masked,
            positions,
        }
    }
}

/// The batches of a whole training. Keeps the row order between epochs, as each shuffle starts from the last.
#[derive(Debug, Clone)]
pub struct BatchPlan {
    order: Vec<usize>,
    batch_size: usize,
    masked_size: usize,
    strategy: BatchStrategy,
    shuffle: bool,
    /// Whether a smaller last batch is dealt out over the others.
    spread: bool,
}

impl BatchPlan {
    /// Plans batches over `rows` rows. A size of -1, or of at least `rows`, makes one unmasked batch of all rows
    /// whatever the other settings say.
    ///
    /// # Errors
    /// Refuses an empty table, a size that is neither -1 nor positive, and a negative masked rate.
    pub fn new(rows: usize, settings: &BatchSettings) -> Result<Self, BatchError> {
        let BatchSettings {
            batch_size,
            strategy,
            shuffle,
            masked_rate,
        } = *settings;
        if rows == 0 {
            return Err(BatchError::NoRows);
        }
        if batch_size != -1 && batch_size < 1 {
            return Err(BatchError::Size { batch_size });
        }
        if masked_rate.is_nan() || masked_rate < 0.0 {
            return Err(BatchError::MaskedRate { masked_rate });
        }
        // Shuffled in place from epoch to epoch, so that each order is drawn from the one before.
        let order = (0..rows).collect();
        // -1 is all rows.
        let size = usize::try_from(batch_size).unwrap_or(rows);
        if size >= rows {
            // All rows at once: to mask or shuffle them would change nothing but the order of
            // additions.
            return Ok(Self::whole(order));
        }
        // FATE rounds halves to even here; the cast saturates.
        let wanted = ((1.0 + masked_rate) * size as f64).round_ties_even() as usize;
        let masked_size = wanted.clamp(size, rows);
        Ok(Self {
            order,
            batch_size: size,
            masked_size,
            strategy,
            shuffle,
            spread: false,
        })
    }

    /// One batch of all rows.
    fn whole(order: Vec<usize>) -> Self {
        let rows = order.len();
        let strategy = BatchStrategy::Full;
        Self {
            order,
            batch_size: rows,
            masked_size: rows,
            strategy,
            shuffle: false,
            spread: false,
        }
    }

    /// The same batches, each hidden among all rows, and so dealt anew each epoch.
    #[must_use]
    pub fn hidden_among_all(mut self) -> Self {
        self.masked_size = self.order.len();
        self
    }

    /// The same without a smaller last batch: its rows are dealt out over the others. A single batch that would be left
    /// has all rows.
    #[must_use]
    pub fn without_a_smaller_last(mut self) -> Self {
        let has_one = self.strategy == BatchStrategy::Full
            && !self.order.len().is_multiple_of(self.batch_size);
        if has_one && self.order.len() / self.batch_size == 1 {
            // The rest would join the only batch, which then has all rows.
            return Self::whole(self.order);
        }
        self.spread |= has_one;
        self
    }

    /// Rows of a batch that is not the last one.
    #[must_use]
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// Rows named to other parties per batch; equals the batch size when nothing is masked.
    #[must_use]
    pub fn masked_batch_size(&self) -> usize {
        self.masked_size
    }

    /// Batches per epoch.
    #[must_use]
    pub fn batches_per_epoch(&self) -> usize {
        match self.strategy {
            BatchStrategy::Full if self.spread => self.order.len() / self.batch_size,
            BatchStrategy::Full => self.order.len().div_ceil(self.batch_size),
            BatchStrategy::Random => 1,
        }
    }

    /// How many rows train in each batch of an epoch.
    #[must_use]
    pub fn sizes(&self) -> Vec<usize> {
        let (rows, count) = (self.order.len(), self.batches_per_epoch());
        let size = |index: usize| {
            let own = self
                .batch_size
                .min(rows.saturating_sub(index * self.batch_size));
            let over = rows.saturating_sub(count * self.batch_size);
            // The rows left over go round: batch 0 gets the first, the one after the last, ...
            own + if self.spread {
                over / count + usize::from(index < over % count)
            } else {
                0
            }
        };
        (0..count).map(size).collect()
    }

    /// Whether batches are hidden among other rows.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        self.masked_size > self.batch_size
    }

    /// Whether batches differ from epoch to epoch, so that they must be announced each time.
    #[must_use]
    pub fn is_mutable(&self) -> bool {
        self.is_masked() || self.shuffle || self.strategy == BatchStrategy::Random
    }

    /// The batches of the next epoch. `shuffle` puts a slice in random order; where batches are masked it must be
    /// unpredictable to the other parties.
    pub fn epoch(&mut self, shuffle: &mut dyn FnMut(&mut [usize])) -> Vec<Batch> {
        if self.is_mutable() {
            shuffle(&mut self.order);
        }
        let count = self.batches_per_epoch();
        let over = if self.spread {
            &self.order[count * self.batch_size..]
        } else {
            &[]
        };
        // `take` leaves out the smaller last chunk where its rows are dealt over the others.
        let groups = self.order.chunks(self.batch_size).take(count).enumerate();
        let dealt =
            |(index, own): (usize, &[usize])| [own.to_vec(), of_turn(over, index, count)].concat();
        groups
            .map(dealt)
            .map(|members| self.batch(members, shuffle))
            .collect()
    }

    fn batch(&self, members: Vec<usize>, shuffle: &mut dyn FnMut(&mut [usize])) -> Batch {
        if !self.is_masked() {
            return Batch::open(members);
        }
        let mut chosen = vec![false; self.order.len()];
        for row in &members {
            chosen[*row] = true;
        }
        let mut others: Vec<usize> = chosen
            .iter()
            .enumerate()
            .filter(|(_, yes)| !**yes)
            .map(|(row, _)| row)
            .collect();
        // Drawn at random: rows in their order would tell which of them were added.
        shuffle(&mut others);
        others.truncate(self.masked_size.saturating_sub(members.len()));
        others.extend_from_slice(&members);
        Batch::hidden(members, others)
    }
}

/// Every `count`-th row, from `index` on.
fn of_turn(rows: &[usize], index: usize, count: usize) -> Vec<usize> {
    rows.iter().skip(index).step_by(count).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::initial::Seeded;
    use proptest::prelude::*;

    fn settings(batch_size: i64, masked_rate: f64) -> BatchSettings {
        BatchSettings {
            batch_size,
            masked_rate,
            shuffle: false,
            strategy: BatchStrategy::Full,
        }
    }

    fn still(_: &mut [usize]) {}

    #[test]
    fn minus_one_or_a_large_size_is_one_open_batch_of_all_rows() {
        for size in [-1, 5, 6] {
            let mut plan = BatchPlan::new(
                5,
                &BatchSettings {
                    batch_size: size,
                    ..Default::default()
                },
            )
            .unwrap();
            let batches = plan.epoch(&mut |_| panic!("nothing to shuffle"));
            assert_eq!(batches, vec![Batch::open(vec![0, 1, 2, 3, 4])]);
            assert!(!plan.is_masked() && !plan.is_mutable());
        }
    }

    #[test]
    fn full_strategy_cuts_the_order_and_leaves_a_smaller_last_batch() {
        let mut plan = BatchPlan::new(569, &settings(320, 0.0)).unwrap();
        assert_eq!(plan.batches_per_epoch(), 2);
        let batches = plan.epoch(&mut still);
        assert_eq!(
            batches.iter().map(|b| b.members.len()).collect::<Vec<_>>(),
            vec![320, 249]
        );
        assert_eq!(batches[1].members[0], 320);
        assert_eq!(batches[1].masked, batches[1].members);
        assert!(!plan.is_mutable());
    }

    #[test]
    fn the_masked_size_grows_with_the_rate_and_ends_at_all_rows() {
        let size = |rows, batch, rate| {
            BatchPlan::new(rows, &settings(batch, rate))
                .unwrap()
                .masked_batch_size()
        };
        assert_eq!(size(569, 320, 5.0), 569);
        assert_eq!(size(569, 20, 5.0), 120);
        assert_eq!(size(569, 15, 0.1), 16, "16.5 rounds to even");
        assert_eq!(size(569, 20, f64::INFINITY), 569);
    }

    #[test]
    fn random_strategy_gives_one_batch_per_epoch() {
        let mut seeded = Seeded::new(5);
        let random = BatchSettings {
            strategy: BatchStrategy::Random,
            ..settings(10, 0.0)
        };
        let mut plan = BatchPlan::new(100, &random).unwrap();
        let mut draw = || plan.epoch(&mut |items| seeded.shuffle(items));
        let (first, second) = (draw(), draw());
        assert_eq!((first.len(), first[0].members.len()), (1, 10));
        assert_ne!(first, second);
    }

    #[test]
    fn refuses_settings_that_make_no_plan() {
        assert_eq!(
            BatchPlan::new(0, &settings(-1, 0.0)).unwrap_err(),
            BatchError::NoRows
        );
        assert_eq!(
            BatchPlan::new(9, &settings(0, 0.0)).unwrap_err(),
            BatchError::Size { batch_size: 0 }
        );
        assert_eq!(
            BatchPlan::new(9, &settings(-2, 0.0)).unwrap_err(),
            BatchError::Size { batch_size: -2 }
        );
        assert!(matches!(
            BatchPlan::new(9, &settings(3, -0.5)),
            Err(BatchError::MaskedRate { .. })
        ));
        assert!(matches!(
            BatchPlan::new(9, &settings(3, f64::NAN)),
            Err(BatchError::MaskedRate { .. })
        ));
    }

    #[test]
    fn a_smaller_last_batch_is_dealt_out_over_the_others() {
        let mut plan = BatchPlan::new(23, &settings(5, 0.0))
            .unwrap()
            .without_a_smaller_last();
        assert_eq!(
            (plan.batches_per_epoch(), plan.sizes()),
            (4, vec![6, 6, 6, 5])
        );
        let batches = plan.epoch(&mut still);
        assert_eq!(batches[1].members, [5, 6, 7, 8, 9, 21]);
        assert_eq!(batches[3].masked, [15, 16, 17, 18, 19]);
        assert!(!plan.is_mutable());
        let whole = BatchPlan::new(9, &settings(5, 1.0))
            .unwrap()
            .without_a_smaller_last();
        assert_eq!((whole.sizes(), whole.is_mutable()), (vec![9], false));
        let even = BatchPlan::new(20, &settings(5, 0.0)).unwrap();
        assert_eq!(even.clone().without_a_smaller_last().sizes(), even.sizes());
        let random = BatchSettings {
            strategy: BatchStrategy::Random,
            ..settings(10, 0.0)
        };
        assert_eq!(
            BatchPlan::new(25, &random)
                .unwrap()
                .without_a_smaller_last()
                .sizes(),
            [10]
        );
    }

    #[test]
    fn hidden_batches_have_the_same_mask_whatever_the_epoch() {
        let mut seeded = Seeded::new(3);
        let plan = BatchPlan::new(50, &settings(8, 0.0))
            .unwrap()
            .hidden_among_all();
        let mut plan = plan.without_a_smaller_last();
        assert!(plan.is_masked() && plan.is_mutable());
        let all: Vec<usize> = (0..50).collect();
        let mut draw = || plan.epoch(&mut |items| seeded.shuffle(items));
        let (first, second) = (draw(), draw());
        assert!(first.iter().chain(&second).all(|batch| batch.masked == all));
        assert_ne!(first, second, "dealt anew");
        let mut one = BatchPlan::new(5, &settings(-1, 0.0))
            .unwrap()
            .hidden_among_all();
        assert_eq!(
            one.epoch(&mut |_| panic!("nothing to hide")),
            [Batch::open(vec![0, 1, 2, 3, 4])]
        );
    }

    proptest! {
        #[test]
        fn an_epoch_uses_every_row_once_and_masks_hold_their_members(
            rows in 2usize..200, size in 1i64..40, rate in 0.0f64..6.0, seed in any::<u64>(), dealt in any::<bool>(),
        ) {
            let mut seeded = Seeded::new(seed);
            let mut plan = BatchPlan::new(rows, &BatchSettings { shuffle: true, ..settings(size, rate) }).unwrap();
            if dealt {
                plan = plan.without_a_smaller_last();
            }
            for _ in 0..2 {
                let batches = plan.epoch(&mut |items| seeded.shuffle(items));
                prop_assert_eq!(batches.iter().map(|batch| batch.members.len()).collect::<Vec<_>>(), plan.sizes());
                let mut seen: Vec<usize> = batches.iter().flat_map(|b| b.members.clone()).collect();
                seen.sort_unstable();
                prop_assert_eq!(seen, (0..rows).collect::<Vec<_>>());
                for batch in &batches {
                    let found: Vec<usize> = batch.positions.iter().map(|at| batch.masked[*at]).collect();
                    prop_assert_eq!(&found, &batch.members);
                    if plan.is_masked() {
                        prop_assert_eq!(batch.masked.len(), plan.masked_batch_size().max(batch.members.len()));
                        prop_assert!(batch.masked.windows(2).all(|pair| pair[0] < pair[1]));
                    }
                }
            }
        }
    }
}
