//! Reports that waited for the coordinator, judged once more before they leave: the policy may be narrower by now.

use policy::{ReportBasis, Telling};
use vocabulary::report::ReportBody;
use vocabulary::{Fault, Report};

use super::{NumberedReport, Reporter, kind_of, locked, withheld};

impl Reporter {
    /// The reports as the policy in force lets them leave. What it withholds is replaced by the note that says so, and stands
    /// in the audit chain before anything leaves.
    pub(super) async fn still_told(
        &self,
        waiting: Vec<NumberedReport>,
    ) -> Result<Vec<NumberedReport>, Fault> {
        let (Some((first, _)), Some((last, _))) = (waiting.first(), waiting.last()) else {
            return Ok(waiting);
        };
        let agent_state = &self.0.agent_state;
        let (policy, known) = (
            agent_state.policy(),
            agent_state.records.grounds_of(*first, *last).await?,
        );
        let (mut told, mut refused) = (Vec::with_capacity(waiting.len()), Vec::new());
        for (number, report) in waiting {
            let judged = known
                .get(&number)
                .and_then(|text| serde_json::from_str::<ReportBasis>(text).ok());
            let rule = match policy.disclose_again(report.body.clone(), judged.as_ref()) {
                Telling::Told { body, .. } if body == report.body => None,
                Telling::Told { body, .. } => {
                    let rule = left_out(&body);
                    told.push((
                        number,
                        Report {
                            body,
                            ..report.clone()
                        },
                    ));
                    Some(rule)
                }
                Telling::Withheld { rule } => {
                    let notes = withheld(kind_of(&report.body).unwrap_or_default(), rule);
                    told.extend(notes.into_iter().next().map(|body| {
                        (
                            number,
                            Report {
                                body,
                                ..report.clone()
                            },
                        )
                    }));
                    Some(rule)
                }
            };
            match rule {
                None => told.push((number, report)),
                Some(rule) => refused.push((number, report, rule)),
            }
        }
        // Entered once: the same report comes by here again at every attempt to send it.
        refused.retain(|(number, ..)| !locked(&self.0.withheld).contains(number));
        let entry = |(_, report, rule): &(i64, Report, &str)| {
            let kind = kind_of(&report.body).unwrap_or("texts");
            self.entry_of(
                (&(report.task.clone(), report.attempt), kind),
                Some(rule),
                0,
            )
        };
        if !refused.is_empty() {
            agent_state
                .audit_all(&refused.iter().map(entry).collect::<Vec<_>>())
                .await?;
            locked(&self.0.withheld).extend(refused.iter().map(|(number, ..)| *number));
        }
        Ok(told)
    }
}

/// The rule by which a part of a report is left out.
fn left_out(body: &ReportBody) -> &'static str {
    match body {
        ReportBody::Metrics(_) => "disclosure.rows_through_coordinator",
        ReportBody::Output(table) if !table.header.is_empty() => {
            "disclosure.rows_through_coordinator"
        }
        _ => "disclosure.table_headers",
    }
}
