//! What the coordinator is told: through the gate, into the records, and on its way until it is acknowledged.
//!
//! Everything but progress survives a crash. Progress is a slot for each task that a newer word replaces.

mod again;
mod refused;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use audit::{AuditEntry, Basis};
use policy::{Grounds, ReportBasis, Telling};
use records::Queries;
use serde_json::json;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use transport::{Backoff, LinkError};
use vocabulary::report::ReportBody;
use vocabulary::{
    Attempt, ErrorCode, Fault, Metric, MetricData, Outcome, Progress, Report, TaskId, Usage,
};
use wire::agent_link::Reply;
use wire::frame::{BULK_LIMIT, encode};

use crate::agent_state::AgentState;
use crate::queries::{Counter, QuerySource};

/// Reports sent at once.
const BATCH: u32 = 200;
/// Bytes of reports sent at once; what is left of a frame is for progress.
const LARGEST: usize = BULK_LIMIT - (1 << 20);
/// Reports written down in one transaction.
const WRITTEN_AT_ONCE: usize = 64;
/// Progress is told at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// How often a report that cannot be written down is tried, unless the disk is full: then it waits.
const ATTEMPTS: u32 = 3;

type Key = (TaskId, Attempt);
type Columns = Arc<BTreeSet<String>>;

enum Posting {
    Report(Box<OutgoingReport>),
    /// Told figures were counted: to be written down before the report that follows.
    Count(Queries),
    Flush(oneshot::Sender<()>),
}

/// The way in for reports. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Reporter(Arc<Inner>);

struct Inner {
    agent_state: Arc<AgentState>,
    queue: mpsc::UnboundedSender<Posting>,
    wake: Notify,
    /// With the names of columns that its text may have.
    slots: Mutex<BTreeMap<Key, (Progress, Columns)>>,
    /// Attempts whose end the coordinator has not acknowledged.
    unsettled: Mutex<BTreeSet<Key>>,
    /// What was judged before, so that the audit chain names each kind of report once for each attempt.
    judged: Mutex<BTreeSet<(Key, &'static str, Option<&'static str>)>>,
    queries: Mutex<Counter>,
    /// Reports that a later policy withholds, of which the audit chain says so.
    withheld: Mutex<BTreeSet<i64>>,
    /// Attempts of which something cannot be told, and why.
    refused: Mutex<BTreeMap<Key, Fault>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reporter {
    /// Starts to write reports down; the task ends with the last clone.
    pub(crate) async fn start(agent_state: Arc<AgentState>) -> Result<Self, Fault> {
        let waiting = agent_state.records.posted(u32::MAX).await?;
        let ends = |(_, report): (i64, Report)| {
            matches!(report.body, ReportBody::Ended { .. }).then_some((report.task, report.attempt))
        };
        let queries = Counter::load(&agent_state.records, agent_state.now()).await?;
        // Unbounded: a component that computes must never wait for the disk to say how far it is.
        let (queue, postings) = mpsc::unbounded_channel();
        let inner = Inner {
            agent_state,
            queue,
            wake: Notify::new(),
            slots: Mutex::default(),
            unsettled: Mutex::new(waiting.into_iter().filter_map(ends).collect()),
            judged: Mutex::default(),
            queries: Mutex::new(queries),
            withheld: Mutex::default(),
            refused: Mutex::default(),
        };
        let reporter = Self(Arc::new(inner));
        tokio::spawn(write_down(Arc::downgrade(&reporter.0), postings));
        Ok(reporter)
    }

    /// Tells what the policy lets through, by what is known of the report, and by how often was told of this party's data
    /// alone to whoever asks. Never blocks. Gives the rule that withholds it, the first time.
    pub(crate) fn tell(
        &self,
        (task, attempt): (&TaskId, Attempt),
        body: ReportBody,
        grounds: Grounds<'_>,
        asked: Option<&QuerySource>,
    ) -> Option<&'static str> {
        let key = (task.clone(), attempt);
        let (kind, columns) = (kind_of(&body), grounds.columns.clone());
        let (telling, judged) = self.judge(&key, body, grounds, asked);
        match telling {
            Telling::Told {
                body: ReportBody::Progress(progress),
                ..
            } => {
                // A slot and not a queue: only the newest word matters, and a crash may lose it.
                locked(&self.0.slots).insert(key, (progress, columns));
                self.0.wake.notify_one();
                None
            }
            Telling::Told { body, .. } => {
                let bytes = kind
                    .and_then(|_| encode(&body).ok())
                    .map_or(0, |frame| frame.len() as u64);
                let audit = self.entry((&key, kind), None, bytes);
                self.queue(
                    Report {
                        task: key.0,
                        attempt,
                        body,
                    },
                    audit,
                    &judged,
                );
                None
            }
            Telling::Withheld { rule } => {
                tracing::debug!(%task, kind, rule, "the policy keeps a report");
                let audit = self.entry((&key, kind), Some(rule), 0)?;
                for body in withheld(kind.unwrap_or_default(), rule) {
                    self.queue(
                        Report {
                            task: key.0.clone(),
                            attempt,
                            body,
                        },
                        None,
                        &ReportBasis::note(),
                    );
                }
                let agent_state = self.0.agent_state.clone();
                // Beside: nothing leaves here, so nothing has to wait for this entry.
                tokio::spawn(async move { drop(agent_state.audit(&audit).await) });
                Some(rule)
            }
        }
    }

