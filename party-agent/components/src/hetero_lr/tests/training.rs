//! Trainings against `learning::train_logistic` on the joined columns.

use std::ops::ControlFlow;

use component_kit::harness::RunRecord;
use learning::evaluation::{EvalType, auc, single_values, training_metrics};
use learning::linear::{scores, sigmoid};
use learning::logistic::{Fit, LogisticSettings, train_logistic, train_logistic_watched};
use learning::validation::EarlyStopping;
use serde_json::{Value, json};

use super::federations::{Data, defaults, losses, model, set};
use crate::hetero_lr::{HeteroLr, Params};

/// The pooled training that parameters describe.
pub(super) fn settings(parameters: &Value) -> LogisticSettings {
    let params: Params = serde_json::from_value(parameters.clone()).unwrap();
    let training = params.training();
    LogisticSettings {
        penalty: training.regularisation.penalty,
        alpha: training.regularisation.alpha,
        optimizer: training.optimizer,
        learning_rate: training.learning_rate,
        max_iter: params.max_iter,
        early_stop: training.early_stop,
        tol: params.tol,
        batch_size: params.batch_size,
        batch_strategy: training.batches.strategy,
        shuffle: params.shuffle,
        init_method: *params.init_param.init_method,
        init_const: params.init_param.init_const,
        fit_intercept: params.init_param.fit_intercept,
        seed: 0,
    }
}

/// All parties' weights (guest, then hosts) and the intercept of one binary model.
fn weights(data: &Data, played: &RunRecord, index: usize) -> (Vec<f64>, f64) {
    let federation = data.federation(defaults());
    let hosts = (0..data.parts.len() - 1).map(|host| federation.host(host));
    let all: Vec<_> = std::iter::once(federation.guest())
        .chain(hosts)
        .map(|who| model(played, &who))
        .collect();
    (
        all.iter()
            .flat_map(|model| model.trained[index].weights.clone())
            .collect(),
        all[0].trained[index].intercept,
    )
}

fn assert_same_weights(data: &Data, played: &RunRecord, index: usize, fit: &Fit) {
    let (weights, intercept) = weights(data, played, index);
    let expected = fit.weights.iter().chain([&fit.intercept]);
    for (own, expected) in weights.iter().chain([&intercept]).zip(expected) {
        assert!((own - expected).abs() < 1e-4, "{own} is not {expected}");
    }
    assert_eq!(weights.len(), fit.weights.len());
    let guest = model(played, &data.federation(defaults()).guest());
    assert_eq!(
        (
            guest.trained[index].iters,
            guest.trained[index].is_converged
        ),
        (fit.epochs, fit.is_converged)
    );
}

/// Trains both ways and compares weights, epochs and losses.
pub(super) async fn agrees(data: &Data, others: Value) -> RunRecord {
    let parameters = set(defaults(), others);
    let fit = train_logistic(
        data.joined().view(),
        &data.plain_labels(1),
        &settings(&parameters),
    )
    .unwrap();
    let played = data
        .federation(parameters.clone())
        .run::<HeteroLr>()
        .await
        .all_succeeded();
    assert_same_weights(data, &played, 0, &fit);
    if data.parts.len() == 2 {
        let losses = losses(&played);
        assert_eq!(losses.len(), fit.losses.len(), "{parameters}");
        for (own, expected) in losses.iter().zip(&fit.losses) {
            assert!(
                (own - expected).abs() < 1e-5 * expected.max(1.0),
                "{parameters}: {own} is not {expected}"
            );
        }
    }
    played
}

#[tokio::test]
async fn every_optimizer_agrees() {
    let data = Data::new(60, 2, 2);
    for optimizer in ["sgd", "adam", "adagrad", "nesterov_momentum_sgd"] {
        agrees(
            &data,
            json!({"optimizer": optimizer, "max_iter": 4, "learning_rate": 0.05}),
        )
        .await;
    }
}

#[tokio::test]
async fn every_penalty_agrees() {
    let data = Data::new(60, 2, 2);
    for penalty in [json!("L1"), json!("L2"), json!("none"), json!(null)] {
        agrees(
            &data,
            json!({"penalty": penalty, "alpha": 0.1, "init_param": {"init_method": "ones"}}),
        )
        .await;
    }
}

