//! The life of a model: deployed, shown, tagged, exchanged with agents.

use axum::body::Body;
use axum::extract::Request;
use serde_json::{Value, json};

use super::fixture::{MODEL, TRAIN, World};

fn of(version: &str) -> Value {
    json!({"model_id": MODEL, "model_version": version})
}

fn with(mut body: Value, more: Value) -> Value {
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body
}

#[tokio::test]
async fn deploys_and_says_what_came_of_it_at_each_party() {
    let world = World::open().await;
    let (_, reply) = world
        .post(
            "model/deploy",
            with(of(TRAIN), json!({"cpn_list": ["hetero_lr_0"]})),
        )
        .await;
    assert_eq!(
        (&reply["retcode"], &reply["retmsg"]),
        (&json!(0), &json!("success")),
        "{reply}"
    );
    let data = &reply["data"];
    let version = data["model_version"].as_str().expect("a version");
    assert_ne!(version, TRAIN);
    assert_eq!(data["model_id"], MODEL);
    assert_eq!(
        (
            &data["guest"]["9999"],
            &data["host"]["10000"],
            &data["arbiter"]["10000"]
        ),
        (&json!(0), &json!(0), &json!(0))
    );
    let told = json!({"retcode": 0, "retmsg": "deploy model of role guest 9999 success"});
    assert_eq!(data["detail"]["guest"]["9999"], told);

    let dsl = world.data("model/get/predict/dsl", of(version)).await;
    assert_eq!(
        dsl["components"],
        json!({"hetero_lr_0": {
            "module": "HeteroLR", "CodePath": "HeteroLRGuest", "input": {"model": ["pipeline.hetero_lr_0.lr"]}, "output": {"data": ["train"]}
        }})
    );
    let rows = world.data("model/query", of(version)).await;
    assert_eq!(rows.as_array().map(Vec::len), Some(3));
    let row = &rows[0];
    assert_eq!(
        (&row["f_parent"], &row["f_job_id"]),
        (&json!(false), &json!(version))
    );
    assert_eq!(
        row["f_parent_info"],
        json!({"parent_model_id": MODEL, "parent_model_version": TRAIN})
    );
    assert_eq!(
        row["f_train_runtime_conf"]["job_parameters"]["common"]["model_version"],
        version
    );
}

#[tokio::test]
async fn deploys_a_dsl_as_it_is_sent() {
    let world = World::open().await;
    let dsl = json!({"components": {
        "reader_0": {"module": "Reader", "provider": "fate_flow", "output": {"data": ["data"]}},
        "hetero_lr_0": {
            "module": "HeteroLR", "provider": "fate", "CodePath": "HeteroLRGuest",
            "input": {"data": {"test_data": ["reader_0.data"]}, "model": ["pipeline.hetero_lr_0.lr"], "isometric_model": ["gone_0.model"]},
        },
    }});
    for given in [
        json!({"predict_dsl": dsl}),
        json!({"dsl": dsl.to_string()}),
        json!({"dsl": dsl, "cpn_list": []}),
    ] {
        let data = world.data("model/deploy", with(of(TRAIN), given)).await;
        let version = data["model_version"].as_str().expect("a version");
        let mut stored = world.data("model/get/predict/dsl", of(version)).await;
        assert_eq!(stored["components"]["reader_0"]["CodePath"], "Reader");
        stored["components"]["reader_0"]
            .as_object_mut()
            .expect("object")
            .remove("CodePath");
        assert_eq!(stored, dsl);
    }
}

