//! Schedules: kept, switched, and begun when they are due.
//!
//! A job of a schedule is stored in the transaction that plans its next time, so that a crash neither doubles nor loses one.
//! What came due while the coordinator was down begins once.

use std::time::Duration;

use domain::recurring::{Recurring, Rule};
use domain::{Entity, EntityKind};
use tokio_util::sync::CancellationToken;
use vocabulary::{ErrorCode, ExperimentId, Fault, JobId, Tenant, Timestamp};

use crate::ServiceError;
use crate::filter::EntityFilter;
use crate::jobs::submit::{Placement, SubmitJob};
use crate::ports::{Stored, Transaction};
use crate::principal::Principal;
use crate::recurring::note;

handle! {
    /// Schedules: work that is begun again and again.
    Schedules, schedules
}

/// How often it is looked whether one is due.
const EVERY: Duration = Duration::from_secs(1);
/// Most that are begun before others are looked at again.
const AT_ONCE: u32 = 32;

/// What is asked for when a schedule is made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSchedule {
    /// Its name.
    pub name: Option<String>,
    /// When its jobs begin.
    pub rule: Rule,
    /// Whether they begin from now on.
    pub enabled: bool,
    /// What is submitted each time; its documents name the experiment.
    pub order: SubmitJob,
}

impl Schedules<'_> {
    /// Keeps a schedule. Its documents are checked as a submission's are, and its experiment must take new work.
    pub async fn create(self, who: &Principal, new: NewSchedule) -> Result<Entity, ServiceError> {
        new.rule.check().map_err(ServiceError::Conflict)?;
        self.coordinator.load_parties().await?;
        let invalid = |diagnostics| ServiceError::Invalid {
            diagnostics,
            job: None,
        };
        let parsed = self
            .coordinator
            .jobs()
            .parsed(&new.order)
            .await?
            .map_err(invalid)?;
        who.may_submit(&parsed.initiator)
            .map_err(ServiceError::Denied)?;
        let tenant = who.tenant.clone().unwrap_or_else(Tenant::only);
        let placement = Placement {
            tenant: Some(tenant.clone()),
            ..Placement::default()
        };
        let experiment = self
            .coordinator
            .jobs()
            .experiment_for(&new.order.conf, &placement)
            .await?
            .id;
        self.coordinator.jobs().order_takes_work(&new.order).await?;
        let now = self.coordinator.now();
        let mut schedule = Entity::new(
            EntityKind::Schedule,
            self.coordinator.new_uuid(),
            tenant,
            now,
        );
        schedule.parent = Some(experiment.to_string());
        schedule.name = new.name;
        schedule.creator = who.party().map(ToString::to_string).unwrap_or_default();
        schedule.due = if new.enabled {
            new.rule.next(now, now)
        } else {
            None
        };
        let SubmitJob {
            dsl,
            conf,
            name: job_name,
            description,
        } = new.order;
        let body = Recurring {
            rule: new.rule,
            enabled: new.enabled,
            dsl,
            conf,
            job_name,
            description,
            made_by: who.party().cloned(),
            ticket: who.ticket_of(&parsed.initiator.party),
            initiator: parsed.initiator.party,
            begun: 0,
            last: None,
            warnings: parsed.warnings,
        };
        schedule.write(&body).map_err(ServiceError::Internal)?;
        self.coordinator.entities().add(&schedule).await?;
        tracing::info!(schedule = schedule.id, "schedule made");
        Ok(schedule)
    }

    /// The schedules that somebody may see, oldest first.
    pub async fn list(self, who: &Principal) -> Result<Vec<(Entity, Recurring)>, ServiceError> {
        let filter = EntityFilter {
            tenant: who.tenant.clone(),
            ..EntityFilter::of(EntityKind::Schedule)
        };
        let mut seen = Vec::new();
        for schedule in self.coordinator.entities().find(&filter).await?.0 {
            let body: Recurring = schedule.read().map_err(ServiceError::Internal)?;
            if may_steer(who, &body) {
                seen.push((schedule, body));
            }
        }
        Ok(seen)
    }

    /// Switches a schedule on, from now on, or off. One whose experiment takes no new work cannot be switched on.
    pub async fn enable(
        self,
        who: &Principal,
        id: &str,
        enabled: bool,
    ) -> Result<(Entity, Recurring), ServiceError> {
        let (schedule, body) = self.steered(who, id).await?;
        if enabled {
            let Recurring { dsl, conf, .. } = body;
            self.coordinator
                .jobs()
                .order_takes_work(&SubmitJob {
                    dsl,
                    conf,
                    ..SubmitJob::default()
                })
                .await?;
        }
        if let (true, Some(experiment)) = (enabled, &schedule.parent) {
            let experiment = self
                .coordinator
                .experiments()
                .get(Some(&schedule.tenant), experiment)
                .await?;
            crate::archived::takes_work(&experiment).map_err(ServiceError::Conflict)?;
        }
        let now = self.coordinator.now();
        // Reads the body again: since the look a job may have begun and counted itself in.
        let switch = |schedule: &mut Entity| {
            let mut body: Recurring = schedule.read()?;
            body.enabled = enabled;
            schedule.due = if enabled {
                body.rule.next(now, now)
            } else {
                None
            };
            schedule.write(&body)
        };
        let changed = self
            .coordinator
            .entities()
            .change(EntityKind::Schedule, who.tenant.as_ref(), id, switch)
            .await?;
        let body = changed.read().map_err(ServiceError::Internal)?;
        Ok((changed, body))
    }

    /// Deletes a schedule; its jobs stay.
    pub async fn delete(self, who: &Principal, id: &str) -> Result<(), ServiceError> {
        self.steered(who, id).await?;
        let give_up = |schedule: &mut Entity| {
            (schedule.deleted, schedule.due) = (true, None);
            Ok(())
        };
        self.coordinator
            .entities()
            .change(EntityKind::Schedule, who.tenant.as_ref(), id, give_up)
            .await?;
        Ok(())
    }

    async fn steered(self, who: &Principal, id: &str) -> Result<(Entity, Recurring), ServiceError> {
        let schedule = self
            .coordinator
            .entities()
            .get(EntityKind::Schedule, who.tenant.as_ref(), id)
            .await?;
        let body: Recurring = schedule.read().map_err(ServiceError::Internal)?;
        if may_steer(who, &body) {
            return Ok((schedule, body));
        }
        let shown: String = id.chars().take(80).collect();
        Err(ServiceError::NotFound(Fault::new(
            ErrorCode::NotFound,
            format!("schedule {shown} does not exist"),
        )))
    }

    /// Begins what is due, until `stop`.
    pub(crate) async fn keep(self, stop: &CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            if let Err(error) = self.begin_due().await {
                tracing::error!(%error, "schedules could not be looked at; it is tried again");
            }
        }
    }

    async fn begin_due(self) -> Result<(), ServiceError> {
        let due = EntityFilter {
            due: Some(self.coordinator.now()),
            limit: Some(AT_ONCE),
            ..EntityFilter::of(EntityKind::Schedule)
        };
        let mut failed = None;
        for schedule in self.coordinator.entities().find(&due).await?.0 {
            let Some(planned) = schedule.due else {
                continue;
            };
            match self.begin(&schedule, planned).await {
                Ok(job) => {
                    tracing::info!(schedule = schedule.id, job = %job, "a job of a schedule began")
                }
                // The store may be full or away: it stays due. It may also be this one alone: the others have their turn.
                Err(error @ (ServiceError::Internal(_) | ServiceError::Unavailable(_))) => {
                    failed = Some(error)
                }
                Err(error) => {
                    let fault = error.fault();
                    tracing::warn!(schedule = schedule.id, %fault, "a job of a schedule could not begin");
                    self.pass_over(&schedule.id, planned, fault).await?;
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn begin(self, schedule: &Entity, planned: Timestamp) -> Result<JobId, ServiceError> {
        // A conflict, so that it is passed over and due no more; as an internal error it would be
        // tried every second.
        let body: Recurring = schedule.read().map_err(ServiceError::Conflict)?;
        let who = body
            .made_by
            .clone()
            .map_or_else(Principal::operator, Principal::of_party);
        let who = match body.ticket.clone() {
            Some(ticket) => who.with_ticket(ticket),
            None => who,
        };
        let experiment = schedule
            .parent
            .clone()
            .and_then(|id| ExperimentId::new(id).ok());
        let placement = Placement {
            tenant: Some(schedule.tenant.clone()),
            experiment,
            schedule: Some((schedule.id.clone(), planned)),
            ..Placement::default()
        };
        let Recurring {
            dsl,
            conf,
            job_name: name,
            description,
            ..
        } = body;
        Ok(self
            .coordinator
            .jobs()
            .submit_at(
                &who,
                SubmitJob {
                    dsl,
                    conf,
                    name,
                    description,
                },
                placement,
            )
            .await?
            .job
            .id)
    }

    /// Plans the next time without having begun a job.
    async fn pass_over(
        self,
        id: &str,
        planned: Timestamp,
        fault: Fault,
    ) -> Result<(), ServiceError> {
        let now = self.coordinator.now();
        let mut tx = self.coordinator.inner.store.begin().await?;
        let Some(mut schedule) = tx.entity(EntityKind::Schedule, id).await? else {
            return Ok(());
        };
        // Switched off or on meanwhile: then that counts.
        if schedule.due == Some(planned) {
            note(&mut schedule, now, None, Some(fault));
            tx.save_entity(&schedule).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// Whose schedule it is, a party's user may see and switch.
fn may_steer(who: &Principal, body: &Recurring) -> bool {
    who.party()
        .is_none_or(|party| *party == body.initiator || body.made_by.as_ref() == Some(party))
}

/// Switches the schedules of an experiment off.
pub(crate) async fn disable_all(
    tx: &mut dyn Transaction,
    experiment: &ExperimentId,
    now: Timestamp,
) -> Stored<()> {
    let own = EntityFilter {
        parent: Some(experiment.to_string()),
        ..EntityFilter::of(EntityKind::Schedule)
    };
    for mut schedule in tx.find_entities(&own).await?.0 {
        let Ok(mut body) = schedule.read::<Recurring>() else {
            continue;
        };
        if body.enabled {
            body.enabled = false;
            (schedule.due, schedule.modified) = (None, now);
            if schedule.write(&body).is_ok() {
                tx.save_entity(&schedule).await?;
            }
        }
    }
    Ok(())
}
