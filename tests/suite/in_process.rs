//! The whole system in one process: real coordinator, real agents, real components.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use component_kit::{
    AnyComponent, Check, Component, Description, Plugin, Problems, Result, TaskContext,
};
use domain::{JobState, TaskState};
use fedflow_tests::hostile::{ALL_MINE, STRICT};
use fedflow_tests::in_process::{Federation, Setup};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::Principal;
use vocabulary::{ErrorCode, Role, TableRef};

/// Rests until it is stopped, and counts those that rest.
struct Rest;

static RESTING: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Nothing {}

impl Check for Nothing {
    fn check(&self, _: &mut Problems) {}
}

impl Component for Rest {
    type Params = Nothing;

    const DESCRIPTION: Description = Description::named("rest", "rests until it is stopped")
        .modules(&["Rest"])
        .roles(&[Role::Guest, Role::Host]);

    async fn run(task: &TaskContext, _: Nothing) -> Result<()> {
        struct RestingGuard;
        impl Drop for RestingGuard {
            fn drop(&mut self) {
                RESTING.fetch_sub(1, Ordering::SeqCst);
            }
        }
        RESTING.fetch_add(1, Ordering::SeqCst);
        let _counted = RestingGuard;
        loop {
            task.stop().go_on()?;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

static RESTING_ONLY: &[&dyn AnyComponent] = &[&Plugin::<Rest>::NEW];

fn conf(common: Value, of_role: Value) -> Value {
    json!({
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": [9999], "host": [10000]},
        "job_parameters": {"common": {}},
        "component_parameters": {"common": common, "role": of_role},
    })
}

fn rest() -> (Value, Value) {
    let dsl = json!({"components": {"rest_0": {"module": "Rest"}}});
    (dsl, conf(json!({"rest_0": {}}), json!({})))
}

/// Reads two tables and intersects their ids.
fn intersection() -> (Value, Value) {
    let dsl = json!({"components": {
        "reader_0": {"module": "Reader", "output": {"data": ["data"]}},
        "data_transform_0": {
            "module": "DataTransform", "input": {"data": {"data": ["reader_0.data"]}}, "output": {"data": ["data"], "model": ["model"]}
        },
        "intersection_0": {
            "module": "Intersection", "input": {"data": {"data": ["data_transform_0.data"]}}, "output": {"data": ["data"]}
        },
    }});
    let table = |name: &str| json!({"0": {"reader_0": {"table": {"name": name, "namespace": "in_process"}}}});
    let of_role = json!({"guest": table("guest"), "host": table("host")});
    (dsl, conf(json!({}), of_role))
}

async fn with_tables(host: &str) -> Federation {
    let parties = [("9999", ALL_MINE), ("10000", host)];
    let federation = Federation::start(Setup::of(&parties)).await;
    for (party, name, ids) in [("9999", "guest", 0..60), ("10000", "host", 20..80)] {
        let lines: String = ids.map(|id| format!("id{id},{}.5\n", id % 7)).collect();
        federation.table(
            party,
            &TableRef::new("in_process", name),
            &format!("id,x0\n{lines}"),
        );
    }
    federation
}

async fn resting() -> Federation {
    let parties = [("9999", ALL_MINE), ("10000", ALL_MINE)];
    let setup = Setup {
        components: RESTING_ONLY,
        ..Setup::of(&parties)
    };
    Federation::start(setup).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_parties_intersect_their_tables() {
    let federation = with_tables(ALL_MINE).await;
    let (dsl, conf) = intersection();
    let id = federation.submit(dsl, conf).await.expect("taken in");
    let job = federation.settled(&id).await;
    assert_eq!(job.state, JobState::Succeeded, "{:?}", job.reason);
    let tasks = federation.tasks(&id).await;
    assert_eq!(tasks.len(), 6);
    let of_intersection = tasks
        .iter()
        .filter(|task| task.key.id.step.as_str() == "intersection_0");
    for task in of_intersection {
        let rows: Vec<_> = task.outputs.iter().map(|output| output.rows).collect();
        assert_eq!(rows, [40], "{}", task.key.id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_party_whose_policy_names_nobody_refuses() {
    let federation = with_tables(STRICT).await;
    let (dsl, conf) = intersection();
    let id = federation.submit(dsl, conf).await.expect("taken in");
    let job = federation.settled(&id).await;
    assert_eq!(job.state, JobState::Refused);
    let reason = job.reason.expect("a reason");
    assert_eq!(reason.code, ErrorCode::OfferRefused, "{reason}");
    assert_eq!(
        reason.party.expect("whose policy").as_str(),
        "10000",
        "{}",
        reason.message
    );
    let tasks = federation.tasks(&id).await;
    assert!(
        tasks.iter().all(|task| task.started.is_none()),
        "nothing ran anywhere"
    );
}

/// Both tests of resting tasks count in one place, so they stand in one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canceled_job_stops_everywhere_and_one_with_a_dead_party_waits_for_it() {
    let federation = resting().await;
    let (dsl, conf) = rest();
    let id = federation
        .submit(dsl.clone(), conf.clone())
        .await
        .expect("taken in");
    let both = || RESTING.load(Ordering::SeqCst) == 2;
    federation.until("both parties work", both).await;
    let jobs = federation.service().jobs();
    jobs.stop(&Principal::anyone(), &id, JobState::Canceled)
        .await
        .expect("stopped");
    let job = federation.settled(&id).await;
    assert_eq!(job.state, JobState::Canceled);
    let none = || RESTING.load(Ordering::SeqCst) == 0;
    federation.until("nobody works any more", none).await;
    let tasks = federation.tasks(&id).await;
    assert!(
        tasks.iter().all(|task| task.state == TaskState::Canceled),
        "{tasks:?}"
    );

    federation.end("10000").await;
    let id = federation.submit(dsl, conf).await.expect("taken in");
    let mut waits_for = Vec::new();
    for _ in 0..500 {
        let job = jobs.get(&id).await.expect("a job");
        assert!(!job.state.is_settled(), "{:?}", job.reason);
        waits_for = job
            .waiting
            .map(|waiting| waiting.parties)
            .unwrap_or_default();
        // First it waits for its own party's signature.
        if waits_for.iter().any(|party| party.as_str() == "10000") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
    let named: Vec<&str> = waits_for.iter().map(|party| party.as_str()).collect();
    assert_eq!(named, ["10000"]);
    assert_eq!(
        RESTING.load(Ordering::SeqCst),
        0,
        "nothing starts without the party"
    );
}
