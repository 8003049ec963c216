//! Every field of an offer and of an order has a judge: each leaf is changed, one at a time, and either that is refused or the
//! list below says why it may be.

use std::collections::BTreeMap;
use std::sync::Arc;

use records::AttemptState;
use serde_json::{Value, json};
use vocabulary::{
    Assignment, Attempt, CheckpointRef, ErrorCode, Fault, JobId, Limits, ModelInput, ModelRef,
    Offer, OfferedFile, OfferedStep, Participant, Role, TableRef, Timestamp,
};
use wire::InMemoryNetwork;

use crate::agent_state::AgentState;
use crate::offers::Casts;
use crate::report::Reporter;
use crate::runner::TaskRunner;
use crate::supervisor::Supervisor;
use crate::trial::{agent_state, assignment, offer, party, script};

/// What host 2 allows: what the offer below names, and nothing else.
const NARROW: &str = "[admission]\ninitiators = ['1']\npeers = ['1', '3']\ncomponents = ['scripted']\n\
    tables = ['experiment.offered']\noffer_days = 'any'\n[release]\ndisclosures = ['masked']\n";

/// Leaves that may be anything, and why nothing of the party's is reached by them.
const FREE_IN_OFFERS: &[(&str, &str)] = &[
    (
        "job",
        "another id is another job: it is judged as one, and finds nothing under its name",
    ),
    (
        "created",
        "said for people; how long the offer is good counts from now",
    ),
    (
        "steps.stage",
        "apply without a model finds none; the component checks it",
    ),
    (
        "steps.inputs.port",
        "wiring inside the offer: the component reads its own tables by it",
    ),
    (
        "steps.inputs.from_step",
        "the name under which figures are shown",
    ),
    (
        "steps.inputs.index",
        "another output of the same step of the offer",
    ),
    ("steps.models.port", "wiring inside the offer"),
    (
        "steps.models.model.step",
        "another step of a training with the same parties",
    ),
    (
        "steps.models.checkpoint.step_index",
        "an earlier state of a model that may be applied",
    ),
    (
        "steps.parameters",
        "what components do is judged by name; what they name is asked for at the task host",
    ),
    ("keeps.file", "of another party, which judges it"),
    (
        "attempts",
        "up to the policy's bound: see admission's own tests",
    ),
    (
        "expires",
        "up to the policy's bound: see admission's own tests",
    ),
];

/// The same for orders under an accepted offer.
const FREE_IN_ORDERS: &[(&str, &str)] = &[
    (
        "attempt",
        "a later attempt of the same task, as many as the offer allows",
    ),
    ("outputs", "names under which outputs are shown"),
    (
        "partitions",
        "into how many files tables are cut; bounds are checked",
    ),
    (
        "deadline",
        "when it is given up: never after the offer's own end",
    ),
    (
        "limits.workers",
        "less than the agent's own settings allow, or no change",
    ),
    (
        "limits.memory_mib",
        "less than the agent's own settings allow, or no change",
    ),
    ("limits.partitions", "into how many files tables are cut"),
    (
        "because",
        "a line of the party's log, as long as a line may be",
    ),
];

struct Agent {
    _folder: tempfile::TempDir,
    agent_state: Arc<AgentState>,
}

/// Host 2, at which an earlier job ran under the same rules.
async fn host() -> Agent {
    let folder = tempfile::tempdir().unwrap();
    let agent_state = agent_state(folder.path(), "2", NARROW).await;
    let earlier = Offer {
        job: earlier(),
        ..offer(&script("talk"))
    };
    let fingerprint = earlier.fingerprint().unwrap();
    agent_state
        .records
        .accept_offer(&fingerprint, &earlier, agent_state.now())
        .await
        .unwrap();
    let order = assignment(Role::Host, "2", 0, &script("talk"));
    let mut done = Assignment {
        offer: fingerprint,
        ..order
    };
    (done.task.job, done.task.step) = (earlier.job.clone(), earlier.steps[1].step.clone());
    agent_state
        .records
        .begin_attempt(&done, agent_state.now())
        .await
        .unwrap();
    agent_state
        .records
        .end_attempt(
            &done.task,
            Attempt(0),
            AttemptState::Succeeded,
            agent_state.now(),
        )
        .await
        .unwrap();
    Agent {
        _folder: folder,
        agent_state,
    }
}

