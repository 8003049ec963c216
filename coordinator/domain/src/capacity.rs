//! Capacity: an agent runs a bounded number of tasks at once, so jobs take turns, by priority and then by age.
//!
//! A job takes capacity at all its parties together, for as long as an agent works for it, so that no two jobs can each hold
//! what the other needs. A job that does not fit keeps its turn: none behind it takes the capacity that it is next to get.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use vocabulary::{JobId, Participant, PartyId, Timestamp};

use crate::graph::Step;
use crate::job::{Job, JobSettings};
use crate::presence::Presence;

/// Cores that one task at an agent stands for: FATE's default of `task_cores`.
pub const CORES_OF_SLOT: u32 = 4;

/// Tasks that a job may have at each party at once, in slots.
pub type Demand = BTreeMap<PartyId, u32>;

impl JobSettings {
    /// Cores that a job holds at a participant while it runs.
    pub fn cores_of(&self, who: &Participant) -> u32 {
        self.task_cores_of(who).saturating_mul(self.parallelism)
    }
}

impl Job {
    /// The capacity that the job takes at each party: for every step that may run at once, one slot for each role that the
    /// party plays in it, more when its tasks ask for more cores than a slot has.
    pub fn demand(&self) -> Demand {
        let steps = &self.definition.graph.steps;
        let at_once = self
            .settings
            .parallelism
            .clamp(1, u32::try_from(steps.len()).unwrap_or(u32::MAX).max(1));
        let most = |party: &PartyId| {
            steps
                .iter()
                .map(|step| self.slots_in(step, party))
                .max()
                .unwrap_or(0)
        };
        let demand = self
            .cast
            .parties()
            .into_iter()
            .map(|party| (most(&party).saturating_mul(at_once), party));
        demand
            .filter(|(slots, _)| *slots > 0)
            .map(|(slots, party)| (party, slots))
            .collect()
    }

    /// The slots that a step takes at a party: those of each role that the party plays in it.
    fn slots_in(&self, step: &Step, party: &PartyId) -> u32 {
        let own = step
            .participants
            .iter()
            .filter(|who| who.party == *party && !step.skipped.contains(who));
        let slots = own.map(|who| {
            self.settings
                .task_cores_of(who)
                .div_ceil(CORES_OF_SLOT)
                // A task that asks for no core works all the same.
                .max(1)
        });
        slots.fold(0, u32::saturating_add)
    }
}

/// Whose turn comes first: the higher priority, then the older job.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    priority: Reverse<i64>,
    created: Timestamp,
    job: JobId,
}

impl Turn {
    fn of(job: &Job) -> Self {
        Self {
            priority: Reverse(job.settings.priority),
            created: job.created,
            job: job.id.clone(),
        }
    }
}

/// Who holds capacity, and who waits for it. Kept in memory: after a start every job that has work going on is looked at, and
/// takes its place anew.
#[derive(Debug, Clone, Default)]
pub struct CapacityBook {
    held: HashMap<JobId, Demand>,
    used: Demand,
    queue: BTreeMap<Turn, Demand>,
    turns: HashMap<JobId, Turn>,
}

impl CapacityBook {
    /// The parties that have no capacity for the job now; none when it holds its capacity already.
    pub fn short_of(&self, job: &Job, presence: &Presence) -> Vec<PartyId> {
        if self.held.contains_key(&job.id) {
            return Vec::new();
        }
        let demand = job.demand();
        let mut taken = self.used.clone();
        let turn = Turn::of(job);
        // Those ahead count as if they had started, so that small jobs behind a large one do not
        // keep it waiting for ever.
        for (_, ahead) in self.queue.range(..turn) {
            add(&mut taken, ahead);
        }
        demand
            .into_iter()
            .filter(|(party, slots)| !fits(presence, &taken, party, *slots))
            .map(|own| own.0)
            .collect()
    }

    /// Notes how a job is now: whether an agent works for it, and if not, whether it waits for capacity. True when others may
    /// have come nearer to their turn.
    pub fn note(&mut self, job: &Job, works: bool, waits: bool) -> bool {
        let held = match (works, self.held.contains_key(&job.id)) {
            (true, false) => {
                let demand = job.demand();
                add(&mut self.used, &demand);
                self.held.insert(job.id.clone(), demand);
                false
            }
            (false, true) => self.release(&job.id),
            _ => false,
        };
        let turn = Turn::of(job);
        if waits && !works {
            self.queue.insert(turn.clone(), job.demand());
            self.turns.insert(job.id.clone(), turn);
            return held;
        }
        let left = self
            .turns
            .remove(&job.id)
            .is_some_and(|turn| self.queue.remove(&turn).is_some());
        held || left
    }

    fn release(&mut self, job: &JobId) -> bool {
        let Some(demand) = self.held.remove(job) else {
            return false;
        };
        for (party, slots) in demand {
            if let Some(used) = self.used.get_mut(&party) {
                *used = used.saturating_sub(slots);
            }
        }
        true
    }

    /// The jobs that wait for capacity and would get it now, in their order.
    pub fn next(&self, presence: &Presence) -> Vec<JobId> {
        let mut taken = self.used.clone();
        let mut next = Vec::new();
        for (turn, demand) in &self.queue {
            if demand
                .iter()
                .all(|(party, slots)| fits(presence, &taken, party, *slots))
            {
                next.push(turn.job.clone());
            }
            // Whether it fits or not: what it is next to get is not given to those behind it.
            add(&mut taken, demand);
        }
        next
    }
}

