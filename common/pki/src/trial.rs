//! What the tests of this crate share: a federation in a temporary folder, and TLS handshakes pumped in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use rustls_pki_types::ServerName;
use tempfile::TempDir;
use vocabulary::{Clock, PartyId, SystemClock, Timestamp};

use crate::{
    Authority, Identity, IssueOptions, Kind, PeerIdentity, PkiError, Profile, Result, Validity,
    peer_of,
};

pub(crate) fn party(id: &str) -> PartyId {
    PartyId::new(id).expect("valid party id")
}

/// A validity that ended yesterday.
pub(crate) fn past() -> Validity {
    Validity::days_from(
        SystemClock.now().plus_millis(-10 * Timestamp::DAY_MILLIS),
        9,
    )
}

/// A throw-away federation.
pub(crate) struct Federation {
    pub(crate) authority: Authority,
    dir: TempDir,
}

impl Federation {
    pub(crate) fn new(name: &str) -> Self {
        let dir = tempfile::tempdir().expect("temporary folder");
        let authority = Authority::init(&dir.path().join("authority"), name, &Profile::default())
            .expect("authority");
        Self { authority, dir }
    }

    /// Lets the authority live at another time.
    pub(crate) fn set_clock(&mut self, clock: Arc<dyn Clock>) {
        // The lock goes with the old one: a second open of the same folder must wait for it.
        let dir = self.authority_dir();
        let parked = tempfile::tempdir().expect("temporary folder");
        self.authority =
            Authority::init(parked.path(), "parked", &Profile::default()).expect("authority");
        self.authority = Authority::open(&dir).expect("open").with_clock(clock);
    }

    /// Closes the authority and keeps its folder while the result lives.
    pub(crate) fn close(self) -> TempDir {
        self.dir
    }

    pub(crate) fn dir(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn authority_dir(&self) -> PathBuf {
        self.dir("authority")
    }

    pub(crate) fn member(&mut self, id: &str, kind: Kind) -> Identity {
        self.member_with(id, kind, None)
    }

    pub(crate) fn member_with(
        &mut self,
        id: &str,
        kind: Kind,
        validity: Option<Validity>,
    ) -> Identity {
        let dir = self.dir(&format!("{kind}-{id}"));
        let options = IssueOptions {
            validity,
            ..IssueOptions::default()
        };
        self.authority
            .issue(&party(id), kind, &dir, &options)
            .expect("issue");
        Identity::load(&dir).expect("load")
    }

    /// Brings the authority's newest revocation list to a member.
    pub(crate) fn update(&self, member: &Identity) -> Identity {
        let dir = member
            .files()
            .certificate
            .parent()
            .map(Path::to_owned)
            .expect("folder");
        crate::install_revocations(&dir, &self.authority.revocations_pem().expect("list"))
            .expect("install");
        member.reload().expect("reload")
    }
}

/// What each side of a handshake came to: the peer it sees, or why it ended.
pub(crate) struct Handshake {
    pub(crate) client: Result<PeerIdentity>,
    pub(crate) server: Result<PeerIdentity>,
}

pub(crate) fn handshake(
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    name: &str,
) -> Handshake {
    let name = ServerName::try_from(name.to_owned()).expect("server name");
    let mut client = Connection::from(ClientConnection::new(client, name).expect("client"));
    let mut server = Connection::from(ServerConnection::new(server).expect("server"));
    let (mut client_end, mut server_end) = (None, None);
    while client.wants_write() || server.wants_write() {
        carry(&mut client, &mut server, &mut server_end);
        carry(&mut server, &mut client, &mut client_end);
    }
    Handshake {
        client: outcome(&client, client_end),
        server: outcome(&server, server_end),
    }
}

fn carry(from: &mut Connection, to: &mut Connection, end: &mut Option<rustls::Error>) {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut bytes).expect("write to memory");
    }
    let mut rest = bytes.as_slice();
    while !rest.is_empty() && end.is_none() {
        to.read_tls(&mut rest).expect("read from memory");
        *end = to.process_new_packets().err();
    }
}

fn outcome(side: &Connection, end: Option<rustls::Error>) -> Result<PeerIdentity> {
    if let Some(error) = end {
        return Err(PkiError::from_tls(&error));
    }
    if side.is_handshaking() {
        return Err(PkiError::Handshake {
            reason: "it did not finish".to_owned(),
        });
    }
    peer_of(side.peer_certificates().unwrap_or_default())
}
