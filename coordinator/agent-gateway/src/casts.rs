//! Which parties may write to each other: those of one job that is not over.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use vocabulary::{Cast, ErrorCode, Fault, JobId};
use wire::agent_link::EnvelopeHead;

/// The casts of the jobs that run.
#[derive(Default)]
pub(crate) struct Casts(Mutex<HashMap<JobId, Cast>>);

impl Casts {
    fn map(&self) -> MutexGuard<'_, HashMap<JobId, Cast>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn knows(&self, job: &JobId) -> bool {
        self.map().contains_key(job)
    }

    pub(crate) fn remember(&self, job: &JobId, cast: &Cast) {
        self.map().insert(job.clone(), cast.clone());
    }

    pub(crate) fn forget(&self, job: &JobId) {
        self.map().remove(job);
    }

    /// Allows a message between two participants of one known job.
    pub(crate) fn permit(&self, head: &EnvelopeHead) -> Result<(), Fault> {
        let address = &head.address;
        let job = &address.attempt.job;
        let map = self.map();
        let Some(cast) = map.get(job) else {
            return Err(Fault::new(
                ErrorCode::JobUnknown,
                format!("job {job} does not run, so no message of it is passed on"),
            ));
        };
        match [&address.from, &address.to]
            .into_iter()
            .find(|who| !cast.has(who))
        {
            // Both ends are judged: a party must neither send into a job of others nor be named as
            // its receiver.
            None => Ok(()),
            Some(stranger) => Err(Fault::new(
                ErrorCode::PermissionDenied,
                format!("{stranger} has no part in job {job}"),
            )
            .at(&stranger.party)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::{Attempt, Participant, PartyId, Role, StepName};
    use wire::{Address, AttemptKey};

    fn who(role: Role, id: &str) -> Participant {
        Participant::new(role, PartyId::new(id).expect("valid"))
    }

    fn envelope(from: Participant, to: Participant) -> EnvelopeHead {
        let attempt = AttemptKey {
            offer: String::new(),
            job: JobId::new("1").expect("valid"),
            step: StepName::new("s").expect("valid"),
            attempt: Attempt(0),
        };
        EnvelopeHead {
            address: Address {
                attempt,
                from,
                to,
                tag: "m".to_owned(),
            },
            message: "m".to_owned(),
            size: 0,
        }
    }

    #[test]
    fn passes_messages_only_inside_the_cast_of_a_job_that_runs() {
        let casts = Casts::default();
        let (guest, host) = (who(Role::Guest, "1"), who(Role::Host, "2"));
        let inside = envelope(guest.clone(), host.clone());
        assert_eq!(
            casts.permit(&inside).expect_err("unknown").code,
            ErrorCode::JobUnknown
        );
        let job = inside.address.attempt.job.clone();
        casts.remember(
            &job,
            &Cast {
                guest: vec![guest.party.clone()],
                host: vec![host.party.clone()],
                ..Cast::default()
            },
        );
        assert_eq!(casts.permit(&inside), Ok(()));
        let foreign = envelope(guest, who(Role::Host, "3"));
        assert_eq!(
            casts.permit(&foreign).expect_err("foreign").code,
            ErrorCode::PermissionDenied
        );
        casts.forget(&job);
        assert!(casts.permit(&inside).is_err());
    }
}
