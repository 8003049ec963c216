//! Rounds of the benchmark `kills`: jobs that lose a daemon end well, with the same figures, and soon.

use std::time::Duration;

use fedflow_tests::cluster::Program;
use fedflow_tests::kills::{Options, run};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// The whole benchmark over a program of one's choice: `KILLS_PROGRAM`, `KILLS_SECONDS`, `KILLS_SEED`.
#[tokio::test]
#[ignore = "takes minutes: the benchmark with the program of the suite"]
async fn jobs_under_kills_are_measured() {
    let program = std::env::var("KILLS_PROGRAM")
        .map_or_else(|_| super::program(), |path| Program::new(&path));
    let epochs = u32::try_from(number("KILLS_EPOCHS", 60)).expect("small");
    let time = Duration::from_secs(number("KILLS_SECONDS", 300));
    let figures = run(
        &program,
        &Options {
            time,
            seed: number("KILLS_SEED", 1),
            epochs,
            verbose: true,
        },
    )
    .await;
    println!("{figures}");
    assert_eq!(figures.wrong(), 0);
}

/// The bounds leave space for a machine that builds meanwhile: without the shortened leases a killed agent alone costs 15 s.
#[tokio::test]
async fn a_killed_daemon_is_soon_back_at_work() {
    let time = Duration::from_secs(20);
    let figures = run(
        &super::program(),
        &Options {
            time,
            seed: 7,
            epochs: 20,
            verbose: true,
        },
    )
    .await;
    println!("{figures}");
    assert_eq!(figures.wrong(), 0);
    assert!(figures.kills() > 0);
    assert!(
        figures.longest_back() < Duration::from_secs(12),
        "{figures}"
    );
}
