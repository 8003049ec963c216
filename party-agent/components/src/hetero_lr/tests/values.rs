//! What labels are: which of two is positive, several of any values, rows without one; and parameters that were given.

use component_kit::harness::{Federation, Part, RunRecord};
use component_kit::{AnyComponent, Plugin};
use serde_json::{Value, json};
use vocabulary::{Cast, ErrorCode, PartyId, Stage};

use super::federations::{Data, defaults, model, set};
use crate::hetero_lr::HeteroLr;

/// The same rows with other values for the labels 0 and 1.
fn called(data: &Data, negative: i64, positive: i64) -> Data {
    let labels = data
        .labels
        .iter()
        .map(|label| if *label == 1 { positive } else { negative })
        .collect();
    Data {
        labels,
        ..data.clone()
    }
}

async fn train(data: &Data, others: Value) -> RunRecord {
    data.federation(set(defaults(), others))
        .run::<HeteroLr>()
        .await
}

fn guest<'a>(data: &Data, played: &'a RunRecord) -> &'a Part {
    played.part(&data.federation(defaults()).guest())
}

fn results(part: &Part) -> Vec<i64> {
    part.output()
        .floats("predict_result")
        .unwrap()
        .into_iter()
        .map(|result| result as i64)
        .collect()
}

/// How many rows of the output say that the result is the label.
fn right(part: &Part) -> usize {
    let table = part.output();
    let (labels, results) = (
        table.floats("label").unwrap(),
        table.floats("predict_result").unwrap(),
    );
    labels
        .iter()
        .zip(&results)
        .filter(|(label, result)| label == result)
        .count()
}

#[tokio::test]
async fn one_is_positive_wherever_it_is_one_of_two_values() {
    let data = Data::new(60, 2, 2);
    let plain = train(&data, json!({})).await.all_succeeded();
    for negative in [-1, 10, 2] {
        let own = called(&data, negative, 1);
        let played = train(&own, json!({})).await.all_succeeded();
        let (before, now) = (guest(&data, &plain), guest(&own, &played));
        assert_eq!(
            now.output().floats("predict_score").unwrap(),
            before.output().floats("predict_score").unwrap()
        );
        let expected: Vec<i64> = results(before)
            .iter()
            .map(|result| if *result == 1 { 1 } else { negative })
            .collect();
        assert_eq!(results(now), expected, "results are the table's own values");
        assert_eq!(right(now), right(before));
        let detail: Value = serde_json::from_str(
            now.output().texts("predict_detail").unwrap()[0]
                .as_deref()
                .unwrap(),
        )
        .unwrap();
        assert_eq!(
            detail["1"],
            json!(now.output().floats("predict_score").unwrap()[0])
        );
        assert!(
            detail[negative.to_string()].is_f64() && detail.as_object().unwrap().len() == 2,
            "{detail}"
        );
        assert!(
            now.log
                .iter()
                .any(|line| line.contains("1 is the positive one")),
            "{:?}",
            now.log
        );
    }
    assert!(
        !guest(&data, &plain)
            .log
            .iter()
            .any(|line| line.contains("positive one")),
        "0 and 1 need no word"
    );
}

#[tokio::test]
async fn labels_that_leave_a_choice_are_refused_before_anything_is_learned() {
    let data = Data::new(60, 2, 2);
    for (own, words) in [
        (called(&data, 2, 4), "2 and 4"),
        (called(&data, 0, 2), "0 and 2"),
        (called(&data, -1, 0), "-1 and 0"),
        (called(&data, 0, 0), "every label is 0"),
        (called(&data, 1, 1), "every label is 1"),
    ] {
        let played = train(&own, json!({})).await;
        let fault = played.fault().unwrap();
        assert_eq!(fault.code, ErrorCode::TableInvalid);
        assert!(
            fault.message.contains(words) && fault.next.is_some(),
            "{fault}"
        );
        assert!(
            !played
                .envelopes
                .iter()
                .any(|envelope| envelope.message == "plan"),
            "nothing began"
        );
    }
    let gaps = Data {
        unlabelled: vec![3, 5],
        ..data
    };
    let fault = train(&gaps, json!({})).await.fault().unwrap();
    assert!(
        fault
            .message
            .contains("2 of 60 rows to learn from have no label"),
        "{fault}"
    );
}

#[tokio::test]
async fn several_values_are_learned_one_against_the_rest_whatever_they_are() {
    let data = Data::new(90, 2, 2).in_three_classes();
    let values = |label: i64| match label {
        0 => 2,
        1 => -40,
        _ => 700,
    };
    let own = Data {
        labels: data.labels.iter().map(|label| values(*label)).collect(),
        ..data.clone()
    };
    let plain = train(&data, json!({})).await.all_succeeded();
    let played = train(&own, json!({})).await.all_succeeded();
    let expected: Vec<i64> = results(guest(&data, &plain))
        .into_iter()
        .map(values)
        .collect();
    assert_eq!(results(guest(&own, &played)), expected);
    let federation = own.federation(defaults());
    assert_eq!(model(&played, &federation.guest()).classes, [-40, 2, 700]);
}

