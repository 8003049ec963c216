//! Grants and pinned keys at the REST endpoint.

use super::*;

const SWITCHED_ON: &str = "[permissions]\ncomponent = true\ndataset = true\n";

fn granted(more: Value) -> Value {
    let mut body = json!({"party_id": "2"});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn grants_nothing_while_the_switch_is_off() {
    let bench = bench("").await;
    for (what, text) in [
        (
            json!({"component": "scripted"}),
            "ValueError('component permission switch is False')",
        ),
        (
            json!({"dataset": "*"}),
            "ValueError('dataset permission switch is False')",
        ),
    ] {
        let reply = bench
            .ask(Side::Own, "/v1/permission/grant", granted(what))
            .await
            .1;
        assert_eq!(reply, json!({"retcode": 100, "retmsg": text}));
    }
    for side in [Side::Own, Side::Outside] {
        let none = bench
            .ask(side, "/v1/permission/query", granted(json!({})))
            .await
            .1;
        assert_eq!(none["retcode"], 100);
        let text = none["retmsg"].as_str().unwrap();
        assert!(
            text.starts_with("Exception('No permission controller is found, "),
            "{text}"
        );
    }
    let missing = bench
        .ask(Side::Own, "/v1/permission/grant", json!({"component": "*"}))
        .await
        .1;
    assert_eq!(
        missing["retmsg"],
        "required argument are missing: party_id; "
    );
    assert!(bench.told().await.is_empty());
}

#[tokio::test]
async fn keeps_and_takes_back_what_the_owner_grants() {
    let bench = bench(SWITCHED_ON).await;
    let table = json!({"namespace": "n", "name": "t"});
    let ask = |path: &'static str, more: Value| bench.ask(Side::Own, path, granted(more));
    let given = json!({"component": "Scripted", "dataset": [table]});
    assert_eq!(
        ask("/v1/permission/grant", given).await.1,
        json!({"retcode": 0, "retmsg": "success"})
    );
    let held = ask("/v1/permission/query", json!({})).await.1["data"].clone();
    assert_eq!(
        held,
        json!({"component": ["scripted"], "dataset": [{"name": "t", "namespace": "n"}]})
    );
    assert_eq!(
        ask("/v1/permission/grant", json!({"component": "no_such"}))
            .await
            .1["retcode"],
        100
    );
    assert_eq!(
        ask("/v1/permission/grant", json!({"dataset": 5})).await.1["retcode"],
        100
    );
    assert_eq!(
        ask("/v1/permission/grant", json!({"dataset": "*"})).await.1["retcode"],
        0
    );
    assert_eq!(
        ask(
            "/v1/permission/delete",
            json!({"dataset": "*", "component": "*"})
        )
        .await
        .1["retcode"],
        0
    );
    let held = ask("/v1/permission/query", json!({})).await.1["data"].clone();
    assert_eq!(held, json!({"component": [], "dataset": []}));
    let told: Vec<String> = bench
        .told()
        .await
        .into_iter()
        .map(|(what, _)| what)
        .collect();
    assert_eq!(told[0], "granting component scripted, table n.t to party 2");
    assert!(
        told.iter()
            .any(|what| what.starts_with("taking component *")),
        "{told:?}"
    );
    let outside = bench
        .ask(
            Side::Outside,
            "/v1/permission/grant",
            granted(json!({"component": "*"})),
        )
        .await
        .1;
    assert_eq!(outside["retcode"], 108);
    let open = self::bench(&format!("{SWITCHED_ON}through_coordinator = true\n")).await;
    assert_eq!(
        open.ask(
            Side::Outside,
            "/v1/permission/grant",
            granted(json!({"component": "*"}))
        )
        .await
        .1["retcode"],
        0
    );
}

#[tokio::test]
async fn serves_the_privileges_of_older_clients() {
    let bench = bench("").await;
    let of = json!({"src_party_id": 2, "src_role": "guest"});
    let mut given = of.clone();
    given["privilege_component"] = json!("scripted");
    given["privilege_command"] = json!("create,run");
    let reply = bench
        .ask(Side::Own, "/v1/permission/grant/privilege", given.clone())
        .await
        .1;
    assert_eq!(
        (&reply["retcode"], &reply["meta"]),
        (&json!(0), &json!({"enforced": []}))
    );
    let held = bench
        .ask(Side::Own, "/v1/permission/query/privilege", of.clone())
        .await
        .1["data"]
        .clone();
    let expected = json!({"src_party_id": "2", "role": "guest", "privilege_role": [], "privilege_command": ["create", "run"],
        "privilege_component": ["scripted"]});
    assert_eq!(held, expected);
    assert_eq!(
        bench
            .ask(Side::Own, "/v1/permission/delete/privilege", given)
            .await
            .1["retcode"],
        0
    );
    let held = bench
        .ask(Side::Own, "/v1/permission/query/privilege", of.clone())
        .await
        .1["data"]
        .clone();
    assert_eq!(held["privilege_component"], json!([]));
    assert_eq!(
        bench
            .ask(Side::Own, "/v1/permission/grant/privilege", of)
            .await
            .1["retcode"],
        0
    );
    let wrong = bench
        .ask(
            Side::Own,
            "/v1/permission/query/privilege",
            json!({"src_party_id": 2, "src_role": "king"}),
        )
        .await
        .1;
    assert_eq!(wrong["retcode"], 100);
}

#[tokio::test]
async fn pins_shows_and_unpins_a_key() {
    let bench = bench("").await;
    let ask = |path: &'static str, body: Value| bench.ask(Side::Own, path, body);
    let key = pki::public_key_pem(&[4; 65]);
    let other = pki::public_key_pem(&[4; 65].map(|byte| byte));
    let known = ask("/v1/key/query", json!({"party_id": 2})).await.1;
    assert_eq!(
        (&known["data"], &known["meta"]["pinned"]),
        (&json!(key), &json!(false))
    );
    assert!(
        ask("/v1/key/query", json!({"party_id": "3"}))
            .await
            .1
            .get("data")
            .is_none()
    );
    let save = json!({"party_id": "3", "key": other});
    assert_eq!(
        ask("/v1/key/public/save", save.clone()).await.1["data"],
        "save success"
    );
    assert_eq!(
        ask("/v1/key/public/save", save).await.1["data"],
        "update success"
    );
    assert_eq!(
        ask("/v1/key/query", json!({"party_id": "3"})).await.1["meta"]["pinned"],
        true
    );
    assert_eq!(
        crate::keyring::pinned(&bench.handler.agent_state.records)
            .await
            .unwrap()
            .len(),
        1
    );
    for (party, key) in [
        ("2", "ssh-rsa AAAA"),
        ("1", key.as_str()),
        ("../x", key.as_str()),
    ] {
        let reply = ask(
            "/v1/key/public/save",
            json!({"party_id": party, "key": key}),
        )
        .await
        .1;
        assert_eq!(reply["retcode"], 100, "{party}: {reply}");
    }
    assert_eq!(
        ask("/v1/key/public/delete", json!({"party_id": "3"}))
            .await
            .1["retcode"],
        0
    );
    assert!(
        crate::keyring::pinned(&bench.handler.agent_state.records)
            .await
            .unwrap()
            .is_empty()
    );
    let outside = bench
        .ask(
            Side::Outside,
            "/v1/key/public/delete",
            json!({"party_id": "2"}),
        )
        .await
        .1;
    assert_eq!(outside["retcode"], 108);
}
