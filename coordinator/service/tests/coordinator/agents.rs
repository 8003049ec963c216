//! Agents behind a gateway: they sign, accept, run tasks by reporting back, and can be told to misbehave.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use service::{AgentFacts, AgentGateway, Coordinator, Order, OrderReply};
use vocabulary::offer::fingerprint_of;
use vocabulary::report::ReportBody;
use vocabulary::{
    Assignment, Attempt, ErrorCode, Fault, JobId, Metric, MetricData, ModelRef, ModelSummary,
    Outcome, PartyId, Progress, Report, SignedBytes, TableRef, TableSummary, TaskId, Usage,
};

use crate::world::catalogue;

/// How an agent behaves.
#[derive(Clone)]
pub(crate) struct Behaviour {
    /// Whether its link stands.
    pub(crate) online: bool,
    /// Refuses every offer so.
    pub(crate) refuses: Option<Fault>,
    /// Refuses every assignment so.
    pub(crate) refuses_tasks: Option<Fault>,
    /// Objections to parameters.
    pub(crate) objects: Vec<Fault>,
    /// How long it takes to answer an order.
    pub(crate) answers_after: Duration,
    /// How long a task runs; `None` until it is stopped.
    pub(crate) runs: Option<Duration>,
    /// Attempts of a step that fail.
    pub(crate) fails: BTreeMap<String, u32>,
    /// With what; a table is missing when it is not set.
    pub(crate) fails_with: Option<Fault>,
    /// Says everything twice.
    pub(crate) repeats: bool,
    /// Neither beats nor reports nor answers, though its link stands.
    pub(crate) frozen: bool,
    /// How many tasks it says that it runs at once.
    pub(crate) slots: Option<u32>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            online: false,
            refuses: None,
            refuses_tasks: None,
            objects: Vec::new(),
            answers_after: Duration::from_millis(1),
            runs: Some(Duration::from_millis(50)),
            fails: BTreeMap::new(),
            fails_with: None,
            repeats: false,
            frozen: false,
            slots: None,
        }
    }
}

#[derive(Default)]
struct State {
    coordinator: Option<Coordinator>,
    behaviours: BTreeMap<PartyId, Behaviour>,
    accepted: BTreeSet<(PartyId, JobId, String)>,
    running: BTreeSet<(TaskId, Attempt)>,
    ever_run: BTreeSet<(TaskId, Attempt)>,
    log: Vec<(PartyId, String)>,
    assignments: Vec<Assignment>,
}

/// All agents of a federation.
#[derive(Clone, Default)]
pub(crate) struct Agents {
    state: Arc<Mutex<State>>,
}

impl Agents {
    pub(crate) fn serve(&self, coordinator: Option<Coordinator>) {
        self.state.lock().unwrap().coordinator = coordinator;
    }

    pub(crate) fn behave(&self, party: &PartyId, how: impl FnOnce(&mut Behaviour)) {
        how(self
            .state
            .lock()
            .unwrap()
            .behaviours
            .entry(party.clone())
            .or_default());
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.state
            .lock()
            .unwrap()
            .log
            .iter()
            .map(|(party, line)| format!("{party} {line}"))
            .collect()
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.log().iter().filter(|own| own.contains(line)).count()
    }

    pub(crate) fn assignments(&self) -> Vec<Assignment> {
        self.state.lock().unwrap().assignments.clone()
    }

    pub(crate) fn assignment(&self, step: &str, party: &str) -> Assignment {
        let own = self.assignments();
        let found = own
            .iter()
            .rev()
            .find(|a| a.task.step.as_str() == step && a.task.party.as_str() == party);
        found
            .unwrap_or_else(|| panic!("{step} was not ordered from {party}"))
            .clone()
    }

    fn of(&self, party: &PartyId) -> Behaviour {
        self.state
            .lock()
            .unwrap()
            .behaviours
            .get(party)
            .cloned()
            .unwrap_or_default()
    }

    fn known_at(&self, party: &PartyId) -> Vec<(TaskId, Attempt)> {
        self.state
            .lock()
            .unwrap()
            .running
            .iter()
            .filter(|(id, _)| id.party == *party)
            .cloned()
            .collect()
    }

    fn note(&self, party: &PartyId, line: String) {
        self.state.lock().unwrap().log.push((party.clone(), line));
    }

