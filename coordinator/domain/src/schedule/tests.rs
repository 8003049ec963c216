//! The scheduler's rules, one by one, on a job of three steps.

use vocabulary::{ErrorCode, Role};

use super::*;
use crate::fixture::{World, cast, party, snapshot, step};
use crate::job::{Answer, StopRequest};
use crate::task::state::{TaskEvent as E, TaskState as S};

fn world() -> World {
    let guest_and_host = [Role::Guest, Role::Host];
    let steps = vec![
        step("reader_0", &[], &guest_and_host),
        step("reader_1", &[], &[Role::Guest]),
        step("lr_0", &["reader_0"], &Role::ALL),
    ];
    World::new(
        snapshot(steps, cast(&["1"], &["2"], &["3"])),
        &["1", "2", "3"],
    )
}

fn running() -> World {
    let mut world = world();
    world.accept_all();
    world.settle();
    world
}

fn has(decisions: &[Decision], wanted: impl Fn(&Decision) -> bool) -> bool {
    decisions.iter().any(wanted)
}

#[test]
fn waits_for_its_turn_in_its_queue() {
    let mut world = World::new(
        snapshot(
            vec![step("a_0", &[], &[Role::Guest])],
            cast(&["1"], &[], &[]),
        ),
        &["1"],
    );
    world.snapshot.behind = Some("earlier".parse().expect("id"));
    world.accept_all();
    world.settle();
    let waiting = world
        .snapshot
        .job
        .waiting
        .clone()
        .map(|waiting| waiting.reason);
    assert_eq!(
        waiting.as_deref(),
        Some("job earlier comes first in the same queue")
    );
    assert_eq!(
        (world.snapshot.job.state, world.states("a_0")),
        (JobState::Queued, vec![S::Waiting])
    );
    world.snapshot.behind = None;
    world.finish_all_well();
    assert_eq!(world.snapshot.job.state, JobState::Succeeded);
}

#[test]
fn waits_for_the_job_that_makes_its_table() {
    let mut world = World::new(
        snapshot(
            vec![step("a_0", &[], &[Role::Guest])],
            cast(&["1"], &[], &[]),
        ),
        &["1"],
    );
    world.snapshot.held = Some(Ok(WaitReason {
        reason: "the table is being made".into(),
        parties: vec![party("1")],
    }));
    world.accept_all();
    world.settle();
    let waiting = world
        .snapshot
        .job
        .waiting
        .clone()
        .map(|waiting| (waiting.reason, waiting.parties));
    assert_eq!(
        waiting,
        Some(("the table is being made".into(), vec![party("1")]))
    );
    assert_eq!(
        (world.snapshot.job.state, world.states("a_0")),
        (JobState::Queued, vec![S::Waiting])
    );
    world.snapshot.held = None;
    world.finish_all_well();
    assert_eq!(world.snapshot.job.state, JobState::Succeeded);
}

#[test]
fn fails_when_the_job_that_makes_its_table_has_failed() {
    let mut world = World::new(
        snapshot(
            vec![step("a_0", &[], &[Role::Guest])],
            cast(&["1"], &[], &[]),
        ),
        &["1"],
    );
    world.snapshot.held = Some(Err(vocabulary::Fault::new(
        ErrorCode::TableMissing,
        "no table",
    )));
    world.accept_all();
    world.settle();
    assert_eq!(
        (world.snapshot.job.state, world.states("a_0")),
        (JobState::Failed, vec![S::Waiting])
    );
    assert_eq!(
        world.snapshot.job.reason.as_ref().map(|fault| fault.code),
        Some(ErrorCode::TableMissing)
    );
}