#[tokio::test]
async fn one_value_or_none_is_predicted() {
    let data = called(&Data::new(60, 2, 2), -1, 1);
    let fitted = train(&data, json!({})).await.all_succeeded();
    for (labels, unlabelled, shown) in [
        (vec![1; 60], vec![], Some("1")),
        (vec![-1; 60], (0..60).collect(), None),
        (vec![-1; 60], vec![1, 2], Some("-1")),
        (vec![7; 60], vec![], Some("7")),
    ] {
        let rows = Data {
            labels,
            unlabelled,
            ..data.clone()
        };
        let federation = rows
            .federation_at(defaults(), "test_data")
            .applying(&fitted);
        let played = federation.run::<HeteroLr>().await.all_succeeded();
        let part = guest(&data, &played);
        assert!(results(part).iter().all(|result| [-1, 1].contains(result)));
        assert_eq!(results(part), results(guest(&data, &fitted)));
        let labels = part.output().texts("label").unwrap();
        assert_eq!(
            (labels[0].as_deref(), labels.iter().flatten().count()),
            (shown, 60 - rows.unlabelled.len())
        );
        assert_eq!(
            part.log.iter().any(|line| line.contains("does not know")),
            shown == Some("7"),
            "{:?}",
            part.log
        );
    }
}

fn validated(train: &Data, validate: &Data, others: Value) -> Federation {
    let callbacks = json!({"callbacks": ["PerformanceEvaluate"], "validation_freqs": 1});
    let federation = train.federation(set(
        set(defaults(), json!({"callback_param": callbacks})),
        others,
    ));
    validate.wire(federation, "validate_data")
}

#[tokio::test]
async fn validates_on_rows_with_labels_of_the_training_only() {
    let data = called(&Data::new(60, 2, 2), -1, 1);
    let other = called(&data.others(), -1, 1);
    let whole = validated(&data, &other, json!({}))
        .run::<HeteroLr>()
        .await
        .all_succeeded();
    let measured = |played: &RunRecord| {
        let metrics = &guest(&data, played).metrics;
        metrics
            .iter()
            .filter(|metric| metric.namespace == "validate")
            .count()
    };
    assert!(measured(&whole) > 0);
    // Some without a label, and all.
    let some = Data {
        unlabelled: vec![0, 4],
        ..other.clone()
    };
    let played = validated(&data, &some, json!({}))
        .run::<HeteroLr>()
        .await
        .all_succeeded();
    assert_eq!(measured(&played), measured(&whole));
    assert!(
        guest(&data, &played)
            .log
            .iter()
            .any(|line| line.contains("2 of 30 rows of validate_data have no label"))
    );
    let none = Data {
        unlabelled: (0..30).collect(),
        ..other.clone()
    };
    let played = validated(&data, &none, json!({}))
        .run::<HeteroLr>()
        .await
        .all_succeeded();
    assert_eq!(
        (measured(&played), guest(&data, &played).output().rows()),
        (0, 90)
    );
    let stopping =
        json!({"callbacks": ["EarlyStopping"], "validation_freqs": 1, "early_stopping_rounds": 1});
    let fault = validated(&data, &none, json!({"callback_param": stopping}))
        .run::<HeteroLr>()
        .await
        .fault()
        .unwrap();
    assert!(
        fault.message.contains("with labels at validate_data"),
        "{fault}"
    );
    // Another value means nothing to two classes; among several it is a miss.
    let strange = called(&data.others(), 0, 1);
    let fault = validated(&data, &strange, json!({}))
        .run::<HeteroLr>()
        .await
        .fault()
        .unwrap();
    assert!(
        fault.message.contains("[0]") && fault.code == ErrorCode::TableInvalid,
        "{fault}"
    );
    let three = Data::new(60, 2, 2).in_three_classes();
    let played = validated(&three, &called(&three.others(), 0, 9), json!({}))
        .run::<HeteroLr>()
        .await
        .all_succeeded();
    assert!(
        guest(&three, &played)
            .log
            .iter()
            .any(|line| line.contains("the labels [9]"))
    );
}

