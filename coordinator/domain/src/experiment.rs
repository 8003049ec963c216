//! Experiments: named collections of jobs. Some APIs see a workspace in them, with limits for the work done on it.

pub mod query;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vocabulary::{ErrorCode, ExperimentId, Fault, Tenant, Timestamp};

/// The name of the experiment that takes jobs which name none.
pub const DEFAULT_NAME: &str = "Default";
/// Characters of its id that are put behind a name which is taken.
const SUFFIX: usize = 8;
/// The name's beginning where neither a name is given nor free.
const NAMELESS: &str = "meteos";

/// A named collection of jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// Its id, a UUID.
    pub id: ExperimentId,
    /// Whose it is.
    pub tenant: Tenant,
    /// The name that no other experiment of the tenant has.
    pub unique_name: String,
    /// The name as it was given, which others may have too.
    pub display_name: Option<String>,
    /// Notes.
    pub description: String,
    /// Put away: no new work starts on it.
    pub archived: bool,
    /// Whether work can be done on it.
    pub workspace: Workspace,
    /// The compute profile it was made with; `None` for the default one.
    pub profile: Option<String>,
    /// What it was allowed when it was made: a copy, so that it outlives the profile.
    #[serde(default)]
    pub limits: vocabulary::Limits,
    /// What an API keeps with it.
    #[serde(default)]
    pub details: Map<String, Value>,
    /// Who made it.
    pub creator: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
    /// Whether it is deleted; its jobs stay and point at it.
    pub deleted: bool,
}

/// Whether work can be done on an experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Workspace {
    /// Its parties were not all heard yet.
    Preparing,
    /// Work can be done.
    Ready,
    /// It cannot be used, and why.
    Broken(Fault),
}

/// What is asked for when an experiment is made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewExperiment {
    /// Whose it is.
    pub tenant: Tenant,
    /// Its name.
    pub name: Name,
    /// Notes.
    pub description: String,
    /// Whether work can be done at once.
    pub workspace: Workspace,
    /// The compute profile; `None` for the default one.
    pub profile: Option<String>,
    /// What the profile allows.
    pub limits: vocabulary::Limits,
    /// What an API keeps with it.
    pub details: Map<String, Value>,
    /// Who makes it.
    pub creator: String,
}

/// A name as an API takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// It must be free.
    Unique(String),
    /// Others may have it, or there is none; the unique name is made from it.
    Display(Option<String>),
}

impl NewExperiment {
    /// An experiment that is ready at once, without a profile of its own.
    pub fn named(tenant: Tenant, name: impl Into<String>) -> Self {
        Self {
            tenant,
            name: Name::Unique(name.into()),
            description: String::new(),
            workspace: Workspace::Ready,
            profile: None,
            limits: vocabulary::Limits::default(),
            details: Map::new(),
            creator: String::new(),
        }
    }

    /// The experiment under an id; `taken` tells whether an experiment of the tenant has a name already. Refuses an empty
    /// or taken name where it must be unique.
    pub fn make(self, id: ExperimentId, taken: bool, now: Timestamp) -> Result<Experiment, Fault> {
        let (unique_name, display_name) = match self.name {
            Name::Unique(name) if name.is_empty() => {
                return Err(Fault::new(
                    ErrorCode::RequestInvalid,
                    "the experiment's name is empty",
                )
                .path("name"));
            }
            Name::Unique(name) if taken => {
                let message = format!("an experiment with the name {name} exists already");
                return Err(Fault::new(ErrorCode::Conflict, message)
                    .path("name")
                    .next("specify a new name"));
            }
            Name::Unique(name) => (name.clone(), Some(name)),
            Name::Display(Some(name)) if !taken && !name.is_empty() => (name.clone(), Some(name)),
            Name::Display(name) => (made_unique(name.as_deref(), &id), name),
        };
        Ok(Experiment {
            id,
            tenant: self.tenant,
            unique_name,
            display_name,
            description: self.description,
            archived: false,
            workspace: self.workspace,
            profile: self.profile,
            limits: self.limits,
            details: self.details,
            creator: self.creator,
            created: now,
            modified: now,
            deleted: false,
        })
    }

    /// The name whose being taken matters.
    pub fn wanted_name(&self) -> Option<&str> {
        match &self.name {
            Name::Unique(name) => Some(name),
            Name::Display(name) => name.as_deref(),
        }
    }
}

fn made_unique(name: Option<&str>, id: &ExperimentId) -> String {
    let begin: String = id.as_str().chars().take(SUFFIX).collect();
    format!(
        "{}-{begin}",
        name.filter(|name| !name.is_empty()).unwrap_or(NAMELESS)
    )
}

impl Experiment {
    /// What work on it may use at most; a workspace that is broken limits nothing.
    pub fn allowed(&self) -> vocabulary::Limits {
        if matches!(self.workspace, Workspace::Broken(_)) {
            vocabulary::Limits::default()
        } else {
            self.limits
        }
    }

    /// Why new work may not start on it; `None` when it may. An experiment that is being prepared takes work, which waits.
    pub fn refusal(&self) -> Option<Fault> {
        let named = &self.unique_name;
        if self.deleted {
            return Some(Fault::new(
                ErrorCode::NotFound,
                format!("experiment {} was deleted", self.id),
            ));
        }
        if self.archived {
            let fault = Fault::new(
                ErrorCode::Conflict,
                format!("experiment {named} is archived and takes no new work"),
            );
            return Some(fault.next("unarchive it, or choose another experiment"));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> ExperimentId {
        ExperimentId::new("0a1b2c3d-0000-4000-8000-000000000001").expect("valid")
    }

    fn made(name: Name, taken: bool) -> Result<Experiment, Fault> {
        NewExperiment {
            name,
            ..NewExperiment::named(Tenant::only(), "")
        }
        .make(id(), taken, Timestamp(5))
    }

    #[test]
    fn a_unique_name_is_given_and_free() {
        let made_one = made(Name::Unique("training".into()), false).expect("made");
        assert_eq!(
            (made_one.unique_name.as_str(), made_one.created),
            ("training", Timestamp(5))
        );
        assert_eq!(
            made(Name::Unique(String::new()), false)
                .expect_err("no name")
                .code,
            ErrorCode::RequestInvalid
        );
        assert_eq!(
            made(Name::Unique("training".into()), true)
                .expect_err("taken")
                .code,
            ErrorCode::Conflict
        );
    }

    #[test]
    fn a_display_name_may_repeat_or_be_absent() {
        let unique = |name: Option<&str>, taken| {
            made(Name::Display(name.map(str::to_owned)), taken)
                .map(|made| (made.unique_name, made.display_name))
        };
        assert_eq!(unique(Some("a"), false), Ok(("a".into(), Some("a".into()))));
        assert_eq!(
            unique(Some("a"), true),
            Ok(("a-0a1b2c3d".into(), Some("a".into())))
        );
        assert_eq!(unique(None, false), Ok(("meteos-0a1b2c3d".into(), None)));
    }

    #[test]
    fn an_archived_or_deleted_one_takes_no_work() {
        let mut one = made(Name::Unique("a".into()), false).expect("made");
        assert_eq!(one.refusal(), None);
        one.archived = true;
        assert_eq!(
            one.refusal().map(|fault| fault.code),
            Some(ErrorCode::Conflict)
        );
        one.deleted = true;
        assert_eq!(
            one.refusal().map(|fault| fault.code),
            Some(ErrorCode::NotFound)
        );
    }
}
