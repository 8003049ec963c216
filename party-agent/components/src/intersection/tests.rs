//! All roles in one process; `dishonest` and `uncounted` have the peers that break the protocol.

mod bounds;
mod dishonest;
mod uncounted;

use std::collections::BTreeSet;

use component_kit::harness::{Federation, RunRecord, checks};
use component_kit::{AnyComponent, Plugin};
use serde_json::{Value, json};
use tables::{Column, ColumnKind, Part, Schema, Table, TableKind, Values};
use vocabulary::{ErrorCode, MetricData, Participant, Role};

use super::{Intersection, Params};

/// Ids of every kind of text; those of the second list are the guest's alone, those of the third the host's.
const COMMON: [&str; 12] = [
    "id-7",
    "id-10",
    "ünïcödé",
    "身份证-42",
    "🦀",
    "Id-7",
    "id 7",
    " id-7",
    "0007",
    "+49 151 0000",
    "id-99",
    "zz",
];
const GUEST_ONLY: [&str; 6] = [
    "guest-canary-1",
    "guest-canary-2",
    "身份证-43",
    "u\u{308}nïcödé",
    "7",
    "guest-canary-3",
];
const HOST_ONLY: [&str; 9] = [
    "host-canary-1",
    "host-canary-2",
    "h3",
    "h4",
    "h5",
    "h6",
    "h7",
    "h8",
    "h9",
];

/// A value of its own for every id of a party.
fn value_of(id: &str, party: f64) -> f64 {
    party + id.bytes().map(f64::from).sum::<f64>() / 1024.0
}

fn table(ids: &[&str], party: f64) -> Table {
    let columns = vec![
        Column::new("y", ColumnKind::Integer, Part::Label),
        Column::new("x0", ColumnKind::Float, Part::Feature),
    ];
    let mut schema = Schema::new(TableKind::Instances, "id", columns);
    schema
        .meta
        .insert("anonymous_header".into(), json!(["p_x0"]));
    let values = ids.iter().map(|id| value_of(id, party)).collect();
    let labels = (0..ids.len()).map(|row| row as i64 % 2).collect();
    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
    Table::from_columns(
        schema,
        ids,
        vec![Values::Integer(labels), Values::Float(values)],
    )
    .expect("table")
}

/// The guest's ids in one order, the host's in another.
fn guest_ids() -> Vec<&'static str> {
    GUEST_ONLY
        .iter()
        .zip(&COMMON)
        .flat_map(|(own, common)| [*own, *common])
        .chain(COMMON[6..].iter().copied())
        .collect()
}

fn host_ids() -> Vec<&'static str> {
    HOST_ONLY
        .iter()
        .chain(COMMON.iter().rev())
        .copied()
        .collect()
}

fn sorted(ids: &[&str]) -> Vec<String> {
    ids.iter()
        .map(|id| (*id).to_owned())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

fn federation() -> Federation {
    let federation = Federation::new(1, false);
    let (guest, host) = (federation.guest(), federation.host(0));
    federation
        .input(&guest, "data", table(&guest_ids(), 1000.0))
        .input(&host, "data", table(&host_ids(), 2000.0))
}

fn two_hosts() -> Federation {
    let federation = Federation::new(2, false);
    let (guest, first, second) = (federation.guest(), federation.host(0), federation.host(1));
    // The second host has every other common id and one of the guest's that the first lacks.
    let second_ids: Vec<&str> = COMMON
        .iter()
        .step_by(2)
        .chain(&GUEST_ONLY[..1])
        .chain(&HOST_ONLY[..2])
        .copied()
        .collect();
    federation
        .input(&guest, "data", table(&guest_ids(), 1000.0))
        .input(&first, "data", table(&host_ids(), 2000.0))
        .input(&second, "data", table(&second_ids, 3000.0))
}

fn assert_holds(played: &RunRecord, who: &Participant, ids: &[String], party: f64) {
    let output = played.part(who).output();
    assert_eq!(output.ids().expect("ids"), ids, "ids of {who}");
    let wanted: Vec<f64> = ids.iter().map(|id| value_of(id, party)).collect();
    assert_eq!(
        output.floats("x0").expect("x0"),
        wanted,
        "features of {who} do not follow their ids"
    );
    assert_eq!(
        output.schema().meta.get("anonymous_header"),
        Some(&json!(["p_x0"]))
    );
}

fn values(played: &RunRecord, who: &Participant) -> Vec<(String, f64)> {
    match &played.part(who).metrics[..] {
        [metric] => match metric.data.plain() {
            MetricData::Values(values) => values,
            MetricData::Points(_) => panic!("points"),
        },
        others => panic!("{} metrics", others.len()),
    }
}

fn named(pairs: &[(&str, f64)]) -> Vec<(String, f64)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), *value))
        .collect()
}

