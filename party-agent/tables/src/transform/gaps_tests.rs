//! Tests of missing and infinite values: one idea of them, whatever is done about them.

use serde_json::{Value, json};

use vocabulary::Stop;

use super::*;
use crate::error::TableError;
use crate::import::import;
use crate::import_options::ImportOptions;

/// Columns a to e hold not-a-number in five spellings, f something infinite, h nothing at all.
const FILE: &str =
    "id,a,b,c,d,e,f,h\n0,NaN,NAN,Nan,-nan,nan ,inf,\n1,1,1,1,1,1,NA,Null\n2,2,2,2,2,2,3,none\n";

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

fn filling(method: FillMethod, value: Value, markers: Value) -> Settings {
    Settings {
        fill: Some(Fill::new(method, &value, &markers)),
        ..Settings::default()
    }
}

fn column(made: &MadeInstances, name: &str) -> Vec<f64> {
    made.table.floats(name).expect("numbers")
}

#[test]
fn every_spelling_is_filled_alike_and_infinite_takes_no_part() {
    for (method, filled, in_f) in [
        (FillMethod::Mean, 1.5, 3.0),
        (FillMethod::Min, 1.0, 3.0),
        (FillMethod::Max, 2.0, 3.0),
        (FillMethod::Designated, 7.5, 7.5),
    ] {
        let made = fit(
            &raw(FILE),
            &filling(method, json!(7.5), json!(null)),
            "guest_1",
        )
        .expect("made");
        for name in ["a", "b", "c", "d", "e"] {
            assert_eq!(
                column(&made, name),
                [filled, 1.0, 2.0],
                "{name} by {method:?}"
            );
        }
        assert_eq!(column(&made, "f"), [in_f, in_f, 3.0]);
        assert!(made.remarks.contains(&Remark::Infinite {
            column: "f".into(),
            rows: vec![0]
        }));
        let again = apply(
            &raw(FILE),
            &filling(method, json!(0), json!(null)),
            &made.learned,
            "guest_1",
        );
        assert_eq!(column(&again.expect("applied"), "f"), [in_f, in_f, 3.0]);
    }
}

#[test]
fn infinite_is_missing_where_nothing_is_filled_and_beside_a_list() {
    let made = fit(&raw(FILE), &Settings::default(), "guest_1").expect("made");
    assert!(column(&made, "f")[0].is_nan() && column(&made, "f")[1].is_nan());
    assert_eq!(made.remarks.len(), 1);
    let listed = raw("id,x\n0,-1\n1,-INF\n2,1e999\n3,+nan\n4,4\n");
    let made = fit(
        &listed,
        &filling(FillMethod::Max, json!(0), json!([-1])),
        "guest_1",
    )
    .expect("made");
    assert_eq!(column(&made, "x"), [4.0; 5]);
    assert_eq!(
        made.remarks,
        [Remark::Infinite {
            column: "x".into(),
            rows: vec![1, 2]
        }]
    );
    let whole = Settings {
        data_type: ValueKind::Integer,
        ..Settings::default()
    };
    assert!(
        column(
            &fit(&raw("id,x\n0,inf\n1,2\n"), &whole, "g").expect("made"),
            "x"
        )[0]
        .is_nan()
    );
}

#[test]
fn outliers_that_are_named_are_none_of_the_missing() {
    let mut settings = filling(FillMethod::Mean, json!(0), json!(null));
    settings.outliers = Some(Fill::new(
        FillMethod::Designated,
        &json!(-5),
        &json!(["inf", "x"]),
    ));
    let made = fit(&raw("id,x\n0,inf\n1,x\n2,nan\n3,4\n"), &settings, "g").expect("made");
    assert_eq!(column(&made, "x"), [-5.0, -5.0, 4.0, 4.0]);
    assert_eq!(made.remarks, []);
    // By default outliers are what counts as missing, infinite as well.
    let usual = Settings {
        outliers: Some(Fill::new(FillMethod::Designated, &json!(9), &json!(null))),
        ..Settings::default()
    };
    assert_eq!(
        column(
            &fit(&raw("id,x\n0,-inf\n1,NAN\n2,4\n"), &usual, "g").expect("made"),
            "x"
        ),
        [9.0, 9.0, 4.0]
    );
}

