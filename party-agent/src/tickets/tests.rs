//! Tickets given, shown, twisted and forged.

use std::sync::Mutex;

use domain::Offering;
use rest::LocalJob;
use serde_json::json;
use vocabulary::{Clock, JobId, ManualClock, OfferedFile, Participant, Role, TableRef};

use super::*;
use crate::trial::{Certificates, agent_state_with, party};

struct Bench {
    _folder: tempfile::TempDir,
    certificates: Certificates,
    agent_state: Arc<AgentState>,
    clock: Arc<ManualClock>,
    tickets: Tickets,
    next: Mutex<u32>,
}

const NOW: Timestamp = Timestamp(1_795_000_000_000_000);

async fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::new();
    let made = agent_state_with(folder.path(), "9999", "", components::CATALOGUE).await;
    let clock = Arc::new(ManualClock::at(vocabulary::SystemClock.now()));
    let agent_state = Arc::new(AgentState {
        clock: clock.clone(),
        ..Arc::into_inner(made).unwrap()
    });
    let identity = certificates.identity("9999", Kind::Agent);
    let tickets = Tickets::new(agent_state.clone(), Arc::new(move || identity.clone()));
    Bench {
        _folder: folder,
        certificates,
        agent_state,
        clock,
        tickets,
        next: Mutex::new(0),
    }
}

impl Bench {
    fn give(&self, path: &str, body: &Value) -> SignedBytes {
        let body = body.to_string();
        let request = Request {
            path,
            body: body.as_bytes(),
            asked_by: Some("ann".to_owned()),
        };
        self.tickets
            .give(&request)
            .unwrap()
            .unwrap_or_else(|| panic!("no ticket at {path}"))
    }

    fn job(&self) -> JobId {
        let mut next = self.next.lock().unwrap();
        *next += 1;
        JobId::new(format!("2026010112000000{:04}", *next)).unwrap()
    }

    /// The offer that an honest coordinator makes of documents.
    fn offer(&self, dsl: &Value, conf: &Value) -> Offer {
        let components: Vec<_> = components::CATALOGUE
            .iter()
            .map(|component| component.info())
            .collect();
        let context = job_dsl::ParseContext {
            components: &components,
            ..Default::default()
        };
        let parsed = job_dsl::parse(dsl, conf, &context).unwrap();
        let job = self.job();
        let inherited = std::collections::BTreeMap::new();
        let steps = Offering {
            graph: &parsed.graph,
            cast: &parsed.cast,
            model_version: job.as_str(),
            inherited: &inherited,
        }
        .steps();
        let (initiator, cast) = (parsed.initiator.clone(), parsed.cast.clone());
        let expires = Some(self.agent_state.now().plus_millis(Timestamp::DAY_MILLIS));
        Offer {
            job,
            initiator,
            cast,
            steps,
            created: NOW,
            expires,
            attempts: Some(4),
            keeps: None,
        }
    }

    async fn refusal(&self, ticket: &SignedBytes, offer: &Offer) -> String {
        let fault = self.tickets.accept(ticket, offer).await.unwrap_err();
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (ErrorCode::OfferRefused, Some("ticket")),
            "{fault}"
        );
        fault.message
    }

    /// Notes that an offer was accepted, as the judgement does.
    async fn accept(&self, offer: &Offer) {
        let fingerprint = offer.fingerprint().unwrap();
        self.agent_state
            .records
            .accept_offer(&fingerprint, offer, self.agent_state.now())
            .await
            .unwrap();
    }
}

fn dsl() -> Value {
    let step = |module: &str, port: &str, from: &str| json!({"module": module, "input": {"data": {port: [from]}}, "output": {"data": ["data"], "model": ["model"]}});
    json!({"components": {
        "reader_0": {"module": "Reader", "output": {"data": ["data"]}},
        "data_transform_0": step("DataTransform", "data", "reader_0.data"),
        "intersection_0": {
            "module": "Intersection", "input": {"data": {"data": ["data_transform_0.data"]}}, "output": {"data": ["data"]}
        },
        "hetero_lr_0": step("HeteroLR", "train_data", "intersection_0.data"),
    }})
}

