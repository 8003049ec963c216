//! The first exchange on an agent's link: who speaks which version, whose clock is right, and whether the link stands.

use std::time::Duration;

use vocabulary::{ErrorCode, Fault, Timestamp};
use wire::agent_link::{Hello, Peer, Reply, Welcome};
use wire::frame::{BULK_LIMIT, frame_bytes, read_frame};
use wire::version::{PROTOCOL, choose, shared_capabilities};

use crate::call::{CONTROL, Link};
use crate::connection::Connection;
use crate::error::LinkError;
use crate::stream::Outgoing;

/// Clocks that differ by more are worth a warning.
pub const SKEW_WARNED_MILLIS: i64 = 5_000;
/// Clocks that differ by more make certificates and signatures fail: the link is refused.
pub const SKEW_REFUSED_MILLIS: i64 = 5 * 60_000;

/// What both sides agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// The protocol version.
    pub protocol: u32,
    /// Abilities both have.
    pub capabilities: Vec<String>,
    /// How far the other clock is ahead of this one, in milliseconds.
    pub skew_millis: i64,
}

/// A link that stands, as the agent sees it.
#[derive(Debug)]
pub struct Greeting {
    /// The link, for calls both ways.
    pub link: Link,
    /// What was agreed.
    pub agreed: Agreement,
    /// The coordinator's software version.
    pub version: String,
    /// How often to send a heartbeat.
    pub heartbeat: Duration,
    /// The other agents of the federation.
    pub peers: Vec<Peer>,
}

/// Refuses a skew that breaks certificates and signatures; warns of one that is only odd.
fn check_skew(skew_millis: i64, peer: &str) -> Result<(), Fault> {
    if skew_millis.abs() > SKEW_REFUSED_MILLIS {
        let direction = if skew_millis > 0 {
            "ahead of"
        } else {
            "behind"
        };
        let seconds = skew_millis.abs() / 1000;
        let message = format!("the clock of {peer} is {seconds} seconds {direction} this one");
        return Err(Fault::new(ErrorCode::ClockSkew, message)
            .next("set both machines' clocks by a time server"));
    }
    if skew_millis.abs() > SKEW_WARNED_MILLIS {
        tracing::warn!(peer, skew_millis, "the clocks differ");
    }
    Ok(())
}

/// The agent's half: says hello on a fresh connection and waits for the welcome. Only when this returns, the coordinator
/// has accepted the certificate, too. `now` is the agent's clock, also in `hello.now`.
pub async fn greet(
    connection: Connection,
    hello: &Hello,
    now: Timestamp,
    patience: Duration,
) -> Result<Greeting, LinkError> {
    let exchange = exchange(&connection, hello, patience);
    let welcome = tokio::time::timeout(patience, exchange)
        .await
        .map_err(|_| LinkError::TimedOut {
            doing: "the coordinator's welcome",
            after: patience,
        })??;
    let (protocol, version, capabilities, theirs, heartbeat_millis, peers) = match welcome {
        Welcome::Accepted {
            protocol,
            version,
            capabilities,
            now,
            heartbeat_millis,
            peers,
        } => (
            protocol,
            version,
            capabilities,
            now,
            heartbeat_millis,
            peers,
        ),
        Welcome::Refused(fault) => return Err(LinkError::Refused(fault)),
    };
    // The coordinator's choice is judged: it could name a version in which checks were weaker.
    if protocol < hello.protocol.0 || protocol > hello.protocol.1 {
        let message =
            format!("the coordinator chose protocol version {protocol}, which was not offered");
        return Err(LinkError::Refused(Fault::new(
            ErrorCode::VersionMismatch,
            message,
        )));
    }
    let skew_millis = theirs.millis_since(now);
    check_skew(skew_millis, connection.peer_name()).map_err(LinkError::Refused)?;
    let agreed = Agreement {
        protocol,
        capabilities,
        skew_millis,
    };
    // An interval of nothing is a panic of the timer, and a tiny one would keep the agent busy with
    // greeting.
    let heartbeat = Duration::from_millis(heartbeat_millis.max(100));
    Ok(Greeting {
        link: Link::new(connection).with_capabilities(&agreed.capabilities),
        agreed,
        version,
        heartbeat,
        peers,
    })
}

