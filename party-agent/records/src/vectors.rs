//! Vectors of row values that left, by step: what is counted here stays counted after a restart.

use sqlx::Row;
use vocabulary::{Attempt, PartyId, TaskId};

use crate::{RecordError, Records};

/// A vector that is about to leave, and how many its place may have.
#[derive(Debug, Clone, Copy)]
pub struct NewVector<'a> {
    /// Who would get it.
    pub to: &'a PartyId,
    /// Which vector of the step it is.
    pub place: &'a str,
    /// The hash of its bytes.
    pub digest: &'a str,
    /// How many others an attempt may send of the place.
    pub most: u64,
    /// In how many attempts beside the first others may be sent.
    pub repeats: u64,
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountedVector {
    /// It is counted, or was before.
    Counted,
    /// The attempt has sent as many.
    TooMany,
    /// Others were sent in as many attempts.
    TooOften,
}

impl Records {
    /// Counts a vector of an attempt, unless its place has as many as it may. One that has left before is free.
    pub async fn count_vector(
        &self,
        task: &TaskId,
        attempt: Attempt,
        vector: NewVector<'_>,
    ) -> Result<CountedVector, RecordError> {
        // One after the other: no two are the last one that is allowed.
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let NewVector {
            to,
            place,
            digest,
            most,
            repeats,
        } = vector;
        let rows = sqlx::query(
            "/* vectors_of */ SELECT attempt, digest FROM vectors WHERE job = $1 AND step = $2 AND role = $3 \
             AND peer = $4 AND place = $5",
        )
        .bind(task.job.as_str())
        .bind(task.step.as_str())
        .bind(task.role.word())
        .bind(to.as_str())
        .bind(place)
        .fetch_all(&mut *transaction)
        .await?;
        let mut of_attempt = 0_u64;
        let mut others = std::collections::BTreeSet::new();
        for row in &rows {
            // The same bytes tell the peer nothing new: a repeated attempt sends them for nothing.
            if row.try_get::<String, _>("digest")? == digest {
                return Ok(CountedVector::Counted);
            }
            let before: i64 = row.try_get("attempt")?;
            if before == i64::from(attempt.0) {
                of_attempt += 1;
            } else {
                others.insert(before);
            }
        }
        if of_attempt >= most {
            return Ok(CountedVector::TooMany);
        }
        if others.len() as u64 > repeats {
            return Ok(CountedVector::TooOften);
        }
        sqlx::query(
            "/* count_vector */ INSERT INTO vectors (job, step, role, peer, place, attempt, digest) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(task.job.as_str())
        .bind(task.step.as_str())
        .bind(task.role.word())
        .bind(to.as_str())
        .bind(place)
        .bind(i64::from(attempt.0))
        .bind(digest)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(CountedVector::Counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::{JobId, Role, StepName};

    fn task(step: &str) -> TaskId {
        TaskId {
            job: JobId::new("2026").expect("valid"),
            step: StepName::new(step).expect("valid"),
            role: Role::Host,
            party: PartyId::new("1").expect("valid"),
        }
    }

    #[tokio::test]
    async fn repeats_are_free_and_others_are_counted_across_attempts_and_restarts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("records.db");
        let records = Records::open(&path).await.expect("opens");
        let to = PartyId::new("2").expect("valid");
        let count =
            async |records: &Records, step: &str, attempt: u32, place: &str, digest: &str| {
                let vector = NewVector {
                    to: &to,
                    place,
                    digest,
                    most: 1,
                    repeats: 1,
                };
                records
                    .count_vector(&task(step), Attempt(attempt), vector)
                    .await
                    .expect("counted")
            };
        use CountedVector::{Counted, TooMany, TooOften};
        assert_eq!(count(&records, "lr_0", 0, "end", "a").await, Counted);
        assert_eq!(count(&records, "lr_0", 0, "end", "b").await, TooMany);
        // Another table, another step.
        assert_eq!(count(&records, "lr_0", 0, "end/1", "b").await, Counted);
        assert_eq!(count(&records, "lr_1", 0, "end", "b").await, Counted);
        // The same vector again, in whatever attempt.
        for attempt in 0..5 {
            assert_eq!(count(&records, "lr_0", attempt, "end", "a").await, Counted);
        }
        records.close().await;
        let records = Records::open(&path).await.expect("opens");
        assert_eq!(count(&records, "lr_0", 1, "end", "c").await, Counted);
        assert_eq!(count(&records, "lr_0", 2, "end", "d").await, TooOften);
        assert_eq!(count(&records, "lr_0", 9, "end", "c").await, Counted);
    }
}
