//! Submitting jobs and uploads, through to the service.

use axum::body::Body;
use axum::extract::Request;
use serde_json::{Value, json};
use wire::agent_link::{Caller, UploadCall};

use super::fixture::{World, party};

fn toy() -> Value {
    json!({
        "job_dsl": {"components": {"secure_add_example_0": {"module": "SecureAddExample"}}},
        "job_runtime_conf": {
            "dsl_version": 2,
            "initiator": {"role": "guest", "party_id": 9999},
            "role": {"guest": ["9999"], "host": ["10000"]},
            "job_parameters": {"common": {"task_cores": 2}},
            "component_parameters": {"common": {"secure_add_example_0": {"partition": 4, "data_num": 1000}}},
        },
    })
}

const FILE: &str = "--X\r\ncontent-disposition: form-data; name=\"file\"; filename=\"g.csv\"\r\n\r\nid,y\r\n1,0\r\n--X--\r\n";

fn upload(config: &Value) -> Request {
    let query = config
        .to_string()
        .replace('%', "%25")
        .replace(' ', "%20")
        .replace('{', "%7B")
        .replace('}', "%7D")
        .replace('"', "%22");
    Request::post(format!("/v1/data/upload?{query}"))
        .header("content-type", "multipart/form-data; boundary=X")
        .body(Body::from(FILE))
        .expect("request")
}

fn config() -> Value {
    json!({"file": "/data/g.csv", "namespace": "a&b=c+d", "table_name": "t", "head": 1, "partition": 4, "drop": 0, "verbose": 1})
}

async fn reply(world: &World, request: Request) -> Value {
    let (_, _, bytes) = world.send(request).await;
    serde_json::from_slice(&bytes).expect("json")
}

#[tokio::test]
async fn starts_a_job_that_can_be_found_at_once() {
    let world = World::open().await;
    let (status, reply) = world.post("job/submit", toy()).await;
    assert_eq!(
        (status, &reply["retcode"], &reply["retmsg"]),
        (200, &json!(0), &json!("success")),
        "{reply}"
    );
    let job = reply["jobId"].as_str().expect("id");
    assert!(job.len() >= 21 && job.bytes().all(|byte| byte.is_ascii_digit()));
    let data = &reply["data"];
    assert_eq!((&data["job_id"], &data["code"]), (&json!(job), &json!(0)));
    assert_eq!(
        data["model_info"],
        json!({"model_id": "guest-9999#host-10000#model", "model_version": job})
    );
    assert!(
        data["board_url"]
            .as_str()
            .is_some_and(|url| url.ends_with(&format!("job_id={job}&role=guest&party_id=9999")))
    );
    for path in [
        "logs_directory",
        "dsl_path",
        "runtime_conf_path",
        "job_dsl_path",
        "job_runtime_conf_path",
        "pipeline_dsl_path",
    ] {
        assert!(
            data[path].as_str().is_some_and(|text| text.contains(job)),
            "{path}"
        );
    }
    let rows = world.data("job/query", json!({"job_id": job})).await;
    assert_eq!(
        (rows.as_array().map(Vec::len), &rows[0]["f_status"]),
        (Some(2), &json!("waiting"))
    );
}

#[tokio::test]
async fn warns_of_settings_that_do_nothing_any_more() {
    let world = World::open().await;
    let mut body = toy();
    body["job_runtime_conf"]["job_parameters"]["common"] = json!({"work_mode": 1, "backend": 0});
    let (_, reply) = world.post("job/submit", body).await;
    assert_eq!(
        (&reply["retcode"], &reply["retmsg"]),
        (
            &json!(0),
            &json!("[WARN]backend,work_mode is removed,it does not take effect!")
        )
    );
}

