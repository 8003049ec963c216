//! How fast messages are: direct and relayed messages over QUIC against a plain copy over TCP and TLS, in the same run.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pki::{Authority, ExpectedPeer, Identity, IssueOptions, Kind, Profile};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use transport::direct::SERVICE;
use transport::dispatcher::LARGEST;
use transport::{
    AgentLink, DirectTransport, Directory, Dispatcher, Endpoint, EndpointOptions, Incoming, Link,
    Relay, RelayOptions, RelayedTransport, RouteOptions, RoutedTransport, Service,
};
use vocabulary::PartyId;
use wire::agent_link::{AGENT_LINK, Peer, ToAgent, ToCoordinator};
use wire::contract::sample_envelope;
use wire::{Inbox, InboxOptions, Transport};

const BULK: usize = 4 << 20;
const MESSAGES: usize = 64;
const SMALL_MESSAGES: usize = 3_000;
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let mut authority =
        Authority::init(&folder.path().join("root"), "bench", &Profile::default()).unwrap();
    for (name, kind) in [
        ("alice", Kind::Agent),
        ("bob", Kind::Agent),
        ("hub", Kind::Coordinator),
    ] {
        let party = PartyId::new(name).unwrap();
        authority
            .issue(
                &party,
                kind,
                &folder.path().join(name),
                &IssueOptions::default(),
            )
            .unwrap();
    }
    let tls = tls(folder.path()).await;
    println!(
        "tcp + tls:             {:7.0} MB/s  {:6.0} round trips/s",
        tls.0, tls.1
    );
    for mtu in [1452, 6500] {
        for relayed in [false, true] {
            let (alice, bob) = agents(folder.path(), mtu, relayed).await;
            let one = bulk(&alice, &bob, 1, "one").await;
            let eight = bulk(&alice, &bob, 8, "eight").await;
            let small = small(&alice, &bob).await;
            let way = if relayed { "relayed" } else { "direct " };
            println!(
                "{way} messages, mtu {mtu}: {one:7.0} MB/s ({:.2} of tls), 8 at once {eight:7.0} MB/s ({:.2}), {small:6.0} small messages/s ({:.2})",
                one / tls.0,
                eight / tls.0,
                small / tls.1
            );
        }
    }
}

/// Megabytes and round trips of 64 bytes, each for a second, of TCP with TLS.
async fn tls(folder: &Path) -> (f64, f64) {
    let server =
        pki::server_config(&Identity::load(&folder.join("bob")).unwrap(), &[b"bench"]).unwrap();
    let expected = ExpectedPeer {
        kind: Kind::Agent,
        party: None,
    };
    let name = expected.server_name().try_into().unwrap();
    let client = pki::client_config_for(
        &Identity::load(&folder.join("alice")).unwrap(),
        &[b"bench"],
        expected,
    )
    .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let stream = listener.accept().await.unwrap().0;
        stream.set_nodelay(true).unwrap();
        let mut stream = TlsAcceptor::from(server).accept(stream).await.unwrap();
        let mut buffer = vec![0; 256 << 10];
        let mut left = BULK * MESSAGES;
        while left > 0 {
            left -= stream.read(&mut buffer).await.unwrap().min(left);
        }
        stream.write_all(&[1]).await.unwrap();
        for _ in 0..SMALL_MESSAGES {
            stream.read_exact(&mut buffer[..64]).await.unwrap();
            stream.write_all(&buffer[..64]).await.unwrap();
        }
    });
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut stream = TlsConnector::from(client)
        .connect(name, stream)
        .await
        .unwrap();
    let piece = vec![7; 256 << 10];
    let start = Instant::now();
    for _ in 0..BULK * MESSAGES / piece.len() {
        stream.write_all(&piece).await.unwrap();
    }
    let mut small = [0; 64];
    stream.read_exact(&mut small[..1]).await.unwrap();
    let bulk = start.elapsed();
    let start = Instant::now();
    for _ in 0..SMALL_MESSAGES {
        stream.write_all(&small).await.unwrap();
        stream.read_exact(&mut small).await.unwrap();
    }
    let trips = start.elapsed();
    serving.await.unwrap();
    (
        (BULK * MESSAGES) as f64 / 1e6 / bulk.as_secs_f64(),
        SMALL_MESSAGES as f64 / trips.as_secs_f64(),
    )
}

async fn bulk(
    alice: &Arc<RoutedTransport>,
    bob: &Arc<RoutedTransport>,
    at_once: usize,
    name: &str,
) -> f64 {
    let body = vec![7; BULK];
    let start = Instant::now();
    for turn in 0..MESSAGES / at_once {
        let sends: Vec<_> = (0..at_once)
            .map(|lane| {
                let envelope = sample_envelope(
                    "guest",
                    "host",
                    &format!("{name}.{turn}.{lane}"),
                    body.clone(),
                );
                let (alice, bob) = (alice.clone(), bob.clone());
                tokio::spawn(async move {
                    let address = envelope.address.clone();
                    alice.send(envelope).await.unwrap();
                    bob.receive(&address).await.unwrap();
                })
            })
            .collect();
        for send in sends {
            send.await.unwrap();
        }
    }
    (BULK * MESSAGES) as f64 / 1e6 / start.elapsed().as_secs_f64()
}

