//! What a submission is told at once: what nothing reads, and what a party's policy refuses; and how a job that runs is cleaned.

use std::time::Instant;

use fedflow_tests::fixtures::{lr_conf, lr_dsl};
use serde_json::{Value, json};

use super::loaded;

#[tokio::test]
async fn a_misspelt_component_is_warned_of_in_answer_row_log_and_on_the_command_line() {
    let cluster = loaded().await;
    let rest = &cluster.rest;
    let mut conf = lr_conf(2);
    let learner = conf["component_parameters"]["common"]
        .as_object_mut()
        .expect("object")
        .remove("hetero_lr_0");
    conf["component_parameters"]["common"]["hetero_lr_O"] = learner.expect("there");
    conf["component_parameters"]["common"]["hetero_lr_0"] =
        json!({"max_iter": 2, "batch_size": -1});
    conf["component_parameters"]["role"]["host"]["1"] =
        json!({"data_transform_0": {"with_label": true}});
    conf["job_parameters"] = json!({"common": {"task_coers": 2, "auto_retris": 9}});
    let reply = rest.submit(&lr_dsl(), &conf).await;
    assert_eq!(reply["retcode"], 0, "{reply}");
    let job = reply["jobId"].as_str().expect("a job id").to_owned();
    let row = rest.ended(&job).await;
    assert_eq!(row["f_status"], "success", "{}", row["f_error_report"]);
    let told = [
        "hetero_lr_O names no component of the DSL and does nothing; did you mean hetero_lr_0?",
        "role.host.1 means host 1, which does not exist,",
        "task_coers is not known and does nothing; did you mean task_cores?",
        "auto_retris is not known and does nothing; did you mean auto_retries?",
    ];
    for expected in told {
        assert!(
            reply["retmsg"].as_str().expect("text").contains(expected),
            "{reply}"
        );
        assert!(
            row["f_warnings"].to_string().contains(expected),
            "{}",
            row["f_warnings"]
        );
    }
    assert_eq!(
        row["f_warnings"].as_array().map(Vec::len),
        Some(told.len()),
        "and nothing else"
    );
    let file = |name: &str, document: &Value| {
        let path = cluster.dir.path().join(name);
        std::fs::write(&path, document.to_string()).expect("written");
        path.display().to_string()
    };
    let (dsl, conf) = (file("dsl.json", &lr_dsl()), file("conf.json", &conf));
    let rest = rest.base.as_str();
    let ran = cluster.program().run(&[
        "job", "submit", "--dsl", &dsl, "--conf", &conf, "--rest", rest, "--wait",
    ]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "{said}");
    for expected in told {
        assert!(
            said.contains("warning: job_runtime_conf.") && said.contains(expected),
            "{said}"
        );
    }
    cluster.end();
}

#[tokio::test]
async fn a_policys_refusal_is_the_answer_to_the_submission() {
    let mut cluster = loaded().await;
    // The reference: without the rule the same job is taken.
    let job = cluster.rest.submitted(&lr_dsl(), &lr_conf(1)).await;
    cluster.rest.succeeded(&job).await;
    let policy = cluster.dir.path().join("party-10000/policy.toml");
    let text = std::fs::read_to_string(&policy).expect("a policy");
    std::fs::write(
        &policy,
        text.replace("tables = [\"*\"]", "tables = [\"experiment.other\"]"),
    )
    .expect("written");
    cluster.restart();
    let rest = &cluster.rest;
    let began = Instant::now();
    let reply = rest.submit(&lr_dsl(), &lr_conf(1)).await;
    assert!(began.elapsed().as_millis() < 2_000, "{:?}", began.elapsed());
    assert_eq!(reply["retcode"], 103, "{reply}");
    let text = reply["retmsg"].as_str().expect("text");
    assert!(
        text.starts_with("create job failed") && text.contains("(party 10000)"),
        "{text}"
    );
    assert_eq!(reply["fault"]["party"], "10000");
    let job = reply["jobId"].as_str().expect("the row can be looked up");
    assert_eq!(rest.job(job).await["f_status"], "failed");
    let tasks = rest
        .data("/v1/job/task/query", &json!({"job_id": job}))
        .await;
    let reason = reply["fault"]["message"].as_str().expect("text");
    let tasks = tasks.as_array().expect("rows").clone();
    assert!(tasks.len() >= 10, "{tasks:?}");
    for task in &tasks {
        assert!(
            task["f_error_report"]
                .as_str()
                .expect("text")
                .contains(reason),
            "{task}"
        );
    }
    cluster.end();
}

#[tokio::test]
async fn a_job_that_runs_is_ended_before_it_is_cleaned() {
    let cluster = loaded().await;
    let rest = &cluster.rest;
    for at_party in [false, true] {
        let mut conf = lr_conf(5_000);
        conf["component_parameters"]["common"]["hetero_lr_0"]["early_stop"] = json!("weight_diff");
        conf["component_parameters"]["common"]["hetero_lr_0"]["tol"] = json!(1e-300);
        let job = rest.submitted(&lr_dsl(), &conf).await;
        let learner = json!({"job_id": job, "component_name": "hetero_lr_0", "role": "arbiter", "party_id": "10000"});
        // It has figures, and goes on.
        let measured = async {
            while rest.post("/v1/tracking/component/metrics", &learner).await["data"]
                .as_object()
                .is_none_or(|own| own.is_empty())
            {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), measured)
            .await
            .expect("the job measures something");
        assert_eq!(rest.job(&job).await["f_status"], "running");
        let asked = if at_party {
            cluster.party("10000")
        } else {
            rest.clone()
        };
        let reply = asked.post("/v1/job/clean", &json!({"job_id": job})).await;
        assert_eq!(
            reply["retcode"], 0,
            "at the party's own endpoint: {at_party}: {reply}"
        );
        assert_eq!(rest.job(&job).await["f_status"], "canceled");
        let left = rest.post("/v1/tracking/component/metrics", &learner).await;
        assert_eq!(left["retmsg"], "no data", "{left}");
        let again = asked.post("/v1/job/clean", &json!({"job_id": job})).await;
        assert_eq!(again["retcode"], 0, "an ended job: {again}");
    }
    let unknown = rest
        .post("/v1/job/clean", &json!({"job_id": "20260101000000000000"}))
        .await;
    assert_eq!(
        (&unknown["retcode"], &unknown["retmsg"]),
        (&json!(100), &json!("Exception('no found task')"))
    );
    cluster.end();
}
