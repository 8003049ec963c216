//! Scores beyond what the finest scale holds: trained as plain floats do, ended with advice where no number holds them, and
//! peers that lie about them.

use component_kit::harness::{Federation, RunRecord, checks};
use component_kit::{Component, Description, Packed, Payload, Result, TaskContext};
use learning::evaluation::auc;
use learning::linear::{scores, sigmoid};
use learning::logistic::train_logistic;
use ndarray::Axis;
use secure_compute::fixed::Scale;
use secure_compute::key_ceremony::receive_key;
use secure_compute::{RingLwe, VectorBytes};
use serde_json::{Value, json};
use vocabulary::{ErrorCode, Fault, Role};

use super::federations::{Data, defaults, set};
use super::training::{agrees, settings};
use crate::hetero_lr::{HeteroLr, Params};
use learners::vertical::messages::{
    COLUMNS, FORWARD, HOST_LOSS_TERMS, HOST_SCALE, PLAN, PUBLIC_KEY, RESIDUAL,
};
use learners::vertical::{Decision, Plan};

/// Standardised columns that hang together and have a few rows far out, as real tables do.
fn far_out(widths: &[usize]) -> Data {
    let mut data = Data::of_parts(200, widths, 23);
    let common = data.parts[0].column(0).to_owned();
    for part in &mut data.parts {
        for mut column in part.columns_mut() {
            for (row, value) in column.iter_mut().enumerate() {
                *value =
                    (0.6 * common[row] + 0.4 * *value) * if row % 40 == 0 { 25.0 } else { 1.0 };
            }
        }
        let (mean, spread) = (
            part.mean_axis(Axis(0)).unwrap(),
            part.std_axis(Axis(0), 0.0),
        );
        *part = (&*part - &mean) / &spread;
    }
    data
}

/// A training that grows beyond the finest scale.
pub(super) fn growing() -> Federation {
    far_out(&[5, 20]).federation(set(
        defaults(),
        json!({"learning_rate": 0.15, "max_iter": 3, "tol": 1e-9}),
    ))
}

/// The scales of the batches of which something was said, as the guest announced them to one host.
fn decisions(played: &RunRecord) -> Vec<Decision> {
    let scales = played
        .envelopes
        .iter()
        .filter(|envelope| envelope.message == "scale" && envelope.to.role == Role::Host);
    scales
        .map(|envelope| Packed::<Decision>::decode(&envelope.body).unwrap().0)
        .collect()
}

/// Trains beyond the finest scale; weights and losses are compared on the way.
async fn trains(data: &Data, others: Value) -> Vec<Decision> {
    let played = agrees(data, others.clone()).await;
    let positive: Vec<bool> = data.labels.iter().map(|label| *label == 1).collect();
    let plain = settings(&set(defaults(), others));
    let plain = train_logistic(data.joined().view(), &data.plain_labels(1), &plain).unwrap();
    let expected: Vec<f64> = scores(data.joined().view(), &plain.weights, plain.intercept)
        .into_iter()
        .map(sigmoid)
        .collect();
    let own = played
        .part(&data.federation(defaults()).guest())
        .output()
        .floats("predict_score")
        .unwrap();
    let (own, expected) = (
        auc(&positive, &own).unwrap(),
        auc(&positive, &expected).unwrap(),
    );
    assert!((own - expected).abs() < 1e-4, "{own} is not {expected}");
    decisions(&played)
}

#[tokio::test]
async fn large_scores_train_as_plain_numbers_do() {
    let strong = json!({"optimizer": "rmsprop", "learning_rate": 0.15, "max_iter": 8, "tol": 1e-9});
    let scales = trains(&far_out(&[5, 20]), strong).await;
    assert!(
        scales[0].now > 0 && scales.len() < 8,
        "nothing is said while all fits: {scales:?}"
    );

    let stronger =
        json!({"learning_rate": 0.5, "max_iter": 6, "early_stop": "weight_diff", "tol": 1e-9});
    let scales = trains(&far_out(&[5, 10, 10]), stronger).await;
    assert!(scales.iter().any(|decision| decision.now > 2), "{scales:?}");
    assert!(
        scales.windows(2).any(|pair| pair[1].now < pair[0].now),
        "it becomes finer again: {scales:?}"
    );
}

