//! A party without a daemon: a program with an agent's certificate that says and does what a test wants.

mod messages;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use component_kit::AnyComponent;
use pki::{ExpectedPeer, Identity, Kind};
use serde::Serialize;
use serde_json::Value;
use tokio::io::AsyncRead;
use transport::hello::{Greeting, greet};
use transport::{Answer, Body, CallOptions, Directory, Endpoint, EndpointOptions, Link, LinkError};
use vocabulary::report::ReportBody;
use vocabulary::{
    Assignment, Attempt, Clock, ComponentInfo, ErrorCode, Fault, Offer, PartyId, Report,
    SignedBytes,
};
use vocabulary::{SystemClock, TaskId};
use wire::agent_link::{
    AGENT_LINK, CATALOGUE_CONTEXT, Caller, Catalogue, EnvelopeHead, Hello, HttpHead, OFFER_CONTEXT,
    Reply, ToAgent, ToCoordinator,
};
use wire::version::PROTOCOL;

use super::coordinator::gather;
use super::federation::{Federation, LOOPBACK_MTU};
use super::runtime::{apart, locked, runtime};
use super::{CALL_PATIENCE, until};

pub use messages::{Direct, head_of};

type Handler<A, R> = Arc<dyn Fn(A) -> R + Send + Sync>;

struct Inner {
    endpoint: Endpoint,
    directory: Directory,
    link: Mutex<Option<Link>>,
    calls: Mutex<Vec<ToAgent>>,
    /// What it was ordered and has not ended: a coordinator takes for lost what a heartbeat does not name.
    attempts: Mutex<BTreeSet<(TaskId, Attempt)>>,
    envelopes: Mutex<Vec<(EnvelopeHead, Bytes)>>,
    answer: Mutex<Handler<ToAgent, Reply>>,
    receipt: Mutex<Handler<EnvelopeHead, Reply>>,
}

/// A hostile party. It behaves well until a test makes it do otherwise: it announces all components, signs and accepts
/// every offer, acknowledges every order (and does nothing), and takes every message.
pub struct Peer {
    inner: Arc<Inner>,
    address: SocketAddr,
}

impl Peer {
    /// A party with a good certificate of the federation.
    pub fn new(federation: &Federation, id: &str) -> Self {
        Self::with_identity(federation.identity(id, Kind::Agent))
    }

    /// A party with an identity of any kind: expired, revoked, of another root, or a coordinator's.
    pub fn with_identity(identity: Identity) -> Self {
        let options = EndpointOptions {
            mtu: LOOPBACK_MTU,
            ..EndpointOptions::at(([127, 0, 0, 1], 0).into())
        };
        let signer = identity.clone();
        let here = runtime().enter();
        let (endpoint, incoming) =
            Endpoint::bind(options, identity, &[transport::direct::SERVICE]).expect("a port");
        drop(here);
        let address = endpoint.local_address().expect("an address");
        let inner = Arc::new(Inner {
            endpoint,
            directory: Directory::new(),
            link: Mutex::default(),
            calls: Mutex::default(),
            attempts: Mutex::default(),
            envelopes: Mutex::default(),
            answer: Mutex::new(Arc::new(move |call| obedient(&signer, call))),
            receipt: Mutex::new(Arc::new(|_| Reply::Done)),
        });
        runtime().spawn(messages::welcome(inner.clone(), incoming));
        Self { inner, address }
    }

    /// Whose it is, by its certificate.
    pub fn party(&self) -> PartyId {
        self.identity().party().clone()
    }

    /// Its identity, for signing anything.
    pub fn identity(&self) -> Identity {
        self.inner.endpoint.identity()
    }

    /// Where it takes direct messages (QUIC).
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All components of this build, as an agent would announce them.
    pub fn components() -> Vec<ComponentInfo> {
        components::CATALOGUE
            .iter()
            .map(|component: &&dyn AnyComponent| component.info())
            .collect()
    }

