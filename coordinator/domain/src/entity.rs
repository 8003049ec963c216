//! What APIs name beside jobs and experiments: profiles, datasets, deployments, runs. Each is a few keys by which it is
//! found, and a body of its own type.
//!
//! An entity never says how a job stands: it names the job, and the job is asked.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vocabulary::{ErrorCode, Fault, JobId, Tenant, Timestamp};

use crate::abeja::deployment::{
    Channel, ChannelFile, Deployment, DeploymentVersion, TrainingDefinition, TrainingModel,
};
use crate::abeja::run::Run;
use crate::meteos::{Dataset, LearnedModel, ModelUse, Profile};
use crate::recurring::Recurring;

/// Kinds of entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// A compute profile: what work on an experiment may use.
    Profile,
    /// A table of a party under an id of its own.
    Dataset,
    /// A trained thing that can be trained anew under the same id.
    Model,
    /// One version of a trained thing, as it looks to those who choose by version.
    TrainingModel,
    /// A set of such versions under a name.
    TrainingDefinition,
    /// A model asked for one row.
    Learning,
    /// A model measured on a dataset.
    Evaluation,
    /// A named target of runs.
    Deployment,
    /// What a deployment runs.
    DeploymentVersion,
    /// One batch prediction.
    Run,
    /// A place where files arrive.
    Channel,
    /// A file that arrived.
    ChannelFile,
    /// Work that is begun again and again.
    Schedule,
}

impl EntityKind {
    /// Every kind.
    pub const ALL: [EntityKind; 13] = [
        EntityKind::Profile,
        EntityKind::Dataset,
        EntityKind::Model,
        EntityKind::TrainingModel,
        EntityKind::TrainingDefinition,
        EntityKind::Learning,
        EntityKind::Evaluation,
        EntityKind::Deployment,
        EntityKind::DeploymentVersion,
        EntityKind::Run,
        EntityKind::Channel,
        EntityKind::ChannelFile,
        EntityKind::Schedule,
    ];

    /// Its word in the store.
    pub const fn word(self) -> &'static str {
        match self {
            EntityKind::Profile => "profile",
            EntityKind::Dataset => "dataset",
            EntityKind::Model => "model",
            EntityKind::TrainingModel => "training_model",
            EntityKind::TrainingDefinition => "training_definition",
            EntityKind::Learning => "learning",
            EntityKind::Evaluation => "evaluation",
            EntityKind::Deployment => "deployment",
            EntityKind::DeploymentVersion => "deployment_version",
            EntityKind::Run => "run",
            EntityKind::Channel => "channel",
            EntityKind::ChannelFile => "channel_file",
            EntityKind::Schedule => "schedule",
        }
    }
}

/// Something an API names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    /// What it is.
    pub kind: EntityKind,
    /// Its id, unique among its kind and never given twice.
    pub id: String,
    /// Whose it is.
    pub tenant: Tenant,
    /// What it stands in: an experiment, a deployment, a channel.
    pub parent: Option<String>,
    /// The name by which it is looked for.
    pub name: Option<String>,
    /// The job whose state is its state.
    pub job: Option<JobId>,
    /// Who made it.
    pub creator: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed by itself; its job may have changed later.
    pub modified: Timestamp,
    /// Whether its id is given up.
    pub deleted: bool,
    /// When the coordinator is to look at it by itself.
    #[serde(default)]
    pub due: Option<Timestamp>,
    /// The rest, of the type that belongs to the kind.
    pub body: Value,
}

impl Entity {
    /// A new entity.
    pub fn new(kind: EntityKind, id: impl Into<String>, tenant: Tenant, now: Timestamp) -> Self {
        Self {
            kind,
            id: id.into(),
            tenant,
            parent: None,
            name: None,
            job: None,
            creator: String::new(),
            created: now,
            modified: now,
            deleted: false,
            due: None,
            body: Value::Null,
        }
    }

    /// The body as the type that belongs to the kind.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        T::deserialize(&self.body).map_err(|error| {
            Fault::new(
                ErrorCode::Internal,
                format!("{} {} cannot be read: {error}", self.kind.word(), self.id),
            )
        })
    }

    /// Whether the body is of the type that belongs to the kind.
    pub fn check(&self) -> Result<(), Fault> {
        match self.kind {
            EntityKind::Profile => self.read::<Profile>().map(drop),
            EntityKind::Dataset => self.read::<Dataset>().map(drop),
            EntityKind::Model => self.read::<LearnedModel>().map(drop),
            EntityKind::TrainingModel => self.read::<TrainingModel>().map(drop),
            EntityKind::TrainingDefinition => self.read::<TrainingDefinition>().map(drop),
            EntityKind::Learning | EntityKind::Evaluation => self.read::<ModelUse>().map(drop),
            EntityKind::Deployment => self.read::<Deployment>().map(drop),
            EntityKind::DeploymentVersion => self.read::<DeploymentVersion>().map(drop),
            EntityKind::Run => self.read::<Run>().map(drop),
            EntityKind::Channel => self.read::<Channel>().map(drop),
            EntityKind::ChannelFile => self.read::<ChannelFile>().map(drop),
            EntityKind::Schedule => self.read::<Recurring>().map(drop),
        }
    }

    /// Puts a body in.
    pub fn write<T: Serialize>(&mut self, body: &T) -> Result<(), Fault> {
        self.body = serde_json::to_value(body).map_err(|error| {
            Fault::new(
                ErrorCode::Internal,
                format!(
                    "{} {} cannot be written: {error}",
                    self.kind.word(),
                    self.id
                ),
            )
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_body_of_another_shape() {
        let mut run = Entity::new(EntityKind::Run, "1", Tenant::only(), Timestamp(0));
        run.body = serde_json::json!({});
        assert_eq!(run.check(), Ok(()));
        run.body = serde_json::json!({"retries": "often"});
        assert!(
            run.check()
                .is_err_and(|fault| fault.message.contains("run 1"))
        );
        for kind in EntityKind::ALL {
            assert!(
                Entity {
                    kind,
                    body: Value::Bool(true),
                    ..run.clone()
                }
                .check()
                .is_err(),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn gives_each_kind_its_own_word() {
        let mut words: Vec<_> = EntityKind::ALL.iter().map(|kind| kind.word()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), EntityKind::ALL.len());
    }

    #[test]
    fn keeps_a_body_of_the_kinds_own_type() {
        let mut entity = Entity::new(EntityKind::Channel, "1", Tenant::only(), Timestamp(1));
        entity.write(&vec![1, 2]).expect("written");
        assert_eq!(entity.read::<Vec<i32>>().expect("read"), [1, 2]);
        assert_eq!(
            entity.read::<String>().expect_err("another type").code,
            ErrorCode::Internal
        );
    }
}