#[tokio::test]
async fn agrees_with_the_plain_computation() {
    let federation = federation();
    let played = federation.run::<Intersection>().await.all_succeeded();
    let common = sorted(&COMMON);
    assert_holds(&played, &federation.guest(), &common, 1000.0);
    assert_holds(&played, &federation.host(0), &common, 2000.0);
    let expected = |own: f64| {
        let rate = 12.0 / own;
        named(&[
            ("intersect_count", 12.0),
            ("input_match_id_count", own),
            ("intersect_rate", rate),
            ("unmatched_count", own - 12.0),
            ("unmatched_rate", 1.0 - rate),
        ])
    };
    assert_eq!(values(&played, &federation.guest()), expected(18.0));
    assert_eq!(values(&played, &federation.host(0)), expected(21.0));
    let guest = played.part(&federation.guest());
    let meta = json!({"name": "intersection", "metric_type": "INTERSECTION", "intersect_method": "ecdh", "join_method": "inner_join"});
    assert_eq!(Value::Object(guest.metrics[0].meta.clone()), meta);
    assert_eq!(
        (
            guest.metrics[0].namespace.as_str(),
            guest.metrics[0].name.as_str()
        ),
        ("train", "intersection")
    );
    let summary = json!({"intersect_num": 12, "intersect_rate": 12.0 / 18.0, "cardinality_only": false, "unique_id_num": 18});
    assert_eq!(guest.summary, Some(summary));
    let said = "RSA asked for: ECDH over ristretto255 serves it: each side learns the intersection and nothing else";
    assert!(
        guest.log.iter().any(|line| line.starts_with(said)),
        "{:?}",
        guest.log
    );
}

#[tokio::test]
async fn works_with_two_hosts() {
    let federation = two_hosts();
    let played = federation.run::<Intersection>().await.all_succeeded();
    let common = sorted(&COMMON.into_iter().step_by(2).collect::<Vec<_>>());
    assert_holds(&played, &federation.guest(), &common, 1000.0);
    assert_holds(&played, &federation.host(0), &common, 2000.0);
    assert_holds(&played, &federation.host(1), &common, 3000.0);
    // Nobody is told of ids that only two parties share: six positions each, no more.
    for host in [federation.host(0), federation.host(1)] {
        let told = played
            .envelopes
            .iter()
            .filter(|envelope| envelope.to == host && envelope.message == "common_positions");
        assert_eq!(
            told.map(|envelope| envelope.body.len()).sum::<usize>(),
            6 * 8
        );
    }
    // The same ids look different to each host.
    let seen = |host: Participant| -> BTreeSet<Vec<u8>> {
        let envelopes = played
            .envelopes
            .iter()
            .filter(|envelope| envelope.to == host && envelope.message == "guest_points");
        envelopes
            .flat_map(|envelope| {
                envelope
                    .body
                    .chunks(32)
                    .map(<[u8]>::to_vec)
                    .collect::<Vec<_>>()
            })
            .collect()
    };
    assert_eq!(seen(federation.host(0)).len(), 18);
    assert!(seen(federation.host(0)).is_disjoint(&seen(federation.host(1))));
}

#[tokio::test]
async fn apply_uses_the_saved_model() {
    // There is nothing to learn, so applying is the same work again, and no model is left or asked for.
    let federation = federation();
    let fitted = federation.run::<Intersection>().await.all_succeeded();
    let applied = federation
        .clone()
        .applying(&fitted)
        .run::<Intersection>()
        .await
        .all_succeeded();
    assert_eq!(federation.participants().len(), 2);
    for who in federation.participants() {
        assert!(fitted.part(&who).model.is_none());
        let hash = |played: &RunRecord| played.part(&who).output().content_hash().expect("hash");
        assert_eq!(hash(&fitted), hash(&applied));
    }
}

