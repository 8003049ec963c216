//! Attempts from order to end, with a scripted component over the reference network.

use super::*;
use crate::agent_state::AgentState;
use crate::report::Reporter;
use crate::trial::{OPEN, agent_state, assignment, offer, script};
use audit::AuditEntry;
use serde_json::Value;
use vocabulary::report::ReportBody;
use vocabulary::{Clock, Outcome, Role, SystemClock, TableRef};
use wire::InMemoryNetwork;

struct Agent {
    _folder: tempfile::TempDir,
    agent_state: Arc<AgentState>,
    supervisor: Supervisor,
}

async fn agent(network: &InMemoryNetwork, id: &str, policy: &str, most: usize) -> Agent {
    let folder = tempfile::tempdir().unwrap();
    let agent_state = agent_state(folder.path(), id, policy).await;
    let reporter = Reporter::start(agent_state.clone()).await.unwrap();
    let transport = Arc::new(network.party(&agent_state.me).unwrap());
    let task_runner = TaskRunner {
        agent_state: agent_state.clone(),
        reporter,
        transport,
        model_archive: None,
    };
    Agent {
        _folder: folder,
        agent_state,
        supervisor: Supervisor::new(task_runner, Casts::default(), most),
    }
}

/// One agent, guest 1, that accepted the offer of the script.
async fn guest(what: &str, most: usize) -> Agent {
    let agent = agent(&InMemoryNetwork::default(), "1", OPEN, most).await;
    agent.accept(&script(what)).await;
    agent
}

impl Agent {
    async fn accept(&self, parameters: &Value) {
        let offer = offer(parameters);
        self.agent_state
            .records
            .accept_offer(
                &offer.fingerprint().unwrap(),
                &offer,
                self.agent_state.now(),
            )
            .await
            .unwrap();
        let role = offer
            .cast
            .participants()
            .find(|who| who.party == self.agent_state.me)
            .unwrap()
            .role;
        let order = assignment(role, self.agent_state.me.as_str(), 0, parameters);
        crate::trial::input_was_made(&self.agent_state, &order).await;
    }

    async fn bodies(&self) -> Vec<ReportBody> {
        self.agent_state
            .records
            .posted(u32::MAX)
            .await
            .unwrap()
            .into_iter()
            .map(|(_, report)| report.body)
            .collect()
    }

