//! The checklist of the writer.

use component_kit::harness::Federation;
use serde_json::{Value, json};
use tables::{Column, ColumnKind, Part, Schema, Table, TableKind, Values};
use vocabulary::{Cast, ErrorCode, PartyId, TableRef};

use super::Writer;

const CANARY_ID: &str = "canary-77d0";

fn parameters() -> Value {
    json!({"namespace": "experiment", "table_name": "breast", "output_namespace": "kept", "output_name": "copy"})
}

fn table() -> Table {
    let schema = Schema::new(
        TableKind::Raw,
        "id",
        vec![Column::new("x0", ColumnKind::Text, Part::Feature)],
    );
    let ids = vec![CANARY_ID.to_owned(), "b".to_owned()];
    Table::from_columns(schema, ids, vec![Values::of_texts(["1", "2"])]).expect("a table")
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
        federation = federation.stored(&who, TableRef::new("experiment", "breast"), table());
    }
    federation
}

component_kit::checklist!(local Writer, federation(&["9999"]),
    refuses: [
        (json!({"output_name": ""}), "output_name"),
        (json!({"partitions": 1024}), "partitions"),
        (json!({"delimiter": ""}), "delimiter"),
    ],
    canaries: [CANARY_ID], []);

#[tokio::test]
async fn agrees_with_the_plain_computation() {
    let mut given = parameters();
    given["drop"] = json!(true);
    given["partition"] = json!(3);
    let played = federation(&["9999"])
        .parameters(given)
        .run::<Writer>()
        .await
        .all_succeeded();
    let part = played.parts.values().next().expect("the party");
    let copy = &part.copies[0];
    assert_eq!(
        (&copy.from, &copy.to),
        (
            &TableRef::new("experiment", "breast"),
            &TableRef::new("kept", "copy")
        )
    );
    assert_eq!((copy.replace, copy.partitions), (true, Some(3)));
    let summary = part.summary.as_ref().expect("a summary");
    assert_eq!(
        (&summary["rows"], &summary["to"]["table_name"]),
        (&json!(2), &json!("copy"))
    );
}

#[tokio::test]
async fn writes_to_a_file_where_no_table_is_named() {
    for engine in ["LOCALFS", "path"] {
        let given = json!({"namespace": "experiment", "name": "breast", "engine": engine, "address": {"path": "a/b.csv"},
            "delimiter": ";"});
        let played = federation(&["9999"])
            .parameters(given)
            .run::<Writer>()
            .await
            .all_succeeded();
        let part = played.parts.values().next().expect("the party");
        assert_eq!(
            (
                part.exports[0].path.as_str(),
                part.exports[0].delimiter.as_str()
            ),
            ("a/b.csv", ";")
        );
        assert!(part.copies.is_empty());
    }
}

#[tokio::test]
async fn works_with_two_hosts() {
    let mut federation = Federation::new(2, false)
        .parameters(json!({"output_namespace": "kept", "output_name": "copy"}));
    for who in federation.participants() {
        federation = federation.input(&who, "data", table());
    }
    let played = federation.run::<Writer>().await.all_succeeded();
    assert_eq!(played.parts.len(), 3);
    assert!(
        played
            .parts
            .values()
            .all(|part| part.copies.len() == 1 && part.copies[0].to.name == "copy")
    );
}

#[tokio::test]
async fn refuses_bad_parameters() {
    for (changes, path) in [
        (json!({"output_name": ""}), "output_name"),
        (
            json!({"output_name": null, "output_namespace": null}),
            "output_name",
        ),
        (json!({"namespace": null}), "name"),
        (json!({"partitions": 0}), "partitions"),
        (json!({"delimiter": "||"}), "delimiter"),
        (
            json!({"output_name": null, "output_namespace": null, "storage_engine": "LOCALFS"}),
            "address",
        ),
        (
            json!({"output_name": null, "output_namespace": null, "storage_engine": "HIVE"}),
            "storage_engine",
        ),
    ] {
        let mut given = parameters();
        given
            .as_object_mut()
            .expect("an object")
            .extend(changes.as_object().cloned().expect("an object"));
        let fault = federation(&["9999"])
            .parameters(given)
            .run::<Writer>()
            .await
            .fault()
            .expect("refused");
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (ErrorCode::ParameterInvalid, Some(path)),
            "{fault}"
        );
    }
    let mut missing = parameters();
    missing["table_name"] = json!("brest");
    let fault = federation(&["9999"])
        .parameters(missing)
        .run::<Writer>()
        .await
        .fault()
        .expect("missing");
    assert_eq!(fault.code, ErrorCode::TableMissing);
    let nothing = json!({"output_namespace": "kept", "output_name": "copy"});
    let fault = federation(&["9999"])
        .parameters(nothing)
        .run::<Writer>()
        .await
        .fault()
        .expect("no table");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::ParameterInvalid, Some("name"))
    );
}
