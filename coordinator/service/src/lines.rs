//! The documents of the small jobs behind datasets, models and what is asked of models. Pure.

use serde_json::{Map, Value, json};
use vocabulary::{PartyId, TableRef};

/// The namespace of the tables of datasets.
pub(crate) const NAMESPACE: &str = "datasets";
/// How long a job may take, in seconds.
const SECONDS: u32 = 600;
/// The steps, by the names that all these documents use.
pub(crate) const TRANSFORM: &str = "lines_transform_0";
pub(crate) const SPLIT: &str = "lines_split_0";
pub(crate) const LEARNER: &str = "local_learner_0";
const READER: &str = "reader_0";
const LINES: &str = "lines_reader_0";

/// Who does the work: the party alone, moving its own rows; or as the guest of a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum As {
    Local,
    Guest,
}

/// Where lines come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A table of the party.
    Table(TableRef),
    /// A file of the party.
    File(String),
    /// The request itself.
    Lines(Vec<String>),
}

/// A DSL and a conf.
pub(crate) type Documents = (Value, Value);

impl Source {
    /// Its step. A party alone reads tables as lines, too.
    fn step(&self, who: As) -> &'static str {
        match (self, who) {
            (Self::Table(_), As::Guest) => READER,
            _ => LINES,
        }
    }

    fn component(&self, who: As) -> Value {
        let module = if self.step(who) == READER {
            "Reader"
        } else {
            "LinesReader"
        };
        json!({"module": module, "output": {"data": ["data"]}})
    }

    /// Its parameters. All fields of a lines reader are said, so that none of a training's stays.
    fn parameters(&self, who: As) -> Value {
        let named = |table: &TableRef| json!({"namespace": table.namespace, "name": table.name});
        match (self, who) {
            (Self::Table(table), As::Guest) => json!({"table": named(table)}),
            (Self::Table(table), As::Local) => {
                json!({"file": null, "table": named(table), "lines": null})
            }
            (Self::File(file), _) => json!({"file": file, "table": null, "lines": null}),
            (Self::Lines(lines), _) => json!({"file": null, "table": null, "lines": lines}),
        }
    }

    fn output(&self, who: As) -> String {
        format!("{}.data", self.step(who))
    }

    /// Whether it is a table.
    pub(crate) fn is_table(&self) -> bool {
        matches!(self, Self::Table(_))
    }
}

fn conf(who: As, party: &PartyId, common: Value, parameters: Map<String, Value>) -> Value {
    let id = party
        .as_str()
        .parse::<u64>()
        .map_or_else(|_| json!(party.as_str()), |id| json!(id));
    let mut common = common.as_object().cloned().unwrap_or_default();
    common.insert("timeout".to_owned(), json!(SECONDS));
    let role = if who == As::Local { "local" } else { "guest" };
    json!({
        "dsl_version": 2,
        "initiator": {"role": role, "party_id": id},
        "role": {role: [id]},
        "job_parameters": {"common": common},
        "component_parameters": {"role": {role: {"0": parameters}}},
    })
}

fn writer(step: &str, from: &str, table: &TableRef) -> (Map<String, Value>, Map<String, Value>) {
    let component = json!({"module": "Writer", "input": {"data": {"data": [from]}}});
    let parameters = json!({"output_namespace": table.namespace, "output_name": table.name});
    let named = |value: Value| Map::from_iter([(step.to_owned(), value)]);
    (named(component), named(parameters))
}

/// Lines from a source, transformed, to a table. `steps`: as they were sent, or why they cannot be read.
pub(crate) fn transform(
    party: &PartyId,
    from: &Source,
    steps: Result<String, String>,
    to: &TableRef,
) -> Documents {
    let input = json!({"data": {"data": [from.output(As::Local)]}});
    let mut components = Map::from_iter([
        (from.step(As::Local).to_owned(), from.component(As::Local)),
        (
            TRANSFORM.to_owned(),
            json!({"module": "LinesTransform", "input": input, "output": {"data": ["data"]}}),
        ),
    ]);
    let steps = match steps {
        Ok(steps) => json!({"steps": steps}),
        Err(refusal) => json!({"refusal": refusal}),
    };
    let mut parameters = Map::from_iter([
        (from.step(As::Local).to_owned(), from.parameters(As::Local)),
        (TRANSFORM.to_owned(), steps),
    ]);
    let (component, written) = writer("writer_0", &format!("{TRANSFORM}.data"), to);
    components.extend(component);
    parameters.extend(written);
    (
        json!({"components": components}),
        conf(As::Local, party, json!({"job_type": "train"}), parameters),
    )
}

