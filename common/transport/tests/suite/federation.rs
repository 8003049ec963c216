//! Throw-away federations: certificates, a coordinator that relays, agents with a routed transport.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pki::{Authority, ExpectedPeer, Identity, IssueOptions, Kind, Profile};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use transport::direct::SERVICE;
use transport::hello::{Greeting, greet, read_hello};
use transport::{
    AgentLink, DirectTransport, Directory, Dispatcher, Endpoint, EndpointOptions, Incoming, Link,
    LinkError, Relay, RelayLink, RelayOptions, RelayedTransport, RouteOptions, RoutedTransport,
    Service,
};
use vocabulary::{Clock, PartyId, SignedBytes, SystemClock, Timestamp};
use wire::agent_link::{AGENT_LINK, Hello, Peer, ToAgent, ToCoordinator, Welcome};
use wire::contract::LARGEST;
use wire::{Inbox, InboxOptions};

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// What a coordinator's endpoint accepts.
pub(crate) const AGENTS: Service = Service {
    alpn: AGENT_LINK,
    callers: Kind::Agent,
};

pub(crate) fn party(name: &str) -> PartyId {
    PartyId::new(name).unwrap()
}

pub(crate) fn loopback() -> EndpointOptions {
    EndpointOptions {
        handshake_timeout: Duration::from_secs(5),
        ..EndpointOptions::at(SocketAddr::from(([127, 0, 0, 1], 0)))
    }
}

/// A federation root in a temporary folder.
pub(crate) struct Federation {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) authority: Mutex<Authority>,
}

impl Federation {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::init(
            &folder.path().join("root"),
            "test-federation",
            &Profile::default(),
        )
        .unwrap();
        Self {
            folder,
            authority: Mutex::new(authority),
        }
    }

    pub(crate) fn identity(&self, name: &str, kind: Kind) -> Identity {
        let folder = self.folder.path().join(format!("{kind}-{name}"));
        if !folder.exists() {
            self.authority
                .lock()
                .unwrap()
                .issue(&party(name), kind, &folder, &IssueOptions::default())
                .unwrap();
        }
        Identity::load(&folder).unwrap()
    }

    pub(crate) fn endpoint(
        &self,
        name: &str,
        kind: Kind,
        services: &[Service],
    ) -> (Endpoint, mpsc::Receiver<Incoming>) {
        Endpoint::bind(loopback(), self.identity(name, kind), services).unwrap()
    }
}

pub(crate) fn hello(protocol: (u32, u32), now: Timestamp) -> Hello {
    Hello {
        protocol,
        version: "test".into(),
        capabilities: vec![],
        now,
        catalogue: SignedBytes {
            bytes: vec![],
            signer: party("alice"),
            chain: vec![],
            signature: vec![],
        },
        attempts: vec![],
        direct: vec![],
        rest: None,
        rows_through_coordinator: false,
        slots: None,
        run: None,
        message_key: None,
    }
}

pub(crate) fn welcome() -> Welcome {
    Welcome::Accepted {
        protocol: 1,
        version: "test".into(),
        capabilities: vec![],
        now: SystemClock.now(),
        heartbeat_millis: 1000,
        peers: vec![],
    }
}

/// A coordinator that does nothing but accept links and relay messages.
pub(crate) struct Coordinator {
    pub(crate) endpoint: Endpoint,
    pub(crate) links: Arc<Mutex<HashMap<PartyId, Link>>>,
    tasks: JoinSet<()>,
}

impl Coordinator {
    pub(crate) fn start(federation: &Federation, options: RelayOptions) -> Self {
        let (endpoint, incoming) = federation.endpoint("hub", Kind::Coordinator, &[AGENTS]);
        Self::run(endpoint, incoming, options)
    }

    pub(crate) fn run(
        endpoint: Endpoint,
        mut incoming: mpsc::Receiver<Incoming>,
        options: RelayOptions,
    ) -> Self {
        let links: Arc<Mutex<HashMap<PartyId, Link>>> = Arc::default();
        let known = links.clone();
        let lookup = Arc::new(move |party: &PartyId| known.lock().unwrap().get(party).cloned());
        let relay = Relay::new(options, lookup, Arc::new(|_| Ok(())));
        let (mut tasks, registered) = (JoinSet::new(), links.clone());
        tasks.spawn(async move {
            let mut sessions = JoinSet::new();
            while let Some(incoming) = incoming.recv().await {
                sessions.spawn(session(incoming, registered.clone(), relay.clone()));
            }
        });
        Self {
            endpoint,
            links,
            tasks,
        }
    }

    pub(crate) fn address(&self) -> String {
        self.endpoint.local_address().unwrap().to_string()
    }

    pub(crate) async fn stop(mut self) {
        self.endpoint.close("stopping").await;
        self.tasks.shutdown().await;
    }
}

async fn session(incoming: Incoming, links: Arc<Mutex<HashMap<PartyId, Link>>>, relay: Arc<Relay>) {
    let Ok(hello) = read_hello(incoming.connection, PATIENCE).await else {
        return;
    };
    if let Err(fault) = hello.check(&[], SystemClock.now()) {
        return hello.refuse(fault, PATIENCE).await;
    }
    let Ok(link) = hello.accept(&welcome(), PATIENCE).await else {
        return;
    };
    let peer = link.connection().peer().clone();
    links
        .lock()
        .unwrap()
        .insert(peer.party.clone(), link.clone());
    let sender = peer.clone();
    link.serve(move |call: ToCoordinator, body, answer| {
        let (relay, sender) = (relay.clone(), sender.clone());
        async move {
            if let ToCoordinator::Envelope(head) = call {
                relay.serve(&sender, head, body, answer).await;
            }
        }
    })
    .await;
    let mut links = links.lock().unwrap();
    if links
        .get(&peer.party)
        .is_some_and(|kept| kept.connection().is_same(link.connection()))
    {
        links.remove(&peer.party);
    }
}