    /// How the attempts ended so far, when that many have.
    async fn outcomes(&self, count: usize) -> Vec<Outcome> {
        for _ in 0..1_000 {
            let ended = |body| match body {
                ReportBody::Ended { outcome, .. } => Some(outcome),
                _ => None,
            };
            let outcomes: Vec<Outcome> =
                self.bodies().await.into_iter().filter_map(ended).collect();
            if outcomes.len() >= count && self.supervisor.count() == 0 {
                return outcomes;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the attempts did not end");
    }
}

fn code(outcome: &Outcome) -> Option<ErrorCode> {
    match outcome {
        Outcome::Failed(fault) => Some(fault.code),
        _ => None,
    }
}

fn asked() -> Fault {
    Fault::new(ErrorCode::PeerFailed, "party 10000 ended this step")
}

#[tokio::test]
async fn runs_a_step_at_two_parties_and_accounts_for_what_left() {
    let network = InMemoryNetwork::default();
    let (guest, host) = (
        agent(&network, "1", OPEN, 4).await,
        agent(&network, "2", OPEN, 4).await,
    );
    for agent in [&guest, &host] {
        agent.accept(&script("talk")).await;
    }
    guest
        .supervisor
        .assign(assignment(Role::Guest, "1", 0, &script("talk")))
        .await
        .unwrap();
    assert_eq!(guest.supervisor.known().len(), 1);
    host.supervisor
        .assign(assignment(Role::Host, "2", 0, &script("talk")))
        .await
        .unwrap();
    assert_eq!(guest.outcomes(1).await, [Outcome::Succeeded]);
    assert_eq!(host.outcomes(1).await, [Outcome::Succeeded]);
    let chain = crate::trial::chain(&host.agent_state);
    let left = chain.iter().find_map(|record| match &record.entry {
        AuditEntry::Message(message) => Some(message.clone()),
        _ => None,
    });
    let left = left.expect("an entry of the message");
    assert_eq!(
        (left.message.as_str(), left.tag.as_str(), left.refused_by),
        ("numbers", "numbers", None)
    );
    assert_eq!(
        (left.disclosure, left.to.party.as_str()),
        (Some(vocabulary::Disclosure::Masked), "1")
    );
    assert!(left.bytes > 0 && left.of.rows.is_none());
    assert_eq!(
        (
            left.of.component.as_str(),
            left.of.version,
            left.of.attempt.0
        ),
        ("scripted", 1, 0)
    );
    assert_eq!(left.of.offer, offer(&script("talk")).fingerprint().unwrap());
    assert_eq!(left.of.basis.policy, host.agent_state.policy().hash());
    assert_eq!(
        left.of
            .basis
            .initiator
            .map(|who| who.party.to_string())
            .as_deref(),
        Some("1")
    );
    assert!(
        matches!(host.bodies().await.last(), Some(ReportBody::Ended { usage, .. }) if usage.messages_sent == 1 && usage.wall_micros > 0)
    );
    let files = guest
        .agent_state
        .logs
        .files(&crate::trial::job(), &guest.agent_state.me)
        .unwrap();
    let info = files
        .iter()
        .find(|file| file.name == "guest/1/INFO.log")
        .unwrap();
    assert!(
        std::fs::read_to_string(&info.path)
            .unwrap()
            .contains("received 1 messages")
    );
}

#[tokio::test]
async fn a_repeated_order_does_nothing() {
    let guest = guest("leave", 4).await;
    let order = assignment(Role::Guest, "1", 0, &script("leave"));
    let (first, second) = tokio::join!(
        guest.supervisor.assign(order.clone()),
        guest.supervisor.assign(order.clone())
    );
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(guest.outcomes(1).await, [Outcome::Succeeded]);
    guest.supervisor.assign(order).await.unwrap();
    assert_eq!(guest.supervisor.count(), 0);
    let bodies = guest.bodies().await;
    assert_eq!(
        bodies
            .iter()
            .filter(|body| **body == ReportBody::Started)
            .count(),
        1
    );
}

#[tokio::test]
async fn tells_and_keeps_what_a_component_leaves() {
    let guest = guest("leave", 4).await;
    let order = assignment(Role::Guest, "1", 0, &script("leave"));
    guest.supervisor.assign(order.clone()).await.unwrap();
    guest.outcomes(1).await;
    let kinds: Vec<&str> = (guest.bodies().await.iter())
        .map(|body| match body {
            ReportBody::Started => "started",
            ReportBody::Metrics(_) => "metrics",
            ReportBody::Summary(_) => "summary",
            ReportBody::Model(_) => "model",
            ReportBody::Output(table)
                if table.rows == 3 && table.data_name.as_deref() == Some("data") =>
            {
                "output"
            }
            ReportBody::Ended { .. } => "ended",
            _ => "other",
        })
        .collect();
    assert_eq!(
        kinds,
        ["started", "metrics", "summary", "model", "output", "ended"]
    );
    let output = TableRef::output(&order.task, Attempt(0), 0);
    assert_eq!(guest.agent_state.table_store.info(&output).unwrap().rows, 3);
    let record = guest
        .agent_state
        .records
        .attempt(&order.task, Attempt(0))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (record.state, record.outputs.len()),
        (records::AttemptState::Succeeded, 1)
    );
}

#[tokio::test]
#[allow(
    clippy::too_many_lines,
    reason = "a table of cases, each of which says why it is refused"
)]
async fn refuses_an_order_that_was_not_offered() {
    let guest = guest("leave", 4).await;
    let fitting = || assignment(Role::Guest, "1", 0, &script("leave"));
    type Change = Box<dyn Fn(&mut Assignment)>;
    let changes: Vec<(&str, Change)> = vec![
        ("offer", Box::new(|order| order.offer = "0".repeat(64))),
        (
            "parameters",
            Box::new(|order| order.parameters = script("talk")),
        ),
        (
            "party",
            Box::new(|order| order.task.party = crate::trial::party("2")),
        ),
        ("role", Box::new(|order| order.task.role = Role::Host)),
        (
            "cast",
            Box::new(|order| order.cast.host.push(crate::trial::party("3"))),
        ),
        (
            "step cast",
            Box::new(|order| order.step_cast.host.push(crate::trial::party("3"))),
        ),
        ("version", Box::new(|order| order.component_version = 2)),
        (
            "component",
            Box::new(|order| order.component = "other".into()),
        ),
        ("partitions", Box::new(|order| order.partitions = 0)),
        (
            "stage",
            Box::new(|order| order.stage = vocabulary::Stage::Apply),
        ),
        (
            "a smaller step cast",
            Box::new(|order| order.step_cast.host.clear()),
        ),
        ("no input", Box::new(|order| order.inputs.clear())),
        (
            "port",
            Box::new(|order| order.inputs[0].port = "train_data".into()),
        ),
        (
            "another role's table",
            Box::new(|order| order.inputs = vec![crate::trial::input(Role::Local, "1")]),
        ),
        (
            "another party's table",
            Box::new(|order| order.inputs = vec![crate::trial::input(Role::Guest, "2")]),
        ),
        (
            "place of the model",
            Box::new(|order| order.model_version = "another_job".into()),
        ),
        (
            "table",
            Box::new(|order| {
                order.inputs[0].table = TableRef::new("salaries", "all");
            }),
        ),
        (
            "model",
            Box::new(|order| {
                // The party's own model, and yet nobody offered it.
                let owner = order.task.participant();
                let model = vocabulary::ModelRef {
                    version: "1".into(),
                    step: order.task.step.clone(),
                    owner,
                };
                order.models.push(vocabulary::ModelInput {
                    port: "model".into(),
                    model,
                    checkpoint: None,
                });
            }),
        ),
    ];
    for (what, change) in changes {
        let mut order = fitting();
        change(&mut order);
        let fault = guest.supervisor.assign(order).await.expect_err(what);
        assert_eq!(fault.code, ErrorCode::OfferRefused, "{what}: {fault}");
    }
    assert_eq!(guest.supervisor.count(), 0);
    assert!(guest.bodies().await.is_empty());
}