#[tokio::test]
async fn the_scale_grows_within_an_epoch() {
    let batches = json!({"batch_size": 100, "masked_rate": 0, "shuffle": false, "learning_rate": 2, "max_iter": 3,
        "tol": 1e-9});
    let scales = trains(&far_out(&[3, 8]), batches).await;
    assert!(scales[0].now > 0 && scales.len() > 2, "{scales:?}");
}

#[tokio::test]
async fn columns_that_are_not_scaled_train_as_plain_numbers_do() {
    let data = Data::new(60, 2, 3).scaled(1e5);
    let slow =
        json!({"optimizer": "adagrad", "init_param": {"init_method": "ones"}, "max_iter": 4});
    let played = agrees(&data, slow).await;
    assert!(decisions(&played).iter().all(|decision| decision.now > 8));
}

#[tokio::test]
async fn trainings_that_fit_keep_the_finest_scale() {
    let played = agrees(&Data::new(60, 2, 3), json!({"max_iter": 4})).await;
    let said = |message: &str| {
        played
            .envelopes
            .iter()
            .filter(|envelope| envelope.message == message)
            .count()
    };
    assert_eq!(
        (said("host_scale"), said("scale"), said("forward")),
        (0, 0, 4),
        "scores go once"
    );
}

#[tokio::test]
async fn growing_survives_duplicates_and_delays_and_stops_when_cancelled() {
    checks::survives_duplicates_and_delays::<HeteroLr>(&growing()).await;
    checks::stops_when_cancelled::<HeteroLr>(&growing()).await;
}

#[tokio::test]
async fn weights_without_bound_end_with_advice_that_can_be_followed() {
    let wild = json!({"optimizer": "sgd", "penalty": null, "learning_rate": 1e6, "decay": 0, "max_iter": 100});
    let data = Data::new(60, 2, 3).scaled(1e3);
    let fault = data
        .federation(set(defaults(), wild))
        .run::<HeteroLr>()
        .await
        .fault()
        .unwrap();
    assert_eq!(fault.code, ErrorCode::NumericRange);
    assert!(fault.message.contains("grow without bound"), "{fault}");
    let advice = fault.next.unwrap();
    assert!(
        advice.contains("learning_rate")
            && advice.contains("alpha")
            && !advice.contains("FeatureScale")
    );
}

/// A federation whose host asks for this scale, and sends scores (divided by 2^-26) that are all the same.
struct Lying<const POWER: u16, const SCORE: i64>;

impl<const POWER: u16, const SCORE: i64> Component for Lying<POWER, SCORE> {
    type Params = Params;
    const DESCRIPTION: Description = HeteroLr::DESCRIPTION;

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        if task.role() != Role::Host {
            return HeteroLr::run(task, params).await;
        }
        let mut encryptor = receive_key::<RingLwe>(task, &task.arbiter()?, &PUBLIC_KEY).await?;
        task.all_of(&[Role::Guest, Role::Arbiter])
            .send(&COLUMNS, &Packed(2))
            .await?;
        let turn = task.round("epoch", 0).round("batch", 0);
        let guest = turn.guest()?;
        let mut at = turn.clone();
        if POWER > 0 {
            guest.send(&FORWARD, &VectorBytes::empty()).await?;
            assert!(guest.receive(&RESIDUAL).await?.is_empty());
            at = turn.round("scaled", 0);
            at.guest()?.send(&HOST_SCALE, &Packed(POWER)).await?;
            at = at.round("scale", usize::from(POWER));
        }
        for (message, value) in [(&FORWARD, SCORE), (&HOST_LOSS_TERMS, 0)] {
            let sealed = encryptor.seal(&turn, vec![value; 40]).await?;
            at.guest()?.send(message, &sealed).await?;
        }
        // Whatever the guest makes of it: this never comes.
        turn.round("never", 0)
            .guest()?
            .receive(&RESIDUAL)
            .await
            .map(|_| ())
    }
}

