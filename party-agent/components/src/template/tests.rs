//! The checklist of the masked sum.

use component_kit::harness::Federation;
use serde_json::json;
use tables::{Column, ColumnKind, Part, Schema, Table, TableKind, Values};
use vocabulary::ErrorCode;

use super::Template;

const CANARY_ID: &str = "canary-7f3a";
const CANARIES: [f64; 2] = [123_456.789_01, -98_765.432_1];

fn table(ids: &[&str], values: &[f64]) -> Table {
    let schema = Schema::new(
        TableKind::Instances,
        "id",
        vec![Column::new("x0", ColumnKind::Float, Part::Feature)],
    );
    let ids = ids.iter().map(|&id| id.to_owned()).collect();
    Table::from_columns(schema, ids, vec![Values::Float(values.to_vec())]).expect("a table")
}

fn federation(hosts: usize) -> Federation {
    let mut federation = Federation::new(hosts, false);
    let guest = federation.guest();
    federation = federation.input(&guest, "data", table(&["a", "b"], &[5.0, -2.5]));
    for index in 0..hosts {
        let host = federation.host(index);
        let values = [CANARIES[0], CANARIES[1], index as f64, f64::NAN];
        federation = federation.input(&host, "data", table(&[CANARY_ID, "b", "c", "d"], &values));
    }
    federation
}

fn plain_total(hosts: usize) -> f64 {
    (0..hosts)
        .map(|index| CANARIES[0] + CANARIES[1] + index as f64)
        .sum()
}

async fn agrees(hosts: usize) {
    let federation = federation(hosts);
    let played = federation.run::<Template>().await.all_succeeded();
    let guest = played.part(&federation.guest());
    let total = guest.summary.as_ref().expect("a summary")["total"]
        .as_f64()
        .expect("a number");
    let expected = plain_total(hosts);
    assert!((total - expected).abs() < 1e-5, "{total} is not {expected}");
    let shares = guest.output().floats("x0_share").expect("shares");
    assert!((shares[0] - 5.0 / expected).abs() < 1e-9 && (shares[1] + 2.5 / expected).abs() < 1e-9);
    for index in 0..hosts {
        let host = played.part(&federation.host(index));
        assert!(host.outputs.is_empty() && host.model.is_none() && host.metrics.is_empty());
    }
}

component_kit::checklist!(Template, federation(3),
    refuses: [(json!({"fractional_bits": 41}), "fractional_bits"), (json!({"column": ""}), "column")],
    canaries: [CANARY_ID], CANARIES);

#[tokio::test]
async fn agrees_with_the_plain_computation() {
    agrees(3).await;
}

#[tokio::test]
async fn works_with_two_hosts() {
    agrees(2).await;
    let fault = federation(1)
        .run::<Template>()
        .await
        .fault()
        .expect("one host would be laid bare");
    assert_eq!(fault.code, ErrorCode::DocumentInvalid);
}

#[tokio::test]
async fn apply_uses_the_saved_model() {
    let federation = federation(2);
    let trained = federation.run::<Template>().await.all_succeeded();
    let guest = federation.guest();
    let later = Federation::new(2, false)
        .input(&guest, "data", table(&["z"], &[10.0]))
        .applying(&trained);
    let applied = later.run::<Template>().await.all_succeeded();
    assert!(
        applied.envelopes.is_empty(),
        "hosts have no part in applying"
    );
    let shares = applied
        .part(&guest)
        .output()
        .floats("x0_share")
        .expect("shares");
    assert!((shares[0] - 10.0 / plain_total(2)).abs() < 1e-9);
    let bare = Federation::new(2, false)
        .stage(vocabulary::Stage::Apply)
        .run::<Template>()
        .await;
    assert_eq!(
        bare.fault().expect("no model").code,
        ErrorCode::ModelMissing
    );
}