#[tokio::test]
async fn stops_a_component_and_answers_when_it_is_quiet() {
    let guest = guest("wait", 4).await;
    let order = assignment(Role::Guest, "1", 0, &script("wait"));
    guest.supervisor.assign(order.clone()).await.unwrap();
    guest
        .supervisor
        .cancel(order.task.clone(), Attempt(0), &asked())
        .await;
    assert_eq!(guest.supervisor.count(), 0);
    assert_eq!(guest.outcomes(1).await, [Outcome::Canceled]);
    // what does not run is quiet
    guest
        .supervisor
        .cancel(order.task, Attempt(7), &asked())
        .await;
}

#[tokio::test]
async fn cuts_off_a_component_that_does_not_listen() {
    let guest = guest("deaf", 4).await;
    let order = assignment(Role::Guest, "1", 0, &script("deaf"));
    guest.supervisor.assign(order.clone()).await.unwrap();
    guest
        .supervisor
        .cancel(order.task, Attempt(0), &asked())
        .await;
    assert_eq!(guest.outcomes(1).await, [Outcome::Canceled]);
}

#[tokio::test]
async fn turns_a_panic_into_a_failed_attempt() {
    let guest = guest("panic", 4).await;
    guest
        .supervisor
        .assign(assignment(Role::Guest, "1", 0, &script("panic")))
        .await
        .unwrap();
    assert_eq!(
        code(&guest.outcomes(1).await[0]),
        Some(ErrorCode::ComponentPanicked)
    );
}

#[tokio::test]
async fn ends_an_attempt_at_its_deadline() {
    let guest = guest("wait", 4).await;
    let mut order = assignment(Role::Guest, "1", 0, &script("wait"));
    order.deadline = Some(SystemClock.now().plus_millis(50));
    guest.supervisor.assign(order).await.unwrap();
    assert_eq!(
        code(&guest.outcomes(1).await[0]),
        Some(ErrorCode::DeadlinePassed)
    );
}

#[tokio::test]
async fn a_newer_attempt_takes_the_place_of_an_older_one() {
    let guest = guest("wait", 1).await;
    let order = |attempt| assignment(Role::Guest, "1", attempt, &script("wait"));
    guest.supervisor.assign(order(0)).await.unwrap();
    guest.supervisor.assign(order(2)).await.unwrap();
    assert_eq!(guest.supervisor.count(), 1);
    assert_eq!(
        guest.supervisor.assign(order(1)).await.unwrap_err().code,
        ErrorCode::JobState
    );
    guest.supervisor.close(&crate::trial::job()).await;
    assert_eq!(
        guest.outcomes(2).await,
        [Outcome::Canceled, Outcome::Canceled]
    );
}

#[tokio::test]
async fn refuses_more_attempts_than_it_may_run() {
    let guest = guest("wait", 1).await;
    guest
        .supervisor
        .assign(assignment(Role::Guest, "1", 0, &script("wait")))
        .await
        .unwrap();
    let mut other = assignment(Role::Guest, "1", 0, &script("wait"));
    let mut second = offer(&script("wait"));
    second.steps[0].step = vocabulary::StepName::new("scripted_1").unwrap();
    other.task.step = second.steps[0].step.clone();
    other.offer = second.fingerprint().unwrap();
    guest
        .agent_state
        .records
        .accept_offer(&other.offer, &second, guest.agent_state.now())
        .await
        .unwrap();
    let fault = guest.supervisor.assign(other.clone()).await.unwrap_err();
    assert!(fault.code == ErrorCode::AgentBusy && fault.next.unwrap().contains("limits.attempts"));
    guest.supervisor.shut_down().await;
    assert_eq!(guest.outcomes(1).await, [Outcome::Lost]);
    let late = Assignment {
        attempt: Attempt(1),
        ..other
    };
    assert_eq!(
        guest.supervisor.assign(late).await.unwrap_err().code,
        ErrorCode::PartyOffline
    );
}

#[tokio::test]
async fn the_gate_stops_what_the_policy_does_not_let_leave() {
    let host = agent(
        &InMemoryNetwork::default(),
        "2",
        &OPEN.replace("'masked'", ""),
        4,
    )
    .await;
    host.accept(&script("talk")).await;
    // What cannot leave is known before the task begins, whatever was accepted before.
    let fault = host
        .supervisor
        .assign(assignment(Role::Host, "2", 0, &script("talk")))
        .await
        .unwrap_err();
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("release.disclosures"))
    );
    let chain = crate::trial::chain(&host.agent_state);
    assert!(
        !chain
            .iter()
            .any(|record| matches!(record.entry, AuditEntry::Message(_)))
    );
}
