//! What FATE documents as "None, or …" takes null, at the party and by the schema that it announces: a coordinator judges by that.

use component_kit::AnyComponent;
use serde_json::{Value, json};

use crate::CATALOGUE;

/// Parameters by component that FATE documents so, or does not check; the intersection's lie deeper.
const NULLABLE: &[(&str, &[&str])] = &[
    (
        "data_io",
        &[
            "exclusive_data_type",
            "missing_fill_method",
            "missing_impute",
            "outlier_replace_method",
            "outlier_impute",
            "default_value",
            "outlier_replace_value",
            "label_name",
            "label_type",
            "tag_with_value",
            "outlier_replace",
            "need_run",
        ],
    ),
    (
        "data_statistics",
        &[
            "column_names",
            "column_indexes",
            "abnormal_list",
            "need_run",
            "bias",
        ],
    ),
    (
        "data_transform",
        &[
            "exclusive_data_type",
            "missing_fill_method",
            "missing_impute",
            "outlier_replace_method",
            "outlier_impute",
            "default_value",
            "outlier_replace_value",
            "label_name",
            "label_type",
            "tag_with_value",
            "outlier_replace",
            "need_run",
            "match_id_name",
        ],
    ),
    (
        "feature_scale",
        &[
            "method",
            "scale_col_indexes",
            "scale_names",
            "feat_upper",
            "feat_lower",
            "with_mean",
            "with_std",
            "need_run",
        ],
    ),
    (
        "intersection",
        &[
            "rsa_params.random_base_fraction",
            "intersect_preprocess_params.random_state",
        ],
    ),
    (
        "reader",
        &[
            "job_id",
            "component_name",
            "data_name",
            "output_name",
            "output_namespace",
            "partitions",
            "engine",
            "address",
        ],
    ),
    ("secure_add_example", &["seed"]),
    (
        "upload",
        &["storage_engine", "storage_address", "schema", "meta"],
    ),
    ("writer", &["storage_engine", "address", "partitions"]),
];

/// What a component needs in any case.
fn needed(component: &str) -> Value {
    match component {
        "reader" => json!({"table": {"name": "t", "namespace": "n"}}),
        "upload" => json!({"file": "f", "name": "t", "namespace": "n"}),
        "writer" => {
            json!({"name": "t", "namespace": "n", "output_name": "u", "output_namespace": "n"})
        }
        _ => json!({}),
    }
}

fn put(parameters: &mut Value, path: &str, value: Value) {
    let at = path.split('.').fold(parameters, |at, key| &mut at[key]);
    *at = value;
}

/// Whether a schema takes null; `root` holds what it refers to.
fn takes_null(schema: &Value, root: &Value) -> bool {
    if schema.as_bool() == Some(true) {
        return true;
    }
    let any = |of: &Value| {
        of.as_array()
            .is_some_and(|all| all.iter().any(|one| takes_null(one, root)))
    };
    if let Some(pointer) = schema["$ref"].as_str() {
        return root
            .pointer(pointer.trim_start_matches('#'))
            .is_some_and(|schema| takes_null(schema, root));
    }
    let kinds = &schema["type"];
    let is_null = |kind: &Value| kind == "null";
    let anything = ["type", "anyOf", "oneOf", "enum", "allOf"]
        .iter()
        .all(|key| schema.get(*key).is_none());
    anything
        || is_null(kinds)
        || kinds
            .as_array()
            .is_some_and(|kinds| kinds.iter().any(is_null))
        || any(&schema["anyOf"])
        || any(&schema["oneOf"])
}

fn property<'a>(schema: &'a Value, root: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(schema, |schema, key| {
        let schema = schema["$ref"]
            .as_str()
            .and_then(|to| root.pointer(to.trim_start_matches('#')))
            .unwrap_or(schema);
        &schema["properties"][key]
    })
}

fn component(name: &str) -> &'static dyn AnyComponent {
    let found = CATALOGUE
        .iter()
        .find(|component| component.description().name == name);
    *found.unwrap_or_else(|| panic!("{name} is not in the catalogue"))
}

#[test]
fn null_is_taken_where_fate_takes_it() {
    for (name, paths) in NULLABLE {
        let (component, schema) = (component(name), component(name).info().schema);
        let role = *component
            .description()
            .roles
            .first()
            .expect("a component has a role");
        for path in *paths {
            let mut parameters = needed(name);
            put(&mut parameters, path, Value::Null);
            let taken = component.check(role, &parameters);
            assert!(taken.is_ok(), "{name}, {path}: {taken:?}");
            assert!(
                takes_null(property(&schema, &schema, path), &schema),
                "the schema of {name} has no null for {path}"
            );
        }
    }
    assert!(
        !takes_null(&json!({"type": "string"}), &Value::Null)
            && takes_null(&json!({"type": ["null"]}), &Value::Null)
    );
}