/// Says hello to a coordinator.
pub(crate) async fn join(endpoint: &Endpoint, address: &str) -> Result<Greeting, LinkError> {
    let expected = ExpectedPeer {
        kind: Kind::Coordinator,
        party: None,
    };
    let connection = endpoint.connect(address, AGENT_LINK, expected).await?;
    let now = SystemClock.now();
    greet(connection, &hello((1, 1), now), now, PATIENCE).await
}

/// Which ways an agent of a test has.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Ways {
    Direct,
    Relayed,
    Both,
}

/// An agent that sends and receives messages.
pub(crate) struct Agent {
    pub(crate) endpoint: Endpoint,
    pub(crate) directory: Directory,
    pub(crate) transport: Arc<RoutedTransport>,
    pub(crate) relayed: Option<Arc<RelayedTransport>>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    _link: watch::Sender<Option<Link>>,
    tasks: JoinSet<()>,
}

impl Agent {
    pub(crate) async fn start(
        federation: &Federation,
        name: &str,
        ways: Ways,
        coordinator: Option<&Coordinator>,
    ) -> Self {
        let coordinator = coordinator.map(Coordinator::address);
        Self::start_with(
            federation.endpoint(name, Kind::Agent, &[SERVICE]),
            ways,
            coordinator,
            None,
        )
        .await
    }

    pub(crate) async fn start_with(
        (endpoint, incoming): (Endpoint, mpsc::Receiver<Incoming>),
        ways: Ways,
        coordinator: Option<String>,
        wiretap: Option<fn(Arc<dyn RelayLink>) -> Arc<dyn RelayLink>>,
    ) -> Self {
        let directory = Directory::new();
        let options = InboxOptions {
            spill_dir: None,
            ..InboxOptions::default()
        };
        let inbox = Inbox::new(options).unwrap();
        let dispatcher = Dispatcher::new(
            endpoint.identity().party().clone(),
            inbox,
            LARGEST,
            PATIENCE,
            Arc::new(|_| Ok(())),
        );
        let direct = (ways != Ways::Relayed).then(|| {
            DirectTransport::new(
                endpoint.clone(),
                directory.clone(),
                dispatcher.clone(),
                PATIENCE,
            )
        });
        let (to_link, link) = watch::channel(None);
        let mut relay: Arc<dyn RelayLink> = Arc::new(AgentLink::new(link, PATIENCE));
        if let Some(wiretap) = wiretap {
            relay = wiretap(relay);
        }
        let relayed = (ways != Ways::Direct).then(|| {
            RelayedTransport::new(
                endpoint.clone(),
                directory.clone(),
                dispatcher.clone(),
                relay,
            )
        });
        let options = RouteOptions {
            give_up: Duration::from_secs(20),
            ..RouteOptions::default()
        };
        let transport =
            RoutedTransport::new(dispatcher.clone(), direct.clone(), relayed.clone(), options);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(incoming, direct));
        if let (Some(address), Some(relayed)) = (coordinator, relayed.clone()) {
            let greeting = join(&endpoint, &address).await.unwrap();
            to_link.send_replace(Some(greeting.link.clone()));
            tasks.spawn(serve(greeting.link, relayed));
        }
        Self {
            endpoint,
            directory,
            transport,
            relayed,
            dispatcher,
            _link: to_link,
            tasks,
        }
    }

    /// What the coordinator would tell of this agent.
    pub(crate) fn as_peer(&self, direct: bool) -> Peer {
        let identity = self.endpoint.identity();
        let direct = if direct {
            vec![self.endpoint.local_address().unwrap().to_string()]
        } else {
            vec![]
        };
        let chain = identity.chain().iter().map(|der| der.to_vec()).collect();
        Peer {
            party: identity.party().clone(),
            chain,
            direct,
            online: true,
            run: None,
            message_key: self.endpoint.message_key().ok(),
        }
    }

    pub(crate) async fn stop(mut self) {
        self.endpoint.close("stopping").await;
        self.tasks.shutdown().await;
    }
}

async fn accept(mut incoming: mpsc::Receiver<Incoming>, direct: Option<Arc<DirectTransport>>) {
    while let Some(incoming) = incoming.recv().await {
        if let Some(direct) = &direct {
            direct.welcome(incoming.connection);
        }
    }
}

async fn serve(link: Link, relayed: Arc<RelayedTransport>) {
    link.serve(move |call: ToAgent, body, answer| {
        let relayed = relayed.clone();
        async move {
            if let ToAgent::Envelope(head) = call {
                relayed.serve(head, body, answer).await;
            }
        }
    })
    .await;
}

/// Makes the agents known to each other.
pub(crate) fn introduce(agents: &[&Agent], direct: bool) {
    for agent in agents {
        agent
            .directory
            .replace(agents.iter().map(|other| other.as_peer(direct)).collect());
    }
}
