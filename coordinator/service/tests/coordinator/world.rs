//! A federation of three parties, its coordinator, and what a test asks of it.

use std::sync::Arc;
use std::time::Duration;

use domain::{Job, JobState, Task, TaskState};
use serde_json::{Value, json};
use service::{Bounds, Coordinator, Options, Principal, Store, SubmitJob, TaskFilter};
use store::MemoryStore;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vocabulary::{Clock, ComponentInfo, JobId, PartyId, Port, PortKind, Role, TaskId, Timestamp};

use crate::agents::Agents;

/// Tokio's time, so that a paused test's clock moves with its timers.
pub(crate) struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        let since = i64::try_from(self.0.elapsed().as_micros()).unwrap();
        Timestamp(1_790_000_000_000_000 + since)
    }
}

pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) agents: Agents,
    pub(crate) coordinator: Coordinator,
    pub(crate) clock: Arc<TokioClock>,
    stop: CancellationToken,
    driving: JoinHandle<()>,
}

pub(crate) fn party(id: &str) -> PartyId {
    PartyId::new(id).unwrap()
}

pub(crate) const PARTIES: [&str; 3] = ["9999", "10000", "10001"];

impl World {
    /// All parties are there.
    pub(crate) async fn new() -> Self {
        let world = Self::without_agents(Arc::new(MemoryStore::default()));
        for id in PARTIES {
            world.agents.connect(&party(id)).await;
        }
        world
    }

    pub(crate) fn without_agents(store: Arc<dyn Store>) -> Self {
        let clock = Arc::new(TokioClock(Instant::now()));
        let agents = Agents::default();
        Self::start(store, agents, clock)
    }

    /// All parties are there, and agents may tell so much.
    pub(crate) async fn with_bounds(bounds: Bounds) -> Self {
        let clock = Arc::new(TokioClock(Instant::now()));
        let options = Options {
            bounds,
            ..Options::default()
        };
        let world = Self::start_as(
            (Arc::new(MemoryStore::default()), Agents::default(), clock),
            options,
        );
        for id in PARTIES {
            world.agents.connect(&party(id)).await;
        }
        world
    }

    fn start(store: Arc<dyn Store>, agents: Agents, clock: Arc<TokioClock>) -> Self {
        Self::start_as((store, agents, clock), Options::default())
    }

    fn start_as(
        (store, agents, clock): (Arc<dyn Store>, Agents, Arc<TokioClock>),
        options: Options,
    ) -> Self {
        let gateway = Arc::new(agents.clone());
        let own_clock: Arc<dyn Clock> = clock.clone();
        let coordinator = Coordinator::new(store.clone(), gateway, own_clock, options);
        agents.serve(Some(coordinator.clone()));
        let stop = CancellationToken::new();
        let driving = tokio::spawn({
            let (coordinator, stop) = (coordinator.clone(), stop.clone());
            async move { coordinator.run(stop).await }
        });
        Self {
            store,
            agents,
            coordinator,
            clock,
            stop,
            driving,
        }
    }

    /// Ends the coordinator without letting it finish anything.
    pub(crate) async fn crash(self) -> (Arc<dyn Store>, Agents, Arc<TokioClock>) {
        self.agents.serve(None);
        self.driving.abort();
        self.stop.cancel();
        let _ = self.driving.await;
        (self.store, self.agents, self.clock)
    }

    /// A new coordinator on what an old one left.
    pub(crate) fn again((store, agents, clock): (Arc<dyn Store>, Agents, Arc<TokioClock>)) -> Self {
        Self::start(store, agents, clock)
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.driving.await.unwrap();
    }

    pub(crate) async fn submit(&self, dsl: Value, conf: Value) -> Job {
        let command = SubmitJob {
            dsl,
            conf,
            ..SubmitJob::default()
        };
        self.coordinator
            .jobs()
            .submit_documents(&Principal::anyone(), command)
            .await
            .expect("is taken in")
    }