fn add(taken: &mut Demand, more: &Demand) {
    for (party, slots) in more {
        let own = taken.entry(party.clone()).or_default();
        *own = own.saturating_add(*slots);
    }
}

/// Whether a party has so many slots free. A demand above all that it has can never be met and is let through when the party
/// is idle: it was refused at submission if the party had told by then.
fn fits(presence: &Presence, taken: &Demand, party: &PartyId, slots: u32) -> bool {
    // An agent that tells no number refuses by itself what is too much, and the order is tried
    // again.
    let Some(most) = presence.agents.get(party).and_then(|agent| agent.slots) else {
        return true;
    };
    let taken = taken.get(party).copied().unwrap_or(0);
    taken.saturating_add(slots.min(most)) <= most
}

#[cfg(test)]
mod tests {
    use vocabulary::Role;

    use super::*;
    use crate::fixture::{World, cast, party, snapshot, step};

    fn presence(slots: u32) -> Presence {
        let world = World::new(
            snapshot(
                vec![step("a_0", &[], &[Role::Guest])],
                cast(&["1"], &[], &[]),
            ),
            &["1", "2"],
        );
        let mut presence = world.presence;
        presence
            .agents
            .values_mut()
            .for_each(|agent| agent.slots = Some(slots));
        presence
    }

    fn job(id: &str, priority: i64, created: i64, hosts: &[&str]) -> Job {
        let mut job = snapshot(
            vec![step("a_0", &[], &[Role::Guest, Role::Host])],
            cast(&["1"], hosts, &[]),
        )
        .job;
        job.id = JobId::new(id).expect("valid");
        job.settings.priority = priority;
        job.created = Timestamp(created);
        job
    }

    fn names(jobs: Vec<JobId>) -> Vec<String> {
        jobs.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn counts_a_slot_for_each_role_and_step_and_for_more_cores() {
        let mut job = job("j", 0, 0, &["1", "2"]);
        assert_eq!(
            job.demand(),
            Demand::from([(party("1"), 2), (party("2"), 1)])
        );
        job.settings.parallelism = 9;
        assert_eq!(
            job.demand(),
            Demand::from([(party("1"), 2), (party("2"), 1)]),
            "one step runs at once at most"
        );
        job.settings.task_cores = 9;
        assert_eq!(
            job.demand(),
            Demand::from([(party("1"), 6), (party("2"), 3)])
        );
        let who = job
            .cast
            .participants()
            .find(|who| who.party == party("2"))
            .expect("there");
        job.settings.of_parties = vec![crate::PartySettings {
            who,
            task_cores: Some(2),
            partitions: None,
        }];
        assert_eq!(
            job.demand(),
            Demand::from([(party("1"), 6), (party("2"), 1)]),
            "what is said for one party counts there"
        );
    }

    #[test]
    fn gives_capacity_by_priority_and_then_by_age() {
        let (mut book, presence) = (CapacityBook::default(), presence(1));
        let [runs, old, young, urgent] = [("a", 0, 1), ("b", 0, 2), ("c", 0, 3), ("d", 5, 4)]
            .map(|(id, priority, at)| job(id, priority, at, &[]));
        assert!(book.short_of(&runs, &presence).is_empty());
        book.note(&runs, true, false);
        assert!(
            book.short_of(&runs, &presence).is_empty(),
            "it holds its capacity"
        );
        for waits in [&young, &old, &urgent] {
            assert_eq!(book.short_of(waits, &presence), [party("1")]);
            book.note(waits, false, true);
        }
        assert!(book.next(&presence).is_empty());
        assert!(book.note(&runs, false, false));
        assert_eq!(names(book.next(&presence)), ["d"]);
        assert_eq!(
            book.short_of(&old, &presence),
            [party("1")],
            "the capacity is the urgent job's"
        );
        book.note(&urgent, true, false);
        assert!(book.note(&urgent, false, false));
        assert_eq!(names(book.next(&presence)), ["b"]);
        assert!(
            book.note(&old, false, false),
            "it was stopped while it waited"
        );
        assert_eq!(names(book.next(&presence)), ["c"]);
    }

    #[test]
    fn lets_others_by_where_the_first_in_turn_needs_nothing() {
        let (mut book, presence) = (CapacityBook::default(), presence(1));
        let (runs, first, beside) = (
            job("a", 0, 1, &["2"]),
            job("b", 0, 2, &["2"]),
            job("c", 0, 3, &[]),
        );
        book.note(&runs, true, false);
        book.note(&first, false, true);
        book.note(&beside, false, true);
        assert!(book.note(&runs, false, false));
        assert_eq!(
            names(book.next(&presence)),
            ["b"],
            "c needs party 1, which b is next to get"
        );
        let elsewhere = Job {
            cast: cast(&["7"], &[], &[]),
            ..beside
        };
        assert!(book.short_of(&elsewhere, &presence).is_empty());
    }

    #[test]
    fn a_party_that_tells_no_bound_has_none_and_a_demand_above_all_runs_alone() {
        let (mut book, mut presence) = (CapacityBook::default(), presence(1));
        let mut large = job("a", 0, 1, &[]);
        large.settings.task_cores = 400;
        assert!(book.short_of(&large, &presence).is_empty());
        book.note(&large, true, false);
        assert_eq!(book.short_of(&job("b", 0, 2, &[]), &presence), [party("1")]);
        presence
            .agents
            .values_mut()
            .for_each(|agent| agent.slots = None);
        assert!(book.short_of(&job("b", 0, 2, &[]), &presence).is_empty());
    }
}
