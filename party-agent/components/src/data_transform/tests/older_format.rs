//! data_io: jobs of the older format.

use component_kit::harness::{Federation, RunRecord};
use serde_json::{Value, json};
use tables::{Table, TableKind};
use vocabulary::{ErrorCode, Fault};

use super::{CANARY, CANARY_ID, alone, federation, guest_rows, host_rows, raw};
use crate::data_transform::DataIo;

async fn refused(rows: Table, parameters: Value) -> Fault {
    alone(rows, parameters)
        .0
        .run::<DataIo>()
        .await
        .fault()
        .expect("refused")
}

component_kit::checklist!(local DataIo, federation(1),
    refuses: [
        (json!({"input_format": "wide"}), "input_format"),
        (json!({"missing_fill_method": "median"}), "missing_fill_method"),
        (json!({"with_label": true, "label_type": "bool"}), "label_type"),
        (json!({"with_match_id": true}), "with_match_id"),
    ],
    canaries: [CANARY_ID], [CANARY],
    work: federation(1), least: 6);

#[tokio::test]
async fn the_summary_holds_no_value_of_a_row() {
    let played = federation(1).run::<DataIo>().await.all_succeeded();
    for part in played.parts.values() {
        let told = format!("{:?} {:?} {:?}", part.metrics, part.summary, part.log);
        assert!(
            !told.contains(CANARY_ID) && !told.contains("27182.81828"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn agrees_with_the_plain_computation() {
    let federation = federation(1);
    let played = federation.run::<DataIo>().await.all_succeeded();
    let guest = played.part(&federation.guest());
    let table = guest.output();
    assert_eq!(table.schema().kind, TableKind::Instances);
    assert_eq!(table.schema().display_header(), ["id", "y", "x0", "x1"]);
    assert_eq!(
        table.schema().meta["anonymous_header"],
        json!(["guest_9999_x0", "guest_9999_x1"])
    );
    assert_eq!(
        table.labels().expect("labels").expect("one"),
        [1.0, 0.0, 0.0]
    );
    assert_eq!(
        table.floats("x0").expect("numbers"),
        [CANARY, f64::midpoint(CANARY, 1.0), 1.0]
    );
    assert_eq!(table.floats("x1").expect("numbers"), [2.0, 4.0, 3.0]);
    let summary = guest.summary.as_ref().expect("a summary");
    assert_eq!(
        summary["missing_fill_info"]["missing_impute_value"]["x1"],
        json!("3")
    );
    let view = guest.model_view.as_ref().expect("a view");
    assert_eq!(view["meta"]["imputerMeta"]["strategy"], json!("mean"));
    assert_eq!(view["param"]["labelName"], json!("y"));
    assert!(view["param"].get("anonymousHeader").is_none());
    assert!(
        played.part(&federation.host(0)).summary.is_none(),
        "nothing was to be replaced there"
    );
}

#[tokio::test]
async fn works_with_two_hosts() {
    let federation = federation(2);
    let played = federation.run::<DataIo>().await.all_succeeded();
    for index in 0..2 {
        let table = played.part(&federation.host(index)).output();
        assert_eq!(table.floats("x0").expect("numbers"), [0.5, -1.0]);
        assert_eq!(
            table.schema().meta["anonymous_header"],
            json!([format!("host_{}_x0", 10_000 + index)])
        );
    }
}

#[tokio::test]
async fn apply_uses_the_saved_model() {
    let federation = federation(1);
    let trained = federation.run::<DataIo>().await.all_succeeded();
    let (guest, host) = (federation.guest(), federation.host(0));
    // other parameters, another order, no label: the model knows better
    let later = Federation::new(1, false)
        .input(&guest, "data", raw(&["id", "x1", "x0"], &[&["z", "", "9"]]))
        .input(&host, "data", host_rows())
        .applying(&trained);
    let applied = later.run::<DataIo>().await.all_succeeded();
    let table = applied.part(&guest).output();
    assert_eq!(table.schema().display_header(), ["id", "x0", "x1"]);
    assert_eq!(
        table.features_matrix().expect("matrix").row(0).to_vec(),
        [9.0, 3.0]
    );
    // What a step applied it leaves under its own name, too, and that can be applied again.
    let again = Federation::new(1, false)
        .input(&guest, "data", raw(&["id", "x0", "x1"], &[&["q", "1", ""]]))
        .input(&host, "data", host_rows())
        .applying(&applied);
    let again = again.run::<DataIo>().await.all_succeeded();
    assert_eq!(
        again
            .part(&guest)
            .output()
            .features_matrix()
            .expect("matrix")
            .row(0)
            .to_vec(),
        [1.0, 3.0]
    );
    let kept = |played: &RunRecord| {
        played
            .part(&host)
            .model
            .as_ref()
            .map(|model| model.bytes.clone())
    };
    assert!(kept(&trained).is_some() && kept(&again) == kept(&trained));
    let short = Federation::new(1, false)
        .input(&guest, "data", raw(&["id", "x1"], &[&["z", "1"]]))
        .input(&host, "data", host_rows())
        .applying(&trained);
    let fault = short
        .run::<DataIo>()
        .await
        .fault()
        .expect("a column is missing");
    assert_eq!(fault.code, ErrorCode::TableInvalid);
    assert!(fault.message.contains("\"x0\""), "{fault}");
}

#[tokio::test]
async fn reads_what_data_transform_reads() {
    let rows = raw(
        &["id", "x", "f", "g"],
        &[
            &["a", "NAN", "-inf", ""],
            &["b", "-9", "NA", "+nan"],
            &["c", "2", "3", "NA "],
        ],
    );
    let parameters = json!({"missing_fill": true, "missing_fill_method": "max", "outlier_replace": 1, "outlier_impute": "-9",
        "outlier_replace_value": 4, "need_run": null, "label_name": null});
    let (federation, guest) = alone(rows, parameters);
    let played = federation.run::<DataIo>().await.all_succeeded();
    let part = played.part(&guest);
    assert_eq!(part.output().floats("x").expect("numbers"), [2.0, 4.0, 2.0]);
    assert_eq!(part.output().floats("f").expect("numbers"), [3.0, 3.0, 3.0]);
    assert!(
        part.output()
            .floats("g")
            .expect("numbers")
            .iter()
            .all(|value| value.is_nan())
    );
    assert!(
        part.log
            .iter()
            .any(|line| line.starts_with("column \"f\" is infinite")),
        "{:?}",
        part.log
    );
    assert!(
        part.log
            .iter()
            .any(|line| line.starts_with("column \"g\" has no value")),
        "{:?}",
        part.log
    );
}

#[tokio::test]
async fn passes_instances_on() {
    let made = alone(host_rows(), json!({}));
    let made = made
        .0
        .run::<DataIo>()
        .await
        .all_succeeded()
        .part(&made.1)
        .output()
        .clone();
    for (rows, parameters) in [
        (made, json!({})),
        (guest_rows(), json!({"need_run": false})),
    ] {
        let (federation, guest) = alone(rows.clone(), parameters);
        let played = federation.run::<DataIo>().await.all_succeeded();
        let part = played.part(&guest);
        assert_eq!(
            part.output().content_hash().expect("hash"),
            rows.content_hash().expect("hash")
        );
        assert!(
            part.log
                .iter()
                .any(|line| line.contains("passed on as it is"))
        );
    }
}

#[tokio::test]
async fn changes_nothing_in_clean_rows_when_all_is_by_default() {
    let clean = raw(
        &["id", "y", "x0"],
        &[&["a", "1", "0.254879"], &["b", "0", "-1e-9"]],
    );
    let mut hashes = Vec::new();
    for parameters in [
        json!({"with_label": true}),
        json!({"with_label": true, "missing_fill": true, "outlier_replace": true}),
    ] {
        let (federation, guest) = alone(clean.clone(), parameters);
        let played = federation.run::<DataIo>().await.all_succeeded();
        hashes.push(played.part(&guest).output().content_hash().expect("hash"));
    }
    assert_eq!(hashes[0], hashes[1]);
}

#[tokio::test]
async fn refuses_bad_parameters() {
    for (parameters, path) in [
        (json!({"input_format": "wide"}), "input_format"),
        (json!({"output_format": "tag"}), "output_format"),
        (json!({"data_type": "complex"}), "data_type"),
        (
            json!({"exclusive_data_type": {"x0": "date"}}),
            "exclusive_data_type.x0",
        ),
        (
            json!({"missing_fill_method": "median"}),
            "missing_fill_method",
        ),
        (
            json!({"with_label": true, "label_type": "bool"}),
            "label_type",
        ),
        (json!({"default_value": {}}), "default_value"),
        (json!({"with_label": true, "label_name": ""}), "label_name"),
    ] {
        let fault = refused(guest_rows(), parameters).await;
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (ErrorCode::ParameterInvalid, Some(path)),
            "{fault}"
        );
    }
    assert_eq!(
        refused(guest_rows(), json!({"with_match_id": true}))
            .await
            .code,
        ErrorCode::ParameterInvalid
    );
    let fault = refused(host_rows(), json!({"with_label": true})).await;
    assert_eq!(fault.message, "the label \"y\" is not in the header");
    let fault = refused(
        raw(&["id", "x0"], &[&["a", "1"], &["b", "secret"]]),
        json!({}),
    )
    .await;
    assert_eq!(fault.code, ErrorCode::TableInvalid);
    assert!(
        fault.message.contains("\"x0\"")
            && fault.message.contains("row 1")
            && !fault.message.contains("secret")
    );
}

#[tokio::test]
async fn an_empty_list_of_what_is_missing_says_as_much_as_none() {
    let (federation, guest) = alone(
        guest_rows(),
        json!({"missing_fill": true, "missing_fill_method": "max", "missing_impute": []}),
    );
    let played = federation.run::<DataIo>().await.all_succeeded();
    assert_eq!(
        played.part(&guest).output().floats("x0").expect("numbers"),
        [CANARY, CANARY, 1.0]
    );
    for parameters in [
        json!({"missing_impute": []}),
        json!({"missing_impute": null}),
        json!({}),
    ] {
        let (federation, guest) = alone(guest_rows(), parameters);
        let played = federation.run::<DataIo>().await.all_succeeded();
        assert!(played.part(&guest).output().floats("x0").expect("numbers")[1].is_nan());
    }
}
