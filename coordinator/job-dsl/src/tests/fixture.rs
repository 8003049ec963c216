//! A catalogue as parties announce it, and job documents in the shapes that FATE's clients send.

use domain::Step;
use serde_json::{Value, json};
use vocabulary::{ComponentInfo, Participant, Port, PortKind, Role};

use crate::{Diagnostic, ParseContext, Parsed, parse};

const TRAINED: [&str; 3] = ["train_data", "validate_data", "test_data"];

fn info(
    name: &str,
    modules: &[&str],
    roles: &[Role],
    data: &[&str],
    properties: Value,
) -> ComponentInfo {
    let port = |name: &&str, kind| Port {
        name: (*name).to_owned(),
        kind,
    };
    let mut inputs: Vec<Port> = data.iter().map(|name| port(name, PortKind::Data)).collect();
    inputs.push(port(&"model", PortKind::Model));
    ComponentInfo {
        name: name.to_owned(),
        version: 1,
        summary: String::new(),
        modules: modules.iter().map(|module| (*module).to_owned()).collect(),
        roles: roles.to_vec(),
        inputs,
        outputs: vec![],
        schema: json!({"type": "object", "properties": properties, "additionalProperties": false}),
        defaults: json!({}),
        messages: vec![],
        cast: vec![],
        needs: vec![],
        applies_with: None,
    }
}

/// A part of the components of a real federation, with a part of their parameters.
pub(crate) fn catalogue() -> Vec<ComponentInfo> {
    use Role::{Arbiter, Guest, Host};
    let any = json!({});
    let pair = [Guest, Host];
    let with_label = json!({"with_label": {"type": "boolean"}, "label_name": any, "label_type": any, "output_format": any,
        "missing_fill": any, "outlier_replace": any});
    let lr = json!({"penalty": {"enum": ["L1", "L2", "none"]}, "tol": {"type": "number"}, "alpha": any, "optimizer": any,
        "batch_size": {"type": "integer"}, "learning_rate": any, "max_iter": {"type": "integer", "minimum": 1}, "early_stop": any,
        "init_param": {"type": "object", "additionalProperties": false,
            "properties": {"init_method": {"type": "string"}, "fit_intercept": {"type": "boolean"}}},
        "encrypt_param": any, "cv_param": any, "sqn_param": any, "callback_param": any});
    let intersection = json!({"intersect_method": any, "rsa_params": any, "sync_intersect_ids": any, "only_output_key": any});
    let evaluation = json!({"eval_type": any, "pos_label": any, "need_run": {"type": "boolean"}});
    vec![
        info(
            "reader",
            &["Reader"],
            &pair,
            &[],
            json!({"table": {"type": "object"}}),
        ),
        info(
            "data_transform",
            &["DataTransform"],
            &pair,
            &["data"],
            with_label.clone(),
        ),
        info("data_io", &["DataIO"], &pair, &["data"], with_label),
        info(
            "intersection",
            &["Intersection"],
            &pair,
            &["data"],
            intersection,
        ),
        info(
            "hetero_feature_binning",
            &["HeteroFeatureBinning"],
            &pair,
            &["data"],
            json!({}),
        ),
        info(
            "hetero_feature_selection",
            &["HeteroFeatureSelection"],
            &pair,
            &["data"],
            json!({}),
        ),
        info(
            "hetero_lr",
            &["HeteroLR"],
            &[Guest, Host, Arbiter],
            &TRAINED,
            lr,
        ),
        info(
            "evaluation",
            &["Evaluation"],
            &[Guest, Host, Arbiter],
            &["data"],
            evaluation,
        ),
        info(
            "secure_add_example",
            &["SecureAddExample"],
            &pair,
            &[],
            json!({"seed": any, "partition": any, "data_num": any}),
        ),
        info(
            "hetero_secure_boost",
            &["HeteroSecureBoost"],
            &pair,
            &TRAINED,
            json!({}),
        ),
    ]
}

pub(crate) fn read(dsl: &Value, conf: &Value) -> Result<Parsed, Vec<Diagnostic>> {
    parse(
        dsl,
        conf,
        &ParseContext {
            components: &catalogue(),
            ..ParseContext::default()
        },
    )
}

/// What FATE would say of documents that are wrong.
pub(crate) fn told(dsl: &Value, conf: &Value) -> String {
    read(dsl, conf)
        .expect_err("it is wrong")
        .first()
        .expect("something")
        .to_string()
}

