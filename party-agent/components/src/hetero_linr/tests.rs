//! The component in the harness: against the plain computation on the joined columns, and the checks every component passes.

mod data;
mod privacy;
mod sizes;

use component_kit::harness::{Federation, checks};
use component_kit::{AnyComponent, Plugin};
use learning::evaluation::{EvalType, regression_values};
use learning::linear::scores;
use serde_json::{Value, json};
use tables::{ColumnKind, Values};
use vocabulary::{ErrorCode, MetricData, Role};

use super::HeteroLinR;
use data::{Data, agrees, losses, model, plain, set, weights};

fn small() -> Data {
    Data::new(60, &[2, 3], (1.0, 0.3))
}

/// Other rows of the same columns.
fn others(widths: &[usize]) -> Data {
    let mut data = Data::new(30, widths, (1.0, 0.3));
    data.ids.iter_mut().for_each(|id| id.insert(0, 'v'));
    data
}

/// A short training in which most messages are sent.
fn stopped() -> Federation {
    let callbacks =
        json!({"callbacks": ["EarlyStopping"], "validation_freqs": 1, "early_stopping_rounds": 5});
    let parameters = json!({"batch_size": 20, "max_iter": 2, "callback_param": callbacks});
    let data = Data::new(60, &[2, 1], (1.0, 0.0));
    others(&[2, 1])
        .wire(data.federation(parameters), "validate_data")
        .label_rules(privacy::WARNING)
}

#[tokio::test]
async fn agrees_with_the_plain_computation() {
    let data = small();
    let played = agrees(&data, json!({"max_iter": 12})).await;
    let federation = data.federation(json!({}));
    let guest = played.part(&federation.guest());
    let view = guest.model_view.as_ref().unwrap();
    assert_eq!(view["meta"]["module"], json!("HeteroLinR"));
    assert_eq!(
        (&view["meta"]["maxIter"], &view["meta"]["fitIntercept"]),
        (&json!("12"), &json!(true))
    );
    assert_eq!(view["param"]["header"], json!(["p0_0", "p0_1"]));
    // What FATE's readers of models read.
    let stored = fate_models::messages("HeteroLinR", view);
    let names: Vec<&str> = stored.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(
        names,
        ["HeteroLinearRegressionMeta", "HeteroLinearRegressionParam"]
    );
    let saved = guest.model.as_ref().unwrap();
    let component: &dyn AnyComponent = &Plugin::<HeteroLinR>::NEW;
    let shown = component.shown(saved).unwrap().to_string();
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), *view);
    let summary = guest.summary.as_ref().unwrap();
    assert_eq!(summary["coef"]["p0_1"], view["param"]["weight"]["p0_1"]);
    assert_eq!(summary["best_iteration"], json!(-1));
    let host = played.part(&federation.host(0));
    assert_eq!(host.summary.as_ref().unwrap()["intercept"], json!(0.0));
    assert!(host.outputs.is_empty());
    let arbiter = played.part(&federation.arbiter());
    assert!(arbiter.summary.is_none() && arbiter.model.is_none() && losses(&played).len() == 12);
    writes_numbers(&data, guest.output(), &weights(&played), "train");
}

/// Every row with its own label, and its prediction three times over.
fn writes_numbers(data: &Data, table: &tables::Table, weights: &[f64], kind: &str) {
    let (last, own) = weights.split_last().unwrap();
    let expected = scores(data.joined().view(), own, *last);
    let kinds: Vec<ColumnKind> = table.schema().columns.iter().map(|of| of.kind).collect();
    assert_eq!(kinds[..3], [ColumnKind::Float; 3]);
    assert_eq!(table.floats("label").unwrap(), data.labels());
    for name in ["predict_result", "predict_score"] {
        for (own, expected) in table.floats(name).unwrap().iter().zip(&expected) {
            assert!((own - expected).abs() < 1e-9, "{own} is not {expected}");
        }
    }
    let details = table.texts("predict_detail").unwrap();
    let detail: Value = serde_json::from_str(details[0].as_deref().unwrap()).unwrap();
    assert_eq!(
        detail,
        json!({"label": table.floats("predict_score").unwrap()[0]})
    );
    assert_eq!(table.texts("type").unwrap()[0].as_deref(), Some(kind));
}

