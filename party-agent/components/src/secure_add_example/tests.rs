//! The checklist of the toy.

use component_kit::harness::{Federation, checks};
use serde_json::json;
use vocabulary::{ErrorCode, Stage};

use super::SecureAddExample;

/// Many pieces and one value more than they share evenly.
fn federation() -> Federation {
    Federation::new(1, false).parameters(json!({"partition": 4, "data_num": 101, "seed": 123}))
}

#[tokio::test]
async fn agrees_with_the_plain_computation() {
    let toy = Federation::new(1, false).parameters(json!({"partition": 4, "data_num": 1000}));
    let played = toy.run::<SecureAddExample>().await.all_succeeded();
    let guest = played.part(&toy.guest());
    let told = |line: &&String| line.contains("secure_add_guest") && line.contains("success");
    let line = guest
        .log
        .iter()
        .find(told)
        .expect("the toy test waits for this line");
    assert!(
        line.contains("success to calculate secure_sum, it is 2000.0"),
        "{line}"
    );
    assert_eq!(guest.summary, Some(json!({"secure_add_result": 2000.0})));
    assert_eq!(guest.metrics.len(), 1);
    assert_eq!(guest.metrics[0].name, "secure_add_result");
    assert!(played.part(&toy.host(0)).metrics.is_empty());
}

#[tokio::test]
async fn works_with_two_hosts() {
    // it does not: FATE's toy has two parties
    let fault = Federation::new(2, false)
        .run::<SecureAddExample>()
        .await
        .fault()
        .expect("refuses a second host");
    assert_eq!(fault.code, ErrorCode::DocumentInvalid);
    assert!(fault.message.contains("one host"), "{fault}");
}

#[tokio::test]
async fn apply_uses_the_saved_model() {
    // there is none: applying adds again
    let trained = federation().run::<SecureAddExample>().await.all_succeeded();
    assert!(
        trained
            .parts
            .values()
            .all(|part| part.model.is_none() && part.outputs.is_empty())
    );
    let applied = federation()
        .stage(Stage::Apply)
        .run::<SecureAddExample>()
        .await
        .all_succeeded();
    assert_eq!(
        applied.part(&federation().guest()).summary,
        Some(json!({"secure_add_result": 202.0}))
    );
}

#[tokio::test]
async fn refuses_bad_parameters() {
    for (parameters, path) in [
        (json!({"partition": 0}), "partition"),
        (json!({"data_num": 0}), "data_num"),
    ] {
        let fault = federation()
            .parameters(parameters)
            .run::<SecureAddExample>()
            .await
            .fault()
            .expect("refused");
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (ErrorCode::ParameterInvalid, Some(path))
        );
    }
    let rehearsal = federation().parameters(json!({"fail_attempts": 1}));
    let fault = rehearsal
        .run::<SecureAddExample>()
        .await
        .fault()
        .expect("the first attempt fails");
    assert!(
        fault.message.contains("attempt 0 fails on purpose"),
        "{fault}"
    );
    let uneven = federation().parameters_of(&federation().host(0), json!({"data_num": 99}));
    assert_eq!(
        uneven
            .run::<SecureAddExample>()
            .await
            .fault()
            .expect("uneven")
            .code,
        ErrorCode::DataMismatch
    );
}

#[tokio::test]
async fn leaks_no_canary() {
    // every value is a one, 65536 in the ring: no share may be
    let played = federation().run::<SecureAddExample>().await.all_succeeded();
    let one = 65_536u64.to_le_bytes();
    assert!(
        played
            .envelopes
            .iter()
            .all(|envelope| envelope.body.chunks(8).all(|value| value != one))
    );
}

#[tokio::test]
async fn speaks_only_its_messages() {
    let played = federation().run::<SecureAddExample>().await.all_succeeded();
    assert_eq!(played.envelopes.len(), 4 * 2 + 1);
    checks::speaks_only_its_messages::<SecureAddExample>(&[&played]);
}

#[tokio::test]
async fn stops_when_cancelled() {
    checks::stops_when_cancelled::<SecureAddExample>(&federation()).await;
}

#[tokio::test]
async fn stops_in_the_middle_of_work() {
    checks::stops_in_the_middle_of_work::<SecureAddExample>(&federation(), 8).await;
}

#[tokio::test]
async fn survives_duplicates_and_delays() {
    checks::survives_duplicates_and_delays::<SecureAddExample>(&federation()).await;
}
