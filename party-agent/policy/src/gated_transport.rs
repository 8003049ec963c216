//! The transport a task really gets: every letter passes the gate before any byte leaves, and is counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use vocabulary::{ErrorCode, Fault, MessageLine, Participant, PartyId};
use wire::{Address, AttemptKey, Envelope, Transport, TransportError};

use crate::consent::Consent;
use crate::rules::Policy;
use crate::verdict::Verdict;

/// What left in one attempt: for each message and receiving party, how many letters and bytes.
pub type Traffic = BTreeMap<(String, PartyId), (u64, u64)>;

/// Asks the policy in force about every letter that goes out, and counts what left.
pub struct GatedTransport {
    me: PartyId,
    consent: Arc<dyn Consent>,
    lines: &'static [MessageLine],
    below: Arc<dyn Transport>,
    traffic: Mutex<Traffic>,
}

impl GatedTransport {
    /// Puts the gate of party `me` in front of a transport, for a component's message table.
    pub fn new(
        me: PartyId,
        consent: Arc<dyn Consent>,
        lines: &'static [MessageLine],
        below: Arc<dyn Transport>,
    ) -> Self {
        Self { me, consent, lines, below, traffic: Mutex::default() }
    }

    /// What left so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn judge(&self, policy: &Policy, envelope: &Envelope) -> Verdict {
        let Some(line) = self.lines.iter().find(|line| line.name == envelope.message) else {
            return Verdict::refused("release.disclosures", format!("the undeclared message {}", envelope.message));
        };
        let most = policy.rules.release.most_messages;
        let sent: u64 =
            self.traffic.lock().unwrap_or_else(PoisonError::into_inner).values().map(|(count, _)| count).sum();
        if sent >= most {
            return Verdict::refused("release.most_messages", format!("more than {most} messages in one attempt"));
        }
        policy.release(envelope, line)
    }

    fn count(&self, envelope: &Envelope) {
        let to = envelope.address.to.party.clone();
        if to != self.me {
            let mut traffic = self.traffic.lock().unwrap_or_else(PoisonError::into_inner);
            let (letters, bytes) = traffic.entry((envelope.message.clone(), to)).or_default();
            *letters += 1;
            *bytes += envelope.body.len() as u64;
        }
    }
}

#[async_trait]
impl Transport for GatedTransport {
    async fn send(&self, envelope: Envelope) -> Result<(), TransportError> {
        let refused = |fault: Fault| TransportError::Refused(fault.at(&self.me));
        let policy = self.consent.in_force().await.map_err(refused)?;
        self.judge(&policy, &envelope).into_result(ErrorCode::ReleaseRefused).map_err(refused)?;
        // Counted before it is handed on: what the audit shows is never less than what left.
        self.count(&envelope);
        self.below.send(envelope).await
    }

    async fn receive(&self, address: &Address) -> Result<Bytes, TransportError> {
        self.below.receive(address).await
    }

