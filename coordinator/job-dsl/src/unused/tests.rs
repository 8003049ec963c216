//! What documents say and nothing reads: told in every place of them, and never of what counts.

use serde_json::{Value, json};
use vocabulary::component::InputNeed;
use vocabulary::{ComponentInfo, Stage};

use crate::tests::fixture::{catalogue, lr_conf, lr_dsl, read, v1_conf, v1_dsl};
use crate::{Diagnostic, ParseContext, Parsed, Rule, TrainedPipeline, inference_dsl, parse};

/// The conf of a real job, without the entry that names no component.
fn clean() -> Value {
    let mut conf = lr_conf();
    conf["component_parameters"]["common"]
        .as_object_mut()
        .expect("object")
        .remove("not_in_the_dsl_0");
    conf
}

fn warned(dsl: &Value, conf: &Value) -> Vec<String> {
    read(dsl, conf).expect("warnings refuse nothing").warnings
}

fn one(dsl: &Value, conf: &Value) -> String {
    let warnings = warned(dsl, conf);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    warnings.concat()
}

/// Puts a value at a pointer, objects made on the way.
fn with(mut document: Value, pointer: &str, value: Value) -> Value {
    let mut at = &mut document;
    for part in pointer.trim_start_matches('/').split('/') {
        at = &mut at[part];
    }
    *at = value;
    document
}

#[test]
fn what_counts_is_not_warned_of() {
    assert_eq!(warned(&lr_dsl(), &clean()), Vec::<String>::new());
    let stored = read(&lr_dsl(), &clean()).expect("good");
    assert_eq!(
        warned(&stored.dsl, &stored.conf),
        Vec::<String>::new(),
        "a completed conf that comes back"
    );
    let full = with(
        clean(),
        "/job_parameters/common",
        json!({"job_type": "train", "timeout": 9, "spark_run": {},
        "computing_engine": "STANDALONE", "experiment": "x", "user": "bob", "task_conf": {"hetero_lr_0": {"timeout": 3}}}),
    );
    let full = with(
        full,
        "/job_parameters/role/host/0",
        json!({"task_cores": 2, "user": "eve"}),
    );
    let full = with(full, "/provider/common/hetero_lr_0", json!("fate"));
    let full = with(full, "/conf_path", json!("/tmp/c.json"));
    assert_eq!(warned(&lr_dsl(), &full), Vec::<String>::new());
}

#[test]
fn a_misspelt_component_is_told_with_the_nearest_name() {
    let told = |pointer: &str| one(&lr_dsl(), &with(clean(), pointer, json!({"max_iter": 2})));
    assert_eq!(
        told("/component_parameters/common/hetro_lr_0"),
        "[WARN]job_runtime_conf.component_parameters.common.hetro_lr_0 names no component of the DSL and does nothing; \
         did you mean hetero_lr_0?"
    );
    assert!(
        told("/component_parameters/role/host/0/hetero_lr_O")
            .ends_with("did you mean hetero_lr_0?")
    );
    assert!(
        told("/component_parameters/role/host/all/quite_another_name_9")
            .ends_with("and does nothing")
    );
    assert!(told("/job_parameters/common/task_conf/hetero_lr_1").contains("names no component"));
}

#[test]
fn roles_and_places_that_do_not_exist_are_told() {
    let told = |pointer: &str| {
        one(
            &lr_dsl(),
            &with(
                clean(),
                pointer,
                json!({"data_transform_0": {"with_label": true}}),
            ),
        )
    };
    let second = told("/component_parameters/role/host/1");
    assert!(
        second.contains("role.host.1 means host 1, which does not exist,"),
        "{second}"
    );
    assert!(
        second.ends_with("the job has 1 of role host, counted from 0"),
        "{second}"
    );
    assert!(told("/component_parameters/role/hots/0").ends_with("did you mean host?"));
    assert!(told("/component_parameters/role/local/0").contains("names no role of the job"));
    assert!(told("/component_parameters/role/host/first").contains("is not a place in the role"));
    // The shape of FATE's own toy example: the place is left out.
    let toy = told("/component_parameters/role/host/data_transform_0");
    assert!(
        toy.ends_with("write the place before the component, such as role.host.0.data_transform_0"),
        "{toy}"
    );
    assert!(told("/component_parameters/comon").ends_with("did you mean common?"));
    assert!(
        told("/component_parameters/data_transform_0")
            .contains("write job_runtime_conf.component_parameters.common")
    );
    let arbiter = one(
        &lr_dsl(),
        &with(
            clean(),
            "/component_parameters/role/arbiter/0/reader_0",
            json!({"table": {}}),
        ),
    );
    assert!(
        arbiter.ends_with("reader_0 (Reader) does not run at role arbiter"),
        "{arbiter}"
    );
    let two = one(
        &lr_dsl(),
        &with(clean(), "/provider/role/guest/3/hetero_lr_0", json!("fate")),
    );
    assert!(two.contains("provider.role.guest.3 means guest 3"), "{two}");
}

