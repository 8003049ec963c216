//! Who has a place at a REST endpoint. There are so many places; when all are taken, whoever has been silent the longest and has not
//! shown who he is makes space, and where all have shown it, the longest silent whose requests are answered. A credential has
//! a quarter of the places: beyond that its own longest silent connection makes space. So nobody keeps others out by holding
//! connections, with a credential or without. Callers of this machine share one address, and so do those behind a proxy: the
//! age of the silence tells them apart, and an address is held against those only who have not shown who they are.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::Extensions;
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The places of a REST endpoint.
#[derive(Debug, Clone)]
pub(super) struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    /// Most of one address that is not this machine's, of those who have not shown who they are.
    most_each: usize,
    began: Instant,
    taken: Mutex<PlaceTable>,
}

#[derive(Debug, Default)]
struct PlaceTable {
    next: u64,
    places: BTreeMap<u64, ConnectionState>,
}

/// How a connection stands at a REST endpoint. A cheap handle; every request carries it.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionState(Arc<Connection>);

#[derive(Debug)]
struct Connection {
    /// Whose callers these are; they know all standings.
    shared: Weak<Shared>,
    from: IpAddr,
    began: Instant,
    /// When something last moved, in milliseconds since the REST endpoint was opened.
    moved: AtomicU64,
    /// How many requests' heads have come.
    asked: AtomicU64,
    /// How many requests are being answered.
    running: AtomicUsize,
    /// The name of the credential by which a caller on it has first shown who he is.
    proven: OnceLock<Arc<str>>,
    leave: CancellationToken,
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    number: u64,
    standing: ConnectionState,
}

impl Places {
    pub(super) fn new(most: usize, most_each: usize) -> Self {
        Self(Arc::new(Shared {
            most,
            most_each,
            began: Instant::now(),
            taken: Mutex::default(),
        }))
    }

    /// Has the longest silent one leave; whether there was one.
    pub(super) fn make_space(&self) -> bool {
        self.0.taken().make_space(None).is_some()
    }

    /// A place for a caller from there; none when all are held by callers who have shown who they are and wait for replies.
    pub(super) fn take(&self, from: IpAddr) -> Option<Place> {
        // An IPv4 caller on an IPv6 socket would else count as another address.
        let from = from.to_canonical();
        let mut taken = self.0.taken();
        let unproven =
            |standing: &&ConnectionState| standing.0.from == from && !standing.is_proven();
        let own = taken.places.values().filter(unproven).count();
        // Callers of this machine share one address, a proxy's among them, and are judged by their
        // silence alone.
        if !from.is_loopback() && own >= self.0.most_each {
            taken.make_space(Some(from))?;
        } else if taken.places.len() >= self.0.most {
            taken.make_space(None)?;
        }
        taken.next += 1;
        let number = taken.next;
        let connection = Connection {
            shared: Arc::downgrade(&self.0),
            from,
            began: self.0.began,
            moved: AtomicU64::new(since(self.0.began)),
            asked: AtomicU64::new(0),
            running: AtomicUsize::new(0),
            proven: OnceLock::new(),
            leave: CancellationToken::new(),
        };
        let standing = ConnectionState(Arc::new(connection));
        taken.places.insert(number, standing.clone());
        Some(Place {
            places: self.clone(),
            number,
            standing,
        })
    }
}

impl Shared {
    fn taken(&self) -> MutexGuard<'_, PlaceTable> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PlaceTable {
    /// Takes the place of whoever has been silent the longest and has not shown who he is: of one address, or of the one that
    /// holds the most. Where there is nobody like that, of whoever has shown it and waits for nothing.
    fn make_space(&mut self, of: Option<IpAddr>) -> Option<()> {
        let mut held: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for standing in self
            .places
            .values()
            .filter(|standing| !standing.is_proven())
        {
            *held.entry(standing.0.from).or_default() += 1;
        }
        match of.or_else(|| {
            held.iter()
                .max_by_key(|(_, count)| **count)
                .map(|(from, _)| *from)
        }) {
            Some(of) => {
                self.longest_silent(|standing| standing.0.from == of && !standing.is_proven())
            }
            None => self.longest_silent(ConnectionState::is_idle),
        }
    }

