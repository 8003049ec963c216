//! The transport a task really gets: every message passes the gate, and stands in the audit chain, before any byte leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use vocabulary::message::Way;
use vocabulary::{Disclosure, ErrorCode, Fault, MessageLine, Participant, PartyId};
use wire::{Address, AttemptKey, Envelope, Transport, TransportError};

use crate::consent::Consent;
use crate::features::Vectors;
use crate::recorder::{Leaving, Recorder};
use crate::rules::Policy;
use crate::verdict::Verdict;

/// Asks the policy in force about every message that goes out, and has it written down first.
pub struct GatedTransport {
    me: PartyId,
    consent: Arc<dyn Consent>,
    recorder: Arc<dyn Recorder>,
    vectors: Arc<dyn Vectors>,
    lines: &'static [MessageLine],
    below: Arc<dyn Transport>,
    /// Messages to other parties that passed.
    passed: AtomicU64,
}

impl GatedTransport {
    /// Puts the gate of party `me` in front of a transport, for a component's message table.
    pub fn new(
        me: PartyId,
        consent: Arc<dyn Consent>,
        (recorder, vectors): (Arc<dyn Recorder>, Arc<dyn Vectors>),
        lines: &'static [MessageLine],
        below: Arc<dyn Transport>,
    ) -> Self {
        Self {
            me,
            consent,
            recorder,
            vectors,
            lines,
            below,
            passed: AtomicU64::new(0),
        }
    }

