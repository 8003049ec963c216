//! Hostile programs against unmodified daemons. What is shown here is that the attackers work: honest jobs run, and what is
//! twisted is refused or told apart.

mod audit;
mod back_entry;
mod bad_records;
mod capacity;
mod consent;
mod features;
mod figures;
mod growth;
mod labels;
mod messages;
mod own_name;
mod peers;
mod release;
mod rest;
mod rules;
mod shared_machine;
mod trust;

use fedflow_tests::fixtures::pair;
use fedflow_tests::hostile::{
    ALL_MINE, Agent, Coordinator, Federation, Job, STRICT, Step, arbiter, careful, guest, host,
    local, order_of, party, step_name, task_of,
};
use serde_json::json;
use vocabulary::{
    Assignment, Cast, ErrorCode, MetricData, Outcome, Participant, Role, Stage, TableRef,
};
use wire::agent_link::{Caller, HttpHead};

use super::program;

/// A toy job of two parties.
fn toy(coordinator: &Coordinator) -> Job {
    let step =
        Step::new("secure_add_example_0", "secure_add_example").set(json!({"data_num": 100}));
    Job::new(&coordinator.catalogue(), &[guest("9999"), host("10000")]).step(step)
}

/// Two agents under the policy of one owner, with the tables `experiment.guest` and `experiment.host`.
async fn two(federation: &Federation, coordinator: &Coordinator) -> (Agent, Agent) {
    let (bank, clinic) = (
        federation.agent("9999", ALL_MINE),
        federation.agent("10000", ALL_MINE),
    );
    let tables = pair(60);
    bank.table("experiment", "guest", &tables.guest);
    clinic.table("experiment", "host", &tables.host);
    coordinator.joined(&["9999", "10000"]).await;
    (bank, clinic)
}

/// Orders a step at everybody and waits for one of them to end; if that one fails, the others are stopped, as a coordinator
/// would. Gives how each ended.
async fn watched(
    coordinator: &Coordinator,
    job: &Job,
    (step, attempt): (&str, u32),
    who: &Participant,
) -> Vec<(Participant, Outcome)> {
    let described = job
        .steps
        .iter()
        .find(|own| own.name.as_str() == step)
        .expect("a step");
    let everybody = job.participants_of(described);
    for who in &everybody {
        coordinator
            .assign(who.party.as_str(), job.assignment(step, who, attempt))
            .await
            .expect("ordered");
    }
    let first = coordinator.ended(&job.task(step, who)).await;
    let mut ends = vec![(who.clone(), first.clone())];
    for other in everybody.into_iter().filter(|other| other != who) {
        let task = job.task(step, &other);
        if first != Outcome::Succeeded {
            // A party that the failure has reached ends by itself.
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            let why = vocabulary::Fault::new(ErrorCode::Canceled, "another one failed");
            coordinator
                .cancel(&task, attempt, why)
                .await
                .expect("stopped");
        }
        let end = coordinator.ended(&task).await;
        ends.push((other, end));
    }
    ends
}

#[tokio::test]
async fn a_hostile_coordinator_can_run_a_whole_training() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (bank, clinic) = two(&federation, &coordinator).await;
    let job = Job::training(&coordinator.catalogue(), ["9999", "10000", "10000"], 5);
    coordinator.run(&job).await.expect("it runs");

    let metrics = coordinator.metrics_of(&job.task("evaluation_0", &guest("9999")));
    let named = |name: &str| {
        metrics.iter().find_map(|metric| match &metric.data {
            MetricData::Values(values) => values
                .iter()
                .find(|(own, _)| own == name)
                .map(|(_, value)| value.get()),
            MetricData::Points(_) => None,
        })
    };
    let auc = named("auc").unwrap_or_else(|| panic!("no auc in {metrics:?}"));
    assert!(auc > 0.8, "{auc}");
    assert!(
        !coordinator
            .metrics_of(&job.task("hetero_lr_0", &arbiter("10000")))
            .is_empty()
    );
    assert_eq!(
        coordinator
            .outputs_of(&job.task("intersection_0", &host("10000")))
            .len(),
        1
    );
    // Agents wrote to each other directly: nothing came to the relay.
    assert!(
        coordinator.messages().is_empty(),
        "{:?}",
        coordinator.messages()
    );
    // The records are readable beside the agent that runs.
    let records = bank.records().await;
    assert_eq!(
        records.offers_of(&job.id).await.expect("offers"),
        [job.offer()]
    );
    records.close().await;
    assert!(bank.lives() && clinic.lives());
}

