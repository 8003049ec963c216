//! A small world for tests: a job, the presence of its agents, and the time.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use vocabulary::{
    Attempt, Cast, ErrorCode, ExperimentId, Fault, JobId, Participant, PartyId, Role, SignedBytes,
    Stage, StepName, TaskId, Timestamp,
};

use crate::definition::{Definition, Dialect};
use crate::graph::{DataEdge, Graph, Step};
use crate::job::state::JobState;
use crate::job::{Answer, Job, JobKind, JobSettings, StopRequest};
use crate::presence::{AgentPresence, Presence};
use crate::schedule::{Decision, JobSnapshot, decide};
use crate::task::state::{TaskEvent, TaskState};
use crate::task::{Task, TaskKey};

pub(crate) fn party(text: &str) -> PartyId {
    PartyId::new(text).expect("valid")
}

pub(crate) fn cast(guest: &[&str], host: &[&str], arbiter: &[&str]) -> Cast {
    let parties = |ids: &[&str]| ids.iter().map(|id| party(id)).collect();
    Cast {
        guest: parties(guest),
        host: parties(host),
        arbiter: parties(arbiter),
        local: vec![],
    }
}

/// A step whose participants [`snapshot`] fills in from the roles given.
pub(crate) fn step(name: &str, reads: &[&str], roles: &[Role]) -> Step {
    let name_of = |text: &str| StepName::new(text).expect("valid");
    let edge = |from: &&str| DataEdge {
        port: "data".into(),
        from: name_of(from),
        index: 0,
        alias: "data".into(),
    };
    Step {
        name: name_of(name),
        component: "union".into(),
        module: "Union".into(),
        version: 1,
        stage: Stage::Fit,
        participants: roles
            .iter()
            .map(|role| Participant::new(*role, party("0")))
            .collect(),
        skipped: vec![],
        inputs: reads.iter().map(edge).collect(),
        models: vec![],
        outputs: vec!["data".into()],
        model_outputs: vec![],
        parameters: vec![],
    }
}

pub(crate) fn snapshot(mut steps: Vec<Step>, cast: Cast) -> JobSnapshot {
    for step in &mut steps {
        let roles: BTreeSet<Role> = step
            .participants
            .iter()
            .map(|participant| participant.role)
            .collect();
        step.participants = cast
            .participants()
            .filter(|participant| roles.contains(&participant.role))
            .collect();
    }
    let id = JobId::new("20260101000000000000").expect("valid");
    let graph = Graph::ordered(steps).expect("no loop");
    let tasks = tasks_of(&id, &graph);
    let definition = Definition {
        dialect: Dialect::FateV2,
        submitted_dsl: json!({}),
        submitted_conf: json!({}),
        dsl: json!({}),
        conf: json!({}),
        train_conf: json!({}),
        graph,
        warnings: Vec::new(),
    };
    let job = Job {
        experiment: ExperimentId::new("default").expect("valid"),
        kind: JobKind::Train,
        name: String::new(),
        description: String::new(),
        initiator: Participant::new(Role::Guest, cast.guest[0].clone()),
        cast,
        definition,
        settings: JobSettings {
            parallelism: 4,
            ..JobSettings::default()
        },
        model_id: String::new(),
        model_version: id.to_string(),
        id,
        state: JobState::Offered,
        reason: None,
        waiting: None,
        stop: None,
        offer: None,
        ticket: None,
        answers: BTreeMap::new(),
        progress: 0,
        created: Timestamp(0),
        rerun: None,
        amended: None,
        started: None,
        ended: None,
        updated: Timestamp(0),
        archived: None,
    };
    JobSnapshot {
        job,
        tasks,
        asked: BTreeMap::new(),
        earlier: Vec::new(),
        short_of: Vec::new(),
        behind: None,
        held: None,
    }
}

fn tasks_of(job: &JobId, graph: &Graph) -> Vec<Task> {
    let of_step = |step: &Step| {
        let id = |who: &Participant| TaskId {
            job: job.clone(),
            step: step.name.clone(),
            role: who.role,
            party: who.party.clone(),
        };
        step.participants
            .iter()
            .map(|who| {
                Task::waiting(
                    TaskKey {
                        id: id(who),
                        attempt: Attempt(0),
                    },
                    None,
                    Timestamp(0),
                )
            })
            .collect()
    };
    graph
        .steps
        .iter()
        .flat_map(|step| -> Vec<Task> { of_step(step) })
        .collect()
}

pub(crate) fn signed(by: &PartyId) -> SignedBytes {
    SignedBytes {
        bytes: vec![1],
        signer: by.clone(),
        chain: vec![],
        signature: vec![2],
    }
}

/// A job with all that is decided with it.
pub(crate) struct World {
    pub(crate) snapshot: JobSnapshot,
    pub(crate) presence: Presence,
    pub(crate) now: Timestamp,
}