#[tokio::test]
async fn other_starts_and_no_intercept_agree() {
    let data = Data::new(60, 2, 2);
    let init = json!({"init_method": "const", "init_const": -0.5, "fit_intercept": false});
    agrees(
        &data,
        json!({"init_param": init, "decay": 0.5, "decay_sqrt": false}),
    )
    .await;
}

#[tokio::test]
async fn mini_batches_agree() {
    // Two of 40 and a last one of 36, the fewest that three columns allow.
    let data = Data::new(116, 2, 3);
    agrees(
        &data,
        json!({"batch_size": 40, "shuffle": false, "masked_rate": 0, "max_iter": 3}),
    )
    .await;
}

#[tokio::test]
async fn more_rows_than_one_ciphertext_holds_agree() {
    agrees(&Data::new(9000, 2, 2), json!({"max_iter": 2})).await;
    agrees(
        &Data::new(9000, 1, 2),
        json!({"batch_size": 8500, "shuffle": false, "masked_rate": 0, "max_iter": 1}),
    )
    .await;
}

#[tokio::test]
async fn convergence_agrees() {
    let data = Data::new(60, 2, 2);
    let played = agrees(
        &data,
        json!({"max_iter": 30, "tol": 2e-3, "learning_rate": 0.3}),
    )
    .await;
    assert!(losses(&played).len() < 30);
    agrees(
        &data,
        json!({"early_stop": "weight_diff", "max_iter": 20, "tol": 0.1, "learning_rate": 0.2}),
    )
    .await;
}

#[tokio::test]
async fn works_with_two_hosts() {
    let data = Data::of_parts(60, &[2, 3, 2], 5);
    agrees(&data, json!({"early_stop": "weight_diff", "max_iter": 4})).await;
    let refused = data
        .federation(defaults())
        .run::<HeteroLr>()
        .await
        .fault()
        .unwrap();
    assert_eq!(refused.path.as_deref(), Some("early_stop"));
}

/// With a tiny rate the batches of one epoch all start from zero: whatever the (random, hidden) batches are, the steps
/// add up to the gradient over all rows.
#[tokio::test]
async fn hidden_rows_add_nothing_to_the_gradient() {
    let data = Data::new(60, 2, 3);
    let rate = 1e-7;
    let batches = json!({"batch_size": 20, "masked_rate": 1, "optimizer": "sgd", "penalty": null, "learning_rate": rate,
        "max_iter": 1});
    let played = data
        .federation(set(defaults(), batches))
        .run::<HeteroLr>()
        .await
        .all_succeeded();
    let (weights, intercept) = weights(&data, &played, 0);
    let residual: Vec<f64> = data
        .labels
        .iter()
        .map(|label| if *label == 1 { -0.5 } else { 0.5 })
        .collect();
    let expected = learning::linear::transpose_times(data.joined().view(), &residual);
    let of_ones = residual.iter().sum::<f64>();
    for (weight, sum) in weights
        .iter()
        .chain([&intercept])
        .zip(expected.iter().chain([&of_ones]))
    {
        assert!(
            (-weight / rate - sum / 20.0).abs() < 1e-5,
            "{weight} is not a step along {sum}"
        );
    }
    assert!((losses(&played)[0] - std::f64::consts::LN_2).abs() < 1e-5);
    assert!(
        played
            .envelopes
            .iter()
            .all(|envelope| envelope.message != "masked_rows"),
        "all rows hide them"
    );
}

/// Plain additions change the first half of a ciphertext only: an equal second half would tell the host that the
/// difference is the guest's own part.
#[tokio::test]
async fn a_host_cannot_take_its_own_part_off_the_residual() {
    let data = Data::new(40, 2, 2);
    let played = data
        .federation(set(defaults(), json!({"max_iter": 1})))
        .run::<HeteroLr>()
        .await
        .all_succeeded();
    let body = |message: &str| {
        played
            .envelopes
            .iter()
            .find(|envelope| envelope.message == message)
            .unwrap()
            .body
            .clone()
    };
    let (forward, residual) = (body("forward"), body("residual"));
    let half = forward.len() / 2;
    let equal = forward[half..]
        .iter()
        .zip(&residual[half..])
        .filter(|(one, other)| one == other)
        .count();
    assert!(equal < half / 50, "{equal} of {half} bytes are the same");
}

