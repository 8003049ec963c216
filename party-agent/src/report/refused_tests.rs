//! Reports that the coordinator refuses, beside others that it takes.

use super::super::tests::{Bench, bench, loss};
use super::*;
use crate::trial::{OPEN, assignment, script};
use policy::Grounds;
use vocabulary::{Attempt, Role, TaskId};

fn is_loss(report: &Report) -> bool {
    matches!(report.body, ReportBody::Metrics(_)) && report.task.job.as_str() != "2"
}

/// A task of another job of the same party.
fn other() -> TaskId {
    let mut task = assignment(Role::Guest, "1", 0, &script("talk")).task;
    task.job = "2".parse().unwrap();
    task
}

/// An attempt with a metric, and one of another job behind it.
async fn two(code: ErrorCode) -> Bench {
    let bench = bench(OPEN).await;
    *locked(&bench.coordinator.refuses) = Some((is_loss, code));
    bench.tell(ReportBody::Started);
    bench.tell(loss(1));
    bench
        .reporter
        .ended(
            &bench.task,
            Attempt(0),
            Outcome::Succeeded,
            Usage::default(),
        )
        .await;
    bench.reporter.tell(
        (&other(), Attempt(0)),
        ReportBody::Started,
        Grounds::none(),
        None,
    );
    bench
        .reporter
        .ended(&other(), Attempt(0), Outcome::Succeeded, Usage::default())
        .await;
    bench
}

#[tokio::test]
async fn a_report_that_is_refused_for_good_fails_its_attempt_and_holds_up_no_other() {
    let mut bench = two(ErrorCode::FrameInvalid).await;
    assert_eq!(bench.pump.round().await, Ok(5));
    assert_eq!(
        (bench.waiting().await, bench.reporter.unsettled().len()),
        (0, 0)
    );
    let took = locked(&bench.coordinator.took).clone();
    let ends: Vec<_> = took
        .iter()
        .filter(|report| matches!(report.body, ReportBody::Ended { .. }))
        .collect();
    let [two, one] = &ends[..] else {
        panic!("{took:?}")
    };
    let ReportBody::Ended {
        outcome: Outcome::Failed(fault),
        ..
    } = &one.body
    else {
        panic!("{one:?}")
    };
    assert!(
        fault.code == ErrorCode::RecordUnreadable && fault.message.contains("FF406"),
        "{fault}"
    );
    assert!(
        matches!(
            two.body,
            ReportBody::Ended {
                outcome: Outcome::Succeeded,
                ..
            }
        ),
        "{two:?}"
    );
    let aside = bench.agent_state.records.set_aside(10).await.unwrap();
    assert_eq!(
        aside
            .iter()
            .map(|row| row.kind.as_str())
            .collect::<Vec<_>>(),
        ["report"]
    );
    // What is told later of that party is told as before.
    *locked(&bench.coordinator.refuses) = None;
    bench
        .reporter
        .ended(
            &bench.task,
            Attempt(1),
            Outcome::Succeeded,
            Usage::default(),
        )
        .await;
    assert_eq!(bench.pump.round().await, Ok(1));
    assert!(matches!(
        bench.took().last(),
        Some(ReportBody::Ended {
            outcome: Outcome::Succeeded,
            ..
        })
    ));
}

#[tokio::test]
async fn a_report_over_which_the_coordinator_fails_waits_and_the_others_go_on() {
    let mut bench = two(ErrorCode::Internal).await;
    assert_eq!(
        bench.pump.round().await,
        Ok(3),
        "the start before it, and the other attempt"
    );
    assert_eq!(bench.waiting().await, 2, "the metric and the end behind it");
    assert!(bench.pump.round().await.is_err(), "with a pause");
    for _ in 2..DEFECTS {
        let _ = bench.pump.round().await;
    }
    assert_eq!(
        (bench.waiting().await, bench.reporter.unsettled().len()),
        (0, 0),
        "in the end it is refused"
    );
}

#[tokio::test]
async fn what_is_refused_for_the_moment_waits() {
    let mut bench = two(ErrorCode::StorageFull).await;
    for _ in 0..3 {
        assert_eq!(
            bench.pump.round().await.unwrap_err().code,
            ErrorCode::StorageFull
        );
    }
    assert_eq!(bench.waiting().await, 5);
    *locked(&bench.coordinator.refuses) = None;
    assert_eq!(bench.pump.round().await, Ok(5));
    assert!(
        bench
            .agent_state
            .records
            .count_set_aside()
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn an_end_that_is_refused_is_told_as_a_failure_and_then_given_up() {
    let mut bench = bench(OPEN).await;
    *locked(&bench.coordinator.refuses) = Some((
        |report| {
            matches!(
                report.body,
                ReportBody::Ended {
                    outcome: Outcome::Succeeded,
                    ..
                }
            )
        },
        ErrorCode::ProtocolViolation,
    ));
    bench
        .reporter
        .ended(
            &bench.task,
            Attempt(0),
            Outcome::Succeeded,
            Usage::default(),
        )
        .await;
    assert_eq!(bench.pump.round().await, Ok(1));
    assert_eq!(bench.pump.round().await, Ok(1));
    assert!(matches!(
        bench.took()[..],
        [ReportBody::Ended {
            outcome: Outcome::Failed(_),
            ..
        }]
    ));
    assert!(bench.reporter.unsettled().is_empty());

    *locked(&bench.coordinator.refuses) = Some((|_| true, ErrorCode::ProtocolViolation));
    bench
        .reporter
        .ended(
            &bench.task,
            Attempt(1),
            Outcome::Succeeded,
            Usage::default(),
        )
        .await;
    assert_eq!(bench.pump.round().await, Ok(1));
    assert_eq!(bench.pump.round().await, Ok(1));
    assert_eq!(
        (bench.waiting().await, bench.reporter.unsettled().len()),
        (0, 0)
    );
    assert_eq!(
        bench
            .agent_state
            .records
            .count_set_aside()
            .await
            .unwrap()
            .get("report"),
        Some(&3)
    );
}

#[tokio::test]
async fn an_agent_starts_over_reports_that_cannot_be_read() {
    let bench = bench(OPEN).await;
    bench.tell(loss(1));
    bench
        .reporter
        .ended(
            &bench.task,
            Attempt(0),
            Outcome::Succeeded,
            Usage::default(),
        )
        .await;
    let file = bench.folder.path().join("records.db");
    let spoil = "UPDATE outbox SET report = replace(report, '0.5', 'null')";
    assert!(records::harness::spoil(&file, spoil).await.unwrap() > 0);
    let again = Reporter::start(bench.agent_state.clone()).await.unwrap();
    assert_eq!(again.unsettled().len(), 1);
    let mut pump = Pump::new(again, bench.coordinator.clone());
    assert_eq!(pump.round().await, Ok(1));
    assert_eq!(
        bench
            .agent_state
            .records
            .count_set_aside()
            .await
            .unwrap()
            .get("report"),
        Some(&1)
    );
}
