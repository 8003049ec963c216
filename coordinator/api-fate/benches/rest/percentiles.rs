//! Many spans as a median and a 99th percentile.

use std::fmt;
use std::time::Duration;

/// What is told of many spans.
pub(crate) struct Percentiles {
    p50: Duration,
    p99: Duration,
}

impl Percentiles {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
        Self {
            p50: at(50),
            p99: at(99),
        }
    }

    /// How many times as long as others, as the rest of a line.
    pub(crate) fn beside(&self, other: Option<&Self>) -> String {
        let ratio = |own: Duration, other: Duration| own.as_secs_f64() / other.as_secs_f64();
        other.map_or_else(String::new, |other| {
            format!(
                "   ratio p50 {:.2}, p99 {:.2}",
                ratio(self.p50, other.p50),
                ratio(self.p99, other.p99)
            )
        })
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        write!(
            f,
            "p50 {:>8.2} ms, p99 {:>8.2} ms",
            millis(self.p50),
            millis(self.p99)
        )
    }
}