pub(crate) fn step<'a>(parsed: &'a Parsed, name: &str) -> &'a Step {
    parsed
        .graph
        .steps
        .iter()
        .find(|step| step.name.as_str() == name)
        .expect("there")
}

pub(crate) fn words(participants: &[Participant]) -> Vec<String> {
    participants.iter().map(Participant::to_string).collect()
}

/// A table's reader, transformation and intersection, then a model and its evaluation.
pub(crate) fn lr_dsl() -> Value {
    json!({"components": {
        "reader_0": {"module": "Reader", "output": {"data": ["data"]}},
        "data_transform_0": {"module": "DataTransform", "input": {"data": {"data": ["reader_0.data"]}},
            "output": {"data": ["data"], "model": ["model"]}},
        "intersection_0": {"module": "Intersection", "input": {"data": {"data": ["data_transform_0.data"]}},
            "output": {"data": ["data"]}},
        "hetero_lr_0": {"module": "HeteroLR", "input": {"data": {"train_data": ["intersection_0.data"]}},
            "output": {"data": ["data"], "model": ["model"]}},
        "evaluation_0": {"module": "Evaluation", "input": {"data": {"data": ["hetero_lr_0.data"]}}, "output": {"data": ["data"]}}
    }})
}

fn tables() -> (Value, Value) {
    let table = |name: &str| json!({"table": {"name": name, "namespace": "experiment"}});
    (table("breast_hetero_guest"), table("breast_hetero_host"))
}

pub(crate) fn lr_conf() -> Value {
    let (guest, host) = tables();
    json!({
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"arbiter": [10000], "host": [10000], "guest": [9999]},
        "component_parameters": {
            "role": {
                "host": {"0": {"reader_0": host, "data_transform_0": {"with_label": false}, "evaluation_0": {"need_run": false}}},
                "guest": {"0": {"reader_0": guest, "data_transform_0": {"with_label": true}}}
            },
            "common": {
                "data_transform_0": {"output_format": "dense"},
                "hetero_lr_0": {"penalty": "L2", "tol": 0.0001, "batch_size": 320, "max_iter": 30,
                    "init_param": {"init_method": "zeros"}, "sqn_param": {"random_seed": null}},
                "intersection_0": {"intersect_method": "rsa", "rsa_params": {"key_length": 1024}},
                "evaluation_0": {"eval_type": "binary"},
                "not_in_the_dsl_0": {"whatever": 1}
            }
        }
    })
}

pub(crate) fn v1_dsl() -> Value {
    json!({"components": {
        "dataio_0": {"module": "DataIO", "input": {"data": {"data": ["args.train_data"]}},
            "output": {"data": ["train"], "model": ["dataio"]}},
        "intersection_0": {"module": "Intersection", "input": {"data": {"data": ["dataio_0.train"]}}, "output": {"data": ["train"]}},
        "hetero_lr_0": {"module": "HeteroLR", "input": {"data": {"train_data": ["intersection_0.train"]}},
            "output": {"data": ["train"], "model": ["hetero_lr"]}},
        "evaluation_0": {"module": "Evaluation", "input": {"data": {"data": ["hetero_lr_0.train"]}}}
    }})
}

pub(crate) fn v1_conf() -> Value {
    let entry = |name: &str| json!([{"name": name, "namespace": "experiment"}]);
    let args = |name: &str| json!({"data": {"train_data": entry(name), "eval_data": entry(name)}});
    json!({
        "initiator": {"role": "guest", "party_id": 10000},
        "job_parameters": {"work_mode": 0},
        "role": {"guest": [10000], "host": [10000], "arbiter": [10000]},
        "role_parameters": {
            "guest": {"args": args("breast_hetero_guest"), "dataio_0": {"with_label": [true], "label_name": ["y"]},
                "evaluation_0": {"eval_type": ["binary"], "pos_label": [1]}},
            "host": {"args": args("breast_hetero_host"), "dataio_0": {"with_label": [false]}, "evaluation_0": {"need_run": [false]}}
        },
        "algorithm_parameters": {
            "hetero_lr_0": {"penalty": "L2", "eps": 0.1, "max_iter": 30, "init_param": {"init_method": "zeros"}},
            "intersect_0": {"intersect_method": "rsa"}
        }
    })
}
