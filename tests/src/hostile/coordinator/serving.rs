//! The hostile coordinator's side of the agent link: hello, then what agents say until their link ends.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;
use transport::hello::read_hello;
use transport::{Answer, Body, CallOptions, Connection, Incoming, Link, Pieces};
use vocabulary::{Clock, ErrorCode, Fault, PartyId, SignedBytes, SystemClock};
use wire::agent_link::{
    Catalogue, EnvelopeHead, Hello, HttpReplyHead, PROBE, Peer, Reply, ToAgent, ToCoordinator,
    Welcome,
};

use super::super::CALL_PATIENCE;
use super::super::runtime::locked;
use super::{Inner, LinkedAgent, Messages, ProxiedRequest, Statement, Word};

/// How often agents send a heartbeat.
const HEARTBEAT_MILLIS: u64 = 1_000;

impl Inner {
    pub(super) async fn accept(self: Arc<Self>, mut incoming: mpsc::Receiver<Incoming>) {
        while let Some(Incoming { connection, .. }) = incoming.recv().await {
            tokio::spawn(self.clone().serve(connection));
        }
    }

    pub(super) fn link(&self, party: &PartyId) -> Option<Link> {
        let book = locked(&self.book);
        book.linked
            .get(party)
            .map(|linked| linked.link.clone())
            .filter(|link| !link.connection().is_lost())
    }

    /// The directory as a party is told it.
    pub(super) fn peers_for(&self, party: &PartyId) -> Vec<Peer> {
        let peers = locked(&self.book)
            .peers
            .values()
            .filter(|peer| peer.party != *party)
            .cloned()
            .collect();
        let change = locked(&self.manners).directory.clone();
        change((party.clone(), peers))
    }

    fn hear(&self, from: &PartyId, word: Word) {
        let heard = Statement {
            from: from.clone(),
            at: SystemClock.now(),
            word,
        };
        locked(&self.book).heard.push(heard);
    }

    async fn serve(self: Arc<Self>, connection: Connection) {
        let party = connection.peer().party.clone();
        let Some(link) = self.welcome(connection).await else {
            return;
        };
        self.tell_everybody().await;
        let (own, sender) = (self.clone(), party.clone());
        let why = link
            .serve(move |call, body, answer| {
                let (own, sender) = (own.clone(), sender.clone());
                async move { own.answer(sender, call, body, answer).await }
            })
            .await;
        self.hear(&party, Word::Gone(why.to_string()));
        let mut book = locked(&self.book);
        if book
            .linked
            .get(&party)
            .is_some_and(|linked| linked.link.connection().is_same(link.connection()))
        {
            book.linked.remove(&party);
        }
    }

    async fn welcome(&self, connection: Connection) -> Option<Link> {
        let peer = connection.peer().clone();
        let call = read_hello(connection, CALL_PATIENCE).await.ok()?;
        let now = SystemClock.now();
        let agreed = match call.check(&[], now) {
            Ok(agreed) => agreed,
            Err(fault) => {
                call.refuse(fault, CALL_PATIENCE).await;
                return None;
            }
        };
        let hello: Hello = call.hello.clone();
        let listed = Peer {
            party: peer.party.clone(),
            chain: peer
                .chain
                .iter()
                .map(|certificate| certificate.as_ref().to_vec())
                .collect(),
            direct: hello.direct.clone(),
            online: true,
            run: None,
            message_key: hello.message_key.clone(),
        };
        let probes = hello
            .capabilities
            .iter()
            .any(|capability| capability == PROBE);
        if !probes {
            locked(&self.book)
                .peers
                .insert(peer.party.clone(), listed.clone());
        }
        let welcome = Welcome::Accepted {
            protocol: agreed.protocol,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            capabilities: agreed.capabilities,
            now,
            heartbeat_millis: HEARTBEAT_MILLIS,
            peers: self.peers_for(&peer.party),
        };
        let link = call.accept(&welcome, CALL_PATIENCE).await.ok()?;
        if probes {
            return None;
        }
        let catalogue: Option<Catalogue> = wire::frame::decode(&hello.catalogue.bytes).ok();
        self.hear(&peer.party, Word::Hello(Box::new(hello)));
        let mut book = locked(&self.book);
        book.catalogues.insert(
            peer.party.clone(),
            catalogue.map(|own| own.components).unwrap_or_default(),
        );
        book.linked.insert(
            peer.party.clone(),
            LinkedAgent {
                link: link.clone(),
                peer: listed,
            },
        );
        Some(link)
    }