#[tokio::test]
async fn tells_every_way_in_which_a_deployment_fails() {
    let world = World::open().await;
    let failed = async |body: Value| {
        let (status, reply) = world.post("model/deploy", body).await;
        assert_eq!(
            (status, &reply["retcode"], &reply["retmsg"]),
            (200, &json!(101), &json!("failed")),
            "{reply}"
        );
        assert_eq!(
            reply["data"]["guest"]["9999"], 100,
            "data is there on failure, too"
        );
        assert!(
            reply["data"]["model_version"].is_string() && reply["data"]["model_id"].is_string()
        );
        reply["data"]["detail"]["guest"]["9999"]["retmsg"]
            .as_str()
            .expect("a text")
            .to_owned()
    };
    let both = json!({"cpn_list": ["hetero_lr_0"], "predict_dsl": {"components": {"a_0": {"module": "A"}}}});
    assert_eq!(
        failed(with(of(TRAIN), both)).await,
        "'cpn_list' should not be set when 'predict_dsl' is set"
    );
    let unknown = failed(with(of(TRAIN), json!({"cpn_list": "zzz"}))).await;
    assert!(
        unknown.ends_with("components {'zzz'} not exist in training dsl, can not deploy!!!"),
        "{unknown}"
    );
    let torn = failed(with(of(TRAIN), json!({"dsl": "{"}))).await;
    assert!(torn.contains("There are no dsl"), "{torn}");
    let checkpoint = failed(with(
        of(TRAIN),
        json!({"components_checkpoint": {"zzz": {"step_index": 1}}}),
    ))
    .await;
    assert!(checkpoint.contains("zzz"), "{checkpoint}");
    let whole = world
        .data(
            "model/deploy",
            with(of(TRAIN), json!({"components_checkpoint": null})),
        )
        .await;
    let child = whole["model_version"].as_str().expect("a version");
    assert_eq!(
        failed(of(child)).await,
        "Child model could not be deployed."
    );

    let (status, reply) = world.post("model/deploy", of("1")).await;
    assert_eq!((status, &reply["retcode"]), (404, &json!(404)));
    assert_eq!(
        reply["retmsg"],
        format!("Deploy model failed. Model {MODEL} 1 not found.")
    );
    let (_, reply) = world.post("model/deploy", json!({"model_id": MODEL})).await;
    assert_eq!(
        reply["retmsg"],
        "required argument are missing: model_version; "
    );
    let (_, reply) = world.post_as(Some("7"), "model/deploy", of(TRAIN)).await;
    assert_eq!(reply["retcode"], 108, "{reply}");
}