fn conf() -> Value {
    let own = |table: &str| json!({"0": {"reader_0": {"table": {"name": table, "namespace": "experiment"}}}});
    json!({
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": [9999], "host": [10000], "arbiter": [10001]},
        "component_parameters": {
            "common": {"hetero_lr_0": {"max_iter": 3}},
            "role": {"guest": own("guest"), "host": own("host")},
        },
    })
}

fn submission() -> Value {
    json!({"job_dsl": dsl(), "job_runtime_conf": conf()})
}

#[tokio::test]
async fn a_ticket_is_for_the_job_that_its_request_describes() {
    let bench = bench().await;
    let ticket = bench.give("/v1/job/submit", &submission());
    let offer = bench.offer(&dsl(), &conf());
    let read = bench.tickets.accept(&ticket, &offer).await.unwrap();
    assert_eq!((read.asked_by.as_deref(), read.jobs), (Some("ann"), 1));
    let used = bench.agent_state.ticket_of(&offer).await.unwrap().unwrap();
    assert_eq!(
        (used.ticket, used.asked_by.as_deref()),
        (read.id, Some("ann"))
    );
    // Attempts and reruns of the same job go on under it; another job does not, whatever it says.
    bench.tickets.accept(&ticket, &offer).await.unwrap();
    let second = Offer {
        job: bench.job(),
        ..bench.offer(&dsl(), &conf())
    };
    assert!(
        bench
            .refusal(&ticket, &second)
            .await
            .contains("used for 1 jobs")
    );
}

#[tokio::test]
#[allow(
    clippy::too_many_lines,
    reason = "a table of cases, each of which says why it is refused"
)]
async fn whatever_differs_from_the_request_is_not_covered() {
    let bench = bench().await;
    let ticket = bench.give("/v1/job/submit", &submission());
    let honest = bench.offer(&dsl(), &conf());
    let (guest, host) = (
        Participant::new(Role::Guest, party("9999")),
        Participant::new(Role::Host, party("10000")),
    );
    let secret = TableRef::new("secret", "salaries");
    let other = bench.offer(
        &json!({"components": {"s_0": {"module": "SecureAddExample"}}}),
        &conf(),
    );
    type Twist<'a> = (&'a str, Box<dyn Fn(&mut Offer) + 'a>);
    let twists: Vec<Twist<'_>> = vec![
        (
            "other tables",
            Box::new(|offer| offer.steps[0].tables = vec![(guest.clone(), secret.clone())]),
        ),
        (
            "other tables",
            Box::new(|offer| offer.steps[0].tables.push((guest.clone(), secret.clone()))),
        ),
        (
            "other parameters",
            Box::new(|offer| offer.steps[3].parameters[0].1 = "{\"max_iter\":4}".to_owned()),
        ),
        (
            "other parameters",
            Box::new(|offer| {
                offer.steps[2].parameters[0].1 = "{\"sync_intersect_ids\":true}".to_owned()
            }),
        ),
        (
            "other parties",
            Box::new(|offer| offer.cast.host = vec![party("3")]),
        ),
        (
            "other parties",
            Box::new(|offer| offer.initiator = host.clone()),
        ),
        ("other steps", Box::new(|offer| drop(offer.steps.pop()))),
        (
            "other steps",
            Box::new(|offer| offer.steps.push(offer.steps[0].clone())),
        ),
        (
            "component",
            Box::new(|offer| offer.steps[3].component = "secure_add_example".to_owned()),
        ),
        (
            "component",
            Box::new(|offer| drop(offer.steps[3].participants.pop())),
        ),
        (
            "component",
            Box::new(|offer| offer.steps[1].inputs[0].made_by = offer.steps[2].step.clone()),
        ),
        (
            "taken over",
            Box::new(|offer| offer.steps[0].inherited = Some(offer.job.clone())),
        ),
        (
            "keeps a file",
            Box::new(|offer| {
                let step = offer.steps[3].step.clone();
                offer.keeps = Some(OfferedFile {
                    step,
                    who: guest.clone(),
                    file: "files://a/b".to_owned(),
                });
            }),
        ),
        (
            "other steps",
            Box::new(|offer| offer.steps.clone_from(&other.steps)),
        ),
    ];
    for (why, twist) in twists {
        let mut twisted = honest.clone();
        twist(&mut twisted);
        let refused = bench.refusal(&ticket, &twisted).await;
        assert!(refused.contains(why), "{why}: {refused}");
    }
    bench.tickets.accept(&ticket, &honest).await.unwrap();
}