#[test]
#[allow(clippy::too_many_lines, reason = "one list of cases")]
fn unknown_fields_of_both_documents_are_told() {
    for (pointer, value, end) in [
        (
            "/job_parameters/common/task_coers",
            json!(2),
            "did you mean task_cores?",
        ),
        (
            "/job_parameters/common/auto_retris",
            json!(9),
            "did you mean auto_retries?",
        ),
        (
            "/job_parameters/comon",
            json!({"timeout": 9}),
            "did you mean common?",
        ),
        (
            "/job_parameters/timeout",
            json!(9),
            "write job_runtime_conf.job_parameters.common.timeout",
        ),
        (
            "/job_parameters/role/host/0/task_coers",
            json!(9),
            "did you mean task_cores?",
        ),
        (
            "/job_parameters/role/host/1/task_cores",
            json!(9),
            "the job has 1 of role host, counted from 0",
        ),
        (
            "/job_parameters/role/host/0/timeout",
            json!(9),
            "write job_runtime_conf.job_parameters.common.timeout",
        ),
        (
            "/job_parameters/common/spark_run",
            json!({"num-executors": 1}),
            "fedflow has one engine of its own",
        ),
        (
            "/job_parameters/common/computing_engine",
            json!("SPARK"),
            "fedflow has one engine of its own",
        ),
        (
            "/job_parameters/common/job_type",
            json!("predct"),
            "the job trains; write train or predict",
        ),
        (
            "/job_parameters/common/inheritance_info",
            json!({"job_id": "1"}),
            "the steps to take over",
        ),
        (
            "/component_paramters",
            json!({}),
            "did you mean component_parameters?",
        ),
        (
            "/algorithm_parameters",
            json!({}),
            "write component_parameters.common and component_parameters.role",
        ),
        ("/initiator/party", json!(1), "did you mean party_id?"),
        ("/role/hots", json!([10000]), "did you mean host?"),
    ] {
        let told = one(&lr_dsl(), &with(clean(), pointer, value));
        assert!(
            told.starts_with("[WARN]job_runtime_conf.") && told.ends_with(end),
            "{pointer}: {told}"
        );
    }
    for (pointer, end) in [
        ("/component", "did you mean components?"),
        ("/components/hetero_lr_0/inputs", "did you mean input?"),
        ("/components/hetero_lr_0/input/modle", "did you mean model?"),
        (
            "/components/hetero_lr_0/input/data/train_dta",
            "did you mean train_data?",
        ),
        (
            "/components/hetero_lr_0/output/modell",
            "did you mean model?",
        ),
    ] {
        let told = one(&with(lr_dsl(), pointer, json!(["reader_0.data"])), &clean());
        assert!(
            told.starts_with("[WARN]job_dsl.") && told.ends_with(end),
            "{pointer}: {told}"
        );
    }
}

#[test]
fn documents_of_version_1_are_looked_through_as_well() {
    let mut conf = v1_conf();
    conf["algorithm_parameters"]["hetero_lr_0"]
        .as_object_mut()
        .expect("object")
        .remove("eps");
    conf["algorithm_parameters"]
        .as_object_mut()
        .expect("object")
        .remove("intersect_0");
    for role in ["guest", "host"] {
        conf["role_parameters"][role]["args"]["data"]
            .as_object_mut()
            .expect("object")
            .remove("eval_data");
    }
    conf["job_parameters"] = json!({});
    assert_eq!(warned(&v1_dsl(), &conf), Vec::<String>::new());
    for (pointer, value, end) in [
        (
            "/algorithm_parameters/intersect_0",
            json!({}),
            "names no component of the DSL and does nothing; did you mean intersection_0?",
        ),
        (
            "/algorithm_parameters/hetero_lr_0/eps",
            json!(0.1),
            "FATE dropped this parameter after version 1.4",
        ),
        ("/role_parameters/gest", json!({}), "did you mean guest?"),
        (
            "/role_parameters/host/dataio_0/with_label",
            json!([false, true]),
            "the job has 1 of role host",
        ),
        (
            "/role_parameters/host/args/data/train_dta",
            json!([]),
            "did you mean train_data?",
        ),
        (
            "/job_parameters/task_coers",
            json!(1),
            "did you mean task_cores?",
        ),
    ] {
        let told = one(&v1_dsl(), &with(conf.clone(), pointer, value));
        assert!(told.ends_with(end), "{pointer}: {told}");
    }
    assert_eq!(
        warned(
            &v1_dsl(),
            &with(conf, "/job_parameters/work_mode", json!(1))
        ),
        ["[WARN]work_mode is removed,it does not take effect!"],
        "FATE's own words, once"
    );
}

