//! An agent's transport: own messages stay here, other messages go directly where that works, and through the coordinator
//! where it does not. A component cannot tell.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use vocabulary::message::Way;
use vocabulary::{ErrorCode, Fault, Participant, PartyId};
use wire::in_memory::{check_outgoing, check_receiver};
use wire::{Address, AttemptKey, Envelope, Transport, TransportError};

use crate::acknowledge::DeliveryFailure;
use crate::direct::DirectTransport;
use crate::dispatcher::Dispatcher;
use crate::reconnect::Backoff;
use crate::relayed::RelayedTransport;

/// How an agent sends.
#[derive(Debug, Clone)]
pub struct RouteOptions {
    /// Never dial other agents.
    pub relay_only: bool,
    /// How long a message is tried before its receiver counts as unreachable.
    pub give_up: Duration,
    /// How long the relay is used after direct messages to a party failed.
    pub direct_pause: Duration,
    /// Messages under way through the relay at once; the coordinator's quota should not be smaller.
    pub relayed_at_once: usize,
}

impl Default for RouteOptions {
    /// Direct first, 5 minutes to give up, half a minute of relay after a failure, 8 relayed messages at once.
    fn default() -> Self {
        Self {
            relay_only: false,
            give_up: Duration::from_secs(300),
            direct_pause: Duration::from_secs(30),
            relayed_at_once: 8,
        }
    }
}

/// The transport that an agent gives to its tasks.
pub struct RoutedTransport {
    dispatcher: Arc<Dispatcher>,
    direct: Option<Arc<DirectTransport>>,
    relayed: Option<Arc<RelayedTransport>>,
    options: RouteOptions,
    /// Until when direct messages to a party are not tried.
    paused: Mutex<HashMap<PartyId, Instant>>,
    relay_places: Semaphore,
}

impl RoutedTransport {
    /// Sends for the party of `dispatcher`, over the ways that are given.
    pub fn new(
        dispatcher: Arc<Dispatcher>,
        direct: Option<Arc<DirectTransport>>,
        relayed: Option<Arc<RelayedTransport>>,
        options: RouteOptions,
    ) -> Arc<Self> {
        let relay_places = Semaphore::new(options.relayed_at_once.max(1));
        Arc::new(Self {
            dispatcher,
            direct,
            relayed,
            options,
            paused: Mutex::default(),
            relay_places,
        })
    }

    /// One attempt: to the own inbox, or directly if that may work, else, or if it fails, through the relay.
    async fn attempt(&self, envelope: &Envelope) -> Result<(), DeliveryFailure> {
        let party = &envelope.address.to.party;
        if party == self.dispatcher.party() {
            let taken = self.dispatcher.inbox().deliver(envelope.clone()).await;
            return taken.map(|_| ()).map_err(DeliveryFailure::of_own);
        }
        let mut failure = None;
        if let Some(direct) = self
            .direct
            .as_ref()
            .filter(|direct| self.may_go_directly(direct, party))
        {
            match direct.deliver(envelope).await {
                // Only what another way could mend; what the receiver itself answered would be the
                // same through the relay.
                Err(DeliveryFailure::Retry(fault)) if self.relayed.is_some() => {
                    tracing::info!(%party, %fault, "direct messages failed, using the relay for a while");
                    self.paused()
                        .insert(party.clone(), Instant::now() + self.options.direct_pause);
                    failure = Some(fault);
                }
                done => return done,
            }
        }
        let Some(relayed) = &self.relayed else {
            let message = format!("no address of party {party} is known, and there is no relay");
            return Err(DeliveryFailure::Retry(
                failure.unwrap_or_else(|| Fault::new(ErrorCode::PartyOffline, message)),
            ));
        };
        let _place = self.relay_places.acquire().await;
        relayed.deliver(envelope).await
    }

    fn may_go_directly(&self, direct: &DirectTransport, party: &PartyId) -> bool {
        if self.options.relay_only || !direct.may_reach(party) {
            return false;
        }
        let mut paused = self.paused();
        match paused.get(party) {
            Some(until) if *until > Instant::now() && self.relayed.is_some() => false,
            Some(_) => paused.remove(party).is_some(),
            None => true,
        }
    }

    /// Whether direct messages to the party failed a moment ago.
    fn is_paused(&self, party: &PartyId) -> bool {
        self.relayed.is_some()
            && self
                .paused()
                .get(party)
                .is_some_and(|until| *until > Instant::now())
    }

    fn paused(&self) -> std::sync::MutexGuard<'_, HashMap<PartyId, Instant>> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Transport for RoutedTransport {
    async fn send(&self, envelope: Envelope) -> Result<(), TransportError> {
        check_outgoing(
            &envelope,
            self.dispatcher.party(),
            self.dispatcher.largest(),
        )?;
        let to = envelope.address.to.clone();
        let until = Instant::now() + self.options.give_up;
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        let mut told = false;
        loop {
            let (fault, is_full) = match self.attempt(&envelope).await {
                Ok(()) => return Ok(()),
                Err(DeliveryFailure::Final(error)) => return Err(error),
                Err(DeliveryFailure::Retry(fault) | DeliveryFailure::Later(fault)) => {
                    (fault, false)
                }
                Err(DeliveryFailure::Full(fault)) => (fault, true),
            };
            let pause = backoff.step();
            // Judged before the pause: a sender must not sleep past the moment at which it gives
            // up.
            if Instant::now() + pause >= until {
                // who has no space was reached
                return Err(match is_full {
                    true => TransportError::Refused(fault),
                    false => TransportError::Unreachable {
                        to,
                        detail: fault.to_string(),
                    },
                });
            }
            if is_full && !std::mem::replace(&mut told, true) {
                tracing::warn!(address = %envelope.address, %fault, "a message waits until its receiver has space");
            }
            tracing::debug!(address = %envelope.address, %fault, "a message waits for its next attempt");
            tokio::time::sleep(pause).await;
        }
    }

    fn way(&self, to: &PartyId) -> Option<Way> {
        let direct = self
            .direct
            .as_ref()
            .is_some_and(|direct| direct.may_reach(to));
        match direct && !self.options.relay_only && !self.is_paused(to) {
            _ if to == self.dispatcher.party() => None,
            true => Some(Way::Direct),
            false => Some(Way::Relayed),
        }
    }

    async fn receive(&self, address: &Address) -> Result<Bytes, TransportError> {
        check_receiver(&address.to, self.dispatcher.party())?;
        self.dispatcher.inbox().receive(address).await
    }

    async fn open(&self, attempt: &AttemptKey, receiver: &Participant) {
        self.dispatcher.inbox().open(attempt, receiver);
    }

    async fn close(&self, attempt: &AttemptKey, receiver: &Participant) {
        self.dispatcher.inbox().close(attempt, receiver);
    }
}
