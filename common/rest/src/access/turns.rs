//! Whose signed request is held next. A body must be held before its signature can be looked at, and who sends it is only
//! claimed until then: names of clients are no secrets. So bodies of an unknown or large size have so many turns, and each
//! claimed name a quarter of them: who trickles bodies in somebody's name keeps nobody else out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::Request;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::body::Body as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies whose signature is not looked at yet that are held at a time, of a megabyte at most each.
pub(super) const AT_ONCE: usize = 64;
/// How many of them in one client's name.
pub(super) const OF_ONE_NAME: usize = AT_ONCE / 4;
/// Bytes up to which a body that says its length needs no turn: it costs hardly more than its head may.
const SMALL: u64 = 16 << 10;
/// How long a signed request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// The turns of a REST endpoint.
pub(super) struct Turns {
    all: Arc<Semaphore>,
    /// By name; only names that the REST endpoint knows come here.
    of: Mutex<HashMap<Arc<str>, Arc<Semaphore>>>,
}

/// A turn, given back when it is dropped.
pub(super) struct Turn {
    _of_name: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(AT_ONCE)),
            of: Mutex::default(),
        }
    }
}

impl Turns {
    /// Waits for a turn in a client's name; `None` when none came in time.
    pub(super) async fn take(&self, name: &Arc<str>) -> Option<Turn> {
        let own = {
            let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
            of.entry(name.clone())
                .or_insert_with(|| Arc::new(Semaphore::new(OF_ONE_NAME)))
                .clone()
        };
        let both = async {
            // The name's turn first: who has used up his own must not wait with one of everybody's
            // in hand.
            let of_name = own.acquire_owned().await.ok()?;
            let of_all = self.all.clone().acquire_owned().await.ok()?;
            Some(Turn {
                _of_name: of_name,
                _of_all: of_all,
            })
        };
        tokio::time::timeout(PATIENCE, both).await.ok().flatten()
    }
}

/// Whether a request needs no turn: it has no body, or says that it is small. The server holds it to that.
pub(super) fn is_small(request: &Request) -> bool {
    let said = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let small = said.is_some_and(|said| said <= SMALL)
        && !request.headers().contains_key(TRANSFER_ENCODING);
    small || request.body().is_end_stream()
}