#[test]
fn a_flood_of_unknown_names_is_bounded_and_stays_on_its_lines() {
    let mut conf = clean();
    for number in 0..5_000 {
        conf["component_parameters"]["common"][format!("x\n{number}{}", "y".repeat(3_000))] =
            json!({});
    }
    let told = warned(&lr_dsl(), &conf);
    assert_eq!(told.len(), 41);
    assert!(
        told.iter()
            .all(|line| line.len() < 400 && !line.contains('\n')),
        "{}",
        told[0]
    );
    assert_eq!(
        told[40],
        "[WARN]4960 more entries of the documents do nothing"
    );
}

#[test]
fn a_predict_job_is_told_what_its_deployed_model_does_not_read() {
    let trained = read(&lr_dsl(), &clean()).expect("good");
    let pipeline = deployed(&trained);
    let told = |dsl: Value, conf: Value| {
        let context = ParseContext {
            components: &catalogue(),
            predict: Some(&pipeline),
            ..ParseContext::default()
        };
        parse(&dsl, &conf, &context)
            .expect("warnings refuse nothing")
            .warnings
    };
    // FATE's clients send the conf of the training again, with a table in it.
    let mut again = trained.conf;
    again["job_parameters"]["common"]["job_type"] = json!("predict");
    again["job_parameters"]["common"]["model_version"] = json!("1");
    again["component_parameters"]["role"]["guest"]["0"]["reader_0"]["table"]["name"] = json!("new");
    assert_eq!(told(Value::Null, again.clone()), Vec::<String>::new());
    again["component_parameters"]["common"]["evaluation_0"] = json!({"eval_type": "multi"});
    again["component_parameters"]["role"]["guest"]["0"]["readr_0"] = json!({"table": {}});
    let warnings = told(
        json!({"components": {"hetero_lr_1": {"module": "HeteroLR"}}}),
        again,
    );
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(
        warnings[0].contains("job_dsl.components.hetero_lr_1 is not deployed"),
        "{warnings:?}"
    );
    assert!(
        warnings[1].contains("common.evaluation_0 names no component of the deployed model"),
        "{warnings:?}"
    );
    assert!(
        warnings[2].ends_with("did you mean reader_0?"),
        "{warnings:?}"
    );
}

fn deployed(trained: &Parsed) -> TrainedPipeline {
    let names = [
        "reader_0",
        "data_transform_0",
        "intersection_0",
        "hetero_lr_0",
    ]
    .map(str::to_owned);
    TrainedPipeline {
        inference_dsl: inference_dsl(&names, &trained.dsl).expect("good"),
        roles: trained.conf["role"].clone(),
        train_conf: trained.conf.clone(),
        model_version: "1".to_owned(),
        ..TrainedPipeline::default()
    }
}

#[test]
fn what_the_model_decides_is_told_in_a_predict_job() {
    let mut components = catalogue();
    for info in components
        .iter_mut()
        .filter(|info| info.name == "data_transform")
    {
        info.applies_with = Some(vec!["need_run".to_owned()]);
        info.defaults = json!({"missing_fill": false, "need_run": true});
        info.schema["properties"]["need_run"] = json!({"type": "boolean"});
    }
    let trained = read(&lr_dsl(), &clean()).expect("good");
    let pipeline = deployed(&trained);
    let mut again = trained.conf;
    again["job_parameters"]["common"]["job_type"] = json!("predict");
    again["job_parameters"]["common"]["model_version"] = json!("1");
    let told = |pointer: &str, value: Value| {
        let conf = with(again.clone(), pointer, value);
        let context = ParseContext {
            components: &components,
            predict: Some(&pipeline),
            ..ParseContext::default()
        };
        parse(&Value::Null, &conf, &context)
            .expect("warnings refuse nothing")
            .warnings
    };
    let common = "/component_parameters/common/data_transform_0";
    let filled = told(&format!("{common}/missing_fill"), json!(true));
    let what = "is what the model learned and does nothing in a predict job; train again with it";
    let path = "job_runtime_conf.component_parameters.common.data_transform_0.missing_fill";
    assert_eq!(
        filled,
        [format!("[WARN]{path} {what}")],
        "once, though two parties read it"
    );
    // The host's own value of the training stands over what is said for all.
    let host = told(
        "/component_parameters/role/host/0/data_transform_0/with_label",
        json!(true),
    );
    assert!(
        host.len() == 1 && host[0].contains("role.host.0.data_transform_0.with_label is what"),
        "{host:?}"
    );
    for (pointer, value) in [
        (format!("{common}/missing_fill"), json!(false)),
        (format!("{common}/output_format"), json!("dense")),
        (format!("{common}/need_run"), json!(false)),
        (
            "/component_parameters/common/hetero_lr_0/max_iter".to_owned(),
            json!(3),
        ),
    ] {
        assert_eq!(
            told(&pointer, value),
            Vec::<String>::new(),
            "{pointer}: it counts, or is what it was"
        );
    }
}

