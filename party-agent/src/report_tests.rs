//! The pump over a link that comes and goes.

use super::*;
use crate::trial::{OPEN, agent_state, assignment, script};
use vocabulary::{Metric, MetricData, Role, Tells};

/// Which reports are refused, and how.
type Refusal = (fn(&Report) -> bool, ErrorCode);

/// A coordinator that takes reports while its link stands, and loses the acknowledgement when told to.
#[derive(Default)]
pub(super) struct Coordinator {
    pub(super) took: Mutex<Vec<Report>>,
    calls: Mutex<usize>,
    /// Calls that fail before, and calls that fail after the reports were taken.
    fails: Mutex<Vec<bool>>,
    /// Refuses every call in which such a report is.
    pub(super) refuses: Mutex<Option<Refusal>>,
}

#[async_trait]
impl Uplink for Coordinator {
    async fn connected(&self) {}

    async fn tell(&self, reports: Vec<Report>) -> Result<Reply, LinkError> {
        *locked(&self.calls) += 1;
        if let Some((refuses, code)) = *locked(&self.refuses)
            && reports.iter().any(refuses)
        {
            return Ok(Reply::Failed(Fault::new(code, "refused")));
        }
        let lost = LinkError::Lost {
            peer: "the coordinator".into(),
            detail: "cut".into(),
        };
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

pub(super) struct Bench {
    pub(super) folder: tempfile::TempDir,
    pub(super) agent_state: Arc<AgentState>,
    pub(super) reporter: Reporter,
    pub(super) coordinator: Arc<Coordinator>,
    pub(super) pump: Pump,
    pub(super) task: TaskId,
}

pub(super) async fn bench(policy: &str) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let agent_state = agent_state(folder.path(), "1", policy).await;
    let reporter = Reporter::start(agent_state.clone()).await.unwrap();
    let coordinator = Arc::new(Coordinator::default());
    let pump = Pump::new(reporter.clone(), coordinator.clone());
    let task = assignment(Role::Guest, "1", 0, &script("talk")).task;
    Bench {
        folder,
        agent_state,
        reporter,
        coordinator,
        pump,
        task,
    }
}

pub(super) fn loss(turn: usize) -> ReportBody {
    let data = MetricData::Points(vec![(turn as f64, 0.5)]).finite().0;
    ReportBody::Metrics(vec![Metric {
        namespace: "train".into(),
        name: "loss".into(),
        data,
        meta: Default::default(),
    }])
}

impl Bench {
    pub(super) fn tell(&self, body: ReportBody) {
        self.tell_of(0, body, &[Tells::Joint], None);
    }

    /// Tells something of a large table; gives the rule that withholds it.
    fn tell_of(
        &self,
        attempt: u32,
        body: ReportBody,
        tells: &'static [Tells],
        asked: Option<&QuerySource>,
    ) -> Option<&'static str> {
        let grounds = Grounds {
            tells,
            read: policy::RowsBehind::Rows(1_000),
            alone: false,
            ..Grounds::none()
        };
        self.reporter
            .tell((&self.task, Attempt(attempt)), body, grounds, asked)
    }

    pub(super) fn took(&self) -> Vec<ReportBody> {
        locked(&self.coordinator.took)
            .iter()
            .map(|report| report.body.clone())
            .collect()
    }

    pub(super) async fn waiting(&self) -> usize {
        self.agent_state
            .records
            .posted(u32::MAX)
            .await
            .unwrap()
            .len()
    }
}

#[tokio::test]
async fn sends_in_order_and_forgets_only_what_is_acknowledged() {
    let mut bench = bench(OPEN).await;
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
    assert_eq!(bench.reporter.unsettled().len(), 1);
    *locked(&bench.coordinator.fails) = vec![true, false];
    assert!(bench.pump.round().await.is_err());
    assert!(bench.took().is_empty());
    assert!(bench.pump.round().await.is_err());
    assert_eq!(
        (
            bench.took().len(),
            bench.waiting().await,
            bench.reporter.unsettled().len()
        ),
        (3, 3, 1)
    );
    assert_eq!(bench.pump.round().await, Ok(3));
    assert_eq!(
        (bench.waiting().await, bench.reporter.unsettled().len()),
        (0, 0)
    );
    let took = bench.took();
    assert_eq!(took[..3], took[3..]);
    assert!(
        took[0] == ReportBody::Started
            && took[1] == loss(1)
            && matches!(took[2], ReportBody::Ended { .. })
    );
    assert_eq!(bench.pump.round().await, Ok(0));
}

