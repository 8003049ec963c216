//! Good documents, of both versions, for training and for applying.

use domain::{Dialect, JobKind, ModelSource};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use vocabulary::{JobId, Stage};

use super::fixture::{catalogue, lr_conf, lr_dsl, read, step, v1_conf, v1_dsl, words};
use crate::{ParseContext, Parsed, TrainedPipeline, deployed_by_default, inference_dsl, parse};

fn order(parsed: &Parsed) -> Vec<&str> {
    parsed
        .graph
        .steps
        .iter()
        .map(|step| step.name.as_str())
        .collect()
}

#[test]
fn reads_a_training_job() {
    let mut parsed = read(&lr_dsl(), &lr_conf()).expect("good");
    assert_eq!(
        (parsed.dialect, parsed.kind),
        (Dialect::FateV2, JobKind::Train)
    );
    assert_eq!(
        parsed.retmsg(),
        "[WARN]job_runtime_conf.component_parameters.common.not_in_the_dsl_0 names no component of the DSL and does nothing"
    );
    assert_eq!(
        order(&parsed),
        [
            "reader_0",
            "data_transform_0",
            "intersection_0",
            "hetero_lr_0",
            "evaluation_0"
        ]
    );
    assert_eq!(parsed.model_id, "arbiter-10000#guest-9999#host-10000#model");
    let lr = step(&parsed, "hetero_lr_0");
    assert_eq!(
        words(&lr.participants),
        ["guest 9999", "host 10000", "arbiter 10000"]
    );
    assert_eq!(
        (lr.component.as_str(), lr.stage, lr.inputs[0].port.as_str()),
        ("hetero_lr", Stage::Fit, "train_data")
    );
    assert_eq!(
        words(&step(&parsed, "evaluation_0").skipped),
        ["host 10000"]
    );
    let transform = step(&parsed, "data_transform_0");
    let labels: Vec<&Value> = transform
        .parameters
        .iter()
        .map(|(_, own)| &own["with_label"])
        .collect();
    assert_eq!(labels, [&json!(true), &json!(false)]);
    parsed.stamp(&JobId::new("2026").expect("valid"));
    assert_eq!(
        parsed.conf["job_parameters"]["common"]["model_version"],
        json!("2026")
    );
    assert_eq!(
        parsed.conf["component_parameters"]["common"]["not_in_the_dsl_0"],
        json!({"whatever": 1})
    );
}

#[test]
fn tells_fit_from_apply_and_validation_from_test() {
    let mut dsl = lr_dsl();
    let components = dsl["components"].as_object_mut().expect("object");
    let lr = json!({"module": "HeteroLR", "input": {"data": {"test_data": ["intersection_0.data"]}, "model": ["hetero_lr_0.model"]},
        "output": {"data": ["data"], "model": ["model"]}});
    let warm = json!({"module": "HeteroLR", "input": {"data": {"train_data": ["intersection_0.data"], "eval_data": ["intersection_0.data"]},
        "model": ["hetero_lr_0.model"]}, "output": {"model": ["model"]}});
    let select = json!({"module": "HeteroFeatureSelection", "input": {"data": {"data": ["intersection_0.data"]},
        "isometric_model": ["binning_0.model"]}});
    components.insert("hetero_lr_1".into(), lr);
    components.insert("hetero_lr_2".into(), warm);
    components.insert("selection_0".into(), select);
    components.insert(
        "binning_0".into(),
        json!({"module": "HeteroFeatureBinning", "output": {"model": ["model"]}}),
    );
    components["evaluation_0"]["input"]["data"]["data"] =
        json!(["hetero_lr_0.data", "hetero_lr_1.data"]);
    let parsed = read(&dsl, &lr_conf()).expect("good");
    let stage = |name: &str| step(&parsed, name).stage;
    assert_eq!(
        ["hetero_lr_0", "hetero_lr_1", "hetero_lr_2", "selection_0"].map(stage),
        [Stage::Fit, Stage::Apply, Stage::Fit, Stage::Fit]
    );
    assert_eq!(step(&parsed, "hetero_lr_2").inputs[1].port, "validate_data");
    assert_eq!(step(&parsed, "evaluation_0").inputs.len(), 2);
    let place = |name: &str| {
        order(&parsed)
            .iter()
            .position(|own| *own == name)
            .expect("there")
    };
    assert!(place("binning_0") < place("selection_0"));
}