/// One way to change an order, and what it is called.
type Twist = (&'static str, fn(&mut Assignment));

const TWISTS: &[Twist] = &[
    (
        "parameters",
        |order| order.parameters = json!({"table": {"namespace": "secret", "name": "salaries"}}),
    ),
    ("component", |order| order.component = "writer".to_owned()),
    ("version", |order| order.component_version += 1),
    ("cast", |order| {
        order.cast.arbiter.push(order.task.party.clone())
    }),
    ("step cast", |order| {
        order.step_cast = Cast {
            host: order.step_cast.host.clone(),
            ..Cast::default()
        }
    }),
    ("step", |order| order.task.step = step_name("writer_0")),
    ("role", |order| order.task.role = Role::Local),
    ("offer", |order| order.offer = "0".repeat(64)),
    ("place of the model", |order| {
        order.model_version = "20260101".to_owned()
    }),
    ("partitions", |order| order.partitions = 5_000),
    ("stage", |order| order.stage = Stage::Apply),
];

#[tokio::test]
async fn an_order_that_differs_from_the_accepted_offer_is_refused() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, clinic) = two(&federation, &coordinator).await;
    clinic.table("secret", "salaries", "id,x\n1,100\n2,200\n");
    let job = Job::reading(&coordinator.catalogue(), &[guest("9999"), host("10000")]);
    coordinator.agree(&job).await.expect("agreed");
    let clinic_as_host = host("10000");
    for (what, twist) in TWISTS {
        let mut order = job.assignment("reader_0", &clinic_as_host, 0);
        twist(&mut order);
        let fault = coordinator.assign("10000", order).await.expect_err(what);
        assert_eq!(fault.code, ErrorCode::OfferRefused, "{what}: {fault}");
    }
    // The order as it was agreed is taken, so that each refusal was of its twist.
    for (who, outcome) in coordinator.run_step(&job, "reader_0", 0).await {
        assert_eq!(outcome, Outcome::Succeeded, "{who}");
    }
    let mut order = job.assignment("data_transform_0", &clinic_as_host, 0);
    order.inputs[0].table = TableRef::new("secret", "salaries");
    let fault = coordinator
        .assign("10000", order)
        .await
        .expect_err("another table");
    assert_eq!(fault.code, ErrorCode::OfferRefused, "{fault}");
    coordinator.run_steps(&job).await.expect("the rest runs");
    assert!(clinic.lives());
}

#[tokio::test]
async fn the_policy_is_swapped_while_the_agent_runs() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, clinic) = two(&federation, &coordinator).await;
    clinic.table("secret", "salaries", &pair(60).host);
    let job = Job::reading(&coordinator.catalogue(), &[guest("9999"), host("10000")]);
    let mut nosy = job.anew();
    let secret = json!({"table": {"namespace": "secret", "name": "salaries"}});
    nosy.step_mut("reader_0").own.push((host("10000"), secret));
    coordinator.run(&nosy).await.expect("all is admitted");

    clinic
        .set_policy(&careful(&["9999"], &["experiment.*"]))
        .await;
    coordinator
        .run(&job)
        .await
        .expect("a careful party admits this table");
    let fault = coordinator
        .agree(&nosy.anew())
        .await
        .expect_err("not that one");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("admission.tables"))
    );

    clinic.set_policy(STRICT).await;
    let fault = coordinator
        .agree(&job.anew())
        .await
        .expect_err("nothing foreign");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("admission.initiators"))
    );
}

#[tokio::test]
async fn a_killed_agent_comes_back_to_the_hostile_coordinator() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, mut clinic) = two(&federation, &coordinator).await;
    let job = toy(&coordinator);
    coordinator.agree(&job).await.expect("agreed");
    // The host alone waits for the guest, which is never told to begin.
    let order = order_of(&job.offer(), "secure_add_example_0", &host("10000"), 0);
    coordinator.assign("10000", order).await.expect("taken");
    clinic.kill();
    clinic.start();
    let lost = coordinator
        .ended(&job.task("secure_add_example_0", &host("10000")))
        .await;
    assert_eq!(lost, Outcome::Lost);
    coordinator.joined(&["10000"]).await;
    for (who, outcome) in coordinator.run_step(&job, "secure_add_example_0", 1).await {
        assert_eq!(outcome, Outcome::Succeeded, "{who}");
    }
}

#[tokio::test]
async fn whatever_the_coordinator_says_of_the_caller_he_is_an_outsider() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    coordinator.on_http(|asked| (200, json!({"retcode": 0, "data": asked.head.target})));
    let clinic = federation.agent("10000", STRICT);
    clinic.table("secret", "salaries", "id,x\n1,4711\n2,4712\n");
    coordinator.joined(&["10000"]).await;
    let (preview, wanted) = (
        "/v1/table/preview",
        json!({"namespace": "secret", "table_name": "salaries"}),
    );
    // The party's own user sees the rows at the party's own REST endpoint.
    let own = clinic.rest().post(preview, &wanted).await;
    assert!(own.to_string().contains("4711"), "{own}");
    let (status, shown) = coordinator.http("10000", "POST", preview, &wanted).await;
    assert!(
        (status >= 400 || shown["retcode"] != 0) && !shown.to_string().contains("4711"),
        "{status} {shown}"
    );
    let head = HttpHead {
        method: "POST".to_owned(),
        target: preview.to_owned(),
        headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
        caller: Caller::PartyUser(party("10000")),
        ticket: None,
    };
    let (_, body) = coordinator
        .http_raw("10000", head, wanted.to_string().into())
        .await;
    assert!(!String::from_utf8_lossy(&body).contains("4711"), "{body:?}");
    // Requests of the party's users come the other way, and the coordinator answers as it likes.
    let answer = clinic
        .rest()
        .post("/v1/job/query", &json!({"job_id": "1"}))
        .await;
    assert_eq!(answer["data"], "/v1/job/query");
    assert_eq!(coordinator.asked()[0].json(), json!({"job_id": "1"}));
}

#[tokio::test]
async fn a_local_job_that_nobody_asked_for_runs_where_the_policy_wants_no_ticket() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let clinic = federation.agent("10000", ALL_MINE);
    clinic.table("secret", "salaries", "id,x\n1,4711\n2,4712\n");
    coordinator.joined(&["10000"]).await;
    let to = json!({"namespace": "secret", "name": "salaries", "output_namespace": "experiment", "output_name": "copy"});
    let job = Job::new(&coordinator.catalogue(), &[local("10000")])
        .step(Step::new("writer_0", "writer").set(to));
    coordinator.run(&job).await.expect("it runs");
    let copy = json!({"namespace": "experiment", "table_name": "copy"});
    let shown = clinic.rest().post("/v1/table/preview", &copy).await;
    assert!(shown.to_string().contains("4711"), "{shown}");
}
