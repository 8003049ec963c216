//! The pump over a link that comes and goes.

use super::*;
use crate::trial::{OPEN, assignment, holdings, script};
use vocabulary::{Metric, MetricData, Role};

/// A coordinator that takes reports while its link stands, and loses the acknowledgement when told to.
#[derive(Default)]
struct Coordinator {
    took: Mutex<Vec<Report>>,
    calls: Mutex<usize>,
    /// Calls that fail before, and calls that fail after the reports were taken.
    fails: Mutex<Vec<bool>>,
}

#[async_trait]
impl Uplink for Coordinator {
    async fn connected(&self) {}

    async fn tell(&self, reports: Vec<Report>) -> Result<Reply, LinkError> {
        *locked(&self.calls) += 1;
        let lost = LinkError::Lost { peer: "the coordinator".into(), detail: "cut".into() };
        match locked(&self.fails).pop() {
            Some(true) => {
                locked(&self.took).extend(reports);
                Err(lost)
            }
            Some(false) => Err(lost),
            None => {
                locked(&self.took).extend(reports);
                Ok(Reply::Done)
            }
        }
    }
}

struct Bench {
    _folder: tempfile::TempDir,
    holdings: Arc<Holdings>,
    reporter: Reporter,
    coordinator: Arc<Coordinator>,
    pump: Pump,
    task: TaskId,
}

async fn bench(policy: &str) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let holdings = holdings(folder.path(), "1", policy).await;
    let reporter = Reporter::start(holdings.clone()).await.unwrap();
    let coordinator = Arc::new(Coordinator::default());
    let pump = Pump::new(reporter.clone(), coordinator.clone());
    let task = assignment(Role::Guest, "1", 0, &script("talk")).task;
    Bench { _folder: folder, holdings, reporter, coordinator, pump, task }
}

fn loss(turn: usize) -> ReportBody {
    let data = MetricData::Points(vec![(turn as f64, 0.5)]).finite().0;
    ReportBody::Metrics(vec![Metric { namespace: "train".into(), name: "loss".into(), data, meta: Default::default() }])
}

impl Bench {
    fn tell(&self, body: ReportBody) {
        self.reporter.tell(&self.task, Attempt(0), body);
    }

    fn took(&self) -> Vec<ReportBody> {
        locked(&self.coordinator.took).iter().map(|report| report.body.clone()).collect()
    }

    async fn waiting(&self) -> usize {
        self.holdings.records.posted(u32::MAX).await.unwrap().len()
    }
}

#[tokio::test]
async fn sends_in_order_and_forgets_only_what_is_acknowledged() {
    let mut bench = bench(OPEN).await;
    bench.tell(ReportBody::Started);
    bench.tell(loss(1));
    bench.reporter.ended(&bench.task, Attempt(0), Outcome::Succeeded, Usage::default()).await;
    assert_eq!(bench.reporter.unsettled().len(), 1);
    *locked(&bench.coordinator.fails) = vec![true, false];
    assert!(bench.pump.round().await.is_err());
    assert!(bench.took().is_empty());
    assert!(bench.pump.round().await.is_err());
    assert_eq!((bench.took().len(), bench.waiting().await, bench.reporter.unsettled().len()), (3, 3, 1));
    assert_eq!(bench.pump.round().await, Ok(3));
    assert_eq!((bench.waiting().await, bench.reporter.unsettled().len()), (0, 0));
    let took = bench.took();
    assert_eq!(took[..3], took[3..]);
    assert!(took[0] == ReportBody::Started && took[1] == loss(1) && matches!(took[2], ReportBody::Ended { .. }));
    assert_eq!(bench.pump.round().await, Ok(0));
}

#[tokio::test]
async fn keeps_reports_over_a_restart() {
    let bench = bench(OPEN).await;
    bench.tell(ReportBody::Started);
    bench.reporter.ended(&bench.task, Attempt(0), Outcome::Canceled, Usage::default()).await;
    let again = Reporter::start(bench.holdings.clone()).await.unwrap();
    assert_eq!(again.unsettled(), [(bench.task.clone(), Attempt(0))]);
    let mut pump = Pump::new(again.clone(), bench.coordinator.clone());
    assert_eq!(pump.round().await, Ok(2));
    assert!(again.unsettled().is_empty());
}

#[tokio::test]
async fn lets_a_newer_progress_replace_an_older_one() {
    let mut bench = bench(OPEN).await;
    for turn in 0..1000 {
        bench.tell(ReportBody::Progress(Progress::new(f64::from(turn) / 1000.0, "")));
    }
    assert_eq!(bench.pump.round().await, Ok(1));
    bench.tell(ReportBody::Progress(Progress::new(1.0, "")));
    // not twice within a moment
    assert_eq!(bench.pump.round().await, Ok(0));
    tokio::time::sleep(PROGRESS_EVERY).await;
    assert_eq!(bench.pump.round().await, Ok(1));
    assert!(matches!(bench.took()[0], ReportBody::Progress(Progress { fraction, .. }) if fraction == 0.999));
}

#[tokio::test]
async fn keeps_what_the_policy_keeps_and_writes_both_verdicts_down() {
    let mut bench = bench("[disclosure]\nmetrics = true").await;
    bench.tell(ReportBody::Summary("{}".into()));
    bench.tell(loss(1));
    bench.tell(loss(2));
    bench.reporter.flush().await;
    assert_eq!(bench.pump.round().await, Ok(2));
    let mut told = Vec::new();
    for _ in 0..100 {
        let chain = bench.holdings.records.audit_chain().await.unwrap();
        told = chain.into_iter().map(|record| record.entry).collect();
        if told.len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let rule = |entry: &AuditEntry| match entry {
        AuditEntry::Told { refused_by, .. } => refused_by.clone(),
        _ => None,
    };
    let mut rules: Vec<_> = told.iter().map(rule).collect();
    rules.sort();
    assert_eq!(rules, [None, Some("disclosure.summaries".to_owned())]);
}

#[tokio::test]
async fn goes_on_by_itself_after_failures() {
    let bench = bench(OPEN).await;
    *locked(&bench.coordinator.fails) = vec![false, true, false];
    let stop = CancellationToken::new();
    let pumping = tokio::spawn(bench.pump.run(stop.clone()));
    bench.reporter.tell(&bench.task, Attempt(0), ReportBody::Started);
    bench.reporter.ended(&bench.task, Attempt(0), Outcome::Succeeded, Usage::default()).await;
    for _ in 0..500 {
        if bench.reporter.unsettled().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(bench.reporter.unsettled().is_empty());
    assert!(*locked(&bench.coordinator.calls) >= 4);
    stop.cancel();
    pumping.await.unwrap();
}

#[test]
fn fills_a_frame_and_no_more() {
    let task = assignment(Role::Guest, "1", 0, &script("talk")).task;
    let report =
        |bytes: usize| Report { task: task.clone(), attempt: Attempt(0), body: ReportBody::Summary("x".repeat(bytes)) };
    let (fit, last) =
        fitting(vec![(1, report(8 << 20)), (2, report(20 << 20)), (3, report(1 << 20)), (4, report(8 << 20))]);
    assert_eq!((fit.len(), last), (2, Some(3)));
}