    /// Judges a report, and counts it where it is an answer to somebody else; gives by what it was judged, too.
    fn judge(
        &self,
        key: &Key,
        body: ReportBody,
        grounds: Grounds<'_>,
        asked: Option<&QuerySource>,
    ) -> (Telling, ReportBasis) {
        let policy = self.0.agent_state.policy();
        // Held until it is counted: no two reports are the last one that is allowed.
        let mut queries = locked(&self.0.queries);
        let query = asked.map(|asked| queries.number(key, asked, self.0.agent_state.now()));
        let grounds = Grounds { query, ..grounds };
        let telling = policy.disclose(body, &grounds);
        match (&telling, asked) {
            (
                Telling::Told {
                    is_answer: true, ..
                },
                Some(asked),
            ) => {
                if let Some(counted) = queries.count(key, asked) {
                    // The receiver lives as long as any clone.
                    let _ = self.0.queue.send(Posting::Count(counted));
                }
            }
            (Telling::Withheld { .. }, Some(asked)) if grounds.answers_alone() => {
                queries.withhold(key, asked)
            }
            _ => {}
        }
        (telling, ReportBasis::by(&policy, &grounds))
    }

    /// Tells that an attempt ended; returns when that is written down.
    pub(crate) async fn ended(
        &self,
        task: &TaskId,
        attempt: Attempt,
        outcome: Outcome,
        usage: Usage,
    ) {
        let key = (task.clone(), attempt);
        // Progress of an attempt that is over would come after its end.
        locked(&self.0.slots).remove(&key);
        locked(&self.0.judged).retain(|(of, _, _)| *of != key);
        locked(&self.0.queries).forget(&key);
        // Before the end is written down: until the coordinator has it, the attempt counts as known
        // here.
        locked(&self.0.unsettled).insert(key);
        let judged = ReportBasis::by(&self.0.agent_state.policy(), &Grounds::none());
        self.queue(
            Report {
                task: task.clone(),
                attempt,
                body: ReportBody::Ended { outcome, usage },
            },
            None,
            &judged,
        );
        self.flush().await;
    }

