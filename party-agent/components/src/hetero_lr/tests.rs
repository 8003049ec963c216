//! The component in the harness: against the plain computation on the joined columns, and the checks every component passes.

mod capacity;
mod features;
mod federations;
mod key_extraction;
mod labels;
mod partial_labels;
mod training;
mod values;

use component_kit::harness::{Federation, RunRecord, checks};
use component_kit::{AnyComponent, Plugin};
use federations::{Data, defaults, losses, model, set};
use serde_json::{Value, json};
use vocabulary::{Cast, ErrorCode, PartyId, Role};

use super::HeteroLr;

/// A short training in which every kind of batch message is sent.
fn masked_and_stopped() -> Federation {
    let data = Data::new(60, 2, 3);
    let callbacks =
        json!({"callbacks": ["EarlyStopping"], "validation_freqs": 1, "early_stopping_rounds": 5});
    let parameters = set(
        defaults(),
        json!({"batch_size": 20, "masked_rate": 1, "max_iter": 2, "tol": 1e-9, "callback_param": callbacks}),
    );
    // Without rules for labels the rows of batches are named.
    data.validated_federation(parameters)
        .label_rules(labels::OFF)
}

fn weight_diff() -> Federation {
    let data = Data::new(40, 2, 2);
    data.federation(set(
        defaults(),
        json!({"max_iter": 2, "early_stop": "weight_diff"}),
    ))
}

#[tokio::test]
async fn apply_uses_the_saved_model() {
    let data = Data::new(60, 2, 3);
    let fitted = data
        .federation(set(defaults(), json!({"max_iter": 3})))
        .run::<HeteroLr>()
        .await
        .all_succeeded();
    let fresh = Data::seeded(25, 2, 3, 99);
    let federation = fresh
        .federation_at(defaults(), "test_data")
        .applying(&fitted);
    let played = federation.run::<HeteroLr>().await.all_succeeded();
    let table = played.part(&federation.guest()).output();
    let weights: Vec<f64> = [federation.guest(), federation.host(0)]
        .iter()
        .flat_map(|who| model(&fitted, who).trained[0].weights.clone())
        .collect();
    let intercept = model(&fitted, &federation.guest()).trained[0].intercept;
    let expected = learning::linear::scores(fresh.joined().view(), &weights, intercept);
    for (score, z) in table.floats("predict_score").unwrap().iter().zip(expected) {
        assert!((score - learning::linear::sigmoid(z)).abs() < 1e-12);
    }
    assert_eq!(table.texts("type").unwrap()[0].as_deref(), Some("predict"));
    assert!(played.part(&federation.host(0)).outputs.is_empty());
}

#[tokio::test]
async fn apply_names_the_columns_that_are_missing() {
    let fitted = Data::new(40, 2, 3)
        .federation(set(defaults(), json!({"max_iter": 1})))
        .run::<HeteroLr>()
        .await;
    let narrow = Data::new(40, 2, 2)
        .federation_at(defaults(), "test_data")
        .applying(&fitted.all_succeeded());
    let fault = narrow.run::<HeteroLr>().await.fault().unwrap();
    assert_eq!(fault.code, ErrorCode::DataMismatch);
    assert!(fault.message.contains("h0_2"), "{}", fault.message);
}

#[tokio::test]
async fn refuses_bad_parameters() {
    let component: &dyn AnyComponent = &Plugin::<HeteroLr>::NEW;
    let path = |parameters: Value| component.check(Role::Guest, &parameters).unwrap_err().path;
    for (parameters, expected) in [
        (json!({"penalty": "L3"}), "penalty"),
        (json!({"tol": 0}), "tol"),
        (json!({"optimizer": "sqn"}), "optimizer"),
        (json!({"batch_size": 5}), "batch_size"),
        (json!({"max_iter": 0}), "max_iter"),
        (json!({"early_stop": "never"}), "early_stop"),
        (json!({"masked_rate": -1}), "masked_rate"),
        (
            json!({"encrypt_param": {"method": "rot13"}}),
            "encrypt_param.method",
        ),
        (json!({"cv_param": {"need_cv": true}}), "cv_param.need_cv"),
        (
            json!({"stepwise_param": {"need_stepwise": true}}),
            "stepwise_param.need_stepwise",
        ),
        (
            json!({"init_param": {"init_method": "magic"}}),
            "init_param.init_method",
        ),
        (
            json!({"callback_param": {"callbacks": ["EarlyStopping"]}}),
            "callback_param.early_stopping_rounds",
        ),
        (
            json!({"validation_freqs": 1, "callback_param": {"save_freq": 2}}),
            "callback_param",
        ),
        (
            json!({"callback_param": {"save_freq": 0}}),
            "callback_param.save_freq",
        ),
        (json!({"metrics": ["rmse"]}), "metrics"),
        (
            json!({"init_param": {"init_methd": "zeros"}}),
            "init_param.init_methd",
        ),
    ] {
        let path = path(parameters.clone()).unwrap_or_default();
        assert!(
            expected.starts_with(&path) && !path.is_empty(),
            "{parameters} is refused at {path:?}"
        );
    }
    // Given together with a deprecated one counts, whatever the value is.
    for (parameters, named) in [
        (
            json!({"validation_freqs": 2, "callback_param": {}}),
            "validation_freqs",
        ),
        (
            json!({"early_stopping_rounds": 2, "validation_freqs": 1, "callback_param": {"save_freq": 1}}),
            "early_stopping",
        ),
        (
            json!({"metrics": ["auc", "ks"], "callback_param": {"callbacks": null}}),
            "metrics",
        ),
        (
            json!({"use_first_metric_only": false, "callback_param": {"callbacks": []}}),
            "use_first_metric_only",
        ),
    ] {
        let fault = component.check(Role::Guest, &parameters).unwrap_err();
        assert!(
            fault.message.contains(named) && fault.path.as_deref() == Some("callback_param"),
            "{fault}"
        );
    }
    for accepted in [
        json!({}),
        json!({"penalty": "l1", "optimizer": "ADAM", "encrypt_param": {"method": "IPCL"}}),
    ] {
        assert!(component.check(Role::Arbiter, &accepted).is_ok());
    }
}

