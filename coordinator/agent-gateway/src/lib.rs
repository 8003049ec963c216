//! The coordinator's QUIC API towards agents: who is connected, orders out, reports in, messages relayed, requests proxied.
#![deny(missing_docs)]

mod bodies;
mod casts;
mod dispatch;
mod inbound;
mod listing;
mod sessions;

use std::sync::Arc;

use service::Coordinator;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use transport::{Endpoint, Incoming, Relay, RelayOptions, Service};
use wire::agent_link::AGENT_LINK;

use casts::Casts;
pub use inbound::LocalApi;
use sessions::Sessions;

/// What the coordinator's endpoint accepts connections for.
pub const SERVICES: [Service; 1] = [Service {
    alpn: AGENT_LINK,
    callers: pki::Kind::Agent,
}];

/// The gateway: made first, because the service needs it; told of the service when it begins to serve.
#[derive(Clone)]
pub struct Gateway {
    sessions: Arc<Sessions>,
    casts: Arc<Casts>,
    relay: Arc<Relay>,
}

impl Gateway {
    /// A gateway with nobody connected.
    pub fn new(options: RelayOptions) -> Self {
        let sessions = Arc::new(Sessions::default());
        let casts = Arc::new(Casts::default());
        let (links, known) = (sessions.clone(), casts.clone());
        let lookup = Arc::new(move |party: &vocabulary::PartyId| links.link(party));
        let relay = Relay::new(options, lookup, Arc::new(move |head| known.permit(head)));
        Self {
            sessions,
            casts,
            relay,
        }
    }

    /// Serves agents until told to stop. `api` answers what agents' REST endpoints proxy to the coordinator.
    pub async fn serve(
        &self,
        endpoint: Endpoint,
        mut incoming: mpsc::Receiver<Incoming>,
        coordinator: Coordinator,
        api: Arc<dyn LocalApi>,
        stop: CancellationToken,
    ) {
        let links = TaskTracker::new();
        loop {
            let next = tokio::select! {
                () = stop.cancelled() => None,
                next = incoming.recv() => next,
            };
            let Some(Incoming { connection, .. }) = next else {
                break;
            };
            let agent = inbound::Inbound {
                gateway: self.clone(),
                coordinator: coordinator.clone(),
                api: api.clone(),
                endpoint: endpoint.clone(),
            };
            let stop = stop.clone();
            links.spawn(async move { agent.serve(connection, stop).await });
        }
        // Before the links are waited for: closing is what ends them.
        endpoint.close("the coordinator stops").await;
        links.close();
        links.wait().await;
    }
}