#[tokio::test]
async fn every_optimizer_penalty_and_batch_agrees() {
    let data = small();
    for optimizer in ["rmsprop", "adam", "adagrad", "nesterov_momentum_sgd"] {
        agrees(
            &data,
            json!({"optimizer": optimizer, "learning_rate": 0.05}),
        )
        .await;
    }
    for (penalty, alpha) in [(json!("L1"), 0.05), (json!(null), 1.0), (json!("L2"), 0.5)] {
        agrees(
            &data,
            json!({"penalty": penalty, "alpha": alpha, "decay": 0, "decay_sqrt": false}),
        )
        .await;
    }
    // Batches that stay the same, in the order of the rows.
    let data = Data::new(90, &[2, 1], (1.0, 0.3));
    agrees(&data, json!({"batch_size": 45})).await;
    for rule in ["diff", "weight_diff"] {
        agrees(
            &data,
            json!({"early_stop": rule, "tol": 0.05, "max_iter": 30}),
        )
        .await;
    }
    agrees(
        &data,
        json!({"early_stop": "abs", "tol": 0.5, "max_iter": 30}),
    )
    .await;
}

#[tokio::test]
async fn works_with_two_hosts() {
    let data = Data::new(90, &[2, 2, 3], (1.0, 0.3));
    let played = agrees(&data, json!({"early_stop": "weight_diff"})).await;
    assert!(losses(&played).is_empty());
    let fault = data
        .federation(json!({}))
        .run::<HeteroLinR>()
        .await
        .fault()
        .unwrap();
    assert_eq!(fault.path.as_deref(), Some("early_stop"), "{fault}");
}

#[tokio::test]
async fn apply_uses_the_saved_model() {
    let fitted = small()
        .federation(json!({}))
        .run::<HeteroLinR>()
        .await
        .all_succeeded();
    let fresh = others(&[2, 3]);
    let federation = fresh.wire(
        Federation::new(1, true).parameters(set(json!({}))),
        "test_data",
    );
    let federation = federation.applying(&fitted);
    let played = federation.run::<HeteroLinR>().await.all_succeeded();
    let table = played.part(&federation.guest()).output();
    writes_numbers(&fresh, table, &weights(&fitted), "predict");
    let narrow = others(&[2, 2]);
    let federation = narrow.wire(
        Federation::new(1, true).parameters(set(json!({}))),
        "test_data",
    );
    let fault = federation
        .applying(&fitted)
        .run::<HeteroLinR>()
        .await
        .fault()
        .unwrap();
    assert!(fault.message.contains("p1_2"), "{fault}");
}

#[tokio::test]
async fn a_training_goes_on_from_a_model() {
    let data = small();
    let part = data
        .federation(json!({"max_iter": 3}))
        .run::<HeteroLinR>()
        .await
        .all_succeeded();
    let mut federation = data.federation(json!({"max_iter": 6}));
    for who in [federation.guest(), federation.host(0)] {
        federation = federation.model(&who, part.part(&who).model.clone().unwrap());
    }
    let whole = federation.run::<HeteroLinR>().await.all_succeeded();
    let expected = plain(&data, json!({"max_iter": 6}));
    for (own, expected) in weights(&whole).iter().zip(&expected.weights) {
        assert!((own - expected).abs() < 1e-5, "{own} is not {expected}");
    }
    assert_eq!(model(&whole, &federation.guest()).trained[0].iters, 6);
}

