//! Ids of which peers were told. The file holds hashes of ids that this party has, and they are no secret from it. It grows by
//! a row for each id and peer, and forgets none: what was told once is no news later, however long ago it was.

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};
use vocabulary::PartyId;

use crate::queries::{Queries, count_up_to};
use crate::{RecordError, Records};

/// Ids written by one statement.
const PIECE: usize = 400;
/// Ids written by one transaction: the file has one connection, and others wait for it meanwhile.
const TURN: usize = 4_000;

fn hash_of(id: &str) -> i64 {
    // Eight bytes in place of an id: the file may hold millions of them.
    let hash = blake3::hash(id.as_bytes());
    let mut first = [0; 8];
    first
        .iter_mut()
        .zip(hash.as_bytes())
        .for_each(|(to, from)| *to = *from);
    i64::from_le_bytes(first)
}

impl Records {
    /// Notes that a peer is told of ids, for which so many were counted before, and counts those of which it was not told yet
    /// in place of them. False where the day would have more than `most` then. Each piece is counted with its ids, and others
    /// come in between: where a later piece is too much, or the process ends, what was noted and what was reserved stay counted.
    pub async fn tell_ids(
        &self,
        peer: &PartyId,
        ids: &[String],
        reserved: &Queries,
        most: u64,
    ) -> Result<bool, RecordError> {
        let mut hashes = Vec::with_capacity(ids.len());
        for piece in ids.chunks(TURN) {
            hashes.extend(piece.iter().map(|id| hash_of(id)));
            // Hashing millions of ids at once would hold up everything else on this thread.
            tokio::task::yield_now().await;
        }
        // In the order of the file.
        hashes.sort_unstable();
        // A table may have an id more than once; it is told once.
        hashes.dedup();
        let (mut left, mut new) = (reserved.count, 0_u64);
        for piece in hashes.chunks(TURN) {
            let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
            let more = insert(&mut transaction, peer, piece).await?;
            // New ids use up what was reserved before they count as further ones.
            let covered = more.min(left);
            let beyond = Queries {
                count: more - covered,
                ..reserved.clone()
            };
            if more > covered && !count_up_to(&mut transaction, &beyond, most).await? {
                return Ok(false);
            }
            transaction.commit().await?;
            (left, new) = (left - covered, new.saturating_add(more));
        }
        // Each run counts one at least.
        match (new, left) {
            (0, 0) => {
                self.count_queries(&Queries {
                    count: 1,
                    ..reserved.clone()
                })
                .await?
            }
            (0, left) => {
                self.count_back(&Queries {
                    count: left - 1,
                    ..reserved.clone()
                })
                .await?
            }
            (_, left) => {
                self.count_back(&Queries {
                    count: left,
                    ..reserved.clone()
                })
                .await?
            }
        }
        Ok(true)
    }
}

/// Notes ids; gives how many are new.
async fn insert(
    of: &mut SqliteConnection,
    peer: &PartyId,
    hashes: &[i64],
) -> Result<u64, RecordError> {
    let mut new = 0;
    for piece in hashes.chunks(PIECE) {
        let mut statement: QueryBuilder<Sqlite> =
            QueryBuilder::new("/* tell_ids */ INSERT OR IGNORE INTO told_ids (peer, id) ");
        statement.push_values(piece, |mut row, hash| {
            row.push_bind(peer.as_str()).push_bind(hash);
        });
        new += statement.build().execute(&mut *of).await?.rows_affected();
    }
    Ok(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ids_that_a_peer_knows_are_not_counted_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let records = Records::open(&folder.path().join("records.db"))
            .await
            .expect("opens");
        let peers = ["1", "2"].map(|id| PartyId::new(id).expect("valid"));
        let ids =
            |range: std::ops::Range<u32>| range.map(|id| format!("id{id}")).collect::<Vec<_>>();
        let tell = async |peer: &PartyId, ids: &[String], reserved: u64, most: u64| {
            let counted = |count| Queries {
                day: 1,
                asker: format!("new ids of {peer}"),
                count,
            };
            let reserve = [(counted(reserved), u64::MAX)];
            assert_eq!(records.count_within(&reserve).await.expect("counted"), None);
            let told = records
                .tell_ids(peer, ids, &counted(reserved), most)
                .await
                .expect("told");
            let of_day = records.queries_of(1).await.expect("read");
            (
                told,
                of_day
                    .iter()
                    .find(|queries| queries.asker.ends_with(peer.as_str()))
                    .expect("counted")
                    .count,
            )
        };
        assert_eq!(
            tell(&peers[0], &ids(0..1000), 1000, 2000).await,
            (true, 1000)
        );
        assert_eq!(
            tell(&peers[0], &ids(0..1000), 1000, 2000).await,
            (true, 1001),
            "the run itself"
        );
        assert_eq!(
            tell(&peers[0], &ids(500..1500), 1, 2000).await,
            (true, 1501)
        );
        assert_eq!(tell(&peers[1], &ids(0..10), 10, 10).await, (true, 10));
        // Too many: nothing of it is noted, and what was reserved stays counted.
        assert_eq!(
            tell(&peers[0], &ids(1500..2500), 1, 2000).await,
            (false, 1502)
        );
        assert_eq!(
            tell(&peers[0], &ids(1500..1502), 1, 2000).await,
            (true, 1504)
        );
    }

    #[tokio::test]
    async fn others_come_in_between_and_what_was_noted_of_too_much_stays_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let records = Records::open(&folder.path().join("records.db"))
            .await
            .expect("opens");
        let peer = PartyId::new("1").expect("valid");
        let ids: Vec<String> = (0..10_000)
            .chain(0..10)
            .map(|id| format!("id{id}"))
            .collect();
        let day = |day, count| Queries {
            day,
            asker: "new ids".to_owned(),
            count,
        };
        let first = day(7, 0);
        let (told, between) = tokio::join!(records.tell_ids(&peer, &ids, &first, 9_000), async {
            let mut between = 0_usize;
            for _ in 0..1_000 {
                let seen = records.queries_of(7).await.expect("read");
                between += usize::from(seen.iter().any(|seen| seen.count < 8_000));
                tokio::task::yield_now().await;
            }
            between
        });
        assert!(!told.expect("told"));
        assert!(between > 0, "a reader got in between the turns");
        assert_eq!(
            records.queries_of(7).await.expect("read"),
            [day(7, 8_000)],
            "two turns of three"
        );
        assert!(
            records
                .tell_ids(&peer, &ids, &day(8, 0), 2_000)
                .await
                .expect("told")
        );
        assert_eq!(
            records.queries_of(8).await.expect("read"),
            [day(8, 2_000)],
            "the rest, and in its own day"
        );
    }
}