#[test]
fn an_empty_list_of_inputs_is_told() {
    for (pointer, end) in [
        (
            "/components/evaluation_0/input/data/data",
            "brings no table; name a step's output, such as reader_0.data",
        ),
        (
            "/components/hetero_lr_0/input/data/validate_data",
            "brings no table; name a step's output, such as reader_0.data",
        ),
        (
            "/components/hetero_lr_0/input/model",
            "brings no model; name a step's output, such as data_transform_0.model",
        ),
    ] {
        let told = one(&with(lr_dsl(), pointer, json!([])), &clean());
        let path = pointer.replace('/', ".");
        assert!(
            told.starts_with(&format!("[WARN]job_dsl{path} is an empty list")),
            "{told}"
        );
        assert!(told.ends_with(end), "{told}");
    }
    let unknown = one(
        &with(
            lr_dsl(),
            "/components/hetero_lr_0/input/data/tables",
            json!([]),
        ),
        &clean(),
    );
    assert!(unknown.contains("is not a data input"), "{unknown}");
}

#[test]
fn a_port_for_applying_is_told_while_it_trains() {
    let mut components: Vec<ComponentInfo> = catalogue();
    let need = |stage, ports: &[&str]| {
        let any_of = ports.iter().map(|port| (*port).to_owned()).collect();
        InputNeed {
            stage: Some(stage),
            any_of,
            when: None,
        }
    };
    for info in components
        .iter_mut()
        .filter(|info| info.name == "hetero_lr")
    {
        info.needs = vec![
            need(Stage::Fit, &["train_data"]),
            need(Stage::Apply, &["test_data", "train_data"]),
        ];
    }
    let told = |dsl: &Value| {
        let context = ParseContext {
            components: &components,
            ..ParseContext::default()
        };
        parse(dsl, &clean(), &context)
            .expect("warnings refuse nothing")
            .warnings
    };
    let tested = with(
        lr_dsl(),
        "/components/hetero_lr_0/input/data/test_data",
        json!(["intersection_0.data"]),
    );
    let path = "job_dsl.components.hetero_lr_0.input.data.test_data";
    let what = "is not read while it trains; apply the model in a second component";
    assert_eq!(told(&tested), [format!("[WARN]{path} {what}")]);
    // The second component reads it.
    let second = json!({"module": "HeteroLR", "output": {"data": ["data"]},
        "input": {"data": {"test_data": ["intersection_0.data"]}, "model": ["hetero_lr_0.model"]}});
    assert_eq!(
        told(&with(lr_dsl(), "/components/hetero_lr_1", second)),
        Vec::<String>::new()
    );
    let validated = with(
        lr_dsl(),
        "/components/hetero_lr_0/input/data/validate_data",
        json!(["intersection_0.data"]),
    );
    assert_eq!(
        told(&validated),
        Vec::<String>::new(),
        "no word of it says that it is not read"
    );
}

#[test]
fn a_refusal_names_what_nothing_reads_behind_its_reasons() {
    let mut conf = with(
        clean(),
        "/component_parameters/common/hetero_lr_0/max_iter",
        json!("many"),
    );
    let refused = |conf: &Value| -> Vec<Diagnostic> { read(&lr_dsl(), conf).expect_err("refused") };
    assert!(
        refused(&conf)
            .iter()
            .all(|found| found.rule == Rule::ParameterValue),
        "nothing else is wrong"
    );
    conf["component_parameters"]["role"]["host"] =
        json!([{"data_transform_0": {"with_label": false}}]);
    let found = refused(&conf);
    let last = found.last().expect("some");
    assert_eq!(
        (found[0].rule, last.rule),
        (Rule::ParameterValue, Rule::Read)
    );
    assert_eq!(
        last.fault.path.as_deref(),
        Some("job_runtime_conf.component_parameters.role.host")
    );
    assert_eq!(
        last.fault.next.as_deref(),
        Some("write one entry for each place, such as 0")
    );
    conf["role"]["hots"] = json!([10000]);
    let words = "job_runtime_conf.role.hots is not a role (its parties take no part) and does nothing; did you mean host?";
    assert!(
        refused(&conf).iter().any(|found| found.message == words),
        "{:?}",
        refused(&conf)
    );
}