/// Wherever FATE documents that a parameter may be None, null is taken for it.
#[test]
fn takes_null_where_fate_does() {
    let component: &dyn AnyComponent = &Plugin::<HeteroLr>::NEW;
    let callbacks = json!({"callbacks": null, "validation_freqs": null, "early_stopping_rounds": null, "metrics": null});
    for parameters in [
        json!({"penalty": null}),
        json!({"metrics": null, "validation_freqs": null, "early_stopping_rounds": null}),
        json!({"floating_point_precision": null}),
        json!({"callback_param": callbacks}),
        json!({"metrics": null, "callback_param": {"callbacks": ["PerformanceEvaluate"], "validation_freqs": 1, "metrics": null}}),
        json!({"init_param": {"random_seed": null}, "encrypt_param": {"method": null}}),
        json!({"cv_param": {"random_seed": null}, "stepwise_param": {"nvmax": null}, "sqn_param": {"random_seed": null}}),
    ] {
        assert_eq!(
            component.check(Role::Guest, &parameters),
            Ok(()),
            "{parameters}"
        );
        let schema = component.info().schema;
        for name in parameters.as_object().unwrap().keys() {
            assert!(schema["properties"].get(name).is_some(), "{name}");
        }
    }
}

#[tokio::test]
async fn refuses_data_that_do_not_fit() {
    let fault = async |federation: Federation| federation.run::<HeteroLr>().await.fault().unwrap();
    let data = Data::new(40, 2, 2);
    let gaps = data.with_gap(1).federation(defaults());
    let found = fault(gaps).await;
    assert_eq!(found.code, ErrorCode::TableInvalid);
    assert_eq!(
        found.message,
        "column h0_0 has 1 missing or infinite values in 40 rows"
    );
    assert_eq!(
        found.next.as_deref(),
        Some("fill them: missing_fill true in DataTransform")
    );
    let mut empty = data.with_gap(0);
    empty.parts[0].column_mut(1).fill(f64::INFINITY);
    let found = fault(empty.federation(defaults())).await;
    assert!(
        found
            .message
            .ends_with("in 40 rows, and 1 more columns have some"),
        "{found:?}"
    );
    empty.parts[0].column_mut(0).fill(f64::NAN);
    let found = fault(empty.federation(defaults())).await;
    assert!(
        found
            .next
            .unwrap()
            .starts_with("leave the column out of the file"),
        "a mean cannot fill it"
    );
    let shifted = fault(data.with_other_ids().federation(defaults())).await;
    assert!(
        shifted.code == ErrorCode::DataMismatch && shifted.next.unwrap().contains("Intersection")
    );
    let large = fault(data.scaled(1e70).federation(set(
        defaults(),
        json!({"init_param": {"init_method": "ones"}}),
    )))
    .await;
    assert!(large.code == ErrorCode::NumericRange && large.next.unwrap().contains("scale"));
    let wide = set(defaults(), json!({"batch_size": 10, "masked_rate": 1}));
    let wide = fault(
        Data::new(30, 1, 25)
            .federation(wide)
            .label_rules(labels::OFF),
    )
    .await;
    assert_eq!(
        (wide.code, wide.path.as_deref()),
        (ErrorCode::ParameterInvalid, Some("masked_rate"))
    );
    // Two batches of ten rows, and a last one of five.
    let rest = set(defaults(), json!({"batch_size": 10, "masked_rate": 0}));
    let last = fault(
        Data::new(25, 1, 6)
            .federation(rest)
            .label_rules(labels::OFF),
    )
    .await;
    assert_eq!(
        (last.code, last.path.as_deref()),
        (ErrorCode::ParameterInvalid, Some("masked_rate"))
    );
    let flat = fault(Data::new(20, 1, 20).federation(defaults())).await;
    assert_eq!(
        (flat.code, flat.path.as_deref()),
        (ErrorCode::ParameterInvalid, Some("batch_size"))
    );
    let guest = data.federation(defaults()).guest();
    let other = data
        .federation(defaults())
        .parameters_of(&guest, json!({"max_iter": 7}));
    assert_eq!(fault(other).await.code, ErrorCode::DataMismatch);
}

