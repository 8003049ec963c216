//! Messages that a step would send, held against what may leave before anything leaves.

use vocabulary::{MessageLine, Participant, Role, StepName};

use crate::admission::Facts;
use crate::rules::Policy;
use crate::verdict::Verdict;

/// A message that this party would send in a step, and the participants that would get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedMessage {
    /// The step.
    pub step: StepName,
    /// Its component.
    pub component: String,
    /// The role in which it would be sent.
    pub role: Role,
    /// The message as its component declares it.
    pub line: MessageLine,
    /// Who would get it.
    pub to: Vec<Participant>,
    /// Whether the step leaves a model: it is a training.
    pub trains: bool,
    /// What asks for more vectors of row values than the model's own, if this message has such.
    pub more: Vec<MoreVectors>,
}

/// A parameter by which a step sends vectors of row values in the course of its training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoreVectors {
    /// Its path below the step.
    pub parameter: String,
    /// How many of each table; none where nobody knows.
    pub count: Option<u64>,
}

impl Policy {
    /// Refuses a job of which some message could not leave: it would fail after others have left.
    pub(super) fn admit_messages(&self, facts: &Facts) -> Option<Verdict> {
        facts.spoken.iter().find_map(|spoken| {
            let forbidden = |to: &&Participant| to.party != self.me && !self.may_disclose(spoken.line.disclosure, to);
            let to = spoken.to.iter().find(forbidden)?;
            let PlannedMessage { step, component, role, line, .. } = spoken;
            let what = format!(
                "message {} of {component} (step {step}), which it would send as {role} to {to}: it discloses {}",
                line.name,
                line.disclosure.word()
            );
            Some(Verdict::refused("release.disclosures", what))
        })
    }
}