    /// Lists another key for messages of a party.
    async fn renew_message_key(&self, party: &PartyId, key: Option<SignedBytes>) {
        let Some(key) = key else { return };
        let is_other = {
            let mut book = locked(&self.book);
            let Some(listed) = book.peers.get_mut(party) else {
                return;
            };
            let is_other = listed
                .message_key
                .as_ref()
                .is_none_or(|known| known.bytes != key.bytes);
            listed.message_key = Some(key);
            is_other
        };
        if is_other {
            self.tell_everybody().await;
        }
    }

    /// Tells every agent who is there.
    async fn tell_everybody(&self) {
        let linked: Vec<LinkedAgent> = locked(&self.book).linked.values().cloned().collect();
        for LinkedAgent { link, peer } in linked {
            let call = ToAgent::Peers(self.peers_for(&peer.party));
            tokio::spawn(async move {
                drop(
                    link.call(&call, Body::Empty, CallOptions::control(CALL_PATIENCE))
                        .await,
                )
            });
        }
    }

    async fn answer<P: Pieces + 'static>(
        self: Arc<Self>,
        from: PartyId,
        call: ToCoordinator,
        mut body: P,
        answer: Answer,
    ) {
        let (reply, content) = match call {
            ToCoordinator::Heartbeat {
                attempts,
                message_key,
            } => {
                self.renew_message_key(&from, message_key).await;
                self.hear(&from, Word::Heartbeat(attempts));
                (Reply::Done, Body::Empty)
            }
            ToCoordinator::Reports(reports) => {
                locked(&self.book).reports.extend(reports.iter().cloned());
                self.hear(&from, Word::Reports(reports.clone()));
                let judge = locked(&self.manners).reports.clone();
                (judge((from, reports)), Body::Empty)
            }
            ToCoordinator::Envelope(head) => {
                self.hear(&from, Word::Messages(head.clone()));
                (
                    self.relay(head, body).await.unwrap_or_else(Reply::Failed),
                    Body::Empty,
                )
            }
            // It has no capability, so that no agent has a reason to say this.
            ToCoordinator::Upload(_) => {
                let fault = Fault::new(ErrorCode::ProtocolViolation, "uploads come over HTTP");
                (Reply::Failed(fault), Body::Empty)
            }
            ToCoordinator::Http(head) => match gather(&mut body).await {
                Ok(body) => {
                    let asked = ProxiedRequest {
                        party: from.clone(),
                        head,
                        body,
                    };
                    self.hear(&from, Word::Http(asked.clone()));
                    let answer = locked(&self.manners).http.clone();
                    let (status, value) = answer(asked);
                    let headers = vec![("content-type".to_owned(), b"application/json".to_vec())];
                    (
                        Reply::Http(HttpReplyHead { status, headers }),
                        Body::Bytes(value.to_string().into()),
                    )
                }
                Err(fault) => (Reply::Failed(fault), Body::Empty),
            },
        };
        // An agent that is gone meanwhile says it again.
        let _ = answer.reply(&reply, content, CALL_PATIENCE).await;
    }

    async fn relay<P: Pieces>(&self, head: EnvelopeHead, mut body: P) -> Result<Reply, Fault> {
        let body = gather(&mut body).await?;
        let judge = locked(&self.manners).messages.clone();
        match judge((head.clone(), body.clone())) {
            Messages::Pass => self.deliver(&head, body).await,
            Messages::Swallow => Ok(Reply::Done),
            Messages::Refuse(fault) => Err(fault),
            Messages::Repeat(times) => {
                let first = self.deliver(&head, body.clone()).await;
                for _ in 1..times {
                    // The receiver may be done with the attempt, and refuse what comes late.
                    let _ = self.deliver(&head, body.clone()).await;
                }
                first
            }
            Messages::Delay(while_) => {
                tokio::time::sleep(while_).await;
                self.deliver(&head, body).await
            }
            Messages::Replace(head, body) => self.deliver(&head, body).await,
        }
    }

    /// Hands a sealed message to the agent that its head names.
    pub(super) async fn deliver(&self, head: &EnvelopeHead, body: Bytes) -> Result<Reply, Fault> {
        let party = &head.address.to.party;
        let link = self.link(party).ok_or_else(|| {
            Fault::new(
                ErrorCode::PartyOffline,
                format!("party {party} is not connected"),
            )
            .at(party)
        })?;
        let call = ToAgent::Envelope(head.clone());
        let called = link
            .call(&call, Body::Bytes(body), CallOptions::bulk(CALL_PATIENCE))
            .await;
        Ok(called.map_err(Fault::from)?.0)
    }
}

/// All pieces of a body.
pub(in crate::hostile) async fn gather(body: &mut dyn Pieces) -> Result<Bytes, Fault> {
    let mut whole = BytesMut::new();
    while let Some(piece) = body.next().await? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}