/// FATE's own example of a deployment.
#[test]
fn derives_the_inference_dsl() {
    let place = |module: &str, input: Value, data: &str, model: Option<&str>| {
        let mut body = json!({"module": module, "input": input, "output": {"data": [data]}, "provider": "fate"});
        if let Some(model) = model {
            body["output"]["model"] = json!([model]);
        }
        body
    };
    let data = |from: &str| json!({"data": {"data": [from]}});
    let train = json!({"components": {
        "reader_0": {"module": "Reader", "output": {"data": ["table"]}},
        "data_transform_0": place("DataTransform", data("reader_0.table"), "train", Some("data_transform")),
        "intersection_0": place("Intersection", data("data_transform_0.train"), "train", None),
        "binning_0": place("HeteroFeatureBinning", data("intersection_0.train"), "train", Some("binning")),
        "selection_0": place("HeteroFeatureSelection",
            json!({"data": {"data": ["binning_0.train"]}, "isometric_model": ["binning_0.binning"]}), "train", Some("selected")),
        "hetero_lr_0": place("HeteroLR", json!({"data": {"train_data": ["selection_0.train"]}}), "train", Some("hetero_lr")),
        "evaluation_0": place("Evaluation", data("hetero_lr_0.train"), "data", None)
    }});
    let names = |list: &[&str]| {
        list.iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let chain = names(&[
        "data_transform_0",
        "intersection_0",
        "binning_0",
        "selection_0",
        "hetero_lr_0",
    ]);
    let expected = json!({"components": {
        "data_transform_0": {"module": "DataTransform", "input": {"model": ["pipeline.data_transform_0.data_transform"]},
            "output": {"data": ["train"]}},
        "intersection_0": {"module": "Intersection", "input": {"data": {"data": ["data_transform_0.train"]}},
            "output": {"data": ["train"]}},
        "binning_0": {"module": "HeteroFeatureBinning",
            "input": {"model": ["pipeline.binning_0.binning"], "data": {"data": ["intersection_0.train"]}},
            "output": {"data": ["train"]}},
        "selection_0": {"module": "HeteroFeatureSelection",
            "input": {"model": ["pipeline.selection_0.selected"], "data": {"data": ["binning_0.train"]}},
            "output": {"data": ["train"]}},
        "hetero_lr_0": {"module": "HeteroLR",
            "input": {"model": ["pipeline.hetero_lr_0.hetero_lr"], "data": {"test_data": ["selection_0.train"]}},
            "output": {"data": ["train"]}}
    }});
    assert_eq!(inference_dsl(&chain, &train).expect("good"), expected);
    let short = inference_dsl(&names(&["hetero_lr_0", "data_transform_0"]), &train).expect("good");
    assert_eq!(
        short["components"]["hetero_lr_0"]["input"]["data"],
        json!({"test_data": ["data_transform_0.train"]})
    );
    let all = inference_dsl(&[], &train).expect("good");
    assert_eq!(
        all["components"]["data_transform_0"]["input"]["data"],
        json!({"data": ["reader_0.table"]})
    );
    assert!(all["components"].get("evaluation_0").is_some());
}

fn trained() -> TrainedPipeline {
    let parsed = read(&lr_dsl(), &lr_conf()).expect("good");
    let names = [
        "reader_0",
        "data_transform_0",
        "intersection_0",
        "hetero_lr_0",
    ]
    .map(str::to_owned);
    TrainedPipeline {
        inference_dsl: inference_dsl(&names, &parsed.dsl).expect("good"),
        roles: parsed.conf["role"].clone(),
        train_conf: parsed.conf,
        model_version: "deployed".to_owned(),
        ..TrainedPipeline::default()
    }
}

fn predict(conf: &Value, pipeline: &TrainedPipeline) -> Result<Parsed, Vec<crate::Diagnostic>> {
    let catalogue = catalogue();
    parse(
        &Value::Null,
        conf,
        &ParseContext {
            components: &catalogue,
            predict: Some(pipeline),
            ..ParseContext::default()
        },
    )
}

fn predict_conf() -> Value {
    json!({
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": "9999"},
        "role": {"guest": ["9999"], "host": [10000], "arbiter": [10000]},
        "job_parameters": {"common": {"job_type": "predict", "model_id": "m", "model_version": "deployed"}},
        "component_parameters": {"role": {"guest": {"0": {"reader_0": {"table": {"name": "new", "namespace": "n"}}}}}}
    })
}

#[test]
fn reads_a_predict_job_from_the_stored_pipeline() {
    let parsed = predict(&predict_conf(), &trained()).expect("good");
    assert_eq!(
        (parsed.kind, parsed.model_id.as_str()),
        (JobKind::Predict, "m")
    );
    assert_eq!(
        order(&parsed),
        [
            "reader_0",
            "data_transform_0",
            "intersection_0",
            "hetero_lr_0"
        ]
    );
    assert!(
        parsed
            .graph
            .steps
            .iter()
            .all(|step| step.stage == Stage::Apply)
    );
    let lr = step(&parsed, "hetero_lr_0");
    assert_eq!(lr.inputs[0].port, "test_data");
    let ModelSource::Stored {
        version,
        step: maker,
        ..
    } = &lr.models[0].source
    else {
        panic!("{:?}", lr.models)
    };
    assert_eq!(
        (version.as_str(), maker.as_str()),
        ("deployed", "hetero_lr_0")
    );
    let names: Vec<&Value> = step(&parsed, "reader_0")
        .parameters
        .iter()
        .map(|(_, own)| &own["table"]["name"])
        .collect();
    assert_eq!(
        names,
        [&json!("new"), &json!("breast_hetero_host")],
        "the request's table wins, the training's fills in"
    );
    let common = &parsed.conf["job_parameters"]["common"];
    assert_eq!(
        (&common["job_type"], &common["model_version"]),
        (&json!("predict"), &json!("deployed"))
    );
    assert_eq!(
        parsed.conf["role"],
        json!({"guest": [9999], "host": [10000], "arbiter": [10000]})
    );
}

#[test]
fn a_predict_job_applies_the_chosen_checkpoint_and_inherits_nothing() {
    let mut pipeline = trained();
    pipeline.checkpoints = [(
        "hetero_lr_0".to_owned(),
        vocabulary::CheckpointRef::StepIndex(3),
    )]
    .into();
    pipeline.train_conf["job_parameters"]["common"]["inheritance_info"] =
        json!({"job_id": "1", "component_list": ["a_0"]});
    let mut conf = predict_conf();
    conf["job_parameters"]["common"]["model_version"] = json!(20261123);
    let parsed = predict(&conf, &pipeline).expect("good");
    let chosen = |name: &str| {
        let source = &step(&parsed, name).models[0].source;
        let ModelSource::Stored { checkpoint, .. } = source else {
            panic!("{source:?}")
        };
        checkpoint.clone()
    };
    assert_eq!(
        chosen("hetero_lr_0"),
        Some(vocabulary::CheckpointRef::StepIndex(3))
    );
    assert_eq!(chosen("data_transform_0"), None);
    assert_eq!(
        parsed.conf["job_parameters"]["common"]["inheritance_info"],
        json!({})
    );
    let ids = crate::predict_request(&Value::Null, &conf)
        .expect("good")
        .expect("a predict job");
    assert_eq!(ids.model_version, "20261123", "numbers are names, too");
}

#[test]
fn a_predict_conf_from_the_template_is_read_once_its_tables_are_filled_in() {
    let pipeline = trained();
    let model = crate::ModelIds {
        model_id: "m".to_owned(),
        model_version: "deployed".to_owned(),
    };
    let conf = crate::predict_conf_template(&pipeline.train_conf, &pipeline.inference_dsl, &model);
    let block = json!({"reader_0": {"table": {"name": "name_to_be_filled_0", "namespace": "namespace_to_be_filled_0"}}});
    assert_eq!(
        conf["component_parameters"]["role"],
        json!({"guest": {"0": block}, "host": {"0": block}})
    );
    assert_eq!(crate::predict_request(&Value::Null, &conf), Ok(Some(model)));
    let parsed = predict(&conf, &pipeline).expect("good");
    assert_eq!(
        step(&parsed, "reader_0").parameters[0].1["table"]["name"],
        json!("name_to_be_filled_0")
    );
}

#[test]
fn parameters_follow_their_party_to_its_place_in_a_predict_job() {
    let mut conf = lr_conf();
    conf["role"]["host"] = json!([10000, 10001]);
    conf["component_parameters"]["role"]["host"]["1"] =
        json!({"reader_0": {"table": {"name": "second", "namespace": "n"}}});
    let parsed = read(&lr_dsl(), &conf).expect("good");
    let pipeline = TrainedPipeline {
        roles: parsed.conf["role"].clone(),
        train_conf: parsed.conf,
        ..trained()
    };
    let mut request = predict_conf();
    request["role"] = json!({"guest": [9999], "host": [10001]});
    let parsed = predict(&request, &pipeline).expect("good");
    assert_eq!(
        step(&parsed, "reader_0").parameters[1].1["table"]["name"],
        json!("second")
    );
    request["role"]["host"] = json!([77]);
    let found = predict(&request, &pipeline).expect_err("a stranger");
    assert_eq!(
        found[0].to_string(),
        "ValueError: Predict roles is {'guest': [9999], 'host': [77]}, train roles is \
         {'arbiter': [10000], 'host': [10000, 10001], 'guest': [9999]}, predict roles should be subset of train role"
    );
}

#[test]
fn reads_documents_of_version_1() {
    let parsed = read(&v1_dsl(), &v1_conf()).expect("good");
    assert_eq!(parsed.dialect, Dialect::FateV1);
    assert_eq!(
        parsed.warnings[0], "[WARN]work_mode is removed,it does not take effect!",
        "FATE's own words come first"
    );
    let names = [
        "intersect_0",
        "hetero_lr_0.eps",
        "guest.args.data.eval_data",
        "host.args.data.eval_data",
    ];
    assert_eq!(parsed.warnings.len(), 1 + names.len());
    for (warning, name) in parsed.warnings.iter().skip(1).zip(names) {
        assert!(warning.contains(name), "{warning}");
    }
    assert_eq!(
        order(&parsed),
        [
            "reader_0",
            "dataio_0",
            "intersection_0",
            "hetero_lr_0",
            "evaluation_0"
        ]
    );
    let tables: Vec<&Value> = step(&parsed, "reader_0")
        .parameters
        .iter()
        .map(|(_, own)| &own["table"]["name"])
        .collect();
    assert_eq!(
        tables,
        [&json!("breast_hetero_guest"), &json!("breast_hetero_host")]
    );
    assert_eq!(
        step(&parsed, "dataio_0").parameters[0].1,
        json!({"with_label": true, "label_name": "y"})
    );
    assert_eq!(
        words(&step(&parsed, "evaluation_0").skipped),
        ["host 10000"]
    );
    let lr = &step(&parsed, "hetero_lr_0").parameters[0].1;
    assert_eq!(
        lr,
        &json!({"penalty": "L2", "max_iter": 30, "init_param": {"init_method": "zeros"}}),
        "eps is dropped"
    );
    assert_eq!(parsed.conf["dsl_version"], json!(2));
    assert!(parsed.conf.get("role_parameters").is_none());
}

#[test]
fn applies_a_model_as_version_1_asks() {
    let parsed = read(&v1_dsl(), &v1_conf()).expect("good");
    let mut names = deployed_by_default(&parsed.dsl);
    names.sort();
    assert_eq!(
        names,
        ["dataio_0", "hetero_lr_0", "intersection_0", "reader_0"]
    );
    let pipeline = TrainedPipeline {
        inference_dsl: inference_dsl(&names, &parsed.dsl).expect("good"),
        roles: parsed.conf["role"].clone(),
        train_conf: parsed.conf,
        model_version: "v".to_owned(),
        ..TrainedPipeline::default()
    };
    let table =
        |name: &str| json!({"args": {"data": {"eval_data": [{"name": name, "namespace": "n"}]}}});
    let conf = json!({
        "initiator": {"role": "guest", "party_id": 10000},
        "job_parameters": {"work_mode": 0, "job_type": "predict", "model_id": "m", "model_version": "v"},
        "role": {"guest": [10000], "host": [10000], "arbiter": [10000]},
        "role_parameters": {"guest": table("new_guest"), "host": table("new_host")}
    });
    let parsed = predict(&conf, &pipeline).expect("good");
    assert_eq!(parsed.kind, JobKind::Predict);
    let tables: Vec<&Value> = step(&parsed, "reader_0")
        .parameters
        .iter()
        .map(|(_, own)| &own["table"]["name"])
        .collect();
    assert_eq!(tables, [&json!("new_guest"), &json!("new_host")]);
}

#[test]
fn reads_the_toy_job() {
    let dsl = json!({"components": {"secure_add_example_0": {"module": "SecureAddExample"}}});
    let conf = json!({
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": "9999"},
        "role": {"guest": ["9999"], "host": ["9998"]},
        "job_parameters": {"common": {"task_cores": 2}, "role": {"guest": {"0": {"user": ""}}, "host": {"0": {"user": ""}}}},
        "component_parameters": {
            "role": {"guest": {"0": {"secure_add_example_0": {"seed": 123}}}, "host": {"secure_add_example_0": {"seed": 321}}},
            "common": {"secure_add_example_0": {"partition": 4, "data_num": 1000}}
        }
    });
    let parsed = read(&dsl, &conf).expect("good");
    let toy = step(&parsed, "secure_add_example_0");
    assert_eq!(
        toy.parameters[0].1,
        json!({"partition": 4, "data_num": 1000, "seed": 123})
    );
    assert_eq!(
        toy.parameters[1].1,
        json!({"partition": 4, "data_num": 1000}),
        "an entry without a place means nobody"
    );
    assert_eq!(
        parsed.conf["role"],
        json!({"guest": [9999], "host": [9998]})
    );
    assert_eq!(
        parsed.conf["job_parameters"]["role"]["guest"],
        json!({"0": {"user": ""}})
    );
}

/// Any JSON, with keys and texts that documents use mixed in.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        2 => proptest::sample::select(vec![
            "components", "module", "input", "output", "data", "train_data", "model", "role", "guest", "host", "initiator",
            "party_id", "job_parameters", "common", "component_parameters", "role_parameters", "args", "reader_0", "a.b",
            "args.x", "Reader", "HeteroLR", "pipeline.a.m", "predict", "job_type", "dsl_version", "0|1", "all", "provider", "",
        ])
        .prop_map(str::to_owned),
        1 => "[a-z._@|é ]{0,6}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            3 => proptest::collection::vec((word.clone(), inner), 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Good documents with one value replaced by anything.