    /// Takes the link up and beats from now on.
    pub(crate) async fn connect(&self, party: &PartyId) {
        self.behave(party, |own| own.online = true);
        let coordinator = self
            .state
            .lock()
            .unwrap()
            .coordinator
            .clone()
            .expect("a coordinator");
        let slots = self.of(party).slots;
        let facts = AgentFacts {
            attempts: self.known_at(party),
            slots,
            ..AgentFacts::default()
        };
        coordinator
            .parties()
            .connected(party, catalogue(), facts)
            .await
            .expect("is welcome");
        let (agents, party) = (self.clone(), party.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(3)).await;
                let own = agents.of(&party);
                let Some(coordinator) = agents.state.lock().unwrap().coordinator.clone() else {
                    return;
                };
                if !own.online {
                    return;
                }
                if !own.frozen {
                    coordinator
                        .parties()
                        .heard(&party, agents.known_at(&party))
                        .await
                        .expect("is heard");
                }
            }
        });
    }

    /// Breaks the link; with `forget` the agent loses all it ran.
    pub(crate) async fn disconnect(&self, party: &PartyId, forget: bool) {
        self.part(party, forget, service::Parting::Unknown).await;
    }

    /// The same, by what the end of the link says.
    pub(crate) async fn part(&self, party: &PartyId, forget: bool, parting: service::Parting) {
        self.behave(party, |own| own.online = false);
        if forget {
            self.state
                .lock()
                .unwrap()
                .running
                .retain(|(id, _)| id.party != *party);
        }
        let coordinator = self.state.lock().unwrap().coordinator.clone();
        if let Some(coordinator) = coordinator {
            coordinator
                .parties()
                .gone(party, offline(party), parting)
                .await
                .expect("is noted");
        }
    }

    fn start(&self, assignment: Assignment) -> OrderReply {
        let key = (assignment.task.clone(), assignment.attempt);
        let own = self.of(&assignment.task.party);
        {
            let mut state = self.state.lock().unwrap();
            let offer = (
                assignment.task.party.clone(),
                assignment.task.job.clone(),
                assignment.offer.clone(),
            );
            if !state.accepted.contains(&offer) {
                return OrderReply::Failed(Fault::new(
                    ErrorCode::OfferRefused,
                    "this offer was not accepted here",
                ));
            }
            if !state.ever_run.insert(key.clone()) {
                return OrderReply::Done;
            }
            state.running.insert(key);
            state.assignments.push(assignment.clone());
        }
        let fails = own
            .fails
            .get(assignment.task.step.as_str())
            .is_some_and(|attempts| assignment.attempt.0 < *attempts);
        tokio::spawn(self.clone().run(assignment, own, fails));
        OrderReply::Done
    }

    async fn run(self, assignment: Assignment, own: Behaviour, fails: bool) {
        let key = (assignment.task.clone(), assignment.attempt);
        self.report(&key, vec![ReportBody::Started]).await;
        let Some(time) = own.runs else { return };
        tokio::time::sleep(time / 2).await;
        self.report(&key, vec![ReportBody::Progress(Progress::new(0.5, "half"))])
            .await;
        tokio::time::sleep(time / 2).await;
        if !self.state.lock().unwrap().running.contains(&key) {
            return;
        }
        let mut bodies = if fails {
            Vec::new()
        } else {
            results(&assignment)
        };
        let outcome = if fails {
            let missing = || Fault::new(ErrorCode::TableMissing, "no such table");
            Outcome::Failed(own.fails_with.unwrap_or_else(missing))
        } else {
            Outcome::Succeeded
        };
        bodies.push(ReportBody::Ended {
            outcome,
            usage: Usage {
                wall_micros: 7,
                ..Usage::default()
            },
        });
        self.report(&key, bodies).await;
        self.state.lock().unwrap().running.remove(&key);
    }

    /// Reports until a coordinator takes it.
    async fn report(&self, key: &(TaskId, Attempt), bodies: Vec<ReportBody>) {
        let (task, attempt) = key.clone();
        let party = task.party.clone();
        let one = |body| Report {
            task: task.clone(),
            attempt,
            body,
        };
        let mut reports: Vec<Report> = bodies.into_iter().map(one).collect();
        if self.of(&party).repeats {
            reports = reports
                .into_iter()
                .flat_map(|report| [report.clone(), report])
                .collect();
        }
        loop {
            let own = self.of(&party);
            let coordinator = self.state.lock().unwrap().coordinator.clone();
            if let Some(coordinator) = coordinator.filter(|_| own.online && !own.frozen) {
                coordinator
                    .jobs()
                    .record_reports(&party, reports.clone())
                    .await
                    .expect("takes the reports");
                if own.repeats {
                    coordinator
                        .jobs()
                        .record_reports(&party, reports)
                        .await
                        .expect("takes them again");
                }
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn results(assignment: &Assignment) -> Vec<ReportBody> {
    let task = &assignment.task;
    let meta = json!({"metric_type": "LOSS"})
        .as_object()
        .cloned()
        .unwrap_or_default();
    let loss = MetricData::Points(vec![(1.0, 0.5), (0.0, 0.7)]).finite().0;
    let metric = Metric {
        namespace: "train".into(),
        name: "loss".into(),
        data: loss,
        meta,
    };
    let table = TableSummary {
        table: TableRef::output(task, assignment.attempt, 0),
        data_name: assignment.outputs.first().cloned(),
        rows: 10,
        partitions: 4,
        header: vec!["id".into()],
        content_hash: "00".into(),
    };
    let owner = task.participant();
    let model = ModelRef {
        version: assignment.model_version.clone(),
        step: task.step.clone(),
        owner,
    };
    vec![
        ReportBody::Metrics(vec![metric]),
        ReportBody::Summary("{\"rows\": 10}".into()),
        ReportBody::ModelView("{\"meta\": {}, \"param\": {}}".into()),
        ReportBody::Output(table),
        ReportBody::Model(ModelSummary {
            model,
            component: assignment.component.clone(),
            component_version: 1,
            size: 3,
        }),
    ]
}

pub(crate) fn offline(party: &PartyId) -> Fault {
    Fault::new(
        ErrorCode::PartyOffline,
        format!("party {party} is not connected"),
    )
    .at(party)
}

#[async_trait]
impl AgentGateway for Agents {
    async fn call(
        &self,
        party: &PartyId,
        order: Order,
        patience: Duration,
    ) -> Result<OrderReply, Fault> {
        let own = self.of(party);
        if !own.online {
            return Err(offline(party));
        }
        if own.frozen || own.answers_after > patience {
            tokio::time::sleep(patience).await;
            return Err(Fault::new(ErrorCode::PeerTimeout, "no answer in time").at(party));
        }
        tokio::time::sleep(own.answers_after).await;
        Ok(match order {
            Order::Sign(offer, _) => {
                self.note(party, format!("sign {}", offer.job));
                let bytes = offer.canonical_bytes().unwrap();
                self.admit(party, &own, offer.job, bytes, OrderReply::Signed)
            }
            Order::Offer(signed) => {
                self.note(party, "offer".into());
                let offer: vocabulary::Offer = rmp(&signed.bytes);
                self.admit(party, &own, offer.job, signed.bytes, OrderReply::Accepted)
            }
            Order::Assign(assignment) => {
                self.note(
                    party,
                    format!("assign {} {}", assignment.task.step, assignment.attempt),
                );
                match own.refuses_tasks {
                    Some(fault) => OrderReply::Failed(fault),
                    None => self.start(*assignment),
                }
            }
            Order::Cancel { task, attempt, .. } => {
                self.note(party, format!("cancel {} {attempt}", task.step));
                self.state.lock().unwrap().running.remove(&(task, attempt));
                OrderReply::Done
            }
            Order::Close(job) => {
                self.note(party, format!("close {job}"));
                self.state
                    .lock()
                    .unwrap()
                    .accepted
                    .retain(|(who, of, _)| who != party || *of != job);
                OrderReply::Done
            }
            Order::Check(steps) => {
                self.note(party, format!("check {}", steps.len()));
                OrderReply::Checked(own.objects)
            }
        })
    }
}

impl Agents {
    fn admit(
        &self,
        party: &PartyId,
        own: &Behaviour,
        job: JobId,
        bytes: Vec<u8>,
        reply: fn(SignedBytes) -> OrderReply,
    ) -> OrderReply {
        if let Some(fault) = &own.refuses {
            return OrderReply::Failed(fault.clone());
        }
        self.state
            .lock()
            .unwrap()
            .accepted
            .insert((party.clone(), job, fingerprint_of(&bytes)));
        reply(SignedBytes {
            bytes,
            signer: party.clone(),
            chain: vec![vec![1]],
            signature: vec![2],
        })
    }
}

/// Reads an offer back from its canonical bytes.
fn rmp(bytes: &[u8]) -> vocabulary::Offer {
    rmp_serde::from_slice(bytes).expect("an offer")
}
