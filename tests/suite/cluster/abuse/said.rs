//! One fault, said the same at every place where somebody may look.

use fedflow_tests::fixtures::{lr_conf, lr_dsl};
use serde_json::{Value, json};

use super::super::loaded;
use super::{lines_with, no_panics};

#[tokio::test]
async fn a_missing_table_is_said_the_same_everywhere() {
    let cluster = loaded().await;
    let mut conf = lr_conf(1);
    conf["component_parameters"]["role"]["host"]["0"]["reader_0"]["table"]["name"] = json!("hosst");
    let job = cluster.rest.submitted(&lr_dsl(), &conf).await;
    let row = cluster.rest.ended(&job).await;
    assert_eq!(row["f_status"], "failed");

    let tasks = cluster
        .rest
        .data("/v1/job/task/query", &json!({"job_id": job}))
        .await;
    let all = tasks.as_array().expect("tasks");
    let failed: Vec<&Value> = all
        .iter()
        .filter(|task| task["f_fault"]["code"] == "FF201" && task["f_status"] == "failed")
        .collect();
    let never_began = all.iter().filter(|task| task["f_status"] == "waiting");
    for task in never_began {
        let report = task["f_error_report"].as_str().expect("a report");
        assert!(
            report.contains("FF201") && report.contains("did not begin"),
            "{report}"
        );
    }
    assert_eq!(failed.len(), 1, "{tasks}");
    let fault = &failed[0]["f_fault"];
    let (message, next) = (
        fault["message"].as_str().expect("a message"),
        fault["next"].as_str().expect("a next step"),
    );
    assert_eq!(fault["party"], "10000", "{fault}");
    assert!(message.contains("hosst"), "{message}");
    assert_eq!(row["f_fault"], *fault, "the job's own cause");
    let report = failed[0]["f_error_report"].as_str().expect("a report");
    let parts = ["FF201", message, "party 10000", next];
    parts
        .iter()
        .for_each(|part| assert!(report.contains(part), "no {part:?} in {report}"));

    let rest = cluster.rest.base.clone();
    let (id, program) = (job.clone(), cluster.program());
    let (text, as_json) = tokio::task::spawn_blocking(move || {
        (
            program.run(&["job", "wait", &id, "--rest", &rest]),
            program.run(&["job", "wait", &id, "--rest", &rest, "--json"]),
        )
    })
    .await
    .expect("ran");
    assert_eq!(
        (text.status.code(), as_json.status.code()),
        (Some(1), Some(1))
    );
    let said = String::from_utf8_lossy(&text.stderr).into_owned();
    ["FF201", message, "10000", next]
        .iter()
        .for_each(|part| assert!(said.contains(part), "no {part:?} in {said}"));
    let said: Value = serde_json::from_slice(&as_json.stdout).expect("JSON");
    assert_eq!(said["error"], *fault);

    for log in ["party-10000/agent.log", "coordinator/coordinator.log"] {
        let lines = lines_with(&cluster.dir.path().join(log), "FF201");
        let whole = lines
            .iter()
            .any(|line| parts.iter().all(|part| line.contains(part)) && line.contains(&job));
        assert!(whole, "{log}: {lines:?}");
    }
    let of = json!({"job_id": job, "log_type": "partyInfo", "role": "host", "party_id": "10000"});
    let lines = cluster.rest.data("/v1/log/cat", &of).await.to_string();
    assert!(
        lines.contains("FF201") && lines.contains("hosst"),
        "{lines}"
    );
    no_panics(cluster.dir.path());
    cluster.end();
}

#[tokio::test]
async fn a_refused_submission_is_said_the_same_by_rest_and_command_line() {
    let cluster = loaded().await;
    let mut conf = lr_conf(1);
    conf["component_parameters"]["common"]["hetero_lr_0"]["optimizer"] = json!("magic");
    conf["component_parameters"]["common"]["hetero_lr_0"]["max_itr"] = json!(1);
    let reply = cluster.rest.submit(&lr_dsl(), &conf).await;
    let fault = reply["fault"].clone();
    assert_eq!(fault["code"], "FF103", "{reply}");
    let folder = cluster.dir.path().to_owned();
    std::fs::write(folder.join("dsl.json"), lr_dsl().to_string()).expect("written");
    std::fs::write(folder.join("conf.json"), conf.to_string()).expect("written");
    let (rest, program) = (cluster.rest.base.clone(), cluster.program());
    let output = tokio::task::spawn_blocking(move || {
        let file = |name: &str| folder.join(name).to_str().expect("a path").to_owned();
        program.run(&[
            "job",
            "submit",
            "--dsl",
            &file("dsl.json"),
            "--conf",
            &file("conf.json"),
            "--rest",
            &rest,
            "--json",
        ])
    });
    let output = output.await.expect("ran");
    assert_eq!(output.status.code(), Some(1));
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(said["error"], fault);
    // Whatever else is wrong stands beside it.
    let others = reply["retmsg"]
        .as_str()
        .expect("text")
        .lines()
        .filter(|line| line.starts_with("  "))
        .count()
        - 1;
    let also = String::from_utf8_lossy(&output.stderr)
        .lines()
        .filter(|line| line.starts_with("also "))
        .count();
    assert_eq!(also, others, "{}", String::from_utf8_lossy(&output.stderr));
    cluster.end();
}
