//! Ids of which peers are told: counted for each peer and day, new ones only.

use std::sync::PoisonError;

use component_kit::{IdRules, Result};
use policy::Cap;
use records::Queries;
use vocabulary::{ErrorCode, Fault, PartyId};

use super::AgentTaskHost;

impl AgentTaskHost {
    /// The narrowest rules of those who take part in the step.
    pub(super) fn rules_of_ids(&self) -> IdRules {
        let policy = self.agent_state.policy();
        let peers = self.assignment.step_cast.parties();
        let (fewest_ids, fewest_common) = policy.intersection_with(&peers);
        let others = peers.iter().filter(|peer| **peer != self.agent_state.me);
        let is_counted = others
            .into_iter()
            .any(|peer| self.bound_of_ids(peer).2 != Cap::any());
        // A prediction asks for one row at a time; bounds on how few ids a set may have would
        // refuse each.
        if self.is_online {
            return IdRules {
                is_counted,
                is_online: true,
                ..IdRules::default()
            };
        }
        IdRules {
            fewest_ids,
            fewest_common,
            is_counted,
            is_online: false,
        }
    }

    /// Under which name ids are counted for a peer, the rule, and how many a day may have.
    fn bound_of_ids(&self, peer: &PartyId) -> (String, &'static str, Cap) {
        let policy = self.agent_state.policy();
        match self.is_online {
            true => (
                format!("online ids of party {peer}"),
                "limits.online_ids_per_day",
                policy.online_ids_per_day(peer),
            ),
            false => (
                format!("new ids of party {peer}"),
                "intersection.new_ids_per_day",
                policy.new_ids_per_day(peer),
            ),
        }
    }

    /// Counts in the day in which the attempt reserved first: over midnight, too.
    async fn counted(&self, peer: &PartyId, name: String, count: u64) -> Result<Queries> {
        let known = self
            .days
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(peer)
            .copied();
        let day = match known {
            Some(day) => day,
            None => {
                let today = self.agent_state.now().day();
                let open = self
                    .agent_state
                    .records
                    .open_day(&name, today)
                    .await
                    .map_err(Fault::from)?;
                *self
                    .days
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .entry(peer.clone())
                    // Two may come here at once, for the lock is not held over the read: the first
                    // one's day counts for both.
                    .or_insert(open)
            }
        };
        Ok(Queries {
            day,
            asker: name,
            count,
        })
    }

    fn enough(&self, peer: &PartyId, (rule, most): (&'static str, Cap), count: u64) -> Fault {
        let message = format!(
            "the party's policy refuses to tell party {peer} of {count} more ids today, {most} in a day"
        );
        let next =
            "try again tomorrow (UTC), or ask the data owner, who can raise it in the policy file";
        Fault::new(ErrorCode::ReleaseRefused, message)
            .at(&self.agent_state.me)
            .path(rule)
            .next(next)
    }

    pub(super) async fn reserve(&self, peer: &PartyId, count: u64) -> Result<()> {
        let (name, rule, most) = self.bound_of_ids(peer);
        let within = [(self.counted(peer, name, count).await?, most.most())];
        match self
            .agent_state
            .records
            .count_within(&within)
            .await
            .map_err(Fault::from)?
        {
            None => Ok(()),
            Some(_) => Err(self.enough(peer, (rule, most), count).into()),
        }
    }

    pub(super) async fn settle(&self, peer: &PartyId, ids: &[String], reserved: u64) -> Result<()> {
        let (name, rule, most) = self.bound_of_ids(peer);
        let reserved = self.counted(peer, name, reserved).await?;
        match self
            .agent_state
            .records
            .tell_ids(peer, ids, &reserved, most.most())
            .await
            .map_err(Fault::from)?
        {
            true => Ok(()),
            false => Err(self.enough(peer, (rule, most), ids.len() as u64).into()),
        }
    }
}
