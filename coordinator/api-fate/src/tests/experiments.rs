//! Experiments and schedules as FATE-Flow's callers meet them.

use domain::NewExperiment;
use serde_json::{Value, json};
use vocabulary::Tenant;

use super::fixture::World;

fn toy(experiment: &str) -> Value {
    json!({
        "job_dsl": {"components": {"secure_add_example_0": {"module": "SecureAddExample"}}},
        "job_runtime_conf": {
            "dsl_version": 2,
            "initiator": {"role": "guest", "party_id": 9999},
            "role": {"guest": ["9999"], "host": ["10000"]},
            "job_parameters": {"common": {"experiment": experiment}},
        },
    })
}

async fn experiment(world: &World, name: &str) -> String {
    let made = world
        .coordinator
        .experiments()
        .create(NewExperiment::named(Tenant::only(), name))
        .await;
    made.expect("made").id.to_string()
}

#[tokio::test]
async fn jobs_are_found_by_the_experiment_that_their_documents_name() {
    let world = World::open().await;
    let id = experiment(&world, "trial").await;
    let mut jobs = Vec::new();
    for named in ["trial", id.as_str(), "Default"] {
        if named == "Default" {
            experiment(&world, named).await;
        }
        let (_, reply) = world.post("job/submit", toy(named)).await;
        assert_eq!(reply["retcode"], 0, "{named}: {reply}");
        jobs.push(reply["jobId"].clone());
    }
    for named in ["trial", id.as_str()] {
        let found = world
            .data("job/query", json!({"experiment": named, "role": "guest"}))
            .await;
        let found: Vec<Value> = found
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| row["f_job_id"].clone())
            .collect();
        assert_eq!(found, jobs[..2], "{named}");
    }
    let rows = world.data("job/query", json!({"job_id": jobs[0]})).await;
    assert_eq!(rows[0]["f_experiment"], id);
    assert_eq!(
        world
            .data("job/query", json!({"experiment": "nowhere"}))
            .await,
        json!([])
    );
    let (_, reply) = world.post("job/submit", toy("nowhere")).await;
    assert_eq!((&reply["retcode"], reply.get("jobId")), (&json!(103), None));
    assert!(
        reply["retmsg"]
            .as_str()
            .expect("text")
            .ends_with("Exception: experiment nowhere does not exist"),
        "{reply}"
    );
}

#[tokio::test]
async fn an_archived_experiment_refuses_in_fates_form() {
    let world = World::open().await;
    let id = experiment(&world, "trial").await;
    world
        .coordinator
        .experiments()
        .archive(None, &id, true)
        .await
        .expect("archived");
    let (status, reply) = world.post("job/submit", toy("trial")).await;
    assert_eq!((status, &reply["retcode"]), (200, &json!(103)), "{reply}");
    let text = reply["retmsg"].as_str().expect("text");
    assert!(
        text.ends_with("Exception: experiment trial is archived and takes no new work"),
        "{text}"
    );
}

#[tokio::test]
async fn schedules_are_made_switched_and_deleted() {
    let world = World::open().await;
    let id = experiment(&world, "trial").await;
    let with = |rule: Value| {
        let mut body = toy("trial");
        body.as_object_mut()
            .expect("object")
            .extend(rule.as_object().expect("object").clone());
        body
    };
    for (rule, word) in [
        (json!({}), "nowhere"),
        (
            json!({"every_seconds": 60, "cron": "0 * * * *"}),
            "two rules",
        ),
        (json!({"every_seconds": "often"}), "not a whole number"),
        (json!({"every_seconds": 0}), "every_seconds is 1 to"),
        (json!({"cron": "soon"}), "cron text"),
        (
            json!({"every_seconds": 60, "job_dsl": {}}),
            "create job failed",
        ),
    ] {
        let (_, reply) = world.post("fedflow/schedules/create", with(rule)).await;
        assert_ne!(reply["retcode"], 0, "{reply}");
        assert!(
            reply["retmsg"].as_str().expect("text").contains(word),
            "{word}: {reply}"
        );
    }
    let made = world
        .data(
            "fedflow/schedules/create",
            with(json!({"every_seconds": 60, "name": "nightly"})),
        )
        .await;
    let next = made["next_time"].as_i64().expect("a time");
    assert_eq!(
        (
            next - made["create_time"].as_i64().expect("a time"),
            &made["experiment"]
        ),
        (60_000, &json!(id))
    );
    let cron = world
        .data(
            "fedflow/schedules/create",
            with(json!({"cron": "0 3 * * *", "enabled": false})),
        )
        .await;
    assert_eq!(
        (&cron["enabled"], &cron["next_time"], &cron["cron"]),
        (&json!(false), &Value::Null, &json!("0 3 * * *"))
    );
    let listed = world.data("fedflow/schedules/query", json!({})).await;
    // both were made in one instant, so that their ids say which comes first
    assert!(
        [json!([made, cron]), json!([cron, made])].contains(&listed),
        "{listed}"
    );
    let of = json!({"schedule_id": made["schedule_id"]});
    assert_eq!(
        world.data("fedflow/schedules/query", of.clone()).await,
        json!([made])
    );
    assert_eq!(
        world.data("fedflow/schedules/disable", of.clone()).await["next_time"],
        Value::Null
    );
    assert_eq!(
        world.data("fedflow/schedules/enable", of.clone()).await["enabled"],
        true
    );
    assert_eq!(
        world.post("fedflow/schedules/delete", of.clone()).await.1["retcode"],
        0
    );
    assert_eq!(
        world.post("fedflow/schedules/delete", of.clone()).await.1["retcode"],
        101
    );
    let (_, other) = world
        .post_as(Some("10000"), "fedflow/schedules/query", json!({}))
        .await;
    assert_eq!(other["data"], json!([]), "they are the initiator's");
}
