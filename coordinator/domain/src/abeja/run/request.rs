//! What is asked of a run, read from JSON: everything that can be wrong with it is said before anything is stored.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

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
    Unfit {
        member: member.to_owned(),
        rule: rule.into(),
    }
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
    /// Reads `{"$datalake:1": "channel/file"}`; nothing for null.
    pub fn read(member: &str, value: &Value) -> Result<Option<Self>, Unfit> {
        let object = match value {
            Value::Null => return Ok(None),
            Value::Object(object) => object,
            _ => return Err(unfit(member, "an object with one key, $datalake:1")),
        };
        let (Some((key, value)), 1) = (object.iter().next(), object.len()) else {
            return Err(unfit(member, "exactly one key, $datalake:1"));
        };
        if key != DATALAKE {
            return Err(unfit(
                member,
                format!(
                    "the operator {} is not known; $datalake:1 is",
                    shortened(key)
                ),
            ));
        }
        let text = value
            .as_str()
            .ok_or_else(|| unfit(member, "$datalake:1 takes a text"))?;
        let (channel, file) = match text.split_once('/') {
            Some((channel, file)) => (channel, Some(file)),
            None => (text, None),
        };
        // No further slash: the text becomes a place below a party's folder of files.
        let fits = |text: &str| !text.is_empty() && text.len() <= 128 && !text.contains('/');
        if !fits(channel) || file.is_some_and(|file| !fits(file)) {
            return Err(unfit(member, "$datalake:1 takes <channel_id>/<file_id>"));
        }
        Ok(Some(Self {
            channel: channel.to_owned(),
            file: file.map(str::to_owned),
        }))
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
    /// Where its predictions go, as it was written, and the channel that is meant, if one is.
    pub output: Option<(Value, Option<FileName>)>,
    /// The number that chooses its queue.
    pub distribution: Option<Number>,
    /// How often it is tried again.
    pub retries: u32,
    /// Variables, over those of the deployment.
    pub environment: BTreeMap<String, String>,
}

impl RunRequest {
    /// Reads a request.
    pub fn read(body: &Map<String, Value>) -> Result<Self, Unfit> {
        let given = |key: &str| body.get(key).filter(|value| !value.is_null());
        let version = given("version_id")
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty());
        let input = FileName::read("input_data", body.get("input_data").unwrap_or(&Value::Null))?;
        if input.as_ref().is_some_and(|input| input.file.is_none()) {
            return Err(unfit(
                "input_data",
                "$datalake:1 takes <channel_id>/<file_id>",
            ));
        }
        Ok(Self {
            version: version
                .ok_or_else(|| unfit("version_id", "the id of a version of the deployment"))?
                .to_owned(),
            models: read_texts("models", given("models"))?,
            input: input.and_then(|input| Some((body.get("input_data")?.clone(), input))),
            output: given("output_template").map(read_template).transpose()?,
            distribution: given("distribution").map(read_distribution).transpose()?,
            retries: match given("retry_count") {
                None => RETRIES,
                Some(value) => read_retries(value)?,
            },
            environment: read_texts("environment", given("environment"))?,
        })
    }
}

/// A template is kept as it is; it means a channel where it has the form of a file's name.
fn read_template(value: &Value) -> Result<(Value, Option<FileName>), Unfit> {
    if !value.is_object() {
        return Err(unfit("output_template", "an object"));
    }
    Ok((
        value.clone(),
        FileName::read("output_template", value).unwrap_or_default(),
    ))
}

/// Whole numbers of any size; those beyond what is exact choose the queue of the number that was read.
fn read_distribution(value: &Value) -> Result<Number, Unfit> {
    let number = value.as_number().filter(|number| {
        number.as_u64().is_some()
            || number
                .as_f64()
                .is_some_and(|large| large >= 0.0 && large.fract() == 0.0)
    });
    number
        .cloned()
        .ok_or_else(|| unfit("distribution", "a whole number from 0 on"))
}

/// The queue, of so many, that a number chooses.
pub fn queue_of(distribution: &Number, queues: u32) -> u32 {
    let rest = match distribution.as_u64() {
        Some(number) => (number % u64::from(queues)) as f64,
        // Beyond 64 bits a number is a float already; its remainder is that of the value that was
        // read.
        None => distribution
            .as_f64()
            .unwrap_or_default()
            .rem_euclid(f64::from(queues)),
    };
    (0..queues)
        .find(|queue| f64::from(*queue) >= rest.floor())
        .unwrap_or_default()
}

fn read_retries(value: &Value) -> Result<u32, Unfit> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    let fits = number.filter(|number| *number <= MOST_RETRIES);
    fits.ok_or_else(|| {
        unfit(
            "retry_count",
            format!("a whole number from 0 to {MOST_RETRIES}"),
        )
    })
}

