//! How often in a day figures of this party's data alone were told for jobs that others started.
//!
//! A query is a measurement: a table that an attempt has read when it tells the first figures of it, and each turn of its
//! loops in which it tells figures, since others may have sent something in between on which they depend. Reruns and further
//! attempts count again; what the same attempt tells later of the same measurement does not.

use std::collections::BTreeMap;

use records::{Queries, Records};
use vocabulary::{Attempt, Fault, TaskId, Timestamp};

type Key = (TaskId, Attempt);

/// Who asks with an attempt, and of how many tables it can tell figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuerySource {
    /// The party that started the job, or the coordinator in this party's own name.
    pub(crate) by: String,
    /// Tables that were read so far.
    pub(crate) tables: u64,
    /// The turn of its loops in which the attempt tells; empty outside of them.
    pub(crate) turn: String,
}

/// What is known of the measurements of one attempt, by the turns in which they were made.
#[derive(Default)]
struct QueryCount {
    /// Tables that were read when figures of the turn were told last.
    told: BTreeMap<String, u64>,
    /// Queries that were withheld: what is told behind the loop may sum them up.
    withheld: BTreeMap<String, u64>,
}

impl QueryCount {
    /// Queries that telling something now would be, beyond those that were told of the turn.
    fn new_of(&self, asked: &QuerySource) -> u64 {
        match (self.told.get(&asked.turn), asked.turn.is_empty()) {
            (Some(tables), _) => asked.tables.saturating_sub(*tables),
            // Figures without a table behind them are a measurement all the same.
            (None, true) => asked.tables.max(1),
            // A turn is one measurement, of one of the tables that were read before.
            (None, false) => 1,
        }
    }

    /// Those, and the ones of the turns inside this one of which nothing was told.
    fn uncounted(&self, asked: &QuerySource) -> u64 {
        let inside = self
            .withheld
            .iter()
            .filter(|(turn, _)| **turn != asked.turn && turn.starts_with(&asked.turn));
        self.new_of(asked)
            .saturating_add(inside.map(|(_, count)| count).sum())
    }
}

/// The day's count, as the records have it.
#[derive(Default)]
pub(crate) struct Counter {
    day: i64,
    told: BTreeMap<String, u64>,
    /// Of running attempts.
    measured: BTreeMap<Key, QueryCount>,
}

impl Counter {
    /// Goes on where the records stopped.
    pub(crate) async fn load(records: &Records, now: Timestamp) -> Result<Self, Fault> {
        let day = now.day();
        let told = records
            .queries_of(day)
            .await?
            .into_iter()
            .map(|queries| (queries.asker, queries.count))
            .collect();
        Ok(Self {
            day,
            told,
            measured: BTreeMap::new(),
        })
    }

    /// The number in the day of the last query that an attempt would make by telling figures now.
    pub(crate) fn number(&mut self, key: &Key, asked: &QuerySource, now: Timestamp) -> u64 {
        // A clock that is set back opens no new day.
        let day = now.day().max(self.day);
        if day > self.day {
            self.day = day;
            // `measured` stays: an attempt that runs over midnight goes on with the measurements it
            // has.
            self.told.clear();
        }
        self.told
            .get(&asked.by)
            .copied()
            .unwrap_or(0)
            .saturating_add(self.uncounted(key, asked))
    }

    /// Counts what an attempt told; gives what is to be written down, if it is anything.
    pub(crate) fn count(&mut self, key: &Key, asked: &QuerySource) -> Option<Queries> {
        let count = self.uncounted(key, asked);
        if count == 0 {
            return None;
        }
        let measured = self.measured.entry(key.clone()).or_default();
        measured
            .told
            .insert(asked.turn.clone(), asked.tables.max(1));
        measured
            .withheld
            .retain(|turn, _| !turn.starts_with(&asked.turn));
        *self.told.entry(asked.by.clone()).or_default() += count;
        Some(Queries {
            day: self.day,
            asker: asked.by.clone(),
            count,
        })
    }

    /// Notes that figures of an attempt were withheld.
    pub(crate) fn withhold(&mut self, key: &Key, asked: &QuerySource) {
        let measured = self.measured.entry(key.clone()).or_default();
        let count = measured.new_of(asked);
        if count > 0 {
            // Remembered, since a sum that is told later says something of each part of it.
            measured.withheld.insert(asked.turn.clone(), count);
        }
    }

    /// An attempt is over.
    pub(crate) fn forget(&mut self, key: &Key) {
        self.measured.remove(key);
    }