#[tokio::test]
async fn masked_batches_learn() {
    let data = Data::new(90, 2, 3);
    let batches = json!({"batch_size": 40, "masked_rate": 5, "max_iter": 8});
    let played = data
        .federation(set(defaults(), batches))
        .run::<HeteroLr>()
        .await
        .all_succeeded();
    let table = played
        .part(&data.federation(defaults()).guest())
        .output()
        .clone();
    let positive: Vec<bool> = data.labels.iter().map(|label| *label == 1).collect();
    assert!(auc(&positive, &table.floats("predict_score").unwrap()).unwrap() > 0.85);
    let losses = losses(&played);
    assert!(losses.last() < losses.first());
    let random = set(
        defaults(),
        json!({"batch_size": 40, "batch_strategy": "random", "masked_rate": 0.5, "max_iter": 3}),
    );
    let played = data
        .federation(random)
        .run::<HeteroLr>()
        .await
        .all_succeeded();
    let residuals = played
        .envelopes
        .iter()
        .filter(|envelope| envelope.message == "residual");
    assert_eq!(residuals.count(), 3, "one batch an epoch");
}

#[tokio::test]
async fn several_classes_are_one_against_the_rest() {
    let data = Data::new(70, 2, 2).in_three_classes();
    let parameters = set(defaults(), json!({"max_iter": 3}));
    let played = data
        .federation(parameters.clone())
        .run::<HeteroLr>()
        .await
        .all_succeeded();
    let mut probabilities = Vec::new();
    for (index, class) in [0, 1, 3].into_iter().enumerate() {
        let fit = train_logistic(
            data.joined().view(),
            &data.plain_labels(class),
            &settings(&parameters),
        )
        .unwrap();
        assert_same_weights(&data, &played, index, &fit);
        let z = scores(data.joined().view(), &fit.weights, fit.intercept);
        probabilities.push(z.into_iter().map(sigmoid).collect::<Vec<f64>>());
    }
    let guest = played.part(&data.federation(defaults()).guest());
    for (row, score) in guest
        .output()
        .floats("predict_score")
        .unwrap()
        .iter()
        .enumerate()
    {
        let best = probabilities
            .iter()
            .map(|class| class[row])
            .fold(0.0, f64::max);
        assert!((score - best).abs() < 1e-4);
    }
    let view = guest.model_view.as_ref().unwrap();
    assert_eq!(
        view["param"]["oneVsRestResult"]["oneVsRestClasses"],
        json!(["0", "1", "3"])
    );
}

#[tokio::test]
async fn early_stopping_restores_the_best_epoch() {
    let data = Data::new(60, 2, 2);
    let callbacks = json!({"callbacks": ["EarlyStopping"], "validation_freqs": 2, "early_stopping_rounds": 2,
        "metrics": ["auc"]});
    let parameters = set(
        defaults(),
        json!({"max_iter": 30, "tol": 1e-12, "callback_param": callbacks}),
    );
    let (other, mut kept) = (data.others(), Vec::new());
    let positive: Vec<bool> = other.labels.iter().map(|label| *label == 1).collect();
    let metrics = training_metrics(EvalType::Binary, &["auc"]).unwrap();
    let mut stopping = EarlyStopping::new(2, false).unwrap();
    let fit = train_logistic_watched(
        data.joined().view(),
        &data.plain_labels(1),
        &settings(&parameters),
        &mut |end| {
            kept.push((end.weights.to_vec(), end.intercept));
            if (end.epoch + 1) % 2 != 0 {
                return ControlFlow::Continue(());
            }
            let z = scores(other.joined().view(), end.weights, end.intercept);
            let values = single_values(
                &positive,
                &z.into_iter().map(sigmoid).collect::<Vec<_>>(),
                &metrics,
            )
            .unwrap();
            if stopping.observe(end.epoch, &values).unwrap() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        },
    );
    let fit = fit.unwrap();
    let best = stopping.best_epoch().unwrap();
    assert!(
        fit.epochs < 30 && best + 1 < fit.epochs,
        "the test data never stop"
    );

    let federation = data.validated_federation(parameters);
    let played = federation.run::<HeteroLr>().await.all_succeeded();
    let (expected, intercept) = kept[best].clone();
    assert_same_weights(
        &data,
        &played,
        0,
        &Fit {
            weights: expected,
            intercept,
            ..fit
        },
    );
    let guest = played.part(&federation.guest());
    assert_eq!(
        guest.summary.as_ref().unwrap()["best_iteration"],
        json!(best)
    );
    let history = &guest.summary.as_ref().unwrap()["validation_metrics"]["validate"]["auc"];
    assert_eq!(history.as_array().unwrap().len(), fit.epochs / 2);
    let names: Vec<&str> = guest
        .metrics
        .iter()
        .map(|metric| metric.name.as_str())
        .take(2)
        .collect();
    assert_eq!(names, ["iteration_1", "iteration_1"]);
    assert_eq!(guest.output().rows(), 90);
    assert_eq!(
        guest.output().texts("type").unwrap()[89].as_deref(),
        Some("validate")
    );
}