#[tokio::test]
async fn warns_when_one_party_plays_host_and_arbiter() {
    let data = Data::new(40, 2, 2);
    let cast = |arbiter: &str| {
        let party = |id: &str| vec![PartyId::new(id).unwrap()];
        Cast {
            guest: party("9999"),
            host: party("10000"),
            arbiter: party(arbiter),
            local: vec![],
        }
    };
    for (arbiter, warnings) in [("10000", 1), ("8888", 0)] {
        let federation = Federation::with_cast(cast(arbiter))
            .parameters(set(defaults(), json!({"max_iter": 1})));
        let federation = data.wire(federation, "train_data");
        let played = federation.run::<HeteroLr>().await.all_succeeded();
        let log = &played.part(&federation.guest()).log;
        assert_eq!(
            log.iter()
                .filter(|line| line.contains("plays host and arbiter"))
                .count(),
            warnings,
            "{log:?}"
        );
    }
}

#[tokio::test]
async fn leaks_no_canary() {
    let value = 0.123_456_789_012_345;
    let data = Data::new(40, 2, 2).with_canary("canary-id-2718", value);
    let federation = data.federation(set(defaults(), json!({"max_iter": 2})));
    checks::leaks_no_canary::<HeteroLr>(&federation, &["canary-id-2718"], &[value]).await;
}

#[tokio::test]
async fn speaks_only_its_messages() {
    let masked = masked_and_stopped().run::<HeteroLr>().await.all_succeeded();
    let steps = weight_diff().run::<HeteroLr>().await.all_succeeded();
    let growing = capacity::growing().run::<HeteroLr>().await.all_succeeded();
    checks::speaks_only_its_messages::<HeteroLr>(&[&masked, &steps, &growing]);
}

#[tokio::test]
async fn stops_when_cancelled() {
    checks::stops_when_cancelled::<HeteroLr>(&masked_and_stopped()).await;
}

#[tokio::test]
async fn stops_in_the_middle_of_work() {
    checks::stops_in_the_middle_of_work::<HeteroLr>(&masked_and_stopped(), 100).await;
}

#[tokio::test]
async fn survives_duplicates_and_delays() {
    checks::survives_duplicates_and_delays::<HeteroLr>(&masked_and_stopped()).await;
}

#[tokio::test]
async fn agrees_with_the_plain_computation() {
    let data = Data::new(100, 3, 4);
    let played = training::agrees(&data, json!({"max_iter": 8, "optimizer": "rmsprop"})).await;
    reports_in_the_usual_form(&data, &played);
}

fn reports_in_the_usual_form(data: &Data, played: &RunRecord) {
    let federation = data.federation(defaults());
    let guest = played.part(&federation.guest());
    let view = guest.model_view.as_ref().unwrap();
    assert_eq!(view["meta"]["maxIter"], json!("8"));
    assert_eq!(view["param"]["header"], json!(["g_0", "g_1", "g_2"]));
    let summary = guest.summary.as_ref().unwrap();
    assert_eq!(summary["coef"]["g_1"], view["param"]["weight"]["g_1"]);
    assert_eq!(
        (&summary["best_iteration"], &summary["one_vs_rest"]),
        (&json!(-1), &json!(false))
    );
    let host = played.part(&federation.host(0));
    assert_eq!(host.summary.as_ref().unwrap()["intercept"], json!(0.0));
    let arbiter = played.part(&federation.arbiter());
    assert!(arbiter.summary.is_none() && arbiter.model.is_none());
    assert_eq!(
        (arbiter.metrics[0].name.as_str(), losses(played).len()),
        ("loss", 8)
    );
    assert!(
        guest
            .log
            .iter()
            .any(|line| line == "Paillier asked for: ring-LWE (128-bit) serves it")
    );
    let table = guest.output();
    assert_eq!(table.rows(), 100);
    let detail: Value = serde_json::from_str(
        table.texts("predict_detail").unwrap()[0]
            .as_deref()
            .unwrap(),
    )
    .unwrap();
    assert!((detail["0"].as_f64().unwrap() + detail["1"].as_f64().unwrap() - 1.0).abs() < 1e-12);
}
