//! What an upload's figures become in its history.

use super::*;

fn metric(name: &str, figures: &[(&str, f64)], meta: Value) -> Metric {
    let values = figures
        .iter()
        .map(|(name, figure)| ((*name).to_owned(), *figure))
        .collect();
    let meta = meta.as_object().cloned().unwrap_or_default();
    Metric {
        namespace: "upload".into(),
        name: name.into(),
        data: MetricData::Values(values).finite().0,
        meta,
    }
}

#[test]
fn rows_of_the_file_and_of_the_table_are_told_apart() {
    let about = json!({"short": {"rows": 1, "first_line": 9}, "the id is empty": {"rows": 2, "first_line": 7}});
    let reasons = json!([
        {"reason": "the id is empty", "rows": 2, "first_line": 7}, {"reason": "short", "rows": 1, "first_line": 9},
    ]);
    let count = metric("data_access", &[("count", 5.0)], json!({}));
    let figures = [
        ("rows_in", 8.0),
        ("stored", 5.0),
        ("replaced", 1.0),
        ("rejected", 3.0),
    ];
    let receipt = metric(
        "receipt",
        &figures,
        json!({"reasons": about, "notes": {"1": "decoded"}}),
    );
    let told = told_of(&[count.clone(), receipt]);
    assert_eq!(
        Value::Object(told),
        json!({
            "upload_count": 8, "actual_count": 5, "replaced": 1, "rejected": 3, "reasons": reasons, "notes": ["decoded"],
        })
    );
    let older = told_of(&[count]);
    assert_eq!(
        Value::Object(older),
        json!({"upload_count": 5, "actual_count": 5}),
        "of an earlier release"
    );
    assert_eq!(
        Value::Object(told_of(&[])),
        json!({"upload_count": null, "actual_count": null})
    );
}
