//! The checklist of the upload.

use component_kit::harness::{Federation, checks};
use serde_json::{Value, json};
use vocabulary::{Cast, ErrorCode, MetricData, PartyId, TableRef};

use super::Upload;

fn federation(parties: &[&str]) -> Federation {
    let local = parties
        .iter()
        .map(|id| PartyId::new(*id).expect("valid"))
        .collect();
    Federation::with_cast(Cast {
        local,
        ..Cast::default()
    })
    .parameters(parameters())
}

fn parameters() -> Value {
    json!({"file": "breast.csv", "head": "1", "partition": 4, "namespace": "experiment", "name": "breast"})
}

fn with(changes: Value) -> Value {
    let mut parameters = parameters();
    let fields = parameters.as_object_mut().expect("an object");
    fields.extend(changes.as_object().cloned().expect("an object"));
    parameters
}

#[tokio::test]
async fn agrees_with_the_plain_computation() {
    let given = with(
        json!({"destroy": 1, "extend_sid": "true", "with_meta": true, "meta": {"with_label": true}}),
    );
    let played = federation(&["9999"])
        .parameters(given)
        .run::<Upload>()
        .await
        .all_succeeded();
    let part = played.parts.values().next().expect("the party");
    let request = &part.imports[0];
    assert_eq!(request.table, TableRef::new("experiment", "breast"));
    assert_eq!(
        (request.file.as_str(), request.replace, request.partitions),
        ("breast.csv", true, 4)
    );
    assert_eq!(request.options["head"], json!(true));
    assert_eq!(request.options["extend_sid"], json!(true));
    assert_eq!(request.options["auto_increasing_sid"], json!(false));
    assert_eq!(request.options["meta"], json!({"with_label": true}));
    // What became of the rows reaches whoever brought them, whatever the policy keeps.
    assert_eq!(part.tells, [vocabulary::Tells::Counts].into());
    let metric = &part.metrics[0];
    assert_eq!(
        (metric.namespace.as_str(), metric.name.as_str()),
        ("upload", "data_access")
    );
    assert_eq!(
        metric.data.plain(),
        MetricData::Values(vec![("count".to_owned(), 1.0)])
    );
    assert_eq!(metric.meta["metric_type"], json!("UPLOAD"));
    let told = &part.metrics[1];
    assert_eq!(
        (told.name.as_str(), told.meta["reasons"].clone()),
        ("receipt", json!({}))
    );
    let figures = ["rows_in", "stored", "replaced", "rejected"]
        .map(str::to_owned)
        .into_iter()
        .zip([1.0, 1.0, 0.0, 0.0]);
    assert_eq!(told.data.plain(), MetricData::Values(figures.collect()));
    let receipt = &part.summary.as_ref().expect("a summary")["receipt"];
    assert_eq!(
        (
            &receipt["rows_in"],
            &receipt["stored"],
            &receipt["rejected"]
        ),
        (&json!(1), &json!(1), &json!(0))
    );
}

#[tokio::test]
async fn works_with_two_hosts() {
    // an upload has no host; two local parties each read their own file
    let played = federation(&["9999", "10000"])
        .run::<Upload>()
        .await
        .all_succeeded();
    assert!(played.parts.values().all(|part| part.imports.len() == 1));
    let hosts = Federation::new(2, false)
        .parameters(parameters())
        .run::<Upload>()
        .await;
    assert!(hosts.parts.is_empty());
}

#[tokio::test]
async fn apply_uses_the_saved_model() {
    // there is none
    let trained = federation(&["9999"]).run::<Upload>().await.all_succeeded();
    assert!(trained.parts.values().all(|part| part.model.is_none()));
    let again = federation(&["9999"])
        .applying(&trained)
        .run::<Upload>()
        .await
        .all_succeeded();
    assert!(again.parts.values().all(|part| part.imports.len() == 1));
}

#[tokio::test]
async fn takes_the_staged_file_before_the_named_one() {
    let played = federation(&["9999"])
        .parameters(with(json!({"staged": "s-17"})))
        .run::<Upload>()
        .await
        .all_succeeded();
    let part = played.parts.values().next().expect("the party");
    assert_eq!(part.imports[0].file, "s-17");
    assert_eq!(part.imports[0].options["staged"], json!(true));
}

#[tokio::test]
async fn refuses_bad_parameters() {
    for (changes, path) in [
        (json!({"head": 2}), "head"),
        (json!({"head": "yes"}), "head"),
        (json!({"partition": 0}), "partition"),
        (json!({"partition": 1024}), "partition"),
        (json!({"id_delimiter": ""}), "id_delimiter"),
        (json!({"name": ""}), "name"),
        (json!({"file": ""}), "file"),
        (json!({"storage_engine": "FLOPPY"}), "storage_engine"),
        (json!({"destroy": 1, "append": 1}), "append"),
    ] {
        let fault = federation(&["9999"])
            .parameters(with(changes))
            .run::<Upload>()
            .await
            .fault()
            .expect("refused");
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (ErrorCode::ParameterInvalid, Some(path)),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn leaks_no_canary() {
    // the component never sees a row; it sends nothing either
    checks::leaks_no_canary::<Upload>(&federation(&["9999"]), &["breast.csv"], &[]).await;
}

#[tokio::test]
async fn speaks_only_its_messages() {
    let played = federation(&["9999"]).run::<Upload>().await.all_succeeded();
    assert!(played.envelopes.is_empty());
    checks::speaks_only_its_messages::<Upload>(&[&played]);
}

#[tokio::test]
async fn stops_when_cancelled() {
    // no message is sent at which it could be stopped
    checks::stops_when_cancelled::<Upload>(&federation(&["9999"])).await;
}

#[tokio::test]
async fn survives_duplicates_and_delays() {
    checks::survives_duplicates_and_delays::<Upload>(&federation(&["9999"])).await;
}
