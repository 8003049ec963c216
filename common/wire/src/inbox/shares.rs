//! How much of an inbox each sender takes up, and each job of a sender: nobody's messages may fill it so that those of others stop.
//!
//! A sender may hold a part of what the others leave, and one job of the sender a part of that. So something is always left for
//! whoever comes next, however many fill theirs (as in the dynamic thresholds of Choudhury and Hahne, IEEE/ACM Transactions on
//! Networking 6(2), 1998, for the buffers of switches).

use std::collections::HashMap;

/// Whose a message is: the sending party, and that party's messages of one job, as keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) sender: u128,
    pub(super) job: u128,
}

/// What is taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Memory,
    Disk,
    Envelopes,
}

/// A bound that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full {
    /// In words, whose messages reached it.
    pub(super) whose: &'static str,
    /// The most that it may take up at present.
    pub(super) most: u64,
}

/// The parts, in per cent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    pub(super) sender: u8,
    pub(super) job: u8,
}

/// Counts of all, of each sender and of each job of a sender.
#[derive(Debug, Default)]
pub(super) struct Shares {
    total: [u64; 3],
    used: HashMap<u128, [u64; 3]>,
}

impl Shares {
    /// All together.
    pub(super) fn total(&self, kind: Kind) -> u64 {
        self.total[kind as usize]
    }

    fn of(&self, key: u128, kind: Kind) -> u64 {
        self.used.get(&key).map_or(0, |used| used[kind as usize])
    }

    /// Takes so much of what is `limit` in all, or says which bound is in the way.
    pub(super) fn take(
        &mut self,
        owner: Owner,
        kind: Kind,
        more: u64,
        limit: u64,
        parts: Parts,
    ) -> Result<(), Full> {
        let (total, sender, job) = (
            self.total(kind),
            self.of(owner.sender, kind),
            self.of(owner.job, kind),
        );
        if total.saturating_add(more) > limit {
            return Err(Full {
                whose: "all senders",
                most: limit,
            });
        }
        // What the others leave, in which the sender's own stands: its part shrinks as others take
        // more, and never to nothing.
        let left = limit.saturating_sub(total.saturating_sub(sender));
        let of_sender = part(left, parts.sender);
        if sender.saturating_add(more) > of_sender {
            return Err(Full {
                whose: "one sender",
                most: of_sender,
            });
        }
        let of_job = part(of_sender, parts.job);
        if job.saturating_add(more) > of_job {
            return Err(Full {
                whose: "one job of a sender",
                most: of_job,
            });
        }
        self.add(owner, kind, more);
        Ok(())
    }

    fn add(&mut self, owner: Owner, kind: Kind, more: u64) {
        self.total[kind as usize] = self.total[kind as usize].saturating_add(more);
        for key in [owner.sender, owner.job] {
            let used = self.used.entry(key).or_default();
            used[kind as usize] = used[kind as usize].saturating_add(more);
        }
    }

    /// Gives back what was taken.
    pub(super) fn give_back(&mut self, owner: Owner, kind: Kind, less: u64) {
        self.total[kind as usize] = self.total[kind as usize].saturating_sub(less);
        for key in [owner.sender, owner.job] {
            if let Some(used) = self.used.get_mut(&key) {
                used[kind as usize] = used[kind as usize].saturating_sub(less);
                if *used == [0; 3] {
                    self.used.remove(&key);
                }
            }
        }
    }
}

/// A part in per cent, at least one where there is anything.
fn part(of: u64, per_cent: u8) -> u64 {
    (u128::from(of) * u128::from(per_cent.min(100))).div_ceil(100) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALVES: Parts = Parts {
        sender: 50,
        job: 75,
    };

    fn owner(sender: u128, job: u128) -> Owner {
        Owner {
            sender,
            job: 1000 * sender + job,
        }
    }

    /// Takes one by one until it is refused.
    fn fill(shares: &mut Shares, owner: Owner) -> (u64, Full) {
        (0..)
            .find_map(|taken| {
                shares
                    .take(owner, Kind::Disk, 1, 1000, HALVES)
                    .err()
                    .map(|full| (taken, full))
            })
            .unwrap()
    }

    #[test]
    fn however_many_fill_theirs_something_is_left() {
        let mut shares = Shares::default();
        let (first, full) = fill(&mut shares, owner(1, 1));
        assert_eq!(
            (first, full.whose, full.most),
            (375, "one job of a sender", 375)
        );
        assert_eq!(
            fill(&mut shares, owner(1, 2)),
            (
                125,
                Full {
                    whose: "one sender",
                    most: 500
                }
            )
        );
        let others: Vec<u64> = (2..9)
            .map(|sender| fill(&mut shares, owner(sender, 1)).0)
            .collect();
        assert!(others.iter().all(|taken| *taken > 0), "{others:?}");
        assert!(shares.total(Kind::Disk) < 1000);
        // What is given back is free again, and nothing is remembered of whoever has nothing there.
        shares.give_back(owner(1, 1), Kind::Disk, 375);
        shares.give_back(owner(1, 2), Kind::Disk, 125);
        assert!(fill(&mut shares, owner(9, 1)).0 > 100);
        assert!(!shares.used.contains_key(&1) && !shares.used.contains_key(&1001));
    }

    #[test]
    fn kinds_are_counted_apart() {
        let mut shares = Shares::default();
        shares
            .take(owner(1, 1), Kind::Memory, 300, 1000, HALVES)
            .unwrap();
        shares
            .take(owner(1, 1), Kind::Envelopes, 1, 10, HALVES)
            .unwrap();
        assert_eq!(
            (
                shares.total(Kind::Memory),
                shares.total(Kind::Disk),
                shares.total(Kind::Envelopes)
            ),
            (300, 0, 1)
        );
        let whole = Parts {
            sender: 100,
            job: 100,
        };
        assert!(
            shares
                .take(owner(2, 1), Kind::Memory, 701, 1000, whole)
                .is_err()
        );
        assert!(
            shares
                .take(owner(2, 1), Kind::Memory, 700, 1000, whole)
                .is_ok()
        );
        assert_eq!(
            shares
                .take(owner(3, 1), Kind::Memory, 1, 1000, whole)
                .unwrap_err()
                .whose,
            "all senders"
        );
    }
}
