//! Agents come, are heard and go; what they announce is what can be run.

use domain::{TaskEvent, TaskKey, TaskState};
use serde_json::{Map, Value};
use vocabulary::{Attempt, ComponentInfo, ErrorCode, Fault, JobId, PartyId, TaskId, Timestamp};

use crate::ServiceError;
use crate::apply::Loaded;
use crate::ports::{Stored, Transaction};
use crate::records::{OrderKind, PartyRecord, PendingOrder};

handle! {
    /// The parties and their agents.
    Parties, parties
}

/// What an agent tells at hello beside its catalogue.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentFacts {
    /// Where its own users reach its REST endpoint, as a URL.
    pub rest: Option<String>,
    /// Whether its policy lets the coordinator's REST endpoint read its rows.
    pub rows_through_coordinator: bool,
    /// Attempts it knows.
    pub attempts: Vec<(TaskId, Attempt)>,
    /// How many tasks it runs at once.
    pub slots: Option<u32>,
}

/// What the end of an agent's link says of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parting {
    /// It said goodbye, or another process answers in its place: what it worked on is lost.
    Ended,
    /// Nothing: it may be working still.
    Unknown,
}

/// The parameters of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct ParametersView {
    /// The component.
    pub component: ComponentInfo,
    /// All parameters, defaults filled in recursively.
    pub merged: Value,
    /// What the user gave, as dotted paths (`optimizer.alpha`).
    pub user_given: Vec<String>,
}

impl Parties<'_> {
    /// An agent's link stands. Its catalogue is kept for the time when it is away; attempts that should be active there and
    /// that it does not know are lost; attempts it knows that are over are stopped; its orders go out.
    pub async fn connected(
        self,
        party: &PartyId,
        components: Vec<ComponentInfo>,
        facts: AgentFacts,
    ) -> Result<(), ServiceError> {
        if let Some(fault) = self.refusal_of(party) {
            return Err(ServiceError::Denied(fault));
        }
        let now = self.coordinator.now();
        let AgentFacts {
            rest,
            rows_through_coordinator,
            attempts,
            slots,
        } = facts;
        let record = PartyRecord {
            party: party.clone(),
            components,
            rest,
            rows_through_coordinator,
            seen: now,
        };
        // Before the orders are recalled, so that a carrier that just found it offline sees that it is back.
        self.coordinator
            .inner
            .leases
            .connected(record.clone(), slots, now);
        if let Err(error) = self.welcome(&record, &attempts, now).await {
            self.coordinator
                .inner
                .leases
                .gone(party, error.fault(), Parting::Unknown);
            return Err(error.into());
        }
        tracing::info!(%party, components = record.components.len(), attempts = attempts.len(), "agent connected");
        self.coordinator.deliver(std::slice::from_ref(party));
        self.coordinator.changed();
        Ok(())
    }

    /// Why a party that the settings do not name is refused; `None` for a member.
    pub fn refusal_of(self, party: &PartyId) -> Option<Fault> {
        if self
            .coordinator
            .inner
            .options
            .known_parties
            .as_ref()
            .is_none_or(|known| known.contains(party))
        {
            return None;
        }
        let message = format!(
            "party {party} is not in federation {}",
            self.coordinator.inner.options.federation
        );
        let fault = Fault::new(ErrorCode::PartyUnknown, message).at(party);
        Some(fault.next("name it under `parties` in the coordinator's settings"))
    }

    async fn welcome(
        self,
        record: &PartyRecord,
        attempts: &[(TaskId, Attempt)],
        now: Timestamp,
    ) -> Stored<()> {
        let mut tx = self.coordinator.inner.store.begin().await?;
        // One transaction: orders that are recalled and attempts that are found lost must be seen
        // together by the next decision.
        tx.put_party(record).await?;
        tx.recall_party(&record.party, now).await?;
        tx.poke_party(&record.party, now).await?;
        reconcile(&mut *tx, &record.party, attempts, now).await?;
        tx.commit().await
    }

    /// An agent's heartbeat: its lease begins anew.
    pub async fn heard(
        self,
        party: &PartyId,
        attempts: Vec<(TaskId, Attempt)>,
    ) -> Result<(), ServiceError> {
        let now = self.coordinator.now();
        if !self.coordinator.inner.leases.heard(party, now) {
            return Ok(());
        }
        // It counted as silent or gone: what was decided meanwhile must reach it.
        let mut tx = self.coordinator.inner.store.begin().await?;
        tx.recall_party(party, now).await?;
        tx.poke_party(party, now).await?;
        reconcile(&mut *tx, party, &attempts, now).await?;
        tx.commit().await?;
        self.coordinator.deliver(std::slice::from_ref(party));
        self.coordinator.changed();
        Ok(())
    }

    /// An agent's link closed. Its lease goes on until it runs out, unless the agent itself has ended: then nothing that it
    /// worked on goes on, and there is nothing to wait for.
    pub async fn gone(
        self,
        party: &PartyId,
        why: Fault,
        parting: Parting,
    ) -> Result<(), ServiceError> {
        tracing::warn!(%party, code = why.code.text(), fault = %why, ?parting, "agent gone");
        self.coordinator.inner.leases.gone(party, why, parting);
        let mut tx = self.coordinator.inner.store.begin().await?;
        tx.poke_party(party, self.coordinator.now()).await?;
        tx.commit().await?;
        self.coordinator.changed();
        Ok(())
    }

    /// Every component of every party ever seen.
    pub fn components(self) -> Vec<(PartyId, ComponentInfo)> {
        let agents = self.coordinator.presence().agents.into_iter();
        agents
            .flat_map(|(party, agent)| {
                agent
                    .components
                    .into_iter()
                    .map(move |own| (party.clone(), own))
            })
            .collect()
    }

    /// The parameters of a task: as given, and completed by the component's defaults.
    pub async fn parameters(self, id: &TaskId) -> Result<ParametersView, ServiceError> {
        let job = self.coordinator.jobs().get(&id.job).await?;
        let participant = id.participant();
        let step = job
            .definition
            .graph
            .step(&id.step)
            .filter(|step| step.participants.contains(&participant));
        let step = step.ok_or_else(|| ServiceError::no_task(id))?;
        let own = self
            .coordinator
            .inner
            .leases
            .components_of(&id.party)
            .unwrap_or_default();
        let component = own
            .into_iter()
            .find(|info| info.name == step.component)
            .ok_or_else(|| {
                let message = format!(
                    "party {} does not announce component {}",
                    id.party, step.component
                );
                ServiceError::NotFound(
                    Fault::new(ErrorCode::CatalogueMismatch, message).at(&id.party),
                )
            })?;
        let given = step.parameters_of(&participant);
        let mut user_given = Vec::new();
        leaves(&given, "", &mut user_given);
        let merged = filled(&component.defaults, &given);
        Ok(ParametersView {
            component,
            merged,
            user_given,
        })
    }
}