fn earlier() -> JobId {
    JobId::new("20250101000000000000").unwrap()
}

/// An offer with something in every field.
fn full() -> Offer {
    let mut full = offer(&script("talk"));
    let me = Participant::new(Role::Host, party("2"));
    full.steps[1].inherited = Some(earlier());
    for input in &mut full.steps[0].inputs {
        input.of_job = Some(earlier());
    }
    let model = ModelRef {
        version: earlier().to_string(),
        step: full.steps[0].step.clone(),
        owner: me.clone(),
    };
    full.steps[0].models = vec![ModelInput {
        port: "model".to_owned(),
        model,
        checkpoint: Some(CheckpointRef::StepIndex(3)),
    }];
    let guest = Participant::new(Role::Guest, party("1"));
    full.keeps = Some(OfferedFile {
        step: full.steps[0].step.clone(),
        who: guest,
        file: "files://a/b".to_owned(),
    });
    full
}

async fn judge(agent_state: &AgentState, offer: &Offer) -> Result<(), Fault> {
    super::judge(agent_state, &agent_state.policy(), offer)
        .await
        .map(|_| ())
}

/// The paths of all leaves, places in lists left out, with where they stand.
fn leaves(value: &Value, path: &str, pointer: &str, found: &mut BTreeMap<String, Vec<String>>) {
    let below = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                leaves(inner, &below(name), &format!("{pointer}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (place, inner) in items.iter().enumerate() {
                leaves(inner, path, &format!("{pointer}/{place}"), found);
            }
        }
        _ => found
            .entry(path.to_owned())
            .or_default()
            .push(pointer.to_owned()),
    }
}

/// Another value of the same kind that could be meant.
fn other(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_i64().unwrap_or(0) + 1),
        Value::String(text) => match text.as_str() {
            "guest" => json!("host"),
            "host" => json!("guest"),
            "fit" => json!("apply"),
            "1" | "2" => json!("3"),
            text if text.len() == 20 && text.bytes().all(|digit| digit.is_ascii_digit()) => {
                json!("20240101000000000000")
            }
            text if text.starts_with('{') => json!(script("wait").to_string()),
            text => json!(format!("{text}x")),
        },
        other => panic!("a leaf of a kind that nobody thought of: {other}"),
    }
}

#[tokio::test]
async fn whatever_an_offer_names_is_judged() {
    let host = host().await;
    judge(&host.agent_state, &full()).await.unwrap();
    let value = serde_json::to_value(full()).unwrap();
    let mut found = BTreeMap::new();
    leaves(&value, "", "", &mut found);
    for (path, places) in &found {
        for place in places {
            let mut changed = value.clone();
            let leaf = changed.pointer_mut(place).unwrap();
            *leaf = other(leaf);
            let offer: Offer = serde_json::from_value(changed.clone())
                .unwrap_or_else(|error| panic!("{place}: {error}"));
            let judged = judge(&host.agent_state, &offer).await;
            let free = FREE_IN_OFFERS.iter().any(|(free, _)| free == path);
            let about_another = !concerns_me(path, place, &value);
            assert!(
                judged.is_err() || free || about_another,
                "{place} ({path}) became {} and nobody judged it",
                changed.pointer(place).unwrap()
            );
        }
    }
    let unknown = FREE_IN_OFFERS
        .iter()
        .find(|(free, _)| !found.contains_key(*free));
    assert_eq!(unknown, None, "a field that is not in an offer any more");
}

