//! The six operations on experiments, once for REST and gRPC.

use domain::experiment::query::{ExperimentPage, Query};
use domain::{Experiment, NewExperiment};
use service::{Coordinator, ServiceError};
use vocabulary::{ErrorCode, Tenant};

use super::listing::{ListQuery, page_size};
use super::proto::{
    self, ListExperimentsRequest, ListExperimentsResponse, Relationship, ResourceKey, ResourceType,
};
use super::refusal::Refusal;
use super::show::shown;
use api_kit::AuthenticatedCaller;

/// The experiments of a coordinator. A cheap handle.
#[derive(Clone)]
pub(super) struct Experiments {
    pub(super) coordinator: Coordinator,
    /// Whether experiments stand in namespaces, which are tenants.
    pub(super) multi_user: bool,
}

impl Experiments {
    pub(super) async fn create(
        &self,
        caller: &AuthenticatedCaller,
        wanted: proto::Experiment,
    ) -> Result<proto::Experiment, Refusal> {
        let checked = "Validate experiment request failed.";
        if wanted.name.is_empty() {
            let text = "Experiment name is empty. Please specify a valid experiment name.";
            return Err(Refusal::invalid(text).during(checked));
        }
        let tenant = self
            .owner(caller, &wanted)
            .map_err(|refusal| refusal.during(checked))?;
        let mut new = NewExperiment::named(tenant, wanted.name.clone());
        new.description = wanted.description;
        new.creator = caller
            .principal
            .party()
            .map(ToString::to_string)
            .unwrap_or_default();
        let made = self
            .coordinator
            .experiments()
            .create(new)
            .await
            .map_err(|error| {
                let fault = error.fault();
                let refusal = match (&error, fault.code) {
                    (ServiceError::Conflict(_), ErrorCode::Conflict) => {
                        Refusal::taken(&wanted.name)
                    }
                    (ServiceError::Conflict(_), _) => Refusal::invalid(fault.message),
                    _ => Refusal::broken(fault.code),
                };
                refusal.during("Create experiment failed.")
            })?;
        Ok(shown(&made, self.multi_user))
    }

    pub(super) async fn get(
        &self,
        caller: &AuthenticatedCaller,
        id: &str,
    ) -> Result<proto::Experiment, Refusal> {
        let found = self
            .reached(caller, id)
            .await
            .map_err(|refusal| refusal.during("Get experiment failed."))?;
        Ok(shown(&found, self.multi_user))
    }

    pub(super) async fn list(
        &self,
        caller: &AuthenticatedCaller,
        request: &ListExperimentsRequest,
    ) -> Result<ListExperimentsResponse, Refusal> {
        let found = self
            .found(caller, request)
            .await
            .map_err(|refusal| refusal.during("List experiments failed."))?;
        let (
            wanted,
            ExperimentPage {
                experiments,
                total,
                next,
            },
        ) = found;
        Ok(ListExperimentsResponse {
            experiments: experiments
                .iter()
                .map(|one| shown(one, self.multi_user))
                .collect(),
            total_size: i32::try_from(total).unwrap_or(i32::MAX),
            next_page_token: next.map(|start| wanted.token(start)).unwrap_or_default(),
        })
    }

    async fn found(
        &self,
        caller: &AuthenticatedCaller,
        request: &ListExperimentsRequest,
    ) -> Result<(ListQuery, ExperimentPage), Refusal> {
        let limit = page_size(request.page_size)?;
        let wanted = ListQuery::read(&request.sort_by, &request.filter, &request.page_token)?;
        let tenant = self.listed(caller, request.resource_reference_key.as_ref())?;
        let query = Query {
            tenant,
            predicates: wanted.filter.predicates(self.multi_user),
            sort: wanted.order.field,
            direction: wanted.order.direction(),
            start: wanted.start.clone(),
            limit,
        };
        let found = self
            .coordinator
            .experiments()
            .find(&query)
            .await
            .map_err(|error| Refusal::broken(error.fault().code))?;
        Ok((wanted, found))
    }

    pub(super) async fn delete(
        &self,
        caller: &AuthenticatedCaller,
        id: &str,
    ) -> Result<(), Refusal> {
        let delete = async {
            let tenant = self.reached(caller, id).await?.tenant;
            self.coordinator
                .experiments()
                // In the tenant that was judged a moment ago, and not just by the id.
                .delete(Some(&tenant), id)
                .await
                .map_err(|error| of_service(&error, id))
        };
        delete
            .await
            .map_err(|refusal: Refusal| refusal.during("Delete experiment failed."))
    }

