//! The checklist of the reader.

use component_kit::ComponentError;
use component_kit::harness::Federation;
use serde_json::json;
use tables::{Column, ColumnKind, Part, Schema, Table, TableKind, Values};
use vocabulary::{Attempt, ErrorCode, JobId, StepName, TableRef, TaskId, Tells};

use super::Reader;

const CANARY_ID: &str = "canary-5e1d";
const CANARY: f64 = 31_337.424_2;

fn table() -> Table {
    let schema = Schema::new(
        TableKind::Raw,
        "id",
        vec![Column::new("x0", ColumnKind::Text, Part::Feature)],
    );
    Table::from_columns(
        schema,
        vec![CANARY_ID.into(), "b".into()],
        vec![Values::of_texts([CANARY.to_string().as_str(), "2"])],
    )
    .expect("a table")
}

fn federation(hosts: usize) -> Federation {
    let mut federation = Federation::new(hosts, false);
    for who in federation.participants() {
        let (namespace, name) = ("experiment", format!("breast_{}_{}", who.role, who.party));
        federation = federation
            .stored(&who, TableRef::new(namespace, &name), table())
            .parameters_of(
                &who,
                json!({"table": {"namespace": namespace, "name": name}}),
            );
    }
    federation
}

component_kit::checklist!(local Reader, federation(1),
    refuses: [(json!({"table": {"name": "breast"}}), "table"), (json!({"table": null, "job_id": "2025"}), "table")],
    canaries: [CANARY_ID], [CANARY]);

#[tokio::test]
async fn fails_where_a_table_is_missing_whatever_the_others_do() {
    let lame = federation(1).parameters_of(
        &federation(1).host(0),
        json!({"table": {"namespace": "n", "name": "n"}}),
    );
    let played = lame.run::<Reader>().await;
    assert!(matches!(
        &played.part(&lame.host(0)).result,
        Err(ComponentError::Fault(_))
    ));
}

#[tokio::test]
async fn agrees_with_the_plain_computation() {
    let played = federation(1).run::<Reader>().await.all_succeeded();
    for part in played.parts.values() {
        assert_eq!(
            part.output().content_hash().expect("hash"),
            table().content_hash().expect("hash")
        );
        let metric = &part.metrics[0];
        assert_eq!(
            (metric.namespace.as_str(), metric.name.as_str()),
            ("reader_namespace", "reader_name")
        );
        assert!(metric.data.is_empty());
        assert_eq!(metric.meta["count"], json!(2));
        assert_eq!(metric.meta["table_info"], json!({"x0": ""}));
    }
}

#[tokio::test]
async fn names_no_column_where_the_policy_keeps_headers() {
    let told = federation(1).run::<Reader>().await.all_succeeded();
    let kept = federation(1)
        .keeping(Tells::Headers)
        .run::<Reader>()
        .await
        .all_succeeded();
    for (part, kept) in told.parts.values().zip(kept.parts.values()) {
        assert_eq!(
            (&part.tells, &kept.tells),
            (&[Tells::Headers].into(), &[Tells::Counts].into())
        );
        assert_eq!(
            (
                &kept.metrics[0].meta["count"],
                &kept.metrics[0].meta["table_info"]
            ),
            (&json!(2), &json!({}))
        );
    }
}

#[tokio::test]
async fn works_with_two_hosts() {
    let played = federation(2).run::<Reader>().await.all_succeeded();
    assert_eq!(played.parts.len(), 3);
    let names: Vec<_> = played
        .parts
        .values()
        .map(|part| part.metrics[0].meta["table_name"].clone())
        .collect();
    assert_eq!(
        names,
        [
            json!("breast_guest_9999"),
            json!("breast_host_10000"),
            json!("breast_host_10001")
        ]
    );
}

#[tokio::test]
async fn reads_what_the_latest_attempt_of_an_earlier_job_left() {
    let federation = Federation::new(0, false);
    let guest = federation.guest();
    let task = TaskId {
        job: JobId::new("2025").expect("valid"),
        step: StepName::new("intersection_0").expect("valid"),
        role: guest.role,
        party: guest.party.clone(),
    };
    let older = table().rows_at(&[0]).expect("a row");
    let earlier = federation
        .stored(&guest, TableRef::output(&task, Attempt(0), 1), older)
        .stored(&guest, TableRef::output(&task, Attempt(2), 1), table());
    let source =
        json!({"job_id": "2025", "component_name": "intersection_0", "data_name": "validate_data"});
    for parameters in [source.clone(), json!({"table": source})] {
        let played = earlier
            .clone()
            .parameters(parameters)
            .run::<Reader>()
            .await
            .all_succeeded();
        assert_eq!(played.part(&guest).output().rows(), 2);
    }
    let gone = json!({"job_id": "2025", "component_name": "intersection_0"});
    let played = earlier.parameters(gone).run::<Reader>().await;
    assert_eq!(
        played.fault().expect("no first output").code,
        ErrorCode::TableMissing
    );
}

#[tokio::test]
async fn refuses_bad_parameters() {
    let refused = |parameters| async move {
        Federation::new(1, false)
            .parameters(parameters)
            .run::<Reader>()
            .await
            .fault()
            .expect("refused")
    };
    for incomplete in [
        json!({}),
        json!({"table": {"name": "breast"}}),
        json!({"job_id": "2025"}),
    ] {
        let fault = refused(incomplete).await;
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (ErrorCode::ParameterInvalid, Some("table"))
        );
        assert!(
            fault
                .message
                .starts_with("can not find input table info by parameters {"),
            "{fault}"
        );
    }
    let fault = refused(json!({"table": {"namespace": "experiment", "name": "brest"}})).await;
    assert_eq!(fault.code, ErrorCode::TableMissing);
    assert_eq!(
        fault.message,
        "can not found table name: brest namespace: experiment"
    );
    let fault =
        refused(json!({"job_id": "1", "component_name": "a_0", "data_name": "mystery"})).await;
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::Unsupported, Some("table.data_name"))
    );
}