    /// How many messages to other parties passed.
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    fn line(&self, envelope: &Envelope) -> Option<&'static MessageLine> {
        self.lines.iter().find(|line| line.name == envelope.message)
    }

    fn judge(&self, policy: &Policy, envelope: &Envelope) -> Verdict {
        let Some(line) = self.line(envelope) else {
            return Verdict::refused(
                "release.disclosures",
                format!("the undeclared message {}", envelope.message),
            );
        };
        let most = policy.rules.release.most_messages;
        // Checked before the send and counted after the record: one message more may pass at the
        // same moment, which the limit, a guard against floods, can bear.
        if self.passed() >= most {
            return Verdict::refused(
                "release.most_messages",
                format!("more than {most} messages in one attempt"),
            );
        }
        policy.release(envelope, line)
    }

    /// Judges a message; values of rows are counted, too.
    async fn count(&self, policy: &Policy, envelope: &Envelope) -> Result<(), Fault> {
        self.judge(policy, envelope)
            .into_result(ErrorCode::ReleaseRefused)?;
        let is_rows = self
            .line(envelope)
            .is_some_and(|line| line.disclosure == Disclosure::RowValues);
        if !is_rows || envelope.address.to.party == self.me {
            return Ok(());
        }
        policy
            .draw(envelope, &*self.vectors)
            .await?
            .into_result(ErrorCode::ReleaseRefused)
    }

    /// Judges a message, and writes the verdict down if it is for somebody else. Whatever fails here keeps it from leaving.
    async fn pass(&self, envelope: &Envelope) -> Result<(), Fault> {
        let consent = self.consent.in_force().await;
        let judged = match &consent {
            Ok(policy) => self.count(policy, envelope).await,
            Err(fault) => Err(fault.clone()),
        };
        let to = &envelope.address.to.party;
        // Between roles of one party nothing leaves, and the chain tells of what leaves.
        if *to == self.me {
            return judged;
        }
        let rule = |fault: &Fault| fault.path.clone().unwrap_or_else(|| fault.code.to_string());
        let leaving = Leaving {
            envelope,
            disclosure: self.line(envelope).map(|line| line.disclosure),
            way: self.below.way(to),
            policy: consent.as_deref().ok(),
            refused_by: judged.as_ref().err().map(rule),
        };
        // A refusal stands whether or not it can be written down.
        let recorded = self.recorder.record(leaving).await;
        judged?;
        recorded?;
        self.passed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[async_trait]
impl Transport for GatedTransport {
    async fn send(&self, envelope: Envelope) -> Result<(), TransportError> {
        // The entry is on the disk before the message goes (decision 31): a crash in between
        // leaves an entry without a message, never a message without an entry.
        self.pass(&envelope)
            .await
            .map_err(|fault| TransportError::Refused(fault.at(&self.me)))?;
        self.below.send(envelope).await
    }

    fn way(&self, to: &PartyId) -> Option<Way> {
        self.below.way(to)
    }

    async fn receive(&self, address: &Address) -> Result<Bytes, TransportError> {
        self.below.receive(address).await
    }

    async fn open(&self, attempt: &AttemptKey, receiver: &Participant) {
        self.below.open(attempt, receiver).await;
    }

    async fn close(&self, attempt: &AttemptKey, receiver: &Participant) {
        self.below.close(attempt, receiver).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cap::Cap;
    use crate::consent::FixedConsent;
    use crate::features::{Vector, VectorVerdict};
    use crate::rules::Rules;
    use std::sync::Mutex;
    use vocabulary::{Attempt, Disclosure, JobId, Role, StepName};

    static LINES: [MessageLine; 2] = [
        MessageLine {
            name: "sum",
            from: Role::Host,
            to: &[Role::Guest],
            disclosure: Disclosure::Masked,
        },
        MessageLine {
            name: "scores",
            from: Role::Host,
            to: &[Role::Guest],
            disclosure: Disclosure::RowValues,
        },
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

    /// Remembers each message with its bytes and what refused it, and refuses to write when told to.
    #[derive(Default)]
    struct Book {
        entries: Mutex<Vec<(String, usize, Option<String>)>>,
        full: Mutex<bool>,
    }

    #[async_trait]
    impl Recorder for Book {
        async fn record(&self, leaving: Leaving<'_>) -> Result<(), Fault> {
            if *self.full.lock().expect("sound") {
                return Err(Fault::new(ErrorCode::StorageFull, "no space"));
            }
            let Leaving {
                envelope,
                refused_by,
                ..
            } = leaving;
            let entry = (envelope.message.clone(), envelope.body.len(), refused_by);
            self.entries.lock().expect("sound").push(entry);
            Ok(())
        }
    }

    /// Counts one vector of each place.
    #[derive(Default)]
    struct Shop(Mutex<Vec<Vector>>);

    #[async_trait]
    impl Vectors for Shop {
        fn columns(&self) -> Option<u64> {
            Some(3)
        }

        async fn draw(&self, vector: &Vector, most: Cap, _: Cap) -> Result<VectorVerdict, Fault> {
            let mut sold = self.0.lock().expect("sound");
            let of_place = sold
                .iter()
                .filter(|one| one.place == vector.place && one.digest != vector.digest)
                .count();
            if !most.allows(of_place as u64 + 1) {
                return Ok(VectorVerdict::TooMany);
            }
            sold.push(vector.clone());
            Ok(VectorVerdict::Counted)
        }
    }

    impl Book {
        fn entries(&self) -> Vec<(String, usize, Option<String>)> {
            self.entries.lock().expect("sound").clone()
        }
    }

    fn entry(message: &str, refused_by: Option<&str>) -> (String, usize, Option<String>) {
        (message.to_owned(), 5, refused_by.map(str::to_owned))
    }

    fn gate(rules: &str) -> (GatedTransport, Arc<Book>) {
        let rules: Rules = toml::from_str(rules).expect("rules");
        behind(Arc::new(FixedConsent(policy(rules))))
    }

    fn me() -> PartyId {
        PartyId::new("2").expect("valid")
    }

    fn policy(rules: Rules) -> Arc<Policy> {
        Arc::new(Policy::new(me(), rules))
    }

    fn behind(consent: Arc<dyn Consent>) -> (GatedTransport, Arc<Book>) {
        let book = Arc::new(Book::default());
        (
            GatedTransport::new(
                me(),
                consent,
                (book.clone(), Arc::new(Shop::default())),
                &LINES,
                Arc::new(Swallow),
            ),
            book,
        )
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

    fn envelope(message: &str, to: &str) -> Envelope {
        let who = |role, id: &str| Participant::new(role, PartyId::new(id).expect("valid"));
        let attempt = AttemptKey {
            offer: String::new(),
            job: JobId::new("1").expect("valid"),
            step: StepName::new("s").expect("valid"),
            attempt: Attempt(0),
        };
        let address = Address {
            attempt,
            from: who(Role::Host, "2"),
            to: who(Role::Guest, to),
            tag: message.to_owned(),
        };
        Envelope {
            address,
            message: message.to_owned(),
            body: Bytes::from_static(b"12345"),
        }
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
        let (gate, book) = gate("[release]\ndisclosures = ['masked']");
        assert!(outcome(&gate, envelope("sum", "1")).is_ok());
        let refused = outcome(&gate, envelope("scores", "1"));
        assert!(
            matches!(refused, Err(TransportError::Refused(fault)) if fault.code == ErrorCode::ReleaseRefused)
        );
        assert!(outcome(&gate, envelope("unheard_of", "1")).is_err());
        assert_eq!(gate.passed(), 1);
        let rule = Some("release.disclosures");
        assert_eq!(
            book.entries(),
            [
                entry("sum", None),
                entry("scores", rule),
                entry("unheard_of", rule)
            ]
        );
    }

    /// Notes how many entries stood in the book when a message left.
    struct Peek(Arc<Book>, Arc<Mutex<Vec<usize>>>);

    #[async_trait]
    impl Transport for Peek {
        async fn send(&self, _: Envelope) -> Result<(), TransportError> {
            self.1.lock().expect("sound").push(self.0.entries().len());
            Ok(())
        }
        async fn receive(&self, _: &Address) -> Result<Bytes, TransportError> {
            Ok(Bytes::new())
        }
        async fn close(&self, _: &AttemptKey, _: &Participant) {}
    }

    #[test]
    fn a_message_leaves_after_its_entry_or_not_at_all() {
        let (book, seen) = (Arc::new(Book::default()), Arc::new(Mutex::new(Vec::new())));
        let consent = FixedConsent(policy(
            toml::from_str("[release]\ndisclosures = ['masked']").expect("rules"),
        ));
        let below = Arc::new(Peek(book.clone(), seen.clone()));
        let gate = GatedTransport::new(
            me(),
            Arc::new(consent),
            (book.clone(), Arc::new(Shop::default())),
            &LINES,
            below,
        );
        for _ in 0..2 {
            outcome(&gate, envelope("sum", "1")).expect("it leaves");
        }
        *book.full.lock().expect("sound") = true;
        let refused = outcome(&gate, envelope("sum", "1"));
        assert!(
            matches!(refused, Err(TransportError::Refused(fault)) if fault.code == ErrorCode::StorageFull)
        );
        // What is refused is refused for its own reason, also when that cannot be written down.
        let refused = outcome(&gate, envelope("scores", "1"));
        assert!(
            matches!(refused, Err(TransportError::Refused(fault)) if fault.code == ErrorCode::ReleaseRefused)
        );
        *book.full.lock().expect("sound") = false;
        outcome(&gate, envelope("sum", "1")).expect("it leaves again");
        assert_eq!(*seen.lock().expect("sound"), [1, 2, 3]);
    }

    #[test]
    fn nothing_leaves_once_consent_is_withdrawn() {
        let open = policy(toml::from_str("[release]\ndisclosures = ['masked']").expect("rules"));
        let consent = Arc::new(Withdrawn(Mutex::new(Some(open))));
        let (gate, book) = behind(consent.clone());
        assert!(outcome(&gate, envelope("sum", "1")).is_ok());
        *consent.0.lock().expect("sound") = Some(policy(Rules::default()));
        let refused = outcome(&gate, envelope("sum", "1"));
        assert!(
            matches!(refused, Err(TransportError::Refused(fault)) if fault.code == ErrorCode::ReleaseRefused)
        );
        *consent.0.lock().expect("sound") = None;
        let refused = outcome(&gate, envelope("sum", "1"));
        assert!(
            matches!(refused, Err(TransportError::Refused(fault)) if fault.code == ErrorCode::OfferRefused)
        );
        assert_eq!(gate.passed(), 1);
        assert_eq!(
            book.entries()[1..],
            [
                entry("sum", Some("release.disclosures")),
                entry("sum", Some("FF301"))
            ]
        );
    }

    #[test]
    fn values_of_rows_are_counted_before_they_leave() {
        let (gate, book) = gate("[release]\ndisclosures = ['row_values']");
        let scores = |tag: &str, body: &'static [u8]| {
            let mut envelope = envelope("scores", "1");
            envelope.address.tag = tag.to_owned();
            Envelope {
                body: Bytes::from_static(body),
                ..envelope
            }
        };
        let rule = |sent: Result<(), TransportError>| match sent {
            Ok(()) => "sent".to_owned(),
            Err(TransportError::Refused(fault)) => fault.path.expect("a rule"),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(
            rule(outcome(&gate, scores("predict.0/rows.0/scores", b"12345"))),
            "sent"
        );
        assert_eq!(
            rule(outcome(&gate, scores("predict.0/rows.0/scores", b"12345"))),
            "sent",
            "it gives nothing more away"
        );
        assert_eq!(
            rule(outcome(&gate, scores("predict.0/rows.0/scores", b"54321"))),
            "features.vectors"
        );
        assert_eq!(
            rule(outcome(&gate, scores("predict.0/rows.1/scores", b"54321"))),
            "sent"
        );
        assert_eq!(
            rule(outcome(&gate, scores("epoch.0/rows.0/scores", b"12345"))),
            "features.vectors_in_training"
        );
        assert_eq!(
            rule(outcome(&gate, scores("class.20/scores", b"12345"))),
            "features.classes"
        );
        assert_eq!((gate.passed(), book.entries().len()), (3, 6));
    }

    #[test]
    fn a_rule_for_one_peer_stands_above_the_general_one() {
        let (gate, _) =
            gate("[release]\ndisclosures = ['masked']\n[release.peer.1]\ndisclosures = []");
        assert!(outcome(&gate, envelope("sum", "1")).is_err());
        assert!(outcome(&gate, envelope("sum", "3")).is_ok());
    }

    #[test]
    fn refuses_what_is_too_large_or_too_much() {
        let (small, _) = gate("[release]\ndisclosures = ['masked']\nlargest_message = 4");
        assert!(outcome(&small, envelope("sum", "1")).is_err());
        let (few, _) = gate("[release]\ndisclosures = ['masked']\nmost_messages = 1");
        assert!(outcome(&few, envelope("sum", "1")).is_ok());
        assert!(outcome(&few, envelope("sum", "1")).is_err());
    }

    #[test]
    fn messages_inside_the_party_never_leave_and_are_free() {
        let (gate, book) = gate("");
        assert!(outcome(&gate, envelope("scores", "2")).is_ok());
        assert!(gate.passed() == 0 && book.entries().is_empty());
    }
}
