//! How many values a key of a training opens, in which parts of a party's columns, and what that leaves of the key.

use std::ops::Range;

use component_kit::{MaliciousHosts, Result, TaskContext};
use secure_compute::LinearScheme;
use vocabulary::{ErrorCode, Fault};

use super::plan::Course;

impl Course {
    /// Columns of a party that have their sums opened by one key in one batch.
    fn width(&self) -> usize {
        self.limit.columns(usize::from(self.has_loss()))
    }

    /// Most columns that one party has.
    fn widest(&self) -> usize {
        self.plan.widest_host.max(self.plan.guest_columns)
    }

    /// Parts of a batch: in each, residuals are encrypted anew and sums over some columns are opened.
    pub fn parts(&self) -> usize {
        // By the widest party: all parties play the same parts, some with no columns left.
        self.widest().div_ceil(self.width()).max(1)
    }

    /// The columns whose sums are opened in a part, of a party that has so many; empty where it has no more.
    pub fn part(&self, part: usize, columns: usize) -> Range<usize> {
        let first = part.saturating_mul(self.width()).min(columns);
        first..first.saturating_add(self.width()).min(columns)
    }

    /// Most values that are opened for one party in a part: sums, and in the first part the loss.
    pub fn values(&self, part: usize) -> usize {
        let shown = usize::from(part == 0 && self.has_loss());
        self.part(part, self.widest()).len() + shown
    }

    /// Where a part of a batch is played.
    pub fn part_turn(turn: &TaskContext, part: usize) -> TaskContext {
        if part == 0 {
            turn.clone()
        } else {
            turn.round("key", part)
        }
    }

    /// Batches of the whole training, if it does not end early.
    fn batches(&self) -> usize {
        self.epochs()
            .len()
            .saturating_mul(self.plan.models)
            .saturating_mul(self.shapes.len())
    }

    /// Keys that the training takes, about: parts that share a key, and steps of epochs, make them a little fewer or more.
    fn keys(&self) -> usize {
        match self.parts() {
            1 => self.limit.keys(self.values(0), self.batches()),
            parts => parts.saturating_mul(self.batches()),
        }
    }

    /// Values that are opened for the party with most of them.
    fn opened_for_one(&self) -> usize {
        let shown = usize::from(self.has_loss()) + usize::from(self.measures_steps());
        self.batches()
            .saturating_mul(self.widest().saturating_add(shown))
    }

    /// Values that the arbiter decrypts in all: sums, losses, and batches that are hidden among other rows.
    fn opened_in_all(&self) -> u64 {
        let sums = self
            .plan
            .columns
            .saturating_add(self.plan.guest_columns)
            .saturating_add(2);
        let hidden = self
            .shapes
            .iter()
            .filter(|shape| shape.members < shape.masked);
        let rows: usize = hidden
            // Whole ciphertexts are decrypted, places past the last row among them.
            .map(|shape| shape.masked.next_multiple_of(crypto::rlwe::DEGREE))
            .sum();
        let of_an_epoch = sums
            .saturating_mul(self.shapes.len())
            .saturating_add(rows.saturating_mul(self.parts()));
        let epochs = self.epochs().len().saturating_mul(self.plan.models);
        of_an_epoch.saturating_mul(epochs) as u64
    }

    /// Judges by the guest's rule what one key would open, and says in the log what is left of it.
    pub(super) fn judge_keys<S: LinearScheme>(&self, task: &TaskContext) -> Result<()> {
        let (opened, most) = (self.opened_for_one(), S::VALUES_PER_KEY);
        let limit = format!(
            "a key that opened {most} values of a party's own making has {:.0} bits left, after {opened} it has {:.0}",
            S::bits_left(most).floor(),
            S::bits_left(opened).floor()
        );
        match self.plan.labels.malicious_hosts {
            _ if opened <= most => task.info(format!("keys: one key opens at most {opened} values for a party; {limit}")),
            MaliciousHosts::Trust => task.info(format!(
                "keys: one key opens up to {opened} values for a party, and parties are trusted to encrypt as agreed \
                 (labels.malicious_hosts = \"trust\"): {limit}"
            )),
            MaliciousHosts::Rekey => task.info(format!(
                "keys: about {} keys in place of one, each batch encrypted {} times (labels.malicious_hosts = \"rekey\"), since {limit}",
                self.keys(),
                self.parts()
            )),
            MaliciousHosts::Refuse => {
                let text = format!("the training would have one key open {opened} values for a party: {limit}");
                let fault = Fault::new(ErrorCode::ReleaseRefused, text).path("labels.malicious_hosts");
                let next = "take fewer epochs, batches or columns, or have the guest's policy say \"rekey\" or \"trust\"";
                return Err(fault.next(next).into());
            }
        }
        let (all, distance) = (
            self.opened_in_all(),
            S::flooding_distance(self.opened_in_all()),
        );
        task.info(format!(
            "flooding: the arbiter decrypts at most {all} values; what it sees of all of them is within 2^{distance:.0} of what \
             tells nothing of the columns"
        ));
        Ok(())
    }
}