#[tokio::test]
async fn validations_measure_stop_and_go_back_and_checkpoints_stay() {
    let data = Data::new(60, &[2, 3], (1.0, 0.3));
    let callbacks = json!({
        "callbacks": ["EarlyStopping", "ModelCheckpoint"], "validation_freqs": 1, "early_stopping_rounds": 2,
        "metrics": ["r2_score", "rmse"], "save_freq": 2,
    });
    // A rate so high that errors grow: the first epoch is the best one.
    let parameters =
        json!({"learning_rate": 2.0, "max_iter": 8, "decay": 0, "callback_param": callbacks});
    let federation = others(&[2, 3]).wire(data.federation(parameters.clone()), "validate_data");
    let played = federation.run::<HeteroLinR>().await.all_succeeded();
    let guest = played.part(&federation.guest());
    let best = model(&played, &federation.guest()).trained[0]
        .best_epoch
        .unwrap();
    let mut until = parameters;
    until["max_iter"] = json!(best + 1);
    let expected = plain(&data, until);
    for (own, expected) in weights(&played).iter().zip(&expected.weights) {
        assert!((own - expected).abs() < 1e-4, "{own} is not {expected}");
    }
    let table = guest.output();
    assert_eq!(table.rows(), 90);
    let validated = &guest.summary.as_ref().unwrap()["validation_metrics"]["validate"];
    let rows = others(&[2, 3]);
    let predictions: Vec<f64> = table.floats("predict_score").unwrap()[60..].to_vec();
    let metrics = EvalType::Regression.metrics();
    for (name, value) in regression_values(&rows.labels(), &predictions, metrics).unwrap() {
        if let Some(told) = validated.get(name) {
            assert!(
                (told[best].as_f64().unwrap() - value).abs() < 1e-5,
                "{name}: {told} {value}"
            );
        }
    }
    assert_eq!(validated.as_object().unwrap().len(), 2, "{validated}");
    let is_told = |metric: &vocabulary::Metric| {
        metric.namespace == "validate"
            && matches!(&metric.data, MetricData::Values(values) if values.len() == 2)
    };
    assert!(guest.metrics.iter().any(is_told), "{:?}", guest.metrics);
    let kept = &played.part(&federation.host(0)).checkpoints;
    assert_eq!(kept[0].0.step_name, "epoch_0");
    assert_eq!(kept.len(), guest.checkpoints.len());
}

#[tokio::test]
async fn refuses_bad_parameters() {
    let component: &dyn AnyComponent = &Plugin::<HeteroLinR>::NEW;
    for (parameters, expected) in [
        (json!({"penalty": "L3"}), "penalty"),
        (json!({"tol": 0}), "tol"),
        (json!({"alpha": -1}), "alpha"),
        (json!({"optimizer": "sqn"}), "optimizer"),
        (json!({"batch_size": 5}), "batch_size"),
        (json!({"learning_rate": 0}), "learning_rate"),
        (json!({"max_iter": 0}), "max_iter"),
        (json!({"early_stop": "never"}), "early_stop"),
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
            json!({"floating_point_precision": 65}),
            "floating_point_precision",
        ),
        (
            json!({"validation_freqs": 1, "callback_param": {"save_freq": 2}}),
            "callback_param",
        ),
        (json!({"metrics": ["auc"]}), "metrics"),
        (json!({"masked_rate": 1}), "masked_rate"),
    ] {
        let fault = component.check(Role::Guest, &parameters).unwrap_err();
        let path = fault.path.clone().unwrap_or_default();
        assert!(
            expected.starts_with(&path) && !path.is_empty(),
            "{parameters}: {fault}"
        );
    }
    let refused = component.check(Role::Guest, &json!({"cv_param": {"need_cv": true}}));
    assert!(refused.unwrap_err().message.contains("not built"));
    for accepted in [
        json!({}),
        json!({"penalty": null, "metrics": null, "floating_point_precision": null, "init_param": {"random_seed": null}}),
        json!({"optimizer": "ADAM", "metrics": ["rmse", "mae"], "encrypt_param": {"method": null}}),
    ] {
        assert_eq!(
            component.check(Role::Arbiter, &accepted),
            Ok(()),
            "{accepted}"
        );
    }
    let info = component.info();
    assert_eq!(
        (&info.defaults["max_iter"], &info.defaults["optimizer"]),
        (&json!(20), &json!("sgd"))
    );
}