#[test]
fn refuses_bad_parameters() {
    let refused = |parameters: Value| {
        let component: &dyn AnyComponent = &Plugin::<Intersection>::NEW;
        component
            .check(Role::Guest, &parameters)
            .err()
            .and_then(|fault| fault.path)
    };
    for (parameters, path) in [
        (json!({"intersect_method": "kkrt"}), "intersect_method"),
        (json!({"cardinality_method": "raw"}), "cardinality_method"),
        (json!({"join_method": "left_join"}), "join_method"),
        (json!({"join_method": "outer_join"}), "join_method"),
        (json!({"run_cache": true}), "run_cache"),
        (json!({"with_sample_id": true}), "with_sample_id"),
        (json!({"repeated_id_process": true}), "repeated_id_process"),
        (json!({"new_sample_id": true}), "new_sample_id"),
        (json!({"random_bit": 0}), "random_bit"),
        (
            json!({"rsa_params": {"key_length": 512}}),
            "rsa_params.key_length",
        ),
        (
            json!({"rsa_params": {"random_base_fraction": 1.5}}),
            "rsa_params.random_base_fraction",
        ),
        (
            json!({"rsa_params": {"hash_method": "md5"}}),
            "rsa_params.hash_method",
        ),
        (
            json!({"ecdh_params": {"curve": "p256"}}),
            "ecdh_params.curve",
        ),
        (
            json!({"run_preprocess": true}),
            "intersect_preprocess_params.false_positive_rate",
        ),
        (json!({"rsa_params": {"colour": 1}}), "rsa_params.colour"),
    ] {
        assert_eq!(
            refused(parameters.clone()).as_deref(),
            Some(path),
            "{parameters}"
        );
    }
    let preprocess = json!({"false_positive_rate": 0.02});
    for good in [
        json!({}),
        json!({"intersect_method": "RAW", "join_method": "INNER_JOIN"}),
        json!({"run_preprocess": true, "intersect_preprocess_params": preprocess}),
        serde_json::to_value(Params::default()).expect("defaults"),
    ] {
        assert_eq!(refused(good.clone()), None, "{good}");
    }
}

#[tokio::test]
async fn leaks_no_canary() {
    let ids: Vec<&str> = COMMON
        .iter()
        .chain(&GUEST_ONLY)
        .chain(&HOST_ONLY)
        .copied()
        .filter(|id| id.len() > 4)
        .collect();
    let guest: Vec<f64> = guest_ids().iter().map(|id| value_of(id, 1000.0)).collect();
    assert!(ids.len() > 12, "ids of both kinds are searched for");
    checks::leaks_no_canary::<Intersection>(&federation(), &ids, &guest).await;
    checks::leaks_no_canary::<Intersection>(&bounds::counting(two_hosts()), &ids, &guest).await;
}

#[tokio::test]
async fn speaks_only_its_messages() {
    let one = bounds::counting(federation())
        .run::<Intersection>()
        .await
        .all_succeeded();
    let two = bounds::counting(two_hosts())
        .run::<Intersection>()
        .await
        .all_succeeded();
    checks::speaks_only_its_messages::<Intersection>(&[&one]);
    checks::speaks_only_its_messages::<Intersection>(&[&two]);
    assert!(
        one.envelopes
            .iter()
            .any(|envelope| envelope.tag == "points.2/guest_points"),
        "large sets go in several messages"
    );
}

#[tokio::test]
async fn stops_when_cancelled() {
    checks::stops_when_cancelled::<Intersection>(&bounds::counting(two_hosts())).await;
}

#[tokio::test]
async fn stops_in_the_middle_of_work() {
    checks::stops_in_the_middle_of_work::<Intersection>(&two_hosts(), 30).await;
}

#[tokio::test]
async fn survives_duplicates_and_delays() {
    checks::survives_duplicates_and_delays::<Intersection>(&bounds::counting(two_hosts())).await;
}

#[tokio::test]
async fn leaves_the_result_to_the_guest_when_hosts_are_not_to_know() {
    let federation =
        two_hosts().parameters(json!({"sync_intersect_ids": false, "intersect_method": "dh"}));
    let played = federation.run::<Intersection>().await.all_succeeded();
    assert_eq!(played.part(&federation.guest()).output().rows(), 6);
    assert!(
        played
            .envelopes
            .iter()
            .all(|envelope| envelope.message != "common_positions")
    );
    for host in [federation.host(0), federation.host(1)] {
        let part = played.part(&host);
        assert_eq!(
            (part.output().rows(), part.output().schema().columns.len()),
            (0, 2)
        );
        assert_eq!(values(&played, &host), vec![]);
        assert_eq!(
            part.summary
                .as_ref()
                .map(|summary| &summary["intersect_num"]),
            Some(&json!(-1))
        );
    }
}

