//! Job documents: a DSL and a runtime conf, between them a line `---`.

use std::sync::LazyLock;

use job_dsl::{ParseContext, parse};
use serde_json::Value;
use vocabulary::ComponentInfo;

/// What parties announced: a part of the components, with a part of their parameters.
static CATALOGUE: LazyLock<Vec<ComponentInfo>> =
    LazyLock::new(|| serde_json::from_str(include_str!("catalogue.json")).expect("a catalogue"));

/// The target: documents are read as a job, the same one each time, or everything wrong with them is said.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (dsl, conf) = text.split_once("\n---\n").unwrap_or((&text, "{}"));
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    let (dsl, conf) = (read(dsl), read(conf));
    let context = ParseContext {
        components: &CATALOGUE,
        ..ParseContext::default()
    };
    match parse(&dsl, &conf, &context) {
        Ok(parsed) => {
            assert!(!parsed.graph.steps.is_empty(), "a job without steps");
            let again = parse(&dsl, &conf, &context).expect("read once");
            assert_eq!(again.graph, parsed.graph);
            assert_eq!(again.conf, parsed.conf);
        }
        Err(wrong) => {
            assert!(!wrong.is_empty(), "refused without a reason");
            assert!(wrong.iter().all(|one| !one.to_string().is_empty()));
        }
    }
}
