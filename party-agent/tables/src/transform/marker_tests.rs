//! Tests of what is listed: outliers that come back as what fills, cells that no list has, names that are no columns.

use serde_json::{Value, json};

use super::*;
use crate::error::TableError;
use crate::import::import;
use crate::import_options::ImportOptions;

fn raw(file: &str) -> Table {
    import(
        file.as_bytes(),
        &ImportOptions {
            head: true,
            ..ImportOptions::default()
        },
        &mut |_| {},
    )
    .expect("imported")
    .0
}

fn both(method: FillMethod, value: Value, outliers: (FillMethod, Value, Value)) -> Settings {
    Settings {
        fill: Some(Fill::new(method, &value, &json!(null))),
        outliers: Some(Fill::new(outliers.0, &outliers.1, &outliers.2)),
        ..Settings::default()
    }
}

fn column(made: &MadeInstances, name: &str) -> Vec<f64> {
    made.table.floats(name).expect("numbers")
}

#[test]
fn an_outlier_that_was_learned_as_what_fills_is_an_outlier_again() {
    let rows = raw("id,a\n0,-9999\n1,NA\n2,2\n3,3\n4,11\n");
    for (fill, value) in [
        (FillMethod::Min, json!(0)),
        (FillMethod::Designated, json!("-9999.0")),
    ] {
        for (replace, designated, expected) in [
            (FillMethod::Min, json!(0), 2.0),
            (FillMethod::Max, json!(0), 11.0),
            (FillMethod::Designated, json!(5), 5.0),
        ] {
            let settings = both(fill, value.clone(), (replace, designated, json!([-9999])));
            let made = fit(&rows, &settings, "g").expect("made");
            assert_eq!(
                column(&made, "a"),
                [expected, expected, 2.0, 3.0, 11.0],
                "{fill:?} then {replace:?}"
            );
            let (missing, outliers) = (made.learned.missing.clone(), made.learned.outliers.clone());
            assert_eq!(missing.expect("filled").ratios, [0.2]);
            assert_eq!(
                outliers.expect("replaced").ratios,
                [0.4],
                "both rows were outliers"
            );
            // Where the model is applied the same happens.
            let applied =
                apply(&raw("id,a\n7,\n8,1\n"), &settings, &made.learned, "g").expect("applied");
            assert_eq!(column(&applied, "a"), [expected, 1.0]);
        }
    }
    // Another value than an outlier stays.
    let settings = both(
        FillMethod::Max,
        json!(0),
        (FillMethod::Designated, json!(5), json!([-9999])),
    );
    assert_eq!(
        column(&fit(&rows, &settings, "g").expect("made"), "a"),
        [5.0, 11.0, 2.0, 3.0, 11.0]
    );
}

#[test]
fn a_text_that_fills_and_is_an_outlier_is_replaced_as_one() {
    let outliers = (FillMethod::Designated, json!("none of these"), json!(["?"]));
    let settings = Settings {
        data_type: ValueKind::Text,
        ..both(FillMethod::Designated, json!("?"), outliers)
    };
    let made = fit(&raw("id,a\n0,?\n1,NA\n2,red\n"), &settings, "g").expect("made");
    let texts: Vec<String> = made
        .table
        .texts("a")
        .expect("texts")
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(texts, ["none of these", "none of these", "red"]);
}

