//! One QUIC endpoint for each daemon: it dials and accepts on one UDP port, and ALPN says what a connection is for.
//!
//! In TLS 1.3 the caller's handshake ends before the answerer has judged the caller's certificate: a connection counts
//! only after the first answer on it (`Welcome`, or the acknowledgement of a message).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use crypto::seal::SecretScalar;
use pki::{ExpectedPeer, Identity, Kind, PeerIdentity};
use quinn::crypto::rustls::{HandshakeData, QuicClientConfig, QuicServerConfig};
use quinn::{EndpointConfig, IdleTimeout, MtuDiscoveryConfig, TokioRuntime, TransportConfig};
use rustls::pki_types::CertificateDer;
use tokio::sync::{Semaphore, mpsc};
use vocabulary::{Clock, ErrorCode, Fault, PartyId, SignedBytes, SystemClock};

use crate::close::{CLOSE_CERTIFICATE, CLOSE_GOODBYE, CLOSE_REFUSED};
use crate::connection::Connection;
use crate::error::LinkError;
use crate::message_keys::MessageKeys;
use crate::reset::{ConnectionIds, ResetKey};

/// Packets above this need an option, for not every path carries them.
const COMMON_MTU: u16 = 1452;
/// Handshakes under way at once; from half of it on, callers must prove their address first.
const HANDSHAKES: usize = 128;
/// Connections of one peer at once: one is enough, a few more may be left over from before it was restarted.
const CONNECTIONS_PER_PEER: usize = 16;
/// A packet goes out at least this often: it is what a restarted peer answers with a reset, so no dead connection is held
/// for living much longer.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// How an endpoint behaves.
#[derive(Debug, Clone)]
pub struct EndpointOptions {
    /// Where to listen, and from where to dial.
    pub address: SocketAddr,
    /// Largest UDP payload in bytes: 1452 fits everywhere; 6500 is about three times as fast on loopback and jumbo frames.
    pub mtu: u16,
    /// A packet goes out at least this often.
    pub keep_alive: Duration,
    /// A silent connection is dead after this.
    pub idle_timeout: Duration,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
    /// Calls that the other side may have open at once, on one connection.
    pub calls: u32,
    /// Bytes of one call that may wait unread.
    pub stream_window: u32,
    /// Bytes that may wait on one connection, unread or unsent; keep it above twice `stream_window` times the messages a
    /// relay carries for a party, so that stalled messages never hold up control calls.
    pub connection_window: u32,
}

impl EndpointOptions {
    /// The defaults at an address.
    pub fn at(address: SocketAddr) -> Self {
        Self {
            address,
            mtu: COMMON_MTU,
            keep_alive: KEEP_ALIVE,
            idle_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
            calls: 512,
            stream_window: 2 << 20,
            connection_window: 64 << 20,
        }
    }

    fn transport(&self) -> TransportConfig {
        let mut transport = TransportConfig::default();
        transport
            .keep_alive_interval(Some(self.keep_alive))
            .max_idle_timeout(IdleTimeout::try_from(self.idle_timeout).ok())
            .max_concurrent_bidi_streams(self.calls.into())
            // Nothing uses them, so a peer must not be able to open any and fill buffers.
            .max_concurrent_uni_streams(0u32.into())
            .datagram_receive_buffer_size(None)
            .stream_receive_window(self.stream_window.into())
            .receive_window(self.connection_window.into())
            .send_window(self.connection_window.into());
        if self.mtu > COMMON_MTU {
            let mut discovery = MtuDiscoveryConfig::default();
            discovery.upper_bound(self.mtu);
            transport
                .initial_mtu(self.mtu)
                .mtu_discovery_config(Some(discovery));
        }
        transport
    }
}

/// What an endpoint accepts connections for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// The protocol.
    pub alpn: &'static [u8],
    /// What the caller must be.
    pub callers: Kind,
}

/// A connection whose handshake is done.
#[derive(Debug)]
pub struct Incoming {
    /// The protocol.
    pub alpn: &'static [u8],
    /// The connection.
    pub connection: Connection,
}

/// The one endpoint of a daemon. Clones are the same endpoint.
#[derive(Clone)]
pub struct Endpoint {
    inner: Arc<Inner>,
}

