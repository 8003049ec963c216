//! Short jobs, each with a `kill -9` of a random daemon at a random moment: how long the jobs take, how long the daemons need
//! to be back at work, and whether the figures stay the same.
//!
//! Run with `cargo bench -p fedflow --bench kills -- --seconds 300 --seed 1`. Daemons and federation are the program itself.
#![allow(clippy::print_stdout, reason = "a benchmark tells people its numbers")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot start says so")]

use std::time::Duration;

use fedflow_tests::cluster::Program;
use fedflow_tests::kills::{Options, run};

fn main() {
    let number = |name: &str, default: u64| {
        let mut arguments = std::env::args()
            .skip_while(|argument| argument != name)
            .skip(1);
        arguments
            .next()
            .map_or(default, |text| text.parse().expect("a number"))
    };
    let options = Options {
        time: Duration::from_secs(number("--seconds", 300)),
        seed: number("--seed", 1),
        epochs: u32::try_from(number("--epochs", 30)).expect("small"),
        verbose: true,
    };
    let program = Program::new(env!("CARGO_BIN_EXE_fedflow"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let figures = runtime.block_on(run(&program, &options));
    println!("{figures}");
    if !figures.is_as_it_should_be() {
        println!("NOT AS IT SHOULD BE");
        std::process::exit(1);
    }
}