async fn exchange(
    connection: &Connection,
    hello: &Hello,
    patience: Duration,
) -> Result<Welcome, LinkError> {
    let peer = connection.peer_name();
    let frame = frame_bytes(hello, BULK_LIMIT).map_err(|error| LinkError::of_frame(error, peer))?;
    let opened = connection.quic.open_bi().await;
    let (send, mut receive) = opened.map_err(|error| LinkError::of_connection(&error, peer))?;
    let mut send = Outgoing::new(send, peer);
    send.set_priority(CONTROL);
    send.write(frame.into(), patience).await?;
    send.finish();
    read_frame(&mut receive, BULK_LIMIT)
        .await
        .map_err(|error| LinkError::of_frame(error, peer))
}

/// An agent's hello that waits for its answer.
pub struct HelloCall {
    /// What the agent said.
    pub hello: Hello,
    connection: Connection,
    answer: Outgoing,
}

/// The coordinator's half: waits for the hello of a connection.
pub async fn read_hello(
    connection: Connection,
    patience: Duration,
) -> Result<HelloCall, LinkError> {
    let read = async {
        let peer = connection.peer_name();
        let (send, mut receive) = connection
            .quic
            .accept_bi()
            .await
            .map_err(|error| LinkError::of_connection(&error, peer))?;
        let answer = Outgoing::new(send, peer);
        let hello = read_frame(&mut receive, BULK_LIMIT)
            .await
            .map_err(|error| LinkError::of_frame(error, peer))?;
        Ok((hello, answer))
    };
    let read = tokio::time::timeout(patience, read).await;
    let read = read.unwrap_or(Err(LinkError::TimedOut {
        doing: "the agent's hello",
        after: patience,
    }));
    match read {
        Ok((hello, answer)) => Ok(HelloCall {
            hello,
            connection,
            answer,
        }),
        Err(error) => {
            connection.close(&error.to_string());
            Err(error)
        }
    }
}

impl HelloCall {
    /// Who is at the other end.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Compares versions, abilities and clocks; the fault is meant for [`HelloCall::refuse`].
    pub fn check(&self, capabilities: &[String], now: Timestamp) -> Result<Agreement, Fault> {
        // Versions before clocks: what the other fields mean hangs on the version.
        let protocol = choose(PROTOCOL, self.hello.protocol)?;
        let skew_millis = self.hello.now.millis_since(now);
        check_skew(skew_millis, self.connection.peer_name())?;
        Ok(Agreement {
            protocol,
            capabilities: shared_capabilities(capabilities, &self.hello.capabilities),
            skew_millis,
        })
    }

    /// Says welcome ([`Welcome::Accepted`]); from here on both sides call.
    pub async fn accept(
        mut self,
        welcome: &Welcome,
        patience: Duration,
    ) -> Result<Link, LinkError> {
        self.say(welcome, patience).await?;
        Ok(Link::new(self.connection))
    }

    /// Says why not, and ends the connection once the agent has read it.
    pub async fn refuse(mut self, fault: Fault, patience: Duration) {
        let text = fault.to_string();
        if self.say(&Welcome::Refused(fault), patience).await.is_ok() {
            // Closing at once could discard the answer before the agent has read why.
            self.answer.settle(patience).await;
        }
        self.connection.close(&text);
    }

    async fn say(&mut self, welcome: &Welcome, patience: Duration) -> Result<(), LinkError> {
        let frame = frame_bytes(welcome, BULK_LIMIT)
            .map_err(|error| LinkError::of_frame(error, self.connection.peer_name()))?;
        self.answer.set_priority(CONTROL);
        self.answer.write(frame.into(), patience).await?;
        self.answer.finish();
        Ok(())
    }
}

/// The fault in a reply that should have been `Done`.
pub fn done(reply: Reply) -> Result<(), Fault> {
    match reply {
        Reply::Done => Ok(()),
        Reply::Failed(fault) => Err(fault),
        _ => Err(Fault::new(
            ErrorCode::ProtocolViolation,
            "the reply does not fit the call",
        )),
    }
}