#[tokio::test]
async fn keeps_reports_over_a_restart() {
    let bench = bench(OPEN).await;
    bench.tell(ReportBody::Started);
    bench
        .reporter
        .ended(&bench.task, Attempt(0), Outcome::Canceled, Usage::default())
        .await;
    let again = Reporter::start(bench.agent_state.clone()).await.unwrap();
    assert_eq!(again.unsettled(), [(bench.task.clone(), Attempt(0))]);
    let mut pump = Pump::new(again.clone(), bench.coordinator.clone());
    assert_eq!(pump.round().await, Ok(2));
    assert!(again.unsettled().is_empty());
}

#[tokio::test]
async fn lets_a_newer_progress_replace_an_older_one() {
    let mut bench = bench(OPEN).await;
    for turn in 0..1000 {
        bench.tell(ReportBody::Progress(Progress::new(
            f64::from(turn) / 1000.0,
            "",
        )));
    }
    assert_eq!(bench.pump.round().await, Ok(1));
    bench.tell(ReportBody::Progress(Progress::new(1.0, "")));
    // not twice within a moment
    assert_eq!(bench.pump.round().await, Ok(0));
    tokio::time::sleep(PROGRESS_EVERY).await;
    assert_eq!(bench.pump.round().await, Ok(1));
    assert!(
        matches!(bench.took()[0], ReportBody::Progress(Progress { fraction, .. }) if fraction == 0.999)
    );
}

