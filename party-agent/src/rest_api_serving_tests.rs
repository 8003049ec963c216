//! Checkpoints, loading, binding and asking at the REST endpoint.

use serde_json::json;
use std::collections::BTreeMap;
use vocabulary::{Attempt, ModelInput, ModelRef, StepName, TableRef};

use super::super::tests::{Bench, bench};
use super::*;
use crate::trial::{OPEN, job, table};
use records::{CheckpointRecord, ModelRecord};

fn me() -> Participant {
    Participant::new(Role::Guest, crate::trial::party("1"))
}

fn model() -> ModelRef {
    ModelRef {
        version: job().to_string(),
        step: StepName::new("lr_0").unwrap(),
        owner: me(),
    }
}

fn content(byte: u8) -> ModelRecord {
    ModelRecord {
        component: "hetero_lr".into(),
        component_version: 1,
        content: vec![byte],
    }
}

async fn keep_states(bench: &Bench) {
    for index in [0, 2] {
        let record = CheckpointRecord {
            step_index: index,
            step_name: format!("epoch_{index}"),
            model: content(index as u8),
            saved: vocabulary::Timestamp(1_795_000_000_000_000),
        };
        bench
            .handler
            .agent_state
            .records
            .save_checkpoint(&model(), Attempt(0), &record)
            .await
            .unwrap();
    }
}

fn asked() -> Value {
    json!({"role": "guest", "party_id": "1", "model_id": "m", "model_version": job(), "component_name": "lr_0"})
}

fn with(mut body: Value, key: &str, value: Value) -> Value {
    body[key] = value;
    body
}

#[tokio::test]
async fn lists_and_gives_checkpoints() {
    let bench = bench("").await;
    keep_states(&bench).await;
    let (_, reply) = bench.ask(Side::Own, "/v1/checkpoint/list", asked()).await;
    let first = &reply["data"][0];
    assert_eq!(
        (&first["step_index"], &first["step_name"]),
        (&json!(0), &json!("epoch_0")),
        "{reply}"
    );
    assert_eq!(first["create_time"], "2026-11-18T11:06:40.000000");
    assert_eq!(
        first["models"]["hetero_lr"]["sha1"],
        "5ba93c9db0cff93f52b521d7420e43f6eda2784f"
    );
    for which in [json!({"step_index": "2"}), json!({"step_name": "epoch_2"})] {
        let (key, value) = which.as_object().unwrap().iter().next().unwrap();
        let (_, reply) = bench
            .ask(
                Side::Own,
                "/v1/checkpoint/get",
                with(asked(), key, value.clone()),
            )
            .await;
        assert_eq!(reply["data"]["models"]["hetero_lr"], "Ag==", "{reply}");
    }
    let none = with(asked(), "component_name", json!("other_0"));
    assert_eq!(
        bench.ask(Side::Own, "/v1/checkpoint/list", none).await.1["data"],
        json!([])
    );
}

#[tokio::test]
async fn says_what_is_wrong_with_a_request_for_checkpoints() {
    let bench = bench("").await;
    keep_states(&bench).await;
    let text = async |path: &str, body: Value| {
        let (status, reply) = bench.ask(Side::Own, path, body).await;
        (status, reply["retmsg"].as_str().unwrap().to_owned())
    };
    let short = json!({"role": "guest", "party_id": "1", "model_id": "m"});
    let missing = "'required parameters are missing: model_version,component_name; '";
    for path in ["/v1/checkpoint/list", "/v1/checkpoint/get"] {
        assert_eq!(text(path, short.clone()).await, (400, missing.to_owned()));
    }
    let get = "/v1/checkpoint/get";
    let needed = (400, "'step_index' or 'step_name' is required".to_owned());
    assert_eq!(text(get, asked()).await, needed);
    assert_eq!(
        text(
            get,
            with(
                with(asked(), "step_index", json!(0)),
                "step_name",
                json!("x")
            )
        )
        .await,
        needed
    );
    for bad in [json!("x"), json!(-1), json!([])] {
        assert_eq!(
            text(get, with(asked(), "step_index", bad)).await,
            (400, "Invalid 'step_index'".to_owned())
        );
    }
    let gone = (404, "The checkpoint was not found.".to_owned());
    assert_eq!(text(get, with(asked(), "step_index", json!(1))).await, gone);
    assert_eq!(
        text(get, with(asked(), "step_name", json!("../../etc"))).await,
        gone
    );
    let (_, refused) = bench
        .ask(Side::Outside, "/v1/checkpoint/list", asked())
        .await;
    assert_eq!(
        refused["retcode"], 108,
        "models stay here unless the policy says otherwise"
    );
    let open = self::bench(OPEN).await;
    keep_states(&open).await;
    let deployed = with(
        with(asked(), "model_version", json!("9")),
        "stored_version",
        json!(job()),
    );
    let (_, reply) = open
        .ask(Side::Outside, "/v1/checkpoint/list", deployed)
        .await;
    assert_eq!(reply["data"].as_array().map(Vec::len), Some(2), "{reply}");
}

