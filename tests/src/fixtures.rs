//! Tables and jobs with known answers, small enough to read.

use serde_json::{Value, json};

/// A guest's and a host's table of the same people, whose label depends on features of both.
pub struct Pair {
    /// id, y, x0, x1.
    pub guest: String,
    /// id, x0, x1, x2.
    pub host: String,
}

/// `rows` people, of whom both know all but every tenth.
pub fn pair(rows: usize) -> Pair {
    let mut pair = Pair {
        guest: "id,y,x0,x1\n".to_owned(),
        host: "id,x0,x1,x2\n".to_owned(),
    };
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut number = || {
        // xorshift: the same numbers on every machine.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64 * 2.0 - 1.0
    };
    for row in 0..rows {
        let x: Vec<f64> = (0..5).map(|_| number()).collect();
        let label = i32::from(x[0] - x[1] + 1.5 * x[2] - x[3] + 0.3 * number() > 0.0);
        if row % 10 != 3 {
            pair.guest += &format!("id{row},{label},{:.5},{:.5}\n", x[0], x[1]);
        }
        if row % 10 != 7 {
            pair.host += &format!("id{row},{:.5},{:.5},{:.5}\n", x[2], x[3], x[4]);
        }
    }
    pair
}

/// Reader, DataTransform, Intersection, HeteroLR, Evaluation.
pub fn lr_dsl() -> Value {
    let step = |module: &str, port: &str, from: &str| json!({"module": module, "input": {"data": {port: [from]}}, "output": {"data": ["data"], "model": ["model"]}});
    json!({"components": {
        "reader_0": {"module": "Reader", "output": {"data": ["data"]}},
        "data_transform_0": step("DataTransform", "data", "reader_0.data"),
        "intersection_0": {
            "module": "Intersection", "input": {"data": {"data": ["data_transform_0.data"]}}, "output": {"data": ["data"]}
        },
        "hetero_lr_0": step("HeteroLR", "train_data", "intersection_0.data"),
        "evaluation_0": {"module": "Evaluation", "input": {"data": {"data": ["hetero_lr_0.data"]}}, "output": {"data": ["data"]}},
    }})
}

/// A conf for [`lr_dsl`] over the tables `guest` and `host` of the namespace `experiment`.
pub fn lr_conf(max_iter: u32) -> Value {
    let own = |table: &str, with_label: bool| {
        json!({"0": {
            "reader_0": {"table": {"name": table, "namespace": "experiment"}},
            "data_transform_0": {"with_label": with_label},
        }})
    };
    json!({
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": [9999], "host": [10000], "arbiter": [10000]},
        "component_parameters": {
            "common": {"hetero_lr_0": {
                "penalty": "L2", "alpha": 0.01, "optimizer": "rmsprop", "learning_rate": 0.15, "batch_size": -1,
                "max_iter": max_iter, "early_stop": "diff", "tol": 1e-9, "init_param": {"init_method": "zeros"},
            }},
            "role": {"guest": own("guest", true), "host": own("host", false)},
        },
    })
}

/// FATE's toy job.
pub fn toy() -> (Value, Value) {
    let dsl = json!({"components": {"secure_add_example_0": {"module": "SecureAddExample"}}});
    let conf = json!({
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": ["9999"], "host": ["10000"]},
        "job_parameters": {"common": {"task_cores": 2}},
        "component_parameters": {
            "role": {
                "guest": {"0": {"secure_add_example_0": {"seed": 123}}},
                "host": {"secure_add_example_0": {"seed": 321}},
            },
            "common": {"secure_add_example_0": {"partition": 4, "data_num": 1000}},
        },
    });
    (dsl, conf)
}
