//! Reports that can never be told: set aside, so that what stands behind them goes on, and the attempt ends failed with the
//! reason. What is only refused for the moment waits.

use std::collections::BTreeMap;

use vocabulary::report::ReportBody;
use vocabulary::{ErrorCode, Fault, Outcome, Report, Usage};
use wire::agent_link::Reply;

use super::{Key, Pump, Reporter, locked};

/// How often the coordinator may fail over one report before it counts as refused: with the longest pause between attempts, ten
/// minutes.
const DEFECTS: u32 = 120;

/// How a refusal is to be taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// The coordinator has no space, no link or no time: it would refuse anything.
    OfTheMoment,
    /// The coordinator fails over it, perhaps over this report alone.
    Defect,
    /// This report will never be taken.
    ForGood,
}

fn refusal(fault: &Fault) -> Refusal {
    match fault.code {
        ErrorCode::FrameInvalid
        | ErrorCode::ProtocolViolation
        | ErrorCode::PermissionDenied
        | ErrorCode::RequestInvalid
        | ErrorCode::DocumentInvalid
        | ErrorCode::LimitReached
        | ErrorCode::Unsupported
        | ErrorCode::RecordUnreadable => Refusal::ForGood,
        ErrorCode::Internal | ErrorCode::Unknown => Refusal::Defect,
        // What is not known waits: to set aside what would be taken later cannot be undone.
        _ => Refusal::OfTheMoment,
    }
}

impl Reporter {
    /// The report as it is told: the end of an attempt of which something was refused is a failure.
    pub(super) fn as_told(&self, report: Report) -> Report {
        let key = (report.task.clone(), report.attempt);
        match (report.body, locked(&self.0.refused).get(&key)) {
            (
                ReportBody::Ended {
                    outcome: Outcome::Succeeded,
                    usage,
                },
                Some(reason),
            ) => Report {
                body: ReportBody::Ended {
                    outcome: Outcome::Failed(reason.clone()),
                    usage,
                },
                ..with(key)
            },
            (body, _) => Report { body, ..with(key) },
        }
    }

    /// Notes that something of an attempt cannot be told, so that it does not count as a success; gives the reason.
    pub(super) fn spoil(&self, key: &Key, fault: &Fault) -> Fault {
        let reason = Fault::new(
            ErrorCode::RecordUnreadable,
            format!("a report of this attempt cannot be told: {fault}"),
        )
        .at(&self.0.agent_state.me)
        .next("see the party's log, and run the job again once the cause is mended");
        locked(&self.0.refused).insert(key.clone(), reason.clone());
        reason
    }

    /// Sets a report aside for good. An end that is refused is told once more, as a failure without anything in it.
    pub(super) async fn refuse(
        &self,
        number: i64,
        report: &Report,
        fault: &Fault,
    ) -> Result<(), Fault> {
        let key = (report.task.clone(), report.attempt);
        let known = locked(&self.0.refused).contains_key(&key);
        let reason = self.spoil(&key, fault);
        let ended = matches!(report.body, ReportBody::Ended { .. });
        let last = matches!(
            &report.body,
            ReportBody::Ended {
                outcome: Outcome::Failed(_),
                ..
            }
        );
        let instead = (ended && !(known && last)).then(|| {
            let body = ReportBody::Ended {
                outcome: Outcome::Failed(reason),
                usage: Usage::default(),
            };
            Report {
                body,
                ..with(key.clone())
            }
        });
        self.0
            .agent_state
            .records
            // Set aside and replaced in one transaction: an attempt must never be left without any
            // end.
            .refuse_report(number, &fault.to_string(), instead.as_ref())
            .await?;
        let (task, attempt, code) = (&key.0, key.1.0, ErrorCode::RecordUnreadable.text());
        tracing::error!(code, %task, attempt, %fault, "a report is refused for good and was set aside; its attempt fails");
        if ended && instead.is_none() {
            // The coordinator takes the attempt for lost once the agent names it no more.
            locked(&self.0.unsettled).remove(&key);
        }
        Ok(())
    }
}

fn with((task, attempt): Key) -> Report {
    Report {
        task,
        attempt,
        body: ReportBody::Started,
    }
}

impl Pump {
    /// Sends what was refused together attempt by attempt, so that one report holds up neither the others of its attempt,
    /// when it is refused for good, nor other attempts. Gives how many reports are dealt with.
    pub(super) async fn apart(
        &mut self,
        waiting: Vec<(i64, Report)>,
        fault: Fault,
    ) -> Result<usize, Fault> {
        if refusal(&fault) == Refusal::OfTheMoment {
            return Err(fault);
        }
        let mut attempts: BTreeMap<Key, Vec<(i64, Report)>> = BTreeMap::new();
        for (number, report) in waiting {
            attempts
                .entry((report.task.clone(), report.attempt))
                .or_default()
                .push((number, report));
        }
        let (mut done, mut stuck) = (0, None);
        for reports in attempts.into_values() {
            for (number, report) in reports {
                let report = self.reporter.as_told(report);
                match self.uplink.tell(vec![report.clone()]).await? {
                    Reply::Done => self.reporter.taken(&[(number, report)]).await?,
                    Reply::Failed(fault) if self.is_final(number, &fault) => {
                        self.reporter.refuse(number, &report, &fault).await?;
                    }
                    Reply::Failed(fault) => {
                        stuck = Some(fault);
                        // The rest of this attempt waits: its end must not be told before what came
                        // first.
                        break;
                    }
                    _ => return Err(super::no_reply()),
                }
                self.defects.remove(&number);
                done += 1;
            }
        }
        match stuck {
            Some(fault) if done == 0 => Err(fault),
            _ => Ok(done),
        }
    }

    fn is_final(&mut self, number: i64, fault: &Fault) -> bool {
        match refusal(fault) {
            Refusal::OfTheMoment => false,
            Refusal::ForGood => true,
            Refusal::Defect => {
                let attempts = self.defects.entry(number).or_default();
                *attempts += 1;
                *attempts >= DEFECTS
            }
        }
    }
}

#[cfg(test)]
#[path = "refused_tests.rs"]
mod tests;
