//! Messages straight from agent to agent: a pool of connections by party, dialled when needed, one call for each message.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pki::{ExpectedPeer, Kind};
use tokio::sync::Semaphore;
use vocabulary::PartyId;
use wire::Envelope;
use wire::agent_link::{DIRECT_MESSAGES, EnvelopeHead, Reply};

use crate::acknowledge::{DeliveryFailure, outcome_of, reply_to};
use crate::call::{CallOptions, Link};
use crate::connection::Connection;
use crate::directory::Directory;
use crate::dispatcher::Dispatcher;
use crate::endpoint::{Endpoint, Service};
use crate::error::LinkError;
use crate::stream::Body;

/// What an agent's endpoint accepts for direct messages.
pub const SERVICE: Service = Service {
    alpn: DIRECT_MESSAGES,
    callers: Kind::Agent,
};

/// Addresses of one party that are dialled: the list is that party's own word.
const MOST_ADDRESSES: usize = 8;

/// Direct messages of one agent.
pub struct DirectTransport {
    endpoint: Endpoint,
    directory: Directory,
    dispatcher: Arc<Dispatcher>,
    patience: Duration,
    pool: Mutex<Pool>,
}

#[derive(Default)]
struct Pool {
    connections: HashMap<PartyId, PooledConnection>,
    /// One dials, the others wait for it.
    turns: HashMap<PartyId, Arc<Semaphore>>,
}

/// A connection, and which run of the peer's process the directory knew when it was made.
struct PooledConnection {
    connection: Connection,
    run: Option<u64>,
}

impl DirectTransport {
    /// Dials with `endpoint` the addresses in `directory`; what comes in goes to `dispatcher`. A message's pieces and its
    /// acknowledgement must each come within `patience`.
    pub fn new(
        endpoint: Endpoint,
        directory: Directory,
        dispatcher: Arc<Dispatcher>,
        patience: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            endpoint,
            directory,
            dispatcher,
            patience,
            pool: Mutex::default(),
        })
    }

    /// Whether there is a connection to the party, or an address to dial.
    pub fn may_reach(&self, party: &PartyId) -> bool {
        self.pooled(party).is_some()
            || self
                .directory
                .peer(party)
                .is_some_and(|peer| !peer.direct.is_empty())
    }

    /// Takes a connection that another agent dialled: serves its messages, and uses it for messages back.
    pub fn welcome(self: &Arc<Self>, connection: Connection) {
        self.keep(connection);
    }

    pub(crate) async fn deliver(
        self: &Arc<Self>,
        envelope: &Envelope,
    ) -> Result<(), DeliveryFailure> {
        let to = &envelope.address.to.party;
        let before = self.pooled(to);
        let connection = self.connection(to).await?;
        let said = self.say(&connection, envelope).await;
        match said {
            // The peer was started again since the connection was made. A message that did arrive is recognised.
            Err(error) if connection.is_lost() && before.is_some_and(|before| before.is_same(&connection)) => {
                tracing::debug!(party = %to, %error, "a connection that stood before is gone, and is made anew");
                let again = self.connection(to).await?;
                outcome_of(self.say(&again, envelope).await?, &envelope.address)
            }
            said => outcome_of(said?, &envelope.address),
        }
        .map_err(DeliveryFailure::answered)
    }

    async fn say(&self, connection: &Connection, envelope: &Envelope) -> Result<Reply, LinkError> {
        let head = EnvelopeHead {
            address: envelope.address.clone(),
            message: envelope.message.clone(),
            size: envelope.body.len() as u64,
        };
        let body = Body::Bytes(envelope.body.clone());
        let called = Link::new(connection.clone())
            .call(&head, body, CallOptions::bulk(self.patience))
            .await;
        // A connection that swallows messages is worse than none.
        if matches!(called, Err(LinkError::TimedOut { .. })) {
            connection.close("a message was not acknowledged");
        }
        called.map(|(reply, _)| reply)
    }

    async fn connection(self: &Arc<Self>, party: &PartyId) -> Result<Connection, LinkError> {
        if let Some(connection) = self.pooled(party) {
            return Ok(connection);
        }
        let turn = self
            .pool()
            .turns
            .entry(party.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(1)))
            .clone();
        let _turn = turn.acquire().await;
        if let Some(connection) = self.pooled(party) {
            return Ok(connection);
        }
        let addresses = self
            .directory
            .peer(party)
            .map(|peer| peer.direct)
            .unwrap_or_default();
        let mut last = LinkError::Unreachable {
            address: party.to_string(),
            detail: "no address is known".to_owned(),
        };
        // Only a few: a party could list addresses of others and have everybody dial them.
        for address in addresses.into_iter().take(MOST_ADDRESSES) {
            let expected = ExpectedPeer {
                kind: Kind::Agent,
                party: Some(party.clone()),
            };
            match self
                .endpoint
                .connect(&address, DIRECT_MESSAGES, expected)
                .await
            {
                Ok(connection) => {
                    self.keep(connection.clone());
                    return Ok(connection);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn pooled(&self, party: &PartyId) -> Option<Connection> {
        let run = self.run_of(party);
        let pool = self.pool();
        let pooled = pool
            .connections
            .get(party)
            .filter(|pooled| !pooled.connection.is_lost() && pooled.run == run)?;
        Some(pooled.connection.clone())
    }

    /// Which run of the party's process the directory knows: a connection to an earlier one is dead, and nobody says so.
    fn run_of(&self, party: &PartyId) -> Option<u64> {
        self.directory.peer(party).and_then(|peer| peer.run)
    }

    /// Serves a connection until it ends, and offers it for messages. The newest is taken: it is the one of which it is known
    /// that somebody is at its other end.
    fn keep(self: &Arc<Self>, connection: Connection) {
        let party = connection.peer().party.clone();
        let pooled = PooledConnection {
            connection: connection.clone(),
            run: self.run_of(&party),
        };
        self.pool().connections.insert(party.clone(), pooled);
        // Weak: the task of a connection must not keep the pool alive that holds the connection.
        let (messages, dispatcher) = (Arc::downgrade(self), self.dispatcher.clone());
        tokio::spawn(async move {
            let error = serve(connection.clone(), dispatcher).await;
            tracing::debug!(%party, %error, "a direct link ended");
            if let Some(messages) = messages.upgrade() {
                messages.forget(&party, &connection);
            }
        });
    }

    fn forget(&self, party: &PartyId, connection: &Connection) {
        let mut pool = self.pool();
        if pool
            .connections
            .get(party)
            // Only this very one: a newer connection of the party may stand there.
            .is_some_and(|pooled| pooled.connection.is_same(connection))
        {
            pool.connections.remove(party);
        }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(connection: Connection, dispatcher: Arc<Dispatcher>) -> LinkError {
    let sender = connection.peer().party.clone();
    let link = Link::new(connection);
    link.serve(move |head: EnvelopeHead, body, answer| {
        let (dispatcher, sender) = (dispatcher.clone(), sender.clone());
        async move {
            let taken = dispatcher.take(&head, &sender, body).await;
            if let Err(error) = &taken {
                tracing::debug!(address = %head.address, %error, "a message was not taken");
            }
            // If the acknowledgement is lost the sender repeats the message, and the inbox recognises it.
            let _ = answer
                .reply(&reply_to(taken), Body::Empty, dispatcher.patience())
                .await;
        }
    })
    .await
}
