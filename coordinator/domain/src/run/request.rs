//! What is asked of a run, read from JSON: everything that can be wrong with it is said before anything is stored.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Most retries of a run.
pub const MOST_RETRIES: u32 = 9;
const RETRIES: u32 = 5;
/// The only way to name a file.
const DATALAKE: &str = "$datalake:1";
/// Longest text of one value, so that a run stays small.
const LONGEST: usize = 4_096;
/// Most variables of an environment.
const MOST_VARIABLES: usize = 256;

/// What is wrong with a request: the member, and what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{member}: {rule}")]
pub struct Unfit {
    /// The member.
    pub member: String,
    /// What it must be.
    pub rule: String,
}

fn unfit(member: &str, rule: impl Into<String>) -> Unfit {
    Unfit { member: member.to_owned(), rule: rule.into() }
}

/// A file of a channel, or a channel and whatever file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName {
    /// The channel.
    pub channel: String,
    /// The file.
    pub file: Option<String>,
}

impl FileName {
    /// Reads `{"$datalake:1": "channel/file"}`; nothing for null and for an object with nothing in it.
    pub fn read(member: &str, value: &Value) -> Result<Option<Self>, Unfit> {
        let object = match value {
            Value::Null => return Ok(None),
            Value::Object(object) if object.is_empty() => return Ok(None),
            Value::Object(object) => object,
            _ => return Err(unfit(member, "an object with one key, $datalake:1")),
        };
        let (Some((key, value)), 1) = (object.iter().next(), object.len()) else {
            return Err(unfit(member, "exactly one key, $datalake:1"));
        };
        if key != DATALAKE {
            return Err(unfit(member, format!("the operator {} is not known; $datalake:1 is", shortened(key))));
        }
        let text = value.as_str().ok_or_else(|| unfit(member, "$datalake:1 takes a text"))?;
        let (channel, file) = match text.split_once('/') {
            Some((channel, file)) => (channel, Some(file)),
            None => (text, None),
        };
        let fits = |text: &str| !text.is_empty() && text.len() <= 128 && !text.contains('/');
        if !fits(channel) || file.is_some_and(|file| !fits(file)) {
            return Err(unfit(member, "$datalake:1 takes <channel_id>/<file_id>"));
        }
        Ok(Some(Self { channel: channel.to_owned(), file: file.map(str::to_owned) }))
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

/// A well-formed request for a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    /// The version of the deployment.
    pub version: String,
    /// Training models by alias.
    pub models: BTreeMap<String, String>,
    /// What it reads, as it was written, and the file that is meant.
    pub input: Option<(Value, FileName)>,
    /// Where its predictions go, as it was written, and the channel that is meant.
    pub output: Option<(Value, FileName)>,
    /// The number that chooses its queue.
    pub distribution: Option<u64>,
    /// How often it is tried again.
    pub retries: u32,
    /// Variables, over those of the deployment.
    pub environment: BTreeMap<String, String>,
}

impl RunRequest {
    /// Reads a request.
    pub fn read(body: &Map<String, Value>) -> Result<Self, Unfit> {
        let given = |key: &str| body.get(key).filter(|value| !value.is_null());
        let version = given("version_id").and_then(Value::as_str).filter(|text| !text.is_empty());
        let named = |key: &str| FileName::read(key, body.get(key).unwrap_or(&Value::Null));
        let with_value = |key: &str, name: Option<FileName>| Some((body.get(key)?.clone(), name?));
        let (input, output) = (named("input_data")?, named("output_template")?);
        if input.as_ref().is_some_and(|input| input.file.is_none()) {
            return Err(unfit("input_data", "$datalake:1 takes <channel_id>/<file_id>"));
        }
        Ok(Self {
            version: version.ok_or_else(|| unfit("version_id", "the id of a version of the deployment"))?.to_owned(),
            models: read_texts("models", given("models"))?,
            input: with_value("input_data", input),
            output: with_value("output_template", output),
            distribution: match given("distribution") {
                None => None,
                Some(value) => Some(value.as_u64().ok_or_else(|| unfit("distribution", "a whole number from 0 on"))?),
            },
            retries: match given("retry_count") {
                None => RETRIES,
                Some(value) => read_retries(value)?,
            },
            environment: read_texts("environment", given("environment"))?,
        })
    }
}

fn read_retries(value: &Value) -> Result<u32, Unfit> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    let fits = number.filter(|number| *number <= MOST_RETRIES);
    fits.ok_or_else(|| unfit("retry_count", format!("a whole number from 0 to {MOST_RETRIES}")))
}

