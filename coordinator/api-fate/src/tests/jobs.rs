//! Jobs and tasks: filters, rows, lists, and what is done to a job.

use axum::body::Body;
use axum::extract::Request;
use serde_json::{Value, json};

use super::fixture::{TRAIN, UPLOAD, WAITING, World};

#[tokio::test]
async fn finds_a_row_by_role_and_party_as_text_or_number() {
    let world = World::open().await;
    for party in [json!("9999"), json!(9999)] {
        let rows = world
            .data("job/query", json!({"job_id": TRAIN, "role": "guest", "party_id": party, "local": {"role": "guest"}}))
            .await;
        assert_eq!(rows.as_array().map(Vec::len), Some(1));
        let row = &rows[0];
        assert_eq!(
            (row["f_status"].as_str(), row["f_party_id"].as_str()),
            (Some("success"), Some("9999"))
        );
        assert_eq!(row["f_is_initiator"], true);
        assert_eq!(
            row["f_roles"],
            json!({"guest": [9999], "host": [10000], "arbiter": [10000]})
        );
        assert!(row["f_dsl"].is_object() && row["f_runtime_conf"].is_object());
        assert_eq!(row["f_elapsed"], json!(4_000));
        assert_eq!(
            row["f_runtime_conf_on_party"]["job_parameters"]["task_cores"],
            4
        );
    }
    assert_eq!(
        world
            .data("job/query", json!({"job_id": TRAIN}))
            .await
            .as_array()
            .map(Vec::len),
        Some(3)
    );
}

#[tokio::test]
async fn finds_a_job_by_an_id_without_quotes() {
    let world = World::open().await;
    let body = format!("{{\"job_id\": {TRAIN}, \"party_id\": 9999}}");
    let request = Request::post("/v1/job/query")
        .body(Body::from(body))
        .expect("request");
    let (_, _, bytes) = world.send(request).await;
    let reply: Value = serde_json::from_slice(&bytes).expect("json");
    assert_eq!(reply["data"][0]["f_job_id"], TRAIN);
    assert_eq!(
        world.data("job/query", json!({"job_id": 1})).await,
        json!([])
    );
}

#[tokio::test]
async fn answers_an_empty_list_when_nothing_is_asked_or_found() {
    let world = World::open().await;
    for body in [
        json!(null),
        json!({}),
        json!({"run_ip_x": 1}),
        json!({"job_id": "no such"}),
        json!({"status": "ready"}),
    ] {
        let (status, reply) = world.post("job/query", body).await;
        assert_eq!(status, 200);
        assert_eq!(
            reply,
            json!({"retcode": 0, "retmsg": "no job could be found", "data": []})
        );
    }
}

#[tokio::test]
async fn shows_a_local_job_as_one_row_of_party_zero() {
    let world = World::open().await;
    for party in [json!(0), json!("0"), json!("10000")] {
        let rows = world
            .data(
                "job/query",
                json!({"job_id": UPLOAD, "role": "local", "party_id": party}),
            )
            .await;
        assert_eq!(rows.as_array().map(Vec::len), Some(1), "{party}");
        assert_eq!(
            (&rows[0]["f_party_id"], &rows[0]["f_roles"]),
            (&json!("0"), &json!({"local": [0]}))
        );
    }
    let tasks = world
        .data(
            "job/task/query",
            json!({"job_id": UPLOAD, "role": "local", "party_id": 0}),
        )
        .await;
    assert_eq!(tasks.as_array().map(Vec::len), Some(1));
    let config = world.data("job/config", json!({"job_id": UPLOAD})).await;
    assert_eq!(
        config["model_info"],
        json!({"model_id": "local-0#model", "model_version": UPLOAD})
    );
}