#[tokio::test]
async fn what_nothing_reads_is_told_in_answer_row_and_log() {
    let world = World::open().await;
    let mut body = toy();
    let conf = &mut body["job_runtime_conf"];
    conf["job_parameters"]["common"]["task_coers"] = json!(2);
    conf["component_parameters"]["common"]["secure_add_exmple_0"] = json!({"seed": 2});
    conf["component_parameters"]["role"] =
        json!({"host": {"1": {"secure_add_example_0": {"seed": 3}}}});
    let (_, reply) = world.post("job/submit", body.clone()).await;
    assert_eq!(reply["retcode"], 0, "FATE takes it: {reply}");
    let warnings = reply["data"]["warnings"]
        .as_array()
        .expect("a list")
        .clone();
    assert_eq!(warnings.len(), 3, "{reply}");
    let said = reply["retmsg"].as_str().expect("text");
    assert_eq!(reply["data"]["message"], said);
    let job = reply["jobId"].as_str().expect("id");
    let row = world
        .data("job/query", json!({"job_id": job, "role": "guest"}))
        .await[0]
        .clone();
    let log = log_of(&world, job).await;
    for expected in [
        "did you mean secure_add_example_0?",
        "did you mean task_cores?",
        "host 1, which does not exist",
    ] {
        assert!(said.contains(expected), "{said}");
        assert!(row["f_warnings"].to_string().contains(expected), "{row}");
        assert!(log.contains(expected), "{log}");
    }
    let listed = world
        .data("job/list/job", json!({"job_id": job, "limit": 1}))
        .await;
    assert_eq!(listed["jobs"][0]["warnings"], Value::Array(warnings));
    // A schedule says it when it is made, and keeps saying it.
    body["every_seconds"] = json!(60);
    let (_, made) = world.post("fedflow/schedules/create", body.clone()).await;
    assert!(
        made["retmsg"]
            .as_str()
            .is_some_and(|text| text.contains("did you mean task_cores?")),
        "{made}"
    );
    let listed = world.data("fedflow/schedules/query", json!({})).await;
    assert_eq!(listed[0]["warnings"].as_array().map(Vec::len), Some(3));
}

/// What the log of a job says of its course.
async fn log_of(world: &World, job: &str) -> String {
    let request =
        Request::post("/v1/job/log/download").body(Body::from(json!({"job_id": job}).to_string()));
    let (_, _, bytes) = world.send(request.expect("request")).await;
    let mut text = String::new();
    std::io::Read::read_to_string(
        &mut flate2::read::GzDecoder::new(bytes.as_slice()),
        &mut text,
    )
    .expect("a tar of texts");
    text
}

#[tokio::test]
async fn changed_parameters_that_nothing_reads_are_told_as_well() {
    let world = World::open().await;
    let (_, reply) = world.post("job/submit", toy()).await;
    assert_eq!(reply["data"]["warnings"], json!([]));
    let change = json!({"job_id": reply["jobId"], "component_parameters": {"common": {"secure_add_exmple_0": {"seed": 1}}},
        "job_parameters": {"common": {"task_cores": 1}, "role": {"host": {"0": {"task_cores": 2, "user": "eve"}}}}});
    let (_, changed) = world.post("job/parameter/update", change).await;
    assert!(
        changed["retmsg"]
            .as_str()
            .is_some_and(|text| text.contains("did you mean secure_add_example_0?")),
        "{changed}"
    );
    assert_eq!(
        changed["data"]["warnings"].as_array().map(Vec::len),
        Some(1)
    );
    let rows = world
        .data(
            "job/query",
            json!({"job_id": reply["jobId"], "role": "host"}),
        )
        .await;
    assert_eq!(
        rows[0]["f_runtime_conf_on_party"]["job_parameters"]["task_cores"],
        2
    );
    assert_eq!(rows[0]["f_user_id"], "eve");
}

