//! Messages of a hostile party: directly to other agents and through the coordinator's relay, and what comes in.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pki::{ExpectedPeer, Kind};
use tokio::io::AsyncRead;
use tokio::sync::mpsc;
use transport::relayed::RelayLink;
use transport::{
    Body, CallOptions, Connection, Dispatcher, Incoming, Link, LinkError, RelayedTransport,
    RouteOptions, RoutedTransport, dispatcher,
};
use vocabulary::{Fault, PartyId};
use wire::agent_link::{DIRECT_MESSAGES, EnvelopeHead, Reply, ToCoordinator};
use wire::{Envelope, Inbox, InboxOptions, Transport};

use super::super::coordinator::gather;
use super::super::runtime::{apart, locked, runtime};
use super::super::{CALL_PATIENCE, party, until};
use super::{Inner, Peer};

/// How long a message is tried to be sealed.
const SEALING: Duration = Duration::from_secs(2);

/// A connection for direct messages to one agent.
pub struct Direct(Link);

impl Direct {
    /// Sends a message as it is given: any address, any declared message, any size in the head.
    pub async fn say(&self, head: EnvelopeHead, body: impl Into<Bytes>) -> Result<Reply, Fault> {
        let options = CallOptions::bulk(CALL_PATIENCE);
        Ok(self
            .0
            .call(&head, Body::Bytes(body.into()), options)
            .await
            .map_err(Fault::from)?
            .0)
    }

    /// Sends a message with an honest head.
    pub async fn send(&self, envelope: Envelope) -> Result<Reply, Fault> {
        self.say(head_of(&envelope), envelope.body).await
    }

    /// The link below, for calls that are no message.
    pub fn link(&self) -> &Link {
        &self.0
    }
}

/// The head that an honest agent sends with a message.
pub fn head_of(envelope: &Envelope) -> EnvelopeHead {
    let Envelope {
        address,
        message,
        body,
    } = envelope;
    EnvelopeHead {
        address: address.clone(),
        message: message.clone(),
        size: body.len() as u64,
    }
}

impl Peer {
    /// Connects to a party's agent for direct messages. In TLS 1.3 the caller learns only with the first reply whether its own
    /// certificate was taken.
    pub async fn direct(&self, id: &str, address: SocketAddr) -> Result<Direct, Fault> {
        let (inner, wanted) = (self.inner.clone(), party(id));
        let link = apart(async move {
            let expected = ExpectedPeer {
                kind: Kind::Agent,
                party: Some(wanted),
            };
            let connection = inner
                .endpoint
                .connect(&address.to_string(), DIRECT_MESSAGES, expected)
                .await?;
            // The other agent may answer on the same connection.
            tokio::spawn(serve(inner.clone(), connection.clone()));
            Ok::<_, LinkError>(Link::new(connection))
        });
        Ok(Direct(link.await.map_err(Fault::from)?))
    }

    /// Sends one message directly, with an honest head.
    pub async fn send(&self, address: SocketAddr, envelope: Envelope) -> Result<Reply, Fault> {
        let direct = self
            .direct(envelope.address.to.party.as_str(), address)
            .await?;
        direct.send(envelope).await
    }

    /// Seals a message for the relay: signed with the own key, whatever sender its address names. The receiver must be in
    /// the directory that the coordinator sent.
    pub async fn seal(&self, envelope: Envelope) -> (EnvelopeHead, Bytes) {
        let (inner, sender) = (self.inner.clone(), envelope.address.from.party.clone());
        apart(async move {
            let captured = Arc::new(Capture::default());
            let (dispatcher, relayed) = relayed(&inner, sender, captured.clone());
            let options = RouteOptions {
                relay_only: true,
                give_up: SEALING,
                ..RouteOptions::default()
            };
            let transport = RoutedTransport::new(dispatcher, None, Some(relayed), options);
            transport.send(envelope).await.expect("it can be sealed");
            locked(&captured.0).take().expect("it was handed over")
        })
        .await
    }

    /// Has the coordinator relay a message; gives the receiver's answer, or the coordinator's.
    pub async fn relay(&self, envelope: Envelope) -> Result<Reply, Fault> {
        let (head, body) = self.seal(envelope).await;
        Ok(self
            .call(&ToCoordinator::Envelope(head), body)
            .await
            .map_err(Fault::from)?
            .0)
    }

