//! The checklist of the toy.

use component_kit::harness::Federation;
use serde_json::json;
use vocabulary::{ErrorCode, Stage};

use super::SecureAddExample;

/// Many pieces and one value more than they share evenly.
fn federation() -> Federation {
    Federation::new(1, false)
        .parameters(json!({"partition": 4, "data_num": 101, "seed": 2_718_281_828_i64}))
}

// The seed is of no use to the peer. That no share is a value is tested below.
component_kit::checklist!(SecureAddExample, federation(),
    refuses: [
        (json!({"partition": 0}), "partition"),
        (json!({"data_num": 0}), "data_num"),
        (json!({"fail_attempts": 101}), "fail_attempts"),
    ],
    canaries: ["2718281828"], [],
    work: federation(), least: 8);

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
async fn refuses_uneven_numbers_and_fails_on_purpose() {
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
async fn no_share_is_one_of_the_values() {
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
async fn shares_travel_in_as_many_pieces_as_asked() {
    let played = federation().run::<SecureAddExample>().await.all_succeeded();
    assert_eq!(played.envelopes.len(), 4 * 2 + 1);
}
