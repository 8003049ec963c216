//! May the coordinator, or a reader, know this?

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vocabulary::report::ReportBody;
use vocabulary::{Fault, Metric, Outcome, TableSummary, Tells};

use crate::columns::{hide, hide_in_outcome};
use crate::rules::Policy;
use crate::scores::without_scores;
use crate::verdict::Verdict;

/// Bytes of the largest summary or model view.
const LARGEST_VIEW: usize = 4 << 20;

/// How many rows stand behind a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowsBehind {
    /// None: the step takes no table, no file and no model.
    Nothing,
    /// It has read nothing yet although it takes tables, or something of which nobody knows how many rows made it.
    Unknown,
    /// The smallest of what it read has so many.
    Rows(u64),
}

/// What the agent itself knows of a report, beside what the report says.
#[derive(Debug, Clone)]
pub struct Grounds<'a> {
    /// What the report gives away, as its component declares it; nothing declared counts as everything.
    pub tells: &'a [Tells],
    /// How many rows stand behind it.
    pub read: RowsBehind,
    /// Whether its component exchanges no messages: whatever it tells is made of this party's data alone.
    pub alone: bool,
    /// The how many-th query of the day it would be of whoever asks; none where this party's own users ask.
    pub query: Option<u64>,
    /// Names of columns that the step has seen.
    pub columns: Arc<BTreeSet<String>>,
}

impl Grounds<'_> {
    /// Of a report that says nothing of data.
    pub fn none() -> Self {
        Self {
            tells: &[],
            read: RowsBehind::Unknown,
            alone: true,
            query: None,
            columns: Arc::default(),
        }
    }

    fn rows(&self) -> Option<u64> {
        match self.read {
            RowsBehind::Rows(rows) => Some(rows),
            RowsBehind::Nothing | RowsBehind::Unknown => None,
        }
    }

    fn tells(&self, what: Tells) -> bool {
        self.tells.is_empty() || self.tells.contains(&what)
    }

    /// Whether it gives away nothing but numbers of rows.
    fn only_counts(&self) -> bool {
        self.tells == [Tells::Counts]
    }

    /// Whether it answers a question about this party's data alone.
    pub fn answers_alone(&self) -> bool {
        self.tells(Tells::Figures)
            || self.tells(Tells::Rows)
            || self.alone && self.tells(Tells::Joint)
    }
}

/// What becomes of a report.
#[derive(Debug, Clone, PartialEq)]
pub enum Telling {
    /// It is told, perhaps without a part.
    Told {
        /// What is told.
        body: ReportBody,
        /// Whether it answers a question about this party's data alone: such answers are counted.
        is_answer: bool,
    },
    /// It is withheld.
    Withheld {
        /// The rule's place in the policy file.
        rule: &'static str,
    },
}

impl Policy {
    /// Judges a report: the one judgement of everything that a task tells the coordinator.
    pub fn disclose(&self, body: ReportBody, grounds: &Grounds<'_>) -> Telling {
        let rules = &self.rules.disclosure;
        let told = |body: ReportBody| Telling::Told {
            body,
            is_answer: false,
        };
        match body {
            ReportBody::Metrics(metrics) => {
                // What does not fit could carry a table under a metric's name.
                let kept = metrics.into_iter().filter(Metric::fits);
                let kept = match rules.rows_through_coordinator {
                    true => kept.collect(),
                    false => kept
                        .map(|metric| without_scores(metric, grounds.rows(), rules.fewest_rows))
                        .collect(),
                };
                self.figures(
                    ("disclosure.metrics", rules.metrics),
                    ReportBody::Metrics(kept),
                    grounds,
                )
            }
            ReportBody::Summary(text) | ReportBody::ModelView(text)
                if text.len() > LARGEST_VIEW =>
            {
                // Whatever the switches say: so large a text is no summary but data.
                Telling::Withheld { rule: "disclosure" }
            }
            body @ ReportBody::Summary(_) => {
                self.figures(("disclosure.summaries", rules.summaries), body, grounds)
            }
            body @ ReportBody::ModelView(_) => {
                self.figures(("disclosure.model_views", rules.model_views), body, grounds)
            }
            ReportBody::Output(table) => {
                let header = if rules.table_headers {
                    table.header
                } else {
                    vec![]
                };
                // Whoever guesses the rows of a small table could see by the hash that the guess is right.
                let content_hash = if rules.rows_through_coordinator {
                    table.content_hash
                } else {
                    String::new()
                };
                told(ReportBody::Output(TableSummary {
                    header,
                    content_hash,
                    ..table
                }))
            }
            body if rules.table_headers => told(body),
            ReportBody::Progress(mut progress) => {
                progress.text = hide(&progress.text, &grounds.columns);
                told(ReportBody::Progress(progress))
            }
            ReportBody::Ended { outcome, usage } => told(ReportBody::Ended {
                outcome: self.ended(outcome, &grounds.columns),
                usage,
            }),
            body @ (ReportBody::Started | ReportBody::Model(_)) => told(body),
        }
    }

