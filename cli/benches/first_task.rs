//! How long a job takes from its submission to its first task: coordinator and agents as they always are, in one process, with
//! the coordinator's database in a file and everything signed, stored and sent as between machines.
//!
//! Run with `cargo bench -p fedflow --bench first_task`; the variable `JOBS` changes their number. Jobs go one after the other.
//! `alone`: one party, so that no other party's verdict is waited for. `two parties`: the other one must agree first.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark tells people its numbers"
)]
#![allow(clippy::disallowed_methods, reason = "it measures spans")]

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use component_kit::{
    AnyComponent, Check, Component, Description, Plugin, Problems, Result, TaskContext,
};
use fedflow_tests::hostile::ALL_MINE;
use fedflow_tests::in_process::{Federation, Setup};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vocabulary::Role;

/// When tasks began.
static BEGUN: Mutex<Vec<Instant>> = Mutex::new(Vec::new());

/// Notes that it has begun.
struct Note;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Nothing {}

impl Check for Nothing {
    fn check(&self, _: &mut Problems) {}
}

impl Component for Note {
    type Params = Nothing;

    const DESCRIPTION: Description = Description::named("note", "notes that it has begun")
        .modules(&["Note"])
        .roles(&[Role::Guest, Role::Host, Role::Local]);

    async fn run(_: &TaskContext, _: Nothing) -> Result<()> {
        BEGUN
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Instant::now());
        Ok(())
    }
}

static NOTES: &[&dyn AnyComponent] = &[&Plugin::<Note>::NEW];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let jobs: usize = std::env::var("JOBS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(300);
    runtime.block_on(async {
        measure("alone", jobs, json!({"local": [9999]}), "local").await;
        let two = json!({"guest": [9999], "host": [10000]});
        measure("two parties", jobs, two, "guest").await;
    });
}

async fn measure(name: &str, jobs: usize, roles: Value, initiator: &str) {
    let parties = [("9999", ALL_MINE), ("10000", ALL_MINE)];
    let setup = Setup {
        components: NOTES,
        store: None,
        over_network: true,
        ..Setup::of(&parties)
    };
    let federation = Federation::start(setup).await;
    let dsl = json!({"components": {"note_0": {"module": "Note"}}});
    let conf = json!({
        "dsl_version": 2,
        "initiator": {"role": initiator, "party_id": 9999},
        "role": roles,
        "job_parameters": {"common": {}},
        "component_parameters": {"common": {"note_0": {}}},
    });
    let (mut first, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..jobs {
        let begun = || std::mem::take(&mut *BEGUN.lock().unwrap_or_else(PoisonError::into_inner));
        begun();
        let started = Instant::now();
        let id = federation
            .submit(dsl.clone(), conf.clone())
            .await
            .expect("taken in");
        federation.settled(&id).await;
        whole.push(started.elapsed());
        let earliest = begun().into_iter().min().expect("a task");
        first.push(earliest.duration_since(started));
    }
    let at = |times: &mut Vec<Duration>, percent: usize| {
        times.sort();
        times[(times.len() * percent / 100).min(times.len() - 1)]
    };
    println!(
        "{name}, {jobs} jobs: submission to first task p50 {:.1?}, p99 {:.1?}; to the job's end p50 {:.1?}, p99 {:.1?}",
        at(&mut first, 50),
        at(&mut first, 99),
        at(&mut whole, 50),
        at(&mut whole, 99)
    );
}