#[test]
fn asks_the_initiator_first_and_then_all_others() {
    let mut world = world();
    let first = world.decide();
    assert!(
        matches!(
            first.as_slice(),
            [Decision::Sign, Decision::Wait(Some(_)), Decision::Wake(_)]
        ),
        "{first:?}"
    );
    assert!(world.is_quiet(), "the order to sign is sent once");
    world.sign();
    world.set_online("2", false);
    let second = world.decide();
    let offered: Vec<&PartyId> = second
        .iter()
        .filter_map(|d| {
            if let Decision::Offer { party } = d {
                Some(party)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(offered, [&party("3")]);
    let waiting = world.snapshot.job.waiting.clone().expect("waits");
    assert_eq!(waiting.parties, [party("2"), party("3")]);
    assert!(
        waiting.reason.contains("party 2 is not connected"),
        "{}",
        waiting.reason
    );
}

#[test]
fn asks_again_when_an_agent_reconnected_before_it_answered() {
    let mut world = world();
    world.decide();
    world.pass(1_000);
    world.set_online("1", false);
    assert!(!has(&world.decide(), |d| *d == Decision::Sign));
    world.pass(1_000);
    world.set_online("1", true);
    assert!(has(&world.decide(), |d| *d == Decision::Sign));
}

#[test]
fn keeps_since_when_it_waits_while_the_reason_stays() {
    let mut world = world();
    world.set_online("1", false);
    world.decide();
    let since = world.snapshot.job.waiting.clone().expect("waits").since;
    world.pass(5_000);
    world.fail_link("1", "no route");
    world.decide();
    let waiting = world.snapshot.job.waiting.clone().expect("waits");
    assert_eq!(waiting.since, since);
    assert_eq!(
        waiting.last_error.map(|fault| fault.message),
        Some("no route".to_owned())
    );
}

#[test]
fn settles_as_refused_with_the_partys_reason() {
    let mut world = world();
    world.decide();
    world.sign();
    let refusal = Fault::new(ErrorCode::OfferRefused, "policy line 3");
    world
        .snapshot
        .answer(&party("3"), Answer::Refused(refusal), world.now);
    let decisions = world.decide();
    assert!(has(&decisions, |d| *d == Decision::Close));
    assert_eq!(world.snapshot.job.state, JobState::Refused);
    assert_eq!(
        world
            .snapshot
            .job
            .reason
            .clone()
            .and_then(|fault| fault.party),
        Some(party("3"))
    );
    assert!(world.decide().is_empty(), "a settled job closes once");
}

#[test]
fn starts_steps_together_and_in_order() {
    let mut world = running();
    assert_eq!(world.snapshot.job.state, JobState::Running);
    assert_eq!(world.states("reader_0"), [S::Assigned, S::Assigned]);
    assert_eq!(world.states("lr_0"), [S::Waiting; 3]);
    world.report("reader_0", "1", E::Succeeded, None);
    world.decide();
    assert_eq!(world.states("lr_0"), [S::Waiting; 3]);
    world.report("reader_0", "2", E::Succeeded, None);
    world.decide();
    assert_eq!(world.states("lr_0"), [S::Assigned; 3]);
}

#[test]
fn runs_no_more_steps_at_once_than_allowed() {
    let mut world = world();
    world.snapshot.job.settings.parallelism = 1;
    world.accept_all();
    world.settle();
    assert_eq!(world.states("reader_0"), [S::Assigned, S::Assigned]);
    assert_eq!(world.states("reader_1"), [S::Waiting]);
}

#[test]
fn an_absent_party_holds_up_only_steps_that_need_it() {
    let mut world = world();
    world.accept_all();
    world.set_online("2", false);
    world.settle();
    assert_eq!(world.states("reader_0"), [S::Waiting, S::Waiting]);
    assert_eq!(world.states("reader_1"), [S::Assigned]);
    assert_eq!(
        world.snapshot.job.waiting.clone().expect("waits").parties,
        [party("2")]
    );
}

#[test]
fn skips_participants_that_need_not_run_and_lets_their_step_pass() {
    let mut world = world();
    let reader = &mut world.snapshot.job.definition.graph.steps[0];
    reader.skipped = reader.participants.clone();
    world.accept_all();
    world.settle();
    assert_eq!(world.states("reader_0"), [S::Skipped, S::Skipped]);
    assert_eq!(world.states("lr_0"), [S::Assigned; 3]);
}

#[test]
fn succeeds_when_every_step_is_done() {
    let mut world = running();
    world.finish_all_well();
    assert_eq!(world.snapshot.job.state, JobState::Succeeded);
    assert_eq!(world.snapshot.job.progress, 100);
    assert_eq!(world.snapshot.job.waiting, None);
}

#[test]
fn a_failure_stops_its_peers_and_keeps_the_first_cause() {
    let mut world = running();
    world.report(
        "reader_0",
        "2",
        E::Failed,
        Some(Fault::new(ErrorCode::TableMissing, "no table x")),
    );
    let decisions = world.decide();
    let told = decisions.iter().find_map(|d| match d {
        Decision::Cancel { task, reason, .. } if task.party == party("1") => Some(reason.clone()),
        _ => None,
    });
    let told = told.expect("the peer is stopped");
    assert_eq!(told.code, ErrorCode::PeerFailed);
    assert!(
        told.message.contains("party 2") && told.message.contains("no table x"),
        "{}",
        told.message
    );
    assert_eq!(
        world.snapshot.job.state,
        JobState::Running,
        "not before its peers are quiet"
    );
    world.pass(10);
    world.report("reader_0", "1", E::Failed, Some(told));
    world.decide();
    assert_eq!(
        world.snapshot.job.state,
        JobState::Stopping,
        "another step still runs"
    );
    world.report("reader_1", "1", E::Canceled, None);
    world.decide();
    assert_eq!(world.snapshot.job.state, JobState::Failed);
    let reason = world.snapshot.job.reason.clone().expect("kept");
    assert_eq!(
        (reason.code, reason.party),
        (ErrorCode::TableMissing, Some(party("2")))
    );
    assert_eq!(world.states("lr_0"), [S::Waiting; 3]);
    assert!(world.snapshot.job.progress < 100);
}

#[test]
fn a_failed_step_is_tried_again_after_a_pause_while_its_allowance_lasts() {
    let mut world = running();
    world.snapshot.job.settings.retries = 1;
    let fail = |world: &mut World| {
        world.report(
            "reader_0",
            "1",
            E::Failed,
            Some(Fault::new(ErrorCode::StorageFull, "no space")),
        );
        world.report("reader_0", "2", E::Succeeded, None);
        world.decide();
    };
    fail(&mut world);
    assert_eq!(world.states("reader_0"), [S::Waiting, S::Waiting]);
    assert_eq!(world.attempt("reader_0"), 1);
    world.pass(1_000);
    world.decide();
    assert_eq!(world.states("reader_0"), [S::Assigned, S::Assigned]);
    fail(&mut world);
    assert_eq!(world.snapshot.job.state, JobState::Stopping);
}

/// Fails the first reader's step at party 1 in try after try, as long as it is tried.
fn attempts_until_given_up(faults: &[Fault]) -> usize {
    let mut world = running();
    world.snapshot.job.settings.retries = 5;
    for (number, fault) in faults.iter().enumerate() {
        world.report("reader_0", "1", E::Failed, Some(fault.clone()));
        world.report("reader_0", "2", E::Succeeded, None);
        world.decide();
        if world.snapshot.job.state == JobState::Stopping {
            return number + 1;
        }
        world.pass(1_000);
        world.decide();
        assert_eq!(world.states("reader_0"), [S::Assigned, S::Assigned]);
    }
    panic!("it is still tried after {} attempts", faults.len());
}

#[test]
fn what_would_fail_again_is_not_tried_again() {
    let fault = |code, text: &str| Fault::new(code, text);
    for code in [
        ErrorCode::TableInvalid,
        ErrorCode::ParameterInvalid,
        ErrorCode::ReleaseRefused,
        ErrorCode::DataMismatch,
    ] {
        assert_eq!(
            attempts_until_given_up(&vec![fault(code, "as before"); 6]),
            1,
            "{code}"
        );
    }
    for code in [
        ErrorCode::NumericRange,
        ErrorCode::Internal,
        ErrorCode::ComponentPanicked,
        ErrorCode::FileUnreadable,
    ] {
        assert_eq!(
            attempts_until_given_up(&vec![fault(code, "as before"); 6]),
            2,
            "{code}"
        );
    }
    for code in [
        ErrorCode::StorageFull,
        ErrorCode::AgentBusy,
        ErrorCode::DeadlinePassed,
    ] {
        assert_eq!(
            attempts_until_given_up(&vec![fault(code, "as before"); 6]),
            6,
            "{code}: later it may go well"
        );
    }
    let other = |number: u32| fault(ErrorCode::Internal, &format!("failure {number}"));
    assert_eq!(
        attempts_until_given_up(&[other(1), other(2), other(1), other(1)]),
        4,
        "only the very same failure counts"
    );
}

#[test]
fn an_allowance_that_all_steps_share_is_used_up_by_whichever_fails() {
    for shared in [false, true] {
        let mut world = running();
        (
            world.snapshot.job.settings.retries,
            world.snapshot.job.settings.shared_retries,
        ) = (1, shared);
        let bad = || Some(Fault::new(ErrorCode::StorageFull, "no space"));
        world.report("reader_0", "1", E::Failed, bad());
        world.report("reader_0", "2", E::Succeeded, None);
        world.decide();
        assert_eq!(world.attempt("reader_0"), 1);
        world.report("reader_1", "1", E::Failed, bad());
        world.decide();
        let expected = if shared {
            JobState::Failed
        } else {
            JobState::Running
        };
        assert_eq!(world.snapshot.job.state, expected);
    }
}

#[test]
fn a_lost_agents_tasks_wait_for_the_lease_and_then_start_again() {
    let mut world = running();
    world.set_online("2", false);
    let decisions = world.decide();
    assert!(
        has(&decisions, |d| *d
            == Decision::Wake(world.now.plus_millis(15_000))),
        "{decisions:?}"
    );
    assert_eq!(world.states("reader_0"), [S::Assigned, S::Assigned]);
    world.pass(15_000);
    world.decide();
    assert_eq!(world.states("reader_0"), [S::Stopping, S::Lost]);
    world.report(
        "reader_0",
        "1",
        E::Failed,
        Some(Fault::new(ErrorCode::PeerTimeout, "host 2 was silent")),
    );
    world.decide();
    assert_eq!(
        (world.states("reader_0"), world.attempt("reader_0")),
        (vec![S::Waiting, S::Waiting], 1)
    );
    assert_eq!(
        (
            world.snapshot.earlier[0].lost,
            world.snapshot.earlier[0].failed
        ),
        (1, 0)
    );
}

#[test]
fn a_step_that_loses_agents_too_often_is_given_up_as_lost() {
    let mut world = running();
    world.snapshot.job.settings.restarts = 1;
    for attempt in 0..2 {
        assert_eq!(
            (world.attempt("reader_0"), world.states("reader_0")),
            (attempt, vec![S::Assigned, S::Assigned])
        );
        let echo = Fault::new(ErrorCode::PeerTimeout, "host 2 was silent");
        world.report("reader_0", "1", E::Failed, Some(echo));
        world.pass(1);
        world.report("reader_0", "2", E::Lost, None);
        world.decide();
        world.pass(1_000);
        world.decide();
    }
    assert_eq!(world.snapshot.job.state, JobState::Stopping);
    let reason = world.snapshot.job.reason.clone().expect("kept");
    assert_eq!(
        (reason.code, reason.party),
        (ErrorCode::PartyLost, Some(party("2"))),
        "the echo is not the cause"
    );
}

#[test]
fn a_task_that_ended_early_with_its_peer_is_not_the_cause() {
    let mut world = running();
    world.report("reader_0", "1", E::Canceled, None);
    world.pass(1);
    world.report(
        "reader_0",
        "2",
        E::Failed,
        Some(Fault::new(ErrorCode::TableMissing, "no table x")),
    );
    world.decide();
    assert_eq!(
        world.snapshot.job.reason.clone().map(|fault| fault.code),
        Some(ErrorCode::TableMissing)
    );
}

#[test]
fn a_wish_to_stop_settles_at_once_when_nothing_runs() {
    let mut world = world();
    world.decide();
    world.wish_stop();
    let decisions = world.decide();
    assert_eq!(world.snapshot.job.state, JobState::Canceled);
    assert!(has(&decisions, |d| *d == Decision::Close));
    assert!(
        world
            .snapshot
            .tasks
            .iter()
            .all(|task| task.state == S::Waiting)
    );
}

#[test]
fn a_wish_to_stop_waits_for_quiet_but_not_for_agents_that_are_gone() {
    let mut world = running();
    world.set_online("2", false);
    world.wish_stop();
    world.decide();
    assert_eq!(world.states("reader_0"), [S::Stopping, S::Lost]);
    let waiting = world.snapshot.job.waiting.clone().expect("waits");
    assert_eq!(waiting.parties, [party("1")]);
    world.report("reader_0", "1", E::Canceled, None);
    world.report("reader_1", "1", E::Succeeded, None);
    world.decide();
    assert_eq!(world.snapshot.job.state, JobState::Canceled);
    assert_eq!(world.states("lr_0"), [S::Waiting; 3]);
}

#[test]
fn a_job_ends_at_its_deadline() {
    let mut world = running();
    world.pass(world.snapshot.job.settings.timeout_millis);
    world.decide();
    let wish: StopRequest = world.snapshot.job.stop.clone().expect("kept");
    assert_eq!(
        (wish.settle_as, wish.reason.code),
        (JobState::TimedOut, ErrorCode::DeadlinePassed)
    );
    for who in ["1", "2"] {
        world.report("reader_0", who, E::Canceled, None);
    }
    world.report("reader_1", "1", E::Canceled, None);
    world.decide();
    assert_eq!(world.snapshot.job.state, JobState::TimedOut);
}

#[test]
fn a_rerun_keeps_what_succeeded_and_asks_nobody_twice() {
    let mut world = running();
    world.report("reader_1", "1", E::Succeeded, None);
    world.wish_stop();
    world.decide();
    world.report("reader_0", "1", E::Canceled, None);
    world.report("reader_0", "2", E::Canceled, None);
    world.decide();
    assert!(crate::rerun::plan(&world.snapshot, &["nothing".to_owned()], false).is_err());
    let plan = crate::rerun::plan(&world.snapshot, &[], false).expect("settled");
    assert_eq!(
        plan.again
            .iter()
            .map(|name| name.as_str())
            .collect::<Vec<_>>(),
        ["reader_0"]
    );
    world.snapshot.rerun(&plan, world.now).expect("settled");
    world.decide();
    assert_eq!(world.snapshot.job.state, JobState::Running);
    assert_eq!(
        (world.attempt("reader_0"), world.attempt("reader_1")),
        (1, 0)
    );
    assert_eq!(world.states("reader_0"), [S::Assigned, S::Assigned]);
    assert!(
        crate::rerun::plan(&world.snapshot, &[], false).is_err(),
        "a running job cannot be rerun"
    );
    world.finish_all_well();
    let nothing = crate::rerun::plan(&world.snapshot, &[], false).expect("settled");
    assert!(!nothing.restarts);
    let forced =
        crate::rerun::plan(&world.snapshot, &["reader_0".to_owned()], true).expect("settled");
    assert_eq!(
        forced
            .again
            .iter()
            .map(|name| name.as_str())
            .collect::<Vec<_>>(),
        ["reader_0", "lr_0"]
    );
}

#[test]
fn counts_earlier_attempts_from_stored_rows() {
    let world = running();
    let first: Vec<Task> = world.snapshot.tasks.clone();
    let mut rows = first.clone();
    rows[0].state = S::Lost;
    let retried = first[0].key.id.clone();
    let key = |attempt| crate::task::TaskKey {
        id: retried.clone(),
        attempt: Attempt(attempt),
    };
    rows.push(Task::waiting(key(1), Some(world.now), world.now));
    let count = crate::step::earlier_attempts(&rows);
    assert_eq!(
        count
            .iter()
            .map(|earlier| (earlier.lost, earlier.failed))
            .collect::<Vec<_>>(),
        [(1, 0)]
    );
    rows.push(Task::waiting(key(2), None, world.now));
    assert!(
        crate::step::earlier_attempts(&rows).is_empty(),
        "a rerun starts with a fresh allowance"
    );
    assert!(world.is_quiet());
}

#[test]
fn a_step_that_runs_too_long_is_stopped_everywhere_and_counts_as_timed_out() {
    let mut world = world();
    world.snapshot.job.settings.step_timeout_millis = Some(60_000);
    let lr = world.snapshot.job.definition.graph.steps[2].name.clone();
    world.snapshot.job.settings.step_timeouts.insert(lr, 5_000);
    world.accept_all();
    let decisions = world.decide();
    assert!(
        has(&decisions, |d| *d
            == Decision::Wake(world.now.plus_millis(60_000))),
        "{decisions:?}"
    );
    for step in ["reader_0", "reader_1"] {
        world.finish(step, E::Succeeded, None);
    }
    world.settle();
    assert_eq!(world.states("lr_0"), [S::Assigned; 3]);
    world.pass(4_999);
    assert!(world.is_quiet());
    world.pass(1);
    world.settle();
    assert_eq!(world.states("lr_0"), [S::Stopping; 3]);
    assert_eq!(world.snapshot.job.state, JobState::Running);
    world.finish("lr_0", E::Canceled, None);
    world.settle();
    assert_eq!(world.states("lr_0"), [S::TimedOut; 3]);
    let job = &world.snapshot.job;
    assert_eq!(job.state, JobState::TimedOut);
    assert!(job.reason.as_ref().is_some_and(|reason| {
        reason
            .message
            .contains("lr_0 took longer than its 5 seconds")
    }));
}

#[test]
fn a_step_that_timed_out_is_tried_again_while_its_allowance_lasts() {
    let mut world = world();
    (
        world.snapshot.job.settings.retries,
        world.snapshot.job.settings.step_timeout_millis,
    ) = (1, Some(5_000));
    world.accept_all();
    world.settle();
    world.pass(5_000);
    world.settle();
    for step in ["reader_0", "reader_1"] {
        world.finish(step, E::Canceled, None);
    }
    world.settle();
    assert_eq!(world.states("reader_0"), [S::Waiting; 2]);
    world.pass(1_000);
    world.settle();
    assert_eq!(
        world.states("reader_0"),
        [S::Assigned; 2],
        "the new attempt has its own time"
    );
}

#[test]
fn tasks_that_run_at_the_jobs_deadline_time_out() {
    let mut world = running();
    world.pass(world.snapshot.job.settings.timeout_millis);
    world.settle();
    for step in ["reader_0", "reader_1"] {
        world.finish(step, E::Canceled, None);
    }
    world.settle();
    assert_eq!(
        (world.snapshot.job.state, world.states("reader_0")),
        (JobState::TimedOut, vec![S::TimedOut; 2])
    );
    assert_eq!(world.states("lr_0"), [S::Waiting; 3]);
}

#[test]
fn a_job_without_capacity_waits_and_says_so() {
    let mut world = world();
    world.snapshot.short_of = vec![party("2")];
    world.accept_all();
    world.settle();
    let job = &world.snapshot.job;
    assert_eq!(job.state, JobState::Queued);
    assert!(
        job.waiting
            .as_ref()
            .is_some_and(|waiting| waiting.is_for_capacity() && waiting.parties == [party("2")])
    );
    world.snapshot.short_of.clear();
    world.settle();
    assert_eq!(
        (world.snapshot.job.state, &world.snapshot.job.waiting),
        (JobState::Running, &None)
    );
}

#[test]
fn a_rerun_behind_a_canceled_step_ends_canceled() {
    let mut world = running();
    world.wish_stop();
    world.settle();
    for step in ["reader_0", "reader_1"] {
        world.finish(step, E::Canceled, None);
    }
    world.settle();
    let plan = crate::rerun::plan(&world.snapshot, &["lr_0".to_owned()], false).expect("settled");
    assert!(plan.restarts && plan.again.is_empty());
    world.snapshot.rerun(&plan, world.now).expect("legal");
    world.settle();
    assert_eq!(
        world.snapshot.job.state,
        JobState::Canceled,
        "nothing can start"
    );
}
