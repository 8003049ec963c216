//! A program that holds the coordinator's certificate: agents link to it, and it says and does what a test wants.

mod calls;
mod runs;
mod serving;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use pki::{Identity, Kind};
use serde_json::Value;
use transport::{Endpoint, EndpointOptions, Link, Service};
use vocabulary::{
    Attempt, ComponentInfo, Fault, Metric, Outcome, PartyId, Report, TableSummary, TaskId,
    Timestamp,
};
use wire::agent_link::{AGENT_LINK, EnvelopeHead, Hello, HttpHead, Peer, Reply};

use super::federation::{Federation, LOOPBACK_MTU};
use super::runtime::{apart, locked, runtime};
use super::{party, until};

pub(super) use serving::gather;

/// What it accepts connections for.
const SERVICE: Service = Service {
    alpn: AGENT_LINK,
    callers: Kind::Agent,
};

/// Something that an agent said.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Whose agent, by its certificate.
    pub from: PartyId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub word: Word,
}

/// What an agent said.
#[derive(Debug, Clone)]
pub enum Word {
    /// It came.
    Hello(Box<Hello>),
    /// Its link ended, and why.
    Gone(String),
    /// It lives, and runs these attempts.
    Heartbeat(Vec<(TaskId, Attempt)>),
    /// It reported.
    Reports(Vec<Report>),
    /// It gave a message to be relayed; its body went to [`Coordinator::on_messages`].
    Messages(EnvelopeHead),
    /// A request of one of its users came.
    Http(ProxiedRequest),
}

/// A request of a party's user that the party's agent passed on.
#[derive(Debug, Clone)]
pub struct ProxiedRequest {
    /// Whose agent passed it on.
    pub party: PartyId,
    /// Method, target, headers, and who asks by the agent's word.
    pub head: HttpHead,
    /// The body.
    pub body: Bytes,
}

impl ProxiedRequest {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What becomes of a message that is to be relayed.
#[derive(Debug, Clone)]
pub enum Messages {
    /// It is passed on, and the receiver's answer passed back: what an honest relay does.
    Pass,
    /// The sender is told that it arrived, and it is thrown away.
    Swallow,
    /// The sender is told a fault.
    Refuse(Fault),
    /// It is passed on so many times; the first answer is passed back.
    Repeat(usize),
    /// It is passed on after a while; below 30 seconds, or the sender gives up.
    Delay(Duration),
    /// This is passed on in its place.
    Replace(EnvelopeHead, Bytes),
}

/// An agent that is linked.
#[derive(Clone)]
struct LinkedAgent {
    link: Link,
    peer: Peer,
}

/// What happened so far.
#[derive(Default)]
struct Book {
    linked: BTreeMap<PartyId, LinkedAgent>,
    /// What the directory says of agents that were there, also after they left.
    peers: BTreeMap<PartyId, Peer>,
    catalogues: BTreeMap<PartyId, Vec<ComponentInfo>>,
    heard: Vec<Statement>,
    reports: Vec<Report>,
    ordered: BTreeMap<TaskId, Attempt>,
}

type Handler<A, R> = Arc<dyn Fn(A) -> R + Send + Sync>;

/// How it answers.
struct Manners {
    http: Handler<ProxiedRequest, (u16, Value)>,
    messages: Handler<(EnvelopeHead, Bytes), Messages>,
    reports: Handler<(PartyId, Vec<Report>), Reply>,
    directory: Handler<(PartyId, Vec<Peer>), Vec<Peer>>,
}

struct Inner {
    endpoint: Endpoint,
    book: Mutex<Book>,
    manners: Mutex<Manners>,
}

/// A hostile coordinator. It behaves well until a test makes it do otherwise: it welcomes agents, tells each of the
/// others, takes reports, relays messages, and answers requests of parties' users with 404.
pub struct Coordinator {
    inner: Arc<Inner>,
}

impl Coordinator {
    /// Starts one with the certificate of the federation's coordinator, at the address where its agents dial.
    pub fn start(federation: &Federation) -> Self {
        Self::start_as(
            federation,
            federation.identity("coordinator", Kind::Coordinator),
        )
    }

    /// Starts one with another identity: of another root, expired, or of an agent.
    pub fn start_as(federation: &Federation, identity: Identity) -> Self {
        let options = EndpointOptions {
            mtu: LOOPBACK_MTU,
            ..EndpointOptions::at(federation.coordinator_address())
        };
        let here = runtime().enter();
        let (endpoint, incoming) =
            Endpoint::bind(options, identity, &[SERVICE]).expect("the coordinator's address");
        drop(here);
        let manners = Manners {
            http: Arc::new(|_| (404, Value::Null)),
            messages: Arc::new(|_| Messages::Pass),
            reports: Arc::new(|_| Reply::Done),
            directory: Arc::new(|(_, peers)| peers),
        };
        let inner = Arc::new(Inner {
            endpoint,
            book: Mutex::default(),
            manners: Mutex::new(manners),
        });
        runtime().spawn(inner.clone().accept(incoming));
        Self { inner }
    }

    /// Ends it: agents see their link end, and its address is free.
    pub async fn stop(self) {
        let endpoint = self.inner.endpoint.clone();
        let address = endpoint.local_address().expect("an address");
        drop(self);
        apart(async move { endpoint.close("the coordinator stops").await }).await;
        until("the address of the coordinator to be free", || {
            std::net::UdpSocket::bind(address).ok()
        })
        .await;
    }