fn plan() -> ServingPlan {
    let reader = || StepName::new("reader_0").unwrap();
    let part = |owner: Participant, models| ServingPart {
        tables: BTreeMap::from([(reader(), TableRef::new("experiment", "guest"))]),
        models,
        owner,
    };
    let used = ModelInput {
        port: "model".into(),
        model: model(),
        checkpoint: None,
    };
    let host = Participant::new(Role::Host, crate::trial::party("2"));
    ServingPlan {
        model_id: "m".into(),
        model_version: "9".into(),
        initiator: me(),
        readers: vec![reader()],
        parts: vec![part(me(), vec![used]), part(host, vec![])],
    }
}

const LOAD: &str = "/v1/fedflow/serving/load";

async fn ready(policy: &str) -> Bench {
    let bench = bench(policy).await;
    let agent_state = &bench.handler.agent_state;
    agent_state
        .records
        .save_model(&model(), &content(1), agent_state.now())
        .await
        .unwrap();
    agent_state
        .table_store
        .write(&TableRef::new("experiment", "guest"), &table(3), 1)
        .unwrap();
    bench
}

#[tokio::test]
async fn loads_what_it_holds_and_remembers_it() {
    let bench = ready(OPEN).await;
    let body = json!({"role": "guest", "plan": plan()});
    assert_eq!(bench.ask(Side::Outside, LOAD, body).await.1["retcode"], 0);
    let (_, reply) = bench.get(Side::Own, "/v1/fedflow/inference").await;
    assert_eq!(reply["data"]["loaded"][0]["model_version"], "9");
    let rows: Vec<_> = bench
        .told()
        .await
        .into_iter()
        .filter(|(what, _)| what.contains("loading of model m 9"))
        .collect();
    assert_eq!(rows.len(), 1, "{rows:?}");
    let mut without = plan();
    without.parts[0].models[0].model.version = "8".into();
    let (_, reply) = bench
        .ask(Side::Outside, LOAD, json!({"plan": without}))
        .await;
    assert!(
        reply["retmsg"]
            .as_str()
            .unwrap()
            .contains("in version 8 is not here"),
        "{reply}"
    );
    let mut elsewhere = plan();
    elsewhere.parts[0].tables.insert(
        StepName::new("reader_0").unwrap(),
        TableRef::new("experiment", "never"),
    );
    assert_eq!(
        bench
            .ask(Side::Outside, LOAD, json!({"plan": elsewhere}))
            .await
            .1["retcode"],
        101
    );
    assert_eq!(
        bench.ask(Side::Outside, LOAD, json!({"plan": 3})).await.1["retcode"],
        101
    );
}

#[tokio::test]
async fn without_serving_it_answers_as_fate_without_servings() {
    let bench = ready("").await;
    for (side, path) in [
        (Side::Outside, LOAD),
        (Side::Outside, "/v1/fedflow/serving/bind"),
    ] {
        let body = json!({"role": "guest", "service_id": "s", "plan": plan()});
        let (_, reply) = bench.ask(side, path, body).await;
        assert_eq!(
            (reply["retcode"].as_i64(), reply["retmsg"].as_str()),
            (Some(100), Some(NO_SERVING))
        );
    }
    bench.answers(
        200,
        &json!({"retcode": 0, "data": {"service_id": "s", "plan": plan()}}),
    );
    assert_eq!(
        bench.ask(Side::Own, BIND, json!({})).await.1["retmsg"],
        NO_SERVING
    );
}

/// The coordinator answers the next binding with a plan.
fn coordinator_plans(bench: &Bench, plan: &ServingPlan) {
    bench.answers(
        200,
        &json!({"retcode": 0, "data": {"service_id": "s", "plan": plan}}),
    );
}