#[tokio::test]
async fn says_what_a_job_waits_for() {
    let world = World::open().await;
    let rows = world
        .data("job/query", json!({"status": "waiting", "role": "guest"}))
        .await;
    assert_eq!(rows.as_array().map(Vec::len), Some(1));
    assert_eq!(rows[0]["f_waiting_reason"], "party 10000 is not connected");
    let waiting = world
        .data("fedflow/job/waiting", json!({"job_id": WAITING}))
        .await;
    assert_eq!(waiting["waiting"]["parties"], json!(["10000"]));
    assert!(
        waiting["waiting"]["last_error"]
            .as_str()
            .is_some_and(|text| text.contains("FF401"))
    );
    let settled = world
        .data("fedflow/job/waiting", json!({"job_id": TRAIN}))
        .await;
    assert_eq!(settled, json!({"waiting": null}));
    let tasks = world
        .data(
            "job/task/query",
            json!({"job_id": WAITING, "component_name": "reader_0"}),
        )
        .await;
    assert_eq!(tasks[0]["f_waiting_reason"], "party 10000 is not connected");
}

#[tokio::test]
async fn lists_jobs_newest_first_in_pages_of_rows() {
    let world = World::open().await;
    let page = world.data("job/list/job", json!({"limit": 3})).await;
    assert_eq!(
        (page["jobs"].as_array().map(Vec::len), &page["count"]),
        (Some(3), &json!(7))
    );
    assert_eq!(
        (&page["jobs"][0]["job_id"], &page["jobs"][0]["party_id"]),
        (&json!(WAITING), &json!(9999))
    );
    assert_eq!(page["jobs"][0]["partners"], json!([10000]));
    assert!(
        page["jobs"][0]
            .as_object()
            .expect("row")
            .keys()
            .all(|name| !name.starts_with("f_"))
    );
    let rest = world
        .data("job/list/job", json!({"limit": 3, "page": 3}))
        .await;
    assert_eq!(
        (
            rest["jobs"].as_array().map(Vec::len),
            &rest["jobs"][0]["job_id"]
        ),
        (Some(1), &json!(UPLOAD))
    );
    let hosts = world
        .data(
            "job/list/job",
            json!({"role": ["host"], "status": "success"}),
        )
        .await;
    assert_eq!(
        (&hosts["count"], &hosts["jobs"][0]["job_id"]),
        (&json!(1), &json!(TRAIN))
    );
    let oldest = world
        .data("job/list/job", json!({"order": "asc", "limit": 1}))
        .await;
    assert_eq!(oldest["jobs"][0]["job_id"], UPLOAD);
}

#[tokio::test]
async fn refuses_list_parameters_in_the_words_of_fate() {
    let world = World::open().await;
    for (body, message) in [
        (json!({"limit": -1}), "Invalid parameter 'limit' or 'page'."),
        (json!({"page": 0}), "Invalid parameter 'limit' or 'page'."),
        (
            json!({"role": ["guest", "boss"]}),
            "Invalid parameter 'role'.",
        ),
        (json!({"status": "ready"}), "Invalid parameter 'status'."),
        (json!({"party_id": "x"}), "Invalid parameter 'party_id'."),
        (json!({"order_by": "name"}), "Invalid parameter 'order_by'."),
        (json!({"order": "up"}), "Invalid parameter order 'order'."),
    ] {
        let (status, reply) = world.post("job/list/job", body).await;
        assert_eq!(
            (status, reply),
            (400, json!({"retcode": 400, "retmsg": message}))
        );
    }
}

