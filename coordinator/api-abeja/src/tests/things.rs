//! Deployments, versions, training models, channels and files.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::Request;
use serde_json::{Value, json};

use super::fixture::{World, below};

async fn raw(world: &World, method: &str, path: &str, body: &str) -> (u16, Vec<u8>) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "text/csv")
        .header("x-abeja-meta-filename", "%C3%BC%20a.csv")
        .body(Body::from(body.to_owned()));
    let (status, _, bytes) = world.send(request.expect("request")).await;
    (status, bytes)
}

fn local(address: &Value) -> String {
    let address = address.as_str().expect("an address");
    address
        .strip_prefix("http://127.0.0.1")
        .expect("at this REST endpoint")
        .to_owned()
}

#[tokio::test(start_paused = true)]
async fn names_and_labels_are_taken_once() {
    let world = World::open().await;
    let (runs, _) = world.deployed("one").await;
    let target = runs.trim_end_matches("/runs");
    for name in ["one", "fl-predict"] {
        let (status, reply) = world
            .ask("POST", &below("deployments"), Some(json!({"name": name})))
            .await;
        assert_eq!(
            (status, &reply["error"]),
            (400, &json!("bad_request")),
            "{name}"
        );
    }
    assert_eq!(
        world
            .ask(
                "POST",
                &format!("{target}/versions"),
                Some(json!({"version": "0.0.1"}))
            )
            .await
            .0,
        400
    );
    let (status, patched) = world
        .ask(
            "PATCH",
            target,
            Some(json!({"name": "uno", "default_environment": {"A": "1"}})),
        )
        .await;
    assert_eq!(
        (status, &patched["name"], &patched["default_environment"]),
        (200, &json!("uno"), &json!({"A": "1"}))
    );
    let listed = world.get(&below("deployments")).await;
    // both were made in one instant, so that their numbers say which comes first
    let entries = listed["entries"].as_array().expect("a list");
    let named: BTreeMap<_, _> = entries
        .iter()
        .map(|entry| (entry["name"].as_str(), &entry["deployment_id"]))
        .collect();
    assert_eq!(
        named.keys().flatten().collect::<Vec<_>>(),
        [&"fl-predict", &"uno"]
    );
    let built_in = named[&Some("fl-predict")].as_str().expect("an id");
    assert_eq!(
        world
            .ask("DELETE", &below(&format!("deployments/{built_in}")), None)
            .await
            .0,
        409
    );
}

#[tokio::test(start_paused = true)]
async fn an_archive_comes_and_goes_by_its_address_alone() {
    let world = World::guarded().await;
    let as_own = |method: &str, path: &str, body: Value| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", "Bearer own");
        request.body(Body::from(body.to_string())).expect("request")
    };
    let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("json");
    let (_, _, bytes) = world
        .send(as_own(
            "POST",
            &below("deployments"),
            json!({"name": "one"}),
        ))
        .await;
    let versions = below(&format!(
        "deployments/{}/versions",
        read(&bytes)["deployment_id"].as_str().expect("an id")
    ));
    let (status, _, bytes) = world
        .send(as_own("POST", &versions, json!({"version": "0.0.1"})))
        .await;
    let version = read(&bytes);
    assert_eq!(status, 201, "{version}");
    let address = local(&version["upload_url"]);
    let download = format!(
        "{versions}/{}/download",
        version["version_id"].as_str().expect("an id")
    );
    assert_eq!(
        world.send(as_own("GET", &download, json!({}))).await.0,
        404,
        "nothing came yet"
    );
    assert_eq!(
        raw(
            &world,
            "PUT",
            &address.replace("secret=", "secret=0"),
            "forged"
        )
        .await
        .0,
        401
    );
    assert_eq!(
        raw(
            &world,
            "PUT",
            address.split('?').next().expect("a path"),
            "forged"
        )
        .await
        .0,
        401
    );
    assert_eq!(raw(&world, "PUT", &address, "archive").await.0, 200);
    let (_, _, bytes) = world.send(as_own("GET", &download, json!({}))).await;
    assert_eq!(
        raw(&world, "GET", &local(&read(&bytes)["download_uri"]), "").await,
        (200, b"archive".to_vec())
    );
}

