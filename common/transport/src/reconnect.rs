//! How long to wait before the next attempt: longer each time, never in step with others, short again after a success.

use std::time::Duration;

use crypto::Random;

/// Exponential waiting times with jitter.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    next: Duration,
}

impl Default for Backoff {
    /// From 50 ms to 2 s: who was killed is started again within a second, and an attempt costs one packet.
    fn default() -> Self {
        Self::new(Duration::from_millis(50), Duration::from_secs(2))
    }
}

impl Backoff {
    /// Waiting times from about `first` to at most `cap`.
    pub fn new(first: Duration, cap: Duration) -> Self {
        Self {
            first,
            cap,
            next: first,
        }
    }

    /// The next waiting time: between half and all of a time that doubles up to the cap, so that many who lost the same
    /// peer do not come back at once.
    pub fn step(&mut self) -> Duration {
        let whole = self.next.min(self.cap);
        self.next = whole.saturating_mul(2).min(self.cap);
        // Without entropy the whole time is waited; nothing here is secret.
        let share = Random::from_os().map_or(1.0, |mut random| random.uniform_f64());
        whole.mul_f64(0.5 + share / 2.0)
    }

    /// Waits for the next waiting time.
    pub async fn wait(&mut self) {
        tokio::time::sleep(self.step()).await;
    }

    /// After a success: the next failure waits briefly again.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_longer_each_time_up_to_the_cap() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        for whole in [100, 200, 400, 800, 1000, 1000] {
            let step = backoff.step();
            assert!(
                step >= Duration::from_millis(whole / 2) && step <= Duration::from_millis(whole),
                "{step:?} of {whole}"
            );
        }
        backoff.reset();
        assert!(backoff.step() <= Duration::from_millis(100));
    }

    #[test]
    fn two_that_failed_together_do_not_wait_equally_long() {
        let mut steps: Vec<Duration> = (0..20).map(|_| Backoff::default().step()).collect();
        steps.dedup();
        assert!(steps.len() > 10);
    }
}