    /// Its identity, for signing in its own name.
    pub fn identity(&self) -> Identity {
        self.inner.endpoint.identity()
    }

    /// Answers requests of parties' users: status and JSON.
    pub fn on_http(&self, answer: impl Fn(ProxiedRequest) -> (u16, Value) + Send + Sync + 'static) {
        locked(&self.inner.manners).http = Arc::new(answer);
    }

    /// Says what becomes of each message that is to be relayed: its head and its sealed body.
    pub fn on_messages(
        &self,
        judge: impl Fn(&EnvelopeHead, &Bytes) -> Messages + Send + Sync + 'static,
    ) {
        locked(&self.inner.manners).messages = Arc::new(move |(head, body)| judge(&head, &body));
    }

    /// Answers reports; they are recorded in any case.
    pub fn on_reports(
        &self,
        answer: impl Fn(&PartyId, &[Report]) -> Reply + Send + Sync + 'static,
    ) {
        locked(&self.inner.manners).reports =
            Arc::new(move |(party, reports)| answer(&party, &reports));
    }

    /// Says which other agents a party is told of, given the true ones.
    pub fn on_directory(
        &self,
        change: impl Fn(&PartyId, Vec<Peer>) -> Vec<Peer> + Send + Sync + 'static,
    ) {
        locked(&self.inner.manners).directory =
            Arc::new(move |(party, peers)| change(&party, peers));
    }

    /// Waits until the agents of these parties are linked, and each was told of the others.
    pub async fn joined(&self, parties: &[&str]) {
        for id in parties {
            let wanted = party(id);
            until(&format!("the agent of party {id}"), || self.link(&wanted)).await;
        }
        for id in parties {
            self.tell_peers(id, self.peers_for(id)).await;
        }
    }

    /// The components that agents announced, each once.
    pub fn catalogue(&self) -> Vec<ComponentInfo> {
        let mut all: BTreeMap<String, ComponentInfo> = BTreeMap::new();
        for info in locked(&self.inner.book).catalogues.values().flatten() {
            all.entry(info.name.clone()).or_insert_with(|| info.clone());
        }
        assert!(!all.is_empty(), "no agent has come yet");
        all.into_values().collect()
    }

    /// What the directory says of every agent that ever came.
    pub fn peers(&self) -> Vec<Peer> {
        locked(&self.inner.book).peers.values().cloned().collect()
    }

    /// Whether a party's agent is linked.
    pub fn is_linked(&self, id: &str) -> bool {
        self.link(&party(id)).is_some()
    }

    /// Everything that agents said, in order.
    pub fn heard(&self) -> Vec<Statement> {
        locked(&self.inner.book).heard.clone()
    }

    /// Requests of parties' users that came so far.
    pub fn asked(&self) -> Vec<ProxiedRequest> {
        let asked = |heard: Statement| match heard.word {
            Word::Http(asked) => Some(asked),
            _ => None,
        };
        self.heard().into_iter().filter_map(asked).collect()
    }

    /// Heads of messages that were to be relayed.
    pub fn messages(&self) -> Vec<EnvelopeHead> {
        let messages = |heard: Statement| match heard.word {
            Word::Messages(head) => Some(head),
            _ => None,
        };
        self.heard().into_iter().filter_map(messages).collect()
    }

    /// Every report so far, in the order in which they came; a report may be said twice.
    pub fn reports(&self) -> Vec<Report> {
        locked(&self.inner.book).reports.clone()
    }

    /// The reports of a task, of all attempts.
    pub fn reports_of(&self, task: &TaskId) -> Vec<Report> {
        locked(&self.inner.book)
            .reports
            .iter()
            .filter(|report| report.task == *task)
            .cloned()
            .collect()
    }

    /// How the newest attempt that was ordered from here ended; waits for it.
    pub async fn ended(&self, task: &TaskId) -> Outcome {
        until(&format!("the end of {task}"), || self.end_of(task)).await
    }

    /// The same without waiting.
    pub fn end_of(&self, task: &TaskId) -> Option<Outcome> {
        let newest = locked(&self.inner.book).ordered.get(task).copied();
        let ends = |report: Report| match report.body {
            vocabulary::report::ReportBody::Ended { outcome, .. } => newest
                .is_none_or(|newest| newest == report.attempt)
                .then_some(outcome),
            _ => None,
        };
        self.reports_of(task).into_iter().find_map(ends)
    }

    /// The metrics that a task reported.
    pub fn metrics_of(&self, task: &TaskId) -> Vec<Metric> {
        let metrics = |report: Report| match report.body {
            vocabulary::report::ReportBody::Metrics(metrics) => metrics,
            _ => vec![],
        };
        self.reports_of(task)
            .into_iter()
            .flat_map(metrics)
            .collect()
    }

    /// The tables that a task said it made.
    pub fn outputs_of(&self, task: &TaskId) -> Vec<TableSummary> {
        let output = |report: Report| match report.body {
            vocabulary::report::ReportBody::Output(summary) => Some(summary),
            _ => None,
        };
        self.reports_of(task)
            .into_iter()
            .filter_map(output)
            .collect()
    }

    fn link(&self, party: &PartyId) -> Option<Link> {
        self.inner.link(party)
    }

    fn peers_for(&self, id: &str) -> Vec<Peer> {
        self.inner.peers_for(&party(id))
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        let endpoint = self.inner.endpoint.clone();
        runtime().spawn(async move { endpoint.close("the coordinator stops").await });
    }
}
