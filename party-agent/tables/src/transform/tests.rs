//! Tests of the whole way: a file as it is uploaded, and the instances it becomes.

use serde_json::json;

use super::*;
use crate::error::TableError;
use crate::import::import;
use crate::import_options::ImportOptions;
use crate::values::Values;

fn raw(file: &str, head: bool) -> Table {
    import(
        file.as_bytes(),
        &ImportOptions {
            head,
            ..ImportOptions::default()
        },
        &mut |_| {},
    )
    .expect("imported")
    .0
}

fn label(name: &str, kind: ValueKind) -> Option<Label> {
    Some(Label {
        name: name.into(),
        kind,
    })
}

fn fill(method: FillMethod, value: serde_json::Value, markers: serde_json::Value) -> Option<Fill> {
    Some(Fill::new(method, &value, &markers))
}

const FILE: &str = "ID,Y,A,B\n1,0,1.5,\n2,1,NA,4\n3,1,2.5,-9\n";

#[test]
fn takes_label_and_features_out_of_dense_rows() {
    let settings = Settings {
        label: label("y", ValueKind::Integer),
        ..Settings::default()
    };
    let made = fit(&raw(FILE, true), &settings, "guest_9999").expect("made");
    let schema = made.table.schema();
    assert_eq!(schema.kind, TableKind::Instances);
    assert_eq!(schema.display_header(), ["ID", "y", "a", "b"]);
    assert_eq!(
        schema.meta["anonymous_header"],
        json!(["guest_9999_x0", "guest_9999_x1"])
    );
    assert_eq!(schema.meta["label_name"], json!("y"));
    assert_eq!(
        made.table.labels().expect("labels").expect("one"),
        [0.0, 1.0, 1.0]
    );
    assert_eq!(schema.label().expect("label").kind, ColumnKind::Integer);
    let a = made.table.floats("a").expect("numbers");
    assert!(
        a[1].is_nan() && a[0] == 1.5 && a[2] == 2.5,
        "missing stays missing"
    );
    assert_eq!(summary(&settings, &made.learned), None);
}

#[test]
fn replaces_by_what_it_learned_and_again_by_the_same() {
    let settings = Settings {
        label: label("Y", ValueKind::Integer),
        fill: fill(FillMethod::Mean, json!(0), json!(null)),
        outliers: fill(FillMethod::Max, json!(0), json!(-9)),
        ..Settings::default()
    };
    let made = fit(&raw(FILE, true), &settings, "guest_9999").expect("made");
    assert_eq!(made.table.floats("a").expect("numbers"), [1.5, 2.0, 2.5]);
    // the mean sees the outlier: (4 - 9) / 2; the largest value is taken of what is no outlier
    assert_eq!(made.table.floats("b").expect("numbers"), [-2.5, 4.0, 4.0]);
    let missing = made.learned.missing.clone().expect("filled");
    assert_eq!(
        missing.values,
        [Some("2".to_owned()), Some("-2.5".to_owned())]
    );
    assert!(
        missing
            .ratios
            .iter()
            .all(|ratio| (ratio - 1.0 / 3.0).abs() < 1e-12)
    );

    let later = raw("id,b,c,a\n7,,1,\n8,-9.0,1,5\n", true);
    let applied = apply(&later, &settings, &made.learned, "guest_9999").expect("applied");
    assert_eq!(applied.table.schema().display_header(), ["id", "a", "b"]);
    assert_eq!(applied.table.floats("a").expect("numbers"), [2.0, 5.0]);
    assert_eq!(applied.table.floats("b").expect("numbers"), [-2.5, 4.0]);
    let shown = summary(&settings, &applied.learned).expect("a summary");
    assert_eq!(
        shown["missing_fill_info"]["missing_impute_rate"]["a"],
        json!(0.5)
    );
    assert_eq!(
        shown["outlier_replace_rate"]["outlier_replace_value"]["b"],
        json!("4")
    );
}

#[test]
fn changes_nothing_in_clean_rows_when_all_is_by_default() {
    let clean = raw("id,y,x0\n1,1,0.254879\n2,0,-1e-9\n", true);
    let plain = Settings {
        label: label("y", ValueKind::Integer),
        ..Settings::default()
    };
    let careful = Settings {
        fill: fill(FillMethod::Designated, json!(0), json!(null)),
        outliers: fill(FillMethod::Designated, json!(0), json!(null)),
        ..plain.clone()
    };
    let hash = |settings: &Settings| {
        fit(&clean, settings, "guest_1")
            .expect("made")
            .table
            .content_hash()
            .expect("hash")
    };
    assert_eq!(hash(&plain), hash(&careful));
}

