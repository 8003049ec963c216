//! Who has a place at a door. There are so many places; when all are taken, whoever has been silent the longest and has not
//! shown who he is makes room. So nobody keeps others out by holding connections, and whoever has shown who he is keeps his
//! place. Callers of this machine share one address, and so do those behind a proxy: the age of the silence tells them apart.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Extensions;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The places of a door.
#[derive(Debug, Clone)]
pub(super) struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    /// Most of one address that is not this machine's.
    most_each: usize,
    began: Instant,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    places: BTreeMap<u64, Standing>,
}

/// How a connection stands at a door. A cheap handle; every request carries it.
#[derive(Debug, Clone)]
pub(crate) struct Standing(Arc<Seat>);

#[derive(Debug)]
struct Seat {
    from: IpAddr,
    began: Instant,
    /// When something last moved, in milliseconds since the door was opened.
    moved: AtomicU64,
    /// How many requests' heads have come.
    asked: AtomicU64,
    /// Whether a caller on it has shown who he is.
    proven: AtomicBool,
    leave: CancellationToken,
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    number: u64,
    standing: Standing,
}

impl Places {
    pub(super) fn new(most: usize, most_each: usize) -> Self {
        Self(Arc::new(Shared { most, most_each, began: Instant::now(), taken: Mutex::default() }))
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the longest silent one leave; whether there was one.
    pub(super) fn make_room(&self) -> bool {
        self.taken().make_room(None).is_some()
    }

    /// A place for a caller from there; none when all are held by callers who have shown who they are.
    pub(super) fn take(&self, from: IpAddr) -> Option<Place> {
        let from = from.to_canonical();
        let mut taken = self.taken();
        let own = taken.places.values().filter(|standing| standing.0.from == from).count();
        if !from.is_loopback() && own >= self.0.most_each {
            taken.make_room(Some(from))?;
        } else if taken.places.len() >= self.0.most {
            taken.make_room(None)?;
        }
        taken.next += 1;
        let number = taken.next;
        let seat = Seat {
            from,
            began: self.0.began,
            moved: AtomicU64::new(since(self.0.began)),
            asked: AtomicU64::new(0),
            proven: AtomicBool::new(false),
            leave: CancellationToken::new(),
        };
        let standing = Standing(Arc::new(seat));
        taken.places.insert(number, standing.clone());
        Some(Place { places: self.clone(), number, standing })
    }
}

impl Taken {
    /// Takes the place of whoever has been silent the longest: of one address, or of the one that holds the most.
    fn make_room(&mut self, of: Option<IpAddr>) -> Option<()> {
        let unproven = |standing: &Standing| !standing.0.proven.load(Ordering::Relaxed);
        let mut held: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for standing in self.places.values().filter(|standing| unproven(standing)) {
            *held.entry(standing.0.from).or_default() += 1;
        }
        let of = of.or_else(|| held.iter().max_by_key(|(_, count)| **count).map(|(from, _)| *from))?;
        let candidates = self.places.iter().filter(|(_, standing)| standing.0.from == of && unproven(standing));
        let (number, _) =
            candidates.min_by_key(|(number, standing)| (standing.0.moved.load(Ordering::Relaxed), **number))?;
        let number = *number;
        let left = self.places.remove(&number)?;
        tracing::debug!(from = %of, "a silent connection made room for another");
        left.0.leave.cancel();
        Some(())
    }
}

impl Place {
    pub(super) fn standing(&self) -> Standing {
        self.standing.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().places.remove(&self.number);
    }
}

impl Standing {
    /// Something moved on the connection.
    pub(super) fn moves(&self) {
        self.0.moved.store(since(self.0.began), Ordering::Relaxed);
    }

    /// A request's head has come: which one it is.
    pub(super) fn asks(&self) -> u64 {
        self.0.asked.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn has_asked(&self) -> bool {
        self.0.asked.load(Ordering::Relaxed) > 0
    }

    /// Returns once the place was given to somebody else.
    pub(super) async fn left(&self) {
        self.0.leave.cancelled().await;
    }
}

/// Notes that the caller of a request has shown who he is: his connection keeps its place.
pub fn prove(extensions: &Extensions) {
    if let Some(standing) = extensions.get::<Standing>() {
        standing.0.proven.store(true, Ordering::Relaxed);
    }
}

fn since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn has_left(place: &Place) -> bool {
        place.standing.0.leave.is_cancelled()
    }

    fn proven(place: &Place) {
        let mut extensions = Extensions::new();
        extensions.insert(place.standing());
        prove(&extensions);
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_is_silent_the_longest_makes_room() {
        let (places, own) = (Places::new(3, 9), address("127.0.0.1"));
        let mut taken = Vec::new();
        for _ in 0..3 {
            taken.push(places.take(own).expect("a place"));
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        taken[0].standing.moves();
        let fourth = places.take(own).expect("room is made");
        assert_eq!(taken.iter().map(has_left).collect::<Vec<_>>(), [false, true, false]);
        proven(&taken[2]);
        tokio::time::advance(Duration::from_millis(10)).await;
        fourth.standing.moves();
        let _fifth = places.take(own).expect("room is made");
        assert_eq!(taken.iter().map(has_left).collect::<Vec<_>>(), [true, true, false], "the proven one stays");
    }

    #[test]
    fn nobody_who_has_shown_who_he_is_leaves() {
        let (places, own) = (Places::new(2, 9), address("127.0.0.1"));
        let taken = [places.take(own).expect("a place"), places.take(own).expect("a place")];
        taken.iter().for_each(proven);
        assert!(places.take(own).is_none());
        drop(taken);
        assert!(places.take(own).is_some(), "places are given back");
    }

    #[test]
    fn an_address_has_so_many_and_makes_room_for_itself() {
        let places = Places::new(100, 2);
        let (flooding, other) = (address("192.0.2.1"), address("::ffff:192.0.2.2"));
        let others = places.take(other).expect("a place");
        let taken: Vec<Place> = (0..5).map(|_| places.take(flooding).expect("a place")).collect();
        assert_eq!(taken.iter().map(has_left).collect::<Vec<_>>(), [true, true, true, false, false]);
        assert!(!has_left(&others));
        let here: Vec<Place> = (0..5).map(|_| places.take(address("::1")).expect("a place")).collect();
        assert!(!here.iter().any(has_left), "callers of this machine share their address");
    }

    #[test]
    fn whoever_holds_the_most_makes_room_for_others() {
        let places = Places::new(5, 9);
        let early = places.take(address("192.0.2.9")).expect("a place");
        let flood: Vec<Place> = (0..4).map(|_| places.take(address("192.0.2.1")).expect("a place")).collect();
        let _late = places.take(address("192.0.2.7")).expect("room is made");
        assert!(!has_left(&early) && has_left(&flood[0]));
    }
}