    /// Takes the place of the longest silent one of these.
    fn longest_silent(&mut self, of: impl Fn(&ConnectionState) -> bool) -> Option<()> {
        let candidates = self.places.iter().filter(|(_, standing)| of(standing));
        let (number, _) = candidates.min_by_key(|(number, standing)| {
            (standing.0.moved.load(Ordering::Relaxed), **number)
        })?;
        let number = *number;
        // Removed here and not when the connection ends: the place is free at once.
        let left = self.places.remove(&number)?;
        tracing::debug!(from = %left.0.from, "a silent connection made space for another");
        left.0.leave.cancel();
        Some(())
    }
}

impl Place {
    pub(super) fn standing(&self) -> ConnectionState {
        self.standing.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.0.taken().places.remove(&self.number);
    }
}

impl ConnectionState {
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

    fn is_proven(&self) -> bool {
        self.0.proven.get().is_some()
    }

    fn is_idle(&self) -> bool {
        self.0.running.load(Ordering::Relaxed) == 0
    }

    /// Somebody has shown who he is: that counts for a quarter of the places. Beyond it, his longest silent connection whose
    /// requests are answered makes space; where there is none, this one does not count.
    fn prove(&self, credential: &Arc<str>) {
        let Some(shared) = self.0.shared.upgrade().filter(|_| !self.is_proven()) else {
            return;
        };
        let mut taken = shared.taken();
        let own = |standing: &ConnectionState| standing.0.proven.get() == Some(credential);
        let held = taken
            .places
            .values()
            .filter(|standing| own(standing))
            .count();
        // Under the lock: two connections of one credential must not both take its last place.
        if held < (shared.most / 4).max(1)
            || taken
                .longest_silent(|other| own(other) && other.is_idle())
                .is_some()
        {
            let _ = self.0.proven.set(credential.clone());
        }
    }

    fn runs(&self) -> Running {
        self.0.running.fetch_add(1, Ordering::Relaxed);
        Running(self.clone())
    }

    /// Returns once the place was given to somebody else.
    pub(super) async fn left(&self) {
        self.0.leave.cancelled().await;
    }
}

/// A request that is being answered, until it is dropped.
struct Running(ConnectionState);

