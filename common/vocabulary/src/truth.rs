//! Yes or no as documents and clients of FATE write it. The one reader: endpoints, uploads and parameters all ask here.

use serde_json::Value;

/// What a value says: a truth value, a number, or a text that spells either. `None` where it says neither.
pub fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::Number(number) => number.as_f64().map(|number| number != 0.0),
        Value::String(text) => truth_of_text(text),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The same of a text; an empty one says no.
pub fn truth_of_text(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.is_empty() || text.eq_ignore_ascii_case("false") {
        return Some(false);
    }
    if text.eq_ignore_ascii_case("true") {
        return Some(true);
    }
    let number: f64 = text.parse().ok()?;
    number.is_finite().then_some(number != 0.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_every_spelling() {
        for yes in [
            json!(true),
            json!(1),
            json!(2),
            json!(-1),
            json!(0.5),
            json!("true"),
            json!("True"),
            json!("TRUE"),
            json!(" true "),
            json!("1"),
            json!("2"),
            json!("-1"),
            json!("1.0"),
        ] {
            assert_eq!(truth(&yes), Some(true), "{yes}");
        }
        for no in [
            json!(false),
            json!(0),
            json!(0.0),
            json!("false"),
            json!("False"),
            json!("FALSE"),
            json!(" false "),
            json!("0"),
            json!("0.0"),
            json!(""),
            json!(" "),
        ] {
            assert_eq!(truth(&no), Some(false), "{no}");
        }
        for neither in [
            json!(null),
            json!([]),
            json!({}),
            json!("yes"),
            json!("maybe"),
            json!("nan"),
            json!("inf"),
        ] {
            assert_eq!(truth(&neither), None, "{neither}");
        }
    }
}