#[tokio::test]
async fn gives_predict_documents_as_data_or_as_files() {
    let world = World::open().await;
    let conf = world.data("model/get/predict/conf", of(TRAIN)).await;
    let reader = json!({"0": {"reader_0": {"table": {"name": "name_to_be_filled_0", "namespace": "namespace_to_be_filled_0"}}}});
    assert_eq!(
        conf["component_parameters"]["role"],
        json!({"guest": reader, "host": reader})
    );
    let common = &conf["job_parameters"]["common"];
    assert_eq!(
        (&common["job_type"], &common["model_version"]),
        (&json!("predict"), &json!(TRAIN))
    );
    let body = with(
        of(TRAIN),
        json!({"filename": "predict_dsl_1.json", "role": "host", "party_id": "10000"}),
    );
    let request = Request::post("/v1/model/get/predict/dsl")
        .body(Body::from(body.to_string()))
        .expect("request");
    let (status, headers, bytes) = world.send(request).await;
    let disposition = headers["content-disposition"].to_str().expect("text");
    assert_eq!(
        (status, disposition),
        (200, "attachment; filename=predict_dsl_1.json")
    );
    let text = String::from_utf8(bytes).expect("text");
    assert!(text.starts_with("{\n    \"components\""), "{text}");
    let dsl: Value = serde_json::from_str(&text).expect("json");
    assert_eq!(dsl["components"]["hetero_lr_0"]["CodePath"], "HeteroLRHost");
    for (body, text) in [
        (
            of("1"),
            "No model found, please check if arguments are specified correctly.",
        ),
        (
            json!({}),
            "No model found, please check if arguments are specified correctly.",
        ),
        (
            with(of(TRAIN), json!({"role": "arbiter"})),
            "Cannot found guest or host model, please get predict dsl on guest or host.",
        ),
    ] {
        for path in ["model/get/predict/dsl", "model/get/predict/conf"] {
            let (status, reply) = world.post(path, body.clone()).await;
            assert_eq!(
                (status, &reply["retcode"], reply["retmsg"].as_str()),
                (210, &json!(210), Some(text)),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn shows_versions_as_rows() {
    let world = World::open().await;
    let rows = world
        .data(
            "model/query",
            with(of(TRAIN), json!({"role": "guest", "party_id": 9999})),
        )
        .await;
    assert_eq!(rows.as_array().map(Vec::len), Some(1));
    let row = &rows[0];
    assert_eq!(
        (&row["f_party_id"], &row["f_role"], &row["f_job_id"]),
        (&json!("9999"), &json!("guest"), &json!(TRAIN))
    );
    assert_eq!(
        (&row["f_parent"], &row["f_size"], &row["f_loaded_times"]),
        (&json!(true), &json!(2), &json!(0))
    );
    assert_eq!(
        row["f_roles"],
        json!({"guest": [9999], "host": [10000], "arbiter": [10000]})
    );
    assert_eq!(
        row["f_runtime_conf_on_party"]["job_parameters"]["task_cores"],
        4
    );
    let asked = json!({"query_filters": ["role", "parent", "nonsense"], "job_id": TRAIN});
    let (_, reply) = world.post("model/query", asked).await;
    assert_eq!(reply["retmsg"], "Query model info from db success.");
    assert_eq!(
        reply["data"][1],
        json!({"f_role": "host", "f_parent": true})
    );
    for body in [
        of("1"),
        json!({}),
        json!({"nonsense": 1}),
        with(of(TRAIN), json!({"role": "king"})),
    ] {
        let (_, reply) = world.post("model/query", body.clone()).await;
        assert_eq!(
            (&reply["retcode"], &reply["data"]),
            (&json!(100), &json!([])),
            "{body}: {reply}"
        );
        assert!(
            reply["retmsg"]
                .as_str()
                .expect("text")
                .starts_with("Query model info failed, cannot find model from db")
        );
    }
    let (_, reply) = world.post_as(Some("7"), "model/query", of(TRAIN)).await;
    assert_eq!(
        reply["retcode"], 100,
        "a party that takes no part sees nothing"
    );
    let detail = world.data("model/query/detail", of(TRAIN)).await;
    assert_eq!(
        detail["component_info"],
        json!({"reader_0": "Reader", "hetero_lr_0": "HeteroLR"})
    );
    assert_eq!(detail["dsl"]["components"]["reader_0"]["module"], "Reader");
}

#[tokio::test]
async fn tags_come_and_go() {
    let world = World::open().await;
    let said = async |path: &str, body: Value| {
        let (_, reply) = world.post(path, body).await;
        (
            reply["retcode"].as_i64().expect("a code"),
            reply["retmsg"].as_str().expect("a text").to_owned(),
        )
    };
    let ok = |text: &str| (0, text.to_owned());
    let no = |text: &str| (100, text.to_owned());
    let best = json!({"tag_name": "best", "tag_desc": "of all"});
    assert_eq!(
        said("model/tag/create", best.clone()).await,
        ok("'best' tag has been created successfully.")
    );
    assert_eq!(
        said("model/tag/create", best).await,
        no("Exception(\"'best' has already exists in database.\")")
    );
    for empty in ["", " "] {
        let text = format!("'{empty}' tag created failed. Please input a valid tag name.");
        assert_eq!(
            said("model/tag/create", json!({"tag_name": empty})).await,
            no(&text)
        );
    }
    let on = |job: &str, tag: &str| json!({"job_id": job, "tag_name": tag});
    let bind = "model/model_tag/create";
    assert_eq!(
        said(bind, on(TRAIN, "best")).await,
        ok(&format!(
            "Adding best tag for model with job id: {TRAIN} successfully."
        ))
    );
    assert_eq!(
        said(bind, on(TRAIN, "best")).await,
        no(&format!(
            "Exception(\"Model {MODEL} {TRAIN} already been tagged as tag 'best'.\")"
        ))
    );
    assert_eq!(
        said(bind, on(TRAIN, "")).await,
        no("Exception(\"Can not found '' tag.\")")
    );
    assert_eq!(
        said(bind, on("1", "best")).await,
        no("Exception(\"Can not found model by job id: '1'.\")")
    );
    assert_eq!(said(bind, on(TRAIN, "new")).await.0, 0, "makes the tag");
    let tags = world
        .data("model/model_tag/retrieve", json!({"job_id": TRAIN}))
        .await;
    assert_eq!(tags["count"], 2);
    assert_eq!(
        tags["tags"][0],
        json!({"name": "best", "description": "of all"})
    );
    let list = world.data("model/tag/list", json!({"limit": 1})).await;
    assert_eq!(
        list["tags"],
        json!([{"name": "best", "description": "of all", "model_count": 1}])
    );
    assert_eq!(
        world.data("model/tag/list", json!({})).await["tags"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    assert_eq!(
        said("model/tag/list", json!({"limit": "many"})).await.0,
        100
    );
    let found = world
        .data("model/tag/retrieve", json!({"tag_name": "e"}))
        .await;
    assert_eq!(found["tags"].as_array().map(Vec::len), Some(2), "{found}");
    assert_eq!(
        said("model/tag/retrieve", json!({"tag_name": "zz"})).await,
        no("No tags found.")
    );
    let models = world
        .data(
            "model/tag/retrieve",
            json!({"tag_name": "best", "with_model": true}),
        )
        .await;
    assert_eq!(models["count"], 3);
    let first = json!({"model_id": MODEL, "model_version": TRAIN, "model_size": 2, "role": "guest", "party_id": "9999"});
    assert_eq!(models["models"][0], first);
    let none = no("Exception(\"Can not found 'zz' tag.\")");
    assert_eq!(
        said(
            "model/tag/retrieve",
            json!({"tag_name": "zz", "with_model": true})
        )
        .await,
        none
    );
    let update = "model/tag/update";
    assert_eq!(
        said(update, json!({"tag_name": "zz", "new_tag_name": "y"})).await,
        none
    );
    for nothing in [
        json!({"tag_name": "best"}),
        json!({"tag_name": "best", "new_tag_name": ""}),
        json!({"tag_name": "best", "new_tag_name": "best", "new_tag_desc": "of all"}),
        json!({"tag_name": "best", "new_tag_desc": "of all"}),
        json!({"tag_name": "new", "new_tag_name": "new", "new_tag_desc": ""}),
    ] {
        assert_eq!(
            said(update, nothing.clone()).await,
            no("Nothing to be updated."),
            "{nothing}"
        );
    }
    assert_eq!(
        said(update, json!({"tag_name": "best", "new_tag_name": "new"})).await,
        no("'new' tag already exists.")
    );
    let done = ok("Infomation of 'best' tag has been updated successfully.");
    assert_eq!(
        said(update, json!({"tag_name": "best", "new_tag_name": "top"})).await,
        done
    );
    let kept = world
        .data("model/tag/retrieve", json!({"tag_name": "top"}))
        .await;
    assert_eq!(
        kept["tags"][0]["description"], "of all",
        "what is not said stays"
    );
    let remove = "model/model_tag/remove";
    assert_eq!(said(remove, on(TRAIN, "zz")).await, none);
    let removed = format!("'top' tag has been removed from tag list of model {MODEL} {TRAIN}.");
    assert_eq!(said(remove, on(TRAIN, "top")).await, ok(&removed));
    assert_eq!(
        said(remove, on(TRAIN, "top")).await,
        no(&format!("Model {MODEL} {TRAIN} does not have tag 'top'."))
    );
    assert_eq!(
        said("model/tag/destroy", json!({"tag_name": "new"})).await,
        ok("'new' tag has been deleted successfully.")
    );
    assert_eq!(
        said("model/tag/destroy", json!({"tag_name": "new"})).await,
        no("Exception(\"Can not found 'new' tag.\")")
    );
    assert_eq!(
        world
            .data("model/model_tag/retrieve", json!({"job_id": TRAIN}))
            .await["count"],
        0
    );
    assert_eq!(
        said("model/tag/create", json!({})).await,
        no("KeyError('tag_name')")
    );
}

#[tokio::test]
async fn a_part_goes_out_and_comes_in_elsewhere() {
    let here = World::open().await;
    let there = World::open().await;
    let guest = json!({"role": "guest", "party_id": 9999});
    let version = here
        .data(
            "model/deploy",
            with(of(TRAIN), json!({"cpn_list": ["hetero_lr_0"]})),
        )
        .await;
    let child = version["model_version"]
        .as_str()
        .expect("a version")
        .to_owned();
    let documents = here
        .data("fedflow/model/documents", with(of(&child), guest.clone()))
        .await;
    assert_eq!(
        (&documents["parent"], &documents["stored_version"]),
        (&json!(false), &json!(TRAIN))
    );
    assert_eq!(
        documents["initiator"],
        json!({"role": "guest", "party_id": "9999"})
    );
    let component = json!({
        "step": "hetero_lr_0", "component": "hetero_lr", "component_version": 1, "module": "HeteroLR", "alias": "lr",
        "stored_version": TRAIN, "size": 2000, "view": {"meta": {"maxIter": "3"}, "param": {"weight": {"x0": 0.5}, "isConverged": false}}
    });
    assert_eq!(documents["components"], json!([component]));
    let (_, reply) = here
        .post_as(
            Some("10000"),
            "fedflow/model/documents",
            with(of(&child), guest.clone()),
        )
        .await;
    assert_eq!(reply["retcode"], 108, "the part of another party");

    // The other federation has the training, too: taking a version in that would replace its models needs force.
    let body = with(documents.clone(), json!({"archive_sha256": "ab"}));
    let (status, reply) = there
        .post_as(Some("9999"), "fedflow/model/imported", body.clone())
        .await;
    assert_eq!(
        (status, reply["retmsg"].as_str()),
        (409, Some("Model already exists."))
    );
    let renamed = |value: &Value| -> Value {
        serde_json::from_str(&value.to_string().replace(TRAIN, "202001010000000000000"))
            .expect("json")
    };
    let body = renamed(&body);
    let checked = with(body.clone(), json!({"check_only": 1}));
    let (status, reply) = there
        .post_as(Some("9999"), "fedflow/model/imported", checked)
        .await;
    assert_eq!((status, &reply["retcode"]), (200, &json!(0)), "{reply}");
    assert_eq!(
        there.post("model/query", of(&child)).await.1["retcode"],
        100,
        "nothing is written yet"
    );
    let (_, reply) = there
        .post_as(Some("10000"), "fedflow/model/imported", body.clone())
        .await;
    assert_eq!(reply["retcode"], 108, "in another party's name");
    let (_, reply) = there
        .post_as(Some("9999"), "fedflow/model/imported", body.clone())
        .await;
    assert_eq!(reply["data"]["party_id"], "9999", "{reply}");
    let row = there.data("model/query", of(&child)).await[0].clone();
    assert_eq!(
        (&row["f_imported"], &row["f_archive_sha256"]),
        (&json!(1), &json!("ab"))
    );
    let (status, _) = there
        .post_as(Some("9999"), "fedflow/model/imported", body.clone())
        .await;
    assert_eq!(status, 409);
    let forced = with(body.clone(), json!({"force_update": "1"}));
    assert_eq!(
        there
            .post_as(Some("9999"), "fedflow/model/imported", forced)
            .await
            .0,
        200
    );
    let again = there
        .data("fedflow/model/documents", with(of(&child), guest.clone()))
        .await;
    let same = |key: &str| assert_eq!(again[key], renamed(&documents)[key], "{key}");
    for key in [
        "train_dsl",
        "train_runtime_conf",
        "inference_dsl",
        "roles",
        "initiator",
        "parent_info",
        "components",
    ] {
        same(key);
    }
    let (_, reply) = there
        .post_as(
            Some("9999"),
            "fedflow/model/loaded",
            with(of(&child), guest.clone()),
        )
        .await;
    assert_eq!(reply["retcode"], 0);
    assert_eq!(
        there.data("model/query", of(&child)).await[0]["f_loaded_times"],
        1
    );

    let stranger = with(body, json!({"party_id": "10000"}));
    let (status, reply) = there.post("fedflow/model/imported", stranger).await;
    let text = "Party id \"10000\" is not in role \"guest\", please check if the party id and role is valid.";
    assert_eq!((status, reply["retmsg"].as_str()), (400, Some(text)));
    let (_, reply) = there
        .post(
            "fedflow/model/imported",
            with(of("../x"), with(renamed(&documents), of("../x"))),
        )
        .await;
    assert_ne!(reply["retcode"], 0, "a version that is not a name");
}

#[tokio::test]
async fn a_predict_job_is_refused_for_a_model_that_is_not_deployed() {
    let world = World::open().await;
    let conf = json!({
        "dsl_version": 2, "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": [9999], "host": [10000], "arbiter": [10000]},
        "job_parameters": {"common": with(of(TRAIN), json!({"job_type": "predict"}))},
    });
    let (_, reply) = world
        .post("job/submit", json!({"job_runtime_conf": conf}))
        .await;
    assert_eq!(reply["retcode"], 103);
    let text = reply["retmsg"].as_str().expect("a text");
    assert!(
        text.ends_with("Exception: model has not been deployed yet"),
        "{text}"
    );
}

#[tokio::test]
async fn a_predict_job_names_the_model_it_applies_and_shows_it() {
    let world = World::open().await;
    let made = world
        .data(
            "model/deploy",
            with(of(TRAIN), json!({"cpn_list": ["hetero_lr_0"]})),
        )
        .await;
    let child = made["model_version"].clone();
    let conf = json!({
        "dsl_version": "2", "initiator": {"role": "guest", "party_id": "9999"},
        "role": {"guest": ["9999"], "host": [10000], "arbiter": [10000]},
        "job_parameters": {"common": {"job_type": "predict", "model_id": MODEL, "model_version": child}},
    });
    let (_, reply) = world
        .post(
            "job/submit",
            json!({"job_runtime_conf": conf, "job_dsl": null}),
        )
        .await;
    assert_eq!(reply["retcode"], 0, "{reply}");
    assert_eq!(
        reply["data"]["model_info"],
        json!({"model_id": MODEL, "model_version": child})
    );
    let row = world
        .data(
            "job/query",
            json!({"job_id": reply["jobId"], "role": "guest"}),
        )
        .await[0]
        .clone();
    assert_eq!(row["f_train_runtime_conf"]["role"]["guest"], json!([9999]));
    let applied: Vec<&String> = row["f_dsl"]["components"]
        .as_object()
        .expect("an object")
        .keys()
        .collect();
    assert_eq!(
        applied,
        ["hetero_lr_0", "reader_0"],
        "what is deployed, and the training's reader"
    );
    let shown = json!({"job_id": reply["jobId"], "component_name": "hetero_lr_0", "role": "guest", "party_id": 9999});
    let view = world.data("tracking/component/output/model", shown).await;
    assert_eq!(view["weight"]["x0"], 0.5);
    let foreign = with(
        conf,
        json!({"role": {"guest": [9999], "host": [10000, 9999], "arbiter": [10000]}}),
    );
    let (_, reply) = world
        .post("job/submit", json!({"job_runtime_conf": foreign}))
        .await;
    let text = reply["retmsg"].as_str().expect("a text");
    assert!(
        text.contains("ValueError: Predict roles is {")
            && text.contains("should be subset of train role"),
        "{text}"
    );
}

#[tokio::test]
async fn generates_a_predict_dsl() {
    let world = World::open().await;
    let train = json!({"components": {"data_transform_0": {
        "module": "DataTransform", "input": {"data": {"data": []}}, "output": {"data": ["train"], "model": ["data_transform"]}
    }}});
    for names in [
        json!("data_transform_0"),
        json!(["data_transform_0"]),
        json!("[data_transform_0, ]"),
    ] {
        let asked = json!({"train_dsl": train.to_string(), "cpn_str": names, "version": "2"});
        let dsl = world.data("job/dsl/generate", asked).await;
        assert_eq!(
            dsl["components"]["data_transform_0"]["input"]["model"][0],
            "pipeline.data_transform_0.data_transform"
        );
    }
    for (train, names) in [
        (json!("{"), json!("data_transform_0")),
        (json!(train.to_string()), json!("")),
        (json!(train.to_string()), json!([])),
        (json!(train.to_string()), json!("zz_0")),
        (json!(train.to_string()), json!("a/b\\c")),
        (Value::Null, Value::Null),
    ] {
        let (status, reply) = world
            .post(
                "job/dsl/generate",
                json!({"train_dsl": train, "cpn_str": names}),
            )
            .await;
        assert_eq!((status, &reply["retcode"]), (210, &json!(210)));
        assert!(
            reply["retmsg"]
                .as_str()
                .expect("text")
                .starts_with("DSL generating failed.")
        );
    }
}

#[tokio::test]
async fn says_why_models_are_not_turned_into_those_of_other_programs() {
    let world = World::open().await;
    let guest = with(of(TRAIN), json!({"role": "guest", "party_id": "9999"}));
    let party_model = format!("guest#9999#{MODEL}");
    let told = async |path: &str, body: Value| {
        let (status, reply) = world.post(path, body).await;
        (
            status,
            reply["retcode"].as_i64().expect("code"),
            reply["retmsg"].as_str().expect("text").to_owned(),
        )
    };
    assert_eq!(
        told("model/homo/convert", guest.clone()).await,
        (
            200,
            100,
            format!("No component in model {party_model}:{TRAIN} can be converted.")
        )
    );
    let absent = with(guest.clone(), json!({"model_version": "1"}));
    assert_eq!(
        told("model/homo/convert", absent).await,
        (200, 100, format!("Model {party_model} 1 does not exist"))
    );
    let deploy = |name: &str| {
        with(
            guest.clone(),
            json!({"service_id": "s", "component_name": name, "deployment_type": "kfserving", "deployment_parameters": {}}),
        )
    };
    for (component, text) in [
        ("zz_0", "does not contain component zz_0"),
        ("reader_0", "does not have output model"),
        ("hetero_lr_0", "isn't converted"),
    ] {
        let (_, code, said) = told("model/homo/deploy", deploy(component)).await;
        assert!(code == 100 && said.ends_with(text), "{said}");
    }
    let merge = with(
        of(TRAIN),
        json!({"guest_party_id": 9999, "host_party_ids": ["10000"], "component_name": "hetero_lr_0", "model_type": "x", "output_format": "pmml"}),
    );
    assert_eq!(told("component/hetero/merge", merge).await.0, 400);
    assert_eq!(told("component/hetero/merge", json!({})).await.1, 101);
    let woe = with(
        guest.clone(),
        json!({"component_name": "hetero_lr_0", "woe_array": {}}),
    );
    assert_eq!(
        told("component/woe_array/merge", woe.clone()).await,
        (400, 400, "Only support host role.".to_owned())
    );
    let host = with(woe, json!({"role": "host", "party_id": 10000}));
    assert_eq!(
        told("component/woe_array/extract", host.clone()).await,
        (400, 400, "Only support guest role.".to_owned())
    );
    assert_eq!(told("component/woe_array/merge", host.clone()).await.0, 400);
    let gone = with(host, json!({"component_name": "zz_0"}));
    assert_eq!(
        told("component/woe_array/merge", gone).await,
        (404, 404, "Component not found.".to_owned())
    );
}
