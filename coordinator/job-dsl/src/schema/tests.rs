//! Values against a schema in the shape that generators write.

use super::*;
use serde_json::json;

/// The shape that the generator in use writes for a struct with nested structs, optional fields and enumerations.
fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "tol": {"type": "number", "exclusiveMinimum": 0},
            "max_iter": {"type": "integer", "format": "uint32", "minimum": 1, "maximum": 1000},
            "seed": {"type": ["integer", "null"]},
            "penalty": {"anyOf": [{"$ref": "#/$defs/Penalty"}, {"type": "null"}]},
            "init": {"$ref": "#/$defs/Init", "default": {}},
            "names": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
            "freqs": {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}, {"type": "null"}]},
            "pair": {"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}], "minItems": 2},
            "loop": {"$ref": "#/$defs/Loop"},
            "bush": {"$ref": "#/$defs/Bush"}
        },
        "$defs": {
            "Penalty": {"oneOf": [{"const": "L1", "description": "lasso"}, {"type": "string", "enum": ["L2", "none"]}]},
            "Init": {"type": "object", "additionalProperties": false, "required": ["method"],
                     "properties": {"method": {"type": "string"}, "fit_intercept": {"type": "boolean"}}},
            "Loop": {"$ref": "#/$defs/Loop"},
            "Bush": {"allOf": [{"$ref": "#/$defs/Bush"}, {"$ref": "#/$defs/Bush"}]}
        }
    })
}

fn told(value: Value) -> Vec<String> {
    let tell = |violation: Violation| {
        let place = violation.pointer.join(".");
        match violation.kind {
            ViolationKind::Redundant(names) => {
                format!(
                    "{place}: redundant {names:?} {}",
                    violation.next.unwrap_or_default()
                )
            }
            ViolationKind::Wrong(message) => format!("{place}: {message}"),
        }
    };
    check(&schema(), &value).into_iter().map(tell).collect()
}

#[test]
fn takes_what_fits() {
    let good = [
        json!({}),
        json!({"tol": 1, "max_iter": 3, "seed": null, "penalty": "l2", "init": {"method": "zeros"}, "names": ["a"]}),
        json!({"penalty": null, "freqs": [1, 2], "pair": [0.5, "x", 7], "loop": 1}),
        json!({"bush": 1}),
        json!({"penalty": "L1", "freqs": 3, "seed": 9}),
    ];
    for value in good {
        assert!(
            told(value.clone()).is_empty(),
            "{value}: {:?}",
            told(value.clone())
        );
    }
}

#[test]
fn names_unknown_fields_at_every_level() {
    assert_eq!(
        told(json!({"tool": 1, "y": 2})),
        [r#": redundant ["tool", "y"] did you mean tol?"#]
    );
    assert_eq!(
        told(json!({"init": {"method": "x", "fit_intercep": true}})),
        [r#"init: redundant ["fit_intercep"] did you mean fit_intercept?"#]
    );
}

#[test]
fn names_values_that_do_not_fit() {
    let cases = [
        (
            json!({"tol": "x"}),
            r#"tol: should be number, but it is string "x""#,
        ),
        (json!({"tol": 0}), "tol: should be more than 0, but it is 0"),
        (
            json!({"max_iter": 0}),
            "max_iter: should be at least 1, but it is 0",
        ),
        (
            json!({"max_iter": 1.5}),
            "max_iter: should be integer, but it is number 1.5",
        ),
        (
            json!({"seed": true}),
            "seed: should be integer or null, but it is boolean true",
        ),
        (
            json!({"penalty": "L3"}),
            r#"penalty: should be one of "L1", "L2", "none", null, but it is string "L3""#,
        ),
        (json!({"init": {}}), "init.method: is missing"),
        (
            json!({"names": ["a", 1]}),
            "names.1: should be string, but it is integer 1",
        ),
        (
            json!({"names": ["a", "b", "c"]}),
            "names: should have at most 2 entries, but it has 3",
        ),
        (
            json!({"freqs": [1, "x"]}),
            r#"freqs.1: should be integer, but it is string "x""#,
        ),
        (
            json!({"freqs": "x"}),
            r#"freqs: should be one of integer, array, null, but it is string "x""#,
        ),
        (
            json!({"pair": [1, 2]}),
            "pair.1: should be string, but it is integer 2",
        ),
    ];
    for (value, expected) in cases {
        assert_eq!(told(value.clone()), [expected], "{value}");
    }
}