#[tokio::test]
async fn moves_of_tables_are_those_that_were_asked_for() {
    let bench = bench().await;
    let me = [party("9999")];
    let body =
        json!({"namespace": "a", "table_name": "t", "output_name": "u", "output_namespace": "b"});
    let honest = |body: &Value| {
        let job = LocalJob::asked("/v1/data/writer", body.as_object().unwrap())
            .unwrap()
            .unwrap();
        let (dsl, conf) = job.documents(&me);
        bench.offer(&dsl, &conf)
    };
    let ticket = bench.give("/v1/data/writer", &body);
    for (field, value) in [
        ("table_name", json!("salaries")),
        ("output_namespace", json!("open")),
        ("drop", json!(1)),
    ] {
        let mut other = body.clone();
        other[field] = value;
        assert!(
            bench
                .refusal(&ticket, &honest(&other))
                .await
                .contains("other parameters"),
            "{field}"
        );
    }
    bench.tickets.accept(&ticket, &honest(&body)).await.unwrap();
    let upload = json!({"namespace": "a", "table_name": "t", "file": "f", "staged": "s1", "head": 1, "partition": 4});
    let ticket = bench.give("/v1/data/upload", &upload);
    let job = LocalJob::asked("/v1/data/upload", upload.as_object().unwrap())
        .unwrap()
        .unwrap();
    let (dsl, conf) = job.documents(&me);
    bench
        .tickets
        .accept(&ticket, &bench.offer(&dsl, &conf))
        .await
        .unwrap();
}

#[tokio::test]
async fn requests_that_start_no_job_get_none() {
    let bench = bench().await;
    for path in [
        "/v1/job/query",
        "/v1/job/stop",
        "/v1/model/deploy",
        "/v1/demo/models",
        "/",
    ] {
        let request = Request {
            path,
            body: b"{}",
            asked_by: None,
        };
        assert!(bench.tickets.give(&request).unwrap().is_none(), "{path}");
    }
    let large = vec![b' '; LARGEST_TICKET + 1];
    let request = Request {
        path: "/v1/job/submit",
        body: &large,
        asked_by: None,
    };
    assert!(bench.tickets.give(&request).unwrap().is_none());
}

