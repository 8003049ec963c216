//! The checklist of the upload.

use component_kit::harness::Federation;
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

component_kit::checklist!(local Upload, federation(&["9999"]).file("breast.csv", &["canary-2b,1"]),
    refuses: [
        (json!({"file": ""}), "file"),
        (json!({"name": ""}), "name"),
        (json!({"namespace": ""}), "namespace"),
        (json!({"id_delimiter": ""}), "id_delimiter"),
        (json!({"destroy": "perhaps"}), "destroy"),
        (json!({"destroy": 1, "append": 1}), "append"),
    ],
    canaries: ["canary-2b"], []);

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
        (
            request.file.as_str(),
            request.replace,
            request.options.partitions
        ),
        ("breast.csv", true, 4)
    );
    assert!(request.options.head && request.options.extend_sid && !request.append);
    assert!(!request.options.auto_increasing_sid);
    assert_eq!(request.options.meta["meta"]["with_label"], json!(true));
    assert_eq!(request.label(), Some("y"));
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
async fn takes_the_staged_file_before_the_named_one() {
    let played = federation(&["9999"])
        .parameters(with(json!({"staged": "s-17"})))
        .run::<Upload>()
        .await
        .all_succeeded();
    let part = played.parts.values().next().expect("the party");
    assert_eq!(part.imports[0].file, "s-17");
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