/// Lines from a source, dealt out to two tables.
pub(crate) fn split(party: &PartyId, from: &Source, train: f64, to: [&TableRef; 2]) -> Documents {
    let input = json!({"data": {"data": [from.output(As::Local)]}});
    let mut components = Map::from_iter([
        (from.step(As::Local).to_owned(), from.component(As::Local)),
        (
            SPLIT.to_owned(),
            json!({"module": "LinesSplit", "input": input, "output": {"data": ["train", "test"]}}),
        ),
    ]);
    let mut parameters = Map::from_iter([
        (from.step(As::Local).to_owned(), from.parameters(As::Local)),
        (SPLIT.to_owned(), json!({"train": train})),
    ]);
    for (step, output, table) in [("writer_0", "train", to[0]), ("writer_1", "test", to[1])] {
        let (component, written) = writer(step, &format!("{SPLIT}.{output}"), table);
        components.extend(component);
        parameters.extend(written);
    }
    (
        json!({"components": components}),
        conf(As::Local, party, json!({"job_type": "train"}), parameters),
    )
}

/// A model learned from a source.
pub(crate) fn train(
    party: &PartyId,
    from: &Source,
    model_type: &str,
    format: &str,
    learner: &str,
) -> Documents {
    let input = json!({"data": {"train_data": [from.output(As::Guest)]}});
    let components = Map::from_iter([
        (from.step(As::Guest).to_owned(), from.component(As::Guest)),
        (
            LEARNER.to_owned(),
            json!({"module": "LocalLearner", "input": input, "output": {"model": ["model"]}}),
        ),
    ]);
    let own = json!({"model_type": model_type, "format": format, "learner": learner});
    let parameters = Map::from_iter([
        (from.step(As::Guest).to_owned(), from.parameters(As::Guest)),
        (LEARNER.to_owned(), own),
    ]);
    (
        json!({"components": components}),
        conf(As::Guest, party, json!({"job_type": "train"}), parameters),
    )
}

/// The DSL with which a model is applied to a table, or to lines.
pub(crate) fn applying(tables: bool) -> Value {
    let source = if tables {
        Source::Table(TableRef::new("", ""))
    } else {
        Source::Lines(Vec::new())
    };
    let input = json!({"data": {"test_data": [source.output(As::Guest)]}, "model": [format!("pipeline.{LEARNER}.model")]});
    let learner = json!({"module": "LocalLearner", "input": input, "output": {"data": ["data"]}});
    let components = Map::from_iter([
        (
            source.step(As::Guest).to_owned(),
            source.component(As::Guest),
        ),
        (LEARNER.to_owned(), learner),
    ]);
    json!({"components": components})
}

/// Whether a training's DSL is that of a model of lines.
pub(crate) fn learns_lines(dsl: &Value) -> bool {
    dsl.pointer(&format!("/components/{LEARNER}/module")) == Some(&json!("LocalLearner"))
}

/// A conf that applies a deployed version to a source: printed, or compared with labels.
pub(crate) fn predict(
    party: &PartyId,
    (id, version): (&str, &str),
    from: &Source,
    evaluate: bool,
) -> Value {
    let own = json!({"evaluate": evaluate, "print": !evaluate});
    let parameters = Map::from_iter([
        (from.step(As::Guest).to_owned(), from.parameters(As::Guest)),
        (LEARNER.to_owned(), own),
    ]);
    conf(
        As::Guest,
        party,
        json!({"job_type": "predict", "model_id": id, "model_version": version}),
        parameters,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party() -> PartyId {
        PartyId::new("9999").expect("valid")
    }

    #[test]
    fn names_what_is_read_and_written() {
        let table = TableRef::new(NAMESPACE, "b");
        let (dsl, conf) = transform(
            &party(),
            &Source::File("files://c/o".into()),
            Ok("[]".into()),
            &table,
        );
        let own = &conf["component_parameters"]["role"]["local"]["0"];
        assert_eq!(
            own["lines_reader_0"],
            json!({"file": "files://c/o", "table": null, "lines": null})
        );
        assert_eq!(
            own["writer_0"],
            json!({"output_namespace": "datasets", "output_name": "b"})
        );
        assert_eq!(
            dsl["components"]["writer_0"]["input"]["data"]["data"],
            json!(["lines_transform_0.data"])
        );
        assert_eq!(conf["role"], json!({"local": [9999]}));
        let (dsl, _) = split(
            &party(),
            &Source::Table(table.clone()),
            0.9,
            [&table, &table],
        );
        assert_eq!(dsl["components"].as_object().map(Map::len), Some(4));
    }

    #[test]
    fn a_prediction_says_both_fields_of_its_source() {
        let conf = predict(
            &party(),
            ("guest-9999#model", "1"),
            &Source::Lines(vec!["1,2".into()]),
            false,
        );
        let own = &conf["component_parameters"]["role"]["guest"]["0"];
        assert_eq!(
            own["lines_reader_0"],
            json!({"file": null, "table": null, "lines": ["1,2"]})
        );
        assert_eq!(
            own["local_learner_0"],
            json!({"evaluate": false, "print": true})
        );
        assert_eq!(
            conf["job_parameters"]["common"]["model_version"],
            json!("1")
        );
        assert!(applying(true)["components"]["reader_0"].is_object());
        assert!(learns_lines(&applying(true)) && !learns_lines(&json!({"components": {}})));
        assert!(applying(false)["components"]["lines_reader_0"].is_object());
    }
}