async fn guests_fault<C: Component>() -> Option<Fault> {
    let federation = Data::new(40, 2, 2).federation(set(defaults(), json!({"max_iter": 1})));
    let run = federation.run::<C>();
    let mut played = tokio::time::timeout(std::time::Duration::from_secs(60), run)
        .await
        .expect("it ends");
    played
        .parts
        .remove(&federation.guest())
        .unwrap()
        .result
        .err()
        .map(|error| error.into_fault())
}

#[tokio::test]
async fn a_host_that_lies_about_its_scores_is_named_or_spoils_the_result() {
    const BEYOND: u16 = Scale::COARSEST.power() + 1;
    for fault in [
        guests_fault::<Lying<BEYOND, 0>>().await,
        guests_fault::<Lying<{ u16::MAX }, 0>>().await,
    ] {
        let fault = fault.unwrap();
        assert_eq!(fault.code, ErrorCode::ProtocolViolation);
        assert!(fault.message.contains("10000"), "{fault}");
    }
    // At the scale that it says, beyond its bound of 2^31: nothing is computed with what comes of it.
    let fault = guests_fault::<Lying<0, { 1 << 36 }>>().await.unwrap();
    assert_eq!(fault.code, ErrorCode::NumericRange);
    assert!(fault.message.contains("left their bounds"), "{fault}");
    let fault = guests_fault::<Lying<7, { 1 << 36 }>>().await.unwrap();
    assert!(fault.message.contains("left their bounds"), "{fault}");
}

/// HeteroLR whose guest plans with residuals in a unit of its choice: with a tiny one, hosts would tell
/// how large their scores are, batch by batch.
struct Unit<const UNIT: i16>;

impl<const UNIT: i16> Component for Unit<UNIT> {
    type Params = Params;
    const DESCRIPTION: Description = HeteroLr::DESCRIPTION;

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        if task.role() != Role::Guest {
            return HeteroLr::run(task, params).await;
        }
        task.arbiter()?.receive(&PUBLIC_KEY).await?;
        task.hosts().receive_all(&COLUMNS).await?;
        let plan = json!({
            "rows": 200, "validate_rows": null, "models": 1, "first_epoch": 0, "columns": 20, "widest_host": 20,
            "guest_columns": 5, "labels": task.label_rules(), "unit": UNIT,
            "agreed": {
                "batches": {"batch_size": -1, "strategy": "full", "shuffle": false, "masked_rate": 0.0},
                "max_iter": 3, "early_stop": "diff", "tol": 1e-9, "validation": null, "stops_early": false,
            },
        });
        let plan: Plan = serde_json::from_value(plan).unwrap();
        task.hosts().send(&PLAN, &Packed(plan.clone())).await?;
        task.arbiter()?.send(&PLAN, &Packed(plan)).await
    }
}

#[tokio::test]
async fn classes_have_no_unit_whatever_a_guest_plans() {
    let federation = || {
        let agreed = json!({"max_iter": 3, "tol": 1e-9, "shuffle": false, "masked_rate": 0.0});
        far_out(&[5, 20]).federation(set(defaults(), agreed))
    };
    for played in [
        federation().run::<Unit<-180>>().await,
        federation().run::<Unit<1>>().await,
    ] {
        let fault = played.fault().unwrap();
        assert_eq!(fault.code, ErrorCode::ProtocolViolation, "{fault}");
        assert!(fault.message.contains("in units of"), "{fault}");
    }
}
