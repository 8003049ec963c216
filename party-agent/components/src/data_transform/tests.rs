//! Both components, on rows of guests and hosts.

mod older_format;

use component_kit::harness::{Federation, RunRecord};
use serde_json::{Value, json};
use tables::{Column, ColumnKind, Part, Schema, Table, TableKind, Values};
use vocabulary::{ErrorCode, Fault, Participant};

use super::DataTransform;

const CANARY_ID: &str = "canary-91aa";
const CANARY: f64 = 27_182.818_28;

/// A raw table; its first column is the id.
fn raw(header: &[&str], rows: &[&[&str]]) -> Table {
    let (id, names) = header.split_first().expect("an id");
    let columns = names
        .iter()
        .map(|name| Column::new(*name, ColumnKind::Text, Part::Feature))
        .collect();
    let column = |at: usize| {
        rows.iter()
            .map(|row| row[at].to_owned())
            .collect::<Vec<String>>()
    };
    let values = (1..header.len())
        .map(|at| Values::of_texts(column(at)))
        .collect();
    Table::from_columns(Schema::new(TableKind::Raw, *id, columns), column(0), values)
        .expect("a table")
}

fn guest_rows() -> Table {
    raw(
        &["id", "Y", "X0", "x1"],
        &[
            &[CANARY_ID, "1", "27182.81828", "2"],
            &["b", "0", "NA", "4"],
            &["c", "0", "1", ""],
        ],
    )
}

fn host_rows() -> Table {
    raw(&["id", "x0"], &[&["b", "0.5"], &["d", "-1"]])
}

fn federation(hosts: usize) -> Federation {
    let federation = Federation::new(hosts, false);
    let guest = federation.guest();
    let with_label = json!({"with_label": true, "label_name": "y", "missing_fill": true, "missing_fill_method": "Mean"});
    let mut federation =
        federation
            .parameters_of(&guest, with_label)
            .input(&guest, "data", guest_rows());
    for index in 0..hosts {
        let host = federation.host(index);
        federation = federation.input(&host, "data", host_rows());
    }
    federation
}

/// The guest alone, with these rows and parameters.
fn alone(rows: Table, parameters: Value) -> (Federation, Participant) {
    let federation = Federation::new(0, false).parameters(parameters);
    let guest = federation.guest();
    (federation.input(&guest, "data", rows), guest)
}

async fn refused(rows: Table, parameters: Value) -> Fault {
    alone(rows, parameters)
        .0
        .run::<DataTransform>()
        .await
        .fault()
        .expect("refused")
}

/// Rows of 50 columns.
fn large() -> Federation {
    let columns: Vec<String> = (0..50).map(|at| format!("c{at}")).collect();
    let header: Vec<&str> = std::iter::once("id")
        .chain(columns.iter().map(String::as_str))
        .collect();
    let ids: Vec<String> = (0..9_000).map(|row| row.to_string()).collect();
    let rows: Vec<Vec<&str>> = ids
        .iter()
        .map(|id| {
            std::iter::once(id.as_str())
                .chain(columns.iter().map(|_| "1.5"))
                .collect()
        })
        .collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    let filled = json!({"missing_fill": true, "missing_fill_method": "mean"});
    alone(raw(&header, &rows), filled).0
}

component_kit::checklist!(local DataTransform, federation(1),
    refuses: [
        (json!({"input_format": "wide"}), "input_format"),
        (json!({"output_format": "tag"}), "output_format"),
        (json!({"delimitor": ""}), "delimitor"),
        (json!({"tag_value_delimitor": ""}), "tag_value_delimitor"),
        (json!({"exclusive_data_type": {"x0": "date"}}), "exclusive_data_type.x0"),
        (json!({"outlier_replace_method": "median"}), "outlier_replace_method"),
        (json!({"with_label": true, "label_name": " "}), "label_name"),
        (json!({"with_label": true, "label_type": null}), "label_type"),
        (json!({"missing_impute": {}}), "missing_impute"),
    ],
    canaries: [CANARY_ID], [CANARY],
    // Each column asks three times in its rows, and before it is filled.
    work: large(), least: 50 * 4);

#[tokio::test]
async fn the_summary_holds_no_value_of_a_row() {
    let played = federation(1).run::<DataTransform>().await.all_succeeded();
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
    let played = federation.run::<DataTransform>().await.all_succeeded();
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
    assert!(
        played.part(&federation.host(0)).summary.is_none(),
        "nothing was to be replaced there"
    );
}

#[tokio::test]
async fn works_with_two_hosts() {
    let federation = federation(2);
    let played = federation.run::<DataTransform>().await.all_succeeded();
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
    let trained = federation.run::<DataTransform>().await.all_succeeded();
    let (guest, host) = (federation.guest(), federation.host(0));
    // other parameters, another order, no label: the model knows better
    let later = Federation::new(1, false)
        .input(&guest, "data", raw(&["id", "x1", "x0"], &[&["z", "", "9"]]))
        .input(&host, "data", host_rows())
        .applying(&trained);
    let applied = later.run::<DataTransform>().await.all_succeeded();
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
    let again = again.run::<DataTransform>().await.all_succeeded();
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
        .run::<DataTransform>()
        .await
        .fault()
        .expect("a column is missing");
    assert_eq!(fault.code, ErrorCode::TableInvalid);
    assert!(fault.message.contains("\"x0\""), "{fault}");
}

