//! The party's consent to a job while it runs: judged again by the policy in force whenever that has changed.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use policy::Policy;
use vocabulary::{Assignment, Fault, Offer};

use crate::agent_state::AgentState;

/// Consent to a task under an accepted offer.
pub(crate) struct Consent {
    agent_state: Arc<AgentState>,
    order: Assignment,
    offer: Offer,
    /// The last judgement that let the job go on: of which state of the rules, and by which policy.
    judged: Mutex<Option<(u64, Arc<Policy>)>>,
}

impl Consent {
    pub(crate) fn new(agent_state: Arc<AgentState>, order: Assignment, offer: Offer) -> Self {
        Self {
            agent_state,
            order,
            offer,
            judged: Mutex::default(),
        }
    }

    fn last(&self) -> Option<(u64, Arc<Policy>)> {
        self.judged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[async_trait]
impl policy::Consent for Consent {
    async fn in_force(&self) -> Result<Arc<Policy>, Fault> {
        let now = self.agent_state.now();
        // An offer without an end counts as over: fail closed.
        let expired = self.offer.expires.is_none_or(|expires| expires <= now);
        // Read before the rules are, so that a change in between is noticed the next time.
        let state = self.agent_state.rules_changed();
        if let Some((of, policy)) = self.last()
            && of == state
            && !expired
            // Hours of the day are judged each time: they pass without any change of the rules.
            && policy.admit_moment(&self.offer, now).is_none()
        {
            return Ok(policy);
        }
        let policy = self.agent_state.policy();
        crate::judgement::judge(&self.agent_state, &policy, &self.offer).await?;
        crate::inherited::inputs::judge(&self.agent_state, &policy, &self.order, &self.offer)
            .await?;
        *self.judged.lock().unwrap_or_else(PoisonError::into_inner) = Some((state, policy.clone()));
        Ok(policy)
    }
}