    /// The hello of an honest agent, to be changed.
    pub fn hello(&self) -> Hello {
        Hello {
            protocol: PROTOCOL,
            version: "hostile".to_owned(),
            capabilities: vec![],
            now: SystemClock.now(),
            catalogue: self.catalogue(Self::components()),
            attempts: vec![],
            direct: vec![self.address.to_string()],
            rest: None,
            rows_through_coordinator: true,
            slots: None,
            run: None,
            message_key: self.inner.endpoint.message_key().ok(),
        }
    }

    /// A signed catalogue of these components.
    pub fn catalogue(&self, components: Vec<ComponentInfo>) -> SignedBytes {
        let catalogue = Catalogue {
            party: self.party(),
            components,
            made: SystemClock.now(),
        };
        let bytes = wire::frame::encode(&catalogue).expect("encoded");
        self.identity()
            .sign(CATALOGUE_CONTEXT, &bytes)
            .expect("signed")
    }

    /// Links to a coordinator, real or hostile, with an honest hello.
    pub async fn join(&self, federation: &Federation) -> Result<(), Fault> {
        self.join_with(federation, self.hello()).await
    }

    /// Links to a coordinator with any hello.
    pub async fn join_with(&self, federation: &Federation, hello: Hello) -> Result<(), Fault> {
        let (inner, address) = (
            self.inner.clone(),
            federation.coordinator_address().to_string(),
        );
        let greeting = apart(async move {
            let expected = ExpectedPeer {
                kind: Kind::Coordinator,
                party: None,
            };
            let connection = inner
                .endpoint
                .connect(&address, AGENT_LINK, expected)
                .await?;
            greet(connection, &hello, SystemClock.now(), CALL_PATIENCE).await
        });
        let Greeting {
            link,
            peers,
            heartbeat,
            ..
        } = greeting.await.map_err(Fault::from)?;
        self.inner.directory.replace(peers);
        *locked(&self.inner.link) = Some(link.clone());
        runtime().spawn(self.inner.clone().beat(link.clone(), heartbeat));
        let inner = self.inner.clone();
        runtime().spawn(async move {
            link.serve(move |call, body, answer| {
                let inner = inner.clone();
                async move { inner.answer(call, body, answer).await }
            })
            .await
        });
        Ok(())
    }

    /// Answers calls of the coordinator (all but messages and requests); they are recorded in any case.
    pub fn on_call(&self, answer: impl Fn(ToAgent) -> Reply + Send + Sync + 'static) {
        *locked(&self.inner.answer) = Arc::new(answer);
    }

    /// Calls of the coordinator so far, in order.
    pub fn calls(&self) -> Vec<ToAgent> {
        locked(&self.inner.calls).clone()
    }

    /// Waits until the coordinator orders a step, and gives the order.
    pub async fn ordered(&self, step: &str) -> Assignment {
        let order = |call: ToAgent| match call {
            ToAgent::Assign(order) if order.task.step.as_str() == step => Some(*order),
            _ => None,
        };
        until(&format!("an order for {step}"), || {
            self.calls().into_iter().find_map(order)
        })
        .await
    }

    /// Any call to the coordinator.
    pub async fn call(
        &self,
        call: &ToCoordinator,
        body: Bytes,
    ) -> Result<(Reply, Bytes), LinkError> {
        let link = self.link()?;
        let body = if body.is_empty() {
            Body::Empty
        } else {
            Body::Bytes(body)
        };
        let (reply, mut rest) = link
            .call(call, body, CallOptions::control(CALL_PATIENCE))
            .await?;
        let rest = gather(&mut rest).await.map_err(LinkError::Refused)?;
        Ok((reply, rest))
    }

    /// Any call that can be written, whether or not it is one; gives the reply.
    pub async fn odd_call<Q: Serialize + Sync>(&self, call: &Q) -> Result<Reply, LinkError> {
        Ok(self
            .link()?
            .call(call, Body::Empty, CallOptions::control(CALL_PATIENCE))
            .await?
            .0)
    }