#[tokio::test]
async fn keeps_what_the_policy_keeps_and_writes_both_verdicts_down() {
    let mut bench = bench("[disclosure]\nmetrics = true").await;
    bench.tell(ReportBody::Summary("{}".into()));
    bench.tell(loss(1));
    bench.tell(loss(2));
    bench.reporter.flush().await;
    // The two figures, and in the place of the summary a word on the rule in each form.
    assert_eq!(bench.pump.round().await, Ok(4));
    let text = format!("{:?}", &bench.took()[..2]);
    assert_eq!(text.matches("disclosure.summaries").count(), 3, "{text}");
    let mut told = Vec::new();
    for _ in 0..100 {
        let chain = crate::trial::chain(&bench.agent_state);
        told = chain.into_iter().map(|record| record.entry).collect();
        if told.len() == 3 {
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
    assert_eq!(rules, [None, None, Some("disclosure.summaries".to_owned())]);
}

#[tokio::test]
async fn answers_to_others_are_counted_and_end_at_the_days_limit() {
    let mut bench = bench("[disclosure]\nqueries_per_day = 2").await;
    let asked = |by: &str| QuerySource {
        by: by.to_owned(),
        tables: 1,
        turn: String::new(),
    };
    let (other, asked, figures) = (asked("10001"), asked("9999"), &[Tells::Figures][..]);
    let tell = |attempt, asked| bench.tell_of(attempt, loss(1), figures, asked);
    assert_eq!(
        (
            tell(0, Some(&asked)),
            tell(0, Some(&asked)),
            tell(1, Some(&asked))
        ),
        (None, None, None)
    );
    let rule = "disclosure.queries_per_day";
    assert_eq!(
        (
            tell(2, Some(&asked)),
            tell(2, Some(&asked)),
            tell(3, Some(&asked))
        ),
        (Some(rule), None, Some(rule))
    );
    // Somebody else, and the party's own users.
    assert_eq!((tell(4, Some(&other)), tell(5, None)), (None, None));
    bench.reporter.flush().await;
    assert_eq!(bench.pump.round().await, Ok(7));
    let withheld = |body: &&ReportBody| format!("{body:?}").contains(rule);
    assert_eq!(bench.took().iter().filter(withheld).count(), 2);
    // What was counted outlives the agent.
    let again = Reporter::start(bench.agent_state.clone()).await.unwrap();
    let grounds = Grounds {
        tells: figures,
        read: policy::RowsBehind::Rows(1_000),
        ..Grounds::none()
    };
    let judged = again.tell((&bench.task, Attempt(6)), loss(1), grounds, Some(&asked));
    assert_eq!(judged, Some(rule));
}

#[tokio::test]
async fn goes_on_by_itself_after_failures() {
    let bench = bench(OPEN).await;
    *locked(&bench.coordinator.fails) = vec![false, true, false];
    let stop = CancellationToken::new();
    let pumping = tokio::spawn(bench.pump.run(stop.clone()));
    bench.reporter.tell(
        (&bench.task, Attempt(0)),
        ReportBody::Started,
        Grounds::none(),
        None,
    );
    bench
        .reporter
        .ended(
            &bench.task,
            Attempt(0),
            Outcome::Succeeded,
            Usage::default(),
        )
        .await;
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
    let report = |bytes: usize| Report {
        task: task.clone(),
        attempt: Attempt(0),
        body: ReportBody::Summary("x".repeat(bytes)),
    };
    let (fit, large) = fitting(vec![
        (1, report(8 << 20)),
        (2, report(20 << 20)),
        (3, report(1 << 20)),
        (4, report(8 << 20)),
    ]);
    assert_eq!(
        fit.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
        [1, 3]
    );
    assert_eq!(
        large.iter().map(|(number, ..)| *number).collect::<Vec<_>>(),
        [2]
    );
}

/// What the audit chain says of reports that were refused.
fn refusals(bench: &Bench) -> Vec<String> {
    let refused = |record: audit::AuditRecord| match record.entry {
        AuditEntry::Told {
            what,
            refused_by: Some(rule),
            ..
        } => Some(format!("{what}: {rule}")),
        _ => None,
    };
    crate::trial::chain(&bench.agent_state)
        .into_iter()
        .filter_map(refused)
        .collect()
}

#[tokio::test]
async fn each_validated_epoch_is_a_query_and_training_goes_on_beyond_the_limit() {
    let mut bench = bench("[disclosure]\nqueries_per_day = 2").await;
    let measure = |epoch: usize| {
        let turn = format!("epoch.{epoch}/rows.0/");
        let asked = QuerySource {
            by: "9999".to_owned(),
            tables: 1,
            turn,
        };
        // A value and a curve.
        [0, 1].map(|_| bench.tell_of(0, loss(epoch), &[Tells::Figures], Some(&asked)))
    };
    let told: Vec<_> = (0..5).map(measure).collect();
    assert_eq!(told[..2], [[None, None]; 2]);
    assert!(told[2][0] == Some("disclosure.queries_per_day"), "{told:?}");
    bench
        .reporter
        .ended(
            &bench.task,
            Attempt(0),
            Outcome::Succeeded,
            Usage::default(),
        )
        .await;
    // Two measurements of two reports, the note and the end.
    assert_eq!(bench.pump.round().await, Ok(6));
    let text = format!("{:?}", bench.took());
    assert_eq!(text.matches("namespace: \"train\"").count(), 4, "{text}");
}

#[tokio::test]
async fn a_report_that_waits_leaves_by_the_policy_in_force_then() {
    let mut bench = bench(OPEN).await;
    let set = |rules: &str| {
        bench.agent_state.set_policy(policy::Policy::new(
            "1".parse().unwrap(),
            toml::from_str(rules).unwrap(),
        ));
    };
    let fault = Fault::new(ErrorCode::DataMismatch, "salary is text");
    bench.tell(loss(1));
    bench.tell(ReportBody::Summary("{\"salary\": 1}".into()));
    bench.tell(ReportBody::ModelView("{\"salary\": 1}".into()));
    bench
        .reporter
        .ended(
            &bench.task,
            Attempt(1),
            Outcome::Failed(fault),
            Usage::default(),
        )
        .await;
    set("[disclosure]\nmetrics = false");
    // The link fails once: what was withheld stands in the chain once.
    *locked(&bench.coordinator.fails) = vec![false];
    assert!(bench.pump.round().await.is_err());
    assert_eq!(bench.pump.round().await, Ok(4));
    let text = format!("{:?}", bench.took());
    assert!(
        !text.contains("salary") && !text.contains("\"loss\""),
        "{text}"
    );
    for rule in [
        "disclosure.metrics",
        "disclosure.summaries",
        "disclosure.model_views",
        "disclosure.table_headers",
    ] {
        assert!(
            text.contains(&format!("withheld by rule {rule}")),
            "{rule}: {text}"
        );
        let refusals = refusals(&bench);
        assert_eq!(
            refusals
                .iter()
                .filter(|refusal| refusal.ends_with(rule))
                .count(),
            1,
            "{refusals:?}"
        );
    }
    assert_eq!(bench.waiting().await, 0);
    // Under the policy by which it was told it leaves as it was.
    set(OPEN);
    bench.tell(loss(2));
    bench.reporter.flush().await;
    assert_eq!(bench.pump.round().await, Ok(1));
    assert_eq!(bench.took().last(), Some(&loss(2)));
    // Progress waits elsewhere.
    let grounds = Grounds {
        columns: Arc::new(["salary".to_owned()].into()),
        ..Grounds::none()
    };
    let progress = ReportBody::Progress(Progress::new(0.5, "salary"));
    bench
        .reporter
        .tell((&bench.task, Attempt(0)), progress, grounds, None);
    set("");
    tokio::time::sleep(PROGRESS_EVERY).await;
    assert_eq!(bench.pump.round().await, Ok(1));
    let last = format!("{:?}", bench.took().last());
    assert!(
        last.contains("Progress") && !last.contains("salary"),
        "{last}"
    );
}