#[tokio::test]
async fn only_this_agents_own_tickets_count_and_only_in_time() {
    let bench = bench().await;
    let offer = bench.offer(&dsl(), &conf());
    let ticket = bench.give("/v1/job/submit", &submission());
    let by = |id: &str, kind| {
        bench
            .certificates
            .identity(id, kind)
            .sign(TICKET_CONTEXT, &ticket.bytes)
            .unwrap()
    };
    assert!(
        bench
            .refusal(&by("10000", Kind::Agent), &offer)
            .await
            .contains("not by this agent")
    );
    assert!(
        bench
            .refusal(&by("9999", Kind::Coordinator), &offer)
            .await
            .contains("not by this agent")
    );
    let elsewhere = Certificates::new()
        .identity("9999", Kind::Agent)
        .sign(TICKET_CONTEXT, &ticket.bytes)
        .unwrap();
    assert!(
        bench
            .refusal(&elsewhere, &offer)
            .await
            .contains("does not count")
    );
    let own = bench.certificates.identity("9999", Kind::Agent);
    let other_purpose = own
        .sign(wire::agent_link::OFFER_CONTEXT, &ticket.bytes)
        .unwrap();
    assert!(
        bench
            .refusal(&other_purpose, &offer)
            .await
            .contains("does not count")
    );
    let mut changed = ticket.clone();
    let place = changed.bytes.len() / 2;
    changed.bytes[place] ^= 1;
    assert!(
        bench
            .refusal(&changed, &offer)
            .await
            .contains("does not count")
    );
    let mut read: Ticket = wire::frame::decode(&ticket.bytes).unwrap();
    read.party = party("10000");
    let for_another = own
        .sign(TICKET_CONTEXT, &wire::frame::encode(&read).unwrap())
        .unwrap();
    assert!(
        bench
            .refusal(&for_another, &offer)
            .await
            .contains("for party 10000")
    );
    bench
        .clock
        .advance_millis((DAYS + 2) * Timestamp::DAY_MILLIS);
    assert!(
        bench
            .refusal(&ticket, &offer)
            .await
            .contains("ended 2 days ago")
    );
}

#[tokio::test]
async fn a_schedules_ticket_has_an_end_and_a_count() {
    let bench = bench().await;
    let mut body = submission();
    (body["cron"], body["times"]) = (json!("0 3 * * *"), json!(2));
    body["until"] = json!(
        bench
            .agent_state
            .now()
            .plus_millis(10 * Timestamp::DAY_MILLIS)
            .millis()
    );
    let ticket = bench.give(SCHEDULE, &body);
    for _ in 0..2 {
        bench
            .tickets
            .accept(&ticket, &bench.offer(&dsl(), &conf()))
            .await
            .unwrap();
    }
    assert!(
        bench
            .refusal(&ticket, &bench.offer(&dsl(), &conf()))
            .await
            .contains("used for 2 jobs")
    );
    let ticket = bench.give(SCHEDULE, &body);
    bench.clock.advance_millis(10 * Timestamp::DAY_MILLIS);
    assert!(
        bench
            .refusal(&ticket, &bench.offer(&dsl(), &conf()))
            .await
            .contains("ended")
    );
    for (field, value) in [
        ("until", json!("tomorrow")),
        ("until", json!(0)),
        ("times", json!(0)),
        ("times", json!("x")),
    ] {
        let mut wrong = submission();
        wrong[field] = value;
        let text = wrong.to_string();
        let given = bench.tickets.give(&Request {
            path: SCHEDULE,
            body: text.as_bytes(),
            asked_by: None,
        });
        assert_eq!(given.unwrap_err().path.as_deref(), Some(field));
    }
}

#[tokio::test]
async fn a_known_job_runs_again_as_it_was_agreed() {
    let bench = bench().await;
    let agreed = bench.offer(&dsl(), &conf());
    let body = json!({"job_id": agreed.job});
    let ticket = bench.give("/v1/job/rerun", &body);
    assert!(
        bench
            .refusal(&ticket, &agreed)
            .await
            .contains("nothing was agreed")
    );
    bench.accept(&agreed).await;
    let again = Offer {
        expires: Some(agreed.expires.unwrap().plus_millis(1)),
        attempts: Some(9),
        ..agreed.clone()
    };
    bench.tickets.accept(&ticket, &again).await.unwrap();
    let mut changed = again.clone();
    changed.steps[3].parameters[0].1 = "{\"max_iter\":9}".to_owned();
    assert!(
        bench
            .refusal(&ticket, &changed)
            .await
            .contains("other parameters")
    );
    let other = Offer {
        job: bench.job(),
        ..again.clone()
    };
    assert!(bench.refusal(&ticket, &other).await.contains("another job"));
    // A change that was asked for at this endpoint.
    let update = json!({"job_id": agreed.job, "component_parameters": {"common": {"hetero_lr_0": {"max_iter": 9}}}});
    let ticket = bench.give("/v1/job/parameter/update", &update);
    for (_, text) in &mut changed.steps[3].parameters {
        *text = "{\"max_iter\":9}".to_owned();
    }
    bench.tickets.accept(&ticket, &changed).await.unwrap();
    let secret = TableRef::new("secret", "salaries");
    changed.steps[0].tables[0].1 = secret;
    assert!(
        bench
            .refusal(&ticket, &changed)
            .await
            .contains("reads table")
    );
}

