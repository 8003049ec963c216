//! Jobs that lack parties or inputs that a component announces to need are refused before anything runs.

use serde_json::{Value, json};
use vocabulary::component::{CastRule, InputNeed, When};
use vocabulary::{ComponentInfo, Role, Stage};

use super::fixture::{catalogue, lr_conf, lr_dsl};
use crate::{Diagnostic, ParseContext, Parsed, Rule, TrainedPipeline, inference_dsl, parse};

fn rule(role: Role, least: u16, most: Option<u16>) -> CastRule {
    CastRule {
        role,
        least,
        most,
        stage: None,
        when: None,
        all_trained: false,
        reason: String::new(),
    }
}

/// The catalogue in which HeteroLR and Intersection announce what the real ones do.
fn announced() -> Vec<ComponentInfo> {
    let when = When {
        parameter: "early_stop".to_owned(),
        values: vec!["diff".to_owned(), "abs".to_owned()],
    };
    let fit = Some(Stage::Fit);
    let need = |stage, ports: &[&str]| InputNeed {
        stage,
        any_of: ports.iter().map(|&port| port.to_owned()).collect(),
        when: None,
    };
    let while_it_is = |parameter: &str, values: &[&str]| InputNeed {
        when: Some(When {
            parameter: parameter.to_owned(),
            values: values.iter().map(|&value| value.to_owned()).collect(),
        }),
        ..need(fit, &["validate_data"])
    };
    let mut all = catalogue();
    for info in &mut all {
        let pair = [rule(Role::Guest, 1, Some(1)), rule(Role::Host, 1, None)];
        match info.name.as_str() {
            "intersection" => info.cast = pair.to_vec(),
            "hetero_lr" => {
                info.defaults = json!({"early_stop": "diff"});
                info.cast = vec![
                    rule(Role::Guest, 1, Some(1)),
                    CastRule {
                        all_trained: true,
                        ..rule(Role::Host, 1, None)
                    },
                    CastRule {
                        stage: fit,
                        ..rule(Role::Arbiter, 1, Some(1))
                    },
                    CastRule {
                        stage: fit,
                        when: Some(when.clone()),
                        reason: "one host".into(),
                        ..rule(Role::Host, 0, Some(1))
                    },
                ];
                info.needs = vec![
                    need(fit, &["train_data"]),
                    need(Some(Stage::Apply), &["test_data", "train_data"]),
                    while_it_is("callback_param.callbacks", &["EarlyStopping"]),
                    while_it_is("cv_param", &[]),
                ];
            }
            _ => {}
        }
    }
    all
}

fn submit(
    dsl: &Value,
    conf: &Value,
    predict: Option<&TrainedPipeline>,
) -> Result<Parsed, Vec<Diagnostic>> {
    parse(
        dsl,
        conf,
        &ParseContext {
            components: &announced(),
            predict,
            ..ParseContext::default()
        },
    )
}

fn with_roles(roles: Value) -> Value {
    let mut conf = lr_conf();
    conf["role"] = roles;
    conf
}

fn refused(conf: &Value) -> Diagnostic {
    let mut found = submit(&lr_dsl(), conf, None).expect_err("it is refused");
    // The fixture has an entry that names nothing, which is told behind the reason.
    assert!(
        found
            .iter()
            .all(|one| matches!(one.rule, Rule::CastFits | Rule::Read)),
        "{found:?}"
    );
    found.remove(0)
}

#[test]
fn a_cast_that_does_not_fit_is_refused_with_the_place() {
    for (roles, path, words) in [
        (
            json!({"guest": [9999], "host": [10000]}),
            "role.arbiter",
            "exactly one arbiter to train, and the job has none",
        ),
        (
            json!({"guest": [9999], "host": [10000], "arbiter": []}),
            "role.arbiter",
            "the job has none",
        ),
        (
            json!({"guest": [9999], "host": [10000], "arbiter": [10000, 10001]}),
            "role.arbiter",
            "the job has 2",
        ),
        (
            json!({"guest": [9999], "arbiter": [10000]}),
            "role.host",
            "at least 1 host, and the job has none",
        ),
        (
            json!({"guest": [9999, 9998], "host": [10000], "arbiter": [10000]}),
            "role.guest",
            "exactly one guest",
        ),
    ] {
        let found = refused(&with_roles(roles));
        assert_eq!(
            found.fault.path.as_deref(),
            Some(format!("job_runtime_conf.{path}").as_str()),
            "{found}"
        );
        assert!(
            found.message.contains(words) && found.fault.next.is_some(),
            "{found}"
        );
    }
    submit(&lr_dsl(), &lr_conf(), None).expect("the usual cast fits");
}

#[test]
fn a_parameter_may_forbid_a_cast() {
    let mut conf = with_roles(json!({"guest": [9999], "host": [10000, 10001], "arbiter": [10000]}));
    let common = "job_runtime_conf.component_parameters.common.hetero_lr_0.early_stop";
    let found = refused(&conf);
    assert!(
        found.message.contains(
            "with early_stop \"diff\" takes at most 1 host to train, and the job has 2: one host"
        ),
        "{found}"
    );
    assert_eq!(found.fault.path.as_deref(), Some(common), "by default, too");
    conf["component_parameters"]["common"]["hetero_lr_0"]["early_stop"] = json!("ABS");
    assert!(refused(&conf).message.contains("\"ABS\""));
    conf["component_parameters"]["common"]["hetero_lr_0"]["early_stop"] = json!("weight_diff");
    submit(&lr_dsl(), &conf, None).expect("that rule needs no loss");
    // A host whose task is skipped does not count.
    conf["component_parameters"]["common"]["hetero_lr_0"]["early_stop"] = json!("diff");
    conf["component_parameters"]["role"]["host"]["1"] = json!({"hetero_lr_0": {"need_run": false}});
    submit(&lr_dsl(), &conf, None).expect("one host runs");
}