impl World {
    /// The parties named are online from the start.
    pub(crate) fn new(snapshot: JobSnapshot, online: &[&str]) -> Self {
        let agent = AgentPresence {
            online: true,
            since: Timestamp(0),
            ended: false,
            last_error: None,
            components: vec![],
            rest: None,
            rows_through_coordinator: false,
            slots: None,
        };
        let agents = online.iter().map(|id| (party(id), agent.clone())).collect();
        Self {
            snapshot,
            presence: Presence {
                agents,
                ..Presence::default()
            },
            now: Timestamp(0),
        }
    }

    /// Decides, applies, and checks that nothing new follows.
    pub(crate) fn decide(&mut self) -> Vec<Decision> {
        let decisions = decide(&self.snapshot, &self.presence, self.now);
        for decision in &decisions {
            self.snapshot.apply(decision, self.now).expect("legal");
        }
        assert!(
            self.is_quiet(),
            "after {decisions:?}: {:?}",
            decide(&self.snapshot, &self.presence, self.now)
        );
        decisions
    }

    /// Whether nothing but a reminder is decided now.
    pub(crate) fn is_quiet(&self) -> bool {
        decide(&self.snapshot, &self.presence, self.now)
            .iter()
            .all(|decision| matches!(decision, Decision::Wake(_)))
    }

    pub(crate) fn settle(&mut self) {
        self.decide();
    }

    pub(crate) fn pass(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
    }

    pub(crate) fn set_online(&mut self, id: &str, online: bool) {
        let now = self.now;
        let agent = self.presence.agents.get_mut(&party(id)).expect("known");
        if agent.online != online {
            (agent.online, agent.since) = (online, now);
        }
    }

    pub(crate) fn fail_link(&mut self, id: &str, message: &str) {
        let agent = self.presence.agents.get_mut(&party(id)).expect("known");
        agent.last_error = Some(Fault::new(ErrorCode::PartyOffline, message));
    }

    pub(crate) fn sign(&mut self) {
        let initiator = self.snapshot.job.initiator.party.clone();
        self.snapshot.sign(signed(&initiator), self.now);
    }

    pub(crate) fn accept_all(&mut self) {
        self.sign();
        for id in self.snapshot.job.cast.parties() {
            self.snapshot
                .answer(&id, Answer::Accepted(signed(&id)), self.now);
        }
    }

    pub(crate) fn wish_stop(&mut self) {
        let reason = Fault::new(ErrorCode::Canceled, "a person asked to stop the job");
        self.snapshot.ask_to_stop(StopRequest {
            settle_as: JobState::Canceled,
            reason,
            at: self.now,
        });
    }

    pub(crate) fn states(&self, step: &str) -> Vec<TaskState> {
        self.snapshot
            .tasks
            .iter()
            .filter(|task| task.key.id.step.as_str() == step)
            .map(|task| task.state)
            .collect()
    }

    pub(crate) fn attempt(&self, step: &str) -> u32 {
        let own = self
            .snapshot
            .tasks
            .iter()
            .find(|task| task.key.id.step.as_str() == step);
        own.expect("there").key.attempt.0
    }

    /// What the agent of a party tells of the latest try of its first task in a step.
    pub(crate) fn report(&mut self, step: &str, id: &str, event: TaskEvent, fault: Option<Fault>) {
        let own =
            |task: &&Task| task.key.id.step.as_str() == step && task.key.id.party == party(id);
        let key = self
            .snapshot
            .tasks
            .iter()
            .find(own)
            .expect("there")
            .key
            .clone();
        assert!(
            self.snapshot.record(&key, event, fault, self.now),
            "{event:?} does not count"
        );
    }

    /// What the agents tell of every task of a step that they work on.
    pub(crate) fn finish(&mut self, step: &str, event: TaskEvent, fault: Option<Fault>) {
        let own = |task: &&Task| task.key.id.step.as_str() == step && task.state.is_active();
        let keys: Vec<TaskKey> = self
            .snapshot
            .tasks
            .iter()
            .filter(own)
            .map(|task| task.key.clone())
            .collect();
        for key in keys {
            assert!(
                self.snapshot.record(&key, event, fault.clone(), self.now),
                "{event:?} does not count"
            );
        }
    }

    /// Lets every active task succeed until nothing more happens.
    pub(crate) fn finish_all_well(&mut self) {
        for _ in 0..100 {
            self.decide();
            let active: Vec<TaskKey> = self
                .snapshot
                .tasks
                .iter()
                .filter(|task| task.state.is_active())
                .map(|task| task.key.clone())
                .collect();
            for key in active {
                self.snapshot
                    .record(&key, TaskEvent::Succeeded, None, self.now);
            }
        }
    }
}