#[tokio::test]
async fn no_list_takes_a_filter_that_it_cannot_read_for_none() {
    let world = World::open().await;
    for (path, body, name) in [
        ("job/list/job", json!({"role": {"a": 1}}), "role"),
        ("job/list/job", json!({"role": 5}), "role"),
        ("job/list/job", json!({"role": [["guest"]]}), "role"),
        ("job/list/job", json!({"status": {"a": 1}}), "status"),
        ("job/list/job", json!({"party_id": [9999]}), "party_id"),
        ("job/list/job", json!({"party_id": true}), "party_id"),
        ("job/list/job", json!({"job_id": {}}), "job_id"),
        ("job/list/job", json!({"partner": ["1"]}), "partner"),
        ("job/list/job", json!({"order_by": ["job_id"]}), "order_by"),
        ("job/list/task", json!({"role": "xx"}), "role"),
        ("job/list/task", json!({"role": ["guest"]}), "role"),
        ("job/list/task", json!({"party_id": "abc"}), "party_id"),
        ("job/list/task", json!({"party_id": {"a": 1}}), "party_id"),
        (
            "job/list/task",
            json!({"component_name": {"a": 1}}),
            "component_name",
        ),
        ("job/list/task", json!({"job_id": [TRAIN]}), "job_id"),
        ("job/query", json!({"role": {"a": 1}}), "role"),
        (
            "job/query",
            json!({"party_id": {"a": 1}, "job_id": TRAIN}),
            "party_id",
        ),
        ("job/task/query", json!({"role": {"a": 1}}), "role"),
        (
            "job/data/view/query",
            json!({"job_id": TRAIN, "party_id": {"a": 1}}),
            "party_id",
        ),
        (
            "job/report",
            json!({"job_id": TRAIN, "status": ["failed"], "role": ["guest"]}),
            "role",
        ),
        (
            "model/query",
            json!({"role": {"a": 1}, "model_id": "m"}),
            "role",
        ),
        (
            "tracking/component/metrics",
            json!({"job_id": TRAIN, "component_name": "hetero_lr_0", "role": ["guest"]}),
            "role",
        ),
        ("job/stop", json!({"job_id": {"a": 1}}), "job_id"),
        (
            "job/stop",
            json!({"job_id": TRAIN, "stop_status": "paused"}),
            "stop_status",
        ),
        (
            "job/rerun",
            json!({"job_id": TRAIN, "component_name": {"a": 1}}),
            "component_name",
        ),
        (
            "job/rerun",
            json!({"job_id": TRAIN, "component_name": [{"a": 1}]}),
            "component_name",
        ),
    ] {
        let (status, reply) = world.post(path, body.clone()).await;
        let text = format!("Invalid parameter '{name}'.");
        assert_eq!(
            (status, reply),
            (400, json!({"retcode": 400, "retmsg": text})),
            "{path} {body}"
        );
    }
    for body in [json!({"limit": {"a": 1}}), json!({"page": [1]})] {
        let (status, reply) = world.post("job/list/task", body).await;
        assert_eq!(
            (status, &reply["retmsg"]),
            (400, &json!("Invalid parameter 'limit' or 'page'."))
        );
    }
    let of_party = world
        .data(
            "job/list/task",
            json!({"party_id": 9999, "role": "guest", "job_id": TRAIN}),
        )
        .await;
    assert_ne!(of_party["count"], json!(0));
    let lists = world
        .data(
            "job/query",
            json!({"job_id": [TRAIN], "role": ["guest", "host"]}),
        )
        .await;
    assert_eq!(
        lists.as_array().map(Vec::len),
        Some(2),
        "a list stands for any of its values"
    );
}

#[tokio::test]
async fn lists_tasks_with_every_try() {
    let world = World::open().await;
    let page = world.data("job/list/task", json!({"limit": 3})).await;
    assert_eq!(
        (page["tasks"].as_array().map(Vec::len), &page["count"]),
        (Some(3), &json!(15))
    );
    let attempts = world
        .data(
            "job/list/task",
            json!({"job_id": TRAIN, "component_name": "hetero_lr_0", "role": "guest"}),
        )
        .await;
    let versions: Vec<&Value> = attempts["tasks"]
        .as_array()
        .expect("list")
        .iter()
        .map(|task| &task["task_version"])
        .collect();
    assert_eq!(versions, [&json!(0), &json!(1)]);
    assert_eq!(
        (
            &attempts["tasks"][0]["status"],
            &attempts["tasks"][0]["party_id"]
        ),
        (&json!("failed"), &json!(9999))
    );
}