/// Whether a leaf says something of host 2: what is said of others is theirs to judge.
fn concerns_me(path: &str, place: &str, offer: &Value) -> bool {
    let owner = [
        "steps.tables",
        "steps.parameters",
        "steps.inputs",
        "steps.models",
    ]
    .iter()
    .any(|of| path.starts_with(of));
    if !owner {
        return true;
    }
    // The entry that holds the leaf, whole: `/steps/0/tables/1/…`.
    let entry: Vec<&str> = place.split('/').take(5).collect();
    offer
        .pointer(&entry.join("/"))
        .unwrap()
        .to_string()
        .contains("\"2\"")
}

#[tokio::test]
async fn whatever_an_order_names_is_compared_with_the_offer() {
    let value = serde_json::to_value(full_order("0")).unwrap();
    let mut found = BTreeMap::new();
    let agent = ready_for_order().await;
    let order = full_order(&full_with_own_file().fingerprint().unwrap());
    supervisor(&agent).await.assign(order).await.unwrap();
    leaves(&value, "", "", &mut found);
    for (path, places) in &found {
        for place in places {
            let agent = ready_for_order().await;
            let fingerprint = full_with_own_file().fingerprint().unwrap();
            let mut changed = serde_json::to_value(full_order(&fingerprint)).unwrap();
            let leaf = changed.pointer_mut(place).unwrap();
            *leaf = other(leaf);
            let Ok(order) = serde_json::from_value::<Assignment>(changed.clone()) else {
                panic!("{place}")
            };
            let ordered = supervisor(&agent).await.assign(order).await;
            let free = FREE_IN_ORDERS.iter().any(|(free, _)| free == path);
            assert!(
                ordered.is_err() || free,
                "{place} ({path}) became {} and nobody noticed",
                changed.pointer(place).unwrap()
            );
        }
    }
    let unknown = FREE_IN_ORDERS
        .iter()
        .find(|(free, _)| !found.contains_key(*free));
    assert_eq!(unknown, None, "a field that is not in an order any more");
}

/// Host 2, which may be ordered to do the full order's step.
async fn ready_for_order() -> Agent {
    let agent = host().await;
    let accepted = full_with_own_file();
    let fingerprint = accepted.fingerprint().unwrap();
    agent
        .agent_state
        .records
        .accept_offer(&fingerprint, &accepted, agent.agent_state.now())
        .await
        .unwrap();
    // Jobs of others keep no file here: this one is the party's own.
    let rules = NARROW.replace("[release]", "without_ticket = ['*']\n[release]");
    let policy = policy::Policy::new(party("2"), toml::from_str(&rules).unwrap());
    agent.agent_state.set_policy(policy);
    crate::trial::input_was_made(&agent.agent_state, &full_order(&fingerprint)).await;
    agent
}

/// The offer of a job of host 2's own, which keeps a file there.
fn full_with_own_file() -> Offer {
    let me = Participant::new(Role::Host, party("2"));
    let mut own = Offer {
        initiator: me.clone(),
        ..full()
    };
    own.steps[1].inherited = None;
    own.steps[0]
        .inputs
        .iter_mut()
        .for_each(|input| input.of_job = None);
    own.keeps = Some(OfferedFile {
        step: own.steps[0].step.clone(),
        who: me,
        file: "files://a/b".to_owned(),
    });
    own
}

/// An order with something in every field.
fn full_order(fingerprint: &str) -> Assignment {
    let accepted = full_with_own_file();
    Assignment {
        models: accepted.steps[0].models.clone(),
        offer: fingerprint.to_owned(),
        deadline: Some(Timestamp(3_999_000_000_000_000)),
        limits: Limits {
            workers: Some(2),
            memory_mib: Some(100),
            partitions: Some(2),
        },
        keeps: Some("files://a/b".to_owned()),
        because: Some("the agent was restarted".to_owned()),
        ..assignment(Role::Host, "2", 0, &script("talk"))
    }
}