/// An object of texts, such as an environment.
pub fn read_texts(member: &str, value: Option<&Value>) -> Result<BTreeMap<String, String>, Unfit> {
    let Some(value) = value else {
        return Ok(BTreeMap::new());
    };
    let rule = || {
        unfit(
            member,
            format!("an object of at most {MOST_VARIABLES} texts of at most {LONGEST} bytes"),
        )
    };
    let object = value
        .as_object()
        .filter(|object| object.len() <= MOST_VARIABLES)
        .ok_or_else(rule)?;
    let text = |(key, value): (&String, &Value)| {
        let text = value
            .as_str()
            .filter(|text| text.len() <= LONGEST && key.len() <= LONGEST)?;
        Some((key.clone(), text.to_owned()))
    };
    object
        .iter()
        .map(|pair| text(pair).ok_or_else(rule))
        .collect()
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
        assert_eq!((request.retries, &request.distribution), (5, &None));
        assert!(
            request.input.is_none() && request.models.is_empty() && request.environment.is_empty()
        );
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
        assert_eq!(
            (request.retries, request.distribution.clone()),
            (0, Some(0.into()))
        );
        let file = FileName {
            channel: "2222222222222".into(),
            file: Some("20180101T112233-4".into()),
        };
        assert_eq!(request.input.clone(), Some((input, file)));
        let output = request.output.clone().expect("output");
        assert_eq!(
            output,
            (
                json!({"$datalake:1": "7"}),
                Some(FileName {
                    channel: "7".into(),
                    file: None
                })
            )
        );
        assert_eq!(
            (
                request.models["alias"].as_str(),
                request.environment["DEBUG"].as_str()
            ),
            ("3", "1")
        );
    }

    #[test]
    fn keeps_templates_that_mean_nothing_here() {
        for template in [json!({}), json!({"$foo:1": "x"}), json!({"$datalake:1": 3})] {
            let request =
                read(json!({"version_id": "v", "output_template": template})).expect("fits");
            assert_eq!(request.output, Some((template, None)));
        }
    }

    #[test]
    fn numbers_of_any_size_choose_a_queue() {
        let queue = |number: &str| {
            let body = format!("{{\"version_id\": \"v\", \"distribution\": {number}}}");
            let request = read(serde_json::from_str(&body).expect("JSON")).expect("fits");
            queue_of(&request.distribution.expect("a number"), 16)
        };
        assert_eq!(
            (queue("0"), queue("19"), queue("18446744073709551615")),
            (0, 3, 15)
        );
        assert_eq!((queue("18446744073709551616"), queue("1e300")), (0, 0));
    }

    #[test]
    fn says_which_member_is_wrong() {
        let cases = [
            (json!({}), "version_id"),
            (json!({"version_id": 1}), "version_id"),
            (json!({"version_id": "v", "retry_count": 10}), "retry_count"),
            (json!({"version_id": "v", "retry_count": -1}), "retry_count"),
            (
                json!({"version_id": "v", "retry_count": "x"}),
                "retry_count",
            ),
            (
                json!({"version_id": "v", "retry_count": 1.5}),
                "retry_count",
            ),
            (
                json!({"version_id": "v", "distribution": -1}),
                "distribution",
            ),
            (
                json!({"version_id": "v", "distribution": true}),
                "distribution",
            ),
            (
                json!({"version_id": "v", "environment": {"A": 1}}),
                "environment",
            ),
            (json!({"version_id": "v", "environment": []}), "environment"),
            (
                json!({"version_id": "v", "models": {"alias": null}}),
                "models",
            ),
            (json!({"version_id": "v", "input_data": "x"}), "input_data"),
            (
                json!({"version_id": "v", "input_data": {"$s3:1": "a/b"}}),
                "input_data",
            ),
            (
                json!({"version_id": "v", "input_data": {"$datalake:1": "a"}}),
                "input_data",
            ),
            (
                json!({"version_id": "v", "input_data": {"$datalake:1": "a/b/c"}}),
                "input_data",
            ),
            (
                json!({"version_id": "v", "input_data": {"$datalake:1": "a/b", "$datalake:2": "a/b"}}),
                "input_data",
            ),
            (json!({"version_id": "v", "input_data": {}}), "input_data"),
            (
                json!({"version_id": "v", "distribution": 0.5}),
                "distribution",
            ),
            (
                json!({"version_id": "v", "output_template": "x"}),
                "output_template",
            ),
        ];
        for (body, member) in cases {
            assert_eq!(
                read(body.clone()).expect_err("unfit").member,
                member,
                "{body}"
            );
        }
    }
}