#[tokio::test]
async fn refuses_data_that_do_not_fit() {
    let fault = async |data: &Data| {
        data.federation(json!({}))
            .run::<HeteroLinR>()
            .await
            .fault()
            .unwrap()
    };
    let mut labels: Vec<Option<String>> = small()
        .labels()
        .iter()
        .map(|of| Some(of.to_string()))
        .collect();
    for (value, code, text) in [
        (
            None,
            ErrorCode::TableInvalid,
            "1 of 60 rows to learn from have no label",
        ),
        // As everywhere, what is no finite number in a file is a gap.
        (
            Some("inf"),
            ErrorCode::TableInvalid,
            "1 of 60 rows to learn from have no label",
        ),
        (
            Some("secret"),
            ErrorCode::TableInvalid,
            "labels of a regression must be finite numbers, which that of row 3",
        ),
        (Some("1e300"), ErrorCode::NumericRange, "a label is beyond"),
    ] {
        labels[3] = value.map(str::to_owned);
        let data = Data {
            labels: Values::Text(labels.clone()),
            ..small()
        };
        let found = fault(&data).await;
        assert!(
            found.code == code && found.message.contains(text),
            "{found}"
        );
        assert!(!found.to_string().contains("secret"));
    }
    let mut gap = small();
    gap.parts[1][(3, 0)] = f64::NAN;
    assert!(fault(&gap).await.message.contains("p1_0"));
    let mut moved = small();
    moved.ids.swap(0, 1);
    let shifted = Federation::new(1, true).parameters(set(json!({})));
    let (guest, host) = (shifted.guest(), shifted.host(0));
    let shifted = shifted.input(&guest, "train_data", small().table(0)).input(
        &host,
        "train_data",
        moved.table(1),
    );
    assert_eq!(
        shifted.run::<HeteroLinR>().await.fault().unwrap().code,
        ErrorCode::DataMismatch
    );
    let other = small()
        .federation(json!({}))
        .parameters_of(&guest, set(json!({"max_iter": 7})));
    assert_eq!(
        other.run::<HeteroLinR>().await.fault().unwrap().code,
        ErrorCode::DataMismatch
    );
}

#[tokio::test]
async fn leaks_no_canary() {
    let value = 0.123_456_789_012_345;
    let mut data = Data::new(40, &[2, 2], (1.0, 0.0));
    data.ids[7] = "canary-id-2718".to_owned();
    data.parts.iter_mut().for_each(|part| part[(7, 1)] = value);
    let mut labels = data.labels();
    labels[7] = 2.345_678_912;
    data.labels = Values::Float(labels);
    let federation = data.federation(json!({"max_iter": 2}));
    checks::leaks_no_canary::<HeteroLinR>(
        &federation,
        &["canary-id-2718"],
        &[value, 2.345_678_912],
    )
    .await;
}

#[tokio::test]
async fn speaks_only_its_messages() {
    let stopped = stopped().run::<HeteroLinR>().await.all_succeeded();
    let steps = json!({"max_iter": 2, "early_stop": "weight_diff"});
    let steps = small()
        .federation(steps)
        .run::<HeteroLinR>()
        .await
        .all_succeeded();
    let hidden = privacy::hidden().run::<HeteroLinR>().await.all_succeeded();
    let named =
        Data::new(90, &[2, 1], (1.0, 0.3)).federation(json!({"batch_size": 45, "max_iter": 1}));
    let named = named.run::<HeteroLinR>().await.all_succeeded();
    let growing = sizes::growing().run::<HeteroLinR>().await.all_succeeded();
    checks::speaks_only_its_messages::<HeteroLinR>(&[&stopped, &steps, &hidden, &named, &growing]);
}

#[tokio::test]
async fn stops_when_cancelled() {
    checks::stops_when_cancelled::<HeteroLinR>(&stopped()).await;
}

#[tokio::test]
async fn stops_in_the_middle_of_work() {
    checks::stops_in_the_middle_of_work::<HeteroLinR>(&stopped(), 100).await;
}

#[tokio::test]
async fn survives_duplicates_and_delays() {
    checks::survives_duplicates_and_delays::<HeteroLinR>(&stopped()).await;
}
