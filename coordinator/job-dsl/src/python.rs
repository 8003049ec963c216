//! Values as Python prints them: FATE's messages contain them.

use serde_json::Value;

/// A value as `str()` gives it: texts bare, all else like [`repr`].
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => repr(other),
    }
}

/// A value as `repr()` gives it.
pub(crate) fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(repr).collect::<Vec<_>>().join(", ")
        ),
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("{}: {}", quoted(key), repr(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

/// A text in Python's quotes.
pub(crate) fn quoted(text: &str) -> String {
    // Python's own choice: double quotes only where they save escaping.
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            character if character == quote => out.extend(['\\', character]),
            character => out.push(character),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn prints_values_as_python_does() {
        let value = json!({"guest": [9999], "a'b": null, "c": [true, 0.5, "x\n", "'\""]});
        assert_eq!(
            repr(&value),
            r#"{'guest': [9999], "a'b": None, 'c': [True, 0.5, 'x\n', '\'"']}"#
        );
        assert_eq!(plain(&json!("x")), "x");
        assert_eq!(plain(&json!(["d"])), "['d']");
    }
}