/// What a coordinator makes of a model of the training that is applied to other tables.
fn applied(bench: &Bench, training: &Offer, tables: [&str; 2]) -> Offer {
    let mut offer = Offer {
        job: bench.job(),
        ..training.clone()
    };
    offer.cast.arbiter.clear();
    offer.steps.iter_mut().for_each(|step| {
        step.participants.retain(|who| who.role != Role::Arbiter);
        step.parameters.retain(|(who, _)| who.role != Role::Arbiter);
        step.stage = vocabulary::Stage::Apply;
        step.inputs.retain(|input| input.who.role != Role::Arbiter);
        for input in step
            .inputs
            .iter_mut()
            .filter(|input| input.port == "train_data")
        {
            input.port = "test_data".to_owned();
        }
    });
    for ((_, table), name) in offer.steps[0].tables.iter_mut().zip(tables) {
        table.name = name.to_owned();
    }
    for ((_, text), name) in offer.steps[0].parameters.iter_mut().zip(tables) {
        *text = json!({"table": {"name": name, "namespace": "experiment"}}).to_string();
    }
    let model = |role, id: &str| vocabulary::ModelInput {
        port: "model".to_owned(),
        model: vocabulary::ModelRef {
            version: training.job.to_string(),
            step: training.steps[3].step.clone(),
            owner: Participant::new(role, party(id)),
        },
        checkpoint: None,
    };
    offer.steps[3].models = vec![model(Role::Guest, "9999"), model(Role::Host, "10000")];
    offer
}

/// A training, the ticket of a job that applies its model, and the offer that the ticket covers.
async fn application(bench: &Bench) -> (Offer, SignedBytes, Offer) {
    let training = bench.offer(&dsl(), &conf());
    let own = |table: &str| json!({"0": {"reader_0": {"table": {"name": table, "namespace": "experiment"}}}});
    let conf = json!({
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": [9999], "host": [10000]},
        "job_parameters": {"common": {
            "job_type": "predict", "model_id": "arbiter-10001#guest-9999#host-10000#model", "model_version": "1",
        }},
        "component_parameters": {"role": {"guest": own("new_guest"), "host": own("new_host")}},
    });
    let ticket = bench.give(
        "/v1/job/submit",
        &json!({"job_dsl": {}, "job_runtime_conf": conf}),
    );
    let honest = applied(bench, &training, ["new_guest", "new_host"]);
    (training, ticket, honest)
}

#[tokio::test]
async fn a_model_is_applied_as_it_was_trained() {
    let bench = bench().await;
    let (training, ticket, honest) = application(&bench).await;
    let refused = bench.refusal(&ticket, &honest).await;
    assert!(refused.contains("nothing is known here of the training"));
    bench.accept(&training).await;
    type Twist<'a> = (&'a str, Box<dyn Fn(&mut Offer) + 'a>);
    let twists: Vec<Twist<'_>> = vec![
        (
            "would train",
            Box::new(|offer| offer.steps[3].stage = vocabulary::Stage::Fit),
        ),
        (
            "would train",
            Box::new(|offer| offer.steps[1].stage = vocabulary::Stage::Fit),
        ),
        (
            "reads what",
            Box::new(|offer| offer.steps[3].inputs[0].port = "train_data".to_owned()),
        ),
        (
            "reads what",
            Box::new(|offer| offer.steps[1].inputs[0].made_by = offer.steps[2].step.clone()),
        ),
        (
            "reads what",
            Box::new(|offer| offer.steps[3].inputs[0].index = 1),
        ),
        (
            "reads what",
            Box::new(|offer| offer.steps[3].inputs[0].of_job = Some(training.job.clone())),
        ),
        (
            "applies the model",
            Box::new(|offer| offer.steps[3].models[0].model.step = offer.steps[1].step.clone()),
        ),
        (
            "applies the model",
            Box::new(|offer| offer.steps[3].models[0].port = "isometric_model".to_owned()),
        ),
    ];
    for (why, twist) in twists {
        let mut twisted = honest.clone();
        twist(&mut twisted);
        let refused = bench.refusal(&ticket, &twisted).await;
        assert!(refused.contains(why), "{why}: {refused}");
    }
    bench.tickets.accept(&ticket, &honest).await.unwrap();
}

