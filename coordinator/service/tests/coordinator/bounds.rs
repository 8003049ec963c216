//! Parties that tell without end: each comes to an end of its own, which cleaning moves, and a job stays small.

use std::time::Duration;

use domain::JobState;
use serde_json::json;
use service::{Bounds, Principal, Tally, TaskFilter};
use vocabulary::report::ReportBody;
use vocabulary::{ErrorCode, Fault, JobId, Report, Role, TableRef, TableSummary, TaskId};

use crate::world::{World, conf, dsl, party, task_id};

/// A world whose tasks do not end, and whose parties may tell so much.
async fn world(bounds: Bounds) -> World {
    let world = World::with_bounds(bounds).await;
    for id in ["9999", "10000", "10001"] {
        world.agents.behave(&party(id), |own| own.runs = None);
    }
    world
}

/// A job that runs, with its tasks of the first step.
async fn running(world: &World) -> (JobId, TaskId, TaskId) {
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    world.reaches(&job.id, JobState::Running).await;
    let task = |role, id| task_id(&job.id, "reader_0", role, id);
    let (guest, host) = (task(Role::Guest, "9999"), task(Role::Host, "10000"));
    (job.id, guest, host)
}

/// Tells until it is refused, or so often; gives how often it was taken.
async fn tell(
    world: &World,
    task: &TaskId,
    most: usize,
    what: impl Fn(usize) -> ReportBody,
) -> (usize, Option<Fault>) {
    for number in 0..most {
        let report = Report {
            task: task.clone(),
            attempt: vocabulary::Attempt(0),
            body: what(number),
        };
        if let Err(error) = world
            .coordinator
            .jobs()
            .record_reports(&task.party, vec![report])
            .await
        {
            return (number, Some(error.fault()));
        }
    }
    (most, None)
}

fn summary(_: usize) -> ReportBody {
    ReportBody::Summary(json!("s".repeat(10_000)).to_string())
}

fn view(_: usize) -> ReportBody {
    ReportBody::ModelView(json!("v".repeat(10_000)).to_string())
}

fn output(number: usize) -> ReportBody {
    ReportBody::Output(TableSummary {
        table: TableRef::new("out", format!("t{number}")),
        data_name: None,
        rows: 1,
        partitions: 1,
        header: vec!["x".repeat(100); 10],
        content_hash: String::new(),
    })
}

async fn told(world: &World, counted: Tally, name: &str) -> u64 {
    world
        .store
        .read()
        .await
        .unwrap()
        .told(counted, name)
        .await
        .unwrap()
}

async fn ended(world: &World, job: &JobId) {
    world
        .coordinator
        .jobs()
        .stop(&Principal::anyone(), job, JobState::Canceled)
        .await
        .unwrap();
    world.settled(job).await;
}

