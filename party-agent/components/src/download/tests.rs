//! The checklist of the download.

use component_kit::harness::Federation;
use serde_json::{Value, json};
use tables::{Column, ColumnKind, Part, Schema, Table, TableKind, Values};
use vocabulary::{Cast, ErrorCode, MetricData, PartyId, TableRef};

use super::Download;

const CANARY_ID: &str = "canary-2c9b";

fn parameters() -> Value {
    json!({"namespace": "experiment", "name": "breast", "output_path": "out/breast.csv", "delimitor": ";"})
}

fn federation(parties: &[&str]) -> Federation {
    let local = parties
        .iter()
        .map(|id| PartyId::new(*id).expect("valid"))
        .collect();
    let mut federation = Federation::with_cast(Cast {
        local,
        ..Cast::default()
    })
    .parameters(parameters());
    for who in federation.participants() {
        let schema = Schema::new(
            TableKind::Raw,
            "id",
            vec![Column::new("x0", ColumnKind::Text, Part::Feature)],
        );
        let ids = vec![CANARY_ID.to_owned(), "b".to_owned()];
        let table =
            Table::from_columns(schema, ids, vec![Values::of_texts(["1", "2"])]).expect("a table");
        federation = federation.stored(&who, TableRef::new("experiment", "breast"), table);
    }
    federation
}

component_kit::checklist!(local Download, federation(&["9999"]),
    refuses: [
        (json!({"name": ""}), "name"),
        (json!({"namespace": ""}), "namespace"),
        (json!({"output_path": ""}), "output_path"),
        (json!({"delimitor": "||"}), "delimiter"),
    ],
    canaries: [CANARY_ID], []);

#[tokio::test]
async fn agrees_with_the_plain_computation() {
    let played = federation(&["9999"])
        .run::<Download>()
        .await
        .all_succeeded();
    let part = played.parts.values().next().expect("the party");
    let request = &part.exports[0];
    assert_eq!(request.table, TableRef::new("experiment", "breast"));
    assert_eq!(
        (request.path.as_str(), request.delimiter.as_str()),
        ("out/breast.csv", ";")
    );
    let metric = &part.metrics[0];
    assert_eq!(
        (metric.namespace.as_str(), metric.name.as_str()),
        ("download", "data_access")
    );
    assert_eq!(
        metric.data.plain(),
        MetricData::Values(vec![("count".to_owned(), 2.0)])
    );
    assert_eq!(metric.meta["metric_type"], json!("DOWNLOAD"));
    assert_eq!(part.summary.as_ref().expect("a summary")["rows"], json!(2));
}

#[tokio::test]
async fn works_with_two_hosts() {
    // a download has no host; two local parties each write their own table
    let played = federation(&["9999", "10000"])
        .run::<Download>()
        .await
        .all_succeeded();
    assert!(played.parts.values().all(|part| part.exports.len() == 1));
    let hosts = Federation::new(2, false)
        .parameters(parameters())
        .run::<Download>()
        .await;
    assert!(hosts.parts.is_empty());
}

#[tokio::test]
async fn refuses_bad_parameters() {
    let refused = |changes: Value| async move {
        let mut parameters = parameters();
        let fields = parameters.as_object_mut().expect("an object");
        fields.remove("delimitor");
        fields.extend(changes.as_object().cloned().expect("an object"));
        federation(&["9999"])
            .parameters(parameters)
            .run::<Download>()
            .await
            .fault()
            .expect("refused")
    };
    for (changes, path) in [
        (json!({"name": ""}), "name"),
        (json!({"namespace": ""}), "namespace"),
        (json!({"output_path": ""}), "output_path"),
        (json!({"delimiter": "||"}), "delimiter"),
    ] {
        let fault = refused(changes).await;
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (ErrorCode::ParameterInvalid, Some(path)),
            "{fault}"
        );
    }
    assert_eq!(
        refused(json!({"name": "brest"})).await.code,
        ErrorCode::TableMissing
    );
}
