//! Ids of which peers were told. The file holds hashes of ids that this party has, and they are no secret from it.

use sqlx::{QueryBuilder, Row, Sqlite};
use vocabulary::PartyId;

use crate::queries::Queries;
use crate::{RecordError, Records};

/// Ids written by one statement.
const PIECE: usize = 400;

fn hash_of(id: &str) -> i64 {
    let hash = blake3::hash(id.as_bytes());
    let mut first = [0; 8];
    first.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    i64::from_le_bytes(first)
}

impl Records {
    /// Notes that a peer is told of ids, for which so many were counted before, and counts those of which it was not told yet
    /// in place of them. False, and nothing is noted, where the day would have more than `most` then.
    pub async fn tell_ids(
        &self,
        peer: &PartyId,
        ids: &[String],
        reserved: &Queries,
        most: u64,
    ) -> Result<bool, RecordError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let mut new = 0_u64;
        for piece in ids.chunks(PIECE) {
            let mut statement: QueryBuilder<Sqlite> =
                QueryBuilder::new("/* tell_ids */ INSERT OR IGNORE INTO told_ids (peer, id) ");
            statement.push_values(piece, |mut row, id| {
                row.push_bind(peer.as_str()).push_bind(hash_of(id));
            });
            new += statement.build().execute(&mut *transaction).await?.rows_affected();
        }
        let Queries { day, asker, count: reserved } = reserved;
        let row = sqlx::query("/* counted */ SELECT count FROM queries WHERE day = $1 AND asker = $2")
            .bind(day)
            .bind(asker)
            .fetch_optional(&mut *transaction)
            .await?;
        let before: i64 = row.map(|row| row.try_get("count")).transpose()?.unwrap_or(0);
        // Each run counts one at least.
        let after = u64::try_from(before).unwrap_or(0).saturating_sub(*reserved).saturating_add(new.max(1));
        if new > *reserved && after > most {
            return Ok(false);
        }
        sqlx::query(
            "/* settle */ INSERT INTO queries (day, asker, count) VALUES ($1, $2, $3) \
             ON CONFLICT (day, asker) DO UPDATE SET count = excluded.count",
        )
        .bind(day)
        .bind(asker)
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ids_that_a_peer_knows_are_not_counted_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let records = Records::open(&folder.path().join("records.db")).await.expect("opens");
        let peers = ["1", "2"].map(|id| PartyId::new(id).expect("valid"));
        let ids = |range: std::ops::Range<u32>| range.map(|id| format!("id{id}")).collect::<Vec<_>>();
        let tell = async |peer: &PartyId, ids: &[String], reserved: u64, most: u64| {
            let counted = |count| Queries { day: 1, asker: format!("new ids of {peer}"), count };
            let reserve = [(counted(reserved), u64::MAX)];
            assert_eq!(records.count_within(&reserve).await.expect("counted"), None);
            let told = records.tell_ids(peer, ids, &counted(reserved), most).await.expect("told");
            let of_day = records.queries_of(1).await.expect("read");
            (told, of_day.iter().find(|queries| queries.asker.ends_with(peer.as_str())).expect("counted").count)
        };
        assert_eq!(tell(&peers[0], &ids(0..1000), 1000, 2000).await, (true, 1000));
        assert_eq!(tell(&peers[0], &ids(0..1000), 1000, 2000).await, (true, 1001), "the run itself");
        assert_eq!(tell(&peers[0], &ids(500..1500), 1, 2000).await, (true, 1501));
        assert_eq!(tell(&peers[1], &ids(0..10), 10, 10).await, (true, 10));
        // Too many: nothing of it is noted, and what was reserved stays counted.
        assert_eq!(tell(&peers[0], &ids(1500..2500), 1, 2000).await, (false, 1502));
        assert_eq!(tell(&peers[0], &ids(1500..1502), 1, 2000).await, (true, 1504));
    }
}
