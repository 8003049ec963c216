//! What a party's policy asks of intersections: not of few ids, and not of ever more.

use component_kit::{ComponentError, IdRules, Result, TaskContext};
use vocabulary::{ErrorCode, Fault};

/// The rules of this run: the party's own, and what the others said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    own: IdRules,
    /// The largest of all sides.
    fewest_common: u64,
}

impl Bounds {
    /// The party's own. Refuses a table of too few ids.
    pub(super) fn of(task: &TaskContext, ids: usize) -> Result<Self> {
        let own = task.id_rules();
        let bounds = Self {
            own,
            fewest_common: own.fewest_common,
        };
        // Before anything is sent: a table that is too small should not even tell its size.
        bounds.check_ids("this party's table", ids)?;
        Ok(bounds)
    }

    /// Refuses to meet somebody's too few ids.
    pub(super) fn check_ids(&self, whose: &str, ids: usize) -> Result<()> {
        let fewest = self.own.fewest_ids;
        if ids as u64 >= fewest {
            return Ok(());
        }
        let text = format!(
            "{whose} has {ids} ids, and the party's policy asks for {fewest} of each party at least"
        );
        let fault = Fault::new(ErrorCode::ReleaseRefused, text).path("intersection.fewest_ids");
        Err(fault
            .next("take larger tables, or ask the data owner, who can lower it in the policy file")
            .into())
    }

    /// Another side does not want anybody to be told of fewer than that.
    pub(super) fn agree(&mut self, fewest_common: u64) {
        // The strictest party decides for all: what one is told the others learn as well.
        self.fewest_common = self.fewest_common.max(fewest_common);
    }

    /// What this side tells the others.
    pub(super) fn fewest_common(&self) -> u64 {
        self.own.fewest_common
    }

    /// Whether ids that others find are counted.
    pub(super) fn counts(&self) -> bool {
        self.own.is_counted
    }

    /// Whether the rows were asked for online: then they are counted, and not how many are common.
    pub(super) fn is_online(&self) -> bool {
        self.own.is_online
    }

    /// Whether a host counts what is common before the guest finds out which ids those are.
    pub(super) fn counts_first(&self) -> bool {
        !self.own.is_online && (self.own.is_counted || self.own.fewest_common > 1)
    }

    /// Whether so many are too few to be told.
    pub(super) fn are_few(&self, common: usize) -> bool {
        self.fewest_common > 1 && (common as u64) < self.fewest_common
    }

    /// The fault of every party then. It does not say how many there are.
    pub(super) fn few(&self) -> ComponentError {
        let fewest = self.fewest_common;
        let text = format!(
            // Without how many there are: "none" and "few" must look alike.
            "fewer than {fewest} ids are common: which they are, and how many, is withheld from all parties"
        );
        let fault = Fault::new(ErrorCode::ReleaseRefused, text).path("intersection.fewest_common");
        fault
            .next("compare the form of the ids on both sides, or agree on a smaller number in both policy files")
            .into()
    }

    /// The fault where another side keeps the result.
    pub(super) fn kept_by(who: &impl std::fmt::Display) -> ComponentError {
        let text = format!(
            // Two reasons in one text: which of them it was would itself say something of the
            // number.
            "{who} withholds which ids are common: too few are, or it has told enough of its ids today"
        );
        let fault = Fault::new(ErrorCode::ReleaseRefused, text).path("intersection");
        fault
            .next("ask its data owner for the rule, which stands in that party's own log")
            .into()
    }
}
