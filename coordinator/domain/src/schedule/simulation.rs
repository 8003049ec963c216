//! Random lives of a job: agents come, go, fail and answer late; whatever happens, the rules hold and the job ends.

use proptest::prelude::*;
use vocabulary::{ErrorCode, Role};

use super::*;
use crate::fixture::{World, cast, party, signed, snapshot, step};
use crate::graph::Step;
use crate::job::Answer;
use crate::task::state::{TaskEvent, TaskState};
use crate::task::{Task, TaskKey};

const PARTIES: [&str; 3] = ["1", "2", "3"];

#[derive(Debug, Clone)]
enum Happening {
    Pass(i64),
    Connect(usize),
    Drop(usize),
    Sign,
    Answer {
        party: usize,
        accepts: bool,
    },
    Report {
        task: usize,
        event: TaskEvent,
        code: ErrorCode,
    },
    StaleReport(usize),
    WishStop,
    Rerun {
        force: bool,
    },
    Crowd {
        full: bool,
    },
}

fn happening() -> impl Strategy<Value = Happening> {
    let event = prop_oneof![
        3 => Just(TaskEvent::Started),
        6 => Just(TaskEvent::Succeeded),
        2 => Just(TaskEvent::Failed),
        1 => Just(TaskEvent::TimedOut),
        1 => Just(TaskEvent::Lost),
        2 => Just(TaskEvent::Canceled),
    ];
    let code = prop_oneof![
        Just(ErrorCode::TableMissing),
        Just(ErrorCode::PeerFailed),
        Just(ErrorCode::PeerTimeout)
    ];
    prop_oneof![
        12 => (1i64..20_000).prop_map(Happening::Pass),
        1 => (1i64..200_000_000).prop_map(Happening::Pass),
        12 => (0usize..3).prop_map(Happening::Connect),
        8 => (0usize..3).prop_map(Happening::Drop),
        4 => Just(Happening::Sign),
        6 => ((0usize..3), proptest::bool::weighted(0.95)).prop_map(|(party, accepts)| Happening::Answer { party, accepts }),
        60 => (0usize..40, event, code).prop_map(|(task, event, code)| Happening::Report { task, event, code }),
        2 => (0usize..40).prop_map(Happening::StaleReport),
        1 => Just(Happening::WishStop),
        4 => any::<bool>().prop_map(|force| Happening::Rerun { force }),
        4 => any::<bool>().prop_map(|full| Happening::Crowd { full }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let roles = proptest::sample::subsequence(Role::ALL.to_vec(), 0..=3);
    let one = (
        roles,
        proptest::collection::vec(0usize..6, 0..3),
        proptest::bool::weighted(0.2),
    );
    proptest::collection::vec(one, 1..6).prop_map(|drawn| {
        let names: Vec<String> = (0..drawn.len()).map(|index| format!("s_{index}")).collect();
        let place = |index: usize, (roles, reads, skips): (Vec<Role>, Vec<usize>, bool)| {
            let reads: Vec<&str> = reads
                .into_iter()
                .filter(|from| *from < index)
                .map(|from| names[from].as_str())
                .collect();
            let mut step = step(&names[index], &reads, &roles);
            if skips && roles.contains(&Role::Guest) {
                step.skipped
                    .push(vocabulary::Participant::new(Role::Guest, party("1")));
            }
            step
        };
        drawn
            .into_iter()
            .enumerate()
            .map(|(index, one)| place(index, one))
            .collect()
    })
}

fn happen(world: &mut World, what: Happening) {
    match what {
        Happening::Pass(millis) => world.pass(millis),
        Happening::Connect(who) => world.set_online(PARTIES[who], true),
        Happening::Drop(who) => world.set_online(PARTIES[who], false),
        Happening::Sign => world.sign(),
        Happening::Answer {
            party: who,
            accepts,
        } => {
            let id = party(PARTIES[who]);
            let refusal = Fault::new(ErrorCode::OfferRefused, "no");
            let answer = if accepts {
                Answer::Accepted(signed(&id))
            } else {
                Answer::Refused(refusal)
            };
            if world.snapshot.asked.contains_key(&id) && id != world.snapshot.job.initiator.party {
                world.snapshot.answer(&id, answer, world.now);
            }
        }
        Happening::Report { task, event, code } => {
            let active: Vec<TaskKey> = world
                .snapshot
                .tasks
                .iter()
                .filter(|task| task.state.is_active())
                .map(|task| task.key.clone())
                .collect();
            let Some(key) = active.get(task % active.len().max(1)) else {
                return;
            };
            let fault = matches!(event, TaskEvent::Failed | TaskEvent::TimedOut)
                .then(|| Fault::new(code, "broke"));
            world.snapshot.record(key, event, fault, world.now);
        }
        Happening::StaleReport(task) => {
            let count = world.snapshot.tasks.len().max(1);
            let Some(task) = world.snapshot.tasks.get(task % count) else {
                return;
            };
            let key = TaskKey {
                attempt: Attempt(task.key.attempt.0.wrapping_sub(1)),
                ..task.key.clone()
            };
            assert!(
                !world
                    .snapshot
                    .record(&key, TaskEvent::Succeeded, None, world.now),
                "a stale report counted"
            );
        }
        Happening::WishStop => world.wish_stop(),
        Happening::Crowd { full } => {
            // As the book has it: who works holds its capacity.
            let works = world
                .snapshot
                .tasks
                .iter()
                .any(|task| task.state.is_active());
            world.snapshot.short_of = if full && !works {
                vec![party("1")]
            } else {
                Vec::new()
            };
        }
        Happening::Rerun { force } => {
            if let Ok(plan) = crate::rerun::plan(&world.snapshot, &[], force) {
                world.snapshot.rerun(&plan, world.now).expect("settled");
            }
        }
    }
}

/// Decides once and checks the rules on what was decided.
fn decide_and_check(world: &mut World) {
    let before = world.snapshot.clone();
    let decisions = world.decide();
    let job = &world.snapshot.job;
    let closes = decisions
        .iter()
        .filter(|decision| **decision == Decision::Close)
        .count();
    assert_eq!(
        closes,
        usize::from(job.state.is_settled() && !before.job.state.is_settled()),
        "closes as it settles"
    );
    if before.job.state.is_settled() {
        assert!(decisions.is_empty(), "{decisions:?}");
    }
    for decision in &decisions {
        match decision {
            Decision::Assign { .. } => {
                assert!(
                    everybody_accepted(job),
                    "an order without an accepted offer"
                );
                assert!(before.short_of.is_empty(), "an order without capacity");
            }
            Decision::Retry { step, .. } => {
                let quiet = |task: &Task| {
                    let lost = |d: &Decision| matches!(d, Decision::Task { task: id, event: TaskEvent::Lost, .. } if *id == task.key.id);
                    !task.state.is_active() || decisions.iter().any(lost)
                };
                let own = before.tasks.iter().filter(|task| &task.key.id.step == step);
                assert!(
                    own.into_iter().all(quiet),
                    "a new attempt beside an active one"
                );
            }
            _ => {}
        }
    }
    let mut active: Vec<_> = world
        .snapshot
        .tasks
        .iter()
        .filter(|task| task.state.is_active())
        .map(|task| &task.key.id.step)
        .collect();
    active.sort();
    active.dedup();
    let late = |task: &Task| {
        let limit = job.settings.limit_of(&task.key.id.step);
        let over = task
            .ordered
            .zip(limit)
            .is_some_and(|(ordered, limit)| ordered.plus_millis(limit) <= world.now);
        over && matches!(task.state, TaskState::Assigned | TaskState::Running)
    };
    assert!(
        job.state.is_settled() || !world.snapshot.tasks.iter().any(late),
        "a step goes on after its time"
    );
    assert!(
        active.len() <= job.settings.parallelism as usize,
        "{} steps at once",
        active.len()
    );
    assert!(
        !job.state.is_settled() || active.is_empty(),
        "settled while an agent works"
    );
    assert!(
        job.progress >= before.job.progress || before.job.state.is_settled(),
        "progress fell"
    );
}

fn everybody_accepted(job: &Job) -> bool {
    job.offer.is_some()
        && job
            .cast
            .parties()
            .iter()
            .all(|party| matches!(job.answers.get(party), Some(Answer::Accepted(_))))
}

/// From here on everything goes well: the job must end.
fn bring_to_end(world: &mut World) {
    for id in PARTIES {
        world.set_online(id, true);
    }
    world.snapshot.short_of.clear();
    for _ in 0..200 {
        if world.snapshot.job.state.is_settled() {
            return;
        }
        if world.snapshot.job.state == JobState::Offered {
            world.accept_all();
        }
        let active: Vec<TaskKey> = world
            .snapshot
            .tasks
            .iter()
            .filter(|task| task.state.is_active())
            .map(|task| task.key.clone())
            .collect();
        for key in active {
            world
                .snapshot
                .record(&key, TaskEvent::Succeeded, None, world.now);
        }
        world.pass(1_000);
        decide_and_check(world);
    }
    panic!("the job does not end: {:?}", world.snapshot.job);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_rules_hold_and_the_job_ends(
        steps in steps(),
        happenings in proptest::collection::vec(happening(), 0..120),
        accepted in proptest::bool::weighted(0.7),
        parallelism in 1u32..4,
        retries in 0u32..3,
        restarts in 0u32..3,
        limit in proptest::option::of(1_000i64..60_000),
    ) {
        let mut world = World::new(snapshot(steps, cast(&["1"], &["2"], &["3"])), &PARTIES);
        let settings = &mut world.snapshot.job.settings;
        (settings.parallelism, settings.retries, settings.restarts) = (parallelism, retries, restarts);
        settings.step_timeout_millis = limit;
        if accepted {
            world.accept_all();
        }
        for what in happenings {
            happen(&mut world, what);
            decide_and_check(&mut world);
        }
        bring_to_end(&mut world);
    }
}
