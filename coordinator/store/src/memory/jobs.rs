//! Jobs, notes and claims in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::{Job, JobState};
use service::ports::{Claims, Jobs, Stored};
use service::{JobFilter, JobOrder, RowFilter};
use vocabulary::{JobId, Participant, PartyId, Role, Timestamp};

use super::{JobRow, MemoryTransaction, among, page};

#[async_trait]
impl Jobs for MemoryTransaction {
    async fn insert_job(&mut self, job: &Job) -> Stored<bool> {
        if self.tables.jobs.get(&job.id).is_some() {
            return Ok(false);
        }
        let row = JobRow {
            job: Arc::new(job.clone()),
            due: Some(job.created),
            claim: None,
        };
        self.tables.jobs.put(job.id.clone(), row);
        Ok(true)
    }

    async fn job(&mut self, id: &JobId) -> Stored<Option<Job>> {
        Ok(self.tables.jobs.get(id).map(|row| Job::clone(&row.job)))
    }

    async fn save_job(&mut self, job: &Job) -> Stored<bool> {
        Ok(self.tables.jobs.change(&job.id, |row| {
            let definition = row.job.definition.clone();
            let (offer, answers) = (row.job.offer.clone(), row.job.answers.clone());
            row.job = Arc::new(Job {
                definition,
                offer,
                answers,
                archived: row.job.archived,
                ..job.clone()
            });
        }))
    }

    async fn save_definition(&mut self, job: &Job) -> Stored<bool> {
        Ok(self.tables.jobs.change(&job.id, |row| {
            row.job = Arc::new(Job {
                definition: job.definition.clone(),
                ..Job::clone(&row.job)
            });
        }))
    }

    async fn save_signatures(&mut self, job: &Job) -> Stored<bool> {
        Ok(self.tables.jobs.change(&job.id, |row| {
            let (offer, answers) = (job.offer.clone(), job.answers.clone());
            row.job = Arc::new(Job {
                offer,
                answers,
                ..Job::clone(&row.job)
            });
        }))
    }

    async fn find_jobs(&mut self, filter: &JobFilter) -> Stored<(Vec<Job>, u64)> {
        let found = self.found(filter);
        let total = found.len() as u64;
        let bare = |job: &Arc<Job>| Job {
            offer: None,
            ticket: None,
            answers: BTreeMap::new(),
            ..Job::clone(job)
        };
        Ok((
            page(found, filter.limit, filter.offset)
                .into_iter()
                .map(bare)
                .collect(),
            total,
        ))
    }

    async fn find_rows(&mut self, filter: &RowFilter) -> Stored<(Vec<(JobId, Participant)>, u64)> {
        let rows: Vec<(JobId, Participant)> = self
            .found(&filter.jobs)
            .into_iter()
            .flat_map(|job| self.participants_meant(job, filter))
            .collect();
        let total = rows.len() as u64;
        Ok((page(rows, filter.jobs.limit, filter.jobs.offset), total))
    }

    async fn count_jobs(&mut self) -> Stored<Vec<(JobState, u64)>> {
        let rows = self.tables.jobs.rows();
        let count =
            |state: JobState| rows.values().filter(|row| row.job.state == state).count() as u64;
        Ok(JobState::ALL
            .into_iter()
            .map(|state| (state, count(state)))
            .filter(|(_, jobs)| *jobs > 0)
            .collect())
    }

    async fn set_notes(
        &mut self,
        job: &JobId,
        participant: &Participant,
        notes: &str,
    ) -> Stored<bool> {
        let takes_part = |row: &JobRow| takes_part(&row.job, participant);
        if !self.tables.jobs.get(job).is_some_and(takes_part) {
            return Ok(false);
        }
        self.tables
            .notes
            .put((job.clone(), participant.clone()), notes.to_owned());
        Ok(true)
    }