    /// Reports something of any task.
    pub async fn report(&self, task: &TaskId, attempt: u32, body: ReportBody) -> Reply {
        if matches!(body, ReportBody::Ended { .. }) {
            locked(&self.inner.attempts).remove(&(task.clone(), Attempt(attempt)));
        }
        let report = Report {
            task: task.clone(),
            attempt: Attempt(attempt),
            body,
        };
        self.call(&ToCoordinator::Reports(vec![report]), Bytes::new())
            .await
            .expect("a reply")
            .0
    }

    /// A request at the coordinator as this party's user, JSON both ways.
    pub async fn http(&self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let head = HttpHead {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
            caller: Caller::PartyUser(self.party()),
            ticket: None,
        };
        let body = if body.is_null() {
            Bytes::new()
        } else {
            body.to_string().into()
        };
        match self
            .call(&ToCoordinator::Http(head), body)
            .await
            .expect("a reply")
        {
            (Reply::Http(head), body) => (
                head.status,
                serde_json::from_slice(&body).unwrap_or_default(),
            ),
            (other, _) => panic!("the coordinator answers a request with {other:?}"),
        }
    }

    /// Signs an offer with the own key, whoever its initiator is.
    pub fn sign(&self, offer: &Offer) -> SignedBytes {
        let bytes = offer.canonical_bytes().expect("bytes");
        self.identity().sign(OFFER_CONTEXT, &bytes).expect("signed")
    }

    /// Whether the coordinator said in its welcome that it has an ability, too.
    pub fn shares(&self, capability: &str) -> bool {
        self.link().is_ok_and(|link| link.has(capability))
    }

    /// Whether its link stands.
    pub fn is_linked(&self) -> bool {
        self.link().is_ok()
    }

    /// Ends its link to the coordinator.
    pub fn leave(&self) {
        if let Some(link) = locked(&self.inner.link).take() {
            link.connection().close("the party leaves");
        }
    }

    fn link(&self) -> Result<Link, LinkError> {
        let link = locked(&self.inner.link)
            .clone()
            .filter(|link| !link.connection().is_lost());
        link.ok_or_else(|| LinkError::Lost {
            peer: "the coordinator".to_owned(),
            detail: "not linked".to_owned(),
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let endpoint = self.inner.endpoint.clone();
        runtime().spawn(async move { endpoint.close("the party is gone").await });
    }
}

impl Inner {
    /// Says that it lives until the link ends.
    async fn beat(self: Arc<Self>, link: Link, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            let attempts = locked(&self.attempts).iter().cloned().collect();
            let call = ToCoordinator::Heartbeat {
                attempts,
                message_key: None,
            };
            if link
                .call(&call, Body::Empty, CallOptions::control(CALL_PATIENCE))
                .await
                .is_err()
            {
                return;
            }
        }
    }

    async fn answer<B: AsyncRead + Unpin + Send>(
        self: Arc<Self>,
        call: ToAgent,
        body: B,
        answer: Answer,
    ) {
        locked(&self.calls).push(call.clone());
        if let ToAgent::Assign(order) = &call {
            locked(&self.attempts).insert((order.task.clone(), order.attempt));
        }
        let reply = match call {
            ToAgent::Envelope(head) => messages::take_relayed(&self, head, body).await,
            ToAgent::Peers(peers) => {
                self.directory.replace(peers);
                Reply::Done
            }
            call => {
                let judge = locked(&self.answer).clone();
                judge(call)
            }
        };
        let _ = answer.reply(&reply, Body::Empty, CALL_PATIENCE).await;
    }
}

/// What a party says that does whatever it is asked.
fn obedient(identity: &Identity, call: ToAgent) -> Reply {
    let signed = |bytes: &[u8]| identity.sign(OFFER_CONTEXT, bytes).expect("signed");
    match call {
        ToAgent::Sign(offer) | ToAgent::SignWithTicket { offer, .. } => {
            Reply::Signed(signed(&offer.canonical_bytes().expect("bytes")))
        }
        ToAgent::Offer(offer) => Reply::Accepted(signed(&offer.bytes)),
        ToAgent::Check(_) => Reply::Checked(vec![]),
        ToAgent::Http(_) => Reply::Failed(Fault::new(
            ErrorCode::PermissionDenied,
            "nothing is shown here",
        )),
        _ => Reply::Done,
    }
}
