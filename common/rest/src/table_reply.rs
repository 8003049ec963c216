//! Answers about tables that both daemons give alike.

use serde_json::{Value, json};

/// FATE's answer about a table that is not there; a name that is empty, null or left out names none.
pub fn absent_table(name: Option<&str>, namespace: Option<&str>) -> Value {
    json!({
        "table_name": name,
        "namespace": namespace,
        "exist": 0,
        "count": 0,
        "partition": null,
        "schema": null,
        "enable": true,
        "origin": null,
        "extend_sid": false,
        "address": null,
    })
}
