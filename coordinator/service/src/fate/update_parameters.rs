//! Changing the parameters of a job that does not run: the documents are read anew, and since parameters are part of what
//! the parties accepted, they are asked again before anything runs with them.

use domain::{Definition, Job, JobState};
use job_dsl::{Diagnostic, Parsed, merged_conf};
use serde_json::Value;
use vocabulary::{ErrorCode, Fault, JobId};

use crate::apply::Loaded;
use crate::fate::Fate;
use crate::jobs::submit::SubmitJob;
use crate::principal::Principal;
use crate::records::OrderKind;
use crate::{ServiceError, events};

impl Fate<'_> {
    /// Lays component parameters over those of a job, and puts job parameters in place of its common ones (`Null` leaves
    /// either alone). An ended job uses them when it runs again; one that waits has its parties asked anew. A job that runs
    /// is a conflict: what it runs was signed.
    pub async fn update_parameters(
        self,
        who: &Principal,
        id: &JobId,
        component_parameters: &Value,
        job_parameters: &Value,
    ) -> Result<Job, ServiceError> {
        let before = self.coordinator.jobs().get(id).await?;
        who.may_steer(&before).map_err(ServiceError::Denied)?;
        let parsed = self
            .amended(&before, component_parameters, job_parameters)
            .await?;
        let now = self.coordinator.now();
        let mut tx = self.coordinator.inner.store.begin().await?;
        tx.poke_job(id, now).await?;
        let mut loaded = Loaded::load(&mut *tx, id)
            .await?
            .ok_or_else(|| ServiceError::no_job(id))?;
        let job = loaded.job_mut();
        // The documents were read and checked outside the transaction, against the definition of
        // that moment.
        if job.definition != before.definition {
            return Err(conflict(format!(
                "somebody else changed job {id} at the same time"
            )));
        }
        // What was taken over at the submission is not in the documents, and must not get lost with
        // them.
        let inherited = std::mem::take(&mut job.settings.inherited);
        job.settings = domain::JobSettings {
            inherited,
            ..parsed.settings.clone()
        };
        job.definition = definition_of(&before, parsed);
        if let Some(ticket) = who.ticket_of(&before.initiator.party) {
            job.ticket = Some(ticket);
        }
        if !job.state.is_settled() {
            loaded
                .snapshot
                .amend(now)
                .map_err(|_| conflict(runs(&before)))?;
            for order in loaded
                .orders
                .iter()
                .filter(|order| matches!(order.kind, OrderKind::Sign | OrderKind::Offer))
            {
                // They ask for an answer to the old parameters. With them gone the amended offer is
                // asked for under the same keys.
                tx.remove_order(&order.key).await?;
            }
        }
        let warned = events::warned(&loaded.snapshot.job, now);
        if !warned.is_empty() {
            tx.add_events(id, &warned).await?;
        }
        // Neither is part of `save_job`: most changes of a job touch neither, and both are large.
        tx.save_signatures(&loaded.snapshot.job).await?;
        tx.save_definition(&loaded.snapshot.job).await?;
        loaded.save(&mut *tx).await?;
        tx.commit().await?;
        tracing::info!(job = %id, "parameters changed");
        self.coordinator.changed();
        Ok(loaded.snapshot.job)
    }

    /// The job's documents with the changes, read and checked as at a submission.
    async fn amended(
        self,
        job: &Job,
        components: &Value,
        parameters: &Value,
    ) -> Result<Parsed, ServiceError> {
        if matches!(job.state, JobState::Running | JobState::Stopping) {
            return Err(conflict(runs(job)));
        }
        self.coordinator.load_parties().await?;
        let invalid = |diagnostics: Vec<Diagnostic>| ServiceError::Invalid {
            diagnostics,
            job: None,
        };
        let conf = merged_conf(&job.definition.conf, components, parameters);
        let order = SubmitJob {
            dsl: job.definition.dsl.clone(),
            conf,
            ..SubmitJob::default()
        };
        let mut parsed = self
            .coordinator
            .jobs()
            .parsed(&order)
            .await?
            .map_err(invalid)?;
        let unfit = self.coordinator.jobs().unfit(&parsed).await;
        if !unfit.is_empty() {
            return Err(invalid(unfit));
        }
        self.coordinator
            .jobs()
            .name_earlier_outputs(&mut parsed)
            .await?;
        // The conf carries the job's id, and the parser has read it without one.
        parsed.stamp(&job.id);
        Ok(parsed)
    }
}

/// The definition with what may change: parameters of the conf and of the steps, and who skips a step.
fn definition_of(job: &Job, parsed: Parsed) -> Definition {
    let mut definition = Definition {
        conf: parsed.conf,
        warnings: parsed.warnings,
        ..job.definition.clone()
    };
    for step in &mut definition.graph.steps {
        if let Some(new) = parsed.graph.step(&step.name) {
            step.parameters.clone_from(&new.parameters);
            step.skipped.clone_from(&new.skipped);
        }
    }
    definition
}

fn runs(job: &Job) -> String {
    format!(
        "job {} is {:?}; its parameters can be changed while it waits and when it has ended",
        job.id, job.state
    )
}

fn conflict(message: String) -> ServiceError {
    ServiceError::Conflict(
        Fault::new(ErrorCode::JobState, message).next("stop the job first, or wait for its end"),
    )
}