    /// How an attempt ended, as the coordinator may know it: `columns` are named only where it may know headers.
    pub fn ended(&self, outcome: Outcome, columns: &BTreeSet<String>) -> Outcome {
        match self.rules.disclosure.table_headers {
            true => outcome,
            false => hide_in_outcome(outcome, columns),
        }
    }

    /// Judges figures by the switch of their kind, by what they give away, by the rows behind them and by how often the
    /// one who asks has asked today.
    fn figures(
        &self,
        (rule, is_open): (&'static str, bool),
        body: ReportBody,
        grounds: &Grounds<'_>,
    ) -> Telling {
        // Whoever brings rows in hears what became of them, and sizes are told with every output.
        if grounds.only_counts() && !matches!(body, ReportBody::ModelView(_)) {
            return Telling::Told {
                body,
                is_answer: false,
            };
        }
        let rules = &self.rules.disclosure;
        let is_answer = grounds.answers_alone() && grounds.query.is_some();
        let few = match grounds.read {
            RowsBehind::Nothing => false,
            // A minimum of one row is none.
            RowsBehind::Unknown => rules.fewest_rows > 1,
            RowsBehind::Rows(rows) => rules.fewest_rows > 1 && rows < rules.fewest_rows,
        };
        // Figures of joint data answer no question about this party alone, and are not counted.
        let too_often = is_answer
            && grounds
                .query
                .is_some_and(|query| !rules.queries_per_day.allows(query));
        // Only the first one is named: the switch of the kind before what lies behind it.
        let broken = [
            (!is_open, rule),
            (
                grounds.tells(Tells::Rows) && !self.may_tell(Tells::Rows),
                "disclosure.rows_through_coordinator",
            ),
            (
                grounds.tells(Tells::Headers) && !self.may_tell(Tells::Headers),
                "disclosure.table_headers",
            ),
            (few, "disclosure.fewest_rows"),
            (too_often, "disclosure.queries_per_day"),
        ];
        match broken.into_iter().find(|(is_broken, _)| *is_broken) {
            Some((_, rule)) => Telling::Withheld { rule },
            None => Telling::Told { body, is_answer },
        }
    }

    /// Whether reports may give that away at all.
    pub fn may_tell(&self, what: Tells) -> bool {
        match what {
            Tells::Counts | Tells::Joint | Tells::Figures => true,
            Tells::Headers => self.rules.disclosure.table_headers,
            Tells::Rows => self.rules.disclosure.rows_through_coordinator,
        }
    }

    /// Whether people at the coordinator's REST endpoint may read rows.
    pub fn rows_through_coordinator(&self) -> Verdict {
        match self.rules.disclosure.rows_through_coordinator {
            true => Verdict::Allowed,
            false => Verdict::refused(
                "disclosure.rows_through_coordinator",
                "to show rows at the coordinator's REST endpoint",
            ),
        }
    }

    /// Whether people at the coordinator's REST endpoint may read the party's logs.
    pub fn logs_through_coordinator(&self) -> Verdict {
        match self.rules.disclosure.logs_through_coordinator {
            true => Verdict::Allowed,
            false => Verdict::refused(
                "disclosure.logs_through_coordinator",
                "to show logs at the coordinator's REST endpoint",
            ),
        }
    }

    /// Whether people at the coordinator's REST endpoint may have the party's models, or say what they are used for.
    pub fn models_through_coordinator(&self) -> Verdict {
        match self.rules.disclosure.models_through_coordinator {
            true => Verdict::Allowed,
            false => Verdict::refused(
                "disclosure.models_through_coordinator",
                "models at the coordinator's REST endpoint",
            ),
        }
    }

    /// The fault for a reader at the coordinator's REST endpoint who must use the party's own.
    pub fn use_own_endpoint(&self, verdict: Verdict, rest: Option<&str>) -> Option<Fault> {
        let fault = verdict
            .into_result(vocabulary::ErrorCode::DisclosureRefused)
            .err()?;
        let server = rest.unwrap_or("the party's own REST address");
        Some(fault.at(&self.me).next(format!("ask at {server}")))
    }
}

#[cfg(test)]
#[path = "disclosure_tests.rs"]
mod tests;