#[tokio::test]
async fn what_is_said_for_one_party_is_shown_and_used_there() {
    let world = World::open().await;
    let mut body = toy();
    let own = json!({"host": {"0": {"task_cores": 3, "user": "bob"}}});
    body["job_runtime_conf"]["job_parameters"]["role"] = own;
    let (_, reply) = world.post("job/submit", body.clone()).await;
    assert_eq!(
        (&reply["retcode"], &reply["retmsg"]),
        (&json!(0), &json!("success")),
        "{reply}"
    );
    let job = &reply["jobId"];
    let rows = world.data("job/query", json!({"job_id": job})).await;
    let of = |row: &Value| {
        let on_party = &row["f_runtime_conf_on_party"]["job_parameters"];
        (
            row["f_user_id"].clone(),
            on_party["task_cores"].clone(),
            on_party["user"].clone(),
        )
    };
    assert_eq!(of(&rows[0]), (json!(""), json!(2), Value::Null));
    assert_eq!(of(&rows[1]), (json!("bob"), json!(3), json!("bob")));
    assert_eq!(
        rows[0]["f_user"],
        json!({"guest": {"9999": ""}, "host": {"10000": "bob"}})
    );
    let tasks = world
        .data("job/task/query", json!({"job_id": job, "role": "host"}))
        .await;
    assert_eq!(
        tasks[0]["f_component_parameters"]["job_parameters"]["task_cores"],
        3
    );
    let kept = world
        .coordinator
        .jobs()
        .get(&job.as_str().expect("id").parse().expect("id"))
        .await
        .expect("there");
    let cores: Vec<u32> = kept
        .cast
        .participants()
        .map(|who| kept.settings.task_cores_of(&who))
        .collect();
    assert_eq!(cores, [2, 3]);
    for (value, wanted) in [
        (json!(0), "a whole number of at least 1"),
        (json!("many"), "a whole number"),
    ] {
        body["job_runtime_conf"]["job_parameters"]["role"]["host"]["0"]["task_cores"] = value;
        let (_, reply) = world.post("job/submit", body.clone()).await;
        assert_eq!(reply["retcode"], 103);
        assert!(
            reply["retmsg"]
                .as_str()
                .is_some_and(|text| text.contains(wanted)),
            "{reply}"
        );
        assert_eq!(
            reply["fault"]["path"],
            "job_runtime_conf.job_parameters.role.host.0.task_cores"
        );
    }
    body["job_runtime_conf"]["job_parameters"]["role"]["host"]["0"]["task_cores"] = json!(100_000);
    let (_, reply) = world.post("job/submit", body).await;
    assert!(
        reply["retmsg"]
            .as_str()
            .is_some_and(|text| text.contains("of party 10000), expect 100000 cores")),
        "{reply}"
    );
}

#[tokio::test]
async fn tells_a_wrong_document_in_the_last_line() {
    let world = World::open().await;
    let mut body = toy();
    body["job_dsl"]["components"]["secure_add_example_0"]["input"] =
        json!({"data": {"data": ["b.train"]}});
    let (status, reply) = world.post("job/submit", body).await;
    assert_eq!((status, &reply["retcode"]), (200, &json!(103)));
    let last = reply["retmsg"]
        .as_str()
        .and_then(|text| text.lines().last())
        .expect("text");
    assert!(
        last.ends_with("Component secure_add_example_0's data input b does not exist"),
        "{last}"
    );
    assert!(
        reply["jobId"].is_string() && reply.get("data").is_none(),
        "{reply}"
    );
    let mut body = toy();
    body["job_runtime_conf"]["component_parameters"]["common"]["secure_add_example_0"]["x"] =
        json!(1);
    let (_, reply) = world.post("job/submit", body).await;
    let text = reply["retmsg"].as_str().expect("text");
    assert!(
        text.contains("redundant parameters") && text.contains("create job failed"),
        "{text}"
    );
}

#[tokio::test]
async fn stores_an_upload_that_names_no_party_at_every_open_party() {
    let world = World::open().await;
    let reply = reply(&world, upload(&config())).await;
    assert_eq!(reply["retcode"], 0, "{reply}");
    let job = reply["jobId"].as_str().expect("id");
    assert_eq!(
        (&reply["data"]["namespace"], &reply["data"]["table_name"]),
        (&json!("a&b=c+d"), &json!("t"))
    );
    assert!(
        reply["data"]["board_url"]
            .as_str()
            .is_some_and(|url| url.ends_with("role=local&party_id=0"))
    );
    let seen = world.agents.seen.lock().expect("lock").clone();
    let staged: Vec<_> = seen
        .iter()
        .filter(|seen| seen.target.starts_with("/v1/fedflow/staging/"))
        .collect();
    assert_eq!(
        staged
            .iter()
            .map(|seen| seen.body.as_slice())
            .collect::<Vec<_>>(),
        [b"id,y\r\n1,0", b"id,y\r\n1,0"]
    );
    let rows = world
        .data(
            "job/query",
            json!({"job_id": job, "role": "local", "party_id": 0}),
        )
        .await;
    assert_eq!(rows.as_array().map(Vec::len), Some(1));
    let stored = world
        .coordinator
        .jobs()
        .get(&job.parse().expect("id"))
        .await
        .expect("job");
    assert_eq!(stored.cast.local, vec![party("10000"), party("9999")]);
    let step = &stored.definition.graph.steps[0];
    for participant in &step.participants {
        let parameters = step.parameters_of(participant);
        let id = staged[0].target.rsplit('/').next().expect("id");
        assert_eq!(
            (
                &parameters["staged"],
                &parameters["name"],
                &parameters["destroy"]
            ),
            (&json!(id), &json!("t"), &json!(false))
        );
    }
}

