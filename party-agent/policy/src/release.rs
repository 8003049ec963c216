//! May this message leave for that peer?

use vocabulary::{Disclosure, MessageLine};
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
        if line.name != envelope.message || line.from != envelope.address.from.role || !line.to.contains(&to.role) {
            return Verdict::refused("release.disclosures", format!("the undeclared message {}", envelope.message));
        }
        let rules = &self.rules.release;
        if envelope.body.len() as u64 > rules.largest_message {
            let what = format!("message {} of {} bytes", line.name, envelope.body.len());
            return Verdict::refused("release.largest_message", what);
        }
        let allowed = rules.peer.get(&to.party).map_or(&rules.disclosures, |own| &own.disclosures);
        if !allowed.contains(&line.disclosure) {
            let what = format!("message {} to {to}: it discloses {}", line.name, word(line.disclosure));
            return Verdict::refused("release.disclosures", what);
        }
        Verdict::Allowed
    }
}

fn word(disclosure: Disclosure) -> &'static str {
    match disclosure {
        Disclosure::Control => "control",
        Disclosure::PublicKey => "public_key",
        Disclosure::Ciphertext => "ciphertext",
        Disclosure::Masked => "masked",
        Disclosure::Share => "share",
        Disclosure::BlindedIds => "blinded_ids",
        Disclosure::RowPositions => "row_positions",
        Disclosure::Aggregate => "aggregate",
        Disclosure::Model => "model",
        Disclosure::RowValues => "row_values",
    }
}