#[test]
fn a_step_that_nobody_runs_needs_nobody() {
    let mut conf = with_roles(json!({"guest": [9999], "host": [10000]}));
    conf["component_parameters"]["common"]["hetero_lr_0"]["need_run"] = json!(false);
    submit(&lr_dsl(), &conf, None).expect("it is skipped");
}

#[test]
fn inputs_that_are_not_wired_are_named() {
    let mut dsl = lr_dsl();
    dsl["components"]["hetero_lr_0"]["input"] =
        json!({"data": {"validate_data": ["intersection_0.data"]}});
    let found = submit(&dsl, &lr_conf(), None).expect_err("refused");
    assert_eq!(
        (found[0].rule, found[1].rule),
        (Rule::InputNeeded, Rule::Read)
    );
    assert!(
        found[0].message.contains("needs a table at train_data"),
        "{}",
        found[0]
    );
    assert_eq!(
        found[0].fault.path.as_deref(),
        Some("job_dsl.components.hetero_lr_0.input.data")
    );
}

#[test]
fn a_predict_job_needs_no_arbiter_and_all_hosts_of_the_training() {
    let mut conf = with_roles(json!({"guest": [9999], "host": [10000, 10001], "arbiter": [10000]}));
    conf["component_parameters"]["common"]["hetero_lr_0"]["early_stop"] = json!("weight_diff");
    let trained = submit(&lr_dsl(), &conf, None).expect("good");
    let pipeline = TrainedPipeline {
        inference_dsl: inference_dsl(&[], &trained.dsl).expect("good"),
        roles: trained.conf["role"].clone(),
        train_conf: trained.conf,
        model_version: "deployed".to_owned(),
        ..TrainedPipeline::default()
    };
    let predict = |roles: Value| {
        let common = json!({"job_type": "predict", "model_id": "m", "model_version": "deployed"});
        let initiator = json!({"role": "guest", "party_id": 9999});
        let conf = json!({"dsl_version": 2, "initiator": initiator, "role": roles, "job_parameters": {"common": common}});
        submit(&Value::Null, &conf, Some(&pipeline))
    };
    predict(json!({"guest": [9999], "host": [10001, 10000]})).expect("without an arbiter");
    for (roles, lacks) in [
        (json!({"guest": [9999], "host": [10000]}), "lacks 10001"),
        (
            json!({"guest": [9999], "host": [10001], "arbiter": [10000]}),
            "lacks 10000",
        ),
        (json!({"guest": [9999]}), "has none"),
    ] {
        let found = predict(roles).expect_err("refused");
        let told = found
            .iter()
            .find(|one| one.message.contains("hetero_lr_0"))
            .expect("told of the learner");
        assert!(told.message.contains(lacks), "{told}");
        assert_eq!(
            told.fault.path.as_deref(),
            Some("job_runtime_conf.role.host")
        );
    }
}

/// `component/validate` makes documents around one component's parameters.
#[test]
fn parameters_alone_are_judged_without_parties_and_inputs() {
    let components = announced();
    let context = ParseContext {
        components: &components,
        parameters_only: true,
        ..ParseContext::default()
    };
    let dsl = json!({"components": {"hetero_lr_0": {"module": "HeteroLR"}}});
    let mut conf = with_roles(json!({"guest": [9999], "host": [10000, 10001]}));
    parse(&dsl, &conf, &context).expect("nothing is wrong with the parameters");
    conf["component_parameters"]["common"]["hetero_lr_0"]["max_iter"] = json!(0);
    assert_eq!(
        parse(&dsl, &conf, &context).expect_err("refused")[0].rule,
        Rule::ParameterValue
    );
}

/// Early stopping looks at rows that were not trained on.
#[test]
fn a_parameter_may_ask_for_an_input() {
    let with = |parameters: Value| {
        let mut conf = lr_conf();
        conf["component_parameters"]["common"]["hetero_lr_0"] = parameters;
        conf
    };
    let stops =
        with(json!({"callback_param": {"callbacks": ["PerformanceEvaluate", "earlystopping"]}}));
    let found = submit(&lr_dsl(), &stops, None).expect_err("refused");
    assert_eq!(
        (found[0].rule, found[1].rule),
        (Rule::InputNeeded, Rule::Read),
        "{found:?}"
    );
    assert!(
        found[0]
            .message
            .contains("\"earlystopping\" needs a table at validate_data"),
        "{}",
        found[0]
    );
    let any =
        submit(&lr_dsl(), &with(json!({"cv_param": 3})), None).expect_err("any value but null");
    assert!(any[0].message.contains("with cv_param \"3\""), "{}", any[0]);
    for fits in [
        json!({"callback_param": {"callbacks": ["ModelCheckpoint"]}}),
        json!({"callback_param": {"callbacks": null}}),
        json!({"callback_param": null, "cv_param": null}),
    ] {
        submit(&lr_dsl(), &with(fits.clone()), None)
            .unwrap_or_else(|found| panic!("{fits}: {found:?}"));
    }
    let mut dsl = lr_dsl();
    dsl["components"]["hetero_lr_0"]["input"]["data"]["validate_data"] =
        json!(["intersection_0.data"]);
    submit(&dsl, &stops, None).expect("it is wired");
}
