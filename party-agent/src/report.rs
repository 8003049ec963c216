//! What the coordinator is told: through the gate, into the records, and on its way until it is acknowledged.
//!
//! Everything but progress survives a crash. Progress is a slot for each task that a newer word replaces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use records::AuditEntry;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use transport::{Backoff, LinkError};
use vocabulary::report::ReportBody;
use vocabulary::{Attempt, ErrorCode, Fault, Outcome, Progress, Report, TaskId, Usage};
use wire::agent_link::Reply;
use wire::frame::{BULK_LIMIT, encode};

use crate::holdings::Holdings;

/// Reports sent at once.
const BATCH: u32 = 200;
/// Bytes of reports sent at once; what is left of a frame is for progress.
const LARGEST: usize = BULK_LIMIT - (1 << 20);
/// Reports written down in one transaction.
const WRITTEN_AT_ONCE: usize = 64;
/// Progress is told at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// How often a report that cannot be written down is tried, unless the disk is full: then it waits.
const TRIES: u32 = 3;

type Key = (TaskId, Attempt);

enum Posting {
    Report(Box<Report>, Option<AuditEntry>),
    Flush(oneshot::Sender<()>),
}

/// The way in for reports. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Reporter(Arc<Inner>);

struct Inner {
    holdings: Arc<Holdings>,
    queue: mpsc::UnboundedSender<Posting>,
    wake: Notify,
    slots: Mutex<BTreeMap<Key, Progress>>,
    /// Attempts whose end the coordinator has not acknowledged.
    unsettled: Mutex<BTreeSet<Key>>,
    /// What was judged before, so that the audit chain names each kind of report once for each attempt.
    judged: Mutex<BTreeSet<(Key, &'static str, bool)>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reporter {
    /// Starts to write reports down; the task ends with the last clone.
    pub(crate) async fn start(holdings: Arc<Holdings>) -> Result<Self, Fault> {
        let waiting = holdings.records.posted(u32::MAX).await?;
        let ends = |(_, report): (i64, Report)| {
            matches!(report.body, ReportBody::Ended { .. }).then_some((report.task, report.attempt))
        };
        let (queue, postings) = mpsc::unbounded_channel();
        let inner = Inner {
            holdings,
            queue,
            wake: Notify::new(),
            slots: Mutex::default(),
            unsettled: Mutex::new(waiting.into_iter().filter_map(ends).collect()),
            judged: Mutex::default(),
        };
        let reporter = Self(Arc::new(inner));
        tokio::spawn(write_down(Arc::downgrade(&reporter.0), postings));
        Ok(reporter)
    }

    /// Tells what the policy lets through. Never blocks.
    pub(crate) fn tell(&self, task: &TaskId, attempt: Attempt, body: ReportBody) {
        let key = (task.clone(), attempt);
        let kind = kind_of(&body);
        let told = self.0.holdings.policy().disclose(body);
        let audit = self.entry(&key, kind, told.is_some());
        match told {
            Some(ReportBody::Progress(progress)) => {
                locked(&self.0.slots).insert(key, progress);
                self.0.wake.notify_one();
            }
            Some(body) => self.queue(Report { task: key.0, attempt, body }, audit),
            None => {
                tracing::debug!(%task, kind, "the policy keeps a report");
                if let Some(entry) = audit {
                    let holdings = self.0.holdings.clone();
                    tokio::spawn(async move { drop(holdings.audit(&entry).await) });
                }
            }
        }
    }

    /// Tells that an attempt ended; returns when that is written down.
    pub(crate) async fn ended(&self, task: &TaskId, attempt: Attempt, outcome: Outcome, usage: Usage) {
        let key = (task.clone(), attempt);
        locked(&self.0.slots).remove(&key);
        locked(&self.0.judged).retain(|(of, _, _)| *of != key);
        locked(&self.0.unsettled).insert(key);
        self.queue(Report { task: task.clone(), attempt, body: ReportBody::Ended { outcome, usage } }, None);
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

    fn queue(&self, report: Report, audit: Option<AuditEntry>) {
        // The receiver lives as long as any clone.
        let _ = self.0.queue.send(Posting::Report(Box::new(report), audit));
    }

    /// The entry for the audit chain, the first time that an attempt tells something of this kind.
    fn entry(&self, key: &Key, kind: Option<&'static str>, told: bool) -> Option<AuditEntry> {
        let kind = kind?;
        let first = locked(&self.0.judged).insert((key.clone(), kind, told));
        first.then(|| AuditEntry::Told {
            what: format!("{kind} of {} attempt {}", key.0, key.1),
            to: "the coordinator".to_owned(),
            refused_by: (!told).then(|| format!("disclosure.{kind}")),
        })
    }

    fn take_progress(&self) -> Vec<Report> {
        let slots = std::mem::take(&mut *locked(&self.0.slots));
        let report = |((task, attempt), progress)| Report { task, attempt, body: ReportBody::Progress(progress) };
        slots.into_iter().map(report).collect()
    }
}

/// The kind of a report that says something of data, in the words of the policy file.
fn kind_of(body: &ReportBody) -> Option<&'static str> {
    match body {
        ReportBody::Metrics(_) => Some("metrics"),
        ReportBody::Summary(_) => Some("summaries"),
        ReportBody::ModelView(_) => Some("model_views"),
        ReportBody::Output(_) => Some("table_headers"),
        ReportBody::Started | ReportBody::Progress(_) | ReportBody::Model(_) | ReportBody::Ended { .. } => None,
    }
}

/// Writes down what is told; what came while the disk was busy is synced together.
async fn write_down(inner: std::sync::Weak<Inner>, mut postings: mpsc::UnboundedReceiver<Posting>) {
    let mut taken = Vec::new();
    while postings.recv_many(&mut taken, WRITTEN_AT_ONCE).await > 0 {
        let Some(inner) = inner.upgrade() else { return };
        let (mut told, mut waiting) = (Vec::new(), Vec::new());
        for posting in taken.drain(..) {
            match posting {
                Posting::Report(report, audit) => told.push((*report, audit)),
                Posting::Flush(done) => waiting.push(done),
            }
        }
        if post(&inner.holdings, &told).await.is_err() {
            // One that cannot be written must not keep the others from it.
            for one in &told {
                keep(&inner.holdings, one).await;
            }
        }
        for done in waiting {
            let _ = done.send(());
        }
        inner.wake.notify_one();
    }
}

type Told = (Report, Option<AuditEntry>);

async fn post(holdings: &Holdings, told: &[Told]) -> Result<(), Fault> {
    Ok(holdings.records.post_all(told, holdings.clock.now()).await?)
}

/// Writes a report down. A disk that is full is waited for, because a job hangs on every report; what cannot be written
/// for another reason would never be.
async fn keep(holdings: &Holdings, told: &Told) {
    let report = &told.0;
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));
    let mut left = TRIES;
    while left > 0 {
        match post(holdings, std::slice::from_ref(told)).await {
            Ok(()) => return,
            Err(fault) => {
                tracing::error!(task = %report.task, code = fault.code.text(), %fault, "a report cannot be written down yet");
                left -= u32::from(fault.code != ErrorCode::StorageFull);
            }
        }
        backoff.wait().await;
    }
    // If it was an end, the coordinator takes the attempt for lost after the agent's next start.
    tracing::error!(task = %report.task, attempt = report.attempt.0, "a report is lost; run the step again");
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
}

