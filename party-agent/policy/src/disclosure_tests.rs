//! The judgement of reports, rule by rule.

use super::*;
use crate::rules::Rules;
use serde_json::json;
use vocabulary::{ErrorCode, MetricData, PartyId, Progress, TableRef, Usage};

fn policy(rules: &str) -> Policy {
    let rules: Rules = toml::from_str(&format!("[disclosure]\n{rules}")).expect("rules");
    Policy::new(PartyId::new("1").expect("a party"), rules)
}

/// Grounds of a step that read a large table, for a job of one's own users.
fn grounds(tells: &'static [Tells]) -> Grounds<'static> {
    Grounds {
        tells,
        read: RowsBehind::Rows(1_000),
        ..Grounds::none()
    }
}

fn metrics(points: usize) -> ReportBody {
    let meta = json!({"thresholds": vec![0.25; points]})
        .as_object()
        .cloned()
        .unwrap_or_default();
    let data = MetricData::Points(
        (0..points)
            .map(|at| (at as f64 / points as f64, 0.5))
            .collect(),
    );
    ReportBody::Metrics(vec![
        Metric {
            namespace: "train".into(),
            name: "roc".into(),
            data,
            meta,
        }
        .finite()
        .0,
    ])
}

fn summary() -> ReportBody {
    ReportBody::Summary("{\"rows\":1}".to_owned())
}

fn view() -> ReportBody {
    ReportBody::ModelView("{\"meta\":{}}".to_owned())
}

/// The rule that withholds it; none when it is told.
fn rule(policy: &Policy, body: ReportBody, grounds: &Grounds<'_>) -> Option<&'static str> {
    match policy.disclose(body, grounds) {
        Telling::Told { .. } => None,
        Telling::Withheld { rule } => Some(rule),
    }
}

const OPEN: &str =
    "summaries = true\nmodel_views = true\ntable_headers = true\nrows_through_coordinator = true\n";

#[test]
fn each_kind_has_its_switch() {
    let (strict, open) = (policy(""), policy(OPEN));
    let grounds = grounds(&[Tells::Figures]);
    assert_eq!(rule(&strict, metrics(1), &grounds), None);
    assert_eq!(
        rule(&policy("metrics = false"), metrics(1), &grounds),
        Some("disclosure.metrics")
    );
    assert_eq!(
        rule(&strict, summary(), &grounds),
        Some("disclosure.summaries")
    );
    assert_eq!(
        rule(&strict, view(), &grounds),
        Some("disclosure.model_views")
    );
    for body in [metrics(1), summary(), view()] {
        assert_eq!(rule(&open, body, &grounds), None);
    }
    let large = ReportBody::Summary("x".repeat(LARGEST_VIEW + 1));
    assert_eq!(rule(&open, large, &grounds), Some("disclosure"));
}

#[test]
fn few_rows_keep_figures_of_every_kind() {
    let (strict, off) = (policy(OPEN), policy(&format!("{OPEN}fewest_rows = 1")));
    for tells in [
        &[Tells::Figures][..],
        &[Tells::Joint],
        &[Tells::Headers],
        &[Tells::Rows],
        &[],
    ] {
        for body in [metrics(1), summary(), view()] {
            let judged = |policy: &Policy, read: RowsBehind| {
                rule(
                    policy,
                    body.clone(),
                    &Grounds {
                        read,
                        ..grounds(tells)
                    },
                )
            };
            let few = Some("disclosure.fewest_rows");
            for (read, kept_by) in [
                (RowsBehind::Rows(0), few),
                (RowsBehind::Rows(19), few),
                (RowsBehind::Rows(20), None),
                (RowsBehind::Unknown, few),
                (RowsBehind::Nothing, None),
            ] {
                assert_eq!(judged(&strict, read), kept_by, "{tells:?} {read:?}");
                assert_eq!(judged(&off, read), None, "{tells:?} {read:?}");
            }
        }
    }
}

#[test]
fn rows_and_headers_fall_under_their_own_rules_and_what_is_not_declared_under_all() {
    let both = "summaries = true\n";
    for (rules, tells, kept_by) in [
        (
            "",
            &[Tells::Rows][..],
            Some("disclosure.rows_through_coordinator"),
        ),
        ("", &[Tells::Headers], Some("disclosure.table_headers")),
        (
            "",
            &[Tells::Figures, Tells::Headers],
            Some("disclosure.table_headers"),
        ),
        ("", &[], Some("disclosure.rows_through_coordinator")),
        (
            "rows_through_coordinator = true",
            &[],
            Some("disclosure.table_headers"),
        ),
        (
            "rows_through_coordinator = true\ntable_headers = true",
            &[],
            None,
        ),
        ("table_headers = true", &[Tells::Headers], None),
        ("", &[Tells::Figures], None),
        ("", &[Tells::Joint], None),
    ] {
        let policy = policy(&format!("{both}{rules}"));
        for body in [metrics(1), summary()] {
            assert_eq!(
                rule(&policy, body, &grounds(tells)),
                kept_by,
                "{rules} {tells:?}"
            );
        }
    }
}

#[test]
fn numbers_of_rows_reach_whoever_brought_them_in() {
    let closed = policy("metrics = false\nqueries_per_day = 0");
    for read in [
        RowsBehind::Rows(1),
        RowsBehind::Unknown,
        RowsBehind::Nothing,
    ] {
        let counts = Grounds {
            read,
            query: Some(9),
            ..grounds(&[Tells::Counts])
        };
        for body in [metrics(1), summary()] {
            assert_eq!(rule(&closed, body, &counts), None);
        }
        assert_eq!(
            rule(&closed, view(), &counts),
            Some("disclosure.model_views")
        );
        // With something else beside they are like the rest of it.
        let more = Grounds {
            tells: &[Tells::Counts, Tells::Figures],
            ..counts
        };
        assert_eq!(rule(&closed, metrics(1), &more), Some("disclosure.metrics"));
    }
}

#[test]
fn answers_about_ones_own_data_are_counted_for_others_only() {
    let policy = policy("queries_per_day = 10");
    let judge = |tells, alone, query| {
        policy.disclose(
            metrics(1),
            &Grounds {
                alone,
                query,
                ..grounds(tells)
            },
        )
    };
    let too_often = Telling::Withheld {
        rule: "disclosure.queries_per_day",
    };
    let is_answer = |telling: Telling| match telling {
        Telling::Told { is_answer, .. } => is_answer,
        Telling::Withheld { rule } => panic!("{rule}"),
    };
    for alone in [true, false] {
        assert!(is_answer(judge(&[Tells::Figures], alone, Some(10))));
        assert_eq!(judge(&[Tells::Figures], alone, Some(11)), too_often);
        assert!(!is_answer(judge(&[Tells::Figures], alone, None)));
        assert!(!is_answer(judge(&[Tells::Counts], alone, Some(11))));
    }
    // What only several parties make together is no answer of one; a component that works alone cannot say so.
    assert!(!is_answer(judge(&[Tells::Joint], false, Some(11))));
    assert_eq!(judge(&[Tells::Joint], true, Some(11)), too_often);
}

#[test]
fn curves_are_thinned_where_rows_are_closed_and_left_as_they_are_where_they_are_open() {
    let told = |policy: &Policy| match policy.disclose(metrics(500), &grounds(&[Tells::Figures])) {
        Telling::Told {
            body: ReportBody::Metrics(metrics),
            ..
        } => metrics,
        other => panic!("{other:?}"),
    };
    let (closed, open) = (told(&policy("")), told(&policy(OPEN)));
    // One for each 20 of 1,000 rows.
    assert!(
        (45..=50).contains(&closed[0].data.len()),
        "{}",
        closed[0].data.len()
    );
    assert!(!closed[0].meta.contains_key("thresholds"));
    assert_eq!(ReportBody::Metrics(open), metrics(500));
}

#[test]
fn no_text_names_a_column_where_headers_are_closed() {
    let columns: Arc<BTreeSet<String>> = Arc::new(["salary".to_owned()].into());
    let grounds = Grounds {
        columns: columns.clone(),
        ..Grounds::none()
    };
    let table = TableSummary {
        table: TableRef::new("n", "t"),
        data_name: None,
        rows: 3,
        partitions: 1,
        header: vec!["id".to_owned(), "salary".to_owned()],
        content_hash: "cafe".to_owned(),
    };
    let fault =
        Fault::new(ErrorCode::DataMismatch, "column salary is text").next("leave salary out");
    let progress = Progress::new(0.5, "salary is read");
    for body in [
        ReportBody::Output(table),
        ReportBody::Progress(progress),
        ReportBody::Ended {
            outcome: Outcome::Failed(fault),
            usage: Usage::default(),
        },
    ] {
        let closed = format!("{:?}", policy("").disclose(body.clone(), &grounds));
        assert!(
            !closed.contains("salary") && !closed.contains("cafe"),
            "{closed}"
        );
        let told = Telling::Told {
            body: body.clone(),
            is_answer: false,
        };
        assert_eq!(policy(OPEN).disclose(body, &grounds), told);
    }
}