#[test]
fn a_column_without_a_value_stays_missing_and_the_rest_is_filled() {
    for method in [FillMethod::Mean, FillMethod::Min, FillMethod::Max] {
        let settings = Settings {
            outliers: Some(Fill::new(method, &json!(0), &json!(["?"]))),
            ..filling(method, json!(0), json!(null))
        };
        let rows = raw("id,x,y,z\n1,,inf,?\n2,NA,2,?\n");
        let made = fit(&rows, &settings, "g").expect("the job goes on");
        assert!(
            column(&made, "x")
                .iter()
                .chain(&column(&made, "z"))
                .all(|value| value.is_nan())
        );
        assert_eq!(column(&made, "y"), [2.0, 2.0]);
        let what: Vec<String> = made.remarks.iter().map(ToString::to_string).collect();
        assert!(what.iter().any(|text| {
            text.starts_with("column \"x\" has no value from which a value for what is")
        }));
        assert!(what.iter().any(|text| {
            text.starts_with("column \"z\" has no value from which a value for outliers")
        }));
        let (_, param) = model_view(&settings, &made.learned, None);
        assert_eq!(
            param["imputerParam"]["missingReplaceValue"],
            json!({"y": "2"})
        );
        assert_eq!(param["imputerParam"]["missingValueRatio"]["x"], json!(1.0));
        // The model goes through its stored form.
        let kept = serde_json::to_string(&made.learned).expect("written");
        let known: InstanceModel = serde_json::from_str(&kept).expect("read");
        let applied =
            apply(&raw("id,x,y,z\n7,5,,NA\n8,,1,2\n"), &settings, &known, "g").expect("applied");
        assert_eq!(column(&applied, "x")[0], 5.0);
        assert!(column(&applied, "x")[1].is_nan() && column(&applied, "z")[0].is_nan());
        assert_eq!(column(&applied, "y"), [2.0, 1.0]);
    }
}

#[test]
fn reads_what_older_models_learned() {
    let older = r#"{"header":["x"],"id_name":"id","label_name":null,"missing":{"values":["2.5"],"ratios":[0.5]},"outliers":null}"#;
    let known: InstanceModel = serde_json::from_str(older).expect("an older model");
    let settings = filling(FillMethod::Mean, json!(0), json!(null));
    assert_eq!(
        column(
            &apply(&raw("id,x\n1,NAN\n"), &settings, &known, "g").expect("applied"),
            "x"
        ),
        [2.5]
    );
}

#[test]
fn a_designated_value_is_finite_or_none() {
    for bad in [json!("inf"), json!("much"), json!("1e999")] {
        let settings = filling(FillMethod::Designated, bad, json!(null));
        assert!(matches!(
            fit(&raw(FILE), &settings, "g"),
            Err(TransformError::FillNotANumber { .. })
        ));
    }
    let settings = filling(FillMethod::Designated, json!("NaN"), json!(null));
    let made = fit(&raw(FILE), &settings, "g").expect("made");
    assert!(column(&made, "a")[0].is_nan());
    let big = raw("id,x\n1,1e308\n2,1.5e308\n3,\n");
    let made = fit(&big, &filling(FillMethod::Mean, json!(0), json!(null)), "g").expect("made");
    assert!(
        (column(&made, "x")[2] / 1.25e308 - 1.0).abs() < 1e-12,
        "the mean of finite numbers is finite"
    );
}

