//! What a model may draw from this party's columns for another party. The scores of a table are a product of its columns
//! with weights: each further vector of them is another equation in the columns, and those of one column are the column.

use async_trait::async_trait;
use vocabulary::offer::fingerprint_of;
use vocabulary::{Fault, PartyId};
use wire::Envelope;

use crate::cap::Cap;
use crate::rules::Policy;
use crate::verdict::Verdict;

/// Which vector of a step a message is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which of the step's tables.
    pub table: u64,
    /// Which class of one-vs-rest.
    pub class: u64,
    /// Whether the step goes on with its training behind it.
    pub in_training: bool,
}

impl Place {
    /// Reads it from the turns of its loops in which a step sends. Whatever turn is not known is one of a training.
    pub fn of(tag: &str) -> Self {
        let mut place = Self {
            table: 0,
            class: 0,
            in_training: false,
        };
        let mut turns: Vec<&str> = tag.split('/').collect();
        turns.pop();
        for turn in turns {
            match turn
                .split_once('.')
                .map(|(name, index)| (name, index.parse()))
            {
                Some(("rows", Ok(table))) => place.table = table,
                Some(("class", Ok(class))) => place.class = class,
                Some(("predict", Ok(0))) => {}
                _ => place.in_training = true,
            }
        }
        place
    }

    /// Its name among those of a step.
    pub fn name(&self) -> String {
        let when = if self.in_training { "training" } else { "end" };
        format!("{when}/table {}/class {}", self.table, self.class)
    }
}

/// A vector of row values that is about to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vector {
    /// Who would get it.
    pub to: PartyId,
    /// Which one it is.
    pub place: Place,
    /// SHA-256 of its bytes: one that has left before gives nothing more away.
    pub digest: String,
}

/// What the vectors that left before say of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VectorVerdict {
    /// It may leave, and is counted.
    Counted,
    /// The attempt has sent as many as it may.
    TooMany,
    /// As many attempts as may have sent others.
    TooOften,
}

/// Counts vectors; what it counted it still knows after a restart.
#[async_trait]
pub trait Vectors: Send + Sync {
    /// Fewest columns of the tables that the attempt has read; none where nobody knows.
    fn columns(&self) -> Option<u64>;

    /// Counts a vector, unless there are more than `most` of its place in the attempt, or vectors that differ in more
    /// than `repeats` attempts beside the first.
    async fn draw(&self, vector: &Vector, most: Cap, repeats: Cap) -> Result<VectorVerdict, Fault>;
}

impl Policy {
    /// Refuses a vector for what it is; gives how many of its place an attempt may send.
    fn vectors_of(
        &self,
        message: &str,
        place: &Place,
        columns: Option<u64>,
    ) -> Result<Cap, Verdict> {
        let rules = &self.rules.features;
        let fewest = u64::from(rules.fewest_columns);
        // Unknown counts as too few. A minimum of one column is none.
        if fewest > 1 && columns.is_none_or(|columns| columns < fewest) {
            // Not how many: others learn the text, and by jobs that clip columns would search for values of rows with it.
            let what = format!(
                "message {message}, values of rows: fewer than {fewest} columns that vary are behind it"
            );
            return Err(Verdict::refused("features.fewest_columns", what));
        }
        // Classes count from 0. Saturating, since the number comes from an address.
        if !rules.classes.allows(place.class.saturating_add(1)) {
            let most = rules.classes;
            let what = format!(
                "message {message}, values of rows for class number {}, {most} at most",
                place.class
            );
            return Err(Verdict::refused("features.classes", what));
        }
        Ok(if place.in_training {
            rules.vectors_in_training
        } else {
            rules.vectors
        })
    }

    /// Judges a message with values of rows before it leaves, by what left before, and counts it.
    pub(crate) async fn draw(
        &self,
        envelope: &Envelope,
        vectors: &dyn Vectors,
    ) -> Result<Verdict, Fault> {
        let (message, place) = (&envelope.message, Place::of(&envelope.address.tag));
        let most = match self.vectors_of(message, &place, vectors.columns()) {
            Ok(most) => most,
            Err(verdict) => return Ok(verdict),
        };
        let (rule, of) = match place.in_training {
            true => (
                "features.vectors_in_training",
                "in the course of a training",
            ),
            false => ("features.vectors", "by a model"),
        };
        let too_many = || {
            let what = format!(
                "message {message}: more than {most} vectors of row values of a table {of}"
            );
            Verdict::refused(rule, what)
        };
        // Before the digest and the records: where none may leave there is nothing to count.
        if !most.allows(1) {
            return Ok(too_many());
        }
        let repeats = self.rules.features.repeats;
        let digest = fingerprint_of(&envelope.body);
        let vector = Vector {
            to: envelope.address.to.party.clone(),
            place,
            digest,
        };
        Ok(match vectors.draw(&vector, most, repeats).await? {
            VectorVerdict::Counted => Verdict::Allowed,
            VectorVerdict::TooMany => too_many(),
            VectorVerdict::TooOften => {
                let what = format!(
                    "message {message}: other values of rows in more than {repeats} attempts beside the first"
                );
                Verdict::refused("features.repeats", what)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_from_the_turns_of_loops() {
        for (tag, table, class, in_training) in [
            ("class.0/host_score", 0, 0, false),
            ("class.2/host_score", 0, 2, false),
            ("predict.0/rows.1/class.3/host_score", 1, 3, false),
            ("epoch.4/rows.1/host_score", 1, 0, true),
            ("class.2/epoch.0/rows.0/host_score", 0, 2, true),
            // Whatever is not known.
            ("fold.1/predict.0/rows.0/host_score", 0, 0, true),
            ("predict.1/rows.0/host_score", 0, 0, true),
            ("rows.x/host_score", 0, 0, true),
            ("class/host_score", 0, 0, true),
            ("host_score", 0, 0, false),
        ] {
            assert_eq!(
                Place::of(tag),
                Place {
                    table,
                    class,
                    in_training
                },
                "{tag}"
            );
        }
    }

    #[test]
    fn columns_and_classes_have_their_bounds() {
        let policy = |text: &str| {
            Policy::new(
                PartyId::new("1").expect("valid"),
                toml::from_str(&format!("[features]\n{text}")).expect("rules"),
            )
        };
        let judge = |text: &str, class: u64, columns: Option<u64>| {
            let place = Place {
                table: 0,
                class,
                in_training: false,
            };
            match policy(text).vectors_of("host_score", &place, columns) {
                Ok(_) => "allowed",
                Err(Verdict::Refused { rule, .. }) => rule,
                Err(Verdict::Allowed) => panic!("no refusal"),
            }
        };
        assert_eq!(judge("", 0, Some(3)), "allowed");
        for columns in [None, Some(0), Some(2)] {
            assert_eq!(judge("", 0, columns), "features.fewest_columns");
            assert_eq!(judge("fewest_columns = 1", 0, columns), "allowed");
        }
        let what = |columns: Option<u64>| match policy("").vectors_of(
            "host_score",
            &Place::of("host_score"),
            columns,
        ) {
            Err(Verdict::Refused { what, .. }) => what,
            other => panic!("no refusal: {other:?}"),
        };
        assert!(what(None).contains("fewer than 3 columns"));
        assert!([0, 1, 2].iter().all(|few| what(Some(*few)) == what(None)));
        assert_eq!(
            (judge("", 19, Some(9)), judge("", 20, Some(9))),
            ("allowed", "features.classes")
        );
        assert_eq!(judge("classes = 'any'", u64::MAX, Some(9)), "allowed");
    }
}
