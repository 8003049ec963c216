//! FATE's exact messages.

use super::fixture::{lr_conf, lr_dsl, read, told};
use crate::inference_dsl;
use serde_json::{Value, json};
use vocabulary::{ErrorCode, PartyId};

use crate::{ParseContext, Rule, parse};

/// Two components, one of which is replaced.
fn dsl(name: &str, body: Value) -> Value {
    json!({"components": {
        "b": {"module": "Reader", "output": {"data": ["data"]}},
        name: body
    }})
}

fn message(dsl: &Value) -> String {
    let text = told(dsl, &lr_conf());
    text.split_once(": ")
        .expect("exception and message")
        .1
        .to_owned()
}

#[test]
#[allow(clippy::too_many_lines, reason = "one list of cases")]
fn says_of_a_dsl_what_fate_says() {
    let intersection = |input: Value| json!({"module": "Intersection", "input": input});
    let cases = [
        (
            json!(null),
            "There are no dsl, please check if the role and party id are correct",
        ),
        (
            json!({}),
            "There are no dsl, please check if the role and party id are correct",
        ),
        (
            json!({"x": 1}),
            "No components filed in dsl, please have a check!",
        ),
        (
            dsl("a", json!({})),
            "Component a, module field does not exist in dsl, please have a check",
        ),
        (
            dsl("a b", json!({"module": "Reader"})),
            "Component name a b'is not illegal, it should be consits of letter, digit, '-'  and '_'",
        ),
        (
            dsl("a", intersection(json!(["x"]))),
            "Input of component a should be dict",
        ),
        (
            dsl("b", json!({"module": "Reader", "output": ["d"]})),
            "Output of component b should be dict, but ['d'] does not match",
        ),
        (
            dsl("b", json!({"module": "Reader", "output": {"data": "d"}})),
            "Component b's output key data value type should be list",
        ),
        (
            dsl("a", intersection(json!({"data": ["b.data"]}))),
            "Component a's input data type should be dict",
        ),
        (
            dsl("a", intersection(json!({"data": {"data": "x"}}))),
            "Component a's input data type should be list, but x not match",
        ),
        (
            dsl("a", intersection(json!({"data": {"data": ["c.data"]}}))),
            "Component a's data input c does not exist",
        ),
        (
            dsl("a", intersection(json!({"data": {"data": ["b.train"]}}))),
            "Component a' s b input data's output train does not exist",
        ),
        (
            dsl("a", intersection(json!({"model": "b.m"}))),
            "Component a's input model type should be list, but b.m not match",
        ),
        (
            dsl("a", intersection(json!({"model": ["c.m"]}))),
            "Component a's model input c does not exist",
        ),
        (
            dsl("a", intersection(json!({"model": ["b.m"]}))),
            "Component a' s b input model's output m does not exist",
        ),
        (
            dsl("a", intersection(json!({"isometric_model": ["b.m"]}))),
            "Component a' s b input model's output m does not exist",
        ),
        (
            dsl("a", intersection(json!({"cache": ["b.c"]}))),
            "Component a' s b input cache's output c does not exist",
        ),
        (
            dsl("a", json!({"module": "Readr"})),
            "component a, module Readr's provider does not exist",
        ),
        (
            dsl("a", json!({"module": "Reader", "provider": "fate@1@2"})),
            "Provider format should be provider_name@provider_version or provider_name, @fate@1@2 is not supported",
        ),
        (
            dsl("a", json!({"module": "Reader", "provider": "spark"})),
            "Provider: spark does not support in Reader, please register",
        ),
        (
            dsl("a", json!({"module": "Reader", "provider": "fate@7"})),
            "Provider: fate version: 7 does not support in Reader, please register",
        ),
    ];
    for (dsl, expected) in cases {
        assert_eq!(message(&dsl), expected, "{dsl}");
    }
}

#[test]
fn names_the_loop_of_a_dsl() {
    let place = |from: &str| json!({"module": "Intersection", "input": {"data": {"data": [format!("{from}.data")]}}, "output": {"data": ["data"]}});
    let dsl = json!({"components": {"a": place("b"), "b": place("a")}});
    assert_eq!(told(&dsl, &lr_conf()), "LoopError: a->b form a loop");
}

#[test]
fn says_what_cannot_be_deployed() {
    let found = inference_dsl(&["zzz".to_owned()], &lr_dsl()).expect_err("unknown");
    assert_eq!(
        found[0].message,
        "components {'zzz'} not exist in training dsl, can not deploy!!!"
    );
}

