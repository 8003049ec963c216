//! Paging, sorting and filtering in the domain's own words; each API translates its own form into these.

use serde::{Deserialize, Serialize};
use vocabulary::{ExperimentId, JobId, Participant, PartyId, Role, StepName, Timestamp};

use crate::job::state::JobState;
use crate::job::{Job, JobKind};
use crate::task::Task;
use crate::task::state::TaskState;

/// Which part of a listing is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Which page, counted from 1.
    pub number: u32,
    /// Entries on a page; `None` for all.
    pub limit: Option<u32>,
}

impl Page {
    /// The largest page given out, whatever is asked for.
    pub const LARGEST: u32 = 1_000;

    /// Everything.
    pub const ALL: Page = Page {
        number: 1,
        limit: None,
    };

    /// A page of so many entries; numbers below 1 mean the first page, sizes are kept between 1 and [`Page::LARGEST`].
    pub fn new(number: u32, limit: u32) -> Self {
        Self {
            number: number.max(1),
            limit: Some(limit.clamp(1, Self::LARGEST)),
        }
    }

    /// How many entries stand before this page.
    pub fn offset(self) -> u64 {
        u64::from(self.number.max(1) - 1) * u64::from(self.limit.unwrap_or(0))
    }

    /// Cuts the page out of a complete listing.
    pub fn cut<T>(self, all: Vec<T>) -> Listing<T> {
        let total = all.len() as u64;
        let skip = usize::try_from(self.offset()).unwrap_or(usize::MAX);
        let take = self.limit.map_or(usize::MAX, |limit| {
            usize::try_from(limit).unwrap_or(usize::MAX)
        });
        Listing {
            entries: all.into_iter().skip(skip).take(take).collect(),
            total,
        }
    }
}

/// A page of entries, and how many there are in all.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing<T> {
    /// The entries of the page.
    pub entries: Vec<T>,
    /// Entries of all pages.
    pub total: u64,
}

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

/// By what a listing is sorted, and which way. Equals stand in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order<F> {
    /// By what.
    pub by: F,
    /// Which way.
    pub direction: Direction,
}

/// What jobs can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobField {
    /// Its id (which begins with the date).
    Id,
    /// Its name.
    Name,
    /// When it was submitted.
    Created,
    /// When its first task started.
    Started,
    /// When it settled.
    Ended,
    /// When it last changed.
    Updated,
    /// How far it is.
    Progress,
}

/// A span of time, both ends included; an open end is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Span {
    /// From this moment.
    pub from: Option<Timestamp>,
    /// To this moment.
    pub to: Option<Timestamp>,
}

impl Span {
    /// Whether a moment lies in it; a moment that never came does only when both ends are open.
    pub fn holds(&self, moment: Option<Timestamp>) -> bool {
        match moment {
            Some(at) => {
                self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at <= to)
            }
            None => self.from.is_none() && self.to.is_none(),
        }
    }
}

/// Which jobs are wanted. A list means any of its members; an empty list, like `None`, means no condition.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct JobFilter {
    /// By id.
    pub ids: Vec<JobId>,
    /// By experiment.
    pub experiments: Vec<ExperimentId>,
    /// By state.
    pub states: Vec<JobState>,
    /// By kind.
    pub kind: Option<JobKind>,
    /// By exact name.
    pub name: Option<String>,
    /// By who asked for it.
    pub initiator: Option<PartyId>,
    /// By a party that takes part, in whatever role.
    pub party: Option<PartyId>,
    /// By a participant.
    pub participant: Option<Participant>,
    /// By submission.
    pub created: Span,
    /// By start.
    pub started: Span,
    /// By end.
    pub ended: Span,
}

impl JobFilter {
    /// Whether a job is wanted.
    pub fn admits(&self, job: &Job) -> bool {
        any_of(&self.ids, &job.id)
            && any_of(&self.experiments, &job.experiment)
            && any_of(&self.states, &job.state)
            && self.kind.is_none_or(|kind| kind == job.kind)
            && self.name.as_ref().is_none_or(|name| *name == job.name)
            && self
                .initiator
                .as_ref()
                .is_none_or(|party| *party == job.initiator.party)
            && self.party.as_ref().is_none_or(|party| {
                Role::ALL
                    .iter()
                    .any(|role| job.cast.of(*role).contains(party))
            })
            && self
                .participant
                .as_ref()
                .is_none_or(|participant| job.cast.has(participant))
            && self.created.holds(Some(job.created))
            && self.started.holds(job.started)
            && self.ended.holds(job.ended)
    }
}