#[tokio::test]
async fn a_model_is_applied_to_the_tables_that_were_asked_for() {
    let bench = bench().await;
    let (training, ticket, honest) = application(&bench).await;
    bench.accept(&training).await;
    // What lies between is not applied: the step reads what that would have read.
    let mut over = honest.clone();
    let transform = over.steps[1].step.clone();
    over.steps[3]
        .inputs
        .iter_mut()
        .for_each(|input| input.made_by = transform.clone());
    coverage::check(
        &bench.agent_state,
        &bench.tickets.read(&ticket).unwrap(),
        &over,
    )
    .await
    .unwrap();
    let wrong = applied(&bench, &training, ["secret", "new_host"]);
    assert!(bench.refusal(&ticket, &wrong).await.contains("reads table"));
    let mut wrong = honest.clone();
    wrong.cast.host = vec![party("3")];
    assert!(
        bench
            .refusal(&ticket, &wrong)
            .await
            .contains("other parties")
    );
    let mut wrong = honest.clone();
    wrong.steps[3].component = "writer".to_owned();
    assert!(
        bench
            .refusal(&ticket, &wrong)
            .await
            .contains("no step hetero_lr_0")
    );
    let mut wrong = honest.clone();
    wrong.steps[3].models[0].model.version = bench.job().to_string();
    assert!(
        bench
            .refusal(&ticket, &wrong)
            .await
            .contains("several trainings")
    );
    let mut wrong = honest.clone();
    wrong.steps[2].parameters[0].1 = "{\"sync_intersect_ids\":true}".to_owned();
    assert!(
        bench
            .refusal(&ticket, &wrong)
            .await
            .contains("other parameters")
    );
    bench.tickets.accept(&ticket, &honest).await.unwrap();
}

