//! Loading and binding deployed models, and checkpoints: what is asked of which agent, and FATE's texts.

use serde_json::{Value, json};

use super::fixture::World;

const NOT_DEPLOYED: &str = "Only deployed models could be used to execute process of loading. Please deploy model before loading.";

fn documents(version: &str) -> Value {
    json!({
        "initiator": {"role": "guest", "party_id": "9999"},
        "role": {"guest": ["9999"], "host": [10000], "arbiter": [10000]},
        "job_parameters": {"model_id": "arbiter-10000#guest-9999#host-10000#model", "model_version": version},
    })
}

fn without(mut body: Value, key: &str) -> Value {
    body.as_object_mut().expect("object").remove(key);
    body
}

#[tokio::test]
async fn a_model_that_is_not_deployed_is_loaded_nowhere() {
    let world = World::open().await;
    let (status, reply) = world.post("model/load", documents("never")).await;
    assert_eq!(
        (status, &reply["retcode"], &reply["retmsg"]),
        (200, &json!(101), &json!("failed")),
        "{reply}"
    );
    let party = json!({"retcode": 100, "retmsg": NOT_DEPLOYED});
    let expected = json!({
        "guest": {"9999": 100}, "host": {"10000": 100},
        "detail": {"guest": {"9999": party}, "host": {"10000": party}},
    });
    assert_eq!(reply["data"], expected);
    assert!(reply["jobId"].as_str().is_some_and(|id| id.len() >= 21));
    assert!(world.agents.seen.lock().expect("lock").is_empty());
}

#[tokio::test]
async fn says_what_a_request_to_load_or_bind_lacks() {
    let world = World::open().await;
    let said = async |path: &str, body: Value| {
        let (status, reply) = world.post(path, body).await;
        (
            status,
            reply["retcode"].as_i64().expect("a code"),
            reply["retmsg"].as_str().expect("a text").to_owned(),
        )
    };
    for key in ["initiator", "role", "job_parameters"] {
        let lacking = without(documents("1"), key);
        assert_eq!(
            said("model/load", lacking.clone()).await,
            (200, 100, format!("KeyError('{key}')"))
        );
        let mut bind = lacking;
        bind["service_id"] = json!("s");
        let text = format!("KeyError('required parameters are missing: {key}; ')");
        assert_eq!(said("model/bind", bind).await, (200, 100, text));
    }
    assert_eq!(said("model/load", json!(null)).await.1, 100);
    let unknown = "Model with version 7 can not be found in database. Please check if the model version is valid.";
    assert_eq!(
        said("model/load", json!({"job_id": 7})).await,
        (200, 101, unknown.to_owned())
    );
    assert_eq!(
        said("model/bind", json!({"job_id": "7", "service_id": "s"})).await,
        (200, 101, unknown.to_owned())
    );
    for none in [json!({}), documents("1"), json!({"service_id": ""})] {
        assert_eq!(
            said("model/bind", none).await,
            (200, 101, "no service id".to_owned())
        );
    }
    let mut bind = documents("never");
    bind["service_id"] = json!(5);
    for path in ["model/bind", "fedflow/serving/plan"] {
        assert_eq!(
            said(path, bind.clone()).await,
            (200, 100, NOT_DEPLOYED.to_owned())
        );
    }
    for odd in [
        json!({"guest": {"a": 1}}),
        json!([1]),
        json!("x"),
        json!({"guest": [null, [], "../x", -1]}),
    ] {
        let mut body = documents("never");
        body["role"] = odd;
        assert_eq!(said("model/load", body).await.0, 200);
    }
}

#[tokio::test]
async fn asks_the_owner_for_checkpoints() {
    let world = World::with_rows(false).await;
    let of = json!({
        "role": "host", "party_id": 10000, "model_id": "m", "model_version": 5, "component_name": "hetero_lr_0",
        "stored_version": "forged",
    });
    for path in ["checkpoint/list", "checkpoint/get"] {
        world.post(path, of.clone()).await;
        let lacking = world.post(path, without(of.clone(), "party_id")).await;
        assert_eq!((lacking.0, &lacking.1["retcode"]), (400, &json!(400)));
        assert_eq!(
            lacking.1["retmsg"],
            "'required parameters are missing: party_id; '"
        );
        assert_eq!(world.post(path, json!([])).await.0, 400);
        let mut nobody = of.clone();
        nobody["party_id"] = json!("../x");
        assert_eq!(world.post(path, nobody).await.1["retcode"], 101);
    }
    let seen = world.agents.seen.lock().expect("lock").clone();
    let asked: Vec<_> = seen
        .iter()
        .map(|seen| (seen.party.as_str(), seen.target.as_str()))
        .collect();
    assert_eq!(
        asked,
        [
            ("10000", "/v1/checkpoint/list"),
            ("10000", "/v1/checkpoint/get")
        ],
        "its own policy answers"
    );
    assert!(
        seen.iter()
            .all(|seen| !String::from_utf8_lossy(&seen.body).contains("forged"))
    );
}
