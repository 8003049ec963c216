//! What a job would draw from this party's columns, as far as the offer shows it: everything else is judged at each message.

use vocabulary::{Disclosure, Offer, StepName, TableRef};

use crate::admission::{Facts, PlannedMessage};
use crate::rules::Policy;
use crate::verdict::Verdict;

/// Of what a stored table was made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum MadeOf {
    /// Nothing that is known, and it is what a job left.
    Unknown,
    /// It was brought in or named by the party's own people.
    #[default]
    Itself,
    /// A job left it, and these are the first tables of its lines.
    Tables(Vec<TableRef>),
}

/// The columns of a stored table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The table.
    pub table: TableRef,
    /// Names of its columns.
    pub columns: Vec<String>,
    /// Of what it was made.
    pub made_of: MadeOf,
}

/// How many columns a step has at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnCount {
    /// The step.
    pub step: StepName,
    /// The table from which they come.
    pub table: TableRef,
    /// How many there are.
    pub columns: u64,
}

impl Policy {
    /// Refuses a table that has columns which are not for one of the parties. Their names go into no answer.
    pub(super) fn admit_columns(&self, offer: &Offer, facts: &Facts) -> Option<Verdict> {
        let others = self.others(offer);
        facts.headers.iter().find_map(|header| {
            let Header { table, columns, made_of } = header;
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            // Only the rule goes on: the name of a column is what the peer must not learn.
            let kept = |peer| self.kept_of(peer, (table, made_of), &columns).map(|kept| (peer, kept.0));
            let (peer, rule) = others.iter().find_map(kept)?;
            let what =
                format!("the table {table} to a job with party {peer}: it has columns that are not for that party");
            Some(Verdict::refused(rule, what))
        })
    }

    /// Refuses a job that would draw more vectors of row values than the rules let, or of fewer columns.
    pub(super) fn admit_vectors(&self, facts: &Facts) -> Option<Verdict> {
        let rules = &self.rules.features;
        let leaves = |spoken: &&PlannedMessage| {
            spoken.line.disclosure == Disclosure::RowValues
                && spoken.to.iter().any(|to| to.party != self.me)
        };
        facts.spoken.iter().filter(leaves).find_map(|spoken| {
            let PlannedMessage { step, component, line, .. } = spoken;
            if !rules.vectors.allows(1) {
                let what = format!("message {} of {component} (step {step}): values of rows", line.name);
                return Some(Verdict::refused("features.vectors", what));
            }
            let most = rules.vectors_in_training;
            // A number that nobody knows counts as the largest.
            let too_many = |count: Option<u64>| !most.allows(count.unwrap_or(u64::MAX));
            if let Some(more) = spoken.more.iter().find(|more| too_many(more.count)) {
                let count = more.count.map_or("an unknown number of".to_owned(), |count| count.to_string());
                let what = format!(
                    "parameter {} of step {step} ({component}): it asks for {count} vectors of row values of each table \
                     in the course of a training, {most} at most",
                    more.parameter
                );
                return Some(Verdict::refused("features.vectors_in_training", what));
            }
            let fewest = u64::from(rules.fewest_columns);
            let few = facts.brought.iter().find(|brought| brought.step == *step && brought.columns < fewest)?;
            let what = format!(
                "values of rows of the table {} to step {step} ({component}): it has {} columns, {fewest} at least",
                few.table, few.columns
            );
            Some(Verdict::refused("features.fewest_columns", what))
        })
    }
}
