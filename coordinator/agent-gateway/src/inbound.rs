//! One agent's link: hello, then its calls until it ends.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pki::PeerIdentity;
use rest::BodyStream;
use service::{AgentFacts, Coordinator, Parting};
use tokio_util::sync::CancellationToken;
use transport::hello::{HelloCall, read_hello};
use transport::{Answer, Body, CallOptions, Connection, Endpoint, Link, Pieces};
use vocabulary::{ComponentInfo, ErrorCode, Fault, PartyId, SignedBytes, UploadConfig};
use wire::agent_link::{
    CATALOGUE_CONTEXT, Catalogue, EnvelopeHead, Hello, HttpHead, HttpReplyHead, LARGEST_UPLOAD,
    PROBE, Peer, Reply, ToAgent, ToCoordinator, UPLOADS, UploadCall, Welcome,
};

use crate::{Gateway, bodies, listing};

/// The longest wait for a hello, and for a peer to take an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest silence in a proxied request.
const PROXY_PATIENCE: Duration = Duration::from_secs(300);

/// The coordinator's own endpoints, as agents' REST endpoints reach them.
#[async_trait]
pub trait LocalApi: Send + Sync {
    /// Answers a request.
    async fn answer(
        &self,
        head: HttpHead,
        body: BodyStream,
    ) -> Result<(HttpReplyHead, BodyStream), Fault>;

    /// Starts the job of an upload for a user of a party, whose agent has the file; gives the envelope for that user.
    async fn start_upload(&self, party: PartyId, call: UploadCall) -> String;
}

/// What serving one agent needs.
#[derive(Clone)]
pub(crate) struct Inbound {
    pub(crate) gateway: Gateway,
    pub(crate) coordinator: Coordinator,
    pub(crate) api: Arc<dyn LocalApi>,
    pub(crate) endpoint: Endpoint,
}

impl Inbound {
    pub(crate) async fn serve(&self, connection: Connection, stop: CancellationToken) {
        let peer = connection.peer().clone();
        let link = match self.welcome(connection).await {
            Ok(link) => link,
            Err(fault) => {
                tracing::warn!(party = %peer.party, %fault, "an agent was not let in");
                return;
            }
        };
        let Some(link) = link else {
            tracing::info!(party = %peer.party, "agent probed");
            return;
        };
        tracing::info!(party = %peer.party, "agent connected");
        self.tell_peers();
        let why = tokio::select! {
            error = link.serve(|call, stream, answer| self.clone().answer(peer.clone(), call, stream, answer)) => Fault::from(error),
            () = stop.cancelled() => Fault::new(ErrorCode::PartyOffline, "the coordinator stops"),
        };
        // Not when a newer link took the place of this one: then the agent is there.
        if self.gateway.sessions.leave(&peer.party, &link) {
            tracing::info!(party = %peer.party, %why, "agent gone");
            let parting = if link.connection().peer_is_gone() {
                Parting::Ended
            } else {
                Parting::Unknown
            };
            if let Err(error) = self
                .coordinator
                .parties()
                .gone(&peer.party, why.at(&peer.party), parting)
                .await
            {
                tracing::error!(party = %peer.party, fault = %error.fault(), "the loss of an agent could not be recorded");
            }
            self.tell_peers();
        }
    }

    /// The link of an agent that is let in; none for one that only asks whether it would be.
    async fn welcome(&self, connection: Connection) -> Result<Option<Link>, Fault> {
        let peer = connection.peer().clone();
        let call = read_hello(connection, PATIENCE)
            .await
            .map_err(Fault::from)?;
        match self.examine(&call, &peer) {
            Ok((welcome, components)) => {
                let hello = call.hello.clone();
                let link = call.accept(&welcome, PATIENCE).await.map_err(Fault::from)?;
                if hello
                    .capabilities
                    .iter()
                    .any(|capability| capability == PROBE)
                {
                    // The caller ends a probe once it has read the welcome.
                    link.connection().lost().await;
                    return Ok(None);
                }
                self.enter(link, &peer, hello, components).await.map(Some)
            }
            Err(fault) => {
                call.refuse(fault.clone(), PATIENCE).await;
                Err(fault)
            }
        }
    }

    fn examine(
        &self,
        call: &HelloCall,
        peer: &PeerIdentity,
    ) -> Result<(Welcome, Vec<ComponentInfo>), Fault> {
        let now = self.coordinator.now();
        // Before the catalogue is read: a stranger's bytes are not worth the work.
        if let Some(fault) = self.coordinator.parties().refusal_of(&peer.party) {
            return Err(fault);
        }
        let agreed = call.check(&[UPLOADS.to_owned()], now)?;
        // Bounds before the signature is verified, since verifying costs by the size.
        listing::check(&peer.party, &call.hello)?;
        let identity = self.endpoint.identity();
        let signer = pki::verify_signed(&call.hello.catalogue, CATALOGUE_CONTEXT, &identity, now)?;
        let catalogue: Catalogue =
            rmp_serde::from_slice(&call.hello.catalogue.bytes).map_err(|error| {
                Fault::new(
                    ErrorCode::FrameInvalid,
                    format!("the catalogue cannot be read: {error}"),
                )
            })?;
        // A catalogue that another party signed is genuine and yet not this one's: replayed, it
        // would claim its components.
        if signer.party != peer.party || catalogue.party != peer.party {
            let text = format!(
                "the catalogue is of party {}, the link of party {}",
                catalogue.party, peer.party
            );
            return Err(Fault::new(ErrorCode::CertificateRefused, text).at(&peer.party));
        }
        let welcome = Welcome::Accepted {
            protocol: agreed.protocol,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            capabilities: agreed.capabilities,
            now,
            heartbeat_millis: self.coordinator.options().heartbeat_millis,
            peers: self.gateway.sessions.peers_of(&peer.party),
        };
        Ok((welcome, catalogue.components))
    }

