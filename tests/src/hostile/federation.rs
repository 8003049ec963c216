//! A federation below one temporary folder: its root, identities good and bad, and the settings of real daemons.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use pki::{
    Authority, Existing, Identity, IssueOptions, Kind, Profile, RevocationReason, Target, Validity,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use vocabulary::{Clock, PartyId, SystemClock};

use super::agent::{Agent, CoordinatorDaemon};
use super::runtime::locked;
use super::{STRICT, party};
use crate::cluster::{Place, Program};

/// The federation's name, also of roots that only pretend.
const NAME: &str = "hostile";
/// Loopback carries large packets, and they are three times as fast.
pub(super) const LOOPBACK_MTU: u16 = 6500;
const DAY_MILLIS: i64 = 86_400_000;

/// A federation: whoever holds an identity of it is let in by its daemons.
pub struct Federation {
    program: Program,
    authority: Mutex<Authority>,
    coordinator: SocketAddr,
    identities: AtomicU32,
    folder: TempDir,
    // Last, so that it is given back when everything else is gone.
    _place: Place,
}

impl Federation {
    /// Makes the root and chooses the address of the coordinator, hostile or real. Waits until few enough other
    /// federations run.
    pub fn new(program: &Program) -> Self {
        let place = Place::take();
        let folder = TempDir::new().expect("a folder");
        let authority =
            Authority::init(&folder.path().join("authority"), NAME, &Profile::default())
                .expect("a root");
        Self {
            program: program.clone(),
            authority: Mutex::new(authority),
            coordinator: free_udp(),
            identities: AtomicU32::new(0),
            folder,
            _place: place,
        }
    }

    /// The folder of everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The program under test.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Where agents look for their coordinator (QUIC).
    pub fn coordinator_address(&self) -> SocketAddr {
        self.coordinator
    }

    /// Starts the real agent of a party under a policy ([`super::ALL_MINE`], [`STRICT`], [`super::careful`], or any text).
    pub fn agent(&self, id: &str, policy: &str) -> Agent {
        self.party(id).policy(policy).start()
    }

    /// A real agent that is not started yet: [`STRICT`] and with usual settings unless something else is said.
    pub fn party(&self, id: &str) -> Setup<'_> {
        Setup {
            federation: self,
            party: party(id),
            policy: STRICT.to_owned(),
            more: String::new(),
        }
    }

    /// Starts the real coordinator, at the same address as a hostile one would be. `more` are settings (TOML) beside the
    /// usual ones. Parties are known once they came.
    pub fn coordinator(&self, more: &str) -> CoordinatorDaemon {
        let home = self.folder.path().join("coordinator");
        self.issue(
            &party("coordinator"),
            Kind::Coordinator,
            &home.join("identity"),
            None,
        );
        let settings = json!({
            "identity": "identity",
            "listen": self.coordinator,
            "rest": free_tcp(),
            "data": "data",
            "mtu": LOOPBACK_MTU,
            "log": {"file": "coordinator.log"},
        });
        write_settings(&home.join("coordinator.toml"), settings, more);
        CoordinatorDaemon::start(&self.program, home)
    }

    /// A good identity.
    pub fn identity(&self, id: &str, kind: Kind) -> Identity {
        let folder = self.new_folder();
        self.issue(&party(id), kind, &folder, None);
        Identity::load(&folder).expect("an identity")
    }

    /// An identity whose certificate ended the day before yesterday.
    pub fn expired(&self, id: &str, kind: Kind) -> Identity {
        let folder = self.new_folder();
        let start = SystemClock.now().plus_millis(-3 * DAY_MILLIS);
        self.issue(
            &party(id),
            kind,
            &folder,
            Some(Validity::days_from(start, 1)),
        );
        Identity::load(&folder).expect("an identity")
    }

    /// An identity of another root, which has the same name; it takes this federation's daemons for good.
    pub fn foreign(&self, id: &str, kind: Kind) -> Identity {
        let folder = self.new_folder();
        let root = folder.join("authority");
        let mut authority = Authority::init(&root, NAME, &Profile::default()).expect("a root");
        let own = folder.join("identity");
        authority
            .issue(&party(id), kind, &own, &IssueOptions::default())
            .expect("issued");
        for file in ["root.pem", "revoked.crl"] {
            let good = std::fs::read_to_string(self.folder.path().join("authority").join(file))
                .expect("readable");
            let bad = std::fs::read_to_string(own.join(file)).expect("readable");
            std::fs::write(own.join(file), bad + &good).expect("written");
        }
        Identity::load(&own).expect("an identity")
    }

    /// Revokes an identity's certificate and hands the new list to every daemon's folder; daemons that run take it at
    /// [`Agent::read_again`].
    pub fn revoke(&self, identity: &Identity) {
        let mut authority = locked(&self.authority);
        let target = Target::Serial(identity.as_peer().serial.clone());
        authority
            .revoke(&target, RevocationReason::KeyCompromise)
            .expect("revoked");
        let list = authority.revocations_pem().expect("a list");
        for entry in std::fs::read_dir(self.folder.path())
            .expect("the folder")
            .flatten()
        {
            let home = entry.path().join("identity");
            if home.join("identity.pem").exists() {
                pki::install_revocations(&home, &list).expect("installed");
            }
        }
    }

    fn new_folder(&self) -> PathBuf {
        let number = self.identities.fetch_add(1, Ordering::SeqCst);
        self.folder.path().join(format!("identities/{number}"))
    }

    fn issue(&self, party: &PartyId, kind: Kind, folder: &Path, validity: Option<Validity>) {
        if folder.join("identity.pem").exists() {
            return;
        }
        let options = IssueOptions {
            validity,
            existing: Existing::Refuse,
        };
        locked(&self.authority)
            .issue(party, kind, folder, &options)
            .expect("issued");
    }
}

