//! What documents say and nothing reads: told in every place of them, and never of what counts.

use serde_json::{Value, json};

use crate::tests::fixture::{catalogue, lr_conf, lr_dsl, read, v1_conf, v1_dsl};
use crate::{ParseContext, TrainedPipeline, inference_dsl, parse};

/// The conf of a real job, without the entry that names no component.
fn clean() -> Value {
    let mut conf = lr_conf();
    conf["component_parameters"]["common"].as_object_mut().expect("object").remove("not_in_the_dsl_0");
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
    assert_eq!(warned(&stored.dsl, &stored.conf), Vec::<String>::new(), "a completed conf that comes back");
    let full = with(
        clean(),
        "/job_parameters/common",
        json!({"job_type": "train", "timeout": 9, "spark_run": {},
        "computing_engine": "STANDALONE", "experiment": "x", "user": "bob", "task_conf": {"hetero_lr_0": {"timeout": 3}}}),
    );
    let full = with(full, "/job_parameters/role/host/0", json!({"task_cores": 2, "user": "eve"}));
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
    assert!(told("/component_parameters/role/host/0/hetero_lr_O").ends_with("did you mean hetero_lr_0?"));
    assert!(told("/component_parameters/role/host/all/quite_another_name_9").ends_with("and does nothing"));
    assert!(told("/job_parameters/common/task_conf/hetero_lr_1").contains("names no component"));
}

#[test]
fn roles_and_places_that_do_not_exist_are_told() {
    let told =
        |pointer: &str| one(&lr_dsl(), &with(clean(), pointer, json!({"data_transform_0": {"with_label": true}})));
    let second = told("/component_parameters/role/host/1");
    assert!(second.contains("role.host.1 means host 1, which does not exist,"), "{second}");
    assert!(second.ends_with("the job has 1 of role host, counted from 0"), "{second}");
    assert!(told("/component_parameters/role/hots/0").ends_with("did you mean host?"));
    assert!(told("/component_parameters/role/local/0").contains("names no role of the job"));
    assert!(told("/component_parameters/role/host/first").contains("is no place in the role"));
    // The shape of FATE's own toy example: the place is left out.
    let toy = told("/component_parameters/role/host/data_transform_0");
    assert!(toy.ends_with("write the place before the component, such as role.host.0.data_transform_0"), "{toy}");
    assert!(told("/component_parameters/comon").ends_with("did you mean common?"));
    assert!(
        told("/component_parameters/data_transform_0").contains("write job_runtime_conf.component_parameters.common")
    );
    let arbiter = one(&lr_dsl(), &with(clean(), "/component_parameters/role/arbiter/0/reader_0", json!({"table": {}})));
    assert!(arbiter.ends_with("reader_0 (Reader) does not run at role arbiter"), "{arbiter}");
    let two = one(&lr_dsl(), &with(clean(), "/provider/role/guest/3/hetero_lr_0", json!("fate")));
    assert!(two.contains("provider.role.guest.3 means guest 3"), "{two}");
}

#[test]
fn unknown_fields_of_both_documents_are_told() {
    for (pointer, value, end) in [
        ("/job_parameters/common/task_coers", json!(2), "did you mean task_cores?"),
        ("/job_parameters/common/auto_retris", json!(9), "did you mean auto_retries?"),
        ("/job_parameters/comon", json!({"timeout": 9}), "did you mean common?"),
        ("/job_parameters/timeout", json!(9), "write job_runtime_conf.job_parameters.common.timeout"),
        ("/job_parameters/role/host/0/task_coers", json!(9), "did you mean task_cores?"),
        ("/job_parameters/role/host/1/task_cores", json!(9), "the job has 1 of role host, counted from 0"),
        ("/job_parameters/role/host/0/timeout", json!(9), "write job_runtime_conf.job_parameters.common.timeout"),
        ("/job_parameters/common/spark_run", json!({"num-executors": 1}), "fedflow has one engine of its own"),
        ("/job_parameters/common/computing_engine", json!("SPARK"), "fedflow has one engine of its own"),
        ("/job_parameters/common/job_type", json!("predct"), "the job trains; write train or predict"),
        ("/job_parameters/common/inheritance_info", json!({"job_id": "1"}), "the steps to take over"),
        ("/component_paramters", json!({}), "did you mean component_parameters?"),
        ("/algorithm_parameters", json!({}), "write component_parameters.common and component_parameters.role"),
        ("/initiator/party", json!(1), "did you mean party_id?"),
        ("/role/hots", json!([10000]), "did you mean host?"),
    ] {
        let told = one(&lr_dsl(), &with(clean(), pointer, value));
        assert!(told.starts_with("[WARN]job_runtime_conf.") && told.ends_with(end), "{pointer}: {told}");
    }
    for (pointer, end) in [
        ("/component", "did you mean components?"),
        ("/components/hetero_lr_0/inputs", "did you mean input?"),
        ("/components/hetero_lr_0/input/modle", "did you mean model?"),
        ("/components/hetero_lr_0/input/data/train_dta", "did you mean train_data?"),
        ("/components/hetero_lr_0/output/modell", "did you mean model?"),
    ] {
        let told = one(&with(lr_dsl(), pointer, json!(["reader_0.data"])), &clean());
        assert!(told.starts_with("[WARN]job_dsl.") && told.ends_with(end), "{pointer}: {told}");
    }
}

