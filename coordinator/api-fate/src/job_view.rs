//! Who is shown as taking part in a job: the cast as it is, but one "local 0" for jobs that parties do by themselves.

use domain::Job;
use rest::Failure;
use serde_json::{Map, Value};
use service::{JobFilter, ServiceError};
use vocabulary::{JobId, Participant, PartyId, Role, TaskId};

use super::FateFlow;
use super::failure::fail;
use super::request::{Call, id_value};

/// The party that local jobs show, as a standalone FATE does.
pub(super) const LOCAL_PARTY: &str = "0";

/// A participant as clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ParticipantView {
    /// The role.
    pub(super) role: Role,
    /// The party's id as clients see it.
    pub(super) party: String,
    /// Who it is.
    pub(super) of: Participant,
}

impl ParticipantView {
    /// Whether a client that names this role and party (either may be missing) means this participant.
    pub(super) fn is_meant(&self, role: Option<&str>, party: Option<&str>) -> bool {
        role.is_none_or(|role| role == self.role.word())
            && party.is_none_or(|party| party == self.party || party == self.of.party.as_str())
    }
}

/// Whether the parties of the job work alone.
pub(super) fn is_local(job: &Job) -> bool {
    job.cast
        .participants()
        .all(|participant| participant.role == Role::Local)
}

/// Everybody in the job as clients see it.
pub(super) fn participants(job: &Job) -> Vec<ParticipantView> {
    if is_local(job) {
        return vec![initiator_of(job)];
    }
    job.cast
        .participants()
        .map(|of| ParticipantView {
            role: of.role,
            party: of.party.to_string(),
            of,
        })
        .collect()
}

/// The initiator as clients see it.
pub(super) fn initiator_of(job: &Job) -> ParticipantView {
    let of = job.initiator.clone();
    let party = if is_local(job) {
        LOCAL_PARTY.to_owned()
    } else {
        of.party.to_string()
    };
    ParticipantView {
        role: of.role,
        party,
        of,
    }
}

/// The participant that a request means: the one it names, the initiator where it leaves something out. In local jobs
/// any of the parties may be named.
pub(super) fn meant(job: &Job, call: &Call) -> Option<ParticipantView> {
    let (role, party) = (call.text("role"), call.text("party_id"));
    let initiator = initiator_of(job);
    let role = role.unwrap_or_else(|| initiator.role.word().to_owned());
    let party = party.unwrap_or_else(|| initiator.party.clone());
    let everybody = job.cast.participants().map(|of| ParticipantView {
        role: of.role,
        party: of.party.to_string(),
        of,
    });
    participants(job)
        .into_iter()
        .chain(everybody)
        .find(|shown| shown.is_meant(Some(&role), Some(&party)))
}

/// The roles of the job with their parties, numbers where they are numbers.
pub(super) fn roles(job: &Job) -> Value {
    let mut roles = Map::new();
    for shown in participants(job) {
        if let Value::Array(list) = roles
            .entry(shown.role.word())
            .or_insert_with(|| Value::Array(Vec::new()))
        {
            list.push(id_value(&shown.party));
        }
    }
    Value::Object(roles)
}

/// The job that a request names, if it is there and the caller may see it: a party's user sees the jobs the party takes
/// part in.
pub(super) async fn find_job(api: &FateFlow, call: &Call) -> Result<Option<Job>, Failure> {
    let Some(id) = call.job() else {
        return Ok(None);
    };
    job_of(api, call, &id).await
}

/// The job of this id, if it is there and the caller may see it.
pub(super) async fn job_of(
    api: &FateFlow,
    call: &Call,
    id: &JobId,
) -> Result<Option<Job>, Failure> {
    match api.coordinator().jobs().get(id).await {
        Ok(job) if may_see(&job, call) => Ok(Some(job)),
        // The same answer for another party's job as for none: which ids there are is not told.
        Ok(_) | Err(ServiceError::NotFound(_)) => Ok(None),
        Err(error) => Err(fail(error)),
    }
}

/// The task that a request means (its newest try), with its job; `None` when there is no such job or participant.
pub(super) async fn find_task(
    api: &FateFlow,
    call: &Call,
) -> Result<Option<(Job, ParticipantView, TaskId)>, Failure> {
    let (Some(job), Some(step)) = (find_job(api, call).await?, call.step()) else {
        return Ok(None);
    };
    let Some(shown) = meant(&job, call) else {
        return Ok(None);
    };
    let task = TaskId {
        job: job.id.clone(),
        step,
        role: shown.role,
        party: shown.of.party.clone(),
    };
    let has_task = job
        .definition
        .graph
        .step(&task.step)
        .is_some_and(|step| step.participants.contains(&shown.of));
    Ok(has_task.then_some((job, shown, task)))
}

/// The same, of tasks whose figures, models and tables the caller may read: a party's user those of its party.
pub(super) async fn find_own_task(
    api: &FateFlow,
    call: &Call,
) -> Result<Option<(Job, ParticipantView, TaskId)>, Failure> {
    Ok(find_task(api, call)
        .await?
        .filter(|(_, _, task)| is_own(call, &task.party)))
}

/// Whether what belongs to a party is the caller's to read and change.
pub(super) fn is_own(call: &Call, party: &PartyId) -> bool {
    call.principal.party().is_none_or(|own| own == party)
}

/// Bounds a search to what the caller may see.
pub(super) fn visible(call: &Call) -> JobFilter {
    JobFilter {
        parties: call.principal.party().cloned().into_iter().collect(),
        ..JobFilter::default()
    }
}

/// Whether the caller may see the job.
pub(super) fn may_see(job: &Job, call: &Call) -> bool {
    call.principal.party().is_none_or(|party| {
        job.cast
            .participants()
            .any(|participant| participant.party == *party)
    })
}