    /// Answers messages that come in; they are recorded in any case.
    pub fn on_message(&self, answer: impl Fn(EnvelopeHead) -> Reply + Send + Sync + 'static) {
        *locked(&self.inner.receipt) = Arc::new(answer);
    }

    /// Messages that came in so far, opened where they were relayed.
    pub fn received(&self) -> Vec<(EnvelopeHead, Bytes)> {
        locked(&self.inner.envelopes).clone()
    }

    /// Waits for the message of a step that is addressed by a tag; gives its body.
    pub async fn receive(&self, step: &str, tag: &str) -> Bytes {
        let fits = |head: &EnvelopeHead| {
            head.address.attempt.step.as_str() == step && head.address.tag == tag
        };
        let found = || self.received().into_iter().find(|(head, _)| fits(head));
        until(&format!("the message {tag} of {step}"), found)
            .await
            .1
    }
}

/// Takes connections of other agents.
pub(super) async fn welcome(inner: Arc<Inner>, mut incoming: mpsc::Receiver<Incoming>) {
    while let Some(Incoming { connection, .. }) = incoming.recv().await {
        runtime().spawn(serve(inner.clone(), connection));
    }
}

/// Takes the messages of a connection.
async fn serve(inner: Arc<Inner>, connection: Connection) {
    let link = Link::new(connection);
    link.serve(move |head: EnvelopeHead, mut body, answer| {
        let inner = inner.clone();
        async move {
            let reply = match gather(&mut body).await {
                Ok(body) => inner.take(head, body),
                Err(fault) => Reply::Failed(fault),
            };
            let _ = answer.reply(&reply, Body::Empty, CALL_PATIENCE).await;
        }
    })
    .await;
}

/// Opens a relayed message and takes it.
pub(super) async fn take_relayed<B: AsyncRead + Unpin + Send>(
    inner: &Inner,
    head: EnvelopeHead,
    mut body: B,
) -> Reply {
    let me = inner.endpoint.identity().party().clone();
    let (dispatcher, relayed) = relayed(inner, me, Arc::new(Capture::default()));
    match relayed.take(&head, &mut body).await {
        Ok(_) => match dispatcher.inbox().receive(&head.address).await {
            Ok(body) => inner.take(head, body),
            Err(error) => panic!("a message that was taken is not there: {error}"),
        },
        Err(error) => Reply::Failed(Fault::new(
            vocabulary::ErrorCode::FrameInvalid,
            error.to_string(),
        )),
    }
}

impl Inner {
    fn take(&self, head: EnvelopeHead, body: Bytes) -> Reply {
        locked(&self.envelopes).push((head.clone(), body));
        let judge = locked(&self.receipt).clone();
        judge(head)
    }
}

/// A dispatcher that admits everything, and the sealing half of the relay over `link`.
fn relayed(
    inner: &Inner,
    me: PartyId,
    link: Arc<dyn RelayLink>,
) -> (Arc<Dispatcher>, Arc<RelayedTransport>) {
    let inbox = Inbox::new(InboxOptions::default()).expect("an inbox");
    let dispatcher = Dispatcher::new(
        me,
        inbox,
        dispatcher::LARGEST,
        CALL_PATIENCE,
        Arc::new(|_| Ok(())),
    );
    let relayed = RelayedTransport::new(
        inner.endpoint.clone(),
        inner.directory.clone(),
        dispatcher.clone(),
        link,
    );
    (dispatcher, relayed)
}

/// Keeps what would have gone to the coordinator.
#[derive(Default)]
struct Capture(Mutex<Option<(EnvelopeHead, Bytes)>>);

#[async_trait]
impl RelayLink for Capture {
    async fn messages(&self, head: EnvelopeHead, body: Body) -> Result<Reply, LinkError> {
        let body = match body {
            Body::Empty => Bytes::new(),
            Body::Bytes(bytes) => bytes,
            Body::Pieces(mut pieces) => gather(&mut *pieces).await.map_err(LinkError::Refused)?,
        };
        *locked(&self.0) = Some((head, body));
        Ok(Reply::Done)
    }
}
