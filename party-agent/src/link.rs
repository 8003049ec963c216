//! The link to the coordinator: dialled, greeted, kept alive, and dialled again for ever.

use std::sync::Arc;
use std::time::Duration;

use pki::{ExpectedPeer, Kind};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use transport::hello::{Greeting, greet};
use transport::{Backoff, Body, CallOptions, Directory, Endpoint, Link, LinkError};
use vocabulary::{ErrorCode, Fault, SignedBytes, Timestamp};
use wire::agent_link::{AGENT_LINK, CATALOGUE_CONTEXT, Catalogue, Hello, ToCoordinator, UPLOADS};
use wire::version::PROTOCOL;

use crate::agent_state::AgentState;
use crate::calls::Calls;
use crate::coordinator_pin::CoordinatorPin;
use crate::link_status::StatusBoard;
use crate::supervisor::Supervisor;

/// How long hello and welcome may take together, and a heartbeat.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the first dial takes; each that nobody answers doubles it. What is sent while nobody listens is lost, and is sent
/// again late: dialling anew finds a coordinator that has just started sooner.
const FIRST_DIAL: Duration = Duration::from_millis(400);
const LONGEST_DIAL: Duration = Duration::from_secs(10);
/// How long to wait after a refusal that time alone does not mend.
const SLOWLY: Duration = Duration::from_secs(20);

/// What the agent says of itself at every hello.
#[derive(Clone)]
pub(crate) struct Introduction {
    pub(crate) direct: Vec<String>,
    pub(crate) rest: String,
    /// How many attempts run at once.
    pub(crate) slots: u32,
}

/// Keeps the link.
pub(crate) struct LinkKeeper {
    pub(crate) endpoint: Endpoint,
    pub(crate) address: String,
    /// Whose coordinator answers there.
    pub(crate) pin: CoordinatorPin,
    pub(crate) introduction: Introduction,
    pub(crate) agent_state: Arc<AgentState>,
    pub(crate) supervisor: Supervisor,
    pub(crate) directory: Directory,
    pub(crate) calls: Calls,
    pub(crate) board: StatusBoard,
    pub(crate) link: watch::Sender<Option<Link>>,
    /// Told when the agent has something else to say of itself.
    pub(crate) again: Arc<Notify>,
    /// A number of this run of the process.
    pub(crate) run: u64,
}

