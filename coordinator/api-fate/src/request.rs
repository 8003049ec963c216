//! What a handler reads: a JSON body of any kind, ids as texts or numbers, and who asks.

use rest::Failure;
use rest::fields::flag;
pub(super) use rest::fields::{id_value, text_of};
use serde_json::{Map, Value};
use service::Principal;
use vocabulary::{JobId, PartyId, Role, StepName};
use wire::agent_link::Caller;

/// One request, read.
pub struct Call {
    /// What stands in the path where the route says `{name}`, as it was sent.
    pub(super) segment: Option<String>,
    /// The body; empty when it was absent, malformed or another value than an object.
    pub(super) body: Map<String, Value>,
    /// Who asks.
    pub(super) principal: Principal,
    /// Who asks, in the words of the link; `Outsider` for everybody at the coordinator's own REST endpoint.
    pub(super) caller: Caller,
}

impl Call {
    /// A member as text: numbers are spelled out, null counts as absent.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.body.get(key).and_then(text_of)
    }

    /// A member as a list of texts: one value is a list of one.
    pub(super) fn texts(&self, key: &str) -> Option<Vec<String>> {
        match self.body.get(key)? {
            Value::Null => None,
            Value::Array(values) => Some(values.iter().filter_map(text_of).collect()),
            value => text_of(value).map(|text| vec![text]),
        }
    }

    /// A member that the handler cannot do without, in the form of an uncaught error.
    pub(super) fn need(&self, key: &str) -> Result<String, Failure> {
        self.text(key)
            .ok_or_else(|| Failure::exception("KeyError", key))
    }

    /// Fails with the text of validated endpoints unless every member is there.
    pub(super) fn validated(&self, keys: &[&'static str]) -> Result<(), Failure> {
        let missing = self.missing(keys);
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Failure::arguments_missing(&missing))
        }
    }

    /// Fails with the text of the older checker unless every member is there.
    pub(super) fn checked(&self, keys: &[&'static str]) -> Result<(), Failure> {
        if self.body.is_empty() {
            return Err(Failure::no_parameters());
        }
        let missing = self.missing(keys);
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Failure::parameters_missing(&missing))
        }
    }

    fn missing(&self, keys: &[&'static str]) -> Vec<&'static str> {
        keys.iter()
            .copied()
            .filter(|key| self.body.get(*key).is_none_or(Value::is_null))
            .collect()
    }

    /// The job that is meant; `None` when none is named or the text can name none.
    pub(super) fn job(&self) -> Option<JobId> {
        self.text("job_id").and_then(|text| JobId::new(text).ok())
    }

    /// The step that is meant.
    pub(super) fn step(&self) -> Option<StepName> {
        self.text("component_name")
            .and_then(|text| StepName::new(text).ok())
    }

    /// The role that is meant.
    pub(super) fn role(&self) -> Option<Role> {
        self.text("role").and_then(|text| text.parse().ok())
    }

    /// The party that is meant; 0 stands for none in particular.
    pub(super) fn party(&self) -> Option<PartyId> {
        self.text("party_id")
            .filter(|text| text != "0")
            .and_then(|text| PartyId::new(text).ok())
    }

    /// Whether a flag is set, in any of its spellings.
    pub(super) fn flag(&self, key: &str) -> bool {
        flag(self.body.get(key))
    }
}