#[tokio::test]
async fn refuses_an_upload_of_a_table_that_exists_before_a_row_moves() {
    let world = World::open().await;
    world
        .agents
        .tables
        .lock()
        .expect("lock")
        .insert(("9999".into(), "t".into()));
    let refused = reply(&world, upload(&config())).await;
    let text = "The data table already exists.If you still want to continue uploading, please add the parameter --drop";
    assert_eq!(refused, json!({"retcode": 100, "retmsg": text}));
    assert!(
        world
            .agents
            .targets()
            .iter()
            .all(|(_, target)| target == "/v1/table/table_info")
    );
    let mut again = config();
    again["drop"] = json!(1);
    assert_eq!(reply(&world, upload(&again)).await["retcode"], 0);
}

#[tokio::test]
async fn stores_an_upload_at_the_party_it_names() {
    let world = World::open().await;
    let mut named = config();
    named["party_id"] = json!(9999);
    assert_eq!(reply(&world, upload(&named)).await["retcode"], 0);
    assert!(
        world
            .agents
            .targets()
            .iter()
            .all(|(party, _)| party == "9999")
    );
    let closed = World::with_rows(false).await;
    let text = reply(&closed, upload(&named)).await["retmsg"]
        .as_str()
        .map(str::to_owned)
        .expect("text");
    assert!(text.contains("http://party-9999:9380"), "{text}");
    let text = reply(&closed, upload(&config())).await["retmsg"]
        .as_str()
        .map(str::to_owned)
        .expect("text");
    assert!(
        text.contains("party 10000 at http://party-10000:9380"),
        "{text}"
    );
}

#[tokio::test]
async fn makes_the_job_of_an_upload_that_a_partys_endpoint_staged() {
    let world = World::with_rows(false).await;
    let body = json!({"staged": "s1", "namespace": "n", "table_name": "t", "head": 1, "partition": 4, "drop": 1, "verbose": 1});
    let mut request = Request::post("/v1/data/upload")
        .body(Body::from(body.to_string()))
        .expect("request");
    request
        .extensions_mut()
        .insert(Caller::PartyUser(party("9999")));
    let made = reply(&world, request).await;
    assert_eq!(made["retcode"], 0, "{made}");
    let stored = world
        .coordinator
        .jobs()
        .get(&made["jobId"].as_str().expect("id").parse().expect("id"))
        .await
        .expect("job");
    assert_eq!(stored.cast.local, vec![party("9999")]);
    let outsider = Request::post("/v1/data/upload")
        .body(Body::from(body.to_string()))
        .expect("request");
    assert_eq!(reply(&world, outsider).await["retcode"], 108);
}

/// A reply without what differs from job to job.
fn without_job(reply: &Value) -> String {
    let id = reply["jobId"].as_str().expect("a job's id");
    reply.to_string().replace(id, "JOB")
}