#[tokio::test]
async fn finds_tasks_of_the_newest_try_with_the_state_of_all_parties() {
    let world = World::open().await;
    let rows = world
        .data(
            "job/task/query",
            json!({"job_id": TRAIN, "role": "arbiter"}),
        )
        .await;
    assert_eq!(rows.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&rows[0]["f_task_version"], &rows[0]["f_task_id"]),
        (&json!(1), &json!(format!("{TRAIN}_hetero_lr_0")))
    );
    let failed = world
        .data(
            "job/task/query",
            json!({"job_id": TRAIN, "status": "failed"}),
        )
        .await;
    assert_eq!(
        failed.as_array().map(Vec::len),
        Some(3),
        "all parties of the failed attempt"
    );
    let by_party: Vec<&str> = failed
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["f_party_status"].as_str())
        .collect();
    assert_eq!(by_party, ["failed", "canceled", "canceled"]);
    for row in failed.as_array().expect("rows") {
        let report = row["f_error_report"].as_str().expect("text");
        assert!(
            report.contains("can not found table name") && report.contains("9999"),
            "{report}"
        );
    }
    assert!(
        failed[1]["f_error_report"]
            .as_str()
            .is_some_and(|text| text.starts_with("[FF504] party 9999 ended this step"))
    );
    let (status, reply) = world
        .post(
            "job/task/query",
            json!({"job_id": TRAIN, "status": "running"}),
        )
        .await;
    assert_eq!(
        (status, reply),
        (200, json!({"retcode": 101, "retmsg": "find task failed"}))
    );
}

#[tokio::test]
async fn puts_notes_on_one_row() {
    let world = World::open().await;
    let (_, reply) = world
        .post(
            "job/update",
            json!({"job_id": TRAIN, "role": "guest", "party_id": 9999, "notes": "n"}),
        )
        .await;
    assert_eq!(reply, json!({"retcode": 0, "retmsg": "success"}));
    let rows = world.data("job/query", json!({"job_id": TRAIN})).await;
    let notes: Vec<&str> = rows
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["f_description"].as_str())
        .collect();
    assert_eq!(notes, ["n", "", ""]);
    let listed = world
        .data("job/list/job", json!({"description": "N", "limit": 5}))
        .await;
    assert_eq!(
        (&listed["count"], &listed["jobs"][0]["role"]),
        (&json!(1), &json!("guest")),
        "only the row with the notes"
    );
    let (_, reply) = world
        .post(
            "job/update",
            json!({"job_id": "1", "role": "guest", "party_id": 9999}),
        )
        .await;
    assert_eq!(reply, json!({"retcode": 101, "retmsg": "find job failed"}));
    let (_, reply) = world.post("job/update", json!({"role": "guest"})).await;
    assert_eq!(
        reply,
        json!({"retcode": 100, "retmsg": "KeyError('job_id')"})
    );
}

#[tokio::test]
async fn stops_and_reruns_and_tells_unknown_jobs() {
    let world = World::open().await;
    for path in ["job/stop", "job/rerun"] {
        let (_, reply) = world.post(path, json!({"job_id": "1"})).await;
        assert_eq!(
            reply,
            json!({"retcode": 102, "retmsg": "can not found job"})
        );
    }
    let (_, reply) = world.post("job/stop", json!({"job_id": TRAIN})).await;
    assert_eq!(
        reply,
        json!({"retcode": 0, "retmsg": "stop job on this party success; stop job on all party success"})
    );
    let rows = world
        .data("job/query", json!({"job_id": TRAIN, "role": "guest"}))
        .await;
    assert_eq!(
        rows[0]["f_status"], "success",
        "a job that ended stays as it is"
    );
    let (_, reply) = world
        .post(
            "job/rerun",
            json!({"job_id": TRAIN, "component_name": ["hetero_lr_0"], "force": true}),
        )
        .await;
    assert_eq!(reply, json!({"retcode": 0, "retmsg": "rerun job success"}));
    let rows = world
        .data("job/query", json!({"job_id": TRAIN, "role": "guest"}))
        .await;
    assert_eq!(rows[0]["f_status"], "waiting");
}