    /// How many queries it makes beyond those that were counted.
    fn uncounted(&self, key: &Key, asked: &QuerySource) -> u64 {
        self.measured.get(key).map_or_else(
            || QueryCount::default().uncounted(asked),
            |known| known.uncounted(asked),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::{JobId, PartyId, Role, StepName};

    fn key(attempt: u32) -> Key {
        let task = TaskId {
            job: JobId::new("2026").unwrap(),
            step: StepName::new("evaluation_0").unwrap(),
            role: Role::Guest,
            party: PartyId::new("1").unwrap(),
        };
        (task, Attempt(attempt))
    }

    fn asked(by: &str, tables: u64) -> QuerySource {
        QuerySource {
            by: by.to_owned(),
            tables,
            turn: String::new(),
        }
    }

    /// Of a learner that has read two tables.
    fn in_turn(turn: &str) -> QuerySource {
        QuerySource {
            turn: turn.to_owned(),
            ..asked("9999", 2)
        }
    }

    #[test]
    fn each_turn_in_which_figures_are_told_is_a_query() {
        let (mut counter, now) = (
            Counter::default(),
            Timestamp(Timestamp::DAY_MICROS * 20_000),
        );
        for (epoch, number) in [(0, 1), (1, 2), (2, 3)] {
            let turn = in_turn(&format!("epoch.{epoch}/rows.0/"));
            assert_eq!(counter.number(&key(0), &turn, now), number);
            assert_eq!(
                counter.count(&key(0), &turn).map(|queries| queries.count),
                Some(1)
            );
            // The curves of the same epoch.
            assert_eq!(
                (
                    counter.number(&key(0), &turn, now),
                    counter.count(&key(0), &turn)
                ),
                (number, None)
            );
        }
        assert_eq!(counter.number(&key(0), &in_turn("epoch.2/rows.1/"), now), 4);
        // The same epochs of another attempt.
        assert_eq!(counter.number(&key(1), &in_turn("epoch.0/rows.0/"), now), 4);
    }

    #[test]
    fn what_sums_withheld_turns_up_counts_them() {
        let (mut counter, now) = (
            Counter::default(),
            Timestamp(Timestamp::DAY_MICROS * 20_000),
        );
        for epoch in 0..7 {
            counter.withhold(&key(0), &in_turn(&format!("epoch.{epoch}/rows.0/")));
        }
        counter.withhold(&key(0), &in_turn("epoch.6/rows.0/"));
        assert_eq!(counter.number(&key(0), &in_turn("epoch.7/rows.0/"), now), 1);
        // Seven turns and two tables.
        let summary = asked("9999", 2);
        assert_eq!(counter.number(&key(0), &summary, now), 9);
        assert_eq!(
            counter
                .count(&key(0), &summary)
                .map(|queries| queries.count),
            Some(9)
        );
        assert_eq!(counter.count(&key(0), &summary), None);
        assert_eq!(counter.number(&key(1), &summary, now), 11);
    }

    #[test]
    fn counts_each_table_of_an_attempt_once_and_each_attempt_again() {
        let (mut counter, now) = (
            Counter::default(),
            Timestamp(Timestamp::DAY_MICROS * 20_000),
        );
        let one = asked("9999", 1);
        assert_eq!(counter.number(&key(0), &one, now), 1);
        let written = Queries {
            day: 20_000,
            asker: "9999".to_owned(),
            count: 1,
        };
        assert_eq!(counter.count(&key(0), &one), Some(written));
        // The same attempt goes on telling, and then reads two more tables.
        assert_eq!(
            (
                counter.number(&key(0), &one, now),
                counter.count(&key(0), &one)
            ),
            (1, None)
        );
        let three = asked("9999", 3);
        assert_eq!(counter.number(&key(0), &three, now), 3);
        assert_eq!(
            counter.count(&key(0), &three).map(|queries| queries.count),
            Some(2)
        );
        // Another attempt, another asker, nothing read.
        assert_eq!(counter.number(&key(1), &one, now), 4);
        assert_eq!(counter.number(&key(1), &asked("10000", 0), now), 1);
        counter.forget(&key(0));
        assert_eq!(counter.number(&key(0), &one, now), 4);
    }

    #[test]
    fn a_new_day_begins_anew_and_a_clock_set_back_does_not() {
        let (mut counter, one) = (Counter::default(), asked("9999", 1));
        assert_eq!(
            counter.number(&key(0), &one, Timestamp(Timestamp::DAY_MICROS * 20_000)),
            1
        );
        counter.count(&key(0), &one);
        assert_eq!(
            counter.number(&key(1), &one, Timestamp(Timestamp::DAY_MICROS * 19_999)),
            2
        );
        assert_eq!(
            counter.number(&key(1), &one, Timestamp(Timestamp::DAY_MICROS * 20_001)),
            1
        );
    }

    #[tokio::test]
    async fn goes_on_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(&folder.path().join("records.db"))
            .await
            .unwrap();
        let now = Timestamp(Timestamp::DAY_MICROS * 20_000 + 5);
        let mut counter = Counter::load(&records, now).await.unwrap();
        assert_eq!(counter.number(&key(0), &asked("9999", 2), now), 2);
        records
            .count_queries(&counter.count(&key(0), &asked("9999", 2)).unwrap())
            .await
            .unwrap();
        let mut again = Counter::load(&records, now).await.unwrap();
        assert_eq!(again.number(&key(1), &asked("9999", 1), now), 3);
        let mut tomorrow = Counter::load(&records, Timestamp(now.0 + Timestamp::DAY_MICROS))
            .await
            .unwrap();
        assert_eq!(
            tomorrow.number(
                &key(1),
                &asked("9999", 1),
                Timestamp(now.0 + Timestamp::DAY_MICROS)
            ),
            1
        );
    }
}