#[tokio::test]
async fn an_upload_that_comes_by_a_message_is_the_one_that_a_request_makes() {
    let world = World::with_rows(false).await;
    let body = json!({"staged": "s1", "namespace": "n", "table_name": "t", "head": 1, "partition": 4, "drop": 1, "verbose": 1,
        "meta": {"b": 1, "a": 0.1}, "task_cores": 2});
    let (_, by_request) = world
        .post_as(Some("9999"), "data/upload", body.clone())
        .await;
    let mut config =
        rest::upload::read_config(body.as_object().expect("object").clone()).expect("read");
    // What no request can say is not heard from a message either.
    config.of_job.insert("job_type".into(), json!("predict"));
    let call = |config: &rest::UploadConfig| UploadCall {
        config: config.clone(),
        ticket: None,
    };
    let by_message = world
        .api
        .start_upload(party("9999"), call(&config))
        .await
        .to_json();
    assert_eq!(without_job(&by_message), without_job(&by_request));
    let mut jobs = Vec::new();
    for reply in [&by_request, &by_message] {
        let id = reply["jobId"].as_str().expect("id").parse().expect("id");
        jobs.push(world.coordinator.jobs().get(&id).await.expect("job"));
    }
    assert_eq!(jobs[0].cast, jobs[1].cast);
    let documents = |job: &domain::Job| {
        let made = &job.definition;
        (made.submitted_dsl.clone(), made.submitted_conf.clone())
    };
    assert_eq!(documents(&jobs[0]), documents(&jobs[1]));

    // Whatever it names, a message speaks for its own party only.
    let staged_elsewhere = rest::UploadConfig {
        party_id: Some("10000".into()),
        ..config.clone()
    };
    let made = world
        .api
        .start_upload(party("9999"), call(&staged_elsewhere))
        .await;
    assert_eq!(made.data["parties"], json!(["9999"]));
    let file_elsewhere = rest::UploadConfig {
        staged: None,
        ..staged_elsewhere
    };
    let refused = world
        .api
        .start_upload(party("9999"), call(&file_elsewhere))
        .await;
    assert_eq!(
        (refused.retcode, refused.job),
        (108, None),
        "{}",
        refused.retmsg
    );
}

#[tokio::test]
async fn starts_a_download_at_the_party_that_has_the_table() {
    let world = World::open().await;
    world
        .agents
        .tables
        .lock()
        .expect("lock")
        .insert(("9999".into(), "t".into()));
    let body =
        json!({"namespace": "n", "table_name": "t", "output_path": "out.csv", "delimitor": ";"});
    let (_, reply) = world.post("data/download", body).await;
    assert_eq!(reply["retcode"], 0, "{reply}");
    let stored = world
        .coordinator
        .jobs()
        .get(&reply["jobId"].as_str().expect("id").parse().expect("id"))
        .await
        .expect("job");
    assert_eq!(stored.cast.local, vec![party("9999")]);
    let step = &stored.definition.graph.steps[0];
    assert!(
        step.parameters_of(&step.participants[0])
            .get("delimiter")
            .is_none(),
        "FATE ignores it"
    );
    assert_eq!(reply["data"]["parties"], json!(["9999"]));
    let (_, reply) = world.post("data/download", json!({"namespace": "n"})).await;
    assert_eq!(
        reply["retmsg"],
        "KeyError('required parameters are missing: table_name,output_path; ')"
    );
}

/// A client that sends a large file over TCP reads the refusal, although nobody wants the file.
#[tokio::test]
async fn lets_a_sender_of_an_unwanted_file_read_the_refusal() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::open().await;
    world
        .agents
        .tables
        .lock()
        .expect("lock")
        .insert(("9999".into(), "t".into()));
    let server = rest::RestServer::open(([127, 0, 0, 1], 0).into(), rest::ServeOptions::default())
        .await
        .expect("free port");
    let (address, stop) = (server.address(), tokio_util::sync::CancellationToken::new());
    let serving = tokio::task::spawn(server.run(world.router.clone(), stop.clone()));
    let query = upload(&config()).uri().query().expect("query").to_owned();
    let (head, tail) = FILE.split_at(FILE.len() - "\r\n--X--\r\n".len());
    let rows = "2,1\r\n".repeat(1 << 20);
    let length = head.len() + rows.len() + tail.len();
    let request = format!(
        "POST /v1/data/upload?{query} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\ncontent-type: multipart/form-data; boundary=X\r\n\r\n{head}"
    );
    let mut stream = tokio::net::TcpStream::connect(address)
        .await
        .expect("connect");
    for part in [request.as_str(), rows.as_str(), tail] {
        stream
            .write_all(part.as_bytes())
            .await
            .expect("the REST endpoint reads on");
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answer");
    assert!(answer.contains("The data table already exists"), "{answer}");
    stop.cancel();
    serving.await.expect("ended");
}