#[tokio::test]
async fn shows_a_partys_user_only_the_jobs_of_the_party() {
    let world = World::open().await;
    let (_, own) = world
        .post_as(
            Some("9999"),
            "job/query",
            json!({"job_id": TRAIN, "role": "host"}),
        )
        .await;
    assert_eq!(own["data"].as_array().map(Vec::len), Some(1));
    for (path, body) in [
        ("job/query", json!({"job_id": TRAIN})),
        ("job/config", json!({"job_id": TRAIN})),
        ("job/stop", json!({"job_id": TRAIN})),
        ("job/task/query", json!({"job_id": TRAIN})),
        ("tracking/component/list", json!({"job_id": TRAIN})),
    ] {
        let (_, reply) = world.post_as(Some("7777"), path, body).await;
        assert!(
            reply["retcode"] != 0 || reply["data"] == json!([]),
            "{path}: {reply}"
        );
    }
    let (_, list) = world.post_as(Some("7777"), "job/list/job", json!({})).await;
    assert_eq!(list["data"], json!({"jobs": [], "count": 0}));
    let (_, list) = world
        .post_as(Some("7777"), "job/list/task", json!({}))
        .await;
    assert_eq!(list["data"], json!({"tasks": [], "count": 0}));
}

#[tokio::test]
async fn clears_the_queue() {
    let world = World::open().await;
    let canceled = world.data("job/clean/queue", json!(null)).await;
    assert_eq!(canceled, json!({WAITING: 0}));
}

#[tokio::test]
async fn has_each_party_remove_what_a_job_left() {
    let world = World::open().await;
    let figures = json!({"job_id": TRAIN, "component_name": "hetero_lr_0", "role": "arbiter", "party_id": 10000});
    let done = world
        .data(
            "job/clean",
            json!({"job_id": TRAIN, "role": "guest", "party_id": 9999}),
        )
        .await;
    assert_eq!(done, json!({"9999": {"tables": 2}}));
    let left = world
        .data("tracking/component/metric/all", figures.clone())
        .await;
    assert_ne!(left, json!({}), "another party's figures stay");
    let (_, reply) = world.post("job/clean", json!({"job_id": TRAIN})).await;
    assert_eq!(reply["retcode"], 103, "{reply}");
    let text = reply["retmsg"].as_str().expect("text");
    assert!(
        text.contains("party 10000 did not remove") && !text.contains("party 9999"),
        "{text}"
    );
    let (_, gone) = world.post("tracking/component/metric/all", figures).await;
    assert_eq!(gone, json!({"retcode": 0, "retmsg": "no data", "data": {}}));
    // Nothing drives the jobs here, so that the wish to end it is all that comes of it.
    let (_, reply) = world.post("job/clean", json!({"job_id": WAITING})).await;
    assert!(
        reply["retmsg"]
            .as_str()
            .is_some_and(|text| text.contains("is being stopped")),
        "{reply}"
    );
    let job = world
        .coordinator
        .jobs()
        .get(&WAITING.parse().expect("id"))
        .await
        .expect("there");
    assert_eq!(
        job.stop.map(|stop| stop.settle_as),
        Some(domain::JobState::Canceled)
    );
    let (_, reply) = world.post("job/clean", json!({"job_id": "1"})).await;
    assert_eq!(
        reply,
        json!({"retcode": 100, "retmsg": "Exception('no found task')"})
    );
    let (_, reply) = world.post("job/clean", json!({})).await;
    assert_eq!(
        reply,
        json!({"retcode": 101, "retmsg": "required argument are missing: job_id; "})
    );
}

