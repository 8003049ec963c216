//! The local work: blinding in a shuffled order, matching, and checking what a peer says of positions.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use component_kit::{ComponentError, Result};
use crypto::Random;
use crypto::curve::{BlindingKey, CurveError};
use vocabulary::Stop;

/// A blinded id: a canonically encoded ristretto255 element.
pub(super) type Point = [u8; 32];

/// Points (or positions) per message; few in tests, so that every test takes several turns.
pub(super) const CHUNK: usize = if cfg!(test) { 7 } else { 100_000 };

/// Points worked on between two questions whether the work is still wanted; few in tests, so that there are several.
const PIECE: usize = if cfg!(test) { 3 } else { 1_024 };

/// The tag under which ids are hashed into the group; both sides must use the same.
const DOMAIN: &[u8] = b"fedflow intersection 1 ristretto255 sha512";

/// The slice of one turn; empty when the list is shorter than that.
pub(super) fn chunk_of(length: usize, turn: usize) -> Range<usize> {
    let start = turn.saturating_mul(CHUNK).min(length);
    start..length.min(start.saturating_add(CHUNK))
}

/// What of a list goes with one turn.
pub(super) fn piece<T>(list: &[T], turn: usize) -> &[T] {
    &list[chunk_of(list.len(), turn)]
}

/// How many messages a list of this length takes.
pub(super) fn turns(length: usize) -> usize {
    length.div_ceil(CHUNK)
}

/// A party's ids under a fresh key and in a freshly shuffled order, both meant for one peer only.
pub(super) struct Blinder {
    key: BlindingKey,
    ids: Arc<Vec<String>>,
    /// The row at each shuffled position.
    order: Vec<usize>,
}

impl Blinder {
    pub(super) fn new(ids: Arc<Vec<String>>, random: &mut Random) -> Arc<Self> {
        let mut order: Vec<usize> = (0..ids.len()).collect();
        random.shuffle(&mut order);
        Arc::new(Self {
            key: BlindingKey::generate(random),
            ids,
            order,
        })
    }

    /// How many ids there are.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// The rows by shuffled position.
    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }

    /// The blinded ids at these shuffled positions.
    pub(super) fn blind(&self, positions: Range<usize>, stop: &Stop) -> Result<Vec<Point>> {
        let rows = &self.order[positions];
        let ids: Vec<&str> = rows
            .iter()
            .filter_map(|row| self.ids.get(*row))
            .map(String::as_str)
            .collect();
        let mut points = Vec::with_capacity(ids.len());
        for piece in ids.chunks(PIECE) {
            stop.go_on()?;
            points.extend(self.key.blind_ids(piece, DOMAIN));
        }
        Ok(points)
    }

    /// A peer's points with this party's blinding on top, in the peer's order; or what is wrong with them.
    pub(super) fn double(
        &self,
        points: &[Point],
        stop: &Stop,
    ) -> Result<Result<Vec<Point>, CurveError>> {
        let mut doubled = Vec::with_capacity(points.len());
        for piece in points.chunks(PIECE) {
            stop.go_on()?;
            match self.key.blind_points(piece) {
                Ok(points) => doubled.extend(points),
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(doubled))
    }
}

/// Refuses a message that has not as many points as the turn asks for.
pub(super) fn check_count(what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(ComponentError::protocol(format!(
        "{what} has {found} entries, {expected} were due"
    )))
}

/// Refuses a number of ids that no table can have.
pub(super) fn check_ids(peer: &impl std::fmt::Display, ids: u64) -> Result<usize> {
    let most = u64::from(u32::MAX);
    usize::try_from(ids)
        .ok()
        .filter(|_| ids <= most)
        .ok_or_else(|| {
            ComponentError::protocol(format!(
                "{peer} speaks of {ids} ids, more than the {most} that a table may have"
            ))
        })
}