#[tokio::test]
async fn obeys_what_was_said_at_upload() {
    let rows = guest_rows();
    let mut schema = rows.schema().clone();
    schema.meta.insert(
        "meta".into(),
        json!({"with_label": true, "label_name": "y"}),
    );
    let (federation, guest) = alone(rows.with_schema(schema).expect("same columns"), json!({}));
    let played = federation.run::<DataTransform>().await.all_succeeded();
    assert_eq!(
        played
            .part(&guest)
            .output()
            .schema()
            .label()
            .expect("label")
            .kind,
        ColumnKind::Integer
    );
}

#[tokio::test]
async fn passes_instances_on() {
    let made = alone(host_rows(), json!({}));
    let made = made
        .0
        .run::<DataTransform>()
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
        let played = federation.run::<DataTransform>().await.all_succeeded();
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
async fn reads_tags_and_match_ids() {
    let schema = Schema {
        header: false,
        ..Schema::new(
            TableKind::Raw,
            "",
            vec![Column::new("value", ColumnKind::Text, Part::Feature)],
        )
    };
    let values = vec![Values::of_texts(["17;1;b:2;a:3", "18;0;a:5"])];
    let rows =
        Table::from_columns(schema, vec!["r1".into(), "r2".into()], values).expect("a table");
    let parameters = json!({"input_format": "TAG", "tag_with_value": true, "delimitor": ";", "with_label": true,
        "with_match_id": true, "output_format": "sparse"});
    let (federation, guest) = alone(rows, parameters);
    let played = federation.run::<DataTransform>().await.all_succeeded();
    let table = played.part(&guest).output();
    assert_eq!(
        table.schema().display_header(),
        ["sid", "match_id", "label", "a", "b"]
    );
    assert_eq!(table.floats("b").expect("numbers"), [2.0, 0.0]);
    assert_eq!(
        table.texts("match_id").expect("texts")[1].as_deref(),
        Some("18")
    );
}

#[tokio::test]
async fn warns_of_infinite_values_and_of_columns_without_any() {
    let rows = raw(
        &["id", "x", "f", "g"],
        &[
            &["a", "NAN", "inf", ""],
            &["b", "1", "NA", "-nan"],
            &["c", "2", "3", "Null"],
        ],
    );
    let (federation, guest) = alone(
        rows,
        json!({"missing_fill": true, "missing_fill_method": "mean"}),
    );
    let played = federation.run::<DataTransform>().await.all_succeeded();
    let part = played.part(&guest);
    assert_eq!(part.output().floats("x").expect("numbers"), [1.5, 1.0, 2.0]);
    assert_eq!(part.output().floats("f").expect("numbers"), [3.0, 3.0, 3.0]);
    assert!(
        part.output()
            .floats("g")
            .expect("numbers")
            .iter()
            .all(|value| value.is_nan())
    );
    let log = part.log.join("\n");
    assert!(
        log.contains(
            "column \"f\" is infinite in 1 rows, which count as missing: rows 0 (counted from 0)"
        ),
        "{log}"
    );
    assert!(
        log.contains(
            "column \"g\" has no value from which a value for what is missing could be learned"
        ),
        "{log}"
    );
    let summary = part.summary.as_ref().expect("a summary");
    assert_eq!(
        summary["missing_fill_info"]["missing_impute_value"],
        json!({"x": "1.5", "f": "3"})
    );
    let applied = Federation::new(0, false).input(
        &guest,
        "data",
        raw(&["id", "x", "f", "g"], &[&["z", "", "Inf", "7"]]),
    );
    let applied = applied
        .applying(&played)
        .run::<DataTransform>()
        .await
        .all_succeeded();
    let row = applied
        .part(&guest)
        .output()
        .features_matrix()
        .expect("matrix")
        .row(0)
        .to_vec();
    assert_eq!(row, [1.5, 3.0, 7.0]);
}

#[tokio::test]
async fn takes_what_fate_does_not_check() {
    let rows = || raw(&["id", "x"], &[&["a", "-9999"], &["b", "1"]]);
    for parameters in [
        json!({"outlier_replace": true, "outlier_impute": "-9999", "outlier_replace_value": 7}),
        json!({"outlier_replace": 1, "outlier_impute": -9999, "outlier_replace_value": "7"}),
        json!({"outlier_replace": "true", "outlier_impute": [-9999.0], "outlier_replace_value": [7], "missing_impute": null}),
        json!({"missing_fill": true, "missing_impute": "-9999", "default_value": 7, "need_run": null, "match_id_name": null}),
        json!({"missing_fill": true, "missing_impute": [-9999, null], "default_value": 7, "label_name": null,
            "label_type": null, "tag_with_value": null, "exclusive_data_type": null, "missing_fill_method": null,
            "outlier_impute": null, "outlier_replace_method": null}),
    ] {
        let (federation, guest) = alone(rows(), parameters.clone());
        let played = federation.run::<DataTransform>().await.all_succeeded();
        assert_eq!(
            played.part(&guest).output().floats("x").expect("numbers"),
            [7.0, 1.0],
            "{parameters}"
        );
    }
    let fault = refused(rows(), json!({"outlier_impute": {"x": 1}})).await;
    assert_eq!(fault.path.as_deref(), Some("outlier_impute"));
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
    ] {
        let fault = refused(guest_rows(), parameters).await;
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (ErrorCode::ParameterInvalid, Some(path)),
            "{fault}"
        );
    }
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
    let played = federation.run::<DataTransform>().await.all_succeeded();
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
        let played = federation.run::<DataTransform>().await.all_succeeded();
        assert!(played.part(&guest).output().floats("x0").expect("numbers")[1].is_nan());
    }
}
