//! How long requests of a service took.

use std::collections::VecDeque;

use serde_json::{Value, json};

/// Requests whose time is remembered; older ones go.
const REMEMBERED: usize = 4_096;

/// What a service did since the agent started.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Figures {
    /// Requests that were answered with scores.
    pub(crate) count: u64,
    /// Requests that failed.
    pub(crate) errors: u64,
    /// Milliseconds of the newest answered ones, oldest first.
    millis: VecDeque<f64>,
}

impl Figures {
    pub(crate) fn answered(&mut self, millis: f64) {
        self.count += 1;
        self.millis.push_back(millis);
        if self.millis.len() > REMEMBERED {
            self.millis.pop_front();
        }
    }

    pub(crate) fn failed(&mut self) {
        self.errors += 1;
    }

    /// Milliseconds within which this share (0 to 1) of the remembered requests was answered: the nearest rank.
    fn within(&self, sorted: &[f64], share: f64) -> Option<f64> {
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied()
    }

    /// The figures as they are shown; null without a request.
    pub(crate) fn to_json(&self) -> Value {
        let mut sorted: Vec<f64> = self.millis.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let within = |share| self.within(&sorted, share);
        json!({
            "count": self.count,
            "errors": self.errors,
            "latency_ms": {"p50": within(0.5), "p90": within(0.9), "p99": within(0.99), "max": sorted.last()},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_nearest_rank_of_the_newest_requests() {
        let mut figures = Figures::default();
        assert_eq!(figures.to_json()["latency_ms"]["p50"], Value::Null);
        figures.failed();
        for millis in 1..=100 {
            figures.answered(f64::from(101 - millis));
        }
        let shown = figures.to_json();
        assert_eq!(
            (&shown["count"], &shown["errors"]),
            (&json!(100), &json!(1))
        );
        assert_eq!(
            shown["latency_ms"],
            json!({"p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0})
        );
        (0..REMEMBERED).for_each(|_| figures.answered(7.0));
        assert_eq!(figures.to_json()["latency_ms"]["max"], 7.0);
    }
}
