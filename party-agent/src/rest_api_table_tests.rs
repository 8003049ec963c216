//! Stored tables at the REST endpoint: bound, enabled, renamed, downloaded, traced; and what leaves no folder.

use super::*;

const INFO: &str = "/v1/table/table_info";

impl Bench {
    async fn stored(&self, namespace: &str, name: &str) -> TableRef {
        let at = TableRef::new(namespace, name);
        self.handler
            .agent_state
            .table_store
            .write_from(&at, &table(4), 2, tables::Origin::Upload)
            .unwrap();
        at
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join("in").join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    async fn own(&self, path: &str, body: Value) -> Value {
        self.ask(Side::Own, path, body).await.1
    }

    async fn info_of(&self, name: &str) -> Value {
        self.own(INFO, json!({"namespace": "n", "name": name}))
            .await["data"]
            .clone()
    }
}

fn bound(engine: &str, name: &str, address: Value, more: Value) -> Value {
    let mut body = json!({"engine": engine, "namespace": "n", "name": name, "address": address});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn binds_a_file_in_its_import_folders() {
    let bench = bench("").await;
    let path = bench.file("a.csv", "id,x,y\n1,2,3\n2,3,4\n");
    let ask = bound(
        "PATH",
        "t",
        json!({"path": path, "passwd": "hidden"}),
        json!({"drop": true, "partitions": 2}),
    );
    let reply = bench.own("/v1/table/bind", ask.clone()).await;
    let receipt = json!({"rows_in": 2, "stored": 2, "replaced": 0, "rejected": 0, "reasons": [], "notes": []});
    let told = json!({"table_name": "t", "namespace": "n", "receipt": receipt});
    assert_eq!((&reply["retcode"], &reply["data"]), (&json!(0), &told));
    let info = bench.info_of("t").await;
    assert_eq!(
        (&info["count"], &info["origin"], &info["partition"]),
        (&json!(2), &json!("table_bind"), &json!(2))
    );
    assert_eq!(
        (&info["schema"]["header"], &info["address"]),
        (&json!("x,y"), &json!({"path": path}))
    );
    let mut careful = ask;
    careful["drop"] = json!(0);
    let again = bench.own("/v1/table/add", careful).await;
    assert_eq!(
        (&again["retcode"], &again["retmsg"]),
        (&json!(100), &json!(rest::upload::TABLE_EXISTS))
    );
    let nameless = bench
        .own(
            "/v1/table/bind",
            bound("PATH", "", json!({"path": path}), json!({})),
        )
        .await;
    assert_eq!(
        nameless["retmsg"],
        "required argument are missing: namespace,name; "
    );
    let missing = bench.own("/v1/table/bind", json!({"engine": "PATH"})).await;
    assert_eq!(
        missing,
        json!({"retcode": 101, "retmsg": "required argument are missing: address,namespace,name; "})
    );
}

#[tokio::test]
async fn tells_what_became_of_the_rows_of_a_file_that_it_binds() {
    let bench = bench("").await;
    let ragged = bench.file("ragged.csv", "id,x\n1,2\n2\n3,4,5\n4,\"a\nb\"\n");
    let reply = bench
        .own(
            "/v1/table/bind",
            bound("PATH", "r", json!({"path": ragged}), json!({})),
        )
        .await;
    let receipt = &reply["data"]["receipt"];
    assert_eq!(
        (
            &receipt["rows_in"],
            &receipt["stored"],
            &receipt["rejected"]
        ),
        (&json!(4), &json!(2), &json!(2))
    );
    assert_eq!(
        (
            &receipt["reasons"][0]["first_line"],
            &receipt["reasons"][1]["first_line"]
        ),
        (&json!(3), &json!(4))
    );
    assert_eq!(bench.info_of("r").await["count"], 2);
    for (name, bytes, word) in [
        (
            "latin.csv",
            b"id,x\n1,a\n2,M\xfcller\n".as_slice(),
            "Latin-1",
        ),
        ("book.xlsx", b"PK\x03\x04\x01\x02", "Excel"),
        ("mac.csv", b"id,x\r1,2\r", "carriage return"),
        ("head.csv", b"id,x\n", "no row"),
        ("points.csv", b"id;x\n1;2\n", "delimiter"),
    ] {
        let path = bench.folder.path().join("in").join(name);
        std::fs::write(&path, bytes).unwrap();
        let ask = bound(
            "PATH",
            "refused",
            json!({"path": path.display().to_string()}),
            json!({}),
        );
        let reply = bench.own("/v1/table/bind", ask).await;
        assert!(
            reply["retcode"] != 0 && reply["retmsg"].as_str().unwrap().contains(word),
            "{name}: {reply}"
        );
        assert_eq!(bench.info_of("refused").await["exist"], 0, "{name}");
    }
}

#[tokio::test]
async fn a_table_without_a_name_is_not_there() {
    let bench = bench("").await;
    for body in [
        json!({}),
        json!({"namespace": "n", "table_name": ""}),
        json!({"namespace": null, "name": "t"}),
    ] {
        let reply = bench.own(INFO, body.clone()).await;
        assert_eq!(
            (
                &reply["retcode"],
                &reply["data"]["exist"],
                &reply["data"]["count"]
            ),
            (&json!(0), &json!(0), &json!(0)),
            "{body}"
        );
    }
}

#[tokio::test]
async fn binds_columns_by_name_with_and_without_a_header() {
    let bench = bench("").await;
    let head = bench.file("head.csv", "x,k,y\n2,1,3\n");
    let columns = json!({"id_column": "k", "feature_column": "y"});
    assert_eq!(
        bench
            .own(
                "/v1/table/bind",
                bound("LOCALFS", "a", json!({"path": head}), columns)
            )
            .await["retcode"],
        0
    );
    let info = bench.info_of("a").await;
    assert_eq!(
        (&info["schema"]["sid"], &info["schema"]["header"]),
        (&json!("k"), &json!("y"))
    );
    let plain = bench.file("plain.csv", "1,2,3\n2,3,4\n");
    let columns = json!({"id_name": "k", "feature_name": "p,q"});
    assert_eq!(
        bench
            .own(
                "/v1/table/bind",
                bound("path", "b", json!({"path": plain}), columns)
            )
            .await["retcode"],
        0
    );
    let info = bench.info_of("b").await;
    assert_eq!(
        (&info["schema"]["header"], &info["count"]),
        (&json!("p,q"), &json!(2))
    );
    let wrong = bound(
        "PATH",
        "c",
        json!({"path": head}),
        json!({"id_column": "none", "head": true}),
    );
    assert_eq!(bench.own("/v1/table/bind", wrong).await["retcode"], 100);
    assert_eq!(bench.info_of("c").await["exist"], 0);
}

#[tokio::test]
async fn binds_nothing_that_it_cannot_or_must_not_reach() {
    let bench = bench("").await;
    std::fs::write(bench.folder.path().join("secret.csv"), "id,x\n1,2\n").unwrap();
    std::os::unix::fs::symlink(
        bench.folder.path().join("secret.csv"),
        bench.folder.path().join("in/link.csv"),
    )
    .unwrap();
    let secret = bench.folder.path().join("secret.csv").display().to_string();
    for path in [
        "../secret.csv",
        &secret,
        "link.csv",
        "/etc/passwd",
        "%2e%2e/secret.csv",
        "a\0b",
        "",
        ".",
        &"x".repeat(5000),
    ] {
        let reply = bench
            .own(
                "/v1/table/bind",
                bound("PATH", "t", json!({"path": path}), json!({})),
            )
            .await;
        let text = reply["retmsg"].as_str().unwrap();
        assert_eq!(reply["retcode"], 100, "{path}: {reply}");
        assert!(
            text.starts_with("engine PATH address {'path':") && text.ends_with(" check failed"),
            "{text}"
        );
    }
    for (engine, address) in [
        ("MYSQL", json!({"host": "h"})),
        ("HDFS", json!({})),
        ("STANDALONE", json!({"name": "t", "namespace": "n"})),
    ] {
        let reply = bench
            .own("/v1/table/bind", bound(engine, "t", address, json!({})))
            .await;
        assert!(
            reply["retmsg"].as_str().unwrap().ends_with("check failed"),
            "{reply}"
        );
    }
    let reserved = json!({"engine": "PATH", "namespace": "output_data_1_a_0", "name": "t", "address": {"path": "x"}});
    assert!(
        bench.own("/v1/table/bind", reserved).await["retmsg"]
            .as_str()
            .unwrap()
            .contains("FF108")
    );
    assert_eq!(bench.info_of("t").await["exist"], 0);
    let outside = bench
        .ask(
            Side::Outside,
            "/v1/table/bind",
            bound("PATH", "t", json!({"path": "x"}), json!({})),
        )
        .await
        .1;
    assert_eq!(outside["retcode"], 108);
}

#[tokio::test]
async fn binds_a_stored_table_under_another_name_and_traces_it() {
    let bench = bench("").await;
    bench.stored("n", "first").await;
    let ask = bound(
        "STANDALONE",
        "second",
        json!({"namespace": "n", "name": "first"}),
        json!({"feature_column": "z"}),
    );
    assert_eq!(bench.own("/v1/table/bind", ask).await["retcode"], 0);
    assert_eq!(bench.info_of("second").await["schema"]["header"], "z");
    let named = |name: &str| json!({"table_name": name, "namespace": "n"});
    let source = bench
        .own("/v1/table/tracking/source", named("second"))
        .await;
    let line = json!([{"parent_table_name": "first", "parent_table_namespace": "n", "source_table_name": "first",
        "source_table_namespace": "n"}]);
    assert_eq!(source["data"], line);
    assert_eq!(
        bench.own("/v1/table/tracking/source", named("first")).await["data"],
        json!([])
    );
    assert_eq!(
        bench.own("/v1/table/tracking/job", named("first")).await["data"],
        json!({"count": 0, "job": []})
    );
    let unknown = bench.own("/v1/table/tracking/source", named("none")).await;
    assert_eq!(unknown["retcode"], 100);
    assert!(
        unknown["retmsg"]
            .as_str()
            .unwrap()
            .starts_with("no found table: ")
    );
    let missing = bench
        .own("/v1/table/tracking/job", json!({"namespace": "n"}))
        .await;
    assert_eq!(
        missing,
        json!({"retcode": 101, "retmsg": "required argument are missing: table_name; "})
    );
}

#[tokio::test]
async fn disables_enables_and_removes_tables_by_name_or_namespace() {
    let bench = bench("").await;
    for (namespace, name) in [("n", "a"), ("n", "b"), ("m", "a")] {
        bench.stored(namespace, name).await;
    }
    let both = bench
        .own("/v1/table/disable", json!({"namespace": "n"}))
        .await;
    assert_eq!(
        both["data"],
        json!([{"table_name": "a", "namespace": "n"}, {"table_name": "b", "namespace": "n"}])
    );
    assert_eq!(bench.info_of("a").await["enable"], false);
    assert_eq!(
        bench.own("/v1/table/enable", json!({"name": "b"})).await["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    for body in [json!({}), json!({"namespace": "none"}), Value::Null] {
        let reply = bench.own("/v1/table/disable", body).await;
        assert_eq!(
            (&reply["retcode"], &reply["retmsg"]),
            (&json!(101), &json!("no find table"))
        );
    }
    let removed = bench.own("/v1/table/disable/delete", json!({})).await;
    assert_eq!(
        removed["data"],
        json!([{"table_name": "a", "namespace": "n"}])
    );
    assert_eq!(
        bench.own("/v1/table/disable/delete", json!({})).await["retcode"],
        101
    );
    assert_eq!(bench.info_of("b").await["exist"], 1);
}

#[tokio::test]
async fn deletes_outputs_by_job_and_component() {
    let bench = bench("").await;
    bench.ran(2).await;
    let reply = bench.own("/v1/table/delete", of_task()).await;
    assert_eq!(reply["data"].as_array().unwrap().len(), 1, "{reply}");
    assert_eq!(
        bench.own("/v1/table/delete", of_task()).await["retmsg"],
        "no find table"
    );
}

#[tokio::test]
async fn never_shows_a_connectors_password() {
    let bench = bench("").await;
    let info = json!({"host": "h", "port": 3306, "passwd": "s3cret", "user": "u"});
    let body = json!({"connector_name": "c", "engine": "MYSQL", "connector_info": info});
    assert_eq!(
        bench.own("/v1/table/connector/create", body).await,
        json!({"retcode": 0, "retmsg": "success"})
    );
    let reply = bench
        .own("/v1/table/connector/query", json!({"connector_name": "c"}))
        .await;
    assert_eq!(
        reply["data"],
        json!({"host": "h", "port": 3306, "user": "u", "engine": "MYSQL"})
    );
    assert_eq!(
        bench
            .own("/v1/table/connector/query", json!({"connector_name": "d"}))
            .await["retcode"],
        101
    );
    let bind = bound(
        "MYSQL",
        "t",
        json!({"connector": "c", "db": "d", "passwd": "s3cret"}),
        json!({}),
    );
    let reply = bench.own("/v1/table/bind", bind).await;
    assert!(
        reply["retmsg"].as_str().unwrap().ends_with("check failed")
            && !reply.to_string().contains("s3cret")
    );
    let chain = crate::trial::chain(&bench.handler.agent_state);
    assert!(!serde_json::to_string(&chain).unwrap().contains("s3cret"));
}

#[tokio::test]
async fn changes_a_schema_and_packs_a_table() {
    let bench = bench("").await;
    bench.stored("n", "t").await;
    let update = |schema: Value| json!({"namespace": "n", "name": "t", "schema": schema});
    let reply = bench
        .own(
            "/v1/table/schema/update",
            update(json!({"header": "z", "anonymous_header": ["guest_1_x0"]})),
        )
        .await;
    assert_eq!(
        (&reply["data"]["header"], &reply["data"]["sid"]),
        (&json!("z"), &json!("id"))
    );
    assert_eq!(
        bench
            .own("/v1/table/schema/update", update(json!({"header": "a,b"})))
            .await["retcode"],
        100
    );
    let mapping = json!({"namespace": "n", "name": "t", "migrate_mapping": {"guest": {"1": 2}}});
    let reply = bench
        .own("/v1/table/schema/anonymous/migrate", mapping)
        .await;
    assert_eq!(reply["data"]["anonymous_header"], json!(["guest_2_x0"]));
    let unknown = bench
        .own(
            "/v1/table/schema/update",
            json!({"namespace": "n", "name": "none", "schema": {}}),
        )
        .await;
    assert_eq!(
        (&unknown["retcode"], &unknown["retmsg"]),
        (&json!(101), &json!("no found meta"))
    );
    let get = |body: Value| {
        Request::builder()
            .method("GET")
            .uri("/v1/table/download")
            .body(Body::from(body.to_string()))
            .unwrap()
    };
    let (status, archive) = bench
        .send(Side::Own, get(json!({"namespace": "n", "name": "t"})))
        .await;
    assert_eq!(status, 200);
    let files = unpacked(&archive);
    assert_eq!(
        (files[0].0.as_str(), files[1].0.as_str()),
        ("table.csv", "table.meta")
    );
    assert!(
        files[0].1.starts_with("id,z\n0,v0\n") && files[1].1 == "{\"header\":[\"id\",\"z\"]}",
        "{files:?}"
    );
    let (status, bytes) = bench
        .send(Side::Own, get(json!({"namespace": "n", "name": "none"})))
        .await;
    assert_eq!(status, 210);
    assert!(
        String::from_utf8(bytes)
            .unwrap()
            .contains("no found table:n, none")
    );
    assert_eq!(
        bench
            .send(Side::Outside, get(json!({"namespace": "n", "name": "t"})))
            .await
            .0,
        403
    );
}

#[tokio::test]
async fn odd_names_of_tables_reach_no_other_file() {
    let bench = bench("").await;
    let path = bench.file("a.csv", "id,x\n1,2\n");
    let table_store = bench.folder.path().join("shelf");
    let files = |folder: &std::path::Path| {
        let all = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        all.filter(|path| *path != table_store && path.is_dir() && !path.ends_with("exports"))
            .collect::<std::collections::BTreeSet<_>>()
    };
    let before = files(bench.folder.path());
    for name in [
        "../../x",
        "/etc/x",
        "..",
        ".",
        "a\0b",
        "%2e%2e%2fx",
        "\u{202e}x",
        "é",
        &"long".repeat(500),
    ] {
        let mut ask = bound("PATH", name, json!({"path": path}), json!({"drop": 1}));
        ask["namespace"] = json!(name);
        assert_eq!(
            bench.own("/v1/table/bind", ask).await["retcode"],
            0,
            "{name:?}"
        );
        let named = json!({"namespace": name, "name": name});
        assert_eq!(
            bench.own(INFO, named.clone()).await["data"]["count"],
            1,
            "{name:?}"
        );
        let request = Request::builder()
            .method("POST")
            .uri("/v1/table/download")
            .body(Body::from(named.to_string()));
        let (status, archive) = bench.send(Side::Own, request.unwrap()).await;
        assert_eq!(
            (status, unpacked(&archive)[0].0.as_str()),
            (200, "table.csv"),
            "{name:?}"
        );
        assert_eq!(
            bench.own("/v1/table/delete", named).await["retcode"],
            0,
            "{name:?}"
        );
    }
    assert_eq!(files(bench.folder.path()), before);
}

#[tokio::test]
async fn tells_the_coordinator_only_of_tables_that_jobs_named() {
    let bench = bench("").await;
    let (secret, read) = (
        bench.stored("secret", "salaries").await,
        bench.stored("n", "read").await,
    );
    let job = crate::trial::job();
    let records = &bench.handler.agent_state.records;
    records.add_root(&secret, None, false).await.unwrap();
    records
        .add_descent(&TableRef::new("output_data_x", "y"), &[read], Some(&job))
        .await
        .unwrap();
    let delete = async |namespace: &str, name: &str| {
        let reply = bench
            .own(
                "/v1/table/delete",
                json!({"namespace": namespace, "table_name": name}),
            )
            .await;
        assert_eq!(reply["retcode"], 0, "{reply}");
    };
    let told = async || {
        let told = bench.told().await;
        told.into_iter()
            .filter(|(what, _)| what.starts_with("removal of table"))
            .collect::<Vec<_>>()
    };
    delete("secret", "salaries").await;
    assert!(bench.asked().is_empty() && told().await.is_empty());
    bench.answers(200, &json!({"retcode": 0}));
    delete("n", "read").await;
    let asked = bench.asked();
    assert_eq!(
        asked
            .iter()
            .map(|(head, _)| head.target.as_str())
            .collect::<Vec<_>>(),
        ["/v1/fedflow/table/removed"]
    );
    assert_eq!(told().await, [("removal of table n.read".to_owned(), None)]);
}