/// For each of the guest's doubly blinded points the position of the host's equal one. A point that stands twice on
/// either side is refused: ids are unique, and blinding keeps them so.
pub(super) fn matches(guest: &[Point], host: &[Point]) -> Result<Vec<Option<usize>>> {
    let twice = |whose: &str| {
        ComponentError::protocol(format!(
            "a doubly blinded point of the {whose} stands twice"
        ))
    };
    let mut places = HashMap::with_capacity(host.len());
    for (position, point) in host.iter().enumerate() {
        if places.insert(*point, position).is_some() {
            return Err(twice("host"));
        }
    }
    let mut seen = HashSet::with_capacity(guest.len());
    if guest.iter().any(|point| !seen.insert(*point)) {
        return Err(twice("guest"));
    }
    Ok(guest
        .iter()
        .map(|point| places.get(point).copied())
        .collect())
}

/// How many points have a match.
pub(super) fn size_of(matches: &[Option<usize>]) -> usize {
    matches.iter().flatten().count()
}

/// Puts random bytes in place of the points that have no match. What a peer that breaks the protocol let nobody count (because
/// it spoiled what it returned, or blinded its ids with several keys) is then of no use to it either; an honest one would have
/// found nothing there.
pub(super) fn keep_uncounted(
    doubled: &mut [Point],
    matches: &[Option<usize>],
    random: &mut Random,
) {
    for (place, point) in doubled.iter_mut().enumerate() {
        if !matches!(matches.get(place), Some(Some(_))) {
            random.fill(point);
        }
    }
}

/// The guest's rows with the position that each has at one host, in row order: the matches, taken back from the
/// shuffled order.
pub(super) fn by_row(matches: &[Option<usize>], order: &[usize]) -> Vec<Option<usize>> {
    let mut positions = vec![None; order.len()];
    for (row, position) in order.iter().zip(matches) {
        if let Some(place) = positions.get_mut(*row) {
            *place = *position;
        }
    }
    positions
}

/// The rows that every host has, given [`by_row`] of each.
pub(super) fn common_rows(rows: usize, hosts: &[Vec<Option<usize>>]) -> Vec<usize> {
    let has = |host: &Vec<Option<usize>>, row| matches!(host.get(row), Some(Some(_)));
    (0..rows)
        .filter(|row| hosts.iter().all(|host| has(host, *row)))
        .collect()
}

/// What one host is told: its positions of these rows, ascending, so that their order says nothing.
pub(super) fn told_positions(rows: &[usize], host: &[Option<usize>]) -> Vec<u64> {
    let mut positions: Vec<u64> = rows
        .iter()
        .filter_map(|row| host.get(*row).copied().flatten())
        .map(|position| position as u64)
        .collect();
    // The guest's order of rows is its own: the host must not learn which of its rows stand
    // together.
    positions.sort_unstable();
    positions
}

/// A host's rows at the positions that the guest names, which must ascend without repeats and lie in the table.
pub(super) fn rows_at_positions(positions: &[u64], order: &[usize]) -> Result<Vec<usize>> {
    // Refused and not sorted: a position twice would be a row twice, and an id twice.
    if !positions.is_sorted_by(|one, next| one < next) {
        return Err(ComponentError::protocol(
            "the common positions do not ascend, or one stands twice",
        ));
    }
    let row = |position: &u64| {
        let row = usize::try_from(*position)
            .ok()
            .and_then(|position| order.get(position).copied());
        row.ok_or_else(|| {
            ComponentError::protocol(format!(
                "common position {position} is not below {}, the number of ids",
                order.len()
            ))
        })
    };
    positions.iter().map(row).collect()
}