/// A real agent to be.
pub struct Setup<'a> {
    federation: &'a Federation,
    party: PartyId,
    policy: String,
    more: String,
}

impl Setup<'_> {
    /// Its policy, as text.
    #[must_use]
    pub fn policy(mut self, text: &str) -> Self {
        text.clone_into(&mut self.policy);
        self
    }

    /// Settings (TOML) beside or in place of the usual ones, such as `relay_only = true`.
    #[must_use]
    pub fn settings(mut self, more: &str) -> Self {
        self.more += more;
        self.more.push('\n');
        self
    }

    /// The same with a further file beside the settings.
    pub fn start_with(self, name: &str, text: &str) -> Agent {
        let home = self
            .federation
            .folder
            .path()
            .join(format!("party-{}", self.party));
        std::fs::create_dir_all(&home).expect("made");
        std::fs::write(home.join(name), text).expect("written");
        self.start()
    }

    /// Writes `agent.toml` and `policy.toml` and starts `fedflow agent`.
    pub fn start(self) -> Agent {
        let federation = self.federation;
        let home = federation
            .folder
            .path()
            .join(format!("party-{}", self.party));
        assert!(
            !home.join("agent.toml").exists(),
            "party {} has an agent already",
            self.party
        );
        federation.issue(&self.party, Kind::Agent, &home.join("identity"), None);
        std::fs::write(home.join("policy.toml"), &self.policy).expect("written");
        let quic = free_udp();
        let settings = json!({
            "party": self.party,
            "identity": "identity",
            "coordinator": federation.coordinator.to_string(),
            "listen": quic,
            "direct": [quic.to_string()],
            "rest": free_tcp(),
            "data": "data",
            "policy": "policy.toml",
            "mtu": LOOPBACK_MTU,
            "log": {"file": "agent.log"},
        });
        write_settings(&home.join("agent.toml"), settings, &self.more);
        Agent::start_in(&federation.program, self.party, home)
    }
}

fn write_settings(path: &Path, mut settings: Value, more: &str) {
    let more: Value = toml::from_str(more).unwrap_or_else(|error| panic!("{more}: {error}"));
    overlay(&mut settings, more);
    let text = toml::to_string_pretty(&settings).expect("TOML");
    std::fs::write(path, text).expect("written");
}

/// Lays one document over another, field by field.
pub(super) fn overlay(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (name, value) in above {
                overlay(below.entry(name).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above,
    }
}

/// A loopback address whose UDP port is free now. Chosen here and not by the daemon, so that one that is started again
/// keeps its address.
fn free_udp() -> SocketAddr {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|socket| socket.local_addr())
        .expect("a port")
}

/// The same for TCP.
fn free_tcp() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("a port")
}