#[test]
fn labels_are_there_where_models_are_made_and_may_lack_where_they_are_applied() {
    let labelled = |kind| Settings {
        label: Some(Label {
            name: "y".into(),
            kind,
        }),
        ..Settings::default()
    };
    for (kind, gap) in [
        (ValueKind::Integer, ""),
        (ValueKind::Integer, "NaN"),
        (ValueKind::Integer, "-inf"),
        (ValueKind::Float, "NAN"),
        (ValueKind::Float, "inf"),
        (ValueKind::Float, ""),
        (ValueKind::Text, " "),
    ] {
        let settings = labelled(kind);
        let rows = raw(&format!("id,y,x\n1,1,3\n2,{gap},4\n"));
        let error = fit(&rows, &settings, "g").expect_err("refused");
        assert!(
            matches!(&error, TransformError::LabelGaps { column, gaps: 1, first: 1 } if column == "y"),
            "{error}"
        );
        let made = fit(&raw("id,y,x\n1,1,3\n2,0,4\n"), &settings, "g").expect("made");
        // One row without a label leaves the others theirs.
        let applied = apply(&rows, &settings, &made.learned, "g").expect("applied");
        let labels = applied.table.labels().expect("numbers").expect("a label");
        assert!(
            labels[0] == 1.0 && labels[1].is_nan(),
            "{kind:?} {gap:?}: {labels:?}"
        );
        let texts = applied.table.label_texts().expect("texts");
        let texts = texts.expect("a label");
        assert_eq!(
            (texts[0].as_deref().map(|text| &text[..1]), &texts[1]),
            (Some("1"), &None)
        );
        assert_eq!(
            applied.remarks,
            [Remark::LabelGaps {
                column: "y".into(),
                gaps: 1,
                rows: 2
            }]
        );
        // Without any there is no column of them.
        let none = raw(&format!("id,y,x\n1,{gap},3\n2,{gap},4\n"));
        let applied = apply(&none, &settings, &made.learned, "g").expect("applied");
        assert!(applied.table.schema().label().is_none());
        assert_eq!(
            applied.remarks,
            [Remark::LabelLeftOut {
                column: "y".into(),
                gaps: 2,
                rows: 2
            }]
        );
    }
    // What is no label is none beside a gap either, and is named by its own row.
    for (kind, word) in [
        (ValueKind::Integer, "yes"),
        (ValueKind::Integer, "0.5"),
        (ValueKind::Float, "yes"),
    ] {
        let settings = labelled(kind);
        let made = fit(&raw("id,y,x\n1,1,3\n2,0,4\n"), &settings, "g").expect("made");
        let rows = raw(&format!("id,y,x\n1,,3\n2,{word},4\n"));
        let error = apply(&rows, &settings, &made.learned, "g").expect_err("refused");
        assert!(
            matches!(error, TransformError::LabelNotANumber { row: 1, .. }),
            "{error}"
        );
    }
    let error = fit(
        &raw("id,y\n1,yes\n2,no\n"),
        &labelled(ValueKind::Integer),
        "g",
    )
    .expect_err("refused");
    assert_eq!(
        error.to_string(),
        "the label \"y\" is not a whole number in row 0 (counted from 0)"
    );
}

#[test]
fn stops_in_the_middle_of_columns_and_rows() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let wide: String = (0..50).map(|at| format!(",c{at}")).collect();
    let rows: String = (0..9_000)
        .map(|row| format!("{row}{}\n", ",1".repeat(50)))
        .collect();
    let table = raw(&format!("id{wide}\n{rows}"));
    let questions = |most: usize| {
        let asked = Arc::new(AtomicUsize::new(0));
        let counts = asked.clone();
        let stop = Stop::when(move || counts.fetch_add(1, Ordering::SeqCst) >= most);
        let made = fit(&table.watched(stop), &Settings::default(), "g");
        (made.is_ok(), asked.load(Ordering::SeqCst), made.err())
    };
    let (ended, all, _) = questions(usize::MAX);
    assert!(
        ended && all >= 50 * 3,
        "each column asks by its rows: {all}"
    );
    for most in (1..all).step_by(all / 7) {
        let (ended, asked, error) = questions(most);
        assert!(
            !ended && asked <= most + 1 + rayon::current_num_threads(),
            "asked {asked} times, stopped at {most}"
        );
        assert!(matches!(
            error,
            Some(TransformError::Table(TableError::Stopped(_)))
        ));
    }
}