async fn supervisor(agent: &Agent) -> Supervisor {
    let reporter = Reporter::start(agent.agent_state.clone()).await.unwrap();
    let transport = Arc::new(
        InMemoryNetwork::default()
            .party(&agent.agent_state.me)
            .unwrap(),
    );
    let task_runner = TaskRunner {
        agent_state: agent.agent_state.clone(),
        reporter,
        transport,
        model_archive: None,
    };
    Supervisor::new(task_runner, Casts::default(), 4)
}

#[tokio::test]
async fn an_order_is_judged_by_the_rules_of_now() {
    let agent = host().await;
    let accepted = offer(&script("talk"));
    agent
        .agent_state
        .records
        .accept_offer(
            &accepted.fingerprint().unwrap(),
            &accepted,
            agent.agent_state.now(),
        )
        .await
        .unwrap();
    crate::trial::input_was_made(
        &agent.agent_state,
        &assignment(Role::Host, "2", 0, &script("talk")),
    )
    .await;
    let supervisor = supervisor(&agent).await;
    let order = |attempt| assignment(Role::Host, "2", attempt, &script("wait"));
    let order = |attempt| Assignment {
        parameters: script("talk"),
        offer: accepted.fingerprint().unwrap(),
        ..order(attempt)
    };
    supervisor.assign(order(0)).await.unwrap();
    let narrower = NARROW.replace("peers = ['1', '3']", "peers = []");
    agent.agent_state.set_policy(policy::Policy::new(
        party("2"),
        toml::from_str(&narrower).unwrap(),
    ));
    let fault = supervisor.assign(order(1)).await.unwrap_err();
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("admission.peers")),
        "{fault}"
    );
}

#[tokio::test]
async fn an_order_under_an_offer_that_a_later_one_replaced_is_refused() {
    let agent = host().await;
    let accept = async |offer: &Offer| {
        let fingerprint = offer.fingerprint().unwrap();
        agent
            .agent_state
            .records
            .accept_offer(&fingerprint, offer, agent.agent_state.now())
            .await
            .unwrap();
        fingerprint
    };
    let first = Offer {
        attempts: Some(9),
        ..offer(&script("leave"))
    };
    let (one, supervisor) = (accept(&first).await, supervisor(&agent).await);
    let order = |attempt: u32, fingerprint: &str| Assignment {
        offer: fingerprint.to_owned(),
        ..assignment(Role::Host, "2", attempt, &script("leave"))
    };
    crate::trial::input_was_made(&agent.agent_state, &order(0, &one)).await;
    supervisor.assign(order(0, &one)).await.unwrap();
    let second = Offer {
        attempts: Some(8),
        ..first.clone()
    };
    let two = accept(&second).await;
    let fault = supervisor.assign(order(1, &one)).await.unwrap_err();
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("offer")),
        "{fault}"
    );
    // Written down once more, it keeps its place.
    accept(&first).await;
    assert_eq!(
        supervisor
            .assign(order(2, &one))
            .await
            .unwrap_err()
            .path
            .as_deref(),
        Some("offer")
    );
    supervisor.assign(order(3, &two)).await.unwrap();
}

