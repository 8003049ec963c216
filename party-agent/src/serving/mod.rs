//! Predictions that somebody waits for: a service id means a deployed model, and a request for it becomes a job on the
//! rows that are asked for. `line` puts requests together, `prediction` runs a job, `stubs` has its table judged.

mod latency;
mod line;
mod prediction;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use records::ServiceRecord;
use rest::Forward;
use serde::{Deserialize, Serialize};
use vocabulary::Fault;

use crate::agent_state::AgentState;
use crate::tickets::Tickets;
pub(crate) use latency::Figures;
use line::Line;
pub(crate) use prediction::Batch;
use prediction::Prediction;

/// Whether and how the agent answers predictions that somebody waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServingSettings {
    /// Whether models can be loaded and bound here. Default false.
    pub enabled: bool,
    /// Seconds that one prediction may take. Default 30.
    pub timeout_seconds: u64,
    /// Most ids of one request. Default 1000.
    pub most_ids: usize,
}

impl Default for ServingSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            timeout_seconds: 30,
            most_ids: 1_000,
        }
    }
}

/// The services of an agent while it runs.
pub(crate) struct Serving {
    pub(crate) settings: ServingSettings,
    agent_state: Arc<AgentState>,
    coordinator: Arc<dyn Forward>,
    tickets: Tickets,
    lines: Mutex<BTreeMap<String, Arc<Line>>>,
}

impl Serving {
    pub(crate) fn new(
        settings: ServingSettings,
        agent_state: Arc<AgentState>,
        coordinator: Arc<dyn Forward>,
        tickets: Tickets,
    ) -> Self {
        Self {
            settings,
            agent_state,
            coordinator,
            tickets,
            lines: Mutex::default(),
        }
    }

    fn line(&self, service: &str) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.entry(service.to_owned()).or_default().clone()
    }

    /// How a service did since the agent started.
    pub(crate) fn figures(&self, service: &str) -> Figures {
        self.line(service).figures()
    }

    /// Predicts the rows of these ids, perhaps together with what others ask for at the moment. Ends within twice the time
    /// that one prediction may take.
    pub(crate) async fn predict(
        &self,
        service: &ServiceRecord,
        ids: Vec<String>,
    ) -> Result<Arc<Batch>, Fault> {
        let patience = Duration::from_secs(self.settings.timeout_seconds);
        let prediction = Arc::new(Prediction {
            agent_state: self.agent_state.clone(),
            coordinator: self.coordinator.clone(),
            tickets: self.tickets.clone(),
            service: service.service.clone(),
            plan: service.plan.clone(),
            patience,
        });
        let line = self.line(&service.service);
        let run = Arc::new(move |ids| {
            let prediction = prediction.clone();
            tokio::spawn(async move { prediction.run(ids).await })
        });
        line.ask(ids, 2 * patience, self.settings.most_ids, run)
            .await
            .map_err(|fault| fault.at(&self.agent_state.me))
    }
}

/// Removes tables of predictions that ran when the agent died. Blocks on the disk.
pub(crate) fn sweep(agent_state: &AgentState) -> Result<(), Fault> {
    for table in agent_state.table_store.list()? {
        if table.is_online() {
            // What cannot be removed now is removed at another start.
            if let Err(error) = agent_state.table_store.delete(&table) {
                tracing::warn!(%table, %error, "a table of an earlier prediction cannot be removed");
            }
        }
    }
    Ok(())
}