    /// Archives an experiment, or takes it out again.
    pub(super) async fn archive(
        &self,
        caller: &AuthenticatedCaller,
        id: &str,
        archived: bool,
    ) -> Result<(), Refusal> {
        let archive = async {
            let tenant = self.reached(caller, id).await?.tenant;
            let done = self
                .coordinator
                .experiments()
                .archive(Some(&tenant), id, archived)
                .await;
            done.map(drop).map_err(|error| of_service(&error, id))
        };
        let what = if archived {
            "Archive experiment failed."
        } else {
            "Unarchive experiment failed."
        };
        archive
            .await
            .map_err(|refusal: Refusal| refusal.during(what))
    }

    /// An experiment that the caller may reach. In multi-user mode another namespace's is forbidden; otherwise it does not
    /// exist.
    async fn reached(&self, caller: &AuthenticatedCaller, id: &str) -> Result<Experiment, Refusal> {
        let own = if self.multi_user {
            None
        } else {
            caller.tenant()
        };
        let found = self
            .coordinator
            .experiments()
            .get(own.as_ref(), id)
            .await
            .map_err(|error| of_service(&error, id))?;
        if self.multi_user {
            may_use(caller, &found.tenant)?;
        }
        Ok(found)
    }

    /// Whose a new experiment is.
    fn owner(
        &self,
        caller: &AuthenticatedCaller,
        wanted: &proto::Experiment,
    ) -> Result<Tenant, Refusal> {
        let references = &wanted.resource_references;
        if !self.multi_user {
            if references.is_empty() {
                return Ok(caller.own());
            }
            return Err(Refusal::invalid(
                "In single-user mode, CreateExperimentRequest shouldn't contain resource references.",
            ));
        }
        let wrong = || {
            Refusal::invalid(
                "Invalid resource references for experiment. Expect one namespace type with owner relationship.",
            )
        };
        let [reference] = references.as_slice() else {
            return Err(wrong());
        };
        let key = reference.key.as_ref().ok_or_else(wrong)?;
        let is_owner = reference.relationship() == Relationship::Owner
            && key.r#type() == ResourceType::Namespace;
        let tenant = Tenant::new(key.id.clone())
            .ok()
            .filter(|_| is_owner)
            .ok_or_else(wrong)?;
        may_use(caller, &tenant)?;
        Ok(tenant)
    }

    /// Whose experiments are listed; `None` for everybody's.
    fn listed(
        &self,
        caller: &AuthenticatedCaller,
        key: Option<&ResourceKey>,
    ) -> Result<Option<Tenant>, Refusal> {
        let kind = key.map(|key| {
            ResourceType::try_from(key.r#type).unwrap_or(ResourceType::UnknownResourceType)
        });
        let id = key.map(|key| key.id.as_str()).unwrap_or_default();
        if self.multi_user {
            let named = Tenant::new(id)
                .ok()
                .filter(|_| kind == Some(ResourceType::Namespace));
            let wrong = "Invalid resource references for ListExperiment. In multi-user mode, it needs a namespace.";
            let tenant = named.ok_or_else(|| Refusal::invalid(wrong))?;
            may_use(caller, &tenant)?;
            return Ok(Some(tenant));
        }
        match kind {
            Some(ResourceType::Namespace) if !id.is_empty() => Err(Refusal::invalid(
                "In single-user mode, ListExperiment cannot filter by namespace.",
            )),
            Some(ResourceType::UnknownResourceType | ResourceType::Pipeline) => Err(
                Refusal::invalid("Unrecognized resource reference type for ListExperiment."),
            ),
            _ => Ok(caller.tenant()),
        }
    }
}

/// Refuses a namespace that is not the caller's.
fn may_use(caller: &AuthenticatedCaller, namespace: &Tenant) -> Result<(), Refusal> {
    match &caller.principal.tenant {
        Some(own) if own != namespace => Err(Refusal::denied(format!(
            "The credential may not use experiments of namespace {namespace}."
        ))),
        _ => Ok(()),
    }
}

fn of_service(error: &ServiceError, id: &str) -> Refusal {
    match error {
        ServiceError::NotFound(_) => Refusal::unknown(id),
        other => Refusal::broken(other.fault().code),
    }
}