struct Inner {
    quic: quinn::Endpoint,
    options: EndpointOptions,
    transport: Arc<TransportConfig>,
    services: Vec<Service>,
    identity: RwLock<Identity>,
    message_keys: MessageKeys,
    live: Mutex<HashMap<usize, Connection>>,
}

impl Endpoint {
    /// Binds the port and begins to accept connections for `services`; they come out of the receiver. With no service
    /// the endpoint only dials. It accepts until [`Endpoint::close`].
    pub fn bind(
        options: EndpointOptions,
        identity: Identity,
        services: &[Service],
    ) -> Result<(Self, mpsc::Receiver<Incoming>), LinkError> {
        let cannot = |error: std::io::Error| LinkError::CannotListen {
            address: options.address.to_string(),
            detail: error.to_string(),
        };
        let socket = std::net::UdpSocket::bind(options.address).map_err(cannot)?;
        // The real port, also where the system chose it: the reset key hangs on it.
        let port = socket.local_addr().map_err(cannot)?.port();
        let mut config = EndpointConfig::new(Arc::new(ResetKey::of(&identity, port)));
        let ids = ConnectionIds::new()?;
        config.cid_generator(move || Box::new(ids.clone()));
        // What we take from peers; 65527 is the most that UDP carries.
        config
            .max_udp_payload_size(options.mtu.max(1500))
            .map_err(|error| cannot(std::io::Error::other(error)))?;
        let transport = Arc::new(options.transport());
        let server = if services.is_empty() {
            None
        } else {
            Some(server_config(&identity, services, &transport)?)
        };
        let quic =
            quinn::Endpoint::new(config, server, socket, Arc::new(TokioRuntime)).map_err(cannot)?;
        let inner = Inner {
            quic,
            options,
            transport,
            services: services.to_vec(),
            identity: RwLock::new(identity),
            message_keys: MessageKeys::default(),
            live: Mutex::default(),
        };
        let endpoint = Self {
            inner: Arc::new(inner),
        };
        let (to, incoming) = mpsc::channel(64);
        tokio::spawn(endpoint.clone().accept(to));
        Ok((endpoint, incoming))
    }

    /// The address it listens at, with the port the system chose.
    pub fn local_address(&self) -> Result<SocketAddr, LinkError> {
        let address = self.inner.options.address.to_string();
        self.inner
            .quic
            .local_addr()
            .map_err(|error| LinkError::CannotListen {
                address,
                detail: error.to_string(),
            })
    }