#[tokio::test]
async fn no_more_attempts_begin_than_the_offer_allows_and_none_after_its_end() {
    let agent = host().await;
    let accept = async |offer: &Offer| {
        let fingerprint = offer.fingerprint().unwrap();
        agent
            .agent_state
            .records
            .accept_offer(&fingerprint, offer, agent.agent_state.now())
            .await
            .unwrap();
        fingerprint
    };
    let two = Offer {
        attempts: Some(2),
        ..offer(&script("leave"))
    };
    let fingerprint = accept(&two).await;
    let supervisor = supervisor(&agent).await;
    let order = |attempt: u32, fingerprint: &str| Assignment {
        offer: fingerprint.to_owned(),
        ..assignment(Role::Host, "2", attempt, &script("leave"))
    };
    crate::trial::input_was_made(&agent.agent_state, &order(0, &fingerprint)).await;
    supervisor.assign(order(0, &fingerprint)).await.unwrap();
    supervisor.assign(order(7, &fingerprint)).await.unwrap();
    let fault = supervisor.assign(order(8, &fingerprint)).await.unwrap_err();
    assert_eq!(fault.path.as_deref(), Some("admission.attempts"), "{fault}");
    // What is offered anew is good for attempts of its own.
    let again = Offer {
        attempts: Some(1),
        expires: Some(Timestamp(4_000_000_000_000_001)),
        ..two.clone()
    };
    let renewed = accept(&again).await;
    supervisor.assign(order(8, &renewed)).await.unwrap();
    let ended = Offer {
        expires: Some(agent.agent_state.now()),
        ..two
    };
    let ended = accept(&ended).await;
    let fault = supervisor.assign(order(9, &ended)).await.unwrap_err();
    assert_eq!(
        fault.path.as_deref(),
        Some("admission.offer_days"),
        "{fault}"
    );
}

/// Has the host accept an offer, and nothing before it of the earlier job.
async fn accept_alone(host: &Agent, fingerprint: &str, offer: &Offer) {
    let records = &host.agent_state.records;
    records.forget_offers(&earlier()).await.unwrap();
    records
        .accept_offer(fingerprint, offer, host.agent_state.now())
        .await
        .unwrap();
}

#[tokio::test]
async fn what_was_taken_over_is_judged_back_to_where_it_was_done() {
    let host = host().await;
    // The second job takes the reader over from the first and does the rest itself.
    let second = full();
    let fingerprint = second.fingerprint().unwrap();
    host.agent_state
        .records
        .accept_offer(&fingerprint, &second, host.agent_state.now())
        .await
        .unwrap();
    let done = Assignment {
        offer: fingerprint,
        ..assignment(Role::Host, "2", 0, &script("talk"))
    };
    host.agent_state
        .records
        .begin_attempt(&done, host.agent_state.now())
        .await
        .unwrap();
    host.agent_state
        .records
        .end_attempt(
            &done.task,
            Attempt(0),
            AttemptState::Succeeded,
            host.agent_state.now(),
        )
        .await
        .unwrap();
    let mut third = offer(&script("talk"));
    third.job = JobId::new("20270101000000000000").unwrap();
    third.steps[0].inherited = Some(second.job.clone());
    third.steps[0].inputs.clear();
    judge(&host.agent_state, &third).await.unwrap();
    // The first job had read a table that is now refused, in a step that nobody takes over.
    let mut first = Offer {
        job: earlier(),
        ..offer(&script("talk"))
    };
    let before = first.fingerprint().unwrap();
    let me = Participant::new(Role::Host, party("2"));
    let other = vocabulary::StepName::new("reader_1").unwrap();
    let secret = vec![(me.clone(), TableRef::new("secret", "salaries"))];
    first.steps.push(OfferedStep {
        step: other,
        tables: secret.clone(),
        ..first.steps[1].clone()
    });
    accept_alone(&host, &before, &first).await;
    let fault = judge(&host.agent_state, &third).await.unwrap_err();
    assert!(
        fault.path.as_deref() == Some("admission.tables") && fault.message.contains("salaries"),
        "{fault}"
    );
    // Nor does an offer say of a step that is taken over that it read something else.
    first.steps[1].tables = secret;
    accept_alone(&host, &before, &first).await;
    let fault = judge(&host.agent_state, &full()).await.unwrap_err();
    assert!(
        fault.path.as_deref() == Some("inheritance") && fault.message.contains("other tables"),
        "{fault}"
    );
    let mut other = full();
    other.steps[1].parameters[1].1 = script("wait").to_string();
    assert_eq!(
        judge(&host.agent_state, &other)
            .await
            .unwrap_err()
            .path
            .as_deref(),
        Some("inheritance")
    );
}