#[tokio::test]
async fn training_goes_on_from_a_model() {
    let data = Data::new(60, 2, 2);
    let parameters = |epochs| set(defaults(), json!({"optimizer": "sgd", "max_iter": epochs}));
    let first = data
        .federation(parameters(2))
        .run::<HeteroLr>()
        .await
        .all_succeeded();
    let federation = data
        .federation(parameters(4))
        .applying(&first)
        .stage(vocabulary::Stage::Fit);
    let played = federation.run::<HeteroLr>().await.all_succeeded();
    // A plain rate remembers nothing, so two halves are the whole.
    let fit = train_logistic(
        data.joined().view(),
        &data.plain_labels(1),
        &settings(&parameters(4)),
    )
    .unwrap();
    assert_same_weights(&data, &played, 0, &fit);
}

#[tokio::test]
async fn a_checkpoint_is_the_model_of_a_training_that_stopped_there() {
    let data = Data::new(60, 2, 3);
    let callbacks = json!({"callbacks": ["ModelCheckpoint"], "save_freq": 2});
    let long = json!({"max_iter": 5, "tol": 1e-9, "callback_param": callbacks});
    let long = data
        .federation(set(defaults(), long))
        .run::<HeteroLr>()
        .await
        .all_succeeded();
    let short = data
        .federation(set(defaults(), json!({"max_iter": 3, "tol": 1e-9})))
        .run::<HeteroLr>()
        .await;
    let federation = data.federation(defaults());
    for who in [federation.guest(), federation.host(0)] {
        let kept = &long.part(&who).checkpoints;
        let names: Vec<_> = kept
            .iter()
            .map(|(at, _)| (at.step_index, at.step_name.as_str()))
            .collect();
        assert_eq!(names, [(0, "epoch_0"), (2, "epoch_2"), (4, "epoch_4")]);
        let at = |index: usize| {
            kept[index]
                .1
                .read::<learners::model::LinearModel>()
                .unwrap()
        };
        let (checkpoint, stopped, last) = (at(1), model(&short, &who), model(&long, &who));
        assert_eq!(checkpoint.trained[0].iters, 3);
        assert_eq!(
            (&checkpoint.columns, checkpoint.threshold),
            (&stopped.columns, stopped.threshold)
        );
        for (kept, own) in checkpoint.trained[0]
            .weights
            .iter()
            .zip(&stopped.trained[0].weights)
        {
            assert!((kept - own).abs() < 1e-6, "{kept} is not {own}");
        }
        assert!((checkpoint.trained[0].intercept - stopped.trained[0].intercept).abs() < 1e-6);
        assert!((checkpoint.trained[0].weights[0] - last.trained[0].weights[0]).abs() > 1e-3);
        assert_eq!(
            at(2).trained[0].weights,
            last.trained[0].weights,
            "the last epoch's is the final model"
        );
    }
    assert!(
        short.part(&federation.guest()).checkpoints.is_empty()
            && long.part(&federation.arbiter()).checkpoints.is_empty()
    );
}