fn spoilt(mut document: Value, place: usize, by: Value) -> Value {
    fn places(value: &Value, at: &str, all: &mut Vec<String>) {
        all.push(at.to_owned());
        match value {
            Value::Object(fields) => fields
                .iter()
                .for_each(|(key, value)| places(value, &format!("{at}/{key}"), all)),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .for_each(|(i, value)| places(value, &format!("{at}/{i}"), all)),
            _ => {}
        }
    }
    let mut all = Vec::new();
    places(&document, "", &mut all);
    if let Some(target) = document.pointer_mut(&all[place % all.len()]) {
        *target = by;
    }
    document
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_panics_on_any_documents(dsl in any_json(), conf in any_json()) {
        let pipeline = TrainedPipeline { inference_dsl: dsl.clone(), train_conf: conf.clone(), roles: Value::Null, model_version: "v".into(), ..TrainedPipeline::default() };
        let catalogue = catalogue();
        let _ = parse(&dsl, &conf, &ParseContext { components: &catalogue, predict: Some(&pipeline), parties: Some(&[]), ..ParseContext::default() });
        let _ = inference_dsl(&deployed_by_default(&dsl), &dsl);
    }

    #[test]
    fn never_panics_on_spoilt_documents(place in 0usize..200, by in any_json(), which in 0usize..4) {
        let (dsl, conf) = if which % 2 == 0 { (lr_dsl(), lr_conf()) } else { (v1_dsl(), v1_conf()) };
        let (dsl, conf) = if which < 2 { (spoilt(dsl, place, by), conf) } else { (dsl, spoilt(conf, place, by)) };
        if let Err(found) = read(&dsl, &conf) {
            prop_assert!(!found.is_empty());
            prop_assert!(found.iter().all(|diagnostic| diagnostic.fault.path.is_some()));
        }
    }
}