#[tokio::test]
async fn changes_parameters_in_the_words_of_fate() {
    let world = World::open().await;
    let (_, reply) = world.post("job/parameter/update", json!({})).await;
    assert_eq!(reply["retmsg"], "required argument are missing: job_id; ");
    let (_, reply) = world
        .post("job/parameter/update", json!({"job_id": "1"}))
        .await;
    assert_eq!(
        reply,
        json!({"retcode": 102, "retmsg": "can not found job"})
    );
}

#[tokio::test]
async fn shows_a_job_that_somebody_stops_as_stopped_at_once() {
    use domain::{JobState, StopRequest};
    let world = World::open().await;
    let mut job = world
        .coordinator
        .jobs()
        .get(&TRAIN.parse().expect("id"))
        .await
        .expect("there");
    job.state = JobState::Stopping;
    assert_eq!(crate::status::of(&job), "running", "the rules stop it");
    for (settle_as, word) in [
        (JobState::Canceled, "canceled"),
        (JobState::Failed, "failed"),
    ] {
        let reason = vocabulary::Fault::new(vocabulary::ErrorCode::Canceled, "the job was stopped");
        job.stop = Some(StopRequest {
            settle_as,
            reason,
            at: job.created,
        });
        assert_eq!(crate::status::of(&job), word);
        assert!(crate::status::job_states(word).contains(&JobState::Stopping));
    }
}

#[tokio::test]
async fn gives_every_row_once_also_of_a_list_that_goes_out_in_pieces() {
    let world = World::open().await;
    let jobs = 2 * crate::pages::PAGE as usize + 7;
    let dsl = json!({"components": {"secure_add_example_0": {"module": "SecureAddExample"}}});
    let conf = json!({
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": [9999], "host": [10000]},
        "job_parameters": {"common": {}},
        "component_parameters": {"common": {"secure_add_example_0": {"partition": 4}}},
    });
    let before = world.data("job/list/job", json!({})).await["count"]
        .as_u64()
        .expect("a count");
    for _ in 0..jobs {
        let (_, reply) = world
            .post(
                "job/submit",
                json!({"job_dsl": dsl, "job_runtime_conf": conf}),
            )
            .await;
        assert_eq!(reply["retcode"], 0, "{reply}");
    }
    let ids = |rows: &Value, id: &str, party: &str| {
        let text = |row: &Value, name: &str| row[name].to_string();
        let rows = rows.as_array().expect("rows").iter();
        rows.map(|row| text(row, id) + &text(row, party))
            .collect::<std::collections::BTreeSet<String>>()
            .len()
    };
    let rows = world
        .data(
            "job/query",
            json!({"status": "waiting", "role": ["guest", "host"], "name": [""]}),
        )
        .await;
    // the fixture has a waiting job, too
    assert_eq!(rows.as_array().map(Vec::len), Some(2 * jobs + 2));
    assert_eq!(ids(&rows, "f_job_id", "f_party_id"), 2 * jobs + 2);
    let list = world.data("job/list/job", json!({})).await;
    assert_eq!(list["count"].as_u64(), Some(before + 2 * jobs as u64));
    assert_eq!(
        list["jobs"].as_array().map(Vec::len),
        Some(before as usize + 2 * jobs)
    );
    let last = world
        .data(
            "job/list/job",
            json!({"limit": 5, "page": 2, "order": "asc"}),
        )
        .await;
    assert_eq!(
        (
            last["count"].as_u64(),
            last["jobs"].as_array().map(Vec::len)
        ),
        (list["count"].as_u64(), Some(5))
    );
    let (_, config) = world
        .post("job/config", json!({"status": "waiting", "role": "guest"}))
        .await;
    assert_eq!(
        (
            config["retcode"].as_i64(),
            config["data"]["dsl"].is_object()
        ),
        (Some(0), true)
    );
}