    async fn enter(
        &self,
        link: Link,
        peer: &PeerIdentity,
        hello: Hello,
        components: Vec<ComponentInfo>,
    ) -> Result<Link, Fault> {
        let listed = Peer {
            party: peer.party.clone(),
            chain: peer
                .chain
                .iter()
                .map(|certificate| certificate.as_ref().to_vec())
                .collect(),
            direct: hello.direct,
            online: true,
            run: hello.run,
            message_key: hello.message_key,
        };
        // Before the coordinator is told: the orders that it recalls need the link.
        self.gateway.sessions.enter(link.clone(), listed);
        let facts = AgentFacts {
            rest: hello.rest,
            rows_through_coordinator: hello.rows_through_coordinator,
            attempts: hello.attempts,
            slots: hello.slots,
        };
        let entered = self
            .coordinator
            .parties()
            .connected(&peer.party, components, facts)
            .await;
        if let Err(error) = entered {
            self.gateway.sessions.leave(&peer.party, &link);
            let fault = error.fault();
            link.connection()
                .close(&format!("the coordinator cannot record the agent: {fault}"));
            return Err(fault);
        }
        Ok(link)
    }

    /// Tells every agent who is there; one that cannot be told learns it with its next hello.
    fn tell_peers(&self) {
        for (party, link) in self.gateway.sessions.links() {
            let peers = ToAgent::Peers(self.gateway.sessions.peers_of(&party));
            // Each beside the others: an agent that does not answer holds up no news to the rest.
            tokio::spawn(async move {
                if let Err(error) = link
                    .call(&peers, Body::Empty, CallOptions::control(PATIENCE))
                    .await
                {
                    tracing::debug!(%party, %error, "the directory was not taken");
                }
            });
        }
    }

    async fn answer<P: Pieces + 'static>(
        self,
        peer: PeerIdentity,
        call: ToCoordinator,
        stream: P,
        answer: Answer,
    ) {
        let party = &peer.party;
        let (reply, body) = match call {
            ToCoordinator::Envelope(head) => return self.relay(&peer, head, stream, answer).await,
            ToCoordinator::Http(head) => self.http(party, head, stream).await,
            ToCoordinator::Upload(call) => (self.upload(party, *call).await, Body::Empty),
            ToCoordinator::Heartbeat {
                attempts,
                message_key,
            } => {
                let heard = self
                    .coordinator
                    .parties()
                    .heard(party, attempts)
                    .await
                    .map_err(|error| error.fault());
                (
                    reply_of(heard.and_then(|()| self.renew_message_key(party, message_key))),
                    Body::Empty,
                )
            }
            ToCoordinator::Reports(reports) => (
                reply_of(
                    self.coordinator
                        .jobs()
                        .record_reports(party, reports)
                        .await
                        .map_err(|error| error.fault()),
                ),
                Body::Empty,
            ),
        };
        if let Err(error) = answer.reply(&reply, body, PROXY_PATIENCE).await {
            tracing::debug!(%party, %error, "a reply was not taken");
        }
    }

    /// Takes another key for messages into the directory, and tells everybody.
    fn renew_message_key(&self, party: &PartyId, key: Option<SignedBytes>) -> Result<(), Fault> {
        let Some(key) = key else { return Ok(()) };
        listing::check_key(party, &key)?;
        if self.gateway.sessions.renew_message_key(party, key) {
            self.tell_peers();
        }
        Ok(())
    }

    async fn relay<P: Pieces + 'static>(
        &self,
        peer: &PeerIdentity,
        head: EnvelopeHead,
        body: P,
        answer: Answer,
    ) {
        let job = &head.address.attempt.job;
        // After a restart of the coordinator the casts of running jobs are read back as their messages come.
        if !self.gateway.casts.knows(job)
            && let Ok(known) = self.coordinator.jobs().get(job).await
            // Never of a settled job: its messages were forgotten with `Close`.
            && !known.state.is_settled()
        {
            self.gateway.casts.remember(job, &known.cast);
        }
        self.gateway.relay.serve(peer, head, body, answer).await;
    }

    /// An upload is started for the party at the other end of the link, whatever the message says.
    async fn upload(&self, party: &PartyId, call: UploadCall) -> Reply {
        match check_upload(party, &call.config) {
            Ok(()) => Reply::Document(self.api.start_upload(party.clone(), call).await),
            Err(fault) => Reply::Failed(fault),
        }
    }

    async fn http<P: Pieces + 'static>(
        &self,
        party: &PartyId,
        mut head: HttpHead,
        body: P,
    ) -> (Reply, Body) {
        // Whatever the agent says of the caller, it can only speak for users of its own party.
        head.caller = wire::agent_link::Caller::PartyUser(party.clone());
        match self.api.answer(head, bodies::incoming(body)).await {
            Ok((head, body)) => (Reply::Http(head), bodies::outgoing(body)),
            Err(fault) => (Reply::Failed(fault), Body::Empty),
        }
    }
}

/// Refuses what is larger than a configuration needs to be: it is kept with its job.
fn check_upload(party: &PartyId, config: &UploadConfig) -> Result<(), Fault> {
    let size = wire::frame::encode(config)?.len();
    if size > LARGEST_UPLOAD {
        let text = format!(
            "the configuration of an upload of {size} bytes is larger than {LARGEST_UPLOAD}"
        );
        return Err(Fault::new(ErrorCode::LimitReached, text)
            .at(party)
            .next("say less in meta and schema"));
    }
    Ok(())
}

fn reply_of(done: Result<(), Fault>) -> Reply {
    match done {
        Ok(()) => Reply::Done,
        Err(fault) => Reply::Failed(fault),
    }
}