#[test]
fn names_column_and_row_of_what_is_no_number() {
    let bad = raw("id,x0\n1,1\n2,seven\n", true);
    let error = fit(&bad, &Settings::default(), "host_1").expect_err("refused");
    assert!(
        matches!(&error, TransformError::Table(TableError::NotANumber { column, row: 1, .. }) if column == "x0")
    );
    assert!(!error.to_string().contains("seven"));
    let whole = Settings {
        data_type: ValueKind::Integer,
        ..Settings::default()
    };
    assert!(fit(&raw("id,x0\n1,1.5\n", true), &whole, "host_1").is_err());
    assert!(fit(&raw("id,x0\n1,1.0\n2,\n", true), &whole, "host_1").is_ok());
}

#[test]
fn keeps_columns_as_text_when_asked() {
    let mut settings = Settings::default();
    settings.exclusive.insert("town".into(), ValueKind::Text);
    let made = fit(
        &raw("id,Town,n\n1,Rome,3\n2,,4\n", true),
        &settings,
        "host_1",
    )
    .expect("made");
    assert_eq!(
        made.table.texts("town").expect("texts"),
        [Some("Rome".to_owned()), Some(String::new())]
    );
    let mean = Settings {
        fill: fill(FillMethod::Mean, json!(0), json!(null)),
        ..settings.clone()
    };
    assert!(matches!(
        fit(&raw("id,Town\n1,Rome\n", true), &mean, "host_1"),
        Err(TransformError::TextHasNone { method: "mean", .. })
    ));
}

#[test]
fn sets_match_ids_apart() {
    let file = "sid,id,phone,x0\na,17,030,1\nb,18,031,2\n";
    let first = Settings {
        match_id: Some(MatchId::default()),
        ..Settings::default()
    };
    let made = fit(&raw(file, true), &first, "guest_1");
    assert!(made.is_ok_and(|made| made.table.schema().match_id().expect("match id").name == "id"));
    let several = MatchId {
        index: 1,
        names: vec!["id".into(), "phone".into()],
        ..MatchId::default()
    };
    let settings = Settings {
        match_id: Some(several),
        ..Settings::default()
    };
    let made = fit(&raw(file, true), &settings, "guest_1").expect("made");
    assert_eq!(made.table.schema().display_header(), ["sid", "phone", "x0"]);
    let missing = Settings {
        match_id: Some(MatchId {
            name: "nobody".into(),
            ..MatchId::default()
        }),
        ..settings
    };
    assert!(matches!(
        fit(&raw(file, true), &missing, "guest_1"),
        Err(TransformError::MatchIdMissing { .. })
    ));
}

#[test]
fn reads_svmlight_rows() {
    let settings = Settings {
        input: InputFormat::Sparse,
        delimiter: " ".into(),
        label: label("y", ValueKind::Integer),
        ..Settings::default()
    };
    let made = fit(
        &raw("1,1 0:2.5 2:3\n2,0 2:-1\n", false),
        &settings,
        "guest_1",
    )
    .expect("made");
    assert_eq!(
        made.table.schema().display_header(),
        ["sid", "label", "x0", "x1", "x2"]
    );
    let features = made.table.features_matrix().expect("matrix");
    assert_eq!(features.row(0).to_vec(), [2.5, 0.0, 3.0]);
    assert_eq!(features.row(1).to_vec(), [0.0, 0.0, -1.0]);
    for bad in ["1,1 x:3\n", "1,1 3\n", "1,1 999999999:3\n"] {
        assert!(
            fit(&raw(bad, false), &settings, "guest_1").is_err(),
            "{bad:?} was taken"
        );
    }
}

