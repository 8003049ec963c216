//! One server's words for tables, where each party has its own: what is meant is where the table is, and answers say where.

use serde_json::{Value, json};
use vocabulary::JobId;

use super::fixture::{World, party};

/// A federation whose parties have table `t`.
async fn with_table_at(parties: &[&str]) -> World {
    let world = World::open().await;
    let mut tables = world.agents.tables.lock().expect("lock");
    tables.extend(
        parties
            .iter()
            .map(|party| ((*party).to_owned(), "t".to_owned())),
    );
    drop(tables);
    world
}

/// The parties at which the job of a reply runs.
async fn cast(world: &World, reply: &Value) -> Vec<String> {
    assert_eq!(reply["retcode"], 0, "{reply}");
    let id: JobId = reply["jobId"]
        .as_str()
        .expect("a job")
        .parse()
        .expect("an id");
    let job = world.coordinator.jobs().get(&id).await.expect("stored");
    assert_eq!(
        job.cast.local,
        std::slice::from_ref(&job.initiator.party),
        "each party's job is its own"
    );
    let jobs = reply["data"]["jobs"].as_object().expect("a job for each");
    assert_eq!(jobs[job.initiator.party.as_str()], json!(id));
    jobs.keys().cloned().collect()
}

fn copy() -> Value {
    json!({"namespace": "n", "table_name": "t", "output_namespace": "m", "output_name": "u"})
}

fn with(body: Value, more: Value) -> Value {
    let mut fields = body.as_object().expect("an object").clone();
    fields.extend(more.as_object().expect("an object").clone());
    Value::Object(fields)
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_made_wherever_the_table_is() {
    let world = with_table_at(&["10000", "9999"]).await;
    let (_, reply) = world.post("data/writer", copy()).await;
    assert_eq!(cast(&world, &reply).await, ["10000", "9999"]);
    assert_eq!(reply["data"]["parties"], json!(["10000", "9999"]));
    let (_, named) = world
        .post("data/writer", with(copy(), json!({"party_id": 9999})))
        .await;
    assert_eq!(
        (cast(&world, &named).await, &named["data"]["parties"]),
        (vec!["9999".to_owned()], &json!(["9999"]))
    );
    let one = with_table_at(&["9999"]).await;
    let (_, reply) = one.post("data/writer", copy()).await;
    assert_eq!(cast(&one, &reply).await, ["9999"]);
    // A party's own user reaches its own table, whoever else has one of the name.
    let (_, own) = world.post_as(Some("10000"), "data/writer", copy()).await;
    assert_eq!(own["data"]["parties"], json!(["10000"]));
}

#[tokio::test]
async fn one_file_is_written_at_one_party_that_has_the_table() {
    let world = with_table_at(&["10000", "9999"]).await;
    let file = json!({"namespace": "n", "table_name": "t", "engine": "PATH", "address": {"path": "o.csv"}});
    let download = json!({"namespace": "n", "table_name": "t", "output_path": "o.csv"});
    for (path, body) in [("data/writer", file), ("data/download", download)] {
        let (_, reply) = world.post(path, body).await;
        assert_eq!(cast(&world, &reply).await, ["10000"], "{path}");
        assert_eq!(reply["data"]["parties"], json!(["10000"]), "{path}");
    }
}

#[tokio::test]
async fn where_a_party_cannot_say_whether_it_has_the_table_nothing_is_copied() {
    let world = with_table_at(&["10000", "9999"]).await;
    world
        .agents
        .away
        .lock()
        .expect("lock")
        .insert("10000".into());
    let (_, reply) = world.post("data/writer", copy()).await;
    assert_ne!(reply["retcode"], 0, "{reply}");
    let (_, named) = world
        .post("data/writer", with(copy(), json!({"party_id": "9999"})))
        .await;
    assert_eq!(named["retcode"], 0, "{named}");
}

#[tokio::test]
async fn a_table_without_a_name_is_one_that_is_not_there() {
    let world = World::open().await;
    for body in [
        json!({}),
        json!({"namespace": "n"}),
        json!({"table_name": "t"}),
        json!({"namespace": "", "table_name": "t"}),
        json!({"namespace": "n", "table_name": ""}),
        json!({"namespace": null, "table_name": null}),
        json!({"namespace": "n", "name": null, "party_id": "9999"}),
    ] {
        let (_, reply) = world.post("table/table_info", body.clone()).await;
        let told = (
            &reply["retcode"],
            &reply["data"]["exist"],
            &reply["data"]["count"],
        );
        assert_eq!(told, (&json!(0), &json!(0), &json!(0)), "{body}: {reply}");
    }
    assert!(
        world.agents.targets().is_empty(),
        "no party is asked for it"
    );
}

#[tokio::test]
async fn what_is_told_of_a_table_says_of_whose() {
    let world = with_table_at(&["10000", "9999"]).await;
    let named = json!({"namespace": "n", "table_name": "t"});
    assert_eq!(
        world.data("table/table_info", named.clone()).await["parties"],
        json!(["10000", "9999"])
    );
    let one = world
        .data("table/table_info", with(named, json!({"party_id": "9999"})))
        .await;
    assert_eq!(
        (&one["exist"], one.get("parties")),
        (&json!(1), None),
        "the party is named"
    );
}

#[tokio::test]
async fn a_deletion_says_where_the_table_is_gone_also_when_a_party_refuses() {
    let named = json!({"namespace": "n", "table_name": "t"});
    let world = with_table_at(&["10000", "9999"]).await;
    let (_, reply) = world.post("table/delete", named.clone()).await;
    assert_eq!(
        (&reply["retcode"], &reply["meta"]["parties"]),
        (&json!(0), &json!(["10000", "9999"]))
    );
    assert!(reply["data"].get("parties").is_none(), "the data is FATE's");
    let world = with_table_at(&["10000", "9999"]).await;
    world
        .agents
        .away
        .lock()
        .expect("lock")
        .insert("10000".into());
    let (_, reply) = world.post("table/delete", named).await;
    assert_ne!(reply["retcode"], 0, "{reply}");
    assert_eq!(
        reply["meta"]["parties"],
        json!(["9999"]),
        "the other one's is gone all the same: {reply}"
    );
    assert!(
        !world
            .agents
            .tables
            .lock()
            .expect("lock")
            .contains(&("9999".into(), "t".into()))
    );
}

#[tokio::test]
async fn an_upload_says_which_parties_it_reaches() {
    let world = World::open().await;
    let body = json!({"use_local_data": 0, "file": "a.csv", "namespace": "n", "table_name": "t", "head": 1, "partition": 2});
    let (_, reply) = world.post("data/upload", body.clone()).await;
    assert_eq!(
        reply["data"]["parties"],
        json!(["10000", "9999"]),
        "{reply}"
    );
    let (_, one) = world
        .post("data/upload", with(body, json!({"party_id": 9999})))
        .await;
    assert_eq!(one["data"]["parties"], json!([party("9999")]), "{one}");
}