#[tokio::test]
async fn drops_the_columns_when_only_ids_are_wanted() {
    let federation = federation().parameters(json!({"only_output_key": true}));
    let played = federation.run::<Intersection>().await.all_succeeded();
    for who in federation.participants() {
        let output = played.part(&who).output();
        assert_eq!(
            (output.ids().expect("ids"), output.schema().columns.len()),
            (sorted(&COMMON), 0)
        );
    }
}

#[tokio::test]
async fn finds_the_size_alone() {
    for told in [true, false] {
        let parameters = json!({"cardinality_only": true, "sync_cardinality": told, "cardinality_method": "rsa"});
        let federation = federation().parameters(parameters);
        let played = federation.run::<Intersection>().await.all_succeeded();
        let (guest, host) = (federation.guest(), federation.host(0));
        assert_eq!(values(&played, &guest), named(&[("intersect_count", 12.0)]));
        let expected = if told {
            named(&[("intersect_count", 12.0)])
        } else {
            vec![]
        };
        assert_eq!(values(&played, &host), expected);
        assert!(
            played.parts.values().all(|part| part.outputs.is_empty()),
            "no rows are left"
        );
        let summary = played.part(&guest).summary.clone().expect("summary");
        assert_eq!(
            (&summary["intersect_num"], &summary["cardinality_only"]),
            (&json!(12), &json!(true))
        );
        assert_ne!(
            doubled_in_order(&federation, &played).await,
            18,
            "the answer keeps the guest's order"
        );
    }
}

/// How many points the host gave back at the place at which it does so when rows are asked for; the harness repeats
/// keys and orders.
async fn doubled_in_order(federation: &Federation, played: &RunRecord) -> usize {
    let rows = federation
        .clone()
        .parameters(json!({}))
        .run::<Intersection>()
        .await
        .all_succeeded();
    let points = |played: &RunRecord| -> Vec<u8> {
        let envelopes = played
            .envelopes
            .iter()
            .filter(|envelope| envelope.message == "doubled_points");
        envelopes
            .flat_map(|envelope| envelope.body.to_vec())
            .collect()
    };
    let (one, other) = (points(played), points(&rows));
    assert_eq!(
        one.chunks(32).collect::<BTreeSet<_>>(),
        other.chunks(32).collect::<BTreeSet<_>>()
    );
    one.chunks(32)
        .zip(other.chunks(32))
        .filter(|(one, other)| one == other)
        .count()
}

#[tokio::test]
async fn refuses_to_count_with_two_hosts() {
    let played = two_hosts()
        .parameters(json!({"cardinality_only": true}))
        .run::<Intersection>()
        .await;
    let fault = played.fault().expect("a fault");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::Unsupported, Some("cardinality_only"))
    );
}

#[tokio::test]
async fn fails_when_nothing_is_common() {
    let federation = Federation::new(1, false);
    let (guest, host) = (federation.guest(), federation.host(0));
    for host_ids in [&["A1", "B2"][..], &[]] {
        let federation = federation
            .clone()
            .input(&guest, "data", table(&["a1", "b2"], 1.0));
        let played = federation
            .input(&host, "data", table(host_ids, 2.0))
            .run::<Intersection>()
            .await;
        let fault = played.fault().expect("a fault");
        assert_eq!(fault.code, ErrorCode::IntersectionEmpty);
        assert!(fault.next.expect("a hint").contains("hashing"));
    }
}

#[tokio::test]
async fn refuses_sides_that_mean_different_things() {
    for (own, path) in [
        (json!({"sync_intersect_ids": false}), "sync_intersect_ids"),
        (json!({"cardinality_only": true}), "cardinality_only"),
    ] {
        let federation = federation();
        let host = federation.host(0);
        let played = federation
            .parameters_of(&host, own)
            .run::<Intersection>()
            .await;
        let fault = played.fault().expect("a fault");
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (ErrorCode::ParameterInvalid, Some(path))
        );
    }
}

#[tokio::test]
async fn refuses_a_table_with_match_ids() {
    let column = Column::new("phone", ColumnKind::Text, Part::MatchId);
    let with_match = table(&["a", "b"], 1.0)
        .with_columns(vec![(column, Values::of_texts(["1", "2"]))])
        .expect("table");
    let federation = Federation::new(1, false);
    let (guest, host) = (federation.guest(), federation.host(0));
    let federation =
        federation
            .input(&guest, "data", with_match)
            .input(&host, "data", table(&["a"], 2.0));
    let fault = federation
        .run::<Intersection>()
        .await
        .fault()
        .expect("a fault");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::Unsupported, Some("with_match_id"))
    );
}