/// An object of texts, such as an environment.
pub fn read_texts(member: &str, value: Option<&Value>) -> Result<BTreeMap<String, String>, Unfit> {
    let Some(value) = value else { return Ok(BTreeMap::new()) };
    let rule = || unfit(member, format!("an object of at most {MOST_VARIABLES} texts of at most {LONGEST} bytes"));
    let object = value.as_object().filter(|object| object.len() <= MOST_VARIABLES).ok_or_else(rule)?;
    let text = |(key, value): (&String, &Value)| {
        let text = value.as_str().filter(|text| text.len() <= LONGEST && key.len() <= LONGEST)?;
        Some((key.clone(), text.to_owned()))
    };
    object.iter().map(|pair| text(pair).ok_or_else(rule)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Result<RunRequest, Unfit> {
        RunRequest::read(body.as_object().expect("object"))
    }

    #[test]
    fn fills_in_what_is_not_given() {
        let request = read(json!({"version_id": "ver-1", "environment": {}})).expect("fits");
        assert_eq!((request.retries, request.distribution), (5, None));
        assert!(request.input.is_none() && request.models.is_empty() && request.environment.is_empty());
        let nulls = json!({"version_id": "ver-1", "environment": null, "input_data": null, "retry_count": null});
        assert_eq!(read(nulls).expect("fits"), request);
    }

    #[test]
    fn keeps_zeros_and_everything_as_it_was_written() {
        let input = json!({"$datalake:1": "2222222222222/20180101T112233-4"});
        let body = json!({
            "version_id": "ver-1", "retry_count": 0, "distribution": 0, "models": {"alias": "3"}, "input_data": input,
            "output_template": {"$datalake:1": "7"}, "environment": {"DEBUG": "1"},
        });
        let request = read(body).expect("fits");
        assert_eq!((request.retries, request.distribution), (0, Some(0)));
        let file = FileName { channel: "2222222222222".into(), file: Some("20180101T112233-4".into()) };
        assert_eq!(request.input, Some((input, file)));
        assert_eq!(request.output.expect("output").1, FileName { channel: "7".into(), file: None });
        assert_eq!((request.models["alias"].as_str(), request.environment["DEBUG"].as_str()), ("3", "1"));
    }

    #[test]
    fn says_which_member_is_wrong() {
        let cases = [
            (json!({}), "version_id"),
            (json!({"version_id": 1}), "version_id"),
            (json!({"version_id": "v", "retry_count": 10}), "retry_count"),
            (json!({"version_id": "v", "retry_count": -1}), "retry_count"),
            (json!({"version_id": "v", "retry_count": "x"}), "retry_count"),
            (json!({"version_id": "v", "retry_count": 1.5}), "retry_count"),
            (json!({"version_id": "v", "distribution": -1}), "distribution"),
            (json!({"version_id": "v", "distribution": true}), "distribution"),
            (json!({"version_id": "v", "environment": {"A": 1}}), "environment"),
            (json!({"version_id": "v", "environment": []}), "environment"),
            (json!({"version_id": "v", "models": {"alias": null}}), "models"),
            (json!({"version_id": "v", "input_data": "x"}), "input_data"),
            (json!({"version_id": "v", "input_data": {"$s3:1": "a/b"}}), "input_data"),
            (json!({"version_id": "v", "input_data": {"$datalake:1": "a"}}), "input_data"),
            (json!({"version_id": "v", "input_data": {"$datalake:1": "a/b/c"}}), "input_data"),
            (json!({"version_id": "v", "input_data": {"$datalake:1": "a/b", "$datalake:2": "a/b"}}), "input_data"),
            (json!({"version_id": "v", "output_template": {"$datalake:1": 3}}), "output_template"),
        ];
        for (body, member) in cases {
            assert_eq!(read(body.clone()).expect_err("unfit").member, member, "{body}");
        }
    }
}