    /// Waits until everything told so far is written down.
    pub(crate) async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.0.queue.send(Posting::Flush(done)).is_ok() {
            let _ = written.await;
        }
    }

    /// Attempts that are over but whose end the coordinator may not know.
    pub(crate) fn unsettled(&self) -> Vec<Key> {
        locked(&self.0.unsettled).iter().cloned().collect()
    }

    fn queue(&self, report: Report, entry: Option<AuditEntry>, judged: &ReportBasis) {
        let told = OutgoingReport {
            report,
            entry,
            judged: serde_json::to_string(judged).ok(),
        };
        // The receiver lives as long as any clone.
        let _ = self.0.queue.send(Posting::Report(Box::new(told)));
    }

    /// The entry for the audit chain: of everything that is told, and of a kind that a rule withholds the first time.
    fn entry(
        &self,
        (key, kind): (&Key, Option<&'static str>),
        rule: Option<&'static str>,
        bytes: u64,
    ) -> Option<AuditEntry> {
        let kind = kind?;
        if rule.is_some() && !locked(&self.0.judged).insert((key.clone(), kind, rule)) {
            return None;
        }
        Some(self.entry_of((key, kind), rule, bytes))
    }

    fn entry_of(&self, (key, kind): (&Key, &str), rule: Option<&str>, bytes: u64) -> AuditEntry {
        let (policy, refused_by) = (self.0.agent_state.policy(), rule.map(str::to_owned));
        if let Some(account) = self.0.agent_state.accounts.of(key) {
            return account.report(&policy, kind, bytes, refused_by);
        }
        AuditEntry::Told {
            what: format!("{kind} of {} attempt {}", key.0, key.1),
            to: "the coordinator".to_owned(),
            refused_by,
            basis: Some(Basis {
                policy: policy.hash().to_owned(),
                ..Basis::default()
            }),
        }
    }

    /// Forgets what the coordinator has taken.
    async fn taken(&self, reports: &[(i64, Report)]) -> Result<(), Fault> {
        let numbers: Vec<i64> = reports.iter().map(|(number, _)| *number).collect();
        self.0.agent_state.records.acknowledge(&numbers).await?;
        locked(&self.0.withheld).retain(|number| !numbers.contains(number));
        for (_, report) in reports
            .iter()
            .filter(|(_, report)| matches!(report.body, ReportBody::Ended { .. }))
        {
            let key = (report.task.clone(), report.attempt);
            locked(&self.0.unsettled).remove(&key);
            locked(&self.0.refused).remove(&key);
        }
        Ok(())
    }

    fn take_progress(&self) -> Vec<Report> {
        let slots = std::mem::take(&mut *locked(&self.0.slots));
        let policy = self.0.agent_state.policy();
        let report = |((task, attempt), (progress, columns))| {
            let grounds = Grounds {
                columns,
                ..Grounds::none()
            };
            // What waited for a link may name what the policy keeps by now.
            match policy.disclose(ReportBody::Progress(progress), &grounds) {
                Telling::Told { body, .. } => Some(Report {
                    task,
                    attempt,
                    body,
                }),
                Telling::Withheld { .. } => None,
            }
        };
        slots.into_iter().filter_map(report).collect()
    }
}

/// The kind of a report that says something of data, in the words of the policy file.
fn kind_of(body: &ReportBody) -> Option<&'static str> {
    match body {
        ReportBody::Metrics(_) => Some("metrics"),
        ReportBody::Summary(_) => Some("summaries"),
        ReportBody::ModelView(_) => Some("model_views"),
        ReportBody::Output(_) => Some("table_headers"),
        ReportBody::Started
        | ReportBody::Progress(_)
        | ReportBody::Model(_)
        | ReportBody::Ended { .. } => None,
    }
}

/// What is told in the place of what is withheld: that it is, and by which rule.
fn withheld(kind: &str, rule: &str) -> Vec<ReportBody> {
    let meta = json!({
        "name": kind, "metric_type": "WITHHELD", "rule": rule, "text": format!("withheld by rule {rule}"),
    });
    let note = Metric {
        namespace: "withheld".to_owned(),
        name: kind.to_owned(),
        data: MetricData::Values(vec![]),
        meta: meta.as_object().cloned().unwrap_or_default(),
    };
    let mut told = vec![ReportBody::Metrics(vec![note])];
    if kind == "summaries" {
        told.push(ReportBody::Summary(json!({"withheld": rule}).to_string()));
    }
    told
}

