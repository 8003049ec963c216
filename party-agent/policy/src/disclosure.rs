//! May the coordinator, or a reader, know this?

use vocabulary::report::ReportBody;
use vocabulary::{Fault, Metric, TableSummary};

use crate::rules::Policy;
use crate::verdict::Verdict;

/// Bytes of the largest summary or model view.
const LARGEST_VIEW: usize = 4 << 20;

impl Policy {
    /// Judges a report; gives what may be told of it (a part may be left out), or nothing.
    pub fn disclose(&self, body: ReportBody) -> Option<ReportBody> {
        let rules = &self.rules.disclosure;
        match body {
            ReportBody::Metrics(metrics) => {
                let small = metrics.into_iter().filter(Metric::fits).collect();
                rules.metrics.then_some(ReportBody::Metrics(small))
            }
            ReportBody::Summary(text) => {
                (rules.summaries && text.len() <= LARGEST_VIEW).then_some(ReportBody::Summary(text))
            }
            ReportBody::ModelView(text) => {
                (rules.model_views && text.len() <= LARGEST_VIEW).then_some(ReportBody::ModelView(text))
            }
            ReportBody::Output(table) if !rules.table_headers => {
                Some(ReportBody::Output(TableSummary { header: vec![], ..table }))
            }
            told @ (ReportBody::Started
            | ReportBody::Progress(_)
            | ReportBody::Output(_)
            | ReportBody::Model(_)
            | ReportBody::Ended { .. }) => Some(told),
        }
    }

    /// Whether people at the coordinator's door may read rows.
    pub fn rows_through_coordinator(&self) -> Verdict {
        match self.rules.disclosure.rows_through_coordinator {
            true => Verdict::Allowed,
            false => Verdict::refused("disclosure.rows_through_coordinator", "to show rows at the coordinator's door"),
        }
    }

    /// Whether people at the coordinator's door may read the party's logs.
    pub fn logs_through_coordinator(&self) -> Verdict {
        match self.rules.disclosure.logs_through_coordinator {
            true => Verdict::Allowed,
            false => Verdict::refused("disclosure.logs_through_coordinator", "to show logs at the coordinator's door"),
        }
    }

    /// Whether people at the coordinator's door may have the party's models, or say what they are used for.
    pub fn models_through_coordinator(&self) -> Verdict {
        match self.rules.disclosure.models_through_coordinator {
            true => Verdict::Allowed,
            false => Verdict::refused("disclosure.models_through_coordinator", "models at the coordinator's door"),
        }
    }

    /// The fault for a reader at the coordinator's door who must use the party's own.
    pub fn use_own_door(&self, verdict: Verdict, rest: Option<&str>) -> Option<Fault> {
        let fault = verdict.into_result(vocabulary::ErrorCode::DisclosureRefused).err()?;
        let door = rest.unwrap_or("the party's own REST address");
        Some(fault.at(&self.me).next(format!("ask at {door}")))
    }
}