/// Rows in the order in which all parties store the intersection: by the bytes of the id's text.
pub(super) fn sorted_by_id(mut rows: Vec<usize>, ids: &[String]) -> Vec<usize> {
    // By bytes, not by a locale: every party must come to the same order by itself.
    rows.sort_unstable_by_key(|row| ids.get(*row));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn point(value: u8) -> Point {
        [value; 32]
    }

    #[test]
    fn matches_are_taken_back_from_the_shuffled_order() {
        let found = matches(
            &[point(1), point(2), point(3)],
            &[point(3), point(9), point(1)],
        )
        .expect("matched");
        assert_eq!(found, [Some(2), None, Some(0)]);
        // Shuffled position 0 is row 2, 1 is row 0, 2 is row 1.
        let host = by_row(&found, &[2, 0, 1]);
        assert_eq!(host, [None, Some(0), Some(2)]);
        assert_eq!(common_rows(3, std::slice::from_ref(&host)), [1, 2]);
        assert_eq!(
            common_rows(3, &[host.clone(), vec![Some(5), Some(4), None]]),
            [1]
        );
        assert_eq!(told_positions(&[2, 1], &host), [0, 2]);
    }

    #[test]
    fn points_without_a_match_are_kept_back() {
        let own = [point(1), point(2), point(3), point(4)];
        let (mut one, mut other) = (own, own);
        // Fewer matches than points: what is not known to be counted stays.
        for (points, seed) in [(&mut one, 1), (&mut other, 2)] {
            keep_uncounted(points, &[None, Some(7), None], &mut Random::seeded(seed));
        }
        assert_eq!((one[1], other[1]), (own[1], own[1]));
        for place in [0, 2, 3] {
            assert!(
                one[place] != own[place]
                    && other[place] != own[place]
                    && one[place] != other[place],
                "{place}"
            );
        }
        assert_eq!(size_of(&[None, Some(7), None, Some(0)]), 2);
    }

    #[test]
    fn refuses_a_point_that_stands_twice() {
        assert!(matches(&[point(1)], &[point(2), point(2)]).is_err());
        assert!(matches(&[point(1), point(1)], &[point(2)]).is_err());
    }

    #[test]
    fn refuses_positions_out_of_range_repeated_or_unsorted() {
        let order = [1, 0, 2];
        assert_eq!(rows_at_positions(&[0, 2], &order).expect("good"), [1, 2]);
        for bad in [&[3][..], &[0, 0], &[2, 1], &[u64::MAX]] {
            assert!(rows_at_positions(bad, &order).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn refuses_a_count_that_is_not_due_and_a_size_that_no_table_has() {
        assert!(
            check_count("host_points", 3, 3).is_ok() && check_count("host_points", 4, 3).is_err()
        );
        assert_eq!(check_ids(&"host", 5).expect("small"), 5);
        assert!(check_ids(&"host", u64::MAX).is_err());
    }

    #[test]
    fn sorts_by_the_bytes_of_the_id() {
        let ids: Vec<String> = ["b", "ä", "a", "10", "9"].map(String::from).to_vec();
        assert_eq!(sorted_by_id(vec![0, 1, 2, 3, 4], &ids), [3, 4, 2, 0, 1]);
    }

    #[test]
    fn every_meeting_has_an_order_and_a_key_of_its_own() {
        let ids: Arc<Vec<String>> =
            Arc::new((0..50).map(|number| format!("id-{number}")).collect());
        let mut random = Random::seeded(1);
        let (one, other) = (
            Blinder::new(ids.clone(), &mut random),
            Blinder::new(ids.clone(), &mut random),
        );
        let stored: Vec<usize> = (0..50).collect();
        for order in [one.order(), other.order()] {
            assert_ne!(order, stored, "the peer sees the order of the table");
            let mut rows = order.to_vec();
            rows.sort_unstable();
            assert_eq!(rows, stored);
        }
        assert_ne!(one.order(), other.order());
        let points: HashSet<Point> = [one, other]
            .iter()
            .flat_map(|own| own.blind(0..50, &Stop::NEVER).expect("blinded"))
            .collect();
        assert_eq!(points.len(), 100, "two meetings show the same points");
    }

    proptest! {
        #[test]
        fn chunks_cover_a_list_once(length in 0usize..40) {
            let turns: Vec<usize> = (0..turns(length)).flat_map(|turn| chunk_of(length, turn)).collect();
            prop_assert_eq!(turns, (0..length).collect::<Vec<_>>());
            prop_assert!(chunk_of(length, turns_after(length)).is_empty());
        }
    }

    fn turns_after(length: usize) -> usize {
        turns(length) + 3
    }
}
