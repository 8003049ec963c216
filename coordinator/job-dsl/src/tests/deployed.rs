//! What a deployment of a part of a training reads, and who takes part in a job that applies it.

use domain::Step;
use serde_json::{Value, json};

use super::fixture::{catalogue, lr_conf, lr_dsl, read, step};
use crate::{Diagnostic, ParseContext, Parsed, TrainedPipeline, inference_dsl, parse};

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

/// Two learners of the same rows, judged by one evaluation; a third applies the first one's model.
fn learners() -> Value {
    let mut dsl = lr_dsl();
    let mut second = dsl["components"]["hetero_lr_0"].clone();
    second["input"]["data"]["validate_data"] = json!(["data_transform_0.data"]);
    let third = json!({"module": "HeteroLR", "input": {"data": {"test_data": ["intersection_0.data"]},
        "model": ["hetero_lr_0.model"]}, "output": {"data": ["data"]}});
    dsl["components"]["hetero_lr_1"] = second;
    dsl["components"]["hetero_lr_2"] = third;
    dsl["components"]["evaluation_0"]["input"]["data"]["data"] =
        json!(["hetero_lr_0.data", "hetero_lr_1.data", "hetero_lr_2.data"]);
    dsl
}

fn evaluated(deployed: &[&str]) -> Value {
    let dsl = inference_dsl(&names(deployed), &learners()).expect("good");
    dsl["components"]["evaluation_0"]["input"]["data"]["data"].clone()
}

#[test]
fn inputs_of_learners_that_are_not_deployed_are_dropped() {
    let rows = [
        "reader_0",
        "data_transform_0",
        "intersection_0",
        "evaluation_0",
    ];
    let with = |learners: &[&str]| evaluated(&[&rows[..], learners].concat());
    assert_eq!(with(&["hetero_lr_0"]), json!(["hetero_lr_0.data"]));
    assert_eq!(with(&["hetero_lr_1"]), json!(["hetero_lr_1.data"]));
    assert_eq!(
        with(&["hetero_lr_2", "hetero_lr_1"]),
        json!(["hetero_lr_1.data", "hetero_lr_2.data"])
    );
    assert_eq!(
        with(&[]),
        Value::Null,
        "an evaluation without any learner reads nothing"
    );
    // What passes rows on is stepped over as before.
    let short = inference_dsl(&names(&["reader_0", "hetero_lr_0"]), &learners()).expect("good");
    assert_eq!(
        short["components"]["hetero_lr_0"]["input"]["data"],
        json!({"test_data": ["reader_0.data"]})
    );
}

#[test]
fn what_applied_anothers_model_applies_it_again() {
    let dsl = inference_dsl(&[], &learners()).expect("good");
    assert_eq!(
        dsl["components"]["hetero_lr_2"]["input"]["model"],
        json!(["pipeline.hetero_lr_0.model"])
    );
    assert_eq!(
        dsl["components"]["hetero_lr_1"]["input"]["model"],
        json!(["pipeline.hetero_lr_1.model"])
    );
    assert_eq!(
        dsl["components"]["evaluation_0"]["input"].get("model"),
        None
    );
}

fn pipeline(roles: Value) -> TrainedPipeline {
    let mut conf = lr_conf();
    conf["role"] = roles;
    let parsed = read(&lr_dsl(), &conf).expect("good");
    TrainedPipeline {
        inference_dsl: inference_dsl(&[], &parsed.dsl).expect("good"),
        roles: parsed.conf["role"].clone(),
        train_conf: parsed.conf,
        model_version: "deployed".to_owned(),
        ..TrainedPipeline::default()
    }
}

fn predict(pipeline: &TrainedPipeline, roles: Value) -> Result<Parsed, Vec<Diagnostic>> {
    let conf = json!({
        "dsl_version": 2, "initiator": {"role": "guest", "party_id": 9999}, "role": roles,
        "job_parameters": {"common": {"job_type": "predict", "model_id": "m", "model_version": "deployed"}},
    });
    let components = catalogue();
    parse(
        &Value::Null,
        &conf,
        &ParseContext {
            components: &components,
            predict: Some(pipeline),
            ..ParseContext::default()
        },
    )
}

fn idle(step: &Step) -> Vec<String> {
    step.skipped
        .iter()
        .map(|who| who.role.to_string())
        .collect()
}

#[test]
fn a_role_that_the_training_lacked_is_taken_and_has_nothing_to_do() {
    for lacking in [
        json!({"guest": [9999], "host": [10000]}),
        json!({"guest": [9999], "host": [10000], "arbiter": []}),
    ] {
        let pipeline = pipeline(lacking);
        let parsed = predict(
            &pipeline,
            json!({"guest": [9999], "host": [10000], "arbiter": [10000]}),
        )
        .expect("taken");
        assert_eq!(parsed.cast.arbiter.len(), 1);
        for step in parsed
            .graph
            .steps
            .iter()
            .filter(|step| step.participants.len() == 3)
        {
            assert!(idle(step).contains(&"arbiter".to_owned()), "{}", step.name);
        }
        assert!(idle(step(&parsed, "data_transform_0")).is_empty());
    }
    // A host that nobody trained with brings no rows.
    let alone = pipeline(json!({"guest": [9999], "arbiter": [10000]}));
    let parsed = predict(&alone, json!({"guest": [9999], "host": [10001]})).expect("taken");
    assert_eq!(idle(step(&parsed, "reader_0")), ["host"]);
    // A party that the training lacked in a role that it had is refused as before.
    let refused = predict(
        &pipeline(json!({"guest": [9999], "host": [10000]})),
        json!({"guest": [9999], "host": [10001]}),
    );
    assert!(
        refused.expect_err("refused")[0]
            .message
            .contains("should be subset of train role")
    );
}
