//! May a report still be told that waited, perhaps since before a change of the policy?

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vocabulary::report::ReportBody;
use vocabulary::{Fault, Outcome, Tells};

use crate::disclosure::{Grounds, RowsBehind, Telling};
use crate::rules::Policy;

/// By what a report was judged when a task told it: kept beside it until it has left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportBasis {
    tells: Vec<Tells>,
    read: RowsBehind,
    alone: bool,
    /// Whether names of columns could be told: then its texts may have them.
    names_columns: bool,
}

impl ReportBasis {
    /// What a policy went by.
    pub fn by(policy: &Policy, grounds: &Grounds<'_>) -> Self {
        let names_columns = policy.may_tell(Tells::Headers);
        Self {
            tells: grounds.tells.to_vec(),
            read: grounds.read,
            alone: grounds.alone,
            names_columns,
        }
    }

    /// Of the note that stands where something is withheld: it tells no more than that.
    pub fn note() -> Self {
        Self {
            tells: vec![Tells::Counts],
            read: RowsBehind::Nothing,
            alone: false,
            names_columns: false,
        }
    }
}

impl Policy {
    /// Judges a report once more before it leaves. One of which nothing is known (an earlier version told it) goes by its
    /// kind. Queries were counted when it was told.
    pub fn disclose_again(&self, body: ReportBody, judged: Option<&ReportBasis>) -> Telling {
        let unknown = ReportBasis {
            tells: vec![Tells::Joint],
            ..ReportBasis::note()
        };
        let judged = judged.unwrap_or(&unknown);
        if judged.names_columns && !self.may_tell(Tells::Headers) {
            // Which names the texts have is not known any more.
            if let ReportBody::Ended {
                outcome: Outcome::Failed(fault),
                usage,
            } = body
            {
                let outcome = Outcome::Failed(without_texts(fault));
                return Telling::Told {
                    body: ReportBody::Ended { outcome, usage },
                    is_answer: false,
                };
            }
        }
        let ReportBasis {
            tells, read, alone, ..
        } = judged;
        let grounds = Grounds {
            tells,
            read: *read,
            alone: *alone,
            // It was counted when it was told: to count it twice would end the day's allowance
            // early.
            query: None,
            columns: Arc::default(),
        };
        self.disclose(body, &grounds)
    }
}

fn without_texts(fault: Fault) -> Fault {
    let text = "the reason is in the party's own log: withheld by rule disclosure.table_headers";
    Fault {
        message: text.to_owned(),
        path: None,
        next: None,
        // The code stays: it names no column, and tells the coordinator what to do.
        ..fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::{ErrorCode, Metric, MetricData, PartyId, TableRef, TableSummary, Usage};

    fn policy(rules: &str) -> Policy {
        Policy::new(
            PartyId::new("1").expect("a party"),
            toml::from_str(rules).expect("rules"),
        )
    }

    const OPEN: &str = "[disclosure]\nsummaries = true\nmodel_views = true\ntable_headers = true\n\
                        rows_through_coordinator = true\nfewest_rows = 1";

    fn metrics(points: usize) -> ReportBody {
        let data = MetricData::Points(
            (0..points)
                .map(|at| (at as f64 / points as f64, 0.5))
                .collect(),
        );
        let metric = Metric {
            namespace: "train".into(),
            name: "roc".into(),
            data,
            meta: Default::default(),
        };
        ReportBody::Metrics(vec![metric.finite().0])
    }

    fn judged(tells: &[Tells]) -> ReportBasis {
        ReportBasis::by(
            &policy(OPEN),
            &Grounds {
                tells,
                read: RowsBehind::Rows(1_000),
                alone: false,
                ..Grounds::none()
            },
        )
    }

    fn rule(rules: &str, body: ReportBody, judged: Option<&ReportBasis>) -> Option<&'static str> {
        match policy(rules).disclose_again(body, judged) {
            Telling::Told { .. } => None,
            Telling::Withheld { rule } => Some(rule),
        }
    }

    #[test]
    fn each_kind_is_asked_for_again_with_what_was_known_of_it() {
        let (summary, view) = (
            ReportBody::Summary("{}".into()),
            ReportBody::ModelView("{}".into()),
        );
        let figures = judged(&[Tells::Figures]);
        let closed = "[disclosure]\nmetrics = false";
        for judged in [Some(&figures), None] {
            for (body, kept_by) in [
                (metrics(1), "disclosure.metrics"),
                (summary.clone(), "disclosure.summaries"),
                (view.clone(), "disclosure.model_views"),
            ] {
                assert_eq!(rule(closed, body.clone(), judged), Some(kept_by));
                assert_eq!(rule(OPEN, body, judged), None);
            }
        }
        let rows = judged(&[Tells::Rows]);
        assert_eq!(
            rule("", metrics(1), Some(&rows)),
            Some("disclosure.rows_through_coordinator")
        );
        assert_eq!(
            rule(
                "[disclosure]\nfewest_rows = 1001",
                metrics(1),
                Some(&figures)
            ),
            Some("disclosure.fewest_rows")
        );
        // Numbers of rows, and notes that something is withheld, leave under every policy; queries were counted.
        for always in [judged(&[Tells::Counts]), ReportBasis::note()] {
            assert_eq!(rule(closed, metrics(1), Some(&always)), None);
        }
        assert_eq!(
            rule(
                "[disclosure]\nqueries_per_day = 0",
                metrics(1),
                Some(&figures)
            ),
            None
        );
    }

    #[test]
    fn what_a_narrower_policy_leaves_out_is_left_out() {
        let table = TableSummary {
            table: TableRef::new("n", "t"),
            data_name: None,
            rows: 3,
            partitions: 1,
            header: vec!["salary".to_owned()],
            content_hash: "cafe".to_owned(),
        };
        let fault = Fault::new(ErrorCode::DataMismatch, "salary is text")
            .path("salary")
            .next("leave salary out");
        let ended = ReportBody::Ended {
            outcome: Outcome::Failed(fault),
            usage: Usage::default(),
        };
        let known = judged(&[]);
        for body in [ReportBody::Output(table), ended.clone(), metrics(500)] {
            let again = |rules: &str| match policy(rules).disclose_again(body.clone(), Some(&known))
            {
                Telling::Told { body, .. } => format!("{body:?}"),
                Telling::Withheld { rule } => rule.to_owned(),
            };
            let (open, closed) = (again(OPEN), again(""));
            assert_eq!(open, format!("{body:?}"));
            assert!(
                closed.len() < open.len() || closed.contains("in the party's own log"),
                "{closed}"
            );
            assert!(
                !closed.contains("salary") && !closed.contains("cafe"),
                "{closed}"
            );
        }
        // An end that was judged under closed headers has no names to hide, and keeps its reason.
        let closed = ReportBasis::by(&policy(""), &Grounds::none());
        let Telling::Told { body, .. } = policy("").disclose_again(ended.clone(), Some(&closed))
        else {
            panic!("an end")
        };
        assert_eq!(body, ended);
    }

    #[test]
    fn judging_twice_by_one_policy_changes_nothing() {
        let strict = policy("");
        let grounds = Grounds {
            tells: &[Tells::Figures],
            read: RowsBehind::Rows(700),
            ..Grounds::none()
        };
        let Telling::Told { body, .. } = strict.disclose(metrics(5_000), &grounds) else {
            panic!("told")
        };
        let again = strict.disclose_again(body.clone(), Some(&ReportBasis::by(&strict, &grounds)));
        assert_eq!(
            again,
            Telling::Told {
                body,
                is_answer: false
            }
        );
    }
}
