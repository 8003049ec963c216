//! Whether work is still wanted: one token that goes from an attempt into everything that computes for it. Long loops ask it, and end.

use std::fmt;
use std::sync::Arc;

/// Turns of a short loop between two questions.
const TURNS: usize = 4_096;

/// The work was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the work was stopped")]
pub struct Stopped;

/// Says whether the work was stopped. Cheap to clone.
#[derive(Clone, Default)]
pub struct Stop(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

impl Stop {
    /// Work that nobody stops.
    pub const NEVER: Self = Self(None);

    /// Work that is stopped from when on `is_asked` says so.
    pub fn when(is_asked: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(is_asked)))
    }

    /// Whether it was.
    pub fn is_asked(&self) -> bool {
        self.0.as_ref().is_some_and(|is_asked| is_asked())
    }

    /// Fails once it was.
    pub fn go_on(&self) -> Result<(), Stopped> {
        if self.is_asked() {
            Err(Stopped)
        } else {
            Ok(())
        }
    }

    /// The same in a loop of short turns, of which every 4,096th asks, the first one, too.
    pub fn now_and_then(&self, turn: usize) -> Result<(), Stopped> {
        if turn.is_multiple_of(TURNS) {
            self.go_on()
        } else {
            Ok(())
        }
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Stop({})",
            if self.0.is_some() { "watched" } else { "never" }
        )
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn asks_in_every_4096th_turn() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counts = asked.clone();
        let stop = Stop::when(move || counts.fetch_add(1, Ordering::SeqCst) >= 2);
        let ended = (0..usize::MAX).find(|turn| stop.now_and_then(*turn).is_err());
        assert_eq!((ended, asked.load(Ordering::SeqCst)), (Some(8_192), 3));
        assert!(stop.go_on().is_err() && stop.clone().is_asked());
        assert!(Stop::NEVER.go_on().is_ok());
    }
}