    async fn close(&self, attempt: &AttemptKey, receiver: &Participant) {
        self.below.close(attempt, receiver).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::Fixed;
    use crate::rules::Rules;
    use vocabulary::{Attempt, Disclosure, JobId, Role, StepName};

    static LINES: [MessageLine; 2] = [
        MessageLine { name: "sum", from: Role::Host, to: &[Role::Guest], disclosure: Disclosure::Masked },
        MessageLine { name: "scores", from: Role::Host, to: &[Role::Guest], disclosure: Disclosure::RowValues },
    ];

    struct Swallow;

    #[async_trait]
    impl Transport for Swallow {
        async fn send(&self, _: Envelope) -> Result<(), TransportError> {
            Ok(())
        }
        async fn receive(&self, _: &Address) -> Result<Bytes, TransportError> {
            Ok(Bytes::new())
        }
        async fn close(&self, _: &AttemptKey, _: &Participant) {}
    }

    fn gate(rules: &str) -> GatedTransport {
        let rules: Rules = toml::from_str(rules).expect("rules");
        behind(Arc::new(Fixed(policy(rules))))
    }

    fn me() -> PartyId {
        PartyId::new("2").expect("valid")
    }

    fn policy(rules: Rules) -> Arc<Policy> {
        Arc::new(Policy::new(me(), rules))
    }

    fn behind(consent: Arc<dyn Consent>) -> GatedTransport {
        GatedTransport::new(me(), consent, &LINES, Arc::new(Swallow))
    }

    /// Consent that somebody withdraws.
    struct Withdrawn(Mutex<Option<Arc<Policy>>>);

    #[async_trait]
    impl Consent for Withdrawn {
        async fn in_force(&self) -> Result<Arc<Policy>, Fault> {
            let withdrawn = || Fault::new(ErrorCode::OfferRefused, "the policy was narrowed");
            self.0.lock().expect("sound").clone().ok_or_else(withdrawn)
        }
    }

    fn letter(message: &str, to: &str) -> Envelope {
        let who = |role, id: &str| Participant::new(role, PartyId::new(id).expect("valid"));
        let attempt = AttemptKey {
            job: JobId::new("1").expect("valid"),
            step: StepName::new("s").expect("valid"),
            attempt: Attempt(0),
        };
        let address =
            Address { attempt, from: who(Role::Host, "2"), to: who(Role::Guest, to), tag: message.to_owned() };
        Envelope { address, message: message.to_owned(), body: Bytes::from_static(b"12345") }
    }

    fn outcome(gate: &GatedTransport, envelope: Envelope) -> Result<(), TransportError> {
        futures_executor(gate.send(envelope))
    }

    /// The transport below is always ready, so one poll is enough.
    fn futures_executor<T>(future: impl Future<Output = T>) -> T {
        let mut future = Box::pin(future);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(done) => done,
            std::task::Poll::Pending => panic!("the transport below is always ready"),
        }
    }

    #[test]
    fn lets_only_named_disclosures_leave() {
        let gate = gate("[release]\ndisclosures = ['masked']");
        assert!(outcome(&gate, letter("sum", "1")).is_ok());
        let refused = outcome(&gate, letter("scores", "1"));
        assert!(matches!(refused, Err(TransportError::Refused(fault)) if fault.code == ErrorCode::ReleaseRefused));
        assert!(outcome(&gate, letter("unheard_of", "1")).is_err());
        assert_eq!(gate.traffic().values().copied().collect::<Vec<_>>(), [(1, 5)]);
    }

    #[test]
    fn nothing_leaves_once_consent_is_withdrawn() {
        let open = policy(toml::from_str("[release]\ndisclosures = ['masked']").expect("rules"));
        let consent = Arc::new(Withdrawn(Mutex::new(Some(open))));
        let gate = behind(consent.clone());
        assert!(outcome(&gate, letter("sum", "1")).is_ok());
        *consent.0.lock().expect("sound") = Some(policy(Rules::default()));
        let refused = outcome(&gate, letter("sum", "1"));
        assert!(matches!(refused, Err(TransportError::Refused(fault)) if fault.code == ErrorCode::ReleaseRefused));
        *consent.0.lock().expect("sound") = None;
        let refused = outcome(&gate, letter("sum", "1"));
        assert!(matches!(refused, Err(TransportError::Refused(fault)) if fault.code == ErrorCode::OfferRefused));
        assert_eq!(gate.traffic().values().copied().collect::<Vec<_>>(), [(1, 5)]);
    }

    #[test]
    fn a_rule_for_one_peer_stands_above_the_general_one() {
        let gate = gate("[release]\ndisclosures = ['masked']\n[release.peer.1]\ndisclosures = []");
        assert!(outcome(&gate, letter("sum", "1")).is_err());
        assert!(outcome(&gate, letter("sum", "3")).is_ok());
    }

    #[test]
    fn refuses_what_is_too_large_or_too_much() {
        let small = gate("[release]\ndisclosures = ['masked']\nlargest_message = 4");
        assert!(outcome(&small, letter("sum", "1")).is_err());
        let few = gate("[release]\ndisclosures = ['masked']\nmost_messages = 1");
        assert!(outcome(&few, letter("sum", "1")).is_ok());
        assert!(outcome(&few, letter("sum", "1")).is_err());
    }

    #[test]
    fn mail_inside_the_party_never_leaves_and_is_free() {
        let gate = gate("");
        assert!(outcome(&gate, letter("scores", "2")).is_ok());
        assert!(gate.traffic().is_empty());
    }
}
