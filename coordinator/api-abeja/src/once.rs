//! A request that was carried out although its answer never arrived is not carried out again: clients send a POST whose
//! connection broke once more, and must not get two runs for it.
//!
//! The work goes on when its client is gone, and its answer is kept for a while. The first equal request after that takes it.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::Instant;
use vocabulary::{ErrorCode, Fault};

use super::reply::Refusal;

/// How long an answer waits that nobody has heard.
const KEPT: Duration = Duration::from_secs(60);
/// How many requests of one kind are looked at beside each other.
const TURNS: usize = 64;
/// Most such answers.
const MOST: usize = 10_000;

type Outcome = Result<(StatusCode, Value), Refusal>;

/// Answers that nobody has heard. A cheap handle.
#[derive(Clone)]
pub(super) struct Once {
    unheard: Arc<Mutex<HashMap<String, Unheard>>>,
    turns: Arc<[tokio::sync::Mutex<()>; TURNS]>,
}

struct Unheard {
    since: Instant,
    outcome: oneshot::Receiver<Outcome>,
}

/// Puts the answer away when its client goes before it has it.
struct Listener {
    once: Once,
    asked: String,
    outcome: Option<oneshot::Receiver<Outcome>>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        let Some(outcome) = self.outcome.take() else {
            return;
        };
        let mut unheard = self
            .once
            .unheard
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        unheard.retain(|_, answer| answer.since.elapsed() < KEPT);
        if unheard.len() < MOST {
            unheard.insert(
                std::mem::take(&mut self.asked),
                Unheard {
                    since: Instant::now(),
                    outcome,
                },
            );
        }
    }
}

impl Default for Once {
    fn default() -> Self {
        Self {
            unheard: Arc::default(),
            turns: Arc::new(std::array::from_fn(|_| tokio::sync::Mutex::default())),
        }
    }
}

impl Once {
    /// The turn of one of several equal requests; others may have to wait, too.
    pub(super) async fn turn(&self, hash: &str) -> tokio::sync::MutexGuard<'_, ()> {
        let sum: usize = hash.bytes().map(usize::from).sum();
        let [first, ..] = &*self.turns;
        self.turns.get(sum % TURNS).unwrap_or(first).lock().await
    }

    /// Has `work` done, and gives its outcome; or that of the same request, where its client went without an answer.
    pub(super) async fn answer(
        &self,
        asked: &str,
        work: impl Future<Output = Outcome> + Send + 'static,
    ) -> Outcome {
        let earlier = self
            .unheard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(asked);
        let earlier = earlier
            .filter(|earlier| earlier.since.elapsed() < KEPT)
            .map(|earlier| earlier.outcome);
        let outcome = earlier.unwrap_or_else(|| {
            let (tell, outcome) = oneshot::channel();
            tokio::spawn(async move {
                let _ = tell.send(work.await);
            });
            outcome
        });
        let mut listener = Listener {
            once: self.clone(),
            asked: asked.to_owned(),
            outcome: Some(outcome),
        };
        let heard = match &mut listener.outcome {
            Some(outcome) => outcome.await.ok(),
            None => None,
        };
        listener.outcome = None;
        heard.unwrap_or_else(|| {
            Err(Fault::new(ErrorCode::Internal, "the request was not carried out").into())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use serde_json::json;

    use super::*;

    fn work(count: &Arc<AtomicU32>) -> impl Future<Output = Outcome> + Send + 'static {
        let count = count.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok((
                StatusCode::CREATED,
                json!(count.fetch_add(1, Ordering::SeqCst)),
            ))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn does_again_what_was_heard_and_not_what_was_not() {
        let (once, count) = (Once::default(), Arc::new(AtomicU32::new(0)));
        for expected in 0..2 {
            assert_eq!(
                once.answer("a", work(&count)).await,
                Ok((StatusCode::CREATED, json!(expected)))
            );
        }
        // the client goes while the work is under way, and comes back before and after its end
        for pause in [0, 5] {
            let before = count.load(Ordering::SeqCst);
            let gone =
                tokio::time::timeout(Duration::from_millis(10), once.answer("a", work(&count)))
                    .await;
            assert!(gone.is_err());
            tokio::time::sleep(Duration::from_secs(pause)).await;
            assert_eq!(
                once.answer("b", work(&count))
                    .await
                    .map(|(status, _)| status),
                Ok(StatusCode::CREATED)
            );
            assert_eq!(
                once.answer("a", work(&count)).await.expect("made").0,
                StatusCode::CREATED
            );
            assert_eq!(
                count.load(Ordering::SeqCst),
                before + 2,
                "one for each of two different requests"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn forgets_an_answer_after_a_while() {
        let (once, count) = (Once::default(), Arc::new(AtomicU32::new(0)));
        let _ =
            tokio::time::timeout(Duration::from_millis(10), once.answer("a", work(&count))).await;
        tokio::time::sleep(KEPT + Duration::from_secs(1)).await;
        assert_eq!(
            once.answer("a", work(&count)).await,
            Ok((StatusCode::CREATED, json!(1)))
        );
    }
}