/// Writes down what is told; what came while the disk was busy is synced together.
async fn write_down(inner: std::sync::Weak<Inner>, mut postings: mpsc::UnboundedReceiver<Posting>) {
    let mut taken = Vec::new();
    while postings.recv_many(&mut taken, WRITTEN_AT_ONCE).await > 0 {
        let Some(inner) = inner.upgrade() else { return };
        let (mut told, mut waiting, mut counted) = (Vec::new(), Vec::new(), Vec::new());
        for posting in taken.drain(..) {
            match posting {
                Posting::Report(one) => told.push(*one),
                Posting::Count(queries) => counted.push(queries),
                Posting::Flush(done) => waiting.push(done),
            }
        }
        if !count(&inner.agent_state, &counted).await {
            tracing::error!("queries cannot be counted: figures that wait with them do not leave");
            // Fail closed: figures whose count is not on disk could be asked for again without end
            // after a restart.
            told.retain(|told: &OutgoingReport| kind_of(&told.report.body).is_none());
        }
        if post(&inner.agent_state, &told).await.is_err() {
            // One that cannot be written must not keep the others from it.
            for one in &told {
                if let Err(fault) = keep(&inner.agent_state, one).await {
                    Reporter(inner.clone())
                        .spoil(&(one.report.task.clone(), one.report.attempt), &fault);
                }
            }
        }
        for done in waiting {
            let _ = done.send(());
        }
        inner.wake.notify_one();
    }
}

/// What is to be told.
struct OutgoingReport {
    report: Report,
    /// What the audit chain says of it.
    entry: Option<AuditEntry>,
    /// By what it was judged.
    judged: Option<String>,
}

/// Writes reports down, after their entries in the audit chain.
async fn post(agent_state: &AgentState, told: &[OutgoingReport]) -> Result<(), Fault> {
    let entries: Vec<AuditEntry> = told.iter().filter_map(|told| told.entry.clone()).collect();
    // The chain first: a report that stands in the queue may leave at any moment.
    agent_state.audit_all(&entries).await?;
    queue_reports(agent_state, told).await
}

async fn queue_reports(agent_state: &AgentState, told: &[OutgoingReport]) -> Result<(), Fault> {
    let judged = told
        .iter()
        .map(|told| (&told.report, told.judged.as_deref()));
    Ok(agent_state.records.post_judged(judged).await?)
}

/// Writes the entry of a report into the audit chain. A report without an entry is not told, so that an attempt ends in time
/// although its entries find no space; what leaves later waits for the same disk.
async fn enter(agent_state: &AgentState, told: &OutgoingReport) -> Result<(), Fault> {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
    let Some(entry) = &told.entry else {
        return Ok(());
    };
    for _ in 1..ATTEMPTS {
        if agent_state.audit(entry).await.is_ok() {
            return Ok(());
        }
        backoff.wait().await;
    }
    agent_state.audit(entry).await
}

/// Writes down that somebody is told figures, before they leave; says whether that was possible. A disk that is full is
/// waited for, as for a report.
async fn count(agent_state: &AgentState, counted: &[Queries]) -> bool {
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));
    let mut left = ATTEMPTS;
    for queries in counted {
        while let Err(fault) = agent_state
            .records
            .count_queries(queries)
            .await
            .map_err(Fault::from)
        {
            tracing::error!(code = fault.code.text(), %fault, "a query cannot be counted yet; reports wait");
            left -= u32::from(fault.code != ErrorCode::StorageFull);
            if left == 0 {
                return false;
            }
            backoff.wait().await;
        }
    }
    true
}

/// Writes a report down. A disk that is full is waited for, because a job hangs on every report; what cannot be written
/// for another reason would never be.
async fn keep(agent_state: &AgentState, told: &OutgoingReport) -> Result<(), Fault> {
    let report = &told.report;
    enter(agent_state, told).await?;
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));
    let mut left = ATTEMPTS;
    loop {
        let Err(fault) = queue_reports(agent_state, std::slice::from_ref(told)).await else {
            return Ok(());
        };
        tracing::error!(task = %report.task, code = fault.code.text(), %fault, "a report cannot be written down yet");
        left -= u32::from(fault.code != ErrorCode::StorageFull);
        if left == 0 {
            // If it was an end, the coordinator takes the attempt for lost after the agent's next start.
            tracing::error!(task = %report.task, attempt = report.attempt.0, "a report is lost; its attempt fails");
            return Err(fault);
        }
        backoff.wait().await;
    }
}

