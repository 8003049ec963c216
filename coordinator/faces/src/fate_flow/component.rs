//! `component/get`: what the connected parties can run.

use doors::{Answer, Reply};
use serde_json::{Map, Value, json};

use super::FateFlow;
use super::reply::answer;
use super::request::Call;

const PROVIDER: &str = "fedflow";

/// Every module under its lower-case name and each of its other spellings.
pub(super) async fn all(face: FateFlow, _call: Call) -> Answer {
    let mut modules = Map::new();
    for (_, component) in face.coordinator().components() {
        let entry = json!({"default_provider": PROVIDER, "support_provider": [PROVIDER], "alias": component.modules});
        for module in &component.modules {
            modules.insert(module.to_lowercase(), entry.clone());
            modules.insert(module.clone(), entry.clone());
        }
    }
    answer(Reply::data(Value::Object(modules)))
}