#[test]
fn whole_numbers_are_kept_as_they_are_or_refused() {
    let whole = Settings {
        data_type: ValueKind::Integer,
        ..Settings::default()
    };
    for kept in [
        "9007199254740991",
        "-9007199254740992",
        "9007199254740992",
        "3.0",
        "-1e3",
    ] {
        let made = fit(&raw(&format!("id,x\n0,{kept}\n")), &whole, "g").expect("made");
        assert_eq!(column(&made, "x"), [kept.parse::<f64>().expect("a number")]);
    }
    for lost in [
        "9007199254740993",
        "-9007199254740993",
        "9223372036854775808",
        "1e300",
        "9007199254740993.0",
    ] {
        let rows = raw(&format!("id,x\n0,1\n1,{lost}\n"));
        let error = fit(&rows, &whole, "g").expect_err(lost).to_string();
        assert_eq!(
            error,
            "column \"x\" holds something that is not a whole number up to 2^53 in row 1 (counted from 0)"
        );
        assert!(
            fit(&rows, &Settings::default(), "g").is_ok(),
            "a number with a point loses digits, as it says"
        );
        // As a marker it is replaced.
        let outliers = Some(Fill::new(FillMethod::Max, &json!(0), &json!([lost])));
        let made = fit(
            &rows,
            &Settings {
                outliers,
                ..whole.clone()
            },
            "g",
        )
        .expect("made");
        assert_eq!(column(&made, "x"), [1.0, 1.0]);
    }
    let error = fit(&raw("id,x\n0,1.5\n"), &whole, "g").expect_err("refused");
    assert!(matches!(
        error,
        TransformError::Table(TableError::NotANumber {
            wanted: "a whole number",
            ..
        })
    ));
}

#[test]
fn an_empty_cell_beside_a_list_is_called_empty() {
    let settings = |markers: Value| Settings {
        fill: Some(Fill::new(FillMethod::Max, &json!(0), &markers)),
        ..Settings::default()
    };
    let rows = raw("id,x,y\n0,1,1\n1,,1\n");
    let error = fit(&rows, &settings(json!(["?"])), "g").expect_err("refused");
    assert!(
        matches!(&error, TransformError::CellEmpty { column, row: 1 } if column == "x"),
        "{error}"
    );
    let fault = vocabulary::Fault::from(error);
    assert!(
        fault
            .next
            .as_deref()
            .is_some_and(|next| next.starts_with("add \"\" to missing_impute")),
        "{fault:?}"
    );
    // The advice works.
    let made = fit(&rows, &settings(json!(["?", ""])), "g").expect("made");
    assert_eq!(column(&made, "x"), [1.0, 1.0]);
    let listed = Settings {
        missing: Some(vec!["?".into()]),
        ..Settings::default()
    };
    assert!(matches!(
        fit(&rows, &listed, "g"),
        Err(TransformError::CellEmpty { row: 1, .. })
    ));
    // A word is no empty cell.
    let error = fit(&raw("id,x\n0,N/A\n"), &settings(json!(["?"])), "g").expect_err("refused");
    assert!(matches!(
        error,
        TransformError::Table(TableError::NotANumber { row: 0, .. })
    ));
}

#[test]
fn names_that_are_no_columns_are_told() {
    let rows = raw("ID,Y,Age,Income,K1,K2\n0,1,3,4,a,b\n1,0,5,6,c,d\n");
    let exclusive =
        ["age", "incone", "y", "id", "zzzzzzzz"].map(|name| (name.to_owned(), ValueKind::Float));
    let match_id = MatchId {
        names: vec!["k1".into(), "k22".into()],
        ..MatchId::default()
    };
    let settings = Settings {
        exclusive: exclusive.into_iter().collect(),
        label: Some(Label {
            name: "Y".into(),
            kind: ValueKind::Integer,
        }),
        match_id: Some(match_id),
        data_type: ValueKind::Text,
        ..Settings::default()
    };
    let remark = |setting, name: &str, nearest: Option<&str>| Remark::NoSuchColumn {
        setting,
        name: name.into(),
        nearest: nearest.map(str::to_owned),
    };
    let told = [
        remark("exclusive_data_type", "incone", Some("income")),
        remark("exclusive_data_type", "zzzzzzzz", None),
        remark("id_list", "k22", Some("k2")),
    ];
    let made = fit(&rows, &settings, "g").expect("made");
    assert_eq!(made.remarks, told);
    assert!(
        made.remarks[0]
            .to_string()
            .ends_with("it has no effect; did you mean \"income\""),
        "{}",
        made.remarks[0]
    );
    assert_eq!(
        apply(&rows, &settings, &made.learned, "g")
            .expect("applied")
            .remarks,
        told
    );
}
