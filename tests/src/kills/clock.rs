//! When processes began and when their logs say that something happened: both by the machine's clock, to a hundredth of a second.

use std::path::Path;
use std::time::Duration;

use vocabulary::{Clock, SystemClock};

const DAY_MICROS: i64 = 86_400_000_000;

/// A process.
#[derive(Debug, Clone)]
pub(super) struct Process {
    /// When it began, in microseconds of its day (UTC).
    began: i64,
}

impl Process {
    /// The process of an id; none when it is gone.
    pub(super) fn of(id: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name in brackets may hold anything; the 22nd field is the start in hundredths of a second since the boot.
        let fields = stat.rsplit_once(')')?.1;
        let ticks: f64 = fields.split_whitespace().nth(19)?.parse().ok()?;
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
        let age = ((uptime - ticks / 100.0).max(0.0) * 1e6) as i64;
        Some(Self {
            began: (SystemClock.now().0 - age).rem_euclid(DAY_MICROS),
        })
    }
}

/// A daemon's log.
pub(super) struct Lines(String);

impl Lines {
    /// The log in a file; empty when there is none.
    pub(super) fn of(file: &Path) -> Self {
        Self(std::fs::read_to_string(file).unwrap_or_default())
    }

    /// How long after the process began an agent first took an order.
    pub(super) fn first_order_since(&self, process: &Process) -> Option<Duration> {
        let taken =
            |line: &&str| line.contains("attempt starts") || line.contains("offer accepted");
        let after = |line: &str| {
            let passed = (moment_of(line)? - process.began).rem_euclid(DAY_MICROS);
            // What was written before the process began is, on a clock of one day, nearly a day later.
            (passed < DAY_MICROS / 2).then(|| Duration::from_micros(passed.unsigned_abs()))
        };
        self.0
            .lines()
            .rev()
            .take(2_000)
            .filter(taken)
            .filter_map(after)
            .min()
    }
}

/// The moment at which a line was written, in microseconds of its day: `2026-12-01T11:59:46.123456Z …`.
fn moment_of(line: &str) -> Option<i64> {
    let time = line
        .split_whitespace()
        .next()?
        .split_once('T')?
        .1
        .strip_suffix('Z')?;
    let mut parts = time.split(':');
    let hours: i64 = parts.next()?.parse().ok()?;
    let minutes: i64 = parts.next()?.parse().ok()?;
    let seconds: f64 = parts.next()?.parse().ok()?;
    Some((hours * 3_600 + minutes * 60) * 1_000_000 + (seconds * 1e6) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_from_a_process_to_the_line_over_midnight() {
        let lines = Lines(
            "2026-12-01T23:59:58.000000Z  INFO attempt starts\n2026-12-01T23:59:59.900000Z  INFO other\n\
             2026-12-02T00:00:00.500000Z  INFO attempt{job=1}: attempt starts\n"
                .to_owned(),
        );
        let process = Process {
            began: DAY_MICROS - 1_000_000,
        };
        assert_eq!(
            lines.first_order_since(&process),
            Some(Duration::from_millis(1_500))
        );
        assert_eq!(lines.first_order_since(&Process { began: 1_000_000 }), None);
    }

    #[test]
    fn knows_when_this_process_began() {
        let process = Process::of(std::process::id()).unwrap();
        let age = (SystemClock.now().0 - process.began).rem_euclid(DAY_MICROS);
        assert!(age < 3_600_000_000, "{age}");
    }
}
