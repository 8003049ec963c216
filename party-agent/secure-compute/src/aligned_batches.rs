//! That parties mean the same rows: a digest of the ordered ids is compared before the first round, and the guest
//! names the rows of each batch by position, possibly hidden among others.

use component_kit::{ComponentError, Message, Peers, Result, TaskContext};
use learning::batches::BatchPlan;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use vocabulary::{ErrorCode, Fault};

/// Rows in their order, as two parties compare them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alignment {
    rows: u64,
    digest: [u8; 32],
}

impl Alignment {
    /// Of these ids in this order.
    pub fn of(ids: &[String]) -> Self {
        let mut digest = Sha256::new();
        for id in ids {
            // The length before each id keeps ("ab", "c") apart from ("a", "bc").
            digest.update((id.len() as u64).to_le_bytes());
            digest.update(id.as_bytes());
        }
        Self {
            rows: ids.len() as u64,
            digest: digest.finalize().into(),
        }
    }

    /// Fails unless a peer has the same rows in the same order.
    pub fn check(&self, theirs: &Self, what: &str) -> Result<()> {
        if self == theirs {
            return Ok(());
        }
        let text = match self.rows == theirs.rows {
            true => format!("the {what} rows of the parties differ in ids or order"),
            false => format!(
                "the {what} rows of the parties differ: {} here, {} at the peer",
                self.rows, theirs.rows
            ),
        };
        let hint = "put an Intersection before this step, at every party";
        Err(Fault::new(ErrorCode::DataMismatch, text).next(hint).into())
    }
}

/// How many rows a batch has, and among how many it is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchShape {
    /// Rows that train.
    pub members: usize,
    /// Rows named to other parties.
    pub masked: usize,
}

/// The shapes of an epoch's batches, which every party derives for itself.
pub fn shapes(plan: &BatchPlan) -> Vec<BatchShape> {
    let masked = |members: usize| {
        if plan.is_masked() {
            // Rows of a dropped last batch are dealt over the others, which may then have more
            // than the mask.
            plan.masked_batch_size().max(members)
        } else {
            members
        }
    };
    plan.sizes()
        .into_iter()
        .map(|members| BatchShape {
            members,
            masked: masked(members),
        })
        .collect()
}

/// Guest: names the rows of a batch.
pub async fn send_rows(hosts: &Peers, message: &Message<Vec<u32>>, rows: &[usize]) -> Result<()> {
    let narrow: Option<Vec<u32>> = rows.iter().map(|row| u32::try_from(*row).ok()).collect();
    let too_many =
        || ComponentError::new(ErrorCode::NumericRange, "a table has more than 2^32 rows");
    hosts.send(message, &narrow.ok_or_else(too_many)?).await
}

/// Host: reads the rows of a batch of which `count` of `rows` are expected, each once.
pub async fn receive_rows(
    turn: &TaskContext,
    message: &Message<Vec<u32>>,
    count: usize,
    rows: usize,
) -> Result<Vec<usize>> {
    let positions = turn.guest()?.receive(message).await?;
    let mut seen = vec![false; rows];
    for position in &positions {
        match seen.get_mut(*position as usize) {
            // A row named twice would count double in the gradient, and a guest could single it
            // out that way.
            Some(seen) if !*seen => *seen = true,
            _ => {
                return Err(ComponentError::protocol(format!(
                    "row {position} is named twice or does not exist"
                )));
            }
        }
    }
    if positions.len() != count {
        let text = format!(
            "{} rows are named where {count} were agreed",
            positions.len()
        );
        return Err(ComponentError::protocol(text));
    }
    Ok(positions
        .into_iter()
        .map(|position| position as usize)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use learning::batches::{BatchSettings, BatchStrategy};

    fn ids(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn order_number_and_borders_of_ids_matter() {
        let own = Alignment::of(&ids(&["ab", "c"]));
        assert!(
            own.check(&Alignment::of(&ids(&["ab", "c"])), "train")
                .is_ok()
        );
        for other in [&["c", "ab"][..], &["a", "bc"], &["ab"], &[]] {
            let fault = own
                .check(&Alignment::of(&ids(other)), "train")
                .unwrap_err()
                .into_fault();
            assert_eq!(fault.code, ErrorCode::DataMismatch);
            assert!(fault.next.unwrap().contains("Intersection"));
        }
    }

    #[test]
    fn shapes_are_those_of_the_batches_themselves() {
        for (batch_size, masked_rate, strategy) in [
            (-1, 5.0, BatchStrategy::Full),
            (30, 0.0, BatchStrategy::Full),
            (30, 1.0, BatchStrategy::Full),
            (30, 9.0, BatchStrategy::Full),
            (20, 0.0, BatchStrategy::Random),
            (20, 1.5, BatchStrategy::Random),
        ] {
            let settings = BatchSettings {
                batch_size,
                strategy,
                shuffle: true,
                masked_rate,
            };
            let mut plan = BatchPlan::new(100, &settings).unwrap();
            let shapes = shapes(&plan);
            let batches = plan.epoch(&mut |_| {});
            let real: Vec<BatchShape> = batches
                .iter()
                .map(|batch| BatchShape {
                    members: batch.members.len(),
                    masked: batch.masked.len(),
                })
                .collect();
            assert_eq!(shapes, real, "{batch_size} {masked_rate} {strategy:?}");
        }
    }
}