    async fn notes_on(
        &mut self,
        jobs: &[JobId],
    ) -> Stored<BTreeMap<JobId, Vec<(Participant, String)>>> {
        let mut notes: BTreeMap<JobId, Vec<(Participant, String)>> = BTreeMap::new();
        for row in jobs.iter().filter_map(|id| self.tables.jobs.get(id)) {
            let id = &row.job.id;
            let note = |who: Participant| {
                Some((
                    who.clone(),
                    self.tables.notes.get(&(id.clone(), who))?.clone(),
                ))
            };
            let own: Vec<_> = participants(&row.job)
                .into_iter()
                .filter_map(note)
                .collect();
            if !own.is_empty() {
                notes.insert(id.clone(), own);
            }
        }
        Ok(notes)
    }
}

impl MemoryTransaction {
    /// The jobs that fit, in order.
    fn found(&self, filter: &JobFilter) -> Vec<&Arc<Job>> {
        let described = |job: &Job| {
            let notes = |who| self.note(job, who);
            contains(&job.description, &filter.description_contains)
                || participants(job)
                    .iter()
                    .filter_map(notes)
                    .any(|note| contains(note, &filter.description_contains))
        };
        let jobs = self.tables.jobs.rows().values().map(|row| &row.job);
        let mut found: Vec<&Arc<Job>> = jobs
            .filter(|job| fits(job, filter) && described(job))
            .collect();
        let zero = Timestamp(0);
        found.sort_by_key(|job| {
            let at = match filter.order {
                JobOrder::Created => (job.created.0, zero),
                JobOrder::Started => (job.started.unwrap_or(zero).0, zero),
                JobOrder::Ended => (job.ended.unwrap_or(zero).0, zero),
                JobOrder::Id => (0, zero),
                JobOrder::Elapsed => (
                    job.started
                        .zip(job.ended)
                        .map_or(0, |(from, to)| to.millis_since(from)),
                    job.created,
                ),
            };
            (at, job.id.clone())
        });
        if filter.newest_first {
            found.reverse();
        }
        found
    }

    fn note(&self, job: &Job, who: &Participant) -> Option<&String> {
        self.tables.notes.get(&(job.id.clone(), who.clone()))
    }

    fn participants_meant(&self, job: &Job, filter: &RowFilter) -> Vec<(JobId, Participant)> {
        let all = participants(job);
        let is_alone = all.iter().all(|who| who.role == Role::Local);
        let described = |who: &Participant| {
            contains(
                self.note(job, who).unwrap_or(&job.description),
                &filter.description_contains,
            )
        };
        let contains = |text: &str, part: &Option<String>| {
            part.as_ref()
                .is_none_or(|part| text.contains(part.as_str()))
        };
        let fits = |who: &&Participant| {
            let shown = if is_alone {
                filter.alone_as.as_str()
            } else {
                who.party.as_str()
            };
            let partner = |other: &Participant| {
                !is_alone
                    && other != *who
                    && contains(other.party.as_str(), &filter.partner_contains)
            };
            (!is_alone || **who == job.initiator)
                && among(&filter.roles, &who.role)
                && contains(shown, &filter.party_contains)
                && (filter.partner_contains.is_none() || all.iter().any(partner))
                && described(who)
        };
        all.iter()
            .filter(fits)
            .map(|who| (job.id.clone(), who.clone()))
            .collect()
    }
}

fn participants(job: &Job) -> Vec<Participant> {
    let mut all: Vec<Participant> = job.cast.participants().collect();
    if !all.contains(&job.initiator) {
        all.push(job.initiator.clone());
    }
    all
}

fn takes_part(job: &Job, participant: &Participant) -> bool {
    job.cast.has(participant) || job.initiator == *participant
}

fn contains(text: &str, part: &Option<String>) -> bool {
    part.as_ref()
        .is_none_or(|part| text.to_lowercase().contains(&part.to_lowercase()))
}

fn fits(job: &Job, filter: &JobFilter) -> bool {
    let plays = |who: &Participant| {
        among(&filter.roles, &who.role)
            && among(&filter.parties, &who.party)
            && contains(who.party.as_str(), &filter.party_contains)
    };
    among(&filter.ids, &job.id)
        && !filter.without.contains(&job.id)
        && among(&filter.states, &job.state)
        && filter
            .initiator_role
            .is_none_or(|role| role == job.initiator.role)
        && among(&filter.initiator_parties, &job.initiator.party)
        && among(&filter.names, &job.name)
        && contains(job.id.as_str(), &filter.id_contains)
        && filter
            .model_version
            .as_ref()
            .is_none_or(|version| *version == job.model_version)
        && filter
            .experiment
            .as_ref()
            .is_none_or(|experiment| *experiment == job.experiment)
        && filter.created_from.is_none_or(|from| job.created >= from)
        && filter.created_to.is_none_or(|to| job.created <= to)
        && filter
            .after
            .as_ref()
            .is_none_or(|(moment, id)| (job.created, &job.id) > (*moment, id))
        && participants(job).iter().any(plays)
}