/// A plan that names no table for the reader at the host.
fn plan_without_tables() -> ServingPlan {
    let mut plan = plan();
    plan.parts[1].tables.clear();
    plan
}

#[tokio::test]
async fn binds_for_its_own_user_what_the_coordinator_plans() {
    let bench = ready(OPEN).await;
    let bind = async |body: Value| bench.ask(Side::Own, BIND, body).await.1;
    bench.answers(200, &json!({"retcode": 101, "retmsg": "no service id"}));
    assert_eq!(
        bind(json!({})).await,
        json!({"retcode": 101, "retmsg": "no service id"})
    );
    coordinator_plans(&bench, &plan());
    assert_eq!(
        bind(json!({"service_id": "s"})).await,
        json!({"retcode": 0, "retmsg": "service id is s"})
    );
    let again = ServingPlan {
        model_version: "10".into(),
        ..plan()
    };
    coordinator_plans(&bench, &again);
    assert_eq!(bind(json!({"service_id": "s"})).await["retcode"], 0);
    let (_, reply) = bench.get(Side::Own, "/v1/fedflow/inference/s/").await;
    assert_eq!(
        (&reply["data"]["model_version"], &reply["data"]["count"]),
        (&json!("10"), &json!(0)),
        "{reply}"
    );
    let mut other = plan();
    other.initiator.party = crate::trial::party("2");
    bench.answers(200, &json!({"retcode": 0, "retmsg": "service id is s"}));
    coordinator_plans(&bench, &other);
    assert_eq!(bind(json!({"service_id": "s"})).await["retcode"], 0);
    assert_eq!(
        bench.asked().pop().unwrap().0.target,
        BIND,
        "the other party's agent binds it"
    );
    let nowhere = plan_without_tables();
    coordinator_plans(&bench, &nowhere);
    let refused = bind(json!({"service_id": "s"})).await;
    assert!(
        refused["retmsg"]
            .as_str()
            .unwrap()
            .contains("no table is known for reader_0 at host 2"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_its_own_user_named_at_loading_counts_where_the_binding_names_nothing() {
    let bench = ready(OPEN).await;
    let bind = async |body: Value| bench.ask(Side::Own, BIND, body).await.1;
    let nowhere = plan_without_tables();
    // From outside it does not.
    bench
        .ask(
            Side::Outside,
            LOAD,
            json!({"role": "guest", "plan": plan()}),
        )
        .await;
    coordinator_plans(&bench, &nowhere);
    assert_eq!(bind(json!({"service_id": "s"})).await["retcode"], 101);
    bench
        .ask(Side::Own, LOAD, json!({"role": "guest", "plan": plan()}))
        .await;
    // And no later load from outside takes its place.
    let mut elsewhere = plan();
    elsewhere.parts[1].tables.insert(
        StepName::new("reader_0").unwrap(),
        TableRef::new("experiment", "other"),
    );
    assert_eq!(
        bench
            .ask(
                Side::Outside,
                LOAD,
                json!({"role": "guest", "plan": elsewhere})
            )
            .await
            .1["retcode"],
        0
    );
    let loaded = bench
        .handler
        .agent_state
        .records
        .loaded_for_serving()
        .await
        .unwrap();
    assert_eq!(
        loaded.iter().map(|load| &load.plan).collect::<Vec<_>>(),
        [&plan()]
    );
    coordinator_plans(&bench, &nowhere);
    assert_eq!(bind(json!({"service_id": "s"})).await["retcode"], 0);
}

#[tokio::test]
async fn outsiders_bind_only_where_the_policy_lets_them_at_models() {
    let bench = ready(OPEN).await;
    let body = json!({"service_id": "s", "plan": plan()});
    assert_eq!(
        bench
            .ask(Side::Outside, "/v1/fedflow/serving/bind", body.clone())
            .await
            .1["retcode"],
        0
    );
    let closed = OPEN.replace(
        "models_through_coordinator = true",
        "models_through_coordinator = false",
    );
    let rules = toml::from_str(&closed).unwrap();
    bench.handler.agent_state.set_policy(policy::Policy::new(
        bench.handler.agent_state.me.clone(),
        rules,
    ));
    assert_eq!(
        bench
            .ask(Side::Outside, "/v1/fedflow/serving/bind", body.clone())
            .await
            .1["retcode"],
        108
    );
    // Nor does a load say what is here.
    for plan in [plan(), nearly()] {
        let (_, refused) = bench
            .ask(Side::Outside, LOAD, json!({"role": "guest", "plan": plan}))
            .await;
        assert_eq!(refused["retcode"], 108, "{refused}");
    }
    let refused = (
        "loading of model m 9".to_owned(),
        Some("disclosure.models_through_coordinator".to_owned()),
    );
    assert_eq!(
        bench
            .told()
            .await
            .into_iter()
            .filter(|told| *told == refused)
            .count(),
        2
    );
    assert_eq!(
        bench
            .ask(Side::Own, LOAD, json!({"role": "guest", "plan": plan()}))
            .await
            .1["retcode"],
        0
    );
    assert_eq!(
        bench.ask(Side::Outside, BIND, json!({})).await.1["retmsg"],
        "<NotFound '404: Not Found'>"
    );
}

#[tokio::test]
async fn answers_its_own_users_about_services_and_nobody_else() {
    let bench = ready(OPEN).await;
    bench
        .ask(
            Side::Outside,
            "/v1/fedflow/serving/bind",
            json!({"service_id": "a b", "plan": plan()}),
        )
        .await;
    let path = "/v1/fedflow/inference/a%20b";
    let ids = json!({"ids": ["0"]});
    assert_eq!(
        bench.ask(Side::Outside, path, ids.clone()).await.1["retcode"],
        108
    );
    assert_eq!(
        bench.get(Side::Outside, "/v1/fedflow/inference").await.1["retcode"],
        108
    );
    let (_, unknown) = bench
        .ask(Side::Own, "/v1/fedflow/inference/other", ids.clone())
        .await;
    assert_eq!(
        (&unknown["retcode"], &unknown["retmsg"]),
        (&json!(101), &json!("service id \"other\" is not bound"))
    );
    for bad in [
        json!({}),
        json!({"ids": "1"}),
        json!({"ids": []}),
        json!({"ids": [[1]]}),
        json!({"ids": [null]}),
    ] {
        assert_eq!(bench.ask(Side::Own, path, bad).await.1["retcode"], 101);
    }
    let many: Vec<u32> = (0..1_001).collect();
    assert_eq!(
        bench.ask(Side::Own, path, json!({"ids": many})).await.1["retcode"],
        101
    );
    // the host is away
    bench.answers(
        200,
        &json!({"retcode": 0, "data": {"agents_online": ["1"]}}),
    );
    let (_, away) = bench.ask(Side::Own, path, ids.clone()).await;
    assert_eq!(away["retcode"], 105, "{away}");
    assert!(
        away["retmsg"]
            .as_str()
            .unwrap()
            .contains("host 2 is not connected"),
        "{away}"
    );
    // nobody has the row
    bench.answers(
        200,
        &json!({"retcode": 0, "data": {"agents_online": ["1", "2"]}}),
    );
    let (_, none) = bench
        .ask(Side::Own, path, json!({"ids": ["never", 77, "never"]}))
        .await;
    assert_eq!(
        (&none["data"]["scores"], &none["data"]["not_found"]),
        (&json!([]), &json!(["never", "77"])),
        "{none}"
    );
    let (_, figures) = bench.get(Side::Own, path).await;
    assert_eq!(
        (&figures["data"]["count"], &figures["data"]["errors"]),
        (&json!(1), &json!(1))
    );
}

/// A plan with a table of nearly the name of one that is here.
fn nearly() -> ServingPlan {
    let mut plan = plan();
    plan.parts[0].tables.insert(
        StepName::new("reader_0").unwrap(),
        TableRef::new("experiment", "guost"),
    );
    plan
}

#[tokio::test]
async fn proposes_no_other_table_to_outsiders() {
    let bench = ready(OPEN).await;
    for path in [LOAD, "/v1/fedflow/serving/bind"] {
        let body = json!({"role": "guest", "service_id": "s", "plan": nearly()});
        let (_, outside) = bench.ask(Side::Outside, path, body.clone()).await;
        let (_, own) = bench.ask(Side::Own, path, body).await;
        assert!(
            own.to_string().contains("did you mean experiment.guest"),
            "{own}"
        );
        assert!(
            outside["retcode"] == 101 && !outside.to_string().contains("experiment.guest"),
            "{outside}"
        );
    }
}
