//! What policies ask of intersections: fewest ids, fewest common ones, and how many are new.

use component_kit::IdRules;
use component_kit::harness::{Federation, RunRecord};
use serde_json::json;
use vocabulary::ErrorCode;

use super::super::Intersection;
use super::{federation, two_hosts};

const RULES: IdRules = IdRules {
    fewest_ids: 1,
    fewest_common: 2,
    is_counted: true,
    is_online: false,
};

/// Every party counts.
pub(super) fn counting(federation: Federation) -> Federation {
    federation
        .participants()
        .iter()
        .fold(federation, |all, who| all.id_rules(who, RULES, None))
}

/// Nobody has a result. Whoever fails first says why, and the others may be stopped before they can.
fn assert_withheld(played: &RunRecord) {
    assert!(played.parts.values().all(|part| part.result.is_err()));
    let tells = |line: &String| line.contains("ids are common");
    assert!(!played.parts.values().any(|part| part.log.iter().any(tells)));
    let fault = played.fault().expect("a fault");
    let path = fault.path.unwrap_or_default();
    assert!(
        fault.code == ErrorCode::ReleaseRefused && path.starts_with("intersection"),
        "{path}"
    );
}

fn envelopes(played: &RunRecord, message: &str) -> usize {
    played
        .envelopes
        .iter()
        .filter(|envelope| envelope.message == message)
        .count()
}

#[tokio::test]
async fn too_few_common_ids_are_withheld_from_both_whoever_says_so() {
    // Twelve are common.
    for fewest in [12, 13] {
        for parameters in [
            json!({}),
            json!({"sync_intersect_ids": false}),
            json!({"cardinality_only": true}),
        ] {
            for who in federation().participants() {
                let rules = IdRules {
                    fewest_common: fewest,
                    is_counted: false,
                    ..RULES
                };
                let federation = federation()
                    .parameters(parameters.clone())
                    .id_rules(&who, rules, None);
                let played = federation.run::<Intersection>().await;
                if fewest == 12 {
                    let _ = played.all_succeeded();
                    continue;
                }
                assert_withheld(&played);
                assert!(
                    played
                        .parts
                        .values()
                        .all(|part| part.outputs.is_empty() && part.summary.is_none())
                );
                assert_eq!(envelopes(&played, "common_positions"), 0);
                if who == federation.host(0) {
                    assert_eq!(
                        envelopes(&played, "doubled_points"),
                        0,
                        "the guest could compare them"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn the_common_ids_of_all_count_with_several_hosts() {
    // Each host has more in common with the guest than the six that all have.
    let rules = IdRules {
        fewest_common: 7,
        is_counted: false,
        ..RULES
    };
    let federation = two_hosts();
    let federation = federation
        .clone()
        .id_rules(&federation.host(1), rules, None);
    let played = federation.run::<Intersection>().await;
    assert_withheld(&played);
    assert_eq!(envelopes(&played, "common_positions"), 0);
}

#[tokio::test]
async fn a_party_with_too_few_ids_is_not_met() {
    // The guest has 18 ids, the host 21.
    for (fewest, refused) in [(18, false), (19, true), (22, true)] {
        for who in federation().participants() {
            let rules = IdRules {
                fewest_ids: fewest,
                ..RULES
            };
            let played = federation()
                .id_rules(&who, rules, None)
                .run::<Intersection>()
                .await;
            assert_eq!(played.fault().is_some(), refused, "{who} asks for {fewest}");
            if refused {
                let fault = played.fault().expect("a fault");
                assert_eq!(
                    (fault.code, fault.path.as_deref()),
                    (ErrorCode::ReleaseRefused, Some("intersection.fewest_ids"))
                );
                assert_eq!(
                    (
                        envelopes(&played, "host_points"),
                        envelopes(&played, "doubled_points")
                    ),
                    (0, 0)
                );
            }
        }
    }
}

#[tokio::test]
async fn ids_are_counted_before_they_are_told() {
    for who in federation().participants() {
        for (most, refused) in [(12, false), (11, true), (0, true)] {
            let federation = federation().id_rules(&who, RULES, Some(most));
            let played = federation.run::<Intersection>().await;
            assert_eq!(played.fault().is_some(), refused, "{who}: {most}");
            if refused {
                assert_eq!(envelopes(&played, "common_positions"), 0, "{who}: {most}");
            }
            if refused && who == federation.host(0) {
                assert_eq!(envelopes(&played, "doubled_points"), 0, "{most}");
            }
        }
    }
}

#[tokio::test]
async fn rows_that_are_asked_for_online_are_counted_by_what_is_asked() {
    let host = federation().host(0);
    let rules = IdRules {
        is_online: true,
        is_counted: true,
        ..IdRules::default()
    };
    for (most, refused) in [(18, false), (17, true)] {
        let played = federation()
            .id_rules(&host, rules, Some(most))
            .run::<Intersection>()
            .await;
        assert_eq!(played.fault().is_some(), refused, "{most}");
        assert_eq!(envelopes(&played, "returned_points"), 0);
    }
}