/// Brings what we believe of a party's attempts and what its agent knows of them into line.
async fn reconcile(
    tx: &mut dyn Transaction,
    party: &PartyId,
    known: &[(TaskId, Attempt)],
    now: Timestamp,
) -> Stored<()> {
    let mut lost: Vec<TaskKey> = Vec::new();
    for task in tx.active_at(party).await? {
        if !known
            .iter()
            .any(|(id, attempt)| *id == task.key.id && *attempt == task.key.attempt)
        {
            lost.push(task.key);
        }
    }
    let mut jobs: Vec<JobId> = lost.iter().map(|key| key.id.job.clone()).collect();
    jobs.sort();
    jobs.dedup();
    for job in jobs {
        lose(tx, &job, &lost, now).await?;
    }
    for (id, attempt) in known.iter().filter(|(id, _)| id.party == *party) {
        let newest = tx.task(id).await?;
        let over = match &newest {
            Some(task) if task.key.attempt == *attempt => {
                task.state.is_settled() && task.state != TaskState::Succeeded
            }
            // Unknown here, or an older attempt: nobody waits for its result, and it holds a slot
            // of the agent.
            Some(_) | None => true,
        };
        if over {
            let reason = Fault::new(ErrorCode::Canceled, "this attempt is over");
            let kind = OrderKind::Cancel {
                task: id.clone(),
                attempt: *attempt,
                reason,
            };
            tx.enqueue(&PendingOrder::new(&id.job, party, kind, now))
                .await?;
        }
    }
    Ok(())
}

/// Attempts of one job that their agent does not know: lost, unless their order is still on its way.
async fn lose(
    tx: &mut dyn Transaction,
    job: &JobId,
    lost: &[TaskKey],
    now: Timestamp,
) -> Stored<()> {
    let Some(mut loaded) = Loaded::load(tx, job).await? else {
        return Ok(());
    };
    for key in lost.iter().filter(|key| key.id.job == *job) {
        let on_its_way = OrderKind::Assign {
            task: key.id.clone(),
            attempt: key.attempt,
        }
        .key(job, &key.id.party);
        // The agent cannot know what it was not told yet.
        if loaded.orders.iter().any(|order| order.key == on_its_way) {
            continue;
        }
        let stopping = loaded
            .snapshot
            .tasks
            .iter()
            .any(|task| task.key == *key && task.state == TaskState::Stopping);
        let (event, fault) = if stopping {
            // It was to stop, and it is quiet: that is what the cancel was for.
            (TaskEvent::Canceled, None)
        } else {
            let fault = Fault::new(
                ErrorCode::PartyLost,
                "the agent does not know the task any more",
            )
            .at(&key.id.party);
            (TaskEvent::Lost, Some(fault))
        };
        if loaded.snapshot.record(key, event, fault, now) {
            loaded.job_mut();
        }
    }
    loaded.save(tx).await
}

/// The parameters with the defaults of what was not given, objects inside objects too.
fn filled(defaults: &Value, given: &Value) -> Value {
    match (defaults, given) {
        (Value::Object(defaults), Value::Object(given)) => {
            let mut merged: Map<String, Value> = defaults.clone();
            for (name, value) in given {
                let own = merged
                    .get(name)
                    .map_or_else(|| value.clone(), |default| filled(default, value));
                merged.insert(name.clone(), own);
            }
            Value::Object(merged)
        }
        (_, given) => given.clone(),
    }
}

/// Dotted paths of everything in an object that is not itself an object with something in it.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let inner = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                leaves(value, &inner, found);
            }
        }
        _ if path.is_empty() => {}
        _ => found.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fills_defaults_in_at_every_depth() {
        let defaults = json!({"tol": 1e-4, "init": {"method": "zeros", "fit_intercept": true}, "list": [1, 2]});
        let given = json!({"init": {"method": "ones"}, "list": [3], "extra": null});
        let merged = json!({"tol": 1e-4, "init": {"method": "ones", "fit_intercept": true}, "list": [3], "extra": null});
        assert_eq!(filled(&defaults, &given), merged);
        let mut paths = Vec::new();
        leaves(&given, "", &mut paths);
        assert_eq!(paths, ["init.method", "list", "extra"]);
    }
}
