//! May this message leave for that peer?

use vocabulary::{Disclosure, MessageLine, Participant};
use wire::Envelope;

use crate::rules::Policy;
use crate::verdict::Verdict;

impl Policy {
    /// Judges a message by its declared line. Messages between roles of one's own party never leave and are free.
    pub fn release(&self, envelope: &Envelope, line: &MessageLine) -> Verdict {
        let to = &envelope.address.to;
        if to.party == self.me {
            return Verdict::Allowed;
        }
        // The name alone is not enough: a declared message in another direction is another
        // disclosure.
        if line.name != envelope.message
            || line.from != envelope.address.from.role
            || !line.to.contains(&to.role)
        {
            return Verdict::refused(
                "release.disclosures",
                format!("the undeclared message {}", envelope.message),
            );
        }
        let rules = &self.rules.release;
        if envelope.body.len() as u64 > rules.largest_message {
            let what = format!("message {} of {} bytes", line.name, envelope.body.len());
            return Verdict::refused("release.largest_message", what);
        }
        if !self.may_disclose(line.disclosure, to) {
            let what = format!(
                "message {} to {to}: it discloses {}",
                line.name,
                line.disclosure.word()
            );
            return Verdict::refused("release.disclosures", what);
        }
        Verdict::Allowed
    }

    /// Whether messages to a participant of another party may give that away.
    pub(crate) fn may_disclose(&self, disclosure: Disclosure, to: &Participant) -> bool {
        let rules = &self.rules.release;
        rules
            .peer
            .get(&to.party)
            .map_or(&rules.disclosures, |own| &own.disclosures)
            .contains(&disclosure)
    }
}