    /// Waits for something to be true of the job.
    pub(crate) async fn until(&self, id: &JobId, what: &str, is_so: impl Fn(&Job) -> bool) -> Job {
        for _ in 0..20_000 {
            let job = self.coordinator.jobs().get(id).await.unwrap();
            if is_so(&job) {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let job = self.coordinator.jobs().get(id).await.unwrap();
        panic!(
            "{what} did not happen: {:?}, waiting {:?}, {:?}",
            job.state,
            job.waiting,
            self.agents.log()
        );
    }

    pub(crate) async fn settled(&self, id: &JobId) -> Job {
        self.until(id, "settling", |job| job.state.is_settled())
            .await
    }

    pub(crate) async fn reaches(&self, id: &JobId, state: JobState) -> Job {
        self.until(id, &format!("{state:?}"), |job| job.state == state)
            .await
    }

    pub(crate) async fn tasks(&self, id: &JobId) -> Vec<Task> {
        let filter = TaskFilter {
            job: Some(id.clone()),
            ..TaskFilter::default()
        };
        self.coordinator.jobs().tasks(&filter).await.unwrap().0
    }

    pub(crate) async fn tasks_of_all_attempts(&self, id: &JobId) -> Vec<Task> {
        let filter = TaskFilter {
            job: Some(id.clone()),
            all_attempts: true,
            ..TaskFilter::default()
        };
        self.coordinator.jobs().tasks(&filter).await.unwrap().0
    }

    pub(crate) async fn states(&self, id: &JobId, step: &str) -> Vec<TaskState> {
        self.tasks(id)
            .await
            .into_iter()
            .filter(|task| task.key.id.step.as_str() == step)
            .map(|task| task.state)
            .collect()
    }
}

pub(crate) fn task_id(job: &JobId, step: &str, role: Role, id: &str) -> TaskId {
    TaskId {
        job: job.clone(),
        step: step.parse().unwrap(),
        role,
        party: party(id),
    }
}

fn info(
    name: &str,
    module: &str,
    roles: &[Role],
    ports: &[&str],
    properties: Value,
    defaults: Value,
) -> ComponentInfo {
    let port = |name: &&str| Port {
        name: (*name).to_owned(),
        kind: PortKind::Data,
    };
    let mut inputs: Vec<Port> = ports.iter().map(port).collect();
    inputs.push(Port {
        name: "model".into(),
        kind: PortKind::Model,
    });
    ComponentInfo {
        name: name.into(),
        version: 1,
        summary: String::new(),
        modules: vec![module.into()],
        roles: roles.to_vec(),
        inputs,
        outputs: vec![],
        schema: json!({"type": "object", "properties": properties, "additionalProperties": false}),
        defaults,
        messages: vec![],
        cast: vec![],
        needs: vec![],
        applies_with: None,
    }
}

pub(crate) fn catalogue() -> Vec<ComponentInfo> {
    use Role::{Arbiter, Guest, Host};
    let lr = json!({"max_iter": {"type": "integer"}, "init_param": {"type": "object"}});
    let defaults =
        json!({"max_iter": 100, "init_param": {"init_method": "random", "fit_intercept": true}});
    let data = ["train_data", "validate_data", "test_data"];
    vec![
        info(
            "reader",
            "Reader",
            &[Guest, Host],
            &[],
            json!({"table": {"type": "object"}}),
            json!({}),
        ),
        info(
            "hetero_lr",
            "HeteroLR",
            &[Guest, Host, Arbiter],
            &data,
            lr,
            defaults,
        ),
        info(
            "evaluation",
            "Evaluation",
            &[Guest, Host],
            &["data"],
            json!({"need_run": {"type": "boolean"}}),
            json!({}),
        ),
    ]
}

/// A reader, a model and its evaluation.
pub(crate) fn dsl() -> Value {
    json!({"components": {
        "reader_0": {"module": "Reader", "output": {"data": ["data"]}},
        "hetero_lr_0": {"module": "HeteroLR", "input": {"data": {"train_data": ["reader_0.data"]}},
            "output": {"data": ["data"], "model": ["model"]}},
        "evaluation_0": {"module": "Evaluation", "input": {"data": {"data": ["hetero_lr_0.data"]}}, "output": {"data": ["data"]}}
    }})
}

/// One step only.
pub(crate) fn reader_dsl() -> Value {
    json!({"components": {"reader_0": {"module": "Reader", "output": {"data": ["data"]}}}})
}

/// Guest 9999, the given host, arbiter 10001; job parameters as given.
pub(crate) fn conf(host: u32, parameters: Value) -> Value {
    json!({
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": [9999], "host": [host], "arbiter": [10001]},
        "job_parameters": {"common": parameters},
        "component_parameters": {
            "common": {"hetero_lr_0": {"max_iter": 3, "init_param": {"init_method": "zeros"}}},
            "role": {
                "guest": {"0": {"reader_0": {"table": {"name": "own", "namespace": "experiment"}}}},
                "host": {"0": {"reader_0": {"table": {"name": "theirs", "namespace": "experiment"}},
                    "evaluation_0": {"need_run": false}}}
            }
        }
    })
}

/// Guest 9999 alone with a host, no arbiter.
pub(crate) fn pair_conf(host: u32) -> Value {
    let mut conf = conf(host, json!({}));
    if let Some(roles) = conf["role"].as_object_mut() {
        roles.remove("arbiter");
    }
    conf
}