/// The way to the coordinator, for reports.
#[async_trait]
pub(crate) trait Uplink: Send + Sync {
    /// Waits until there is a link.
    async fn connected(&self);

    /// Hands reports over; gives the coordinator's reply.
    async fn tell(&self, reports: Vec<Report>) -> Result<Reply, LinkError>;
}

/// Sends what is written down, in order, until it is acknowledged.
pub(crate) struct Pump {
    reporter: Reporter,
    uplink: Arc<dyn Uplink>,
    next_progress: Instant,
    /// How often the coordinator failed over a report.
    defects: BTreeMap<i64, u32>,
}

impl Pump {
    pub(crate) fn new(reporter: Reporter, uplink: Arc<dyn Uplink>) -> Self {
        Self {
            reporter,
            uplink,
            next_progress: Instant::now(),
            defects: BTreeMap::new(),
        }
    }

    /// Sends until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        loop {
            let round = async {
                self.uplink.connected().await;
                self.round().await
            };
            let sent = tokio::select! {
                () = stop.cancelled() => return,
                sent = round => sent,
            };
            match sent {
                Ok(0) => self.rest(&stop).await,
                Ok(_) => backoff.reset(),
                Err(fault) => {
                    tracing::warn!(code = fault.code.text(), %fault, "reports wait");
                    backoff.wait().await;
                }
            }
        }
    }

    /// Sends one batch; gives how many reports were in it.
    pub(crate) async fn round(&mut self) -> Result<usize, Fault> {
        let (waiting, large) = fitting(self.reporter.0.agent_state.records.posted(BATCH).await?);
        for (number, report, fault) in &large {
            self.reporter.refuse(*number, report, fault).await?;
        }
        let waiting = self.reporter.still_told(waiting).await?;
        let mut reports: Vec<Report> = waiting
            .iter()
            .map(|(_, report)| self.reporter.as_told(report.clone()))
            .collect();
        if Instant::now() >= self.next_progress {
            let progress = self.reporter.take_progress();
            if !progress.is_empty() {
                self.next_progress = Instant::now() + PROGRESS_EVERY;
                reports.extend(progress);
            }
        }
        let count = reports.len();
        if count == 0 {
            return Ok(large.len());
        }
        match self.uplink.tell(reports).await {
            Ok(Reply::Done) => {}
            Ok(Reply::Failed(fault)) => return self.apart(waiting, fault).await,
            Ok(_) => return Err(no_reply()),
            Err(error) => return Err(error.into()),
        }
        // After the reply only: a crash in between tells them twice, which counts once.
        self.reporter.taken(&waiting).await?;
        Ok(count)
    }

    async fn rest(&self, stop: &CancellationToken) {
        let has_progress = !locked(&self.reporter.0.slots).is_empty();
        let due = async {
            match has_progress {
                true => tokio::time::sleep_until(self.next_progress).await,
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.reporter.0.wake.notified() => {}
            () = due => {}
        }
    }
}

fn no_reply() -> Fault {
    Fault::new(
        ErrorCode::ProtocolViolation,
        "the coordinator's reply to reports is none",
    )
}

type NumberedReport = (i64, Report);

/// The first reports that a frame carries together, and those that no frame carries.
fn fitting(posted: Vec<NumberedReport>) -> (Vec<NumberedReport>, Vec<(i64, Report, Fault)>) {
    let (mut reports, mut bytes, mut large) = (Vec::new(), 0, Vec::new());
    for (number, report) in posted {
        let size = encode(&report).map_or(usize::MAX, |frame| frame.len());
        if size > LARGEST {
            let text = format!("a report of {size} bytes is larger than {LARGEST}");
            large.push((number, report, Fault::new(ErrorCode::LimitReached, text)));
            continue;
        }
        // Reports keep their order, so the first that does not fit ends the batch.
        if bytes + size > LARGEST {
            break;
        }
        bytes += size;
        reports.push((number, report));
    }
    (reports, large)
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
