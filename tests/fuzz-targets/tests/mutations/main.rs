//! Every target on its corpus and on mutations of it, for FEDFLOW_FUZZ_SECONDS each (1 by default; the gate gives 20). A
//! finding names the number that gives it again: FEDFLOW_FUZZ_SEED.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a failed step of a test is a failed test"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fuzz_targets::mutate::Mutator;
use fuzz_targets::{TARGETS, Target};

mod seeds;

/// The longest that one input may take, on a machine that does other things as well.
const SLOWEST: Duration = Duration::from_secs(10);
/// Most memory that all targets together may have taken, in KiB.
const MOST_KIB: u64 = 1 << 20;

fn number(name: &str, otherwise: u64) -> u64 {
    let told = std::env::var(name).ok();
    told.map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Ends the process when an input takes far too long: a loop without an end would end no test.
fn watched<T>(what: &str, work: impl FnOnce(&AtomicU64) -> T) -> T {
    let (turns, done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut seen, mut since) = (0, Instant::now());
            while !done.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(50));
                let now = turns.load(Ordering::Relaxed);
                if now != seen {
                    (seen, since) = (now, Instant::now());
                }
                if since.elapsed() > 6 * SLOWEST {
                    eprintln!("{what}: input {now} does not end");
                    std::process::abort();
                }
            }
        });
        let result = catch_unwind(AssertUnwindSafe(|| work(&turns)));
        done.store(true, Ordering::Relaxed);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn tried(target: &Target, input: &[u8], what: &str) {
    let began = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let shown = || vocabulary::hex(&input[..input.len().min(4096)]);
    assert!(
        result.is_ok(),
        "{}: {what} panics; its bytes: {}",
        target.name,
        shown()
    );
    let took = began.elapsed();
    assert!(
        took < SLOWEST,
        "{}: {what} takes {took:?}; its bytes: {}",
        target.name,
        shown()
    );
}

/// The largest that this process ever was, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the process");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("a peak");
    line.trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number")
}

fn fuzzed(name: &str) {
    let target = TARGETS
        .iter()
        .find(|target| target.name == name)
        .expect("a target");
    let corpus = seeds::corpus(Path::new("seeds"), name);
    assert!(corpus.len() >= 2, "{name} has no seeds");
    let seed = number("FEDFLOW_FUZZ_SEED", 20_260);
    let until = Instant::now() + Duration::from_secs(number("FEDFLOW_FUZZ_SECONDS", 1));
    watched(name, |turns| {
        for (file, input) in &corpus {
            tried(target, input, file);
        }
        let all = corpus.into_iter().map(|(_, input)| input).collect();
        let mut mutator = Mutator::new(seed, all, target.words);
        while Instant::now() < until {
            let turn = turns.fetch_add(1, Ordering::Relaxed);
            let input = mutator.input();
            tried(
                target,
                &input,
                &format!("input {turn} of FEDFLOW_FUZZ_SEED={seed}"),
            );
        }
        assert!(turns.load(Ordering::Relaxed) > 0, "no input was tried");
        eprintln!("{name}: {} inputs", turns.load(Ordering::Relaxed));
    });
    let peak = peak();
    assert!(peak < MOST_KIB, "{name}: the process took {peak} KiB");
}

macro_rules! targets {
    ($($name:ident),*) => {
        $(
            #[test]
            fn $name() {
                fuzzed(stringify!($name));
            }
        )*

        #[test]
        fn every_target_is_run_and_has_a_program_of_its_own() {
            let run = [$(stringify!($name)),*];
            let known: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(run.as_slice(), known);
            for name in run {
                let program = Path::new("../../fuzz/fuzz_targets").join(format!("{name}.rs"));
                assert!(program.is_file(), "{} is missing", program.display());
            }
        }
    };
}
targets!(
    frames,
    messages,
    jobs,
    ciphertexts,
    tables,
    archives,
    rest_bodies,
    certificates
);