#[tokio::test(start_paused = true)]
async fn every_trained_version_is_a_training_model() {
    let world = World::open().await;
    let definitions = world.get(&below("training/definitions/")).await;
    let definition = &definitions["entries"][0];
    assert_eq!(
        definition["display_name"],
        "arbiter-10000#guest-9999#host-10000#model"
    );
    let by_name = below("training/definitions/arbiter-10000~guest-9999~host-10000~model");
    assert_eq!(&world.get(&by_name).await, definition);
    let models = world.get(&format!("{by_name}/models")).await;
    let model = &models["entries"][0];
    assert_eq!(model["training_job_id"], api_fixture::TRAIN);
    assert_eq!(model["training_model_id"].as_str().map(str::len), Some(13));
    assert_eq!(models["entries"].as_array().map(Vec::len), Some(1));
    let path = format!(
        "{by_name}/models/{}",
        model["training_model_id"].as_str().expect("an id")
    );
    let (_, patched) = world
        .ask("PATCH", &path, Some(json!({"description": "good"})))
        .await;
    assert_eq!(patched["description"], "good");
    assert_eq!(
        world
            .ask("POST", &format!("{path}/archive"), Some(json!({})))
            .await
            .0,
        200
    );
    assert_eq!(
        world.get(&format!("{by_name}/models")).await["entries"],
        json!([])
    );
    let all = world
        .get(&format!(
            "{by_name}/models?filter_archived=include_archived"
        ))
        .await;
    assert_eq!(all["entries"].as_array().map(Vec::len), Some(1));
    assert_eq!(world.ask("DELETE", &by_name, None).await.0, 409);
}

#[tokio::test(start_paused = true)]
async fn weights_that_somebody_brought_are_kept_and_not_applied() {
    let world = World::open().await;
    let definition = world
        .made(&below("training/definitions/"), json!({"name": "mine"}))
        .await;
    assert_eq!(
        world
            .ask(
                "POST",
                &below("training/definitions"),
                Some(json!({"name": "mine"}))
            )
            .await
            .0,
        400
    );
    let form = "--X\r\ncontent-disposition: form-data; name=\"model_data\"; filename=\"m.zip\"\r\n\r\nPK\r\n\
        --X\r\ncontent-disposition: form-data; name=\"parameters\"; filename=\"p.json\"\r\n\r\n{\"description\": \"d\"}\r\n--X--\r\n";
    let request = Request::builder()
        .method("POST")
        .uri(below("training/definitions/mine/models"))
        .header("content-type", "multipart/form-data; boundary=X")
        .body(Body::from(form));
    let (status, _, bytes) = world.send(request.expect("request")).await;
    let model: Value = serde_json::from_slice(&bytes).expect("json");
    assert_eq!(
        (status, &model["description"], &model["exec_env"]),
        (201, &json!("d"), &json!("none")),
        "{model}"
    );
    assert_eq!(model["job_definition_id"], definition["job_definition_id"]);
    let path = below(&format!(
        "training/definitions/mine/models/{}",
        model["training_model_id"].as_str().expect("id")
    ));
    let address = world.get(&format!("{path}/download")).await["download_uri"].clone();
    assert_eq!(
        raw(&world, "GET", &local(&address), "").await,
        (200, b"PK".to_vec())
    );
    let (runs, version) = world.deployed("one").await;
    let asked = json!({"version_id": version, "models": {"alias": model["training_model_id"]}});
    assert_eq!(world.ask("POST", &runs, Some(asked)).await.0, 409);
}

