//! Work that is begun again and again: by which rule, and what.

use std::str::FromStr;

use chrono::DateTime;
use croner::Cron;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vocabulary::{ErrorCode, Fault, JobId, PartyId, SignedBytes, Timestamp};

/// Longest pause of an interval, in seconds: ten years.
const LONGEST: u64 = 315_360_000;

/// When a schedule's jobs begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Again after so many seconds.
    EverySeconds(u64),
    /// At the moments that a cron text names, in UTC: five fields, or six with the seconds before them.
    Cron(String),
}

impl Rule {
    /// Refuses a rule that names no moment.
    pub fn check(&self) -> Result<(), Fault> {
        let wrong = |message: String, path: &str| {
            Err(Fault::new(ErrorCode::RequestInvalid, message).path(path))
        };
        match self {
            Rule::EverySeconds(seconds) if (1..=LONGEST).contains(seconds) => Ok(()),
            Rule::EverySeconds(seconds) => wrong(
                format!("every_seconds is 1 to {LONGEST}, but it is {seconds}"),
                "every_seconds",
            ),
            Rule::Cron(text) => match Cron::from_str(text) {
                Ok(_) => Ok(()),
                Err(error) => wrong(format!("{text:?} is not a cron text: {error}"), "cron"),
            },
        }
    }

    /// The first moment after `now`; `planned` is the one before, from which intervals count. None when there is no further
    /// one.
    pub fn next(&self, planned: Timestamp, now: Timestamp) -> Option<Timestamp> {
        match self {
            Rule::EverySeconds(seconds) => {
                let period = i64::try_from(*seconds).ok()?.checked_mul(1_000)?.max(1);
                // Whole periods are skipped: what came due while the coordinator was down begins
                // once, and the rhythm stays.
                let passed = now.millis_since(planned).max(0) / period;
                Some(planned.plus_millis(period.checked_mul(passed.checked_add(1)?)?))
            }
            Rule::Cron(text) => {
                let from = DateTime::from_timestamp_micros(now.0)?;
                let next = Cron::from_str(text)
                    .ok()?
                    .find_next_occurrence(&from, false)
                    .ok()?;
                Some(Timestamp(next.timestamp_micros()))
            }
        }
    }
}

/// The body of a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recurring {
    /// When its jobs begin.
    pub rule: Rule,
    /// Whether they begin at all.
    pub enabled: bool,
    /// The DSL of its jobs.
    pub dsl: Value,
    /// The runtime conf of its jobs.
    pub conf: Value,
    /// The name of its jobs.
    pub job_name: String,
    /// Notes, on it and on its jobs.
    pub description: String,
    /// The party in whose name its jobs are submitted.
    pub initiator: PartyId,
    /// The party whose user made it; `None` when it was nobody's.
    pub made_by: Option<PartyId>,
    /// The standing ticket with which the party's own endpoint took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<SignedBytes>,
    /// How many jobs it has begun.
    pub begun: u64,
    /// What happened when it was last due.
    pub last: Option<LastTime>,
    /// What in its documents nothing reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What happened when a schedule was last due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastTime {
    /// When.
    pub at: Timestamp,
    /// The job that began.
    pub job: Option<JobId>,
    /// Why none did.
    pub fault: Option<Fault>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(0).plus_millis(seconds * 1_000)
    }

    #[test]
    fn an_interval_counts_from_its_plan_and_makes_up_for_nothing() {
        let rule = Rule::EverySeconds(10);
        assert_eq!(rule.next(at(100), at(100)), Some(at(110)));
        assert_eq!(rule.next(at(100), at(109)), Some(at(110)));
        assert_eq!(rule.next(at(100), at(110)), Some(at(120)));
        assert_eq!(
            rule.next(at(100), at(157)),
            Some(at(160)),
            "what was missed is not made up for"
        );
        assert_eq!(
            rule.next(at(100), at(50)),
            Some(at(110)),
            "a clock that was set back changes nothing"
        );
    }

    #[test]
    fn a_cron_text_names_moments() {
        let hourly = Rule::Cron("0 * * * *".to_owned());
        assert_eq!(
            hourly.next(at(0), at(3_600)),
            Some(at(7_200)),
            "the moment itself does not count"
        );
        assert_eq!(hourly.next(at(0), at(3_601)), Some(at(7_200)));
        let with_seconds = Rule::Cron("30 * * * * *".to_owned());
        assert_eq!(with_seconds.next(at(0), at(31)), Some(at(90)));
        let never = Rule::Cron("0 0 30 2 *".to_owned());
        assert_eq!(never.next(at(0), at(0)), None);
    }

    #[test]
    fn refuses_rules_that_name_no_moment() {
        for rule in [
            Rule::EverySeconds(0),
            Rule::EverySeconds(u64::MAX),
            Rule::Cron(String::new()),
            Rule::Cron("61 * * * *".to_owned()),
        ] {
            assert_eq!(
                rule.check().expect_err("refused").code,
                ErrorCode::RequestInvalid,
                "{rule:?}"
            );
        }
        assert_eq!(Rule::EverySeconds(60).check(), Ok(()));
        assert_eq!(
            Rule::Cron("*/5 8-18 * * MON-FRI".to_owned()).check(),
            Ok(())
        );
    }
}
