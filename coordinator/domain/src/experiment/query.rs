//! Which experiments are wanted, in which order, and from where on: pages that do not shift when rows come and go.

use serde::{Deserialize, Serialize};
use vocabulary::{ExperimentId, Tenant};

use super::Experiment;
use crate::page::Direction;

/// Microseconds of a second: moments are compared by the whole second, as they are shown.
const SECOND: i64 = 1_000_000;

/// What experiments can be filtered and sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The id.
    Id,
    /// The unique name.
    Name,
    /// The moment of creation; compared with [`Literal::Number`], in seconds since the epoch.
    Created,
    /// The notes.
    Description,
    /// The tenant.
    Tenant,
    /// Whether it is archived: the number 1 or 0.
    Archived,
    /// Whether it is not: the number 1 or 0.
    Available,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// It is one of the values.
    Among,
    /// It is none of the values.
    Not,
    /// It is larger than the first value.
    Above,
    /// It is as large as the first value or larger.
    AtLeast,
    /// It is smaller than the first value.
    Below,
    /// It is as small as the first value or smaller.
    AtMost,
    /// It contains the first value, whatever the case of its ASCII letters.
    Contains,
}

/// A value a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Literal {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    /// Of what.
    pub field: Field,
    /// How.
    pub comparison: Comparison,
    /// With what. Values of the other type than the field's never compare as equal, larger or smaller.
    pub values: Vec<Literal>,
}

/// Where a page begins: the sorted field of its first row, and that row's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The value of the field by which the listing is sorted, at full resolution.
    pub value: Literal,
    /// The id.
    pub id: ExperimentId,
}

/// Which experiments are wanted: those that meet every condition, deleted ones never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Whose; `None` for everybody's.
    pub tenant: Option<Tenant>,
    /// The conditions.
    pub predicates: Vec<Predicate>,
    /// By what they are sorted; equals by id in the same direction.
    pub sort: Field,
    /// Which way.
    pub direction: Direction,
    /// Where the page begins; `None` for the beginning.
    pub start: Option<Start>,
    /// Most rows of the page.
    pub limit: u32,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            tenant: None,
            predicates: Vec::new(),
            sort: Field::Created,
            direction: Direction::Ascending,
            start: None,
            limit: u32::MAX,
        }
    }
}

/// A page of experiments.
#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentPage {
    /// The rows of the page.
    pub experiments: Vec<Experiment>,
    /// How many there are on all pages.
    pub total: u64,
    /// Where the next page begins; `None` on the last.
    pub next: Option<Start>,
}

impl Query {
    /// Whether an experiment is wanted, on whatever page.
    pub fn admits(&self, experiment: &Experiment) -> bool {
        !experiment.deleted
            && self
                .tenant
                .as_ref()
                .is_none_or(|tenant| *tenant == experiment.tenant)
            && self
                .predicates
                .iter()
                .all(|predicate| predicate.admits(experiment))
    }

    /// Where an experiment stands in this listing.
    pub fn place(&self, experiment: &Experiment) -> Start {
        Start {
            value: exact(self.sort, experiment),
            id: experiment.id.clone(),
        }
    }
}

impl Predicate {
    /// Whether an experiment meets it.
    pub fn admits(&self, experiment: &Experiment) -> bool {
        let own = compared(self.field, experiment);
        // A number and a text are ordered among each other by the derived `Ord`, which would say
        // nothing true.
        let comparable = |value: &&Literal| {
            matches!(value, Literal::Number(_)) == matches!(own, Literal::Number(_))
        };
        let first = || self.values.first().filter(comparable);
        match self.comparison {
            Comparison::Among => self.values.contains(&own),
            Comparison::Not => !self.values.contains(&own),
            Comparison::Above => first().is_some_and(|value| own > *value),
            Comparison::AtLeast => first().is_some_and(|value| own >= *value),
            Comparison::Below => first().is_some_and(|value| own < *value),
            Comparison::AtMost => first().is_some_and(|value| own <= *value),
            Comparison::Contains => match (&own, first()) {
                (Literal::Text(own), Some(Literal::Text(part))) => own
                    .to_ascii_lowercase()
                    .contains(&part.to_ascii_lowercase()),
                _ => false,
            },
        }
    }
}

/// The field's value as conditions see it: moments by the whole second.
fn compared(field: Field, experiment: &Experiment) -> Literal {
    match exact(field, experiment) {
        Literal::Number(micros) if field == Field::Created => {
            Literal::Number(micros.div_euclid(SECOND))
        }
        other => other,
    }
}

/// The field's value as sorting sees it.
fn exact(field: Field, experiment: &Experiment) -> Literal {
    match field {
        Field::Id => Literal::Text(experiment.id.to_string()),
        Field::Name => Literal::Text(experiment.unique_name.clone()),
        Field::Created => Literal::Number(experiment.created.0),
        Field::Description => Literal::Text(experiment.description.clone()),
        Field::Tenant => Literal::Text(experiment.tenant.to_string()),
        Field::Archived => Literal::Number(i64::from(experiment.archived)),
        Field::Available => Literal::Number(i64::from(!experiment.archived)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::NewExperiment;
    use vocabulary::Timestamp;

    fn experiment() -> Experiment {
        let id = ExperimentId::new("e1").expect("valid");
        let new = NewExperiment::named(Tenant::only(), "Moonshot");
        new.make(id, false, Timestamp(7_500_000)).expect("made")
    }

    #[test]
    fn compares_texts_exactly_and_moments_by_the_second() {
        let text = |text: &str| Literal::Text(text.to_owned());
        let meets = |field, comparison, values: &[Literal]| {
            Predicate {
                field,
                comparison,
                values: values.to_vec(),
            }
            .admits(&experiment())
        };
        assert!(meets(
            Field::Name,
            Comparison::Among,
            &[text("x"), text("Moonshot")]
        ));
        assert!(!meets(Field::Name, Comparison::Among, &[text("moonshot")]));
        assert!(meets(Field::Name, Comparison::Contains, &[text("oONS")]));
        assert!(!meets(Field::Name, Comparison::Contains, &[text("o%s")]));
        assert!(meets(
            Field::Created,
            Comparison::Among,
            &[Literal::Number(7)]
        ));
        assert!(!meets(
            Field::Created,
            Comparison::Above,
            &[Literal::Number(7)]
        ));
        assert!(meets(
            Field::Created,
            Comparison::AtMost,
            &[Literal::Number(7)]
        ));
        assert!(
            !meets(Field::Created, Comparison::Above, &[text("1")]),
            "another type never compares"
        );
        assert!(meets(
            Field::Archived,
            Comparison::Not,
            &[Literal::Number(1)]
        ));
        assert!(meets(
            Field::Available,
            Comparison::Among,
            &[Literal::Number(1)]
        ));
    }

    #[test]
    fn deleted_ones_are_never_wanted() {
        let mut one = experiment();
        assert!(Query::default().admits(&one));
        one.deleted = true;
        assert!(!Query::default().admits(&one));
    }
}
