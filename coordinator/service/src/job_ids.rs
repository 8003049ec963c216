//! Job ids in FATE's form: local time to the microsecond and one more digit, unique in this process and rising.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Local};
use vocabulary::ids::InvalidName;
use vocabulary::{JobId, Timestamp};

/// Gives each job its own microsecond, however many are submitted in one.
#[derive(Default)]
pub(crate) struct JobIds {
    last: AtomicI64,
}

impl JobIds {
    /// The next id: of `now`, or of the next microsecond that no job has. The store refuses an id that an earlier process
    /// gave out; then the next one is asked for.
    pub(crate) fn next(&self, now: Timestamp) -> Result<JobId, InvalidName> {
        let step = |last: i64| Some(now.0.max(last.saturating_add(1)));
        let before = self
            .last
            // One step decides and takes: two submissions of one microsecond must not both see it
            // as free.
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, step)
            .unwrap_or(now.0);
        JobId::new(text_of(now.0.max(before.saturating_add(1))))
    }
}

fn text_of(micros: i64) -> String {
    let moment = DateTime::from_timestamp_micros(micros)
        .unwrap_or_default()
        // Local time, as FATE's ids have it: people find a job by when they started it.
        .with_timezone(&Local);
    format!(
        "{}{:06}0",
        moment.format("%Y%m%d%H%M%S"),
        micros.rem_euclid(1_000_000)
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn gives_different_ids_in_one_microsecond_in_rising_order() {
        let ids = JobIds::default();
        let given: Vec<JobId> = (0..1_000)
            .map(|_| ids.next(Timestamp(1_790_000_000_123_456)).expect("id"))
            .collect();
        let distinct: BTreeSet<_> = given.iter().cloned().collect();
        assert_eq!(distinct.len(), 1_000);
        assert!(given.is_sorted());
        assert!(
            given.iter().all(
                |id| id.as_str().len() == 21 && id.as_str().bytes().all(|b| b.is_ascii_digit())
            )
        );
    }

    #[test]
    fn does_not_repeat_when_the_clock_goes_back() {
        let ids = JobIds::default();
        let first = ids.next(Timestamp(1_790_000_000_000_000)).expect("id");
        let second = ids.next(Timestamp(1_780_000_000_000_000)).expect("id");
        assert!(second > first);
    }
}