#[test]
fn reads_tags_with_and_without_values() {
    let tags = Settings {
        input: InputFormat::Tag,
        delimiter: ";".into(),
        ..Settings::default()
    };
    let made = fit(&raw("1,b;a\n2,c;\n", false), &tags, "host_1").expect("made");
    assert_eq!(made.table.schema().features(), ["a", "b", "c"]);
    assert_eq!(made.table.floats("b").expect("numbers"), [1.0, 0.0]);
    let valued = Settings {
        tag_with_value: true,
        ..tags.clone()
    };
    let made = fit(&raw("1,a:2;b:3\n2,a:4\n", false), &valued, "host_1").expect("made");
    assert_eq!(made.table.floats("b").expect("numbers"), [3.0, 0.0]);
    let filled = Settings {
        fill: fill(FillMethod::Max, json!(0), json!(null)),
        ..valued
    };
    let made = fit(&raw("1,a:2;b:3\n2,a:4\n", false), &filled, "host_1").expect("made");
    assert_eq!(made.table.floats("b").expect("numbers"), [3.0, 3.0]);
    let applied = apply(&raw("9,z:1\n", false), &filled, &made.learned, "host_1").expect("applied");
    assert_eq!(
        applied
            .table
            .features_matrix()
            .expect("matrix")
            .row(0)
            .to_vec(),
        [4.0, 3.0]
    );
}

#[test]
fn refuses_what_does_not_fit() {
    let file = raw(FILE, true);
    let lost = Settings {
        label: label("target", ValueKind::Integer),
        ..Settings::default()
    };
    assert!(
        matches!(fit(&file, &lost, "guest_1"), Err(TransformError::LabelMissing { column }) if column == "target")
    );
    assert!(matches!(
        fit(&raw("1,2\n", false), &Settings::default(), "guest_1"),
        Err(TransformError::HeaderMissing)
    ));
    let count = Settings {
        fill: fill(FillMethod::Designated, json!([1, 2]), json!(null)),
        ..Settings::default()
    };
    assert!(matches!(
        fit(&file, &count, "g"),
        Err(TransformError::FillCount {
            given: 2,
            columns: 3
        })
    ));
    let made = fit(&file, &Settings::default(), "guest_1").expect("made");
    let error = apply(
        &raw("id,a\n1,2\n", true),
        &Settings::default(),
        &made.learned,
        "guest_1",
    );
    assert!(matches!(
        error,
        Err(TransformError::ColumnsMissing {
            missing: 2,
            wanted: 3,
            ..
        })
    ));
    let schema = Schema::new(
        TableKind::Raw,
        "id",
        vec![Column::new("x", ColumnKind::Text, Part::Feature)],
    );
    let none = Table::from_columns(schema, vec![], vec![Values::empty(ColumnKind::Text)])
        .expect("a table");
    assert!(matches!(
        fit(&none, &Settings::default(), "g"),
        Err(TransformError::Empty)
    ));
}

#[test]
fn shows_the_model_in_fates_words() {
    let settings = Settings {
        label: label("y", ValueKind::Integer),
        fill: fill(FillMethod::Min, json!(0), json!(null)),
        ..Settings::default()
    };
    let made = fit(&raw(FILE, true), &settings, "guest_9999").expect("made");
    let names = anonymous_header("guest_9999", made.learned.header.len());
    let (meta, param) = model_view(&settings, &made.learned, Some(&names));
    assert_eq!(meta["imputerMeta"]["strategy"], json!("min"));
    assert_eq!(meta["outlierMeta"]["isOutlier"], json!(false));
    assert_eq!(
        param["imputerParam"]["missingReplaceValue"]["a"],
        json!("1.5")
    );
    assert_eq!(param["header"], json!(["a", "b"]));
    assert_eq!(
        param["anonymousHeader"],
        json!(["guest_9999_x0", "guest_9999_x1"])
    );
    assert!(
        model_view(&settings, &made.learned, None)
            .1
            .get("anonymousHeader")
            .is_none()
    );
}

#[test]
fn names_that_become_equal_are_kept_apart() {
    let text = "id,Y,y ,X,x,x_2\na,1,7,2,3,4\nb,0,8,5,6,9\n";
    let (table, _) = crate::import(
        text.as_bytes(),
        &crate::ImportOptions::default(),
        &mut |_| (),
    )
    .expect("import");
    let label = Label {
        name: "y".to_owned(),
        kind: ValueKind::Integer,
    };
    let settings = Settings {
        label: Some(label),
        ..Settings::default()
    };
    let made = fit(&table, &settings, "guest_9999").expect("fits");
    assert_eq!(made.table.schema().features(), ["y_2", "x", "x_3", "x_2"]);
    assert_eq!(made.table.floats("x_3").expect("numbers"), [3.0, 6.0]);
    let again = apply(&table, &settings, &made.learned, "guest_9999").expect("applies");
    assert_eq!(
        again.table.schema().features(),
        made.table.schema().features()
    );
}