/// Removes what party 10000 told of the job, as somebody.
async fn clean(world: &World, who: &Principal, job: &JobId) {
    world
        .coordinator
        .jobs()
        .forget_told(who, job, &party("10000"))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_party_uses_up_what_another_may_tell_and_cleaning_gives_it_back() {
    for (bounds, path) in [
        (
            Bounds {
                tenant_bytes: 50_000,
                ..Bounds::default()
            },
            "bounds.tenant_bytes",
        ),
        (
            Bounds {
                party_bytes: 50_000,
                ..Bounds::default()
            },
            "bounds.party_bytes",
        ),
    ] {
        uses_up_only_its_own(bounds, path).await;
    }
}

/// A party tells until the bound of this path refuses it, and is cleaned; the other party is never touched.
async fn uses_up_only_its_own(bounds: Bounds, path: &str) {
    let world = world(bounds).await;
    let (job, guest, host) = running(&world).await;
    let (taken, fault) = tell(&world, &host, 100, summary).await;
    let fault = fault.expect("the bound");
    assert_eq!(
        (taken, fault.code, fault.path.as_deref()),
        (4, ErrorCode::LimitReached, Some(path)),
        "{fault}"
    );
    assert!(
        fault
            .next
            .as_ref()
            .is_some_and(|next| next.contains("job/clean")),
        "{fault:?}"
    );
    assert_eq!(
        tell(&world, &guest, 4, summary).await,
        (4, None),
        "the other party of the same tenant and job"
    );
    ended(&world, &job).await;

    // Others' users give nothing back, and another job of the party is refused as before.
    let who = Principal::anyone();
    clean(&world, &Principal::of_party(party("9999")), &job).await;
    let (second, _, host_again) = running(&world).await;
    assert_eq!(tell(&world, &host_again, 1, summary).await.0, 0);
    clean(&world, &who, &job).await;
    assert_eq!(
        world.coordinator.jobs().summary(&host).await.unwrap(),
        None,
        "what was given back is not kept"
    );
    assert!(
        world
            .coordinator
            .jobs()
            .summary(&guest)
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(
        tell(&world, &host_again, 100, summary).await.0,
        4,
        "as much as at first"
    );
    // Cleaning twice gives back once.
    clean(&world, &who, &job).await;
    assert_eq!(tell(&world, &host_again, 1, summary).await.0, 0);
    ended(&world, &second).await;
    for one in [&job, &second] {
        clean(&world, &who, one).await;
    }
    assert_eq!(
        told(&world, Tally::Cleaned, &format!("{job}/10000")).await,
        0
    );
    assert_eq!(
        told(&world, Tally::Task, &format!("{host}#0")).await,
        0,
        "no row of an attempt is left"
    );
    assert_eq!(told(&world, Tally::Party, "10000").await, 0);
    assert!(
        told(&world, Tally::Party, "9999").await > 40_000,
        "the other's still counts"
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_cleaning_does_not_remove_counts_on() {
    let world = world(Bounds {
        party_bytes: 50_000,
        ..Bounds::default()
    })
    .await;
    let (job, _, host) = running(&world).await;
    assert_eq!(tell(&world, &host, 100, view).await.0, 4);
    // A job that still runs: its attempts keep their count, so that nobody tells and cleans in turns without end.
    clean(&world, &Principal::anyone(), &job).await;
    assert!(told(&world, Tally::Task, &format!("{host}#0")).await > 40_000);
    ended(&world, &job).await;
    clean(&world, &Principal::anyone(), &job).await;
    assert!(
        told(&world, Tally::Party, "10000").await > 40_000,
        "the views are kept with the models"
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn outputs_leave_a_job_small() {
    let bounds = Bounds {
        task_output_bytes: 20_000,
        job_output_bytes: 30_000,
        ..Bounds::default()
    };
    let world = world(bounds).await;
    let (job, guest, host) = running(&world).await;
    let (taken, fault) = tell(&world, &host, 1_000, output).await;
    let fault = fault.expect("the bound of the task");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::LimitReached, Some("bounds.task_output_bytes"))
    );
    assert!((10..20).contains(&taken), "{taken}");
    // One table told anew again and again, by another party: the job's bound, whose task it is all the same.
    let (again, fault) = tell(&world, &guest, 1_000, |_| output(0)).await;
    let fault = fault.expect("the bound of the job");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::LimitReached, Some("bounds.job_output_bytes"))
    );
    assert!(again > 0 && again < taken, "{again}");
    let filter = TaskFilter {
        job: Some(job.clone()),
        ..TaskFilter::default()
    };
    let tasks = world.coordinator.jobs().tasks(&filter).await.unwrap().0;
    assert!(serde_json::to_string(&tasks).unwrap().len() < 40_000);
    // The job's other words, and other jobs' outputs, are taken.
    assert_eq!(tell(&world, &host, 1, summary).await, (1, None));
    let (_, _, other) = running(&world).await;
    assert_eq!(tell(&world, &other, 5, output).await, (5, None));
    tokio::time::sleep(Duration::from_millis(1)).await;
    world.stop().await;
}
