//! How long jobs and daemons take to come back: short jobs, each with a real `kill -9` of a random daemon at a random moment.
//!
//! `cargo bench -p fedflow --bench kills` is the command; the suite runs a few rounds of it.
#![allow(clippy::print_stdout, reason = "a benchmark tells people its numbers")]

mod clock;
mod figures;

use std::time::{Duration, Instant};

use crate::cluster::{Cluster, Program};
use crate::fixtures::{lr_conf, lr_dsl, pair};
use clock::{Lines, Process};
pub use figures::Figures;

/// The daemons of the federation, by their folders.
const FOLDERS: [&str; 3] = ["coordinator", "party-9999", "party-10000"];
/// How long a killed daemon may take to be there again.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// For how long rounds begin.
    pub time: Duration,
    /// What chance begins with: the same seed kills the same daemons at the same shares of a job.
    pub seed: u64,
    /// Epochs of the training; on an idle machine 30 make the job take about two seconds.
    pub epochs: u32,
    /// Whether each round is told.
    pub verbose: bool,
}

/// What is killed in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One daemon, once.
    One,
    /// Two daemons at the same moment.
    Together,
    /// One daemon, and again while it starts.
    Starting,
    /// One daemon, and one a little later.
    Twice,
}

/// Chance that can be repeated (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound.max(1)
    }

    fn folder(&mut self) -> &'static str {
        FOLDERS[self.below(FOLDERS.len() as u64) as usize]
    }

    fn share_of(&mut self, time: Duration) -> Duration {
        time.mul_f64(self.below(10_000) as f64 / 10_000.0)
    }

    /// Of ten rounds seven kill one daemon once.
    fn kind(&mut self) -> Kind {
        match self.below(10) {
            0..7 => Kind::One,
            7 => Kind::Together,
            8 => Kind::Starting,
            _ => Kind::Twice,
        }
    }
}

/// A daemon that was killed.
struct KilledDaemon {
    folder: &'static str,
    /// The process that took its place; none when nobody did in time.
    successor: Option<Process>,
}

/// Runs rounds until the time is over.
pub async fn run(program: &Program, options: &Options) -> Figures {
    let cluster = Cluster::up(program, "9999,10000");
    let tables = pair(200);
    cluster.rest.load("9999", "guest", &tables.guest).await;
    cluster.rest.load("10000", "host", &tables.host).await;
    let rounds = Rounds {
        cluster,
        options: options.clone(),
        // Xorshift never leaves 0, so the state is made odd.
        chance: Chance(options.seed.wrapping_mul(2) | 1),
    };
    rounds.run().await
}

struct Rounds {
    cluster: Cluster,
    options: Options,
    chance: Chance,
}

impl Rounds {
    async fn run(mut self) -> Figures {
        let mut calm = Vec::new();
        let mut figure = 0.0;
        for _ in 0..3 {
            let began = Instant::now();
            let job = self.submit().await;
            self.cluster.rest.succeeded(&job).await;
            calm.push(began.elapsed());
            figure = self.figure(&job).await;
        }
        let mut figures = Figures::new(calm, figure);
        println!(
            "a calm job takes {:.1?}, its figure is {figure}",
            figures.calm()
        );
        let until = Instant::now() + self.options.time;
        while Instant::now() < until {
            self.round(&mut figures).await;
        }
        self.cluster.end();
        figures
    }

    async fn submit(&self) -> String {
        self.cluster
            .rest
            .submitted(&lr_dsl(), &lr_conf(self.options.epochs))
            .await
    }

    async fn figure(&self, job: &str) -> f64 {
        self.cluster
            .rest
            .figure(job, "9999", "hetero_lr_0", "auc")
            .await
    }

    async fn round(&mut self, figures: &mut Figures) {
        let kind = self.chance.kind();
        let moment = self.chance.share_of(figures.calm());
        let began = Instant::now();
        let job = self.submit().await;
        tokio::time::sleep(moment.saturating_sub(began.elapsed())).await;
        let mut killed = self.kill(kind, figures.calm()).await;
        let row = self.cluster.rest.ended(&job).await;
        let took = began.elapsed();
        let well = row["f_status"] == "success";
        let right = well && self.figure(&job).await == figures.figure;
        for one in &mut killed {
            one.successor = one
                .successor
                .take()
                .or(self.successor(one.folder, &[]).await);
        }
        let back: Vec<Duration> = killed
            .iter()
            .filter_map(|one| self.first_order_after(one))
            .collect();
        figures.note(kind, took, killed.len(), &back, right);
        if self.options.verbose {
            let names: Vec<&str> = killed.iter().map(|one| one.folder).collect();
            let status = row["f_status"].as_str().unwrap_or("none");
            println!(
                "{kind:?} {names:?} at {moment:.1?} of job {job}: {status} after {took:.1?}, first orders {back:.1?}"
            );
        }
    }

    /// Kills what the kind of the round asks for, and watches for who takes the places.
    async fn kill(&mut self, kind: Kind, calm: Duration) -> Vec<KilledDaemon> {
        let first = self.chance.folder();
        match kind {
            Kind::One => vec![self.kill_one(first).await],
            Kind::Together => {
                let other = FOLDERS.into_iter().filter(|folder| *folder != first);
                let other: Vec<&str> = other.collect();
                let other = other[self.chance.below(2) as usize];
                let before = [self.cluster.processes(first), self.cluster.processes(other)];
                self.cluster.kill(first);
                self.cluster.kill(other);
                let mut killed = Vec::new();
                for (folder, before) in [first, other].into_iter().zip(before) {
                    killed.push(KilledDaemon {
                        folder,
                        successor: self.successor(folder, &before).await,
                    });
                }
                killed
            }
            Kind::Starting => {
                let _first = self.kill_one(first).await;
                tokio::time::sleep(Duration::from_millis(self.chance.below(300))).await;
                vec![self.kill_one(first).await]
            }
            Kind::Twice => {
                let killed = self.kill_one(first).await;
                tokio::time::sleep(self.chance.share_of(calm)).await;
                let second = self.chance.folder();
                let again = self.kill_one(second).await;
                if second == first {
                    vec![again]
                } else {
                    vec![killed, again]
                }
            }
        }
    }

    async fn kill_one(&self, folder: &'static str) -> KilledDaemon {
        let before = self.cluster.processes(folder);
        self.cluster.kill(folder);
        KilledDaemon {
            folder,
            successor: self.successor(folder, &before).await,
        }
    }

    /// The process that took the place of those of before.
    async fn successor(&self, folder: &str, before: &[u32]) -> Option<Process> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let now = self.cluster.processes(folder);
            if let Some(process) = now
                .iter()
                .find(|id| !before.contains(id))
                .and_then(|id| Process::of(*id))
            {
                return Some(process);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }

    /// How long after its process began a daemon had its first order accepted: an agent's own, and the first that any agent
    /// took of a coordinator. None when the job had no order left for it.
    fn first_order_after(&self, killed: &KilledDaemon) -> Option<Duration> {
        let process = killed.successor.as_ref()?;
        let agents = FOLDERS
            .into_iter()
            .filter(|folder| *folder != "coordinator");
        let of = agents.filter(|folder| killed.folder == "coordinator" || *folder == killed.folder);
        let logs = of.map(|folder| self.cluster.dir.path().join(folder).join("agent.log"));
        logs.filter_map(|log| Lines::of(&log).first_order_since(process))
            .min()
    }
}