#[test]
fn says_of_a_conf_what_fate_says() {
    let with = |pointer: &str, value: Value| {
        let mut conf = lr_conf();
        let (parent, key) = pointer.rsplit_once('/').expect("pointer");
        conf.pointer_mut(parent)
            .expect("there")
            .as_object_mut()
            .expect("object")
            .insert(key.to_owned(), value);
        conf
    };
    let redundant = with(
        "/component_parameters/common/hetero_lr_0",
        json!({"x": 1, "tol": 1, "y": 2}),
    );
    let nested = with(
        "/component_parameters/role/guest/0/hetero_lr_0",
        json!({"init_param": {"fit_intercep": true}}),
    );
    let mut no_initiator = lr_conf();
    no_initiator
        .as_object_mut()
        .expect("object")
        .remove("initiator");
    let cases = [
        (
            no_initiator,
            "KeyError: 'required parameters are missing: initiator; '",
        ),
        (
            json!({}),
            "KeyError: 'required parameters are missing: initiator,role; '",
        ),
        (
            with("/initiator", json!({"role": "guest", "party_id": 5})),
            "Exception: initiator party id 5 not in roles {'arbiter': [10000], 'host': [10000], 'guest': [9999]}",
        ),
        (
            with("/role/host", json!(["x y"])),
            "ValueError: invalid literal for int() with base 10: 'x y'",
        ),
        (
            with("/role/arbiter", json!([9999])),
            "Exception: heterolr component constraint party id, please check role config:\
             {'arbiter': [9999], 'host': [10000], 'guest': [9999]}",
        ),
        (
            with("/provider", json!({"common": {"c_0": "fate"}})),
            "ValueError: Redundant omponent c_0 is not found in dsl",
        ),
        (
            redundant,
            "ValueError: cpn `HeteroLR#hetero_lr_0` has redundant parameters: `[['x', 'y']]`",
        ),
        (
            nested,
            "ValueError: cpn `HeteroLR#hetero_lr_0` has redundant parameters: `[['fit_intercep']]`",
        ),
        (
            with(
                "/job_parameters",
                json!({"common": {"job_type": "predict", "model_id": "m"}}),
            ),
            "KeyError: 'required parameters are missing: model_version; '",
        ),
        (
            with(
                "/job_parameters",
                json!({"common": {"job_type": "predict", "model_id": "m", "model_version": "v"}}),
            ),
            "Exception: model has not been deployed yet",
        ),
    ];
    for (conf, expected) in cases {
        assert_eq!(told(&lr_dsl(), &conf), expected);
    }
}

#[test]
fn a_guest_may_be_arbiter_when_it_is_the_only_host_too() {
    let mut conf = lr_conf();
    conf["role"] = json!({"guest": [9999], "host": [9999], "arbiter": [9999]});
    assert!(read(&lr_dsl(), &conf).is_ok());
    conf["role"]["host"] = json!([9999, 10000]);
    assert!(read(&lr_dsl(), &conf).is_err());
}

#[test]
fn says_where_it_is_and_what_to_do() {
    let mut dsl = lr_dsl();
    dsl["components"]["hetero_lr_0"]["input"]["data"]["train_data"] = json!(["intersection_0.dta"]);
    let found = read(&dsl, &lr_conf()).expect_err("wrong");
    assert_eq!(
        found[0].fault.path.as_deref(),
        Some("job_dsl.components.hetero_lr_0.input.data.train_data[0]")
    );
    assert_eq!(found[0].fault.next.as_deref(), Some("did you mean data?"));

    let mut conf = lr_conf();
    conf["component_parameters"]["common"]["hetero_lr_0"] = json!({"max_iter": 0, "pnalty": "L2"});
    let mut found = read(&lr_dsl(), &conf).expect_err("wrong");
    assert!(
        found.pop().is_some_and(|last| last.rule == Rule::Read),
        "the entry that names nothing stands behind"
    );
    let shown: Vec<_> = found
        .iter()
        .map(|d| {
            (
                d.fault.code,
                d.fault.path.as_deref(),
                d.fault.next.as_deref(),
            )
        })
        .collect();
    let at =
        |name: &str| format!("job_runtime_conf.component_parameters.common.hetero_lr_0.{name}");
    assert_eq!(
        shown,
        [
            (
                ErrorCode::ParameterInvalid,
                Some(at("pnalty").as_str()),
                Some("did you mean penalty?")
            ),
            (
                ErrorCode::ParameterInvalid,
                Some(at("max_iter").as_str()),
                Some("give at least 1")
            ),
        ],
        "once, not once for each party"
    );
    assert!(
        found
            .iter()
            .all(|diagnostic| diagnostic.rule.is_found_at_creation())
    );
}

#[test]
fn names_modules_ports_and_parties_that_do_not_exist() {
    let mut dsl = lr_dsl();
    dsl["components"]["hetero_lr_0"]["module"] = json!("HetroLR");
    dsl["components"]["intersection_0"]["input"]["data"] =
        json!({"train_data": ["data_transform_0.data"]});
    let catalogue = super::fixture::catalogue();
    let parties = ["9999", "10001"].map(|id| PartyId::new(id).expect("valid"));
    let context = ParseContext {
        components: &catalogue,
        parties: Some(&parties),
        ..ParseContext::default()
    };
    let found = parse(&dsl, &lr_conf(), &context).expect_err("wrong");
    let shown: Vec<_> = found
        .iter()
        .map(|d| {
            (
                d.fault.path.as_deref().unwrap_or(""),
                d.fault.next.as_deref().unwrap_or(""),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                "job_dsl.components.hetero_lr_0.module",
                "did you mean HeteroLR?"
            ),
            ("job_runtime_conf.role.host[0]", "did you mean 10001?"),
            ("job_runtime_conf.role.arbiter[0]", "did you mean 10001?"),
            (
                "job_dsl.components.intersection_0.input.data.train_data",
                "known here: data"
            ),
            (
                "job_runtime_conf.component_parameters.common.not_in_the_dsl_0",
                "correct it or leave it out"
            ),
        ]
    );
}