#[test]
fn documents_of_version_1_are_looked_through_as_well() {
    let mut conf = v1_conf();
    conf["algorithm_parameters"]["hetero_lr_0"].as_object_mut().expect("object").remove("eps");
    conf["algorithm_parameters"].as_object_mut().expect("object").remove("intersect_0");
    for role in ["guest", "host"] {
        conf["role_parameters"][role]["args"]["data"].as_object_mut().expect("object").remove("eval_data");
    }
    conf["job_parameters"] = json!({});
    assert_eq!(warned(&v1_dsl(), &conf), Vec::<String>::new());
    for (pointer, value, end) in [
        (
            "/algorithm_parameters/intersect_0",
            json!({}),
            "names no component of the DSL and does nothing; did you mean intersection_0?",
        ),
        ("/algorithm_parameters/hetero_lr_0/eps", json!(0.1), "FATE dropped this parameter after version 1.4"),
        ("/role_parameters/gest", json!({}), "did you mean guest?"),
        ("/role_parameters/host/dataio_0/with_label", json!([false, true]), "the job has 1 of role host"),
        ("/role_parameters/host/args/data/train_dta", json!([]), "did you mean train_data?"),
        ("/job_parameters/task_coers", json!(1), "did you mean task_cores?"),
    ] {
        let told = one(&v1_dsl(), &with(conf.clone(), pointer, value));
        assert!(told.ends_with(end), "{pointer}: {told}");
    }
    assert_eq!(
        warned(&v1_dsl(), &with(conf, "/job_parameters/work_mode", json!(1))),
        ["[WARN]work_mode is removed,it does not take effect!"],
        "FATE's own words, once"
    );
}

#[test]
fn a_flood_of_unknown_names_is_bounded_and_stays_on_its_lines() {
    let mut conf = clean();
    for number in 0..5_000 {
        conf["component_parameters"]["common"][format!("x\n{number}{}", "y".repeat(3_000))] = json!({});
    }
    let told = warned(&lr_dsl(), &conf);
    assert_eq!(told.len(), 41);
    assert!(told.iter().all(|line| line.len() < 400 && !line.contains('\n')), "{}", told[0]);
    assert_eq!(told[40], "[WARN]4960 more entries of the documents do nothing");
}

#[test]
fn a_predict_job_is_told_what_its_deployed_model_does_not_read() {
    let trained = read(&lr_dsl(), &clean()).expect("good");
    let names = ["reader_0", "data_transform_0", "intersection_0", "hetero_lr_0"].map(str::to_owned);
    let pipeline = TrainedPipeline {
        inference_dsl: inference_dsl(&names, &trained.dsl).expect("good"),
        roles: trained.conf["role"].clone(),
        train_conf: trained.conf.clone(),
        model_version: "1".to_owned(),
        ..TrainedPipeline::default()
    };
    let told = |dsl: Value, conf: Value| {
        let context = ParseContext { components: &catalogue(), predict: Some(&pipeline), ..ParseContext::default() };
        parse(&dsl, &conf, &context).expect("warnings refuse nothing").warnings
    };
    // FATE's clients send the conf of the training again, with a table in it.
    let mut again = trained.conf;
    again["job_parameters"]["common"]["job_type"] = json!("predict");
    again["job_parameters"]["common"]["model_version"] = json!("1");
    again["component_parameters"]["role"]["guest"]["0"]["reader_0"]["table"]["name"] = json!("new");
    assert_eq!(told(Value::Null, again.clone()), Vec::<String>::new());
    again["component_parameters"]["common"]["evaluation_0"] = json!({"eval_type": "multi"});
    again["component_parameters"]["role"]["guest"]["0"]["readr_0"] = json!({"table": {}});
    let warnings = told(json!({"components": {"hetero_lr_1": {"module": "HeteroLR"}}}), again);
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings[0].contains("job_dsl.components.hetero_lr_1 is not deployed"), "{warnings:?}");
    assert!(warnings[1].contains("common.evaluation_0 names no component of the deployed model"), "{warnings:?}");
    assert!(warnings[2].ends_with("did you mean reader_0?"), "{warnings:?}");
}
