//! Lines of what happened to jobs.

use async_trait::async_trait;
use domain::Event;
use service::EventQuery;
use service::ports::{Events, Stored};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row};
use vocabulary::{JobId, PartyId, Timestamp};

use crate::sql::SqlTransaction;
use crate::values::{column, corrupt, failed};

/// Lines that one statement inserts: SQLite takes a bounded number of values.
const AT_ONCE: usize = 500;

#[async_trait]
impl Events for SqlTransaction {
    async fn add_events(&mut self, job: &JobId, events: &[Event]) -> Stored<()> {
        let last = "/* events: last */ SELECT COALESCE(MAX(seq), 0) FROM events WHERE job_id = $1 AND at = $2";
        // Places count among lines of the same moment, so that adding needs no look at all the others.
        let mut places: std::collections::HashMap<Timestamp, i64> =
            std::collections::HashMap::new();
        for part in events.chunks(AT_ONCE) {
            for event in part {
                if let std::collections::hash_map::Entry::Vacant(place) = places.entry(event.at) {
                    let last: i64 = sqlx::query_scalar(last)
                        .bind(job.as_str())
                        .bind(event.at.0)
                        .fetch_one(&mut *self.tx)
                        .await
                        .map_err(failed)?;
                    place.insert(last);
                }
            }
            let mut insert = QueryBuilder::new(
                "/* events: add */ INSERT INTO events (job_id, at, seq, party, level, line) ",
            );
            insert.push_values(part, |mut row, event| {
                let place = places
                    .entry(event.at)
                    // The last known place, raised for each line: two lines of one moment keep the
                    // order in which they came.
                    .and_modify(|place| *place += 1)
                    .or_default();
                row.push_bind(job.as_str())
                    .push_bind(event.at.0)
                    .push_bind(*place);
                row.push_bind(event.party.as_ref().map(ToString::to_string))
                    .push_bind(&event.level);
                row.push_bind(&event.line);
            });
            insert
                .build()
                .execute(&mut *self.tx)
                .await
                .map_err(failed)?;
        }
        Ok(())
    }

    async fn events(&mut self, query: &EventQuery) -> Stored<Vec<Event>> {
        let mut find = QueryBuilder::new(
            "/* events: find */ SELECT at, seq, party, level, line FROM events WHERE job_id = ",
        );
        find.push_bind(query.job.to_string());
        if let Some(from) = query.from {
            find.push(" AND at >= ").push_bind(from.0);
        }
        if let Some(to) = query.to {
            find.push(" AND at <= ").push_bind(to.0);
        }
        for (place, sign) in [
            (query.after, " AND (at, seq) > ("),
            (query.before, " AND (at, seq) < ("),
        ] {
            if let Some((at, seq)) = place {
                find.push(sign)
                    .push_bind(at.0)
                    .push(", ")
                    .push_bind(column(seq))
                    .push(")");
            }
        }
        find.push(if query.newest_first {
            " ORDER BY at DESC, seq DESC"
        } else {
            " ORDER BY at, seq"
        });
        find.push(" LIMIT ").push_bind(i64::from(query.limit));
        let rows = find
            .build()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(failed)?;
        // A line that cannot be read is one of many that people look at; the others are shown.
        Ok(rows.iter().filter_map(|row| read(row).ok()).collect())
    }
}

fn read(row: &SqliteRow) -> Stored<Event> {
    let party: Option<String> = row.try_get("party").map_err(failed)?;
    Ok(Event {
        at: Timestamp(row.try_get("at").map_err(failed)?),
        seq: u64::try_from(row.try_get::<i64, _>("seq").map_err(failed)?).unwrap_or(0),
        party: party
            .map(PartyId::new)
            .transpose()
            .map_err(|error| corrupt("an event", error))?,
        level: row.try_get("level").map_err(failed)?,
        line: row.try_get("line").map_err(failed)?,
    })
}
