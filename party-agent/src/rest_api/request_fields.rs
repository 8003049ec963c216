//! A JSON request, read as forgivingly as FATE reads: ids as texts or numbers, unknown members ignored.

use axum::extract::{FromRequest, Request};
use rest::{CredentialName, Failure, Lenient};
use serde_json::{Map, Value};
use vocabulary::{JobId, Role, StepName, TableRef};
use wire::agent_link::Caller;

/// Who asks at an endpoint that asks nobody for a credential.
const ANYBODY: &str = "the party's own user";

/// The members of a request's body.
pub(super) struct RequestFields {
    pub(super) body: Map<String, Value>,
    /// The name of the credential that came with it.
    pub(super) asked_by: Option<String>,
}

/// Who asks: the name of the credential, or whoever reaches an endpoint that asks for none. None for what came over the link,
/// where the coordinator could write any name.
pub(super) fn asked_by(request: &Request) -> Option<String> {
    match (
        request.extensions().get::<CredentialName>(),
        request.extensions().get::<Caller>(),
    ) {
        (Some(CredentialName(name)), _) => Some(name.to_string()),
        (None, None) => Some(ANYBODY.to_owned()),
        (None, Some(_)) => None,
    }
}

impl RequestFields {
    /// Fields that the agent itself puts together.
    pub(super) fn of(body: Map<String, Value>) -> Self {
        Self {
            body,
            asked_by: None,
        }
    }

    /// Reads the body; absent and malformed ones are empty.
    pub(super) async fn read(request: Request) -> Result<Self, Failure> {
        let asked_by = asked_by(&request);
        let Lenient(body) = Lenient::from_request(request, &()).await?;
        Ok(Self {
            body: body.as_object().cloned().unwrap_or_default(),
            asked_by,
        })
    }

    /// A member as text; null is absent.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        match self.body.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// A member as a whole number.
    pub(super) fn number(&self, key: &str) -> Option<i64> {
        self.text(key)?.trim().parse().ok()
    }

    /// A member as a truth value in any of its spellings.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        let text = self.text(key)?;
        // a text that says neither yes nor no sets a flag, as at the coordinator
        Some(vocabulary::truth_of_text(&text).unwrap_or(true))
    }

    /// Fails with the text of validated endpoints unless every member is there.
    pub(super) fn validated(&self, keys: &[&'static str]) -> Result<(), Failure> {
        let missing: Vec<&str> = keys
            .iter()
            .copied()
            .filter(|key| self.body.get(*key).is_none_or(Value::is_null))
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Failure::arguments_missing(&missing))
        }
    }

    /// The job that is meant; none when the text can name none.
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

    /// The table that is meant, by either of its spellings.
    pub(super) fn table(&self) -> Option<TableRef> {
        let name = self.text("table_name").or_else(|| self.text("name"))?;
        Some(TableRef::new(self.text("namespace")?, name))
    }
}