/// Messages of 64 bytes, one after the other, each acknowledged: one round trip.
async fn small(alice: &Arc<RoutedTransport>, bob: &Arc<RoutedTransport>) -> f64 {
    let start = Instant::now();
    for i in 0..SMALL_MESSAGES {
        let envelope = sample_envelope("guest", "host", &format!("small.{i}"), vec![7; 64]);
        let address = envelope.address.clone();
        alice.send(envelope).await.unwrap();
        bob.receive(&address).await.unwrap();
    }
    SMALL_MESSAGES as f64 / start.elapsed().as_secs_f64()
}

fn endpoint(
    folder: &Path,
    name: &str,
    mtu: u16,
    service: Service,
) -> (Endpoint, mpsc::Receiver<Incoming>) {
    let options = EndpointOptions {
        mtu,
        ..EndpointOptions::at(SocketAddr::from(([127, 0, 0, 1], 0)))
    };
    Endpoint::bind(
        options,
        Identity::load(&folder.join(name)).unwrap(),
        &[service],
    )
    .unwrap()
}

async fn agents(
    folder: &Path,
    mtu: u16,
    relay: bool,
) -> (Arc<RoutedTransport>, Arc<RoutedTransport>) {
    let directory = Directory::new();
    let mut peers = Vec::new();
    let mut transports = Vec::new();
    let hub = hub(folder, mtu);
    for name in ["alice", "bob"] {
        let (endpoint, mut incoming) = endpoint(folder, name, mtu, SERVICE);
        let identity = endpoint.identity();
        peers.push(Peer {
            party: identity.party().clone(),
            chain: identity.chain().iter().map(|der| der.to_vec()).collect(),
            direct: vec![endpoint.local_address().unwrap().to_string()],
            online: true,
            run: None,
            message_key: endpoint.message_key().ok(),
        });
        let inbox = Inbox::new(InboxOptions::default()).unwrap();
        let dispatcher = Dispatcher::new(
            identity.party().clone(),
            inbox,
            LARGEST,
            PATIENCE,
            Arc::new(|_| Ok(())),
        );
        let direct = DirectTransport::new(
            endpoint.clone(),
            directory.clone(),
            dispatcher.clone(),
            PATIENCE,
        );
        let expected = ExpectedPeer {
            kind: Kind::Coordinator,
            party: None,
        };
        let link = Link::new(endpoint.connect(&hub, AGENT_LINK, expected).await.unwrap());
        let (_, seen) = watch::channel(Some(link.clone()));
        let relayed = RelayedTransport::new(
            endpoint,
            directory.clone(),
            dispatcher.clone(),
            Arc::new(AgentLink::new(seen, PATIENCE)),
        );
        let (welcoming, opening) = (direct.clone(), relayed.clone());
        tokio::spawn(async move {
            while let Some(incoming) = incoming.recv().await {
                welcoming.welcome(incoming.connection);
            }
        });
        tokio::spawn(async move {
            link.serve(move |call: ToAgent, body, answer| {
                let opening = opening.clone();
                async move {
                    if let ToAgent::Envelope(head) = call {
                        opening.serve(head, body, answer).await;
                    }
                }
            })
            .await
        });
        let options = RouteOptions {
            relay_only: relay,
            ..RouteOptions::default()
        };
        transports.push(RoutedTransport::new(
            dispatcher,
            Some(direct),
            Some(relayed),
            options,
        ));
    }
    directory.replace(peers);
    tokio::time::sleep(Duration::from_millis(200)).await;
    (transports[0].clone(), transports[1].clone())
}

/// A coordinator that relays; gives its address.
fn hub(folder: &Path, mtu: u16) -> String {
    let (endpoint, mut incoming) = endpoint(
        folder,
        "hub",
        mtu,
        Service {
            alpn: AGENT_LINK,
            callers: Kind::Agent,
        },
    );
    let address = endpoint.local_address().unwrap().to_string();
    tokio::spawn(async move {
        let links: Arc<Mutex<HashMap<PartyId, Link>>> = Arc::default();
        let known = links.clone();
        let lookup = Arc::new(move |party: &PartyId| known.lock().unwrap().get(party).cloned());
        let relay = Relay::new(RelayOptions::default(), lookup, Arc::new(|_| Ok(())));
        while let Some(incoming) = incoming.recv().await {
            let sender = incoming.connection.peer().clone();
            let link = Link::new(incoming.connection);
            links
                .lock()
                .unwrap()
                .insert(sender.party.clone(), link.clone());
            let relay = relay.clone();
            tokio::spawn(async move {
                link.serve(move |call: ToCoordinator, body, answer| {
                    let (relay, sender) = (relay.clone(), sender.clone());
                    async move {
                        if let ToCoordinator::Envelope(head) = call {
                            relay.serve(&sender, head, body, answer).await;
                        }
                    }
                })
                .await
            });
        }
    });
    address
}