    /// The identity in use.
    pub fn identity(&self) -> Identity {
        self.inner
            .identity
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The key to which relayed messages are sealed, signed: for the directory. There is another one every hour.
    pub fn message_key(&self) -> Result<SignedBytes, Fault> {
        self.inner
            .message_keys
            .published(&self.identity(), SystemClock.now())
    }

    /// The secrets of the keys that were told and may still be in use; those whose time is over are erased.
    pub(crate) fn message_secrets(&self) -> Vec<Arc<SecretScalar>> {
        self.inner.message_keys.secrets(SystemClock.now())
    }

    /// Uses another identity, root or revocation list from now on: new connections are made with it, and those whose
    /// peer it no longer accepts are closed. Gives the parties that lost theirs. With the same identity again it closes
    /// the connections whose certificates have expired meanwhile.
    pub fn set_identity(&self, identity: Identity) -> Result<Vec<PartyId>, LinkError> {
        if !self.inner.services.is_empty() {
            let config = server_config(&identity, &self.inner.services, &self.inner.transport)?;
            // Before live connections are judged: one that is just being made must meet the new
            // trust, too.
            self.inner.quic.set_server_config(Some(config));
        }
        let trust = identity.trust().clone();
        *self
            .inner
            .identity
            .write()
            .unwrap_or_else(PoisonError::into_inner) = identity;
        let now = SystemClock.now();
        let live: Vec<Connection> = self.live().values().cloned().collect();
        let mut closed = Vec::new();
        for connection in live {
            if let Err(error) = trust.check_chain(&connection.peer().chain, now) {
                tracing::warn!(party = %connection.peer().party, %error, "closing a link that is no longer trusted");
                connection
                    .quic
                    .close(CLOSE_CERTIFICATE, error.to_string().as_bytes());
                closed.push(connection.peer().party.clone());
            }
        }
        Ok(closed)
    }

    /// Dials `host:port`; every address the name stands for is tried. The certificate must be of the expected peer.
    pub async fn connect(
        &self,
        address: &str,
        alpn: &[u8],
        expected: ExpectedPeer,
    ) -> Result<Connection, LinkError> {
        self.connect_within(
            address,
            alpn,
            expected,
            self.inner.options.handshake_timeout,
        )
        .await
    }

    /// The same with a patience of its own: a short one where the other end may just be starting, since the first packet to
    /// a port at which nobody listens is lost, and is repeated late.
    pub async fn connect_within(
        &self,
        address: &str,
        alpn: &[u8],
        expected: ExpectedPeer,
        patience: Duration,
    ) -> Result<Connection, LinkError> {
        let dial = self.dial(address, alpn, expected);
        tokio::time::timeout(patience, dial)
            .await
            .unwrap_or_else(|_| {
                let detail = format!("no answer within {patience:?}");
                Err(LinkError::Unreachable {
                    address: address.to_owned(),
                    detail,
                })
            })
    }

    async fn dial(
        &self,
        address: &str,
        alpn: &[u8],
        expected: ExpectedPeer,
    ) -> Result<Connection, LinkError> {
        let unreachable = |detail: String| LinkError::Unreachable {
            address: address.to_owned(),
            detail,
        };
        // A name of the party and not of the address: the address is only where it may be reached.
        let name = expected.server_name();
        let tls = pki::client_config_for(&self.identity(), &[alpn], expected)?;
        let crypto = QuicClientConfig::try_from(tls).map_err(|error| internal(&error))?;
        let mut config = quinn::ClientConfig::new(Arc::new(crypto));
        config.transport_config(self.inner.transport.clone());
        let mut last = unreachable("the name has no address".to_owned());
        for target in tokio::net::lookup_host(address)
            .await
            .map_err(|error| unreachable(error.to_string()))?
        {
            let connecting = match self.inner.quic.connect_with(config.clone(), target, &name) {
                Ok(connecting) => connecting,
                Err(error) => {
                    last = unreachable(error.to_string());
                    continue;
                }
            };
            match connecting.await {
                Ok(quic) => return self.admit(quic),
                Err(quinn::ConnectionError::TimedOut) => last = unreachable("no answer".to_owned()),
                Err(error) => last = LinkError::of_connection(&error, address),
            }
        }
        Err(last)
    }

    /// Reads who is at the other end, and keeps an eye on the connection.
    fn admit(&self, quic: quinn::Connection) -> Result<Connection, LinkError> {
        let identity = quic
            .peer_identity()
            .and_then(|any| any.downcast::<Vec<CertificateDer<'static>>>().ok());
        let peer = pki::peer_of(identity.as_deref().map_or(&[][..], Vec::as_slice))?;
        let connection = Connection {
            quic,
            peer: Arc::new(peer),
        };
        let id = connection.quic.stable_id();
        self.live().insert(id, connection.clone());
        // The identity may have changed during the handshake; from here on `set_identity` sees the connection.
        if let Err(error) = self
            .identity()
            .trust()
            .check_chain(&connection.peer.chain, SystemClock.now())
        {
            self.live().remove(&id);
            connection
                .quic
                .close(CLOSE_CERTIFICATE, error.to_string().as_bytes());
            return Err(error.into());
        }
        let (endpoint, watched) = (Arc::downgrade(&self.inner), connection.quic.clone());
        tokio::spawn(async move {
            watched.closed().await;
            if let Some(inner) = endpoint.upgrade() {
                inner
                    .live
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(&id);
            }
        });
        Ok(connection)
    }

    fn connections_of(&self, peer: &PeerIdentity) -> usize {
        let is_same = |other: &&Connection| {
            other.peer().party == peer.party && other.peer().kind == peer.kind
        };
        self.live()
            .values()
            .filter(|other| !other.is_lost())
            .filter(is_same)
            .count()
    }

    fn live(&self) -> std::sync::MutexGuard<'_, HashMap<usize, Connection>> {
        self.inner
            .live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn accept(self, to: mpsc::Sender<Incoming>) {
        let places = Arc::new(Semaphore::new(HANDSHAKES));
        while let Some(attempt) = self.inner.quic.accept().await {
            // Refused, not queued: a queue of strangers would hold up those who may come in.
            let Ok(place) = places.clone().try_acquire_owned() else {
                attempt.refuse();
                continue;
            };
            let busy = places.available_permits() < HANDSHAKES / 2;
            if busy && !attempt.remote_address_validated() && attempt.may_retry() {
                // A retry costs the caller a round trip and proves that it owns its address.
                let _ = attempt.retry();
                continue;
            }
            let (endpoint, to) = (self.clone(), to.clone());
            tokio::spawn(async move {
                let address = attempt.remote_address();
                match endpoint.shake_hands(attempt).await {
                    Ok(incoming) => {
                        // The place is free again before a slow consumer takes the connection.
                        drop(place);
                        let _ = to.send(incoming).await;
                    }
                    Err(error) => tracing::warn!(%address, %error, "refused a connection"),
                }
            });
        }
    }

    async fn shake_hands(&self, attempt: quinn::Incoming) -> Result<Incoming, LinkError> {
        let address = attempt.remote_address().to_string();
        let broken = |error: &quinn::ConnectionError| LinkError::of_connection(error, &address);
        let patience = self.inner.options.handshake_timeout;
        let connecting = attempt.accept().map_err(|error| broken(&error))?;
        let quic = tokio::time::timeout(patience, connecting)
            .await
            .map_err(|_| LinkError::TimedOut {
                doing: "a handshake",
                after: patience,
            })?
            .map_err(|error| broken(&error))?;
        let data = quic
            .handshake_data()
            .and_then(|any| any.downcast::<HandshakeData>().ok());
        let protocol = data.and_then(|data| data.protocol).unwrap_or_default();
        let Some(service) = self
            .inner
            .services
            .iter()
            .find(|service| service.alpn == protocol)
            .copied()
        else {
            // TLS refuses whoever has no protocol in common with us; which one it is decides who
            // may call, so it is not left to TLS alone.
            quic.close(CLOSE_REFUSED, b"no such service");
            return Err(LinkError::NoCommonProtocol { peer: address });
        };
        let connection = self.admit(quic)?;
        if connection.peer().kind != service.callers {
            let message = format!(
                "a certificate of kind {} is not taken here",
                connection.peer().kind
            );
            connection.quic.close(CLOSE_CERTIFICATE, message.as_bytes());
            return Err(LinkError::Certificate(Fault::new(
                ErrorCode::CertificateRefused,
                message,
            )));
        }
        if self.connections_of(connection.peer()) > CONNECTIONS_PER_PEER {
            connection
                .quic
                .close(CLOSE_REFUSED, b"too many connections");
            let message = format!(
                "party {} has {CONNECTIONS_PER_PEER} connections already",
                connection.peer().party
            );
            return Err(LinkError::Refused(Fault::new(
                ErrorCode::PermissionDenied,
                message,
            )));
        }
        Ok(Incoming {
            alpn: service.alpn,
            connection,
        })
    }

    /// Ends all connections, waits (for at most a second) until the other sides know, and frees the port. They learn that
    /// the daemon goes, and with it what it worked on.
    pub async fn close(&self, reason: &str) {
        self.inner.quic.close(CLOSE_GOODBYE, reason.as_bytes());
        let _ = tokio::time::timeout(Duration::from_secs(1), self.inner.quic.wait_idle()).await;
    }
}

fn server_config(
    identity: &Identity,
    services: &[Service],
    transport: &Arc<TransportConfig>,
) -> Result<quinn::ServerConfig, LinkError> {
    let alpns: Vec<&[u8]> = services.iter().map(|service| service.alpn).collect();
    let tls = pki::server_config(identity, &alpns)?;
    let crypto = QuicServerConfig::try_from(tls).map_err(|error| internal(&error))?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(transport.clone());
    Ok(config)
}

fn internal(error: &dyn std::error::Error) -> LinkError {
    LinkError::Refused(Fault::new(
        ErrorCode::Internal,
        format!("cannot set up QUIC: {error}"),
    ))
}
