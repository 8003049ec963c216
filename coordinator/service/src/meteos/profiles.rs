//! Compute profiles, and experiments that are made with one.

use domain::experiment::Name;
use domain::meteos::Profile;
use domain::{EntityKind, Experiment, NewExperiment, Workspace};
use serde_json::{Map, json};
use vocabulary::Limits;

use super::{EntityView, Project};
use crate::ServiceError;
use crate::meteos::Projects;

/// An experiment that is asked for with a profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewWorkspace {
    /// Its name; others may have it.
    pub name: Option<String>,
    /// Notes.
    pub description: String,
    /// The profile; empty for whatever the parties allow.
    pub profile: String,
    /// A key that is kept with it.
    pub key_name: Option<String>,
    /// A network that is kept with it.
    pub network: Option<String>,
}

impl Projects<'_> {
    /// Keeps a profile.
    pub async fn create_profile(
        self,
        project: &Project,
        name: Option<String>,
        profile: &Profile,
    ) -> Result<EntityView, ServiceError> {
        let mut entity = self.new_thing(
            project,
            EntityKind::Profile,
            self.coordinator.new_uuid(),
            name,
        );
        entity.write(profile).map_err(ServiceError::Internal)?;
        self.coordinator.entities().add(&entity).await?;
        self.seen_one(entity).await
    }

    /// Makes an experiment that is prepared until the tenant's home party answers; it keeps a copy of what its profile
    /// allows. `NotFound` when the profile is not there.
    pub async fn create_workspace(
        self,
        project: &Project,
        new: NewWorkspace,
    ) -> Result<Experiment, ServiceError> {
        let (profile, limits) = match new.profile.as_str() {
            "" => (None, Limits::default()),
            id => {
                let entity = self
                    .coordinator
                    .entities()
                    .get(EntityKind::Profile, Some(&project.tenant), id)
                    .await?;
                let profile: Profile = entity.read().map_err(ServiceError::Internal)?;
                (Some(entity.id), profile.limits())
            }
        };
        let kept = [
            ("key_name", new.key_name),
            ("neutron_management_network", new.network),
        ];
        let kept = kept
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), json!(value?))));
        self.coordinator
            .experiments()
            .create(NewExperiment {
                tenant: project.tenant.clone(),
                name: Name::Display(new.name),
                description: new.description,
                workspace: Workspace::Preparing,
                profile,
                limits,
                details: kept.collect::<Map<_, _>>(),
                creator: project.user.clone(),
            })
            .await
    }
}