#[tokio::test]
async fn a_ticket_stands_behind_the_offers_that_it_covered_and_until_its_end() {
    let bench = bench().await;
    let standing = async |offer: &Offer| {
        bench
            .agent_state
            .ticket_of(offer)
            .await
            .unwrap()
            .map(|used| used.ticket)
    };
    let ticket = bench.give("/v1/job/submit", &submission());
    let offer = bench.offer(&dsl(), &conf());
    let id = bench.tickets.accept(&ticket, &offer).await.unwrap().id;
    assert_eq!(standing(&offer).await.as_ref(), Some(&id));
    // Another offer of the same job needs a ticket that covers it: the same one, where it does.
    let mut amended = offer.clone();
    amended.steps[0].tables[0].1 = TableRef::new("secret", "salaries");
    let renewed = Offer {
        expires: Some(offer.expires.unwrap().plus_millis(1)),
        ..offer.clone()
    };
    assert_eq!(
        (standing(&amended).await, standing(&renewed).await),
        (None, None)
    );
    assert!(
        bench
            .refusal(&ticket, &amended)
            .await
            .contains("other tables")
    );
    bench.tickets.accept(&ticket, &renewed).await.unwrap();
    assert_eq!(
        (standing(&renewed).await, standing(&offer).await),
        (Some(id.clone()), Some(id))
    );
    // Nothing of another party's offers is looked up.
    let foreign = Offer {
        initiator: Participant::new(Role::Host, party("10000")),
        ..offer.clone()
    };
    assert_eq!(standing(&foreign).await, None);
    bench.clock.advance_millis(DAYS * Timestamp::DAY_MILLIS + 1);
    assert_eq!(standing(&renewed).await, None);
    assert!(
        bench
            .agent_state
            .past_ticket_of(&renewed)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn what_a_schedule_starts_at_its_end_has_time_to_run() {
    let bench = bench().await;
    let mut body = submission();
    (body["cron"], body["until"]) = (
        json!("0 3 * * *"),
        json!(bench.agent_state.now().plus_millis(60_000).millis()),
    );
    let ticket = bench.give(SCHEDULE, &body);
    let offer = bench.offer(&dsl(), &conf());
    bench.tickets.accept(&ticket, &offer).await.unwrap();
    bench.clock.advance_millis(61_000);
    assert!(bench.refusal(&ticket, &offer).await.contains("ended"));
    assert!(bench.agent_state.ticket_of(&offer).await.unwrap().is_some());
    bench.clock.advance_millis(DAYS * Timestamp::DAY_MILLIS);
    assert!(bench.agent_state.ticket_of(&offer).await.unwrap().is_none());
}

#[tokio::test]
async fn steps_are_taken_over_from_the_job_that_the_documents_name() {
    let bench = bench().await;
    let (first, second) = (bench.job(), bench.job());
    let mut named = conf();
    named["job_parameters"]["common"]["inheritance_info"] =
        json!({"job_id": second, "component_list": ["reader_0"]});
    let ticket = bench.give(
        "/v1/job/submit",
        &json!({"job_dsl": dsl(), "job_runtime_conf": named}),
    );
    let taking = |from: &JobId| {
        let mut offer = bench.offer(&dsl(), &named);
        offer.steps[0].inherited = Some(from.clone());
        offer.steps[1]
            .inputs
            .iter_mut()
            .for_each(|input| input.of_job = Some(from.clone()));
        offer
    };
    assert!(
        bench
            .refusal(&ticket, &taking(&first))
            .await
            .contains("from another job")
    );
    // The job that is named has taken the step over itself.
    bench
        .accept(&Offer {
            job: second.clone(),
            ..taking(&first)
        })
        .await;
    let third = bench.job();
    assert!(
        bench
            .refusal(&ticket, &taking(&third))
            .await
            .contains("from another job")
    );
    bench
        .tickets
        .accept(&ticket, &taking(&first))
        .await
        .unwrap();
    let again = bench.give(
        "/v1/job/submit",
        &json!({"job_dsl": dsl(), "job_runtime_conf": named}),
    );
    bench
        .tickets
        .accept(&again, &taking(&second))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_earlier_output_is_the_one_that_the_documents_name() {
    let bench = bench().await;
    let mut named = conf();
    named["component_parameters"]["role"]["guest"]["0"]["reader_0"] = json!({"table": {"job_id": "20250101000000000000", "component_name": "reader_9", "data_name": "data"}});
    let ticket = bench.give(
        "/v1/job/submit",
        &json!({"job_dsl": dsl(), "job_runtime_conf": named}),
    );
    // As the coordinator does: the table's own names beside those of the output.
    let filled = |namespace: &str| {
        let mut filled = named.clone();
        let table = &mut filled["component_parameters"]["role"]["guest"]["0"]["reader_0"]["table"];
        (table["namespace"], table["name"]) = (json!(namespace), json!("0123"));
        bench.offer(&dsl(), &filled)
    };
    let other = filled("output_data_20250101000000000000_reader_8_0");
    assert!(
        bench
            .refusal(&ticket, &other)
            .await
            .contains("another table")
    );
    assert!(
        bench
            .refusal(&ticket, &filled("experiment"))
            .await
            .contains("another table")
    );
    bench
        .tickets
        .accept(
            &ticket,
            &filled("output_data_20250101000000000000_reader_9_0"),
        )
        .await
        .unwrap();
}