#[async_trait]
impl Claims for MemoryTransaction {
    async fn claim_due(
        &mut self,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Stored<Vec<JobId>> {
        let is_free = |row: &JobRow| {
            row.claim
                .as_ref()
                .is_none_or(|(by, end)| by == owner || *end <= now)
        };
        let rows = self.tables.jobs.rows().iter();
        let mut due: Vec<(Timestamp, JobId)> = rows
            .filter(|(_, row)| is_free(row))
            .filter_map(|(id, row)| Some((row.due.filter(|due| *due <= now)?, id.clone())))
            .collect();
        due.sort();
        let ids: Vec<JobId> = page(due, Some(limit), 0)
            .into_iter()
            .map(|(_, id)| id)
            .collect();
        for id in &ids {
            self.tables
                .jobs
                .change(id, |row| row.claim = Some((owner.to_owned(), until)));
        }
        Ok(ids)
    }

    async fn hold_job(&mut self, id: &JobId, owner: &str) -> Stored<bool> {
        Ok(self
            .tables
            .jobs
            .get(id)
            .is_some_and(|row| row.claim.as_ref().is_some_and(|(by, _)| by == owner)))
    }

    async fn release_job(&mut self, id: &JobId, due: Option<Timestamp>) -> Stored<()> {
        self.tables
            .jobs
            .change(id, |row| (row.due, row.claim) = (due, None));
        Ok(())
    }

    async fn poke_job(&mut self, id: &JobId, at: Timestamp) -> Stored<()> {
        self.tables.jobs.change(id, |row| poke(row, at));
        Ok(())
    }

    async fn poke_party(&mut self, party: &PartyId, at: Timestamp) -> Stored<()> {
        let concerns = |row: &JobRow| participants(&row.job).iter().any(|who| who.party == *party);
        self.tables.jobs.change_where(
            |_, row| !row.job.state.is_settled() && concerns(row),
            |row| poke(row, at),
        );
        Ok(())
    }

    async fn poke_all(&mut self, at: Timestamp) -> Stored<()> {
        self.tables
            .jobs
            .change_where(|_, row| !row.job.state.is_settled(), |row| poke(row, at));
        Ok(())
    }

    async fn ahead_in_queue(&mut self, job: &Job) -> Stored<Option<JobId>> {
        let Some(queue) = &job.settings.queue else {
            return Ok(None);
        };
        Ok(self.first_in(queue).filter(|first| *first != job.id))
    }

    async fn poke_queue(&mut self, queue: &str, at: Timestamp) -> Stored<()> {
        match self.first_in(queue) {
            Some(first) => self.poke_job(&first, at).await,
            None => Ok(()),
        }
    }

    async fn next_due(&mut self) -> Stored<Option<Timestamp>> {
        Ok(self
            .tables
            .jobs
            .rows()
            .values()
            .filter_map(|row| row.due)
            .min())
    }
}

fn poke(row: &mut JobRow, at: Timestamp) {
    row.due = Some(row.due.map_or(at, |due| due.min(at)));
}

impl MemoryTransaction {
    /// The unsettled job of a queue whose turn it is: one that runs already, or else the earliest.
    fn first_in(&self, queue: &str) -> Option<JobId> {
        let jobs = self.tables.jobs.rows().values().map(|row| &row.job);
        let waiting = jobs
            .filter(|job| job.settings.queue.as_deref() == Some(queue) && !job.state.is_settled());
        let runs = |job: &Job| matches!(job.state, JobState::Running | JobState::Stopping);
        waiting
            .min_by_key(|job| (!runs(job), job.created, job.id.clone()))
            .map(|job| job.id.clone())
    }
}