#[tokio::test]
async fn goes_on_with_the_same_labels_only() {
    let data = called(&Data::new(60, 2, 2), -1, 1);
    let fitted = train(&data, json!({"max_iter": 2})).await.all_succeeded();
    let again = |data: &Data| {
        data.federation(set(defaults(), json!({"max_iter": 4})))
            .applying(&fitted)
            .stage(Stage::Fit)
    };
    let _on = again(&data).run::<HeteroLr>().await.all_succeeded();
    let fault = again(&called(&Data::new(60, 2, 2), 0, 1))
        .run::<HeteroLr>()
        .await
        .fault()
        .unwrap();
    assert!(
        fault.code == ErrorCode::DataMismatch && fault.message.contains("[-1, 1]"),
        "{fault}"
    );
    let fault = again(&Data::new(60, 2, 2).in_three_classes())
        .run::<HeteroLr>()
        .await
        .fault()
        .unwrap();
    assert!(fault.code == ErrorCode::DataMismatch, "{fault}");
}

#[tokio::test]
async fn a_threshold_is_given_whatever_it_is() {
    let data = Data::new(60, 2, 2);
    let cut = |part: &Part, threshold: f64| {
        let scores = part.output().floats("predict_score").unwrap();
        results(part)
            == scores
                .iter()
                .map(|score| i64::from(*score > threshold))
                .collect::<Vec<_>>()
    };
    let fitted = train(&data, json!({"predict_param": {"threshold": 0.7}}))
        .await
        .all_succeeded();
    assert!(cut(guest(&data, &fitted), 0.7));
    for (parameters, threshold) in [
        (json!({"predict_param": {"threshold": 0.5}}), 0.5),
        (json!({"predict_param": {"threshold": 0.51}}), 0.51),
        (json!({"predict_param": {"threshold": 0}}), 0.0),
        (json!({"predict_param": {}}), 0.7),
        (json!({}), 0.7),
    ] {
        let federation = data
            .federation_at(parameters.clone(), "test_data")
            .applying(&fitted);
        let played = federation.run::<HeteroLr>().await.all_succeeded();
        assert!(cut(guest(&data, &played), threshold), "{parameters}");
    }
    // A training that goes on keeps what was said before, unless told otherwise.
    for (parameters, threshold) in [
        (json!({}), 0.7),
        (json!({"predict_param": {"threshold": 0.5}}), 0.5),
    ] {
        let federation = data
            .federation(set(defaults(), parameters))
            .applying(&fitted)
            .stage(Stage::Fit);
        let played = federation.run::<HeteroLr>().await.all_succeeded();
        assert_eq!(model(&played, &federation.guest()).threshold, threshold);
    }
}

/// A model of two hosts applied with one would be another model.
#[tokio::test]
async fn applies_with_all_hosts_of_the_training_only() {
    let data = Data::of_parts(60, &[2, 2, 2], 5);
    let fitted = train(&data, json!({"early_stop": "weight_diff"}))
        .await
        .all_succeeded();
    let party = |id: &str| PartyId::new(id).unwrap();
    let first = data.federation(defaults()).host(0).party;
    let fewer = Data {
        parts: data.parts[..2].to_vec(),
        ..data.clone()
    };
    let cast = Cast {
        guest: vec![party("9999")],
        host: vec![first],
        arbiter: vec![],
        local: vec![],
    };
    let federation = fewer
        .wire(Federation::with_cast(cast), "test_data")
        .applying(&fitted);
    let fault = federation.run::<HeteroLr>().await.fault().unwrap();
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::DataMismatch, Some("role.host")),
        "{fault}"
    );
    // An arbiter is not needed.
    let all = data.federation(defaults());
    let hosts = vec![all.host(0).party, all.host(1).party];
    let cast = Cast {
        guest: vec![all.guest().party],
        host: hosts,
        arbiter: vec![],
        local: vec![],
    };
    let _whole = data
        .wire(Federation::with_cast(cast), "test_data")
        .applying(&fitted)
        .run::<HeteroLr>()
        .await
        .all_succeeded();
}

#[test]
fn announces_whom_and_what_it_needs() {
    let info = Plugin::<HeteroLr>::NEW.info();
    assert_eq!(info.cast.len(), 4);
    assert!(
        info.cast
            .iter()
            .any(|rule| rule.all_trained && rule.least == 1 && rule.most.is_none())
    );
    assert_eq!(info.needs[0].any_of, ["train_data"]);
}

#[tokio::test]
async fn a_kept_model_is_shown_as_the_step_told_of_it() {
    let data = Data::new(60, 2, 2);
    for data in [data.clone(), data.in_three_classes()] {
        let played = train(&data, json!({"predict_param": {"threshold": 0.7}}))
            .await
            .all_succeeded();
        let federation = data.federation(defaults());
        for who in [federation.guest(), federation.host(0)] {
            let part = played.part(&who);
            let component: &dyn AnyComponent = &Plugin::<HeteroLr>::NEW;
            // What is told of it went through text.
            let shown = component
                .shown(part.model.as_ref().unwrap())
                .unwrap()
                .to_string();
            let shown: Value = serde_json::from_str(&shown).unwrap();
            assert_eq!(Some(&shown), part.model_view.as_ref(), "{who}");
        }
    }
}
