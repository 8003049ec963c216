//! Requests of one service: those that come while a prediction runs wait, and the next prediction takes them together.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use vocabulary::{ErrorCode, Fault};

use super::latency::Figures;
use super::prediction::Batch;

/// Requests that may wait; more are refused.
const MOST_WAITING: usize = 1_000;

type Answer = Result<Arc<Batch>, Fault>;
/// Starts a prediction of some ids.
pub(super) type Run = Arc<dyn Fn(Vec<String>) -> JoinHandle<Result<Batch, Fault>> + Send + Sync>;

struct Ask {
    ids: Vec<String>,
    answer: oneshot::Sender<Answer>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Ask>,
    /// Whether somebody works on what waits.
    runs: bool,
    figures: Figures,
}

/// The line before one service.
#[derive(Default)]
pub(super) struct Line(Mutex<State>);

impl Line {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn figures(&self) -> Figures {
        self.state().figures.clone()
    }

    /// Waits for a prediction that has these ids, at most `patience`; one prediction takes `most` ids.
    pub(super) async fn ask(
        self: &Arc<Self>,
        ids: Vec<String>,
        patience: Duration,
        most: usize,
        run: Run,
    ) -> Answer {
        let began = Instant::now();
        let answered = match self.join(ids, most, run) {
            Ok(answer) => match tokio::time::timeout(patience, answer).await {
                Ok(Ok(answered)) => answered,
                Ok(Err(_)) => Err(Fault::new(
                    ErrorCode::Internal,
                    "the prediction ended without an answer",
                )),
                Err(_) => Err(late(patience)),
            },
            Err(fault) => Err(fault),
        };
        let mut state = self.state();
        match &answered {
            Ok(_) => state
                .figures
                .answered(began.elapsed().as_secs_f64() * 1_000.0),
            Err(_) => state.figures.failed(),
        }
        answered
    }

    fn join(
        self: &Arc<Self>,
        ids: Vec<String>,
        most: usize,
        run: Run,
    ) -> Result<oneshot::Receiver<Answer>, Fault> {
        let (answer, receiver) = oneshot::channel();
        let mut state = self.state();
        if state.waiting.len() >= MOST_WAITING {
            let message = format!("{MOST_WAITING} requests wait for this service already");
            return Err(Fault::new(ErrorCode::JobState, message)
                .next("ask again in a while, for several ids at once"));
        }
        state.waiting.push(Ask { ids, answer });
        if !std::mem::replace(&mut state.runs, true) {
            // On its own: the requester may go away, the others' answers come all the same.
            tokio::spawn(self.clone().work(most, run));
        }
        Ok(receiver)
    }

    async fn work(self: Arc<Self>, most: usize, run: Run) {
        while let Some((asks, ids)) = self.next(most) {
            let done = match run(ids).await {
                Ok(done) => done.map(Arc::new),
                Err(error) => Err(Fault::new(
                    ErrorCode::Internal,
                    format!("the prediction broke: {error}"),
                )),
            };
            for ask in asks {
                // Whoever asked may have gone.
                let _ = ask.answer.send(done.clone());
            }
        }
    }

    /// The next requests that fit into one prediction, oldest first, with all their ids; none ends the work.
    fn next(&self, most: usize) -> Option<(Vec<Ask>, Vec<String>)> {
        let mut state = self.state();
        let mut ids = BTreeSet::new();
        let mut count = 0;
        for ask in &state.waiting {
            let with: BTreeSet<&String> = ask.ids.iter().collect();
            let more = with.iter().filter(|id| !ids.contains(**id)).count();
            // A request by itself is never larger than a prediction.
            if count > 0 && ids.len() + more > most {
                break;
            }
            ids.extend(with.into_iter().cloned());
            count += 1;
        }
        if count == 0 {
            state.runs = false;
            return None;
        }
        Some((
            state.waiting.drain(..count).collect(),
            ids.into_iter().collect(),
        ))
    }
}

fn late(patience: Duration) -> Fault {
    let message = format!("the prediction took longer than {} s", patience.as_secs());
    Fault::new(ErrorCode::DeadlinePassed, message)
        .next("see whether all parties are connected, then ask again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::Semaphore;

    fn texts(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|&id| id.to_owned()).collect()
    }

    /// A run that waits for a permit, then gives an empty batch; what it was asked is noted.
    fn gated(gate: &Arc<Semaphore>, seen: &Arc<Mutex<Vec<Vec<String>>>>) -> Run {
        let (gate, seen) = (gate.clone(), seen.clone());
        Arc::new(move |ids| {
            let (gate, seen) = (gate.clone(), seen.clone());
            tokio::spawn(async move {
                seen.lock().unwrap().push(ids.clone());
                gate.acquire().await.unwrap().forget();
                if ids.contains(&"bad".to_owned()) {
                    return Err(Fault::new(ErrorCode::PartyOffline, "away"));
                }
                assert!(!ids.contains(&"panic".to_owned()));
                Ok(Batch::default())
            })
        })
    }

    #[tokio::test]
    async fn takes_what_waits_together_and_no_more_than_fits() {
        let (line, gate, seen) = (
            Arc::new(Line::default()),
            Arc::new(Semaphore::new(0)),
            Arc::default(),
        );
        let run = gated(&gate, &seen);
        let ask = |ids: &[&str]| {
            let (line, ids, run) = (line.clone(), texts(ids), run.clone());
            tokio::spawn(async move { line.ask(ids, Duration::from_secs(60), 3, run).await })
        };
        let first = ask(&["a"]);
        while seen.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let mut rest = Vec::new();
        for ids in [&["b", "c"][..], &["c", "d"], &["e", "f"]] {
            rest.push(ask(ids));
            tokio::task::yield_now().await;
        }
        gate.add_permits(10);
        assert!(first.await.unwrap().is_ok());
        for one in rest {
            assert!(one.await.unwrap().is_ok());
        }
        assert_eq!(
            *seen.lock().unwrap(),
            [texts(&["a"]), texts(&["b", "c", "d"]), texts(&["e", "f"])]
        );
        assert_eq!(line.figures().count, 4);
    }

    #[tokio::test]
    async fn a_failure_is_told_and_the_next_request_runs() {
        let (line, gate, seen) = (
            Arc::new(Line::default()),
            Arc::new(Semaphore::new(10)),
            Arc::default(),
        );
        let run = gated(&gate, &seen);
        for (id, code) in [
            ("bad", Some(ErrorCode::PartyOffline)),
            ("panic", Some(ErrorCode::Internal)),
            ("good", None),
        ] {
            let answered = line
                .ask(texts(&[id]), Duration::from_secs(60), 3, run.clone())
                .await;
            assert_eq!(answered.err().map(|fault| fault.code), code);
        }
        assert_eq!((line.figures().count, line.figures().errors), (1, 2));
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_the_patience() {
        let (line, gate, seen) = (
            Arc::new(Line::default()),
            Arc::new(Semaphore::new(0)),
            Arc::default(),
        );
        let answered = line
            .ask(
                texts(&["a"]),
                Duration::from_millis(20),
                3,
                gated(&gate, &seen),
            )
            .await;
        assert_eq!(answered.unwrap_err().code, ErrorCode::DeadlinePassed);
    }
}
