//! Both directions have the same tests.

use component_kit::ModelCopy;
use component_kit::harness::Federation;
use serde_json::{Value, json};
use vocabulary::{Cast, ErrorCode, PartyId};

use super::{ModelRestore, ModelStore};

const PART: &str = "guest#9999#guest-9999#host-10000#model";

fn federation(parties: &[&str]) -> Federation {
    let local = parties
        .iter()
        .map(|id| PartyId::new(*id).expect("valid"))
        .collect();
    Federation::with_cast(Cast {
        local,
        ..Cast::default()
    })
    .parameters(parameters(json!({})))
}

fn parameters(changes: Value) -> Value {
    let mut parameters = json!({"model_id": PART, "model_version": "20260101000000000000"});
    let fields = parameters.as_object_mut().expect("an object");
    fields.extend(changes.as_object().cloned().expect("an object"));
    parameters
}

/// The tests of a direction.
macro_rules! direction {
    ($name:ident, $component:ty) => {
        mod $name {
            use super::*;

            component_kit::checklist!(local $component, federation(&["9999"]),
                refuses: [
                    (json!({"model_id": ""}), "model_id"),
                    (json!({"model_version": ""}), "model_version"),
                    (json!({"force_update": "perhaps"}), "force_update"),
                ]);

            #[tokio::test]
            async fn agrees_with_the_plain_computation() {
                for (flag, replace) in [
                    (json!(false), false),
                    (json!(1), true),
                    (json!("0"), false),
                    (json!("True"), true),
                ] {
                    let given =
                        parameters(json!({"force_update": flag, "store_address": {"storage": "redis"}}));
                    let played = federation(&["9999"])
                        .parameters(given)
                        .run::<$component>()
                        .await
                        .all_succeeded();
                    let part = played.parts.values().next().expect("the party");
                    let model_version = "20260101000000000000".to_owned();
                    assert_eq!(
                        part.model_copies,
                        [ModelCopy {
                            party_model_id: PART.to_owned(),
                            model_version,
                            replace
                        }]
                    );
                    let summary = part.summary.as_ref().expect("a summary");
                    assert_eq!(
                        (&summary["place"], &summary["bytes"], &summary["model_id"]),
                        (&json!("memory"), &json!(7), &json!(PART))
                    );
                }
            }

            #[tokio::test]
            async fn works_with_two_hosts() {
                // it has no host; two local parties each copy their own
                let played = federation(&["9999", "10000"])
                    .run::<$component>()
                    .await
                    .all_succeeded();
                assert!(
                    played
                        .parts
                        .values()
                        .all(|part| part.model_copies.len() == 1)
                );
                let hosts = Federation::new(2, false)
                    .parameters(parameters(json!({})))
                    .run::<$component>()
                    .await;
                assert!(hosts.parts.is_empty());
            }

            #[tokio::test]
            async fn refuses_bad_parameters() {
                for (changes, path) in [
                    (json!({"model_id": ""}), "model_id"),
                    (json!({"model_version": ""}), "model_version"),
                ] {
                    let given = parameters(changes);
                    let fault = federation(&["9999"])
                        .parameters(given)
                        .run::<$component>()
                        .await
                        .fault()
                        .expect("refused");
                    assert_eq!(
                        (fault.code, fault.path.as_deref()),
                        (ErrorCode::ParameterInvalid, Some(path)),
                        "{fault}"
                    );
                }
            }
        }
    };
}

direction!(model_store, ModelStore);
direction!(model_restore, ModelRestore);