/// Which tasks are wanted; read like [`JobFilter`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskFilter {
    /// By job.
    pub jobs: Vec<JobId>,
    /// By step.
    pub steps: Vec<StepName>,
    /// By state.
    pub states: Vec<TaskState>,
    /// By role.
    pub role: Option<Role>,
    /// By party.
    pub party: Option<PartyId>,
    /// Only the latest attempt of each task.
    pub latest_only: bool,
}

impl TaskFilter {
    /// Whether a task is wanted; which attempt is the latest is the store's to know.
    pub fn admits(&self, task: &Task) -> bool {
        any_of(&self.jobs, &task.key.id.job)
            && any_of(&self.steps, &task.key.id.step)
            && any_of(&self.states, &task.state)
            && self.role.is_none_or(|role| role == task.key.id.role)
            && self
                .party
                .as_ref()
                .is_none_or(|party| *party == task.key.id.party)
    }
}

fn any_of<T: PartialEq>(wanted: &[T], value: &T) -> bool {
    wanted.is_empty() || wanted.contains(value)
}

/// Sorts jobs.
pub fn sort_jobs(jobs: &mut [Job], order: Order<JobField>) {
    jobs.sort_by(|a, b| {
        let by = match order.by {
            JobField::Id => a.id.cmp(&b.id),
            JobField::Name => a.name.cmp(&b.name),
            JobField::Created => a.created.cmp(&b.created),
            JobField::Started => a.started.cmp(&b.started),
            JobField::Ended => a.ended.cmp(&b.ended),
            JobField::Updated => a.updated.cmp(&b.updated),
            JobField::Progress => a.progress.cmp(&b.progress),
        };
        let by = by.then_with(|| a.id.cmp(&b.id));
        if order.direction == Direction::Descending {
            by.reverse()
        } else {
            by
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_pages_and_counts_all() {
        let all: Vec<u32> = (0..7).collect();
        assert_eq!(
            Page::new(2, 3).cut(all.clone()),
            Listing {
                entries: vec![3, 4, 5],
                total: 7
            }
        );
        assert_eq!(
            Page::new(9, 3).cut(all.clone()),
            Listing {
                entries: vec![],
                total: 7
            }
        );
        assert_eq!(Page::new(0, 0).cut(all.clone()).entries, [0]);
        assert_eq!(Page::ALL.cut(all).entries.len(), 7);
    }

    #[test]
    fn filters_and_sorts_jobs() {
        let job = |id: &str, name: &str, state| {
            let steps = vec![crate::fixture::step("a", &[], &[Role::Guest])];
            let mut job =
                crate::fixture::snapshot(steps, crate::fixture::cast(&["1"], &["2"], &[])).job;
            (job.id, job.name, job.state) =
                (JobId::new(id).expect("valid"), name.to_owned(), state);
            job
        };
        let mut jobs = vec![
            job("3", "b", JobState::Failed),
            job("1", "a", JobState::Running),
            job("2", "b", JobState::Queued),
        ];
        sort_jobs(
            &mut jobs,
            Order {
                by: JobField::Name,
                direction: Direction::Descending,
            },
        );
        assert_eq!(
            jobs.iter().map(|job| job.id.as_str()).collect::<Vec<_>>(),
            ["3", "2", "1"]
        );
        let wanted = |filter: &JobFilter| jobs.iter().filter(|job| filter.admits(job)).count();
        let states = vec![JobState::Running, JobState::Queued];
        assert_eq!(
            wanted(&JobFilter {
                states,
                ..JobFilter::default()
            }),
            2
        );
        let host = Some(PartyId::new("2").expect("valid"));
        assert_eq!(
            wanted(&JobFilter {
                party: host.clone(),
                name: Some("b".into()),
                ..JobFilter::default()
            }),
            2
        );
        assert_eq!(
            wanted(&JobFilter {
                initiator: host,
                ..JobFilter::default()
            }),
            0
        );
    }

    #[test]
    fn a_span_holds_its_ends() {
        let span = Span {
            from: Some(Timestamp(5)),
            to: Some(Timestamp(7)),
        };
        let inside: Vec<i64> = (4..9)
            .filter(|at| span.holds(Some(Timestamp(*at))))
            .collect();
        assert_eq!(inside, [5, 6, 7]);
        assert!(!span.holds(None));
        assert!(Span::default().holds(None));
    }
}