impl LinkKeeper {
    /// Dials, serves and dials again until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        let mut dial = FIRST_DIAL;
        loop {
            let ended = tokio::select! {
                () = stop.cancelled() => return,
                ended = self.session(&mut backoff, dial) => ended,
            };
            let unanswered = matches!(ended, LinkError::Unreachable { .. });
            dial = if unanswered {
                (dial * 2).min(LONGEST_DIAL)
            } else {
                FIRST_DIAL
            };
            // Before the wait: whoever needs the link must not call into one that is dead.
            self.link.send_replace(None);
            let fault = Fault::from(ended);
            self.board.down(&fault, self.agent_state.now());
            tracing::warn!(coordinator = %self.address, code = fault.code.text(), %fault, "no link to the coordinator");
            let wait = if needs_a_person(&fault) {
                SLOWLY
            } else {
                backoff.step()
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One link, from the first packet to its end.
    async fn session(&self, backoff: &mut Backoff, patience: Duration) -> LinkError {
        let Greeting {
            link,
            agreed,
            version,
            heartbeat,
            peers,
        } = match self.dial(patience).await {
            Ok(greeting) => greeting,
            Err(error) => return error,
        };
        backoff.reset();
        // Before the link is shown to others: the first message may need an address.
        self.directory.replace(peers);
        self.board.up(&version, self.agent_state.now());
        self.link.send_replace(Some(link.clone()));
        tracing::info!(coordinator = %self.address, version, protocol = agreed.protocol, "connected to the coordinator");
        let calls = self.calls.clone();
        let serve = link.serve(move |call, body, answer| calls.clone().answer(call, body, answer));
        tokio::select! {
            error = serve => error,
            () = self.again.notified() => {
                link.connection().close("the agent greets again");
                LinkError::Lost { peer: "the coordinator".to_owned(), detail: "ended here, to greet again".to_owned() }
            }
            error = self.beat(&link, heartbeat) => {
                link.connection().close("a heartbeat was not answered");
                error
            }
        }
    }

    async fn dial(&self, patience: Duration) -> Result<Greeting, LinkError> {
        let expected = ExpectedPeer {
            kind: Kind::Coordinator,
            // The pin goes into the handshake, so that a wrong coordinator is refused before it
            // hears a word.
            party: self.pin.party(),
        };
        let connection = self
            .endpoint
            .connect_within(&self.address, AGENT_LINK, expected, patience)
            .await?;
        let party = connection.peer().party.clone();
        let now = self.agent_state.now();
        let hello = self.hello(now).map_err(LinkError::Refused)?;
        let greeting = greet(connection, &hello, now, PATIENCE).await?;
        // After the greeting: only who speaks the protocol and was let in is remembered as the
        // coordinator.
        self.pin.met(&party).map_err(LinkError::Refused)?;
        Ok(greeting)
    }

    fn hello(&self, now: Timestamp) -> Result<Hello, Fault> {
        let Introduction {
            direct,
            rest,
            slots,
        } = self.introduction.clone();
        Ok(Hello {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            capabilities: vec![UPLOADS.to_owned()],
            now,
            catalogue: self.catalogue(now)?,
            attempts: self.supervisor.known(),
            direct,
            rest: Some(rest),
            rows_through_coordinator: self
                .agent_state
                .policy()
                .rows_through_coordinator()
                .is_allowed(),
            slots: Some(slots),
            run: Some(self.run),
            message_key: Some(self.endpoint.message_key()?),
        })
    }

    fn catalogue(&self, made: Timestamp) -> Result<SignedBytes, Fault> {
        let components = self
            .agent_state
            .catalogue
            .iter()
            .map(|component| component.info())
            .collect();
        let catalogue = Catalogue {
            party: self.agent_state.me.clone(),
            components,
            made,
        };
        let bytes = wire::frame::encode(&catalogue)?;
        Ok(self.endpoint.identity().sign(CATALOGUE_CONTEXT, &bytes)?)
    }

    /// Says every now and then that the agent lives; ends when it is not heard.
    async fn beat(&self, link: &Link, every: Duration) -> LinkError {
        let mut told: Option<Vec<u8>> = None;
        let mut beats = tokio::time::interval(every);
        // After a sleep of the machine one heartbeat is enough, not all that were missed.
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            beats.tick().await;
            // Another one is told before the last one's time is over.
            let message_key = self
                .endpoint
                .message_key()
                .ok()
                .filter(|key| told.as_ref() != Some(&key.bytes));
            let telling = message_key.as_ref().map(|key| key.bytes.clone());
            let beat = ToCoordinator::Heartbeat {
                attempts: self.supervisor.known(),
                message_key,
            };
            let said = link
                .call(&beat, Body::Empty, CallOptions::control(PATIENCE))
                .await;
            match said.map(|(reply, _)| transport::hello::done(reply)) {
                // Told only once it is acknowledged; until then every heartbeat carries the key
                // again.
                Ok(Ok(())) => told = telling.or(told),
                Ok(Err(fault)) => {
                    tracing::warn!(code = fault.code.text(), %fault, "the coordinator does not take a heartbeat")
                }
                Err(error) => return error,
            }
        }
    }
}

/// Whether waiting alone will not help.
fn needs_a_person(fault: &Fault) -> bool {
    matches!(
        fault.code,
        ErrorCode::VersionMismatch
            | ErrorCode::CertificateRefused
            | ErrorCode::ClockSkew
            | ErrorCode::PermissionDenied
            | ErrorCode::PartyUnknown
            | ErrorCode::CatalogueMismatch
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_since_when_there_is_no_link_and_why() {
        let board = StatusBoard::new(Timestamp(0));
        assert_eq!(board.offline().code, ErrorCode::PartyOffline);
        let fault = Fault::new(ErrorCode::AddressUnusable, "cannot reach it");
        board.down(&fault, Timestamp(5_000));
        assert_eq!(board.status().since, Timestamp(0));
        board.up("1.0", Timestamp(9_000));
        assert!(board.status().connected);
        board.down(&fault, Timestamp(20_000));
        assert_eq!(board.status().since, Timestamp(20_000));
        assert!(board.offline().next.unwrap().contains("cannot reach it"));
    }

    #[test]
    fn waits_longer_where_a_person_must_act() {
        assert!(needs_a_person(&Fault::new(ErrorCode::VersionMismatch, "")));
        assert!(!needs_a_person(&Fault::new(ErrorCode::AddressUnusable, "")));
    }
}
