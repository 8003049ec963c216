//! What was measured, and whether it is as it should be.

use std::fmt;
use std::time::Duration;

use super::Kind;

/// The first accepted order of a daemon's process comes within this.
const BACK: Duration = Duration::from_secs(3);
/// A job that loses one daemon takes this long at most, by the median and at all.
const MEDIAN: Duration = Duration::from_secs(6);
const LONGEST: Duration = Duration::from_secs(10);

struct Round {
    kind: Kind,
    took: Duration,
}

/// What was measured.
pub struct Figures {
    calm: Vec<Duration>,
    /// What the calm jobs gave: every other one must give the same.
    pub(super) figure: f64,
    rounds: Vec<Round>,
    kills: usize,
    back: Vec<Duration>,
    wrong: usize,
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn longest(times: &[Duration]) -> Duration {
    times.iter().max().copied().unwrap_or_default()
}

impl Figures {
    pub(super) fn new(calm: Vec<Duration>, figure: f64) -> Self {
        Self {
            calm,
            figure,
            rounds: Vec::new(),
            kills: 0,
            back: Vec::new(),
            wrong: 0,
        }
    }

    /// How long a job takes that nobody disturbs.
    pub fn calm(&self) -> Duration {
        median(&self.calm)
    }

    pub(super) fn note(
        &mut self,
        kind: Kind,
        took: Duration,
        kills: usize,
        back: &[Duration],
        right: bool,
    ) {
        self.rounds.push(Round { kind, took });
        self.kills += kills + usize::from(kind == Kind::Starting);
        self.back.extend_from_slice(back);
        self.wrong += usize::from(!right);
    }

    fn of(&self, kind: Kind) -> Vec<Duration> {
        self.rounds
            .iter()
            .filter(|round| round.kind == kind)
            .map(|round| round.took)
            .collect()
    }

    /// How many jobs did not end well with the figure of the calm ones.
    pub fn wrong(&self) -> usize {
        self.wrong
    }

    /// How many daemons were killed.
    pub fn kills(&self) -> usize {
        self.kills
    }

    /// The longest of all jobs.
    pub fn longest(&self) -> Duration {
        self.rounds
            .iter()
            .map(|round| round.took)
            .max()
            .unwrap_or_default()
    }

    /// The longest from a daemon's process to its first accepted order.
    pub fn longest_back(&self) -> Duration {
        longest(&self.back)
    }

    /// Whether all is as it should be on a machine with nothing else to do.
    pub fn is_as_it_should_be(&self) -> bool {
        let one = self.of(Kind::One);
        self.wrong == 0
            && self.longest_back() <= BACK
            && median(&one) <= MEDIAN
            && longest(&one) <= LONGEST
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} jobs, {} daemons killed; a calm job takes {:.1?}",
            self.rounds.len(),
            self.kills,
            self.calm()
        )?;
        for (kind, name) in [
            (Kind::One, "one daemon killed"),
            (Kind::Together, "two killed together"),
            (Kind::Starting, "killed again while it starts"),
            (Kind::Twice, "killed twice"),
        ] {
            let times = self.of(kind);
            if !times.is_empty() {
                let (half, most) = (median(&times), longest(&times));
                writeln!(
                    f,
                    "{name}: {} jobs, median {half:.1?}, longest {most:.1?}",
                    times.len()
                )?;
            }
        }
        let (half, most) = (median(&self.back), self.longest_back());
        writeln!(
            f,
            "process start to first accepted order: {} times, median {half:.1?}, longest {most:.1?}",
            self.back.len()
        )?;
        match self.wrong {
            0 => writeln!(f, "every job ended well, all figures equal"),
            wrong => writeln!(f, "{wrong} JOBS DID NOT END WELL WITH THE SAME FIGURE"),
        }
    }
}