#[tokio::test(start_paused = true)]
async fn files_come_go_and_are_found_by_what_is_said_of_them() {
    let world = World::open().await;
    let made = world
        .made(
            &below("channels"),
            json!({"name": "c", "description": "", "storage_type": "datalake"}),
        )
        .await;
    let channel = made["channel"]["channel_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let (status, bytes) = raw(
        &world,
        "POST",
        &format!("/channels/{channel}/upload?lifetime=1day"),
        "1,2\n",
    )
    .await;
    let file: Value = serde_json::from_slice(&bytes).expect("json");
    assert_eq!(
        (status, &file["metadata"]["x-abeja-meta-filename"]),
        (201, &json!("%C3%BC%20a.csv")),
        "{file}"
    );
    let id = file["file_id"].as_str().expect("an id");
    assert_eq!((id.len(), &id[8..9], &id[15..16]), (52, "T", "-"));
    assert_eq!(
        raw(
            &world,
            "POST",
            &format!("/channels/{channel}/upload?conflict_target=x-abeja-meta-filename"),
            ""
        )
        .await
        .0,
        409
    );
    let seen = world.get(&format!("/channels/{channel}/{id}")).await;
    assert_eq!(
        raw(&world, "GET", &local(&seen["download_uri"]), "").await,
        (200, b"1,2\n".to_vec())
    );
    let found = world
        .get(&format!(
            "/channels/{channel}?q=x-abeja-meta-filename:a.csv"
        ))
        .await;
    assert_eq!(
        (
            found["files"].as_array().map(Vec::len),
            &found["next_page_token"]
        ),
        (Some(1), &Value::Null)
    );
    assert_eq!(
        world
            .get(&format!("/channels/{channel}?q=x-abeja-meta-filename:b"))
            .await["files"],
        json!([])
    );
    let said = json!({"x-abeja-meta-head": "0"});
    let (_, changed) = world
        .ask(
            "PUT",
            &format!("/channels/{channel}/{id}/metadata"),
            Some(said),
        )
        .await;
    assert_eq!(changed["metadata"], json!({"x-abeja-meta-head": "0"}));
    let (status, deleted) = world
        .ask("DELETE", &format!("/channels/{channel}/{id}"), None)
        .await;
    assert_eq!(
        (status, &deleted["message"]),
        (200, &json!(format!("deleted file ({id})")))
    );
    assert!(
        world.agents.files.lock().expect("lock").is_empty(),
        "it is gone where it was"
    );
    assert_eq!(
        world
            .ask("GET", &format!("/channels/{channel}/{id}"), None)
            .await
            .0,
        404
    );
    let announced = world
        .ask("POST", &format!("/channels/{channel}"), None)
        .await
        .1;
    let address = local(&announced["upload_url"]);
    assert_eq!(raw(&world, "GET", &address, "").await.0, 404);
    assert_eq!(
        (
            raw(&world, "PUT", &address, "late").await.0,
            raw(&world, "PUT", &address, "again").await.0
        ),
        (200, 409)
    );
    assert_eq!(
        raw(&world, "GET", &address, "").await,
        (200, b"late".to_vec())
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_waits_for_the_table_that_is_made_of_its_file() {
    let world = World::open().await;
    let (runs, version) = world.deployed("one").await;
    let made = world
        .made(
            &below("channels"),
            json!({"name": "c", "description": "", "storage_type": "datalake"}),
        )
        .await;
    let channel = made["channel"]["channel_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let (_, bytes) = raw(
        &world,
        "POST",
        &format!("/channels/{channel}/upload"),
        "id,x\n1,2\n",
    )
    .await;
    let file: Value = serde_json::from_slice(&bytes).expect("json");
    let name = format!("{channel}/{}", file["file_id"].as_str().expect("an id"));
    let mut imports = Vec::new();
    for distribution in [1, 2] {
        let asked = json!({"version_id": version, "input_data": {"$datalake:1": name}, "distribution": distribution});
        let run = world.made(&runs, asked).await;
        let id = run["run_id"].as_str().expect("an id").to_owned();
        assert_eq!(
            world.get(&format!("{runs}/{id}")).await["status"],
            "PENDING"
        );
        let job = world
            .coordinator
            .entities()
            .get(domain::EntityKind::Run, None, &id)
            .await
            .expect("kept")
            .job
            .expect("a job");
        let job = world.coordinator.jobs().get(&job).await.expect("a job");
        let conf = &job.definition.conf;
        // the channel's home is the host of this training; the guest reads what it read then
        let table = json!({"namespace": format!("channel_{channel}"), "name": file["file_id"]});
        assert_eq!(
            conf["component_parameters"]["role"]["host"]["0"]["reader_0"]["table"], table,
            "{conf}"
        );
        assert!(conf["component_parameters"]["role"]["guest"]["0"]["reader_0"].is_null());
        imports.push(job.settings.after.expect("it waits for the table"));
    }
    assert_eq!(imports[0], imports[1], "one table is made, whoever asks");
    let import = world
        .coordinator
        .jobs()
        .get(&imports[0])
        .await
        .expect("a job");
    let parameters =
        &import.definition.conf["component_parameters"]["role"]["local"]["0"]["upload_0"];
    assert_eq!(parameters["file"], format!("files://{name}"));
}

#[tokio::test(start_paused = true)]
async fn shows_data_sets_as_files_of_a_channel() {
    let world = World::open().await;
    let channels = world.get(&below("channels")).await;
    let channel = &channels["channels"][0];
    assert_eq!(channel["name"], "datasets");
    let id = channel["channel_id"].as_str().expect("an id");
    assert_eq!(
        raw(&world, "POST", &format!("/channels/{id}/upload"), "x")
            .await
            .0,
        409
    );
    let set = world.coordinator.new_uuid();
    let (tenant, now) = (vocabulary::Tenant::only(), world.coordinator.now());
    let mut entity = domain::Entity::new(domain::EntityKind::Dataset, set.clone(), tenant, now);
    entity.name = Some("rows".to_owned());
    entity.body = json!({"party": "9999", "table": {"namespace": "n", "name": "t"}});
    world
        .coordinator
        .entities()
        .add(&entity)
        .await
        .expect("added");
    let files = world.get(&format!("/channels/{id}")).await;
    let file = files["files"][0]["file_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert!(file.ends_with(&set) && file.len() == 52, "{files}");
    assert_eq!(
        world.get(&format!("/channels/{id}/{file}")).await["metadata"]["x-abeja-meta-filename"],
        "rows"
    );
    for other in [set, file.replace('T', "U"), "x".to_owned()] {
        assert_eq!(
            world
                .ask("GET", &format!("/channels/{id}/{other}"), None)
                .await
                .0,
            404,
            "{other}"
        );
    }
}

#[tokio::test]
async fn definitions_show_what_the_clients_own_objects_read() {
    let world = World::open().await;
    let list = world
        .get(&below("training/definitions?offset=0&limit=50"))
        .await;
    let definition = &list["entries"][0];
    assert_eq!(
        (&list["total"], &definition["name"]),
        (
            &json!(1),
            &json!("arbiter-10000~guest-9999~host-10000~model")
        )
    );
    assert_eq!(
        definition["display_name"],
        "arbiter-10000#guest-9999#host-10000#model"
    );
    assert_eq!(
        world.get(&below("training/definitions?offset=1")).await["entries"],
        json!([])
    );
    assert_eq!(
        world.get(&below("training/definitions?offset=1")).await["total"],
        1,
        "as many as there are"
    );
    // As shown, by number, and as much of the name as an address keeps of it.
    for name in [
        "arbiter-10000~guest-9999~host-10000~model",
        "arbiter-10000%23guest-9999%23host-10000%23model",
        "arbiter-10000",
    ] {
        let got = world
            .get(&below(&format!(
                "training/definitions/{name}?include_jobs=false"
            )))
            .await;
        assert_eq!(&got, definition, "{name}");
        let versions = world
            .get(&below(&format!("training/definitions/{name}/versions")))
            .await;
        assert_eq!(
            (&versions["total"], &versions["entries"]),
            (&json!(1), &definition["versions"])
        );
        let one = world
            .get(&below(&format!("training/definitions/{name}/versions/1")))
            .await;
        assert_eq!(
            (&one, &one["job_definition_version"]),
            (&versions["entries"][0], &json!(1))
        );
        let jobs = world
            .get(&below(&format!(
                "training/definitions/{name}/jobs?offset=0&limit=1"
            )))
            .await;
        let job = &jobs["entries"][0];
        assert_eq!(
            (&job["status"], &job["exec_env"], &job["archived"]),
            (&json!("Complete"), &json!("cloud"), &json!(false))
        );
        let id = job["training_job_id"].as_str().expect("an id");
        assert_eq!(
            &world
                .get(&below(&format!("training/definitions/{name}/jobs/{id}")))
                .await,
            job
        );
        let result = world
            .get(&below(&format!(
                "training/definitions/{name}/jobs/{id}/result"
            )))
            .await;
        assert_eq!(
            result["download_uri"],
            result["artifacts"]["complete"]["uri"]
        );
        let models = world
            .get(&below(&format!("training/definitions/{name}/models")))
            .await;
        assert_eq!(
            (&models["total"], &models["entries"][0]["id"]),
            (
                &definition["model_count"],
                &models["entries"][0]["training_model_id"]
            )
        );
    }
    let all = world
        .get(&below(
            "training/definitions/arbiter-10000?include_jobs=true",
        ))
        .await;
    assert!(all["jobs"].as_array().is_some_and(|jobs| !jobs.is_empty()));
    // Where several begin so, none is meant.
    world
        .made(
            &below("training/definitions"),
            json!({"name": "arbiter-10000#another"}),
        )
        .await;
    let (status, refused) = world
        .ask("GET", &below("training/definitions/arbiter-10000"), None)
        .await;
    assert!(
        status == 400
            && refused["error_description"]
                .as_str()
                .is_some_and(|text| text.contains('~')),
        "{refused}"
    );
    for path in [
        "arbiter-1",
        "arbiter-10000~another/versions/1",
        "arbiter-10000~another/jobs/202001010000000000010",
    ] {
        assert_eq!(
            world
                .ask("GET", &below(&format!("training/definitions/{path}")), None)
                .await
                .0,
            404,
            "{path}"
        );
    }
}
