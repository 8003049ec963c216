//! Messages as JSON and as bytes, against what FATE writes.

use prost::Message;
use serde_json::{Value, json};

use super::*;

/// The bytes and the JSON of both parts of a view that is written in FATE's names come back as they were.
fn round_trip<K: FateModel>(whole: &Value) {
    let stored = messages(K::MODULE, whole);
    let names: Vec<String> = ["Meta", "Param"]
        .iter()
        .map(|ending| format!("{}{ending}", K::STEM))
        .collect();
    let found: Vec<&String> = stored.iter().map(|message| &message.name).collect();
    assert_eq!(found, names.iter().collect::<Vec<_>>());
    let classes: Vec<&str> = stored
        .iter()
        .map(|message| message.class.as_str())
        .collect();
    assert_eq!(classes, K::CLASSES);
    let meta = K::Meta::decode(stored[0].bytes.as_slice()).expect("a meta");
    let param = K::Param::decode(stored[1].bytes.as_slice()).expect("a param");
    assert_eq!(&view::<K>(&meta, &param), whole);
}

#[test]
fn logistic_regressions_of_two_and_of_more_classes() {
    let meta = json!({
        "penalty": "L2", "tol": 1e-4, "alpha": 0.01, "optimizer": "rmsprop", "partyWeight": 0.0, "batchSize": "-1",
        "learningRate": 0.15, "maxIter": "3", "earlyStop": "diff", "reEncryptBatches": "0", "fitIntercept": true,
        "needOneVsRest": false, "predictParam": {"threshold": 0.5}, "revealStrategy": "", "module": "HeteroLR",
    });
    let mut param = json!({
        "iters": 3, "lossHistory": [0.5, 0.25], "isConverged": false, "weight": {"x0": -0.5, "größe": 0.25},
        "intercept": 0.125, "header": ["größe", "x0"], "needOneVsRest": false, "bestIteration": -1, "encryptedWeight": {},
    });
    round_trip::<HeteroLr>(&json!({"meta": meta, "param": param}));
    param["oneVsRestResult"] = json!({
        "completedModels": [{
            "iters": 2, "lossHistory": [], "isConverged": true, "weight": {"x0": 1.5}, "intercept": 0.0,
            "header": ["x0"], "bestIteration": -1, "encryptedWeight": {},
        }],
        "oneVsRestClasses": ["1", "7"],
    });
    round_trip::<HeteroLr>(&json!({"meta": meta, "param": param}));
}

#[test]
fn linear_regressions() {
    let meta = json!({
        "penalty": "L2", "tol": 1e-3, "alpha": 0.01, "optimizer": "sgd", "batchSize": "-1", "learningRate": 0.15,
        "maxIter": "20", "earlyStop": "weight_diff", "fitIntercept": true, "module": "HeteroLinR",
    });
    let param = json!({
        "iters": 20, "lossHistory": [0.5], "isConverged": false, "weight": {"x0": 0.25}, "intercept": 0.125,
        "header": ["x0"], "bestIteration": -1, "encryptedWeight": {},
    });
    round_trip::<HeteroLinR>(&json!({"meta": meta, "param": param}));
}

#[test]
fn instances_with_fills_and_without() {
    let meta = json!({
        "inputFormat": "dense", "delimitor": ",", "dataType": "float64", "tagWithValue": false, "tagValueDelimitor": ":",
        "withLabel": true, "labelName": "y", "labelType": "int", "outputFormat": "dense",
        "imputerMeta": {"isImputer": true, "strategy": "mean", "missingValue": ["NA"]},
        "outlierMeta": {"isOutlier": false, "strategy": "", "outlierValue": []},
        "needRun": true, "exclusiveDataType": {"x1": "str"}, "withMatchId": false,
    });
    let mut param = json!({
        "header": ["x0", "x1"], "sidName": "id", "labelName": "y",
        "imputerParam": {"missingReplaceValue": {"x0": "1.5"}, "missingValueRatio": {"x0": 0.25, "x1": 0.0}},
        "outlierParam": {"outlierReplaceValue": {}, "outlierValueRatio": {}},
        "anonymousHeader": ["guest_9999_x0", "guest_9999_x1"],
    });
    round_trip::<DataTransform>(&json!({"meta": meta, "param": param}));
    param
        .as_object_mut()
        .expect("an object")
        .remove("anonymousHeader");
    round_trip::<DataIo>(&json!({"meta": meta, "param": param}));
}

#[test]
fn scales() {
    let meta = json!({
        "method": "standard_scale", "mode": "cap", "area": "null", "scaleColumn": ["x0"], "featUpper": ["1.0"],
        "featLower": ["None"], "withMean": true, "withStd": false, "needRun": true,
    });
    let param = json!({
        "colScaleParam": {"x0": {"columnUpper": 2.5, "columnLower": -1.0, "mean": 0.5, "std": 1.0}}, "header": ["x0"],
    });
    round_trip::<FeatureScale>(&json!({"meta": meta, "param": param}));
}