impl Pump {
    pub(crate) fn new(reporter: Reporter, uplink: Arc<dyn Uplink>) -> Self {
        Self { reporter, uplink, next_progress: Instant::now() }
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
        let inner = self.reporter.0.clone();
        let (waiting, last) = fitting(inner.holdings.records.posted(BATCH).await?);
        let mut reports = waiting.clone();
        if Instant::now() >= self.next_progress {
            let progress = self.reporter.take_progress();
            if !progress.is_empty() {
                self.next_progress = Instant::now() + PROGRESS_EVERY;
                reports.extend(progress);
            }
        }
        let count = reports.len();
        if count == 0 {
            if let Some(last) = last {
                inner.holdings.records.acknowledge(last).await?;
            }
            return Ok(0);
        }
        match self.uplink.tell(reports).await {
            Ok(Reply::Done) => {}
            Ok(Reply::Failed(fault)) => return Err(fault),
            Ok(_) => {
                return Err(Fault::new(ErrorCode::ProtocolViolation, "the coordinator's reply to reports is none"));
            }
            Err(error) => return Err(error.into()),
        }
        if let Some(last) = last {
            inner.holdings.records.acknowledge(last).await?;
            let ended = |report: &&Report| matches!(report.body, ReportBody::Ended { .. });
            let mut unsettled = locked(&inner.unsettled);
            for report in waiting.iter().filter(ended) {
                unsettled.remove(&(report.task.clone(), report.attempt));
            }
        }
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

/// The first reports that a frame carries together, and the number up to which they are dealt with. A report that no
/// frame carries is left out.
fn fitting(posted: Vec<(i64, Report)>) -> (Vec<Report>, Option<i64>) {
    let (mut reports, mut bytes, mut last) = (Vec::new(), 0, None);
    for (number, report) in posted {
        let size = encode(&report).map_or(usize::MAX, |frame| frame.len());
        if size > LARGEST {
            tracing::error!(task = %report.task, size, "a report is too large to be told and is left out");
            last = Some(number);
            continue;
        }
        if bytes + size > LARGEST {
            break;
        }
        bytes += size;
        last = Some(number);
        reports.push(report);
    }
    (reports, last)
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