impl Drop for Running {
    fn drop(&mut self) {
        // The end of an answer counts as a move: the caller has just been served and may ask again.
        self.0.moves();
        self.0.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A reply's body, which ends its request when it is read or dropped.
struct Answer {
    body: Body,
    _running: Running,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Counts a request as running until its reply's body has gone.
pub(super) async fn count_running(request: Request, next: Next) -> Response {
    let Some(running) = request
        .extensions()
        .get::<ConnectionState>()
        .map(ConnectionState::runs)
    else {
        return next.run(request).await;
    };
    next.run(request).await.map(|body| {
        Body::new(Answer {
            body,
            _running: running,
        })
    })
}

/// Notes that the caller of a request has shown who he is, by the credential of this name: his connection keeps its place.
pub(crate) fn prove(extensions: &Extensions, credential: &Arc<str>) {
    if let Some(standing) = extensions.get::<ConnectionState>() {
        standing.prove(credential);
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

    fn proven_by(place: &Place, name: &str) {
        let mut extensions = Extensions::new();
        extensions.insert(place.standing());
        prove(&extensions, &name.into());
    }

    fn proven(place: &Place) {
        proven_by(place, &place.number.to_string());
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_is_silent_the_longest_makes_space() {
        let (places, own) = (Places::new(3, 9), address("127.0.0.1"));
        let mut taken = Vec::new();
        for _ in 0..3 {
            taken.push(places.take(own).expect("a place"));
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        taken[0].standing.moves();
        let fourth = places.take(own).expect("space is made");
        assert_eq!(
            taken.iter().map(has_left).collect::<Vec<_>>(),
            [false, true, false]
        );
        proven(&taken[2]);
        tokio::time::advance(Duration::from_millis(10)).await;
        fourth.standing.moves();
        let _fifth = places.take(own).expect("space is made");
        assert_eq!(
            taken.iter().map(has_left).collect::<Vec<_>>(),
            [true, true, false],
            "the proven one stays"
        );
    }

    #[test]
    fn nobody_who_has_shown_who_he_is_leaves_while_he_is_answered() {
        let (places, own) = (Places::new(2, 9), address("127.0.0.1"));
        let taken = [
            places.take(own).expect("a place"),
            places.take(own).expect("a place"),
        ];
        taken.iter().for_each(proven);
        let running: Vec<Running> = taken.iter().map(|place| place.standing.runs()).collect();
        assert!(places.take(own).is_none());
        drop(running);
        let _third = places.take(own).expect("the longest silent makes space");
        let _fourth = places
            .take(own)
            .expect("who has not shown it makes space first");
        assert_eq!(
            taken.iter().map(has_left).collect::<Vec<_>>(),
            [true, false]
        );
        drop(taken);
        assert!(places.take(own).is_some(), "places are given back");
    }

    #[test]
    fn a_credential_has_a_quarter_of_the_places() {
        let (places, own) = (Places::new(8, 9), address("127.0.0.1"));
        let taken: Vec<Place> = (0..6).map(|_| places.take(own).expect("a place")).collect();
        let other = places.take(own).expect("a place");
        proven_by(&other, "another");
        let _running = taken[1].standing.runs();
        taken.iter().for_each(|place| proven_by(place, "one"));
        assert_eq!(
            taken.iter().map(has_left).collect::<Vec<_>>(),
            [true, false, true, true, true, false]
        );
        // all that it may have is in use: a further one does not count as known
        let _too = taken[5].standing.runs();
        let further = places.take(own).expect("a place");
        proven_by(&further, "one");
        assert!(!further.standing.is_proven() && !has_left(&taken[1]) && !has_left(&other));
    }

    #[test]
    fn an_address_is_not_held_against_those_who_have_shown_who_they_are() {
        let (places, proxy) = (Places::new(100, 2), address("192.0.2.1"));
        let known: Vec<Place> = (0..5)
            .map(|_| {
                let place = places.take(proxy).expect("a place");
                proven(&place);
                place
            })
            .collect();
        let strangers: Vec<Place> = (0..3)
            .map(|_| places.take(proxy).expect("a place"))
            .collect();
        assert!(!known.iter().any(has_left));
        assert_eq!(
            strangers.iter().map(has_left).collect::<Vec<_>>(),
            [true, false, false]
        );
    }

    #[test]
    fn an_address_has_so_many_and_makes_space_for_itself() {
        let places = Places::new(100, 2);
        let (flooding, other) = (address("192.0.2.1"), address("::ffff:192.0.2.2"));
        let others = places.take(other).expect("a place");
        let taken: Vec<Place> = (0..5)
            .map(|_| places.take(flooding).expect("a place"))
            .collect();
        assert_eq!(
            taken.iter().map(has_left).collect::<Vec<_>>(),
            [true, true, true, false, false]
        );
        assert!(!has_left(&others));
        let here: Vec<Place> = (0..5)
            .map(|_| places.take(address("::1")).expect("a place"))
            .collect();
        assert!(
            !here.iter().any(has_left),
            "callers of this machine share their address"
        );
    }

    #[test]
    fn whoever_holds_the_most_makes_space_for_others() {
        let places = Places::new(5, 9);
        let early = places.take(address("192.0.2.9")).expect("a place");
        let flood: Vec<Place> = (0..4)
            .map(|_| places.take(address("192.0.2.1")).expect("a place"))
            .collect();
        let _late = places.take(address("192.0.2.7")).expect("space is made");
        assert!(!has_left(&early) && has_left(&flood[0]));
    }
}