#[test]
fn statistics() {
    let meta = json!({
        "statistics": ["mean", "95%"], "staticColumns": ["x0", "x1"], "quantileError": 1e-4, "needRun": true,
    });
    let result =
        |name: &str| json!({"values": [0.5, -2.0], "colNames": ["x0", "x1"], "valueName": name});
    let param = json!({
        "selfValues": {"results": [result("mean"), result("95%")]}, "hostValues": {}, "modelName": "statistic_model",
    });
    round_trip::<DataStatistics>(&json!({"meta": meta, "param": param}));
}

#[test]
fn summaries_hold_the_same_figures() {
    let names = ["mean", "95%"].map(str::to_owned);
    let figures = [vec![Some(0.5), Some(2.0)], vec![None, Some(3.0)]];
    let param = StatisticParam::of(&["x0", "größe"], &names, &figures);
    let results = &param.self_values.as_ref().expect("own").results;
    assert_eq!(
        (results[0].values.as_slice(), results[1].values.as_slice()),
        (&[0.5][..], &[2.0, 3.0][..])
    );
    assert_eq!(results[0].col_names, ["x0"]);
    assert_eq!(
        param.summary(),
        json!({"x0": {"mean": 0.5, "95%": 2.0}, "größe": {"95%": 3.0}})
    );
    let column = ColumnScale {
        column_upper: 2.5,
        column_lower: -1.0,
        mean: 0.5,
        std: 1.0,
    };
    let param = ScaleParam {
        col_scale_param: [("x0".to_owned(), column)].into(),
        header: Vec::new(),
    };
    let figures = json!({"column_upper": 2.5, "column_lower": -1.0, "mean": 0.5, "std": 1.0});
    assert_eq!(param.summary(), json!({"x0": figures}));
    assert_eq!(
        ScaleMeta::bounds(&[Some(1.0), None, Some(-0.25)]),
        ["1.0", "None", "-0.25"]
    );
}

#[test]
fn bytes_are_those_of_protocol_buffers() {
    let column = ColumnScale {
        column_upper: 1.0,
        column_lower: 0.0,
        mean: 0.0,
        std: 2.0,
    };
    let param = ScaleParam {
        col_scale_param: [("a".to_owned(), column)].into(),
        header: vec!["a".to_owned()],
    };
    // field 1, an entry: key "a", value a message with the doubles 3 and 6; zeros are left out. Field 2: "a".
    let expected = [
        0x0a, 23, 0x0a, 1, b'a', 0x12, 18, 0x19, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x31, 0, 0, 0, 0, 0,
        0, 0, 0x40, 0x12, 1, b'a',
    ];
    assert_eq!(param.encode_to_vec(), expected);
    let meta = LinRModelMeta {
        batch_size: -1,
        ..LinRModelMeta::default()
    };
    assert_eq!(
        meta.encode_to_vec(),
        [&[0x28][..], &[0xff; 9], &[1]].concat(),
        "field 5, a varint of 64 bits"
    );
}

#[test]
fn whole_numbers_are_read_as_text_and_as_numbers_and_everything_else_is_left_out() {
    let with = |batch_size: Value| json!({"meta": {"batchSize": batch_size}, "param": {}});
    for given in [json!("320"), json!(320)] {
        let stored = messages("HeteroLR", &with(given));
        let meta = LrModelMeta::decode(stored[0].bytes.as_slice()).expect("a meta");
        assert_eq!(meta.batch_size, 320);
    }
    for given in [json!("many"), json!(0.5), json!([1]), json!(1e300)] {
        let stored = messages("HeteroLR", &with(given.clone()));
        let names: Vec<&str> = stored.iter().map(|message| message.name.as_str()).collect();
        assert_eq!(names, ["HeteroLogisticRegressionParam"], "{given}");
    }
}

#[test]
fn unknown_modules_unknown_views_and_numbers_that_are_not_finite_give_no_message() {
    assert!(messages("HeteroSecureBoost", &json!({"meta": {}, "param": {}})).is_empty());
    assert!(messages("HeteroLR", &Value::Null).is_empty());
    assert!(messages("HeteroLR", &json!(["meta"])).is_empty());
    let spoiled = LrModelParam {
        intercept: f64::NAN,
        ..LrModelParam::default()
    };
    let stored = messages(
        "HeteroLR",
        &view::<HeteroLr>(&LrModelMeta::default(), &spoiled),
    );
    assert_eq!(stored.len(), 1, "only the meta");
}

#[test]
fn what_later_versions_add_is_no_obstacle() {
    let later = json!({"meta": {"method": "standard_scale", "laterField": [1, 2]}, "param": {"cipher": {"publicKey": {}}}});
    assert_eq!(messages("FeatureScale", &later).len(), 2);
    assert_eq!(messages("HeteroLR", &later).len(), 2);
}
